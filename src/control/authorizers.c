/*
 * authorizers.c - the operations on authorizers
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "control/authorizer_doc.h"
#include "control/call.h"
#include "control/doc_patch.h"
#include "control/members.h"
#include "control/quotas.h"
#include "control/rest_rows.h"

#define AUTHORIZERS "/restapis/{restapi_id}/authorizers"
#define AUTHORIZER AUTHORIZERS "/{authorizer_id}"
#define KIND TG_AUTHORIZER_KIND

static enum tg_status
get_authorizers(struct tg_control_call *call)
{
    return tg_api_parts_page(call, KIND);
}

/* The path's authorizer; *out is the caller's. */
static enum tg_status
read_authorizer(struct tg_control_call *call, json_t **out)
{
    enum tg_status status = tg_api_part_get(call, KIND,
        tg_http_path_get(call->req, "authorizer_id"), out);

    return status == TG_NOTFOUND
        ? tg_call_not_found(call, "Invalid Authorizer identifier specified")
        : status;
}

static enum tg_status
get_authorizer(struct tg_control_call *call)
{
    json_t        *doc;
    enum tg_status status = read_authorizer(call, &doc);

    return status == TG_OK ? tg_call_result(call, doc) : status;
}

/* ---- making and changing ---- */

static enum tg_status
check_name(struct tg_control_call *call, const char *name, const char *id)
{
    struct tg_stmt *q;
    bool            is_taken = false;
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        "SELECT doc FROM api_part WHERE api_id = $1 AND kind = $2 AND "
        "id <> $3", "sss", tg_http_path_get(call->req, "restapi_id"), KIND,
        id);

    while (status == TG_OK && !is_taken
        && (status = tg_stmt_next(q, &call->err)) == TG_OK)
    {
        json_t *other = tg_row_json(q, 0);

        is_taken = strcmp(tg_text_of(other, "name"), name) == 0;
        json_decref(other);
    }
    tg_stmt_done(q);
    if (is_taken) {
        return tg_call_bad_request(call, "Authorizer name must be unique. "
            "Authorizer %s already exists in this RestApi.", name);
    }
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* Checks in as a whole authorizer, stores and answers it. */
static enum tg_status
store_authorizer(struct tg_control_call *call, const json_t *in,
    const char *id, const char *operation)
{
    struct tg_refusal refusal;
    json_t           *doc;
    enum tg_status    status = tg_authorizer_doc(&doc, in, operation,
        &refusal);

    if (status != TG_OK) {
        return tg_call_pass(call, status, &refusal);
    }
    status = id && json_object_set_new(doc, "id", json_string(id)) == 0
        ? check_name(call, tg_text_of(doc, "name"), id)
        : tg_error_set(&call->err, TG_NOMEM, "out of memory");
    if (status == TG_OK) {
        status = tg_api_part_put(call,
            tg_http_path_get(call->req, "restapi_id"), KIND, id, doc);
    }
    if (status != TG_OK) {
        json_decref(doc);
        return status;
    }
    return tg_call_result(call, doc);
}

static enum tg_status
create_authorizer(struct tg_control_call *call)
{
    const char    *api_id;
    enum tg_status status = tg_api_of(call, &api_id);

    if (status == TG_OK) {
        status = store_authorizer(call, call->body,
            tg_new_id(call->arena, 6), "createAuthorizerInput");
    }
    return status == TG_OK
        ? tg_quota_check(call->change, TG_QUOTA_AUTHORIZERS, api_id,
            &call->err)
        : status;
}

static const struct tg_patch_path patch_paths[] = {
    { NULL, "name", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "type", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "providerARNs", TG_PATCH_ITEM, TG_PATCH_EDITS },
    { NULL, "authType", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "authorizerUri", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "authorizerCredentials", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "identitySource", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "identityValidationExpression", TG_PATCH_TEXT,
        TG_PATCH_REPLACES },
    { NULL, "authorizerResultTtlInSeconds", TG_PATCH_INT,
        TG_PATCH_REPLACES },
};

/* Whether the authorizer is the method's. */
static const char *
use_of(const json_t *method, const char *id)
{
    const char *named = tg_text_of(method, "authorizerId");

    return named && strcmp(named, id) == 0 ? "method" : NULL;
}

/* A method says which of the two kinds guards it: then the kind stays. */
static enum tg_status
check_kind(struct tg_control_call *call, const char *id, const char *former,
    const json_t *doc)
{
    static const char *const pool = "COGNITO_USER_POOLS";

    const char           *type = tg_text_of(doc, "type");
    enum tg_status        status = TG_OK;
    struct tg_method_user user;

    if (!type || (strcmp(type, pool) == 0) == (strcmp(former, pool) == 0)) {
        return TG_OK;
    }
    status = tg_method_find_user(call, &user, use_of, id);
    return status == TG_OK && user.use
        ? tg_call_bad_request(call, "Cannot change the authorizer's type "
            "to %.40s, it is referenced in %s: %s/%s", type, user.use,
            user.verb, user.path)
        : status;
}

static enum tg_status
update_authorizer(struct tg_control_call *call)
{
    const char    *id = tg_http_path_get(call->req, "authorizer_id");
    const char    *former;
    json_t        *doc;
    enum tg_status status = read_authorizer(call, &doc);

    if (status != TG_OK) {
        return status;
    }
    former = tg_arena_strdup(call->arena, tg_text_of(doc, "type"));
    json_object_del(doc, "id");
    status = former ? tg_doc_patch(call, doc, patch_paths,
                 sizeof patch_paths / sizeof patch_paths[0])
                    : TG_NOMEM;
    if (status == TG_OK) {
        status = check_kind(call, id, former, doc);
    }
    if (status == TG_OK) {
        status = store_authorizer(call, doc, id, "updateAuthorizerInput");
    }
    json_decref(doc);
    return status;
}

/* ---- DeleteAuthorizer ---- */

static enum tg_status
delete_authorizer(struct tg_control_call *call)
{
    const char           *id = tg_http_path_get(call->req, "authorizer_id");
    json_t               *doc;
    enum tg_status        status = read_authorizer(call, &doc);
    struct tg_method_user user;

    if (status == TG_OK) {
        status = tg_method_find_user(call, &user, use_of, id);
    }
    if (status == TG_OK && user.use) {
        status = tg_call_conflict(call, "Cannot delete authorizer '%s', is "
            "referenced in %s: %s/%s", tg_text_of(doc, "name"), user.use,
            user.verb, user.path);
    }
    json_decref(doc);
    return status == TG_OK ? tg_api_part_delete(call, KIND, id) : status;
}

const struct tg_operation tg_authorizer_operations[] = {
    { "GET", AUTHORIZERS, "GetAuthorizers", 200, true, TG_BODY_NONE,
        get_authorizers },
    { "POST", AUTHORIZERS, "CreateAuthorizer", 201, false, TG_BODY_JSON,
        create_authorizer },
    { "GET", AUTHORIZER, "GetAuthorizer", 200, true, TG_BODY_NONE,
        get_authorizer },
    { "PATCH", AUTHORIZER, "UpdateAuthorizer", 200, false, TG_BODY_JSON,
        update_authorizer },
    { "DELETE", AUTHORIZER, "DeleteAuthorizer", 202, false, TG_BODY_NONE,
        delete_authorizer },
    { 0 },
};
