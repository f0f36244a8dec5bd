/* SPDX-License-Identifier: Apache-2.0 */
#include "control/entries.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "control/cells.h"
#include "control/plan_rules.h"
#include "control/renew.h"
#include "util/digest.h"
#include "util/log.h"

/* A key with its plans, one row a plan; meter_owner says what to carry. */
#define ENTRY_COLUMNS                                                         \
    "SELECT k.digest, k.id, k.enabled, u.plan_id, p.number, u.slot,"          \
    " u.owner, m.is_wide, m.carry_slot, m.carry_owner, coalesce(g.period, 0),"           \
    " coalesce(g.value, 0), m.opened_s, " TG_PLAN_QUOTA_COLUMNS               \
    " FROM api_key k"                                                         \
    " LEFT JOIN usage_plan_key u ON u.key_id = k.id"                          \
    " LEFT JOIN usage_plan p ON p.id = u.plan_id"                             \
    " LEFT JOIN meter_owner m"                                                \
    " ON m.file_id = $1 AND m.slot = u.slot AND m.owner = u.owner"            \
    " LEFT JOIN quota_grant g"                                                \
    " ON g.plan_id = u.plan_id AND g.key_id = u.key_id"

enum column {
    DIGEST,
    ID,
    ENABLED,
    PLAN_ID,
    PLAN_NUMBER,
    SLOT,
    OWNER,
    IS_WIDE,
    CARRY_SLOT,
    CARRY_OWNER,
    GRANT_PERIOD,
    GRANT_VALUE,
    OPENED,
    QUOTA, /* TG_PLAN_QUOTA_COLUMNS */
};

struct entry {
    char          digest[TG_SHA256_HEX];
    struct tg_key key;
};

/* The cell of a row that has one. */
static enum tg_status
give_cell(struct tg_control *control, struct tg_stmt *row,
    struct tg_error *err)
{
    struct tg_cell cell = {
        .key_id = tg_stmt_text(row, ID),
        .plan_id = tg_stmt_text(row, PLAN_ID),
        .grant = tg_quota_word((uint32_t) tg_stmt_int(row, GRANT_PERIOD),
            (uint64_t) tg_stmt_int(row, GRANT_VALUE)),
        .slot = (uint32_t) tg_stmt_int(row, SLOT),
        .owner = (uint32_t) tg_stmt_int(row, OWNER),
        .is_wide = tg_stmt_int(row, IS_WIDE) != 0,
        .opened_s = tg_stmt_int(row, OPENED),
        .has_former = !tg_stmt_is_null(row, CARRY_SLOT),
        .former_slot = (uint32_t) tg_stmt_int(row, CARRY_SLOT),
        .former_owner = (uint32_t) tg_stmt_int(row, CARRY_OWNER),
    };

    tg_plan_quota_read(&cell.quota, control->settings, row, QUOTA);
    return tg_cell_give(control, &cell, err);
}

/*
 * ---- entries
 */

static void
entry_begin(struct entry *e, struct tg_stmt *row)
{
    memset(e, 0, sizeof(*e));
    (void) snprintf(e->digest, sizeof(e->digest), "%s",
        tg_stmt_text(row, DIGEST));
    (void) snprintf(e->key.id, sizeof(e->key.id), "%s",
        tg_stmt_text(row, ID));
    e->key.enabled = tg_stmt_int(row, ENABLED) != 0;
}

static enum tg_status
entry_add(struct tg_control *control, struct entry *e, struct tg_stmt *row,
    struct tg_error *err)
{
    enum tg_status      status;
    struct tg_key_plan *plan = &e->key.plans[e->key.plan_count];

    if (tg_stmt_is_null(row, PLAN_ID)) {
        return TG_OK;
    }
    if (e->key.plan_count == TG_KEY_PLANS_MAX) {
        return tg_error_set(err, TG_LIMIT, "key %s: is in more than %d "
            "plans", e->key.id, TG_KEY_PLANS_MAX);
    }
    if (tg_stmt_is_null(row, SLOT)) {
        return tg_error_set(err, TG_CORRUPT, "key %s: has no slot in plan "
            "%s", e->key.id, tg_stmt_text(row, PLAN_ID));
    }
    status = give_cell(control, row, err);
    if (status == TG_OK) {
        plan->plan = (uint32_t) tg_stmt_int(row, PLAN_NUMBER);
        plan->cell = (uint32_t) tg_stmt_int(row, SLOT);
        plan->owner = (uint32_t) tg_stmt_int(row, OWNER);
        e->key.plan_count++;
    }
    return status;
}

/* Writes the entry if the table has another one; *mended counts that. */
static enum tg_status
entry_put(struct tg_control *control, const struct entry *e,
    uint64_t *mended, struct tg_error *err)
{
    uint8_t        digest[TG_SHA256_SIZE];
    enum tg_status status;
    struct tg_key  present;

    if (tg_unhex(digest, sizeof(digest), e->digest) != TG_OK) {
        return tg_error_set(err, TG_CORRUPT, "key %s: its digest in the "
            "store is damaged", e->key.id);
    }
    if (tg_keys_get(control->keys, digest, &present) == TG_OK
        && tg_key_is_same(&present, &e->key))
    {
        return TG_OK;
    }
    status = tg_keys_put(control->keys, digest, &e->key, err);
    if (status == TG_OK) {
        *mended += 1;
    }
    return status;
}

