/* SPDX-License-Identifier: Apache-2.0 */
#include "control/stage_rules.h"

#include <stdlib.h>
#include <string.h>

#include "control/gateway_response.h"
#include "control/members.h"
#include "control/responses.h"

/* ---- validators ---- */

static const json_t *
validator_of(const json_t *parts, const json_t *method)
{
    const char *id = tg_text_of(method, "requestValidatorId");

    return id ? json_object_get(
               json_object_get(parts, "requestvalidator"), id)
              : NULL;
}

bool
tg_validator_wants_body(const json_t *parts, const json_t *method)
{
    return json_is_true(json_object_get(validator_of(parts, method),
        "validateRequestBody"));
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

enum tg_status
tg_required_compile(struct tg_parts *out, struct tg_arena *arena,
    const json_t *parts, const json_t *method)
{
    json_t      *map = json_object_get(method, "requestParameters"), *flag;
    size_t       room = json_object_size(map) + 1, count = 0;
    const char **keys = tg_arena_alloc(arena, room * sizeof *keys), *key;
    struct tg_mapping_scope scope = { 0 };
    struct tg_parts         one;

    *out = (struct tg_parts) {
        tg_arena_alloc(arena, room * sizeof *out->items), 0 };
    if (!keys || !out->items) {
        return TG_NOMEM;
    }
    if (!json_is_true(json_object_get(validator_of(parts, method),
            "validateRequestParameters")))
    {
        return TG_OK;
    }
    json_object_foreach(map, key, flag) {
        if (json_is_true(flag)) {
            keys[count++] = key;
        }
    }
    qsort(keys, count, sizeof *keys, by_text);
    for (size_t i = 0; i < count; i++) {
        enum tg_status status = tg_mapping_compile(&one, arena, &scope,
            TG_MAPPING_REQUEST, keys[i], NULL);

        if (status == TG_NOMEM) {
            return status;
        }
        /* What no call can have is not asked for: Amazon drops it, too. */
        if (status == TG_OK && one.count) {
            out->items[out->count++] = one.items[0];
        }
    }
    return TG_OK;
}

/* ---- gateway responses ---- */

struct compiler {
    struct tg_arena               *arena;
    const struct tg_mapping_scope *scope;
    struct tg_error               *err;
};

static enum tg_status
compile_headers(struct tg_gateway_spec *out, const struct compiler *c,
    const json_t *doc)
{
    static const char prefix[] = "gatewayresponse.header.";
    json_t *mappings = json_object_get(doc, "responseParameters"), *source;
    struct tg_pair_spec *pairs = tg_arena_alloc(c->arena,
        (json_object_size(mappings) + 1) * sizeof *pairs);
    const char          *target, *name;
    struct tg_parts      value;
    enum tg_status       status = pairs ? TG_OK : TG_NOMEM;

    out->headers = pairs;
    json_object_foreach(mappings, target, source) {
        if (status != TG_OK) {
            return status;
        }
        status = tg_mapping_compile(&value, c->arena, c->scope,
            TG_MAPPING_GATEWAY, json_string_value(source), c->err);
        name = strncmp(target, prefix, sizeof prefix - 1) == 0
            ? tg_response_header_name(c->arena, c->scope,
                target + sizeof prefix - 1)
            : NULL;
        if (status == TG_OK && value.count && name) {
            pairs[out->header_count++] = (struct tg_pair_spec) { name,
                value.items, value.count };
        }
    }
    return status;
}

static enum tg_status
compile_one(struct tg_gateway_spec *out, const struct compiler *c,
    const json_t *doc)
{
    const char              *code = tg_text_of(doc, "statusCode");
    struct tg_template_spec *templates;
    enum tg_status           status = compile_headers(out, c, doc);

    out->status = code ? (uint32_t) atoi(code) : 0;
    if (status == TG_OK) {
        status = tg_templates_compile(&templates, &out->template_count,
            c->arena, c->scope, TG_TEMPLATE_GATEWAY,
            json_object_get(doc, "responseTemplates"), c->err);
        out->templates = templates;
    }
    return status;
}

/* The response that a type has or inherits; NULL: Amazon's own. */
static const json_t *
response_for(const json_t *own, enum tg_gateway_type type)
{
    unsigned      status = tg_gateway_status(type);
    const json_t *doc = json_object_get(own, tg_gateway_response_type(type));

    if (type == TG_GATEWAY_REQUEST_TOO_LARGE) {
        return NULL; /* Amazon does not let it be customised */
    }
    return doc || status == 0
        ? doc
        : json_object_get(own, status < 500 ? "DEFAULT_4XX" : "DEFAULT_5XX");
}

enum tg_status
tg_gateway_compile(struct tg_gateway_spec **specs, struct tg_arena *arena,
    const struct tg_mapping_scope *scope, const json_t *parts,
    struct tg_error *err)
{
    struct tg_error why = { 0 };
    struct compiler c = { arena, scope, &why };
    const json_t   *own = json_object_get(parts, "gatewayresponse"), *doc;
    enum tg_status  status, worst = TG_OK;

    *specs = NULL;
    if (!json_object_size(own)) {
        return TG_OK;
    }
    *specs = tg_arena_alloc(arena, TG_GATEWAY_TYPE_COUNT * sizeof **specs);
    if (!*specs) {
        return TG_NOMEM;
    }
    memset(*specs, 0, TG_GATEWAY_TYPE_COUNT * sizeof **specs);
    for (int type = 0; type < TG_GATEWAY_TYPE_COUNT; type++) {
        doc = response_for(own, (enum tg_gateway_type) type);
        status = doc ? compile_one(&(*specs)[type], &c, doc) : TG_OK;
        if (status == TG_NOMEM) {
            return status;
        }
        if (status != TG_OK) {
            (*specs)[type] = (struct tg_gateway_spec) { 0 };
            worst = tg_error_set(err, status, "gateway response %s: %s",
                tg_gateway_response_type((size_t) type), why.message);
        }
    }
    return worst;
}
