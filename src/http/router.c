/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "http/http.h"

struct match {
    const struct tg_http_request *req;
    struct tg_http_param         *params; /* room for one a segment */
    size_t                        count;
    bool                          no_memory;
};

/* The raw path from segment n on, without the slash before it. */
static const char *
raw_rest(const struct tg_http_request *req, size_t n)
{
    const char *p = req->path + 1;

    while (n-- > 0) {
        p += strcspn(p, "/");
        p += *p == '/';
    }
    return p;
}

static void
bind_param(struct match *m, const char *name, size_t name_len,
    const char *value)
{
    struct tg_http_param *param = &m->params[m->count++];

    param->name = tg_arena_dup(m->req->arena, name, name_len);
    param->value = value;
    m->no_memory |= param->name == NULL;
}

/* One segment of the pattern against segment n; *greedy: and all behind. */
static bool
match_segment(struct match *m, const char *pattern, size_t len, size_t n,
    bool *greedy)
{
    const char *segment = m->req->segments[n];

    *greedy = false;
    if (len < 3 || pattern[0] != '{' || pattern[len - 1] != '}') {
        return strlen(segment) == len && memcmp(segment, pattern, len) == 0;
    }
    if (pattern[len - 2] == '+') {
        *greedy = true;
        bind_param(m, pattern + 1, len - 3, raw_rest(m->req, n));
        return true;
    }
    bind_param(m, pattern + 1, len - 2, segment);
    return *segment != '\0';
}

static bool
match_path(struct match *m, const char *pattern)
{
    bool   greedy;
    size_t n = 0;

    m->count = 0;
    if (pattern[1] == '\0' || pattern[1] == '?') {
        return m->req->segment_count == 0;
    }
    while (*pattern == '/') {
        size_t len = strcspn(++pattern, "/?");

        if (n == m->req->segment_count
            || !match_segment(m, pattern, len, n, &greedy))
        {
            return false;
        }
        if (greedy) {
            return true;
        }
        n++;
        pattern += len;
    }
    return n == m->req->segment_count;
}

/* Whether the query holds every name=value behind the pattern's '?'. */
static bool
match_query(const struct tg_http_request *req, const char *pattern)
{
    const char *p = strchr(pattern, '?');

    while (p != NULL && *p != '\0') {
        const char *equals;
        size_t      len = strcspn(++p, "&");
        bool        found = false;

        equals = memchr(p, '=', len);
        for (size_t i = 0; i < req->params.count && equals != NULL; i++) {
            const struct tg_http_param *param = &req->params.items[i];
            size_t name_len = (size_t) (equals - p);
            size_t value_len = len - name_len - 1;

            found |= strlen(param->name) == name_len
                     && strncmp(param->name, p, name_len) == 0
                     && strlen(param->value) == value_len
                     && strncmp(param->value, equals + 1, value_len) == 0;
        }
        if (!found) {
            return false;
        }
        p += len;
    }
    return true;
}

static bool
match_target(const struct tg_http_request *req, const char *amz_target)
{
    const char *value;

    if (amz_target == NULL) {
        return true;
    }
    value = tg_http_header_get(req, "x-amz-target");
    return value != NULL && strcmp(value, amz_target) == 0;
}

enum tg_status
tg_http_route_find(struct tg_http_request *req,
    const struct tg_http_route *routes, size_t count)
{
    bool         path_fits = false;
    struct match m = { req, NULL, 0, false };

    m.params = tg_arena_alloc(req->arena,
        (req->segment_count + 1) * sizeof(*m.params));
    if (m.params == NULL) {
        return TG_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        const struct tg_http_route *route = &routes[i];

        if (!match_path(&m, route->pattern)
            || !match_query(req, route->pattern)
            || !match_target(req, route->amz_target))
        {
            continue;
        }
        path_fits = true;
        if (strcmp(req->method, route->method) == 0) {
            req->route = route;
            req->path_params.items = m.params;
            req->path_params.count = m.count;
            return m.no_memory ? TG_NOMEM : TG_OK;
        }
    }
    return path_fits ? TG_DENIED : TG_NOTFOUND;
}
