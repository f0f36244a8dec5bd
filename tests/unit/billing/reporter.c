/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#define STATE(name) "SELECT COUNT(*) FROM ledger_record WHERE state = '" name "'"

/* Agreements agr-10.. with a unit or more each, sealed. */
static void
seal_buyers(struct world *w, int count)
{
    int  i;
    char id[32], account[32], key[32];

    world_count(w, 0, 1);
    for (i = 1; i < count; i++) {
        (void) snprintf(id, sizeof(id), "agr-%d", i + 10);
        (void) snprintf(account, sizeof(account), "2222222222%02d", i);
        (void) snprintf(key, sizeof(key), "key-%d", i + 10);
        world_agreement(w, id, account, "license");
        world_owner(w, (uint32_t) i, 1, id, key);
        world_count(w, (uint32_t) i, (uint32_t) i + 1);
    }
    assert_int_equal(world_seal_early(w, NULL), TG_OK);
}

static void
batches_are_settled(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 60);
    world_report(w);
    assert_int_equal(w->market.requests, 3);
    assert_int_equal(w->market.largest, 25);
    assert_int_equal(world_int(w, STATE("settled")), 60);
    assert_int_equal(market_units(&w->market, ""), 60 * 61 / 2);
    assert_string_equal(world_text(w, "SELECT metering_record_id FROM"
        " ledger_record"), "meter-id");
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM audit_event WHERE"
        " event_name = 'BatchMeterUsage'"), 3);
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM ledger_history"),
        3 * 60);
}

static void
each_mode_has_its_members(void **state)
{
    struct world *w = *state;

    world_agreement(w, "agr-a", "222222222222", "account");
    world_agreement(w, "agr-c", "333333333333", "customer");
    world_owner(w, 1, 1, "agr-a", "key-a");
    world_owner(w, 2, 1, "agr-c", "key-c");
    world_count(w, 0, 1);
    world_count(w, 1, 2);
    world_count(w, 2, 3);
    assert_int_equal(world_seal_early(w, NULL), TG_OK);
    world_report(w);
    assert_int_equal(w->market.requests, 3); /* never mixed */
    assert_int_equal(market_units(&w->market, "|arn:aws:license-manager::1:"
        "license:l-agr-1|111111111111||apigateway"), 1);
    assert_int_equal(market_units(&w->market,
        "prod||222222222222||apigateway"), 2);
    assert_int_equal(market_units(&w->market,
        "prod|||cust-agr-c|apigateway"), 3);
}

static void
whatever_happens_each_unit_is_billed_once(void **state)
{
    struct world *w = *state;
    enum trouble  t;

    for (t = TROUBLE_NOT_SENT; t < TROUBLE_CLOCK; t++) {
        world_count(w, 0, 7);
        world_pass(w, 3700);
        assert_int_equal(world_seal(w), TG_OK);
        w->market.trouble = t;
        w->market.times = 3;
        world_report(w);
        if (world_int(w, STATE("settled")) != t) {
            fail_msg("trouble %d: %s", t, world_text(w, "SELECT state ||"
                " reason FROM ledger_record WHERE state <> 'settled'"));
        }
        assert_int_equal(market_units(&w->market, ""), 7 * (int64_t) t);
    }
    assert_int_equal(w->market.conflicts, 0); /* R2: the identical record */
}

static void
a_crash_between_sending_and_settling_is_asked_again(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 3);
    w->market.trouble = TROUBLE_LOST_REPLY;
    w->market.times = 1;
    assert_int_equal(world_step(w), TG_OK);
    assert_int_equal(world_int(w, STATE("sent")), 3);
    world_restart(w);
    tg_guard_confirm_clock(&w->guard, w->now_s, w->boot_s);
    world_report(w);
    assert_int_equal(world_int(w, STATE("settled")), 3);
    assert_int_equal(market_units(&w->market, ""), 6);
    assert_int_equal(w->market.conflicts, 0);
}

