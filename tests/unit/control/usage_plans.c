/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <stdatomic.h>

#include "core/quota.h"

#define VALUE "abcdefghijklmnopqrstuvwxyz"

static void
make_stage(struct place *p, const char *api, const char *stage)
{
    char sql[256];

    (void) snprintf(sql, sizeof(sql), "INSERT OR IGNORE INTO rest_api"
        " VALUES ('%s', 'n', 1, '{}')", api);
    run_sql(p, sql);
    (void) snprintf(sql, sizeof(sql), "INSERT OR IGNORE INTO deployment"
        " VALUES ('%s', 'd', 1, NULL, '{}')", api);
    run_sql(p, sql);
    (void) snprintf(sql, sizeof(sql), "INSERT INTO stage"
        " VALUES ('%s', '%s', 'd', 1, 1, '{}')", api, stage);
    run_sql(p, sql);
}

static void
a_plan_is_made_read_and_deleted(void **state)
{
    char          expected[512];
    char          id[32];
    char          target[64];
    struct place *p = *state;

    make_stage(p, "a1", "prod");
    (void) snprintf(id, sizeof(id), "%s", make_plan(p, "\"description\":"
        "\"d\",\"throttle\":{\"rateLimit\":\"2.5\",\"burstLimit\":5},"
        "\"quota\":{\"limit\":100,\"period\":\"MONTH\"},\"apiStages\":"
        "[{\"apiId\":\"a1\",\"stage\":\"prod\",\"throttle\":{\"/x/GET\":"
        "{\"rateLimit\":1,\"burstLimit\":2}}}]"));
    assert_int_equal(strlen(id), 6);
    assert_null(json_object_get(p->answer, "tags"));
    (void) snprintf(target, sizeof(target), "/usageplans/%s", id);
    (void) call(p, "GET", target, "");
    (void) snprintf(expected, sizeof(expected), "{\"id\":\"%s\",\"name\":"
        "\"plan\",\"description\":\"d\",\"tags\":{},\"throttle\":"
        "{\"rateLimit\":2.5,\"burstLimit\":5},\"quota\":{\"limit\":100,"
        "\"offset\":0,\"period\":\"MONTH\"},\"apiStages\":[{\"apiId\":\"a1\","
        "\"stage\":\"prod\",\"throttle\":{\"/x/GET\":{\"rateLimit\":1.0,"
        "\"burstLimit\":2}}}]}", id);
    assert_answer(p, 200, expected);
    assert_refused(p, "DELETE", target, "", 400, "because there are API "
        "Stages associated with it, including a1:prod");
    assert_int_equal(patch(p, target, "remove", "/apiStages", "a1:prod"),
        200);
    assert_int_equal(call(p, "DELETE", target, ""), 202);
    assert_refused(p, "GET", target, "", 404, "Invalid Usage Plan ID");
    /* numbers are not used again */
    (void) make_plan(p, "");
    assert_int_equal(number(p, "SELECT number FROM usage_plan"), 2);
}

static void
bad_plans_are_refused(void **state)
{
    static const struct {
        const char *body;
        int         status;
        const char *words;
    } facts[] = {
        {"{}", 400, "name"},
        {"{\"name\":\"\"}", 400, "name"},
        {"{\"name\":\"n\",\"throttle\":{\"rateLimit\":-1}}", 400, "rate"},
        {"{\"name\":\"n\",\"throttle\":{\"burstLimit\":-1}}", 400, "burst"},
        {"{\"name\":\"n\",\"throttle\":{\"rateLimit\":\"x\"}}", 400, "rate"},
        {"{\"name\":\"n\",\"throttle\":[]}", 400, "throttle"},
        {"{\"name\":\"n\",\"quota\":{\"limit\":1}}", 400, "period"},
        {"{\"name\":\"n\",\"quota\":{\"period\":\"DAY\"}}", 400, "limit"},
        {"{\"name\":\"n\",\"quota\":{\"limit\":1,\"period\":\"YEAR\"}}", 400,
            "period"},
        {"{\"name\":\"n\",\"quota\":{\"limit\":1,\"period\":\"WEEK\","
         "\"offset\":7}}", 400, "offset"},
        {"{\"name\":\"n\",\"apiStages\":[{}]}", 400, "Invalid API Stage"},
        {"{\"name\":\"n\",\"apiStages\":[{\"apiId\":\"x\",\"stage\":\"y\"}]}",
            404, "Invalid API Stage {api: x, stage: y}"},
    };
    size_t        i;
    struct place *p = *state;

    for (i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        assert_refused(p, "POST", "/usageplans", facts[i].body,
            facts[i].status, facts[i].words);
    }
    assert_int_equal(number(p, "SELECT count(*) FROM usage_plan"), 0);
}

