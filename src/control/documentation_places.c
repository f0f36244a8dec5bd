/*
 * documentation_places.c - the places of an API of which something can be said
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "control/documentation.h"
#include "control/rest_rows.h"
#include "control/snapshot.h"

/* Takes place; NULL: out of memory. */
static enum tg_status
add(json_t *places, json_t *place)
{
    return json_array_append_new(places, place) == 0 ? TG_OK : TG_NOMEM;
}

/* The names of parts of the API: its models, its authorizers. */
static enum tg_status
add_named(json_t *places, const char *type, const json_t *parts)
{
    const char    *id;
    json_t        *part;
    enum tg_status status = TG_OK;

    json_object_foreach((json_t *) parts, id, part) {
        if (status == TG_OK) {
            status = add(places, json_pack("{ss ss*}", "type", type, "name",
                tg_text_of(part, "name")));
        }
    }
    return status;
}

static json_t *
place_of(const char *type, const char *path, const char *verb,
    const char *code, const char *name)
{
    return json_pack("{ss ss ss* ss* ss*}", "type", type, "path", path,
        "method", verb, "statusCode", code, "name", name);
}

static enum tg_status
add_parameters(json_t *places, const char *path, const char *verb,
    const json_t *method)
{
    static const struct {
        const char *prefix, *type;
    } rows[] = {
        { "method.request.path.", "PATH_PARAMETER" },
        { "method.request.querystring.", "QUERY_PARAMETER" },
        { "method.request.multivaluequerystring.", "QUERY_PARAMETER" },
        { "method.request.header.", "REQUEST_HEADER" },
        { "method.request.multivalueheader.", "REQUEST_HEADER" },
    };
    const char    *key;
    json_t        *required;
    enum tg_status status = TG_OK;

    json_object_foreach(json_object_get(method, "requestParameters"), key,
        required)
    {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            size_t len = strlen(rows[i].prefix);

            if (status == TG_OK && strncmp(key, rows[i].prefix, len) == 0) {
                status = add(places, place_of(rows[i].type, path, verb, NULL,
                    key + len));
            }
        }
    }
    return status;
}

static enum tg_status
add_response(json_t *places, const char *path, const char *verb,
    const char *code, const json_t *response)
{
    static const char prefix[] = "method.response.header.";
    const char       *key;
    json_t           *required;
    enum tg_status    status = add(places, place_of("RESPONSE", path, verb,
        code, NULL));

    if (status == TG_OK
        && json_object_size(json_object_get(response, "responseModels")))
    {
        status = add(places, place_of("RESPONSE_BODY", path, verb, code,
            NULL));
    }
    json_object_foreach(json_object_get(response, "responseParameters"), key,
        required)
    {
        if (status == TG_OK && strncmp(key, prefix, sizeof prefix - 1) == 0) {
            status = add(places, place_of("RESPONSE_HEADER", path, verb,
                code, key + sizeof prefix - 1));
        }
    }
    return status;
}

static enum tg_status
add_method(json_t *places, const char *path, const char *verb,
    const json_t *method)
{
    const char    *code;
    json_t        *response;
    enum tg_status status = add(places, place_of("METHOD", path, verb, NULL,
        NULL));

    if (status == TG_OK) {
        status = add_parameters(places, path, verb, method);
    }
    if (status == TG_OK
        && json_object_size(json_object_get(method, "requestModels")))
    {
        status = add(places, place_of("REQUEST_BODY", path, verb, NULL,
            NULL));
    }
    json_object_foreach(json_object_get(method, "methodResponses"), code,
        response)
    {
        if (status == TG_OK) {
            status = add_response(places, path, verb, code, response);
        }
    }
    return status;
}

static enum tg_status
add_resource(json_t *places, const json_t *resource)
{
    const char    *path = tg_text_of(resource, "path"), *verb;
    json_t        *method;
    enum tg_status status = add(places, place_of("RESOURCE", path, NULL,
        NULL, NULL));

    json_object_foreach(json_object_get(resource, "methods"), verb, method) {
        if (status == TG_OK) {
            status = add_method(places, path, verb, method);
        }
    }
    return status;
}

/* ---- in the order of their keys ---- */

struct keyed {
    const char *key;
    json_t     *place;
};

static int
by_key(const void *a, const void *b)
{
    return strcmp(((const struct keyed *) a)->key,
        ((const struct keyed *) b)->key);
}

static enum tg_status
sort(struct tg_arena *arena, json_t *places)
{
    size_t        count = json_array_size(places);
    struct keyed *list = calloc(count ? count : 1, sizeof *list);
    enum tg_status status = list ? TG_OK : TG_NOMEM;

    for (size_t i = 0; i < count && status == TG_OK; i++) {
        list[i].place = json_array_get(places, i);
        list[i].key = tg_documentation_key(arena, list[i].place);
        status = list[i].key ? TG_OK : TG_NOMEM;
    }
    if (status == TG_OK) {
        qsort(list, count, sizeof *list, by_key);
        for (size_t i = 0; i < count; i++) {
            json_incref(list[i].place);
        }
        json_array_clear(places);
        for (size_t i = 0; i < count; i++) {
            json_array_append_new(places, list[i].place);
        }
    }
    free(list);
    return status;
}

enum tg_status
tg_documentation_places(struct tg_control_call *call, const char *api_id,
    json_t **out)
{
    json_t        *snapshot, *parts, *resource;
    size_t         i;
    enum tg_status status = tg_snapshot_take(&snapshot, call->store, api_id,
        &call->err);

    *out = json_array();
    if (status != TG_OK) {
        return status;
    }
    parts = json_object_get(snapshot, "parts");
    status = add(*out, json_pack("{ss}", "type", "API"));
    if (status == TG_OK) {
        status = add_named(*out, "MODEL", json_object_get(parts, "model"));
    }
    if (status == TG_OK) {
        status = add_named(*out, "AUTHORIZER",
            json_object_get(parts, "authorizer"));
    }
    json_array_foreach(json_object_get(snapshot, "resources"), i, resource) {
        if (status == TG_OK) {
            status = add_resource(*out, resource);
        }
    }
    if (status == TG_OK) {
        status = sort(call->arena, *out);
    }
    json_decref(snapshot);
    return status == TG_NOMEM
        ? tg_error_set(&call->err, TG_NOMEM, "out of memory") : status;
}
