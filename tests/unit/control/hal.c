/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/hal.h"
#include "http/request.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

/* The answer in HAL that a call of target gets, sorted; for free(). */
static char *
form(const char *pattern, const char *target, json_t *plain)
{
    struct tg_arena           arena;
    const struct tg_operation operation = { .pattern = pattern };
    struct tg_http_request    req = { .target = target, .arena = &arena };
    struct tg_control_call    call = { .operation = &operation, .req = &req,
           .arena = &arena, .result = plain };
    json_t *before = json_deep_copy(plain);
    json_t *hal;
    char   *text;

    tg_arena_init(&arena);
    assert_int_equal(tg_http_request_split(&req), TG_OK);
    hal = tg_hal_form(&call);
    assert_non_null(hal);
    assert_true(json_equal(before, plain)); /* L3 */
    text = json_dumps(hal, JSON_SORT_KEYS | JSON_COMPACT);
    json_decref(hal);
    json_decref(before);
    tg_arena_clear(&arena);
    return text;
}

static void
assert_form(const char *pattern, const char *target, const char *plain,
    const char *expected)
{
    json_t *json = json_loads(plain, 0, NULL);
    char   *text;

    assert_non_null(json);
    text = form(pattern, target, json);
    assert_string_equal(text, expected);
    free(text);
    json_decref(json);
}

/* L1 */
static void
a_thing_is_linked_where_it_is(void **state)
{
    static const struct {
        const char *pattern, *target, *plain, *href;
    } rows[] = {
        { "/apikeys/{apiKey}", "/apikeys/k1", "{\"id\":\"k1\"}",
            "/apikeys/k1" },
        { "/apikeys", "/apikeys", "{\"id\":\"k1\"}", "/apikeys/k1" },
        { "/apikeys?mode=import", "/apikeys?mode=import",
            "{\"ids\":[\"k1\"]}", "/apikeys" },
        { "/restapis/{id}/resources/{parent_id}", "/restapis/a/resources/r",
            "{\"id\":\"n\",\"parentId\":\"r\"}", "/restapis/a/resources/n" },
        { "/restapis/{id}/models", "/restapis/a/models",
            "{\"id\":\"m\",\"name\":\"Pet\"}", "/restapis/a/models/Pet" },
        { "/restapis/{id}/stages", "/restapis/a/stages",
            "{\"stageName\":\"prod\"}", "/restapis/a/stages/prod" },
        { "/restapis/{id}/documentation/versions/{v}",
            "/restapis/a/documentation/versions/1%2F2", "{\"version\":"
            "\"1/2\"}", "/restapis/a/documentation/versions/1%2F2" },
        { "/restapis/{id}/gatewayresponses/{type}",
            "/restapis/a/gatewayresponses/DEFAULT_4XX",
            "{\"responseType\":\"DEFAULT_4XX\"}",
            "/restapis/a/gatewayresponses/DEFAULT_4XX" },
        { "/domainnames", "/domainnames", "{\"domainName\":\"*.a.b\"}",
            "/domainnames/%2A.a.b" },
        { "/domainnames/{d}/basepathmappings/{p}",
            "/domainnames/a.b/basepathmappings/old",
            "{\"basePath\":\"new/\u00e4\"}",
            "/domainnames/a.b/basepathmappings/new%2F%C3%A4" },
        { "/restapis/{id}/resources/{r}/methods/{m}",
            "/restapis/a/resources/r/methods/GET", "{\"httpMethod\":\"GET\"}",
            "/restapis/a/resources/r/methods/GET" },
        { "/account", "/account?x=y", "{}", "/account" },
        { "/tags/{arn+}", "/tags/arn:aws:%2Fmodels/x", "{\"tags\":{}}",
            "/tags/arn%3Aaws%3A%2Fmodels/x" },
    };

    (void) state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *plain = json_loads(rows[i].plain, 0, NULL);
        char   *text;
        json_t *hal;

        assert_non_null(plain);
        text = form(rows[i].pattern, rows[i].target, plain);
        hal = json_loads(text, 0, NULL);
        assert_string_equal(json_string_value(json_object_get(json_object_get(
            json_object_get(hal, "_links"), "self"), "href")), rows[i].href);
        json_decref(hal);
        json_decref(plain);
        free(text);
    }
}

