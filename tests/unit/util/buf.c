/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "util/buf.h"

static void
an_append_over_the_limit_changes_nothing(void **state)
{
    struct tg_buf b;

    (void) state;
    tg_buf_init(&b, 8);
    assert_string_equal(b.data, "");
    assert_int_equal(tg_buf_puts(&b, "12345"), TG_OK);
    assert_int_equal(tg_buf_puts(&b, "6789"), TG_LIMIT);
    assert_string_equal(b.data, "12345");
    assert_int_equal(tg_buf_putc(&b, '6'), TG_LIMIT); /* B3 */
    tg_buf_reset(&b);
    assert_int_equal(tg_buf_printf(&b, "%d", 12345678), TG_OK);
    assert_string_equal(b.data, "12345678");
    tg_buf_clear(&b);
}

static void
taking_hands_the_memory_over(void **state)
{
    char         *text;
    struct tg_buf b;

    (void) state;
    tg_buf_init(&b, 100);
    text = tg_buf_take(&b);
    assert_string_equal(text, "");
    free(text);
    assert_int_equal(tg_buf_puts(&b, "abc"), TG_OK);
    text = tg_buf_take(&b);
    assert_string_equal(text, "abc");
    free(text);
    assert_int_equal(b.len, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_append_over_the_limit_changes_nothing),
        cmocka_unit_test(taking_hands_the_memory_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
