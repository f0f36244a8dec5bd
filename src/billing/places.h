/*
 * places.h - the source that a slot's units are of
 *
 * A meter goes on counting for the same key and agreement, hour after hour.
 * A place remembers the number of that source (usage_source), so that nobody
 * asks the store again whose the cell is: a fold of a cell is one row of the
 * hour, and its mark.
 *
 * Invariants
 *   H1  A place is good for one owner generation; for any other it is none.
 *       Who closes a slot forgets its place, since of the owner only some
 *       bits are remembered.
 *   H2  Places run ahead of the commit: after a transaction that failed they
 *       are all forgotten.
 *   H3  A place only saves looking up.  Whether units of an hour may still go
 *       there is asked of the ledger for each of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_PLACES_H
#define TG_BILLING_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/unbillable.h"
#include "plane/meters.h"

struct tg_places_piece;

/* All zero: there is none. */
struct tg_places {
    struct tg_places_piece *pieces[TG_METER_PIECES_MAX];
};

/* Where units go that are billed in the hour that they were used in. */
struct tg_place {
    int64_t            source;
    bool               is_billable;
    bool               is_held; /* see tg_usage_is_held */
    enum tg_unbillable why;     /* of what is not billable */
};

void tg_places_clear(struct tg_places *places);

/* False: not known. */
bool tg_places_find(const struct tg_places *places, struct tg_place *out,
    uint32_t slot, uint32_t owner);

/* Without memory it is not remembered, and looked up the next time. */
void tg_places_note(struct tg_places *places, const struct tg_place *place,
    uint32_t slot, uint32_t owner);

/* The slot is given back: nothing of its owner may stay (H1). */
void tg_places_forget(struct tg_places *places, uint32_t slot);

#endif
