/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <inttypes.h>

#include "control/plan_work.h"
#include "util/buf.h"

#define MANY 2600 /* more than a call does, and no whole number of portions */

static char plan_id[32];
static char plan[64]; /* its target */

static void
scene(struct place *p, int keys)
{
    struct tg_buf csv;

    (void) snprintf(plan_id, sizeof(plan_id), "%s", make_plan(p, ""));
    (void) snprintf(plan, sizeof(plan), "/usageplans/%s", plan_id);
    tg_buf_init(&csv, 1 << 20);
    (void) tg_buf_puts(&csv, "name,key,description,enabled,usageplanIds\n");
    for (int i = 0; i < keys; i++) {
        (void) tg_buf_printf(&csv, "n%d,v%039d,,TRUE,%s\n", i, i, plan_id);
    }
    assert_int_equal(csv.status, TG_OK);
    assert_int_equal(call_bytes(p, "POST", "/apikeys?mode=import&format=csv",
        csv.data, csv.len), 201);
    tg_buf_clear(&csv);
    assert_int_equal(number(p, "SELECT count(*) FROM meter_owner"), keys);
}

static int64_t
bound_to(struct place *p, const char *product)
{
    char sql[256];

    (void) snprintf(sql, sizeof(sql), "SELECT count(*) FROM usage_plan_key u"
        " JOIN meter_owner m ON m.slot = u.slot AND m.owner = u.owner"
        " WHERE m.state = 'open' AND m.product_code = '%s'", product);
    return number(p, sql);
}

/* Every entry of the table names the slot that the store does. */
static void
assert_published(struct place *p, uint32_t plans)
{
    char            value[64];
    struct tg_key   e;
    struct tg_stmt *q = NULL;

    for (int i = 0; i < MANY; i += 13) {
        (void) snprintf(value, sizeof(value), "v%039d", i);
        assert_int_equal(entry(p, value, &e), TG_OK);
        assert_int_equal(e.plan_count, plans);
        if (plans == 0) {
            continue;
        }
        assert_int_equal(tg_store_query(p->control->store, &q, NULL,
            "SELECT slot, owner FROM usage_plan_key WHERE key_id = $1", "s",
            e.id), TG_OK);
        assert_int_equal(tg_stmt_next(q, NULL), TG_OK);
        assert_int_equal(tg_stmt_int(q, 0), e.plans[0].cell);
        assert_int_equal(tg_stmt_int(q, 1), e.plans[0].owner);
        tg_stmt_done(q);
    }
}

static void
finish(struct place *p)
{
    for (int i = 0; p->control->has_plan_work; i++) {
        assert_true(i < 1000);
        tg_plan_work_tick(p->control, p->now_s);
    }
    assert_int_equal(number(p, "SELECT count(*) FROM plan_work"), 0);
}

static void
few_keys_follow_in_the_call_itself(void **state)
{
    struct place *p = *state;

    scene(p, TG_PLAN_WORK_AT_ONCE - 1);
    assert_int_equal(patch(p, plan, "add", "/productCode", "one"), 200);
    assert_int_equal(bound_to(p, "one"), TG_PLAN_WORK_AT_ONCE - 1);
    assert_int_equal(number(p, "SELECT count(*) FROM plan_work"), 0);
    assert_int_equal(call(p, "DELETE", plan, ""), 202);
    assert_int_equal(number(p, "SELECT count(*) FROM meter_owner"
        " WHERE state = 'open'"), 0);
    assert_int_equal(number(p, "SELECT count(*) FROM plan_work"), 0);
}

/* W1, W3 */
static void
many_keys_follow_in_portions_through_a_restart(void **state)
{
    struct place *p = *state;

    scene(p, MANY);
    finish(p);
    assert_int_equal(patch(p, plan, "add", "/productCode", "one"), 200);
    assert_int_equal(bound_to(p, "one"), TG_PLAN_WORK_AT_ONCE);
    assert_string_equal(text(p, "productCode"), "one");
    place_restart(p);
    assert_int_equal(bound_to(p, "one"), TG_PLAN_WORK_AT_ONCE);
    finish(p);
    assert_int_equal(bound_to(p, "one"), MANY);
    assert_published(p, 1);
    assert_int_equal(number(p, "SELECT count(*) FROM meter_owner"
        " WHERE state = 'open'"), MANY);
}

