/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <stdarg.h>

#include "billing/alarms.h"
#include "billing/memo.h"
#include "billing/runtime.h"
#include "core/hours.h"
#include "util/buf.h"

/* Billing as its threads would have left it, on the world's store. */
static struct tg_billing *
billing(struct world *w)
{
    static struct tg_billing b;

    memset(&b, 0, sizeof(b));
    b.config.settings = w->settings;
    b.operator_store = w->store;
    pthread_mutex_init(&b.lock, NULL);
    pthread_mutex_init(&b.operator_lock, NULL);
    tg_guard_init(&b.guard);
    tg_guard_confirm_clock(&b.guard, w->now_s, w->boot_s);
    b.collected.last_s = w->now_s;
    return &b;
}

/* Exactly these ring; the list ends with -1. */
static void
expect(struct world *w, struct tg_billing *b, ...)
{
    int                   alarm, i;
    bool                  wanted[TG_ALARM_COUNT] = { false };
    va_list               args;
    struct tg_alarm_state state;

    va_start(args, b);
    while ((alarm = va_arg(args, int)) >= 0) {
        wanted[alarm] = true;
    }
    va_end(args);
    assert_int_equal(tg_alarms_look(b, &state, w->now_s, &w->err), TG_OK);
    for (i = 0; i < TG_ALARM_COUNT; i++) {
        if (state.rings[i] != wanted[i]) {
            fail_msg("%s: %s", tg_alarm_name((enum tg_alarm) i),
                state.rings[i] ? state.messages[i] : "does not ring");
        }
        assert_true(state.rings[i] == (state.messages[i][0] != '\0'));
    }
}

static void
nothing_rings_in_peace(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 3);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    world_report(w);
    expect(w, billing(w), -1);
}

static void
what_the_threads_say_rings(void **state)
{
    struct world      *w = *state;
    struct tg_billing *b = billing(w);

    strcpy(b->trouble, "AccessDeniedException");
    expect(w, b, TG_ALARM_SENDING_STOPPED, -1);
    b->trouble[0] = '\0';
    strcpy(b->store_trouble, "the disk is full");
    expect(w, b, TG_ALARM_STORE_FAILS, -1);
    b->store_trouble[0] = '\0';
    b->collected.last_s = w->now_s - 61;
    expect(w, b, TG_ALARM_FOLD_LATE, -1);
    b->collected.last_s = w->now_s;
    tg_guard_hold_store(&b->guard, "an old copy of the store");
    expect(w, b, TG_ALARM_SEALING_HELD, -1);
    tg_guard_stop(&b->guard, "the meters are damaged");
    expect(w, b, TG_ALARM_FOLDING_STOPPED, -1);
}

static void
a_deadline_that_comes_near_rings(void **state)
{
    struct tg_alarm_state s;
    struct world         *w = *state;
    struct tg_billing    *b = billing(w);

    world_count(w, 0, 3);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    expect(w, billing(w), -1);
    world_pass(w, 14 * 3600);
    expect(w, billing(w), -1);
    world_pass(w, 4 * 3600);
    b = billing(w);
    expect(w, b, TG_ALARM_RECORDS_EXPIRE, -1);
    assert_int_equal(tg_alarms_look(b, &s, w->now_s, &w->err), TG_OK);
    assert_int_equal(s.unsettled_records, 1);
    assert_int_equal(s.unsettled_units, 3);
    assert_true(s.nearest_deadline == HOUR + 50 + 86400);
    world_report(w);
    expect(w, billing(w), -1); /* A2 */
}

/* A leaver's hour is short by nature: no alarm before it may be late. */
static void
a_deadline_of_one_who_leaves_is_given_time(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 3);
    assert_int_equal(world_fold(w), TG_OK);
    world_sql(w, "UPDATE agreement SET state = 'ending', ended_s ="
        " 1795395700");
    world_pass(w, 10);
    assert_int_equal(world_seal_early(w, NULL), TG_OK);
    expect(w, billing(w), -1);
    world_pass(w, 900);
    expect(w, billing(w), TG_ALARM_RECORDS_EXPIRE, -1);
}

static void
refused_units_ring_for_a_day(void **state)
{
    struct world *w = *state;

    strcpy(w->market.unsubscribed, "111111111111");
    world_count(w, 0, 3);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    world_report(w);
    expect(w, billing(w), TG_ALARM_UNITS_REFUSED, -1);
    world_pass(w, 86400 + 3600);
    expect(w, billing(w), -1);
}

