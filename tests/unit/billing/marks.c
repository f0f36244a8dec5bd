/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "core/hours.h"

#define UNITS "SELECT coalesce(SUM(quantity), 0) FROM usage_detail"

/* Every lane comes round twice, settled in between. */
static void
lanes_come_round(void **state)
{
    int           i;
    int64_t       all = 0;
    char          sql[128];
    struct world *w = *state;

    world_owner(w, 1, 1, "agr-1", "key-2");
    for (i = 0; i < 70; i++) {
        world_count(w, 0, (uint32_t) i + 1);
        if (i % 3 == 0) {
            assert_int_equal(world_fold(w), TG_OK);
        }
        world_count(w, 0, 5);
        world_count(w, 1, 2);
        all += i + 8;
        assert_int_equal(world_fold(w), TG_OK);
        assert_int_equal(world_int(w, UNITS), all);
        (void) snprintf(sql, sizeof(sql), UNITS " WHERE key_id = 'key-1'"
            " AND hour = %lld AND reason = ''",
            (long long) HOUR + i * 3600);
        assert_int_equal(world_int(w, sql), i + 6);
        if (i % 10 == 9) {
            world_restart(w);
        }
        world_pass(w, 3600);
    }
}

/* A worker that had stopped for hours counts by an old clock (K3). */
static void
a_count_in_an_old_lane_is_found_by_the_sweep(void **state)
{
    int           i;
    struct world *w = *state;

    world_count(w, 0, 1);
    for (i = 0; i < 5; i++) {
        assert_int_equal(world_fold(w), TG_OK);
        world_pass(w, 3600);
        world_count(w, 0, 1);
    }
    tg_meters_count(w->meters, 0, HOUR, 100);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS), 6);
    assert_int_equal(tg_collector_fold(w->collector, true, w->now_s,
        &w->err), TG_OK);
    assert_int_equal(world_int(w, UNITS), 106);
    assert_int_equal(world_int(w, UNITS " WHERE used_hour = 1795395600"),
        101);
    world_restart(w);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS), 106);
}

/* The same in a lane that nobody has ever counted in. */
static void
a_count_in_an_unused_lane_is_found_by_the_sweep(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 1);
    assert_int_equal(world_fold(w), TG_OK);
    tg_meters_count(w->meters, 0, HOUR - 5 * 3600, 100);
    tg_meters_count(w->meters, 9000, HOUR - 5 * 3600, 7);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS), 1);
    assert_int_equal(tg_collector_fold(w->collector, true, w->now_s,
        &w->err), TG_OK);
    assert_int_equal(world_int(w, UNITS), 108);
    assert_int_equal(world_int(w, UNITS " WHERE used_hour = 1795377600"),
        107);
    world_restart(w);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS), 108);
}

/* A daemon that stood still for hours, or a clock that jumped. */
static void
who_was_away_for_hours_sees_all_lanes(void **state)
{
    struct world *w = *state;

    assert_int_equal(world_fold(w), TG_OK);
    world_count(w, 0, 5);
    world_pass(w, 3 * 3600);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS), 5);
    world_count(w, 0, 4);
    world_pass(w, -30 * 3600);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS), 9);
}

/* The same while nobody folds: found at the start. */
static void
a_count_in_an_old_lane_is_found_by_a_start(void **state)
{
    int           i;
    struct world *w = *state;

    for (i = 0; i < 5; i++) {
        world_count(w, 0, 1);
        assert_int_equal(world_fold(w), TG_OK);
        world_pass(w, 3600);
    }
    tg_meters_count(w->meters, 0, HOUR, 100);
    world_restart(w);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS " WHERE used_hour = 1795395600"),
        101);
}

/* What is settled is compared all the same (F4). */
static void
an_old_lane_behind_its_mark_stops_folding(void **state)
{
    int           i;
    struct world *w = *state;

    for (i = 0; i < 5; i++) {
        world_count(w, 0, 7);
        assert_int_equal(world_fold(w), TG_OK);
        world_pass(w, 3600);
    }
    atomic_store(world_lane(w), 3);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(tg_collector_fold(w->collector, true, w->now_s,
        &w->err), TG_CORRUPT);
    assert_int_equal(world_int(w, UNITS), 35);
}

/* A mark of a lane of which the meters say nothing any more is lifted. */
static void
old_lanes_are_lifted_after_a_power_cut(void **state)
{
    int           i;
    struct world *w = *state;

    for (i = 0; i < 5; i++) {
        world_count(w, 0, 7);
        assert_int_equal(world_fold(w), TG_OK);
        world_pass(w, 3600);
    }
    atomic_store(world_lane(w), 3);
    world_boot_anew(w);
    world_restart(w);
    assert_int_equal(atomic_load(world_lane(w)), 7);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS), 35);
}

int
main(void)
{
#define WORLD_TEST(name)                                                      \
    cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        WORLD_TEST(lanes_come_round),
        WORLD_TEST(a_count_in_an_old_lane_is_found_by_the_sweep),
        WORLD_TEST(a_count_in_an_unused_lane_is_found_by_the_sweep),
        WORLD_TEST(who_was_away_for_hours_sees_all_lanes),
        WORLD_TEST(a_count_in_an_old_lane_is_found_by_a_start),
        WORLD_TEST(an_old_lane_behind_its_mark_stops_folding),
        WORLD_TEST(old_lanes_are_lifted_after_a_power_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
