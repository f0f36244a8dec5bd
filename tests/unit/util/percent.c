/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "util/percent.h"

static void
only_whole_escapes_are_bytes(void **state)
{
    static const struct {
        const char *text;
        size_t      len;
        int         byte;
    } cases[] = {
        { "%41", 3, 'A' },
        { "%4125", 5, 'A' },
        { "%fF", 3, 0xff },
        { "%00", 3, 0 },
        { "%41", 2, -1 }, /* the second digit is somebody else's */
        { "%4", 2, -1 },
        { "%", 1, -1 },
        { "", 0, -1 },
        { "%4g", 3, -1 },
        { "%g4", 3, -1 },
        { "%%4", 3, -1 },
        { "% 4", 3, -1 },
        { "%+4", 3, -1 },
        { "A41", 3, -1 },
    };

    (void) state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(tg_percent_byte(cases[i].text, cases[i].len),
            cases[i].byte);
    }
}

static void
all_but_the_plain_is_encoded(void **state)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789-._~";
    struct tg_buf     out;

    (void) state;
    tg_buf_init(&out, 128);
    assert_int_equal(tg_percent_encode(&out, plain), TG_OK);
    assert_string_equal(out.data, plain);
    tg_buf_reset(&out);
    assert_int_equal(tg_percent_encode(&out, " /+%\x7f\xc3\xa9"), TG_OK);
    assert_string_equal(out.data, "%20%2F%2B%25%7F%C3%A9");
    tg_buf_clear(&out);
}

static void
an_encoded_text_is_whole_or_refused(void **state)
{
    struct tg_buf out;

    (void) state;
    tg_buf_init(&out, 4);
    assert_int_equal(tg_percent_encode(&out, "ab/"), TG_LIMIT);
    assert_string_equal(out.data, "ab");
    tg_buf_clear(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_whole_escapes_are_bytes),
        cmocka_unit_test(all_but_the_plain_is_encoded),
        cmocka_unit_test(an_encoded_text_is_whole_or_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
