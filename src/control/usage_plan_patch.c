/*
 * usage_plan_patch.c - the patch paths of a usage plan
 *
 * https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
 *
 * A method's throttle is named /apiStages/{api}:{stage}/throttle/ and then
 * the resource's path with plain slashes or as ~1, METHOD and the limit: it is
 * read from the right.  Terraform's form has two slashes there.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "control/usage_plan_patch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static enum tg_status
bad_path(struct tg_control_call *call, const struct tg_patch *patch)
{
    return tg_call_bad_request(call, "Invalid patch path  '%s' specified "
        "for op '%s'. Must be one of: [/name, /description, /productCode, "
        "/apiStages, /throttle/rateLimit, /throttle/burstLimit, "
        "/quota/limit, /quota/offset, /quota/period, /throttle, /quota]",
        patch->path, tg_patch_op_name(patch->op));
}

static bool
is_setting(const struct tg_patch *patch)
{
    return patch->op == TG_PATCH_ADD || patch->op == TG_PATCH_REPLACE;
}

static enum tg_status
read_int(struct tg_control_call *call, const struct tg_patch *patch,
    int64_t *out)
{
    char     *end;
    long long number;

    errno = 0;
    number = patch->value != NULL ? strtoll(patch->value, &end, 10) : 0;
    if (patch->value == NULL || *end != '\0' || end == patch->value
        || errno != 0)
    {
        return tg_call_bad_request(call, "Invalid value of %s: expected a "
            "whole number", patch->path);
    }
    *out = number;
    return TG_OK;
}

static enum tg_status
read_rate(struct tg_control_call *call, const struct tg_patch *patch,
    double *out)
{
    char  *end;
    double number;

    number = patch->value != NULL ? strtod(patch->value, &end) : 0;
    if (patch->value == NULL || *end != '\0' || end == patch->value) {
        return tg_call_bad_request(call, "Invalid value of %s: expected a "
            "number", patch->path);
    }
    *out = number;
    return TG_OK;
}

/*
 * ---- apiStages
 */

/* "apiId:stage", both parts there. */
static bool
is_stage_name(const char *text)
{
    const char *colon = text != NULL ? strchr(text, ':') : NULL;

    return colon != NULL && colon != text && colon[1] != '\0'
        && strchr(colon + 1, ':') == NULL;
}

static enum tg_status
patch_stage_list(struct tg_control_call *call, struct tg_plan *plan,
    const struct tg_patch *patch)
{
    if (patch->op != TG_PATCH_ADD && patch->op != TG_PATCH_REMOVE) {
        return bad_path(call, patch);
    }
    if (!is_stage_name(patch->value)) {
        return tg_call_bad_request(call, "Invalid API Stage specified");
    }
    if (patch->op == TG_PATCH_ADD) {
        if (json_object_get(plan->stages, patch->value) == NULL) {
            (void) json_object_set_new(plan->stages, patch->value,
                json_object());
        }
        return TG_OK;
    }
    if (json_object_del(plan->stages, patch->value) != 0) {
        return tg_call_not_found(call, "Invalid API Stage {api: %.*s, "
            "stage: %s} specified for usageplan %s",
            (int) strcspn(patch->value, ":"), patch->value,
            strchr(patch->value, ':') + 1, plan->id);
    }
    return TG_OK;
}

/* .../throttle: the whole map of a stage. */
static enum tg_status
patch_methods(struct tg_control_call *call, struct tg_plan *plan,
    const struct tg_patch *patch, const char *stage)
{
    json_t        *given = NULL;
    json_t        *map = NULL;
    enum tg_status status;

    if (patch->op == TG_PATCH_REMOVE) {
        map = json_object();
    } else if (!is_setting(patch)) {
        return bad_path(call, patch);
    } else {
        given = json_loads(patch->value != NULL ? patch->value : "",
            JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(given)) {
            json_decref(given);
            return tg_call_bad_request(call, "Invalid value of %s: expected "
                "a JSON object", patch->path);
        }
        status = tg_plan_read_methods(call, given, &map);
        json_decref(given);
        if (status != TG_OK) {
            return status;
        }
    }
    (void) json_object_set_new(plan->stages, stage, map);
    return TG_OK;
}

