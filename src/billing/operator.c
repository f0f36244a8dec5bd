/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/operator.h"

#include "audit/trail.h"
#include "billing/alarms.h"
#include "billing/memo.h"
#include "billing/operator_parts.h"
#include "billing/runtime.h"
#include "billing/status.h"
#include "billing/unrecorded.h"
#include "http/json.h"
#include "util/clock.h"

int
tg_operator_http_status(enum tg_status status)
{
    switch (status) {
    case TG_NOTFOUND:
        return 404;
    case TG_CONFLICT:
    case TG_BUSY:
        return 409;
    case TG_INVALID:
        return 400;
    default:
        return 500;
    }
}

/*
 * ---- status
 */

/* The answer's totals and records; under operator_lock. */
static enum tg_status
fill_status(struct tg_billing *b, json_t *totals, json_t *records,
    int64_t now_s, struct tg_error *err)
{
    int64_t                          open = 0;
    enum tg_status                   status;
    const struct tg_unrecorded_query all = {
        .kinds = 1U << TG_UNRECORDED_OPEN | 1U << TG_UNRECORDED_HELD
            | 1U << TG_UNRECORDED_LOST,
        .agreement_id = "", .product_code = "", .to = INT64_MAX,
        .limit = TG_STATUS_RECORDS_MAX };

    status = tg_unrecorded_list(b->operator_store, records, &all,
        b->config.settings, now_s, err);
    open = (int64_t) json_array_size(records);
    if (status == TG_OK && open == all.limit) {
        status = tg_unrecorded_count_open(b->operator_store, &open, err);
    }
    if (status == TG_OK && json_object_set_new(totals, "open",
            json_integer((json_int_t) open)) != 0)
    {
        status = tg_error_set(err, TG_NOMEM, "out of memory");
    }
    if (status == TG_OK) {
        status = tg_status_totals(b->operator_store, totals, err);
    }
    return status == TG_OK
        ? tg_status_records(b->operator_store, records, err) : status;
}

static void
get_status(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    json_t            *totals = json_object(), *records = json_array();
    json_t            *figures = json_object(), *alarms = json_array();
    struct tg_job      job = { .kind = TG_JOB_FOLD };
    enum tg_status     status;
    struct tg_error    err = { 0 };
    struct tg_billing *b = data;

    tg_billing_do(b, &job); /* a failure is among the alarms */
    pthread_mutex_lock(&b->operator_lock);
    status = fill_status(b, totals, records, req->now_s, &err);
    if (status == TG_OK) {
        status = tg_alarms_list(b, alarms, figures, req->now_s, &err);
    }
    pthread_mutex_unlock(&b->operator_lock);
    if (status == TG_OK) {
        tg_http_json_reply(res, 200, TG_HTTP_JSON,
            json_pack("{s:I, s:O, s:O, s:O, s:O}", "now",
                (json_int_t) req->now_s, "totals", totals, "records",
                records, "alarms", alarms, "figures", figures));
    } else {
        tg_http_json_refuse(res, tg_operator_http_status(status),
            err.message);
    }
    json_decref(totals);
    json_decref(records);
    json_decref(figures);
    json_decref(alarms);
}

/*
 * ---- confirm
 */

static bool
is_asked(const json_t *body, const char *name)
{
    return json_is_true(json_object_get(body, name));
}

/* What a person can vouch for. */
enum confirmation { CLOCK, STORE, LOST };

/* On the record; the hold on the store, or the alarm, ends with it. */
static enum tg_status
write_confirmation(struct tg_billing *b, enum confirmation what,
    int64_t now_s, struct tg_error *err)
{
    enum tg_status           status;
    struct tg_store         *s = b->operator_store;
    static const char *const events[] = { "ConfirmClock", "ConfirmStore",
        "WriteOffLostUsage" };
    struct tg_audit_record record = {
        .time_s = now_s,
        .event_source = TG_AUDIT_SOURCE_TALLYGATE,
        .event_name = events[what],
        .region = b->config.settings->marketplace.region,
        .account_id = b->config.settings->account_id,
        .identity = tg_audit_self(b->config.settings->account_id,
            "operator"),
    };

    status = tg_store_begin(s, TG_STORE_DURABLE, err);
    if (status == TG_OK && what == STORE) {
        status = tg_memo_remove(s, TG_MEMO_HOLD, err);
    } else if (status == TG_OK && what == LOST) {
        status = tg_memo_set_int(s, TG_MEMO_WRITTEN_OFF, now_s, err);
    }
    if (status == TG_OK) {
        status = tg_audit_append(s, &record, err);
    }
    if (status == TG_OK) {
        status = tg_store_commit(s, err);
    }
    tg_store_rollback(s);
    return status;
}

static enum tg_status
confirm_store(struct tg_billing *b, int64_t now_s, struct tg_error *err)
{
    enum tg_status status = write_confirmation(b, STORE, now_s, err);

    if (status == TG_OK) {
        tg_guard_hold_store(&b->guard, "");
    }
    return status;
}

static enum tg_status
confirm_clock(struct tg_billing *b, int64_t now_s, struct tg_error *err)
{
    enum tg_status status = write_confirmation(b, CLOCK, now_s, err);

    if (status == TG_OK) {
        tg_guard_confirm_clock(&b->guard, now_s, tg_clock_boot_s());
    }
    return status;
}

static void
post_confirm(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    json_t            *body = NULL;
    enum tg_status     status;
    struct tg_error    err = { 0 };
    struct tg_billing *b = data;

    status = tg_http_json_parse(&body, req, &err);
    if (status == TG_OK && !is_asked(body, "clock")
        && !is_asked(body, "store") && !is_asked(body, "lost"))
    {
        status = tg_error_set(&err, TG_INVALID, "say what is confirmed:"
            " \"clock\", \"store\" or \"lost\"");
    }
    pthread_mutex_lock(&b->operator_lock);
    if (status == TG_OK && is_asked(body, "store")) {
        status = confirm_store(b, req->now_s, &err);
    }
    if (status == TG_OK && is_asked(body, "clock")) {
        status = confirm_clock(b, req->now_s, &err);
    }
    if (status == TG_OK && is_asked(body, "lost")) {
        status = write_confirmation(b, LOST, req->now_s, &err);
    }
    pthread_mutex_unlock(&b->operator_lock);
    json_decref(body);
    if (status == TG_OK) {
        tg_http_json_reply(res, 200, TG_HTTP_JSON,
            json_pack("{s:s}", "message", "confirmed"));
    } else {
        tg_http_json_refuse(res, tg_operator_http_status(status),
            err.message);
    }
}

/*
 * ---- routes
 */

static const struct tg_http_route routes[] = {
    { "GET", "/status", NULL, "GetStatus", get_status, NULL },
    { "POST", "/seal", NULL, "Seal", tg_operator_seal, NULL },
    { "GET", "/ledger", NULL, "ListLedger", tg_operator_ledger, NULL },
    { "GET", "/ledger/{id}", NULL, "ExplainRecord", tg_operator_explain,
        NULL },
    { "POST", "/adjust", NULL, "AdjustLedger", tg_operator_adjust, NULL },
    { "POST", "/confirm", NULL, "Confirm", post_confirm, NULL },
};

void
tg_operator_handle(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    tg_http_json_route(req, res, routes, sizeof(routes) / sizeof(routes[0]),
        data);
}
