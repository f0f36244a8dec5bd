/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/members.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const json_t *
get(const struct tg_member *m)
{
    const json_t *value = json_object_get(m->object, m->name);

    return json_is_null(value) ? NULL : value;
}

void
tg_member_path(char out[TG_WHERE_MAX], const struct tg_member *m)
{
    int n = snprintf(out, TG_WHERE_MAX, "%s%s", m->where,
        *m->where != '\0' ? "." : "");

    (void) snprintf(out + n, TG_WHERE_MAX - (size_t) n, "%s", m->name);
    out[n] = (char) tolower((unsigned char) out[n]);
}

bool
tg_member_refuse(struct tg_answer *a, const struct tg_member *m,
    const char *constraint, ...)
{
    char    path[TG_WHERE_MAX];
    char    text[256];
    va_list args;

    tg_member_path(path, m);
    va_start(args, constraint);
    (void) vsnprintf(text, sizeof(text), constraint, args);
    va_end(args);
    return tg_answer_refuse(a, "ValidationException",
        "1 validation error detected: Value at '%s' failed to satisfy "
        "constraint: %s", path, text);
}

static bool
refuse_type(struct tg_answer *a, const struct tg_member *m, const char *type)
{
    char path[TG_WHERE_MAX];

    tg_member_path(path, m);
    return tg_answer_refuse(a, "SerializationException",
        "Value at '%s' can not be converted to %s", path, type);
}

/* False, with the answer made, when the member is required and absent. */
static bool
is_present_or_optional(struct tg_answer *a, const struct tg_member *m)
{
    char path[TG_WHERE_MAX];

    if (get(m) != NULL || !m->is_required) {
        return true;
    }
    tg_member_path(path, m);
    return tg_answer_refuse(a, "ValidationException",
        "1 validation error detected: Value null at '%s' failed to satisfy "
        "constraint: Member must not be null", path);
}

static bool
has_length(struct tg_answer *a, const struct tg_member *m, size_t length,
    size_t min, size_t max)
{
    if (length < min) {
        return tg_member_refuse(a, m,
            "Member must have length greater than or equal to %zu", min);
    }
    if (length > max) {
        return tg_member_refuse(a, m,
            "Member must have length less than or equal to %zu", max);
    }
    return true;
}

bool
tg_member_text(const char **out, struct tg_answer *a,
    const struct tg_member *m, size_t min, size_t max)
{
    const json_t *value = get(m);

    *out = NULL;
    if (!is_present_or_optional(a, m)) {
        return false;
    }
    if (value == NULL) {
        return true;
    }
    if (!json_is_string(value)) {
        return refuse_type(a, m, "a String");
    }
    if (!has_length(a, m, json_string_length(value), min, max)) {
        return false;
    }
    *out = json_string_value(value);
    return true;
}

bool
tg_member_integer(int64_t *out, struct tg_answer *a,
    const struct tg_member *m, int64_t min, int64_t max)
{
    const json_t *value = get(m);

    if (!is_present_or_optional(a, m)) {
        return false;
    }
    if (value == NULL) {
        return true;
    }
    if (!json_is_integer(value)) {
        return refuse_type(a, m, "an Integer");
    }
    if (json_integer_value(value) < min) {
        return tg_member_refuse(a, m,
            "Member must have value greater than or equal to %lld",
            (long long) min);
    }
    if (json_integer_value(value) > max) {
        return tg_member_refuse(a, m,
            "Member must have value less than or equal to %lld",
            (long long) max);
    }
    *out = json_integer_value(value);
    return true;
}

bool
tg_member_timestamp(double *out, struct tg_answer *a,
    const struct tg_member *m)
{
    const json_t *value = get(m);

    if (!is_present_or_optional(a, m)) {
        return false;
    }
    if (!json_is_number(value) || !isfinite(json_number_value(value))) {
        return refuse_type(a, m, "a Timestamp: it must be a number, the "
            "seconds since 1970");
    }
    *out = json_number_value(value);
    return true;
}

bool
tg_member_list(const json_t **out, struct tg_answer *a,
    const struct tg_member *m, size_t min, size_t max)
{
    const json_t *value = get(m);

    *out = NULL;
    if (!is_present_or_optional(a, m)) {
        return false;
    }
    if (value == NULL) {
        return true;
    }
    if (!json_is_array(value)) {
        return refuse_type(a, m, "a List");
    }
    if (!has_length(a, m, json_array_size(value), min, max)) {
        return false;
    }
    *out = value;
    return true;
}
