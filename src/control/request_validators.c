/*
 * request_validators.c - the operations on request validators
 *
 * A validator says whether calls of its methods must have their required
 * parameters.  It may want bodies checked, too: that is stored and returned,
 * the gateway does not do it, and says so in the log when a stage with such a
 * method is deployed (event body_not_validated).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "control/call.h"
#include "control/doc_patch.h"
#include "control/members.h"
#include "control/rest_rows.h"

#define VALIDATORS "/restapis/{restapi_id}/requestvalidators"
#define VALIDATOR VALIDATORS "/{requestvalidator_id}"
#define KIND "requestvalidator"

static enum tg_status
get_validators(struct tg_control_call *call)
{
    return tg_api_parts_page(call, KIND);
}

/* The path's validator; *out is the caller's. */
static enum tg_status
read_validator(struct tg_control_call *call, json_t **out)
{
    enum tg_status status = tg_api_part_get(call, KIND,
        tg_http_path_get(call->req, "requestvalidator_id"), out);

    return status == TG_NOTFOUND
        ? tg_call_not_found(call,
            "Invalid Request Validator identifier specified")
        : status;
}

static enum tg_status
get_validator(struct tg_control_call *call)
{
    json_t        *doc;
    enum tg_status status = read_validator(call, &doc);

    return status == TG_OK ? tg_call_result(call, doc) : status;
}

/* Stores doc (taken) and answers with it. */
static enum tg_status
store_validator(struct tg_control_call *call, json_t *doc)
{
    enum tg_status status = doc
        ? tg_api_part_put(call, tg_http_path_get(call->req, "restapi_id"),
            KIND, tg_text_of(doc, "id"), doc)
        : TG_NOMEM;

    if (status != TG_OK) {
        json_decref(doc);
        return status;
    }
    return tg_call_result(call, doc);
}

static enum tg_status
create_validator(struct tg_control_call *call)
{
    static const char *const members[] = { "name", "validateRequestBody",
        "validateRequestParameters", NULL };
    bool           body = false, parameters = false;
    const char    *api_id, *name = NULL;
    enum tg_status status = tg_api_of(call, &api_id);

    if (status == TG_DENIED) { /* in Amazon's words for this one alone */
        return tg_call_bad_request(call,
            "Invalid REST API identifier specified");
    }
    if (status == TG_OK) {
        status = tg_call_members(call, call->body, members);
    }
    if (status == TG_OK) {
        status = tg_call_string(call, call->body, "name", &name);
    }
    if (status == TG_OK) {
        status = tg_call_bool(call, call->body, "validateRequestBody", &body);
    }
    if (status == TG_OK) {
        status = tg_call_bool(call, call->body, "validateRequestParameters",
            &parameters);
    }
    return status == TG_OK
        ? store_validator(call, json_pack("{ss ss* sb sb}", "id",
            tg_new_id(call->arena, 6), "name",
            name && *name ? name : NULL, "validateRequestBody", body,
            "validateRequestParameters", parameters))
        : status;
}

static const struct tg_patch_path patch_paths[] = {
    { NULL, "name", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "validateRequestParameters", TG_PATCH_BOOL, TG_PATCH_REPLACES },
    { NULL, "validateRequestBody", TG_PATCH_BOOL, TG_PATCH_REPLACES },
};

static enum tg_status
update_validator(struct tg_control_call *call)
{
    json_t        *doc;
    bool           had_name;
    enum tg_status status = read_validator(call, &doc);

    if (status != TG_OK) {
        return status;
    }
    had_name = json_object_get(doc, "name") != NULL;
    status = tg_doc_patch_listed(call, doc, patch_paths,
        sizeof patch_paths / sizeof patch_paths[0]);
    if (status == TG_OK && had_name && !json_object_get(doc, "name")) {
        status = tg_call_bad_request(call,
            "Request Validator name cannot be blank");
    }
    if (status != TG_OK) {
        json_decref(doc);
        return status;
    }
    return store_validator(call, doc);
}

/* ---- DeleteRequestValidator ---- */

/* Whether the method asks for the validator. */
static const char *
use_of(const json_t *method, const char *id)
{
    const char *named = tg_text_of(method, "requestValidatorId");

    return named && strcmp(named, id) == 0 ? "method" : NULL;
}

static enum tg_status
delete_validator(struct tg_control_call *call)
{
    const char           *id = tg_http_path_get(call->req,
                   "requestvalidator_id");
    json_t               *doc;
    enum tg_status        status = read_validator(call, &doc);
    struct tg_method_user user;

    json_decref(doc);
    if (status == TG_OK) {
        status = tg_method_find_user(call, &user, use_of, id);
    }
    if (status == TG_OK && user.use) {
        status = tg_call_conflict(call, "Cannot delete the request validator "
            "%s: methods of the API use it", id);
    }
    return status == TG_OK ? tg_api_part_delete(call, KIND, id) : status;
}

const struct tg_operation tg_request_validator_operations[] = {
    { "GET", VALIDATORS, "GetRequestValidators", 200, true, TG_BODY_NONE,
        get_validators },
    { "GET", VALIDATOR, "GetRequestValidator", 200, true, TG_BODY_NONE,
        get_validator },
    { "POST", VALIDATORS, "CreateRequestValidator", 201, false, TG_BODY_JSON,
        create_validator },
    { "PATCH", VALIDATOR, "UpdateRequestValidator", 200, false, TG_BODY_JSON,
        update_validator },
    { "DELETE", VALIDATOR, "DeleteRequestValidator", 202, false,
        TG_BODY_NONE, delete_validator },
    { 0 },
};
