/* SPDX-License-Identifier: Apache-2.0 */
#include "control/csv.h"

#include <string.h>

void
tg_csv_begin(struct tg_csv *csv, const char *text, size_t len)
{
    csv->at = text;
    csv->end = text + len;
    csv->line = 0;
    csv->next_line = 1;
    csv->has_nul = memchr(text, '\0', len) != NULL;
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        csv->at += 3;
    }
}

static int
peek(const struct tg_csv *csv)
{
    return csv->at < csv->end ? (unsigned char) *csv->at : -1;
}

static void
skip_blanks(struct tg_csv *csv)
{
    while (peek(csv) == ' ' || peek(csv) == '\t' || peek(csv) == '\r') {
        csv->at++;
    }
}

static enum tg_status
broken(struct tg_csv *csv, const char *why, struct tg_error *err)
{
    return tg_error_set(err, TG_INVALID, "line %u: %s", csv->line, why);
}

/* Behind the closing quote of a field that begins at *at; NULL: none. */
static const char *
closing(const struct tg_csv *csv)
{
    char        quote = *csv->at;
    const char *p;

    for (p = csv->at + 1; p < csv->end; p++) {
        if (*p != quote) {
            continue;
        }
        if (quote != '"' || p + 1 == csv->end || p[1] != quote) {
            return p + 1;
        }
        p++;
    }
    return NULL;
}

/* A quoted field, from its opening quote to behind the closing one. */
static enum tg_status
quoted(struct tg_csv *csv, struct tg_arena *arena, const char **out,
    struct tg_error *err)
{
    char        quote = *csv->at;
    char       *to;
    const char *end = closing(csv);
    const char *p;

    if (end == NULL) {
        return broken(csv, "a quote is not closed", err);
    }
    to = tg_arena_alloc(arena, (size_t) (end - csv->at));
    if (to == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    *out = to;
    for (p = csv->at + 1; p < end - 1; p++) {
        csv->next_line += *p == '\n';
        *to++ = *p;
        p += *p == quote;
    }
    csv->at = end;
    return TG_OK;
}

static enum tg_status
plain(struct tg_csv *csv, struct tg_arena *arena, const char **out,
    struct tg_error *err)
{
    size_t      len;
    const char *start = csv->at;

    while (peek(csv) >= 0 && peek(csv) != ',' && peek(csv) != '\n') {
        csv->at++;
    }
    len = (size_t) (csv->at - start);
    while (len > 0 && strchr(" \t\r", start[len - 1]) != NULL) {
        len--;
    }
    *out = tg_arena_dup(arena, start, len);
    return *out != NULL ? TG_OK
                        : tg_error_set(err, TG_NOMEM, "out of memory");
}

/* Over empty lines, to the first character of the next row. */
static bool
find_row(struct tg_csv *csv)
{
    for (;;) {
        skip_blanks(csv);
        if (peek(csv) != '\n') {
            csv->line = csv->next_line;
            return peek(csv) >= 0;
        }
        csv->at++;
        csv->next_line++;
    }
}

enum tg_status
tg_csv_next(struct tg_csv *csv, struct tg_arena *arena,
    struct tg_csv_row *row, struct tg_error *err)
{
    enum tg_status status;

    row->count = 0;
    if (!find_row(csv)) {
        return TG_NOTFOUND;
    }
    if (csv->has_nul) {
        return broken(csv, "there is a NUL character in the file", err);
    }
    for (;;) {
        if (row->count == TG_CSV_FIELDS_MAX) {
            return broken(csv, "too many fields", err);
        }
        skip_blanks(csv);
        status = peek(csv) == '"' || peek(csv) == '\''
            ? quoted(csv, arena, &row->fields[row->count], err)
            : plain(csv, arena, &row->fields[row->count], err);
        if (status != TG_OK) {
            return status;
        }
        row->count++;
        skip_blanks(csv);
        if (peek(csv) == '\n' || peek(csv) < 0) {
            csv->next_line += peek(csv) == '\n';
            csv->at += peek(csv) == '\n';
            return TG_OK;
        }
        if (peek(csv) != ',') {
            return broken(csv, "text behind a quoted field", err);
        }
        csv->at++;
    }
}
