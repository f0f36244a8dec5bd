/* SPDX-License-Identifier: Apache-2.0 */
#include "control/call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/members.h"
#include "util/digest.h"
#include "util/utf8.h"

#define LIMIT_DEFAULT 25
#define LIMIT_MAX 500
#define TAGS_MAX 50
#define TAG_KEY_MAX 128
#define TAG_VALUE_MAX 256
#define POSITION_MAX 4096

/*
 * ---- refusals
 */

enum tg_status
tg_call_refuse(struct tg_control_call *call, int http_status,
    const char *type, const char *fmt, ...)
{
    int     len;
    char   *text;
    va_list args;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    text = len >= 0 ? tg_arena_alloc(call->arena, (size_t) len + 1) : NULL;
    if (text != NULL) {
        va_start(args, fmt);
        (void) vsnprintf(text, (size_t) len + 1, fmt, args);
        va_end(args);
        tg_utf8_mend(text); /* a part of it may have been cut */
    }
    call->error_http = http_status;
    call->error_type = type;
    call->error_message = text;
    if (call->error_message == NULL) {
        call->error_message = "out of memory";
    }
    return TG_DENIED;
}

/*
 * ---- members
 */

/* The member, or NULL when it is absent or null. */
static const json_t *
member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_null(value) ? NULL : value;
}

static enum tg_status
wrong_type(struct tg_control_call *call, const char *name,
    const char *expected)
{
    return tg_call_refuse(call, 400, "SerializationException",
        "Invalid value for %s: expected %s", name, expected);
}

enum tg_status
tg_call_string(struct tg_control_call *call, const json_t *object,
    const char *name, const char **out)
{
    const json_t *value = member(object, name);

    if (value == NULL) {
        return TG_OK;
    }
    if (!json_is_string(value)) {
        return wrong_type(call, name, "a string");
    }
    if (strlen(json_string_value(value)) != json_string_length(value)) {
        return wrong_type(call, name, "a string without NUL");
    }
    *out = json_string_value(value);
    return TG_OK;
}

enum tg_status
tg_call_bool(struct tg_control_call *call, const json_t *object,
    const char *name, bool *out)
{
    const json_t *value = member(object, name);
    const char   *text;

    if (value == NULL) {
        return TG_OK;
    }
    if (json_is_boolean(value)) {
        *out = json_is_true(value);
        return TG_OK;
    }
    text = json_string_value(value);
    if (text == NULL
        || (strcasecmp(text, "true") != 0
            && strcasecmp(text, "false") != 0))
    {
        return wrong_type(call, name, "true or false");
    }
    *out = strcasecmp(text, "true") == 0;
    return TG_OK;
}

enum tg_status
tg_call_int(struct tg_control_call *call, const json_t *object,
    const char *name, int64_t *out)
{
    char         *end;
    const char   *text;
    long long     number;
    const json_t *value = member(object, name);

    if (value == NULL) {
        return TG_OK;
    }
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return TG_OK;
    }
    text = json_string_value(value);
    if (text == NULL || text[0] == '\0') {
        return wrong_type(call, name, "a whole number");
    }
    errno = 0;
    number = strtoll(text, &end, 10);
    if (*end != '\0' || errno != 0) {
        return wrong_type(call, name, "a whole number");
    }
    *out = number;
    return TG_OK;
}

enum tg_status
tg_call_number(struct tg_control_call *call, const json_t *object,
    const char *name, double *out)
{
    char         *end;
    const char   *text;
    double        number;
    const json_t *value = member(object, name);

    if (value == NULL) {
        return TG_OK;
    }
    if (json_is_number(value)) {
        *out = json_number_value(value);
        return TG_OK;
    }
    text = json_string_value(value);
    if (text == NULL || strspn(text, "+-.0123456789eE") != strlen(text)
        || text[0] == '\0')
    {
        return wrong_type(call, name, "a number");
    }
    number = strtod(text, &end);
    if (*end != '\0') {
        return wrong_type(call, name, "a number");
    }
    *out = number;
    return TG_OK;
}

enum tg_status
tg_call_array(struct tg_control_call *call, const json_t *object,
    const char *name, const json_t **out)
{
    *out = member(object, name);
    return *out == NULL || json_is_array(*out)
        ? TG_OK : wrong_type(call, name, "a list");
}

enum tg_status
tg_call_object(struct tg_control_call *call, const json_t *object,
    const char *name, const json_t **out)
{
    *out = member(object, name);
    return *out == NULL || json_is_object(*out)
        ? TG_OK : wrong_type(call, name, "an object");
}

