/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/hours.h"
#include "util/clock.h"

static int64_t
at(const char *text)
{
    int64_t time_s;

    assert_int_equal(tg_time_parse(&time_s, text), TG_OK);
    return time_s;
}

static void
an_hour_is_the_second_it_starts(void **state)
{
    (void) state;
    assert_int_equal(tg_hour_of(at("2026-11-23T04:00:00Z")),
        at("2026-11-23T04:00:00Z"));
    assert_int_equal(tg_hour_of(at("2026-11-23T04:59:59Z")),
        at("2026-11-23T04:00:00Z"));
    assert_int_equal(tg_hour_of(0), 0);
}

static void
a_lane_leads_back_to_its_hour(void **state)
{
    int64_t now = at("2026-11-23T04:59:59Z");

    (void) state;
    for (int back = -1; back <= 30; back++) {
        int64_t hour = tg_hour_of(now) - (int64_t) back * TG_HOUR_S;

        assert_true(tg_hour_lane(hour) < TG_LANES);
        assert_int_equal(tg_hour_of_lane(tg_hour_lane(hour), now), hour);
    }
    /* 31 hours back the lane belongs to the next hour already */
    assert_int_equal(tg_hour_of_lane(
            tg_hour_lane(tg_hour_of(now) - 31 * TG_HOUR_S), now),
        tg_hour_of(now) + TG_HOUR_S);
}

static void
the_deadline_is_a_day_or_the_end_of_the_month(void **state)
{
    static const struct {
        const char *timestamp, *deadline;
    } rows[] = {
        { "2026-11-23T04:00:00Z", "2026-11-24T04:00:00Z" },
        { "2026-11-30T06:00:00Z", "2026-12-01T06:00:00Z" },
        { "2026-11-30T06:00:01Z", "2026-12-01T06:00:00Z" },
        { "2026-11-30T05:00:00Z", "2026-12-01T05:00:00Z" },
        { "2026-11-30T23:59:59Z", "2026-12-01T06:00:00Z" },
        { "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z" },
        { "2026-12-31T23:00:00Z", "2027-01-01T06:00:00Z" },
        { "2028-02-28T23:00:00Z", "2028-02-29T23:00:00Z" },
        { "2028-02-29T23:00:00Z", "2028-03-01T06:00:00Z" },
        { "2027-02-28T23:00:00Z", "2027-03-01T06:00:00Z" },
    };

    (void) state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(tg_hour_deadline(at(rows[i].timestamp)),
            at(rows[i].deadline));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_hour_is_the_second_it_starts),
        cmocka_unit_test(a_lane_leads_back_to_its_hour),
        cmocka_unit_test(the_deadline_is_a_day_or_the_end_of_the_month),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
