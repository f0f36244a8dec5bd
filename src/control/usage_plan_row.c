/* SPDX-License-Identifier: Apache-2.0 */
#include "control/usage_plan_row.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/plan_work.h"
#include "control/customers.h"
#include "control/plan_rules.h"
#include "plane/routes.h"

#define NAME_MAX_BYTES 4096
#define PRODUCT_CODE_MAX 255

void
tg_plan_init(struct tg_plan *plan)
{
    memset(plan, 0, sizeof(*plan));
    plan->tags = json_object();
    plan->stages = json_object();
}

void
tg_plan_clear(struct tg_plan *plan)
{
    json_decref(plan->tags);
    json_decref(plan->stages);
    plan->tags = NULL;
    plan->stages = NULL;
}

/*
 * ---- loading
 */

static void
read_row(struct tg_control_call *call, struct tg_plan *plan,
    struct tg_stmt *q)
{
    json_t *tags = json_loads(tg_stmt_text(q, 10), 0, NULL);

    plan->id = tg_arena_strdup(call->arena, tg_stmt_text(q, 0));
    plan->name = tg_arena_strdup(call->arena, tg_stmt_text(q, 1));
    plan->description = tg_arena_strdup(call->arena, tg_stmt_text(q, 2));
    plan->product_code = tg_arena_strdup(call->arena, tg_stmt_text(q, 3));
    plan->has_rate = !tg_stmt_is_null(q, 4);
    plan->rate = tg_stmt_double(q, 4);
    plan->has_burst = !tg_stmt_is_null(q, 5);
    plan->burst = tg_stmt_int(q, 5);
    plan->has_limit = !tg_stmt_is_null(q, 6);
    plan->limit = tg_stmt_int(q, 6);
    plan->offset = tg_stmt_int(q, 7);
    plan->period = tg_arena_strdup(call->arena, tg_stmt_text(q, 8));
    plan->created_s = tg_stmt_int(q, 9);
    if (tags != NULL) {
        json_decref(plan->tags);
        plan->tags = tags;
    }
}

static enum tg_status
load_stages(struct tg_control_call *call, struct tg_plan *plan)
{
    const char     *key;
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(call->store, &q, &call->err,
        "SELECT api_id, stage, throttle FROM usage_plan_stage"
        " WHERE plan_id = $1 ORDER BY api_id, stage", "s", plan->id);
    while (status == TG_OK
        && (status = tg_stmt_next(q, &call->err)) == TG_OK)
    {
        key = tg_arena_printf(call->arena, "%s:%s", tg_stmt_text(q, 0),
            tg_stmt_text(q, 1));
        if (key == NULL
            || json_object_set_new(plan->stages, key,
                   json_loads(tg_stmt_text(q, 2), 0, NULL)) != 0)
        {
            status = tg_error_set(&call->err, TG_NOMEM, "out of memory");
        }
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_plan_load(struct tg_control_call *call, struct tg_plan *plan,
    const char *id)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(call->store, &q, &call->err,
        "SELECT id, name, description, product_code, rate_limit,"
        " burst_limit, quota_limit, quota_offset, quota_period, created_s,"
        " tags FROM usage_plan WHERE id = $1", "s", id);
    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        read_row(call, plan, q);
    }
    tg_stmt_done(q);
    if (status == TG_NOTFOUND) {
        return tg_call_not_found(call, TG_NO_USAGE_PLAN);
    }
    return status == TG_OK ? load_stages(call, plan) : status;
}

/*
 * ---- checks
 */

/* How far a period's start may be moved. */
static int64_t
offset_max(const char *period)
{
    if (strcmp(period, "DAY") == 0) {
        return 0;
    }
    return strcmp(period, "WEEK") == 0 ? 6 : 27;
}

enum tg_status
tg_plan_check_period(struct tg_control_call *call, const char *period)
{
    if (strcmp(period, "DAY") != 0 && strcmp(period, "WEEK") != 0
        && strcmp(period, "MONTH") != 0)
    {
        return tg_call_bad_request(call, "Usage Plan quota period should be "
            "one of DAY, WEEK, MONTH");
    }
    return TG_OK;
}

