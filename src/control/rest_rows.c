/* SPDX-License-Identifier: Apache-2.0 */
#include "control/rest_rows.h"

#include <stdlib.h>
#include <string.h>

#include "control/method_doc.h"
#include "plane/routes.h"

enum tg_status
tg_call_pass(struct tg_control_call *call, enum tg_status status,
    const struct tg_refusal *refusal)
{
    if (status != TG_DENIED) {
        return tg_error_set(&call->err, status, "%s", tg_status_text(status));
    }
    return tg_call_refuse(call, refusal->http, refusal->type, "%s",
        refusal->message);
}

json_t *
tg_row_json(struct tg_stmt *q, int column)
{
    const char *text = tg_stmt_text(q, column);

    return text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
}

const char *
tg_row_text(struct tg_control_call *call, const json_t *value)
{
    char       *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    const char *copy = text ? tg_arena_strdup(call->arena, text) : NULL;

    free(text);
    return copy;
}

static enum tg_status
no_memory(struct tg_control_call *call)
{
    return tg_error_set(&call->err, TG_NOMEM, "out of memory");
}

enum tg_status
tg_call_result(struct tg_control_call *call, json_t *value)
{
    call->result = value;
    return value ? TG_OK : no_memory(call);
}

/* ---- APIs ---- */

enum tg_status
tg_api_doc(struct tg_control_call *call, const char *id, json_t **doc)
{
    struct tg_stmt *q;
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        "SELECT doc FROM rest_api WHERE id = $1", "s", id);

    *doc = NULL;
    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        *doc = tg_row_json(q, 0);
        status = *doc ? TG_OK : no_memory(call);
    }
    tg_stmt_done(q);
    return status != TG_NOTFOUND
        ? status
        : tg_call_not_found(call, "Invalid API identifier specified %s:%s",
            call->control->settings->account_id, id);
}

enum tg_status
tg_api_of(struct tg_control_call *call, const char **id)
{
    json_t        *doc;
    enum tg_status status;

    *id = tg_http_path_get(call->req, "restapi_id");
    status = tg_api_doc(call, *id, &doc);
    json_decref(doc);
    call->resource_type = "AWS::ApiGateway::RestApi";
    call->resource_name = *id;
    return status;
}

enum tg_status
tg_api_take_body(struct tg_control_call *call, const char **id, json_t **in,
    const char *operation, const struct tg_member *members, size_t count)
{
    struct tg_refusal refusal;
    enum tg_status    status = tg_api_of(call, id);

    if (status != TG_OK) {
        return status;
    }
    status = tg_members_take(in, call->body, operation, members, count,
        &refusal);
    return status == TG_OK ? status : tg_call_pass(call, status, &refusal);
}

enum tg_status
tg_api_answer(struct tg_control_call *call, const char *id, json_t **answer)
{
    struct tg_stmt *q;
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        "SELECT doc, name, created_s FROM rest_api WHERE id = $1", "s", id);

    *answer = NULL;
    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        *answer = tg_row_json(q, 0);
        if (!*answer
            || json_object_set_new(*answer, "id", json_string(id))
            || json_object_set_new(*answer, "name",
                json_string(tg_stmt_text(q, 1)))
            || json_object_set_new(*answer, "createdDate",
                json_integer(tg_stmt_int(q, 2))))
        {
            status = no_memory(call);
        }
    }
    tg_stmt_done(q);
    return status != TG_NOTFOUND
        ? status
        : tg_call_not_found(call, "Invalid API identifier specified %s:%s",
            call->control->settings->account_id, id);
}

enum tg_status
tg_api_part_put(struct tg_control_call *call, const char *api_id,
    const char *kind, const char *id, const json_t *doc)
{
    const char *text = tg_row_text(call, doc);

    return text ? tg_store_exec(call->store, &call->err,
               "INSERT INTO api_part (api_id, kind, id, doc) "
               "VALUES ($1, $2, $3, $4) ON CONFLICT (api_id, kind, id) "
               "DO UPDATE SET doc = excluded.doc", "ssss", api_id, kind, id,
               text)
                : no_memory(call);
}

