/*
 * binding.h - which cell counts a key's calls in a plan, and for whom
 *
 * For each (key, plan) there is one present slot in the meters, owned by one
 * agreement or by a reason why there is none (core/identity.h).  A change of
 * the owner is a new slot; the old one is retired, and reused only after the
 * collector has closed it.
 *
 * Promises
 *   G1  usage_plan_key.slot names an open meter_owner row of the current set
 *       of mapped files, and that row says what the present tags, customerId,
 *       agreements and product code lead to.
 *   G2  A slot changes hands only through `retired' (workers may still count
 *       there) and `closed' (all of it is in the ledger); its owner
 *       generation grows each time.
 *   G3  Quota and throttle state follow the key from cell to cell (cells.h),
 *       exactly, whatever calls it makes meanwhile.  A key that leaves the
 *       plan and comes back goes on where it was: the former cell says so,
 *       or, once that is closed, what it left in the store.
 *
 * Retiring: the key's new entry is published, then the board's epoch moves to
 * retired_epoch.  When every living row shows that epoch
 * (tg_board_oldest_epoch >= retired_epoch), nobody counts there any more.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_BINDING_H
#define TG_CONTROL_BINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "control/change.h"
#include "plane/meters.h"
#include "store/store.h"
#include "util/error.h"

/*
 * Brings the slots of all keys that an agreement may concern up to date: those
 * whose customerId or tags name its licence, account or CustomerIdentifier,
 * in plans with its product code.  Called when an agreement was registered,
 * changed its mode or ended.
 */
TG_MUST_CHECK enum tg_status tg_binding_refresh_agreement(
    struct tg_change *change, const char *agreement_id,
    struct tg_error *err);

/* The same for one key in one plan, which it is in. */
TG_MUST_CHECK enum tg_status tg_binding_refresh(struct tg_change *change,
    const char *plan_id, const char *key_id, struct tg_error *err);

/*
 * Retires the key's slot in the plan: to be called before the row of
 * usage_plan_key is deleted.
 */
TG_MUST_CHECK enum tg_status tg_binding_end(struct tg_change *change,
    const char *plan_id, const char *key_id, struct tg_error *err);

/* The same as tg_binding_refresh for one key, in all its plans. */
TG_MUST_CHECK enum tg_status tg_binding_refresh_key(struct tg_change *change,
    const char *key_id, struct tg_error *err);

/*
 * The same for the keys of one plan behind *after ("": all), in the order of
 * their ids, at most so many.  *after is the last of them then, or NULL when
 * there are no more.
 */
TG_MUST_CHECK enum tg_status tg_binding_refresh_some(
    struct tg_change *change, const char *plan_id, const char **after,
    int most, struct tg_error *err);

/*
 * Retires at most so many slots of a plan that is being deleted, or was; all
 * of them are, when *is_done.
 */
TG_MUST_CHECK enum tg_status tg_binding_end_some(struct tg_change *change,
    const char *plan_id, int most, bool *is_done, struct tg_error *err);

/* The same as tg_binding_refresh for all keys of one plan. */
TG_MUST_CHECK enum tg_status tg_binding_refresh_plan(
    struct tg_change *change, const char *plan_id, struct tg_error *err);

/*
 * Collector, in its own transaction on its own store: the retired slot was
 * folded after every living row had shown its retired_epoch, and there was
 * nothing new.  Marks it closed, and keeps what cell (the slot's; NULL:
 * unknown) holds of the key's quota and throttle.
 */
TG_MUST_CHECK enum tg_status tg_binding_close(struct tg_store *store,
    const char *file_id, uint32_t slot, uint32_t owner,
    const struct tg_meter_cell *cell, struct tg_error *err);

/* After that transaction was committed: the slot may be given out again. */
void tg_binding_reuse(struct tg_control *control, uint32_t slot,
    bool is_wide);

#endif
