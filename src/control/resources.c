/*
 * resources.c - the operations on resources
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "control/call.h"
#include "control/doc_patch.h"
#include "control/members.h"
#include "control/page.h"
#include "control/quotas.h"
#include "control/rest_rows.h"

/* Amazon's Resource; the root has neither parent nor part. */
static json_t *
answer_of(const struct tg_resource_row *r)
{
    return json_pack("{ss ss* ss* ss}", "id", r->id, "parentId", r->parent_id,
        "pathPart", r->parent_id ? r->part : NULL, "path", r->path);
}

static bool
embeds_methods(const struct tg_control_call *call)
{
    const struct tg_http_params *params = &call->req->params;

    for (size_t i = 0; i < params->count; i++) {
        if (strcmp(params->items[i].name, "embed") == 0
            && strstr(params->items[i].value, "methods"))
        {
            return true;
        }
    }
    return false;
}

/* resourceMethods: names alone, or the methods in full. */
static enum tg_status
add_methods(struct tg_control_call *call, const char *api_id,
    json_t *resource, bool in_full)
{
    struct tg_stmt *q;
    json_t         *methods = json_object(), *method;
    const char     *id = tg_text_of(resource, "id");
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        "SELECT verb, doc FROM method WHERE api_id = $1 AND resource_id = $2 "
        "ORDER BY verb", "ss", api_id, id);

    while (status == TG_OK
        && (status = tg_stmt_next(q, &call->err)) == TG_OK)
    {
        const char *verb = tg_stmt_text(q, 0);

        method = in_full ? tg_row_json(q, 1) : json_object();
        if (in_full) {
            json_object_set_new(method, "httpMethod", json_string(verb));
        }
        json_object_set_new(methods, verb, method);
    }
    tg_stmt_done(q);
    if (json_object_size(methods)) {
        json_object_set(resource, "resourceMethods", methods);
    }
    json_decref(methods);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
create_resource(struct tg_control_call *call)
{
    static const struct tg_member members[] = {
        { .name = "pathPart", .is_required = true },
    };
    struct tg_resource_row parent, resource;
    struct tg_refusal      refusal;
    json_t                *in;
    const char            *api_id;
    enum tg_status status = tg_api_of(call, &api_id);

    if (status == TG_OK) {
        status = tg_resource_get(call, api_id,
            tg_http_path_get(call->req, "parent_id"), &parent);
    }
    if (status != TG_OK) {
        return status;
    }
    status = tg_members_take(&in, call->body, "createResourceInput", members,
        1, &refusal);
    if (status != TG_OK) {
        return tg_call_pass(call, status, &refusal);
    }
    status = tg_resource_create(call, api_id, &parent,
        tg_text_of(in, "pathPart"), &resource);
    json_decref(in);
    if (status == TG_OK) {
        status = tg_quota_check(call->change, TG_QUOTA_RESOURCES, api_id,
            &call->err);
    }
    return status == TG_OK ? tg_call_result(call, answer_of(&resource))
                           : status;
}

static enum tg_status
get_resource(struct tg_control_call *call)
{
    struct tg_resource_row row;
    json_t                *resource;
    const char *api_id = tg_http_path_get(call->req, "restapi_id");
    enum tg_status status = tg_resource_get(call, api_id,
        tg_http_path_get(call->req, "resource_id"), &row);

    if (status != TG_OK) {
        return status;
    }
    resource = answer_of(&row);
    status = add_methods(call, api_id, resource, embeds_methods(call));
    if (status != TG_OK) {
        json_decref(resource);
        return status;
    }
    return tg_call_result(call, resource);
}

/* In the order of their paths. */
static enum tg_status
get_resources(struct tg_control_call *call)
{
    struct tg_page  page;
    struct tg_stmt *q = NULL;
    json_t         *resource;
    const char     *api_id, *after;
    size_t          i;
    enum tg_status  status = tg_page_begin_of_api(&page, call, &api_id);

    if (status == TG_OK) {
        status = tg_page_after_text(&page, &after);
    }
    if (status == TG_OK) {
        status = tg_store_query(call->store, &q, &call->err,
            "SELECT id, parent_id, path_part, path FROM resource "
            "WHERE api_id = $1 AND path > $2 ORDER BY path LIMIT $3", "ssi",
            api_id, after, page.limit + 1);
    }
    while (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK
        && tg_page_has_room(&page))
    {
        const struct tg_resource_row row = { tg_stmt_text(q, 0),
            tg_stmt_text(q, 1), tg_stmt_text(q, 2), tg_stmt_text(q, 3) };

        status = tg_page_add(&page, answer_of(&row), json_string(row.path));
    }
    tg_stmt_done(q);
    json_array_foreach(page.items, i, resource) {
        enum tg_status added = add_methods(call, api_id, resource,
            embeds_methods(call));

        status = added == TG_OK ? status : added;
    }
    return tg_page_end(&page, status);
}

