/*
 * mapping.c - mapping expressions, templates, URIs and MOCK answers, fuzzed
 *
 * The first line is tried as an expression, the whole as a template, a URI
 * and a MOCK's request.  What the check lets through must compile (M2), and a
 * compiled literal must be able to stand in a header.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/mapping.h"
#include "control/mock.h"
#include "core/mock.h"
#include "control/proxy.h"
#include "control/template.h"
#include "control/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_expression(struct tg_arena *arena, const struct tg_mapping_scope *scope,
    char *text)
{
    struct tg_parts parts;
    char           *end = strchr(text, '\n');

    if (end != NULL) {
        *end = '\0';
    }
    for (int side = 0; side < 3; side++) {
        const enum tg_status checked = tg_mapping_check(side, text, NULL);
        const enum tg_status compiled = tg_mapping_compile(&parts, arena,
            scope, side, text, NULL);

        if ((checked == TG_INVALID) != (compiled == TG_INVALID)) {
            abort();
        }
        if (compiled == TG_OK && parts.count > 0
            && parts.items[0].text != NULL
            && strpbrk(parts.items[0].text, "\r\n") != NULL) {
            abort();
        }
    }
    if (end != NULL) {
        *end = '\n';
    }
}

/* What stands in a template's text comes out as it stood. */
static void
try_templates(struct tg_arena *arena, const struct tg_mapping_scope *scope,
    const char *text)
{
    struct tg_parts parts;

    for (int kind = 0; kind < 3; kind++) {
        size_t len = 0;

        if (tg_template_compile(&parts, arena, scope,
                (enum tg_template_kind) kind, "application/json", text,
                NULL) != TG_OK) {
            continue;
        }
        for (size_t i = 0; i < parts.count; i++) {
            if (parts.items[i].kind >= TG_PART_COUNT) {
                abort();
            }
            if (parts.items[i].kind == TG_PART_LITERAL) {
                len += parts.items[i].len;
            }
        }
        if (len > strlen(text)) {
            abort();
        }
    }
}

static void
try_proxy(struct tg_arena *arena, const struct tg_mapping_scope *scope,
    const char *text)
{
    struct tg_uri              uri;
    struct tg_integration_spec spec = {0};
    json_t *integration = json_pack("{ss s{ss}}", "uri", text,
        "requestParameters", "integration.request.path.a",
        "method.request.path.b");

    if (integration != NULL) { /* else no UTF-8 */
        (void) !tg_proxy_compile(&spec, &uri, arena, scope, integration,
            NULL);
    }
    json_decref(integration);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                     status;
    char                   *text = malloc(size + 1);
    json_t                 *variables = json_pack("{ss}", "a", "b");
    struct tg_arena         arena;
    struct tg_mapping_scope scope = {variables, "d3pl0y", false, false};

    if (text == NULL) {
        abort();
    }
    memcpy(text, data, size);
    text[size] = '\0';
    tg_arena_init(&arena);
    try_expression(&arena, &scope, text);
    try_templates(&arena, &scope, text);
    (void) !tg_uri_check(&arena, text, NULL);
    (void) !tg_mock_status(&status, text, NULL);
    try_proxy(&arena, &scope, text);
    tg_arena_clear(&arena);
    json_decref(variables);
    free(text);
    return 0;
}
