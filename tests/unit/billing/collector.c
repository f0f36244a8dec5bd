/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "core/hours.h"

#define UNITS "SELECT SUM(quantity) FROM usage_detail"

static void
what_was_counted_is_folded_once(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 3);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS), 3);
    world_count(w, 0, 2);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS " WHERE agreement_id = 'agr-1' AND"
        " hour = 1795395600 AND key_id = 'key-1' AND reason = ''"), 5);
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM usage_detail"), 1);
    assert_int_equal(atomic_load(&w->board.page->fold_sequence),
        world_int(w, "SELECT sequence FROM fold"));
}

static void
a_restart_changes_no_sum(void **state)
{
    int           i;
    struct world *w = *state;

    for (i = 1; i <= 5; i++) {
        world_count(w, 0, 10);
        if (i % 2 != 0) {
            assert_int_equal(world_fold(w), TG_OK);
        }
        world_restart(w);
        assert_int_equal(world_fold(w), TG_OK);
        assert_int_equal(world_int(w, UNITS), 10 * i);
    }
}

static void
each_unit_finds_its_hour_after_thirty_hours_away(void **state)
{
    int           i;
    char          sql[128];
    struct world *w = *state;

    for (i = 0; i < 30; i++) {
        world_count(w, 0, (uint32_t) i + 1);
        world_pass(w, 3600);
    }
    world_restart(w);
    assert_int_equal(world_fold(w), TG_OK);
    for (i = 0; i < 30; i++) {
        (void) snprintf(sql, sizeof(sql), UNITS " WHERE hour = %lld",
            (long long) HOUR + i * 3600);
        assert_int_equal(world_int(w, sql), i + 1);
    }
}

/* F9: a lane whose hour may have been another one says so. */
static void
after_more_than_thirty_hours_the_later_hour_is_named(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 1);
    assert_int_equal(world_fold(w), TG_OK);
    world_count(w, 0, 2); /* in HOUR, and never folded in time */
    world_pass(w, 32 * 3600);
    world_count(w, 0, 4); /* the same lane */
    world_restart(w);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS), 7);
    assert_int_equal(world_int(w, UNITS " WHERE hour = used_hour AND hour ="
        " 1795510800 AND agreement_id = 'agr-1' AND reason LIKE 'nobody had"
        " folded for more than 30 hours%'"), 6);
    assert_int_equal(tg_collector_stats(w->collector).unsure, 6);
    world_count(w, 0, 8);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS " WHERE hour = 1795510800 AND"
        " reason = ''"), 8);
}

/* The lane's next hour is to come: nobody can have called in it. */
static void
after_more_than_thirty_hours_no_hour_is_still_to_come(void **state)
{
    char          reason[TG_GUARD_REASON_SIZE];
    struct world *w = *state;

    world_count(w, 0, 1);
    assert_int_equal(world_fold(w), TG_OK);
    world_count(w, 0, 2); /* in HOUR */
    world_pass(w, 31 * 3600);
    world_restart(w);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS " WHERE used_hour = 1795395600"), 3);
    assert_int_equal(tg_collector_stats(w->collector).unsure, 0);
    assert_true(tg_guard_look(&w->guard, w->now_s, w->boot_s));
    assert_false(tg_guard_reason(&w->guard, reason));
}

/* The daemon was there, but there was nothing to fold: nothing is unsure. */
static void
idle_hours_make_no_hour_unsure(void **state)
{
    int           i;
    struct world *w = *state;

    world_count(w, 0, 1);
    for (i = 0; i < 40; i++) {
        assert_int_equal(world_fold(w), TG_OK);
        world_pass(w, 3600);
    }
    world_restart(w);
    world_count(w, 0, 2);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS " WHERE reason = ''"), 3);
}

/* A kill between a worker's add and its mark (M3): the sweeps find it. */
static void
what_nobody_marked_is_found_at_start_and_before_a_seal(void **state)
{
    struct world *w = *state;
    _Atomic uint32_t *lane = world_lane(w);

    assert_int_equal(world_fold(w), TG_OK);
    atomic_fetch_add(lane, 3);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS), 0);
    world_restart(w);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS), 3);
    atomic_fetch_add(lane, 4);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, "SELECT quantity FROM ledger_record WHERE"
        " hour = 1795395600"), 7);
}

static void
a_worker_whose_clock_is_ahead_finds_its_hour(void **state)
{
    struct world *w = *state;

    world_pass(w, 3498); /* two seconds before the hour ends */
    tg_meters_count(w->meters, 0, HOUR + 3600, 2);
    world_count(w, 0, 1);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS " WHERE hour = 1795399200"), 2);
    assert_int_equal(world_int(w, UNITS " WHERE hour = 1795395600"), 1);
}

/*
 * A leap second is the last second of an hour twice over, perhaps behind the
 * first of the next.  Sealing waits that second; each call finds its hour.
 */
