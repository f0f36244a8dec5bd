/*
 * dispatch.c - from a request to its operation, and back to an answer
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "audit/trail.h"
#include "control/authorize.h"
#include "control/call.h"
#include "control/change.h"
#include "control/control.h"
#include "control/front.h"
#include "control/hal.h"
#include "http/json.h"
#include "util/log.h"

#define OPERATIONS_MAX 256
#define JSON_1_1 "application/x-amz-json-1.1"
#define TARGET_SHORT "CloudTrail_20131101."
#define TARGET_LONG "com.amazonaws.cloudtrail.v20131101." TARGET_SHORT

/*
 * ---- which operation
 */

/* The operation's name in X-Amz-Target; NULL when it is not CloudTrail's. */
static const char *
cloudtrail_name(const struct tg_http_request *req)
{
    const char *target = tg_http_header_get(req, "X-Amz-Target");

    if (target == NULL) {
        return NULL;
    }
    if (strncmp(target, TARGET_LONG, sizeof(TARGET_LONG) - 1) == 0) {
        return target + sizeof(TARGET_LONG) - 1;
    }
    if (strncmp(target, TARGET_SHORT, sizeof(TARGET_SHORT) - 1) == 0) {
        return target + sizeof(TARGET_SHORT) - 1;
    }
    return NULL;
}

/* The row that the target or the method and path select, or NULL. */
static const struct tg_operation *
find_operation(struct tg_http_request *req, const char *target)
{
    size_t                     count = 0;
    size_t                     i;
    const struct tg_operation *op;
    struct tg_http_route       routes[OPERATIONS_MAX];

    for (i = 0; tg_operation_tables[i] != NULL; i++) {
        for (op = tg_operation_tables[i]; op->name != NULL; op++) {
            if (op->pattern == NULL) {
                if (target != NULL && strcmp(op->name, target) == 0) {
                    return op;
                }
            } else if (count < OPERATIONS_MAX) {
                routes[count++] = (struct tg_http_route) {
                    .method = op->method,
                    .pattern = op->pattern,
                    .operation = op->name,
                    .data = op,
                };
            }
        }
    }
    if (target != NULL || tg_http_route_find(req, routes, count) != TG_OK) {
        return NULL;
    }
    op = req->route->data;
    req->route = NULL; /* it lies on this stack */
    return op;
}

/*
 * ---- answers
 */

static const char *
content_type(const struct tg_control_call *call)
{
    return call->operation != NULL && call->operation->pattern == NULL
        ? JSON_1_1 : TG_HTTP_JSON;
}

/* Turns what went wrong below a handler into what the caller is told. */
static void
explain(struct tg_control_call *call, enum tg_status status)
{
    static const struct {
        enum tg_status status;
        int            http;
        const char    *type;
    } kinds[] = {
        {TG_INVALID, 400, "BadRequestException"},
        {TG_NOTFOUND, 404, "NotFoundException"},
        {TG_CONFLICT, 409, "ConflictException"},
        {TG_LIMIT, 429, "LimitExceededException"},
        {TG_BUSY, 503, "ServiceUnavailableException"},
        {TG_IO, 503, "ServiceUnavailableException"},
        {TG_READONLY, 503, "ServiceUnavailableException"},
    };
    size_t i;

    if (status == TG_DENIED && call->error_type != NULL) {
        return;
    }
    call->error_http = 500;
    call->error_type = "InternalFailure";
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].status == status) {
            call->error_http = kinds[i].http;
            call->error_type = kinds[i].type;
        }
    }
    call->error_message = call->err.message[0] != '\0'
        ? call->err.message : tg_status_text(status);
    if (call->error_http >= 500) {
        tg_log(TG_LOG_ERROR, "control_call_failed", "operation",
            call->operation->name, "request", call->req->id, "msg",
            call->error_message, NULL);
    }
}

