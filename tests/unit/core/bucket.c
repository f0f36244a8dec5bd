/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <pthread.h>
#include <time.h>
#include <cmocka.h>

#include "core/bucket.h"

#define SECOND UINT64_C(1000000000)
#define NOW (UINT64_C(1795392000) * SECOND)

static unsigned
take_until_refused(_Atomic uint64_t *tat, struct tg_bucket_limit limit,
    uint64_t now_ns)
{
    unsigned n = 0;
    uint64_t taken, before;

    while (tg_bucket_take(tat, limit, now_ns, &taken, &before) == TG_OK) {
        n++;
        assert_true(n < 100000);
    }
    return n;
}

static void
an_interval_never_gives_more_than_the_rate(void **state)
{
    static const struct {
        double   rate;
        uint64_t interval_ns;
    } rows[] = {
        { 1, SECOND }, { 3, 333333334 }, { 0.1, 10 * SECOND },
        { 2e9, 1 }, { 0, 0 }, { -1, 0 }, { NAN, 0 }, { INFINITY, 1 },
        { 1e-300, UINT64_C(1) << 60 }, { 1e9, 1 }, { 5e8, 2 },
    };

    (void) state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tg_bucket_limit limit = tg_bucket_limit_make(rows[i].rate, 7);

        assert_int_equal(limit.interval_ns, rows[i].interval_ns);
        assert_int_equal(limit.burst, 7);
    }
}

static void
a_bucket_starts_full_and_refills_at_the_rate(void **state)
{
    _Atomic uint64_t       tat = 0;
    struct tg_bucket_limit limit = tg_bucket_limit_make(10, 5);

    (void) state;
    assert_int_equal(take_until_refused(&tat, limit, NOW), 5); /* K1 */
    assert_int_equal(take_until_refused(&tat, limit, NOW + SECOND / 20), 0);
    assert_int_equal(take_until_refused(&tat, limit, NOW + SECOND / 10), 1);
    assert_int_equal(take_until_refused(&tat, limit, NOW + 100 * SECOND), 5);
}

static void
nothing_passes_a_limit_of_zero(void **state)
{
    uint64_t         taken, before;
    _Atomic uint64_t tat = 42;

    (void) state; /* K2 */
    assert_int_equal(tg_bucket_take(&tat, tg_bucket_limit_make(0, 5), NOW,
            &taken, &before), TG_LIMIT);
    assert_int_equal(tg_bucket_take(&tat, tg_bucket_limit_make(5, 0), NOW,
            &taken, &before), TG_LIMIT);
    assert_int_equal(tat, 42);
}

static void
a_refusal_changes_nothing(void **state)
{
    uint64_t               full;
    _Atomic uint64_t       tat = 0;
    struct tg_bucket_limit limit = tg_bucket_limit_make(1, 2);

    (void) state; /* K2 */
    assert_int_equal(take_until_refused(&tat, limit, NOW), 2);
    full = tat;
    assert_int_equal(take_until_refused(&tat, limit, NOW), 0);
    assert_int_equal(tat, full);
}

static void
a_clock_set_back_heals(void **state)
{
    _Atomic uint64_t       tat = 0;
    struct tg_bucket_limit limit = tg_bucket_limit_make(10, 5);

    (void) state; /* K3 */
    assert_int_equal(take_until_refused(&tat, limit, NOW), 5);
    assert_int_equal(take_until_refused(&tat, limit, NOW - 3600 * SECOND), 0);
    assert_int_equal(tat, NOW - 3600 * SECOND + SECOND / 2);
    assert_int_equal(take_until_refused(&tat, limit,
            NOW - 3600 * SECOND + SECOND / 10), 1);
}

static void
a_faster_rate_acts_at_once(void **state)
{
    _Atomic uint64_t tat = 0;

    (void) state; /* K3 */
    assert_int_equal(
        take_until_refused(&tat, tg_bucket_limit_make(0.01, 100), NOW), 100);
    assert_int_equal(
        take_until_refused(&tat, tg_bucket_limit_make(100, 10), NOW), 0);
    assert_int_equal(take_until_refused(&tat, tg_bucket_limit_make(100, 10),
            NOW + SECOND / 100), 1);
}

/* A cut without slack gave these two 1,000 calls instead of 3. */
static void
a_worker_with_a_late_clock_gives_no_tokens_away(void **state)
{
    unsigned               n = 0;
    uint64_t               taken, before;
    _Atomic uint64_t       tat = 0;
    struct tg_bucket_limit limit = tg_bucket_limit_make(1000, 1);

    (void) state; /* K1 */
    for (int i = 0; i < 1000; i++) {
        uint64_t now = NOW + (uint64_t) i * 2000; /* 2 ms in all */

        n += tg_bucket_take(&tat, limit, now, &taken, &before) == TG_OK;
        n += tg_bucket_take(&tat, limit, now - SECOND / 200, &taken, &before)
            == TG_OK;
    }
    assert_in_range(n, 2, 3);
}

