/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/collector.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "billing/fold_row.h"
#include "billing/marks.h"
#include "billing/memo.h"
#include "billing/records.h"
#include "billing/recovery.h"
#include "control/binding.h"
#include "core/hours.h"
#include "plane/meters.h"
#include "util/digest.h"

#define TAKE_MAX 1024

#define REASON_CARRIED "its hour was sealed before the call was counted"
#define REASON_ASIDE "counted under another owner of the cell"
#define REASON_UNOWNED "counted in a cell that has no owner"

/* A slot that is closed in this transaction. */
struct retired {
    uint32_t slot;
    uint32_t owner;
};

struct tg_collector {
    struct tg_collector_config config;
    struct tg_meters          *meters;
    struct tg_marks            marks;
    char                       file_id[TG_FILE_ID_HEX];
    char                       node[TG_UUID_SIZE];
    int64_t                    sequence;
    bool                       is_mirror_stale; /* F2 */
    bool                       is_corrupt;      /* F4 */

    struct retired *retired;
    size_t          retired_count, retired_room;

    struct tg_collector_stats stats;
    struct tg_collector_stats added; /* by the open transaction */
    int64_t                   added_newest;
    bool                      has_changed; /* in the open transaction */
};

/* Who counts in a slot, as the store has it. */
struct owner {
    bool        is_known;
    uint32_t    generation;
    const char *key_id;
    const char *plan_id;
    const char *product_code;
    const char *dimension;
    const char *agreement_id;
    const char *reason;
};

/* One fold. */
struct fold {
    struct tg_collector *c;
    int64_t              now_s;
    int64_t              sealed_through;
    uint64_t             oldest_epoch;
    struct tg_error     *err;
};

/* Room for one more element of a growing array. */
static bool
grow(void **items, size_t *room, size_t count, size_t size)
{
    void  *more;
    size_t wanted;

    if (count < *room) {
        return true;
    }
    wanted = *room > 0 ? 2 * *room : 256;
    more = reallocarray(*items, wanted, size);
    if (more == NULL) {
        return false;
    }
    *items = more;
    *room = wanted;
    return true;
}

/*
 * ---- one cell
 */

/* TG_NOTFOUND: the slot has no owner that is not closed. */
static enum tg_status
owner_query(struct fold *f, uint32_t slot, struct tg_stmt **q,
    struct owner *out)
{
    enum tg_status status;

    memset(out, 0, sizeof(*out));
    status = tg_store_query(f->c->config.store, q, f->err, "SELECT owner,"
        " key_id, plan_id, product_code, dimension, agreement_id, reason"
        " FROM meter_owner WHERE file_id = $1 AND slot = $2 AND"
        " state <> 'closed'", "si", f->c->file_id, (int64_t) slot);
    if (status == TG_OK) {
        status = tg_stmt_next(*q, f->err);
    }
    if (status == TG_OK) {
        out->is_known = true;
        out->generation = (uint32_t) tg_stmt_int(*q, 0);
        out->key_id = tg_stmt_text(*q, 1);
        out->plan_id = tg_stmt_text(*q, 2);
        out->product_code = tg_stmt_text(*q, 3);
        out->dimension = tg_stmt_text(*q, 4);
        out->agreement_id = tg_stmt_text(*q, 5);
        out->reason = tg_stmt_text(*q, 6);
    }
    return status;
}

