/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/marks.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/hours.h"

/* Marks of one lane, by the slot's place in its piece. */
struct column {
    uint32_t marks[TG_METER_PIECE];
};

struct tg_marks_piece {
    uint32_t       open; /* a bit a lane */
    uint32_t       settled;
    struct column *columns[TG_LANES]; /* of the open ones */
    uint64_t       sums[TG_LANES];    /* of the settled ones' lanes */
};

static uint32_t
bit_of(unsigned lane)
{
    return UINT32_C(1) << lane;
}

static uint32_t
piece_of(uint32_t slot)
{
    return slot >> TG_METER_PIECE_BITS;
}

static uint32_t
place_of(uint32_t slot)
{
    return slot & (TG_METER_PIECE - 1);
}

static uint32_t
pieces_of(const struct tg_marks *marks)
{
    return piece_of(tg_meters_slots(marks->meters));
}

/* Lanes of one piece, by the slot's place in it. */
static const _Atomic uint32_t *
lanes_of(const struct tg_marks *marks, uint32_t piece, unsigned lane)
{
    return tg_meters_lane(marks->meters, piece << TG_METER_PIECE_BITS, lane);
}

static uint32_t
value_of(const _Atomic uint32_t *lane)
{
    return atomic_load_explicit(lane, memory_order_acquire);
}

void
tg_marks_clear(struct tg_marks *marks)
{
    size_t   i;
    unsigned lane;

    marks->number = 0;
    marks->settled_hour = 0;
    for (i = 0; i < TG_METER_PIECES_MAX; i++) {
        for (lane = 0; marks->pieces[i] != NULL && lane < TG_LANES; lane++) {
            free(marks->pieces[i]->columns[lane]);
        }
        free(marks->pieces[i]);
        marks->pieces[i] = NULL;
    }
}

/*
 * ---- columns
 */

/* An open column; one that was not is all 0. */
static enum tg_status
open_column(struct tg_marks *marks, uint32_t piece, unsigned lane,
    struct column **out, struct tg_error *err)
{
    struct tg_marks_piece **p = &marks->pieces[piece];

    if (*p == NULL) {
        *p = calloc(1, sizeof(**p));
    }
    if (*p != NULL && (*p)->columns[lane] == NULL) {
        (*p)->columns[lane] = calloc(1, sizeof(struct column));
    }
    if (*p == NULL || (*p)->columns[lane] == NULL) {
        return tg_error_set(err, TG_NOMEM, "no memory for the marks");
    }
    (*p)->open |= bit_of(lane);
    (*p)->settled &= ~bit_of(lane);
    (*p)->sums[lane] = 0;
    *out = (*p)->columns[lane];
    return TG_OK;
}

/*
 * The sum of a column is one of 64-bit words, each of two lanes, so that no
 * growth of a wide cell is seen as none.
 */
static uint64_t
part_of_sum(uint32_t place, uint32_t value)
{
    return (uint64_t) value << (place % 2 * 32);
}

/* Settles an open column if every lane is at its mark. */
static void
settle_column(struct tg_marks *marks, uint32_t piece, unsigned lane)
{
    uint32_t                i;
    uint64_t                sum = 0;
    struct tg_marks_piece  *p = marks->pieces[piece];
    const _Atomic uint32_t *lanes;

    if (piece >= pieces_of(marks)) {
        return;
    }
    lanes = lanes_of(marks, piece, lane);
    for (i = 0; i < TG_METER_PIECE; i++) {
        uint32_t mark = p->columns[lane]->marks[i];

        if (value_of(&lanes[i]) != mark) {
            return;
        }
        sum += part_of_sum(i, mark);
    }
    free(p->columns[lane]);
    p->columns[lane] = NULL;
    p->sums[lane] = sum;
    p->open &= ~bit_of(lane);
    p->settled |= bit_of(lane);
    tg_meters_let_go(marks->meters, piece << TG_METER_PIECE_BITS, lane);
}

