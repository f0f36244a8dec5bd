/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <cmocka.h>

#include "core/quota.h"
#include "util/clock.h"

static int64_t
at(const char *text)
{
    int64_t time_s;

    assert_int_equal(tg_time_parse(&time_s, text), TG_OK);
    return time_s;
}

static void
periods_start_where_the_calendar_says(void **state)
{
    static const struct {
        enum tg_quota_period period;
        unsigned             offset_days;
        const char          *now, *start, *end;
    } rows[] = {
        { TG_QUOTA_DAY, 0, "2028-02-29T23:59:59Z", "2028-02-29T00:00:00Z",
            "2028-03-01T00:00:00Z" },
        { TG_QUOTA_WEEK, 0, "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z",
            "2026-11-30T00:00:00Z" }, /* a Monday */
        { TG_QUOTA_WEEK, 0, "2026-11-22T23:59:59Z", "2026-11-16T00:00:00Z",
            "2026-11-23T00:00:00Z" },
        { TG_QUOTA_WEEK_SUNDAY, 0, "2026-11-22T00:00:00Z",
            "2026-11-22T00:00:00Z", "2026-11-29T00:00:00Z" },
        { TG_QUOTA_WEEK_SUNDAY, 0, "2026-11-21T23:59:59Z",
            "2026-11-15T00:00:00Z", "2026-11-22T00:00:00Z" },
        { TG_QUOTA_WEEK, 6, "2026-11-23T12:00:00Z", "2026-11-22T00:00:00Z",
            "2026-11-29T00:00:00Z" },
        { TG_QUOTA_MONTH, 0, "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z",
            "2028-03-01T00:00:00Z" },
        { TG_QUOTA_MONTH, 0, "2100-02-28T12:00:00Z", "2100-02-01T00:00:00Z",
            "2100-03-01T00:00:00Z" },
        { TG_QUOTA_MONTH, 0, "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z",
            "2027-01-01T00:00:00Z" },
        { TG_QUOTA_MONTH, 14, "2026-11-14T23:59:59Z",
            "2026-10-15T00:00:00Z", "2026-11-15T00:00:00Z" },
        { TG_QUOTA_MONTH, 27, "2027-02-28T00:00:00Z",
            "2027-02-28T00:00:00Z", "2027-03-28T00:00:00Z" },
    };

    (void) state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t number = tg_quota_period_at(rows[i].period,
            rows[i].offset_days, at(rows[i].now));
        int64_t  end = tg_quota_period_start(rows[i].period,
            rows[i].offset_days, number + 1);

        assert_int_equal(tg_quota_period_start(rows[i].period,
                rows[i].offset_days, number), at(rows[i].start));
        assert_int_equal(end, at(rows[i].end));
        assert_int_equal(tg_quota_period_at(rows[i].period,
                rows[i].offset_days, end), number + 1);
        assert_int_equal(tg_quota_period_at(rows[i].period,
                rows[i].offset_days, end - 1), number);
    }
}

static void
a_period_is_never_0_and_fits_its_bits(void **state)
{
    (void) state;
    for (int p = TG_QUOTA_NONE; p <= TG_QUOTA_MONTH; p++) {
        enum tg_quota_period period = (enum tg_quota_period) p;

        assert_int_not_equal(tg_quota_period_at(period, 0, 0), 0);
        assert_int_not_equal(tg_quota_period_at(period, 27, 0), 0);
        assert_true(tg_quota_period_at(period, 0, INT64_C(1) << 50)
            <= TG_QUOTA_PERIOD_MAX);
    }
    assert_int_equal(tg_quota_period_start(TG_QUOTA_NONE, 0,
            tg_quota_period_at(TG_QUOTA_NONE, 0, 5)), 0);
}

static void
exactly_the_limit_is_taken_in_a_period(void **state)
{
    uint32_t         charged, day = tg_quota_period_at(TG_QUOTA_DAY, 0,
            at("2026-11-23T04:00:00Z"));
    uint64_t         full;
    _Atomic uint64_t used = 0, grant = 0;

    (void) state; /* Q1 */
    assert_int_equal(tg_quota_take(&used, &grant, 0, day, NULL, &charged),
        TG_LIMIT);
    assert_int_equal(used, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tg_quota_remaining(used, grant, 3, day), 3 - i);
        assert_int_equal(tg_quota_take(&used, &grant, 3, day, NULL, &charged),
            TG_OK);
        assert_int_equal(charged, day);
    }
    full = used;
    assert_int_equal(tg_quota_take(&used, &grant, 3, day, NULL, &charged),
        TG_LIMIT);
    assert_int_equal(used, full);
    assert_int_equal(tg_quota_used(used, day), 3);
    assert_int_equal(tg_quota_remaining(used, grant, 3, day), 0);
    /* a limit lowered below what was used refuses */
    assert_int_equal(tg_quota_remaining(used, grant, 1, day), 0);
    /* the next day starts at 0 */
    assert_int_equal(tg_quota_take(&used, &grant, 3, day + 1, NULL, &charged),
        TG_OK);
    assert_int_equal(tg_quota_used(used, day + 1), 1);
    assert_int_equal(tg_quota_used(used, day), 0);
}

