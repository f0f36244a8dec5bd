/*
 * path_match.c - resource paths that build a tree, request paths that meet it
 *
 * Lines up to an empty one are resource paths, each with an integration;
 * the others are request paths.  A tree that was built passes the checks; a
 * match's captures lie inside the path, in order, and a greedy one ends it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plane/routes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t file_id[16];

/* Takes a line off the text; false at its end. */
static bool
take_line(const char **text, const char *end, const char **line, size_t *len)
{
    const char *stop;

    if (*text >= end) {
        return false;
    }
    stop = memchr(*text, '\n', (size_t) (end - *text));
    if (stop == NULL) {
        stop = end;
    }
    *line = *text;
    *len = (size_t) (stop - *text);
    *text = stop < end ? stop + 1 : end;
    return true;
}

static struct tg_routes_builder *
build_tree(const char **text, const char *end)
{
    size_t                     len;
    uint32_t                   stage, in;
    const char                *line;
    struct tg_routes_builder  *b = tg_routes_builder_new();
    struct tg_integration_spec none = { .type = TG_INTEGRATION_BROKEN,
        .verb = TG_VERB_ANY };

    stage = tg_routes_add_stage(b, tg_routes_add_api(b, "a", false), "s",
        "d");
    in = tg_routes_add_integration(b, &none);
    for (int i = 0; take_line(text, end, &line, &len) && len > 0; i++) {
        char    *path = strndup(line, len);
        uint32_t r = tg_routes_add_resource(b, stage, path, "r");

        tg_routes_add_method(b, r, &(struct tg_method_spec) {
            .verb = i % 2 ? TG_VERB_GET : TG_VERB_ANY,
            .is_key_required = true, .integration = in });
        free(path);
    }
    return b;
}

static void
match(const struct tg_routes *r, const char *path, size_t len)
{
    const char                  *at = path;
    struct tg_route_match        m;
    const struct tg_route_stage *stage =
        tg_routes_stage(r, tg_routes_api(r, "A", 1), "s", 1);

    if (tg_routes_match(r, stage, TG_VERB_GET, path, len, &m) != TG_OK) {
        return;
    }
    assert(m.method->verb == TG_VERB_GET || m.method->verb == TG_VERB_ANY);
    for (uint32_t i = 0; i < m.capture_count; i++) {
        assert(m.captures[i].value >= at && m.captures[i].len > 0);
        at = m.captures[i].value + m.captures[i].len;
        assert(at <= path + len);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                    len;
    const char               *line;
    const char               *text = (const char *) data;
    const char               *end = text + size;
    struct tg_buf             bytes;
    struct tg_error           err;
    struct tg_routes_builder *b = build_tree(&text, end);

    tg_buf_init(&bytes, TG_ROUTES_SIZE_MAX);
    if (tg_routes_build(b, file_id, 1, &bytes, &err) == TG_OK) {
        struct tg_routes r = { (const void *) bytes.data,
            (const uint8_t *) bytes.data, bytes.len };

        while (take_line(&text, end, &line, &len)) {
            match(&r, line, len);
        }
    }
    tg_routes_builder_free(b);
    tg_buf_clear(&bytes);
    return 0;
}
