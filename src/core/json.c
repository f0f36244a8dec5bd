/* SPDX-License-Identifier: Apache-2.0 */
#include "core/json.h"

#include <stdint.h>
#include <string.h>

/* ---- paths ---- */

/* One step of a path: into a name, or (name NULL) to an index. */
struct step {
    const char *name;
    size_t      len;
    size_t      index;
};

static bool
ends_name(char c)
{
    return c == '\0' || strchr(".[]()*?@,:'\"", c) != NULL;
}

/* ['name'] or ["name"], behind the bracket; what follows it, or NULL. */
static const char *
quoted_step(struct step *out, const char *at, const char *end)
{
    const char *stop = memchr(at + 1, *at, (size_t) (end - at - 1));

    if (stop == NULL || end - stop < 2 || stop[1] != ']'
        || memchr(at, '\\', (size_t) (stop - at)) != NULL)
    {
        return NULL;
    }
    *out = (struct step) { at + 1, (size_t) (stop - at) - 1, 0 };
    return stop + 2;
}

static const char *
index_step(struct step *out, const char *at, const char *end)
{
    const char *start = at;

    *out = (struct step) { NULL, 0, 0 };
    while (at < end && *at >= '0' && *at <= '9' && at - start < 9) {
        out->index = out->index * 10 + (size_t) (*at++ - '0');
    }
    return at > start && at < end && *at == ']' ? at + 1 : NULL;
}

/* Takes the next step off a path; what follows it, or NULL: no path. */
static const char *
next_step(struct step *out, const char *at, const char *end)
{
    if (*at == '[') {
        at++;
        return at < end && (*at == '\'' || *at == '"')
            ? quoted_step(out, at, end)
            : index_step(out, at, end);
    }
    if (*at++ != '.') {
        return NULL;
    }
    *out = (struct step) { at, 0, 0 };
    while (at < end && !ends_name(*at)) {
        at++;
    }
    out->len = (size_t) (at - out->name);
    return out->len > 0 ? at : NULL;
}

bool
tg_json_path_is_valid(const char *path, size_t len)
{
    struct step step;
    const char *end = path + len;

    while (path != NULL && path < end) {
        path = next_step(&step, path, end);
    }
    return path != NULL;
}

/* ---- reading ---- */

struct reader {
    const char           *at, *end;
    struct tg_json_value *out;
    bool                  found;
};

static bool read_value(struct reader *r, const char *path,
    const char *path_end, unsigned depth);

static void
skip_blanks(struct reader *r)
{
    while (r->at < r->end
        && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n'
            || *r->at == '\r'))
    {
        r->at++;
    }
}