/* "/pets/GET" from the path's rest in any of its forms. */
static const char *
method_key(struct tg_arena *arena, const char *rest)
{
    bool        is_root;
    char       *to;
    const char *at;
    char       *key = tg_arena_alloc(arena, strlen(rest) + 3);

    if (key == NULL) {
        return NULL;
    }
    to = key;
    if (rest[0] != '/' && strncmp(rest, "~1", 2) != 0) {
        *to++ = '/';
    }
    for (at = rest; *at != '\0'; at++) {
        if (*at == '~' && (at[1] == '1' || at[1] == '0')) {
            *to++ = *++at == '1' ? '/' : '~';
        } else {
            *to++ = *at;
        }
    }
    is_root = strchr(key + 1, '/') == NULL;
    return is_root ? tg_arena_printf(arena, "/%s", key) : key;
}

/* Cuts "/rateLimit" or "/burstLimit" off; NULL when neither stands there. */
static const char *
cut_limit(char *path)
{
    char *last = strrchr(path, '/');

    if (last == NULL
        || (strcmp(last, "/rateLimit") != 0
            && strcmp(last, "/burstLimit") != 0))
    {
        return NULL;
    }
    *last = '\0';
    return last + 1;
}

static enum tg_status
set_method_limit(struct tg_control_call *call, struct tg_plan *plan,
    const struct tg_patch *patch, const char *stage, const char *key,
    const char *limit)
{
    double         rate = 0;
    int64_t        burst = 0;
    json_t        *map;
    json_t        *copy;
    json_t        *throttle;
    enum tg_status status;

    map = json_deep_copy(json_object_get(plan->stages, stage));
    throttle = json_object_get(map, key);
    if (throttle == NULL) {
        throttle = json_object(); /* tg_plan_read_methods fills it */
        (void) json_object_set_new(map, key, throttle);
    }
    if (strcmp(limit, "rateLimit") == 0) {
        status = read_rate(call, patch, &rate);
        (void) json_object_set_new(throttle, limit, json_real(rate));
    } else {
        status = read_int(call, patch, &burst);
        (void) json_object_set_new(throttle, limit, json_integer(burst));
    }
    if (status == TG_OK) {
        status = tg_plan_read_methods(call, map, &copy);
    }
    json_decref(map);
    if (status == TG_OK) {
        (void) json_object_set_new(plan->stages, stage, copy);
    }
    return status;
}

/* .../throttle/{path}/{METHOD}[/{limit}] */
static enum tg_status
patch_method(struct tg_control_call *call, struct tg_plan *plan,
    const struct tg_patch *patch, const char *stage, const char *rest)
{
    char       *path = tg_arena_strdup(call->arena, rest);
    const char *key;
    const char *limit = path != NULL ? cut_limit(path) : NULL;

    key = path != NULL ? method_key(call->arena, path) : NULL;
    if (key == NULL) {
        return tg_error_set(&call->err, TG_NOMEM, "out of memory");
    }
    if (limit != NULL && is_setting(patch)) {
        return set_method_limit(call, plan, patch, stage, key, limit);
    }
    if (limit == NULL && patch->op == TG_PATCH_REMOVE) {
        if (json_object_del(json_object_get(plan->stages, stage), key)
            != 0)
        {
            return tg_call_not_found(call, "Invalid method %s specified for "
                "API Stage %s of usageplan %s", key, stage, plan->id);
        }
        return TG_OK;
    }
    return bad_path(call, patch);
}

