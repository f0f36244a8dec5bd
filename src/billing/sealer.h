/*
 * sealer.h - freezes hours: what was counted becomes ledger records
 *
 * The regular seal closes every hour that ended longer ago than the grace,
 * for all agreements, and adds the zeros that tell Amazon that we live.  An
 * early seal closes the current hour, too, for one agreement or for all, and
 * so for each buyer who leaves.
 *
 * A seal is a few statements for some thousands of agreements at a time.
 * Between two such steps others get the store's write lock, so that nobody
 * waits for an hour of a hundred thousand buyers.
 *
 * Invariants
 *   E1  An hour is sealed once: one record for an agreement, dimension and
 *       hour, by the ledger's unique key; and no hour before
 *       TG_MEMO_SEALED_THROUGH is open any more.
 *   E2  A regular seal begins with the cut: TG_MEMO_SEALED_THROUGH moves on,
 *       so that the sums of the hours before do not change any more.  Then
 *       their records are made, durably; TG_MEMO_SEALING is the hour from
 *       which some may be missing.  Stopped anywhere, the next seal goes on
 *       there.  An early seal sums and freezes in one transaction.
 *   E3  A pure contract is never metered; nor is usage without an agreement,
 *       nor before its activation.  All stay visible with the reason.
 *   E4  Zeros are sealed by the regular seal alone, for agreements that are
 *       active, from their activation on, and never for an hour whose
 *       deadline has passed.
 *   E5  Above 2^31 - 1 an hour's units go to the next one.
 *   E6  Each record is of the identity mode that its agreement has when it is
 *       sealed; as an hour has one record, no hour is reported in two modes.
 *   E7  Who has left is sealed as soon as the grace is over, and what is his
 *       has the deadline of his leaving.
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

/* So many hours in a row with usage make a buyer whose silence is alarming. */
#define TG_SEALER_STEADY_HOURS 24

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

/* Whether a regular seal was stopped half way (E2). */
TG_MUST_CHECK enum tg_status tg_sealer_is_under_way(struct tg_store *s,
    bool *answer, struct tg_error *err);

/* The regular seal.  *sealed: new records, also when it failed half way. */
TG_MUST_CHECK enum tg_status tg_sealer_regular(struct tg_store *s,
    int64_t *sealed, const struct tg_settings *settings, int64_t now_s,
    struct tg_error *err);

/* The current hour, too; agreement_id NULL: of all. */
TG_MUST_CHECK enum tg_status tg_sealer_early(struct tg_store *s,
    int64_t *sealed, const struct tg_settings *settings,
    const char *agreement_id, int64_t now_s, struct tg_error *err);

/*
 * E7: whether somebody left who has usage without a record; then the caller
 * folds and calls tg_sealer_leavers.
 */
TG_MUST_CHECK enum tg_status tg_sealer_has_leavers(struct tg_store *s,
    bool *answer, const struct tg_settings *settings, int64_t now_s,
    struct tg_error *err);
TG_MUST_CHECK enum tg_status tg_sealer_leavers(struct tg_store *s,
    int64_t *sealed, const struct tg_settings *settings, int64_t now_s,
    struct tg_error *err);

#endif
