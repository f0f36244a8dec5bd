/*
 * usage_plans.c - usage plans
 *
 * https://docs.aws.amazon.com/apigateway/latest/api/API_UsagePlan.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "control/call.h"
#include "control/customers.h"
#include "control/listed_id.h"
#include "control/page.h"
#include "control/plan_work.h"
#include "control/quotas.h"
#include "control/usage.h"
#include "control/usage_plan_keys.h"
#include "control/usage_plan_patch.h"
#include "control/usage_plan_row.h"

#define ID_LEN 6
#define RESOURCE_TYPE "AWS::ApiGateway::UsagePlan"

static void
name_resource(struct tg_control_call *call, const char *id)
{
    call->resource_type = RESOURCE_TYPE;
    call->resource_name = id;
}

/*
 * ---- CreateUsagePlan
 */

static enum tg_status
read_limits(struct tg_control_call *call, struct tg_plan *plan)
{
    static const char *const quota_members[] = { "limit", "offset", "period",
        NULL };
    const json_t  *quota;
    const json_t  *throttle;
    enum tg_status status;

    status = tg_call_object(call, call->body, "throttle", &throttle);
    if (status == TG_OK) {
        status = tg_call_members(call, throttle, tg_plan_throttle_members);
    }
    if (status == TG_OK && throttle != NULL) {
        plan->has_rate = json_object_get(throttle, "rateLimit") != NULL;
        plan->has_burst = json_object_get(throttle, "burstLimit") != NULL;
        status = tg_call_number(call, throttle, "rateLimit", &plan->rate);
        if (status == TG_OK) {
            status = tg_call_int(call, throttle, "burstLimit", &plan->burst);
        }
    }
    if (status == TG_OK) {
        status = tg_call_object(call, call->body, "quota", &quota);
    }
    if (status == TG_OK) {
        status = tg_call_members(call, quota, quota_members);
    }
    if (status == TG_OK && quota != NULL) {
        plan->has_limit = json_object_get(quota, "limit") != NULL;
        status = tg_call_int(call, quota, "limit", &plan->limit);
        if (status == TG_OK) {
            status = tg_call_int(call, quota, "offset", &plan->offset);
        }
        if (status == TG_OK) {
            status = tg_call_string(call, quota, "period", &plan->period);
        }
        if (status == TG_OK && plan->period != NULL) {
            status = tg_plan_check_period(call, plan->period);
        }
    }
    return status;
}

static enum tg_status
read_stage(struct tg_control_call *call, struct tg_plan *plan,
    const json_t *item)
{
    static const char *const members[] = { "apiId", "stage", "throttle",
        NULL };
    const char    *api = NULL;
    const char    *key;
    const char    *stage = NULL;
    const json_t  *throttle;
    json_t        *methods;
    enum tg_status status;

    status = tg_call_members(call, item, members);
    if (status == TG_OK) {
        status = tg_call_string(call, item, "apiId", &api);
    }
    if (status == TG_OK) {
        status = tg_call_string(call, item, "stage", &stage);
    }
    if (status != TG_OK) {
        return status;
    }
    if (api == NULL || stage == NULL || strchr(api, ':') != NULL
        || strchr(stage, ':') != NULL)
    {
        return tg_call_bad_request(call, "Invalid API Stage specified");
    }
    status = tg_call_object(call, item, "throttle", &throttle);
    if (status == TG_OK) {
        status = tg_plan_read_methods(call, throttle, &methods);
    }
    if (status == TG_OK) {
        key = tg_arena_printf(call->arena, "%s:%s", api, stage);
        if (key == NULL
            || json_object_set_new(plan->stages, key, methods) != 0)
        {
            status = tg_error_set(&call->err, TG_NOMEM, "out of memory");
        }
    }
    return status;
}