/* As `tallygate confirm lost'. */
static void
write_off(struct world *w)
{
    assert_int_equal(tg_store_begin(w->store, TG_STORE_DURABLE, &w->err),
        TG_OK);
    assert_int_equal(tg_memo_set_int(w->store, TG_MEMO_WRITTEN_OFF, w->now_s,
        &w->err), TG_OK);
    assert_int_equal(tg_store_commit(w->store, &w->err), TG_OK);
}

static void
usage_without_an_agreement_rings_until_it_is_written_off(void **state)
{
    struct tg_alarm_state s;
    struct world         *w = *state;

    world_owner(w, 1, 1, NULL, "key-2");
    world_sql(w, "UPDATE meter_owner SET reason = 'the key has no"
        " customerId' WHERE slot = 1");
    world_count(w, 1, 4);
    assert_int_equal(world_fold(w), TG_OK);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    expect(w, billing(w), TG_ALARM_USAGE_HELD, -1);
    assert_int_equal(tg_alarms_look(billing(w), &s, w->now_s, &w->err),
        TG_OK);
    assert_int_equal(s.held_units, 4);
    assert_true(s.held_until == HOUR + 86400);
    world_report(w);
    world_pass(w, 86400);
    expect(w, billing(w), TG_ALARM_USAGE_LOST, -1);
    write_off(w);
    expect(w, billing(w), -1);
    world_count(w, 1, 5);
    assert_int_equal(world_fold(w), TG_OK);
    world_pass(w, 3600);
    assert_int_equal(world_seal(w), TG_OK);
    world_report(w);
    world_pass(w, 86400);
    expect(w, billing(w), TG_ALARM_USAGE_LOST, -1); /* another loss */
    assert_int_equal(tg_alarms_look(billing(w), &s, w->now_s, &w->err),
        TG_OK);
    assert_int_equal(s.lost_units, 5);
}

static void
a_buyer_who_falls_silent_rings(void **state)
{
    int           i;
    struct world *w = *state;

    for (i = 0; i < 24; i++) {
        world_count(w, 0, 1);
        world_pass(w, 3600);
        assert_int_equal(world_seal(w), TG_OK);
        world_report(w);
    }
    expect(w, billing(w), -1);
    world_pass(w, 3600); /* an hour without a call */
    assert_int_equal(world_seal(w), TG_OK);
    world_report(w);
    expect(w, billing(w), TG_ALARM_BUYERS_SILENT, -1);
    world_count(w, 0, 1); /* he is back */
    assert_int_equal(world_fold(w), TG_OK);
    expect(w, billing(w), -1);
}

static void
a_silence_of_a_day_is_what_is_usual(void **state)
{
    int           i;
    struct world *w = *state;

    for (i = 0; i < 24; i++) {
        world_count(w, 0, 1);
        world_pass(w, 3600);
        assert_int_equal(world_seal(w), TG_OK);
        world_report(w);
    }
    for (i = 0; i < 24; i++) {
        world_pass(w, 3600);
        assert_int_equal(world_seal(w), TG_OK);
        world_report(w);
    }
    expect(w, billing(w), TG_ALARM_BUYERS_SILENT, -1);
    world_pass(w, 3600);
    assert_int_equal(world_seal(w), TG_OK);
    world_report(w);
    expect(w, billing(w), -1);
}

/* One line a sample, and as many samples with every reason and alarm. */
static void
metrics_do_not_grow_with_what_happens(void **state)
{
    size_t             before;
    struct tg_buf      out;
    struct world      *w = *state;
    struct tg_billing *b = billing(w);

    tg_buf_init(&out, 1 << 20);
    assert_int_equal(tg_billing_metrics(b, &out, w->now_s), TG_OK);
    before = out.len;
    strcpy(b->trouble, "a \"bad\" \\ thing\nof two lines");
    world_owner(w, 1, 1, NULL, "key-2"); /* a reason that is not known */
    tg_buf_reset(&out);
    assert_int_equal(tg_billing_metrics(b, &out, w->now_s), TG_OK);
    assert_int_equal(out.len, before);
    assert_non_null(strstr(out.data, "\ntallygate_alarm{name=\""
        "sending_stopped\"} 1\n"));
    assert_non_null(strstr(out.data, "\ntallygate_meters_without_agreement"
        "{reason=\"other\"} 1\n"));
    tg_buf_clear(&out);
}

int
main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(nothing_rings_in_peace),
        TEST(what_the_threads_say_rings),
        TEST(a_deadline_that_comes_near_rings),
        TEST(a_deadline_of_one_who_leaves_is_given_time),
        TEST(refused_units_ring_for_a_day),
        TEST(usage_without_an_agreement_rings_until_it_is_written_off),
        TEST(a_buyer_who_falls_silent_rings),
        TEST(a_silence_of_a_day_is_what_is_usual),
        TEST(metrics_do_not_grow_with_what_happens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
