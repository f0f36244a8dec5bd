/*
 * wide.c - cells whose lanes have 64 bits, through collector and recovery
 *
 * Slot 2 with slot 3 is such a cell; slots 0 and 4 are not.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support.h"

#include "core/hours.h"

#define UNITS "SELECT coalesce(SUM(quantity), 0) FROM usage_detail"
#define OURS UNITS " WHERE agreement_id = 'agr-1' AND key_id = 'key-2'"
#define MUCH (UINT64_C(1) << 32)

static void
set_wide(struct world *w, uint32_t is_wide)
{
    atomic_store(&tg_meters_cell(w->meters, 2)->is_wide, is_wide);
}

static _Atomic uint64_t *
lane_of(const struct world *w, int64_t hour)
{
    return tg_meters_wide_lane(w->meters, 2, tg_hour_lane(hour));
}

static void
count(struct world *w, uint64_t units)
{
    tg_meters_count(w->meters, 2, tg_hour_of(w->now_s), units);
}

static void
sweep(struct world *w, enum tg_status expected)
{
    assert_int_equal(tg_collector_fold(w->collector, true, w->now_s,
        &w->err), expected);
}

static int
set_up(void **state)
{
    struct world *w;

    if (world_set_up(state) != 0) {
        return -1;
    }
    w = *state;
    world_owner(w, 2, 1, "agr-1", "key-2");
    world_owner(w, 4, 1, "agr-1", "key-3");
    set_wide(w, 1);
    return 0;
}

static void
units_beyond_32_bits_arrive_once(void **state)
{
    /* what each fold finds, and below it a lane's lower half */
    static const uint64_t counts[] = { 1, MUCH - 1, MUCH, 1, 5 * MUCH + 7,
        MUCH / 2, MUCH / 2, 0, 3, INT64_C(1) << 45 };
    int64_t       all = 0;
    struct world *w = *state;

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        count(w, counts[i]);
        world_count(w, 0, 1);
        world_count(w, 4, 1);
        all += (int64_t) counts[i];
        assert_int_equal(world_fold(w), TG_OK);
        assert_true(world_int(w, OURS) == all);
        assert_int_equal(world_fold(w), TG_OK);
        if (i % 3 == 2) {
            world_restart(w);
        }
        sweep(w, TG_OK);
        assert_true(world_int(w, OURS) == all);
        assert_true(world_int(w, UNITS) == all + 2 * ((int64_t) i + 1));
    }
    assert_true(atomic_load(lane_of(w, HOUR)) == (uint64_t) all);
}

/* Between a count and its mark a worker is killed: M3. */
static void
what_nobody_marked_is_found_by_the_sweep(void **state)
{
    struct world *w = *state;

    assert_int_equal(world_fold(w), TG_OK);
    atomic_fetch_add(lane_of(w, HOUR), MUCH); /* the upper half alone */
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, OURS), 0);
    sweep(w, TG_OK);
    assert_true(world_int(w, OURS) == MUCH);
    world_restart(w);
    assert_int_equal(world_fold(w), TG_OK);
    assert_true(world_int(w, OURS) == MUCH);
}

/* By a clock hours behind, in a lane whose marks are settled (K3). */
static void
a_count_in_an_old_lane_is_found_by_the_sweep(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 5; i++) {
        count(w, 1);
        assert_int_equal(world_fold(w), TG_OK);
        world_pass(w, 3600);
    }
    /* As much as halves that are added up would not show. */
    tg_meters_count(w->meters, 2, HOUR, MUCH - 1);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, OURS), 5);
    sweep(w, TG_OK);
    assert_true(world_int(w, OURS) == MUCH + 4);
}

static void
a_lane_behind_its_mark_stops_folding(void **state)
{
    struct world *w = *state;

    count(w, 3 * MUCH + 2);
    assert_int_equal(world_fold(w), TG_OK);
    atomic_fetch_sub(lane_of(w, HOUR), 5); /* borrows from the upper half */
    world_restart(w);
    assert_int_equal(world_fold(w), TG_CORRUPT); /* F4 */
    assert_non_null(strstr(w->err.message, "slot 2"));
    assert_true(world_int(w, OURS) == 3 * MUCH + 2);
}

static void
a_lane_is_lifted_after_a_power_cut(void **state)
{
    struct world *w = *state;

    count(w, 3 * MUCH + 2);
    world_count(w, 4, 9);
    assert_int_equal(world_fold(w), TG_OK);
    atomic_fetch_sub(lane_of(w, HOUR), 5);
    world_boot_anew(w);
    world_restart(w);
    assert_true(atomic_load(lane_of(w, HOUR)) == 3 * MUCH + 2);
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM audit_event WHERE"
        " event_name = 'RepairMeters'"), 1);
    count(w, MUCH);
    assert_int_equal(world_fold(w), TG_OK);
    assert_true(world_int(w, OURS) == 4 * MUCH + 2);
    assert_true(world_int(w, UNITS) == 4 * MUCH + 11);
}

/* Makes slots 2 and 3 ready for others, as the collector and a binding do. */
static void
reuse(struct world *w, uint32_t is_wide)
{
    assert_int_equal(world_fold(w), TG_OK);
    world_sql(w, "UPDATE meter_owner SET state = 'closed' WHERE slot IN"
        " (2, 3)");
    set_wide(w, is_wide);
}

/* M2, M5: lanes and marks pass on, whatever the slots were before. */
static void
slots_change_between_wide_and_not(void **state)
{
    struct world *w = *state;

    count(w, 2 * MUCH + 10);
    reuse(w, 0);
    world_owner(w, 2, 2, "agr-1", "key-4");
    world_owner(w, 3, 2, "agr-1", "key-5");
    world_count(w, 2, 4);
    world_count(w, 3, 5);
    reuse(w, 1);
    world_owner(w, 2, 3, "agr-1", "key-6");
    count(w, MUCH + 1);
    world_restart(w);
    assert_int_equal(world_fold(w), TG_OK);
    assert_true(world_int(w, OURS) == 2 * MUCH + 10);
    assert_int_equal(world_int(w, UNITS " WHERE key_id = 'key-4'"), 4);
    assert_int_equal(world_int(w, UNITS " WHERE key_id = 'key-5'"), 5);
    assert_true(world_int(w, UNITS " WHERE key_id = 'key-6'") == MUCH + 1);
    assert_true(world_int(w, UNITS) == 3 * MUCH + 20);
}

int
main(void)
{
#define WIDE_TEST(name)                                                       \
    cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        WIDE_TEST(units_beyond_32_bits_arrive_once),
        WIDE_TEST(what_nobody_marked_is_found_by_the_sweep),
        WIDE_TEST(a_count_in_an_old_lane_is_found_by_the_sweep),
        WIDE_TEST(a_lane_behind_its_mark_stops_folding),
        WIDE_TEST(a_lane_is_lifted_after_a_power_cut),
        WIDE_TEST(slots_change_between_wide_and_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
