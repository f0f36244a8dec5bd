/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/mock.h"
#include "control/responses.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

static void
the_pattern_that_matches_comes_before_the_default(void **state)
{
    static const struct {
        unsigned status, code;
    } rows[] = { { 503, 500 }, { 302, 200 }, { 100, 200 }, { 404, 400 },
        { 599, 500 } };
    struct tg_mapping_scope    scope = { NULL, "d", false, false };
    struct tg_integration_spec spec = { 0 };
    struct tg_arena            arena;
    json_t *mock = json_loads("{\"integrationResponses\": {"
        "\"500\": {\"statusCode\": \"500\", \"selectionPattern\": \"5..\"},"
        "\"200\": {\"statusCode\": \"200\"},"
        "\"400\": {\"statusCode\": \"400\", \"selectionPattern\": \"4..\"}}}",
        0, NULL);

    (void) state;
    tg_arena_init(&arena);
    assert_int_equal(tg_responses_compile(&spec, &arena, &scope, mock, NULL),
        TG_OK);
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned n = spec.choice[rows[i].status - TG_ROUTE_STATUS_FIRST];

        assert_int_not_equal(n, 0);
        assert_int_equal(spec.responses[n - 1].status, rows[i].code);
    }
    json_object_del(json_object_get(mock, "integrationResponses"), "200");
    spec = (struct tg_integration_spec) { 0 };
    assert_int_equal(tg_responses_compile(&spec, &arena, &scope, mock, NULL),
        TG_OK);
    assert_int_equal(spec.choice[302 - TG_ROUTE_STATUS_FIRST], 0);
    tg_arena_clear(&arena);
    json_decref(mock);
}

/* I2, X1 */
static void
a_pattern_that_explodes_breaks_the_integration(void **state)
{
    struct tg_mapping_scope    scope = { NULL, "d", false, false };
    struct tg_integration_spec spec = { 0 };
    struct tg_arena            arena;
    struct tg_error            err = { 0 };
    char    wide[60 * 3 + 5] = "";
    json_t *mock;

    (void) state;
    for (size_t i = 0; i < 60; i++) {
        strcat(wide, "\\d*");
    }
    strcat(wide, "[xy]");
    mock = json_pack("{s{s{ss ss}}}", "integrationResponses", "200",
        "statusCode", "200", "selectionPattern", wide);
    tg_arena_init(&arena);
    assert_int_equal(tg_responses_compile(&spec, &arena, &scope, mock, &err),
        TG_LIMIT);
    assert_non_null(strstr(err.message, "too much work"));
    tg_arena_clear(&arena);
    json_decref(mock);
}

static void
a_mock_is_compiled_or_broken(void **state)
{
    static const struct {
        const char    *text;
        enum tg_status status;
        uint32_t       known; /* 0: by the call */
    } rows[] = {
        { "{\"statusCode\": 200, \"of\": \"$context.stage\"}", TG_OK, 200 },
        { "$input.body", TG_OK, 0 },
        { "{statusCode: $input.params('code')}", TG_OK, 0 },
        { "{\"statuscode\": 200}", TG_INVALID, 0 },
        { "#set($a = 1)", TG_DENIED, 0 },
    };
    struct tg_mapping_scope    scope = { NULL, "d", false, false };
    struct tg_integration_spec spec = { 0 };
    struct tg_arena            arena;
    struct tg_error            err = { 0 };
    json_t *mock = json_loads("{\"requestTemplates\": {\"application/json\":"
        "\"{\\\"statusCode\\\": 204}\"}, \"integrationResponses\": {"
        "\"204\": {\"statusCode\": \"204\", \"responseParameters\": {"
        "\"method.response.header.Access-Control-Allow-Origin\": \"'*'\","
        "\"method.response.header.X\": \"integration.response.header.Y\"},"
        "\"responseTemplates\": {\"text/plain\": \"on $context.stage\"}}}}",
        0, NULL);

    (void) state;
    tg_arena_init(&arena);
    assert_int_equal(tg_mock_compile(&spec, &arena, &scope, mock, &err),
        TG_OK);
    assert_int_equal(spec.type, TG_INTEGRATION_MOCK);
    assert_int_equal(spec.templates[0].status, 204);
    assert_int_equal(spec.response_count, 1);
    assert_int_equal(spec.responses[0].status, 204);
    assert_string_equal(spec.responses[0].headers[0].name,
        "Access-Control-Allow-Origin");
    assert_string_equal(spec.responses[0].templates[0].type, "text/plain");
    assert_int_equal(spec.responses[0].templates[0].part_count, 2);

    /* What depends on the call is asked for then. */
    for (size_t i = 0; i < COUNT(rows); i++) {
        spec = (struct tg_integration_spec) { 0 };
        json_object_set_new(json_object_get(mock, "requestTemplates"),
            "application/json", json_string(rows[i].text));
        assert_int_equal(tg_mock_compile(&spec, &arena, &scope, mock, &err),
            rows[i].status);
        if (rows[i].status == TG_OK) {
            assert_int_equal(spec.templates[0].status, rows[i].known);
        }
    }
    spec = (struct tg_integration_spec) { 0 };
    json_object_del(mock, "requestTemplates");
    assert_int_equal(tg_mock_compile(&spec, &arena, &scope, mock, &err),
        TG_OK);
    assert_int_equal(spec.template_count, 0);
    json_decref(mock);
    tg_arena_clear(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pattern_that_matches_comes_before_the_default),
        cmocka_unit_test(a_pattern_that_explodes_breaks_the_integration),
        cmocka_unit_test(a_mock_is_compiled_or_broken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