/* Every path of Amazon's table, with what it takes and refuses. */
static void
patches_follow_the_table(void **state)
{
    static const struct {
        const char *op;
        const char *path;
        const char *value;
        int         status;
    } facts[] = {
        {"replace", "/name", "new", 200},
        {"add", "/name", "new", 400},
        {"replace", "/name", "", 400},
        {"replace", "/description", "d", 200},
        {"remove", "/description", "d", 400},
        {"add", "/productCode", "p", 200},
        {"replace", "/productCode", "q", 200},
        {"replace", "/productCode", "aZ09-/=:_.@", 200},
        {"replace", "/productCode", "two words", 400},
        {"replace", "/productCode", "\u00fcber", 400},
        {"remove", "/productCode", "", 200},
        {"add", "/throttle/rateLimit", "10", 200},
        {"replace", "/throttle/burstLimit", "20", 200},
        {"replace", "/throttle/burstLimit", "x", 400},
        {"replace", "/throttle", "", 400},
        {"remove", "/throttle/rateLimit", "", 400},
        {"remove", "/throttle", "", 200},
        {"replace", "/quota/limit", "5", 400}, /* without a period */
        {"replace", "/quota/offset", "1", 400},
        {"remove", "/quota", "", 200},
        {"replace", "/apiStages", "a1:prod", 400},
        {"add", "/apiStages", "nonsense", 400},
        {"add", "/apiStages", "a1:none", 404},
        {"add", "/apiStages", "a1:prod", 200},
        {"add", "/apiStages/a1:prod/throttle",
            "{\\\"/a/GET\\\":{\\\"rateLimit\\\":1,\\\"burstLimit\\\":1}}",
            200},
        {"add", "/apiStages/a1:prod/throttle", "[]", 400},
        {"add", "/apiStages/a1:none/throttle", "{}", 404},
        {"replace", "/apiStages/a1:prod/throttle//pets/GET/rateLimit", "7",
            200},
        {"add", "/apiStages/a1:prod/throttle/~1pets~1{id}/GET/burstLimit",
            "8", 200},
        {"replace", "/apiStages/a1:prod/throttle///GET/rateLimit", "9", 200},
        {"remove", "/apiStages/a1:prod/throttle//a/GET", "", 200},
        {"remove", "/apiStages/a1:prod/throttle//a/GET", "", 404},
        {"remove", "/apiStages/a1:prod/throttle//a/GET/rateLimit", "", 400},
        {"replace", "/id", "x", 400},
        {"replace", "/quotas", "x", 400},
        {"move", "/name", "x", 400},
    };
    char          target[64];
    json_t       *throttle;
    size_t        i;
    struct place *p = *state;

    make_stage(p, "a1", "prod");
    (void) snprintf(target, sizeof(target), "/usageplans/%s",
        make_plan(p, ""));
    for (i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        if (patch(p, target, facts[i].op, facts[i].path, facts[i].value)
            != facts[i].status) {
            fail_msg("%s %s: %d %s", facts[i].op, facts[i].path, p->status,
                text(p, "message"));
        }
    }
    assert_int_equal(call(p, "GET", target, ""), 200);
    throttle = json_object_get(json_array_get(json_object_get(p->answer,
        "apiStages"), 0), "throttle");
    assert_int_equal(json_object_size(throttle), 3);
    assert_non_null(json_object_get(throttle, "/pets/GET"));
    assert_non_null(json_object_get(throttle, "/pets/{id}/GET"));
    assert_non_null(json_object_get(throttle, "//GET"));
    assert_null(json_object_get(p->answer, "quota"));
}

static void
a_patch_of_many_is_done_or_not(void **state)
{
    char          target[64];
    struct place *p = *state;

    make_stage(p, "a1", "prod");
    (void) snprintf(target, sizeof(target), "/usageplans/%s",
        make_plan(p, "\"apiStages\":[{\"apiId\":\"a1\",\"stage\":\"prod\"}]"));
    assert_refused(p, "PATCH", target, "{\"patchOperations\":["
        "{\"op\":\"replace\",\"path\":\"/name\",\"value\":\"new\"},"
        "{\"op\":\"replace\",\"path\":\"/quota/limit\",\"value\":\"5\"}]}",
        400, "period");
    assert_int_equal(call(p, "GET", target, ""), 200);
    assert_string_equal(text(p, "name"), "plan");
    /* as Terraform changes stages: all removed, all added */
    assert_int_equal(call(p, "PATCH", target, "{\"patchOperations\":["
        "{\"op\":\"remove\",\"path\":\"/apiStages\",\"value\":\"a1:prod\"},"
        "{\"op\":\"add\",\"path\":\"/apiStages\",\"value\":\"a1:prod\"},"
        "{\"op\":\"replace\",\"path\":\"/quota/limit\",\"value\":\"5\"},"
        "{\"op\":\"replace\",\"path\":\"/quota/period\",\"value\":\"DAY\"}"
        "]}"), 200);
    assert_int_equal(number(p, "SELECT count(*) FROM usage_plan_stage"), 1);
}