/* Whether a column that is not open has come away from its marks. */
static bool
has_grown(const struct tg_marks *marks, uint32_t piece, unsigned lane)
{
    uint32_t                     i;
    uint64_t                     sum = 0;
    const struct tg_marks_piece *p = marks->pieces[piece];
    const _Atomic uint32_t      *lanes = lanes_of(marks, piece, lane);

    for (i = 0; i < TG_METER_PIECE; i++) {
        sum += part_of_sum(i, value_of(&lanes[i]));
    }
    /* A million meters have 4 MB of them, for each hour of 32. */
    tg_meters_let_go(marks->meters, piece << TG_METER_PIECE_BITS, lane);
    return sum != (p != NULL ? p->sums[lane] : 0);
}

/* The lanes that an hour, the one before and the one after count into. */
static uint32_t
lanes_around(int64_t now_s)
{
    return bit_of(tg_hour_lane(tg_hour_of(now_s - TG_HOUR_S)))
        | bit_of(tg_hour_lane(tg_hour_of(now_s)))
        | bit_of(tg_hour_lane(tg_hour_of(now_s + TG_HOUR_S)));
}

void
tg_marks_settle(struct tg_marks *marks, int64_t now_s)
{
    size_t   i;
    unsigned lane;
    uint32_t kept = lanes_around(now_s);

    if (marks->settled_hour == tg_hour_of(now_s)) {
        return;
    }
    marks->settled_hour = tg_hour_of(now_s);
    for (i = 0; i < TG_METER_PIECES_MAX; i++) {
        for (lane = 0; marks->pieces[i] != NULL && lane < TG_LANES; lane++) {
            if ((marks->pieces[i]->open & ~kept & bit_of(lane)) != 0) {
                settle_column(marks, (uint32_t) i, lane);
            }
        }
    }
}

/*
 * ---- a slot's
 */

static uint32_t
mark_of(const struct tg_marks *marks, uint32_t slot, unsigned lane)
{
    const struct tg_marks_piece *p = marks->pieces[piece_of(slot)];

    assert(p == NULL || (p->settled & bit_of(lane)) == 0);
    return p == NULL || p->columns[lane] == NULL
        ? 0 : p->columns[lane]->marks[place_of(slot)];
}

uint64_t
tg_marks_get(const struct tg_marks *marks, uint32_t slot, unsigned lane,
    bool is_wide)
{
    uint64_t upper = is_wide ? mark_of(marks, slot + 1, lane) : 0;

    return upper << 32 | mark_of(marks, slot, lane);
}

uint32_t
tg_marks_differing(const struct tg_marks *marks, uint32_t slot)
{
    uint32_t                     left;
    uint32_t                     found = 0;
    const struct tg_marks_piece *p = marks->pieces[piece_of(slot)];

    for (left = p != NULL ? p->open : 0; left != 0; left &= left - 1) {
        unsigned lane = (unsigned) __builtin_ctz(left);

        if (value_of(tg_meters_lane(marks->meters, slot, lane))
            != p->columns[lane]->marks[place_of(slot)])
        {
            found |= bit_of(lane);
        }
    }
    return found;
}

uint32_t
tg_marks_grown(const struct tg_marks *marks, uint32_t *from, uint32_t *slots)
{
    uint32_t                     i, left;
    uint32_t                     n = 0, first = *from;
    bool                         is_grown[TG_MARKS_BLOCK] = { false };
    const struct tg_marks_piece *p = marks->pieces[piece_of(first)];

    *from = first + TG_MARKS_BLOCK;
    for (left = p != NULL ? p->open : 0; left != 0; left &= left - 1) {
        unsigned                lane = (unsigned) __builtin_ctz(left);
        const _Atomic uint32_t *lanes = tg_meters_lane(marks->meters, first,
            lane);
        const uint32_t         *at = &p->columns[lane]
            ->marks[place_of(first)];

        for (i = 0; i < TG_MARKS_BLOCK; i++) {
            is_grown[i] |= value_of(&lanes[i]) != at[i];
        }
    }
    for (i = 0; i < TG_MARKS_BLOCK; i++) {
        if (is_grown[i]) {
            slots[n++] = first + i;
        }
    }
    return n;
}

