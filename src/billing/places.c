/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/places.h"

#include <stdlib.h>

#define SOURCE_MAX ((INT64_C(1) << 40) - 1)
#define BILLABLE TG_UNBILLABLE_COUNT /* as why */

/* Eight bytes, for there is one a meter; the owner's lowest bits (H1). */
struct entry {
    uint64_t source : 40; /* 0: none */
    uint64_t owner : 16;
    uint64_t why : 7;
    uint64_t is_held : 1;
};

struct tg_places_piece {
    struct entry entries[TG_METER_PIECE];
};

void
tg_places_clear(struct tg_places *places)
{
    size_t i;

    for (i = 0; i < TG_METER_PIECES_MAX; i++) {
        free(places->pieces[i]);
        places->pieces[i] = NULL;
    }
}

bool
tg_places_find(const struct tg_places *places, struct tg_place *out,
    uint32_t slot, uint32_t owner)
{
    const struct entry           *entry;
    const struct tg_places_piece *p
        = places->pieces[slot >> TG_METER_PIECE_BITS];

    if (p == NULL) {
        return false;
    }
    entry = &p->entries[slot & (TG_METER_PIECE - 1)];
    out->source = (int64_t) entry->source;
    out->is_billable = entry->why == BILLABLE;
    out->is_held = entry->is_held != 0;
    out->why = out->is_billable ? TG_UNBILLABLE_OTHER
                                : (enum tg_unbillable) entry->why;
    return entry->source != 0 && entry->owner == (uint16_t) owner;
}

void
tg_places_note(struct tg_places *places, const struct tg_place *place,
    uint32_t slot, uint32_t owner)
{
    struct tg_places_piece **p
        = &places->pieces[slot >> TG_METER_PIECE_BITS];

    if (*p == NULL) {
        *p = calloc(1, sizeof(**p));
    }
    if (*p != NULL && place->source <= SOURCE_MAX) {
        (*p)->entries[slot & (TG_METER_PIECE - 1)] = (struct entry) {
            .source = (uint64_t) place->source & (uint64_t) SOURCE_MAX,
            .owner = (uint16_t) owner,
            .why = place->is_billable ? BILLABLE
                                      : (unsigned) place->why & 0x7f,
            .is_held = place->is_held };
    }
}

void
tg_places_forget(struct tg_places *places, uint32_t slot)
{
    struct tg_places_piece *p = places->pieces[slot >> TG_METER_PIECE_BITS];

    if (p != NULL) {
        p->entries[slot & (TG_METER_PIECE - 1)] = (struct entry) { 0 };
    }
}