static enum tg_status
check_quota(struct tg_control_call *call, const struct tg_plan *plan)
{
    if (!plan->has_limit && plan->period == NULL && plan->offset == 0) {
        return TG_OK;
    }
    if (!plan->has_limit || plan->limit < 0) {
        return tg_call_bad_request(call, "Usage Plan quota limit should be "
            "a number from 0 on");
    }
    if (plan->limit > (int64_t) TG_QUOTA_USED_MAX) {
        return tg_call_bad_request(call, "Usage Plan quota limit is too "
            "large");
    }
    if (plan->period == NULL) {
        return tg_call_bad_request(call, "Usage Plan quota period should be "
            "one of DAY, WEEK, MONTH");
    }
    if (plan->offset < 0 || plan->offset > offset_max(plan->period)) {
        return tg_call_bad_request(call, "Usage Plan quota offset must be "
            "zero in the DAY period, 0 to 6 in the WEEK period, 0 to 27 in "
            "the MONTH period");
    }
    return TG_OK;
}

/*
 * What BatchMeterUsage takes as ProductCode: a code that it cannot be would
 * be refused an hour later, with the usage of every buyer.
 */
static bool
is_product_code(const char *code)
{
    return strlen(code) <= PRODUCT_CODE_MAX
        && code[strspn(code, "abcdefghijklmnopqrstuvwxyz"
               "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-/=:_.@")] == '\0';
}

enum tg_status
tg_plan_check(struct tg_control_call *call, const struct tg_plan *plan)
{
    if (plan->name == NULL || plan->name[0] == '\0') {
        return tg_call_bad_request(call, "Usage Plan name cannot be empty");
    }
    if (strlen(plan->name) > NAME_MAX_BYTES
        || (plan->description != NULL
            && strlen(plan->description) > NAME_MAX_BYTES))
    {
        return tg_call_bad_request(call, "Usage Plan name or description is "
            "too long");
    }
    if (plan->product_code != NULL && !is_product_code(plan->product_code)) {
        return tg_call_bad_request(call, "Invalid product code specified: "
            "expected at most 255 letters, digits and -/=:_.@");
    }
    if (plan->has_rate && !(isfinite(plan->rate) && plan->rate >= 0)) {
        return tg_call_bad_request(call, "Usage Plan throttle rate limit "
            "should be a number from 0 on");
    }
    if (plan->has_burst && (plan->burst < 0 || plan->burst > INT32_MAX)) {
        return tg_call_bad_request(call, "Usage Plan throttle burst limit "
            "should be a number from 0 on");
    }
    return check_quota(call, plan);
}

const char *const tg_plan_throttle_members[] = { "rateLimit", "burstLimit",
    NULL };

/*
 * A checked copy, with numbers where texts of digits were; of a half that is
 * not there, with the account's.
 */
static enum tg_status
copy_throttle(struct tg_control_call *call, const json_t *throttle,
    json_t **out)
{
    enum tg_status status;
    const struct tg_settings *settings = call->control->settings;
    struct tg_plan plan = {.name = "-", .has_rate = true, .has_burst = true,
        .rate = settings->gateway.account_rate,
        .burst = settings->gateway.account_burst};

    *out = NULL;
    if (!json_is_object(throttle)) {
        return tg_call_bad_request(call, "Invalid throttle of a method: "
            "expected an object");
    }
    status = tg_call_members(call, throttle, tg_plan_throttle_members);
    if (status == TG_OK) {
        status = tg_call_number(call, throttle, "rateLimit", &plan.rate);
    }
    if (status == TG_OK) {
        status = tg_call_int(call, throttle, "burstLimit", &plan.burst);
    }
    if (status == TG_OK) {
        status = tg_plan_check(call, &plan);
    }
    if (status == TG_OK) {
        *out = json_pack("{s:f, s:I}", "rateLimit", plan.rate, "burstLimit",
            (json_int_t) plan.burst);
    }
    return status;
}

/* "/pets/GET", "//GET" for the root's, or the wildcard. */
static bool
is_method(const char *name)
{
    const char *verb = strrchr(name, '/');

    return name[0] == '/' && verb != name
        && (strcmp(name, "/*/*") == 0
            || tg_verb_parse(verb + 1, strlen(verb + 1)) != TG_VERB_COUNT);
}

