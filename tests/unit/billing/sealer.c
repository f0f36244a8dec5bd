/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "billing/sealer.h"
#include "billing/status.h"
#include "control/binding.h"
#include "core/hours.h"

#define RECORDS "SELECT COUNT(*) FROM ledger_record"

static void
an_hour_is_sealed_after_its_grace(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 3);
    world_pass(w, HOUR + 3659 - w->now_s);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, RECORDS), 0);
    world_pass(w, 1);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, RECORDS " WHERE quantity = 3 AND"
        " hour = 1795395600 AND timestamp = 1795395650 AND"
        " state = 'sealed'"), 1); /* active since 50 s into the hour */
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM ledger_history"), 1);
    assert_int_equal(world_seal(w), TG_OK); /* E1 */
    assert_int_equal(world_int(w, RECORDS), 1);
}

static void
several_keys_of_one_agreement_are_one_record(void **state)
{
    struct world *w = *state;

    world_owner(w, 1, 1, "agr-1", "key-2");
    world_count(w, 0, 3);
    world_count(w, 1, 4);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, RECORDS), 1);
    assert_int_equal(world_int(w, "SELECT quantity FROM ledger_record"), 7);
}

static void
a_zero_tells_that_we_live(void **state)
{
    struct world *w = *state;

    assert_int_equal(world_seal_early(w, NULL), TG_OK);
    assert_int_equal(world_int(w, RECORDS), 0); /* E4 */
    world_agreement(w, "agr-2", "222222222222", "license");
    world_sql(w, "UPDATE agreement SET activated_s = 1795399300 WHERE"
        " id = 'agr-2'"); /* in the next hour */
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, RECORDS " WHERE quantity = 0 AND"
        " dimension = 'apigateway' AND agreement_id = 'agr-1'"), 1);
    assert_int_equal(world_int(w, RECORDS), 1);
    world_pass(w, 3600);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, RECORDS " WHERE agreement_id = 'agr-2' AND"
        " timestamp = 1795399300"), 1);
    assert_int_equal(world_int(w, RECORDS), 3);
}

static void
zeros_are_for_hours_that_amazon_takes(void **state)
{
    struct world *w = *state;

    world_pass(w, 40 * 3600);
    assert_int_equal(world_seal(w), TG_OK);
    assert_in_range(world_int(w, RECORDS), 22, 24);
    assert_int_equal(world_int(w, RECORDS " WHERE deadline_s <= 1795539700"),
        0);
}

static void
heartbeats_can_be_switched_off(void **state)
{
    struct world *w = *state;

    w->settings->billing.heartbeat = false;
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, RECORDS), 0);
    world_count(w, 0, 1);
    world_pass(w, 3600);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, RECORDS), 1);
}

static void
a_pure_contract_is_never_metered(void **state)
{
    json_t       *list = json_array();
    struct world *w = *state;

    world_sql(w, "UPDATE agreement SET product_code = 'pure'");
    world_sql(w, "UPDATE meter_owner SET product_code = 'pure'");
    world_count(w, 0, 5);
    assert_int_equal(world_seal_early(w, NULL), TG_OK);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, RECORDS), 0); /* E3 */
    assert_int_equal(tg_status_open(w->store, list, w->settings, w->now_s,
        &w->err), TG_OK);
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(
        list, 0), "reason")), TG_REASON_CONTRACT);
    json_decref(list);
}

static void
more_than_one_record_holds_goes_to_the_next_hour(void **state)
{
    struct world         *w = *state;
    struct tg_meter_cell *cell = tg_meters_cell(w->meters, 0);

    atomic_store(&cell->lanes[tg_hour_lane(HOUR)], UINT32_C(0x7ffffff0));
    assert_int_equal(tg_collector_fold(w->collector, true, w->now_s,
        &w->err), TG_OK);
    atomic_store(&cell->lanes[tg_hour_lane(HOUR)], UINT32_C(0x80000100));
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, "SELECT quantity FROM ledger_record"),
        INT32_MAX); /* E5 */
    assert_int_equal(world_int(w, "SELECT SUM(quantity) FROM usage_detail"
        " WHERE hour = 1795399200 AND used_hour = 1795395600"), 0x101);
    world_pass(w, 3600);
    assert_int_equal(world_seal(w), TG_OK);
    assert_true(world_int(w, "SELECT SUM(quantity) FROM ledger_record")
        == INT64_C(0x80000100));
}

