/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/collector.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/trail.h"
#include "billing/memo.h"
#include "billing/records.h"
#include "control/binding.h"
#include "core/hours.h"
#include "plane/meters.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/log.h"

#define TAKE_MAX 1024
#define BEHIND UINT32_C(0x80000000) /* growth from here on is none */
#define ID_HEX (2 * TG_PLANE_ID_SIZE + 1)

#define REASON_CARRIED "its hour was sealed before the call was counted"
#define REASON_ASIDE "counted under another owner of the cell"
#define REASON_UNOWNED "counted in a cell that has no owner"

/* The mirror of the marks of one piece of the meters. */
struct piece {
    uint32_t marks[TG_METER_PIECE][TG_LANES];
};

/* A slot that is closed in this transaction. */
struct retired {
    uint32_t slot;
    uint32_t owner;
};

struct tg_collector {
    struct tg_collector_config config;
    struct tg_meters          *meters;
    char                       file_id[ID_HEX];
    char                       boot_id[ID_HEX];
    char                       node[TG_UUID_SIZE];
    struct piece              *pieces[TG_METER_PIECES_MAX];
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

/*
 * ---- the mirror of the marks
 */

static uint32_t
mark_get(const struct tg_collector *c, uint32_t slot, unsigned lane)
{
    const struct piece *p = c->pieces[slot >> TG_METER_PIECE_BITS];

    return p != NULL ? p->marks[slot & (TG_METER_PIECE - 1)][lane] : 0;
}

static bool
mark_set(struct tg_collector *c, uint32_t slot, unsigned lane, uint32_t mark)
{
    struct piece **p = &c->pieces[slot >> TG_METER_PIECE_BITS];

    if (*p == NULL) {
        *p = calloc(1, sizeof(**p));
        if (*p == NULL) {
            return false;
        }
    }
    (*p)->marks[slot & (TG_METER_PIECE - 1)][lane] = mark;
    return true;
}

static void
mirror_clear(struct tg_collector *c)
{
    size_t i;

    for (i = 0; i < TG_METER_PIECES_MAX; i++) {
        free(c->pieces[i]);
        c->pieces[i] = NULL;
    }
}

/* Reads the marks of the present set of files (F3). */
static enum tg_status
mirror_read(struct tg_collector *c, struct tg_error *err)
{
    int64_t         slot, lane;
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    mirror_clear(c);
    status = tg_store_query(c->config.store, &q, err, "SELECT slot, lane,"
        " mark FROM meter_mark WHERE file_id = $1", "s", c->file_id);
    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        slot = tg_stmt_int(q, 0);
        lane = tg_stmt_int(q, 1);
        if (slot < 0 || lane < 0 || lane >= TG_LANES
            || slot >= (int64_t) TG_METER_PIECES_MAX * TG_METER_PIECE) {
            status = tg_error_set(err, TG_CORRUPT, "meter_mark names slot %"
                PRId64 " lane %" PRId64, slot, lane);
        } else if (!mark_set(c, (uint32_t) slot, (unsigned) lane,
                       (uint32_t) tg_stmt_int(q, 2))) {
            status = tg_error_set(err, TG_NOMEM, "no memory for the marks");
        }
    }
    tg_stmt_done(q);
    c->is_mirror_stale = status != TG_NOTFOUND;
    return status == TG_NOTFOUND ? TG_OK : status;
}

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
        || owner->generation != atomic_load(&cell->owner)) {
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
store_mark(struct fold *f, uint32_t slot, unsigned lane, uint32_t owner,
    uint32_t mark)
{
    struct tg_collector *c = f->c;

    /* before the commit: should that fail, the mirror is read again (F2) */
    if (!mark_set(c, slot, lane, mark)) {
        return tg_error_set(f->err, TG_NOMEM, "no memory for the marks");
    }
    c->has_changed = true;
    return tg_store_exec(c->config.store, f->err, "INSERT INTO meter_mark"
        " (file_id, slot, lane, owner, mark) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (file_id, slot, lane) DO UPDATE SET"
        " owner = excluded.owner, mark = excluded.mark", "siiii", c->file_id,
        (int64_t) slot, (int64_t) lane, (int64_t) owner, (int64_t) mark);
}

static enum tg_status
fold_lane(struct fold *f, uint32_t slot, unsigned lane, uint32_t value,
    const struct tg_meter_cell *cell, const struct owner *owner)
{
    int64_t             hour = tg_hour_of_lane(lane, f->now_s);
    uint32_t            mark = mark_get(f->c, slot, lane);
    uint32_t            units = value - mark; /* modulo 2^32 */
    enum tg_status      status;
    struct tg_usage_row row;

    if (units >= BEHIND) {
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
        status = store_mark(f, slot, lane, owner->generation, value);
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
    unsigned            lane;
    const struct piece *p = c->pieces[slot >> TG_METER_PIECE_BITS];
    static const uint32_t zero[TG_LANES];
    const uint32_t     *marks = p != NULL
        ? p->marks[slot & (TG_METER_PIECE - 1)] : zero;

    for (lane = 0; lane < TG_LANES; lane++) {
        if (atomic_load_explicit(&cell->lanes[lane], memory_order_acquire)
            != marks[lane]) {
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
        if (value != mark_get(f->c, slot, lane)) {
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
                sizeof(*c->retired))) {
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
write_fold_row(struct tg_collector *c, int64_t sequence, int64_t through_s,
    int64_t newest_hour, int64_t offset_s, struct tg_error *err)
{
    return tg_store_exec(c->config.store, err, "INSERT INTO fold (node,"
        " file_id, sequence, folded_through, newest_hour, boot_offset_s)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (node) DO UPDATE SET"
        " file_id = excluded.file_id, sequence = excluded.sequence,"
        " folded_through = excluded.folded_through,"
        " newest_hour = excluded.newest_hour,"
        " boot_offset_s = excluded.boot_offset_s", "ssiiii", c->node,
        c->file_id, sequence, through_s, newest_hour, offset_s);
}

static enum tg_status
store_fold_row(struct fold *f)
{
    int64_t              offset, newest;
    struct tg_collector *c = f->c;

    tg_guard_state(c->config.guard, &offset, &newest);
    if (c->added_newest > newest) {
        newest = c->added_newest;
    }
    return write_fold_row(c, c->sequence + 1, f->now_s, newest, offset,
        f->err);
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
        status = mirror_read(c, err);
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

static enum tg_status
read_node(struct tg_collector *c, struct tg_error *err)
{
    enum tg_status status;

    status = tg_memo_get(c->config.store, c->node, sizeof(c->node),
        TG_MEMO_NODE, err);
    if (status != TG_NOTFOUND) {
        return status;
    }
    tg_uuid(c->node);
    return tg_memo_set(c->config.store, TG_MEMO_NODE, c->node, err);
}

/* What the store says about the last fold, and about the boot it was in. */
struct last_fold {
    bool    is_known;
    bool    is_same_file;
    bool    is_same_boot;
    int64_t sequence;
    int64_t newest_hour;
    int64_t offset_s;
    int64_t through_s;
    char    file_id[ID_HEX];
};

static enum tg_status
read_last(struct tg_collector *c, struct last_fold *last,
    struct tg_error *err)
{
    char            boot[ID_HEX];
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    memset(last, 0, sizeof(*last));
    status = tg_store_query(c->config.store, &q, err, "SELECT file_id,"
        " sequence, newest_hour, boot_offset_s, folded_through FROM fold"
        " WHERE node = $1",
        "s", c->node);
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK) {
        last->is_known = true;
        (void) snprintf(last->file_id, sizeof(last->file_id), "%s",
            tg_stmt_text(q, 0));
        last->is_same_file = strcmp(last->file_id, c->file_id) == 0;
        last->sequence = tg_stmt_int(q, 1);
        last->newest_hour = tg_stmt_int(q, 2);
        last->offset_s = tg_stmt_int(q, 3);
        last->through_s = tg_stmt_int(q, 4);
    }
    tg_stmt_done(q);
    if (status != TG_OK) {
        return status == TG_NOTFOUND ? TG_OK : status;
    }
    status = tg_memo_get(c->config.store, boot, sizeof(boot), TG_MEMO_BOOT,
        err);
    last->is_same_boot = status == TG_OK && strcmp(boot, c->boot_id) == 0;
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* F4: after a power cut no lane stands behind its mark. */
static uint64_t
lift_lanes(struct tg_collector *c)
{
    uint32_t              slot, value, mark;
    unsigned              lane;
    uint64_t              lifted = 0;
    struct tg_meter_cell *cell;

    for (slot = 0; slot < tg_meters_slots(c->meters); slot++) {
        if (c->pieces[slot >> TG_METER_PIECE_BITS] == NULL) {
            slot |= TG_METER_PIECE - 1;
            continue;
        }
        cell = tg_meters_cell(c->meters, slot);
        for (lane = 0; lane < TG_LANES; lane++) {
            mark = mark_get(c, slot, lane);
            value = atomic_load(&cell->lanes[lane]);
            if (value - mark >= BEHIND) {
                atomic_store(&cell->lanes[lane], mark);
                lifted++;
            }
        }
    }
    return lifted;
}

/* A record of what was found and mended at the start. */
static enum tg_status
audit(struct tg_collector *c, const char *event, json_t *extra,
    int64_t now_s, struct tg_error *err)
{
    enum tg_status         status;
    struct tg_audit_record record = {
        .time_s = now_s,
        .event_source = TG_AUDIT_SOURCE_TALLYGATE,
        .event_name = event,
        .region = c->config.region,
        .account_id = c->config.account_id,
        .identity = tg_audit_self(c->config.account_id, "collector"),
        .extra = extra,
        .resource_type = "Tallygate::Meters",
        .resource_name = c->file_id,
    };

    status = extra != NULL
        ? tg_audit_append(c->config.store, &record, err)
        : tg_error_set(err, TG_NOMEM, "out of memory");
    json_decref(extra);
    return status;
}

/* Another set of files than the last fold's: F3. */
static enum tg_status
note_other_file(struct tg_collector *c, const struct last_fold *last,
    int64_t now_s, struct tg_error *err)
{
    tg_log(TG_LOG_ERROR, "meters_replaced", "before", last->file_id, "now",
        c->file_id, "msg", "the set of mapped files was made anew; what had"
        " not been folded from the former one is lost", NULL);
    return audit(c, "ReplaceMeters", json_pack("{s:s, s:s}", "formerFileId",
            last->file_id, "fileId", c->file_id), now_s, err);
}

static enum tg_status
mend_after_boot(struct tg_collector *c, int64_t now_s, struct tg_error *err)
{
    char     count[24];
    uint64_t lifted = lift_lanes(c);

    if (lifted == 0) {
        return TG_OK;
    }
    (void) snprintf(count, sizeof(count), "%" PRIu64, lifted);
    tg_log(TG_LOG_WARN, "meters_repaired", "lanes", count, "msg",
        "a power cut left meters older than the ledger; they were lifted to"
        " what had been counted", NULL);
    return audit(c, "RepairMeters", json_pack("{s:I}", "lanes",
            (json_int_t) lifted), now_s, err);
}

/* The store's fold sequence is behind the board's: an old store. */
static enum tg_status
hold_old_store(struct tg_collector *c, const struct last_fold *last,
    uint64_t on_board, int64_t now_s, struct tg_error *err)
{
    char           reason[TG_GUARD_REASON_SIZE];
    enum tg_status status;

    (void) snprintf(reason, sizeof(reason), "the store is older than the"
        " meters (fold %" PRId64 " of %" PRIu64 "): an old copy was put back."
        " Nothing is sealed until `tallygate confirm store'",
        last->sequence, on_board);
    tg_logf(TG_LOG_ERROR, "store_older_than_meters", "%s", reason);
    status = tg_memo_set(c->config.store, TG_MEMO_HOLD, reason, err);
    if (status == TG_OK) { /* it is said once; the memo holds */
        status = write_fold_row(c, (int64_t) on_board, last->through_s,
            last->newest_hour, last->offset_s, err);
    }
    if (status == TG_OK) {
        status = audit(c, "HoldSealing", json_pack("{s:s}", "reason",
                reason), now_s, err);
    }
    return status;
}

/* What a kept hold says goes to the guard. */
static enum tg_status
read_hold(struct tg_collector *c, struct tg_error *err)
{
    char           reason[TG_GUARD_REASON_SIZE];
    enum tg_status status;

    status = tg_memo_get(c->config.store, reason, sizeof(reason),
        TG_MEMO_HOLD, err);
    if (status == TG_OK) {
        tg_guard_hold_store(c->config.guard, reason);
    }
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* Compares files, boots and sequences; one durable transaction. */
static enum tg_status
compare(struct tg_collector *c, int64_t now_s, struct tg_error *err)
{
    bool              is_new_boot;
    uint8_t           boot[TG_PLANE_ID_SIZE];
    uint64_t          on_board;
    enum tg_status    status;
    struct last_fold  last = { 0 };
    struct tg_board  *board = c->config.board->page;

    status = tg_boot_id(boot, err);
    if (status != TG_OK) {
        return status;
    }
    tg_hex(c->boot_id, boot, sizeof(boot));
    is_new_boot = memcmp(boot, board->boot_id, sizeof(boot)) != 0;
    on_board = atomic_load(&board->fold_sequence);
    status = read_last(c, &last, err);
    if (status == TG_OK && last.is_known && !last.is_same_file) {
        status = note_other_file(c, &last, now_s, err);
    }
    if (status == TG_OK && is_new_boot) {
        status = mend_after_boot(c, now_s, err);
    } else if (status == TG_OK && (!last.is_known || last.is_same_file)
        && (uint64_t) last.sequence < on_board) {
        status = hold_old_store(c, &last, on_board, now_s, err);
    }
    if (status == TG_OK) {
        status = tg_memo_set(c->config.store, TG_MEMO_BOOT, c->boot_id, err);
    }
    if (status == TG_OK && last.is_same_boot) {
        tg_guard_resume(c->config.guard, last.offset_s, last.newest_hour);
    } else if (status == TG_OK && last.is_known) {
        tg_guard_counted(c->config.guard, last.newest_hour);
    }
    c->sequence = last.sequence;
    if (!is_new_boot && (uint64_t) c->sequence < on_board) {
        c->sequence = (int64_t) on_board;
    }
    memcpy(board->boot_id, boot, sizeof(boot));
    return status;
}

enum tg_status
tg_collector_open(struct tg_collector **out,
    const struct tg_collector_config *config, int64_t now_s, int64_t boot_s,
    struct tg_error *err)
{
    enum tg_status       status;
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
        status = mirror_read(c, err);
    }
    if (status == TG_OK) {
        status = tg_store_begin(config->store, TG_STORE_DURABLE, err);
    }
    if (status == TG_OK) {
        status = read_node(c, err);
    }
    if (status == TG_OK) {
        status = compare(c, now_s, err);
    }
    if (status == TG_OK) {
        status = read_hold(c, err);
    }
    if (status == TG_OK) {
        status = tg_store_commit(config->store, err);
    }
    tg_store_rollback(config->store);
    if (status != TG_OK) {
        tg_collector_close(c);
        return status;
    }
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
    mirror_clear(c);
    free(c->retired);
    free(c);
}

struct tg_collector_stats
tg_collector_stats(const struct tg_collector *c)
{
    return c->stats;
}
