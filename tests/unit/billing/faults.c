/*
 * faults.c - the N-th thing fails, and the bill is exact all the same
 *
 * A fixed course of calls, folds, seals, reports and a restart is run with
 * the N-th allocation, file operation, step of SQL or request failing, once
 * and from then on; then the daemon starts anew and goes on to the end.  N
 * grows until a run meets no fault.  The same is done with what a start
 * mends: a power cut, another set of files, an old copy of the store.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support.h"

#include "core/hours.h"

#define HOURS 3
#define UNITS "SELECT COALESCE(SUM(quantity), 0) FROM usage_detail"

/* Not one failing thing in so many, unless the run is a long one. */
#define ALLOC_STRIDE 997
#define FILE_STRIDE 41
#define SQL_STRIDE 37

/* Calls of one hour; failures of what is in between are borne. */
static int64_t
run_hour(struct world *w, bool is_early)
{
    world_count(w, 0, 5);
    world_count(w, 1, 3);
    world_count(w, 2, 4); /* nobody's: held */
    (void) world_fold(w);
    world_count(w, 0, 1);
    (void) world_seal_early(w, is_early ? "agr-2" : "nobody");
    world_count(w, 1, 2);
    (void) world_fold(w);
    world_pass(w, 3700);
    (void) world_seal(w);
    (void) world_step(w);
    (void) world_step(w);
    return 11;
}

static int64_t
run_course(struct world *w)
{
    int     i;
    int64_t units = 0;

    for (i = 0; i < HOURS; i++) {
        if (i == 2) {
            (void) world_try_restart(w);
        }
        units += run_hour(w, i == 1);
    }
    return units;
}

/* Everything that is counted goes to where it belongs, and is there once. */
static void
check_bill(struct world *w, int64_t billed, int64_t held)
{
    world_restart(w);
    tg_guard_confirm_clock(&w->guard, w->now_s, w->boot_s);
    world_pass(w, 7300);
    assert_int_equal(world_seal(w), TG_OK);
    world_pass(w, 3700); /* what was carried into the hour before */
    assert_int_equal(world_seal(w), TG_OK);
    world_report(w);
    if (market_units(&w->market, "") != billed || w->market.conflicts != 0) {
        fail_msg("%s: %lld units billed of %lld, %d conflicts", fault_name(),
            (long long) market_units(&w->market, ""), (long long) billed,
            w->market.conflicts);
    }
    if (world_int(w, UNITS) != billed + held
        || world_int(w, UNITS " WHERE agreement_id = ''") != held)
    {
        fail_msg("%s: %lld units in the ledger, %lld expected",
            fault_name(), (long long) world_int(w, UNITS),
            (long long) (billed + held));
    }
}

/* One round of the course, with so many cells in a fold's transaction. */
static bool
play_round(const enum trouble *troubles, unsigned cells_max)
{
    bool                was_met;
    void               *state;
    int64_t             units;
    struct world       *w;

    assert_int_equal(world_set_up(&state), 0);
    w = state;
    w->cells_max = cells_max;
    world_restart(w);
    tg_guard_confirm_clock(&w->guard, w->now_s, w->boot_s);
    world_agreement(w, "agr-2", "222222222222", "account");
    world_owner(w, 1, 1, "agr-2", "key-2");
    world_owner(w, 2, 1, NULL, "key-3");
    w->market.faulty = troubles[0];
    w->market.trouble = troubles[1];
    w->market.times = troubles[1] != TROUBLE_NONE ? 2 : 0;
    fault_begin();
    units = run_course(w);
    was_met = fault_end();
    check_bill(w, units, 4 * HOURS);
    assert_int_equal(world_tear_down(&state), 0);
    return was_met;
}

/* data is the trouble that FAULT_NET is. */
static bool
course_round(void *data)
{
    return play_round(data, 0);
}

/* Each cell is a transaction of its own. */
static bool
small_round(void *data)
{
    return play_round(data, 1);
}

static enum trouble none[2] = { TROUBLE_LOST, TROUBLE_NONE };
static enum trouble lost_replies[2] = { TROUBLE_LOST, TROUBLE_LOST_REPLY };

static void
each_allocation_fails(void **state)
{
    (void) state;
    assert_true(fault_each(FAULT_ALLOC, ALLOC_STRIDE, course_round, none)
        > 9);
}

static void
each_write_and_sync_fails(void **state)
{
    (void) state;
    assert_true(fault_each(FAULT_FILE, FILE_STRIDE, course_round, none)
        > 9);
}

static void
each_step_of_the_store_fails(void **state)
{
    (void) state;
    assert_true(fault_each(FAULT_SQL, SQL_STRIDE, course_round, none) > 9);
}

