/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "billing/held.h"
#include "billing/sealer.h"
#include "core/hours.h"
#include "core/unbillable.h"
#include "fault.h"

#define BILLED "SELECT COALESCE(SUM(quantity), 0) FROM usage_detail WHERE"    \
    " agreement_id <> ''"

/* key-9 in the plan, its calls held for that reason. */
static void
hold(struct world *w, enum tg_unbillable why, const char *product)
{
    char sql[512];

    world_owner(w, 1, 1, NULL, "key-9");
    (void) snprintf(sql, sizeof(sql), "UPDATE meter_owner SET reason ="
        " '%s', product_code = '%s' WHERE slot = 1", tg_unbillable_text(why),
        product);
    world_sql(w, sql);
    world_sql(w, "INSERT INTO usage_plan (id, number, name, product_code,"
        " created_s, tags) VALUES ('plan', 1, 'p', 'prod', 1, '{}')");
    world_sql(w, "INSERT INTO api_key (id, digest, value_sealed, enabled,"
        " created_s, updated_s, stage_keys, tags) VALUES ('key-9', 'd', 'v',"
        " 1, 1, 1, '[]', '{}')");
    world_sql(w, "INSERT INTO usage_plan_key (plan_id, key_id, created_s,"
        " slot, owner) VALUES ('plan', 'key-9', 1, 1, 1)");
}

/* The key is bound to agr-1, in a new cell. */
static void
bind(struct world *w)
{
    world_owner(w, 2, 1, "agr-1", "key-9");
    world_sql(w, "UPDATE usage_plan_key SET slot = 2");
}

static int64_t
bring_home(struct world *w)
{
    int64_t units;

    assert_int_equal(tg_held_bring_home(w->store, &units, w->settings,
        w->now_s, &w->err), TG_OK);
    return units;
}

static void
held_units_come_home_to_their_open_hour(void **state)
{
    struct world *w = *state;

    hold(w, TG_UNBILLABLE_NO_CUSTOMER, "prod");
    world_count(w, 1, 4);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(bring_home(w), 0); /* still nobody's */
    bind(w);
    world_count(w, 1, 1); /* by a worker that had looked the old cell up */
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(bring_home(w), 5);
    assert_int_equal(bring_home(w), 0);
    assert_int_equal(world_int(w, BILLED " AND hour = 1795395600 AND"
        " key_id = 'key-9' AND reason = 'held until its agreement was known:"
        " the key has no customerId'"), 5);
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM audit_event WHERE"
        " event_name = 'BillHeldUsage'"), 1);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, "SELECT quantity FROM ledger_record"), 5);
}

static void
held_units_of_a_sealed_hour_are_the_next_ones(void **state)
{
    struct world *w = *state;

    hold(w, TG_UNBILLABLE_SEVERAL, "prod");
    world_count(w, 1, 4);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK); /* a zero of agr-1 */
    bind(w);
    assert_int_equal(bring_home(w), 4);
    assert_int_equal(world_int(w, BILLED " AND hour = 1795399200 AND"
        " used_hour = 1795395600 AND reason LIKE '%sealed by then%'"), 4);
}

/* H2: 24 hours after its start Amazon takes no record of an hour. */
static void
held_units_come_home_while_amazon_takes_them(void **state)
{
    struct world *w = *state;

    world_sql(w, "UPDATE agreement SET activated_s = 1");
    hold(w, TG_UNBILLABLE_SEVERAL, "prod");
    world_count(w, 1, 4);
    assert_int_equal(world_fold(w), TG_OK);
    world_pass(w, HOUR + 86400 - w->now_s);
    bind(w);
    assert_int_equal(bring_home(w), 0);
    world_pass(w, -1);
    assert_int_equal(bring_home(w), 4);
}

static void
a_month_that_is_closed_takes_nothing_home(void **state)
{
    struct world *w = *state;
    const int64_t month = INT64_C(1796083200); /* 2026-12-01T00:00:00Z */

    hold(w, TG_UNBILLABLE_SEVERAL, "prod");
    world_pass(w, month - 1800 - w->now_s);
    world_count(w, 1, 4);
    assert_int_equal(world_fold(w), TG_OK);
    world_pass(w, month + 6 * 3600 - w->now_s);
    bind(w);
    assert_int_equal(bring_home(w), 0);
    world_pass(w, -1);
    assert_int_equal(bring_home(w), 4);
}

static void
units_of_before_the_activation_stay(void **state)
{
    struct world *w = *state;

    hold(w, TG_UNBILLABLE_INACTIVE, "prod");
    world_count(w, 1, 4);
    world_pass(w, 3600);
    world_count(w, 1, 2);
    assert_int_equal(world_fold(w), TG_OK);
    world_sql(w, "UPDATE agreement SET activated_s = 1795399250");
    bind(w);
    assert_int_equal(bring_home(w), 2); /* of the hour of the activation */
}

