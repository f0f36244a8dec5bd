/*
 * unrecorded.h - usage that has no ledger record, and why
 *
 *   open   its hour is open: it will be sealed, or the reason says why not
 *   held   its hour is sealed, but it waits for its agreement, and Amazon
 *          would still take it
 *   lost   it can come home no more (held.h, H3)
 *
 * Calls to a usage plan without a product code are nobody's by intention:
 * they are among the open ones while their hour is, and in the metrics.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_UNRECORDED_H
#define TG_BILLING_UNRECORDED_H

#include <jansson.h>
#include <stdint.h>

#include "settings/settings.h"
#include "store/store.h"
#include "util/error.h"

#define TG_UNRECORDED_DAYS 31 /* held and lost usage is shown so long */

enum tg_unrecorded_kind {
    TG_UNRECORDED_OPEN,
    TG_UNRECORDED_HELD,
    TG_UNRECORDED_LOST,
};

const char *tg_unrecorded_name(enum tg_unrecorded_kind kind);

/* What is asked for; texts "": all. */
struct tg_unrecorded_query {
    unsigned    kinds; /* 1 << kind, of each that is wanted */
    const char *agreement_id;
    const char *product_code;
    int64_t     from; /* hours; to is not among them */
    int64_t     to;
    int64_t     limit; /* rows */
};

/*
 * Appends them, oldest first: the members of a record in `status', and
 * `kind', `next' (what to do about it, or null), `apiKeyId' and `usagePlanId'
 * where all of it was used with one key.
 */
TG_MUST_CHECK enum tg_status tg_unrecorded_list(struct tg_store *s,
    json_t *list, const struct tg_unrecorded_query *query,
    const struct tg_settings *settings, int64_t now_s, struct tg_error *err);

/* How many open ones there are: exact where the list is cut short. */
TG_MUST_CHECK enum tg_status tg_unrecorded_count_open(struct tg_store *s,
    int64_t *count, struct tg_error *err);

/* Sums for alarms and metrics; held is said at once, in an open hour, too. */
struct tg_unrecorded_sums {
    int64_t held;       /* units */
    int64_t held_until; /* the first deadline among them; 0: none is held */
    int64_t lost;       /* units that nobody has written off */
    int64_t lost_from;  /* the oldest hour of these */
};
TG_MUST_CHECK enum tg_status tg_unrecorded_sum(struct tg_store *s,
    struct tg_unrecorded_sums *sums, int64_t now_s, struct tg_error *err);

#endif
