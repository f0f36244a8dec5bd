/*
 * overdue.h - what becomes of records that passed their deadline
 *
 * Invariant
 *   X1  Past its deadline a record that Amazon surely has not got is carried
 *       into an open hour; one that it may have is expired, and so is a zero
 *       and what a buyer who left has used.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_OVERDUE_H
#define TG_BILLING_OVERDUE_H

#include "billing/batch.h"
#include "store/store.h"
#include "util/error.h"

struct tg_overdue_tally {
    uint64_t expired, carried; /* records */
};

/* TG_NOTFOUND: no record is overdue; outside a transaction, too. */
TG_MUST_CHECK enum tg_status tg_overdue_look(struct tg_store *s,
    int64_t now_s, struct tg_error *err);

/*
 * In the caller's transaction; at most some hundreds at a time.  Those of
 * the batches in flying have an answer to come, and wait for it.
 */
TG_MUST_CHECK enum tg_status tg_overdue_close(struct tg_store *s,
    struct tg_overdue_tally *tally, const struct tg_batch *flying,
    int64_t now_s, struct tg_error *err);

#endif