/* ---- resources ---- */

static enum tg_status
read_resource(struct tg_control_call *call, struct tg_stmt *q,
    struct tg_resource_row *out)
{
    out->id = tg_arena_strdup(call->arena, tg_stmt_text(q, 0));
    out->parent_id = tg_arena_strdup(call->arena, tg_stmt_text(q, 1));
    out->part = tg_arena_strdup(call->arena, tg_stmt_text(q, 2));
    out->path = tg_arena_strdup(call->arena, tg_stmt_text(q, 3));
    return out->id && out->part && out->path ? TG_OK : no_memory(call);
}

enum tg_status
tg_resource_get(struct tg_control_call *call, const char *api_id,
    const char *id, struct tg_resource_row *out)
{
    struct tg_stmt *q;
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        "SELECT id, parent_id, path_part, path FROM resource "
        "WHERE api_id = $1 AND id = $2", "ss", api_id, id);

    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        status = read_resource(call, q, out);
    }
    tg_stmt_done(q);
    call->resource_type = "AWS::ApiGateway::RestApi";
    call->resource_name = api_id;
    return status == TG_NOTFOUND
        ? tg_call_not_found(call, "Invalid Resource identifier specified")
        : status;
}

/* Refuses another variable below parent; the same is a conflict, later. */
static enum tg_status
check_variables(struct tg_control_call *call, const char *api_id,
    const struct tg_resource_row *parent, const char *part)
{
    struct tg_stmt *q;
    const char     *base = parent->path[1] ? parent->path : "";
    /* All paths that go on with a brace: the index on paths finds them. */
    const char     *first = tg_arena_printf(call->arena, "%s/{", base);
    const char     *end = tg_arena_printf(call->arena, "%s/|", base);
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        "SELECT path_part FROM resource WHERE api_id = $1 AND path >= $2 "
        "AND path < $3 AND parent_id = $4 AND path_part <> $5", "sssss",
        api_id, first, end, parent->id, part);

    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        status = tg_call_bad_request(call, "A sibling (%s) of this resource "
            "already has a variable path part -- only one is allowed",
            tg_stmt_text(q, 0));
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* Whether the path has a variable of that name already. */
static bool
has_variable(const char *path, const char *part)
{
    const char *name = part + 1;
    size_t      len = strcspn(name, "+}");

    while ((path = strchr(path, '{'))) {
        path++;
        if (strncmp(path, name, len) == 0 && strchr("+}", path[len])) {
            return true;
        }
    }
    return false;
}

static enum tg_status
check_part(struct tg_control_call *call, const struct tg_resource_row *parent,
    const char *part)
{
    size_t depth = 1;

    for (const char *c = parent->path; *c; c++) {
        depth += *c == '/' && c[1];
    }
    if (!tg_path_part_is_valid(part)) {
        return tg_call_bad_request(call, "Resource's path part only allow "
            "a-zA-Z0-9._-: or a valid greedy path variable and curly braces "
            "at the beginning and the end");
    }
    if (tg_path_part_is_greedy(parent->part)) {
        return tg_call_bad_request(call, "Cannot create a child of a "
            "resource with a greedy path variable: %s", parent->part);
    }
    if (tg_path_part_is_variable(part) && has_variable(parent->path, part)) {
        return tg_call_bad_request(call, "The path %s has the variable of %s "
            "already", parent->path, part);
    }
    return depth <= TG_ROUTE_DEPTH_MAX
        ? TG_OK
        : tg_call_bad_request(call, "A resource path can have at most %d "
            "parts", TG_ROUTE_DEPTH_MAX);
}

/* The path that part gets below parent, if it may stand there. */
static enum tg_status
place_resource(struct tg_control_call *call, const char *api_id,
    const struct tg_resource_row *parent, const char *part,
    struct tg_resource_row *out)
{
    enum tg_status status = check_part(call, parent, part);