static void
an_early_seal_is_for_one_or_for_all(void **state)
{
    struct world *w = *state;

    world_agreement(w, "agr-2", "222222222222", "license");
    world_owner(w, 1, 1, "agr-2", "key-2");
    world_count(w, 0, 3);
    world_count(w, 1, 4);
    assert_int_equal(world_seal_early(w, "agr-2"), TG_OK);
    assert_int_equal(world_int(w, RECORDS), 1);
    assert_int_equal(world_int(w, "SELECT quantity FROM ledger_record"), 4);
    world_count(w, 1, 1);
    assert_int_equal(world_seal_early(w, "agr-2"), TG_OK);
    assert_int_equal(world_int(w, RECORDS), 1); /* said already */
    assert_int_equal(world_seal_early(w, NULL), TG_OK);
    assert_int_equal(world_int(w, RECORDS), 2);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, RECORDS), 2);
    world_pass(w, 3600);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, "SELECT SUM(quantity) FROM"
        " ledger_record"), 8);
    assert_int_equal(world_int(w, "SELECT quantity FROM ledger_record WHERE"
        " agreement_id = 'agr-2' AND hour = 1795399200"), 1);
}

static void
what_waits_for_an_agreement_is_not_sealed(void **state)
{
    struct world *w = *state;

    world_owner(w, 1, 1, NULL, "key-2");
    world_count(w, 1, 4);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, RECORDS " WHERE quantity > 0"), 0);
}

static void
what_was_counted_before_the_first_seal_is_billed(void **state)
{
    int64_t       through;
    struct world *w = *state;

    world_sql(w, "DELETE FROM meta WHERE name = 'billing.sealed_through'");
    world_count(w, 0, 5);
    assert_int_equal(world_fold(w), TG_OK);
    world_pass(w, 2 * 3600); /* nobody could confirm the clock */
    assert_int_equal(tg_sealer_through(w->store, &through, w->settings,
        w->now_s, &w->err), TG_OK);
    assert_true(through == HOUR);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, RECORDS " WHERE hour = 1795395600 AND"
        " quantity = 5"), 1);
}

/* First record wins at Amazon: late units are the next hour's. */
static void
after_an_early_seal_the_hour_has_no_second_record(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 3);
    assert_int_equal(world_seal_early(w, "agr-1"), TG_OK);
    world_count(w, 0, 4);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, RECORDS), 1);
    world_pass(w, 3600);
    assert_int_equal(world_seal(w), TG_OK);
    world_report(w);
    assert_int_equal(w->market.conflicts, 0);
    assert_int_equal(world_int(w, RECORDS), 2);
    assert_int_equal(market_units(&w->market, ""), 7);
}

/* A zero is a record as well. */
static void
late_units_never_meet_their_hours_zero(void **state)
{
    struct world *w = *state;

    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    world_report(w);
    tg_meters_count(w->meters, 0, HOUR, 6);
    assert_int_equal(world_fold(w), TG_OK);
    world_pass(w, 3600);
    assert_int_equal(world_seal(w), TG_OK);
    world_report(w);
    assert_int_equal(w->market.conflicts, 0);
    assert_int_equal(world_int(w, "SELECT quantity FROM ledger_record WHERE"
        " hour = 1795399200 AND state = 'settled'"), 6);
}

static void
an_hour_in_another_mode_is_one_record(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 3);
    assert_int_equal(world_seal_early(w, "agr-1"), TG_OK);
    world_sql(w, "UPDATE agreement SET identity_mode = 'account'");
    world_count(w, 0, 4);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    world_pass(w, 3600);
    assert_int_equal(world_seal(w), TG_OK);
    world_report(w);
    assert_int_equal(market_units(&w->market, "license:l-agr-1"), 3);
    assert_int_equal(market_units(&w->market, "prod||"), 4);
    assert_int_equal(world_int(w, "SELECT MAX(n) FROM (SELECT COUNT(*) AS n"
        " FROM ledger_record GROUP BY hour)"), 1);
}

static void
who_has_left_gets_no_zero_and_a_near_deadline(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 3);
    world_sql(w, "UPDATE agreement SET state = 'ended', ended_s ="
        " 1795395800");
    world_pass(w, 7300);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, RECORDS), 1);
    assert_true(world_int(w, "SELECT deadline_s FROM ledger_record")
        == INT64_C(1795399400));
    assert_int_equal(world_step(w), TG_NOTFOUND); /* too late to be sent */
    assert_int_equal(w->market.requests, 0);
    assert_int_equal(world_int(w, RECORDS " WHERE state = 'expired'"), 1);
}

int
main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_hour_is_sealed_after_its_grace),
        TEST(several_keys_of_one_agreement_are_one_record),
        TEST(a_zero_tells_that_we_live),
        TEST(zeros_are_for_hours_that_amazon_takes),
        TEST(heartbeats_can_be_switched_off),
        TEST(a_pure_contract_is_never_metered),
        TEST(more_than_one_record_holds_goes_to_the_next_hour),
        TEST(an_early_seal_is_for_one_or_for_all),
        TEST(what_waits_for_an_agreement_is_not_sealed),
        TEST(what_was_counted_before_the_first_seal_is_billed),
        TEST(after_an_early_seal_the_hour_has_no_second_record),
        TEST(late_units_never_meet_their_hours_zero),
        TEST(an_hour_in_another_mode_is_one_record),
        TEST(who_has_left_gets_no_zero_and_a_near_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
