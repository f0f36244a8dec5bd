/*
 * status.h - the ledger as JSON, for `tallygate status' and `seal'
 *
 * Each list has a most, and each is read by an index: a ledger of millions of
 * records is looked at as fast as one of a day.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_STATUS_H
#define TG_BILLING_STATUS_H

#include <jansson.h>
#include <stdint.h>

#include "store/store.h"
#include "util/error.h"

/*
 * Appends the records that are not final (of more than a hundred thousand
 * those with the nearest deadlines), and the newest of the others
 * (TG_STATUS_RECORDS_MAX); oldest hour first.
 */
#define TG_STATUS_RECORDS_MAX 10000
TG_MUST_CHECK enum tg_status tg_status_records(struct tg_store *s,
    json_t *list, struct tg_error *err);

/* The newest row of history, to say later what moved since; 0: none. */
TG_MUST_CHECK enum tg_status tg_status_mark(struct tg_store *s,
    int64_t *mark, struct tg_error *err);

/* How many records are not final: of one agreement, or of all (""). */
TG_MUST_CHECK enum tg_status tg_status_unsettled(struct tg_store *s,
    int64_t *count, const char *agreement_id, struct tg_error *err);

/*
 * Appends the records that an early seal speaks of, of one agreement or of
 * all (""): those of the hour, those that are not final, and those that moved
 * since the mark.  What is not settled comes first; at most
 * TG_STATUS_RECORDS_MAX.
 */
TG_MUST_CHECK enum tg_status tg_status_sealed(struct tg_store *s,
    json_t *list, const char *agreement_id, int64_t hour, int64_t mark,
    struct tg_error *err);

/* {state: number of records}, without the open ones. */
TG_MUST_CHECK enum tg_status tg_status_totals(struct tg_store *s,
    json_t *totals, struct tg_error *err);

#endif
