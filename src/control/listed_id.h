/*
 * listed_id.h - random ids of what is listed by its time
 *
 * Time is kept in seconds, and lists break ties by the id.  So the ids of one
 * second come in order, each above the one before by a random step, and a
 * list has the order in which things were made.  The first of a second is
 * random; ids are as hard to meet twice as before.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_LISTED_ID_H
#define TG_CONTROL_LISTED_ID_H

#include <stddef.h>
#include <stdint.h>

#include "control/control.h"

#define TG_LISTED_ID_MAX 10

/* len characters [a-z0-9], at most TG_LISTED_ID_MAX, and a NUL. */
void tg_listed_id(char *out, size_t len, struct tg_control *control,
    int64_t now_s);

#endif
