/*
 * document.c - see document.h
 *
 * JSON is jansson's; this file finds positions in a text that jansson has
 * already accepted, so the walk needs no checks of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "control/document.h"

#include <stdlib.h>
#include <string.h>

#include "control/yaml_json.h"

bool
tg_pointer_next(const char **pointer, char *out, size_t size)
{
    const char *c = *pointer;
    size_t      len = 0;

    if (*c != '/') {
        return false;
    }
    for (c++; *c && *c != '/'; c++) {
        char plain = *c;

        if (*c == '~' && (c[1] == '0' || c[1] == '1')) {
            plain = *++c == '1' ? '/' : '~';
        }
        if (len + 1 < size) {
            out[len++] = plain;
        }
    }
    out[len] = '\0';
    *pointer = c;
    return true;
}

/* ---- finding a place in JSON ---- */

static const char *
blanks(const char *c)
{
    return c + strspn(c, " \t\r\n");
}

/* Behind the string that begins at c. */
static const char *
skip_string(const char *c)
{
    for (c++; *c && *c != '"'; c++) {
        if (*c == '\\' && c[1]) {
            c++;
        }
    }
    return *c ? c + 1 : c;
}

/* Behind the value that begins at c. */
static const char *
skip_value(const char *c)
{
    int depth = 0;

    do {
        if (*c == '"') {
            c = skip_string(c);
            continue;
        }
        if (*c == '{' || *c == '[') {
            depth++;
        } else if (*c == '}' || *c == ']') {
            depth--;
        } else if (depth == 0) {
            return c + strcspn(c, ",]} \t\r\n");
        }
        c += *c != '\0';
    } while (depth > 0 && *c);
    return c;
}

/* Whether the string at c, with its escapes, is key. */
static bool
string_is(const char *c, const char *key)
{
    size_t  len = (size_t) (skip_string(c) - c);
    json_t *text = json_loadb(c, len, JSON_DECODE_ANY, NULL);
    bool    same = text && strcmp(json_string_value(text), key) == 0;

    json_decref(text);
    return same;
}

/* The value of a member or element of the value at c, or NULL. */
static const char *
json_child(const char *c, const char *token)
{
    bool   is_object = *c == '{';
    size_t index = 0, wanted = strtoul(token, NULL, 10);

    if (!is_object && *c != '[') {
        return NULL;
    }
    for (c = blanks(c + 1); *c && *c != '}' && *c != ']'; index++) {
        bool found = index == wanted;

        if (is_object) {
            found = string_is(c, token);
            c = blanks(skip_string(c));
            c = blanks(c + (*c == ':'));
        }
        if (found) {
            return c;
        }
        c = blanks(skip_value(c));
        c = blanks(c + (*c == ','));
    }
    return NULL;
}

static void
locate_json(const struct tg_document *d, const char *pointer, size_t *line,
    size_t *column)
{
    const char *at = blanks(d->text), *next;
    char        token[512];

    while (tg_pointer_next(&pointer, token, sizeof token)
        && (next = json_child(at, token)))
    {
        at = next;
    }
    *line = 1;
    *column = 1;
    for (const char *c = d->text; c < at; c++) {
        ++*column;
        if (*c == '\n') {
            ++*line;
            *column = 1;
        }
    }
}

void
tg_document_locate(const struct tg_document *d, const char *pointer,
    size_t *line, size_t *column)
{
    if (d->is_yaml) {
        tg_yaml_locate(d->text, d->len, pointer, line, column);
    } else {
        locate_json(d, pointer, line, column);
    }
}

/* ---- parsing ---- */

static size_t
depth_of(const char *text, size_t len)
{
    size_t depth = 0, deepest = 0;
    bool   in_string = false;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (in_string) {
            i += c == '\\';
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            depth++;
            deepest = depth > deepest ? depth : deepest;
        } else if ((c == '}' || c == ']') && depth) {
            depth--;
        }
    }
    return deepest;
}

static enum tg_status
parse_json(struct tg_document *out, struct tg_error *err)
{
    json_error_t at;

    /* Before jansson, whose own limit is 2048 and whose parser recurses. */
    if (depth_of(out->text, out->len) > TG_DOCUMENT_DEPTH_MAX) {
        return tg_error_set(err, TG_LIMIT,
            "the document is nested deeper than %d", TG_DOCUMENT_DEPTH_MAX);
    }
    out->root = json_loadb(out->text, out->len, JSON_REJECT_DUPLICATES, &at);
    if (!out->root) {
        return tg_error_set(err, TG_INVALID,
            "not valid JSON: line %d, column %d: %s", at.line,
            at.column > 0 ? at.column : 1, at.text);
    }
    return TG_OK;
}

enum tg_status
tg_document_parse(struct tg_document *out, const char *text, size_t len,
    struct tg_error *err)
{
    const char    *start;
    enum tg_status status;

    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    *out = (struct tg_document) { .text = text, .len = len };
    if (len > TG_DOCUMENT_MAX) {
        return tg_error_set(err, TG_LIMIT,
            "the document has more than %zu bytes", TG_DOCUMENT_MAX);
    }
    start = blanks(text);
    out->is_yaml = *start != '{' && *start != '[';
    status = out->is_yaml ? tg_yaml_parse(&out->root, text, len, err)
                          : parse_json(out, err);
    if (status == TG_OK && !json_is_object(out->root)) {
        tg_document_clear(out);
        status = tg_error_set(err, TG_INVALID,
            "line 1: the document must be an object");
    }
    return status;
}

void
tg_document_clear(struct tg_document *d)
{
    json_decref(d->root);
    d->root = NULL;
}
