/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "util/error.h"
#include "util/utf8.h"

static void
characters_are_counted(void **state)
{
    (void) state;
    assert_int_equal(tg_utf8_length(""), 0);
    assert_int_equal(tg_utf8_length("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
        4);
}

static void
what_is_no_character_becomes_a_question_mark(void **state)
{
    static const struct {
        const char *text, *mended;
    } rows[] = {
        { "", "" },
        { "plain", "plain" },
        { "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
            "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
        { "cut \xc3", "cut ?" },
        { "cut \xe2\x82", "cut ??" },
        { "cut \xf0\x9f\x98", "cut ???" },
        { "cut \xe2\x82 in it", "cut ?? in it" },
        { "\xa9 begins none", "? begins none" },
        { "\xc0\xaf \xe0\x80\xaf \xf0\x80\x80\xaf", "?? ??? ????" }, /* long */
        { "\xed\xa0\x80", "???" }, /* half of a pair */
        { "\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80" },
        { "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },
        { "\xf4\x90\x80\x80 \xf5 \xff", "???? ? ?" },
    };

    (void) state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[64];

        (void) snprintf(text, sizeof(text), "%s", rows[i].text);
        tg_utf8_mend(text);
        assert_string_equal(text, rows[i].mended);
    }
}

/* JSON takes it, so whoever asked is told the reason. */
static void
an_error_that_was_cut_is_a_text(void **state)
{
    struct tg_error err;
    char            name[sizeof(err.message) + 8];

    (void) state;
    for (size_t shift = 0; shift < 2; shift++) {
        memset(name, 'x', shift);
        for (size_t i = shift; i + 2 < sizeof(name); i += 2) {
            (void) snprintf(name + i, 3, "\xc3\xa9");
        }
        (void) !tg_error_set(&err, TG_INVALID, "%s", name);
        assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
        assert_true(err.message[sizeof(err.message) - 2] == '?'
            || err.message[sizeof(err.message) - 2] == '\xa9');
        tg_utf8_mend(name);
        assert_null(strchr(name, '?'));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_are_counted),
        cmocka_unit_test(what_is_no_character_becomes_a_question_mark),
        cmocka_unit_test(an_error_that_was_cut_is_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