static void
a_bad_record_is_found_and_the_others_are_settled(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 30);
    strcpy(w->market.poison, "222222222217");
    world_report(w);
    assert_int_equal(world_int(w, STATE("settled")), 29);
    assert_int_equal(world_int(w, STATE("refused")), 1);
    assert_string_equal(world_text(w, "SELECT customer_aws_account_id ||"
        " ' ' || reason FROM ledger_record WHERE state = 'refused'"),
        "222222222217 InvalidLicenseException: no");
    assert_true(w->market.requests < 14); /* halves, not one by one */
    assert_int_equal(market_units(&w->market, ""), 30 * 31 / 2 - 18);
}

static void
a_refused_record_is_never_sent_again(void **state)
{
    struct world *w = *state;
    int           requests;

    seal_buyers(w, 2);
    strcpy(w->market.unsubscribed, "222222222201");
    world_report(w);
    assert_string_equal(world_text(w, "SELECT substr(reason, 1, 21) FROM"
        " ledger_record WHERE state = 'refused'"), "CustomerNotSubscribed");
    requests = w->market.requests;
    world_pass(w, 5000);
    assert_int_equal(world_step(w), TG_NOTFOUND);
    assert_int_equal(w->market.requests, requests);
}

static void
another_quantity_of_the_hour_is_a_visible_conflict(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 1);
    w->market.count = 1;
    strcpy(w->market.records[0].who, "|arn:aws:license-manager::1:license:"
        "l-agr-1|111111111111||apigateway");
    w->market.records[0].hour = HOUR;
    w->market.records[0].quantity = 99;
    world_report(w);
    assert_string_equal(world_text(w, "SELECT substr(reason, 1, 15) FROM"
        " ledger_record WHERE state = 'refused'"), "DuplicateRecord");
    assert_int_equal(w->market.conflicts, 1);
}

static void
what_is_our_fault_refuses_nothing(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 2);
    w->market.trouble = TROUBLE_DENIED;
    w->market.times = 1;
    assert_int_equal(world_step(w), TG_OK);
    assert_int_equal(world_int(w, STATE("sealed")), 2); /* R6, L3 */
    assert_non_null(strstr(tg_reporter_trouble(w->reporter),
        "AccessDeniedException"));
    assert_int_equal(world_step(w), TG_BUSY);
    world_report(w);
    assert_int_equal(world_int(w, STATE("settled")), 2);
    assert_string_equal(tg_reporter_trouble(w->reporter), "");
}

static void
what_surely_never_arrived_is_carried(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 5);
    assert_int_equal(world_seal_early(w, NULL), TG_OK);
    w->market.trouble = TROUBLE_NOT_SENT;
    w->market.times = -1;
    assert_int_equal(world_step(w), TG_OK);
    world_pass(w, 24 * 3600);
    (void) world_step(w);
    assert_int_equal(world_int(w, STATE("carried")), 1); /* R5 */
    assert_int_equal(world_int(w, "SELECT SUM(quantity) FROM usage_detail"),
        5);
    assert_int_equal(world_int(w, "SELECT SUM(quantity) FROM usage_detail"
        " WHERE hour > 1795395600 AND used_hour = 1795395600"), 5);
    w->market.times = 0;
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    world_report(w);
    assert_int_equal(market_units(&w->market, ""), 5);
}

static void
what_may_have_arrived_expires(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 5);
    assert_int_equal(world_seal_early(w, NULL), TG_OK);
    w->market.trouble = TROUBLE_LOST_REPLY;
    w->market.times = -1;
    assert_int_equal(world_step(w), TG_OK);
    w->market.trouble = TROUBLE_THROTTLE; /* says nothing of the first */
    world_pass(w, 10);
    assert_int_equal(world_step(w), TG_OK);
    assert_int_equal(world_int(w, STATE("sent")), 1);
    world_pass(w, 24 * 3600);
    (void) world_step(w);
    assert_int_equal(world_int(w, STATE("expired")), 1);
    assert_int_equal(world_int(w, "SELECT SUM(quantity) FROM usage_detail"
        " WHERE hour = 1795395600"), 5); /* L4: billed at most once */
}

