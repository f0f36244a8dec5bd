/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "support.h"

static const struct tg_http_route routes[] = {
    { "POST", "/apikeys?mode=import&format=csv", NULL, "ImportApiKeys",
        NULL, NULL },
    { "POST", "/apikeys", NULL, "CreateApiKey", NULL, NULL },
    { "GET", "/apikeys/{api_Key}", NULL, "GetApiKey", NULL, NULL },
    { "GET", "/restapis/{id}/resources/{rid}/methods/{verb}", NULL,
        "GetMethod", NULL, NULL },
    { "GET", "/files/{path+}", NULL, "GetFile", NULL, NULL },
    { "POST", "/", "Trail_20131101.LookupEvents", "LookupEvents", NULL,
        NULL },
    { "GET", "/", NULL, "Root", NULL, NULL },
    { "GET", "/sandbox/", NULL, "Slash", NULL, NULL },
};

static void
the_first_fitting_row_wins(void **state)
{
    static const struct {
        const char    *method, *target, *amz_target, *operation;
        enum tg_status status;
    } table[] = {
        { "POST", "/apikeys", NULL, "CreateApiKey", TG_OK },
        { "POST", "/apikeys?mode=import&format=csv", NULL, "ImportApiKeys",
            TG_OK },
        { "POST", "/apikeys?format=csv&x=1&mode=import", NULL,
            "ImportApiKeys", TG_OK },
        { "POST", "/apikeys?mode=import", NULL, "CreateApiKey", TG_OK },
        { "GET", "/apikeys/abc", NULL, "GetApiKey", TG_OK },
        { "GET", "/apikeys/", NULL, NULL, TG_NOTFOUND },
        { "DELETE", "/apikeys/abc", NULL, NULL, TG_DENIED },
        { "GET", "/apikeys/a%2Fb", NULL, "GetApiKey", TG_OK },
        { "GET", "/apikeys/a/b", NULL, NULL, TG_NOTFOUND },
        { "GET", "/restapis/1/resources/2/methods/GET", NULL, "GetMethod",
            TG_OK },
        { "GET", "/restapis/1/resources/2/methods", NULL, NULL,
            TG_NOTFOUND },
        { "GET", "/files", NULL, NULL, TG_NOTFOUND },
        { "GET", "/files/a%20b/c", NULL, "GetFile", TG_OK },
        { "POST", "/", "Trail_20131101.LookupEvents", "LookupEvents",
            TG_OK },
        { "POST", "/", "Trail_20131101.Other", NULL, TG_DENIED },
        { "GET", "/?x=y", NULL, "Root", TG_OK },
        { "GET", "/sandbox/", NULL, "Slash", TG_OK },
        { "GET", "/sandbox", NULL, NULL, TG_NOTFOUND },
    };

    (void) state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct tg_arena        arena;
        struct tg_header       header = { "X-Amz-Target",
                  table[i].amz_target };
        struct tg_http_request req;

        tg_arena_init(&arena);
        assert_int_equal(make_request(&req, &arena, table[i].method,
            table[i].target), TG_OK);
        req.headers = &header;
        req.header_count = header.value != NULL ? 1 : 0;
        assert_int_equal(tg_http_route_find(&req, routes,
            sizeof(routes) / sizeof(routes[0])), table[i].status);
        if (table[i].operation != NULL) {
            assert_string_equal(req.route->operation, table[i].operation);
        } else {
            assert_null(req.route);
        }
        tg_arena_clear(&arena);
    }
}

static void
parameters_are_bound_by_name(void **state)
{
    struct tg_arena        arena;
    struct tg_http_request req;

    (void) state;
    tg_arena_init(&arena);
    assert_int_equal(make_request(&req, &arena, "GET",
        "/restapis/a1/resources/r%2F2/methods/GET"), TG_OK);
    assert_int_equal(tg_http_route_find(&req, routes, 8), TG_OK);
    assert_string_equal(tg_http_path_get(&req, "id"), "a1");
    assert_string_equal(tg_http_path_get(&req, "rid"), "r/2");
    assert_string_equal(tg_http_path_get(&req, "verb"), "GET");
    assert_null(tg_http_path_get(&req, "path"));
    assert_int_equal(make_request(&req, &arena, "GET", "/files/a%20b/c?q=1"),
        TG_OK);
    assert_int_equal(tg_http_route_find(&req, routes, 8), TG_OK);
    assert_string_equal(tg_http_path_get(&req, "path"), "a%20b/c");
    tg_arena_clear(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_fitting_row_wins),
        cmocka_unit_test(parameters_are_bound_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
