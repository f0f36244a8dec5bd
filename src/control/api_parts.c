/*
 * api_parts.c - models, request validators and gateway responses, as read
 *
 * They are made by an import.  Of gateway responses all 21 types are listed,
 * with Amazon's defaults where the API has none of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "control/call.h"
#include "control/gateway_response.h"
#include "control/members.h"
#include "control/page.h"
#include "control/rest_rows.h"

#define API "/restapis/{restapi_id}"

static enum tg_status
get_part(struct tg_control_call *call, const char *kind, const char *id,
    json_t **out)
{
    struct tg_stmt *q;
    const char     *api_id;
    enum tg_status  status = tg_api_of(call, &api_id);

    *out = NULL;
    if (status != TG_OK) {
        return status;
    }
    status = tg_store_query(call->store, &q, &call->err,
        "SELECT doc FROM api_part WHERE api_id = $1 AND kind = $2 AND "
        "id = $3", "sss", api_id, kind, id);
    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        *out = tg_row_json(q, 0);
    }
    tg_stmt_done(q);
    return status;
}

static enum tg_status
get_parts(struct tg_control_call *call, const char *kind)
{
    struct tg_page  page;
    struct tg_stmt *q = NULL;
    const char     *api_id, *after;
    enum tg_status  status = tg_page_begin_of_api(&page, call, &api_id);

    if (status == TG_OK) {
        status = tg_page_after_text(&page, &after);
    }
    if (status == TG_OK) {
        status = tg_store_query(call->store, &q, &call->err,
            "SELECT doc, id FROM api_part WHERE api_id = $1 AND kind = $2 "
            "AND id > $3 ORDER BY id LIMIT $4", "sssi", api_id, kind, after,
            page.limit + 1);
    }
    while (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK
        && tg_page_has_room(&page))
    {
        status = tg_page_add(&page, tg_row_json(q, 0),
            json_string(tg_stmt_text(q, 1)));
    }
    tg_stmt_done(q);
    return tg_page_end(&page, status);
}

static enum tg_status
get_models(struct tg_control_call *call)
{
    return get_parts(call, "model");
}

static enum tg_status
get_model(struct tg_control_call *call)
{
    json_t        *doc;
    const char    *name = tg_http_path_get(call->req, "model_name");
    enum tg_status status = get_part(call, "model", name, &doc);

    if (status == TG_NOTFOUND) {
        return tg_call_not_found(call, "Invalid model name specified: %s",
            name);
    }
    return status == TG_OK ? tg_call_result(call, doc) : status;
}

static enum tg_status
get_request_validators(struct tg_control_call *call)
{
    return get_parts(call, "requestvalidator");
}

static enum tg_status
get_request_validator(struct tg_control_call *call)
{
    json_t        *doc;
    enum tg_status status = get_part(call, "requestvalidator",
        tg_http_path_get(call->req, "requestvalidator_id"), &doc);

    if (status == TG_NOTFOUND) {
        return tg_call_not_found(call,
            "Invalid Request Validator identifier specified");
    }
    return status == TG_OK ? tg_call_result(call, doc) : status;
}

/* The API's own response of a type, or Amazon's default. */
static enum tg_status
read_gateway_response(struct tg_control_call *call, const char *type,
    json_t **out)
{
    enum tg_status status = get_part(call, "gatewayresponse", type, out);

    if (status == TG_NOTFOUND) {
        *out = tg_gateway_response_default(type);
        status = *out ? TG_OK
                      : tg_call_not_found(call, "Invalid gateway response "
                          "type specified: %.60s", type);
    }
    return status;
}

static enum tg_status
get_gateway_response(struct tg_control_call *call)
{
    json_t        *doc;
    enum tg_status status = read_gateway_response(call,
        tg_http_path_get(call->req, "response_type"), &doc);

    return status == TG_OK ? tg_call_result(call, doc) : status;
}

static enum tg_status
get_gateway_responses(struct tg_control_call *call)
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
        status = read_gateway_response(call, type, &doc);
        if (status == TG_OK) {
            status = tg_page_add(&page, doc, json_string(type));
        }
    }
    return tg_page_end(&page, status);
}

const struct tg_operation tg_api_part_operations[] = {
    { "GET", API "/models", "GetModels", 200, true, TG_BODY_NONE,
        get_models },
    { "GET", API "/models/{model_name}", "GetModel", 200, true, TG_BODY_NONE,
        get_model },
    { "GET", API "/requestvalidators", "GetRequestValidators", 200, true,
        TG_BODY_NONE, get_request_validators },
    { "GET", API "/requestvalidators/{requestvalidator_id}",
        "GetRequestValidator", 200, true, TG_BODY_NONE,
        get_request_validator },
    { "GET", API "/gatewayresponses", "GetGatewayResponses", 200, true,
        TG_BODY_NONE, get_gateway_responses },
    { "GET", API "/gatewayresponses/{response_type}", "GetGatewayResponse",
        200, true, TG_BODY_NONE, get_gateway_response },
    { 0 },
};
