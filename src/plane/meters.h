/*
 * meters.h - the cells in which finished calls are counted
 *
 * `meters.<piece>` holds TG_METER_PIECE cells, allocated in full.  More cells
 * mean another piece; no piece ever grows, shrinks or is replaced.
 *
 * A cell lies in columns: its state in one array, each of its 32 lanes in an
 * array of that lane.  In one hour all cells count into one such array, four
 * bytes a cell: sixteen of them share a cache line, a thousand a page, and
 * what the other hours hold stays untouched.
 *
 * Promises
 *   M1  A lane only ever grows (modulo 2^32, a wide one's 2^64); nobody
 *       resets it.  What is new is lane - mark, and the mark is kept by the
 *       ledger.
 *   M2  At a slot's reuse lanes and marks pass on to the next owner, under
 *       the next owner generation.
 *   M3  A worker adds to the lane first and sets the dirty bit then; the
 *       daemon clears the bit first and reads the lane then.  So no unit is
 *       ever unseen.
 *   M4  A killed process loses nothing: the pages belong to the kernel.
 *   M5  A wide cell, which counts bytes or a backend's own figure, has two
 *       slots, an even one and the next.  Its lane is the one word that the
 *       lanes of both are, the even one's the lower half; so lanes and marks
 *       pass on (M2) whatever the slots were before, wide or not.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_PLANE_METERS_H
#define TG_PLANE_METERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/hours.h"
#include "plane/board.h"
#include "util/error.h"

#define TG_METER_PIECE_BITS 14
#define TG_METER_PIECE (UINT32_C(1) << TG_METER_PIECE_BITS) /* cells */
#define TG_METER_PIECES_MAX 4096
#define TG_METER_NONE UINT32_MAX /* no slot */

/* State of a cell: what every call touches, never in two cache lines. */
struct tg_meter_cell {
    _Alignas(32) _Atomic uint32_t owner; /* owner generation; 0: never owned */
    _Atomic uint32_t is_wide; /* M5: in the even slot */
    _Atomic uint64_t tat;   /* plan throttle of the key, core/bucket.h */
    _Atomic uint64_t used;  /* quota word, core/quota.h */
    _Atomic uint64_t grant; /* quota grant word, core/quota.h */
};

_Static_assert(sizeof(struct tg_meter_cell) == 32, "half a cache line");

/* Where tat and used of a cell went and came from: key_limits.h. */
struct tg_meter_move {
    _Atomic uint32_t next;   /* slot that took them over */
    _Atomic uint32_t former; /* slot they are taken over from */
};

struct tg_meters;

/*
 * Worker: maps the pieces that the board names.  tg_meters_update maps those
 * that have come since; both check every piece and refuse a bad one by name.
 */
TG_MUST_CHECK enum tg_status tg_meters_open(struct tg_meters **out,
    const char *state_dir, const struct tg_board *board,
    struct tg_error *err);
TG_MUST_CHECK enum tg_status tg_meters_update(struct tg_meters *m,
    struct tg_error *err);
void tg_meters_close(struct tg_meters *m);

/* The cell of a slot, or NULL when no mapped piece has it. */
struct tg_meter_cell *tg_meters_cell(const struct tg_meters *m,
    uint32_t slot);

/* Of a slot that is in a mapped piece: its lane, and where its words move. */
_Atomic uint32_t *tg_meters_lane(const struct tg_meters *m, uint32_t slot,
    unsigned lane);
_Atomic uint64_t *tg_meters_wide_lane(const struct tg_meters *m,
    uint32_t slot, unsigned lane);
struct tg_meter_move *tg_meters_move(const struct tg_meters *m,
    uint32_t slot);

/*
 * The same as tg_meters_cell; maps the slot's piece first, if it has come
 * since this process last looked.
 */
struct tg_meter_cell *tg_meters_reach(struct tg_meters *m, uint32_t slot);

/*
 * Asks the processor for what admitting a call and counting it in that hour
 * will touch; no more than a hint, whatever the slot.
 */
void tg_meters_prefetch(const struct tg_meters *m, uint32_t slot,
    int64_t hour);

/*
 * Counts units into the hour's lane of a slot and marks it dirty (M3).  A
 * cell that is not wide may get less than 2^31 between two folds.
 */
void tg_meters_count(struct tg_meters *m, uint32_t slot, int64_t hour,
    uint64_t units);

/* Daemon: like tg_meters_open, but makes the first piece where none is. */
TG_MUST_CHECK enum tg_status tg_meters_create(struct tg_meters **out,
    const char *state_dir, struct tg_board_map *board, struct tg_error *err);

/* Daemon: one more piece, allocated in full, then named on the board. */
TG_MUST_CHECK enum tg_status tg_meters_grow(struct tg_meters *m,
    struct tg_error *err);

/* Slots in all mapped pieces. */
uint32_t tg_meters_slots(const struct tg_meters *m);

/* Daemon: whether the slot's cell is wide; and whose half a slot is (M5). */
bool tg_meters_is_wide(const struct tg_meters *m, uint32_t slot);
uint32_t tg_meters_first(const struct tg_meters *m, uint32_t slot);

/* Daemon: what a lane stands at. */
uint64_t tg_meters_value(const struct tg_meters *m, uint32_t slot,
    unsigned lane, bool is_wide);

/*
 * Daemon: takes the dirty slots from *from on, at most max of them, clears
 * their bits, and stores in *from where to go on; *from == slots when all was
 * seen.  Returns how many it stored.
 */
uint32_t tg_meters_take_dirty(struct tg_meters *m, uint32_t *from,
    uint32_t *slots, uint32_t max);

/*
 * Daemon: that lane of the slot's piece will not be looked at for a while, so
 * this process need not keep its pages mapped.  What they hold stays.
 */
void tg_meters_let_go(const struct tg_meters *m, uint32_t slot,
    unsigned lane);

/* Daemon: marks a slot dirty again (a fold that failed). */
void tg_meters_mark_dirty(struct tg_meters *m, uint32_t slot);

#endif
