/*
 * explain.h - one ledger record, step by step
 *
 * From the calls that were counted to what Amazon bills: which keys counted
 * how much in which cells, what came from or went to other hours and why, who
 * moved the record when, each request with its id and Amazon's answer, and
 * what is to be done next, in plain words.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_EXPLAIN_H
#define TG_BILLING_EXPLAIN_H

#include <jansson.h>
#include <stdint.h>

#include "store/store.h"
#include "util/error.h"

/* Rows of one kind; of more the sum alone is told. */
#define TG_EXPLAIN_ROWS_MAX 1000

/*
 * Sets *out, which the caller owns, to
 *     record       as tg_record_json_all
 *     counted      [{apiKeyId, usagePlanId, usedHour, quantity, reason,
 *                  cells: [{slot, owner, openedAt, state}]}]
 *     countedUnits all that the hour holds now
 *     carriedOut   [{hour, quantity, reason}]: used then, billed in that hour
 *     adjustments  [{id, hour, billedHour, quantity, reason, actor, at}]
 *     history      [{at, from, to, actor, attempt, requestId, answer, reason}]
 *     next         what to do, or that nothing is
 * TG_NOTFOUND: there is no such record.
 */
TG_MUST_CHECK enum tg_status tg_explain(struct tg_store *s, json_t **out,
    const char *id, int64_t now_s, struct tg_error *err);

/*
 * explain_next.c: the last member, for a record as tg_record_json_all and its
 * history.
 */
json_t *tg_explain_next(const json_t *record, const json_t *history,
    int64_t now_s);

#endif
