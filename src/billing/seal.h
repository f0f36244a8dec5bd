/*
 * seal.h - the statements of a seal, for some agreements of one product
 *
 * The sealer (sealer.h) walks over hours, products and agreements; this is
 * what it does to each piece: a few statements over sets, in the caller's
 * transaction.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_SEAL_H
#define TG_BILLING_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"
#include "util/error.h"

/* One hour of the agreements from the first id to the last one. */
struct tg_seal_piece {
    int64_t     hour;
    const char *product_code;
    const char *dimension; /* of its zeros */
    const char *first_id;
    const char *last_id;
    const char *actor;
    int64_t     now_s;
    int64_t     through; /* hours before are sealed, see tg_record_open_hour */
};

/*
 * Makes a record of each agreement and dimension that was used in the hour
 * and has none; adds their number to *made.  What one record cannot hold is
 * moved into an open hour (E5).
 */
TG_MUST_CHECK enum tg_status tg_seal_used(struct tg_store *s, int64_t *made,
    const struct tg_seal_piece *piece, struct tg_error *err);

/* A zero for each active agreement without a record of the hour (E4). */
TG_MUST_CHECK enum tg_status tg_seal_zeros(struct tg_store *s, int64_t *made,
    const struct tg_seal_piece *piece, struct tg_error *err);

/* Notes who used something in the hour: agreement_activity. */
TG_MUST_CHECK enum tg_status tg_seal_activity(struct tg_store *s,
    const struct tg_seal_piece *piece, struct tg_error *err);

/*
 * Notes in usage_left which usage of the hour has become no record, of all
 * agreements (E3).  Whether there is any is asked first, without a
 * transaction: mostly there is none.
 */
TG_MUST_CHECK enum tg_status tg_seal_has_left(struct tg_store *s,
    bool *answer, int64_t hour, struct tg_error *err);
TG_MUST_CHECK enum tg_status tg_seal_left(struct tg_store *s, int64_t hour,
    struct tg_error *err);

#endif
