/*
 * routes.c - a routes file as a worker uses it: load, look up, match
 *
 * Matching walks a tree in which a node's depth is the number of segments
 * before it, so that backtracking meets no node twice: the work is bounded by
 * the nodes of the stage, and by MATCH_STEPS_MAX where somebody has built a
 * tree for the purpose.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "plane/routes.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plane/mapped.h"
#include "util/percent.h"

#define MATCH_STEPS_MAX 65536

static const char *const verb_names[TG_VERB_COUNT] = {
    [TG_VERB_GET] = "GET",
    [TG_VERB_POST] = "POST",
    [TG_VERB_PUT] = "PUT",
    [TG_VERB_DELETE] = "DELETE",
    [TG_VERB_PATCH] = "PATCH",
    [TG_VERB_HEAD] = "HEAD",
    [TG_VERB_OPTIONS] = "OPTIONS",
    [TG_VERB_ANY] = "ANY",
};

enum tg_verb
tg_verb_parse(const char *name, size_t len)
{
    for (int v = 0; v < TG_VERB_COUNT; v++) {
        if (strlen(verb_names[v]) == len
            && memcmp(verb_names[v], name, len) == 0)
        {
            return (enum tg_verb) v;
        }
    }
    return TG_VERB_COUNT;
}

const char *
tg_verb_name(enum tg_verb verb)
{
    return (unsigned) verb < TG_VERB_COUNT ? verb_names[verb] : "?";
}

/* ---- loading ---- */

static enum tg_status
read_all(int fd, uint8_t *out, size_t size)
{
    while (size > 0) {
        ssize_t n = read(fd, out, size);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return TG_IO;
        }
        out += n;
        size -= (size_t) n;
    }
    return TG_OK;
}

/* The file's bytes in memory of our own, aligned for every record. */
static enum tg_status
read_file(uint8_t **out, size_t *size, const char *path,
    struct tg_error *err)
{
    int            fd;
    struct stat    st;
    enum tg_status status;

    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return tg_error_errno(err, errno == ENOENT ? TG_NOTFOUND : TG_IO,
            "cannot open %s", path);
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)
        || st.st_size < (off_t) sizeof(struct tg_routes_header)
        || st.st_size > (off_t) TG_ROUTES_SIZE_MAX)
    {
        (void) close(fd);
        return tg_error_set(err, TG_CORRUPT,
            "%s is truncated, far too large or not a file", path);
    }
    *size = (size_t) st.st_size;
    *out = malloc(*size);
    if (*out == NULL) {
        (void) close(fd);
        return tg_error_set(err, TG_NOMEM, "out of memory for %s", path);
    }
    status = read_all(fd, *out, *size);
    if (status != TG_OK) {
        status = tg_error_errno(err, TG_IO, "cannot read %s", path);
        free(*out);
    }
    (void) close(fd);
    return status;
}

enum tg_status
tg_routes_load(struct tg_routes *out, const char *state_dir,
    const uint8_t file_id[16], uint64_t generation, struct tg_error *err)
{
    char            path[PATH_MAX];
    size_t          size = 0;
    uint8_t        *bytes = NULL;
    enum tg_status  status;
    struct tg_error why;

    memset(out, 0, sizeof(*out));
    status = tg_mapped_path(path, state_dir, "routes", generation, err);
    if (status == TG_OK) {
        status = read_file(&bytes, &size, path, err);
    }
    if (status != TG_OK) {
        return status;
    }
    status = tg_routes_check(bytes, size, file_id, generation, &why);
    if (status != TG_OK) {
        free(bytes);
        return tg_error_set(err, status, "%s is refused: %s", path,
            why.message);
    }
    out->header = (const struct tg_routes_header *) (const void *) bytes;
    out->base = bytes;
    out->size = size;
    return TG_OK;
}

void
tg_routes_unload(struct tg_routes *r)
{
    free((void *) (uintptr_t) r->base);
    memset(r, 0, sizeof(*r));
}

/* ---- looking up ---- */

static int
compare_nocase(const char *a, size_t a_len, const char *b, size_t b_len)
{
    /* Mostly it comes in the case in which it is known. */
    if (a_len == b_len && memcmp(a, b, a_len) == 0) {
        return 0;
    }
    for (size_t i = 0; i < a_len && i < b_len; i++) {
        int x = tg_ascii_lower((uint8_t) a[i]);
        int y = tg_ascii_lower((uint8_t) b[i]);

        if (x != y) {
            return x - y;
        }
    }
    return (a_len > b_len) - (a_len < b_len);
}