static void
who_left_gets_nothing_home_after_his_hour(void **state)
{
    struct world *w = *state;

    hold(w, TG_UNBILLABLE_SEVERAL, "prod");
    world_count(w, 1, 4);
    assert_int_equal(world_fold(w), TG_OK);
    bind(w);
    world_sql(w, "UPDATE agreement SET state = 'ending', ended_s ="
        " 1795395700");
    world_pass(w, 3600);
    assert_int_equal(bring_home(w), 0);
    world_pass(w, -1);
    assert_int_equal(bring_home(w), 4);
}

/* H1: what was not held for want of an agreement stays where it is. */
static void
what_was_never_to_be_billed_stays(void **state)
{
    size_t i;
    static const struct {
        enum tg_unbillable why;
        const char        *product;
    } cases[] = {
        { TG_UNBILLABLE_NO_PRODUCT, "" },
        { TG_UNBILLABLE_CONTRACT, "prod" },
        { TG_UNBILLABLE_ASIDE, "prod" },
        { TG_UNBILLABLE_TAKEN, "prod" },
        { TG_UNBILLABLE_NO_CUSTOMER, "another" },
    };

    (void) state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        void         *fresh;
        struct world *w;

        assert_int_equal(world_set_up(&fresh), 0);
        w = fresh;
        hold(w, cases[i].why, cases[i].product);
        world_count(w, 1, 4);
        assert_int_equal(world_fold(w), TG_OK);
        bind(w);
        assert_int_equal(bring_home(w), 0);
        assert_int_equal(world_tear_down(&fresh), 0);
    }
}

static void
who_becomes_active_late_is_billed_for_it(void **state)
{
    struct world *w = *state;

    world_sql(w, "UPDATE agreement SET state = 'pending'");
    world_count(w, 0, 7);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM usage_left"), 1);
    assert_int_equal(bring_home(w), 0);
    world_sql(w, "UPDATE agreement SET state = 'active'");
    assert_int_equal(bring_home(w), 7);
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM usage_left"), 0);
    world_pass(w, 3600);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, "SELECT quantity FROM ledger_record WHERE"
        " hour = 1795399200"), 7);
}

/* Some thousand keys, in several transactions, one of which fails. */
static bool
many_round(void *data)
{
    bool          was_met;
    int64_t       units;
    void         *fresh;
    struct world *w;

    (void) data;
    assert_int_equal(world_set_up(&fresh), 0);
    w = fresh;
    hold(w, TG_UNBILLABLE_NO_CUSTOMER, "prod");
    world_sql(w, "INSERT INTO fold VALUES ('n', 'f', 1, 1, 1, 1)");
    world_sql(w, "INSERT INTO meter_owner (file_id, slot, owner, key_id,"
        " plan_id, product_code, dimension, agreement_id, state, opened_s)"
        " VALUES ('f', 7, 1, 'any', 'plan', 'prod', 'apigateway', 'agr-1',"
        " 'open', 1)");
    world_sql(w, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
        " FROM n WHERE i < 1200) INSERT INTO api_key (id, digest,"
        " value_sealed, enabled, created_s, updated_s, stage_keys, tags)"
        " SELECT 'k' || i, 'd' || i, 'v', 1, 1, 1, '[]', '{}' FROM n");
    world_sql(w, "INSERT INTO usage_plan_key (plan_id, key_id, created_s,"
        " slot, owner) SELECT 'plan', id, 1, 7, 1 FROM api_key WHERE"
        " id LIKE 'k%' AND id <> 'key-9'");
    world_sql(w, "INSERT INTO usage_detail (node, agreement_id,"
        " product_code, dimension, hour, used_hour, key_id, plan_id,"
        " quantity, reason) SELECT 'n', '', 'prod', 'apigateway',"
        " 1795395600, 1795395600, id, 'plan', 3, 'the key has no"
        " customerId' FROM api_key WHERE id LIKE 'k%' AND id <> 'key-9'");
    fault_begin();
    (void) !tg_held_bring_home(w->store, &units, w->settings, w->now_s,
        &w->err);
    was_met = fault_end();
    assert_int_equal(world_int(w, BILLED), units);
    assert_true(was_met || units == 3600);
    assert_int_equal(bring_home(w), 3600 - units);
    assert_int_equal(world_int(w, BILLED), 3600);
    assert_int_equal(world_int(w, "SELECT SUM(quantity) FROM usage_detail"),
        3600);
    assert_int_equal(world_tear_down(&fresh), 0);
    return was_met;
}

static void
many_come_home_whatever_fails(void **state)
{
    (void) state;
    assert_true(fault_each(FAULT_SQL, 1009, many_round, NULL) > 6);
}

int
main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(held_units_come_home_to_their_open_hour),
        TEST(held_units_of_a_sealed_hour_are_the_next_ones),
        TEST(held_units_come_home_while_amazon_takes_them),
        TEST(a_month_that_is_closed_takes_nothing_home),
        TEST(units_of_before_the_activation_stay),
        TEST(who_left_gets_nothing_home_after_his_hour),
        cmocka_unit_test(what_was_never_to_be_billed_stays),
        TEST(who_becomes_active_late_is_billed_for_it),
        cmocka_unit_test(many_come_home_whatever_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
