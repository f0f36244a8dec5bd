/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/uri.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

static void
uris_are_taken_apart_or_refused(void **state)
{
    static const struct {
        const char *text;
        const char *host, *authority, *path, *query; /* host NULL: refused */
        int         port;
    } rows[] = {
        { "http://a.example", "a.example", "a.example", "/", NULL, 80 },
        { "https://A.Example/x/{y}?v=2", "a.example", "a.example", "/x/{y}",
            "v=2", 443 },
        { "HTTP://h:8080/", "h", "h:8080", "/", NULL, 8080 },
        { "http://h:80/", "h", "h", "/", NULL, 80 },
        { "http://h:443/", "h", "h:443", "/", NULL, 443 },
        { "http://[::1]:9000/p", "::1", "[::1]:9000", "/p", NULL, 9000 },
        { "http://h?q", "h", "h", "/", "q", 80 },
        { "http://h/a#frag", "h", "h", "/a", NULL, 80 },
        { "http://my_host/", "my_host", "my_host", "/", NULL, 80 },
        { "ftp://h/", NULL, NULL, NULL, NULL, 0 },
        { "http://", NULL, NULL, NULL, NULL, 0 },
        { "http:///x", NULL, NULL, NULL, NULL, 0 },
        { "http://h:81/", NULL, NULL, NULL, NULL, 0 },
        { "http://h:0/", NULL, NULL, NULL, NULL, 0 },
        { "http://h:65536/", NULL, NULL, NULL, NULL, 0 },
        { "http://h:/", NULL, NULL, NULL, NULL, 0 },
        { "http://h:8a/", NULL, NULL, NULL, NULL, 0 },
        { "http://u:p@h/", NULL, NULL, NULL, NULL, 0 },
        { "http://h/a b", NULL, NULL, NULL, NULL, 0 },
        { "http://h/a\r\nX: y", NULL, NULL, NULL, NULL, 0 },
        { "http://h/%zz", NULL, NULL, NULL, NULL, 0 },
        { "http://h/%4", NULL, NULL, NULL, NULL, 0 },
        { "http://[::1/", NULL, NULL, NULL, NULL, 0 },
        { "http://[::g]/", NULL, NULL, NULL, NULL, 0 },
        { "http://a..b/", NULL, NULL, NULL, NULL, 0 },
        { "http://h\xc3\xa4/", NULL, NULL, NULL, NULL, 0 },
        { "", NULL, NULL, NULL, NULL, 0 },
    };
    struct tg_arena arena;

    (void) state;
    tg_arena_init(&arena);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tg_uri   uri;
        struct tg_error err = { 0 };
        enum tg_status  status
            = tg_uri_parse(&uri, &arena, rows[i].text, &err);

        assert_int_equal(status, rows[i].host ? TG_OK : TG_INVALID);
        assert_int_equal(tg_uri_check(&arena, rows[i].text, NULL), status);
        if (!rows[i].host) {
            assert_true(err.message[0] != '\0');
            continue;
        }
        assert_string_equal(uri.host, rows[i].host);
        assert_string_equal(uri.authority, rows[i].authority);
        assert_string_equal(uri.path, rows[i].path);
        assert_int_equal(uri.port, rows[i].port);
        if (rows[i].query) {
            assert_string_equal(uri.query, rows[i].query);
        } else {
            assert_null(uri.query);
        }
    }
    tg_arena_clear(&arena);
}

static void
a_stored_uri_may_hold_stage_variables(void **state)
{
    struct tg_arena arena;

    (void) state;
    tg_arena_init(&arena);
    assert_int_equal(tg_uri_check(&arena,
        "http://${stageVariables.backend}/orders", NULL), TG_OK);
    assert_int_equal(tg_uri_check(&arena, "${stageVariables.url}", NULL),
        TG_OK);
    assert_int_equal(tg_uri_check(&arena,
        "ftp://${stageVariables.backend}/", NULL), TG_INVALID);
    assert_int_equal(tg_uri_check(&arena,
        "http://${stageVariables.backend}/${x}", NULL), TG_INVALID);
    assert_int_equal(tg_uri_check(&arena,
        "http://${stageVariables.", NULL), TG_INVALID);
    tg_arena_clear(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uris_are_taken_apart_or_refused),
        cmocka_unit_test(a_stored_uri_may_hold_stage_variables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