static void
keys_are_put_into_plans_and_taken_out(void **state)
{
    char          key[32];
    char          plan[32];
    char          target[96];
    struct place *p = *state;
    struct tg_key e;

    (void) snprintf(key, sizeof(key), "%s", make_key(p, VALUE, "c"));
    (void) snprintf(plan, sizeof(plan), "%s", make_plan(p, ""));
    assert_int_equal(attach(p, plan, key), 201);
    assert_string_equal(text(p, "id"), key);
    assert_string_equal(text(p, "type"), "API_KEY");
    assert_string_equal(text(p, "value"), VALUE);
    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    assert_int_equal(e.plan_count, 1);
    assert_int_equal(e.plans[0].plan, 1);
    assert_int_equal(attach(p, plan, key), 409);
    assert_int_equal(attach(p, plan, "nokey"), 404);
    assert_int_equal(attach(p, "noplan", key), 404);
    (void) snprintf(target, sizeof(target), "/usageplans/%s/keys", plan);
    assert_refused(p, "POST", target, "{\"keyType\":\"API_KEY\"}", 400,
        "keyId");
    assert_refused(p, "POST", target, "{\"keyId\":\"x\",\"keyType\":\"y\"}",
        400, "keyType");
    assert_int_equal(call(p, "GET", target, ""), 200);
    assert_int_equal(json_array_size(json_object_get(p->answer, "item")), 1);
    assert_int_equal(call(p, "GET", "/usageplans/none/keys", ""), 200);
    assert_answer(p, 200, "{\"item\":[]}");
    (void) snprintf(target, sizeof(target), "/usageplans?keyId=%s", key);
    assert_int_equal(call(p, "GET", target, ""), 200);
    assert_int_equal(json_array_size(json_object_get(p->answer, "item")), 1);
    (void) snprintf(target, sizeof(target), "/usageplans/%s/keys/%s", plan,
        key);
    assert_int_equal(call(p, "GET", target, ""), 200);
    assert_int_equal(call(p, "DELETE", target, ""), 202);
    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    assert_int_equal(e.plan_count, 0);
    assert_refused(p, "DELETE", target, "", 404, "API Key");
    assert_refused(p, "GET", target, "", 404, "API Key");
    assert_int_equal(number(p, "SELECT count(*) FROM meter_owner"
        " WHERE state = 'retired'"), 1);
}

static void
a_key_is_in_one_plan_of_a_stage_and_in_ten_plans(void **state)
{
    char          key[32];
    char          plans[12][32];
    char          target[64];
    int           i;
    struct place *p = *state;

    make_stage(p, "a1", "prod");
    (void) snprintf(key, sizeof(key), "%s", make_key(p, VALUE, "c"));
    for (i = 0; i < 12; i++) {
        (void) snprintf(plans[i], sizeof(plans[i]), "%s", make_plan(p,
            i < 2 ? "\"apiStages\":[{\"apiId\":\"a1\",\"stage\":\"prod\"}]"
                  : ""));
    }
    assert_int_equal(attach(p, plans[0], key), 201);
    assert_int_equal(attach(p, plans[1], key), 409);
    for (i = 2; i < 11; i++) {
        assert_int_equal(attach(p, plans[i], key), 201);
    }
    assert_int_equal(attach(p, plans[11], key), 429);
    (void) snprintf(target, sizeof(target), "/usageplans/%s", plans[2]);
    assert_int_equal(patch(p, target, "add", "/apiStages", "a1:prod"), 409);
}

static void
a_plan_that_is_deleted_leaves_its_keys(void **state)
{
    char          key[32];
    char          target[64];
    const char   *plan;
    struct place *p = *state;
    struct tg_key e;

    (void) snprintf(key, sizeof(key), "%s", make_key(p, VALUE, "c"));
    plan = make_plan(p, "");
    (void) snprintf(target, sizeof(target), "/usageplans/%s", plan);
    assert_int_equal(attach(p, plan, key), 201);
    assert_int_equal(call(p, "DELETE", target, ""), 202);
    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    assert_int_equal(e.plan_count, 0);
    assert_int_equal(number(p, "SELECT count(*) FROM usage_plan_key"), 0);
}

