/*
 * due.h - which records go out next
 *
 * The stock is a list of due records in the order of their deadlines, read
 * once a second at most and cut into batches from there, so that a sealed
 * hour of a hundred thousand buyers is not searched once a request.  Halves
 * of refused batches go first.
 *
 * Invariants
 *   U1  A batch holds records of one product and one identity mode (L7), all
 *       sealed or sent, within their deadlines and not of the future.
 *   U2  A record that is in flight is not chosen.
 *   U3  The nearest deadline goes first.
 *   U4  Of a product (or dimension) that Amazon does not know one batch goes
 *       out at a time, when its wait is over: if that one is taken, the
 *       others follow.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_DUE_H
#define TG_BILLING_DUE_H

#include "billing/batch.h"
#include "store/store.h"
#include "util/error.h"

struct tg_due;

/* NULL: out of memory. */
struct tg_due *tg_due_new(void);
void tg_due_free(struct tg_due *d);

/* Forgets the stock: it is read anew. */
void tg_due_forget(struct tg_due *d);

/*
 * The next batch; flying (by fly_next) were chosen and are not settled yet.
 * TG_NOTFOUND: nothing is due.
 */
TG_MUST_CHECK enum tg_status tg_due_next(struct tg_due *d,
    struct tg_batch **out, struct tg_store *s, const struct tg_batch *flying,
    int64_t now_s, struct tg_error *err);

/*
 * A refused batch, whose records are due again: its halves (by dimension,
 * where that is what was refused) wait for requests of their own.
 */
void tg_due_split(struct tg_due *d, const struct tg_batch *b);

#endif