/* The rows of q, grouped by key, each to its entry. */
static enum tg_status
put_all(struct tg_control *control, struct tg_stmt *q, uint64_t *seen,
    uint64_t *mended, struct tg_error *err)
{
    bool           has_entry = false;
    enum tg_status status;
    struct entry   e;

    *seen = 0;
    while ((status = tg_stmt_next(q, err)) == TG_OK) {
        if (!has_entry || strcmp(e.digest, tg_stmt_text(q, DIGEST)) != 0) {
            if (has_entry) {
                status = entry_put(control, &e, mended, err);
            }
            entry_begin(&e, q);
            has_entry = true;
            *seen += 1;
        }
        if (status == TG_OK) {
            status = entry_add(control, &e, q, err);
        }
        if (status != TG_OK) {
            return status;
        }
    }
    if (status == TG_NOTFOUND) {
        status = has_entry ? entry_put(control, &e, mended, err) : TG_OK;
    }
    return status;
}

enum tg_status
tg_entry_publish(struct tg_control *control, const char *digest,
    struct tg_error *err)
{
    uint8_t         bytes[TG_SHA256_SIZE];
    uint64_t        mended = 0;
    uint64_t        seen;
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(control->store, &q, err,
        ENTRY_COLUMNS " WHERE k.digest = $2 ORDER BY p.number", "ss",
        control->file_id, digest);
    if (status == TG_OK) {
        status = put_all(control, q, &seen, &mended, err);
    }
    tg_stmt_done(q);
    if (status == TG_OK && seen == 0) {
        status = tg_unhex(bytes, sizeof(bytes), digest);
        if (status == TG_OK) {
            status = tg_keys_remove(control->keys, bytes, err);
        }
    }
    return status;
}

/*
 * ---- start-up
 */

struct sweep {
    struct tg_control *control;
    enum tg_status     status;
    struct tg_error   *err;
    uint64_t           removed;
};

/* Whether the store knows the key; when that cannot be said, it stays. */
static bool
is_known(void *data, const uint8_t digest[TG_SHA256_SIZE],
    const struct tg_key *key)
{
    char            hex[TG_SHA256_HEX];
    enum tg_status  status;
    struct sweep   *sweep = data;
    struct tg_stmt *q = NULL;

    (void) key;
    if (sweep->status != TG_OK) {
        return true;
    }
    tg_hex(hex, digest, TG_SHA256_SIZE);
    status = tg_store_query(sweep->control->store, &q, sweep->err,
        "SELECT 1 FROM api_key WHERE digest = $1", "s", hex);
    if (status == TG_OK) {
        status = tg_stmt_next(q, sweep->err);
    }
    tg_stmt_done(q);
    if (status == TG_NOTFOUND) {
        sweep->removed++;
        return false;
    }
    sweep->status = status;
    return true;
}

/*
 * Past every epoch that the store has seen: after a power cut the board may
 * be older than the store.
 */
static enum tg_status
move_epoch(struct tg_control *control, struct tg_error *err)
{
    uint64_t        newest = 0;
    uint64_t        epoch = atomic_load(&control->board->page->epoch);
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(control->store, &q, err,
        "SELECT coalesce(max(retired_epoch), 0) FROM meter_owner"
        " WHERE state = 'retired' AND file_id = $1", "s", control->file_id);
    if (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        newest = (uint64_t) tg_stmt_int(q, 0);
        atomic_store(&control->board->page->epoch,
            newest > epoch ? newest : epoch + 1);
    }
    tg_stmt_done(q);
    return status;
}

enum tg_status
tg_entries_mend(struct tg_control *control, int64_t now_s,
    struct tg_error *err)
{
    uint64_t        mended = 0;
    uint64_t        seen = 0;
    enum tg_status  status;
    struct sweep    sweep = {control, TG_OK, err, 0};
    struct tg_stmt *q = NULL;

    status = tg_renew_slots(control, now_s, err);
    /*
     * In the order in which keys were made, their rows and cells lie beside
     * each other in the store; by id, most would have to be looked for.
     */
    if (status == TG_OK) {
        status = tg_store_query(control->store, &q, err,
            ENTRY_COLUMNS " ORDER BY k.created_s, k.id, p.number", "s",
            control->file_id);
    }
    if (status == TG_OK) {
        status = put_all(control, q, &seen, &mended, err);
    }
    tg_stmt_done(q);
    if (status == TG_OK) {
        status = tg_cells_lift(control, now_s, err);
    }
    /* All that the store has are in the table: with as many, no others. */
    if (status == TG_OK && tg_keys_count(control->keys) != seen) {
        status = tg_keys_sweep(control->keys, is_known, &sweep, err);
    }
    if (status == TG_OK) {
        status = sweep.status;
    }
    if (status == TG_OK) {
        status = move_epoch(control, err);
    }
    if (status == TG_OK) {
        tg_board_changed(control->board->page);
        tg_logf(TG_LOG_NOTICE, "keys_compared", "%" PRIu64 " keys in the "
            "store, %" PRIu64 " entries mended, %" PRIu64 " removed", seen,
            mended, sweep.removed);
    }
    return status;
}
