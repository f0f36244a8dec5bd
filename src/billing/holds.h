/*
 * holds.h - products and dimensions that Amazon says it does not know
 *
 * InvalidProductCodeException and InvalidUsageDimensionException are the
 * fault of the listing or of the settings, not of a record: refusing the
 * records would throw a buyer's units away for a slip of the pen.  So they
 * wait, as they were, in rows of ledger_hold, and one batch asks again now
 * and then.  When Amazon takes it, or a person says so, all go on.  What
 * waits beyond its deadline is carried into an open hour like anything else
 * that surely never arrived.
 *
 * All run in the caller's transaction.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_HOLDS_H
#define TG_BILLING_HOLDS_H

#include <stdint.h>

#include "billing/batch.h"
#include "store/store.h"
#include "util/error.h"

#define TG_HOLD_FIRST_S 30 /* until the first try */
#define TG_HOLD_MAX_S 900

/* How many there are; outside a transaction, too. */
TG_MUST_CHECK enum tg_status tg_holds_count(struct tg_store *s,
    int64_t *count, struct tg_error *err);

/*
 * The batch is about to go out: *is_probe says whether a hold's wait was
 * over for it; then the others wait on while it is asked.
 */
TG_MUST_CHECK enum tg_status tg_holds_probe(struct tg_store *s,
    bool *is_probe, const struct tg_batch *b, int64_t now_s,
    struct tg_error *err);

/* The batch was refused so: its product (or dimension) waits. */
TG_MUST_CHECK enum tg_status tg_holds_add(struct tg_store *s,
    const struct tg_batch *b, int64_t now_s, struct tg_error *err);

/* Amazon took records of the batch: its product is known. */
TG_MUST_CHECK enum tg_status tg_holds_lift(struct tg_store *s,
    const struct tg_batch *b, struct tg_error *err);

/* A person says: try all of them now. */
TG_MUST_CHECK enum tg_status tg_holds_retry(struct tg_store *s,
    struct tg_error *err);

/* A sentence about the oldest one, "" without any. */
TG_MUST_CHECK enum tg_status tg_holds_text(struct tg_store *s,
    char out[TG_ERROR_MAX], struct tg_error *err);

#endif