static void
a_late_clock_counts_into_the_newer_period(void **state)
{
    uint32_t         charged;
    uint32_t         day = tg_quota_period_at(TG_QUOTA_DAY, 0, 86400 * 100);
    _Atomic uint64_t used = tg_quota_word(day + 1, 4), grant = 0;

    (void) state; /* Q2 */
    assert_int_equal(tg_quota_take(&used, &grant, 5, day,
            NULL, &charged), TG_OK);
    assert_int_equal(charged, day + 1);
    assert_int_equal(used, tg_quota_word(day + 1, 5));
    assert_int_equal(tg_quota_take(&used, &grant, 5, day, NULL, &charged),
        TG_LIMIT);
    assert_int_equal(tg_quota_remaining(used, grant, 7, day), 2);
}

static void
a_grant_rules_in_its_own_period_only(void **state)
{
    uint32_t         charged;
    uint32_t         day = tg_quota_period_at(TG_QUOTA_DAY, 0, 86400 * 100);
    _Atomic uint64_t used = tg_quota_word(day, 4);
    _Atomic uint64_t grant = tg_quota_word(day, 5);

    (void) state; /* Q3 */
    assert_int_equal(tg_quota_take(&used, &grant, 2, day,
            NULL, &charged), TG_OK);
    assert_int_equal(tg_quota_take(&used, &grant, 900, day, NULL, &charged),
        TG_LIMIT);
    assert_int_equal(tg_quota_remaining(used, grant, 900, day), 0);
    assert_int_equal(tg_quota_remaining(used, grant, 900, day + 1), 900);
    assert_int_equal(tg_quota_take(&used, &grant, 1, day + 1, NULL, &charged),
        TG_OK);
}

static void
giving_back_needs_the_same_period(void **state)
{
    uint32_t         day = tg_quota_period_at(TG_QUOTA_DAY, 0, 86400 * 100);
    _Atomic uint64_t used = tg_quota_word(day, 1);

    (void) state; /* Q4 */
    assert_int_equal(tg_quota_give_back(&used, day - 1), TG_OK);
    assert_int_equal(used, tg_quota_word(day, 1));
    assert_int_equal(tg_quota_give_back(&used, day), TG_OK);
    assert_int_equal(used, tg_quota_word(day, 0));
    assert_int_equal(tg_quota_give_back(&used, day), TG_OK);
    assert_int_equal(used, tg_quota_word(day, 0));
}

/* Days have larger counts than months: the word must not be stuck there. */
static void
a_plan_that_changes_its_period_starts_anew(void **state)
{
    uint32_t         charged;
    int64_t          now = at("2026-11-23T04:00:00Z");
    uint32_t         day = tg_quota_period_at(TG_QUOTA_DAY, 0, now);
    uint32_t         month = tg_quota_period_at(TG_QUOTA_MONTH, 0, now);
    _Atomic uint64_t used = tg_quota_word(day, 5), grant = 0;

    (void) state; /* Q5 */
    assert_int_equal(tg_quota_take(&used, &grant, 5, month,
            NULL, &charged), TG_OK);
    assert_int_equal(used, tg_quota_word(month, 1));
    assert_int_equal(tg_quota_take(&used, &grant, 5, day,
            NULL, &charged), TG_OK);
    assert_int_equal(used, tg_quota_word(day, 1));
}

/* A call that was routed before the plan changed ends no new count. */
static void
old_rules_start_no_count_of_another_kind(void **state)
{
    uint32_t             charged;
    int64_t              now = at("2026-11-23T04:00:00Z");
    uint32_t             day = tg_quota_period_at(TG_QUOTA_DAY, 0, now);
    uint32_t             month = tg_quota_period_at(TG_QUOTA_MONTH, 0, now);
    _Atomic uint64_t     used = tg_quota_word(day, 4), grant = 0, version = 7;
    struct tg_quota_view old = { &version, 7 }, new = { &version, 8 };

    (void) state; /* Q7 */
    assert_int_equal(tg_quota_take(&used, &grant, 5, day, &old, &charged),
        TG_OK);
    version = 8;
    assert_int_equal(tg_quota_take(&used, &grant, 6, day, &old, &charged),
        TG_OK); /* nobody counts months yet */
    assert_int_equal(tg_quota_take(&used, &grant, 1, month, &new, &charged),
        TG_OK);
    assert_int_equal(used, tg_quota_word(month, 1));
    assert_int_equal(tg_quota_take(&used, &grant, 6, day, &old, &charged),
        TG_BUSY);
    assert_int_equal(used, tg_quota_word(month, 1));
    assert_int_equal(tg_quota_take(&used, &grant, 1, month, &new, &charged),
        TG_LIMIT);
    used = 0; /* a word that never counted is of no kind */
    assert_int_equal(tg_quota_take(&used, &grant, 1, day, &old, &charged),
        TG_OK);
}

