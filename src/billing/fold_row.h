/*
 * fold_row.h - what the store says about a node's last fold
 *
 * One row a node, written in the transaction of each fold that changed
 * something: so it tells, after any kind of end, which fold the store has.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_FOLD_ROW_H
#define TG_BILLING_FOLD_ROW_H

#include <stdint.h>

#include "plane/board.h"
#include "store/store.h"
#include "util/error.h"

#define TG_FILE_ID_HEX (2 * TG_PLANE_ID_SIZE + 1)

struct tg_fold_row {
    char    file_id[TG_FILE_ID_HEX]; /* of the set that was folded */
    int64_t sequence;    /* of folds of this set; the board has it, too */
    int64_t through_s;   /* when it was */
    int64_t newest_hour; /* that anything was counted in */
    int64_t offset_s;    /* wall minus boot clock */
};

/* TG_NOTFOUND: the node has never folded. */
TG_MUST_CHECK enum tg_status tg_fold_row_read(struct tg_store *s,
    struct tg_fold_row *row, const char *node, struct tg_error *err);
TG_MUST_CHECK enum tg_status tg_fold_row_write(struct tg_store *s,
    const struct tg_fold_row *row, const char *node, struct tg_error *err);

#endif
