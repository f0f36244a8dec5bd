/*
 * fold.h - what one cell has counted goes to the ledger
 *
 * The inner part of the collector: the growth of each lane of a cell, added
 * to the usage row that it belongs to, and the lane's new mark, both in the
 * collector's open transaction.  collector.h has the rules (F1 to F8).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_FOLD_H
#define TG_BILLING_FOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "billing/collector.h"
#include "billing/marks.h"
#include "billing/places.h"
#include "plane/meters.h"
#include "store/store.h"
#include "util/error.h"

/* One fold: what it works on is borrowed. */
struct tg_fold {
    struct tg_store        *store;
    const struct tg_meters *meters;
    struct tg_marks        *marks;
    struct tg_places       *places;
    const char             *file_id;
    const char             *node;
    int64_t                 now_s;
    int64_t                 last_s; /* when all was folded; 0: never */
    int64_t                 sealed_through;
    bool                    has_early; /* records of hours not yet due */
    struct tg_error        *err;

    /* what it has come to */
    struct tg_collector_stats added;
    int64_t                   newest_hour; /* that anything was found in */
};

/* Reads which hours are sealed. */
TG_MUST_CHECK enum tg_status tg_fold_begin(struct tg_fold *f);

/* Does nothing for a cell that has not grown.  TG_CORRUPT: F4. */
TG_MUST_CHECK enum tg_status tg_fold_slot(struct tg_fold *f, uint32_t slot);

#endif
