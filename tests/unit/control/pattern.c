/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/pattern.h"

static void
a_pattern_matches_the_whole_text(void **state)
{
    (void) state;
    assert_int_equal(tg_pattern_match("2\\d{2}", "200", NULL), TG_OK);
    assert_int_equal(tg_pattern_match("2\\d", "200", NULL), TG_NOTFOUND);
    assert_int_equal(tg_pattern_match("20", "200", NULL), TG_NOTFOUND);
    assert_int_equal(tg_pattern_match("4..|5..", "503", NULL), TG_OK);
    assert_int_equal(tg_pattern_match("(", "200", NULL), TG_INVALID);
}

/* X1 */
static void
a_pattern_that_explodes_is_given_up(void **state)
{
    char text[200], deep[600];

    (void) state;
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(tg_pattern_match("(a|aa|a?a)+[0-9]", text, NULL),
        TG_LIMIT);
    memset(deep, '(', 100);
    deep[100] = '\0';
    assert_int_equal(tg_pattern_check(deep, NULL), TG_INVALID);
    memset(deep, 'a', sizeof deep);
    deep[sizeof deep - 1] = '\0';
    assert_int_equal(tg_pattern_check(deep, NULL), TG_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_matches_the_whole_text),
        cmocka_unit_test(a_pattern_that_explodes_is_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