static void
a_second_change_begins_anew(void **state)
{
    struct place *p = *state;

    scene(p, MANY);
    assert_int_equal(patch(p, plan, "add", "/productCode", "one"), 200);
    assert_int_equal(patch(p, plan, "replace", "/productCode", "two"), 200);
    assert_int_equal(bound_to(p, "one"), 0);
    assert_int_equal(bound_to(p, "two"), TG_PLAN_WORK_AT_ONCE);
    finish(p);
    assert_int_equal(bound_to(p, "two"), MANY);
    assert_int_equal(number(p, "SELECT count(*) FROM meter_owner"
        " WHERE product_code = 'one'"), TG_PLAN_WORK_AT_ONCE);
    assert_published(p, 1);
}

/* W2 */
static void
a_key_that_changes_meanwhile_follows_at_once(void **state)
{
    char          target[64];
    char          id[32];
    struct place *p = *state;
    struct tg_stmt *q = NULL;

    scene(p, MANY);
    assert_int_equal(patch(p, plan, "add", "/productCode", "one"), 200);
    assert_int_equal(tg_store_query(p->control->store, &q, NULL,
        "SELECT max(key_id) FROM usage_plan_key", ""), TG_OK);
    assert_int_equal(tg_stmt_next(q, NULL), TG_OK);
    (void) snprintf(id, sizeof(id), "%s", tg_stmt_text(q, 0));
    tg_stmt_done(q);
    (void) snprintf(target, sizeof(target), "/apikeys/%s", id);
    assert_int_equal(patch(p, target, "replace", "/customerId", "c"), 200);
    assert_int_equal(bound_to(p, "one"), TG_PLAN_WORK_AT_ONCE + 1);
    finish(p);
    assert_int_equal(bound_to(p, "one"), MANY);
}

static void
a_deleted_plan_leaves_its_cells_in_portions(void **state)
{
    char          target[64];
    struct place *p = *state;
    struct tg_key e;

    scene(p, MANY);
    assert_int_equal(patch(p, plan, "add", "/productCode", "one"), 200);
    assert_int_equal(call(p, "DELETE", plan, ""), 202);
    assert_int_equal(number(p, "SELECT count(*) FROM plan_work"
        " WHERE kind = 'end'"), 1);
    assert_int_equal(number(p, "SELECT count(*) FROM meter_owner"
        " WHERE state = 'open'"), MANY - TG_PLAN_WORK_AT_ONCE);
    /* a key of it that goes meanwhile leaves nothing behind */
    (void) snprintf(target, sizeof(target), "v%039d", MANY - 1);
    assert_int_equal(entry(p, target, &e), TG_OK);
    (void) snprintf(target, sizeof(target), "/apikeys/%s", e.id);
    assert_int_equal(call(p, "DELETE", target, ""), 202);
    place_restart(p);
    finish(p);
    assert_int_equal(number(p, "SELECT count(*) FROM meter_owner"
        " WHERE state = 'open'"), 0);
    assert_int_equal(number(p, "SELECT count(*) FROM usage_plan_key"), 0);
    assert_int_equal(number(p, "SELECT count(*) FROM meter_owner"
        " WHERE retired_epoch IS NULL"), 0);
}

/* Whichever statement fails: what is noted stays noted, and is done then. */
static void
a_portion_that_fails_is_done_again(void **state)
{
    struct place *p = *state;

    scene(p, TG_PLAN_WORK_AT_ONCE + 5);
    finish(p);
    assert_int_equal(patch(p, plan, "add", "/productCode", "one"), 200);
    for (int64_t n = 1; n < 40; n++) {
        fault_arm(FAULT_SQL, (uint64_t) n, true);
        fault_begin();
        tg_plan_work_tick(p->control, p->now_s);
        assert_true(fault_end());
        assert_true(p->control->has_plan_work);
    }
    tg_control_tick(p->control);
    finish(p);
    assert_int_equal(bound_to(p, "one"), TG_PLAN_WORK_AT_ONCE + 5);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(few_keys_follow_in_the_call_itself),
        PLACE_TEST(many_keys_follow_in_portions_through_a_restart),
        PLACE_TEST(a_second_change_begins_anew),
        PLACE_TEST(a_key_that_changes_meanwhile_follows_at_once),
        PLACE_TEST(a_deleted_plan_leaves_its_cells_in_portions),
        PLACE_TEST(a_portion_that_fails_is_done_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
