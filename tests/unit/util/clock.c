/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "util/clock.h"

static void
times_go_to_text_and_back(void **state)
{
    char    text[TG_ISO8601_SIZE];
    int64_t back;

    (void) state;
    tg_iso8601(text, 1795395600);
    assert_string_equal(text, "2026-11-23T01:00:00Z");
    assert_int_equal(tg_time_parse(&back, text), TG_OK);
    assert_int_equal(back, 1795395600);
    tg_amz_date(text, 1440938160);
    assert_string_equal(text, "20150830T123600Z");
    assert_int_equal(tg_time_parse(&back, text), TG_OK);
    assert_int_equal(back, 1440938160);
}

static void
what_is_no_date_is_refused(void **state)
{
    static const char *const bad[] = { "", "2026-11-23", "20261123T010203",
        "2026-02-30T00:00:00Z", "2026-11-23T01:02:03Zx", " 2026-11-23T01:02:0Z",
        "20261323T010203Z", "2026-11-23T1:02:03Z" };
    int64_t                  out;

    (void) state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(tg_time_parse(&out, bad[i]), TG_INVALID);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_go_to_text_and_back),
        cmocka_unit_test(what_is_no_date_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
