/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/operator.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "audit/trail.h"
#include "control/agreements.h"
#include "billing/memo.h"
#include "billing/runtime.h"
#include "billing/status.h"
#include "core/hours.h"
#include "http/json.h"
#include "util/clock.h"

#define POLL_MS 50
#define TRUST_WAIT_MS 10000 /* for the Marketplace to confirm the clock */

/*
 * A seal waits as long as something moves.  Nothing seems to while one request
 * runs into its time-out, nor between the tries that follow.
 */
#define IDLE_WAIT_MS 75000

static void
sleep_ms(int ms)
{
    struct timespec t = { ms / 1000, (ms % 1000) * 1000000L };

    nanosleep(&t, NULL);
}

/* The HTTP status of a failure. */
static int
http_status(enum tg_status status)
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

/* What stands in the way, for people: a list of sentences. */
static json_t *
alarms(struct tg_billing *b)
{
    char    reason[TG_GUARD_REASON_SIZE];
    json_t *list = json_array();

    if (tg_guard_reason(&b->guard, reason)) {
        (void) json_array_append_new(list, json_string(reason));
    }
    pthread_mutex_lock(&b->lock);
    if (b->trouble[0] != '\0') {
        (void) json_array_append_new(list, json_string(b->trouble));
    }
    if (b->store_trouble[0] != '\0'
        && strcmp(b->store_trouble, reason) != 0)
    {
        (void) json_array_append_new(list, json_string(b->store_trouble));
    }
    pthread_mutex_unlock(&b->lock);
    return list;
}

/* The answer's totals and records; under operator_lock. */
static enum tg_status
fill_status(struct tg_billing *b, json_t *totals, json_t *records,
    int64_t now_s, struct tg_error *err)
{
    size_t         recorded;
    enum tg_status status;

    status = tg_status_records(b->operator_store, records, err);
    recorded = json_array_size(records);
    if (status == TG_OK) {
        status = tg_status_open(b->operator_store, records,
            b->config.settings, now_s, err);
    }
    if (status == TG_OK && json_object_set_new(totals, "open",
            json_integer((json_int_t) (json_array_size(records) - recorded)))
            != 0)
    {
        status = tg_error_set(err, TG_NOMEM, "out of memory");
    }
    if (status == TG_OK) {
        status = tg_status_totals(b->operator_store, totals, err);
    }
    return status;
}

static void
get_status(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    json_t            *totals = json_object(), *records = json_array();
    struct tg_job      job = { .kind = TG_JOB_FOLD };
    enum tg_status     status;
    struct tg_error    err = { 0 };
    struct tg_billing *b = data;

    tg_billing_do(b, &job); /* a failure is among the alarms */
    pthread_mutex_lock(&b->operator_lock);
    status = fill_status(b, totals, records, req->now_s, &err);
    pthread_mutex_unlock(&b->operator_lock);
    if (status == TG_OK) {
        tg_http_json_reply(res, 200, TG_HTTP_JSON,
            json_pack("{s:I, s:O, s:O, s:o}", "now", (json_int_t) req->now_s,
                "totals", totals, "records", records, "alarms", alarms(b)));
    } else {
        tg_http_json_refuse(res, http_status(status), err.message);
    }
    json_decref(totals);
    json_decref(records);
}

/*
 * ---- seal
 */

/* One early seal as it is asked for. */
struct request {
    struct tg_billing *b;
    char               agreement[TG_AGREEMENT_ID_SIZE]; /* "": all */
    int64_t            hour;    /* that is closed */
    int64_t            start_s;
};

/* The agreement that the body names; TG_OK and "" for none. */
static enum tg_status
read_agreement(struct request *r, const struct tg_http_request *req,
    struct tg_error *err)
{
    json_t        *body = NULL;
    json_t        *name;
    enum tg_status status;

    status = tg_http_json_parse(&body, req, err);
    if (status != TG_OK) {
        return status;
    }
    name = json_object_get(body, "agreement");
    if (name != NULL && !json_is_null(name) && !json_is_string(name)) {
        status = tg_error_set(err, TG_INVALID, "agreement: expected a text");
    } else if (json_is_string(name)) {
        pthread_mutex_lock(&r->b->operator_lock);
        status = tg_agreement_find(r->b->operator_store, r->agreement,
            json_string_value(name), err);
        pthread_mutex_unlock(&r->b->operator_lock);
    }
    json_decref(body);
    return status;
}

/* A clock that has just jumped is confirmed within a second or not at all. */
static enum tg_status
wait_for_trust(struct tg_billing *b, struct tg_error *err)
{
    int  waited;
    char reason[TG_GUARD_REASON_SIZE] = "";

    for (waited = 0; waited < TRUST_WAIT_MS; waited += POLL_MS) {
        (void) tg_guard_look(&b->guard, tg_clock_now_s(), tg_clock_boot_s());
        if (!tg_guard_reason(&b->guard, reason)) {
            return TG_OK;
        }
        if (!tg_guard_wants_date(&b->guard)) {
            break; /* waiting will not help */
        }
        tg_billing_ring(b);
        sleep_ms(POLL_MS);
    }
    return tg_error_set(err, TG_BUSY, "%s", reason);
}

/* The records it is about, as they are now. */
static enum tg_status
read_records(struct request *r, json_t **out, struct tg_error *err)
{
    json_t        *list = json_array();
    enum tg_status status;

    pthread_mutex_lock(&r->b->operator_lock);
    status = tg_status_sealed(r->b->operator_store, list, r->agreement,
        r->hour, r->start_s, err);
    pthread_mutex_unlock(&r->b->operator_lock);
    if (status != TG_OK) {
        json_decref(list);
        list = NULL;
    }
    *out = list;
    return status;
}

