/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/explain.h"

#include "billing/record_json.h"
#include "billing/records.h"

/* The record under explanation. */
struct subject {
    struct tg_store *store;
    json_t          *record;
    const char      *agreement_id;
    const char      *dimension;
    int64_t          hour;
    struct tg_error *err;
};

static enum tg_status
read_record(struct subject *e, const char *id)
{
    json_t         *list = json_array();
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(e->store, &q, e->err, "SELECT "
        TG_RECORD_JSON_COLUMNS_ALL " FROM ledger_record WHERE id = $1", "s",
        id);
    status = tg_record_json_rows(list, q, status, tg_record_json_all,
        e->err);
    e->record = json_incref(json_array_get(list, 0));
    json_decref(list);
    if (status == TG_OK && e->record == NULL) {
        return tg_error_set(e->err, TG_NOTFOUND, "there is no record \"%s\""
            " (`tallygate ledger' lists them)", id);
    }
    e->agreement_id = json_string_value(json_object_get(e->record,
        "agreementId"));
    e->dimension = json_string_value(json_object_get(e->record,
        "dimension"));
    e->hour = json_integer_value(json_object_get(e->record, "hour"));
    return status;
}

/*
 * ---- what was counted
 */

static json_t *
cell_json(struct tg_stmt *q)
{
    return json_pack("{s:I, s:I, s:I, s:o}", "slot",
        (json_int_t) tg_stmt_int(q, 0), "owner",
        (json_int_t) tg_stmt_int(q, 1), "openedAt",
        (json_int_t) tg_stmt_int(q, 2), "state", tg_text_or_null(q, 3));
}

/* The cells in which a key counts, or has counted, for this agreement. */
static enum tg_status
read_cells(struct subject *e, json_t *counted)
{
    size_t          i;
    json_t         *row, *cells;
    enum tg_status  status = TG_OK;
    struct tg_stmt *q;

    json_array_foreach (counted, i, row) {
        q = NULL;
        cells = json_array();
        status = tg_store_query(e->store, &q, e->err, "SELECT slot, owner,"
            " opened_s, state FROM meter_owner WHERE key_id = $1 AND"
            " plan_id = $2 AND agreement_id = $3 ORDER BY opened_s LIMIT 20",
            "sss", json_string_value(json_object_get(row, "apiKeyId")),
            json_string_value(json_object_get(row, "usagePlanId")),
            e->agreement_id);
        status = tg_record_json_rows(cells, q, status, cell_json, e->err);
        if (json_object_set_new(row, "cells", cells) != 0
            && status == TG_OK)
        {
            status = tg_error_set(e->err, TG_NOMEM, "out of memory");
        }
        if (status != TG_OK) {
            break;
        }
    }
    return status;
}

static json_t *
counted_json(struct tg_stmt *q)
{
    return json_pack("{s:o, s:o, s:I, s:I, s:o}", "apiKeyId",
        tg_text_or_null(q, 0), "usagePlanId", tg_text_or_null(q, 1),
        "usedHour", (json_int_t) tg_stmt_int(q, 2), "quantity",
        (json_int_t) tg_stmt_int(q, 3), "reason", tg_text_or_null(q, 4));
}

static enum tg_status
read_counted(struct subject *e, json_t *list)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(e->store, &q, e->err, "SELECT s.key_id,"
        " s.plan_id, d.hour - s.late_s, d.quantity, s.reason" TG_USAGE_OF
        " d.hour = $1 AND s.agreement_id = $2 AND s.dimension = $3 AND"
        " d.quantity > 0 ORDER BY s.key_id, s.plan_id, s.late_s DESC"
        " LIMIT $4", "issi", e->hour,
        e->agreement_id, e->dimension, (int64_t) TG_EXPLAIN_ROWS_MAX);
    status = tg_record_json_rows(list, q, status, counted_json, e->err);
    return status == TG_OK ? read_cells(e, list) : status;
}

static json_t *
carried_json(struct tg_stmt *q)
{
    return json_pack("{s:I, s:I, s:o}", "hour",
        (json_int_t) tg_stmt_int(q, 0), "quantity",
        (json_int_t) tg_stmt_int(q, 1), "reason", tg_text_or_null(q, 2));
}

