/* SPDX-License-Identifier: Apache-2.0 */
#include "control/proxy.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/buf.h"
#include "util/percent.h"

#define PARTS_MAX 200 /* of one path or query value */

struct compiler {
    struct tg_arena               *arena;
    const struct tg_mapping_scope *scope;
    const json_t                  *mappings; /* requestParameters */
    struct tg_error               *err;
};

/* A constant as it stands in a path: what is not a path character encoded. */
static const char *
path_encode(struct tg_arena *arena, const char *text, size_t len)
{
    struct tg_buf out;
    const char   *copy = NULL;

    tg_buf_init(&out, TG_PERCENT_SIZE * len);
    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (tg_percent_is_plain(c) || (c && strchr("/:@!$&'()*+,;=", c))) {
            (void) tg_buf_putc(&out, c);
        } else {
            (void) tg_percent_add(&out, c);
        }
    }
    if (out.status == TG_OK) {
        copy = tg_arena_dup(arena, out.data, out.len);
    }
    tg_buf_clear(&out);
    return copy;
}

/* Undoes percent-encoding, which tg_uri_parse has checked; in place. */
static size_t
decode(char *text, size_t len)
{
    size_t to = 0;

    for (size_t i = 0; i < len; i++) {
        int byte = tg_percent_byte(text + i, len - i);

        if (byte >= 0) {
            text[to++] = (char) byte;
            i += TG_PERCENT_SIZE - 1;
        } else {
            text[to++] = text[i] == '+' ? ' ' : text[i];
        }
    }
    text[to] = '\0';
    return to;
}

/* The parts that {name} stands for (Y1). */
static enum tg_status
variable_parts(struct tg_parts *out, const struct compiler *c,
    const char *name, size_t len)
{
    char          key[300];
    const char   *source = NULL;

    if (len < 200) {
        snprintf(key, sizeof key, "integration.request.path.%.*s", (int) len,
            name);
        source = json_string_value(json_object_get(c->mappings, key));
    }
    if (!source) {
        return tg_error_set(c->err, TG_INVALID,
            "{%.*s} of the URI has no mapping", (int) (len < 60 ? len : 60),
            name);
    }
    return tg_mapping_compile(out, c->arena, c->scope, TG_MAPPING_REQUEST,
        source, c->err);
}

/*
 * Splits text at its {name}s.  Literal parts stay as on the wire in a path,
 * and are decoded in a query value, which the gateway encodes as a whole.
 */
static enum tg_status
split(struct tg_parts *out, const struct compiler *c, const char *text,
    size_t len, bool is_path)
{
    struct tg_part_spec *parts
        = tg_arena_alloc(c->arena, PARTS_MAX * sizeof *parts);
    const char          *end = text + len;
    struct tg_parts      value;
    enum tg_status       status;

    *out = (struct tg_parts) { parts, 0 };
    while (parts && text < end) {
        size_t plain = 0;

        while (text + plain < end && text[plain] != '{'
            && text[plain] != '}')
        {
            plain++;
        }
        if (out->count + 2 > PARTS_MAX) {
            return tg_error_set(c->err, TG_LIMIT,
                "the URI has too many variables");
        }
        if (plain) {
            char *copy = tg_arena_dup(c->arena, text, plain);

            if (!copy) {
                return TG_NOMEM;
            }
            parts[out->count++] = (struct tg_part_spec) {
                .kind = TG_PART_LITERAL, .text = copy,
                .len = is_path ? plain : decode(copy, plain) };
            text += plain;
            continue;
        }
        for (plain = 1; text + plain < end && text[plain] != '}'
             && text[plain] != '{'; plain++)
        {
        }
        if (*text != '{' || text + plain >= end || text[plain] != '}') {
            return tg_error_set(c->err, TG_INVALID,
                "the URI has a brace without its partner");
        }
        status = variable_parts(&value, c, text + 1, plain - 1);
        if (status != TG_OK) {
            return status;
        }
        if (value.count) {
            parts[out->count] = value.items[0];
            if (is_path && value.items[0].kind == TG_PART_LITERAL) {
                parts[out->count].text = path_encode(c->arena,
                    value.items[0].text, value.items[0].len);
                if (!parts[out->count].text) {
                    return TG_NOMEM;
                }
                parts[out->count].len = strlen(parts[out->count].text);
            }
            out->count++;
        }
        text += plain + 1;
    }
    return parts ? TG_OK : TG_NOMEM;
}

/* ---- mapped headers and query parameters ---- */

static bool
is_header_of(const char *const *names, const char *name)
{
    while (*names && strcasecmp(*names, name) != 0) {
        names++;
    }
    return *names != NULL;
}

/* Headers that a mapping may not set (Y2). */
static const char *const protected_headers[] = { "Connection",
    "Content-Length", "Keep-Alive", "Proxy-Connection", "Trailer",
    "Transfer-Encoding", "Upgrade", "X-Amzn-Apigateway-Api-Id",
    "X-Amzn-Trace-Id", NULL };

/* Those that Amazon drops after the mappings. */
static const char *const unsent_headers[] = { "Expect", "Proxy-Authenticate",
    "TE", NULL };

