/*
 * methods.c - the operations on methods and their responses
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "control/authorizer_doc.h"
#include "control/call.h"
#include "control/doc_patch.h"
#include "control/members.h"
#include "control/method_doc.h"
#include "control/rest_rows.h"

#define METHOD                                                                \
    "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}"
#define RESPONSE METHOD "/responses/{status_code}"

/* The API's part of that kind and id, the caller's; or NULL. */
static enum tg_status
find_part(struct tg_control_call *call, const char *kind, const char *id,
    json_t **part)
{
    enum tg_status status = tg_api_part_get(call, kind, id, part);

    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
check_models(struct tg_control_call *call, const json_t *models)
{
    const char    *type;
    json_t        *name, *model;
    enum tg_status status = TG_OK;

    json_object_foreach((json_t *) models, type, name) {
        if (status == TG_OK) {
            status = find_part(call, "model", json_string_value(name),
                &model);
        }
        if (status == TG_OK && !model) {
            status = tg_call_bad_request(call, "Invalid model identifier "
                "specified: %.200s", json_string_value(name));
        }
        if (status == TG_OK) {
            json_decref(model);
        }
    }
    return status;
}

static enum tg_status
check_validator(struct tg_control_call *call, const char *id)
{
    json_t        *validator;
    enum tg_status status = find_part(call, "requestvalidator", id,
        &validator);

    if (status == TG_OK && !validator) {
        status = tg_call_bad_request(call,
            "Invalid Request Validator identifier specified");
    }
    json_decref(validator);
    return status;
}

/* It is there, and guards methods of this type. */
static enum tg_status
check_authorizer(struct tg_control_call *call, const char *id,
    const char *type)
{
    struct tg_refusal refusal;
    json_t           *authorizer;
    enum tg_status    status = find_part(call, TG_AUTHORIZER_KIND, id,
        &authorizer);

    if (status == TG_OK && (!authorizer
            || strcmp(tg_authorizer_guards(authorizer), type) != 0))
    {
        status = tg_call_pass(call, tg_method_refuse_authorizer(&refusal),
            &refusal);
    }
    json_decref(authorizer);
    return status;
}

static enum tg_status
check_references(struct tg_control_call *call, const json_t *doc)
{
    const char    *validator = tg_text_of(doc, "requestValidatorId");
    const char    *authorizer = tg_text_of(doc, "authorizerId");
    enum tg_status status
        = check_models(call, json_object_get(doc, "requestModels"));

    if (status == TG_OK && validator) {
        status = check_validator(call, validator);
    }
    return status == TG_OK && authorizer
        ? check_authorizer(call, authorizer,
            tg_text_of(doc, "authorizationType"))
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
    status = check_references(call, doc);
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
    { NULL, "operationName", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "requestValidatorId", TG_PATCH_TEXT, TG_PATCH_REPLACES },
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
            ? check_references(call, *out)
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

/* A map that a PUT gives empty is answered empty. */
static void
keep_empties(json_t *doc, const json_t *in)
{
    static const char *const maps[] = { "responseParameters",
        "responseModels" };

    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        const json_t *map = json_object_get(in, maps[i]);

        if (json_is_object(map) && !json_object_size(map)) {
            json_object_set_new(doc, maps[i], json_object());
        }
    }
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
    if (json_object_get(responses, code)) {
        status = tg_call_conflict(call,
            "Response already exists for this resource");
    } else {
        status = tg_method_response_doc(&doc, call->body, code, &refusal);
        status = status == TG_OK
            ? check_models(call, json_object_get(doc, "responseModels"))
            : tg_call_pass(call, status, &refusal);
    }
    if (status == TG_OK) {
        keep_empties(doc, call->body);
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
    { NULL, "responseParameters", TG_PATCH_BOOL_ENTRY,
        TG_PATCH_ALL | TG_PATCH_KNOWN_NAME },
    { NULL, "responseModels", TG_PATCH_TEXT_ENTRY,
        TG_PATCH_ALL | TG_PATCH_KNOWN_TYPE },
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
            ? check_models(call, json_object_get(patched, "responseModels"))
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
