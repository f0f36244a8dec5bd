/*
 * fold.c - see fold.h
 *
 * Most cells that changed were folded before, for the same owner: it is
 * remembered which source their units are of, and two statements by number
 * do, one that adds and one that marks, in an hour that is new as in one that
 * is not.  What is not known, or not billed in its own hour, takes the long
 * way: whose cell is it, which hour is open for him, is there a source.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "billing/fold.h"

#include <inttypes.h>
#include <string.h>

#include "billing/memo.h"
#include "billing/records.h"
#include "core/hours.h"
#include "core/unbillable.h"

#define REASON_CARRIED "its hour was sealed before the call was counted"
#define REASON_UNSURE                                                         \
    "nobody had folded for more than 30 hours: the calls may have finished"   \
    " a multiple of 32 hours before"

/* Who counts in a slot, as the store has it. */
struct owner {
    struct tg_stmt *q; /* lends the texts */
    bool            is_read;
    bool            is_known;
    uint32_t        generation;
    const char     *key_id;
    const char     *plan_id;
    const char     *product_code;
    const char     *dimension;
    const char     *agreement_id;
    const char     *reason;
};

/* A cell under the fold. */
struct cell {
    uint32_t     slot;
    bool         is_wide;   /* and the next slot is the cell's too */
    uint32_t     owner_now; /* as the cell says */
    struct owner owner;
};

enum tg_status
tg_fold_begin(struct tg_fold *f)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    f->sealed_through = 0;
    status = tg_memo_get_int(f->store, &f->sealed_through,
        TG_MEMO_SEALED_THROUGH, f->err);
    if (status == TG_OK || status == TG_NOTFOUND) {
        status = tg_store_query(f->store, &q, f->err, "SELECT 1 FROM"
            " ledger_record WHERE hour >= $1 LIMIT 1", "i",
            f->sealed_through);
    }
    if (status == TG_OK) {
        status = tg_stmt_next(q, f->err);
    }
    f->has_early = status == TG_OK;
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/*
 * ---- the long way
 */

/* The slot's owner that is not closed, if there is one. */
static enum tg_status
read_owner(struct tg_fold *f, struct cell *cell)
{
    enum tg_status status;
    struct owner  *o = &cell->owner;

    if (o->is_read) {
        return TG_OK;
    }
    status = tg_store_query(f->store, &o->q, f->err, "SELECT owner,"
        " key_id, plan_id, product_code, dimension, agreement_id, reason"
        " FROM meter_owner WHERE file_id = $1 AND slot = $2 AND"
        " state <> 'closed'", "si", f->file_id, (int64_t) cell->slot);
    if (status == TG_OK) {
        status = tg_stmt_next(o->q, f->err);
    }
    if (status == TG_OK) {
        o->is_known = true;
        o->generation = (uint32_t) tg_stmt_int(o->q, 0);
        o->key_id = tg_stmt_text(o->q, 1);
        o->plan_id = tg_stmt_text(o->q, 2);
        o->product_code = tg_stmt_text(o->q, 3);
        o->dimension = tg_stmt_text(o->q, 4);
        o->agreement_id = tg_stmt_text(o->q, 5);
        o->reason = tg_stmt_text(o->q, 6);
    }
    o->is_read = status == TG_OK || status == TG_NOTFOUND;
    return status == TG_NOTFOUND ? TG_OK : status; /* F5 */
}

/* Whether the lane's hour before this one may not have been folded: F9. */
static bool
is_unsure(const struct tg_fold *f, int64_t used_hour)
{
    return f->last_s > 0
        && f->last_s < used_hour - (TG_LANES - 1) * TG_HOUR_S;
}

/*
 * The hour of a lane.  One that is still to come is a worker's whose clock is
 * ahead, unless nobody folded while the lane's hour before it went by: calls
 * of that one are there for certain.
 */
static int64_t
hour_of(const struct tg_fold *f, unsigned lane)
{
    int64_t hour = tg_hour_of_lane(lane, f->now_s);

    return hour > tg_hour_of(f->now_s) && is_unsure(f, hour)
        ? hour - TG_LANES * TG_HOUR_S : hour;
}

