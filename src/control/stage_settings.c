/* SPDX-License-Identifier: Apache-2.0 */
#include "control/stage_settings.h"

#include <string.h>

#include "control/canary.h"
#include "control/documentation.h"
#include "control/members.h"
#include "control/method_settings.h"
#include "control/stage_rows.h"

#define VARIABLES_MAX 100
#define VARIABLE_NAME_MAX 64
#define VARIABLE_VALUE_MAX 512
#define ARN_MAX 2048
#define LOG_FORMAT_MAX 3072
#define VARIABLE_CHARS                                                        \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

const char *const tg_cache_sizes[] = { "0.5", "1.6", "6.1", "13.5", "28.4",
    "58.2", "118", "237", NULL };

/* ---- variables ---- */

static enum tg_status
check_variable(struct tg_control_call *call, const char *name,
    const char *value)
{
    size_t name_len = strlen(name), len = strlen(value);

    if (name_len == 0 || name_len > VARIABLE_NAME_MAX
        || strspn(name, VARIABLE_CHARS) != name_len)
    {
        return tg_call_bad_request(call, "Stage variable name %.80s is "
            "invalid. Please use up to 64 alphanumeric characters and "
            "underscores", name);
    }
    if (len == 0 || len > VARIABLE_VALUE_MAX
        || strspn(value, VARIABLE_CHARS "-.~:/?#&=,") != len)
    {
        return tg_call_bad_request(call, "Stage variable value for %.80s is "
            "invalid. Please use values with alphanumeric characters and "
            "the symbols ,-._~:/?#&=", name);
    }
    return TG_OK;
}

enum tg_status
tg_stage_check_variables(struct tg_control_call *call,
    const json_t *variables)
{
    const char    *name;
    json_t        *value;
    enum tg_status status = TG_OK;

    if (json_object_size(variables) > VARIABLES_MAX) {
        return tg_call_bad_request(call, "A stage can have at most %d "
            "variables", VARIABLES_MAX);
    }
    json_object_foreach((json_t *) variables, name, value) {
        if (status == TG_OK) {
            status = check_variable(call, name, json_string_value(value));
        }
    }
    return status;
}

static enum tg_status
patch_variable(struct tg_control_call *call, const struct tg_patch *patch,
    const char *name, json_t *stage)
{
    json_t *variables = json_object_get(stage, "variables");

    if (!variables) {
        variables = json_object();
        json_object_set_new(stage, "variables", variables);
    }
    if (patch->op == TG_PATCH_REMOVE) {
        return json_object_del(variables, name)
            ? tg_call_bad_request(call, "Invalid stage variable name: %.80s",
                name)
            : TG_OK;
    }
    json_object_set_new(variables, name,
        json_string(patch->value ? patch->value : ""));
    return tg_stage_check_variables(call, variables);
}

/* ---- what is refused ---- */

static enum tg_status
check_cluster(struct tg_control_call *call, bool is_enabled)
{
    return is_enabled
        ? tg_call_bad_request(call, "cacheClusterEnabled is not supported by "
            "this gateway: it has no cache") : TG_OK;
}

static enum tg_status
check_cache_size(struct tg_control_call *call, const char *size)
{
    return !size || tg_is_one_of(size, tg_cache_sizes) ? TG_OK
        : tg_call_bad_request(call, "Invalid cache cluster size specified. "
            "Must be one of: [0.5, 1.6, 6.1, 13.5, 28.4, 58.2, 118, 237]");
}

static enum tg_status
check_certificate(struct tg_control_call *call, const char *id)
{
    return id ? tg_call_bad_request(call, "clientCertificateId is not "
                "supported by this gateway: it shows backends no certificate")
              : TG_OK;
}

static enum tg_status
check_documentation(struct tg_control_call *call, const char *version)
{
    json_t        *doc = NULL;
    enum tg_status status = version
        ? tg_documentation_version_get(call,
            tg_http_path_get(call->req, "restapi_id"), version, &doc)
        : TG_OK;

    json_decref(doc);
    return status;
}

enum tg_status
tg_stage_settings_check(struct tg_control_call *call, const json_t *in)
{
    enum tg_status status = check_cluster(call, json_is_true(
        json_object_get(in, "cacheClusterEnabled")));

    if (status == TG_OK) {
        status = check_documentation(call,
            tg_text_of(in, "documentationVersion"));
    }
    return status == TG_OK
        ? tg_stage_check_variables(call, json_object_get(in, "variables"))
        : status;
}

/* ---- UpdateStage ---- */

/* The lists of both messages are Amazon's own, missing commas included. */
static enum tg_status
refuse_path(struct tg_control_call *call, const struct tg_patch *patch)
{
    if (patch->op == TG_PATCH_REMOVE) {
        return tg_call_bad_request(call, "Cannot remove method setting "
            "%.200s because there is no method setting for this method ",
            patch->path + (patch->path[0] == '/'));
    }
    return tg_call_bad_request(call, "Invalid method setting path: %.200s. "
        "Must be one of: [/deploymentId, /description, /cacheClusterEnabled, "
        "/cacheClusterSize, /clientCertificateId, /accessLogSettings, "
        "/accessLogSettings/destinationArn, /accessLogSettings/format, "
        "/{resourcePath}/{httpMethod}/metrics/enabled, "
        "/{resourcePath}/{httpMethod}/logging/dataTrace, "
        "/{resourcePath}/{httpMethod}/logging/loglevel, "
        "/{resourcePath}/{httpMethod}/throttling/burstLimit"
        "/{resourcePath}/{httpMethod}/throttling/rateLimit"
        "/{resourcePath}/{httpMethod}/caching/ttlInSeconds, "
        "/{resourcePath}/{httpMethod}/caching/enabled, "
        "/{resourcePath}/{httpMethod}/caching/dataEncrypted, "
        "/{resourcePath}/{httpMethod}/caching/"
        "requireAuthorizationForCacheControl, "
        "/{resourcePath}/{httpMethod}/caching/"
        "unauthorizedCacheControlHeaderStrategy, "
        "/*/*/metrics/enabled, /*/*/logging/dataTrace, "
        "/*/*/logging/loglevel, /*/*/throttling/burstLimit "
        "/*/*/throttling/rateLimit /*/*/caching/ttlInSeconds, "
        "/*/*/caching/enabled, /*/*/caching/dataEncrypted, "
        "/*/*/caching/requireAuthorizationForCacheControl, "
        "/*/*/caching/unauthorizedCacheControlHeaderStrategy, "
        "/variables/{variable_name}, /tracingEnabled]", patch->path);
}