/* ---- UpdateResource ---- */

static const struct tg_patch_path resource_paths[] = {
    { NULL, "parentId", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    { NULL, "pathPart", TG_PATCH_TEXT, TG_PATCH_REPLACES },
};

/* Where the PATCH wants the resource to stand. */
static enum tg_status
move_resource(struct tg_control_call *call, const char *api_id,
    const json_t *wanted, struct tg_resource_row *row)
{
    struct tg_resource_row parent;
    const char *part = tg_text_of(wanted, "pathPart");
    const char *parent_id = tg_text_of(wanted, "parentId");
    enum tg_status status;

    if (!part || !parent_id) {
        return tg_call_bad_request(call, "Resource's path part and parent "
            "must be specified");
    }
    status = tg_resource_get(call, api_id, parent_id, &parent);
    part = tg_arena_strdup(call->arena, part);
    if (status == TG_OK && !part) {
        status = tg_error_set(&call->err, TG_NOMEM, "out of memory");
    }
    return status == TG_OK
        ? tg_resource_move(call, api_id, &parent, part, row)
        : status;
}

/* Whatever of it was patched. */
static enum tg_status
refuse_root(struct tg_control_call *call, const json_t *wanted)
{
    const char *part = tg_text_of(wanted, "pathPart");

    return tg_call_bad_request(call, "Root resource cannot update its %s.",
        part && *part ? "pathPart" : "parentId");
}

static enum tg_status
update_resource(struct tg_control_call *call)
{
    struct tg_resource_row row;
    json_t                *wanted;
    const char *api_id = tg_http_path_get(call->req, "restapi_id");
    enum tg_status status = tg_resource_get(call, api_id,
        tg_http_path_get(call->req, "resource_id"), &row);

    if (status != TG_OK) {
        return status;
    }
    wanted = json_pack("{ss ss}", "pathPart", row.parent_id ? row.part : "",
        "parentId", row.parent_id ? row.parent_id : "");
    status = tg_doc_patch_listed(call, wanted, resource_paths,
        sizeof resource_paths / sizeof resource_paths[0]);
    if (status == TG_OK && !row.parent_id) {
        status = refuse_root(call, wanted);
    } else if (status == TG_OK) {
        status = move_resource(call, api_id, wanted, &row);
    }
    json_decref(wanted);
    return status == TG_OK ? tg_call_result(call, answer_of(&row)) : status;
}

static enum tg_status
delete_resource(struct tg_control_call *call)
{
    struct tg_resource_row row;
    const char *api_id = tg_http_path_get(call->req, "restapi_id");
    const char *below;
    enum tg_status status = tg_resource_get(call, api_id,
        tg_http_path_get(call->req, "resource_id"), &row);

    if (status != TG_OK) {
        return status;
    }
    if (!row.parent_id) {
        return tg_call_bad_request(call, "The root resource cannot be "
            "deleted");
    }
    below = tg_arena_printf(call->arena, "%s/", row.path);
    if (!below) {
        return tg_error_set(&call->err, TG_NOMEM, "out of memory");
    }
    return tg_store_exec(call->store, &call->err,
        "DELETE FROM resource WHERE api_id = $1 AND "
        "(path = $2 OR substr(path, 1, $3) = $4)", "ssis", api_id, row.path,
        (int64_t) strlen(below), below);
}

const struct tg_operation tg_resource_operations[] = {
    { "GET", "/restapis/{restapi_id}/resources", "GetResources", 200, true,
        TG_BODY_NONE, get_resources },
    { "POST", "/restapis/{restapi_id}/resources/{parent_id}",
        "CreateResource", 201, false, TG_BODY_JSON, create_resource },
    { "GET", "/restapis/{restapi_id}/resources/{resource_id}", "GetResource",
        200, true, TG_BODY_NONE, get_resource },
    { "PATCH", "/restapis/{restapi_id}/resources/{resource_id}",
        "UpdateResource", 200, false, TG_BODY_JSON, update_resource },
    { "DELETE", "/restapis/{restapi_id}/resources/{resource_id}",
        "DeleteResource", 202, false, TG_BODY_NONE, delete_resource },
    { 0 },
};
