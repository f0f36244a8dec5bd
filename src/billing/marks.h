/*
 * marks.h - how far each lane of the meters has been folded
 *
 * A mark is the value up to which a lane's units are in the ledger.  Marks
 * stand in the store, beside the units; here is their mirror in memory, so
 * that a fold reads the store only for the cells that changed.
 *
 * Invariants
 *   K1  Only marks of the one set of files that was read are in the mirror.
 *   K2  The mirror runs ahead of the commit: after a transaction that failed
 *       it is to be read again.
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
    int64_t                number; /* of the set, in the store */
    struct tg_marks_piece *pieces[TG_METER_PIECES_MAX];
};

void tg_marks_clear(struct tg_marks *marks);

/*
 * Reads the marks of the set of files in place of what was there.  A set
 * that the store does not know yet gets its number in a transaction.
 */
TG_MUST_CHECK enum tg_status tg_marks_read(struct tg_marks *marks,
    struct tg_store *s, const char *file_id, struct tg_error *err);

/* The slot's marks, one a lane; borrowed. */
const uint32_t *tg_marks_of(const struct tg_marks *marks, uint32_t slot);

/* Whether no lane of the slot's piece has a mark. */
bool tg_marks_is_bare(const struct tg_marks *marks, uint32_t slot);

/* Sets a mark: in the mirror, and in the caller's transaction. */
TG_MUST_CHECK enum tg_status tg_marks_store(struct tg_marks *marks,
    struct tg_store *s, uint32_t slot, unsigned lane, uint32_t owner,
    uint32_t mark, struct tg_error *err);

/*
 * Whether the mark is ahead of its lane, which is never so while both are
 * sound.  Both wrap at 2^32; growth from 2^31 on is none.
 */
static inline bool
tg_mark_is_ahead(uint32_t mark, uint32_t lane)
{
    return lane - mark >= UINT32_C(0x80000000);
}

#endif
