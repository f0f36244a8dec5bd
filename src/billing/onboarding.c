/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/onboarding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit/trail.h"
#include "billing/agreements.h"
#include "billing/example.h"
#include "billing/memo.h"
#include "billing/pages.h"
#include "billing/ticket.h"
#include "billing/trail.h"
#include "control/binding.h"
#include "control/change.h"
#include "control/customers.h"
#include "core/identity.h"
#include "http/form.h"
#include "http/json.h"
#include "util/digest.h"
#include "util/log.h"

#define TOKEN_FIELD "x-amzn-marketplace-token"
#define TOKEN_MAX 8192
#define RESOLVE_ATTEMPTS 3
#define RETRY_MS 400
#define COOKIE_NAME "tg_registration"
#define COOKIE_TTL_S 3600
#define EMAIL_MAX 254
#define EMAIL_LOCAL_MAX 64

struct tg_onboarding {
    struct tg_onboarding_config config;
    char                        cookie_key[TG_SHA256_HEX];
};

/* One visit. */
struct visit {
    struct tg_onboarding    *o;
    struct tg_http_request  *req;
    struct tg_http_response *res;
    bool                     wants_json;
    struct tg_error          err;
    /* POST /register: what ResolveCustomer came to */
    const struct tg_marketplace_result *resolved;
    /* the agreement */
    char                     agreement[TG_AGREEMENT_ID_SIZE];
    char                     ticket[TG_TICKET_SIZE];
    const char              *product_code;
    const char              *customer_id; /* of the key */
    const char              *license_id;  /* other form of it, or NULL */
    const char              *email;
    const char              *plan_id;
    const char              *key_id;
    char                    *key_value;
    const char              *url;
};

static const char *
product_name(const struct visit *v)
{
    const struct tg_product *product = tg_settings_product(
        v->o->config.settings, v->product_code);

    return product != NULL ? product->name : v->product_code;
}

/*
 * ---- answers
 */

/* {"message"} or the page that says the same with advice. */
static void
answer_problem(struct visit *v, int status, const char *title,
    const char *advice)
{
    if (status == 503) {
        tg_http_header_set(v->res, "Retry-After", "30");
    }
    if (v->wants_json) {
        tg_http_json_reply(v->res, status, TG_HTTP_JSON,
            json_pack("{s:s, s:s}", "message", title, "advice", advice));
        return;
    }
    tg_page_problem(v->res, v->o->config.settings, status, title, advice);
}

/* Ours to mend: the log has the cause, the buyer what to do. */
static void
answer_failure(struct visit *v, const char *event)
{
    tg_log(TG_LOG_ERROR, event, "request", v->req->id, "msg",
        v->err.message, NULL);
    answer_problem(v, 500, "Something went wrong here", "Nothing was lost."
        " Please choose \"Set up your account\" in AWS Marketplace again in a"
        " few minutes.");
}

static void
answer_json(struct visit *v, const char *state)
{
    tg_http_json_reply(v->res, 200, TG_HTTP_JSON,
        json_pack("{s:s, s:s?, s:s?, s:s?, s:s?}", "state", state,
            "apiKeyId", v->key_id, "apiKey", v->key_value, "usagePlanId",
            v->plan_id, "url", v->url));
}

/*
 * ---- the ticket between the two pages (O3)
 */

static void
make_ticket(struct visit *v)
{
    tg_ticket_make(v->ticket, v->o->cookie_key, v->agreement,
        v->req->now_s + COOKIE_TTL_S);
}

/* Whether the ticket is ours and still good; fills v->agreement. */
static bool
read_ticket(struct visit *v, const char *ticket)
{
    if (!tg_ticket_read(v->agreement, v->o->cookie_key, ticket,
            v->req->now_s))
    {
        return false;
    }
    (void) snprintf(v->ticket, sizeof(v->ticket), "%s", ticket);
    return true;
}