/* In which hour they are billed, and why not in their own: F6, F9. */
static enum tg_status
find_hour(struct tg_fold *f, struct tg_usage_row *row,
    const struct owner *owner, int64_t units)
{
    enum tg_status status = TG_OK;

    row->agreement_id = owner->agreement_id;
    row->reason = "";
    if (f->has_early || row->used_hour < f->sealed_through) {
        status = tg_record_open_hour(f->store, &row->hour,
            owner->agreement_id, owner->dimension, row->used_hour,
            f->sealed_through, f->now_s, f->err);
    }
    if (row->hour != row->used_hour) {
        row->reason = REASON_CARRIED;
        f->added.carried += (uint64_t) units;
    }
    if (is_unsure(f, row->used_hour)) {
        row->reason = REASON_UNSURE;
        f->added.unsure += (uint64_t) units;
    }
    return status;
}

/* Whose units they are: F5. */
static enum tg_status
attribute(struct tg_fold *f, struct tg_usage_row *row,
    const struct cell *cell, int64_t units)
{
    const struct owner *owner = &cell->owner;
    enum tg_status      status = TG_OK;

    row->node = f->node;
    row->agreement_id = "";
    row->product_code = owner->product_code != NULL ? owner->product_code
                                                    : "";
    row->dimension = owner->is_known ? owner->dimension : "";
    row->hour = row->used_hour;
    row->key_id = owner->is_known ? owner->key_id : "";
    row->plan_id = owner->is_known ? owner->plan_id : "";
    if (!owner->is_known || owner->generation != cell->owner_now) {
        row->reason = tg_unbillable_text(owner->is_known
            ? TG_UNBILLABLE_ASIDE : TG_UNBILLABLE_UNOWNED);
        f->added.set_aside += (uint64_t) units;
    } else if (owner->agreement_id == NULL) {
        row->reason = owner->reason;
    } else {
        status = find_hour(f, row, owner, units);
    }
    if (row->agreement_id[0] == '\0') {
        f->added.unbillable[tg_unbillable_of(row->reason)]
            += (uint64_t) units;
    }
    return status;
}

/* Remembers the source, if it is that of the owner's usual units. */
static void
note_place(struct tg_fold *f, const struct cell *cell,
    const struct tg_usage_row *row, int64_t source)
{
    const struct owner *owner = &cell->owner;
    struct tg_place     place = { .source = source,
        .is_billable = owner->agreement_id != NULL,
        .is_held = tg_usage_is_held(row) };

    if (!owner->is_known || owner->generation != cell->owner_now
        || row->hour != row->used_hour
        || (place.is_billable && row->reason[0] != '\0'))
    {
        return;
    }
    if (!place.is_billable) {
        place.why = tg_unbillable_of(row->reason);
    }
    tg_places_note(f->places, &place, cell->slot, cell->owner_now);
}

static enum tg_status
add_by_name(struct tg_fold *f, struct cell *cell, int64_t used_hour,
    int64_t units)
{
    int64_t             source = 0;
    enum tg_status      status = read_owner(f, cell);
    struct tg_usage_row row = { .used_hour = used_hour };

    if (status == TG_OK) {
        status = attribute(f, &row, cell, units);
    }
    if (status == TG_OK) {
        status = tg_usage_add(f->store, &row, units, &source, f->err);
    }
    if (status == TG_OK) {
        note_place(f, cell, &row, source);
    }
    return status;
}

/*
 * ---- the short way
 */

/* Unless the hour has its record already: TG_NOTFOUND. */
static enum tg_status
add_if_open(struct tg_fold *f, int64_t hour, int64_t source, int64_t units)
{
    enum tg_status status;

    status = tg_store_exec(f->store, f->err, "INSERT INTO usage_hour"
        " (hour, source, quantity) SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT"
        " 1 FROM usage_source s JOIN ledger_record r ON"
        " r.agreement_id = s.agreement_id AND r.dimension = s.dimension AND"
        " r.hour = $1 WHERE s.id = $2) ON CONFLICT (hour, source) DO UPDATE"
        " SET quantity = usage_hour.quantity + excluded.quantity", "iii",
        hour, source, units);
    return status == TG_OK && tg_store_changes(f->store) != 1
        ? TG_NOTFOUND : status;
}

