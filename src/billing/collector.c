/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/collector.h"

#include <stdlib.h>
#include <string.h>

#include "billing/fold.h"
#include "billing/fold_row.h"
#include "billing/marks.h"
#include "billing/places.h"
#include "billing/recovery.h"
#include "control/binding.h"
#include "core/hours.h"
#include "plane/meters.h"
#include "util/digest.h"

#define TAKE_MAX TG_MARKS_BLOCK
#define CELLS_MAX 16384 /* of a transaction */
#define PAUSE_SHARE 10  /* so much longer than a fold is the time for it */
#define PAUSE_MAX_S 10
#define LOOK_CELLS 256  /* between two looks whether somebody waits */
#define CACHE_KIB 8192 /* four times as much saves a fifth of a new hour */

/* A slot that is closed in this transaction. */
struct retired {
    uint32_t slot;
    uint32_t owner;
    bool     is_wide;
};

struct tg_collector {
    struct tg_collector_config config;
    struct tg_meters          *meters;
    struct tg_marks            marks;
    struct tg_places           places;
    char                       file_id[TG_FILE_ID_HEX];
    char                       node[TG_UUID_SIZE];
    int64_t                    sequence;
    uint64_t                   cells_max; /* of a transaction */
    int64_t                    last_s;    /* of a fold that went through */
    int64_t                    written_s; /* what the store says of it */
    bool                       is_mirror_stale; /* F2 */
    bool                       has_swept; /* since it was opened */
    bool                       is_corrupt;      /* F4 */

    struct retired *retired;
    size_t          retired_count, retired_room;

    struct tg_collector_stats stats;
};

/* One fold, and the slots that it may close. */
struct run {
    struct tg_collector *c;
    struct tg_fold       fold;
    uint64_t             oldest_epoch;
    bool                 has_stepped; /* and committed some */
};

/* Room for one more slot. */
static bool
grow(struct tg_collector *c)
{
    size_t          wanted = c->retired_room > 0 ? 2 * c->retired_room : 256;
    struct retired *more;

    if (c->retired_count < c->retired_room) {
        return true;
    }
    more = reallocarray(c->retired, wanted, sizeof(*more));
    if (more == NULL) {
        return false;
    }
    c->retired = more;
    c->retired_room = wanted;
    return true;
}

