/*
 * operator_ledger.c - GET /ledger, GET /ledger/{id} and POST /adjust
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "billing/operator_parts.h"

#include "billing/adjust.h"
#include "billing/explain.h"
#include "billing/ledger_page.h"
#include "billing/runtime.h"
#include "control/agreements.h"
#include "http/json.h"

/* The answer, which is taken, or the refusal. */
static void
reply(struct tg_http_response *res, enum tg_status status, json_t *answer,
    const struct tg_error *err)
{
    if (status == TG_OK) {
        tg_http_json_reply(res, 200, TG_HTTP_JSON, answer);
    } else {
        tg_http_json_refuse(res, tg_operator_http_status(status),
            err->message);
    }
}

void
tg_operator_ledger(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    json_t                       *page = NULL;
    struct tg_job                 job = { .kind = TG_JOB_FOLD };
    enum tg_status                status;
    struct tg_error               err = { 0 };
    struct tg_billing            *b = data;
    const struct tg_http_params  *p = &req->params;
    const struct tg_ledger_query  query = {
        .buyer = tg_http_param_get(p, "buyer"),
        .product = tg_http_param_get(p, "product"),
        .state = tg_http_param_get(p, "state"),
        .from = tg_http_param_get(p, "from"),
        .to = tg_http_param_get(p, "to"),
        .after = tg_http_param_get(p, "after"),
        .limit = tg_http_param_get(p, "limit"),
    };

    if (query.after == NULL) {
        tg_billing_do(b, &job); /* as `status': figures of now */
    }
    pthread_mutex_lock(&b->operator_lock);
    status = tg_ledger_page(b->operator_store, &page, &query,
        b->config.settings, req->now_s, &err);
    pthread_mutex_unlock(&b->operator_lock);
    reply(res, status, page, &err);
}

void
tg_operator_explain(struct tg_http_request *req,
    struct tg_http_response *res, void *data)
{
    json_t            *answer = NULL;
    enum tg_status     status;
    struct tg_error    err = { 0 };
    struct tg_billing *b = data;

    pthread_mutex_lock(&b->operator_lock);
    status = tg_explain(b->operator_store, &answer,
        tg_http_path_get(req, "id"), req->now_s, &err);
    pthread_mutex_unlock(&b->operator_lock);
    reply(res, status, answer, &err);
}

/*
 * ---- adjust
 */

/* A text member, NULL where there is none. */
static enum tg_status
read_text(const char **out, const json_t *body, const char *name,
    struct tg_error *err)
{
    const json_t *value = json_object_get(body, name);

    *out = json_string_value(value);
    return value == NULL || json_is_null(value) || json_is_string(value)
        ? TG_OK
        : tg_error_set(err, TG_INVALID, "%s: expected a text", name);
}

/* The hour, as a number or in words. */
static enum tg_status
read_hour(int64_t *out, const json_t *body, struct tg_error *err)
{
    const json_t *value = json_object_get(body, "hour");

    *out = json_integer_value(value);
    if (json_is_integer(value) || (json_is_string(value)
            && tg_ledger_hour_parse(out, json_string_value(value)) == TG_OK))
    {
        return TG_OK;
    }
    return tg_error_set(err, TG_INVALID, "hour: expected a time like"
        " 2026-11-23T01:00:00Z");
}

static enum tg_status
read_adjustment(struct tg_adjustment *a, const json_t *body,
    struct tg_error *err)
{
    enum tg_status status;

    status = read_text(&a->agreement_id, body, "agreement", err);
    if (status == TG_OK && a->agreement_id == NULL) {
        status = tg_error_set(err, TG_INVALID, "agreement: whose bill?");
    }
    if (status == TG_OK) {
        status = read_text(&a->dimension, body, "dimension", err);
    }
    if (status == TG_OK) {
        status = read_text(&a->reason, body, "reason", err);
    }
    if (status == TG_OK) {
        status = read_text(&a->id, body, "id", err);
    }
    if (status == TG_OK) {
        status = read_hour(&a->hour, body, err);
    }
    if (status == TG_OK && !json_is_integer(json_object_get(body, "units"))) {
        status = tg_error_set(err, TG_INVALID, "units: expected a number");
    }
    a->units = json_integer_value(json_object_get(body, "units"));
    a->carry_forward = json_is_true(json_object_get(body, "carryForward"));
    a->is_dry = json_is_true(json_object_get(body, "dryRun"));
    return status;
}

void
tg_operator_adjust(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    char                 id[TG_AGREEMENT_ID_SIZE];
    json_t              *body = NULL, *answer = NULL;
    struct tg_job        job = { .kind = TG_JOB_FOLD };
    enum tg_status       status;
    struct tg_error      err = { 0 };
    struct tg_billing   *b = data;
    struct tg_adjustment a = { 0 };

    status = tg_http_json_parse(&body, req, &err);
    if (status == TG_OK) {
        status = read_adjustment(&a, body, &err);
    }
    if (status == TG_OK) {
        tg_billing_do(b, &job); /* what was counted may be taken away */
        status = job.status;
        err = job.err;
    }
    pthread_mutex_lock(&b->operator_lock);
    if (status == TG_OK) {
        status = tg_agreement_find(b->operator_store, id, a.agreement_id,
            &err);
        a.agreement_id = id;
    }
    if (status == TG_OK) {
        status = tg_adjust(b->operator_store, &answer, &a,
            b->config.settings, req->now_s, &err);
    }
    pthread_mutex_unlock(&b->operator_lock);
    json_decref(body);
    reply(res, status, answer, &err);
}
