/*
 * methods.c - the operations on methods and their responses
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "control/call.h"
#include "control/doc_patch.h"
#include "control/members.h"
#include "control/method_doc.h"
#include "control/rest_rows.h"

#define METHOD                                                                \
    "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}"
#define RESPONSE METHOD "/responses/{status_code}"

/* Whether the API has a part of that kind and id. */
static enum tg_status
check_part(struct tg_control_call *call, const char *api_id,
    const char *kind, const char *id, const char *complaint)
{
    struct tg_stmt *q;
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        "SELECT 1 FROM api_part WHERE api_id = $1 AND kind = $2 AND id = $3",
        "sss", api_id, kind, id);

    if (status == TG_OK) {
        status = tg_stmt_next(q, &call->err);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND
        ? tg_call_bad_request(call, complaint, id)
        : status;
}

static enum tg_status
check_models(struct tg_control_call *call, const char *api_id,
    const json_t *models)
{
    const char    *type;
    json_t        *name;
    enum tg_status status = TG_OK;

    json_object_foreach((json_t *) models, type, name) {
        if (status == TG_OK) {
            status = check_part(call, api_id, "model",
                json_string_value(name),
                "Invalid model identifier specified: %s");
        }
    }
    return status;
}

static enum tg_status
check_references(struct tg_control_call *call, const char *api_id,
    const json_t *doc)
{
    const char    *validator = tg_text_of(doc, "requestValidatorId");
    enum tg_status status
        = check_models(call, api_id, json_object_get(doc, "requestModels"));

    return status == TG_OK && validator
        ? check_part(call, api_id, "requestvalidator", validator,
            "Invalid Request Validator identifier specified: %s")
        : status;
}

/* Amazon's Method: the stored members (taken) and the verb. */
static enum tg_status
answer_method(struct tg_control_call *call, json_t *doc)
{
    json_object_set_new(doc, "httpMethod",
        json_string(tg_http_path_get(call->req, "http_method")));
    return tg_call_result(call, doc);
}

static enum tg_status
put_method(struct tg_control_call *call)
{
    struct tg_resource_row row;
    struct tg_refusal      refusal;
    json_t                *doc;
    const char *api_id = tg_http_path_get(call->req, "restapi_id");
    const char *verb = tg_http_path_get(call->req, "http_method");
    enum tg_status status = tg_resource_get(call, api_id,
        tg_http_path_get(call->req, "resource_id"), &row);

    if (status == TG_OK && !tg_verb_is_valid(verb)) {
        status = tg_call_bad_request(call, "Invalid HttpMethod specified. "
            "Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY");
    }
    if (status != TG_OK) {
        return status;
    }
    status = tg_method_doc(&doc, call->body, &refusal);
    if (status != TG_OK) {
        return tg_call_pass(call, status, &refusal);
    }
    status = check_references(call, api_id, doc);
    if (status == TG_OK) {
        status = tg_method_create(call, api_id, row.id, verb, doc);
    }
    if (status != TG_OK) {
        json_decref(doc);
        return status;
    }
    return answer_method(call, doc);
}

static enum tg_status
get_method(struct tg_control_call *call)
{
    json_t        *doc;
    enum tg_status status = tg_method_get(call, &doc);

    return status == TG_OK ? answer_method(call, doc) : status;
}

/* ---- UpdateMethod ---- */

static const struct tg_patch_path method_paths[] = {
    { NULL, "authorizationType", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "authorizerId", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "apiKeyRequired", TG_PATCH_BOOL, TG_PATCH_REPLACES },
    { NULL, "operationName", TG_PATCH_TEXT, TG_PATCH_ALL },
    { NULL, "requestValidatorId", TG_PATCH_TEXT, TG_PATCH_ALL },
    { NULL, "requestParameters", TG_PATCH_BOOL_ENTRY, TG_PATCH_ALL },
    { NULL, "requestModels", TG_PATCH_TEXT_ENTRY, TG_PATCH_ALL },
    { NULL, "authorizationScopes", TG_PATCH_ITEM, TG_PATCH_EDITS },
};

/* What the method has besides its own members, which no PATCH here names. */
static const char *const method_parts[] = { "methodIntegration",
    "methodResponses" };
#define METHOD_PARTS (sizeof method_parts / sizeof method_parts[0])

/* The patched method as if it were put anew, with the parts it had. */
static enum tg_status
patch_method(struct tg_control_call *call, json_t *method, json_t **out)
{
    struct tg_refusal refusal;
    json_t           *parts[METHOD_PARTS];
    enum tg_status    status;

    for (size_t i = 0; i < METHOD_PARTS; i++) {
        parts[i] = json_incref(json_object_get(method, method_parts[i]));
        json_object_del(method, method_parts[i]);
    }
    status = tg_doc_patch(call, method, method_paths,
        sizeof method_paths / sizeof method_paths[0]);
    if (status == TG_OK) {
        status = tg_method_doc(out, method, &refusal);
        status = status == TG_OK
            ? check_references(call, tg_http_path_get(call->req,
                "restapi_id"), *out)
            : tg_call_pass(call, status, &refusal);
    }
    for (size_t i = 0; i < METHOD_PARTS; i++) {
        if (*out && parts[i]) {
            json_object_set(*out, method_parts[i], parts[i]);
        }
        json_decref(parts[i]);
    }
    return status;
}

