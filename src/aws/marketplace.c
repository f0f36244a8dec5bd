/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/marketplace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/json.h"
#include "aws/signed.h"
#include "util/buf.h"
#include "util/digest.h"

#define SERVICE "aws-marketplace"
#define TIMEOUT_MS 30000
#define DATE_TIMEOUT_MS 5000
#define CONTENT_TYPE "application/x-amz-json-1.1"

/* What is the same for every call of this file. */
struct call {
    const struct tg_marketplace  *marketplace;
    struct tg_marketplace_result *result;
    const char                   *endpoint;
    const char                   *target; /* X-Amz-Target */
    const char                   *body;
    size_t                        body_len;
    int64_t                       now_s;
};

void
tg_marketplace_result_clear(struct tg_marketplace_result *result)
{
    json_decref(result->request);
    json_decref(result->reply);
    memset(result, 0, sizeof(*result));
}

void
tg_aws_error_type(char *out, const char *raw)
{
    size_t      len = strcspn(raw, ":");
    const char *hash = memrchr(raw, '#', len);

    if (hash != NULL) {
        len -= (size_t) (hash + 1 - raw);
        raw = hash + 1;
    }
    if (len >= TG_AWS_NAME_MAX) {
        len = TG_AWS_NAME_MAX - 1;
    }
    memcpy(out, raw, len);
    out[len] = '\0';
}

static void
set_message(struct tg_marketplace_result *result, const char *text)
{
    (void) snprintf(result->message, sizeof(result->message), "%s", text);
}

static const char *
json_text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/*
 * ---- signing and sending
 */

/* Names the error of a reply that is not 200 (spec: 1.3). */
static void
read_error(struct tg_marketplace_result *result,
    const struct tg_aws_reply *reply)
{
    json_t     *body = json_loadb(reply->body.data, reply->body.len, 0, NULL);
    const char *type = json_text(body, "__type");
    const char *message = json_text(body, "message");

    if (type == NULL && reply->error_type[0] != '\0') {
        type = reply->error_type;
    }
    if (message == NULL) {
        message = json_text(body, "Message");
    }
    if (type != NULL) {
        tg_aws_error_type(result->type, type);
    }
    if (result->type[0] == '\0') {
        (void) snprintf(result->type, sizeof(result->type), "%d",
            result->status);
    }
    set_message(result, message != NULL ? message : "");
    json_decref(body);
}

static void
read_reply(struct tg_marketplace_result *result,
    const struct tg_aws_reply *reply)
{
    result->status = reply->status;
    result->date_s = reply->date_s;
    result->retry_after_s = reply->retry_after_s;
    memcpy(result->request_id, reply->request_id, sizeof(reply->request_id));
    result->type[0] = '\0';
    result->message[0] = '\0';
    if (reply->status != 200) {
        result->outcome = TG_MARKETPLACE_REFUSED;
        read_error(result, reply);
        return;
    }
    result->reply = json_loadb(reply->body.data, reply->body.len, 0, NULL);
    if (json_is_object(result->reply)) {
        result->outcome = TG_MARKETPLACE_ANSWERED;
        return;
    }
    json_decref(result->reply);
    result->reply = NULL;
    result->outcome = TG_MARKETPLACE_UNKNOWN;
    set_message(result, "the answer was 200, but its body is no JSON object");
}

