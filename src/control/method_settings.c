/* SPDX-License-Identifier: Apache-2.0 */
#include "control/method_settings.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/members.h"
#include "plane/routes.h"

#define WILDCARD "*/*"
#define CACHE_TTL_MAX 3600

/* ---- one setting ---- */

static enum tg_status
bad_value(struct tg_control_call *call, const struct tg_patch *patch,
    const char *expected)
{
    return tg_call_bad_request(call, "Invalid value of %.200s: expected %s",
        patch->path, expected);
}

/* Whatever is not true is false, as in every patch. */
static enum tg_status
read_flag(struct tg_control_call *call, const struct tg_patch *patch,
    json_t **out)
{
    (void) call;
    *out = json_boolean(tg_patch_bool(patch->value));
    return TG_OK;
}

/* -1: no limit. */
static enum tg_status
read_rate(struct tg_control_call *call, const struct tg_patch *patch,
    json_t **out)
{
    char  *end = NULL;
    double rate = patch->value ? strtod(patch->value, &end) : 0;

    if (!end || end == patch->value || *end || !isfinite(rate)
        || (rate < 0 && rate != -1))
    {
        return bad_value(call, patch, "a number from 0 on, or -1");
    }
    *out = json_real(rate);
    return TG_OK;
}

static enum tg_status
read_whole(struct tg_control_call *call, const struct tg_patch *patch,
    long long least, long long most, const char *expected, json_t **out)
{
    char     *end = NULL;
    long long number;

    errno = 0;
    number = patch->value ? strtoll(patch->value, &end, 10) : 0;
    if (!end || end == patch->value || *end || errno || number < least
        || number > most)
    {
        return bad_value(call, patch, expected);
    }
    *out = json_integer(number);
    return TG_OK;
}

static enum tg_status
read_burst(struct tg_control_call *call, const struct tg_patch *patch,
    json_t **out)
{
    return read_whole(call, patch, -1, INT32_MAX,
        "a whole number from 0 on, or -1", out);
}

static enum tg_status
read_ttl(struct tg_control_call *call, const struct tg_patch *patch,
    json_t **out)
{
    return read_whole(call, patch, 0, CACHE_TTL_MAX,
        "a whole number from 0 to 3600", out);
}

static enum tg_status
read_word(struct tg_control_call *call, const struct tg_patch *patch,
    const char *const *words, const char *expected, json_t **out)
{
    for (; *words; words++) {
        if (patch->value && strcmp(patch->value, *words) == 0) {
            *out = json_string(*words);
            return TG_OK;
        }
    }
    return bad_value(call, patch, expected);
}

static enum tg_status
read_level(struct tg_control_call *call, const struct tg_patch *patch,
    json_t **out)
{
    static const char *const levels[] = { "OFF", "ERROR", "INFO", NULL };

    return read_word(call, patch, levels, "OFF, ERROR or INFO", out);
}

static enum tg_status
read_strategy(struct tg_control_call *call, const struct tg_patch *patch,
    json_t **out)
{
    static const char *const strategies[] = { "FAIL_WITH_403",
        "SUCCEED_WITH_RESPONSE_HEADER", "SUCCEED_WITHOUT_RESPONSE_HEADER",
        NULL };

    return read_word(call, patch, strategies, "FAIL_WITH_403, "
        "SUCCEED_WITH_RESPONSE_HEADER or SUCCEED_WITHOUT_RESPONSE_HEADER",
        out);
}

static const struct {
    const char *path;   /* behind the method */
    const char *member; /* of MethodSetting */
    enum tg_status (*read)(struct tg_control_call *call,
        const struct tg_patch *patch, json_t **out);
} members[] = {
    { "/throttling/rateLimit", "throttlingRateLimit", read_rate },
    { "/throttling/burstLimit", "throttlingBurstLimit", read_burst },
    { "/metrics/enabled", "metricsEnabled", read_flag },
    { "/logging/loglevel", "loggingLevel", read_level },
    { "/logging/dataTrace", "dataTraceEnabled", read_flag },
    { "/caching/enabled", "cachingEnabled", read_flag },
    { "/caching/ttlInSeconds", "cacheTtlInSeconds", read_ttl },
    { "/caching/dataEncrypted", "cacheDataEncrypted", read_flag },
    { "/caching/requireAuthorizationForCacheControl",
        "requireAuthorizationForCacheControl", read_flag },
    { "/caching/unauthorizedCacheControlHeaderStrategy",
        "unauthorizedCacheControlHeaderStrategy", read_strategy },
};

#define MEMBERS (sizeof(members) / sizeof(members[0]))

/*
 * What Amazon fills in when the first setting of a method is made.  Caching
 * is on, and does nothing on a stage without a cache cluster.  The throttle's
 * are the account's.
 */
