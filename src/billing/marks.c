/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/marks.h"

#include <inttypes.h>
#include <stdlib.h>

struct tg_marks_piece {
    uint32_t marks[TG_METER_PIECE][TG_LANES];
};

void
tg_marks_clear(struct tg_marks *marks)
{
    size_t i;

    marks->number = 0;
    for (i = 0; i < TG_METER_PIECES_MAX; i++) {
        free(marks->pieces[i]);
        marks->pieces[i] = NULL;
    }
}

const uint32_t *
tg_marks_of(const struct tg_marks *marks, uint32_t slot)
{
    static const uint32_t        zero[TG_LANES];
    const struct tg_marks_piece *p
        = marks->pieces[slot >> TG_METER_PIECE_BITS];

    return p != NULL ? p->marks[slot & (TG_METER_PIECE - 1)] : zero;
}

bool
tg_marks_is_bare(const struct tg_marks *marks, uint32_t slot)
{
    return marks->pieces[slot >> TG_METER_PIECE_BITS] == NULL;
}

static enum tg_status
set(struct tg_marks *marks, uint32_t slot, unsigned lane, uint32_t mark,
    struct tg_error *err)
{
    struct tg_marks_piece **p = &marks->pieces[slot >> TG_METER_PIECE_BITS];

    if (*p == NULL) {
        *p = calloc(1, sizeof(**p));
        if (*p == NULL) {
            return tg_error_set(err, TG_NOMEM, "no memory for the marks");
        }
    }
    (*p)->marks[slot & (TG_METER_PIECE - 1)][lane] = mark;
    return TG_OK;
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

enum tg_status
tg_marks_read(struct tg_marks *marks, struct tg_store *s,
    const char *file_id, struct tg_error *err)
{
    int64_t         id, slot;
    unsigned        lane;
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    tg_marks_clear(marks);
    status = find_number(marks, s, file_id, err);
    if (status == TG_OK) {
        status = tg_store_query(s, &q, err, "SELECT id, mark FROM meter_mark"
            " WHERE id >= $1 AND id < $2", "ii", id_of(marks, 0, 0),
            (marks->number + 1) << ID_SET_SHIFT);
    }
    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        id = tg_stmt_int(q, 0);
        slot = id & UINT32_MAX;
        lane = (unsigned) (id >> ID_LANE_SHIFT) % TG_LANES;
        if (slot >= (int64_t) TG_METER_PIECES_MAX * TG_METER_PIECE) {
            status = tg_error_set(err, TG_CORRUPT, "meter_mark names slot %"
                PRId64 " lane %u", slot, lane);
        } else {
            status = set(marks, (uint32_t) slot, lane,
                (uint32_t) tg_stmt_int(q, 1), err);
        }
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_marks_store(struct tg_marks *marks, struct tg_store *s, uint32_t slot,
    unsigned lane, uint32_t owner, uint32_t mark, struct tg_error *err)
{
    enum tg_status status = set(marks, slot, lane, mark, err); /* K2 */

    return status != TG_OK ? status : tg_store_exec(s, err, "INSERT INTO"
        " meter_mark (id, owner, mark) VALUES ($1, $2, $3) ON CONFLICT (id)"
        " DO UPDATE SET owner = excluded.owner, mark = excluded.mark", "iii",
        id_of(marks, lane, slot), (int64_t) owner, (int64_t) mark);
}
