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
#include "control/proxy.h"
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
    for (int side = 0; side < 2; side++) {
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
    struct tg_parts         parts;
    struct tg_mapping_scope scope = {variables, "d3pl0y", false};

    if (text == NULL) {
        abort();
    }
    memcpy(text, data, size);
    text[size] = '\0';
    tg_arena_init(&arena);
    try_expression(&arena, &scope, text);
    (void) !tg_mapping_template(&parts, &arena, &scope, text, NULL);
    (void) !tg_uri_check(&arena, text, NULL);
    (void) !tg_mock_status(&status, text, NULL);
    try_proxy(&arena, &scope, text);
    tg_arena_clear(&arena);
    json_decref(variables);
    free(text);
    return 0;
}
