/*
 * operator_seal.c - POST /seal: an early seal, until all is answered
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "billing/operator_parts.h"

#include <stdio.h>
#include <time.h>

#include "billing/runtime.h"
#include "billing/status.h"
#include "control/agreements.h"
#include "core/hours.h"
#include "http/json.h"
#include "util/clock.h"

#define POLL_MS 50
#define TRUST_WAIT_MS 10000 /* for the Marketplace to confirm the clock */

#define TRIES_WAIT_S 15 /* between the tries after a failure */

static void
sleep_ms(int ms)
{
    struct timespec t = { ms / 1000, (ms % 1000) * 1000000L };

    nanosleep(&t, NULL);
}

/* One early seal as it is asked for. */
struct request {
    struct tg_billing *b;
    char               agreement[TG_AGREEMENT_ID_SIZE]; /* "": all */
    int64_t            hour; /* that is closed */
    int64_t            mark; /* of history, before anything was done */
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

/* Where it stands: how many records are not final, and how far history is. */
static enum tg_status
look(struct request *r, int64_t *open, int64_t *mark, struct tg_error *err)
{
    enum tg_status status;

    pthread_mutex_lock(&r->b->operator_lock);
    status = tg_status_unsettled(r->b->operator_store, open, r->agreement,
        err);
    if (status == TG_OK) {
        status = tg_status_mark(r->b->operator_store, mark, err);
    }
    pthread_mutex_unlock(&r->b->operator_lock);
    return status;
}

/*
 * A seal waits as long as something moves.  Nothing seems to while a request
 * runs into its time-out, nor between the tries that follow.
 */
static int
idle_wait_ms(const struct request *r)
{
    return 1000 * (2 * r->b->config.settings->marketplace.timeout_s
        + TRIES_WAIT_S);
}

/* Waits until all are final, or nothing has moved for too long. */
static enum tg_status
wait_until_final(struct request *r, int64_t *open, struct tg_error *err)
{
    int            idle = 0;
    int64_t        mark = 0, before;
    enum tg_status status = look(r, open, &mark, err);

    while (status == TG_OK && *open > 0 && idle < idle_wait_ms(r)) {
        sleep_ms(POLL_MS);
        before = mark;
        status = look(r, open, &mark, err);
        idle = mark != before ? 0 : idle + POLL_MS;
    }
    return status;
}

/* The records it is about, as they are now. */
static enum tg_status
read_records(struct request *r, json_t *list, struct tg_error *err)
{
    enum tg_status status;

    pthread_mutex_lock(&r->b->operator_lock);
    status = tg_status_sealed(r->b->operator_store, list, r->agreement,
        r->hour, r->mark, err);
    pthread_mutex_unlock(&r->b->operator_lock);
    return status;
}

static void
answer_seal(struct tg_http_response *res, const struct tg_job *job,
    int64_t open, json_t *records)
{
    char message[160];

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

/* Folds and seals, and remembers where history stood before. */
static enum tg_status
seal(struct request *r, struct tg_job *job, struct tg_error *err)
{
    int64_t        open;
    enum tg_status status = look(r, &open, &r->mark, err);

    if (status == TG_OK) {
        r->hour = tg_hour_of(tg_clock_now_s());
        job->agreement_id = r->agreement[0] != '\0' ? r->agreement : NULL;
        tg_billing_do(r->b, job);
        status = job->status;
        *err = job->err;
    }
    return status;
}

void
tg_operator_seal(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    int64_t         open = 0;
    json_t         *records = json_array();
    struct tg_job   job = { .kind = TG_JOB_SEAL };
    struct request  r = { .b = data };
    enum tg_status  status;
    struct tg_error err = { 0 };

    status = read_agreement(&r, req, &err);
    if (status == TG_OK) {
        status = wait_for_trust(r.b, &err);
    }
    if (status == TG_OK) {
        status = seal(&r, &job, &err);
    }
    if (status == TG_OK) {
        tg_billing_retry(r.b);
        status = wait_until_final(&r, &open, &err);
    }
    if (status == TG_OK) {
        status = read_records(&r, records, &err);
    }
    if (status == TG_OK) {
        answer_seal(res, &job, open, records);
    } else {
        tg_http_json_refuse(res, tg_operator_http_status(status),
            err.message);
    }
    json_decref(records);
}
