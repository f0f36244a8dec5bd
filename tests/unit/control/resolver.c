/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <sys/socket.h>

#include "control/resolver.h"

static atomic_int changes;

static bool
on_change(void *data)
{
    (void) data;
    changes++;
    return true;
}

static void
names_are_resolved_and_literals_need_nobody(void **state)
{
    struct tg_resolver            *r;
    struct tg_arena                arena;
    const struct tg_route_address *list;
    size_t                         count;

    (void) state;
    tg_arena_init(&arena);
    assert_int_equal(tg_resolver_open(&r, on_change, NULL, NULL), TG_OK);
    assert_int_equal(tg_resolver_get(r, &arena, "127.0.0.1", 9001, &list,
                         &count), TG_OK);
    assert_int_equal(count, 1);
    assert_int_equal(list[0].family, AF_INET);
    assert_int_equal(list[0].port, 9001);
    assert_memory_equal(list[0].addr, "\x7f\0\0\1", 4);

    assert_int_equal(tg_resolver_get(r, &arena, "localhost", 80, &list,
                         &count), TG_OK);
    tg_resolver_settle(r, 10000);
    assert_int_equal(tg_resolver_get(r, &arena, "localhost", 80, &list,
                         &count), TG_OK);
    assert_true(count >= 1);

    /* A name that cannot be: no address, and nothing waits for it. */
    assert_int_equal(tg_resolver_get(r, &arena, "no.such.host.invalid", 80,
                         &list, &count), TG_OK);
    assert_int_equal(count, 0);
    tg_resolver_close(r);
    assert_true(changes >= 1);
    tg_arena_clear(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_resolved_and_literals_need_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