static void
a_leap_seconds_hour_is_an_hour(void **state)
{
    int           i;
    int64_t       after;
    struct world *w = *state;

    after = w->now_s + 3500; /* the first second of the next hour */
    world_pass(w, after - 2 - w->now_s);
    for (i = 0; i < 2; i++) {
        world_count(w, 0, 1);
        world_pass(w, 1);
    }
    assert_int_equal(w->now_s, after);
    world_count(w, 0, 10);
    assert_int_equal(world_fold(w), TG_OK);
    w->now_s -= 1; /* 23:59:59 once more, as POSIX clocks do it */
    assert_false(tg_guard_look(&w->guard, w->now_s, ++w->boot_s));
    world_count(w, 0, 1);
    assert_int_equal(world_fold(w), TG_OK);
    world_pass(w, 1);
    assert_true(tg_guard_look(&w->guard, w->now_s, w->boot_s));
    world_pass(w, 3600 + 70);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, "SELECT quantity FROM ledger_record WHERE"
        " hour = 1795395600"), 3);
    assert_int_equal(world_int(w, "SELECT quantity FROM ledger_record WHERE"
        " hour = 1795399200"), 10);
}

/* Section 6: folds may be lost in a power cut, whole ones; a seal not. */
static void
a_seal_is_synced_and_a_fold_is_not(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 3);
    fault_begin();
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(fault_syncs(), 0);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    assert_true(fault_syncs() > 0);
    fault_end();
    fault_begin();
    assert_int_equal(world_step(w), TG_OK); /* sent, and settled */
    assert_true(fault_syncs() >= 2);
    fault_end();
}

static void
the_row_of_the_fold_says_how_far(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 3);
    assert_int_equal(world_fold(w), TG_OK);
    assert_true(world_int(w, "SELECT folded_through FROM fold") == w->now_s);
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM fold WHERE node ="
        " (SELECT value FROM meta WHERE name = 'node_id')"), 1);
    assert_int_equal(world_int(w, "SELECT COUNT(DISTINCT node) FROM"
        " usage_detail d JOIN fold USING (node)"), 1);
}

static void
lanes_roll_over(void **state)
{
    struct world *w = *state;

    atomic_store(world_lane(w), UINT32_C(0x7ffffff0));
    assert_int_equal(tg_collector_fold(w->collector, true, w->now_s,
        &w->err), TG_OK);
    atomic_store(world_lane(w), UINT32_C(0xfffffff0));
    assert_int_equal(tg_collector_fold(w->collector, true, w->now_s,
        &w->err), TG_CORRUPT); /* 2^31 at once: none */
    world_restart(w);
    atomic_store(world_lane(w), UINT32_C(0xfffffff0) - 1);
    assert_int_equal(world_fold(w), TG_OK);
    atomic_store(world_lane(w), 16);
    assert_int_equal(tg_collector_fold(w->collector, true, w->now_s,
        &w->err), TG_OK);
    assert_true(world_int(w, UNITS) == INT64_C(0x100000010));
}

static void
held_units_say_why(void **state)
{
    struct world *w = *state;

    world_owner(w, 1, 1, NULL, "key-2");
    world_count(w, 1, 4);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS " WHERE agreement_id = '' AND"
        " reason = 'nobody is known' AND key_id = 'key-2'"), 4);
}

static void
units_of_another_owner_are_set_aside(void **state)
{
    struct world *w = *state;

    atomic_store(&tg_meters_cell(w->meters, 0)->owner, 7);
    world_count(w, 0, 4);
    world_count(w, 9, 2); /* nobody's slot */
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS " WHERE agreement_id = ''"), 6);
    assert_int_equal(tg_collector_stats(w->collector).set_aside, 6);
    assert_int_equal(world_int(w, UNITS " WHERE reason LIKE '%another"
        " owner%'"), 4);
    assert_int_equal(world_int(w, UNITS " WHERE reason LIKE '%no owner%'"),
        2);
}

static void
a_sealed_hour_stays_as_it_is(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 4);
    assert_int_equal(world_seal_early(w, "agr-1"), TG_OK);
    world_count(w, 0, 2);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS " WHERE hour = 1795395600"), 4);
    assert_int_equal(world_int(w, UNITS " WHERE hour = 1795399200 AND"
        " used_hour = 1795395600 AND reason LIKE 'its hour was sealed%'"),
        2);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    world_pass(w, 3600);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, "SELECT quantity FROM ledger_record WHERE"
        " hour = 1795399200"), 2);
    assert_int_equal(world_int(w, "SELECT SUM(quantity) FROM"
        " ledger_record"), 6);
}