static void
a_token_goes_back_only_if_nobody_came_between(void **state)
{
    uint64_t               taken, before, taken2, before2;
    _Atomic uint64_t       tat = 0;
    struct tg_bucket_limit limit = tg_bucket_limit_make(1, 2);

    (void) state; /* K4 */
    assert_int_equal(tg_bucket_take(&tat, limit, NOW, &taken, &before),
        TG_OK);
    tg_bucket_give_back(&tat, taken, before);
    assert_int_equal(tat, 0);
    assert_int_equal(tg_bucket_take(&tat, limit, NOW, &taken, &before),
        TG_OK);
    assert_int_equal(tg_bucket_take(&tat, limit, NOW, &taken2, &before2),
        TG_OK);
    tg_bucket_give_back(&tat, taken, before);
    assert_int_equal(tat, taken2);
    assert_int_equal(take_until_refused(&tat, limit, NOW), 0);
}

/* K5 */
static void
a_word_that_has_moved_stays_as_it_was(void **state)
{
    uint64_t         taken, before;
    uint64_t         words[] = { TG_BUCKET_MOVED, NOW | TG_BUCKET_MOVED,
        TG_BUCKET_AWAITED };
    _Atomic uint64_t tat;

    (void) state;
    for (size_t i = 0; i < 3; i++) {
        tat = words[i];
        assert_int_equal(tg_bucket_take(&tat, tg_bucket_limit_make(1, 2),
            NOW, &taken, &before), TG_STALE);
        assert_int_equal(tg_bucket_take(&tat, tg_bucket_limit_make(0, 2),
            NOW, &taken, &before), TG_STALE);
        assert_true(tat == words[i]);
    }
}

static void
the_largest_limits_do_not_overflow(void **state)
{
    uint64_t               taken, before;
    _Atomic uint64_t       tat = 0;
    struct tg_bucket_limit limit = { UINT64_MAX, UINT64_MAX };

    (void) state; /* as a damaged caller might pass them */
    assert_int_equal(take_until_refused(&tat, limit, NOW), 2);
    limit = tg_bucket_limit_make(1, UINT64_MAX);
    tat = 0;
    assert_int_equal(tg_bucket_take(&tat, limit, NOW, &taken, &before),
        TG_OK);
    assert_int_equal(taken, NOW + SECOND);
    tat = UINT64_MAX >> 1;
    assert_int_equal(tg_bucket_take(&tat, limit, NOW, &taken, &before),
        TG_LIMIT);
    assert_int_equal(tat, NOW + (UINT64_C(1) << 61));
}

struct crowd {
    _Atomic uint64_t       tat;
    _Atomic uint64_t       admitted;
    struct tg_bucket_limit limit;
    uint64_t               until_ns;
};

static uint64_t
now_ns(void)
{
    struct timespec t;

    (void) clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t) t.tv_sec * SECOND + (uint64_t) t.tv_nsec;
}

static void *
member(void *data)
{
    struct crowd *c = data;
    uint64_t      taken, before, now;

    while ((now = now_ns()) < c->until_ns) {
        if (tg_bucket_take(&c->tat, c->limit, now, &taken, &before) == TG_OK)
        {
            c->admitted++;
        }
    }
    return NULL;
}

static void
many_threads_get_no_more_than_one(void **state)
{
    enum { THREADS = 8 };

    double       most;
    uint64_t     start;
    pthread_t    threads[THREADS];
    struct crowd c = { .limit = tg_bucket_limit_make(20000, 50) };

    (void) state; /* K1 */
    start = now_ns();
    c.until_ns = start + 3 * SECOND / 10;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, member, &c), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    most = 50 + 0.3 * 20000;
    assert_true((double) c.admitted <= most + 1);
    assert_true((double) c.admitted > 0.1 * most);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_interval_never_gives_more_than_the_rate),
        cmocka_unit_test(a_bucket_starts_full_and_refills_at_the_rate),
        cmocka_unit_test(nothing_passes_a_limit_of_zero),
        cmocka_unit_test(a_refusal_changes_nothing),
        cmocka_unit_test(a_clock_set_back_heals),
        cmocka_unit_test(a_faster_rate_acts_at_once),
        cmocka_unit_test(a_worker_with_a_late_clock_gives_no_tokens_away),
        cmocka_unit_test(a_token_goes_back_only_if_nobody_came_between),
        cmocka_unit_test(a_word_that_has_moved_stays_as_it_was),
        cmocka_unit_test(the_largest_limits_do_not_overflow),
        cmocka_unit_test(many_threads_get_no_more_than_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
