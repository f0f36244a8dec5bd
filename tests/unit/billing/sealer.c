/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "billing/sealer.h"
#include "billing/unrecorded.h"
#include "core/hours.h"
#include "core/ledger.h"
#include "core/unbillable.h"
#include "fault.h"

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
    assert_int_equal(tg_unrecorded_list(w->store, list,
        &(struct tg_unrecorded_query) { .kinds = ~0U, .agreement_id = "",
            .product_code = "", .to = INT64_MAX, .limit = 10 }, w->settings,
        w->now_s, &w->err), TG_OK);
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(
        list, 0), "reason")), tg_unbillable_text(TG_UNBILLABLE_CONTRACT));
    json_decref(list);
}

static void
more_than_one_record_holds_goes_to_the_next_hour(void **state)
{
    struct world *w = *state;

    atomic_store(world_lane(w), UINT32_C(0x7ffffff0));
    assert_int_equal(tg_collector_fold(w->collector, true, w->now_s,
        &w->err), TG_OK);
    atomic_store(world_lane(w), UINT32_C(0x80000100));
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
    assert_int_equal(world_step(w), TG_OK); /* too late to be sent */
    assert_int_equal(world_step(w), TG_NOTFOUND);
    assert_int_equal(w->market.requests, 0);
    assert_int_equal(world_int(w, RECORDS " WHERE state = 'expired'"), 1);
}

/*
 * The statements of a seal compute what the core's functions say: agreements
 * that became active and ended at all kinds of moments, hours of a month's
 * end among them.
 */
static void
the_statements_and_the_core_agree(void **state)
{
    int64_t         hour, stamp, activated, ended;
    struct tg_stmt *q = NULL;
    enum tg_status  status;
    struct world   *w = *state;
    const int64_t   month = INT64_C(1796083200); /* 2026-12-01T00:00:00Z */

    w->settings->billing.heartbeat = false;
    world_sql(w, "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1"
        " FROM n WHERE i < 399) INSERT INTO agreement (id, product_code,"
        " identity_mode, license_arn, state, activated_s, ended_s,"
        " created_s, updated_s) SELECT 'x' || i, 'prod', 'license',"
        " 'arn:' || i, CASE i % 2 WHEN 0 THEN 'active' ELSE 'ended' END,"
        " 1796083200 - 90000 + i * 241, CASE i % 2 WHEN 0 THEN NULL ELSE"
        " 1796083200 - 90000 + i * 397 END, 1, 1 FROM n");
    world_sql(w, "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1"
        " FROM n WHERE i < 28) INSERT INTO usage_detail (node, agreement_id,"
        " product_code, dimension, hour, used_hour, key_id, plan_id,"
        " quantity, reason) SELECT 'n', a.id, 'prod', 'apigateway',"
        " 1796083200 + 3600 * (i - 27), 0, 'k', 'p', 1 + i, '' FROM"
        " agreement a, n WHERE a.id LIKE 'x%'");
    world_pass(w, month + 3 * 3600 - w->now_s);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(tg_store_query(w->store, &q, &w->err, "SELECT r.hour,"
        " r.timestamp, r.deadline_s, a.activated_s, COALESCE(a.ended_s, 0),"
        " a.id FROM usage_detail d JOIN agreement a ON a.id = d.agreement_id"
        " LEFT JOIN ledger_record r ON r.agreement_id = a.id AND"
        " r.hour = d.hour WHERE a.id LIKE 'x%'", ""), TG_OK);
    while ((status = tg_stmt_next(q, &w->err)) == TG_OK) {
        activated = tg_stmt_int(q, 3);
        ended = tg_stmt_int(q, 4);
        hour = tg_stmt_int(q, 0);
        if (tg_stmt_is_null(q, 0)) {
            continue; /* checked by the count below */
        }
        assert_int_equal(tg_ledger_timestamp(&stamp, hour, activated),
            TG_OK);
        assert_true(tg_stmt_int(q, 1) == stamp);
        assert_true(tg_stmt_int(q, 2) == tg_ledger_deadline(stamp, ended));
    }
    tg_stmt_done(q);
    assert_int_equal(status, TG_NOTFOUND);
    /* exactly those after the activation have a record, the others are left */
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM usage_detail d JOIN"
        " agreement a ON a.id = d.agreement_id WHERE (a.activated_s <"
        " d.hour + 3600) <> EXISTS (SELECT 1 FROM ledger_record r WHERE"
        " r.agreement_id = a.id AND r.hour = d.hour)"), 0);
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM usage_left l WHERE"
        " NOT EXISTS (SELECT 1 FROM agreement a WHERE a.id = l.agreement_id"
        " AND a.activated_s >= l.hour + 3600)"), 0);
    assert_true(world_int(w, "SELECT COUNT(*) FROM usage_left") > 100);
    assert_true(world_int(w, RECORDS " WHERE deadline_s = 1796083200 +"
        " 21600") > 100); /* the month's end did matter */
}

