/*
 * meters.c - pieces of cells, mapped by workers and daemon alike
 *
 * A piece is a page of header, a page with one dirty bit a cell, the states
 * of the cells, where their words move, and the 32 arrays of lanes.  The
 * handle holds a fixed table of pieces, so that a slot is found
 * with one shift and one load, and threads may go on using the handle while
 * one of them adds a piece.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "plane/meters.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plane/mapped.h"

#define METERS_MAGIC "TGMETER"
#define METERS_MODE 0660
#define DIRTY_OFFSET TG_MAPPED_PAGE
#define CELLS_OFFSET (DIRTY_OFFSET + TG_MAPPED_PAGE)
#define MOVES_OFFSET                                                          \
    (CELLS_OFFSET + TG_METER_PIECE * sizeof(struct tg_meter_cell))
#define LANES_OFFSET                                                          \
    (MOVES_OFFSET + TG_METER_PIECE * sizeof(struct tg_meter_move))
#define LANE_SIZE (TG_METER_PIECE * sizeof(uint32_t))
#define PIECE_SIZE (LANES_OFFSET + TG_LANES * LANE_SIZE)
#define SLOT_MASK (TG_METER_PIECE - 1)

_Static_assert(TG_METER_PIECE / 8 <= TG_MAPPED_PAGE, "dirty bits: a page");
_Static_assert(LANES_OFFSET % TG_MAPPED_PAGE == 0, "whole pages of lanes");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "M5");

struct tg_meters {
    char                  state_dir[PATH_MAX];
    struct tg_board_map  *owner; /* the daemon's board; NULL in a worker */
    const struct tg_board *board;
    _Atomic uint32_t      count; /* of mapped pieces; moved last */
    struct tg_mapped      pieces[TG_METER_PIECES_MAX];
};

static _Atomic uint64_t *
dirty_words(const struct tg_meters *m, uint32_t piece)
{
    return (_Atomic uint64_t *) (void *)
        (m->pieces[piece].base + DIRTY_OFFSET);
}

static enum tg_status
map_piece(struct tg_meters *m, uint32_t piece, struct tg_error *err)
{
    char                    path[PATH_MAX];
    enum tg_status          status;
    struct tg_mapped_header expected;

    status = tg_mapped_path(path, m->state_dir, "meters", piece, err);
    if (status != TG_OK) {
        return status;
    }
    tg_mapped_header_init(&expected, METERS_MAGIC, piece, m->board->file_id);
    status = tg_mapped_open(&m->pieces[piece], path, &expected, true,
        m->owner != NULL, err);
    if (status == TG_OK && m->pieces[piece].size != PIECE_SIZE) {
        tg_mapped_close(&m->pieces[piece]);
        status = tg_error_set(err, TG_CORRUPT,
            "%s has another number of cells than %" PRIu32, path,
            TG_METER_PIECE);
    }
    if (status == TG_OK) {
        m->count = piece + 1;
    }
    return status;
}

enum tg_status
tg_meters_update(struct tg_meters *m, struct tg_error *err)
{
    uint64_t       named = m->board->meter_pieces;
    enum tg_status status = TG_OK;

    if (named > TG_METER_PIECES_MAX) {
        return tg_error_set(err, TG_CORRUPT,
            "the board in %s names %" PRIu64 " pieces of meters, more than"
            " there can be", m->state_dir, named);
    }
    while (status == TG_OK && m->count < named) {
        status = map_piece(m, m->count, err);
    }
    return status;
}

static enum tg_status
open_as(struct tg_meters **out, const char *state_dir,
    const struct tg_board *board, struct tg_board_map *owner,
    struct tg_error *err)
{
    enum tg_status    status;
    struct tg_meters *m;

    *out = NULL;
    if (strlen(state_dir) >= sizeof(m->state_dir)) {
        return tg_error_set(err, TG_INVALID, "path too long: %s", state_dir);
    }
    m = calloc(1, sizeof(*m));
    if (m == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    (void) strcpy(m->state_dir, state_dir);
    m->board = board;
    m->owner = owner;
    status = tg_meters_update(m, err);
    if (status != TG_OK) {
        tg_meters_close(m);
        return status;
    }
    *out = m;
    return TG_OK;
}

enum tg_status
tg_meters_open(struct tg_meters **out, const char *state_dir,
    const struct tg_board *board, struct tg_error *err)
{
    return open_as(out, state_dir, board, NULL, err);
}

enum tg_status
tg_meters_create(struct tg_meters **out, const char *state_dir,
    struct tg_board_map *board, struct tg_error *err)
{
    enum tg_status status = open_as(out, state_dir, board->page, board, err);

