/* SPDX-License-Identifier: Apache-2.0 */
#include "control/responses.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/members.h"
#include "control/pattern.h"

/* What all steps need. */
struct compiler {
    struct tg_arena               *arena;
    const struct tg_mapping_scope *scope;
    struct tg_error               *err;
};

/* ---- choosing ---- */

static int
by_code(const void *a, const void *b)
{
    return strcmp(json_object_iter_key(*(void *const *) a),
        json_object_iter_key(*(void *const *) b));
}

/* The responses in the order of their codes; NULL: no memory. */
static json_t **
sorted(struct tg_arena *arena, json_t *responses, size_t *count)
{
    void   *it = json_object_iter(responses);
    void  **list = tg_arena_alloc(arena,
          (json_object_size(responses) + 1) * sizeof *list);

    *count = 0;
    for (; list && it; it = json_object_iter_next(responses, it)) {
        list[(*count)++] = it;
    }
    if (!list) {
        return NULL;
    }
    qsort(list, *count, sizeof *list, by_code);
    for (size_t i = 0; i < *count; i++) {
        list[i] = json_object_iter_value(list[i]);
    }
    return (json_t **) list;
}

/* Gives response number n the statuses that are still free and match. */
static enum tg_status
claim(uint8_t *choice, uint8_t n, const char *pattern, struct tg_error *err)
{
    bool           matches[TG_ROUTE_STATUSES];
    enum tg_status status = tg_pattern_numbers(matches, TG_ROUTE_STATUS_FIRST,
        TG_ROUTE_STATUSES, pattern, err);

    for (size_t i = 0; status == TG_OK && i < TG_ROUTE_STATUSES; i++) {
        if (matches[i] && choice[i] == 0) {
            choice[i] = n;
        }
    }
    return status;
}

/* Patterns come first, then the first response without one. */
static enum tg_status
choose(uint8_t **out, const struct compiler *c, json_t *const *responses,
    size_t count)
{
    uint8_t       *choice = tg_arena_alloc(c->arena, TG_ROUTE_STATUSES);
    uint8_t        otherwise = 0;
    enum tg_status status = choice ? TG_OK : TG_NOMEM;

    *out = choice;
    if (choice) {
        memset(choice, 0, TG_ROUTE_STATUSES);
    }
    for (size_t i = 0; status == TG_OK && i < count; i++) {
        const char *pattern = tg_text_of(responses[i], "selectionPattern");

        if (pattern && *pattern) {
            status = claim(choice, (uint8_t) (i + 1), pattern, c->err);
        } else if (otherwise == 0) {
            otherwise = (uint8_t) (i + 1);
        }
    }
    for (size_t i = 0; status == TG_OK && i < TG_ROUTE_STATUSES; i++) {
        if (choice[i] == 0) {
            choice[i] = otherwise;
        }
    }
    return status;
}

/* ---- headers ---- */

/* https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html */
const char *
tg_response_header_name(struct tg_arena *arena,
    const struct tg_mapping_scope *scope, const char *name)
{
    static const char *const kept[] = { "Authorization", "Connection",
        "Content-Length", "Content-MD5", "Date", "Expect", "Host",
        "Max-Forwards", "Proxy-Authenticate", "Server", "Trailer", "Upgrade",
        "User-Agent", "x-amzn-RequestId", "x-amzn-ErrorType",
        "x-amz-apigw-id" };

    if (strcasecmp(name, "Transfer-Encoding") == 0) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        if (strcasecmp(name, kept[i]) == 0) {
            return tg_arena_printf(arena, "x-amzn-Remapped-%s", kept[i]);
        }
    }
    return scope->is_strict && strcasecmp(name, "WWW-Authenticate") == 0
        ? "x-amzn-Remapped-WWW-Authenticate"
        : name;
}

static enum tg_status
compile_headers(struct tg_response_spec *out, const struct compiler *c,
    const json_t *response)
{
    json_t *mappings = json_object_get(response, "responseParameters");
    struct tg_pair_spec *pairs = tg_arena_alloc(c->arena,
        (json_object_size(mappings) + 1) * sizeof *pairs);
    const char         *target, *name;
    enum tg_target_kind kind;
    struct tg_parts     value;
    json_t             *source;
    enum tg_status      status = pairs ? TG_OK : TG_NOMEM;

    out->headers = pairs;
    json_object_foreach(mappings, target, source) {
        if (status != TG_OK) {
            return status;
        }
        if (tg_mapping_target(&kind, &name, TG_MAPPING_RESPONSE, target)
            || !json_is_string(source))
        {
            return tg_error_set(c->err, TG_INVALID,
                "\"%.100s\" is no header of the response", target);
        }
        status = tg_mapping_compile(&value, c->arena, c->scope,
            TG_MAPPING_RESPONSE, json_string_value(source), c->err);
        name = tg_response_header_name(c->arena, c->scope, name);
        if (status == TG_OK && value.count && name) {
            pairs[out->header_count++] = (struct tg_pair_spec) { name,
                value.items, value.count };
        }
    }
    return status;
}

