/*
 * openapi_model.c - schemas of an OpenAPI document as models
 *
 * A model's name is alphanumeric at Amazon; other characters are left out.
 * References between schemas become references between models, so a schema
 * that refers to itself stays as it is.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "control/openapi_reader.h"
#include "util/digest.h"

static const char *
schemas_at(const struct tg_openapi_reader *r)
{
    return r->is_swagger ? "/definitions" : "/components/schemas";
}

static const json_t *
schemas_of(const struct tg_openapi_reader *r)
{
    return r->is_swagger
        ? json_object_get(r->root, "definitions")
        : json_object_get(json_object_get(r->root, "components"), "schemas");
}

/* The schema's name as a model's. */
static const char *
model_name(struct tg_openapi_reader *r, const char *schema)
{
    char *name = tg_arena_strdup(&r->arena, schema), *to = name;

    for (; name && *schema; schema++) {
        if (isalnum((unsigned char) *schema)) {
            *to++ = *schema;
        }
    }
    if (name) {
        *to = '\0';
    }
    return name ? name : "";
}

/* The schema that a reference names, undone from the pointer; or NULL. */
static const char *
referred(struct tg_openapi_reader *r, const char *ref)
{
    const char *prefix = schemas_at(r);
    size_t      len = strlen(prefix);
    char        name[256];

    if (*ref != '#' || strncmp(ref + 1, prefix, len) != 0) {
        return NULL;
    }
    ref += 1 + len;
    if (!tg_pointer_next(&ref, name, sizeof name) || *ref) {
        return NULL;
    }
    return json_object_get(schemas_of(r), name)
        ? tg_arena_strdup(&r->arena, name)
        : NULL;
}

/*
 * Rewrites the references in a copy of a schema (whose depth the document's
 * limit bounds), and warns of those that lead nowhere.
 */
static enum tg_status
rewrite(struct tg_openapi_reader *r, json_t *schema, const char *at)
{
    const char    *key, *name;
    json_t        *value;
    size_t         i;
    enum tg_status status = TG_OK;

    json_array_foreach(schema, i, value) {
        if (status == TG_OK) {
            status = rewrite(r, value, tg_openapi_at_index(r, at, i));
        }
    }
    json_object_foreach(schema, key, value) {
        const char *ref = json_string_value(value);

        if (status != TG_OK) {
            return status;
        }
        if (strcmp(key, "$ref") != 0 || !ref) {
            if (json_is_object(value) || json_is_array(value)) {
                status = rewrite(r, value, tg_openapi_at(r, at, key));
            }
            continue;
        }
        if (*ref != '#') {
            return tg_openapi_fail(r, tg_openapi_at(r, at, key),
                "a reference must stay inside the document (\"#/...\"): "
                "nothing is fetched");
        }
        name = referred(r, ref);
        if (!name) {
            tg_openapi_warn(r, tg_openapi_at(r, at, key),
                "there is no schema %.100s", ref);
            continue;
        }
        json_object_set_new(schema, "$ref", json_sprintf("%s%s",
            TG_OPENAPI_MODELS, model_name(r, name)));
    }
    return status;
}

static enum tg_status
add_model(struct tg_openapi_reader *r, const char *name, const json_t *schema,
    const char *at, const char *content_type)
{
    json_t        *copy = json_deep_copy(schema), *model;
    const char    *description = tg_text_of(schema, "description");
    char          *text;
    enum tg_status status = copy ? rewrite(r, copy, at) : TG_NOMEM;

    if (status == TG_OK) {
        text = json_dumps(copy, JSON_COMPACT);
        model = json_pack("{ss ss* ss*}", "contentType", content_type,
            "schema", text, "description", description);
        free(text);
        if (json_object_set_new(r->out->models, name, model)) {
            status = TG_NOMEM;
        }
    }
    json_decref(copy);
    return status;
}

enum tg_status
tg_openapi_models(struct tg_openapi_reader *r)
{
    const char    *key, *name, *at;
    json_t        *schema;
    enum tg_status status = TG_OK;

    json_object_foreach((json_t *) schemas_of(r), key, schema) {
        if (status != TG_OK) {
            return status;
        }
        at = tg_openapi_at(r, schemas_at(r), key);
        name = model_name(r, key);
        if (!json_is_object(schema)) {
            return tg_openapi_fail(r, at, "expected an object");
        }
        if (!*name || json_object_get(r->out->models, name)) {
            return tg_openapi_fail(r, at, "the schema's name has no letters "
                "or digits that another's does not have");
        }
        status = add_model(r, name, schema, at, "application/json");
    }
    return status;
}

enum tg_status
tg_openapi_model_of(struct tg_openapi_reader *r, const json_t *schema,
    const char *at, const char *content_type, const char **name)
{
    const char *ref = tg_text_of(schema, "$ref");
    uint8_t     digest[TG_SHA256_SIZE];
    char        hex[7];

    *name = NULL;
    if (ref) {
        if (*ref != '#') {
            return tg_openapi_fail(r, tg_openapi_at(r, at, "$ref"),
                "a reference must stay inside the document (\"#/...\"): "
                "nothing is fetched");
        }
        *name = referred(r, ref);
        if (*name) {
            *name = model_name(r, *name);
        } else {
            tg_openapi_warn(r, tg_openapi_at(r, at, "$ref"),
                "there is no schema %.100s", ref);
        }
        return TG_OK;
    }
    if (!json_is_object(schema)) {
        return tg_openapi_fail(r, at, "expected an object");
    }
    /* The same document gives the same names again. */
    tg_sha256(digest, at, strlen(at));
    tg_hex(hex, digest, 3);
    *name = tg_arena_printf(&r->arena, "MODEL%s", hex);
    return *name && !json_object_get(r->out->models, *name)
        ? add_model(r, *name, schema, at, content_type)
        : TG_OK;
}
