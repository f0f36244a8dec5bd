/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/sealer.h"

#include <stdlib.h>
#include <string.h>

#include "billing/memo.h"
#include "billing/records.h"
#include "core/hours.h"
#include "core/ledger.h"
#include "util/arena.h"
#include "util/digest.h"

/* Zeros are for hours that Amazon may still accept (E4). */
#define HEARTBEAT_HOURS 24

#define REASON_LARGE "the hour before held more than one record can"

/* One seal. */
struct seal {
    struct tg_store          *store;
    const struct tg_settings *settings;
    const char               *actor;
    int64_t                   now_s;
    int64_t                   to;     /* the first hour that stays open */
    int64_t                   sealed; /* records */
    struct tg_arena           arena;
    struct tg_error          *err;
};

/* What is to become a record. */
struct candidate {
    struct candidate       *next;
    struct tg_ledger_record record; /* quantity: all that was counted */
    int64_t                 activated_s;
    int64_t                 ended_s;
};

static bool
is_metered(const struct tg_settings *settings, const char *product_code)
{
    const struct tg_product *product = tg_settings_product(settings,
        product_code);

    return product == NULL || product->model != TG_PRODUCT_MODEL_CONTRACT;
}

/*
 * ---- one record
 */

/* E5: what one record cannot hold is the next hour's. */
static enum tg_status
limit_quantity(struct seal *seal, struct tg_ledger_record *record)
{
    int64_t        rest, hour = tg_ledger_next_hour(record->hour, seal->now_s);
    enum tg_status status;

    rest = record->quantity - tg_ledger_quantity(record->quantity);
    if (rest == 0) {
        return TG_OK;
    }
    /* not into an hour whose quantity this very seal has summed already */
    hour = hour > seal->to ? hour : seal->to;
    status = tg_record_open_hour(seal->store, &hour, record->agreement_id,
        record->dimension, hour, seal->to, seal->now_s, seal->err);
    if (status == TG_OK) {
        status = tg_usage_move(seal->store, record->agreement_id,
            record->dimension, record->hour, hour, rest, REASON_LARGE,
            seal->err);
    }
    record->quantity -= rest;
    return status;
}

static enum tg_status
seal_one(struct seal *seal, struct candidate *c)
{
    char           id[TG_UUID_SIZE];
    enum tg_status status;

    if (!is_metered(seal->settings, c->record.product_code)
        || tg_ledger_timestamp(&c->record.timestamp, c->record.hour,
               c->activated_s) != TG_OK)
    {
        return TG_OK; /* E3; usage before the activation is nobody's */
    }
    tg_uuid(id);
    c->record.id = id;
    c->record.deadline_s = tg_ledger_deadline(c->record.timestamp,
        c->ended_s);
    status = limit_quantity(seal, &c->record);
    if (status == TG_OK) {
        status = tg_record_insert(seal->store, &c->record, seal->now_s,
            seal->actor, NULL, seal->err);
    }
    seal->sealed++;
    return status;
}

/* Columns from 0: id, product, mode, account, licence, customer, times. */
#define AGREEMENT_COLUMNS                                                     \
    "a.id, a.product_code, a.identity_mode, a.customer_aws_account_id,"       \
    " a.license_arn, a.customer_identifier, a.activated_s, a.ended_s"
#define AGREEMENT_COLUMN_COUNT 8

static enum tg_status
read_agreement(struct seal *seal, struct candidate *c, struct tg_stmt *q)
{
    struct tg_arena         *arena = &seal->arena;
    struct tg_ledger_record *r = &c->record;

    r->agreement_id = tg_arena_strdup(arena, tg_stmt_text(q, 0));
    r->product_code = tg_arena_strdup(arena, tg_stmt_text(q, 1));
    r->customer_aws_account_id = tg_arena_strdup(arena, tg_stmt_text(q, 3));
    r->license_arn = tg_arena_strdup(arena, tg_stmt_text(q, 4));
    r->customer_identifier = tg_arena_strdup(arena, tg_stmt_text(q, 5));
    c->activated_s = tg_stmt_int(q, 6);
    c->ended_s = tg_stmt_int(q, 7);
    if (r->agreement_id == NULL || r->product_code == NULL
        || (r->customer_aws_account_id == NULL && !tg_stmt_is_null(q, 3))
        || (r->license_arn == NULL && !tg_stmt_is_null(q, 4))
        || (r->customer_identifier == NULL && !tg_stmt_is_null(q, 5)))
    {
        return tg_error_set(seal->err, TG_NOMEM, "out of memory");
    }
    if (tg_identity_mode_parse(&r->mode, tg_stmt_text(q, 2)) != TG_OK) {
        return tg_error_set(seal->err, TG_CORRUPT, "agreement %s: unknown"
            " identity mode", r->agreement_id);
    }
    return TG_OK;
}