/* TG_NOTFOUND: not known where, or it may not go there any more (H3). */
static enum tg_status
add_by_number(struct tg_fold *f, const struct cell *cell, int64_t hour,
    int64_t units)
{
    struct tg_place place;

    if (!tg_places_find(f->places, &place, cell->slot, cell->owner_now)) {
        return TG_NOTFOUND;
    }
    if (place.is_billable && (hour < f->sealed_through || is_unsure(f, hour)))
    {
        return TG_NOTFOUND;
    }
    if (place.is_billable && f->has_early) {
        return add_if_open(f, hour, place.source, units);
    }
    if (!place.is_billable) {
        f->added.unbillable[place.why] += (uint64_t) units;
    }
    return tg_usage_add_to(f->store, hour, place.source, place.is_held,
        units, f->err);
}

/*
 * ---- a cell
 */

static enum tg_status
fold_lane(struct tg_fold *f, struct cell *cell, unsigned lane,
    uint64_t value)
{
    int64_t        hour = hour_of(f, lane);
    uint64_t       mark = tg_marks_get(f->marks, cell->slot, lane,
        cell->is_wide);
    int64_t        units = tg_mark_growth(mark, value, cell->is_wide);
    enum tg_status status;

    if (units < 0) {
        return tg_error_set(f->err, TG_CORRUPT, "the meters are damaged:"
            " slot %" PRIu32 " lane %u stands at %" PRIu64 ", but %" PRIu64
            " was counted already; folding has stopped", cell->slot, lane,
            value, mark);
    }
    status = add_by_number(f, cell, hour, units);
    if (status == TG_NOTFOUND) {
        status = add_by_name(f, cell, hour, units);
    }
    if (status == TG_OK) {
        status = tg_marks_store(f->marks, f->store, cell->slot, lane,
            cell->owner_now, value, cell->is_wide, f->err);
    }
    f->added.units += (uint64_t) units;
    if (hour > f->newest_hour) {
        f->newest_hour = hour;
    }
    return status;
}

/*
 * The lanes of the cell that have grown, a bit each.  Whether it is wide is
 * asked after its first half was seen to grow: who made it so did that
 * before anybody counted.
 */
static enum tg_status
find_grown(struct tg_fold *f, struct cell *cell, uint32_t *grown)
{
    enum tg_status status;

    status = tg_marks_prepare(f->marks, f->store, cell->slot, f->now_s,
        f->err);
    if (status == TG_OK) {
        *grown = tg_marks_differing(f->marks, cell->slot);
        cell->is_wide = tg_meters_is_wide(f->meters, cell->slot);
    }
    if (status == TG_OK && cell->is_wide) {
        status = tg_marks_prepare(f->marks, f->store, cell->slot + 1,
            f->now_s, f->err);
    }
    if (status == TG_OK && cell->is_wide) {
        *grown |= tg_marks_differing(f->marks, cell->slot + 1);
    }
    return status;
}

enum tg_status
tg_fold_slot(struct tg_fold *f, uint32_t slot)
{
    uint64_t       value;
    uint32_t       grown = 0;
    unsigned       lane;
    enum tg_status status;
    struct cell    cell = { .slot = slot };

    if (slot >= tg_meters_slots(f->meters)) {
        return TG_OK;
    }
    cell.slot = tg_meters_first(f->meters, slot);
    status = find_grown(f, &cell, &grown);
    if (status != TG_OK || grown == 0) {
        return status;
    }
    cell.owner_now = atomic_load(&tg_meters_cell(f->meters,
        cell.slot)->owner);
    for (lane = 0; lane < TG_LANES && status == TG_OK; lane++) {
        if ((grown >> lane & 1) != 0) {
            value = tg_meters_value(f->meters, cell.slot, lane,
                cell.is_wide);
            status = fold_lane(f, &cell, lane, value);
        }
    }
    tg_stmt_done(cell.owner.q);
    f->added.cells++;
    return status;
}
