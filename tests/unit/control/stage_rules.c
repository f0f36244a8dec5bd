/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/stage_rules.h"

static struct tg_arena arena;

static int
set_up(void **state)
{
    (void) state;
    tg_arena_init(&arena);
    return 0;
}

static int
tear_down(void **state)
{
    (void) state;
    tg_arena_clear(&arena);
    return 0;
}

static json_t *
json(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);

    assert_non_null(value);
    return value;
}

static void
a_validator_of_parameters_asks_for_them_in_order(void **state)
{
    json_t *parts = json("{\"requestvalidator\": {"
        "\"v1\": {\"validateRequestParameters\": true,"
        " \"validateRequestBody\": false},"
        "\"v2\": {\"validateRequestParameters\": false,"
        " \"validateRequestBody\": true}}}");
    json_t *method = json("{\"requestValidatorId\": \"v1\","
        "\"requestParameters\": {"
        "\"method.request.querystring.q\": true,"
        "\"method.request.querystring.r\": false,"
        "\"method.request.header.Expect\": true,"
        "\"method.request.header.X-B\": true}}");
    struct tg_parts required;

    (void) state;
    assert_int_equal(tg_required_compile(&required, &arena, parts, method),
        TG_OK);
    assert_int_equal(required.count, 2);
    assert_int_equal(required.items[0].kind, TG_PART_HEADER);
    assert_string_equal(required.items[0].text, "X-B");
    assert_int_equal(required.items[1].kind, TG_PART_QUERY);
    assert_string_equal(required.items[1].text, "q");
    assert_false(tg_validator_wants_body(parts, method));

    json_object_set_new(method, "requestValidatorId", json_string("v2"));
    assert_int_equal(tg_required_compile(&required, &arena, parts, method),
        TG_OK);
    assert_int_equal(required.count, 0);
    assert_true(tg_validator_wants_body(parts, method));

    json_object_del(method, "requestValidatorId");
    assert_int_equal(tg_required_compile(&required, &arena, parts, method),
        TG_OK);
    assert_int_equal(required.count, 0);
    assert_false(tg_validator_wants_body(parts, method));
    json_decref(parts);
    json_decref(method);
}

static void
what_is_not_set_is_inherited(void **state)
{
    json_t *parts = json("{\"gatewayresponse\": {"
        "\"DEFAULT_4XX\": {\"statusCode\": \"418\", \"responseParameters\": {"
        "\"gatewayresponse.header.Date\": \"'never'\","
        "\"gatewayresponse.header.Transfer-Encoding\": \"'chunked'\","
        "\"gatewayresponse.header.X-Q\": \"method.request.querystring.q\"},"
        "\"responseTemplates\": {\"application/json\": \"4\"}},"
        "\"THROTTLED\": {\"statusCode\": \"429\", \"responseParameters\": {},"
        "\"responseTemplates\": {\"application/json\": \"T\"}},"
        "\"UNAUTHORIZED\": {\"responseParameters\": {"
        "\"gatewayresponse.header.X\": \"context.identity.apiKey\"}}}}");
    struct tg_mapping_scope scope = { NULL, "d", false, false };
    struct tg_gateway_spec *g;
    struct tg_error         err = { 0 };

    (void) state;
    assert_int_equal(tg_gateway_compile(&g, &arena, &scope, parts, &err),
        TG_DENIED);
    assert_non_null(strstr(err.message, "UNAUTHORIZED"));
    assert_int_equal(g[TG_GATEWAY_UNAUTHORIZED].template_count, 0);
    assert_int_equal(g[TG_GATEWAY_THROTTLED].status, 429);
    assert_string_equal(g[TG_GATEWAY_THROTTLED].templates[0].parts[0].text,
        "T");
    assert_int_equal(g[TG_GATEWAY_INVALID_API_KEY].status, 418);
    assert_string_equal(
        g[TG_GATEWAY_INVALID_API_KEY].templates[0].parts[0].text, "4");
    assert_int_equal(g[TG_GATEWAY_INVALID_API_KEY].header_count, 2);
    assert_string_equal(g[TG_GATEWAY_INVALID_API_KEY].headers[0].name,
        "x-amzn-Remapped-Date");
    assert_int_equal(g[TG_GATEWAY_DEFAULT_4XX].status, 418);
    /* nor what Amazon does not let customise, nor 5xx */
    assert_int_equal(g[TG_GATEWAY_REQUEST_TOO_LARGE].template_count, 0);
    assert_int_equal(g[TG_GATEWAY_INTEGRATION_TIMEOUT].template_count, 0);
    json_decref(parts);

    parts = json("{}");
    assert_int_equal(tg_gateway_compile(&g, &arena, &scope, parts, &err),
        TG_OK);
    assert_null(g);
    json_decref(parts);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_validator_of_parameters_asks_for_them_in_order),
        cmocka_unit_test(what_is_not_set_is_inherited),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
