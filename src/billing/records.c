/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/records.h"

#include <assert.h>

#include "core/hours.h"

/* A text column in the arena; *failed is set when there is no memory. */
static const char *
copied(struct tg_stmt *q, int column, struct tg_arena *arena, bool *failed)
{
    const char *text = tg_stmt_text(q, column);
    const char *copy = tg_arena_strdup(arena, text);

    *failed = *failed || (text != NULL && copy == NULL);
    return copy;
}

enum tg_status
tg_record_read(struct tg_ledger_record *out, struct tg_stmt *q,
    struct tg_arena *arena, struct tg_error *err)
{
    bool failed = false;

    out->id = copied(q, 0, arena, &failed);
    out->agreement_id = copied(q, 1, arena, &failed);
    out->product_code = copied(q, 2, arena, &failed);
    out->dimension = copied(q, 3, arena, &failed);
    out->hour = tg_stmt_int(q, 4);
    out->timestamp = tg_stmt_int(q, 5);
    out->quantity = tg_stmt_int(q, 6);
    out->customer_aws_account_id = copied(q, 8, arena, &failed);
    out->license_arn = copied(q, 9, arena, &failed);
    out->customer_identifier = copied(q, 10, arena, &failed);
    out->attempts = tg_stmt_int(q, 12);
    out->deadline_s = tg_stmt_int(q, 13);
    out->is_alone = tg_stmt_int(q, 14) != 0;
    out->number = tg_stmt_int(q, TG_RECORD_COLUMN_NUMBER);
    if (failed) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    if (tg_identity_mode_parse(&out->mode, tg_stmt_text(q, 7)) != TG_OK
        || tg_ledger_state_parse(&out->state, tg_stmt_text(q, 11)) != TG_OK)
    {
        return tg_error_set(err, TG_CORRUPT, "ledger record %s: unknown"
            " identity mode or state", out->id);
    }
    return TG_OK;
}

enum tg_status
tg_record_insert(struct tg_store *s, const struct tg_ledger_record *r,
    int64_t now_s, const char *actor, const char *reason,
    struct tg_error *err)
{
    assert(r->timestamp >= r->hour && r->timestamp < r->hour + TG_HOUR_S);
    assert(r->quantity >= 0 && r->quantity <= TG_LEDGER_QUANTITY_MAX);
    return tg_store_exec(s, err, "INSERT INTO ledger_record (id,"
        " agreement_id, product_code, dimension, hour, timestamp, quantity,"
        " identity_mode, customer_aws_account_id, license_arn,"
        " customer_identifier, state, deadline_s, reason, sealed_s,"
        " updated_s, actor) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"
        " $11, $12, $13, $14, $15, $15, $16)", "ssssiiisssssisis", r->id,
        r->agreement_id, r->product_code, r->dimension, r->hour,
        r->timestamp, r->quantity, tg_identity_mode_name(r->mode),
        r->customer_aws_account_id, r->license_arn, r->customer_identifier,
        tg_ledger_state_name(TG_LEDGER_SEALED), r->deadline_s, reason, now_s,
        actor);
}

enum tg_status
tg_record_move(struct tg_store *s, const struct tg_ledger_record *record,
    const struct tg_record_move *move, int64_t now_s, struct tg_error *err)
{
    const char    *from = tg_ledger_state_name(move->from);
    const char    *to = tg_ledger_state_name(move->to);
    enum tg_status status;

    assert(move->from == move->to ? !tg_ledger_is_final(move->from)
                                  : tg_ledger_may_move(move->from, move->to));
    assert((move->to == TG_LEDGER_SETTLED)
        == (move->metering_record_id != NULL));
    status = tg_store_exec(s, err, "UPDATE ledger_record SET state = $1,"
        " reason = $2, metering_record_id = $3, next_attempt_s = $4,"
        " attempts = attempts + $5, is_alone ="
        " CASE WHEN $6 = 1 THEN 1 ELSE is_alone END, updated_s = $7,"
        " actor = $8, request_id = $9, answer = $10, amazon_quantity ="
        " CASE WHEN $11 < 0 THEN NULL ELSE $11 END"
        " WHERE number = $12 AND state = $13", "sssiiiisssiis", to,
        move->reason, move->metering_record_id, move->next_attempt_s,
        (int64_t) move->is_attempt, (int64_t) move->is_alone, now_s,
        move->actor, move->request_id, move->answer,
        move->amazon_quantity != NULL ? *move->amazon_quantity : -1,
        record->number, from);
    if (status == TG_OK && tg_store_changes(s) != 1) {
        status = tg_error_set(err, TG_CONFLICT, "ledger record %s is not %s",
            record->id, from);
    }
    return status;
}

