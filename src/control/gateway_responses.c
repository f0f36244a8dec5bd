/*
 * gateway_responses.c - the operations on gateway responses
 *
 * All 21 types are always there; those that the API has not customised are
 * Amazon's.  A change is served from the next deployment on, as at Amazon.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "control/call.h"
#include "control/doc_patch.h"
#include "control/gateway_response.h"
#include "control/members.h"
#include "control/page.h"
#include "control/rest_rows.h"

#define RESPONSES "/restapis/{restapi_id}/gatewayresponses"
#define RESPONSE RESPONSES "/{response_type}"
#define KIND "gatewayresponse"

/* The API's own response of a type, or Amazon's default. */
static enum tg_status
read_response(struct tg_control_call *call, const char *type, json_t **out)
{
    const char    *api_id;
    enum tg_status status = tg_api_part_get(call, KIND, type, out);

    if (status == TG_NOTFOUND
        && (status = tg_api_of(call, &api_id)) == TG_OK)
    {
        *out = tg_gateway_response_default(type);
        status = *out ? TG_OK
                      : tg_call_not_found(call, "Invalid gateway response "
                          "type specified: %.60s", type);
    }
    return status;
}

/*
 * The same, and what a type that the API has not customised has from
 * DEFAULT_4XX or DEFAULT_5XX.
 */
static enum tg_status
read_effective(struct tg_control_call *call, const char *type, json_t **out)
{
    static const char *const members[] = { "statusCode",
        "responseParameters", "responseTemplates" };
    const char    *code;
    json_t        *parent = NULL;
    enum tg_status status = read_response(call, type, out);

    code = status == TG_OK ? tg_text_of(*out, "statusCode") : NULL;
    if (!code || !json_is_true(json_object_get(*out, "defaultResponse"))
        || strcmp(type, "REQUEST_TOO_LARGE") == 0)
    {
        return status; /* that one is always Amazon's */
    }
    status = tg_api_part_get(call, KIND,
        *code == '5' ? "DEFAULT_5XX" : "DEFAULT_4XX", &parent);
    for (size_t i = 0; status == TG_OK && i < 3; i++) {
        json_t *value = json_object_get(parent, members[i]);

        if (value) {
            json_object_set(*out, members[i], value);
        }
    }
    json_decref(parent);
    if (status != TG_OK && status != TG_NOTFOUND) {
        json_decref(*out);
        return status;
    }
    return TG_OK;
}

static enum tg_status
get_response(struct tg_control_call *call)
{
    json_t        *doc;
    enum tg_status status = read_effective(call,
        tg_http_path_get(call->req, "response_type"), &doc);

    return status == TG_OK ? tg_call_result(call, doc) : status;
}

static enum tg_status
get_responses(struct tg_control_call *call)
{
    struct tg_page page;
    json_t        *doc;
    const char    *type, *api_id, *after;
    enum tg_status status = tg_page_begin_of_api(&page, call, &api_id);

    if (status == TG_OK) {
        status = tg_page_after_text(&page, &after);
    }
    for (size_t i = 0;
         status == TG_OK && (type = tg_gateway_response_type(i)); i++)
    {
        if (strcmp(type, after) <= 0) {
            continue;
        }
        if (!tg_page_has_room(&page)) {
            break;
        }
        status = read_effective(call, type, &doc);
        if (status == TG_OK) {
            status = tg_page_add(&page, doc, json_string(type));
        }
    }
    return tg_page_end(&page, status);
}

/* Checks in as a whole response of the type, stores and answers it. */
static enum tg_status
store_response(struct tg_control_call *call, const char *api_id,
    const char *type, const json_t *in)
{
    struct tg_refusal refusal;
    json_t           *doc;
    enum tg_status    status
        = tg_gateway_response_doc(&doc, in, type, &refusal);

    if (status != TG_OK) {
        return tg_call_pass(call, status, &refusal);
    }
    status = tg_api_part_put(call, api_id, KIND, type, doc);
    if (status != TG_OK) {
        json_decref(doc);
        return status;
    }
    return tg_call_result(call, doc);
}

static enum tg_status
put_response(struct tg_control_call *call)
{
    const char    *api_id;
    enum tg_status status = tg_api_of(call, &api_id);

    return status == TG_OK
        ? store_response(call, api_id,
            tg_http_path_get(call->req, "response_type"), call->body)
        : status;
}

static enum tg_status
delete_response(struct tg_control_call *call)
{
    const char    *api_id;
    const char    *type = tg_http_path_get(call->req, "response_type");
    enum tg_status status = tg_api_of(call, &api_id);

    if (status == TG_OK) {
        status = tg_api_part_delete(call, KIND, type);
    }

    return status == TG_NOTFOUND
        ? tg_call_not_found(call, "Gateway response type not defined on api")
        : status;
}

static const struct tg_patch_path patch_paths[] = {
    { NULL, "statusCode", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "responseParameters", TG_PATCH_TEXT_ENTRY,
        TG_PATCH_ALL | TG_PATCH_KNOWN_NAME },
    { NULL, "responseTemplates", TG_PATCH_TEXT_ENTRY, TG_PATCH_ALL },
};

/* Another operation than replace has, for Amazon, a wrong path here. */
static enum tg_status
check_status_ops(struct tg_control_call *call)
{
    struct tg_patch *patches;
    size_t           i, count;
    enum tg_status   status = tg_call_patches(call, &patches, &count);

    for (i = 0; status == TG_OK && i < count; i++) {
        if (patches[i].op != TG_PATCH_REPLACE
            && strcmp(patches[i].path, "/statusCode") == 0)
        {
            status = tg_call_bad_request(call, "Invalid patch path "
                "/statusCode");
        }
    }
    return status;
}

static enum tg_status
update_response(struct tg_control_call *call)
{
    const char    *type = tg_http_path_get(call->req, "response_type");
    const char    *api_id;
    json_t        *doc;
    enum tg_status status = tg_api_of(call, &api_id);

    if (status == TG_OK) {
        status = read_response(call, type, &doc);
    }
    if (status != TG_OK) {
        return status;
    }
    status = check_status_ops(call);
    if (status == TG_OK) {
        status = tg_doc_patch(call, doc, patch_paths,
            sizeof patch_paths / sizeof patch_paths[0]);
    }
    if (status == TG_OK) {
        json_object_del(doc, "responseType");
        json_object_del(doc, "defaultResponse");
        status = store_response(call, api_id, type, doc);
    }
    json_decref(doc);
    return status;
}

const struct tg_operation tg_gateway_response_operations[] = {
    { "GET", RESPONSES, "GetGatewayResponses", 200, true, TG_BODY_NONE,
        get_responses },
    { "GET", RESPONSE, "GetGatewayResponse", 200, true, TG_BODY_NONE,
        get_response },
    { "PUT", RESPONSE, "PutGatewayResponse", 201, false, TG_BODY_JSON,
        put_response },
    { "PATCH", RESPONSE, "UpdateGatewayResponse", 200, false, TG_BODY_JSON,
        update_response },
    { "DELETE", RESPONSE, "DeleteGatewayResponse", 202, false, TG_BODY_NONE,
        delete_response },
    { 0 },
};