/*
 * ---- usage
 */

static void
use(struct place *p, const char *plan, const char *key, int64_t hour,
    int quantity)
{
    char sql[512];

    (void) snprintf(sql, sizeof(sql), "INSERT INTO usage_detail (node,"
        " agreement_id, product_code, dimension, hour, used_hour, key_id,"
        " plan_id, quantity, reason) VALUES ('n', '', '', 'apigateway',"
        " %lld, %lld, '%s', '%s', %d, 'x')", (long long) hour,
        (long long) hour, key, plan, quantity);
    run_sql(p, sql);
}

static struct tg_meter_cell *
cell_of(struct place *p, const char *value)
{
    struct tg_key e;

    assert_int_equal(entry(p, value, &e), TG_OK);
    assert_int_equal(e.plan_count, 1);
    return tg_meters_cell(p->control->meters, e.plans[0].cell);
}

static void
usage_is_told_day_by_day(void **state)
{
    char          expected[256];
    char          key[32];
    char          plan[32];
    char          target[160];
    struct place *p = *state;

    (void) snprintf(key, sizeof(key), "%s", make_key(p, VALUE, "c"));
    (void) snprintf(plan, sizeof(plan), "%s", make_plan(p,
        "\"quota\":{\"limit\":100,\"period\":\"MONTH\"}"));
    assert_int_equal(attach(p, plan, key), 201);
    use(p, plan, key, NOW - 3 * DAY, 10);
    use(p, plan, key, NOW - DAY, 5);
    use(p, plan, key, NOW - DAY + 3600, 5);
    use(p, plan, key, NOW, 2);
    atomic_store(&cell_of(p, VALUE)->used,
        tg_quota_word(tg_quota_period_at(TG_QUOTA_MONTH, 0, NOW), 23));
    (void) snprintf(target, sizeof(target), "/usageplans/%s/usage?startDate="
        "2026-11-21&endDate=2026-11-23", plan);
    (void) call(p, "GET", target, "");
    (void) snprintf(expected, sizeof(expected), "{\"usagePlanId\":\"%s\","
        "\"startDate\":\"2026-11-21\",\"endDate\":\"2026-11-23\",\"values\":"
        "{\"%s\":[[0,90],[10,80],[2,77]]}}", plan, key);
    assert_answer(p, 200, expected);
    (void) snprintf(target, sizeof(target), "/usageplans/%s/usage?startDate="
        "2026-10-31&endDate=2026-11-01&keyId=%s", plan, key);
    (void) call(p, "GET", target, "");
    (void) snprintf(expected, sizeof(expected), "{\"usagePlanId\":\"%s\","
        "\"startDate\":\"2026-10-31\",\"endDate\":\"2026-11-01\",\"values\":"
        "{\"%s\":[[0,100],[0,100]]}}", plan, key);
    assert_answer(p, 200, expected);
}

static void
bad_ranges_are_refused(void **state)
{
    char          target[160];
    const char   *plan;
    size_t        i;
    struct place *p = *state;
    static const char *const queries[] = {"", "?startDate=2026-11-01",
        "?startDate=2026-11-02&endDate=2026-11-01",
        "?startDate=2026-01-01&endDate=2026-11-01",
        "?startDate=2026-1-1&endDate=2026-11-01",
        "?startDate=2026-02-30&endDate=2026-11-01",
        "?startDate=x&endDate=2026-11-01"};

    plan = make_plan(p, "");
    for (i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        (void) snprintf(target, sizeof(target), "/usageplans/%s/usage%s",
            plan, queries[i]);
        assert_refused(p, "GET", target, "", 400, "Date");
    }
    assert_refused(p, "GET", "/usageplans/none/usage?startDate=2026-11-01"
        "&endDate=2026-11-01", "", 404, "Invalid Usage Plan ID");
}

