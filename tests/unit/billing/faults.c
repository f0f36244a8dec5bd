/*
 * faults.c - the N-th step fails, and the bill is exact all the same
 *
 * A fixed course of calls, folds, seals and reports is run with the N-th
 * step of the store failing, once and from then on; then the daemon starts
 * anew and goes on to the end.  N grows one by one until a run meets no
 * fault.  The same is done with the N-th request to the Marketplace.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support.h"

#include "store/fault.h"

#define HOURS 3

/* Calls of three hours; failures of what is in between are borne. */
static int64_t
run_course(struct world *w)
{
    int     i;
    int64_t units = 0;

    for (i = 0; i < HOURS; i++) {
        world_count(w, 0, 5);
        world_count(w, 1, 3);
        units += 8;
        (void) world_fold(w);
        world_count(w, 0, 1);
        units += 1;
        (void) world_seal_early(w, i == 1 ? "agr-2" : "nobody");
        world_count(w, 1, 2);
        units += 2;
        (void) world_fold(w);
        world_pass(w, 3700);
        (void) world_seal(w);
        (void) world_step(w);
        (void) world_step(w);
    }
    return units;
}

/* One round; returns whether a fault was met. */
static bool
run_round(struct world *w, int64_t n, bool is_lasting, bool is_reporter,
    enum trouble trouble, int times)
{
    bool    was_met;
    int64_t units;

    world_agreement(w, "agr-2", "222222222222", "account");
    world_owner(w, 1, 1, "agr-2", "key-2");
    w->market.trouble = trouble;
    w->market.times = times;
    tg_store_fault_set(is_reporter ? w->other : w->store, n, is_lasting);
    units = run_course(w);
    was_met = tg_store_fault_met(is_reporter ? w->other : w->store);
    world_restart(w);
    tg_guard_confirm_clock(&w->guard, w->now_s, w->boot_s);
    world_pass(w, 7300);
    assert_int_equal(world_seal(w), TG_OK);
    world_pass(w, 3700); /* what was carried into the hour before */
    assert_int_equal(world_seal(w), TG_OK);
    world_report(w);
    if (market_units(&w->market, "") != units || w->market.conflicts != 0) {
        fail_msg("fault %lld%s: %lld units billed of %lld, %d conflicts",
            (long long) n, is_lasting ? " and on" : "",
            (long long) market_units(&w->market, ""), (long long) units,
            w->market.conflicts);
    }
    assert_int_equal(world_int(w, "SELECT SUM(quantity) FROM usage_detail"),
        units);
    return was_met;
}

static void
run_all(bool is_reporter, enum trouble trouble)
{
    int64_t n;
    int     lasting;
    bool    was_met;
    void   *state;

    for (lasting = 0; lasting < 2; lasting++) {
        for (n = 1, was_met = true; was_met; n++) {
            assert_int_equal(world_set_up(&state), 0);
            was_met = run_round(state, n, lasting != 0, is_reporter,
                trouble, 2);
            assert_int_equal(world_tear_down(&state), 0);
        }
        assert_true(n > 20); /* it did meet some */
    }
}

static void
the_collectors_store_fails(void **state)
{
    (void) state;
    run_all(false, TROUBLE_NONE);
}

static void
the_reporters_store_fails(void **state)
{
    (void) state;
    run_all(true, TROUBLE_NONE);
}

static void
the_reporters_store_fails_and_replies_are_lost(void **state)
{
    (void) state;
    run_all(true, TROUBLE_LOST_REPLY);
}

/* The n-th request meets trouble, once or from then on for a while. */
static void
the_transport_fails(void **state)
{
    size_t t;
    int    n, times, requests;
    void  *world;
    static const enum trouble troubles[] = { TROUBLE_NOT_SENT, TROUBLE_LOST,
        TROUBLE_LOST_REPLY, TROUBLE_INTERNAL, TROUBLE_THROTTLE,
        TROUBLE_UNPROCESSED, TROUBLE_SILENT, TROUBLE_NO_JSON };

    (void) state;
    for (t = 0; t < sizeof(troubles) / sizeof(troubles[0]); t++) {
        for (times = 1; times <= 3; times += 2) {
            requests = n = 0;
            do {
                assert_int_equal(world_set_up(&world), 0);
                ((struct world *) world)->market.passed = n;
                (void) run_round(world, 0, false, true, troubles[t], times);
                requests = ((struct world *) world)->market.requests;
                assert_int_equal(world_tear_down(&world), 0);
            } while (n++ < requests);
            assert_true(n > 3);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_collectors_store_fails),
        cmocka_unit_test(the_reporters_store_fails),
        cmocka_unit_test(the_reporters_store_fails_and_replies_are_lost),
        cmocka_unit_test(the_transport_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
