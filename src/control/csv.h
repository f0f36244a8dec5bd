/*
 * csv.h - reads comma-separated rows
 *
 * Fields may be quoted with " (doubled inside) or '; blanks around a field
 * are dropped; lines end in LF or CRLF; empty lines are skipped.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_CSV_H
#define TG_CONTROL_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "util/arena.h"
#include "util/error.h"

#define TG_CSV_FIELDS_MAX 64

struct tg_csv {
    const char *at;
    const char *end;
    unsigned    line; /* of the row that was read last, from 1 */
    unsigned    next_line;
    bool        has_nul;
};

struct tg_csv_row {
    const char *fields[TG_CSV_FIELDS_MAX];
    size_t      count;
};

void tg_csv_begin(struct tg_csv *csv, const char *text, size_t len);

/*
 * The next row, its texts in the arena.  TG_NOTFOUND: there is none.
 * TG_INVALID: a quote without its end, a NUL, or too many fields; err names
 * the line, and nothing behind it can be read.
 */
TG_MUST_CHECK enum tg_status tg_csv_next(struct tg_csv *csv,
    struct tg_arena *arena, struct tg_csv_row *row, struct tg_error *err);

#endif
