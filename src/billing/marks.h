/*
 * marks.h - how far each lane of the meters has been folded
 *
 * A mark is the value up to which a lane's units are in the ledger.  Marks
 * stand in the store, beside the units.  Here is what a fold needs of them,
 * in memory, so that it reads the store only for the cells that changed: the
 * marks of one lane of one piece of meters are a column, and a column is
 *
 *   absent    no mark of it is in the store, and no lane has been seen to
 *             grow: all are 0
 *   open      in memory
 *   settled   each mark is what its lane says, and only the lanes' sum is
 *             remembered
 *
 * A lane is counted into in one hour of 32, so all but a few columns are
 * settled: a million meters would have 128 MB of open ones.
 *
 * Invariants
 *   K1  Only marks of the one set of files that was read are here.
 *   K2  The columns run ahead of the commit: after a transaction that failed
 *       they are to be read again.
 *   K3  A fold looks at open columns.  Those of the present hour and its
 *       neighbours are, as soon as their lanes grow.  What is counted into
 *       another lane all the same is found by the next tg_marks_check: the
 *       column's sum differs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_MARKS_H
#define TG_BILLING_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "plane/meters.h"
#include "store/store.h"
#include "util/error.h"

struct tg_marks_piece;

/* All zero: no lane has been folded. */
struct tg_marks {
    int64_t                 number;       /* of the set, in the store */
    int64_t                 settled_hour; /* when tg_marks_settle looked */
    const struct tg_meters *meters;       /* borrowed */
    struct tg_marks_piece  *pieces[TG_METER_PIECES_MAX];
};

void tg_marks_clear(struct tg_marks *marks);

/*
 * Reads the marks of the set of files in place of what was there.  A set
 * that the store does not know yet gets its number in a transaction.
 */
TG_MUST_CHECK enum tg_status tg_marks_read(struct tg_marks *marks,
    struct tg_store *s, const struct tg_meters *meters, const char *file_id,
    struct tg_error *err);

/* Before a slot is folded at now: opens what is to be open (K3). */
TG_MUST_CHECK enum tg_status tg_marks_prepare(struct tg_marks *marks,
    struct tg_store *s, uint32_t slot, int64_t now_s, struct tg_error *err);

/* Before a sweep: opens the columns whose lanes have grown. */
TG_MUST_CHECK enum tg_status tg_marks_check(struct tg_marks *marks,
    struct tg_store *s, struct tg_error *err);

/*
 * The lanes of open columns that are not at their marks, a bit each.  Of a
 * wide cell (plane/meters.h, M5) each slot has the lanes and marks of its
 * half.
 */
uint32_t tg_marks_differing(const struct tg_marks *marks, uint32_t slot);

/*
 * A sweep's way through all slots, column by column: stores those of the
 * TG_MARKS_BLOCK slots at *from, a multiple of it, that have such lanes, and
 * moves *from on.  Returns how many it stored.
 */
#define TG_MARKS_BLOCK 1024
uint32_t tg_marks_grown(const struct tg_marks *marks, uint32_t *from,
    uint32_t *slots);

/* The mark of a lane that is not settled; of a wide cell both halves. */
uint64_t tg_marks_get(const struct tg_marks *marks, uint32_t slot,
    unsigned lane, bool is_wide);

/* Sets a mark: here, and in the caller's transaction. */
TG_MUST_CHECK enum tg_status tg_marks_store(struct tg_marks *marks,
    struct tg_store *s, uint32_t slot, unsigned lane, uint32_t owner,
    uint64_t mark, bool is_wide, struct tg_error *err);

/* After a commit, once an hour: settles the columns of past hours. */
void tg_marks_settle(struct tg_marks *marks, int64_t now_s);

/*
 * What a lane has grown by since its mark: 0 or more, or less than 0 when the
 * mark is ahead, which is never so while both are sound.  Both wrap at 2^32;
 * growth from 2^31 on is none.  Of a wide cell: 2^64, and 2^63.
 */
static inline int64_t
tg_mark_growth(uint64_t mark, uint64_t lane, bool is_wide)
{
    return is_wide ? (int64_t) (lane - mark)
                   : (int32_t) ((uint32_t) lane - (uint32_t) mark);
}

#endif