    out->parent_id = parent->id;
    out->part = tg_arena_strdup(call->arena, part);
    out->path = tg_arena_printf(call->arena, "%s/%s",
        parent->path[1] ? parent->path : "", part);
    if (!out->id || !out->part || !out->path) {
        return no_memory(call);
    }
    return status == TG_OK && tg_path_part_is_variable(part)
        ? check_variables(call, api_id, parent, part)
        : status;
}

static enum tg_status
refuse_twin(struct tg_control_call *call, enum tg_status status,
    const char *part)
{
    return status == TG_CONFLICT
        ? tg_call_conflict(call, "Another resource with the same parent "
            "already has this name: %s", part)
        : status;
}

enum tg_status
tg_resource_create(struct tg_control_call *call, const char *api_id,
    const struct tg_resource_row *parent, const char *part,
    struct tg_resource_row *out)
{
    enum tg_status status;

    out->id = tg_new_id(call->arena, 6);
    status = place_resource(call, api_id, parent, part, out);
    return status == TG_OK
        ? refuse_twin(call, tg_store_exec(call->store, &call->err,
            "INSERT INTO resource (api_id, id, parent_id, path_part, path) "
            "VALUES ($1, $2, $3, $4, $5)", "sssss", api_id, out->id,
            out->parent_id, out->part, out->path), part)
        : status;
}

/* ---- moving a resource ---- */

/*
 * Takes the resource and all below it off the tree: a path that does not
 * begin with a slash is in nobody's way.
 */
static enum tg_status
lift_subtree(struct tg_control_call *call, const char *api_id,
    const char *path)
{
    const char *below = tg_arena_printf(call->arena, "%s/", path);

    return below ? tg_store_exec(call->store, &call->err,
               "UPDATE resource SET path = '~' || path WHERE api_id = $1 AND "
               "(path = $2 OR substr(path, 1, $3) = $4)", "ssis", api_id,
               path, (int64_t) strlen(below), below)
                 : no_memory(call);
}

/* Puts one back below its parent, where the same is asked as of a new one. */
static enum tg_status
put_back(struct tg_control_call *call, const char *api_id,
    const struct tg_resource_row *parent, struct tg_resource_row *row)
{
    enum tg_status status = place_resource(call, api_id, parent, row->part,
        row);

    return status == TG_OK
        ? refuse_twin(call, tg_store_exec(call->store, &call->err,
            "UPDATE resource SET parent_id = $1, path_part = $2, path = $3 "
            "WHERE api_id = $4 AND id = $5", "sssss", row->parent_id,
            row->part, row->path, api_id, row->id), row->part)
        : status;
}