static enum tg_status
update_method(struct tg_control_call *call)
{
    json_t        *method, *patched = NULL;
    enum tg_status status = tg_method_get(call, &method);

    if (status == TG_OK) {
        status = patch_method(call, method, &patched);
    }
    json_decref(method);
    status = tg_method_change(call, status, patched, json_incref(patched));
    return status == TG_OK ? answer_method(call, call->result) : status;
}

static enum tg_status
delete_method(struct tg_control_call *call)
{
    json_t        *doc;
    enum tg_status status = tg_method_get(call, &doc);

    json_decref(doc);
    return status == TG_OK
        ? tg_store_exec(call->store, &call->err,
            "DELETE FROM method WHERE api_id = $1 AND resource_id = $2 AND "
            "verb = $3", "sss", tg_http_path_get(call->req, "restapi_id"),
            tg_http_path_get(call->req, "resource_id"),
            tg_http_path_get(call->req, "http_method"))
        : status;
}

/* ---- responses ---- */

static enum tg_status
find_response(struct tg_control_call *call, json_t **method,
    json_t **response)
{
    enum tg_status status = tg_method_get(call, method);

    *response = json_object_get(json_object_get(*method, "methodResponses"),
        tg_http_path_get(call->req, "status_code"));
    if (status == TG_OK && !*response) {
        status = tg_call_not_found(call,
            "Invalid Response status code specified");
    }
    return status;
}

static enum tg_status
put_method_response(struct tg_control_call *call)
{
    struct tg_refusal refusal;
    json_t           *method, *responses, *doc = NULL;
    const char       *code = tg_http_path_get(call->req, "status_code");
    enum tg_status    status = tg_method_get(call, &method);

    if (status != TG_OK) {
        return status;
    }
    responses = json_object_get(method, "methodResponses");
    if (!responses) {
        responses = json_object();
        json_object_set_new(method, "methodResponses", responses);
    }
    if (!tg_status_code_is_valid(code)) {
        status = tg_call_bad_request(call, "Invalid status code specified");
    } else if (json_object_get(responses, code)) {
        status = tg_call_conflict(call,
            "Response already exists for this resource");
    } else {
        status = tg_method_response_doc(&doc, call->body, code, &refusal);
        status = status == TG_OK
            ? check_models(call, tg_http_path_get(call->req, "restapi_id"),
                json_object_get(doc, "responseModels"))
            : tg_call_pass(call, status, &refusal);
    }
    if (status == TG_OK) {
        json_object_set(responses, code, doc);
    }
    return tg_method_change(call, status, method, doc);
}

static enum tg_status
get_method_response(struct tg_control_call *call)
{
    json_t        *method, *response;
    enum tg_status status = find_response(call, &method, &response);

    return tg_method_answer(call, status, method, response);
}

static const struct tg_patch_path response_paths[] = {
    { NULL, "responseParameters", TG_PATCH_BOOL_ENTRY, TG_PATCH_ALL },
    { NULL, "responseModels", TG_PATCH_TEXT_ENTRY, TG_PATCH_ALL },
};

static enum tg_status
update_method_response(struct tg_control_call *call)
{
    struct tg_refusal refusal;
    json_t           *method, *response, *patched = NULL;
    const char       *code = tg_http_path_get(call->req, "status_code");
    enum tg_status    status = find_response(call, &method, &response);

    if (status == TG_OK) {
        json_object_del(response, "statusCode");
        status = tg_doc_patch(call, response, response_paths,
            sizeof response_paths / sizeof response_paths[0]);
    }
    if (status == TG_OK) {
        status = tg_method_response_doc(&patched, response, code, &refusal);
        status = status == TG_OK
            ? check_models(call, tg_http_path_get(call->req, "restapi_id"),
                json_object_get(patched, "responseModels"))
            : tg_call_pass(call, status, &refusal);
    }
    if (status == TG_OK) {
        json_object_set(json_object_get(method, "methodResponses"), code,
            patched);
    }
    return tg_method_change(call, status, method, patched);
}

static enum tg_status
delete_method_response(struct tg_control_call *call)
{
    json_t        *method, *response;
    enum tg_status status = find_response(call, &method, &response);

    if (status == TG_OK) {
        json_object_del(json_object_get(method, "methodResponses"),
            tg_http_path_get(call->req, "status_code"));
    }
    return tg_method_change(call, status, method, NULL);
}

const struct tg_operation tg_method_operations[] = {
    { "PUT", METHOD, "PutMethod", 201, false, TG_BODY_JSON, put_method },
    { "GET", METHOD, "GetMethod", 200, true, TG_BODY_NONE, get_method },
    { "PATCH", METHOD, "UpdateMethod", 200, false, TG_BODY_JSON,
        update_method },
    { "DELETE", METHOD, "DeleteMethod", 204, false, TG_BODY_NONE,
        delete_method },
    { "PUT", RESPONSE, "PutMethodResponse", 201, false, TG_BODY_JSON,
        put_method_response },
    { "GET", RESPONSE, "GetMethodResponse", 200, true, TG_BODY_NONE,
        get_method_response },
    { "PATCH", RESPONSE, "UpdateMethodResponse", 201, false, TG_BODY_JSON,
        update_method_response },
    { "DELETE", RESPONSE, "DeleteMethodResponse", 204, false, TG_BODY_NONE,
        delete_method_response },
    { 0 },
};
