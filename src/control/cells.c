/* SPDX-License-Identifier: Apache-2.0 */
#include "control/cells.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "control/usage_rows.h"
#include "plane/key_limits.h"
#include "util/arena.h"

/* Cells of a key that nobody ever saw, since each was given up at once. */
#define FORMER_MAX 64

/* Where a cell's words come from. */
struct origin {
    bool     is_cell; /* from the cell of slot; else used and tat say */
    uint32_t slot;
    uint64_t used;
    uint64_t tat;
};

/* What the ledger knows of the key's use of the plan in that period. */
static enum tg_status
used_of_ledger(struct tg_control *control, const struct tg_cell *c,
    uint64_t *word, struct tg_error *err)
{
    int64_t         start, end;
    uint32_t        period;
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *word = 0;
    if (c->quota.period == TG_QUOTA_NONE) {
        return TG_OK;
    }
    period = tg_plan_quota_period(&c->quota, c->opened_s);
    start = tg_quota_period_start(c->quota.period, c->quota.offset_days,
        period);
    end = tg_quota_period_start(c->quota.period, c->quota.offset_days,
        period + 1);
    status = tg_store_query(control->store, &q, err,
        "WITH" TG_USAGE_HOURS("$3", "$4") " SELECT coalesce(sum(d.quantity),"
        " 0) FROM usage_source s CROSS JOIN hours h CROSS JOIN usage_hour d"
        " WHERE s.plan_id = $1 AND s.key_id = $2 AND" TG_USAGE_AT, "ssii",
        c->plan_id, c->key_id, start, end);
    if (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        *word = tg_quota_word(period, (uint64_t) tg_stmt_int(q, 0));
    }
    tg_stmt_done(q);
    return status;
}

/*
 * What the store says of a former cell that is no longer that owner's, or
 * never was: its words, or the cell before it.  TG_NOTFOUND: nothing more.
 */
static enum tg_status
look_behind(struct tg_control *control, uint32_t *slot, uint32_t *owner,
    struct origin *out, bool *is_found, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *is_found = false;
    status = tg_store_query(control->store, &q, err,
        "SELECT final_used, final_tat, carry_slot, carry_owner"
        " FROM meter_owner WHERE file_id = $1 AND slot = $2 AND owner = $3",
        "sii", control->file_id, (int64_t) *slot, (int64_t) *owner);
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK && !tg_stmt_is_null(q, 0)) {
        *is_found = true;
        out->used = (uint64_t) tg_stmt_int(q, 0);
        out->tat = (uint64_t) tg_stmt_int(q, 1);
    } else if (status == TG_OK && tg_stmt_is_null(q, 2)) {
        status = TG_NOTFOUND;
    } else if (status == TG_OK) {
        *slot = (uint32_t) tg_stmt_int(q, 2);
        *owner = (uint32_t) tg_stmt_int(q, 3);
    }
    tg_stmt_done(q);
    return status;
}

static enum tg_status
find_origin(struct tg_control *control, const struct tg_cell *c,
    struct origin *out, struct tg_error *err)
{
    bool           is_found = false;
    uint32_t       slot = c->former_slot;
    uint32_t       owner = c->former_owner;
    enum tg_status status = c->has_former ? TG_OK : TG_NOTFOUND;

    *out = (struct origin) {0};
    for (int i = 0; i < FORMER_MAX && status == TG_OK && !is_found; i++) {
        struct tg_meter_cell *cell = tg_meters_cell(control->meters, slot);

        if (cell != NULL && atomic_load(&cell->owner) == owner) {
            /* Its own slot, closed and given out again: nobody is there. */
            out->is_cell = slot != c->slot;
            out->slot = slot;
            out->used = atomic_load(&cell->used) & ~TG_QUOTA_MOVED;
            out->tat = atomic_load(&cell->tat) & ~TG_BUCKET_MOVED;
            return TG_OK;
        }
        status = look_behind(control, &slot, &owner, out, &is_found, err);
    }
    return status == TG_NOTFOUND || (status == TG_OK && !is_found)
        ? used_of_ledger(control, c, &out->used, err) : status;
}

/*
 * The former cell's words could not be had, since they lead nowhere: what
 * the ledger knows has to do.
 */
static enum tg_status
do_without(struct tg_control *control, const struct tg_cell *c,
    struct tg_meter_cell *cell, struct tg_error *err)
{
    uint64_t       used;
    enum tg_status status = used_of_ledger(control, c, &used, err);

    if (status == TG_OK) {
        atomic_store(&cell->used, used);
        atomic_store(&cell->tat, 0);
    }
    return status;
}

/*
 * How many lanes the cell has (plane/meters.h, M5).  Nobody counts in it yet,
 * or it is so already; and who has the odd slot of two has ended the wide
 * cell that was there before.
 */
