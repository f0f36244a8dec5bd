/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "http/form.h"
#include "support.h"
#include "util/percent.h"

static void
targets_are_split_before_they_are_decoded(void **state)
{
    struct tg_arena        arena;
    struct tg_http_request req;

    (void) state;
    tg_arena_init(&arena);
    assert_int_equal(make_request(&req, &arena, "GET",
        "/tags/arn%3Aaws%2Fx/?a=1&b=%26&c&=d&a=2+3"), TG_OK);
    assert_string_equal(req.path, "/tags/arn%3Aaws%2Fx/");
    assert_int_equal(req.segment_count, 3);
    assert_string_equal(req.segments[1], "arn:aws/x");
    assert_string_equal(req.segments[2], "");
    assert_int_equal(req.params.count, 5);
    assert_string_equal(req.params.items[1].value, "&");
    assert_string_equal(req.params.items[2].value, "");
    assert_string_equal(req.params.items[4].value, "2+3");
    assert_string_equal(tg_http_param_get(&req.params, "a"), "1");
    assert_null(tg_http_param_get(&req.params, "d"));
    assert_int_equal(make_request(&req, &arena, "GET", "/"), TG_OK);
    assert_int_equal(req.segment_count, 0);
    assert_string_equal(req.query, "");
    tg_arena_clear(&arena);
}

static void
broken_targets_are_refused(void **state)
{
    static const char *const bad[] = { "", "*", "http://h/", "/%", "/%4",
        "/%zz", "/a%00b", "/?a=%0", "/?%00=b" };
    struct tg_arena          arena;
    struct tg_http_request   req;

    (void) state;
    tg_arena_init(&arena);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(make_request(&req, &arena, "GET", bad[i]),
            TG_INVALID);
    }
    tg_arena_clear(&arena);
}

static void
forms_turn_plus_to_blank_before_decoding(void **state)
{
    struct tg_arena        arena;
    struct tg_http_params  form;
    struct tg_http_request req;
    const struct tg_header headers[]
        = { { "content-type", "Application/X-WWW-Form-Urlencoded ; a=b" } };

    (void) state;
    tg_arena_init(&arena);
    assert_int_equal(make_request(&req, &arena, "POST", "/register"), TG_OK);
    req.body = "x-amzn-marketplace-token=AbCd%2B12+%3D%3D&offer=";
    req.body_len = strlen(req.body);
    assert_int_equal(tg_http_form_parse(&form, &req), TG_INVALID);
    req.headers = headers;
    req.header_count = 1;
    assert_int_equal(tg_http_form_parse(&form, &req), TG_OK);
    assert_string_equal(tg_http_param_get(&form, "x-amzn-marketplace-token"),
        "AbCd+12 ==");
    assert_string_equal(tg_http_param_get(&form, "offer"), "");
    req.body = "a=%";
    req.body_len = 3;
    assert_int_equal(tg_http_form_parse(&form, &req), TG_INVALID);
    assert_int_equal(form.count, 0);
    tg_arena_clear(&arena);
}

static void
encoding_and_decoding_agree(void **state)
{
    char            all[256];
    const char     *back;
    struct tg_arena arena;
    struct tg_buf   text;

    (void) state;
    for (int i = 0; i < 255; i++) {
        all[i] = (char) (i + 1);
    }
    all[255] = '\0';
    tg_arena_init(&arena);
    tg_buf_init(&text, 1024);
    assert_int_equal(tg_percent_encode(&text, all), TG_OK);
    assert_int_equal(tg_http_decode(&back, &arena, text.data, text.len, true),
        TG_OK);
    assert_string_equal(back, all);
    tg_buf_clear(&text);
    tg_arena_clear(&arena);
}

static void
cookies_are_read_and_set(void **state)
{
    struct tg_arena         arena;
    struct tg_http_request  req;
    struct tg_http_response res = { .status = 200 };
    const struct tg_header  headers[] = { { "Cookie", "a=1; tg_reg=x=y ;b=2" },
        { "Accept", "text/html, application/json;q=0.5" } };

    (void) state;
    tg_arena_init(&arena);
    assert_int_equal(make_request(&req, &arena, "GET", "/"), TG_OK);
    req.headers = headers;
    req.header_count = 2;
    res.arena = &arena;
    assert_string_equal(tg_http_cookie_get(&req, "tg_reg"), "x=y");
    assert_string_equal(tg_http_cookie_get(&req, "b"), "2");
    assert_null(tg_http_cookie_get(&req, "reg"));
    assert_true(tg_http_accepts(&req, "application/json"));
    assert_false(tg_http_accepts(&req, "application/jso"));
    assert_int_equal(tg_http_cookie_set(&res, "n", "v", 60, true), TG_OK);
    assert_string_equal(res.headers[0].value,
        "n=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure");
    assert_int_equal(tg_http_cookie_set(&res, "n", "a;b", 1, false),
        TG_INVALID);
    assert_int_equal(tg_http_cookie_set(&res, "n=", "a", 1, false),
        TG_INVALID);
    assert_int_equal(tg_http_header_add(&res, "X", "a\r\nSet-Cookie: b"),
        TG_INVALID);
    tg_arena_clear(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_split_before_they_are_decoded),
        cmocka_unit_test(broken_targets_are_refused),
        cmocka_unit_test(forms_turn_plus_to_blank_before_decoding),
        cmocka_unit_test(encoding_and_decoding_agree),
        cmocka_unit_test(cookies_are_read_and_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
