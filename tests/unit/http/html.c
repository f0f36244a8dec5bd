/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "http/html.h"
#include "http/json.h"
#include "support.h"

static void
data_cannot_become_markup(void **state)
{
    struct tg_buf out;

    (void) state;
    tg_buf_init(&out, 4096);
    tg_html_raw(&out, "<a");
    tg_html_attr(&out, "href", "/?a=1&b=\"><script>");
    tg_html_raw(&out, ">");
    tg_html_printf(&out, "%s's %d", "<Bob>", 3);
    tg_html_text(&out, NULL);
    tg_html_element(&out, "b", "a<b");
    assert_string_equal(out.data,
        "<a href=\"/?a=1&amp;b=&quot;&gt;&lt;script&gt;\">"
        "&lt;Bob&gt;&#39;s 3<b>a&lt;b</b>");
    tg_buf_clear(&out);
}

static void
pages_forbid_framing_and_scripts(void **state)
{
    struct tg_arena         arena;
    struct tg_http_response res = { .status = 0 };

    (void) state;
    tg_arena_init(&arena);
    res.arena = &arena;
    tg_html_reply(&res, 404);
    tg_html_reply(&res, 200);
    assert_int_equal(res.header_count, 6);
    assert_int_equal(res.status, 200);
    tg_arena_clear(&arena);
}

static void
json_errors_name_their_place(void **state)
{
    static const struct {
        const char *body;
        const char *where;
    } table[] = {
        { "{\"a\":\n 1,}", "line 2, column 4" },
        { "[]", "no JSON object" },
        { "{\"a\":1,\"a\":2}", "line 1" },
        { "{\"a\":1} x", "line 1" },
    };
    json_t                *json;
    struct tg_arena        arena;
    struct tg_error        err;
    struct tg_http_request req;

    (void) state;
    tg_arena_init(&arena);
    assert_int_equal(make_request(&req, &arena, "POST", "/"), TG_OK);
    assert_int_equal(tg_http_json_parse(&json, &req, &err), TG_OK);
    assert_int_equal(json_object_size(json), 0);
    json_decref(json);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        req.body = table[i].body;
        req.body_len = strlen(req.body);
        assert_int_equal(tg_http_json_parse(&json, &req, &err), TG_INVALID);
        assert_null(json);
        assert_non_null(strstr(err.message, table[i].where));
    }
    tg_arena_clear(&arena);
}

static void
json_errors_have_the_protocol_s_form(void **state)
{
    struct tg_arena         arena;
    struct tg_http_response res = { .status = 200 };

    (void) state;
    tg_arena_init(&arena);
    tg_buf_init(&res.body, 4096);
    res.arena = &arena;
    tg_http_json_error(&res, 400, "application/x-amz-json-1.1",
        "ThrottlingException", "Rate \"exceeded\"");
    assert_string_equal(res.body.data,
        "{\"__type\":\"ThrottlingException\","
        "\"message\":\"Rate \\\"exceeded\\\"\"}");
    tg_http_json_error(&res, 404, "application/json", "NotFoundException",
        "no");
    assert_string_equal(res.body.data, "{\"message\":\"no\"}");
    assert_int_equal(res.header_count, 2);
    assert_string_equal(res.headers[1].value, "NotFoundException");
    tg_buf_clear(&res.body);
    tg_arena_clear(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_cannot_become_markup),
        cmocka_unit_test(pages_forbid_framing_and_scripts),
        cmocka_unit_test(json_errors_name_their_place),
        cmocka_unit_test(json_errors_have_the_protocol_s_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