/* One attempt with these credentials. */
static void
attempt(const struct call *call, const struct tg_aws_credentials *credentials)
{
    int64_t                       skew_s;
    struct tg_error               err = { 0 };
    struct tg_aws_reply           reply;
    const struct tg_marketplace  *m = call->marketplace;
    struct tg_marketplace_result *result = call->result;
    struct tg_aws_call            signed_call = {
        .endpoint = call->endpoint, .region = m->region,
        .service = SERVICE, .content_type = CONTENT_TYPE,
        .target = call->target, .body = call->body,
        .body_len = call->body_len,
        .timeout_ms = m->timeout_ms != 0 ? m->timeout_ms : TIMEOUT_MS };

    result->status = 0;
    result->type[0] = '\0';
    memcpy(result->access_key_id, credentials->access_key_id,
        sizeof(credentials->access_key_id));
    memcpy(result->role_arn, credentials->arn, sizeof(credentials->arn));
    skew_s = tg_aws_keyring_skew(m->keyring);
    tg_aws_reply_init(&reply);
    switch (tg_aws_call_send(m->transport, &signed_call, credentials,
        call->now_s, &reply, &skew_s, &err))
    {
    case TG_AWS_ANSWERED:
        read_reply(result, &reply);
        break;
    case TG_AWS_NOT_SENT:
        result->outcome = TG_MARKETPLACE_NOT_SENT;
        set_message(result, err.message);
        break;
    case TG_AWS_LOST:
        result->outcome = TG_MARKETPLACE_UNKNOWN;
        set_message(result, err.message);
        break;
    }
    tg_aws_keyring_set_skew(m->keyring, skew_s);
    tg_aws_reply_clear(&reply);
}

/*
 * Whether our own keys are what it refuses (A2): a registration token that
 * has expired has status 400.
 */
static bool
is_key_refused(const struct tg_marketplace_result *result)
{
    size_t i;
    static const char *const types[] = { "ExpiredTokenException",
        "ExpiredToken", "InvalidToken", "UnrecognizedClientException" };

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (result->outcome == TG_MARKETPLACE_REFUSED
            && result->status == 403 && strcmp(result->type, types[i]) == 0)
        {
            return true;
        }
    }
    return false;
}

/* Whether a second try has a chance: with other keys, or the right time. */
static bool
wants_another(const struct call *call, struct tg_aws_credentials *keys,
    int64_t skew_s)
{
    bool                                is_other;
    struct tg_aws_credentials           newer;
    const struct tg_marketplace_result *result = call->result;
    struct tg_aws_keyring              *k = call->marketplace->keyring;

    if (!is_key_refused(result)) {
        return result->outcome == TG_MARKETPLACE_REFUSED
            && tg_aws_is_skewed(result->type,
                tg_aws_keyring_skew(k) - skew_s);
    }
    tg_aws_keyring_refused(k, keys);
    if (tg_aws_keyring_get(k, &newer, call->now_s, NULL) != TG_OK) {
        return false;
    }
    is_other = strcmp(newer.access_key_id, keys->access_key_id) != 0
        || strcmp(newer.secret_access_key, keys->secret_access_key) != 0
        || strcmp(newer.session_token != NULL ? newer.session_token : "",
               keys->session_token != NULL ? keys->session_token : "") != 0;
    tg_aws_credentials_wipe(keys);
    *keys = newer;
    return is_other;
}

static void
attempt_twice(const struct call *call)
{
    int64_t                   skew_s;
    struct tg_error           err = { 0 };
    struct tg_aws_credentials keys;

    if (tg_aws_keyring_get(call->marketplace->keyring, &keys, call->now_s,
            &err) != TG_OK)
    {
        set_message(call->result, err.message); /* NOT_SENT */
        return;
    }
    skew_s = tg_aws_keyring_skew(call->marketplace->keyring);
    attempt(call, &keys);
    if (wants_another(call, &keys, skew_s)) {
        attempt(call, &keys);
    }
    tg_aws_credentials_wipe(&keys);
}

/* Sends the JSON in body; the call's result tells what came of it. */
static void
perform(const struct tg_marketplace *m, struct tg_marketplace_result *result,
    const char *endpoint, const char *target, json_t *body, int64_t now_s)
{
    char       *text = tg_aws_json_text(body);
    struct call call = { m, result, endpoint, target, text, 0, now_s };

    result->time_s = now_s;
    result->outcome = TG_MARKETPLACE_NOT_SENT;
    if (text == NULL) {
        set_message(result, "the request cannot be written as JSON: a text"
            " is not UTF-8, or there is no memory");
        return;
    }
    call.body_len = strlen(text);
    if (call.body_len >= TG_MARKETPLACE_REQUEST_MAX) {
        result->outcome = TG_MARKETPLACE_TOO_LARGE;
        set_message(result, "the request is not smaller than 1 MB");
    } else {
        attempt_twice(&call);
    }
    tg_wipe(text, call.body_len); /* it may hold a registration token */
    free(text);
}

