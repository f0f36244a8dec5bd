/*
 * cells.h - giving a cell of the meters to the owner that the store says
 *
 * A new cell goes on where the key's former one in the plan stopped: the
 * words of its bucket and its quota move over (plane/key_limits.h) while
 * workers use them.  A former cell that is closed has left its words in the
 * store; where there is neither (the mapped files were made anew) the bucket
 * is full and the quota's use is what the ledger knows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_CELLS_H
#define TG_CONTROL_CELLS_H

#include <stdbool.h>
#include <stdint.h>

#include "control/control.h"
#include "control/plan_rules.h"
#include "util/error.h"

/* A cell as the store wants it; texts are borrowed. */
struct tg_cell {
    const char          *key_id;
    const char          *plan_id;
    struct tg_plan_quota quota;
    uint64_t             grant; /* word, core/quota.h */
    uint32_t             slot;
    uint32_t             owner;
    bool                 is_wide;
    int64_t              opened_s;
    bool                 has_former;
    uint32_t             former_slot;
    uint32_t             former_owner;
};

/*
 * Sets the grant, and makes the cell its owner's unless it is already; lanes
 * and marks pass on untouched (M2).  May be repeated, after a kill too.
 */
TG_MUST_CHECK enum tg_status tg_cell_give(struct tg_control *control,
    const struct tg_cell *cell, struct tg_error *err);

/*
 * Start-up after the machine itself was down, perhaps without having written
 * all of the mapped files: no quota's use is less than the ledger knows.
 */
TG_MUST_CHECK enum tg_status tg_cells_lift(struct tg_control *control,
    int64_t now_s, struct tg_error *err);

#endif
