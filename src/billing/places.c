/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/places.h"

#include <stdlib.h>

#include "core/hours.h"

#define HOUR_MASK ((1 << 20) - 1)
#define ROW_MAX ((INT64_C(1) << 36) - 1)

/* Eight bytes, for there is one a meter; the owner's lowest bits (H1). */
struct place {
    uint64_t row : 36; /* 0: none */
    uint64_t hour : 20; /* since 1970 */
    uint64_t owner : 8;
};

struct tg_places_piece {
    struct place places[TG_METER_PIECE];
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

int64_t
tg_places_find(const struct tg_places *places, uint32_t slot, uint32_t owner,
    int64_t used_hour)
{
    const struct place           *place;
    const struct tg_places_piece *p
        = places->pieces[slot >> TG_METER_PIECE_BITS];

    if (p == NULL) {
        return 0;
    }
    place = &p->places[slot & (TG_METER_PIECE - 1)];
    return place->owner == (uint8_t) owner
            && (int64_t) place->hour == used_hour / TG_HOUR_S
        ? (int64_t) place->row : 0;
}

void
tg_places_note(struct tg_places *places, uint32_t slot, uint32_t owner,
    int64_t used_hour, int64_t row)
{
    struct tg_places_piece **p
        = &places->pieces[slot >> TG_METER_PIECE_BITS];

    if (*p == NULL) {
        *p = calloc(1, sizeof(**p));
    }
    if (*p != NULL) {
        (*p)->places[slot & (TG_METER_PIECE - 1)] = (struct place) {
            .row = row <= ROW_MAX ? (uint64_t) row & ROW_MAX : 0,
            .hour = (uint64_t) (used_hour / TG_HOUR_S) & HOUR_MASK,
            .owner = (uint8_t) owner };
    }
}

void
tg_places_forget(struct tg_places *places, uint32_t slot)
{
    struct tg_places_piece *p = places->pieces[slot >> TG_METER_PIECE_BITS];

    if (p != NULL) {
        p->places[slot & (TG_METER_PIECE - 1)] = (struct place) { 0 };
    }
}