/*
 * ---- in the store: a mark's id is the set's number, the lane, the slot
 */

#define ID_LANE_SHIFT 32
#define ID_SET_SHIFT 37

static int64_t
id_of(const struct tg_marks *marks, unsigned lane, uint32_t slot)
{
    return marks->number << ID_SET_SHIFT
        | (int64_t) lane << ID_LANE_SHIFT | slot;
}

static enum tg_status
read_number(struct tg_marks *marks, struct tg_store *s, const char *file_id,
    struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(s, &q, err, "SELECT number FROM meter_file WHERE"
        " file_id = $1", "s", file_id);
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK) {
        marks->number = tg_stmt_int(q, 0);
    }
    tg_stmt_done(q);
    return status;
}

/* The set's number; a new one, where the store has none. */
static enum tg_status
find_number(struct tg_marks *marks, struct tg_store *s, const char *file_id,
    struct tg_error *err)
{
    enum tg_status status = read_number(marks, s, file_id, err);

    if (status != TG_NOTFOUND) {
        return status;
    }
    status = tg_store_begin(s, TG_STORE_ORDERED, err);
    if (status == TG_OK) {
        status = tg_store_exec(s, err, "INSERT INTO meter_file (file_id)"
            " VALUES ($1)", "s", file_id);
    }
    if (status == TG_OK) {
        status = tg_store_commit(s, err);
    }
    tg_store_rollback(s);
    return status == TG_OK ? read_number(marks, s, file_id, err) : status;
}

/* A row of meter_mark: to which column it belongs, and where. */
struct row {
    uint32_t slot;
    unsigned lane;
    uint32_t mark;
};

static enum tg_status
next_row(struct tg_stmt *q, struct row *row, struct tg_error *err)
{
    int64_t        id;
    enum tg_status status = tg_stmt_next(q, err);

    if (status != TG_OK) {
        return status;
    }
    id = tg_stmt_int(q, 0);
    row->slot = (uint32_t) (id & UINT32_MAX);
    row->lane = (unsigned) (id >> ID_LANE_SHIFT) % TG_LANES;
    row->mark = (uint32_t) tg_stmt_int(q, 1);
    return piece_of(row->slot) < TG_METER_PIECES_MAX
        ? TG_OK : tg_error_set(err, TG_CORRUPT, "meter_mark names slot %"
              PRIu32 " lane %u", row->slot, row->lane);
}

/* The marks with ids from first to before end, column by column. */
static enum tg_status
query_marks(struct tg_store *s, struct tg_stmt **q, int64_t first,
    int64_t end, struct tg_error *err)
{
    return tg_store_query(s, q, err, "SELECT id, mark FROM meter_mark"
        " WHERE id >= $1 AND id < $2 ORDER BY id", "ii", first, end);
}