static void
a_page_has_its_items_embedded(void **state)
{
    (void) state;
    assert_form("/apikeys", "/apikeys", "{\"item\":[]}",
        "{\"_embedded\":{\"item\":[]},"
        "\"_links\":{\"self\":{\"href\":\"/apikeys\"}}}");
    assert_form("/apikeys", "/apikeys", "{\"item\":[{\"id\":\"a\"}]}",
        "{\"_embedded\":{\"item\":"
        "{\"_links\":{\"self\":{\"href\":\"/apikeys/a\"}},\"id\":\"a\"}},"
        "\"_links\":{\"self\":{\"href\":\"/apikeys\"}}}");
    assert_form("/apikeys", "/apikeys",
        "{\"item\":[{\"id\":\"a\"},{\"id\":\"b\",\"createdDate\":0}]}",
        "{\"_embedded\":{\"item\":["
        "{\"_links\":{\"self\":{\"href\":\"/apikeys/a\"}},\"id\":\"a\"},"
        "{\"_links\":{\"self\":{\"href\":\"/apikeys/b\"}},"
        "\"createdDate\":\"1970-01-01T00:00:00Z\",\"id\":\"b\"}]},"
        "\"_links\":{\"self\":{\"href\":\"/apikeys\"}}}");
}

/* L1: the same call again, but for its position and its signature. */
static void
a_page_leads_to_the_next(void **state)
{
    (void) state;
    assert_form("/apikeys", "/apikeys?position=old&limit=1&X-Amz-Signature=s"
        "&name=a%26b&x-amz-security-token=t",
        "{\"item\":[],\"position\":\"n+=\"}",
        "{\"_embedded\":{\"item\":[]},\"_links\":{\"next\":{\"href\":"
        "\"/apikeys?limit=1&name=a%26b&position=n%2B%3D\"},"
        "\"self\":{\"href\":\"/apikeys\"}}}");
    assert_form("/usageplans/{id}/usage", "/usageplans/p/usage",
        "{\"values\":{\"k\":[[1,2]]},\"position\":\"n\"}",
        "{\"_links\":{\"next\":{\"href\":\"/usageplans/p/usage?position=n\"},"
        "\"self\":{\"href\":\"/usageplans/p/usage\"}},"
        "\"values\":{\"k\":[[1,2]]}}");
}

/* L2 */
static void
only_what_is_ours_is_changed(void **state)
{
    (void) state;
    assert_form("/restapis/{id}", "/restapis/a",
        "{\"id\":\"a\",\"createdDate\":1795987200,\"lastUpdatedDate\":1,"
        "\"certificateUploadDate\":2,\"dates\":3,\"startDate\":\"4\","
        "\"tags\":{\"createdDate\":\"5\",\"item\":\"x\"},"
        "\"binaryMediaTypes\":[\"a/b\"]}",
        "{\"_links\":{\"self\":{\"href\":\"/restapis/a\"}},"
        "\"binaryMediaTypes\":[\"a/b\"],"
        "\"certificateUploadDate\":\"1970-01-01T00:00:02Z\","
        "\"createdDate\":\"2026-11-29T21:20:00Z\",\"dates\":3,\"id\":\"a\","
        "\"lastUpdatedDate\":\"1970-01-01T00:00:01Z\",\"startDate\":\"4\","
        "\"tags\":{\"createdDate\":\"5\",\"item\":\"x\"}}");
}

static void
it_is_for_those_who_ask(void **state)
{
    static const struct {
        const char *pattern, *accept;
        bool        is_wanted;
    } rows[] = {
        { "/apikeys", NULL, false },
        { "/apikeys", "", false },
        { "/apikeys", "*/*", false },
        { "/apikeys", "application/*", false },
        { "/apikeys", "application/json", false },
        { "/apikeys", "application/hal", false },
        { "/apikeys", "application/hal+jsonp", false },
        { "/apikeys", "text/html;x=application/hal+json", false },
        { "/apikeys", "application/hal+json", true },
        { "/apikeys", "Application/HAL+JSON ; q=0.5", true },
        { "/apikeys", "application/json, application/hal+json", true },
        { "/v2/domainnames/{d}/apimappings", "application/hal+json", false },
        { NULL, "application/hal+json", false },
    };

    (void) state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct tg_operation operation = { .pattern = rows[i].pattern };
        const struct tg_header    header = { "accept", rows[i].accept };
        struct tg_http_request    req = { .headers = &header,
               .header_count = rows[i].accept != NULL };
        const struct tg_control_call call = { .operation = &operation,
            .req = &req };

        assert_int_equal(tg_hal_is_wanted(&call), rows[i].is_wanted);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thing_is_linked_where_it_is),
        cmocka_unit_test(a_page_has_its_items_embedded),
        cmocka_unit_test(a_page_leads_to_the_next),
        cmocka_unit_test(only_what_is_ours_is_changed),
        cmocka_unit_test(it_is_for_those_who_ask),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
