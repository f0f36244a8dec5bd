/*
 * adjust.h - a person corrects the bill
 *
 * Units are added to, or taken from, an hour that is not sealed yet.  What is
 * sealed never changes, since Amazon keeps the first record of an hour: there
 * the answer is a carry-forward into the open hour, or, where that holds too
 * few units to take away, the figures for a refund request.
 *
 * Invariants
 *   J1  An hour never holds less than nothing: no more is taken away than it
 *       holds.
 *   J2  An adjustment has an id and is made once: the same one again says so
 *       and changes nothing, another one under the same id is refused.
 *   J3  Counted units do not vanish: what is taken off the bill stays in the
 *       ledger as nobody's, with the adjustment's id.
 *   J4  Usage, the row of ledger_adjustment and the audit record are one
 *       durable transaction.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_ADJUST_H
#define TG_BILLING_ADJUST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "settings/settings.h"
#include "store/store.h"
#include "util/error.h"

#define TG_ADJUST_ID_MAX 64
#define TG_ADJUST_REASON_MAX 200

struct tg_adjustment {
    const char *id; /* NULL: made of all that follows */
    const char *agreement_id;
    const char *dimension; /* NULL: the one that the product counts on */
    int64_t     hour;
    int64_t     units; /* not 0 */
    const char *reason;
    bool        carry_forward; /* where the hour is sealed */
    bool        is_dry;        /* says what it would do */
};

/*
 * TG_OK: *answer, which the caller owns, says what was done and why:
 *     action   "adjusted", "carried_forward", "refund", "done_before",
 *              "needs_carry_forward", "not_billable"
 *     applied  whether anything was changed
 *     message  for people
 *     id, agreementId, dimension, hour, units, reason: what was asked for
 *     billedHour, changed: the hour that changed, and by how many units
 *     rest     units that could not be taken away
 *     record   the sealed hour's record, or null
 *     refund   the figures for a refund request, or null
 * TG_INVALID: what is wrong with the request; TG_CONFLICT: J2.
 */
TG_MUST_CHECK enum tg_status tg_adjust(struct tg_store *s, json_t **answer,
    const struct tg_adjustment *adjustment,
    const struct tg_settings *settings, int64_t now_s, struct tg_error *err);

#endif
