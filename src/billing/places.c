/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/places.h"

#include <stdlib.h>

#include "core/hours.h"

struct place {
    int64_t  row; /* 0: none */
    uint32_t owner;
    uint32_t hour; /* since 1970 */
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
    return place->owner == owner && place->hour == used_hour / TG_HOUR_S
        ? place->row : 0; /* H1 */
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
            row, owner, (uint32_t) (used_hour / TG_HOUR_S) };
    }
}
