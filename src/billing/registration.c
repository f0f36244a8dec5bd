/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/registration.h"

#include <string.h>
#include <time.h>

#include "control/agreements.h"
#include "billing/pages.h"
#include "billing/trail.h"
#include "control/binding.h"
#include "control/customers.h"
#include "http/form.h"
#include "util/digest.h"
#include "util/log.h"

#define TOKEN_FIELD "x-amzn-marketplace-token"
#define TOKEN_MAX 8192
#define RESOLVE_ATTEMPTS 3
#define RETRY_MS 400
#define COOKIE_TTL_S 3600

/* What ResolveCustomer's refusal means to the buyer. */
static void
answer_refusal(struct tg_visit *v, const struct tg_marketplace_result *r)
{
    if (r->outcome == TG_MARKETPLACE_REFUSED && r->status == 400
        && strcmp(r->type, "ExpiredTokenException") == 0)
    {
        tg_visit_problem(v, 400, "This registration has expired", "Please go"
            " back to AWS Marketplace and choose \"Set up your account\""
            " again: it sends you here with a fresh one.");
    } else if (r->outcome == TG_MARKETPLACE_REFUSED && r->status == 400
        && strcmp(r->type, "InvalidTokenException") == 0)
    {
        tg_visit_problem(v, 400, "AWS Marketplace does not know this"
            " registration", "Please open the product in AWS Marketplace and"
            " choose \"Set up your account\".");
    } else {
        tg_log(TG_LOG_ERROR, "resolve_customer_failed", "type", r->type,
            "request", r->request_id, "msg", r->message, NULL);
        tg_visit_problem(v, 503, "AWS Marketplace cannot be asked right now",
            "Please try again in a minute: choose \"Set up your account\" in"
            " AWS Marketplace once more. Your subscription is not"
            " affected.");
    }
}

static const char *
reply_text(const struct tg_marketplace_result *r, const char *name)
{
    const char *text = json_string_value(json_object_get(r->reply, name));

    return text != NULL && text[0] != '\0' ? text : NULL;
}

/* The agreement's row, and the cells of keys that were waiting for it. */
static enum tg_status
register_agreement(struct tg_visit *v, struct tg_change *change)
{
    enum tg_status                      status;
    const struct tg_marketplace_result *r = v->resolved;
    struct tg_resolved resolved = {
        .product_code = reply_text(r, "ProductCode"),
        .customer_aws_account_id = reply_text(r, "CustomerAWSAccountId"),
        .license_arn = reply_text(r, "LicenseArn"),
        .customer_identifier = reply_text(r, "CustomerIdentifier"),
    };

    if (resolved.product_code == NULL) {
        return TG_NOTFOUND;
    }
    v->product_code = tg_arena_strdup(v->req->arena, resolved.product_code);
    if (v->product_code == NULL) {
        return tg_error_set(&v->err, TG_NOMEM, "out of memory");
    }
    status = tg_usage_plan_find_product(change, v->product_code, &v->plan_id,
        &v->err);
    if (status == TG_OK) {
        status = tg_agreement_register(change->store, v->agreement,
            &resolved, v->req->now_s, &v->err);
    }
    if (status == TG_OK) {
        status = tg_binding_refresh_agreement(change, v->agreement, &v->err);
    }
    return status;
}

static enum tg_status
append_call(struct tg_visit *v, struct tg_change *change)
{
    return tg_trail_append(change->store, v->config->settings,
        "ResolveCustomer", v->resolved, v->req->source_ip, v->req->now_s,
        &v->err);
}

static enum tg_status
register_resolved(struct tg_visit *v, struct tg_change *change)
{
    enum tg_status status = register_agreement(v, change);

    if (status == TG_OK) {
        status = append_call(v, change);
    }
    if (status == TG_OK) {
        tg_visit_find_url(v, change);
    }
    return status;
}

/* TG_NOTFOUND: the product is not ours; that we asked is on record. */
static enum tg_status
register_buyer(struct tg_visit *v)
{
    enum tg_status status = tg_visit_change(v, register_resolved);

    if (status == TG_NOTFOUND && tg_visit_change(v, append_call) != TG_OK) {
        status = TG_ERROR;
    }
    return status;
}

