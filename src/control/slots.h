/*
 * slots.h - which slots of the meters are free
 *
 * The list is derived from the store at start and kept in memory.  Never-used
 * slots are given out in order; closed ones are used again first.
 *
 * Promises
 *   O1  A slot is free, or belongs to one open or retired owner.
 *   O2  A slot that is given out has a mapped, allocated cell: growing the
 *       meters happens here, before anything was committed.
 *   O3  A wide cell has two slots, an even one, by which it is named, and the
 *       next.
 *   O4  The list has its own lock, under which nothing else is locked: the
 *       collector may give slots back while it holds the store.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_SLOTS_H
#define TG_CONTROL_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "plane/meters.h"
#include "store/store.h"
#include "util/error.h"

struct tg_slots;

/* Reads which slots of file_id have an owner. */
TG_MUST_CHECK enum tg_status tg_slots_open(struct tg_slots **out,
    struct tg_store *store, const char *file_id, struct tg_error *err);
void tg_slots_close(struct tg_slots *slots);

/* Under the control's lock.  TG_IO, TG_LIMIT: no room for one more cell. */
TG_MUST_CHECK enum tg_status tg_slots_take(struct tg_slots *slots,
    struct tg_meters *meters, bool is_wide, uint32_t *slot,
    struct tg_error *err);

void tg_slots_give_back(struct tg_slots *slots, uint32_t slot, bool is_wide);

#endif
