/*
 * protocol.c - AWS's operations, in JSON 1.1 and in RPC v2 CBOR
 *
 * A call goes through here in one line: signature, body, throttle, fault,
 * operation, journal, list of calls, answer.
 *
 * https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>
#include <time.h>

#include "http/json.h"
#include "sandbox/rpc_cbor.h"
#include "sandbox/state.h"

#define SERVICE "aws-marketplace"
#define JSON_1_1 "application/x-amz-json-1.1"
#define CBOR "application/cbor"
#define UNKNOWN SIZE_MAX

static const struct operation {
    const char *target;
    const char *name;
    const char *cbor_path; /* NULL: JSON only */
    bool        is_paced;  /* by the account's rate; see below */
    void (*run)(struct tg_answer *a, const struct tg_market *m,
        const json_t *request, int64_t now_s);
} operations[TG_OPERATIONS] = {
    { "AWSMPMeteringService.ResolveCustomer", "ResolveCustomer", NULL, false,
        tg_market_resolve_customer },
    { "AWSMPMeteringService.BatchMeterUsage", "BatchMeterUsage", NULL,
        true, tg_market_batch_meter_usage },
    { "AWSMPEntitlementService.GetEntitlements", "GetEntitlements",
        "/service/AWSMPEntitlementService/operation/GetEntitlements", false,
        tg_market_get_entitlements },
};

struct call {
    struct tg_http_request *req;
    size_t                  operation; /* index, or UNKNOWN */
    bool                    in_cbor;
    json_t                 *request; /* parsed; NULL when it could not be */
    struct tg_answer        answer;
    struct tg_fault         fault;
};

/*
 * ---- reading the call
 */

static void
find_operation(struct call *c)
{
    const char *target = tg_http_header_get(c->req, "x-amz-target");

    c->operation = UNKNOWN;
    c->in_cbor = strncmp(c->req->path, "/service/", 9) == 0;
    for (size_t i = 0; i < TG_OPERATIONS; i++) {
        const struct operation *op = &operations[i];
        const char *asked = c->in_cbor ? c->req->path : target;
        const char *offered = c->in_cbor ? op->cbor_path : op->target;

        if (asked != NULL && offered != NULL && strcmp(asked, offered) == 0) {
            c->operation = i;
        }
    }
}

static bool
check_signature(const struct tg_sandbox *s, struct call *c)
{
    enum tg_sigv4_result     result;
    struct tg_sigv4_signer   signer;
    struct tg_sigv4_verifier verifier = { SERVICE, tg_sandbox_keys_find,
        (void *) (uintptr_t) &s->keys, { .raw_path = false } };

    result = tg_http_verify(&signer, c->req, &verifier);
    if (result == TG_SIGV4_ACCEPTED) {
        return true;
    }
    return tg_answer_refuse(&c->answer, tg_sigv4_error_type(result), "%s",
        signer.message);
}

static bool
read_body(struct call *c)
{
    struct tg_error err = { TG_OK, "" };

    if (c->in_cbor) {
        const char *protocol
            = tg_http_header_get(c->req, "smithy-protocol");

        if (protocol == NULL || strcmp(protocol, "rpc-v2-cbor") != 0
            || !tg_http_content_is(c->req, CBOR))
        {
            return tg_answer_refuse(&c->answer, "UnknownOperationException",
                "smithy-protocol: rpc-v2-cbor and Content-Type: " CBOR
                " are required.");
        }
        if (tg_cbor_read(&c->request, c->req->body, c->req->body_len) == TG_OK
            && json_is_object(c->request))
        {
            return true;
        }
        return tg_answer_refuse(&c->answer, "SerializationException",
            "The body is no CBOR map.");
    }
    if (!tg_http_content_is(c->req, JSON_1_1)) {
        return tg_answer_refuse(&c->answer, "UnknownOperationException",
            "Content-Type: " JSON_1_1 " is required.");
    }
    if (tg_http_json_parse(&c->request, c->req, &err) != TG_OK) {
        return tg_answer_refuse(&c->answer, "SerializationException", "%s",
            err.message);
    }
    return true;
}

/*
 * ---- doing it, with the lock held
 */

static uint64_t
monotonic_ms(void)
{
    struct timespec ts;

    /* Not the wall clock: tests stop it and make it jump. */
    (void) clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}