/* All rows; a column that is complete is settled if it can be. */
static enum tg_status
read_rows(struct tg_marks *marks, struct tg_stmt *q, struct tg_error *err)
{
    unsigned       lane = 0;
    uint32_t       piece = 0;
    enum tg_status status;
    struct row     row;
    struct column *column = NULL;

    while ((status = next_row(q, &row, err)) == TG_OK) {
        if (column != NULL
            && (lane != row.lane || piece != piece_of(row.slot)))
        {
            settle_column(marks, piece, lane);
        }
        lane = row.lane;
        piece = piece_of(row.slot);
        status = open_column(marks, piece, lane, &column, err);
        if (status != TG_OK) {
            return status;
        }
        column->marks[place_of(row.slot)] = row.mark;
    }
    if (column != NULL) {
        settle_column(marks, piece, lane);
    }
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_marks_read(struct tg_marks *marks, struct tg_store *s,
    const struct tg_meters *meters, const char *file_id,
    struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    tg_marks_clear(marks);
    marks->meters = meters;
    status = find_number(marks, s, file_id, err);
    if (status == TG_OK) {
        status = query_marks(s, &q, id_of(marks, 0, 0),
            (marks->number + 1) << ID_SET_SHIFT, err);
    }
    if (status == TG_OK) {
        status = read_rows(marks, q, err);
    }
    tg_stmt_done(q);
    return status;
}

/* Opens a column, as the store has it. */
static enum tg_status
unsettle(struct tg_marks *marks, struct tg_store *s, uint32_t piece,
    unsigned lane, struct tg_error *err)
{
    uint32_t        first = piece << TG_METER_PIECE_BITS;
    enum tg_status  status;
    struct row      row;
    struct column  *column = NULL;
    struct tg_stmt *q = NULL;

    status = open_column(marks, piece, lane, &column, err);
    if (status == TG_OK) {
        status = query_marks(s, &q, id_of(marks, lane, first),
            id_of(marks, lane, first) + TG_METER_PIECE, err);
    }
    while (status == TG_OK && (status = next_row(q, &row, err)) == TG_OK) {
        column->marks[place_of(row.slot)] = row.mark;
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_marks_prepare(struct tg_marks *marks, struct tg_store *s, uint32_t slot,
    int64_t now_s, struct tg_error *err)
{
    uint32_t                     wanted;
    enum tg_status               status = TG_OK;
    const struct tg_marks_piece *p = marks->pieces[piece_of(slot)];

    wanted = lanes_around(now_s) & ~(p != NULL ? p->open : 0);
    for (; status == TG_OK && wanted != 0; wanted &= wanted - 1) {
        unsigned lane = (unsigned) __builtin_ctz(wanted);

        if ((p != NULL && (p->settled & bit_of(lane)) != 0)
            || value_of(tg_meters_lane(marks->meters, slot, lane)) != 0)
        {
            status = unsettle(marks, s, piece_of(slot), lane, err);
            p = marks->pieces[piece_of(slot)];
        }
    }
    return status;
}

enum tg_status
tg_marks_check(struct tg_marks *marks, struct tg_store *s,
    struct tg_error *err)
{
    uint32_t       piece;
    unsigned       lane;
    enum tg_status status = TG_OK;

    for (piece = 0; piece < pieces_of(marks); piece++) {
        for (lane = 0; lane < TG_LANES && status == TG_OK; lane++) {
            const struct tg_marks_piece *p = marks->pieces[piece];

            if ((p == NULL || (p->open & bit_of(lane)) == 0)
                && has_grown(marks, piece, lane))
            {
                status = unsettle(marks, s, piece, lane, err);
            }
        }
    }
    return status;
}

static enum tg_status
store_mark(struct tg_marks *marks, struct tg_store *s, uint32_t slot,
    unsigned lane, uint32_t owner, uint32_t mark, struct tg_error *err)
{
    struct column *column;
    enum tg_status status = open_column(marks, piece_of(slot), lane, &column,
        err);

    if (status != TG_OK) {
        return status;
    }
    column->marks[place_of(slot)] = mark; /* K2 */
    return tg_store_exec(s, err, "INSERT INTO"
        " meter_mark (id, owner, mark) VALUES ($1, $2, $3) ON CONFLICT (id)"
        " DO UPDATE SET owner = excluded.owner, mark = excluded.mark", "iii",
        id_of(marks, lane, slot), (int64_t) owner, (int64_t) mark);
}

enum tg_status
tg_marks_store(struct tg_marks *marks, struct tg_store *s, uint32_t slot,
    unsigned lane, uint32_t owner, uint64_t mark, bool is_wide,
    struct tg_error *err)
{
    uint32_t       upper = (uint32_t) (mark >> 32);
    enum tg_status status = TG_OK;

    if (is_wide && upper != mark_of(marks, slot + 1, lane)) {
        status = store_mark(marks, s, slot + 1, lane, owner, upper, err);
    }
    return status == TG_OK
        ? store_mark(marks, s, slot, lane, owner, (uint32_t) mark, err)
        : status;
}