const struct tg_route_api *
tg_routes_api(const struct tg_routes *r, const char *id, size_t len)
{
    uint32_t                   low = 0, high = r->header->apis.count;
    const struct tg_route_api *apis = tg_route_items(r, r->header->apis);

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        int      order = compare_nocase(id, len,
            tg_route_str(r, apis[mid].id), apis[mid].id.len);

        if (order == 0) {
            return &apis[mid];
        }
        if (order < 0) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    return NULL;
}

const struct tg_route_stage *
tg_routes_stage(const struct tg_routes *r, const struct tg_route_api *api,
    const char *name, size_t len)
{
    const struct tg_route_stage *s = tg_route_items(r, api->stages);

    /* An API has at most a handful of stages. */
    for (uint32_t i = 0; i < api->stages.count; i++) {
        if (s[i].name.len == len
            && memcmp(tg_route_str(r, s[i].name), name, len) == 0)
        {
            return &s[i];
        }
    }
    return NULL;
}

const struct tg_route_plan *
tg_routes_stage_plan(const struct tg_routes *r,
    const struct tg_route_stage *stage, uint32_t number)
{
    uint32_t                    low = 0, high = stage->plans.count;
    const uint32_t             *indexes = tg_route_items(r, stage->plans);
    const struct tg_route_plan *plans = tg_route_items(r, r->header->plans);

    while (low < high) {
        uint32_t                    mid = low + (high - low) / 2;
        const struct tg_route_plan *plan = &plans[indexes[mid]];

        if (plan->number == number) {
            return plan;
        }
        if (number < plan->number) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    return NULL;
}

const struct tg_bucket_limit *
tg_routes_method_throttle(const struct tg_routes *r,
    const struct tg_route_plan *plan, const struct tg_route_method *method)
{
    uint32_t low = 0, high = plan->methods.count;
    const struct tg_route_method_throttle *items =
        tg_route_items(r, plan->methods);

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (items[mid].method == method->identity) {
            return &items[mid].limit;
        }
        if (method->identity < items[mid].method) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    return plan->has_every_method ? &plan->every_method : NULL;
}

/* ---- matching ---- */

struct walk {
    const struct tg_routes     *r;
    const struct tg_route_node *nodes;
    struct tg_route_match      *out;
    const char                 *path;
    size_t                      end; /* of the path, without the last slash */
    uint32_t                    count; /* of segments */
    unsigned                    steps;
    uint32_t                    starts[TG_ROUTE_DEPTH_MAX + 2];
};

/* The next byte of a segment, decoded; a stray % stands for itself. */
static int
next_byte(const char *text, size_t len, size_t *at)
{
    int byte = tg_percent_byte(text + *at, len - *at);

    if (byte >= 0) {
        *at += TG_PERCENT_SIZE;
        return byte;
    }
    return (uint8_t) text[(*at)++];
}

/* Order of a segment as it was sent, once decoded, and one of the tree. */
static int
compare_segment(const char *sent, size_t sent_len, const char *own,
    size_t own_len)
{
    size_t at = 0;

    for (size_t i = 0; i < own_len; i++) {
        int c;

        if (at == sent_len) {
            return -1;
        }
        c = next_byte(sent, sent_len, &at);
        if (c != (uint8_t) own[i]) {
            return c - (uint8_t) own[i];
        }
    }
    return at < sent_len;
}

static const char *
segment_at(const struct walk *w, uint32_t i, size_t *len)
{
    size_t end = i + 1 < w->count ? w->starts[i + 1] - 1 : w->end;

    *len = end - w->starts[i];
    return w->path + w->starts[i];
}

static const struct tg_route_node *
static_child(const struct walk *w, const struct tg_route_node *node,
    const char *segment, size_t len)
{
    uint32_t        low = 0, high = node->children.count;
    const uint32_t *kids = tg_route_items(w->r, node->children);

    while (low < high) {
        uint32_t                    mid = low + (high - low) / 2;
        const struct tg_route_node *kid = &w->nodes[kids[mid]];
        int                         order = compare_segment(segment, len,
            tg_route_str(w->r, kid->segment), kid->segment.len);

        if (order == 0) {
            return kid;
        }
        if (order < 0) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    return NULL;
}

static void
capture(struct walk *w, const struct tg_route_node *node, const char *value,
    size_t len)
{
    struct tg_route_capture *c = &w->out->captures[w->out->capture_count++];

    c->node = node;
    c->value = value;
    c->len = len;
}

/*
 * Segments from i on against what stands below node; a resource is there
 * when it has methods, whichever they are.  Recursion ends with the tree:
 * TG_ROUTE_DEPTH_MAX.
 */
static enum tg_status
descend(struct walk *w, const struct tg_route_node *node, uint32_t i)
{
    size_t                      len;
    const char                 *segment;
    uint32_t                    captures = w->out->capture_count;
    enum tg_status              status;
    const struct tg_route_node *next;

    if (++w->steps > MATCH_STEPS_MAX) {
        return TG_LIMIT;
    }
    if (i == w->count) {
        if (node->methods.count == 0) {
            return TG_NOTFOUND;
        }
        w->out->node = node;
        return TG_OK;
    }
    if (i > TG_ROUTE_DEPTH_MAX) {
        return TG_NOTFOUND;
    }
    segment = segment_at(w, i, &len);
    next = static_child(w, node, segment, len);
    if (next != NULL && (status = descend(w, next, i + 1)) != TG_NOTFOUND) {
        return status;
    }
    if (node->param != TG_ROUTE_NONE && len > 0) {
        next = &w->nodes[node->param];
        capture(w, next, segment, len);
        status = descend(w, next, i + 1);
        if (status != TG_NOTFOUND) {
            return status;
        }
        w->out->capture_count = captures;
    }
    if (node->greedy != TG_ROUTE_NONE && w->starts[i] < w->end
        && w->nodes[node->greedy].methods.count > 0)
    {
        next = &w->nodes[node->greedy];
        capture(w, next, segment, w->end - w->starts[i]);
        w->out->node = next;
        return TG_OK;
    }
    return TG_NOTFOUND;
}

/*
 * Notes where the first segments start (no tree goes deeper) and counts all
 * of them.
 */
static enum tg_status
split(struct walk *w, const char *path, size_t len)
{
    size_t at = len > 0 && path[0] == '/' ? 1 : 0;

    if (len > 1 && path[len - 1] == '/') {
        len--; /* one trailing slash */
    }
    w->path = path;
    w->end = len;
    w->count = 0;
    while (at < len || (at == len && w->count > 0)) {
        const char *slash = memchr(path + at, '/', len - at);

        if (w->count == TG_ROUTE_SEGMENTS_MAX) {
            return TG_LIMIT;
        }
        if (w->count < sizeof(w->starts) / sizeof(w->starts[0])) {
            w->starts[w->count] = (uint32_t) at;
        }
        w->count++;
        if (slash == NULL) {
            break;
        }
        at = (size_t) (slash - path) + 1;
    }
    return TG_OK;
}

static const struct tg_route_method *
method_of(const struct tg_routes *r, const struct tg_route_node *node,
    enum tg_verb verb)
{
    const struct tg_route_method *m = tg_route_items(r, node->methods);

    for (uint32_t i = 0; i < node->methods.count; i++) {
        if (m[i].verb == verb || m[i].verb == TG_VERB_ANY) {
            return &m[i]; /* ANY is the last one */
        }
    }
    return NULL;
}

enum tg_status
tg_routes_match(const struct tg_routes *r, const struct tg_route_stage *stage,
    enum tg_verb verb, const char *path, size_t len,
    struct tg_route_match *out)
{
    enum tg_status status;
    struct walk    w;

    out->node = NULL;
    out->method = NULL;
    out->capture_count = 0;
    w.r = r;
    w.nodes = tg_route_items(r, r->header->nodes);
    w.out = out;
    w.steps = 0;
    if (len > UINT32_MAX || (unsigned) verb >= TG_VERB_COUNT) {
        return len > UINT32_MAX ? TG_LIMIT : TG_NOTFOUND;
    }
    status = split(&w, path, len);
    if (status == TG_OK) {
        status = descend(&w, &w.nodes[stage->root], 0);
    }
    if (status != TG_OK) {
        return status;
    }
    out->method = method_of(r, out->node, verb);
    return out->method != NULL ? TG_OK : TG_NOTFOUND;
}