/* second is behind /accessLogSettings, or NULL. */
static enum tg_status
patch_access_log(struct tg_control_call *call, const struct tg_patch *patch,
    const char *second, json_t *stage)
{
    const char *value = patch->value ? patch->value : "";
    json_t     *settings = json_object_get(stage, "accessLogSettings");
    bool        is_arn = second && strcmp(second, "destinationArn") == 0;

    if (patch->op == TG_PATCH_REMOVE) {
        if (second) {
            return refuse_path(call, patch);
        }
        json_object_del(stage, "accessLogSettings"); /* none is as good */
        return TG_OK;
    }
    if (!second || (!is_arn && strcmp(second, "format") != 0)) {
        return tg_call_bad_request(call, "Invalid accessLogSettings path. "
            "Must be one of : [/accessLogSettings/destinationArn, "
            "/accessLogSettings/format]");
    }
    if (!*value) {
        return tg_call_bad_request(call,
            "Access Log value must not be empty");
    }
    if (is_arn && (strlen(value) > ARN_MAX || strncmp(value, "arn:", 4))) {
        return tg_call_bad_request(call, "Invalid ARN specified in the "
            "request for %s", patch->path);
    }
    if (!is_arn && strlen(value) > LOG_FORMAT_MAX) {
        return tg_call_bad_request(call, "Invalid value of %s: it can have "
            "at most %d characters", patch->path, LOG_FORMAT_MAX);
    }
    if (!settings) {
        settings = json_object();
        json_object_set_new(stage, "accessLogSettings", settings);
    }
    json_object_set_new(settings, second, json_string(value));
    return TG_OK;
}

/* Of a member that is replaced; an empty value takes it away. */
static enum tg_status
replace_member(struct tg_control_call *call, const char *name,
    const char *value, const char *api_id, json_t *stage)
{
    const char *text = value && *value ? value : NULL;

    if (text) {
        json_object_set_new(stage, name, json_string(text));
    } else {
        json_object_del(stage, name);
    }
    if (strcmp(name, "description") == 0) {
        return TG_OK;
    }
    if (strcmp(name, "cacheClusterSize") == 0) {
        return check_cache_size(call, text);
    }
    if (strcmp(name, "clientCertificateId") == 0) {
        return check_certificate(call, text);
    }
    if (strcmp(name, "documentationVersion") == 0) {
        return check_documentation(call, text);
    }
    json_object_set_new(stage, name, json_string(text ? text : ""));
    return tg_deployment_require(call, api_id, text ? text : "");
}

static enum tg_status
replace_flag(struct tg_control_call *call, const char *name,
    const char *value, json_t *stage)
{
    bool is_on = tg_patch_bool(value);

    json_object_set_new(stage, name, json_boolean(is_on));
    return check_cluster(call,
        is_on && strcmp(name, "cacheClusterEnabled") == 0);
}

/* TG_NOTFOUND: path is none of the stage's own. */
static enum tg_status
patch_own(struct tg_control_call *call, const struct tg_patch *patch,
    const char *api_id, json_t *stage)
{
    static const char *const members[] = { "description",
        "cacheClusterSize", "clientCertificateId", "documentationVersion",
        "deploymentId", NULL };
    static const char *const flags[] = { "cacheClusterEnabled",
        "tracingEnabled", NULL };
    const char *rest = patch->path;
    const char *first = tg_patch_segment(call->arena, &rest);
    const char *second = first ? tg_patch_segment(call->arena, &rest) : NULL;

    if (!first) {
        return TG_NOTFOUND;
    }
    if (patch->op == TG_PATCH_COPY || strcmp(first, "canarySettings") == 0) {
        return tg_canary_patch(call, patch, api_id, stage);
    }
    if (*rest || patch->op == TG_PATCH_MOVE || patch->op == TG_PATCH_TEST) {
        return TG_NOTFOUND;
    }
    if (strcmp(first, "accessLogSettings") == 0) {
        return patch_access_log(call, patch, second, stage);
    }
    if (second) {
        return strcmp(first, "variables") == 0
            ? patch_variable(call, patch, second, stage) : TG_NOTFOUND;
    }
    if (patch->op != TG_PATCH_REPLACE) {
        return TG_NOTFOUND;
    }
    if (tg_is_one_of(first, flags)) {
        return replace_flag(call, first, patch->value, stage);
    }
    return tg_is_one_of(first, members)
        ? replace_member(call, first, patch->value, api_id, stage)
        : TG_NOTFOUND;
}

enum tg_status
tg_stage_settings_patch(struct tg_control_call *call,
    const struct tg_patch *patch, const char *api_id, json_t *stage)
{
    enum tg_status status = patch_own(call, patch, api_id, stage);

    if (status == TG_NOTFOUND) {
        status = tg_method_settings_patch(call, patch,
            json_object_get(stage, "methodSettings"));
    }
    return status == TG_NOTFOUND ? refuse_path(call, patch) : status;
}