/* F6 also for a cell that is known by its row's number. */
static void
a_cell_that_counts_on_notices_the_seal(void **state)
{
    int           i;
    struct world *w = *state;

    world_agreement(w, "agr-2", "222222222222", "account");
    world_owner(w, 1, 1, "agr-2", "key-2");
    for (i = 0; i < 3; i++) {
        world_count(w, 0, 1);
        world_count(w, 1, 10);
        assert_int_equal(world_fold(w), TG_OK);
    }
    assert_int_equal(world_seal_early(w, "agr-1"), TG_OK);
    for (i = 0; i < 3; i++) {
        world_count(w, 0, 1);
        world_count(w, 1, 10);
        assert_int_equal(world_fold(w), TG_OK);
    }
    assert_int_equal(world_int(w, UNITS " WHERE hour = 1795395600 AND"
        " agreement_id = 'agr-1'"), 3);
    assert_int_equal(world_int(w, UNITS " WHERE hour = 1795399200 AND"
        " agreement_id = 'agr-1' AND reason LIKE 'its hour was sealed%'"),
        3);
    assert_int_equal(world_int(w, UNITS " WHERE hour = 1795395600 AND"
        " agreement_id = 'agr-2'"), 60);
}

/* The row's number goes with its owner: the next one has his own. */
static void
the_next_owner_of_a_slot_has_a_row_of_his_own(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 5);
    assert_int_equal(world_fold(w), TG_OK);
    world_sql(w, "UPDATE meter_owner SET state = 'closed'");
    world_agreement(w, "agr-2", "222222222222", "account");
    world_owner(w, 0, 2, "agr-2", "key-2");
    world_count(w, 0, 3);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS " WHERE agreement_id = 'agr-1'"), 5);
    assert_int_equal(world_int(w, UNITS " WHERE agreement_id = 'agr-2'"), 3);
}

/* A transaction that failed leaves no number behind that is not there. */
static void
rows_of_a_failed_fold_are_forgotten(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 5);
    world_sql(w, "CREATE TRIGGER no BEFORE INSERT ON fold BEGIN"
        " SELECT RAISE(ABORT, 'no'); END");
    assert_int_not_equal(world_fold(w), TG_OK);
    world_sql(w, "DROP TRIGGER no");
    world_count(w, 0, 1);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS), 6);
}

static void
a_lane_behind_its_mark_stops_folding_in_the_same_boot(void **state)
{
    char          reason[TG_GUARD_REASON_SIZE];
    struct world *w = *state;

    world_count(w, 0, 5);
    assert_int_equal(world_fold(w), TG_OK);
    atomic_fetch_sub(world_lane(w), 2);
    world_restart(w);
    assert_int_equal(world_fold(w), TG_CORRUPT);
    assert_non_null(strstr(w->err.message, "slot 0"));
    assert_int_equal(world_fold(w), TG_CORRUPT);
    assert_true(tg_guard_reason(&w->guard, reason));
    assert_int_equal(world_int(w, UNITS), 5);
}

static void
a_retired_slot_is_folded_and_closed(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 5);
    world_sql(w, "UPDATE meter_owner SET state = 'retired',"
        " retired_epoch = 2");
    atomic_store(&w->board.page->epoch, 1);
    assert_int_equal(world_fold(w), TG_OK);
    assert_string_equal(world_text(w, "SELECT state FROM meter_owner"),
        "retired");
    world_count(w, 0, 1);
    atomic_store(&w->board.page->epoch, 2);
    assert_int_equal(world_fold(w), TG_OK); /* F7; dirty and retired: once */
    assert_string_equal(world_text(w, "SELECT state FROM meter_owner"),
        "closed");
    assert_int_equal(world_int(w, UNITS), 6);
    world_owner(w, 0, 2, NULL, "key-2");
    world_count(w, 0, 3);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS " WHERE key_id = 'key-2'"), 3);
}

int
main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_was_counted_is_folded_once),
        TEST(a_restart_changes_no_sum),
        TEST(each_unit_finds_its_hour_after_thirty_hours_away),
        TEST(after_more_than_thirty_hours_the_later_hour_is_named),
        TEST(after_more_than_thirty_hours_no_hour_is_still_to_come),
        TEST(idle_hours_make_no_hour_unsure),
        TEST(what_nobody_marked_is_found_at_start_and_before_a_seal),
        TEST(a_worker_whose_clock_is_ahead_finds_its_hour),
        TEST(a_leap_seconds_hour_is_an_hour),
        TEST(a_seal_is_synced_and_a_fold_is_not),
        TEST(the_row_of_the_fold_says_how_far),
        TEST(lanes_roll_over),
        TEST(held_units_say_why),
        TEST(units_of_another_owner_are_set_aside),
        TEST(a_sealed_hour_stays_as_it_is),
        TEST(a_cell_that_counts_on_notices_the_seal),
        TEST(the_next_owner_of_a_slot_has_a_row_of_his_own),
        TEST(rows_of_a_failed_fold_are_forgotten),
        TEST(a_lane_behind_its_mark_stops_folding_in_the_same_boot),
        TEST(a_retired_slot_is_folded_and_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