/* Whose units they are and in which hour they are billed: F5, F6. */
static enum tg_status
attribute(struct fold *f, struct tg_usage_row *row,
    const struct tg_meter_cell *cell, const struct owner *owner,
    int64_t used_hour, uint32_t units)
{
    enum tg_status status = TG_OK;

    row->node = f->c->node;
    row->agreement_id = "";
    row->product_code = owner->product_code != NULL ? owner->product_code
                                                    : "";
    row->dimension = owner->is_known ? owner->dimension : "";
    row->hour = used_hour;
    row->used_hour = used_hour;
    row->key_id = owner->is_known ? owner->key_id : "";
    row->plan_id = owner->is_known ? owner->plan_id : "";
    if (!owner->is_known
        || owner->generation != atomic_load(&cell->owner))
    {
        row->reason = owner->is_known ? REASON_ASIDE : REASON_UNOWNED;
        f->c->added.set_aside += units;
    } else if (owner->agreement_id == NULL) {
        row->reason = owner->reason;
    } else {
        row->agreement_id = owner->agreement_id;
        status = tg_record_open_hour(f->c->config.store, &row->hour,
            owner->agreement_id, owner->dimension, used_hour,
            f->sealed_through, f->now_s, f->err);
        row->reason = row->hour != used_hour ? REASON_CARRIED : "";
        f->c->added.carried += row->hour != used_hour ? units : 0;
    }
    return status;
}

static enum tg_status
fold_lane(struct fold *f, uint32_t slot, unsigned lane, uint32_t value,
    const struct tg_meter_cell *cell, const struct owner *owner)
{
    int64_t             hour = tg_hour_of_lane(lane, f->now_s);
    uint32_t            mark = tg_marks_of(&f->c->marks, slot)[lane];
    uint32_t            units = value - mark; /* modulo 2^32 */
    enum tg_status      status;
    struct tg_usage_row row;

    if (tg_mark_is_ahead(mark, value)) {
        return tg_error_set(f->err, TG_CORRUPT, "the meters are damaged:"
            " slot %" PRIu32 " lane %u stands at %" PRIu32 ", but %" PRIu32
            " was counted already; folding has stopped", slot, lane, value,
            mark);
    }
    status = attribute(f, &row, cell, owner, hour, units);
    if (status == TG_OK) {
        status = tg_usage_add(f->c->config.store, &row, units, f->err);
    }
    if (status == TG_OK) {
        f->c->has_changed = true;
        status = tg_marks_store(&f->c->marks, f->c->config.store,
            f->c->file_id, slot, lane, owner->generation, value, f->err);
    }
    f->c->added.units += units;
    if (hour > f->c->added_newest) {
        f->c->added_newest = hour;
    }
    return status;
}

static bool
has_grown(const struct tg_collector *c, const struct tg_meter_cell *cell,
    uint32_t slot)
{
    unsigned        lane;
    const uint32_t *marks = tg_marks_of(&c->marks, slot);

    for (lane = 0; lane < TG_LANES; lane++) {
        if (atomic_load_explicit(&cell->lanes[lane], memory_order_acquire)
            != marks[lane])
        {
            return true;
        }
    }
    return false;
}

static enum tg_status
fold_slot(struct fold *f, uint32_t slot)
{
    uint32_t              value;
    unsigned              lane;
    enum tg_status        status;
    struct owner          owner;
    struct tg_stmt       *q = NULL;
    struct tg_meter_cell *cell = tg_meters_cell(f->c->meters, slot);

    if (cell == NULL || !has_grown(f->c, cell, slot)) {
        return TG_OK;
    }
    status = owner_query(f, slot, &q, &owner);
    if (status == TG_NOTFOUND) {
        status = TG_OK; /* F5 */
    }
    for (lane = 0; lane < TG_LANES && status == TG_OK; lane++) {
        value = atomic_load_explicit(&cell->lanes[lane],
            memory_order_acquire);
        if (value != tg_marks_of(&f->c->marks, slot)[lane]) {
            status = fold_lane(f, slot, lane, value, cell, &owner);
        }
    }
    tg_stmt_done(q);
    f->c->added.cells++;
    return status;
}

/*
 * ---- one fold
 */