static void
each_step_of_folds_in_steps_fails(void **state)
{
    (void) state;
    assert_true(fault_each(FAULT_SQL, SQL_STRIDE, small_round, none) > 9);
    assert_true(fault_each(FAULT_FILE, FILE_STRIDE, small_round, none) > 9);
}

static void
each_step_of_the_store_fails_and_replies_are_lost(void **state)
{
    (void) state;
    assert_true(fault_each(FAULT_SQL, SQL_STRIDE, course_round, lost_replies)
        > 9);
}

static void
each_request_fails(void **state)
{
    size_t              t;
    enum trouble        pair[2] = { TROUBLE_NONE, TROUBLE_NONE };
    static const enum trouble troubles[] = { TROUBLE_NOT_SENT, TROUBLE_LOST,
        TROUBLE_LOST_REPLY, TROUBLE_INTERNAL, TROUBLE_THROTTLE,
        TROUBLE_UNPROCESSED, TROUBLE_SILENT, TROUBLE_NO_JSON,
        TROUBLE_FORMER };

    (void) state;
    for (t = 0; t < sizeof(troubles) / sizeof(troubles[0]); t++) {
        pair[0] = troubles[t];
        assert_true(fault_each(FAULT_NET, 3, course_round, pair) > 3);
    }
}

/*
 * ---- what a start mends
 */

/* The power fails: pages of the meters are older than the store. */
static void
cut_power(struct world *w)
{
    (void) atomic_fetch_sub(world_lane(w), 2);
    world_boot_anew(w);
}

static void
take_other_files(struct world *w)
{
    world_sql(w, "UPDATE fold SET file_id = 'former'");
    world_sql(w, "UPDATE meter_file SET file_id = 'former'");
    world_sql(w, "DELETE FROM usage_hour");
    world_sql(w, "DELETE FROM usage_source");
}

static void
put_old_store_back(struct world *w)
{
    world_sql(w, "UPDATE fold SET sequence = 0");
    world_sql(w, "DELETE FROM meter_mark");
    world_sql(w, "DELETE FROM usage_hour");
    world_sql(w, "DELETE FROM usage_source");
}

struct mending {
    void (*happen)(struct world *w);
    const char *event;
};

/* Mended once, on record once, and nothing goes astray. */
static bool
mending_round(void *data)
{
    bool                  was_met;
    void                 *state;
    char                  sql[128];
    struct world         *w;
    const struct mending *m = data;

    assert_int_equal(world_set_up(&state), 0);
    w = state;
    world_count(w, 0, 5);
    assert_int_equal(world_fold(w), TG_OK);
    m->happen(w);
    world_close(w);
    fault_begin();
    if (world_open(w) == TG_OK) {
        (void) world_fold(w);
    }
    was_met = fault_end();
    world_restart(w);
    world_count(w, 0, 6);
    assert_int_equal(world_fold(w), TG_OK);
    world_restart(w);
    assert_int_equal(world_fold(w), TG_OK);
    if (world_int(w, UNITS) != 11) {
        fail_msg("%s, %s: %lld units", fault_name(), m->event,
            (long long) world_int(w, UNITS));
    }
    (void) snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM audit_event"
        " WHERE event_name = '%s'", m->event);
    if (world_int(w, sql) != 1) {
        fail_msg("%s: %s %lld times on record", fault_name(), m->event,
            (long long) world_int(w, sql));
    }
    assert_int_equal(world_tear_down(&state), 0);
    return was_met;
}

static void
a_start_that_mends_fails(void **state)
{
    size_t                i, k;
    static struct mending mendings[] = {
        { cut_power, "RepairMeters" },
        { take_other_files, "ReplaceMeters" },
        { put_old_store_back, "HoldSealing" },
    };
    static const struct {
        unsigned kinds;
        uint64_t stride;
    } kinds[] = { { FAULT_ALLOC, ALLOC_STRIDE }, { FAULT_FILE, FILE_STRIDE },
        { FAULT_SQL, SQL_STRIDE } };

    (void) state;
    for (i = 0; i < sizeof(mendings) / sizeof(mendings[0]); i++) {
        for (k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
            assert_true(fault_each(kinds[k].kinds, kinds[k].stride,
                mending_round, &mendings[i]) > 1);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_fails),
        cmocka_unit_test(each_write_and_sync_fails),
        cmocka_unit_test(each_step_of_the_store_fails),
        cmocka_unit_test(each_step_of_folds_in_steps_fails),
        cmocka_unit_test(each_step_of_the_store_fails_and_replies_are_lost),
        cmocka_unit_test(each_request_fails),
        cmocka_unit_test(a_start_that_mends_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