static void
the_largest_values_stay_in_their_bits(void **state)
{
    uint32_t         charged;
    _Atomic uint64_t used = tg_quota_word(7, UINT64_MAX), grant = 0;

    (void) state;
    assert_int_equal(tg_quota_word_period(used), 7);
    assert_int_equal(tg_quota_word_value(used), TG_QUOTA_USED_MAX);
    assert_int_equal(tg_quota_take(&used, &grant, UINT64_MAX, 7,
            NULL, &charged),
        TG_LIMIT);
    assert_int_equal(tg_quota_word_period(used), 7);
}

/* Q6 */
static void
a_word_that_has_moved_stays_as_it_was(void **state)
{
    uint32_t         charged, day = tg_quota_period_at(TG_QUOTA_DAY, 0, 1);
    uint64_t         words[] = { tg_quota_word(day, 4) | TG_QUOTA_MOVED,
        TG_QUOTA_MOVED, TG_QUOTA_AWAITED };
    _Atomic uint64_t used, grant = 0;

    (void) state;
    for (size_t i = 0; i < 3; i++) {
        used = words[i];
        assert_int_equal(tg_quota_take(&used, &grant, 9, day, NULL, &charged),
            TG_STALE);
        assert_int_equal(tg_quota_take(&used, &grant, 0, day + 1,
                NULL, &charged),
            TG_STALE);
        assert_int_equal(tg_quota_give_back(&used, day), TG_STALE);
        assert_true(used == words[i]);
    }
    assert_int_equal(tg_quota_used(words[0], day), 4);
    assert_int_equal(tg_quota_word_period(words[0]), day);
    assert_int_equal(tg_quota_used(TG_QUOTA_AWAITED, day), 0);
    /* no word of a period is taken for one of them */
    for (int p = TG_QUOTA_NONE; p <= TG_QUOTA_MONTH; p++) {
        uint32_t last = tg_quota_period_at((enum tg_quota_period) p, 0,
            INT64_C(1) << 50);

        assert_true((tg_quota_word(last, UINT64_MAX) & TG_QUOTA_MOVED) == 0);
    }
}

struct crowd {
    _Atomic uint64_t used, grant;
    _Atomic uint64_t admitted[2];
    _Atomic unsigned started;
    uint32_t         day;
};

static void *
member(void *data)
{
    uint32_t      charged;
    struct crowd *c = data;

    c->started++;
    for (int i = 0; i < 120000; i++) {
        /* the second half is past midnight, at different moments */
        uint32_t now = c->day + (i >= 60000);

        if (tg_quota_take(&c->used, &c->grant, 50000, now, NULL, &charged)
            == TG_OK)
        {
            c->admitted[charged - c->day]++;
            if (i % 8 == 0) {
                assert_int_equal(tg_quota_give_back(&c->used, charged),
                    TG_OK);
                if (charged == c->day + 1) {
                    c->admitted[1]--;
                }
            }
        }
    }
    return NULL;
}

static void
many_threads_over_midnight_take_exactly_the_limit(void **state)
{
    enum { THREADS = 4 };

    pthread_t    threads[THREADS];
    struct crowd c = { .day = tg_quota_period_at(TG_QUOTA_DAY, 0, 86400) };

    (void) state; /* Q1, Q2 */
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, member, &c), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(c.admitted[1], 50000);
    assert_int_equal(c.used, tg_quota_word(c.day + 1, 50000));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(periods_start_where_the_calendar_says),
        cmocka_unit_test(a_period_is_never_0_and_fits_its_bits),
        cmocka_unit_test(exactly_the_limit_is_taken_in_a_period),
        cmocka_unit_test(a_late_clock_counts_into_the_newer_period),
        cmocka_unit_test(a_grant_rules_in_its_own_period_only),
        cmocka_unit_test(giving_back_needs_the_same_period),
        cmocka_unit_test(a_word_that_has_moved_stays_as_it_was),
        cmocka_unit_test(a_plan_that_changes_its_period_starts_anew),
        cmocka_unit_test(old_rules_start_no_count_of_another_kind),
        cmocka_unit_test(the_largest_values_stay_in_their_bits),
        cmocka_unit_test(many_threads_over_midnight_take_exactly_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
