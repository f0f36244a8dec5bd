/* SPDX-License-Identifier: Apache-2.0 */
#include "control/members.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
set_message(struct tg_refusal *r, const char *member, const char *fmt,
    va_list args)
{
    snprintf(r->member, sizeof r->member, "%s%s", member ? "/" : "",
        member ? member : "");
    vsnprintf(r->message, sizeof r->message, fmt, args);
}

enum tg_status
tg_refuse(struct tg_refusal *r, int http, const char *type,
    const char *member, const char *fmt, ...)
{
    va_list args;

    r->http = http;
    r->type = type;
    va_start(args, fmt);
    set_message(r, member, fmt, args);
    va_end(args);
    return TG_DENIED;
}

enum tg_status
tg_refuse_bad(struct tg_refusal *r, const char *member, const char *fmt, ...)
{
    va_list args;

    r->http = 400;
    r->type = "BadRequestException";
    va_start(args, fmt);
    set_message(r, member, fmt, args);
    va_end(args);
    return TG_DENIED;
}

void
tg_refusal_within(struct tg_refusal *r, const char *token)
{
    char   old[sizeof r->member];
    size_t len = 0;

    memcpy(old, r->member, sizeof old);
    r->member[len++] = '/';
    for (; *token && len + 3 < sizeof r->member; token++) {
        if (*token == '~' || *token == '/') {
            r->member[len++] = '~';
            r->member[len++] = *token == '~' ? '0' : '1';
        } else {
            r->member[len++] = *token;
        }
    }
    for (size_t i = 0; old[i] && len + 1 < sizeof r->member; i++) {
        r->member[len++] = old[i];
    }
    r->member[len] = '\0';
}

bool
tg_is_one_of(const char *text, const char *const *values)
{
    for (; *values; values++) {
        if (strcmp(text, *values) == 0) {
            return true;
        }
    }
    return false;
}

const char *
tg_text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* ---- one member ---- */

static enum tg_status
refuse_kind(struct tg_refusal *r, const struct tg_member *m,
    const char *expected)
{
    return tg_refuse(r, 400, "SerializationException", m->name,
        "%s must be %s", m->name, expected);
}

static enum tg_status
refuse_enum(struct tg_refusal *r, const struct tg_member *m,
    const char *operation, const char *value)
{
    char   list[400] = "";
    size_t len = 0;

    for (const char *const *v = m->values; *v && len < sizeof list; v++) {
        len += (size_t) snprintf(list + len, sizeof list - len, "%s%s",
            v == m->values ? "" : ", ", *v);
    }
    return tg_refuse(r, 400, "ValidationException", m->name,
        "1 validation error detected: Value '%.100s' at '%s.%s' failed to "
        "satisfy constraint: Member must satisfy enum value set: [%s]",
        value, operation, m->name, list);
}

static enum tg_status
take_text(json_t **out, const json_t *value, const char *operation,
    const struct tg_member *m, struct tg_refusal *r)
{
    const char *text = json_string_value(value);

    if (!text) {
        return refuse_kind(r, m, "a string");
    }
    if (m->values && !tg_is_one_of(text, m->values)) {
        return refuse_enum(r, m, operation, text);
    }
    if (m->max && (long long) json_string_length(value) > m->max) {
        return tg_refuse_bad(r, m->name, "%s can be at most %lld characters",
            m->name, m->max);
    }
    if (*text || m->keep_empty || m->is_required) {
        *out = json_incref((json_t *) value);
    }
    return TG_OK;
}

/* Amazon takes "true" for true and "29000" for 29000. */
static enum tg_status
take_bool(json_t **out, const json_t *value, const struct tg_member *m,
    struct tg_refusal *r)
{
    const char *text = json_string_value(value);

    if (text && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)) {
        *out = json_boolean(*text == 't');
    } else if (json_is_boolean(value)) {
        *out = json_incref((json_t *) value);
    } else {
        return refuse_kind(r, m, "true or false");
    }
    return TG_OK;
}

static enum tg_status
take_int(json_t **out, const json_t *value, const struct tg_member *m,
    struct tg_refusal *r)
{
    const char *text = json_string_value(value);
    char       *end = NULL;
    long long   number = json_integer_value(value);

    if (text && *text) {
        number = strtoll(text, &end, 10);
    }
    if (!json_is_integer(value) && (!end || *end)) {
        return refuse_kind(r, m, "a whole number");
    }
    if ((m->min || m->max) && (number < m->min || number > m->max)) {
        return tg_refuse_bad(r, m->name,
            "%s must be between %lld and %lld", m->name, m->min, m->max);
    }
    *out = json_integer(number);
    return TG_OK;
}

static bool
holds_nothing(const json_t *value)
{
    return json_is_null(value)
        || (json_is_string(value) && json_string_length(value) == 0);
}