/* What stands behind "/apiStages/". */
static enum tg_status
patch_stage(struct tg_control_call *call, struct tg_plan *plan,
    const struct tg_patch *patch, const char *rest)
{
    size_t      len = strcspn(rest, "/");
    const char *stage = tg_arena_dup(call->arena, rest, len);

    if (stage == NULL) {
        return tg_error_set(&call->err, TG_NOMEM, "out of memory");
    }
    if (!is_stage_name(stage)) {
        return tg_call_bad_request(call, "Invalid API Stage specified");
    }
    if (json_object_get(plan->stages, stage) == NULL) {
        return tg_call_not_found(call, "Invalid API Stage {api: %.*s, "
            "stage: %s} specified for usageplan %s",
            (int) strcspn(stage, ":"), stage, strchr(stage, ':') + 1,
            plan->id);
    }
    rest += len;
    if (strcmp(rest, "/throttle") == 0) {
        return patch_methods(call, plan, patch, stage);
    }
    if (strncmp(rest, "/throttle/", 10) == 0 && rest[10] != '\0') {
        return patch_method(call, plan, patch, stage, rest + 10);
    }
    return bad_path(call, patch);
}

/*
 * ---- the plan's own members
 */

static enum tg_status
patch_throttle(struct tg_control_call *call, struct tg_plan *plan,
    const struct tg_patch *patch, const char *member)
{
    if (*member == '\0' && patch->op == TG_PATCH_REMOVE) {
        plan->has_rate = false;
        plan->has_burst = false;
        return TG_OK;
    }
    if (strcmp(member, "/rateLimit") == 0 && is_setting(patch)) {
        plan->has_rate = true;
        return read_rate(call, patch, &plan->rate);
    }
    if (strcmp(member, "/burstLimit") == 0 && is_setting(patch)) {
        plan->has_burst = true;
        return read_int(call, patch, &plan->burst);
    }
    return bad_path(call, patch);
}

static enum tg_status
patch_quota(struct tg_control_call *call, struct tg_plan *plan,
    const struct tg_patch *patch, const char *member)
{
    if (*member == '\0' && patch->op == TG_PATCH_REMOVE) {
        plan->has_limit = false;
        plan->limit = 0;
        plan->offset = 0;
        plan->period = NULL;
        return TG_OK;
    }
    if (!is_setting(patch)) {
        return bad_path(call, patch);
    }
    if (strcmp(member, "/limit") == 0) {
        plan->has_limit = true;
        return read_int(call, patch, &plan->limit);
    }
    if (strcmp(member, "/offset") == 0) {
        return read_int(call, patch, &plan->offset);
    }
    if (strcmp(member, "/period") != 0) {
        return bad_path(call, patch);
    }
    plan->period = patch->value != NULL ? patch->value : "";
    return tg_plan_check_period(call, plan->period);
}

static const char *
or_null(const char *text)
{
    return text == NULL || text[0] == '\0' ? NULL : text;
}

enum tg_status
tg_plan_patch(struct tg_control_call *call, struct tg_plan *plan,
    const struct tg_patch *patch)
{
    const char *path = patch->path;

    if (patch->op != TG_PATCH_ADD && patch->op != TG_PATCH_REMOVE
        && patch->op != TG_PATCH_REPLACE)
    {
        return tg_call_bad_request(call, "Invalid patch operation specified."
            " Must be one of: [add, remove, replace]");
    }
    if (strcmp(path, "/name") == 0 && patch->op == TG_PATCH_REPLACE) {
        plan->name = patch->value;
        return TG_OK;
    }
    if (strcmp(path, "/description") == 0
        && patch->op == TG_PATCH_REPLACE)
    {
        plan->description = or_null(patch->value);
        return TG_OK;
    }
    if (strcmp(path, "/productCode") == 0) {
        plan->product_code = patch->op == TG_PATCH_REMOVE
            ? NULL : or_null(patch->value);
        return TG_OK;
    }
    if (strcmp(path, "/apiStages") == 0) {
        return patch_stage_list(call, plan, patch);
    }
    if (strncmp(path, "/apiStages/", 11) == 0) {
        return patch_stage(call, plan, patch, path + 11);
    }
    if (strcmp(path, "/throttle") == 0
        || strncmp(path, "/throttle/", 10) == 0)
    {
        return patch_throttle(call, plan, patch, path + 9);
    }
    if (strcmp(path, "/quota") == 0 || strncmp(path, "/quota/", 7) == 0) {
        return patch_quota(call, plan, patch, path + 6);
    }
    return bad_path(call, patch);
}
