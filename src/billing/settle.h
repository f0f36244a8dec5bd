/*
 * settle.h - marks batches sent, and writes down what came of them
 *
 * All but tg_settle_render run in the reporter's transaction.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_SETTLE_H
#define TG_BILLING_SETTLE_H

#include "billing/batch.h"
#include "settings/settings.h"
#include "store/store.h"
#include "util/error.h"

/* What a transaction changes, to be counted once it is committed. */
struct tg_settle_tally {
    uint64_t retries; /* records that had been sent before */
    uint64_t settled, settled_units;
    uint64_t duplicate, unsubscribed, refused_otherwise; /* records */
};

/* Before the first byte leaves (L3). */
TG_MUST_CHECK enum tg_status tg_settle_mark(struct tg_store *s,
    struct tg_settle_tally *tally, struct tg_batch *b, int64_t now_s,
    struct tg_error *err);

/*
 * Each record's outcome, what follows from it for its agreement and product,
 * and the call's record in the audit trail.
 */
TG_MUST_CHECK enum tg_status tg_settle_batch(struct tg_store *s,
    struct tg_settle_tally *tally, struct tg_batch *b,
    const struct tg_settings *settings, int64_t now_s,
    struct tg_error *err);

/*
 * Makes the audit record of a batch that is judged, beforehand and by any
 * thread; what is not made when it is wanted is made then.  Request and reply
 * are given back.
 */
TG_MUST_CHECK enum tg_status tg_settle_render(struct tg_batch *b,
    const struct tg_settings *settings, int64_t now_s, struct tg_error *err);

/* The audit record alone: of a call whose outcome is another's to settle. */
TG_MUST_CHECK enum tg_status tg_settle_audit(struct tg_store *s,
    struct tg_batch *b, const struct tg_settings *settings,
    int64_t now_s, struct tg_error *err);

#endif