static enum tg_status
seal_list(struct seal *seal, struct candidate *list)
{
    enum tg_status status = TG_OK;

    for (; list != NULL && status == TG_OK; list = list->next) {
        status = seal_one(seal, list);
    }
    return status;
}

/*
 * Puts what the row's agreement used in the hour in front of the list;
 * dimension NULL: the one that its product's calls are counted on.
 */
static enum tg_status
add_candidate(struct seal *seal, struct candidate **list,
    struct tg_stmt *row, const char *dimension, int64_t hour,
    int64_t quantity)
{
    enum tg_status    status;
    struct candidate *c = tg_arena_alloc(&seal->arena, sizeof(*c));

    if (c == NULL) {
        return tg_error_set(seal->err, TG_NOMEM, "out of memory");
    }
    status = read_agreement(seal, c, row);
    if (status != TG_OK) {
        return status;
    }
    c->record.dimension = dimension != NULL
        ? tg_arena_strdup(&seal->arena, dimension)
        : tg_settings_dimension(seal->settings, c->record.product_code);
    if (c->record.dimension == NULL) {
        return tg_error_set(seal->err, TG_NOMEM, "out of memory");
    }
    c->record.hour = hour;
    c->record.quantity = quantity;
    c->next = *list;
    *list = c;
    return TG_OK;
}

/*
 * ---- what was used
 */

/*
 * Open hours from `from' up to (not including) `to' in which an agreement
 * used something.  agreement_id "": of all.
 */
