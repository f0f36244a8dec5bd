/*
 * places.h - the usage row that a slot's present units go to
 *
 * A meter that counts all the time adds to the same row of usage_detail,
 * fold after fold, for an hour.  A place remembers that row's number, so
 * that nobody looks it up again: neither whose the cell is nor the row.
 *
 * Invariants
 *   H1  A place is good for one owner generation and one hour in which the
 *       calls finished; for any other it is none.  Who closes a slot forgets
 *       its place, since of the owner only some bits are remembered.
 *   H2  Places run ahead of the commit: after a transaction that failed they
 *       are all forgotten.
 *   H3  A place only saves looking up.  Whether units may still go there is
 *       asked of the ledger in the statement that adds them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_PLACES_H
#define TG_BILLING_PLACES_H

#include <stdint.h>

#include "plane/meters.h"

struct tg_places_piece;

/* All zero: there is none. */
struct tg_places {
    struct tg_places_piece *pieces[TG_METER_PIECES_MAX];
};

void tg_places_clear(struct tg_places *places);

/* The number of the row; 0: not known. */
int64_t tg_places_find(const struct tg_places *places, uint32_t slot,
    uint32_t owner, int64_t used_hour);

/* Without memory it is not remembered, and looked up the next time. */
void tg_places_note(struct tg_places *places, uint32_t slot, uint32_t owner,
    int64_t used_hour, int64_t row);

/* The slot is given back: nothing of its owner may stay (H1). */
void tg_places_forget(struct tg_places *places, uint32_t slot);

#endif
