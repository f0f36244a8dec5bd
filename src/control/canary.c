/* SPDX-License-Identifier: Apache-2.0 */
#include "control/canary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/members.h"
#include "control/rest_rows.h"
#include "control/stage_settings.h"
#include "plane/routes.h"

#define SETTINGS "canarySettings"
#define OVERRIDES "stageVariableOverrides"

/* ---- checks ---- */

/* Unlike a stage's own deployment, one that is missing is a bad request. */
static enum tg_status
check_deployment(struct tg_control_call *call, const char *api_id,
    const char *id)
{
    struct tg_stmt *q;
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        "SELECT id FROM deployment WHERE api_id = $1 AND id = $2", "ss",
        api_id, id);

    if (status == TG_OK) {
        status = tg_stmt_next(q, &call->err);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND
        ? tg_call_bad_request(call, "Deployment id does not exist") : status;
}

static enum tg_status
check_percent(struct tg_control_call *call, double percent)
{
    return percent >= 0 && percent <= 100 ? TG_OK
        : tg_call_bad_request(call, "Invalid canary percentTraffic "
            "specified: must be between 0.0 and 100.0");
}

/* ---- CreateStage, CreateDeployment ---- */

static const struct tg_member members[] = {
    { .name = "percentTraffic", .kind = TG_MEMBER_NUMBER },
    { .name = "deploymentId" },
    { .name = OVERRIDES, .kind = TG_MEMBER_TEXT_MAP },
    { .name = "useStageCache", .kind = TG_MEMBER_BOOL },
};

static enum tg_status
check_settings(struct tg_control_call *call, const char *api_id,
    const json_t *settings)
{
    const char    *deployment = tg_text_of(settings, "deploymentId");
    enum tg_status status = check_percent(call,
        json_number_value(json_object_get(settings, "percentTraffic")));

    if (status == TG_OK && deployment) {
        status = check_deployment(call, api_id, deployment);
    }
    return status == TG_OK
        ? tg_stage_check_variables(call, json_object_get(settings, OVERRIDES))
        : status;
}

/* What Amazon fills in with a canary's first setting. */
static json_t *
new_settings(const char *deployment_id)
{
    return json_pack("{ss sf sb}", "deploymentId", deployment_id,
        "percentTraffic", 0.0, "useStageCache", 0);
}

enum tg_status
tg_canary_take(struct tg_control_call *call, const char *operation,
    const char *api_id, const char *deployment_id, const json_t *in,
    json_t **out)
{
    struct tg_refusal refusal;
    json_t           *given;
    enum tg_status    status = tg_members_take(&given, in, operation, members,
        sizeof members / sizeof members[0], &refusal);

    *out = NULL;
    if (status != TG_OK) {
        tg_refusal_within(&refusal, SETTINGS);
        return tg_call_pass(call, status, &refusal);
    }
    status = check_settings(call, api_id, given);
    if (status == TG_OK) {
        *out = new_settings(deployment_id);
        status = *out && json_object_update(*out, given) == 0 ? TG_OK
            : tg_error_set(&call->err, TG_NOMEM, "out of memory");
    }
    if (status == TG_OK) {
        json_t *percent = json_object_get(*out, "percentTraffic");

        json_object_set_new(*out, "percentTraffic",
            json_real(json_number_value(percent)));
    }
    json_decref(given);
    return status;
}

/* ---- UpdateStage ---- */

/* The stage's canary, made where there is none. */
static json_t *
settings_of(json_t *stage)
{
    if (!json_object_get(stage, SETTINGS)) {
        json_object_set_new(stage, SETTINGS,
            new_settings(tg_text_of(stage, "deploymentId")));
    }
    return json_object_get(stage, SETTINGS);
}

static enum tg_status
replace_percent(struct tg_control_call *call, const struct tg_patch *patch,
    json_t *settings)
{
    char          *end = NULL;
    double         percent = patch->value ? strtod(patch->value, &end) : 0;
    enum tg_status status = check_percent(call,
        !end || end == patch->value || *end ? NAN : percent);

    if (status == TG_OK) {
        json_object_set_new(settings, "percentTraffic", json_real(percent));
    }
    return status;
}

static enum tg_status
replace_override(struct tg_control_call *call, const struct tg_patch *patch,
    const char *name, json_t *settings)
{
    json_t        *overrides = json_object_get(settings, OVERRIDES);
    enum tg_status status;

    if (!overrides) {
        overrides = json_object();
        json_object_set_new(settings, OVERRIDES, overrides);
    }
    json_object_set_new(overrides, name,
        json_string(patch->value ? patch->value : ""));
    status = tg_stage_check_variables(call, overrides);
    return status;
}