static void
remaining_can_be_set_for_the_period(void **state)
{
    char          expected[256];
    char          key[32];
    char          plan[32];
    char          target[96];
    uint32_t      period = tg_quota_period_at(TG_QUOTA_DAY, 0, NOW);
    struct place *p = *state;

    (void) snprintf(key, sizeof(key), "%s", make_key(p, VALUE, "c"));
    (void) snprintf(plan, sizeof(plan), "%s", make_plan(p,
        "\"quota\":{\"limit\":5,\"period\":\"DAY\"}"));
    assert_int_equal(attach(p, plan, key), 201);
    atomic_store(&cell_of(p, VALUE)->used, tg_quota_word(period, 4));
    (void) snprintf(target, sizeof(target), "/usageplans/%s/keys/%s/usage",
        plan, key);
    assert_int_equal(patch(p, target, "replace", "/remaining", "10"), 200);
    (void) snprintf(expected, sizeof(expected), "{\"usagePlanId\":\"%s\","
        "\"startDate\":\"2026-11-23\",\"endDate\":\"2026-11-23\",\"values\":"
        "{\"%s\":[[0,10]]}}", plan, key);
    assert_answer(p, 200, expected);
    assert_true(atomic_load(&cell_of(p, VALUE)->grant)
        == tg_quota_word(period, 14));
    assert_int_equal(patch(p, target, "replace", "/remaining", "-1"), 400);
    assert_int_equal(patch(p, target, "replace", "/remaining", "x"), 400);
    assert_int_equal(patch(p, target, "replace", "/used", "1"), 400);
    assert_int_equal(patch(p, target, "add", "/remaining", "1"), 400);
    assert_true(atomic_load(&cell_of(p, VALUE)->grant)
        == tg_quota_word(period, 14));
    /* a start that finds the words lost puts them back */
    atomic_store(&cell_of(p, VALUE)->grant, 0);
    place_restart(p);
    assert_true(atomic_load(&cell_of(p, VALUE)->grant)
        == tg_quota_word(period, 14));
}

/* What GetUsage says is left after a day; keys are not touched for it. */
static int64_t
left_after(struct place *p, const char *plan, const char *key,
    const char *day)
{
    char          target[128];
    const json_t *days;

    (void) snprintf(target, sizeof(target), "/usageplans/%s/usage?keyId=%s"
        "&startDate=%s&endDate=%s", plan, key, day, day);
    assert_int_equal(call(p, "GET", target, ""), 200);
    days = json_object_get(json_object_get(p->answer, "values"), key);
    return json_integer_value(json_array_get(json_array_get(days, 0), 1));
}

static void
the_first_period_is_shorter_by_the_offset(void **state)
{
    char          key[32];
    char          target[64];
    const char   *plan;
    struct place *p = *state;

    (void) snprintf(key, sizeof(key), "%s", make_key(p, VALUE, "c"));
    plan = make_plan(p, "\"quota\":{\"limit\":5,\"offset\":2,\"period\":"
        "\"WEEK\"}");
    (void) snprintf(target, sizeof(target), "/usageplans/%s", plan);
    assert_int_equal(attach(p, plan, key), 201);
    assert_int_equal(left_after(p, plan, key, "2026-11-23"), 3);
    assert_int_equal(left_after(p, plan, key, "2026-11-29"), 3);
    assert_int_equal(left_after(p, plan, key, "2026-11-30"), 5);
    assert_int_equal(patch(p, target, "replace", "/quota/limit", "10"), 200);
    assert_int_equal(left_after(p, plan, key, "2026-11-23"), 8);
    assert_int_equal(patch(p, target, "replace", "/quota/limit", "1"), 200);
    assert_int_equal(left_after(p, plan, key, "2026-11-23"), 0);
    assert_int_equal(left_after(p, plan, key, "2026-11-30"), 1);
    assert_int_equal(number(p, "SELECT count(*) FROM quota_grant"), 0);
}

static void
the_account_has_usage_plans(void **state)
{
    struct place *p = *state;

    (void) call(p, "GET", "/account", "");
    assert_answer(p, 200, "{\"throttleSettings\":{\"burstLimit\":5000,"
        "\"rateLimit\":10000.0},\"features\":[\"UsagePlans\"],"
        "\"apiKeyVersion\":\"4\"}");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(a_plan_is_made_read_and_deleted),
        PLACE_TEST(bad_plans_are_refused),
        PLACE_TEST(patches_follow_the_table),
        PLACE_TEST(a_patch_of_many_is_done_or_not),
        PLACE_TEST(keys_are_put_into_plans_and_taken_out),
        PLACE_TEST(a_key_is_in_one_plan_of_a_stage_and_in_ten_plans),
        PLACE_TEST(a_plan_that_is_deleted_leaves_its_keys),
        PLACE_TEST(usage_is_told_day_by_day),
        PLACE_TEST(bad_ranges_are_refused),
        PLACE_TEST(remaining_can_be_set_for_the_period),
        PLACE_TEST(the_first_period_is_shorter_by_the_offset),
        PLACE_TEST(the_account_has_usage_plans),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
