/* SPDX-License-Identifier: Apache-2.0 */
#include "control/mock.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/pattern.h"
#include "util/buf.h"

#define DEPTH_MAX 32
#define REQUEST_TEMPLATE_MAX ((size_t) 300 << 10)

/* ---- lenient JSON ---- */

static const char *
blanks(const char *c)
{
    return c + strspn(c, " \t\r\n");
}

/* A text in quotes or a bare word; NULL when there is neither. */
static const char *
word(const char *c, const char **start, size_t *len)
{
    char quote = *c;

    if (quote == '"' || quote == '\'') {
        *start = ++c;
        while (*c && *c != quote) {
            c += *c == '\\' && c[1] ? 2 : 1;
        }
        *len = (size_t) (c - *start);
        return *c ? c + 1 : NULL;
    }
    *start = c;
    *len = strcspn(c, " \t\r\n{}[]:,\"'");
    return *len ? c + *len : NULL;
}

/*
 * Skips a value; objects and arrays by their brackets alone, since nothing
 * in them matters.
 */
static const char *
skip_value(const char *c)
{
    const char *start;
    size_t      len, depth = 0;

    do {
        c = blanks(c);
        if (*c == '{' || *c == '[') {
            depth++;
            c++;
        } else if (depth && (*c == '}' || *c == ']')) {
            depth--;
            c++;
        } else if (depth && (*c == ',' || *c == ':')) {
            c++;
        } else if (!(c = word(c, &start, &len))) {
            return NULL;
        }
    } while (depth && depth <= DEPTH_MAX);
    return depth ? NULL : c;
}

/* A whole number of up to three digits at c, and nothing behind it. */
static bool
parse_status(const char *c, const char *end, int *out)
{
    size_t digits = strspn(c, "0123456789");

    if (digits != 3 || c + digits != end) {
        return false;
    }
    *out = atoi(c);
    return true;
}

enum tg_status
tg_mock_status(int *out, const char *text, struct tg_error *err)
{
    const char *c = blanks(text), *key, *value;
    size_t      len;
    bool        found = false;

    if (*c++ != '{') {
        return tg_error_set(err, TG_INVALID,
            "the request template of a MOCK must give a JSON object");
    }
    for (c = blanks(c); *c && *c != '}'; c = blanks(c)) {
        if (!(c = word(c, &key, &len)) || *(c = blanks(c)) != ':') {
            break;
        }
        value = blanks(c + 1);
        if (!(c = skip_value(value))) {
            break;
        }
        if (len == 10 && memcmp(key, "statusCode", len) == 0) {
            found = parse_status(value, c, out);
        }
        c = blanks(c);
        if (*c == ',') {
            c++;
        } else if (*c != '}') {
            break;
        }
    }
    if (!c || *c != '}' || *blanks(c + 1)) {
        return tg_error_set(err, TG_INVALID,
            "the request template of a MOCK gives no valid JSON");
    }
    return found ? TG_OK
                 : tg_error_set(err, TG_INVALID, "the request template of a "
                     "MOCK must give a whole number as statusCode");
}

/* ---- choosing the response ---- */

static int
compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

enum tg_status
tg_mock_response(const json_t **out, const json_t *responses, int status,
    struct tg_error *err)
{
    const char  *keys[600], *key;
    size_t       count = 0;
    char         text[12];
    json_t      *response;

    *out = NULL;
    snprintf(text, sizeof text, "%d", status);
    json_object_foreach((json_t *) responses, key, response) {
        if (count < sizeof keys / sizeof keys[0]) {
            keys[count++] = key;
        }
    }
    qsort(keys, count, sizeof keys[0], compare_keys);
    for (size_t i = 0; i < count; i++) {
        const char *pattern;

        response = json_object_get(responses, keys[i]);
        pattern = json_string_value(
            json_object_get(response, "selectionPattern"));
        if (!pattern || !*pattern) {
            if (!*out) {
                *out = response;
            }
            continue;
        }
        switch (tg_pattern_match(pattern, text, err)) {
        case TG_OK:
            *out = response;
            return TG_OK;
        case TG_NOTFOUND:
            break;
        default:
            return TG_INVALID;
        }
    }
    return TG_OK;
}

/* ---- compiling ---- */

/* The template for application/json, else the first; NULL: none. */
static const char *
template_of(const json_t *owner, const char *member, const char **type)
{
    json_t *templates = json_object_get(owner, member);
    json_t *text = json_object_get(templates, "application/json");
    void   *first;

    *type = "application/json";
    if (!text && (first = json_object_iter(templates))) {
        *type = json_object_iter_key(first);
        text = json_object_iter_value(first);
    }
    return json_string_value(text);
}

/*
 * The request template may use variables too; those of a call are given a
 * stand-in, because only statusCode matters.
 */
