/*
 * integrations.c - the operations on integrations and their responses
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "control/call.h"
#include "control/doc_patch.h"
#include "control/members.h"
#include "control/method_doc.h"
#include "control/publisher.h"
#include "control/rest_rows.h"

#define INTEGRATION                                                           \
    "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}"    \
    "/integration"
#define RESPONSE INTEGRATION "/responses/{status_code}"

/* The path's method, and its integration, lent by it. */
static enum tg_status
find_integration(struct tg_control_call *call, json_t **method,
    json_t **integration)
{
    enum tg_status status = tg_method_get(call, method);

    *integration = json_object_get(*method, "methodIntegration");
    if (status == TG_OK && !*integration) {
        status = tg_call_not_found(call,
            "Invalid Integration identifier specified");
    }
    return status;
}

/* The names of its backend are looked up while nobody waits for them. */
static void
hint_backend(struct tg_control_call *call)
{
    const char *uri = tg_text_of(call->result, "uri");

    if (uri) {
        tg_publisher_hint(call->control, uri);
    }
}

static enum tg_status
put_integration(struct tg_control_call *call)
{
    struct tg_refusal refusal;
    json_t           *method, *doc = NULL;
    enum tg_status    status = tg_integration_check_words(call->body,
        &refusal);

    if (status != TG_OK) {
        return tg_call_pass(call, status, &refusal);
    }
    status = tg_method_get(call, &method);
    if (status != TG_OK) {
        return status;
    }
    status = tg_integration_doc(&doc, call->body,
        tg_http_path_get(call->req, "resource_id"),
        call->control->settings->gateway.integration_timeout_max_ms,
        &refusal);
    if (status != TG_OK) {
        status = tg_call_pass(call, status, &refusal);
    } else {
        json_object_set(method, "methodIntegration", doc);
    }
    status = tg_method_change(call, status, method, doc);
    if (status == TG_OK) {
        hint_backend(call);
    }
    return status;
}

static enum tg_status
get_integration(struct tg_control_call *call)
{
    json_t        *method, *integration;
    enum tg_status status = find_integration(call, &method, &integration);

    return tg_method_answer(call, status, method, integration);
}

/* ---- UpdateIntegration ---- */

