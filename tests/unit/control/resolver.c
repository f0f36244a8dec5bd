/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "control/resolver.h"

static atomic_int changes;

static bool
on_change(void *data)
{
    (void) data;
    changes++;
    return true;
}

/* ---- a resolver that says what it is told, for names under .test ---- */

int __real_getaddrinfo(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **out);
int __wrap_getaddrinfo(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **out);

static _Atomic(const char *) answer; /* addresses; NULL: failure */
static atomic_int            failure;
static atomic_int            questions;

/* "slow.test" waits for the first, those of "both" for each other. */
static pthread_barrier_t     slow, both;

int
__wrap_getaddrinfo(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **out)
{
    struct addrinfo  numeric = *hints, **end = out;
    char             text[200], *rest, *word;
    int              failed;

    if (strstr(host, ".test") == NULL) {
        return __real_getaddrinfo(host, service, hints, out);
    }
    questions++;
    *out = NULL;
    if (strcmp(host, "slow.test") == 0) {
        (void) pthread_barrier_wait(&slow);
    } else if (strncmp(host, "both", 4) == 0) {
        (void) pthread_barrier_wait(&both);
    }
    if (answer == NULL) {
        return failure;
    }
    numeric.ai_flags |= AI_NUMERICHOST;
    (void) snprintf(text, sizeof(text), "%s", answer);
    for (word = strtok_r(text, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest))
    {
        failed = __real_getaddrinfo(word, service, &numeric, end);
        assert_int_equal(failed, 0);
        while (*end != NULL) {
            end = &(*end)->ai_next;
        }
    }
    return 0;
}

static void
await(atomic_int *number, int wanted)
{
    const struct timespec pause = { .tv_nsec = 10000000 };

    for (int i = 0; *number < wanted && i < 3000; i++) {
        (void) nanosleep(&pause, NULL);
    }
    assert_true(*number >= wanted);
}

static size_t
count_of(struct tg_resolver *r, struct tg_arena *arena, unsigned *families)
{
    struct tg_route_address *list;
    size_t                   count;

    assert_int_equal(tg_resolver_get(r, arena, "api.test", 443, &list,
        &count), TG_OK);
    *families = 0;
    for (size_t i = 0; i < count; i++) {
        *families |= 1U << list[i].family;
        assert_int_equal(list[i].port, 443);
    }
    return count;
}

static void
answers_come_change_and_fail(void **state)
{
    struct tg_resolver *r;
    struct tg_arena     arena;
    unsigned            families;
    int                 before = changes;

    (void) state;
    tg_arena_init(&arena);
    answer = "192.0.2.1 2001:db8::1 192.0.2.2 192.0.2.1";
    assert_int_equal(tg_resolver_open(&r, 1, on_change, NULL, NULL), TG_OK);
    assert_int_equal(count_of(r, &arena, &families), 0);
    tg_resolver_settle(r, 10000);
    assert_int_equal(count_of(r, &arena, &families), 3);
    assert_int_equal(families, 1U << AF_INET | 1U << AF_INET6);

    /* Another order is no change. */
    await(&changes, before + 1);
    answer = "192.0.2.2 192.0.2.1 2001:db8::1";
    await(&questions, questions + 2);
    assert_int_equal(changes, before + 1);

    /* A name server that is away, or says that it cannot say. */
    answer = NULL;
    failure = EAI_AGAIN;
    await(&questions, questions + 2);
    failure = EAI_FAIL;
    await(&questions, questions + 2);
    assert_int_equal(count_of(r, &arena, &families), 3);
    assert_int_equal(changes, before + 1);

    answer = "192.0.2.9";
    await(&changes, before + 2);
    assert_int_equal(count_of(r, &arena, &families), 1);

    answer = NULL;
    failure = EAI_NONAME; /* there is no such name any more */
    await(&changes, before + 3);
    assert_int_equal(count_of(r, &arena, &families), 0);

    tg_resolver_close(r);
    tg_arena_clear(&arena);
}

/* One after the other, the two would wait for ever. */
static void
names_are_looked_up_at_the_same_time(void **state)
{
    int                      asked = questions;
    size_t                   count;
    struct tg_arena          arena;
    struct tg_resolver      *r;
    struct tg_route_address *list;

    (void) state;
    tg_arena_init(&arena);
    answer = "192.0.2.7";
    assert_int_equal(pthread_barrier_init(&slow, NULL, 2), 0);
    assert_int_equal(pthread_barrier_init(&both, NULL, 2), 0);
    assert_int_equal(tg_resolver_open(&r, 3600, on_change, NULL, NULL),
        TG_OK);
    tg_resolver_hint(r, "slow.test");
    await(&questions, asked + 1);
    tg_resolver_hint(r, "both1.test");
    tg_resolver_hint(r, "both2.test");
    (void) pthread_barrier_wait(&slow);
    tg_resolver_settle(r, 30000);
    for (int i = 1; i <= 2; i++) {
        assert_int_equal(tg_resolver_get(r, &arena,
                i == 1 ? "both1.test" : "both2.test", 80, &list, &count),
            TG_OK);
        assert_int_equal(count, 1);
    }
    tg_resolver_close(r);
    assert_int_equal(pthread_barrier_destroy(&both), 0);
    assert_int_equal(pthread_barrier_destroy(&slow), 0);
    tg_arena_clear(&arena);
}

static void
names_are_resolved_and_literals_need_nobody(void **state)
{
    struct tg_resolver            *r;
    struct tg_arena                arena;
    struct tg_route_address       *list;
    size_t                         count;

    (void) state;
    tg_arena_init(&arena);
    assert_int_equal(tg_resolver_open(&r, 5, on_change, NULL, NULL), TG_OK);
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
        cmocka_unit_test(answers_come_change_and_fail),
        cmocka_unit_test(names_are_looked_up_at_the_same_time),
        cmocka_unit_test(names_are_resolved_and_literals_need_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