static bool
is_https(const struct tg_onboarding *o)
{
    return strncmp(o->config.settings->portal.url, "https:", 6) == 0;
}

/* Does work in one change of the configuration: all of it or nothing. */
static enum tg_status
in_change(struct visit *v,
    enum tg_status (*work)(struct visit *v, struct tg_change *change))
{
    enum tg_status   status;
    struct tg_change change;

    status = tg_change_begin(&change, v->o->config.control, v->req->arena,
        v->req->now_s, &v->err);
    if (status != TG_OK) {
        return status;
    }
    status = work(v, &change);
    if (status == TG_OK) {
        return tg_change_commit(&change, &v->err);
    }
    tg_change_abort(&change);
    return status;
}

/*
 * ---- POST /register
 */

/* What ResolveCustomer's refusal means to the buyer. */
static void
answer_refusal(struct visit *v, const struct tg_marketplace_result *r)
{
    if (r->outcome == TG_MARKETPLACE_REFUSED && r->status == 400
        && strcmp(r->type, "ExpiredTokenException") == 0)
    {
        answer_problem(v, 400, "This registration has expired", "Please go"
            " back to AWS Marketplace and choose \"Set up your account\""
            " again: it sends you here with a fresh one.");
    } else if (r->outcome == TG_MARKETPLACE_REFUSED && r->status == 400
        && strcmp(r->type, "InvalidTokenException") == 0)
    {
        answer_problem(v, 400, "AWS Marketplace does not know this"
            " registration", "Please open the product in AWS Marketplace and"
            " choose \"Set up your account\".");
    } else {
        tg_log(TG_LOG_ERROR, "resolve_customer_failed", "type", r->type,
            "request", r->request_id, "msg", r->message, NULL);
        answer_problem(v, 503, "AWS Marketplace cannot be asked right now",
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
register_agreement(struct visit *v, struct tg_change *change)
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
append_call(struct visit *v, struct tg_change *change)
{
    return tg_trail_append(change->store, v->o->config.settings,
        "ResolveCustomer", v->resolved, v->req->source_ip, v->req->now_s,
        &v->err);
}

static void
find_url(struct visit *v, const struct tg_change *change)
{
    if (tg_example_url(&v->url, change->store, v->o->config.settings,
            v->plan_id, v->req->arena, NULL) != TG_OK)
    {
        v->url = NULL; /* the plan has no stage yet */
    }
}

static enum tg_status
register_resolved(struct visit *v, struct tg_change *change)
{
    enum tg_status status = register_agreement(v, change);

    if (status == TG_OK) {
        status = append_call(v, change);
    }
    if (status == TG_OK) {
        find_url(v, change);
    }
    return status;
}

/* TG_NOTFOUND: the product is not ours; that we asked is on record. */
static enum tg_status
register_buyer(struct visit *v)
{
    enum tg_status status = in_change(v, register_resolved);

    if (status == TG_NOTFOUND && in_change(v, append_call) != TG_OK) {
        status = TG_ERROR;
    }
    return status;
}

static void
answer_registered(struct visit *v)
{
    make_ticket(v);
    if (tg_http_cookie_set(v->res, COOKIE_NAME, v->ticket, COOKIE_TTL_S,
            is_https(v->o)) != TG_OK)
    {
        (void) tg_error_set(&v->err, TG_NOMEM, "out of memory");
        answer_failure(v, "registration_failed");
    } else if (v->wants_json) {
        answer_json(v, "registered");
    } else {
        tg_page_address(v->res, v->o->config.settings, 200, product_name(v),
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
ask_marketplace(struct visit *v, const char *token,
    struct tg_marketplace_result *result)
{
    int            attempt;
    enum tg_status status = TG_OK;

    for (attempt = 1;; attempt++) {
        tg_marketplace_resolve_customer(v->o->config.marketplace, result,
            token, v->req->now_s); /* O4 */
        if (!is_passing(result) || attempt == RESOLVE_ATTEMPTS) {
            return TG_OK;
        }
        if (result->outcome != TG_MARKETPLACE_NOT_SENT) {
            status = in_change(v, append_call);
        }
        if (status != TG_OK) {
            return status;
        }
        tg_marketplace_result_clear(result);
        pause_before_retry(attempt);
    }
}

static void
resolve(struct visit *v, const char *token)
{
    enum tg_status               status;
    struct tg_marketplace_result result;

    v->resolved = &result;
    if (ask_marketplace(v, token, &result) != TG_OK) {
        answer_failure(v, "registration_failed");
    } else if (result.outcome == TG_MARKETPLACE_ANSWERED) {
        status = register_buyer(v);
        if (status == TG_OK) {
            answer_registered(v);
        } else if (status == TG_NOTFOUND) {
            answer_problem(v, 404, "This product is not sold here", "AWS"
                " Marketplace sent you to us with a product that this site"
                " does not know. Please tell the seller.");
        } else {
            answer_failure(v, "registration_failed");
        }
    } else if (result.outcome != TG_MARKETPLACE_NOT_SENT
        && in_change(v, append_call) != TG_OK)
    {
        answer_failure(v, "registration_failed");
    } else {
        answer_refusal(v, &result);
    }
    v->resolved = NULL;
    tg_marketplace_result_clear(&result);
}

static void
begin_visit(struct visit *v, struct tg_http_request *req,
    struct tg_http_response *res, void *data)
{
    memset(v, 0, sizeof(*v));
    v->o = data;
    v->req = req;
    v->res = res;
    v->wants_json = tg_http_accepts(req, TG_HTTP_JSON);
}

static void
post_register(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    const char           *token = NULL;
    struct visit          v;
    struct tg_http_params form = { NULL, 0 };

    begin_visit(&v, req, res, data);
    if (tg_http_form_parse(&form, req) == TG_OK) {
        token = tg_http_param_get(&form, TOKEN_FIELD);
    }
    if (token == NULL || token[0] == '\0') {
        answer_problem(&v, 400, "Something is missing", "This page expects"
            " the registration that AWS Marketplace sends along. Please open"
            " the product in AWS Marketplace and choose \"Set up your"
            " account\".");
    } else if (strlen(token) > TOKEN_MAX) {
        answer_problem(&v, 400, "This registration cannot be right", "It is"
            " too long to come from AWS Marketplace. Please open the product"
            " there and choose \"Set up your account\".");
    } else {
        resolve(&v, token);
    }
}

/*
 * ---- POST /register/complete
 */

/* One '@', something before it, a name with a dot behind it. */
static bool
is_email(const char *text)
{
    const char *at = strchr(text, '@');
    const char *dot = at != NULL ? strrchr(at, '.') : NULL;

    for (const char *p = text; *p != '\0'; p++) {
        if ((unsigned char) *p <= ' ' || *p == 0x7f
            || strchr("<>()[],;:\\\"", *p) != NULL)
        {
            return false;
        }
    }
    return at != NULL && at > text && at - text <= EMAIL_LOCAL_MAX
        && strchr(at + 1, '@') == NULL && dot != NULL && dot > at + 1
        && dot[1] != '\0' && strstr(at, "..") == NULL
        && strlen(text) <= EMAIL_MAX;
}

static char *
trimmed(struct tg_arena *arena, const char *text)
{
    size_t len;

    while (*text == ' ' || *text == '\t') {
        text++;
    }
    len = strlen(text);
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) {
        len--;
    }
    return tg_arena_dup(arena, text, len);
}

/* Fills in whom the agreement is with.  TG_NOTFOUND: it is gone. */
static enum tg_status
read_agreement(struct visit *v, struct tg_store *store)
{
    const char           *text;
    enum tg_status        status;
    struct tg_stmt       *q = NULL;
    enum tg_identity_mode mode;
    static const int      columns[] = { [TG_IDENTITY_LICENSE] = 3,
        [TG_IDENTITY_ACCOUNT] = 2, [TG_IDENTITY_CUSTOMER] = 4 };

    status = tg_store_query(store, &q, &v->err, "SELECT product_code,"
        " identity_mode, customer_aws_account_id, license_arn,"
        " customer_identifier FROM agreement WHERE id = $1", "s",
        v->agreement);
    if (status == TG_OK) {
        status = tg_stmt_next(q, &v->err);
    }
    if (status == TG_OK) {
        status = tg_identity_mode_parse(&mode, tg_stmt_text(q, 1));
    }
    if (status == TG_OK) {
        text = tg_stmt_text(q, columns[mode]);
        v->product_code = tg_arena_strdup(v->req->arena, tg_stmt_text(q, 0));
        v->customer_id = tg_arena_strdup(v->req->arena, text);
        if (mode == TG_IDENTITY_LICENSE && v->customer_id != NULL) {
            v->license_id = tg_license_id(v->customer_id);
        }
        if (v->product_code == NULL || v->customer_id == NULL) {
            status = tg_error_set(&v->err, TG_CORRUPT, "agreement %s: what"
                " its identity mode needs is missing", v->agreement);
        }
    }
    tg_stmt_done(q);
    return status;
}

static enum tg_status
audit(struct visit *v, struct tg_change *change, const char *event,
    const char *type, json_t *request, json_t *response)
{
    enum tg_status            status;
    const struct tg_settings *settings = v->o->config.settings;
    struct tg_audit_record    record = {
        .time_s = v->req->now_s,
        .event_source = TG_AUDIT_SOURCE_APIGATEWAY,
        .event_name = event,
        .region = settings->region,
        .account_id = settings->account_id,
        .identity = tg_audit_self(settings->account_id, "onboarding"),
        .source_ip = v->req->source_ip,
        .request_id = v->req->id,
        .request = request,
        .response = response,
        .resource_type = type,
        .resource_name = v->key_id,
    };

    status = request != NULL && response != NULL
        ? tg_audit_append(change->store, &record, &v->err)
        : tg_error_set(&v->err, TG_NOMEM, "out of memory");
    json_decref(request);
    json_decref(response);
    return status;
}

static enum tg_status
create_key(struct visit *v, struct tg_change *change)
{
    char                  name[TG_ERROR_MAX];
    enum tg_status        status;
    struct tg_api_key_new key = { .customer_id = v->customer_id,
        .name = name, .enabled = true };

    (void) snprintf(name, sizeof(name), "%.200s of %.200s", product_name(v),
        v->license_id != NULL ? v->license_id : v->customer_id);
    status = tg_api_key_create(change, &key, &v->key_id, &v->err);
    if (status == TG_OK) {
        status = audit(v, change, "CreateApiKey", "AWS::ApiGateway::ApiKey",
            json_pack("{s:{s:s, s:s, s:b}}", "createApiKeyInput", "name",
                name, "customerId", v->customer_id, "enabled", 1),
            json_pack("{s:s}", "id", v->key_id));
    }
    return status;
}

/* O2: the buyer's key, found by either form of customerId, or a new one. */
static enum tg_status
find_or_create_key(struct visit *v, struct tg_change *change)
{
    enum tg_status status;

    status = tg_api_key_find_customer(change, v->customer_id, v->plan_id,
        &v->key_id, &v->err);
    if (status == TG_NOTFOUND && v->license_id != NULL) {
        status = tg_api_key_find_customer(change, v->license_id, v->plan_id,
            &v->key_id, &v->err);
    }
    return status == TG_NOTFOUND ? create_key(v, change) : status;
}

static enum tg_status
attach_key(struct visit *v, struct tg_change *change)
{
    enum tg_status status;

    if (tg_usage_plan_key_exists(change, v->plan_id, v->key_id)) {
        return TG_OK;
    }
    status = tg_usage_plan_key_attach(change, v->plan_id, v->key_id,
        &v->err);
    if (status == TG_OK) {
        status = audit(v, change, "CreateUsagePlanKey",
            "AWS::ApiGateway::UsagePlanKey",
            json_pack("{s:s, s:{s:s, s:s}}", "usagePlanId", v->plan_id,
                "createUsagePlanKeyInput", "keyId", v->key_id, "keyType",
                "API_KEY"),
            json_pack("{s:s, s:s}", "id", v->key_id, "type", "API_KEY"));
    }
    return status;
}

static enum tg_status
give_key(struct visit *v, struct tg_change *change)
{
    enum tg_status status = read_agreement(v, change->store);

    if (status == TG_OK) {
        status = tg_store_exec(change->store, &v->err, "UPDATE agreement SET"
            " email = $1, updated_s = $2 WHERE id = $3", "sis", v->email,
            v->req->now_s, v->agreement);
    }
    if (status == TG_OK) {
        status = tg_usage_plan_find_product(change, v->product_code,
            &v->plan_id, &v->err);
    }
    if (status == TG_OK) {
        status = find_or_create_key(v, change);
    }
    if (status == TG_OK) {
        status = attach_key(v, change);
    }
    if (status == TG_OK) {
        status = tg_binding_refresh_agreement(change, v->agreement, &v->err);
    }
    if (status == TG_OK) {
        status = tg_api_key_value(change, v->key_id, &v->key_value, &v->err);
    }
    if (status == TG_OK) {
        find_url(v, change);
    }
    return status;
}

static void
answer_completed(struct visit *v)
{
    if (v->wants_json) {
        answer_json(v, "active");
    } else {
        tg_page_key(v->res, v->o->config.settings, product_name(v),
            v->key_value, v->url);
    }
}

/* The address is no address: the form again, with the reason. */
static void
answer_bad_email(struct visit *v)
{
    struct tg_error err;

    pthread_mutex_lock(&v->o->config.control->lock);
    if (read_agreement(v, v->o->config.control->store) != TG_OK) {
        v->product_code = "";
    }
    pthread_mutex_unlock(&v->o->config.control->lock);
    (void) tg_error_set(&err, TG_INVALID, "Please give an e-mail address,"
        " like name@example.com.");
    if (v->wants_json) {
        answer_problem(v, 400, "That is no e-mail address", err.message);
    } else {
        tg_page_address(v->res, v->o->config.settings, 400, product_name(v),
            v->ticket, v->email, err.message);
    }
}

static void
post_complete(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    const char           *email = "", *ticket = NULL;
    struct visit          v;
    struct tg_http_params form = { NULL, 0 };

    begin_visit(&v, req, res, data);
    if (tg_http_form_parse(&form, req) == TG_OK) {
        email = tg_http_param_get(&form, "email");
        ticket = tg_http_param_get(&form, "registration");
    }
    v.email = trimmed(req->arena, email != NULL ? email : "");
    /* browsers that keep no cookie bring the form's own field */
    if (!read_ticket(&v, ticket)
        && !read_ticket(&v, tg_http_cookie_get(req, COOKIE_NAME)))
    {
        answer_problem(&v, 403, "Please start from AWS Marketplace", "We do"
            " not know who you are, or more than an hour has passed. Open"
            " the product in AWS Marketplace and choose \"Set up your"
            " account\".");
        return;
    }
    if (v.email == NULL || !is_email(v.email)) {
        answer_bad_email(&v);
        return;
    }
    switch (in_change(&v, give_key)) {
    case TG_OK:
        answer_completed(&v);
        break;
    case TG_CONFLICT:
    case TG_LIMIT:
        tg_log(TG_LOG_ERROR, "key_not_attached", "agreement", v.agreement,
            "msg", v.err.message, NULL);
        answer_problem(&v, 409, "Your key needs the seller's help", "You have"
            " a key already, and it cannot be used for this product as well."
            " Please tell the seller.");
        break;
    case TG_NOTFOUND:
        answer_problem(&v, 404, "This product is not sold here any more",
            "Please tell the seller.");
        break;
    default:
        answer_failure(&v, "registration_failed");
    }
    if (v.key_value != NULL) {
        tg_wipe(v.key_value, strlen(v.key_value));
    }
}

/*
 * ---- the other pages, and routes
 */

static void
get_home(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    const struct tg_onboarding *o = data;

    (void) req;
    tg_page_home(res, o->config.settings);
}

static void
get_register(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    const struct tg_onboarding *o = data;

    (void) req;
    tg_page_explain(res, o->config.settings);
}

static const struct tg_http_route routes[] = {
    { "GET", "/", NULL, "GetHome", get_home, NULL },
    { "GET", "/register", NULL, "GetRegister", get_register, NULL },
    { "POST", "/register", NULL, "Register", post_register, NULL },
    { "POST", "/register/complete", NULL, "CompleteRegistration",
        post_complete, NULL },
};

void
tg_onboarding_handle(struct tg_http_request *req,
    struct tg_http_response *res, void *data)
{
    struct visit v;

    begin_visit(&v, req, res, data);
    switch (tg_http_route_find(req, routes,
        sizeof(routes) / sizeof(routes[0])))
    {
    case TG_OK:
        req->route->handle(req, res, data);
        break;
    case TG_NOTFOUND:
        answer_problem(&v, 404, "There is no such page", "Buyers come here"
            " from AWS Marketplace: choose \"Set up your account\" there.");
        break;
    case TG_DENIED:
        answer_problem(&v, 405, "That does not work here", "Buyers come here"
            " from AWS Marketplace: choose \"Set up your account\" there.");
        break;
    default:
        (void) tg_error_set(&v.err, TG_NOMEM, "out of memory");
        answer_failure(&v, "registration_failed");
    }
}

/*
 * ---- open and close
 */

/* The key that signs tickets: the same after a restart. */
static enum tg_status
read_cookie_key(struct tg_onboarding *o, struct tg_error *err)
{
    uint8_t          random[TG_SHA256_SIZE];
    enum tg_status   status;
    struct tg_store *s = o->config.control->store;

    status = tg_memo_get(s, o->cookie_key, sizeof(o->cookie_key),
        TG_MEMO_COOKIE_KEY, err);
    if (status != TG_NOTFOUND) {
        return status;
    }
    tg_random(random, sizeof(random));
    tg_hex(o->cookie_key, random, sizeof(random));
    tg_wipe(random, sizeof(random));
    status = tg_store_begin(s, TG_STORE_DURABLE, err);
    if (status == TG_OK) {
        status = tg_memo_set(s, TG_MEMO_COOKIE_KEY, o->cookie_key, err);
    }
    if (status == TG_OK) {
        status = tg_store_commit(s, err);
    }
    tg_store_rollback(s);
    return status;
}

enum tg_status
tg_onboarding_open(struct tg_onboarding **out,
    const struct tg_onboarding_config *config, struct tg_error *err)
{
    enum tg_status        status;
    struct tg_onboarding *o = calloc(1, sizeof(*o));

    *out = NULL;
    if (o == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    o->config = *config;
    pthread_mutex_lock(&config->control->lock);
    status = read_cookie_key(o, err);
    pthread_mutex_unlock(&config->control->lock);
    if (status != TG_OK) {
        tg_onboarding_close(o);
        return status;
    }
    *out = o;
    return TG_OK;
}

void
tg_onboarding_close(struct tg_onboarding *o)
{
    if (o != NULL) {
        tg_wipe(o->cookie_key, sizeof(o->cookie_key));
        free(o);
    }
}