static const struct tg_patch_path integration_paths[] = {
    { NULL, "type", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "httpMethod", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "uri", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "connectionType", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "connectionId", TG_PATCH_TEXT, TG_PATCH_ALL },
    { NULL, "credentials", TG_PATCH_TEXT, TG_PATCH_ALL },
    { NULL, "passthroughBehavior", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "contentHandling", TG_PATCH_TEXT, TG_PATCH_ALL },
    { NULL, "timeoutInMillis", TG_PATCH_INT, TG_PATCH_REPLACES },
    { NULL, "cacheNamespace", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "cacheKeyParameters", TG_PATCH_ITEM, TG_PATCH_ALL },
    { NULL, "requestParameters", TG_PATCH_TEXT_ENTRY, TG_PATCH_ALL },
    { NULL, "requestTemplates", TG_PATCH_TEXT_ENTRY, TG_PATCH_ALL },
    { NULL, "responseTransferMode", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "integrationTarget", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { "tlsConfig", "insecureSkipVerification", TG_PATCH_BOOL, TG_PATCH_ALL },
};

static enum tg_status
update_integration(struct tg_control_call *call)
{
    struct tg_refusal refusal;
    json_t           *method, *integration, *responses, *patched = NULL;
    enum tg_status    status = find_integration(call, &method, &integration);

    responses = json_incref(
        json_object_get(integration, "integrationResponses"));
    if (status == TG_OK) {
        json_object_del(integration, "integrationResponses");
        status = tg_doc_patch(call, integration, integration_paths,
            sizeof integration_paths / sizeof integration_paths[0]);
    }
    if (status == TG_OK) {
        status = tg_integration_doc(&patched, integration,
            tg_http_path_get(call->req, "resource_id"),
            call->control->settings->gateway.integration_timeout_max_ms,
            &refusal);
        status = status == TG_OK ? TG_OK
                                 : tg_call_pass(call, status, &refusal);
    }
    if (status == TG_OK) {
        if (responses) {
            json_object_set(patched, "integrationResponses", responses);
        }
        json_object_set(method, "methodIntegration", patched);
    }
    json_decref(responses);
    status = tg_method_change(call, status, method, patched);
    if (status == TG_OK) {
        hint_backend(call);
    }
    return status;
}

static enum tg_status
delete_integration(struct tg_control_call *call)
{
    json_t        *method, *integration;
    enum tg_status status = find_integration(call, &method, &integration);

    if (status == TG_OK) {
        json_object_del(method, "methodIntegration");
    }
    return tg_method_change(call, status, method, NULL);
}

/* ---- responses ---- */

static enum tg_status
find_response(struct tg_control_call *call, json_t **method,
    json_t **responses, json_t **response)
{
    json_t        *integration;
    enum tg_status status = find_integration(call, method, &integration);

    *responses = json_object_get(integration, "integrationResponses");
    *response = json_object_get(*responses,
        tg_http_path_get(call->req, "status_code"));
    if (status == TG_OK && !*response) {
        status = tg_call_not_found(call,
            "Invalid Response status code specified");
    }
    return status;
}

static enum tg_status
put_integration_response(struct tg_control_call *call)
{
    struct tg_refusal refusal;
    json_t           *method, *integration, *responses, *doc = NULL;
    const char       *code = tg_http_path_get(call->req, "status_code");
    enum tg_status    status = find_integration(call, &method, &integration);

    if (status != TG_OK) {
        json_decref(method);
        return status;
    }
    responses = json_object_get(integration, "integrationResponses");
    if (!responses) {
        responses = json_object();
        json_object_set_new(integration, "integrationResponses", responses);
    }
    status = tg_integration_response_doc(&doc, call->body, code, &refusal);
    if (status != TG_OK) {
        status = tg_call_pass(call, status, &refusal);
    }
    if (status == TG_OK) {
        json_object_set(responses, code, doc);
    }
    return tg_method_change(call, status, method, doc);
}

static enum tg_status
get_integration_response(struct tg_control_call *call)
{
    json_t        *method, *responses, *response;
    enum tg_status status = find_response(call, &method, &responses,
        &response);

    return tg_method_answer(call, status, method, response);
}

static const struct tg_patch_path response_paths[] = {
    { NULL, "selectionPattern", TG_PATCH_TEXT, TG_PATCH_ALL },
    { NULL, "contentHandling", TG_PATCH_TEXT, TG_PATCH_ALL },
    { NULL, "responseParameters", TG_PATCH_TEXT_ENTRY, TG_PATCH_ALL },
    { NULL, "responseTemplates", TG_PATCH_TEXT_ENTRY, TG_PATCH_ALL },
};

static enum tg_status
update_integration_response(struct tg_control_call *call)
{
    struct tg_refusal refusal;
    json_t           *method, *responses, *response, *patched = NULL;
    const char       *code = tg_http_path_get(call->req, "status_code");
    enum tg_status    status = find_response(call, &method, &responses,
        &response);

    if (status == TG_OK) {
        json_object_del(response, "statusCode");
        status = tg_doc_patch(call, response, response_paths,
            sizeof response_paths / sizeof response_paths[0]);
    }
    if (status == TG_OK) {
        status = tg_integration_response_doc(&patched, response, code,
            &refusal);
        status = status == TG_OK ? TG_OK
                                 : tg_call_pass(call, status, &refusal);
    }
    if (status == TG_OK) {
        json_object_set(responses, code, patched);
    }
    return tg_method_change(call, status, method, patched);
}

static enum tg_status
delete_integration_response(struct tg_control_call *call)
{
    json_t        *method, *responses, *response;
    enum tg_status status = find_response(call, &method, &responses,
        &response);

    if (status == TG_DENIED && !method) { /* so Amazon says it here */
        status = tg_call_not_found(call,
            "Invalid Integration identifier specified");
    }
    if (status == TG_OK) {
        json_object_del(responses,
            tg_http_path_get(call->req, "status_code"));
    }
    return tg_method_change(call, status, method, NULL);
}

const struct tg_operation tg_integration_operations[] = {
    { "PUT", INTEGRATION, "PutIntegration", 201, false, TG_BODY_JSON,
        put_integration },
    { "GET", INTEGRATION, "GetIntegration", 200, true, TG_BODY_NONE,
        get_integration },
    { "PATCH", INTEGRATION, "UpdateIntegration", 200, false, TG_BODY_JSON,
        update_integration },
    { "DELETE", INTEGRATION, "DeleteIntegration", 204, false, TG_BODY_NONE,
        delete_integration },
    { "PUT", RESPONSE, "PutIntegrationResponse", 201, false, TG_BODY_JSON,
        put_integration_response },
    { "GET", RESPONSE, "GetIntegrationResponse", 200, true, TG_BODY_NONE,
        get_integration_response },
    { "PATCH", RESPONSE, "UpdateIntegrationResponse", 200, false,
        TG_BODY_JSON, update_integration_response },
    { "DELETE", RESPONSE, "DeleteIntegrationResponse", 204, false,
        TG_BODY_NONE, delete_integration_response },
    { 0 },
};
