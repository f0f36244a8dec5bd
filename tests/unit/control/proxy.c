/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/proxy.h"

static json_t *integrations; /* the names in a spec point into them */

static const char *
shown(struct tg_arena *arena, const struct tg_part_spec *parts, size_t count)
{
    char *text = tg_arena_strdup(arena, "");

    for (size_t i = 0; i < count; i++) {
        text = tg_arena_printf(arena,
            parts[i].kind == TG_PART_LITERAL ? "%s%s" : "%s<%s>", text,
            parts[i].text ? parts[i].text : "");
    }
    return text;
}

static enum tg_status
compile(struct tg_integration_spec *spec, struct tg_uri *uri,
    struct tg_arena *arena, const char *json, struct tg_error *err)
{
    json_t *variables = json_pack("{ssss}", "backend", "127.0.0.1:9001",
        "version", "1 a");
    struct tg_mapping_scope scope = { variables, "d", false, false };
    json_t        *integration = json_loads(json, 0, NULL);
    enum tg_status status;

    assert_int_equal(json_array_append_new(integrations, integration), 0);
    memset(spec, 0, sizeof *spec);
    status = tg_proxy_compile(spec, uri, arena, &scope, integration, err);
    json_decref(variables);
    return status;
}

static void
a_uri_is_split_into_parts(void **state)
{
    struct tg_integration_spec spec;
    struct tg_uri              uri;
    struct tg_arena            arena;
    struct tg_error            err = { 0 };

    (void) state;
    tg_arena_init(&arena);
    assert_int_equal(compile(&spec, &uri, &arena,
        "{\"uri\": \"http://${stageVariables.backend}/o/{o}/v{v}?v=2&q={o}"
        "&c%20d={v}\","
        "\"requestParameters\": {"
        "\"integration.request.path.o\": \"method.request.path.order\","
        "\"integration.request.path.v\": \"stageVariables.version\","
        "\"integration.request.header.X-A\": \"'a'\","
        "\"integration.request.header.X-B\": \"stageVariables.none\","
        "\"integration.request.querystring.s\":"
        "  \"method.request.querystring.since\"}}", &err), TG_OK);
    assert_string_equal(uri.host, "127.0.0.1");
    assert_int_equal(uri.port, 9001);
    assert_string_equal(shown(&arena, spec.path, spec.path_count),
        "/o/<order>/v1%20a");
    assert_string_equal(spec.query, "v=2");
    assert_int_equal(spec.query_count, 3);
    assert_string_equal(spec.queries[0].name, "q");
    assert_string_equal(spec.queries[1].name, "c d");
    assert_string_equal(shown(&arena, spec.queries[1].parts,
        spec.queries[1].part_count), "1 a");
    assert_string_equal(spec.queries[2].name, "s");
    assert_int_equal(spec.header_count, 1);
    assert_string_equal(spec.headers[0].name, "X-A");
    tg_arena_clear(&arena);
}

static void
what_cannot_work_is_refused_with_a_reason(void **state)
{
    static const char *const rows[] = {
        "{}",
        "{\"uri\": \"http://${stageVariables.none}/\"}",
        "{\"uri\": \"http://h/{a}\"}", /* Y1 */
        "{\"uri\": \"http://h/{a\"}",
        "{\"uri\": \"http://h/a}\"}",
        "{\"uri\": \"http://h/{a{b}}\"}",
        "{\"uri\": \"http://h/?{a}=b\"}",
        "{\"uri\": \"http://{h}/\"}",
        "{\"uri\": \"http://h/\", \"requestParameters\": "
        "{\"integration.request.header.content-length\": \"'1'\"}}", /* Y2 */
        "{\"uri\": \"http://h/\", \"requestParameters\": "
        "{\"integration.request.header.X\": \"method.request.body.a[*]\"}}",
    };
    struct tg_integration_spec spec;
    struct tg_uri              uri;
    struct tg_arena            arena;

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tg_error err = { 0 };
        enum tg_status  status;

        tg_arena_init(&arena);
        status = compile(&spec, &uri, &arena, rows[i], &err);
        assert_true(status == TG_INVALID || status == TG_DENIED);
        assert_true(err.message[0] != '\0');
        tg_arena_clear(&arena);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_uri_is_split_into_parts),
        cmocka_unit_test(what_cannot_work_is_refused_with_a_reason),
    };

    int failed;

    integrations = json_array();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(integrations);
    return failed;
}