static void
shape(struct tg_control *control, const struct tg_cell *c)
{
    struct tg_meter_cell *first = tg_meters_cell(control->meters,
        c->slot & ~UINT32_C(1));

    atomic_store(&first->is_wide, c->is_wide);
}

enum tg_status
tg_cell_give(struct tg_control *control, const struct tg_cell *c,
    struct tg_error *err)
{
    enum tg_status        status;
    struct origin         from;
    struct tg_meter_cell *cell = tg_meters_cell(control->meters, c->slot);

    if (cell == NULL) {
        return tg_error_set(err, TG_CORRUPT, "key %s: slot %" PRIu32
            " is in no file of meters", c->key_id, c->slot);
    }
    shape(control, c);
    atomic_store(&cell->grant, c->grant);
    if (atomic_load(&cell->owner) != c->owner) {
        status = find_origin(control, c, &from, err);
        if (status != TG_OK) {
            return status;
        }
        if (from.is_cell) {
            tg_key_limits_await(control->meters, from.slot, c->slot);
        } else {
            atomic_store(&cell->used, from.used);
            atomic_store(&cell->tat, from.tat);
        }
        atomic_store(&cell->owner, c->owner);
    }
    /* Also what a kill has left awaited. */
    status = tg_key_limits_move(control->meters, c->slot);
    return status == TG_OK ? TG_OK : do_without(control, c, cell, err);
}

/* ---- after a boot ---- */

/* Quotas of one period: their plans are looked at together. */
struct limited {
    const char          *period; /* as the plan has it */
    struct tg_plan_quota quota;
    struct limited      *next;
};

static enum tg_status
list_limited(struct tg_control *control, struct tg_arena *arena,
    struct limited **list, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *list = NULL;
    status = tg_store_query(control->store, &q, err,
        "SELECT quota_period, 0, coalesce(quota_offset, 0), 0 FROM usage_plan"
        " WHERE quota_period IS NOT NULL GROUP BY 1, 3", "");
    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        struct limited *some = tg_arena_alloc(arena, sizeof(*some));

        if (some == NULL || (some->period = tg_arena_strdup(arena,
                tg_stmt_text(q, 0))) == NULL)
        {
            status = tg_error_set(err, TG_NOMEM, "out of memory");
            break;
        }
        tg_plan_quota_read(&some->quota, control->settings, q, 0);
        some->next = *list;
        *list = some;
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static void
lift(struct tg_meter_cell *cell, uint32_t period, uint64_t used)
{
    uint64_t word = atomic_load(&cell->used);

    while ((word & TG_QUOTA_MOVED) == 0
        && tg_quota_word_period(word) <= period
        && tg_quota_used(word, period) < used
        && !atomic_compare_exchange_weak(&cell->used, &word,
               tg_quota_word(period, used)))
    {
    }
}

/* Reads each row of the period once, however many plans there are. */
static enum tg_status
lift_some(struct tg_control *control, const struct limited *some,
    int64_t now_s, struct tg_error *err)
{
    uint32_t        period = tg_plan_quota_period(&some->quota, now_s);
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(control->store, &q, err,
        "SELECT u.slot, sum(d.quantity) FROM usage_hour d"
        " CROSS JOIN usage_source s CROSS JOIN usage_plan p"
        " CROSS JOIN usage_plan_key u WHERE d.hour >= $3 AND"
        " s.id = d.source AND d.hour - s.late_s >= $3 AND"
        " p.id = s.plan_id AND p.quota_period = $1 AND"
        " coalesce(p.quota_offset, 0) = $2 AND u.plan_id = s.plan_id AND"
        " u.key_id = s.key_id AND u.slot IS NOT NULL GROUP BY u.slot", "sii",
        some->period, (int64_t) some->quota.offset, tg_quota_period_start(
            some->quota.period, some->quota.offset_days, period));
    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        struct tg_meter_cell *cell = tg_meters_cell(control->meters,
            (uint32_t) tg_stmt_int(q, 0));

        if (cell != NULL) {
            lift(cell, period, (uint64_t) tg_stmt_int(q, 1));
        }
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_cells_lift(struct tg_control *control, int64_t now_s,
    struct tg_error *err)
{
    uint8_t         boot_id[TG_PLANE_ID_SIZE];
    enum tg_status  status = tg_boot_id(boot_id, err);
    struct limited *some = NULL;
    struct tg_arena arena;

    if (status != TG_OK || memcmp(boot_id, control->board->page->boot_id,
            sizeof(boot_id)) == 0)
    {
        return status;
    }
    tg_arena_init(&arena);
    status = list_limited(control, &arena, &some, err);
    for (; status == TG_OK && some != NULL; some = some->next) {
        status = lift_some(control, some, now_s, err);
    }
    tg_arena_clear(&arena);
    return status;
}