static enum tg_status
take_entry(json_t **out, const json_t *value, const struct tg_member *m,
    const struct tg_member *entry, struct tg_refusal *r)
{
    if (m->null_entries && holds_nothing(value)) {
        *out = json_null();
        return TG_OK;
    }
    return m->kind == TG_MEMBER_TEXT_MAP
        ? take_text(out, value, "", entry, r)
        : take_bool(out, value, entry, r);
}

static enum tg_status
take_map(json_t **out, const json_t *value, const struct tg_member *m,
    struct tg_refusal *r)
{
    struct tg_member inner = { .kind = TG_MEMBER_TEXT, .keep_empty = true };
    const char      *key;
    json_t          *item, *copy, *map;
    enum tg_status   status = TG_OK;

    if (!json_is_object(value)) {
        return refuse_kind(r, m, "an object");
    }
    map = json_object();
    json_object_foreach((json_t *) value, key, item) {
        inner.name = key;
        copy = NULL;
        status = take_entry(&copy, item, m, &inner, r);
        if (status == TG_OK && json_object_set_new(map, key, copy)) {
            status = TG_NOMEM;
        }
        if (status != TG_OK) {
            r->member[0] = '\0';
            tg_refusal_within(r, key);
            tg_refusal_within(r, m->name);
            json_decref(map);
            return status;
        }
    }
    if (json_object_size(map) || m->keep_empty) {
        *out = map;
    } else {
        json_decref(map);
    }
    return status;
}

static enum tg_status
take_list(json_t **out, const json_t *value, const struct tg_member *m,
    struct tg_refusal *r)
{
    if (!json_is_array(value)) {
        return refuse_kind(r, m, "a list");
    }
    for (size_t i = 0;
         m->kind == TG_MEMBER_TEXTS && i < json_array_size(value); i++)
    {
        if (!json_is_string(json_array_get(value, i))) {
            return refuse_kind(r, m, "a list of strings");
        }
    }
    if (json_array_size(value) || m->keep_empty) {
        *out = json_incref((json_t *) value);
    }
    return TG_OK;
}

static enum tg_status
take(json_t **out, const json_t *value, const char *operation,
    const struct tg_member *m, struct tg_refusal *r)
{
    switch (m->kind) {
    case TG_MEMBER_TEXT:
        return take_text(out, value, operation, m, r);
    case TG_MEMBER_BOOL:
        return take_bool(out, value, m, r);
    case TG_MEMBER_INT:
        return take_int(out, value, m, r);
    case TG_MEMBER_NUMBER:
        if (!json_is_number(value)) {
            return refuse_kind(r, m, "a number");
        }
        break;
    case TG_MEMBER_TEXTS:
    case TG_MEMBER_LIST:
        return take_list(out, value, m, r);
    case TG_MEMBER_TEXT_MAP:
    case TG_MEMBER_BOOL_MAP:
        return take_map(out, value, m, r);
    case TG_MEMBER_OBJECT:
        if (!json_is_object(value)) {
            return refuse_kind(r, m, "an object");
        }
        break;
    }
    *out = json_incref((json_t *) value);
    return TG_OK;
}

/* ---- the object ---- */

static const struct tg_member *
find(const struct tg_member *table, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static enum tg_status
check_known(const json_t *in, const struct tg_member *table, size_t count,
    struct tg_refusal *r)
{
    const char *name;
    json_t     *value;

    json_object_foreach((json_t *) in, name, value) {
        if (!find(table, count, name)) {
            (void) tg_refuse_bad(r, NULL, TG_UNKNOWN_MEMBER, name);
            tg_refusal_within(r, name);
            return TG_DENIED;
        }
    }
    return TG_OK;
}

enum tg_status
tg_members_check_words(const json_t *in, const char *operation,
    const struct tg_member *table, size_t count, struct tg_refusal *r)
{
    for (size_t i = 0; i < count; i++) {
        const char *text = tg_text_of(in, table[i].name);

        if (table[i].values && text
            && !tg_is_one_of(text, table[i].values))
        {
            return refuse_enum(r, &table[i], operation, text);
        }
    }
    return TG_OK;
}

enum tg_status
tg_members_take(json_t **out, const json_t *in, const char *operation,
    const struct tg_member *table, size_t count, struct tg_refusal *r)
{
    enum tg_status status = check_known(in, table, count, r);

    *out = status == TG_OK ? json_object() : NULL;
    for (size_t i = 0; i < count && status == TG_OK; i++) {
        const struct tg_member *m = &table[i];
        const json_t           *value = json_object_get(in, m->name);
        json_t                 *copy = NULL;

        if (value && !json_is_null(value)) {
            status = take(&copy, value, operation, m, r);
        } else if (m->is_required) {
            status = tg_refuse(r, 400, "ValidationException", m->name,
                "1 validation error detected: Value at '%s.%s' failed to "
                "satisfy constraint: Member must not be null", operation,
                m->name);
        }
        if (status == TG_OK && copy
            && json_object_set_new(*out, m->name, copy))
        {
            status = TG_NOMEM;
        }
    }
    if (status != TG_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}
