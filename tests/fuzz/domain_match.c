/*
 * domain_match.c - custom domains with base paths, and calls that meet them
 *
 * Lines up to an empty one are "HOST PATH", a mapping each; the others are
 * "HOST PATH" of calls.  What tg_domain_find and tg_domain_map find by halving
 * is compared with what the rules say when every mapping is looked at.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plane/domains.h"
#include "util/percent.h"

#define LINES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t file_id[16];

struct line {
    char *host;
    char *path; /* "" where there is none */
};

/* Takes a line off the text; false at its end and at an empty line. */
static bool
take_line(const uint8_t **at, const uint8_t *end, struct line *line)
{
    const uint8_t *start = *at, *stop;
    char          *space;

    if (start >= end) {
        return false;
    }
    stop = memchr(start, '\n', (size_t) (end - start));
    if (stop == NULL) {
        stop = end;
    }
    *at = stop < end ? stop + 1 : end;
    if (stop == start) {
        return false;
    }
    line->host = strndup((const char *) start, (size_t) (stop - start));
    space = strchr(line->host, ' ');
    line->path = space != NULL ? space + 1 : strchr(line->host, '\0');
    if (space != NULL) {
        *space = '\0';
    }
    return true;
}

/* The request's path decoded, encoded slashes as NUL; where ends[i] is the
 * number of its bytes that the first i decoded ones stand for. */
static size_t
decode(const char *path, char *out, size_t *ends)
{
    size_t n = 0, at = 0, len = strlen(path);

    while (at < len) {
        int byte = tg_percent_byte(path + at, len - at);

        out[n] = byte < 0 ? path[at] : byte == '/' ? '\0' : (char) byte;
        at += byte < 0 ? 1 : TG_PERCENT_SIZE;
        ends[++n] = at;
    }
    return n;
}

/* The mapping that serves path, by the words of D2; NULL: none. */
static const struct line *
expected_mapping(const struct line *mappings, size_t count, const char *host,
    const char *path, size_t *taken)
{
    bool               is_multi_level = false;
    char              *text = malloc(strlen(path) + 1);
    size_t            *ends = calloc(strlen(path) + 1, sizeof(*ends));
    size_t             slash = path[0] == '/';
    size_t             n = decode(path + slash, text, ends);
    const struct line *best = NULL;

    for (size_t i = 0; i < count; i++) {
        is_multi_level = is_multi_level
            || (strcmp(mappings[i].host, host) == 0
                && strchr(mappings[i].path, '/') != NULL);
    }
    for (size_t i = 0; i < count; i++) {
        const char *own = mappings[i].path;
        size_t      len = strlen(own);

        if (strcmp(mappings[i].host, host) == 0 && len <= n
            && memcmp(own, text, len) == 0
            && (is_multi_level || len == 0 || len == n
                || path[slash + ends[len]] == '/')
            && (best == NULL || len > strlen(best->path)))
        {
            best = &mappings[i];
            *taken = len > 0 ? slash + ends[len] : 0;
        }
    }
    free(text);
    free(ends);
    return best;
}

/* The name of the domain for host, by the words of D1; NULL: none. */
static const char *
expected_domain(const struct line *mappings, size_t count, const char *host)
{
    const char *dot = strchr(host, '.'), *wild = NULL;

    for (size_t i = 0; i < count && host[0] != '*'; i++) {
        const char *name = mappings[i].host;

        if (strcasecmp(name, host) == 0) {
            return name;
        }
        if (name[0] == '*' && dot != NULL && dot > host
            && strcasecmp(name + 1, dot) == 0)
        {
            wild = name;
        }
    }
    return wild;
}

static void
call(const struct tg_routes *r, const struct line *mappings, size_t count,
    const struct line *line)
{
    size_t                         taken = 0, due = 0;
    const char                    *name;
    const struct line             *want;
    const struct tg_route_mapping *got;
    const struct tg_route_domain  *domain =
        tg_domain_find(r, line->host, strlen(line->host));

    name = expected_domain(mappings, count, line->host);
    assert((domain == NULL) == (name == NULL));
    if (domain == NULL) {
        return;
    }
    assert(strcmp(tg_route_str(r, domain->name), name) == 0);
    want = expected_mapping(mappings, count, name, line->path, &due);
    got = tg_domain_map(r, domain, line->path, strlen(line->path), &taken);
    assert((got == NULL) == (want == NULL));
    if (got != NULL) {
        assert(strcmp(tg_route_str(r, got->path), want->path) == 0);
        assert(taken == due && taken <= strlen(line->path));
    }
}

static void
add_mapping(struct tg_routes_builder *b, const struct line *lines, size_t i)
{
    static uint32_t domains[LINES_MAX];

    for (size_t k = 0; k <= i; k++) {
        if (k == i) {
            domains[i] = tg_routes_add_domain(b, lines[i].host);
        } else if (strcmp(lines[k].host, lines[i].host) == 0) {
            domains[i] = domains[k];
            break;
        }
    }
    tg_routes_add_mapping(b, domains[i], lines[i].path, "a", NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                    count = 0;
    const uint8_t            *at = data;
    struct line               lines[LINES_MAX], line;
    struct tg_buf             bytes;
    struct tg_error           err;
    struct tg_routes_builder *b = tg_routes_builder_new();

    (void) tg_routes_add_api(b, "a", false);
    while (count < LINES_MAX && take_line(&at, data + size, &lines[count])) {
        add_mapping(b, lines, count++);
    }
    tg_buf_init(&bytes, TG_ROUTES_SIZE_MAX);
    if (tg_routes_build(b, file_id, 1, &bytes, &err) == TG_OK) {
        struct tg_routes r = { (const void *) bytes.data,
            (const uint8_t *) bytes.data, bytes.len };

        while (take_line(&at, data + size, &line)) {
            call(&r, lines, count, &line);
            free(line.host);
        }
    }
    while (count > 0) {
        free(lines[--count].host);
    }
    tg_routes_builder_free(b);
    tg_buf_clear(&bytes);
    return 0;
}
