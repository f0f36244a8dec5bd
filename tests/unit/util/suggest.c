/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "util/suggest.h"

static void
edits_are_counted(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        size_t      distance;
    } rows[] = {
        { "", "", 0 }, { "a", "", 1 }, { "", "ab", 2 }, { "port", "port", 0 },
        { "prot", "port", 1 }, { "kitten", "sitting", 3 },
        { "ca", "abc", 3 }, /* a swapped pair is not edited again */
        { "serve", "status", 5 },
    };

    (void) state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(tg_edit_distance(rows[i].a, rows[i].b, 9),
            rows[i].distance);
        assert_int_equal(tg_edit_distance(rows[i].b, rows[i].a, 9),
            rows[i].distance);
    }
    assert_int_equal(tg_edit_distance("kitten", "sitting", 2), 3);
}

static void
the_nearest_name_is_suggested(void **state)
{
    static const char *const names[] = { "serve", "seal", "status" };

    (void) state;
    assert_string_equal(tg_suggest("sevre", names, 3), "serve");
    assert_string_equal(tg_suggest("sael", names, 3), "seal");
    assert_string_equal(tg_suggest("state", names, 3), "status");
    assert_null(tg_suggest("xyz", names, 3));
    assert_null(tg_suggest("serve", names, 0));
    assert_null(tg_suggest("a-name-that-is-far-longer-than-any-name-of-ours"
        "-could-ever-be-and-then-some", names, 3));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_are_counted),
        cmocka_unit_test(the_nearest_name_is_suggested),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