#define BUYERS 4500 /* more than one step of a seal */

/* Many buyers, each with usage in HOUR. */
static void
add_buyers(struct world *w)
{
    world_sql(w, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
        " FROM n WHERE i < 4500) INSERT INTO agreement (id, product_code,"
        " identity_mode, license_arn, state, activated_s, created_s,"
        " updated_s) SELECT 'm' || i, 'prod', 'license', 'arn:m' || i,"
        " 'active', 1, 1, 1 FROM n");
    world_sql(w, "INSERT INTO usage_detail (node, agreement_id, product_code,"
        " dimension, hour, used_hour, key_id, plan_id, quantity, reason)"
        " SELECT 'n', id, 'prod', 'apigateway', 1795395600, 1795395600, 'k',"
        " 'p', 2, '' FROM agreement WHERE id LIKE 'm%'");
}

/* One seal of several steps with a step of SQL that fails. */
static bool
stopped_round(void *data)
{
    int64_t        made, sealed = 0;
    bool           is_under_way, was_met;
    void          *fresh;
    enum tg_status status;
    struct world  *w;

    (void) data;
    assert_int_equal(world_set_up(&fresh), 0);
    w = fresh;
    add_buyers(w);
    world_count(w, 0, 3);
    world_pass(w, 3700);
    assert_int_equal(world_fold(w), TG_OK);
    fault_begin();
    status = tg_sealer_regular(w->store, &sealed, w->settings, w->now_s,
        &w->err);
    was_met = fault_end();
    assert_true((status != TG_OK) == was_met);
    made = world_int(w, RECORDS);
    assert_int_equal(made, sealed);
    assert_int_equal(tg_sealer_is_under_way(w->store, &is_under_way,
        &w->err), TG_OK);
    assert_true(is_under_way == (was_met && world_int(w, "SELECT value FROM"
        " meta WHERE name = 'billing.sealed_through'") > HOUR));
    tg_meters_count(w->meters, 0, HOUR, 6); /* late after a cut, else not */
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, RECORDS), BUYERS + 1);
    assert_int_equal(world_int(w, "SELECT SUM(quantity) FROM"
        " ledger_record"), 2 * BUYERS + (is_under_way || !was_met ? 3 : 9));
    assert_int_equal(tg_sealer_is_under_way(w->store, &is_under_way,
        &w->err), TG_OK);
    assert_false(is_under_way);
    world_pass(w, 3600);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, "SELECT SUM(quantity) FROM"
        " ledger_record"), 2 * BUYERS + 9);
    assert_int_equal(world_tear_down(&fresh), 0);
    return was_met;
}

/* E2: a seal of several steps that fails at any of them is gone on with. */
static void
a_seal_that_was_stopped_is_gone_on_with(void **state)
{
    (void) state;
    assert_true(fault_each(FAULT_SQL, 17, stopped_round, NULL) > 6);
}

/* An activation that lies ahead stops no seal (L5). */
static void
who_is_not_active_yet_holds_nobody_up(void **state)
{
    struct world *w = *state;

    world_agreement(w, "agr-2", "222222222222", "license");
    world_owner(w, 1, 1, "agr-2", "key-2");
    world_sql(w, "UPDATE agreement SET activated_s = 1795395600 + 3500 WHERE"
        " id = 'agr-2'");
    world_count(w, 0, 3);
    world_count(w, 1, 4);
    assert_int_equal(world_seal_early(w, NULL), TG_OK);
    assert_int_equal(world_int(w, RECORDS), 1);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, RECORDS " WHERE agreement_id = 'agr-2' AND"
        " quantity = 4 AND timestamp = 1795395600 + 3500"), 1);
}

