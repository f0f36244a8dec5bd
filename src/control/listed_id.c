/* SPDX-License-Identifier: Apache-2.0 */
#include "control/listed_id.h"

#include <assert.h>

#include "util/digest.h"

void
tg_listed_id(char *out, size_t len, struct tg_control *control,
    int64_t now_s)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    uint64_t          drawn, number, room = 1, step;
    struct tg_last_listed *last = &control->last_listed[len];

    assert(len <= TG_LISTED_ID_MAX);
    for (size_t i = 0; i < len; i++) {
        room *= 36;
    }
    step = room >> 22; /* room for a million ids a second */
    step = step > 0 ? step : 1;
    tg_random(&drawn, sizeof(drawn));
    number = drawn % (room / 2);
    if (last->second == now_s && last->number < room - step - 1) {
        number = last->number + 1 + drawn % step;
    }
    *last = (struct tg_last_listed) { now_s, number };
    for (size_t i = len; i-- > 0; number /= 36) {
        out[i] = digits[number % 36];
    }
    out[len] = '\0';
}
