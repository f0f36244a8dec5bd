/*
 * sealer.h - freezes hours: what was counted becomes ledger records
 *
 * The regular seal closes every hour that ended longer ago than the grace,
 * for all agreements, and adds the zeros that tell Amazon that we live.  An
 * early seal closes the current hour, too, for one agreement or for all.
 *
 * Invariants
 *   E1  An hour is sealed once: one record for an agreement, dimension and
 *       hour, by the ledger's unique key; and no hour before
 *       TG_MEMO_SEALED_THROUGH is open any more.
 *   E2  All of a seal is in one durable transaction, before anything is
 *       sent.
 *   E3  A pure contract is never metered; nor is usage without an agreement.
 *       Both stay visible with the reason.
 *   E4  Zeros are sealed by the regular seal alone, from the agreement's
 *       activation on, and never for an hour whose deadline has passed.
 *   E5  Above 2^31 - 1 an hour's units go to the next one.
 *
 * The caller has folded everything immediately before, and asked the guard.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_SEALER_H
#define TG_BILLING_SEALER_H

#include <stdbool.h>
#include <stdint.h>

#include "settings/settings.h"
#include "store/store.h"
#include "util/error.h"

/*
 * The first hour that the regular seal leaves open at now_s; seals are due
 * when it is above *through, the hour kept in TG_MEMO_SEALED_THROUGH.
 */
int64_t tg_sealer_due(const struct tg_settings *settings, int64_t now_s);

/*
 * Reads the memo; where there is none yet (a new store), writes what is due
 * now, or the first hour that was counted: calls are counted before the clock
 * is believed, however long that takes.
 */
TG_MUST_CHECK enum tg_status tg_sealer_through(struct tg_store *s,
    int64_t *through, const struct tg_settings *settings, int64_t now_s,
    struct tg_error *err);

/* The regular seal.  *sealed: new records. */
TG_MUST_CHECK enum tg_status tg_sealer_regular(struct tg_store *s,
    int64_t *sealed, const struct tg_settings *settings, int64_t now_s,
    struct tg_error *err);

/* The current hour, too; agreement_id NULL: of all. */
TG_MUST_CHECK enum tg_status tg_sealer_early(struct tg_store *s,
    int64_t *sealed, const struct tg_settings *settings,
    const char *agreement_id, int64_t now_s, struct tg_error *err);

#endif
