/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mock.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32

/* ---- lenient JSON ---- */

static const char *
blanks(const char *c)
{
    return c + strspn(c, " \t\r\n");
}

/* A text in quotes or a bare word; NULL when there is neither. */
static const char *
word(const char *c, const char **start, size_t *len)
{
    char quote = *c;

    if (quote == '"' || quote == '\'') {
        *start = ++c;
        while (*c && *c != quote) {
            c += *c == '\\' && c[1] ? 2 : 1;
        }
        *len = (size_t) (c - *start);
        return *c ? c + 1 : NULL;
    }
    *start = c;
    *len = strcspn(c, " \t\r\n{}[]:,\"'");
    return *len ? c + *len : NULL;
}

/*
 * Skips a value; objects and arrays by their brackets alone, since nothing
 * in them matters.
 */
static const char *
skip_value(const char *c)
{
    const char *start;
    size_t      len, depth = 0;

    do {
        c = blanks(c);
        if (*c == '{' || *c == '[') {
            depth++;
            c++;
        } else if (depth && (*c == '}' || *c == ']')) {
            depth--;
            c++;
        } else if (depth && (*c == ',' || *c == ':')) {
            c++;
        } else if (!(c = word(c, &start, &len))) {
            return NULL;
        }
    } while (depth && depth <= DEPTH_MAX);
    return depth ? NULL : c;
}

/* A whole number of up to three digits at c, and nothing behind it. */
static bool
parse_status(const char *c, const char *end, int *out)
{
    size_t digits = strspn(c, "0123456789");

    if (digits != 3 || c + digits != end) {
        return false;
    }
    *out = atoi(c);
    return true;
}

enum tg_status
tg_mock_status(int *out, const char *text, struct tg_error *err)
{
    const char *c = blanks(text), *key, *value;
    size_t      len;
    bool        found = false;

    if (*c++ != '{') {
        return tg_error_set(err, TG_INVALID,
            "the request template of a MOCK must give a JSON object");
    }
    for (c = blanks(c); *c && *c != '}'; c = blanks(c)) {
        if (!(c = word(c, &key, &len)) || *(c = blanks(c)) != ':') {
            break;
        }
        value = blanks(c + 1);
        if (!(c = skip_value(value))) {
            break;
        }
        if (len == 10 && memcmp(key, "statusCode", len) == 0) {
            found = parse_status(value, c, out);
        }
        c = blanks(c);
        if (*c == ',') {
            c++;
        } else if (*c != '}') {
            break;
        }
    }
    if (!c || *c != '}' || *blanks(c + 1)) {
        return tg_error_set(err, TG_INVALID,
            "the request template of a MOCK gives no valid JSON");
    }
    return found ? TG_OK
                 : tg_error_set(err, TG_INVALID, "the request template of a "
                     "MOCK must give a whole number as statusCode");
}