    if (status == TG_OK && (*out)->count == 0) {
        status = tg_meters_grow(*out, err);
        if (status != TG_OK) {
            tg_meters_close(*out);
            *out = NULL;
        }
    }
    return status;
}

void
tg_meters_close(struct tg_meters *m)
{
    if (m != NULL) {
        for (uint32_t i = 0; i < m->count; i++) {
            tg_mapped_close(&m->pieces[i]);
        }
        free(m);
    }
}

enum tg_status
tg_meters_grow(struct tg_meters *m, struct tg_error *err)
{
    char                    path[PATH_MAX];
    uint32_t                piece = m->count;
    enum tg_status          status;
    struct tg_mapped_header header;

    if (piece == TG_METER_PIECES_MAX) {
        return tg_error_set(err, TG_LIMIT,
            "the meters in %s have all the %d pieces that there can be",
            m->state_dir, TG_METER_PIECES_MAX);
    }
    status = tg_mapped_path(path, m->state_dir, "meters", piece, err);
    if (status != TG_OK) {
        return status;
    }
    tg_mapped_header_init(&header, METERS_MAGIC, piece, m->board->file_id);
    header.shape[0] = TG_METER_PIECE;
    /* A piece that the board does not name yet has no reader: replace it. */
    status = tg_mapped_make(&m->pieces[piece], path, &header, PIECE_SIZE,
        METERS_MODE, err);
    if (status != TG_OK) {
        return status;
    }
    status = tg_mapped_name(&m->pieces[piece], path, err);
    if (status != TG_OK) {
        tg_mapped_close(&m->pieces[piece]);
        return status;
    }
    m->count = piece + 1;
    return tg_board_move(m->owner, &m->owner->page->meter_pieces, piece + 1,
        err);
}

uint32_t
tg_meters_slots(const struct tg_meters *m)
{
    return m->count << TG_METER_PIECE_BITS;
}

struct tg_meter_cell *
tg_meters_cell(const struct tg_meters *m, uint32_t slot)
{
    uint32_t              piece = slot >> TG_METER_PIECE_BITS;
    struct tg_meter_cell *cells;

    if (piece >= atomic_load_explicit(&m->count, memory_order_acquire)) {
        return NULL;
    }
    cells = (struct tg_meter_cell *) (void *)
        (m->pieces[piece].base + CELLS_OFFSET);
    return &cells[slot & SLOT_MASK];
}

_Atomic uint32_t *
tg_meters_lane(const struct tg_meters *m, uint32_t slot, unsigned lane)
{
    _Atomic uint32_t *lanes = (_Atomic uint32_t *) (void *)
        (m->pieces[slot >> TG_METER_PIECE_BITS].base + LANES_OFFSET);

    return &lanes[lane << TG_METER_PIECE_BITS | (slot & SLOT_MASK)];
}

_Atomic uint64_t *
tg_meters_wide_lane(const struct tg_meters *m, uint32_t slot, unsigned lane)
{
    assert(slot % 2 == 0);
    return (_Atomic uint64_t *) (void *) tg_meters_lane(m, slot, lane);
}

bool
tg_meters_is_wide(const struct tg_meters *m, uint32_t slot)
{
    return atomic_load(&tg_meters_cell(m, slot)->is_wide) != 0;
}

uint32_t
tg_meters_first(const struct tg_meters *m, uint32_t slot)
{
    return tg_meters_is_wide(m, slot & ~UINT32_C(1))
        ? slot & ~UINT32_C(1) : slot;
}

uint64_t
tg_meters_value(const struct tg_meters *m, uint32_t slot, unsigned lane,
    bool is_wide)
{
    return is_wide
        ? atomic_load_explicit(tg_meters_wide_lane(m, slot, lane),
              memory_order_acquire)
        : atomic_load_explicit(tg_meters_lane(m, slot, lane),
              memory_order_acquire);
}

struct tg_meter_move *
tg_meters_move(const struct tg_meters *m, uint32_t slot)
{
    struct tg_meter_move *moves = (struct tg_meter_move *) (void *)
        (m->pieces[slot >> TG_METER_PIECE_BITS].base + MOVES_OFFSET);

    return &moves[slot & SLOT_MASK];
}

void
tg_meters_prefetch(const struct tg_meters *m, uint32_t slot, int64_t hour)
{
    const struct tg_meter_cell *cell = tg_meters_cell(m, slot);

    if (cell != NULL) {
        __builtin_prefetch(cell, 1);
        __builtin_prefetch(
            (const void *) tg_meters_lane(m, slot, tg_hour_lane(hour)), 1);
    }
}

struct tg_meter_cell *
tg_meters_reach(struct tg_meters *m, uint32_t slot)
{
    struct tg_meter_cell *cell = tg_meters_cell(m, slot);

    if (cell == NULL && tg_meters_update(m, NULL) == TG_OK) {
        cell = tg_meters_cell(m, slot);
    }
    return cell;
}

void
tg_meters_let_go(const struct tg_meters *m, uint32_t slot, unsigned lane)
{
    _Atomic uint32_t *lanes = tg_meters_lane(m, slot & ~SLOT_MASK, lane);

    /* of a shared file: the pages are the kernel's, as ever (M4) */
    (void) madvise((void *) lanes, LANE_SIZE, MADV_DONTNEED);
}

void
tg_meters_mark_dirty(struct tg_meters *m, uint32_t slot)
{
    uint64_t          bit = UINT64_C(1) << (slot % 64);
    _Atomic uint64_t *word = dirty_words(m, slot >> TG_METER_PIECE_BITS)
        + (slot & SLOT_MASK) / 64;

    /*
     * Mostly it is set already, and then a load keeps the line shared.  M3
     * needs the load behind the add to the lane in one order for all, hence
     * memory_order_seq_cst, here and in the clearing.
     */
    if ((*word & bit) == 0) {
        (void) atomic_fetch_or(word, bit);
    }
}

void
tg_meters_count(struct tg_meters *m, uint32_t slot, int64_t hour,
    uint64_t units)
{
    unsigned                    lane = tg_hour_lane(hour);
    const struct tg_meter_cell *cell = tg_meters_cell(m, slot);

    assert(cell != NULL); /* no call is admitted without its cell */
    if (atomic_load_explicit(&cell->is_wide, memory_order_relaxed) != 0) {
        (void) atomic_fetch_add(tg_meters_wide_lane(m, slot, lane), units);
    } else {
        (void) atomic_fetch_add(tg_meters_lane(m, slot, lane),
            (uint32_t) units);
    }
    tg_meters_mark_dirty(m, slot);
}

/* Takes at most max dirty bits of a word, the lowest first. */
static uint32_t
take_bits(_Atomic uint64_t *word, uint64_t mask, uint32_t base,
    uint32_t *slots, uint32_t max)
{
    uint32_t n = 0;
    uint64_t bits = *word & mask;
    uint64_t taken = 0;

    while (bits != 0 && n < max) {
        uint64_t low = bits & -bits;

        slots[n++] = base + (uint32_t) __builtin_ctzll(low);
        taken |= low;
        bits ^= low;
    }
    if (taken != 0) {
        (void) atomic_fetch_and(word, ~taken);
    }
    return n;
}

uint32_t
tg_meters_take_dirty(struct tg_meters *m, uint32_t *from, uint32_t *slots,
    uint32_t max)
{
    uint32_t n = 0;
    uint32_t end = tg_meters_slots(m);

    while (*from < end && n < max) {
        uint32_t          base = *from & ~UINT32_C(63);
        uint64_t          mask = UINT64_MAX << (*from - base);
        _Atomic uint64_t *word = dirty_words(m, base >> TG_METER_PIECE_BITS)
            + (base & SLOT_MASK) / 64;

        if ((*word & mask) == 0) {
            *from = base + 64;
            continue;
        }
        n += take_bits(word, mask, base, slots + n, max - n);
        *from = n == max ? slots[n - 1] + 1 : base + 64;
    }
    if (*from > end) {
        *from = end;
    }
    return n;
}