/* E7 */
static void
who_leaves_is_sealed_at_once(void **state)
{
    bool          has_leavers;
    int64_t       sealed;
    struct world *w = *state;

    w->settings->billing.grace_s = 5;
    world_agreement(w, "agr-2", "222222222222", "license");
    world_owner(w, 1, 1, "agr-2", "key-2");
    world_count(w, 1, 4);
    world_pass(w, 3700); /* an hour is sealed, and waits to be sent */
    assert_int_equal(world_seal(w), TG_OK);
    world_count(w, 0, 3);
    world_count(w, 1, 2);
    assert_int_equal(world_fold(w), TG_OK);
    world_sql(w, "UPDATE agreement SET state = 'ending', ended_s ="
        " 1795399400 WHERE id = 'agr-2'"); /* now */
    assert_int_equal(tg_sealer_has_leavers(w->store, &has_leavers,
        w->settings, w->now_s, &w->err), TG_OK);
    assert_false(has_leavers); /* calls may just be ending */
    world_pass(w, 5);
    assert_int_equal(tg_sealer_has_leavers(w->store, &has_leavers,
        w->settings, w->now_s, &w->err), TG_OK);
    assert_true(has_leavers);
    assert_int_equal(tg_sealer_leavers(w->store, &sealed, w->settings,
        w->now_s, &w->err), TG_OK);
    assert_int_equal(sealed, 1);
    assert_int_equal(world_int(w, RECORDS " WHERE agreement_id = 'agr-2' AND"
        " deadline_s = 1795399400 + 3600"), 2);
    assert_int_equal(world_int(w, RECORDS " WHERE agreement_id = 'agr-1' AND"
        " hour = 1795399200"), 0); /* nobody else's hour is closed */
    assert_int_equal(tg_sealer_has_leavers(w->store, &has_leavers,
        w->settings, w->now_s, &w->err), TG_OK);
    assert_false(has_leavers);
}

static void
what_is_left_without_a_record_is_noted(void **state)
{
    struct world *w = *state;

    world_agreement(w, "agr-2", "222222222222", "license");
    world_owner(w, 1, 1, "agr-2", "key-2");
    world_sql(w, "UPDATE agreement SET state = 'pending' WHERE"
        " id = 'agr-2'");
    world_count(w, 0, 3);
    world_count(w, 1, 4);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM usage_left"), 1);
    assert_string_equal(world_text(w, "SELECT agreement_id || hour FROM"
        " usage_left"), "agr-21795395600");
}

static void
hours_in_a_row_with_usage_are_noted(void **state)
{
    int           i;
    struct world *w = *state;

    for (i = 0; i < 6; i++) {
        if (i != 2) {
            world_count(w, 0, 1);
        }
        world_pass(w, 3600);
        assert_int_equal(world_seal(w), TG_OK);
    }
    assert_int_equal(world_int(w, "SELECT hours FROM agreement_activity"), 3);
    assert_true(world_int(w, "SELECT used_hour FROM agreement_activity")
        == HOUR + 5 * 3600);
}

static void
no_zeros_for_whom_amazon_does_not_know(void **state)
{
    struct world *w = *state;

    world_sql(w, "UPDATE agreement SET unsubscribed_s = 1");
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, RECORDS), 0);
    world_count(w, 0, 3); /* what was used is reported all the same */
    world_pass(w, 3600);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, RECORDS " WHERE quantity = 3"), 1);
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
        TEST(no_zeros_for_whom_amazon_does_not_know),
        TEST(the_statements_and_the_core_agree),
        cmocka_unit_test(a_seal_that_was_stopped_is_gone_on_with),
        TEST(who_is_not_active_yet_holds_nobody_up),
        TEST(who_leaves_is_sealed_at_once),
        TEST(what_is_left_without_a_record_is_noted),
        TEST(hours_in_a_row_with_usage_are_noted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