/* ---- bodies ---- */

enum tg_status
tg_templates_compile(struct tg_template_spec **out, size_t *count,
    struct tg_arena *arena, const struct tg_mapping_scope *scope,
    enum tg_template_kind kind, json_t *templates, struct tg_error *err)
{
    struct tg_template_spec *list = tg_arena_alloc(arena,
        (json_object_size(templates) + 1) * sizeof *list);
    const char              *type;
    json_t                  *text;
    struct tg_parts          parts;
    enum tg_status           status = list ? TG_OK : TG_NOMEM;

    *out = list;
    *count = 0;
    json_object_foreach(templates, type, text) {
        const char *source = json_string_value(text);

        if (status == TG_OK) { /* an empty one stands as null */
            status = tg_template_compile(&parts, arena, scope, kind, type,
                source ? source : "", err);
        }
        if (status == TG_OK) {
            list[(*count)++] = (struct tg_template_spec) { type, parts.items,
                parts.count, 0 };
        }
    }
    return status;
}

enum tg_status
tg_requests_compile(struct tg_integration_spec *spec,
    struct tg_template_spec **list, struct tg_arena *arena,
    const struct tg_mapping_scope *scope, const json_t *integration,
    struct tg_error *err)
{
    static const char *const names[TG_PASSTHROUGH_COUNT] = {
        [TG_PASSTHROUGH_WHEN_NO_MATCH] = "WHEN_NO_MATCH",
        [TG_PASSTHROUGH_WHEN_NO_TEMPLATES] = "WHEN_NO_TEMPLATES",
        [TG_PASSTHROUGH_NEVER] = "NEVER",
    };
    const char    *name = tg_text_of(integration, "passthroughBehavior");
    enum tg_status status = tg_templates_compile(list, &spec->template_count,
        arena, scope, TG_TEMPLATE_REQUEST,
        json_object_get(integration, "requestTemplates"), err);

    spec->templates = *list;
    for (int i = 0; name && i < TG_PASSTHROUGH_COUNT; i++) {
        if (strcmp(name, names[i]) == 0) {
            spec->passthrough = (enum tg_passthrough) i;
        }
    }
    return status;
}

static bool
reads_reply(const struct tg_response_spec *response)
{
    for (size_t i = 0; i < response->template_count; i++) {
        const struct tg_template_spec *t = &response->templates[i];

        if (tg_parts_read_reply(t->parts, t->part_count)) {
            return true;
        }
    }
    for (size_t i = 0; i < response->header_count; i++) {
        const struct tg_pair_spec *h = &response->headers[i];

        if (tg_parts_read_reply(h->parts, h->part_count)) {
            return true;
        }
    }
    return false;
}

static enum tg_status
compile_response(struct tg_response_spec *out, const struct compiler *c,
    const json_t *response)
{
    const char              *code = tg_text_of(response, "statusCode");
    struct tg_template_spec *templates;
    enum tg_status           status;

    *out = (struct tg_response_spec) {
        .status = (uint32_t) (code ? atoi(code) : 0),
    };
    if (out->status < 200 || out->status > 599) {
        return tg_error_set(c->err, TG_INVALID,
            "%.20s cannot be the status of an answer", code ? code : "");
    }
    status = compile_headers(out, c, response);
    if (status == TG_OK) {
        status = tg_templates_compile(&templates, &out->template_count,
            c->arena, c->scope, TG_TEMPLATE_RESPONSE,
            json_object_get(response, "responseTemplates"), c->err);
        out->templates = templates;
    }
    out->reads_reply = status == TG_OK && reads_reply(out);
    return status;
}

enum tg_status
tg_responses_compile(struct tg_integration_spec *spec, struct tg_arena *arena,
    const struct tg_mapping_scope *scope, const json_t *integration,
    struct tg_error *err)
{
    struct compiler          c = { arena, scope, err };
    size_t                   count;
    json_t                 **responses = sorted(arena,
                         json_object_get(integration, "integrationResponses"),
                         &count);
    struct tg_response_spec *list
        = tg_arena_alloc(arena, (count + 1) * sizeof *list);
    uint8_t                 *choice = NULL;
    enum tg_status           status = responses && list ? TG_OK : TG_NOMEM;

    if (count > TG_ROUTE_RESPONSES_MAX) {
        return tg_error_set(err, TG_INVALID, "it has more than %d "
            "integration responses", TG_ROUTE_RESPONSES_MAX);
    }
    for (size_t i = 0; status == TG_OK && i < count; i++) {
        status = compile_response(&list[i], &c, responses[i]);
    }
    if (status == TG_OK) {
        status = choose(&choice, &c, responses, count);
    }
    spec->responses = list;
    spec->response_count = count;
    spec->choice = choice;
    return status;
}