static json_t *
new_setting(const struct tg_settings *settings)
{
    return json_pack("{sb sb sI sf sb si sb sb ss}", "metricsEnabled", 0,
        "dataTraceEnabled", 0, "throttlingBurstLimit",
        (json_int_t) settings->gateway.account_burst, "throttlingRateLimit",
        (double) settings->gateway.account_rate, "cachingEnabled", 1,
        "cacheTtlInSeconds", 300, "cacheDataEncrypted", 0,
        "requireAuthorizationForCacheControl", 1,
        "unauthorizedCacheControlHeaderStrategy",
        "SUCCEED_WITH_RESPONSE_HEADER");
}

/* ---- whose ---- */

/*
 * The map's key for "/{path}/{METHOD}", the path with ~1 or plain slashes,
 * with or without its leading one; NULL: it is none.
 */
static const char *
key_of(struct tg_arena *arena, const char *text)
{
    char       *key = tg_arena_alloc(arena, strlen(text) + 1);
    char       *to = key;
    const char *verb;

    if (!key) {
        return NULL;
    }
    for (text++; *text; text++) {
        if (*text == '~' && (text[1] == '0' || text[1] == '1')) {
            *to++ = *++text == '1' ? '/' : '~';
        } else {
            *to++ = *text;
        }
    }
    *to = '\0';
    if (strcmp(key, WILDCARD) == 0) {
        return key;
    }
    verb = strrchr(key, '/');
    if (!verb || tg_verb_parse(verb + 1, strlen(verb + 1)) == TG_VERB_COUNT
        || key[0] == '*')
    {
        return NULL;
    }
    return key[0] == '/' ? key + 1 : key;
}

/* Which setting a path ends with; MEMBERS: none. */
static size_t
member_of(const char *path)
{
    size_t i, len = strlen(path);

    for (i = 0; i < MEMBERS; i++) {
        size_t end = strlen(members[i].path);

        if (len > end && strcmp(path + len - end, members[i].path) == 0) {
            break;
        }
    }
    return i;
}

static enum tg_status
set(struct tg_control_call *call, const struct tg_patch *patch,
    json_t *settings, const char *key, size_t member)
{
    json_t        *value = NULL;
    json_t        *setting = json_object_get(settings, key);
    enum tg_status status = members[member].read(call, patch, &value);

    if (status != TG_OK) {
        json_decref(value);
        return status;
    }
    if (!setting) {
        setting = new_setting(call->control->settings);
        if (json_object_set_new(settings, key, setting)) {
            json_decref(value);
            return tg_error_set(&call->err, TG_NOMEM, "out of memory");
        }
    }
    return json_object_set_new(setting, members[member].member, value)
        ? tg_error_set(&call->err, TG_NOMEM, "out of memory") : TG_OK;
}

enum tg_status
tg_method_settings_patch(struct tg_control_call *call,
    const struct tg_patch *patch, json_t *settings)
{
    size_t      len, member = member_of(patch->path);
    const char *key;

    if (patch->path[0] != '/') {
        return TG_NOTFOUND;
    }
    if (patch->op == TG_PATCH_REMOVE && member == MEMBERS) {
        key = key_of(call->arena, patch->path);
        if (!key) {
            return TG_NOTFOUND;
        }
        return json_object_del(settings, key)
            ? tg_call_bad_request(call, "Cannot remove method setting %.200s "
                "because there is no method setting for this method ", key)
            : TG_OK;
    }
    if ((patch->op != TG_PATCH_REPLACE && patch->op != TG_PATCH_ADD)
        || member == MEMBERS)
    {
        return TG_NOTFOUND;
    }
    len = strlen(patch->path) - strlen(members[member].path);
    key = key_of(call->arena, tg_arena_dup(call->arena, patch->path, len));
    return key ? set(call, patch, settings, key, member)
        : tg_call_bad_request(call, "Invalid method setting path: %.200s: "
            "expected /{resource_path}/{METHOD}/... or /*/*/...",
            patch->path);
}

/* ---- compiling ---- */

bool
tg_method_settings_throttle(const json_t *settings, const char *path,
    const char *verb, struct tg_bucket_limit *limit)
{
    double     rate;
    json_t    *setting, *key = json_sprintf("%s/%s", path + 1, verb);
    json_int_t burst;

    setting = json_object_get(settings, json_string_value(key));
    json_decref(key);
    if (!setting) {
        setting = json_object_get(settings, WILDCARD);
    }
    if (!setting) {
        return false;
    }
    rate = json_number_value(json_object_get(setting, "throttlingRateLimit"));
    burst = json_integer_value(json_object_get(setting,
        "throttlingBurstLimit"));
    if (rate < 0 || burst < 0) {
        return false; /* -1 */
    }
    *limit = tg_bucket_limit_make(rate, (uint64_t) burst);
    return true;
}
