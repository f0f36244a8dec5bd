/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/mapping.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

static json_t                 *variables;
static struct tg_mapping_scope scope;
static struct tg_arena         arena;

static int
set_up(void **state)
{
    (void) state;
    variables = json_pack("{ssss}", "backend", "127.0.0.1:9001", "tenant",
        "acme");
    scope = (struct tg_mapping_scope) { variables, "d3pl0y", false, false };
    tg_arena_init(&arena);
    return 0;
}

static int
tear_down(void **state)
{
    (void) state;
    tg_arena_clear(&arena);
    json_decref(variables);
    return 0;
}

static void
sources_become_parts_or_are_refused(void **state)
{
    static const struct {
        enum tg_mapping_side side;
        const char          *source;
        enum tg_status       status;
        int                  kind; /* -1: no part */
        const char          *text;
    } rows[] = {
        { 0, "method.request.path.id", TG_OK, TG_PART_PATH, "id" },
        { 0, "method.request.querystring.q", TG_OK, TG_PART_QUERY, "q" },
        { 0, "method.request.multivaluequerystring.q", TG_OK,
            TG_PART_MULTIQUERY, "q" },
        { 0, "method.request.header.X-A", TG_OK, TG_PART_HEADER, "X-A" },
        { 0, "method.request.multivalueheader.X-A", TG_OK,
            TG_PART_MULTIHEADER, "X-A" },
        { 0, "'literal text'", TG_OK, TG_PART_LITERAL, "literal text" },
        { 0, "''", TG_OK, TG_PART_LITERAL, "" },
        { 0, "stageVariables.tenant", TG_OK, TG_PART_LITERAL, "acme" },
        { 0, "stageVariables.unset", TG_OK, -1, NULL },
        { 0, "context.stage", TG_OK, TG_PART_STAGE, NULL },
        { 0, "context.identity.apiKeyId", TG_OK, TG_PART_API_KEY_ID, NULL },
        { 0, "context.deploymentId", TG_OK, TG_PART_LITERAL, "d3pl0y" },
        { 0, "context.isCanaryRequest", TG_OK, TG_PART_LITERAL, "false" },
        { 0, "context.authorizer.claims", TG_OK, -1, NULL },
        { 0, "context.identity.apiKey", TG_DENIED, -1, NULL },
        { 0, "method.request.body", TG_OK, TG_PART_BODY, NULL },
        { 0, "method.request.body.a", TG_OK, TG_PART_BODY_TEXT, ".a" },
        { 0, "method.request.body.a[0].b", TG_OK, TG_PART_BODY_TEXT,
            ".a[0].b" },
        { 0, "method.request.body.a[*]", TG_DENIED, -1, NULL },
        { 0, "method.request.body.", TG_INVALID, -1, NULL },
        { 0, "method.request.bodyguard", TG_INVALID, -1, NULL },
        { 0, "method.request.body.a\rb", TG_INVALID, -1, NULL },
        { 0, "method.request.header.connection", TG_OK, -1, NULL },
        { 0, "method.request.multivalueheader.TE", TG_OK, -1, NULL },
        { 0, "context.error.message", TG_OK, -1, NULL },
        { 0, "method.request.header", TG_INVALID, -1, NULL },
        { 0, "method.request.header.", TG_INVALID, -1, NULL },
        { 0, "method.request.header.a b", TG_INVALID, -1, NULL },
        { 0, "method.request.cookie.a", TG_INVALID, -1, NULL },
        { 0, "context.nothing", TG_INVALID, -1, NULL },
        { 0, "context.", TG_INVALID, -1, NULL },
        { 0, "integration.response.header.a", TG_INVALID, -1, NULL },
        { 0, "'open", TG_INVALID, -1, NULL },
        { 0, "'a\r\nb'", TG_INVALID, -1, NULL },
        { 0, "", TG_INVALID, -1, NULL },
        { 1, "integration.response.header.a", TG_OK, TG_PART_REPLY_HEADER,
            "a" },
        { 1, "integration.response.multivalueheader.a", TG_OK,
            TG_PART_REPLY_MULTIHEADER, "a" },
        { 1, "integration.response.header.Connection", TG_OK,
            TG_PART_REPLY_HEADER, "Connection" },
        { 1, "integration.response.body", TG_OK, TG_PART_REPLY, NULL },
        { 1, "integration.response.body.a", TG_OK, TG_PART_REPLY_TEXT, ".a" },
        { 1, "integration.response.body..a", TG_DENIED, -1, NULL },
        { 2, "method.request.header.a", TG_OK, TG_PART_HEADER, "a" },
        { 2, "method.request.body.a", TG_INVALID, -1, NULL },
        { 2, "integration.response.header.a", TG_INVALID, -1, NULL },
        { 2, "context.error.message", TG_OK, TG_PART_ERROR_MESSAGE, NULL },
        { 2, "context.error.messageString", TG_OK,
            TG_PART_ERROR_MESSAGE_STRING, NULL },
        { 2, "context.error.responseType", TG_OK, TG_PART_ERROR_TYPE, NULL },
        { 2, "context.error.validationErrorString", TG_OK, -1, NULL },
        { 1, "method.request.header.a", TG_INVALID, -1, NULL },
        { 1, "'*'", TG_OK, TG_PART_LITERAL, "*" },
    };

    (void) state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tg_parts parts;
        struct tg_error err = { 0 };

        assert_int_equal(tg_mapping_compile(&parts, &arena, &scope,
                             rows[i].side, rows[i].source, &err),
            rows[i].status);
        /* M2 */
        assert_int_equal(tg_mapping_check(rows[i].side, rows[i].source, NULL),
            rows[i].status == TG_INVALID ? TG_INVALID : TG_OK);
        assert_int_equal(parts.count, rows[i].kind >= 0);
        if (rows[i].kind >= 0) {
            assert_int_equal(parts.items[0].kind, rows[i].kind);
        }
        if (rows[i].text) {
            assert_string_equal(parts.items[0].text, rows[i].text);
            assert_int_equal(parts.items[0].len, strlen(rows[i].text));
        }
    }
}

static void
targets_are_of_the_known_places(void **state)
{
    enum tg_target_kind kind;
    const char         *name;

    (void) state;
    assert_int_equal(tg_mapping_target(&kind, &name, TG_MAPPING_REQUEST,
                         "integration.request.querystring.q"), TG_OK);
    assert_int_equal(kind, TG_TARGET_QUERY);
    assert_string_equal(name, "q");
    assert_int_equal(tg_mapping_target(&kind, &name, TG_MAPPING_RESPONSE,
                         "method.response.header.Location"), TG_OK);
    assert_int_equal(tg_mapping_target(&kind, &name, TG_MAPPING_REQUEST,
                         "integration.request.header."), TG_INVALID);
    assert_int_equal(tg_mapping_target(&kind, &name, TG_MAPPING_REQUEST,
                         "method.response.header.a"), TG_INVALID);
}

static void
stage_variables_are_put_into_uris(void **state)
{
    (void) state;
    assert_string_equal(tg_mapping_substitute(&arena, &scope,
        "http://${stageVariables.backend}/o/{o}?v=2"),
        "http://127.0.0.1:9001/o/{o}?v=2");
    assert_string_equal(tg_mapping_substitute(&arena, &scope,
        "http://${stageVariables.none}/"), "http:///");
    assert_string_equal(tg_mapping_substitute(&arena, &scope,
        "${stageVariables.${stageVariables."),
        "${stageVariables.${stageVariables.");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_become_parts_or_are_refused),
        cmocka_unit_test(targets_are_of_the_known_places),
        cmocka_unit_test(stage_variables_are_put_into_uris),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
