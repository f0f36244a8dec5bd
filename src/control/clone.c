/* SPDX-License-Identifier: Apache-2.0 */
#include "control/clone.h"

#include <string.h>

#include "control/members.h"
#include "control/model_schema.h"
#include "control/rest_rows.h"

struct clone {
    struct tg_control_call *call;
    const char             *source;
    const char             *id;
    json_t                 *ids; /* of the source's things -> the copies' */
};

static enum tg_status
no_memory(struct clone *c)
{
    return tg_error_set(&c->call->err, TG_NOMEM, "out of memory");
}

/*
 * The rows of a query by the source's id, as lists of texts: the store ends
 * each answer before the next begins.
 */
static enum tg_status
read_rows(struct clone *c, const char *sql, int columns, json_t **out)
{
    struct tg_stmt *q;
    enum tg_status  status = tg_store_query(c->call->store, &q,
        &c->call->err, sql, "s", c->source);

    *out = json_array();
    while (status == TG_OK
        && (status = tg_stmt_next(q, &c->call->err)) == TG_OK)
    {
        json_t *row = json_array();

        for (int i = 0; i < columns; i++) {
            json_array_append_new(row, tg_stmt_is_null(q, i)
                ? json_null() : json_string(tg_stmt_text(q, i)));
        }
        if (json_array_append_new(*out, row)) {
            status = no_memory(c);
        }
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static const char *
text_at(const json_t *row, size_t i)
{
    return json_string_value(json_array_get(row, i));
}

/* The copy's id for the source's; a new one the first time. */
static const char *
id_for(struct clone *c, const char *old)
{
    const char *id = tg_text_of(c->ids, old);

    if (!id && (id = tg_new_id(c->call->arena, 6))
        && json_object_set_new(c->ids, old, json_string(id)))
    {
        return NULL;
    }
    return id;
}

/* ---- resources and methods ---- */

/* In the order of paths: each parent before its children. */
static enum tg_status
clone_resources(struct clone *c, const char *root_id)
{
    json_t        *rows, *row;
    size_t         i;
    const char    *id, *parent;
    enum tg_status status = read_rows(c, "SELECT id, parent_id, path_part, "
        "path FROM resource WHERE api_id = $1 ORDER BY path", 4, &rows);

    json_array_foreach(rows, i, row) {
        if (status != TG_OK) {
            break;
        }
        if (!text_at(row, 1)) {
            json_object_set_new(c->ids, text_at(row, 0),
                json_string(root_id));
            continue;
        }
        id = id_for(c, text_at(row, 0));
        parent = tg_text_of(c->ids, text_at(row, 1));
        status = id && parent ? tg_store_exec(c->call->store, &c->call->err,
                     "INSERT INTO resource (api_id, id, parent_id, "
                     "path_part, path) VALUES ($1, $2, $3, $4, $5)", "sssss",
                     c->id, id, parent, text_at(row, 2), text_at(row, 3))
                              : no_memory(c);
    }
    json_decref(rows);
    return status;
}

/* A member that names something of the source names its copy. */
static void
turn(struct clone *c, json_t *object, const char *member)
{
    const char *old = tg_text_of(object, member);
    json_t     *id = old ? json_object_get(c->ids, old) : NULL;

    if (id) {
        json_object_set(object, member, id);
    }
}

static enum tg_status
clone_method(struct clone *c, const json_t *row)
{
    const char    *resource = tg_text_of(c->ids, text_at(row, 0));
    json_t        *doc = json_loads(text_at(row, 2), 0, NULL);
    enum tg_status status = no_memory(c);

    if (doc && resource) {
        turn(c, doc, "requestValidatorId");
        turn(c, doc, "authorizerId");
        turn(c, json_object_get(doc, "methodIntegration"), "cacheNamespace");
        status = tg_method_create(c->call, c->id, resource, text_at(row, 1),
            doc);
    }
    json_decref(doc);
    return status;
}

static enum tg_status
clone_methods(struct clone *c)
{
    json_t        *rows, *row;
    size_t         i;
    enum tg_status status = read_rows(c, "SELECT resource_id, verb, doc "
        "FROM method WHERE api_id = $1", 3, &rows);

    json_array_foreach(rows, i, row) {
        if (status == TG_OK) {
            status = clone_method(c, row);
        }
    }
    json_decref(rows);
    return status;
}

/* ---- parts ---- */

static enum tg_status
clone_part(struct clone *c, const char *kind, const char *row_id,
    json_t *doc)
{
    const char *old = tg_text_of(doc, "id");
    const char *schema = tg_text_of(doc, "schema");
    const char *id = old ? id_for(c, old) : "";
    /* A row goes by the thing's own id, or by its name or place. */
    const bool  is_by_id = old && strcmp(old, row_id) == 0;

    if (!id || (old && json_object_set_new(doc, "id", json_string(id)))) {
        return no_memory(c);
    }
    if (schema && json_object_set_new(doc, "schema",
            tg_model_schema_moved(schema, c->source, c->id)))
    {
        return no_memory(c);
    }
    return tg_api_part_put(c->call, c->id, kind, is_by_id ? id : row_id,
        doc);
}

static enum tg_status
clone_parts(struct clone *c)
{
    json_t        *rows, *row, *doc;
    size_t         i;
    enum tg_status status = read_rows(c, "SELECT kind, id, doc FROM api_part "
        "WHERE api_id = $1 AND kind NOT IN ('documentationversion', "
        "'documentationsnapshot')", 3, &rows);

    json_array_foreach(rows, i, row) {
        if (status == TG_OK) {
            doc = json_loads(text_at(row, 2), 0, NULL);
            status = doc ? clone_part(c, text_at(row, 0), text_at(row, 1),
                         doc)
                         : no_memory(c);
            json_decref(doc);
        }
    }
    json_decref(rows);
    return status;
}

enum tg_status
tg_api_clone(struct tg_control_call *call, const char *source,
    const char *id, const char *root_id)
{
    struct clone   c = { call, source, id, json_object() };
    enum tg_status status = clone_parts(&c);

    if (status == TG_OK) {
        status = clone_resources(&c, root_id);
    }
    if (status == TG_OK) {
        status = clone_methods(&c);
    }
    json_decref(c.ids);
    return status;
}