/* How many of them are not final. */
static size_t
count_open(const json_t *records)
{
    size_t               i, n = 0;
    json_t              *record;
    enum tg_ledger_state state;

    json_array_foreach ((json_t *) records, i, record) {
        if (tg_ledger_state_parse(&state, json_string_value(
                json_object_get(record, "state"))) == TG_OK
            && !tg_ledger_is_final(state))
        {
            n++;
        }
    }
    return n;
}

/* Waits until all are final, or nothing has moved for too long. */
static enum tg_status
wait_until_final(struct request *r, json_t **records, struct tg_error *err)
{
    int            idle = 0;
    bool           has_moved;
    json_t        *next = NULL;
    enum tg_status status = read_records(r, records, err);

    while (status == TG_OK && count_open(*records) > 0
        && idle < IDLE_WAIT_MS)
    {
        sleep_ms(POLL_MS);
        status = read_records(r, &next, err);
        if (status == TG_OK) {
            has_moved = !json_equal(*records, next);
            idle = has_moved ? 0 : idle + POLL_MS;
            json_decref(*records);
            *records = next;
        }
    }
    return status;
}

static void
answer_seal(struct tg_http_response *res, const struct tg_job *job,
    json_t *records)
{
    char   message[160];
    size_t open = count_open(records);

    if (job->sealed > 0) {
        (void) snprintf(message, sizeof(message), "sealed %lld record%s",
            (long long) job->sealed, job->sealed == 1 ? "" : "s");
    } else if (json_array_size(records) > 0) {
        (void) snprintf(message, sizeof(message), "already sealed; what was"
            " counted since goes to the next hour");
    } else {
        (void) snprintf(message, sizeof(message), "nothing to seal");
    }
    tg_http_json_reply(res, 200, TG_HTTP_JSON,
        json_pack("{s:I, s:s, s:I, s:I, s:O}", "now",
            (json_int_t) tg_clock_now_s(), "message", message, "sealed",
            (json_int_t) job->sealed, "unsettled", (json_int_t) open,
            "records", records));
}

static void
post_seal(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    json_t         *records = NULL;
    struct tg_job   job = { .kind = TG_JOB_SEAL };
    struct request  r = { .b = data };
    enum tg_status  status;
    struct tg_error err = { 0 };

    status = read_agreement(&r, req, &err);
    if (status == TG_OK) {
        status = wait_for_trust(r.b, &err);
    }
    if (status == TG_OK) {
        r.start_s = tg_clock_now_s();
        r.hour = tg_hour_of(r.start_s);
        job.agreement_id = r.agreement[0] != '\0' ? r.agreement : NULL;
        tg_billing_do(r.b, &job);
        status = job.status;
        err = job.err;
    }
    if (status == TG_OK) {
        tg_billing_retry(r.b);
        status = wait_until_final(&r, &records, &err);
    }
    if (status == TG_OK) {
        answer_seal(res, &job, records);
    } else {
        tg_http_json_refuse(res, http_status(status), err.message);
    }
    json_decref(records);
}

/*
 * ---- confirm
 */

static bool
is_asked(const json_t *body, const char *name)
{
    return json_is_true(json_object_get(body, name));
}

/* A person vouched, on the record; the hold on the store ends with it. */
static enum tg_status
write_confirmation(struct tg_billing *b, const char *event, bool is_store,
    int64_t now_s, struct tg_error *err)
{
    enum tg_status         status;
    struct tg_store       *s = b->operator_store;
    struct tg_audit_record record = {
        .time_s = now_s,
        .event_source = TG_AUDIT_SOURCE_TALLYGATE,
        .event_name = event,
        .region = b->config.settings->marketplace.region,
        .account_id = b->config.settings->account_id,
        .identity = tg_audit_self(b->config.settings->account_id,
            "operator"),
    };

    status = tg_store_begin(s, TG_STORE_DURABLE, err);
    if (status == TG_OK && is_store) {
        status = tg_memo_remove(s, TG_MEMO_HOLD, err);
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
    enum tg_status status = write_confirmation(b, "ConfirmStore", true,
        now_s, err);

    if (status == TG_OK) {
        tg_guard_hold_store(&b->guard, "");
    }
    return status;
}

static enum tg_status
confirm_clock(struct tg_billing *b, int64_t now_s, struct tg_error *err)
{
    enum tg_status status = write_confirmation(b, "ConfirmClock", false,
        now_s, err);

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
        && !is_asked(body, "store"))
    {
        status = tg_error_set(&err, TG_INVALID, "say what is confirmed:"
            " \"clock\" or \"store\"");
    }
    pthread_mutex_lock(&b->operator_lock);
    if (status == TG_OK && is_asked(body, "store")) {
        status = confirm_store(b, req->now_s, &err);
    }
    if (status == TG_OK && is_asked(body, "clock")) {
        status = confirm_clock(b, req->now_s, &err);
    }
    pthread_mutex_unlock(&b->operator_lock);
    json_decref(body);
    if (status == TG_OK) {
        tg_http_json_reply(res, 200, TG_HTTP_JSON,
            json_pack("{s:s}", "message", "confirmed"));
    } else {
        tg_http_json_refuse(res, http_status(status), err.message);
    }
}

/*
 * ---- routes
 */

static const struct tg_http_route routes[] = {
    { "GET", "/status", NULL, "GetStatus", get_status, NULL },
    { "POST", "/seal", NULL, "Seal", post_seal, NULL },
    { "POST", "/confirm", NULL, "Confirm", post_confirm, NULL },
};

void
tg_operator_handle(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    tg_http_json_route(req, res, routes, sizeof(routes) / sizeof(routes[0]),
        data);
}
