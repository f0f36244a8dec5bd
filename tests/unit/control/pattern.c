/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/pattern.h"

static unsigned
matches(const char *pattern)
{
    bool     numbers[500];
    unsigned count = 0;

    assert_int_equal(tg_pattern_numbers(numbers, 100, 500, pattern, NULL),
        TG_OK);
    for (size_t i = 0; i < 500; i++) {
        count += numbers[i];
    }
    return count;
}

static void
a_pattern_matches_the_whole_number(void **state)
{
    bool number;

    (void) state;
    assert_int_equal(matches("2\\d{2}"), 100);
    assert_int_equal(matches("2\\d"), 0);
    assert_int_equal(matches("20"), 0);
    assert_int_equal(matches("4..|503"), 101);
    assert_int_equal(matches("\\d+"), 500);
    assert_int_equal(tg_pattern_numbers(&number, 200, 1, "(", NULL),
        TG_INVALID);
}

/* X1 */
static void
a_pattern_that_explodes_is_given_up(void **state)
{
    bool number;
    char deep[600], wide[60 * 3 + 5] = "";

    (void) state;
    for (size_t i = 0; i < 60; i++) {
        strcat(wide, "\\d*");
    }
    strcat(wide, "[xy]");
    assert_int_equal(tg_pattern_numbers(&number, 200, 1, wide, NULL),
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
        cmocka_unit_test(a_pattern_matches_the_whole_number),
        cmocka_unit_test(a_pattern_that_explodes_is_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
