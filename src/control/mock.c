/* SPDX-License-Identifier: Apache-2.0 */
#include "control/mock.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "control/responses.h"
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

/* ---- compiling ---- */

/*
 * The status that a request template gives.  Variables of a call are given a
 * stand-in, because only statusCode matters.
 */
static enum tg_status
known_status(uint32_t *out, const struct tg_parts *parts,
    struct tg_error *err)
{
    struct tg_buf  rendered;
    int            code = 0;
    enum tg_status status;

    tg_buf_init(&rendered, REQUEST_TEMPLATE_MAX);
    for (size_t i = 0; i < parts->count; i++) {
        if (parts->items[i].kind == TG_PART_LITERAL) {
            tg_buf_add(&rendered, parts->items[i].text, parts->items[i].len);
        } else {
            tg_buf_putc(&rendered, '_');
        }
    }
    status = rendered.status;
    if (status == TG_OK) {
        status = tg_mock_status(&code, rendered.len ? rendered.data : "",
            err);
    }
    tg_buf_clear(&rendered);
    *out = (uint32_t) code;
    return status;
}

static enum tg_status
compile_templates(struct tg_integration_spec *spec, struct tg_arena *arena,
    const struct tg_mapping_scope *scope, const json_t *integration,
    struct tg_error *err)
{
    json_t *templates = json_object_get(integration, "requestTemplates");
    struct tg_template_spec *list = tg_arena_alloc(arena,
        (json_object_size(templates) + 1) * sizeof *list);
    const char              *type;
    json_t                  *text;
    struct tg_parts          parts;
    enum tg_status           status = list ? TG_OK : TG_NOMEM;

    spec->templates = list;
    json_object_foreach(templates, type, text) {
        struct tg_template_spec *t = &list[spec->template_count++];

        if (status == TG_OK) {
            status = tg_mapping_template(&parts, arena, scope,
                json_string_value(text), err);
        }
        if (status == TG_OK) {
            *t = (struct tg_template_spec) { type, parts.items, parts.count,
                0 };
            status = known_status(&t->status, &parts, err);
        }
    }
    if (status == TG_OK && spec->template_count == 0) {
        return tg_error_set(err, TG_INVALID,
            "a MOCK needs a request template for application/json");
    }
    return status;
}

enum tg_status
tg_mock_compile(struct tg_integration_spec *spec, struct tg_arena *arena,
    const struct tg_mapping_scope *scope, const json_t *integration,
    struct tg_error *err)
{
    enum tg_status status = compile_templates(spec, arena, scope, integration,
        err);

    spec->type = TG_INTEGRATION_MOCK;
    return status == TG_OK
        ? tg_responses_compile(spec, arena, scope, integration, err)
        : status;
}