static enum tg_status
read_plan(struct tg_control_call *call, struct tg_plan *plan)
{
    static const char *const members[] = { "name", "description",
        "apiStages", "throttle", "quota", "tags", NULL };
    size_t         i;
    char          *id = tg_arena_alloc(call->arena, ID_LEN + 1);
    const json_t  *stages;
    const json_t  *tags;
    enum tg_status status;

    if (id == NULL) {
        return tg_error_set(&call->err, TG_NOMEM, "out of memory");
    }
    tg_listed_id(id, ID_LEN, call->control, call->now_s);
    plan->id = id;
    plan->created_s = call->now_s;
    status = tg_call_members(call, call->body, members);
    if (status == TG_OK) {
        status = tg_call_string(call, call->body, "name", &plan->name);
    }
    if (status == TG_OK) {
        status = tg_call_string(call, call->body, "description",
            &plan->description);
    }
    if (status == TG_OK && plan->description != NULL
        && plan->description[0] == '\0')
    {
        plan->description = NULL;
    }
    if (status == TG_OK) {
        status = read_limits(call, plan);
    }
    if (status == TG_OK) {
        status = tg_call_object(call, call->body, "tags", &tags);
    }
    if (status == TG_OK && tags != NULL) {
        (void) json_object_update(plan->tags, (json_t *) tags);
        status = tg_call_check_tags(call, tags);
    }
    if (status == TG_OK) {
        status = tg_call_array(call, call->body, "apiStages", &stages);
    }
    for (i = 0; status == TG_OK && i < json_array_size(stages); i++) {
        status = read_stage(call, plan, json_array_get(stages, i));
    }
    return status;
}

static enum tg_status
create_usage_plan(struct tg_control_call *call)
{
    enum tg_status status;
    struct tg_plan plan;

    tg_plan_init(&plan);
    status = read_plan(call, &plan);
    if (status == TG_OK) {
        name_resource(call, plan.id);
        status = tg_plan_store(call, &plan, NULL);
    }
    if (status == TG_OK) {
        status = tg_quota_check(call->change, TG_QUOTA_USAGE_PLANS, NULL,
            &call->err);
    }
    if (status == TG_OK) {
        call->result = tg_plan_json(&plan, false);
    }
    tg_plan_clear(&plan);
    return status;
}

/*
 * ---- GetUsagePlan, GetUsagePlans
 */

static enum tg_status
get_usage_plan(struct tg_control_call *call)
{
    enum tg_status status;
    struct tg_plan plan;

    tg_plan_init(&plan);
    status = tg_plan_load(call, &plan,
        tg_http_path_get(call->req, "usagePlanId"));
    if (status == TG_OK) {
        call->result = tg_plan_json(&plan, true);
    }
    tg_plan_clear(&plan);
    return status;
}

/* Loads the plan of the row (id, created_s) and adds it to the page. */
static enum tg_status
add_plan(struct tg_page *page, struct tg_stmt *row)
{
    enum tg_status status;
    struct tg_plan plan;

    tg_plan_init(&plan);
    status = tg_plan_load(page->call, &plan, tg_stmt_text(row, 0));
    if (status == TG_OK) {
        status = tg_page_add(page, tg_plan_json(&plan, false),
            json_pack("[I, s]", (json_int_t) tg_stmt_int(row, 1),
                tg_stmt_text(row, 0)));
    }
    tg_plan_clear(&plan);
    return status;
}

static enum tg_status
get_usage_plans(struct tg_control_call *call)
{
    int64_t         created_s = INT64_MAX;
    const char     *id;
    const char     *key = tg_call_query(call, "keyId");
    enum tg_status  status;
    struct tg_page  page;
    struct tg_stmt *q = NULL;

    status = tg_page_begin(&page, call);
    if (status == TG_OK) {
        status = tg_page_after_row(&page, &created_s, &id);
    }
    if (status == TG_OK) {
        status = tg_store_query(call->store, &q, &call->err,
            "SELECT id, created_s FROM usage_plan"
            " WHERE (created_s, id) < ($1, $2) AND ($3 IS NULL OR id IN"
            " (SELECT plan_id FROM usage_plan_key WHERE key_id = $3))"
            " ORDER BY created_s DESC, id DESC LIMIT $4", "issi", created_s,
            id, key, page.limit + 1);
    }
    while (status == TG_OK
        && (status = tg_stmt_next(q, &call->err)) == TG_OK
        && tg_page_has_room(&page))
    {
        status = add_plan(&page, q);
    }
    tg_stmt_done(q);
    return tg_page_end(&page, status);
}