static void
answer(struct tg_control_call *call, enum tg_status status)
{
    int http = call->operation->status;

    if (status != TG_OK) {
        tg_http_json_error(call->res, call->error_http, content_type(call),
            call->error_type, call->error_message);
    } else if (call->result_text != NULL) {
        tg_http_reply(call->res, http, call->result_type, call->result_text);
    } else if (http == 202 || http == 204) {
        tg_http_reply(call->res, http, content_type(call), "");
    } else if (tg_hal_is_wanted(call)) {
        tg_http_json_reply(call->res, http, TG_HAL_TYPE, tg_hal_form(call));
    } else {
        tg_http_json_reply(call->res, http, content_type(call),
            json_incref(call->result));
    }
}

/*
 * ---- the audit record
 */

static void
add_params(json_t *to, const struct tg_http_params *params)
{
    size_t i;

    for (i = 0; i < params->count; i++) {
        tg_json_set_text(to, params->items[i].name, params->items[i].value);
    }
}

/* requestParameters as CloudTrail has them, to which a handler may add. */
static void
describe_request(struct tg_control_call *call)
{
    char name[128];

    call->audit_request = json_object();
    add_params(call->audit_request, &call->req->path_params);
    add_params(call->audit_request, &call->req->params);
    if (json_object_size(call->body) > 0) {
        (void) snprintf(name, sizeof(name), "%c%sInput",
            tolower((unsigned char) call->operation->name[0]),
            call->operation->name + 1);
        (void) json_object_set(call->audit_request, name, call->body);
    }
}

/* Who called: a user, or somebody whose signature was refused. */
static struct tg_audit_identity
identity_of(const struct tg_control_call *call, char arn[TG_AUDIT_ARN_SIZE])
{
    const char *account_id = call->control->settings->account_id;

    if (call->caller.user_name[0] == '\0') {
        return (struct tg_audit_identity) {
            .type = "Unknown",
            .account_id = account_id,
            .access_key_id = call->access_key_id,
        };
    }
    return tg_audit_user(arn, account_id, call->caller.user_name,
        call->access_key_id);
}

static enum tg_status
append_audit(struct tg_control_call *call, bool is_failure)
{
    char                           arn[TG_AUDIT_ARN_SIZE];
    const struct tg_settings      *settings = call->control->settings;
    struct tg_audit_record record = {
        .time_s = call->now_s,
        .event_source = TG_AUDIT_SOURCE_APIGATEWAY,
        .event_name = call->operation->name,
        .region = settings->region,
        .account_id = settings->account_id,
        .identity = identity_of(call, arn),
        .source_ip = call->req->source_ip,
        .user_agent = tg_http_header_get(call->req, "User-Agent"),
        .request_id = call->req->id,
        .request = call->audit_request,
        .resource_type = call->resource_type,
        .resource_name = call->resource_name,
        .is_read_only = call->operation->is_read_only,
    };

    if (is_failure) {
        record.error_code = call->error_type;
        record.error_message = call->error_message;
    } else {
        record.response = call->audit_response != NULL
            ? call->audit_response : call->result;
    }
    return tg_audit_append(call->store, &record, &call->err);
}

/*
 * The record of a call that failed, in a transaction of its own (N2).  A
 * store that cannot take it makes the answer a 5xx if it was none already.
 */
static enum tg_status
audit_failure(struct tg_control_call *call, enum tg_status status)
{
    enum tg_status   audited;
    struct tg_change change;
    struct tg_error  reason = {0};

    explain(call, status);
    /* err is about to be used again; the text may stand in it. */
    call->error_message = tg_arena_strdup(call->arena, call->error_message);
    if (call->error_message == NULL) {
        call->error_message = "out of memory";
    }
    audited = tg_change_begin(&change, call->control, call->arena,
        call->now_s, &reason);
    if (audited == TG_OK) {
        audited = append_audit(call, true);
        reason = call->err;
        if (audited == TG_OK) {
            audited = tg_change_commit(&change, &reason);
        }
        tg_change_abort(&change);
    }
    if (audited != TG_OK && call->error_http < 500) {
        call->err = reason;
        call->error_type = NULL;
        explain(call, audited);
        return audited;
    }
    return status;
}

/*
 * ---- calls
 */

