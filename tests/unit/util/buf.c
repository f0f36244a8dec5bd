/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "util/arena.h"
#include "util/buf.h"

/* Memory that was given back, and how much of it held a text. */
static const char *watched;
static int         frees, freed_with_it;

void __real_free(void *memory);
void __wrap_free(void *memory);

void
__wrap_free(void *memory)
{
    if (memory != NULL && watched != NULL) {
        frees++;
        freed_with_it += memmem(memory, malloc_usable_size(memory), watched,
            strlen(watched)) != NULL;
    }
    __real_free(memory);
}

static void
watch_frees(const char *text)
{
    watched = text;
    frees = freed_with_it = 0;
}

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

/* What a secret buffer gives back, while growing and in the end (B4). */
static void
a_secret_leaves_nothing_behind(void **state)
{
    int           i;
    struct tg_buf b;

    (void) state;
    watch_frees("swordfish");
    tg_buf_init(&b, 10000);
    assert_int_equal(tg_buf_puts(&b, "swordfish"), TG_OK);
    tg_buf_clear(&b);
    assert_int_equal(freed_with_it, 1); /* so it would be seen */
    watch_frees("swordfish");
    tg_buf_init_secret(&b, 10000);
    for (i = 0; i < 100; i++) {
        assert_int_equal(tg_buf_puts(&b, "swordfish "), TG_OK);
    }
    assert_int_equal(b.len, 1000);
    assert_int_equal(strncmp(b.data + 990, "swordfish ", 11), 0);
    tg_buf_clear(&b);
    assert_int_equal(tg_buf_puts(&b, "swordfish"), TG_OK);
    tg_buf_clear(&b); /* it is secret still */
    assert_true(frees > 5);
    assert_int_equal(freed_with_it, 0);
}

static void
a_secret_arena_leaves_nothing_behind(void **state)
{
    int             i;
    struct tg_arena a;

    (void) state;
    watch_frees("swordfish");
    tg_arena_init(&a);
    assert_non_null(tg_arena_strdup(&a, "swordfish"));
    tg_arena_clear(&a);
    assert_int_equal(freed_with_it, 1);
    watch_frees("swordfish");
    tg_arena_init_secret(&a);
    for (i = 0; i < 1000; i++) {
        assert_non_null(tg_arena_printf(&a, "%s %d", "swordfish", i));
    }
    tg_arena_clear(&a);
    assert_true(frees > 1);
    assert_int_equal(freed_with_it, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_leaves_nothing_behind),
        cmocka_unit_test(a_secret_arena_leaves_nothing_behind),
        cmocka_unit_test(an_append_over_the_limit_changes_nothing),
        cmocka_unit_test(taking_hands_the_memory_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
