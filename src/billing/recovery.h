/*
 * recovery.h - what happened to meters and store while nobody folded
 *
 * Before the first fold the identities and the order of what is found are
 * compared: the set of mapped files, the boot of the machine, and the number
 * of the last fold as the store and as the board have it.
 *
 *   another set of files   Its predecessor is gone, with what had not been
 *                          folded from it.  That is audited; nothing can be
 *                          mended.
 *   another boot           A power cut may have taken pages of the meters
 *                          and left the store's commits: lanes behind their
 *                          marks are lifted to them.
 *   an older store         The store's last fold comes before the board's,
 *                          in the same boot: an old copy was put back.
 *                          Sealing is held until a person has looked.
 *
 * Whatever is found is logged and in the audit trail.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_RECOVERY_H
#define TG_BILLING_RECOVERY_H

#include <stdint.h>

#include "billing/collector.h"
#include "billing/marks.h"
#include "plane/meters.h"
#include "util/digest.h"
#include "util/error.h"

/* What is compared, borrowed; and what was found out. */
struct tg_recovery {
    const struct tg_collector_config *config;
    struct tg_meters                 *meters;
    const struct tg_marks            *marks; /* of these files */
    const char                       *file_id;

    char    node[TG_UUID_SIZE]; /* who we are in the ledger */
    int64_t sequence;           /* of the last fold */
    int64_t through_s;          /* when that was; 0: never, of these files */
};

/*
 * One durable transaction.  The guard learns what the store remembers of
 * the clock and of a hold.  A failure has changed nothing, and the next
 * start finds what this one did.
 */
TG_MUST_CHECK enum tg_status tg_recovery_run(struct tg_recovery *recovery,
    int64_t now_s, struct tg_error *err);

#endif
