/*
 * json.c - values out of JSON texts, and the status of a MOCK, fuzzed
 *
 * The first line is a path, the rest a text.  What is found lies inside the
 * text and is one JSON value; any text that is escaped and put into quotes
 * is JSON, and decodes to itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/mock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *
room(size_t size)
{
    void *p = malloc(size + 1);

    if (p == NULL) {
        abort();
    }
    return p;
}

static void
try_find(const char *path, size_t path_len, const char *text, size_t len)
{
    struct tg_json_value value, whole;
    char                *out;

    if (tg_json_find(&value, text, len, path, path_len) != TG_OK) {
        return;
    }
    if (!tg_json_path_is_valid(path, path_len) || value.text < text
        || value.len > len || value.text + value.len > text + len
        || tg_json_find(&whole, value.text, value.len, "", 0) != TG_OK
        || whole.len != value.len)
    {
        abort();
    }
    out = room(value.len);
    if (tg_json_decode(out, &value) > value.len) {
        abort();
    }
    free(out);
}

static void
try_escape(const char *text, size_t len)
{
    struct tg_json_value value;
    size_t               escaped = tg_json_escape(NULL, text, len);
    char                *quoted = room(escaped + 2);
    char                *back = room(escaped + 2);

    quoted[0] = '"';
    if (tg_json_escape(quoted + 1, text, len) != escaped) {
        abort();
    }
    quoted[escaped + 1] = '"';
    if (tg_json_find(&value, quoted, escaped + 2, "", 0) != TG_OK
        || tg_json_decode(back, &value) != len
        || memcmp(back, text, len) != 0)
    {
        abort();
    }
    free(quoted);
    free(back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int         status;
    char       *copy = room(size);
    const char *text, *line;
    size_t      path_len;

    memcpy(copy, data, size);
    copy[size] = '\0';
    line = memchr(copy, '\n', size);
    path_len = line != NULL ? (size_t) (line - copy) : 0;
    text = line != NULL ? line + 1 : copy;
    size -= (size_t) (text - copy);
    try_find(copy, path_len, text, size);
    try_escape(text, size);
    (void) tg_json_is_meant(text, size);
    if (tg_mock_status(&status, text, NULL) == TG_OK
        && (status < 0 || status > 999))
    {
        abort();
    }
    free(copy);
    return 0;
}