/*
 * A second's worth in reserve; 0: any number passes.
 * https://docs.aws.amazon.com/marketplace/latest/APIReference/
 * metering-service-quotas.html; for the other operations none is documented.
 */
static bool
take_token(struct tg_bucket *b, double per_s, uint64_t now_ms)
{
    if (per_s == 0) {
        return true;
    }
    if (b->filled_ms == 0) {
        b->tokens = per_s;
    } else {
        b->tokens += (double) (now_ms - b->filled_ms) * per_s / 1000;
        b->tokens = b->tokens < per_s ? b->tokens : per_s;
    }
    b->filled_ms = now_ms;
    if (b->tokens < 1.0) {
        return false;
    }
    b->tokens -= 1.0;
    return true;
}

static void
run(struct tg_sandbox *s, struct call *c)
{
    json_t                 *request;
    const struct operation *op = &operations[c->operation];

    if (op->is_paced
        && !take_token(&s->bucket, s->config.account_rate, monotonic_ms()))
    {
        (void) tg_answer_refuse(&c->answer, "ThrottlingException",
            "Rate exceeded");
        return;
    }
    c->fault = tg_fault_take(&s->faults, op->name);
    if (tg_fault_before(&c->answer, &c->fault)) {
        return;
    }
    request = tg_fault_narrow(&c->fault, c->request);
    op->run(&c->answer, &s->market, request, c->req->now_s);
    json_decref(request);
    tg_fault_after(&c->answer, &c->fault, c->request);
    tg_sandbox_commit(s, &c->answer);
}

/* The body of an exception, as it goes over the wire. */
static json_t *
exception_body(const struct tg_answer *a)
{
    return json_pack("{s:s, s:s}", "__type", a->type, "message", a->message);
}

static json_t *
request_as_seen(const struct call *c)
{
    if (c->request != NULL) {
        return json_incref(c->request);
    }
    return json_stringn(c->req->body, c->req->body_len);
}

static void
note(struct tg_sandbox *s, const struct call *c)
{
    const struct tg_answer *a = &c->answer;
    json_t *request = request_as_seen(c);

    tg_sandbox_note_call(s, json_pack("{s:I, s:s, s:s, s:i, s:o, s:o, s:s*}",
        "time", (json_int_t) c->req->now_s, "operation",
        c->operation != UNKNOWN ? operations[c->operation].name : "Unknown",
        "requestId", c->req->id, "status", a->status, "request",
        request != NULL ? request : json_null(), "response",
        a->type != NULL ? exception_body(a) : json_incref(a->body), "fault",
        tg_fault_name(c->fault.kind)));
}

/*
 * ---- answering
 */

static void
reply(struct tg_http_response *res, const struct call *c)
{
    const struct tg_answer *a = &c->answer;
    json_t *body = a->type != NULL ? exception_body(a)
                                   : json_incref(a->body);

    if (c->in_cbor) {
        res->status = a->status;
        (void) tg_cbor_write(&res->body, body);
        json_decref(body);
        (void) tg_http_header_set(res, "Content-Type", CBOR);
        (void) tg_http_header_set(res, "smithy-protocol", "rpc-v2-cbor");
    } else {
        tg_http_json_reply(res, a->status, JSON_1_1, body);
    }
    if (a->type != NULL) {
        (void) tg_http_header_set(res, "x-amzn-ErrorType", a->type);
    }
    tg_fault_travel(res, &c->fault, c->req->now_s);
}

void
tg_sandbox_call(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    bool               is_good;
    struct call        c = { .req = req };
    struct tg_sandbox *s = data;

    find_operation(&c);
    is_good = check_signature(s, &c);
    if (is_good && c.operation == UNKNOWN) {
        is_good = tg_answer_refuse(&c.answer, "UnknownOperationException",
            "The requested operation is not recognized by the service.");
    }
    is_good = is_good && read_body(&c);
    (void) pthread_mutex_lock(&s->lock);
    if (is_good) {
        run(s, &c);
    }
    note(s, &c);
    (void) pthread_mutex_unlock(&s->lock);
    reply(res, &c);
    tg_answer_clear(&c.answer);
    json_decref(c.request);
}