enum tg_status
tg_plan_read_methods(struct tg_control_call *call, const json_t *map,
    json_t **out)
{
    const char    *name;
    json_t        *copy;
    json_t        *throttle;
    const int      limit = call->control->settings->limits.method_throttles;
    enum tg_status status = TG_OK;

    *out = json_object();
    json_object_foreach((json_t *) map, name, throttle) {
        if (!is_method(name)) {
            status = tg_call_bad_request(call, "Invalid method %s in a "
                "throttle: expected /path/METHOD or /*/*", name);
        }
        if (status == TG_OK) {
            status = copy_throttle(call, throttle, &copy);
        }
        if (status != TG_OK) {
            break;
        }
        (void) json_object_set_new(*out, name, copy);
    }
    if (status == TG_OK && limit != 0
        && json_object_size(*out) > (size_t) limit)
    {
        status = tg_call_refuse(call, 429, "LimitExceededException",
            "At most %d methods of a stage can be throttled", limit);
    }
    if (status != TG_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}

/*
 * ---- storing
 */

static enum tg_status
invalid_stage(struct tg_control_call *call, const struct tg_plan *plan,
    const char *api, const char *stage)
{
    return tg_call_not_found(call, "Invalid API Stage {api: %s, stage: %s} "
        "specified for usageplan %s", api, stage, plan->id);
}

/* A stage that is new in the plan: it exists, and no key is there twice. */
static enum tg_status
check_new_stage(struct tg_control_call *call, const struct tg_plan *plan,
    const char *api, const char *stage)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(call->store, &q, &call->err,
        "SELECT 1 FROM stage WHERE api_id = $1 AND name = $2", "ss", api,
        stage);
    if (status == TG_OK) {
        status = tg_stmt_next(q, &call->err);
    }
    tg_stmt_done(q);
    if (status == TG_NOTFOUND) {
        return invalid_stage(call, plan, api, stage);
    }
    q = NULL;
    if (status == TG_OK) {
        status = tg_store_query(call->store, &q, &call->err,
            "SELECT u.key_id, t.plan_id FROM usage_plan_stage t"
            " JOIN usage_plan_key u ON u.plan_id = t.plan_id"
            " JOIN usage_plan_key k"
            " ON k.plan_id = $1 AND k.key_id = u.key_id"
            " WHERE t.api_id = $2 AND t.stage = $3 AND t.plan_id <> $1"
            " LIMIT 1", "sss", plan->id, api, stage);
    }
    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        status = tg_call_conflict(call, "API Key %s is already in Usage Plan "
            "%s of the stage %s:%s", tg_stmt_text(q, 0), tg_stmt_text(q, 1),
            api, stage);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
store_stage(struct tg_control_call *call, const struct tg_plan *plan,
    const char *key, const json_t *throttle)
{
    char          *api = tg_arena_strdup(call->arena, key);
    char          *stage = api != NULL ? strchr(api, ':') : NULL;
    char          *text = json_dumps(throttle, JSON_COMPACT);
    enum tg_status status;

    if (stage == NULL || text == NULL) {
        free(text);
        return tg_error_set(&call->err, TG_NOMEM, "out of memory");
    }
    *stage++ = '\0';
    status = tg_store_exec(call->store, &call->err,
        "INSERT INTO usage_plan_stage (plan_id, api_id, stage, throttle)"
        " VALUES ($1, $2, $3, $4)", "ssss", plan->id, api, stage, text);
    free(text);
    return status;
}

static enum tg_status
store_stages(struct tg_control_call *call, const struct tg_plan *plan,
    const struct tg_plan *before)
{
    const char    *key;
    const char    *colon;
    json_t        *throttle;
    enum tg_status status;

    status = tg_store_exec(call->store, &call->err,
        "DELETE FROM usage_plan_stage WHERE plan_id = $1", "s", plan->id);
    json_object_foreach(plan->stages, key, throttle) {
        if (status == TG_OK
            && (before == NULL
                || json_object_get(before->stages, key) == NULL))
        {
            colon = strchr(key, ':');
            status = check_new_stage(call, plan,
                tg_arena_dup(call->arena, key, (size_t) (colon - key)),
                colon + 1);
        }
        if (status == TG_OK) {
            status = store_stage(call, plan, key, throttle);
        }
    }
    return status;
}

/* A number of its own for life: also when the newest plan was deleted. */
static enum tg_status
take_number(struct tg_control_call *call, int64_t *number)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_exec(call->store, &call->err,
        "INSERT INTO meta (name, value) VALUES ('plan_number', '1')"
        " ON CONFLICT (name) DO UPDATE"
        " SET value = CAST(CAST(meta.value AS BIGINT) + 1 AS TEXT)", "");
    if (status == TG_OK) {
        status = tg_store_query(call->store, &q, &call->err,
            "SELECT CAST(value AS BIGINT) FROM meta"
            " WHERE name = 'plan_number'", "");
    }
    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        *number = tg_stmt_int(q, 0);
    }
    tg_stmt_done(q);
    return status;
}