/*
 * ---- the operations
 */

static int
set_text(json_t *object, const char *name, const char *text)
{
    return text != NULL ? json_object_set_new(object, name, json_string(text))
                        : 0;
}

static json_t *
usage_json(const struct tg_marketplace_usage *u)
{
    json_t *object = json_object();

    if (json_object_set_new(object, "Timestamp", json_integer(u->timestamp))
        || set_text(object, "Dimension", u->dimension)
        || json_object_set_new(object, "Quantity", json_integer(u->quantity))
        || set_text(object, "CustomerAWSAccountId",
               u->customer_aws_account_id)
        || set_text(object, "LicenseArn", u->license_arn)
        || set_text(object, "CustomerIdentifier", u->customer_identifier))
    {
        json_decref(object);
        return NULL;
    }
    return object;
}

void
tg_marketplace_batch_meter_usage(const struct tg_marketplace *m,
    struct tg_marketplace_result *out, const char *product_code,
    const struct tg_marketplace_usage *records, size_t count, int64_t now_s)
{
    size_t  i;
    json_t *list = json_array();
    json_t *body = json_object();

    memset(out, 0, sizeof(*out));
    for (i = 0; i < count && body != NULL; i++) {
        if (json_array_append_new(list, usage_json(&records[i])) != 0) {
            json_decref(body);
            body = NULL;
        }
    }
    if (json_object_set(body, "UsageRecords", list) != 0
        || set_text(body, "ProductCode", product_code) != 0)
    {
        json_decref(body);
        body = NULL;
    }
    json_decref(list);
    perform(m, out, m->metering_endpoint,
        "AWSMPMeteringService.BatchMeterUsage", body, now_s);
    out->request = body;
}

void
tg_marketplace_resolve_customer(const struct tg_marketplace *m,
    struct tg_marketplace_result *out, const char *registration_token,
    int64_t now_s)
{
    json_t *body = json_pack("{s:s}", "RegistrationToken",
        registration_token);

    memset(out, 0, sizeof(*out));
    perform(m, out, m->metering_endpoint,
        "AWSMPMeteringService.ResolveCustomer", body, now_s);
    json_decref(body);
}

enum tg_status
tg_marketplace_date(const struct tg_marketplace *m, int64_t *date_s,
    struct tg_error *err)
{
    struct tg_buf         host, path;
    enum tg_status        status;
    struct tg_header      header = { "Host", NULL };
    struct tg_aws_reply   reply;
    struct tg_aws_request request = { 0 };

    tg_buf_init(&host, 1024);
    tg_buf_init(&path, 2048);
    tg_aws_reply_init(&reply);
    status = tg_aws_url_split(&host, &path, m->metering_endpoint, err);
    if (status == TG_OK) {
        header.value = host.data;
        request.method = "GET";
        request.url = m->metering_endpoint;
        request.headers = &header;
        request.header_count = 1;
        request.timeout_ms = DATE_TIMEOUT_MS;
        if (m->transport->send(m->transport->data, &request, &reply, err)
            != TG_AWS_ANSWERED)
        {
            status = TG_NOTFOUND;
        } else if (reply.date_s == 0) {
            status = tg_error_set(err, TG_NOTFOUND,
                "%s: the answer has no Date", m->metering_endpoint);
        }
    }
    *date_s = reply.date_s;
    tg_aws_reply_clear(&reply);
    tg_buf_clear(&host);
    tg_buf_clear(&path);
    return status;
}