static enum tg_status
read_carried(struct subject *e, json_t *list)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(e->store, &q, e->err, "SELECT d.hour,"
        " SUM(d.quantity), s.reason" TG_USAGE_OF " s.agreement_id = $1 AND"
        " s.dimension = $2 AND s.late_s <> 0 AND d.hour = $3 + s.late_s AND"
        " d.quantity > 0 GROUP BY d.hour, s.reason ORDER BY d.hour LIMIT $4",
        "ssii",
        e->agreement_id, e->dimension, e->hour,
        (int64_t) TG_EXPLAIN_ROWS_MAX);
    return tg_record_json_rows(list, q, status, carried_json, e->err);
}

/*
 * ---- what people and programs did
 */

static json_t *
adjustment_json(struct tg_stmt *q)
{
    return json_pack("{s:o, s:I, s:I, s:I, s:o, s:o, s:I}", "id",
        tg_text_or_null(q, 0), "hour", (json_int_t) tg_stmt_int(q, 1),
        "billedHour", (json_int_t) tg_stmt_int(q, 2), "quantity",
        (json_int_t) tg_stmt_int(q, 3), "reason", tg_text_or_null(q, 4),
        "actor", tg_text_or_null(q, 5), "at",
        (json_int_t) tg_stmt_int(q, 6));
}

static enum tg_status
read_adjustments(struct subject *e, json_t *list)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(e->store, &q, e->err, "SELECT id, hour,"
        " billed_hour, quantity, reason, actor, at_s FROM ledger_adjustment"
        " WHERE agreement_id = $1 AND dimension = $2 AND (hour = $3 OR"
        " billed_hour = $3) ORDER BY at_s, id LIMIT $4", "ssii",
        e->agreement_id, e->dimension, e->hour,
        (int64_t) TG_EXPLAIN_ROWS_MAX);
    return tg_record_json_rows(list, q, status, adjustment_json, e->err);
}

static json_t *
history_json(struct tg_stmt *q)
{
    return json_pack("{s:I, s:o, s:o, s:o, s:I, s:o, s:o, s:o}", "at",
        (json_int_t) tg_stmt_int(q, 0), "from", tg_text_or_null(q, 1), "to",
        tg_text_or_null(q, 2), "actor", tg_text_or_null(q, 3), "attempt",
        (json_int_t) tg_stmt_int(q, 4), "requestId", tg_text_or_null(q, 5),
        "answer", tg_text_or_null(q, 6), "reason", tg_text_or_null(q, 7));
}

static enum tg_status
read_history(struct subject *e, json_t *list, const char *id)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(e->store, &q, e->err, "SELECT at_s, from_state,"
        " to_state, actor, attempt, request_id, answer, reason FROM"
        " ledger_history WHERE record = (SELECT number FROM ledger_record"
        " WHERE id = $1) ORDER BY seq LIMIT $2", "si",
        id, (int64_t) TG_EXPLAIN_ROWS_MAX);
    return tg_record_json_rows(list, q, status, history_json, e->err);
}

enum tg_status
tg_explain(struct tg_store *s, json_t **out, const char *id, int64_t now_s,
    struct tg_error *err)
{
    int64_t        units = 0;
    json_t        *counted = json_array(), *carried = json_array();
    json_t        *adjustments = json_array(), *history = json_array();
    struct subject e = { .store = s, .err = err };
    enum tg_status status = read_record(&e, id);

    *out = NULL;
    if (status == TG_OK) {
        status = read_counted(&e, counted);
    }
    if (status == TG_OK) {
        status = tg_usage_sum(s, &units, e.agreement_id, e.dimension, e.hour,
            err);
    }
    if (status == TG_OK) {
        status = read_carried(&e, carried);
    }
    if (status == TG_OK) {
        status = read_adjustments(&e, adjustments);
    }
    if (status == TG_OK) {
        status = read_history(&e, history, id);
    }
    if (status == TG_OK) {
        *out = json_pack("{s:I, s:O, s:O, s:I, s:O, s:O, s:O, s:o}", "now",
            (json_int_t) now_s, "record", e.record, "counted", counted,
            "countedUnits", (json_int_t) units, "carriedOut", carried,
            "adjustments", adjustments, "history", history, "next",
            tg_explain_next(e.record, history, now_s));
        status = *out != NULL ? TG_OK
            : tg_error_set(err, TG_NOMEM, "out of memory");
    }
    json_decref(e.record);
    json_decref(counted);
    json_decref(carried);
    json_decref(adjustments);
    json_decref(history);
    return status;
}
