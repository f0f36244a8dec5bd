/*
 * steering.c - /_sandbox/: plain JSON, unsigned, for tests and demonstrations
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "http/json.h"
#include "sandbox/state.h"

/* Answers as plain JSON: the body, or {"message"} and the exception's type. */
static void
reply(struct tg_http_response *res, const struct tg_answer *a)
{
    if (a->type != NULL) {
        tg_http_json_error(res, a->status, TG_HTTP_JSON, a->type, a->message);
    } else {
        tg_http_json_reply(res, a->status, TG_HTTP_JSON,
            json_incref(a->body));
    }
}

/* What an endpoint does, with the lock held. */
typedef void steer(struct tg_answer *a, struct tg_sandbox *s,
    const struct tg_http_request *req, const json_t *body);

static void
run(struct tg_http_request *req, struct tg_http_response *res, void *data,
    steer *act)
{
    json_t            *body = NULL;
    struct tg_answer   a = { .status = 200 };
    struct tg_error    err = { TG_OK, "" };
    struct tg_sandbox *s = data;

    if (tg_http_json_parse(&body, req, &err) != TG_OK) {
        (void) tg_answer_refuse(&a, "SerializationException", "%s",
            err.message);
    } else {
        (void) pthread_mutex_lock(&s->lock);
        act(&a, s, req, body);
        tg_sandbox_commit(s, &a);
        (void) pthread_mutex_unlock(&s->lock);
    }
    reply(res, &a);
    tg_answer_clear(&a);
    json_decref(body);
}

static void
list_product(struct tg_answer *a, struct tg_sandbox *s,
    const struct tg_http_request *req, const json_t *body)
{
    (void) req;
    tg_market_list_product(a, &s->market, body, s->fulfilment_url);
}

static void
buy(struct tg_answer *a, struct tg_sandbox *s,
    const struct tg_http_request *req, const json_t *body)
{
    tg_market_buy(a, &s->market, body, req->now_s);
}

static void
cancel(struct tg_answer *a, struct tg_sandbox *s,
    const struct tg_http_request *req, const json_t *body)
{
    (void) body;
    tg_market_cancel(a, &s->market, tg_http_path_get(req, "agreementId"),
        req->now_s);
}

static void
new_token(struct tg_answer *a, struct tg_sandbox *s,
    const struct tg_http_request *req, const json_t *body)
{
    (void) body;
    tg_market_new_token(a, &s->market, tg_http_path_get(req, "agreementId"),
        req->now_s);
}

static void
show_records(struct tg_answer *a, struct tg_sandbox *s,
    const struct tg_http_request *req, const json_t *body)
{
    (void) req;
    (void) body;
    tg_answer_set(a, tg_market_bill(&s->market), NULL);
}

static void
show_calls(struct tg_answer *a, struct tg_sandbox *s,
    const struct tg_http_request *req, const json_t *body)
{
    (void) req;
    (void) body;
    tg_answer_set(a, json_pack("{s:o}", "calls", json_copy(s->calls)), NULL);
}

static void
add_fault(struct tg_answer *a, struct tg_sandbox *s,
    const struct tg_http_request *req, const json_t *body)
{
    (void) req;
    tg_fault_add(a, &s->faults, body);
}

static void
reset(struct tg_answer *a, struct tg_sandbox *s,
    const struct tg_http_request *req, const json_t *body)
{
    struct tg_error err = { TG_OK, "" };

    (void) req;
    (void) body;
    if (tg_sandbox_reset(s, &err) != TG_OK) {
        (void) tg_answer_refuse(a, "InternalFailure", "%s", err.message);
        return;
    }
    tg_answer_set(a, json_object(), NULL);
}

#define ENDPOINT(name, act)                                                   \
    void name(struct tg_http_request *req, struct tg_http_response *res,      \
        void *data)                                                           \
    {                                                                         \
        run(req, res, data, act);                                             \
    }

ENDPOINT(tg_steer_list_product, list_product)
ENDPOINT(tg_steer_buy, buy)
ENDPOINT(tg_steer_cancel, cancel)
ENDPOINT(tg_steer_token, new_token)
ENDPOINT(tg_steer_records, show_records)
ENDPOINT(tg_steer_calls, show_calls)
ENDPOINT(tg_steer_fault, add_fault)
ENDPOINT(tg_steer_reset, reset)