/* Whether there is a record of that hour. */
static enum tg_status
has_record(struct tg_store *s, bool *out, const char *agreement_id,
    const char *dimension, int64_t hour, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(s, &q, err, "SELECT 1 FROM ledger_record WHERE"
        " agreement_id = $1 AND dimension = $2 AND hour = $3", "ssi",
        agreement_id, dimension, hour);
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    *out = status == TG_OK;
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_record_open_hour(struct tg_store *s, int64_t *out,
    const char *agreement_id, const char *dimension, int64_t hour,
    int64_t sealed_through, int64_t now_s, struct tg_error *err)
{
    bool           is_sealed = true;
    enum tg_status status = TG_OK;

    *out = hour;
    if (hour >= sealed_through) {
        status = has_record(s, &is_sealed, agreement_id, dimension, hour,
            err);
    }
    if (status == TG_OK && is_sealed) {
        *out = tg_ledger_next_hour(hour, now_s);
    }
    while (status == TG_OK && is_sealed) {
        status = has_record(s, &is_sealed, agreement_id, dimension, *out,
            err);
        is_sealed = is_sealed || *out < sealed_through;
        if (is_sealed) {
            *out += TG_HOUR_S;
        }
    }
    return status;
}

/*
 * ---- usage
 */

/* What names a source; the parameters are those of SOURCE_OF. */
#define THE_SOURCE                                                            \
    " agreement_id = $1 AND dimension = $2 AND late_s = $3 AND plan_id = $4"  \
    " AND key_id = $5 AND product_code = $6 AND reason = $7 AND node = $8"

#define SOURCE_OF(row)                                                        \
    (row)->agreement_id, (row)->dimension, (row)->hour - (row)->used_hour,    \
        (row)->plan_id, (row)->key_id, (row)->product_code, (row)->reason,    \
        (row)->node

/* TG_NOTFOUND: nothing of that source has been counted yet. */
static enum tg_status
find_source(struct tg_store *s, int64_t *source,
    const struct tg_usage_row *row, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(s, &q, err, "SELECT id FROM usage_source WHERE"
        THE_SOURCE, "ssisssss", SOURCE_OF(row));
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK) {
        *source = tg_stmt_int(q, 0);
    }
    tg_stmt_done(q);
    return status;
}

static enum tg_status
make_source(struct tg_store *s, int64_t *source,
    const struct tg_usage_row *row, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(s, &q, err, "INSERT INTO usage_source"
        " (agreement_id, dimension, late_s, plan_id, key_id, product_code,"
        " reason, node) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        " RETURNING id", "ssisssss", SOURCE_OF(row));
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK) {
        *source = tg_stmt_int(q, 0);
    }
    tg_stmt_done(q);
    return status;
}

bool
tg_usage_is_held(const struct tg_usage_row *row)
{
    return row->agreement_id[0] == '\0' && row->product_code[0] != '\0';
}

enum tg_status
tg_usage_add_to(struct tg_store *s, int64_t hour, int64_t source,
    bool is_held, int64_t quantity, struct tg_error *err)
{
    return tg_store_exec(s, err, "INSERT INTO usage_hour"
        " (hour, source, quantity, is_held) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (hour, source) DO UPDATE SET"
        " quantity = usage_hour.quantity + excluded.quantity", "iiii", hour,
        source, quantity, (int64_t) is_held);
}

enum tg_status
tg_usage_add(struct tg_store *s, const struct tg_usage_row *row,
    int64_t quantity, int64_t *source, struct tg_error *err)
{
    enum tg_status status = find_source(s, source, row, err);

    if (status == TG_NOTFOUND) {
        status = make_source(s, source, row, err);
    }
    return status == TG_OK ? tg_usage_add_to(s, row->hour, *source,
        tg_usage_is_held(row), quantity, err) : status;
}

enum tg_status
tg_usage_take(struct tg_store *s, const struct tg_usage_row *row,
    int64_t quantity, struct tg_error *err)
{
    enum tg_status status;

    status = tg_store_exec(s, err, "UPDATE usage_hour SET"
        " quantity = quantity - $10 WHERE hour = $9 AND source = (SELECT id"
        " FROM usage_source WHERE" THE_SOURCE ") AND quantity >= $10",
        "ssisssssii", SOURCE_OF(row), row->hour, quantity);
    return status == TG_OK && tg_store_changes(s) != 1
        ? tg_error_set(err, TG_CONFLICT, "the hour holds fewer units by now")
        : status;
}