static void
answer_registered(struct tg_visit *v)
{
    bool is_https = strncmp(v->config->settings->portal.url, "https:", 6)
        == 0;

    tg_ticket_make(v->ticket, v->ticket_key, v->agreement,
        v->req->now_s + COOKIE_TTL_S);
    if (tg_http_cookie_set(v->res, TG_VISIT_COOKIE, v->ticket,
            COOKIE_TTL_S, is_https) != TG_OK)
    {
        (void) tg_error_set(&v->err, TG_NOMEM, "out of memory");
        tg_visit_failure(v, "registration_failed");
    } else if (v->wants_json) {
        tg_visit_json(v, "registered");
    } else {
        tg_page_address(v->res, v->config->settings, 200, tg_visit_product(v),
            v->ticket, "", NULL);
    }
}

/* Worth a second try while the buyer waits. */
static bool
is_passing(const struct tg_marketplace_result *r)
{
    return r->outcome == TG_MARKETPLACE_NOT_SENT
        || r->outcome == TG_MARKETPLACE_UNKNOWN
        || (r->outcome == TG_MARKETPLACE_REFUSED
            && (r->status >= 500 || strstr(r->type, "Throttl") != NULL));
}

static void
pause_before_retry(int attempt)
{
    uint32_t        jitter;
    struct timespec t = { 0, 0 };

    tg_random(&jitter, sizeof(jitter));
    t.tv_nsec = RETRY_MS * 1000000L * attempt / 2
        + (long) (jitter % (RETRY_MS * 1000000U / 2)) * attempt;
    t.tv_sec = t.tv_nsec / 1000000000L;
    t.tv_nsec %= 1000000000L;
    nanosleep(&t, NULL);
}

/* Each attempt but the last one that failed is on record when this ends. */
static enum tg_status
ask_marketplace(struct tg_visit *v, const char *token,
    struct tg_marketplace_result *result)
{
    int            attempt;
    enum tg_status status = TG_OK;

    for (attempt = 1;; attempt++) {
        tg_marketplace_resolve_customer(v->config->marketplace, result,
            token, v->req->now_s); /* O4 */
        if (!is_passing(result) || attempt == RESOLVE_ATTEMPTS) {
            return TG_OK;
        }
        if (result->outcome != TG_MARKETPLACE_NOT_SENT) {
            status = tg_visit_change(v, append_call);
        }
        if (status != TG_OK) {
            return status;
        }
        tg_marketplace_result_clear(result);
        pause_before_retry(attempt);
    }
}

static void
resolve(struct tg_visit *v, const char *token)
{
    enum tg_status               status;
    struct tg_marketplace_result result;

    v->resolved = &result;
    if (ask_marketplace(v, token, &result) != TG_OK) {
        tg_visit_failure(v, "registration_failed");
    } else if (result.outcome == TG_MARKETPLACE_ANSWERED) {
        status = register_buyer(v);
        if (status == TG_OK) {
            answer_registered(v);
        } else if (status == TG_NOTFOUND) {
            tg_visit_problem(v, 404, "This product is not sold here", "AWS"
                " Marketplace sent you to us with a product that this site"
                " does not know. Please tell the seller.");
        } else {
            tg_visit_failure(v, "registration_failed");
        }
    } else if (result.outcome != TG_MARKETPLACE_NOT_SENT
        && tg_visit_change(v, append_call) != TG_OK)
    {
        tg_visit_failure(v, "registration_failed");
    } else {
        answer_refusal(v, &result);
    }
    v->resolved = NULL;
    tg_marketplace_result_clear(&result);
}

void
tg_registration_handle(struct tg_visit *v)
{
    const char           *token = NULL;
    struct tg_http_params form = { NULL, 0 };

    if (tg_http_form_parse(&form, v->req) == TG_OK) {
        token = tg_http_param_get(&form, TOKEN_FIELD);
    }
    if (token == NULL || token[0] == '\0') {
        tg_visit_problem(v, 400, "Something is missing", "This page expects"
            " the registration that AWS Marketplace sends along. Please open"
            " the product in AWS Marketplace and choose \"Set up your"
            " account\".");
    } else if (strlen(token) > TOKEN_MAX) {
        tg_visit_problem(v, 400, "This registration cannot be right", "It is"
            " too long to come from AWS Marketplace. Please open the product"
            " there and choose \"Set up your account\".");
    } else {
        resolve(v, token);
    }
}
