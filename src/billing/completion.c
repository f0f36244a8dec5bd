/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/completion.h"

#include <stdio.h>
#include <string.h>

#include "audit/trail.h"
#include "billing/pages.h"
#include "control/binding.h"
#include "control/customers.h"
#include "core/identity.h"
#include "core/ledger.h"
#include "http/form.h"
#include "util/digest.h"
#include "util/log.h"

#define EMAIL_MAX 254
#define EMAIL_LOCAL_MAX 64

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
read_agreement(struct tg_visit *v, struct tg_store *store)
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
audit(struct tg_visit *v, struct tg_change *change, const char *event,
    const char *type, json_t *request, json_t *response)
{
    enum tg_status            status;
    const struct tg_settings *settings = v->config->settings;
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
create_key(struct tg_visit *v, struct tg_change *change)
{
    char                  name[TG_ERROR_MAX];
    enum tg_status        status;
    struct tg_api_key_new key = { .customer_id = v->customer_id,
        .name = name, .enabled = true };

    (void) snprintf(name, sizeof(name), "%.200s of %.200s",
        tg_visit_product(v), v->license_id != NULL ? v->license_id
                                                  : v->customer_id);
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
find_or_create_key(struct tg_visit *v, struct tg_change *change)
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
attach_key(struct tg_visit *v, struct tg_change *change)
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
give_key(struct tg_visit *v, struct tg_change *change)
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
        tg_visit_find_url(v, change);
    }
    return status;
}

static void
answer_completed(struct tg_visit *v)
{
    if (v->wants_json) {
        tg_visit_json(v, "active");
    } else {
        tg_page_key(v->res, v->config->settings, tg_visit_product(v),
            v->key_value, v->url);
    }
}

/* The address is no address: the form again, with the reason. */
static void
answer_bad_email(struct tg_visit *v)
{
    struct tg_error err;

    pthread_mutex_lock(&v->config->control->lock);
    if (read_agreement(v, v->config->control->store) != TG_OK) {
        v->product_code = "";
    }
    pthread_mutex_unlock(&v->config->control->lock);
    (void) tg_error_set(&err, TG_INVALID, "Please give an e-mail address,"
        " like name@example.com.");
    if (v->wants_json) {
        tg_visit_problem(v, 400, "That is no e-mail address", err.message);
    } else {
        tg_page_address(v->res, v->config->settings, 400, tg_visit_product(v),
            v->ticket, v->email, err.message);
    }
}

/* Whether the ticket is good: then it is the visit's. */
static bool
take_ticket(struct tg_visit *v, const char *ticket)
{
    if (!tg_ticket_read(v->agreement, v->ticket_key, ticket,
            v->req->now_s))
    {
        return false;
    }
    (void) snprintf(v->ticket, sizeof(v->ticket), "%s", ticket);
    return true;
}

void
tg_completion_handle(struct tg_visit *v)
{
    const char           *email = "", *ticket = NULL;
    struct tg_http_params form = { NULL, 0 };

    if (tg_http_form_parse(&form, v->req) == TG_OK) {
        email = tg_http_param_get(&form, "email");
        ticket = tg_http_param_get(&form, "registration");
    }
    v->email = trimmed(v->req->arena, email != NULL ? email : "");
    /* browsers that keep no cookie bring the form's own field */
    if (!take_ticket(v, ticket)
        && !take_ticket(v, tg_http_cookie_get(v->req, TG_VISIT_COOKIE)))
    {
        tg_visit_problem(v, 403, "Please start from AWS Marketplace", "We do"
            " not know who you are, or more than an hour has passed. Open"
            " the product in AWS Marketplace and choose \"Set up your"
            " account\".");
        return;
    }
    if (v->email == NULL || !is_email(v->email)) {
        answer_bad_email(v);
        return;
    }
    switch (tg_visit_change(v, give_key)) {
    case TG_OK:
        answer_completed(v);
        break;
    case TG_CONFLICT:
    case TG_LIMIT:
        tg_log(TG_LOG_ERROR, "key_not_attached", "agreement", v->agreement,
            "msg", v->err.message, NULL);
        tg_visit_problem(v, 409, "Your key needs the seller's help", "You have"
            " a key already, and it cannot be used for this product as well."
            " Please tell the seller.");
        break;
    case TG_NOTFOUND:
        tg_visit_problem(v, 404, "This product is not sold here any more",
            "Please tell the seller.");
        break;
    default:
        tg_visit_failure(v, "registration_failed");
    }
    if (v->key_value != NULL) {
        tg_wipe(v->key_value, strlen(v->key_value));
    }
}