static void
add_pair(struct tg_pair_spec *pairs, size_t *count, const char *name,
    struct tg_parts value)
{
    if (value.count) {
        pairs[(*count)++]
            = (struct tg_pair_spec) { name, value.items, value.count };
    }
}

static enum tg_status
compile_mappings(struct tg_integration_spec *spec, const struct compiler *c,
    struct tg_pair_spec *headers, struct tg_pair_spec *queries)
{
    const char         *target, *name;
    json_t             *source;
    enum tg_target_kind kind;
    struct tg_parts     value;
    enum tg_status      status;

    json_object_foreach((json_t *) c->mappings, target, source) {
        status = tg_mapping_target(&kind, &name, TG_MAPPING_REQUEST, target);
        if (status != TG_OK) {
            return tg_error_set(c->err, TG_INVALID,
                "\"%.100s\" is no target of a mapping", target);
        }
        if (kind == TG_TARGET_PATH) {
            continue;
        }
        status = tg_mapping_compile(&value, c->arena, c->scope,
            TG_MAPPING_REQUEST, json_string_value(source), c->err);
        if (status != TG_OK) {
            return status;
        }
        if (kind == TG_TARGET_QUERY) {
            add_pair(queries, &spec->query_count, name, value);
        } else if (is_header_of(protected_headers, name)) {
            return tg_error_set(c->err, TG_DENIED,
                "a mapping may not set the header %.100s", name);
        } else if (!is_header_of(unsent_headers, name)) {
            add_pair(headers, &spec->header_count, name, value);
        }
    }
    return TG_OK;
}

/*
 * The URI's own query: constant parameters stay one text; those with a
 * variable join the mapped ones.
 */
static enum tg_status
compile_query(struct tg_integration_spec *spec, const struct compiler *c,
    const char *query, struct tg_pair_spec *queries)
{
    struct tg_parts value;
    char           *fixed = tg_arena_alloc(c->arena, strlen(query) + 1);
    size_t          len = 0;
    enum tg_status  status = fixed ? TG_OK : TG_NOMEM;

    while (status == TG_OK && *query) {
        size_t      all = strcspn(query, "&");
        size_t      name = strcspn(query, "=&");
        const char *brace = memchr(query, '{', all);

        if (brace && name < all && brace > query + name) {
            char *copy = tg_arena_dup(c->arena, query, name);

            if (!copy) {
                return TG_NOMEM;
            }
            decode(copy, name);
            status = split(&value, c, query + name + 1, all - name - 1,
                false);
            add_pair(queries, &spec->query_count, copy, value);
        } else if (brace || memchr(query, '}', all)) {
            return tg_error_set(c->err, TG_INVALID,
                "a variable may not name a query parameter");
        } else if (all) {
            if (len) {
                fixed[len++] = '&';
            }
            memcpy(fixed + len, query, all);
            len += all;
        }
        query += all + (query[all] == '&');
    }
    spec->query = len ? fixed : NULL;
    return status;
}

static bool
pairs_read_body(const struct tg_pair_spec *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (tg_parts_read_body(pairs[i].parts, pairs[i].part_count)) {
            return true;
        }
    }
    return false;
}

static bool
reads_body(const struct tg_integration_spec *spec)
{
    return tg_parts_read_body(spec->path, spec->path_count)
        || pairs_read_body(spec->headers, spec->header_count)
        || pairs_read_body(spec->queries, spec->query_count);
}

static size_t
count_of(const char *text, char wanted)
{
    size_t count = 1;

    for (; *text; text++) {
        count += *text == wanted;
    }
    return count;
}

enum tg_status
tg_proxy_compile(struct tg_integration_spec *spec, struct tg_uri *uri,
    struct tg_arena *arena, const struct tg_mapping_scope *scope,
    const json_t *integration, struct tg_error *err)
{
    struct compiler c = { arena, scope,
        json_object_get(integration, "requestParameters"), err };
    const char *text = json_string_value(json_object_get(integration, "uri"));
    struct tg_pair_spec *headers, *queries;
    struct tg_parts      path;
    size_t               count = json_object_size(c.mappings) + 1;
    enum tg_status       status;

    text = text ? tg_mapping_substitute(arena, scope, text) : "";
    status = text ? tg_uri_parse(uri, arena, text, err) : TG_NOMEM;
    if (status != TG_OK) {
        return status;
    }
    headers = tg_arena_alloc(arena, count * sizeof *headers);
    queries = tg_arena_alloc(arena,
        (count + count_of(uri->query ? uri->query : "", '&'))
            * sizeof *queries);
    if (!headers || !queries) {
        return TG_NOMEM;
    }
    spec->headers = headers;
    spec->queries = queries;
    status = split(&path, &c, uri->path, strlen(uri->path), true);
    if (status == TG_OK && uri->query) {
        status = compile_query(spec, &c, uri->query, queries);
    }
    if (status == TG_OK) {
        status = compile_mappings(spec, &c, headers, queries);
    }
    spec->path = path.items;
    spec->path_count = path.count;
    spec->reads_body = status == TG_OK && reads_body(spec);
    return status;
}