/* Slots whose last worker has moved on are folded and closed: F7. */
static enum tg_status
find_retired(struct fold *f)
{
    void                *items;
    enum tg_status       status;
    struct tg_stmt      *q = NULL;
    struct tg_collector *c = f->c;

    c->retired_count = 0;
    status = tg_store_query(c->config.store, &q, f->err, "SELECT slot, owner"
        " FROM meter_owner WHERE state = 'retired' AND file_id = $1 AND"
        " retired_epoch <= $2", "si", c->file_id, (int64_t) f->oldest_epoch);
    while (status == TG_OK && (status = tg_stmt_next(q, f->err)) == TG_OK) {
        items = c->retired;
        if (!grow(&items, &c->retired_room, c->retired_count,
                sizeof(*c->retired)))
        {
            status = tg_error_set(f->err, TG_NOMEM, "out of memory");
            break;
        }
        c->retired = items;
        c->retired[c->retired_count++] = (struct retired) {
            (uint32_t) tg_stmt_int(q, 0), (uint32_t) tg_stmt_int(q, 1) };
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
close_retired(struct fold *f)
{
    size_t               i;
    enum tg_status       status = TG_OK;
    struct tg_collector *c = f->c;

    for (i = 0; i < c->retired_count && status == TG_OK; i++) {
        status = fold_slot(f, c->retired[i].slot);
        if (status == TG_OK) {
            status = tg_binding_close(c->config.store, c->file_id,
                c->retired[i].slot, c->retired[i].owner, f->err);
        }
    }
    return status;
}

/* Dirty bits are cleared before the lanes are read (plane/meters.h, M3). */
static enum tg_status
fold_dirty(struct fold *f)
{
    uint32_t       i, n, from = 0;
    uint32_t       slots[TAKE_MAX];
    uint32_t       all = tg_meters_slots(f->c->meters);
    enum tg_status status = TG_OK;

    while (from < all && status == TG_OK) {
        n = tg_meters_take_dirty(f->c->meters, &from, slots, TAKE_MAX);
        for (i = 0; i < n && status == TG_OK; i++) {
            status = fold_slot(f, slots[i]);
        }
    }
    return status;
}

static enum tg_status
fold_all(struct fold *f)
{
    uint32_t       slot, from = 0;
    uint32_t       slots[TAKE_MAX];
    uint32_t       all = tg_meters_slots(f->c->meters);
    enum tg_status status = TG_OK;

    while (from < all) {
        (void) tg_meters_take_dirty(f->c->meters, &from, slots, TAKE_MAX);
    }
    for (slot = 0; slot < all && status == TG_OK; slot++) {
        status = fold_slot(f, slot);
    }
    return status;
}

static enum tg_status
store_fold_row(struct fold *f)
{
    struct tg_collector *c = f->c;
    struct tg_fold_row   row = { .sequence = c->sequence + 1,
        .through_s = f->now_s };

    memcpy(row.file_id, c->file_id, sizeof(row.file_id));
    tg_guard_state(c->config.guard, &row.offset_s, &row.newest_hour);
    if (c->added_newest > row.newest_hour) {
        row.newest_hour = c->added_newest;
    }
    return tg_fold_row_write(c->config.store, &row, c->node, f->err);
}

/* After the commit. */
static void
settle(struct fold *f)
{
    size_t               i;
    struct tg_collector *c = f->c;

    c->sequence++;
    atomic_store(&c->config.board->page->fold_sequence,
        (uint64_t) c->sequence);
    for (i = 0; i < c->retired_count && c->config.control != NULL; i++) {
        tg_binding_reuse(c->config.control, c->retired[i].slot);
    }
    tg_guard_counted(c->config.guard, c->added_newest);
    c->stats.cells += c->added.cells;
    c->stats.units += c->added.units;
    c->stats.set_aside += c->added.set_aside;
    c->stats.carried += c->added.carried;
}

/* Everything between begin and commit. */
static enum tg_status
fold_transaction(struct fold *f, bool is_full)
{
    enum tg_status       status;
    struct tg_collector *c = f->c;
    struct tg_store     *s = c->config.store;

    status = tg_store_begin(s, TG_STORE_ORDERED, f->err);
    if (status == TG_OK) {
        f->sealed_through = 0;
        status = tg_memo_get_int(s, &f->sealed_through,
            TG_MEMO_SEALED_THROUGH, f->err);
        status = status == TG_NOTFOUND ? TG_OK : status;
    }
    if (status == TG_OK) {
        status = find_retired(f);
    }
    if (status == TG_OK) {
        status = is_full ? fold_all(f) : fold_dirty(f);
    }
    if (status == TG_OK) {
        status = close_retired(f);
    }
    if (status == TG_OK && (c->has_changed || c->retired_count > 0)) {
        status = store_fold_row(f);
        if (status == TG_OK) {
            status = tg_store_commit(s, f->err);
        }
        if (status == TG_OK) {
            settle(f);
        }
    }
    tg_store_rollback(s);
    return status;
}

enum tg_status
tg_collector_fold(struct tg_collector *c, bool is_full, int64_t now_s,
    struct tg_error *err)
{
    struct tg_error reason;
    struct fold     f = { .c = c, .now_s = now_s };
    enum tg_status  status = TG_OK;

    if (err == NULL) {
        err = &reason; /* the guard keeps it */
    }
    f.err = err;
    if (c->is_corrupt) {
        return tg_error_set(err, TG_CORRUPT, "folding has stopped: the"
            " meters are damaged");
    }
    f.oldest_epoch = tg_board_oldest_epoch(c->config.board); /* F7: first */
    c->has_changed = false;
    c->added = (struct tg_collector_stats) { 0 };
    c->added_newest = 0;
    if (c->is_mirror_stale) {
        is_full = true;
        status = tg_marks_read(&c->marks, c->config.store, c->file_id, err);
        c->is_mirror_stale = status != TG_OK;
    }
    if (status == TG_OK) {
        status = tg_meters_update(c->meters, err);
    }
    if (status == TG_OK) {
        status = fold_transaction(&f, is_full);
    }
    if (status == TG_OK) {
        c->stats.last_s = now_s;
        return TG_OK;
    }
    c->is_mirror_stale = true; /* F2; dirty bits may have been taken, too */
    if (status == TG_CORRUPT) {
        c->is_corrupt = true;
        tg_guard_stop(c->config.guard, err->message);
    }
    return status;
}

/*
 * ---- opening
 */

enum tg_status
tg_collector_open(struct tg_collector **out,
    const struct tg_collector_config *config, int64_t now_s, int64_t boot_s,
    struct tg_error *err)
{
    enum tg_status       status;
    struct tg_recovery   recovery = { .config = config };
    struct tg_collector *c = calloc(1, sizeof(*c));

    *out = NULL;
    if (c == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    c->config = *config;
    tg_hex(c->file_id, config->board->page->file_id, TG_PLANE_ID_SIZE);
    status = tg_meters_open(&c->meters, config->state_dir,
        config->board->page, err);
    if (status == TG_OK) {
        status = tg_marks_read(&c->marks, config->store, c->file_id, err);
    }
    if (status == TG_OK) {
        recovery.meters = c->meters;
        recovery.marks = &c->marks;
        recovery.file_id = c->file_id;
        status = tg_recovery_run(&recovery, now_s, err);
    }
    if (status != TG_OK) {
        tg_collector_close(c);
        return status;
    }
    memcpy(c->node, recovery.node, sizeof(c->node));
    c->sequence = recovery.sequence;
    (void) tg_guard_look(config->guard, now_s, boot_s);
    c->is_mirror_stale = true; /* so that the first fold sweeps */
    *out = c;
    return TG_OK;
}

void
tg_collector_close(struct tg_collector *c)
{
    if (c == NULL) {
        return;
    }
    tg_meters_close(c->meters);
    tg_marks_clear(&c->marks);
    free(c->retired);
    free(c);
}

struct tg_collector_stats
tg_collector_stats(const struct tg_collector *c)
{
    return c->stats;
}