enum tg_status
tg_call_members(struct tg_control_call *call, const json_t *object,
    const char *const *names)
{
    const char *name;
    json_t     *value;

    json_object_foreach((json_t *) object, name, value) {
        if (!tg_is_one_of(name, names)) {
            return tg_call_bad_request(call, TG_UNKNOWN_MEMBER, name);
        }
    }
    return TG_OK;
}

void
tg_json_set_text(json_t *object, const char *name, const char *text)
{
    if (text != NULL) {
        (void) json_object_set_new(object, name, json_string(text));
    }
}

enum tg_status
tg_call_check_tags(struct tg_control_call *call, const json_t *tags)
{
    const char *key;
    json_t     *value;

    if (tags == NULL) {
        return TG_OK;
    }
    if (json_object_size(tags) > TAGS_MAX) {
        return tg_call_bad_request(call, "Invalid number of tags: at most "
            "%d are allowed", TAGS_MAX);
    }
    json_object_foreach((json_t *) tags, key, value) {
        if (key[0] == '\0' || tg_utf8_length(key) > TAG_KEY_MAX) {
            return tg_call_bad_request(call, "Invalid tag key: expected 1 "
                "to %d characters", TAG_KEY_MAX);
        }
        if (strncasecmp(key, "aws:", 4) == 0) {
            return tg_call_bad_request(call, "Invalid tag key: %s: the "
                "prefix aws: is reserved", key);
        }
        if (!json_is_string(value)
            || tg_utf8_length(json_string_value(value)) > TAG_VALUE_MAX)
        {
            return tg_call_bad_request(call, "Invalid value of tag %s: "
                "expected a text of at most %d characters", key,
                TAG_VALUE_MAX);
        }
    }
    return TG_OK;
}

/*
 * ---- query parameters and paging
 */

const char *
tg_call_query(const struct tg_control_call *call, const char *name)
{
    const char *value = tg_http_param_get(&call->req->params, name);

    return value == NULL || value[0] == '\0' ? NULL : value;
}

const struct tg_page_names *
tg_call_page_names(const struct tg_control_call *call)
{
    static const struct tg_page_names v1 = { "limit", "position", "item" };
    static const struct tg_page_names v2 = { "maxResults", "nextToken",
        "items" };

    return call->operation->pattern != NULL
            && strncmp(call->operation->pattern, TG_V2 "/", sizeof(TG_V2))
                == 0
        ? &v2 : &v1;
}

enum tg_status
tg_call_limit(struct tg_control_call *call, int64_t *out)
{
    char       *end;
    const char *name = tg_call_page_names(call)->limit;
    const char *text = tg_call_query(call, name);
    long long   limit;

    *out = LIMIT_DEFAULT;
    if (text == NULL) {
        return TG_OK;
    }
    limit = strtoll(text, &end, 10);
    if (*end != '\0') {
        return tg_call_bad_request(call, "Invalid %s: expected a whole "
            "number", name);
    }
    if (limit > 0) {
        *out = limit > LIMIT_MAX ? LIMIT_MAX : limit;
    }
    return TG_OK;
}

enum tg_status
tg_call_position(struct tg_control_call *call, const json_t **out)
{
    char        bytes[POSITION_MAX];
    size_t      len;
    const char *name = tg_call_page_names(call)->position;
    const char *text = tg_call_query(call, name);

    *out = NULL;
    if (text == NULL) {
        return TG_OK;
    }
    if (strlen(text) <= POSITION_MAX
        && tg_unbase64(bytes, &len, text, strlen(text)) == TG_OK)
    {
        json_decref(call->position);
        call->position = json_loadb(bytes, len, JSON_DECODE_ANY, NULL);
    }
    if (call->position == NULL) {
        return tg_call_bad_request(call, "Invalid %s parameter", name);
    }
    *out = call->position;
    return TG_OK;
}

void
tg_call_position_set(struct tg_control_call *call, json_t *page, json_t *key)
{
    char  *bytes = json_dumps(key, JSON_COMPACT | JSON_ENCODE_ANY);
    char  *text;
    size_t len;

    json_decref(key);
    if (bytes != NULL) {
        len = strlen(bytes);
        text = tg_arena_alloc(call->arena, 4 * ((len + 2) / 3) + 1);
        if (text != NULL) {
            tg_base64(text, bytes, len);
            tg_json_set_text(page, tg_call_page_names(call)->position,
                text);
        }
        free(bytes);
    }
}

char *
tg_new_id(struct tg_arena *arena, size_t len)
{
    char *id = tg_arena_alloc(arena, len + 1);

    if (id != NULL) {
        tg_random_text(id, len, TG_ALPHABET_ID);
    }
    return id;
}
