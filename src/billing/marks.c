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

enum tg_status
tg_marks_read(struct tg_marks *marks, struct tg_store *s,
    const char *file_id, struct tg_error *err)
{
    int64_t         slot, lane;
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    tg_marks_clear(marks);
    status = tg_store_query(s, &q, err, "SELECT slot, lane, mark FROM"
        " meter_mark WHERE file_id = $1", "s", file_id);
    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        slot = tg_stmt_int(q, 0);
        lane = tg_stmt_int(q, 1);
        if (slot < 0 || lane < 0 || lane >= TG_LANES
            || slot >= (int64_t) TG_METER_PIECES_MAX * TG_METER_PIECE)
        {
            status = tg_error_set(err, TG_CORRUPT, "meter_mark names slot %"
                PRId64 " lane %" PRId64, slot, lane);
        } else {
            status = set(marks, (uint32_t) slot, (unsigned) lane,
                (uint32_t) tg_stmt_int(q, 2), err);
        }
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_marks_store(struct tg_marks *marks, struct tg_store *s,
    const char *file_id, uint32_t slot, unsigned lane, uint32_t owner,
    uint32_t mark, struct tg_error *err)
{
    enum tg_status status = set(marks, slot, lane, mark, err); /* K2 */

    return status != TG_OK ? status : tg_store_exec(s, err, "INSERT INTO"
        " meter_mark (file_id, slot, lane, owner, mark) VALUES ($1, $2, $3,"
        " $4, $5) ON CONFLICT (file_id, slot, lane) DO UPDATE SET"
        " owner = excluded.owner, mark = excluded.mark", "siiii", file_id,
        (int64_t) slot, (int64_t) lane, (int64_t) owner, (int64_t) mark);
}