/* The children of parent, which is back, and theirs. */
static enum tg_status
put_back_children(struct tg_control_call *call, const char *api_id,
    const struct tg_resource_row *parent)
{
    struct tg_resource_row row;
    struct tg_stmt        *q;
    enum tg_status         status;

    /* One at a time: each answer of the store ends before the next begins. */
    do {
        status = tg_store_query(call->store, &q, &call->err,
            "SELECT id, parent_id, path_part, path FROM resource WHERE "
            "api_id = $1 AND path >= '~' AND parent_id = $2 LIMIT 1", "ss",
            api_id, parent->id);
        if (status == TG_OK
            && (status = tg_stmt_next(q, &call->err)) == TG_OK)
        {
            status = read_resource(call, q, &row);
        }
        tg_stmt_done(q);
        if (status == TG_OK) {
            status = put_back(call, api_id, parent, &row);
        }
        if (status == TG_OK) {
            status = put_back_children(call, api_id, &row);
        }
    } while (status == TG_OK);
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_resource_move(struct tg_control_call *call, const char *api_id,
    const struct tg_resource_row *parent, const char *part,
    struct tg_resource_row *row)
{
    size_t         len = strlen(row->path);
    enum tg_status status;

    if (strncmp(parent->path, row->path, len) == 0
        && (parent->path[len] == '/' || parent->path[len] == '\0'))
    {
        return tg_call_bad_request(call, "Resources cannot be cyclical.");
    }
    status = lift_subtree(call, api_id, row->path);
    row->part = part;
    if (status == TG_OK) {
        status = put_back(call, api_id, parent, row);
    }
    return status == TG_OK ? put_back_children(call, api_id, row) : status;
}

/* ---- methods ---- */

enum tg_status
tg_method_get(struct tg_control_call *call, json_t **doc)
{
    struct tg_resource_row resource;
    struct tg_stmt        *q;
    const char *api_id = tg_http_path_get(call->req, "restapi_id");
    const char *id = tg_http_path_get(call->req, "resource_id");
    enum tg_status status = tg_resource_get(call, api_id, id, &resource);

    *doc = NULL;
    if (status != TG_OK) {
        return status;
    }
    status = tg_store_query(call->store, &q, &call->err,
        "SELECT doc FROM method WHERE api_id = $1 AND resource_id = $2 "
        "AND verb = $3", "sss", api_id, id,
        tg_http_path_get(call->req, "http_method"));
    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        *doc = tg_row_json(q, 0);
        status = *doc ? TG_OK : no_memory(call);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND
        ? tg_call_not_found(call, "Invalid Method identifier specified")
        : status;
}

enum tg_status
tg_method_create(struct tg_control_call *call, const char *api_id,
    const char *resource_id, const char *verb, const json_t *doc)
{
    const char    *text = tg_row_text(call, doc);
    enum tg_status status;

    if (!text) {
        return no_memory(call);
    }
    status = tg_store_exec(call->store, &call->err,
        "INSERT INTO method (api_id, resource_id, verb, doc) "
        "VALUES ($1, $2, $3, $4)", "ssss", api_id, resource_id, verb, text);
    return status == TG_CONFLICT
        ? tg_call_conflict(call, "Method already exists for this resource")
        : status;
}

static enum tg_status
save_method(struct tg_control_call *call, const json_t *doc)
{
    const char *text = tg_row_text(call, doc);

    return text ? tg_store_exec(call->store, &call->err,
               "UPDATE method SET doc = $1 WHERE api_id = $2 AND "
               "resource_id = $3 AND verb = $4", "ssss", text,
               tg_http_path_get(call->req, "restapi_id"),
               tg_http_path_get(call->req, "resource_id"),
               tg_http_path_get(call->req, "http_method"))
                : no_memory(call);
}

enum tg_status
tg_method_answer(struct tg_control_call *call, enum tg_status status,
    json_t *method, json_t *part)
{
    if (status == TG_OK) {
        status = tg_call_result(call, json_incref(part));
    }
    json_decref(method);
    return status;
}

enum tg_status
tg_method_change(struct tg_control_call *call, enum tg_status status,
    json_t *method, json_t *part)
{
    if (status == TG_OK) {
        status = save_method(call, method);
    }
    json_decref(method);
    if (status == TG_OK && part) {
        return tg_call_result(call, part);
    }
    json_decref(part);
    return status;
}

enum tg_status
tg_method_find_user(struct tg_control_call *call, struct tg_method_user *user,
    const char *(*use_of)(const json_t *method, const char *name),
    const char *name)
{
    struct tg_stmt *q;
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        "SELECT m.doc, r.path, m.verb FROM method m JOIN resource r "
        "ON r.api_id = m.api_id AND r.id = m.resource_id "
        "WHERE m.api_id = $1 ORDER BY r.path, m.verb", "s",
        tg_http_path_get(call->req, "restapi_id"));

    user->use = NULL;
    while (status == TG_OK && !user->use
        && (status = tg_stmt_next(q, &call->err)) == TG_OK)
    {
        json_t *method = tg_row_json(q, 0);

        user->use = use_of(method, name);
        json_decref(method);
        if (user->use) {
            user->path = tg_arena_strdup(call->arena, tg_stmt_text(q, 1));
            user->verb = tg_arena_strdup(call->arena, tg_stmt_text(q, 2));
            status = user->path && user->verb ? TG_OK : TG_NOMEM;
        }
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}