/* first is behind /canarySettings; second behind that; TG_NOTFOUND: none. */
static enum tg_status
replace(struct tg_control_call *call, const struct tg_patch *patch,
    const char *api_id, const char *first, const char *second, json_t *stage)
{
    const char *value = patch->value ? patch->value : "";

    if (!first || (second && strcmp(first, OVERRIDES) != 0)) {
        return TG_NOTFOUND;
    }
    if (second) {
        return replace_override(call, patch, second, settings_of(stage));
    }
    if (strcmp(first, "percentTraffic") == 0) {
        return replace_percent(call, patch, settings_of(stage));
    }
    if (strcmp(first, "deploymentId") == 0) {
        json_object_set_new(settings_of(stage), first, json_string(value));
        return check_deployment(call, api_id, value);
    }
    if (strcmp(first, "useStageCache") == 0) {
        json_object_set_new(settings_of(stage), first,
            json_boolean(tg_patch_bool(value)));
        return TG_OK;
    }
    return TG_NOTFOUND;
}

static enum tg_status
drop(const char *first, const char *second, json_t *stage)
{
    json_t *settings = json_object_get(stage, SETTINGS);
    json_t *overrides = json_object_get(settings, OVERRIDES);

    if (!first) {
        json_object_del(stage, SETTINGS); /* none is as good */
        return TG_OK;
    }
    if (!second || strcmp(first, OVERRIDES) != 0
        || json_object_del(overrides, second))
    {
        return TG_NOTFOUND;
    }
    if (!json_object_size(overrides)) {
        json_object_del(settings, OVERRIDES);
    }
    return TG_OK;
}

/* A canary that has proved itself becomes the stage. */
static enum tg_status
promote(struct tg_control_call *call, const struct tg_patch *patch,
    json_t *stage)
{
    const char *from = patch->from ? patch->from : "null";
    json_t     *settings = json_object_get(stage, SETTINGS);
    bool        is_deployment = strcmp(patch->path, "/deploymentId") == 0
        && strcmp(from, "/" SETTINGS "/deploymentId") == 0;

    if (!is_deployment && (strcmp(patch->path, "/variables") != 0
            || strcmp(from, "/" SETTINGS "/" OVERRIDES) != 0))
    {
        return tg_call_bad_request(call, "Invalid copy operation with path: "
            "%.200s and from %.200s. Valid copy:path are [/deploymentId, "
            "/variables] and valid copy:from are [/canarySettings/"
            "deploymentId, /canarySettings/stageVariableOverrides]",
            patch->path, from);
    }
    if (!settings) {
        return tg_call_bad_request(call,
            "Promotion not available. Canary does not exist.");
    }
    if (is_deployment) {
        json_object_set(stage, "deploymentId",
            json_object_get(settings, "deploymentId"));
        return TG_OK;
    }
    json_object_set_new(stage, "variables", tg_canary_variables(stage));
    return tg_stage_check_variables(call, json_object_get(stage,
        "variables"));
}

enum tg_status
tg_canary_patch(struct tg_control_call *call, const struct tg_patch *patch,
    const char *api_id, json_t *stage)
{
    const char *rest = patch->path, *first, *second;

    if (patch->op == TG_PATCH_COPY) {
        return promote(call, patch, stage);
    }
    (void) tg_patch_segment(call->arena, &rest);
    first = tg_patch_segment(call->arena, &rest);
    second = tg_patch_segment(call->arena, &rest);
    if (*rest) {
        return TG_NOTFOUND;
    }
    switch (patch->op) {
    case TG_PATCH_REPLACE:
        return replace(call, patch, api_id, first, second, stage);
    case TG_PATCH_REMOVE:
        return drop(first, second, stage);
    default:
        return tg_call_bad_request(call, "Invalid %s operation with path: "
            "%.200s", tg_patch_op_name(patch->op), patch->path);
    }
}

/* ---- what it means ---- */

uint32_t
tg_canary_share(const json_t *stage)
{
    double percent = json_number_value(json_object_get(
        json_object_get(stage, SETTINGS), "percentTraffic"));

    return (uint32_t) lround(percent / 100 * TG_ROUTE_SHARE_ALL);
}

json_t *
tg_canary_variables(const json_t *stage)
{
    json_t *own = json_object_get(stage, "variables");
    json_t *overrides = json_object_get(json_object_get(stage, SETTINGS),
        OVERRIDES);
    json_t *all = own ? json_copy(own) : json_object();

    if (all && overrides && json_object_update(all, overrides)) {
        json_decref(all);
        all = NULL;
    }
    return all;
}

enum tg_status
tg_canary_refuse_used(struct tg_control_call *call, const char *api_id,
    const char *id)
{
    struct tg_stmt *q;
    bool            is_used = false;
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        "SELECT doc FROM stage WHERE api_id = $1", "s", api_id);

    while (status == TG_OK
        && (status = tg_stmt_next(q, &call->err)) == TG_OK)
    {
        json_t     *doc = tg_row_json(q, 0);
        const char *canary = tg_text_of(json_object_get(doc, SETTINGS),
            "deploymentId");

        is_used = is_used || (canary && strcmp(canary, id) == 0);
        json_decref(doc);
    }
    tg_stmt_done(q);
    if (status != TG_NOTFOUND) {
        return status;
    }
    return is_used ? tg_call_bad_request(call, TG_DEPLOYMENT_USED) : TG_OK;
}