static void
nothing_is_sent_while_the_clock_is_doubted(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 1);
    w->now_s += 7200; /* the boot clock does not move */
    assert_int_equal(world_step(w), TG_BUSY);
    assert_int_equal(w->market.requests, 0);
    w->now_s -= 7200;
    w->market.trouble = TROUBLE_CLOCK;
    w->market.times = 1;
    assert_int_equal(world_step(w), TG_OK);
    assert_int_equal(world_int(w, STATE("settled")), 1);
    assert_int_equal(world_step(w), TG_BUSY); /* its Date was another */
}

static void
a_long_retry_after_is_obeyed(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 1);
    w->market.trouble = TROUBLE_THROTTLE;
    w->market.times = 1;
    w->market.retry_after_s = 1800;
    assert_int_equal(world_step(w), TG_OK);
    world_pass(w, 1799);
    assert_int_equal(world_step(w), TG_BUSY);
    assert_int_equal(w->market.requests, 1);
    world_pass(w, 1);
    assert_int_equal(world_step(w), TG_OK);
    assert_int_equal(world_int(w, STATE("settled")), 1);
}

/* The batch is another at the second time; the record is the same. */
static void
a_doubtful_record_goes_out_beside_new_ones(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 1);
    w->market.trouble = TROUBLE_LOST_REPLY;
    w->market.times = 1;
    assert_int_equal(world_step(w), TG_OK);
    world_agreement(w, "agr-2", "222222222222", "license");
    world_owner(w, 1, 1, "agr-2", "key-2");
    world_count(w, 1, 5);
    assert_int_equal(world_seal_early(w, "agr-2"), TG_OK);
    strcpy(w->market.poison, "222222222222"); /* the whole batch is refused */
    world_pass(w, 10);
    assert_int_equal(world_step(w), TG_OK);
    assert_int_equal(w->market.largest, 2);
    assert_int_equal(world_int(w, STATE("sent")), 1); /* L3 */
    assert_int_equal(world_int(w, STATE("sealed")), 1);
    world_restart(w);
    tg_guard_confirm_clock(&w->guard, w->now_s, w->boot_s);
    world_report(w);
    assert_int_equal(world_int(w, STATE("settled")), 1);
    assert_int_equal(world_int(w, STATE("refused")), 1);
    assert_int_equal(w->market.conflicts, 0);
    assert_int_equal(market_units(&w->market, ""), 1);
}

static void
an_echo_with_an_absurd_time_is_nobodys(void **state)
{
    struct world *w = *state;

    seal_buyers(w, 1);
    w->market.trouble = TROUBLE_ABSURD_TIME;
    w->market.times = 1;
    assert_int_equal(world_step(w), TG_OK);
    assert_int_equal(world_int(w, STATE("sent")), 1); /* R3 */
    world_report(w);
    assert_int_equal(world_int(w, STATE("settled")), 1);
}

int
main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(batches_are_settled),
        TEST(each_mode_has_its_members),
        TEST(whatever_happens_each_unit_is_billed_once),
        TEST(a_crash_between_sending_and_settling_is_asked_again),
        TEST(a_bad_record_is_found_and_the_others_are_settled),
        TEST(a_refused_record_is_never_sent_again),
        TEST(another_quantity_of_the_hour_is_a_visible_conflict),
        TEST(what_is_our_fault_refuses_nothing),
        TEST(what_surely_never_arrived_is_carried),
        TEST(what_may_have_arrived_expires),
        TEST(nothing_is_sent_while_the_clock_is_doubted),
        TEST(a_long_retry_after_is_obeyed),
        TEST(a_doubtful_record_goes_out_beside_new_ones),
        TEST(an_echo_with_an_absurd_time_is_nobodys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