/*
 * ---- UpdateUsagePlan
 */

static enum tg_status
update_usage_plan(struct tg_control_call *call)
{
    size_t           count;
    size_t           i;
    const char      *id = tg_http_path_get(call->req, "usagePlanId");
    enum tg_status   status;
    struct tg_patch *patches;
    struct tg_plan   before;
    struct tg_plan   plan;

    name_resource(call, id);
    tg_plan_init(&before);
    tg_plan_init(&plan);
    status = tg_plan_load(call, &before, id);
    if (status == TG_OK) {
        status = tg_plan_load(call, &plan, id);
    }
    if (status == TG_OK) {
        status = tg_call_patches(call, &patches, &count);
    }
    for (i = 0; status == TG_OK && i < count; i++) {
        status = tg_plan_patch(call, &plan, &patches[i]);
    }
    if (status == TG_OK) {
        status = tg_plan_store(call, &plan, &before);
    }
    if (status == TG_OK) {
        call->result = tg_plan_json(&plan, true);
    }
    tg_plan_clear(&plan);
    tg_plan_clear(&before);
    return status;
}

/*
 * ---- DeleteUsagePlan
 */

static enum tg_status
delete_usage_plan(struct tg_control_call *call)
{
    const char    *id = tg_http_path_get(call->req, "usagePlanId");
    const char    *stage;
    enum tg_status status;
    struct tg_plan plan;

    name_resource(call, id);
    tg_plan_init(&plan);
    status = tg_plan_load(call, &plan, id);
    stage = json_object_iter_key(json_object_iter(plan.stages));
    if (status == TG_OK && stage != NULL) {
        status = tg_call_bad_request(call, "Cannot delete Usage Plan %s "
            "because there are API Stages associated with it, including %s",
            id, stage);
    }
    tg_plan_clear(&plan);
    if (status == TG_OK) {
        status = tg_plan_work_end(call->change, id, &call->err);
    }
    if (status == TG_OK) {
        status = tg_store_exec(call->store, &call->err,
            "DELETE FROM quota_grant WHERE plan_id = $1", "s", id);
    }
    if (status == TG_OK) {
        status = tg_store_exec(call->store, &call->err,
            "DELETE FROM usage_plan WHERE id = $1", "s", id);
    }
    tg_change_routes(call->change);
    return status;
}

const struct tg_operation tg_usage_plan_operations[] = {
    {"POST", "/usageplans", "CreateUsagePlan", 201, false, TG_BODY_JSON,
        create_usage_plan},
    {"GET", "/usageplans", "GetUsagePlans", 200, true, TG_BODY_NONE,
        get_usage_plans},
    {"GET", "/usageplans/{usagePlanId}", "GetUsagePlan", 200, true,
        TG_BODY_NONE, get_usage_plan},
    {"PATCH", "/usageplans/{usagePlanId}", "UpdateUsagePlan", 200, false,
        TG_BODY_JSON, update_usage_plan},
    {"DELETE", "/usageplans/{usagePlanId}", "DeleteUsagePlan", 202, false,
        TG_BODY_NONE, delete_usage_plan},
    {"POST", "/usageplans/{usagePlanId}/keys", "CreateUsagePlanKey", 201,
        false, TG_BODY_JSON, tg_create_usage_plan_key},
    {"GET", "/usageplans/{usagePlanId}/keys", "GetUsagePlanKeys", 200, true,
        TG_BODY_NONE, tg_get_usage_plan_keys},
    {"GET", "/usageplans/{usagePlanId}/keys/{keyId}", "GetUsagePlanKey", 200,
        true, TG_BODY_NONE, tg_get_usage_plan_key},
    {"DELETE", "/usageplans/{usagePlanId}/keys/{keyId}",
        "DeleteUsagePlanKey", 202, false, TG_BODY_NONE,
        tg_delete_usage_plan_key},
    {"GET", "/usageplans/{usagePlanId}/usage", "GetUsage", 200, true,
        TG_BODY_NONE, tg_get_usage},
    {"PATCH", "/usageplans/{usagePlanId}/keys/{keyId}/usage", "UpdateUsage",
        200, false, TG_BODY_JSON, tg_update_usage},
    {0},
};
