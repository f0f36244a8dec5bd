/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#define D(g, now, boot) tg_guard_look(&(g), (now), (boot))

static struct tg_guard g;
static char            reason[TG_GUARD_REASON_SIZE];

static int
set_up(void **state)
{
    (void) state;
    tg_guard_init(&g);
    return 0;
}

static int
tear_down(void **state)
{
    (void) state;
    tg_guard_clear(&g);
    return 0;
}

static void
a_new_clock_waits_for_the_marketplaces(void **state)
{
    (void) state;
    assert_false(D(g, NOW, BOOT));
    assert_true(tg_guard_reason(&g, reason)); /* G1 */
    assert_true(tg_guard_wants_date(&g));
    assert_true(tg_guard_date(&g, NOW + 60, NOW, BOOT));
    assert_false(tg_guard_reason(&g, reason));
    assert_true(D(g, NOW + 1, BOOT + 1));
}

static void
a_restart_in_the_same_boot_goes_on(void **state)
{
    (void) state;
    tg_guard_resume(&g, NOW - BOOT, HOUR);
    assert_true(D(g, NOW + 5000, BOOT + 5000));
}

static void
a_step_waits_until_the_clocks_agree_again(void **state)
{
    (void) state;
    tg_guard_resume(&g, NOW - BOOT, HOUR);
    assert_true(D(g, NOW + 60, BOOT));
    assert_false(D(g, NOW + 7200, BOOT));
    assert_true(tg_guard_reason(&g, reason));
    assert_non_null(strstr(reason, "clock"));
    assert_true(tg_guard_wants_date(&g));
    assert_true(D(g, NOW + 60, BOOT)); /* back where it was */
    assert_false(D(g, NOW + 7200, BOOT));
    assert_true(tg_guard_date(&g, NOW + 7201, NOW + 7200, BOOT));
    assert_true(D(g, NOW + 7201, BOOT + 1));
    assert_false(D(g, NOW + 60, BOOT + 2));
}

static void
slewing_is_no_step(void **state)
{
    int64_t i;

    (void) state;
    tg_guard_resume(&g, NOW - BOOT, HOUR);
    for (i = 0; i < 1000; i++) {
        assert_true(D(g, NOW + 2 * i, BOOT + i));
    }
}

static void
another_date_is_a_doubt(void **state)
{
    (void) state;
    tg_guard_resume(&g, NOW - BOOT, HOUR);
    assert_false(tg_guard_date(&g, NOW + 61, NOW, BOOT));
    assert_true(tg_guard_reason(&g, reason));
    assert_false(D(g, NOW, BOOT)); /* steady is not enough now */
    assert_true(tg_guard_date(&g, NOW, NOW, BOOT));
    assert_true(D(g, NOW, BOOT));
}

static void
before_the_newest_hour_only_time_or_a_person_helps(void **state)
{
    (void) state;
    tg_guard_resume(&g, NOW - BOOT, HOUR);
    tg_guard_counted(&g, HOUR + 7200);
    assert_false(D(g, NOW, BOOT));
    assert_false(tg_guard_wants_date(&g));
    assert_true(tg_guard_date(&g, NOW, NOW, BOOT));
    assert_false(D(g, NOW, BOOT));
    assert_true(tg_guard_reason(&g, reason));
    assert_true(D(g, NOW + 7200, BOOT + 7200));
    assert_false(tg_guard_reason(&g, reason));
    tg_guard_counted(&g, HOUR + 14400);
    assert_false(D(g, NOW + 7200, BOOT + 7200));
    tg_guard_confirm_clock(&g, NOW + 7200, BOOT + 7200);
    assert_true(D(g, NOW + 7200, BOOT + 7200));
}

static void
an_old_store_and_damaged_meters_are_reasons(void **state)
{
    int64_t offset, newest;

    (void) state;
    tg_guard_confirm_clock(&g, NOW, BOOT);
    tg_guard_hold_store(&g, "old store");
    assert_true(tg_guard_reason(&g, reason));
    assert_string_equal(reason, "old store");
    tg_guard_stop(&g, "damaged");
    assert_true(tg_guard_reason(&g, reason));
    assert_string_equal(reason, "damaged");
    tg_guard_hold_store(&g, "");
    assert_true(tg_guard_reason(&g, reason));
    tg_guard_state(&g, &offset, &newest);
    assert_int_equal(offset, NOW - BOOT);
    assert_int_equal(newest, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_new_clock_waits_for_the_marketplaces),
        TEST(a_restart_in_the_same_boot_goes_on),
        TEST(a_step_waits_until_the_clocks_agree_again),
        TEST(slewing_is_no_step),
        TEST(another_date_is_a_doubt),
        TEST(before_the_newest_hour_only_time_or_a_person_helps),
        TEST(an_old_store_and_damaged_meters_are_reasons),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