static enum tg_status
call_changing(struct tg_control_call *call)
{
    enum tg_status   status;
    struct tg_change change;

    status = tg_change_begin(&change, call->control, call->arena,
        call->now_s, &call->err);
    if (status == TG_OK) {
        call->change = &change;
        status = call->operation->handler(call);
        if (status == TG_OK) {
            status = append_audit(call, false);
        }
        if (status == TG_OK) {
            status = tg_change_commit(&change, &call->err);
        }
        tg_change_abort(&change);
        call->change = NULL;
        if (status != TG_OK && change.is_stored) {
            explain(call, status); /* its record says that it was made */
            return status;
        }
    }
    return status == TG_OK ? TG_OK : audit_failure(call, status);
}

static enum tg_status
call_reading(struct tg_control_call *call)
{
    enum tg_status status;

    pthread_mutex_lock(&call->control->lock);
    status = call->operation->handler(call);
    pthread_mutex_unlock(&call->control->lock);
    if (status != TG_OK) {
        explain(call, status);
    }
    return status;
}

static enum tg_status
parse_body(struct tg_control_call *call)
{
    struct tg_error err;

    if (call->operation->body != TG_BODY_JSON) {
        return TG_OK;
    }
    if (tg_http_json_parse(&call->body, call->req, &err) == TG_OK) {
        return TG_OK;
    }
    call->error_http = 400;
    call->error_type = call->operation->pattern == NULL
        ? "SerializationException" : "BadRequestException";
    call->error_message = tg_arena_strdup(call->arena, err.message);
    return TG_DENIED;
}

/* Parses the body, and calls the handler in its transaction. */
static enum tg_status
run(struct tg_control_call *call)
{
    enum tg_status status = parse_body(call);

    if (status == TG_OK || !call->operation->is_read_only) {
        describe_request(call);
    }
    if (status == TG_OK) {
        status = tg_front_check(call);
    }
    if (status != TG_OK) {
        return call->operation->is_read_only ? status
                                             : audit_failure(call, status);
    }
    return call->operation->is_read_only ? call_reading(call)
                                         : call_changing(call);
}

/* What stands for an operation that there is none of. */
static const struct tg_operation unknown = {.name = "Unknown",
    .pattern = "/"};
static const struct tg_operation unknown_target = {.name = "Unknown"};

/* The signature, the operation, the role; TG_DENIED: refused. */
static enum tg_status
admit(struct tg_control_call *call, struct tg_sigv4_signer *signer,
    const char *target)
{
    bool           is_audited;
    enum tg_status status;

    status = tg_authorize_signature(call, signer,
        target != NULL ? "cloudtrail" : "apigateway", &is_audited);
    if (status == TG_OK && call->operation == &unknown) {
        return tg_call_refuse(call, 403, "AccessDeniedException", "Unable to "
            "determine service/operation name to be authorized");
    }
    if (status == TG_OK && call->operation == &unknown_target) {
        return tg_call_refuse(call, 400, "UnknownOperationException",
            "There is no such operation");
    }
    if (status == TG_OK) {
        status = tg_authorize_operation(call);
    }
    if (status != TG_OK && is_audited) {
        describe_request(call);
        status = audit_failure(call, status);
    }
    return status;
}

void
tg_control_handle(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    const char            *target = cloudtrail_name(req);
    enum tg_status         status;
    struct tg_control     *control = data;
    struct tg_sigv4_signer signer;
    struct tg_control_call call = {
        .control = control,
        .req = req,
        .res = res,
        .arena = req->arena,
        .now_s = req->now_s,
        .store = control->store,
        .access_key_id = signer.access_key_id,
        .operation = find_operation(req, target),
    };

    (void) tg_http_header_add(res, "x-amz-apigw-id", req->id);
    if (call.operation == NULL) {
        call.operation = target != NULL ? &unknown_target : &unknown;
    }
    status = admit(&call, &signer, target);
    if (status == TG_OK) {
        status = run(&call);
    }
    answer(&call, status);
    json_decref(call.body);
    json_decref(call.result);
    json_decref(call.audit_request);
    json_decref(call.audit_response);
    json_decref(call.position);
}