static enum tg_status
find_used(struct seal *seal, struct candidate **list, int64_t from,
    int64_t to, const char *agreement_id)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *list = NULL;
    status = tg_store_query(seal->store, &q, seal->err, "SELECT "
        AGREEMENT_COLUMNS ", d.dimension, d.hour, d.quantity FROM"
        " (SELECT agreement_id, dimension, hour, SUM(quantity) AS quantity"
        " FROM usage_detail WHERE hour >= $1 AND hour < $2 AND"
        " agreement_id <> '' AND ($3 = '' OR agreement_id = $3)"
        " GROUP BY agreement_id, dimension, hour) d"
        " JOIN agreement a ON a.id = d.agreement_id"
        " LEFT JOIN ledger_record r ON r.agreement_id = d.agreement_id AND"
        " r.dimension = d.dimension AND r.hour = d.hour"
        " WHERE r.id IS NULL AND d.quantity > 0 AND a.state <> 'pending'",
        "iis", from, to, agreement_id);
    while (status == TG_OK
        && (status = tg_stmt_next(q, seal->err)) == TG_OK)
    {
        status = add_candidate(seal, list, q,
            tg_stmt_text(q, AGREEMENT_COLUMN_COUNT),
            tg_stmt_int(q, AGREEMENT_COLUMN_COUNT + 1),
            tg_stmt_int(q, AGREEMENT_COLUMN_COUNT + 2));
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/*
 * ---- zeros
 */

/* Agreements that were active in the hour and have no record of it: E4. */
static enum tg_status
find_silent(struct seal *seal, struct candidate **list, int64_t hour)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *list = NULL;
    status = tg_store_query(seal->store, &q, seal->err, "SELECT "
        AGREEMENT_COLUMNS " FROM agreement a WHERE a.state = 'active' AND"
        " a.activated_s < $1 AND NOT EXISTS (SELECT 1 FROM ledger_record r"
        " WHERE r.agreement_id = a.id AND r.hour = $2)", "ii",
        hour + TG_HOUR_S, hour);
    while (status == TG_OK
        && (status = tg_stmt_next(q, seal->err)) == TG_OK)
    {
        status = add_candidate(seal, list, q, NULL, hour, 0);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
seal_zeros(struct seal *seal, int64_t from, int64_t to)
{
    int64_t           hour = to - HEARTBEAT_HOURS * TG_HOUR_S;
    enum tg_status    status = TG_OK;
    struct candidate *list;

    for (hour = hour > from ? hour : from; hour < to && status == TG_OK;
         hour += TG_HOUR_S)
    {
        if (seal->now_s >= tg_ledger_deadline(hour, 0)) {
            continue;
        }
        status = find_silent(seal, &list, hour);
        if (status == TG_OK) {
            status = seal_list(seal, list);
        }
    }
    return status;
}

/*
 * ---- seals
 */

int64_t
tg_sealer_due(const struct tg_settings *settings, int64_t now_s)
{
    return tg_hour_of(now_s - settings->billing.grace_s);
}

/* What is due, or the oldest hour that was counted while none was sealed. */
static enum tg_status
first_open_hour(struct tg_store *s, int64_t *out, int64_t due,
    struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *out = due;
    status = tg_store_query(s, &q, err, "SELECT MIN(hour) FROM usage_detail"
        " WHERE hour < $1", "i", due);
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK && !tg_stmt_is_null(q, 0)) {
        *out = tg_stmt_int(q, 0);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_sealer_through(struct tg_store *s, int64_t *through,
    const struct tg_settings *settings, int64_t now_s, struct tg_error *err)
{
    enum tg_status status;

    status = tg_memo_get_int(s, through, TG_MEMO_SEALED_THROUGH, err);
    if (status != TG_NOTFOUND) {
        return status;
    }
    status = tg_store_begin(s, TG_STORE_DURABLE, err);
    if (status == TG_OK) {
        status = first_open_hour(s, through, tg_sealer_due(settings, now_s),
            err);
    }
    if (status == TG_OK) {
        status = tg_memo_set_int(s, TG_MEMO_SEALED_THROUGH, *through, err);
    }
    if (status == TG_OK) {
        status = tg_store_commit(s, err);
    }
    tg_store_rollback(s);
    return status;
}

/* Everything between begin and commit. */
static enum tg_status
seal_hours(struct seal *seal, const char *agreement_id, bool is_regular)
{
    int64_t           from = 0, to = seal->to;
    enum tg_status    status;
    struct candidate *list = NULL;

    status = tg_memo_get_int(seal->store, &from, TG_MEMO_SEALED_THROUGH,
        seal->err);
    if (status == TG_OK) {
        status = find_used(seal, &list, from, to, agreement_id);
    }
    if (status == TG_OK) {
        status = seal_list(seal, list);
    }
    if (status == TG_OK && is_regular && seal->settings->billing.heartbeat) {
        status = seal_zeros(seal, from, to);
    }
    if (status == TG_OK && is_regular && to > from) {
        status = tg_memo_set_int(seal->store, TG_MEMO_SEALED_THROUGH, to,
            seal->err);
    }
    return status;
}

static enum tg_status
run(struct seal *seal, const char *agreement_id, bool is_regular)
{
    enum tg_status status;

    tg_arena_init(&seal->arena);
    status = tg_store_begin(seal->store, TG_STORE_DURABLE, seal->err);
    if (status == TG_OK) {
        status = seal_hours(seal, agreement_id, is_regular);
    }
    if (status == TG_OK) {
        status = tg_store_commit(seal->store, seal->err); /* E2 */
    }
    tg_store_rollback(seal->store);
    tg_arena_clear(&seal->arena);
    return status;
}

enum tg_status
tg_sealer_regular(struct tg_store *s, int64_t *sealed,
    const struct tg_settings *settings, int64_t now_s, struct tg_error *err)
{
    struct seal    seal = { .store = s, .settings = settings,
        .actor = "sealer", .now_s = now_s, .err = err };
    enum tg_status status;

    seal.to = tg_sealer_due(settings, now_s);
    status = run(&seal, "", true);
    *sealed = status == TG_OK ? seal.sealed : 0;
    return status;
}

enum tg_status
tg_sealer_early(struct tg_store *s, int64_t *sealed,
    const struct tg_settings *settings, const char *agreement_id,
    int64_t now_s, struct tg_error *err)
{
    struct seal    seal = { .store = s, .settings = settings,
        .actor = "operator", .now_s = now_s, .err = err };
    enum tg_status status;

    seal.to = tg_hour_of(now_s) + TG_HOUR_S;
    status = run(&seal, agreement_id != NULL ? agreement_id : "", false);
    *sealed = status == TG_OK ? seal.sealed : 0;
    return status;
}
