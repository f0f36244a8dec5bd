/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "core/hours.h"

#define UNITS "SELECT SUM(quantity) FROM usage_detail"
#define AUDITED "SELECT COUNT(*) FROM audit_event WHERE event_name = "

static void
after_a_power_cut_it_is_lifted(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 5);
    assert_int_equal(world_fold(w), TG_OK);
    atomic_fetch_sub(world_lane(w), 2);
    world_boot_anew(w);
    world_restart(w);
    assert_int_equal(world_fold(w), TG_OK);
    world_count(w, 0, 1);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS), 6);
    assert_int_equal(world_int(w, AUDITED "'RepairMeters'"), 1);
}

static void
an_old_store_holds_sealing_until_a_person_confirms(void **state)
{
    char          reason[TG_GUARD_REASON_SIZE];
    struct world *w = *state;

    world_count(w, 0, 5);
    assert_int_equal(world_fold(w), TG_OK);
    world_sql(w, "UPDATE fold SET sequence = 0"); /* as of an old copy */
    world_restart(w);
    assert_true(tg_guard_reason(&w->guard, reason));
    assert_non_null(strstr(reason, "old copy"));
    assert_int_equal(world_fold(w), TG_OK); /* folding goes on */
    world_restart(w);
    assert_true(tg_guard_reason(&w->guard, reason)); /* and it is kept */
    assert_int_equal(world_step(w), TG_BUSY);
    assert_int_equal(world_int(w, AUDITED "'HoldSealing'"), 1);
}

/* Its hours may have been counted under a wrong name; no Date tells which. */
static void
a_clock_before_the_newest_hour_is_seen_after_a_boot(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 5);
    assert_int_equal(world_fold(w), TG_OK);
    world_boot_anew(w);
    w->now_s -= 2 * 3600;
    w->market.now_s = w->now_s;
    world_restart(w);
    assert_true(tg_guard_date(&w->guard, w->now_s, w->now_s, w->boot_s));
    assert_false(tg_guard_look(&w->guard, w->now_s, w->boot_s));
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_step(w), TG_BUSY);
    world_pass(w, 2 * 3600);
    assert_true(tg_guard_look(&w->guard, w->now_s, w->boot_s));
}

static void
another_set_of_files_is_noted(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 5);
    assert_int_equal(world_fold(w), TG_OK);
    w->board.page->file_id[0] ^= 1;
    /* the pieces are of the former set: they are refused by name */
    assert_int_equal(world_try_restart(w), TG_CORRUPT);
    w->board.page->file_id[0] ^= 1;
    world_restart(w);
    world_sql(w, "UPDATE fold SET file_id = 'former'");
    world_restart(w);
    world_restart(w); /* it is said once */
    assert_int_equal(world_int(w, AUDITED "'ReplaceMeters'"), 1);
}

/* Commits of folds that a power cut took: what lies between mark and lane
   is folded again, and there is nothing to mend (section 6). */
static void
folds_that_a_power_cut_took_are_done_again(void **state)
{
    char          reason[TG_GUARD_REASON_SIZE];
    struct world *w = *state;

    world_count(w, 0, 5);
    assert_int_equal(world_fold(w), TG_OK);
    world_boot_anew(w);
    world_keep_store(w);
    world_count(w, 0, 3);
    world_pass(w, 3600);
    world_count(w, 0, 2);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS), 10);
    world_put_store_back(w);
    w->board.page->boot_id[0] ^= 1;
    world_restart(w);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS " WHERE hour = 1795395600"), 8);
    assert_int_equal(world_int(w, UNITS " WHERE hour = 1795399200"), 2);
    assert_int_equal(world_int(w, AUDITED "'HoldSealing'"), 0);
    assert_int_equal(world_int(w, AUDITED "'RepairMeters'"), 0);
    tg_guard_confirm_clock(&w->guard, w->now_s, w->boot_s);
    assert_false(tg_guard_reason(&w->guard, reason));
}

/* The same without a new boot is somebody's doing: who knows what was
   sealed since. */
static void
an_older_copy_of_the_store_is_noticed(void **state)
{
    char          reason[TG_GUARD_REASON_SIZE];
    struct world *w = *state;

    world_count(w, 0, 5);
    assert_int_equal(world_fold(w), TG_OK);
    world_keep_store(w);
    world_count(w, 0, 3);
    assert_int_equal(world_fold(w), TG_OK);
    world_put_store_back(w);
    world_restart(w);
    assert_true(tg_guard_reason(&w->guard, reason));
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS), 8);
    assert_int_equal(world_int(w, AUDITED "'HoldSealing'"), 1);
}

/* F3: marks of other files are nothing to these. */
static void
marks_of_another_set_of_files_do_not_apply(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 500);
    assert_int_equal(world_fold(w), TG_OK);
    world_make_files_anew(w);
    world_restart(w);
    world_owner(w, 0, 1, "agr-1", "key-1");
    world_count(w, 0, 3); /* far behind the former mark */
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS), 503);
    assert_int_equal(world_int(w, AUDITED "'ReplaceMeters'"), 1);
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM meter_file"), 2);
}

/* A power cut may take the page with the board's number of the last fold,
   or leave it ahead of the store's: neither is an old copy. */
static void
after_a_power_cut_the_board_may_be_ahead(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 5);
    assert_int_equal(world_fold(w), TG_OK);
    atomic_fetch_add(&w->board.page->fold_sequence, 100);
    world_boot_anew(w);
    world_restart(w);
    world_count(w, 0, 1);
    assert_int_equal(world_fold(w), TG_OK);
    world_restart(w); /* in the same boot again */
    assert_int_equal(world_int(w, AUDITED "'HoldSealing'"), 0);
    assert_int_equal(world_int(w, UNITS), 6);
}

int
main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(after_a_power_cut_it_is_lifted),
        TEST(an_old_store_holds_sealing_until_a_person_confirms),
        TEST(a_clock_before_the_newest_hour_is_seen_after_a_boot),
        TEST(another_set_of_files_is_noted),
        TEST(folds_that_a_power_cut_took_are_done_again),
        TEST(an_older_copy_of_the_store_is_noticed),
        TEST(marks_of_another_set_of_files_do_not_apply),
        TEST(after_a_power_cut_the_board_may_be_ahead),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