static enum tg_status
insert_plan(struct tg_control_call *call, const struct tg_plan *plan)
{
    int64_t        number = 0;
    enum tg_status status = take_number(call, &number);

    if (status == TG_OK) {
        status = tg_store_exec(call->store, &call->err,
            "INSERT INTO usage_plan (id, number, name, created_s, tags)"
            " VALUES ($1, $2, $3, $4, '{}')", "sisi", plan->id, number,
            plan->name, plan->created_s);
    }
    return status;
}

static enum tg_status
update_plan(struct tg_control_call *call, const struct tg_plan *plan)
{
    char          *tags = json_dumps(plan->tags, JSON_COMPACT);
    enum tg_status status;

    if (tags == NULL) {
        return tg_error_set(&call->err, TG_NOMEM, "out of memory");
    }
    status = tg_store_exec(call->store, &call->err,
        "UPDATE usage_plan SET name = $2, description = $3,"
        " product_code = $4, rate_limit = CASE $5 WHEN 1 THEN $6 END,"
        " burst_limit = CASE $7 WHEN 1 THEN $8 END,"
        " quota_limit = CASE $9 WHEN 1 THEN $10 END,"
        " quota_offset = CASE $9 WHEN 1 THEN $11 END, quota_period = $12,"
        " tags = $13 WHERE id = $1", "ssssidiiiiiss", plan->id, plan->name,
        plan->description, plan->product_code, (int64_t) plan->has_rate,
        plan->rate, (int64_t) plan->has_burst, plan->burst,
        (int64_t) plan->has_limit, plan->limit, plan->offset, plan->period,
        tags);
    free(tags);
    return status;
}

static bool
same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

enum tg_status
tg_plan_store(struct tg_control_call *call, const struct tg_plan *plan,
    const struct tg_plan *before)
{
    enum tg_status status = tg_plan_check(call, plan);

    if (status == TG_OK && before == NULL) {
        status = insert_plan(call, plan);
    }
    if (status == TG_OK) {
        status = update_plan(call, plan);
    }
    if (status == TG_OK) {
        status = store_stages(call, plan, before);
    }
    if (status == TG_OK && before != NULL
        && !same(plan->product_code, before->product_code))
    {
        status = tg_plan_work_rebind(call->change, plan->id, &call->err);
    }
    tg_change_routes(call->change);
    return status;
}

/*
 * ---- answers
 */

static json_t *
stages_json(const struct tg_plan *plan)
{
    const char *key;
    const char *colon;
    json_t     *item;
    json_t     *list = json_array();
    json_t     *throttle;

    json_object_foreach(plan->stages, key, throttle) {
        colon = strchr(key, ':');
        item = json_pack("{s:s%, s:s}", "apiId", key,
            (size_t) (colon - key), "stage", colon + 1);
        if (json_object_size(throttle) > 0) {
            (void) json_object_set(item, "throttle", throttle);
        }
        (void) json_array_append_new(list, item);
    }
    return list;
}

json_t *
tg_plan_json(const struct tg_plan *plan, bool has_empty_tags)
{
    json_t *part;
    json_t *out = json_pack("{s:s, s:s, s:o}", "id", plan->id, "name",
        plan->name, "apiStages", stages_json(plan));

    tg_json_set_text(out, "description", plan->description);
    if (plan->has_rate || plan->has_burst) {
        part = json_object();
        if (plan->has_burst) {
            (void) json_object_set_new(part, "burstLimit",
                json_integer(plan->burst));
        }
        if (plan->has_rate) {
            (void) json_object_set_new(part, "rateLimit",
                json_real(plan->rate));
        }
        (void) json_object_set_new(out, "throttle", part);
    }
    if (plan->has_limit) {
        (void) json_object_set_new(out, "quota",
            json_pack("{s:I, s:I, s:s}", "limit", (json_int_t) plan->limit,
                "offset", (json_int_t) plan->offset, "period",
                plan->period));
    }
    tg_json_set_text(out, "productCode", plan->product_code);
    if (has_empty_tags || json_object_size(plan->tags) > 0) {
        (void) json_object_set(out, "tags", plan->tags);
    }
    return out;
}