/*
 * The newest row of the hour that still holds units, copied to the arena;
 * *quantity is 0 when there is none.
 */
static enum tg_status
newest_row(struct tg_store *s, struct tg_usage_row *row, int64_t *quantity,
    struct tg_arena *arena, struct tg_error *err)
{
    bool            failed = false;
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *quantity = 0;
    status = tg_store_query(s, &q, err, "SELECT s.node, s.product_code,"
        " d.hour - s.late_s, s.key_id, s.plan_id, s.reason, d.quantity"
        TG_USAGE_OF " s.agreement_id = $1 AND s.dimension = $2 AND"
        " d.hour = $3 AND d.quantity > 0 ORDER BY s.late_s LIMIT 1", "ssi",
        row->agreement_id, row->dimension, row->hour);
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK) {
        row->node = copied(q, 0, arena, &failed);
        row->product_code = copied(q, 1, arena, &failed);
        row->used_hour = tg_stmt_int(q, 2);
        row->key_id = copied(q, 3, arena, &failed);
        row->plan_id = copied(q, 4, arena, &failed);
        row->reason = copied(q, 5, arena, &failed);
        *quantity = tg_stmt_int(q, 6);
        status = failed ? tg_error_set(err, TG_NOMEM, "out of memory")
                        : TG_OK;
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* Units of an agreement's hour go to another row; texts NULL: as they were. */
struct move {
    const char *agreement_id;
    const char *dimension;
    int64_t     from_hour;
    const char *to_agreement_id;
    const char *to_product_code;
    int64_t     to_hour;
    const char *reason;
};

static enum tg_status
move_units(struct tg_store *s, const struct move *m, int64_t quantity,
    struct tg_error *err)
{
    int64_t             units, source;
    enum tg_status      status = TG_OK;
    struct tg_arena     arena;
    struct tg_usage_row row = { .agreement_id = m->agreement_id,
        .dimension = m->dimension }, to;

    tg_arena_init(&arena);
    while (quantity > 0 && status == TG_OK) {
        row.hour = m->from_hour;
        status = newest_row(s, &row, &units, &arena, err);
        if (status == TG_OK && units == 0) {
            status = tg_error_set(err, TG_CORRUPT, "agreement %s: the hour"
                " holds fewer units than its record", m->agreement_id);
        }
        units = units < quantity ? units : quantity;
        if (status == TG_OK) {
            status = tg_usage_take(s, &row, units, err);
        }
        if (status == TG_OK) {
            to = row;
            to.hour = m->to_hour;
            to.reason = m->reason;
            to.agreement_id = m->to_agreement_id != NULL
                ? m->to_agreement_id : to.agreement_id;
            to.product_code = m->to_product_code != NULL
                ? m->to_product_code : to.product_code;
            status = tg_usage_add(s, &to, units, &source, err);
            quantity -= units;
        }
    }
    tg_arena_clear(&arena);
    return status;
}

enum tg_status
tg_usage_move(struct tg_store *s, const char *agreement_id,
    const char *dimension, int64_t from_hour, int64_t to_hour,
    int64_t quantity, const char *reason, struct tg_error *err)
{
    return move_units(s, &(struct move) { .agreement_id = agreement_id,
        .dimension = dimension, .from_hour = from_hour, .to_hour = to_hour,
        .reason = reason }, quantity, err);
}

enum tg_status
tg_usage_take_off(struct tg_store *s, const char *agreement_id,
    const char *dimension, int64_t hour, int64_t quantity,
    const char *reason, struct tg_error *err)
{
    return move_units(s, &(struct move) { .agreement_id = agreement_id,
        .dimension = dimension, .from_hour = hour, .to_hour = hour,
        .to_agreement_id = "", .to_product_code = "", .reason = reason },
        quantity, err);
}

enum tg_status
tg_usage_sum(struct tg_store *s, int64_t *units, const char *agreement_id,
    const char *dimension, int64_t hour, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *units = 0;
    status = tg_store_query(s, &q, err, "SELECT SUM(d.quantity)"
        TG_USAGE_OF " d.hour = $1 AND s.agreement_id = $2 AND"
        " s.dimension = $3", "iss", hour, agreement_id, dimension);
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK) {
        *units = tg_stmt_int(q, 0);
    }
    tg_stmt_done(q);
    return status;
}
