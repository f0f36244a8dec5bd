/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/mock.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

static void
the_status_is_read_leniently(void **state)
{
    static const struct {
        const char *text;
        int         status; /* 0: refused */
    } rows[] = {
        { "{\"statusCode\": 200}", 200 },
        { "{statusCode: 302}", 302 },
        { "{'statusCode':404}", 404 },
        { " { \"a\": {\"statusCode\": 500}, statusCode : 200, } ", 200 },
        { "{\"a\": [1, {\"b\": \"}\"}], \"statusCode\": 201}", 201 },
        { "{\"statusCode\": \"200\"}", 0 },
        { "{\"statusCode\": 20.5}", 0 },
        { "{\"statusCode\": 2000}", 0 },
        { "{\"statuscode\": 200}", 0 },
        { "{\"statusCode\": 200", 0 },
        { "{\"statusCode\": 200} x", 0 },
        { "{\"statusCode\"}", 0 },
        { "{statusCode: }", 0 },
        { "{\"a\": [1, \"statusCode\": 200}", 0 },
        { "{}", 0 },
        { "[]", 0 },
        { "", 0 },
        { "{", 0 },
        { "{\"", 0 },
    };

    (void) state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int status = 0;

        assert_int_equal(tg_mock_status(&status, rows[i].text, NULL),
            rows[i].status ? TG_OK : TG_INVALID);
        if (rows[i].status) {
            assert_int_equal(status, rows[i].status);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_status_is_read_leniently),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