/* Slots whose last worker has moved on are folded and closed: F7. */
static enum tg_status
find_retired(struct run *r)
{
    enum tg_status       status;
    struct tg_stmt      *q = NULL;
    struct tg_collector *c = r->c;

    c->retired_count = 0;
    status = tg_store_query(c->config.store, &q, r->fold.err, "SELECT slot,"
        " owner, is_wide FROM meter_owner WHERE state = 'retired' AND"
        " file_id = $1 AND retired_epoch <= $2", "si", c->file_id,
        (int64_t) r->oldest_epoch);
    while (status == TG_OK
        && (status = tg_stmt_next(q, r->fold.err)) == TG_OK)
    {
        if (!grow(c)) {
            status = tg_error_set(r->fold.err, TG_NOMEM, "out of memory");
            break;
        }
        c->retired[c->retired_count++] = (struct retired) {
            (uint32_t) tg_stmt_int(q, 0), (uint32_t) tg_stmt_int(q, 1),
            tg_stmt_int(q, 2) != 0 };
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
close_retired(struct run *r)
{
    size_t               i;
    enum tg_status       status = TG_OK;
    struct tg_collector *c = r->c;

    for (i = 0; i < c->retired_count && status == TG_OK; i++) {
        status = tg_fold_slot(&r->fold, c->retired[i].slot);
        tg_places_forget(&c->places, c->retired[i].slot);
        if (status == TG_OK) {
            status = tg_binding_close(c->config.store, c->file_id,
                c->retired[i].slot, c->retired[i].owner,
                tg_meters_cell(c->meters, c->retired[i].slot),
                r->fold.err);
        }
    }
    return status;
}

/* through_s: up to when all is in the ledger. */
static enum tg_status
store_fold_row(struct run *r, int64_t through_s)
{
    struct tg_collector *c = r->c;
    struct tg_fold_row   row = { .sequence = c->sequence + 1,
        .through_s = through_s };

    memcpy(row.file_id, c->file_id, sizeof(row.file_id));
    tg_guard_state(c->config.guard, &row.offset_s, &row.newest_hour);
    if (r->fold.newest_hour > row.newest_hour) {
        row.newest_hour = r->fold.newest_hour;
    }
    return tg_fold_row_write(c->config.store, &row, c->node, r->fold.err);
}

/* After a commit. */
static void
settle(struct run *r)
{
    size_t                           i;
    struct tg_collector             *c = r->c;
    const struct tg_collector_stats *added = &r->fold.added;

    c->sequence++;
    atomic_store(&c->config.board->page->fold_sequence,
        (uint64_t) c->sequence);
    for (i = 0; i < c->retired_count && c->config.control != NULL; i++) {
        tg_binding_reuse(c->config.control, c->retired[i].slot,
            c->retired[i].is_wide);
    }
    c->retired_count = 0;
    tg_guard_counted(c->config.guard, r->fold.newest_hour);
    c->stats.cells += added->cells;
    c->stats.units += added->units;
    c->stats.set_aside += added->set_aside;
    c->stats.carried += added->carried;
    c->stats.unsure += added->unsure;
    for (i = 0; i < TG_UNBILLABLE_COUNT; i++) {
        c->stats.unbillable[i] += added->unbillable[i];
    }
    r->fold.added = (struct tg_collector_stats) { 0 };
}

static enum tg_status
commit(struct run *r, int64_t through_s)
{
    enum tg_status status = store_fold_row(r, through_s);

    if (status == TG_OK) {
        status = tg_store_commit(r->c->config.store, r->fold.err);
    }
    if (status == TG_OK) {
        settle(r);
    }
    return status;
}

static enum tg_status
begin(struct run *r)
{
    enum tg_status status;

    status = tg_store_begin(r->c->config.store, TG_STORE_ORDERED,
        r->fold.err);
    return status == TG_OK ? tg_fold_begin(&r->fold) : status;
}

/* After a cell: others get the store's lock, soon when they wait for it. */
static enum tg_status
step(struct run *r)
{
    enum tg_status      status;
    uint64_t            cells = r->fold.added.cells;
    struct tg_collector *c = r->c;

    if (cells < c->cells_max && (cells == 0 || cells % LOOK_CELLS != 0
            || !tg_store_is_wanted(c->config.store)))
    {
        return TG_OK;
    }
    status = commit(r, c->written_s);
    if (status == TG_OK) {
        r->has_stepped = true;
        tg_store_give_way(c->config.store);
        status = begin(r);
    }
    return status;
}

static enum tg_status
fold_slots(struct run *r, const uint32_t *slots, uint32_t count)
{
    uint32_t       i;
    enum tg_status status = TG_OK;

    for (i = 0; i < count && status == TG_OK; i++) {
        status = tg_fold_slot(&r->fold, slots[i]);
        if (status == TG_OK) {
            status = step(r);
        }
    }
    return status;
}

/* Dirty bits are cleared before the lanes are read (plane/meters.h, M3). */
static enum tg_status
fold_dirty(struct run *r)
{
    uint32_t       n, from = 0;
    uint32_t       slots[TAKE_MAX];
    uint32_t       all = tg_meters_slots(r->c->meters);
    enum tg_status status = TG_OK;

    while (from < all && status == TG_OK) {
        n = tg_meters_take_dirty(r->c->meters, &from, slots, TAKE_MAX);
        status = fold_slots(r, slots, n);
    }
    return status;
}

static enum tg_status
fold_all(struct run *r)
{
    uint32_t       n, from = 0;
    uint32_t       slots[TAKE_MAX];
    uint32_t       all = tg_meters_slots(r->c->meters);
    enum tg_status status;

    while (from < all) {
        (void) tg_meters_take_dirty(r->c->meters, &from, slots, TAKE_MAX);
    }
    status = tg_marks_check(&r->c->marks, r->c->config.store, r->fold.err);
    for (from = 0; from < all && status == TG_OK;) {
        n = tg_marks_grown(&r->c->marks, &from, slots);
        status = fold_slots(r, slots, n);
    }
    return status;
}

/*
 * Whether there is anything to commit.  Who has nothing to fold says so once
 * an hour all the same, so that the store knows since when (F9).
 */
static bool
is_worth_it(const struct run *r)
{
    return r->fold.added.cells > 0 || r->has_stepped
        || r->c->retired_count > 0
        || tg_hour_of(r->fold.now_s) != tg_hour_of(r->c->written_s);
}

/* From the first begin to the last commit. */
static enum tg_status
fold_transactions(struct run *r, bool is_full)
{
    struct tg_collector *c = r->c;
    enum tg_status       status = begin(r);

    c->retired_count = 0;
    if (status == TG_OK) {
        status = is_full ? fold_all(r) : fold_dirty(r);
    }
    if (status == TG_OK) {
        status = find_retired(r);
    }
    if (status == TG_OK) {
        status = close_retired(r);
    }
    if (status == TG_OK && is_worth_it(r)) {
        status = commit(r, r->fold.now_s);
        if (status == TG_OK) {
            c->written_s = r->fold.now_s;
            tg_marks_settle(&c->marks, r->fold.now_s);
        }
    }
    tg_store_rollback(c->config.store);
    return status;
}

/* After a failure the mirror is of no use any more: F2. */
static enum tg_status
mend_mirror(struct tg_collector *c, struct tg_error *err)
{
    enum tg_status status;

    tg_places_clear(&c->places);
    status = tg_marks_read(&c->marks, c->config.store, c->meters, c->file_id,
        err);
    c->has_swept = false;
    c->is_mirror_stale = status != TG_OK;
    return status;
}

/* Then lanes have grown that a fold of dirty cells does not look at. */
static bool
has_been_away(const struct tg_collector *c, int64_t now_s)
{
    return now_s > c->last_s + TG_HOUR_S || now_s < c->last_s - TG_HOUR_S;
}

enum tg_status
tg_collector_fold(struct tg_collector *c, bool is_full, int64_t now_s,
    struct tg_error *err)
{
    struct tg_error reason;
    struct run      r = { .c = c };
    enum tg_status  status = TG_OK;

    if (err == NULL) {
        err = &reason; /* the guard keeps it */
    }
    if (c->is_corrupt) {
        return tg_error_set(err, TG_CORRUPT, "folding has stopped: the"
            " meters are damaged");
    }
    r.oldest_epoch = tg_board_oldest_epoch(c->config.board); /* F7: first */
    r.fold = (struct tg_fold) { .store = c->config.store,
        .meters = c->meters, .marks = &c->marks, .places = &c->places,
        .file_id = c->file_id, .node = c->node, .now_s = now_s,
        .last_s = c->last_s, .err = err };
    if (c->is_mirror_stale) {
        status = mend_mirror(c, err);
    }
    if (status == TG_OK) {
        status = tg_meters_update(c->meters, err);
    }
    if (status == TG_OK) {
        status = fold_transactions(&r, is_full || !c->has_swept
            || has_been_away(c, now_s));
    }
    if (status == TG_OK) {
        c->has_swept = true;
        c->last_s = now_s;
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

int64_t
tg_collector_pause_s(int64_t cpu_ms)
{
    int64_t pause_s = (cpu_ms * PAUSE_SHARE + 999) / 1000;

    return pause_s < 1 ? 1 : pause_s > PAUSE_MAX_S ? PAUSE_MAX_S : pause_s;
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
    c->cells_max = config->cells_max > 0 ? config->cells_max : CELLS_MAX;
    tg_hex(c->file_id, config->board->page->file_id, TG_PLANE_ID_SIZE);
    status = tg_store_set_cache(config->store, CACHE_KIB, err);
    if (status == TG_OK) {
        status = tg_meters_open(&c->meters, config->state_dir,
            config->board->page, err);
    }
    if (status == TG_OK) {
        status = tg_marks_read(&c->marks, config->store, c->meters,
            c->file_id, err);
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
    c->last_s = c->written_s = recovery.through_s;
    (void) tg_guard_look(config->guard, now_s, boot_s);
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
    tg_places_clear(&c->places);
    free(c->retired);
    free(c);
}

struct tg_collector_stats
tg_collector_stats(const struct tg_collector *c)
{
    return c->stats;
}