static bool
take(struct reader *r, char c)
{
    skip_blanks(r);
    if (r->at < r->end && *r->at == c) {
        r->at++;
        return true;
    }
    return false;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char) (c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits at text, or -1. */
static int
hex4(const char *text, const char *end)
{
    int value = 0;

    if (end - text < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(text[i]);

        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

/* A string with its quotes. */
static bool
read_string(struct reader *r)
{
    if (r->at == r->end || *r->at != '"') {
        return false;
    }
    for (r->at++; r->at < r->end && *r->at != '"'; r->at++) {
        if ((unsigned char) *r->at < 0x20) {
            return false;
        }
        if (*r->at != '\\') {
            continue;
        }
        if (++r->at == r->end) {
            return false;
        }
        if (*r->at == 'u') {
            if (hex4(r->at + 1, r->end) < 0) {
                return false;
            }
            r->at += 4;
        } else if (*r->at == '\0' || !strchr("\"\\/bfnrt", *r->at)) {
            return false;
        }
    }
    return r->at < r->end && *r->at++ == '"';
}

static size_t
digits(struct reader *r)
{
    const char *start = r->at;

    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
        r->at++;
    }
    return (size_t) (r->at - start);
}

static bool
read_number(struct reader *r)
{
    r->at += *r->at == '-';
    if (r->at < r->end && *r->at == '0') {
        r->at++;
    } else if (digits(r) == 0) {
        return false;
    }
    if (r->at < r->end && *r->at == '.') {
        r->at++;
        if (digits(r) == 0) {
            return false;
        }
    }
    if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        r->at++;
        r->at += r->at < r->end && (*r->at == '+' || *r->at == '-');
        return digits(r) > 0;
    }
    return true;
}

static bool
read_word(struct reader *r)
{
    static const char *const words[] = { "true", "false", "null" };

    for (size_t i = 0; i < 3; i++) {
        size_t len = strlen(words[i]);

        if ((size_t) (r->end - r->at) >= len
            && memcmp(r->at, words[i], len) == 0)
        {
            r->at += len;
            return true;
        }
    }
    return false;
}

/* Whether a string (with quotes) is name. */
static bool
is_name(const char *text, size_t len, const struct step *step)
{
    char                 small[256];
    struct tg_json_value value = { text, len, true };

    if (memchr(text, '\\', len) == NULL) {
        return len - 2 == step->len
            && memcmp(text + 1, step->name, step->len) == 0;
    }
    return len <= sizeof(small)
        && tg_json_decode(small, &value) == step->len
        && memcmp(small, step->name, step->len) == 0;
}

/* The step that a path begins with; a path that is none has no names. */
static const char *
first_step(struct step *out, const char *path, const char *path_end)
{
    *out = (struct step) { NULL, 0, SIZE_MAX };
    return path != NULL && path < path_end ? next_step(out, path, path_end)
                                           : NULL;
}

static bool
read_object(struct reader *r, const char *path, const char *path_end,
    unsigned depth)
{
    struct step step;
    const char *rest = first_step(&step, path, path_end);

    r->at++;
    if (take(r, '}')) {
        return true;
    }
    do {
        const char *name, *inner = NULL;

        skip_blanks(r);
        name = r->at;
        if (!read_string(r)) {
            return false;
        }
        if (step.name != NULL
            && is_name(name, (size_t) (r->at - name), &step))
        {
            inner = rest;
            r->found = false; /* J3 */
        }
        if (!take(r, ':') || !read_value(r, inner, path_end, depth + 1)) {
            return false;
        }
    } while (take(r, ','));
    return take(r, '}');
}

static bool
read_array(struct reader *r, const char *path, const char *path_end,
    unsigned depth)
{
    size_t      i = 0;
    struct step step;
    const char *rest = first_step(&step, path, path_end);

    r->at++;
    if (take(r, ']')) {
        return true;
    }
    do {
        const char *inner = step.name == NULL && step.index == i ? rest
                                                                 : NULL;

        if (!read_value(r, inner, path_end, depth + 1)) {
            return false;
        }
        i++;
    } while (take(r, ','));
    return take(r, ']');
}

/* Any value; path is what remains of it to go, NULL: not through here. */
static bool
read_value(struct reader *r, const char *path, const char *path_end,
    unsigned depth)
{
    const char *start;
    bool        good;

    skip_blanks(r);
    start = r->at;
    if (r->at == r->end || depth > TG_JSON_DEPTH_MAX) {
        return false;
    }
    switch (*r->at) {
    case '{':
        good = read_object(r, path, path_end, depth);
        break;
    case '[':
        good = read_array(r, path, path_end, depth);
        break;
    case '"':
        good = read_string(r);
        break;
    case 't':
    case 'f':
    case 'n':
        good = read_word(r);
        break;
    default:
        good = read_number(r);
    }
    if (good && path == path_end) {
        r->found = true;
        *r->out = (struct tg_json_value) { start, (size_t) (r->at - start),
            *start == '"' };
    }
    return good;
}

enum tg_status
tg_json_find(struct tg_json_value *out, const char *text, size_t len,
    const char *path, size_t path_len)
{
    struct reader r = { text, text + len, out, false };

    if (!read_value(&r, path, path + path_len, 0)) {
        return TG_INVALID;
    }
    skip_blanks(&r);
    if (r.at != r.end) {
        return TG_INVALID;
    }
    return r.found ? TG_OK : TG_NOTFOUND;
}

bool
tg_json_is_meant(const char *text, size_t len)
{
    struct reader r = { text, text + len, NULL, false };

    skip_blanks(&r);
    return r.at < r.end && *r.at != '\0' && strchr("{[\"'", *r.at) != NULL;
}

/* ---- strings ---- */

static char *
put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char) c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char) (0xc0 | c >> 6);
    } else if (c < 0x10000) {
        *out++ = (char) (0xe0 | c >> 12);
        *out++ = (char) (0x80 | (c >> 6 & 0x3f));
    } else {
        *out++ = (char) (0xf0 | c >> 18);
        *out++ = (char) (0x80 | (c >> 12 & 0x3f));
        *out++ = (char) (0x80 | (c >> 6 & 0x3f));
    }
    *out++ = (char) (0x80 | (c & 0x3f));
    return out;
}

/* The character of \uXXXX or of a pair of them; *at is behind it then. */
static uint32_t
read_escape(const char **at, const char *end)
{
    uint32_t high = (uint32_t) hex4(*at, end);
    int      low;

    *at += 4;
    if (high < 0xd800 || high > 0xdfff) {
        return high;
    }
    if (high > 0xdbff || end - *at < 6 || (*at)[0] != '\\'
        || (*at)[1] != 'u')
    {
        return 0xfffd; /* half of a pair is no character */
    }
    low = hex4(*at + 2, end);
    if (low < 0xdc00 || low > 0xdfff) {
        return 0xfffd;
    }
    *at += 6;
    return 0x10000 + ((high - 0xd800) << 10) + ((uint32_t) low - 0xdc00);
}

size_t
tg_json_decode(char *out, const struct tg_json_value *value)
{
    static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
    char       *to = out;
    const char *at = value->text, *end = at + value->len;

    if (!value->is_string) {
        memcpy(out, value->text, value->len);
        return value->len;
    }
    for (at++, end--; at < end; ) {
        const char *letter;

        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        at++;
        if (*at == 'u') {
            at++;
            to = put_utf8(to, read_escape(&at, end));
            continue;
        }
        letter = strchr(letters, *at);
        *to++ = letter != NULL ? meant[letter - letters] : *at;
        at++;
    }
    return (size_t) (to - out);
}

size_t
tg_json_escape(char *out, const char *text, size_t len)
{
    static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
    static const char hex[] = "0123456789abcdef";
    size_t used = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char) text[i];
        const char   *known = c != '\0' ? strchr(meant, c) : NULL;
        char          piece[7] = { '\\', (char) c };
        size_t        size = 2;

        if (known != NULL) {
            piece[1] = letters[known - meant];
        } else if (c < 0x20) {
            memcpy(piece + 1, "u00", 3);
            piece[4] = hex[c >> 4];
            piece[5] = hex[c & 15];
            size = 6;
        } else if (c != '"' && c != '\\') {
            piece[0] = (char) c;
            size = 1;
        }
        if (out != NULL) {
            memcpy(out + used, piece, size);
        }
        used += size;
    }
    return used;
}