static enum tg_status
request_status(int *out, struct tg_arena *arena,
    const struct tg_mapping_scope *scope, const json_t *integration,
    struct tg_error *err)
{
    const char     *type;
    const char     *text = template_of(integration, "requestTemplates", &type);
    struct tg_parts parts;
    struct tg_buf   rendered;
    enum tg_status  status;

    if (!text) {
        return tg_error_set(err, TG_INVALID,
            "a MOCK needs a request template for application/json");
    }
    status = tg_mapping_template(&parts, arena, scope, text, err);
    if (status != TG_OK) {
        return status;
    }
    tg_buf_init(&rendered, REQUEST_TEMPLATE_MAX);
    for (size_t i = 0; i < parts.count; i++) {
        if (parts.items[i].kind == TG_PART_LITERAL) {
            tg_buf_add(&rendered, parts.items[i].text, parts.items[i].len);
        } else {
            tg_buf_putc(&rendered, '_');
        }
    }
    status = rendered.status;
    if (status == TG_OK) {
        status = tg_mock_status(out, rendered.len ? rendered.data : "", err);
    }
    tg_buf_clear(&rendered);
    return status;
}

static enum tg_status
add_header(struct tg_integration_spec *spec, struct tg_pair_spec *pairs,
    const char *name, struct tg_parts value)
{
    if (value.count) {
        pairs[spec->mock_header_count].name = name;
        pairs[spec->mock_header_count].parts = value.items;
        pairs[spec->mock_header_count].part_count = value.count;
        spec->mock_header_count++;
    }
    return TG_OK;
}

static enum tg_status
response_headers(struct tg_integration_spec *spec, struct tg_arena *arena,
    const struct tg_mapping_scope *scope, const json_t *response,
    const char *content_type, struct tg_error *err)
{
    json_t              *mappings
        = json_object_get(response, "responseParameters");
    struct tg_pair_spec *pairs = tg_arena_alloc(arena,
        (json_object_size(mappings) + 1) * sizeof *pairs);
    struct tg_parts      value;
    const char          *target, *name;
    enum tg_target_kind  kind;
    bool                 has_type = false;
    json_t              *source;
    enum tg_status       status = TG_OK;

    if (!pairs) {
        return TG_NOMEM;
    }
    spec->mock_headers = pairs;
    json_object_foreach(mappings, target, source) {
        if (tg_mapping_target(&kind, &name, TG_MAPPING_RESPONSE, target)
            || !json_is_string(source))
        {
            return tg_error_set(err, TG_INVALID,
                "\"%.100s\" is no header of the response", target);
        }
        status = tg_mapping_compile(&value, arena, scope,
            TG_MAPPING_RESPONSE, json_string_value(source), err);
        if (status == TG_OK) {
            status = add_header(spec, pairs, name, value);
        }
        if (status != TG_OK) {
            return status;
        }
        has_type = has_type || strcasecmp(name, "Content-Type") == 0;
    }
    if (!has_type) {
        struct tg_part_spec *part = tg_arena_alloc(arena, sizeof *part);

        if (!part) {
            return TG_NOMEM;
        }
        *part = (struct tg_part_spec) { TG_PART_LITERAL, content_type,
            strlen(content_type) };
        status = add_header(spec, pairs, "Content-Type",
            (struct tg_parts) { part, 1 });
    }
    return status;
}

enum tg_status
tg_mock_compile(struct tg_integration_spec *spec, struct tg_arena *arena,
    const struct tg_mapping_scope *scope, const json_t *integration,
    struct tg_error *err)
{
    const json_t   *response;
    const char     *text, *type;
    struct tg_parts body = { 0 };
    int             code = 0;
    enum tg_status  status;

    status = request_status(&code, arena, scope, integration, err);
    if (status == TG_OK) {
        status = tg_mock_response(&response,
            json_object_get(integration, "integrationResponses"), code, err);
    }
    if (status != TG_OK) {
        return status;
    }
    if (!response) {
        return tg_error_set(err, TG_INVALID, "no integration response is for "
            "status %d, and there is no default", code);
    }
    text = template_of(response, "responseTemplates", &type);
    if (text) {
        status = tg_mapping_template(&body, arena, scope, text, err);
    }
    if (status == TG_OK) {
        status = response_headers(spec, arena, scope, response, type, err);
    }
    code = atoi(json_string_value(json_object_get(response, "statusCode")));
    if (status == TG_OK && (code < 200 || code > 599)) {
        return tg_error_set(err, TG_INVALID,
            "%d cannot be the status of an answer", code);
    }
    spec->type = TG_INTEGRATION_MOCK;
    spec->status = (uint32_t) code;
    spec->mock_body = body.items;
    spec->mock_body_count = body.count;
    return status;
}
