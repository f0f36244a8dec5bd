/*
 * reader.h - the settings file's YAML, event by event, into the struct
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_SETTINGS_READER_H
#define TG_SETTINGS_READER_H

#include "settings/settings.h"
#include "settings/value.h"

/* What outlives reading: the texts, and where each setting was found. */
struct tg_settings_memory {
    struct tg_arena arena;
    const char     *dir;   /* of the file, absolute */
    int            *lines; /* by row, from 1; 0: not in the file */
};

extern const struct setting_row setting_rows[];
extern const size_t             setting_row_count;
extern const struct setting_row product_rows[];
extern const size_t             product_row_count;

/* The row's index, or setting_row_count. */
size_t setting_find(const char *name);

/*
 * "file:line: name: expected ..., found ..."; line 0 leaves the line out.
 * Returns TG_INVALID.
 */
enum tg_status setting_refuse(struct tg_error *err, const char *file,
    int line, const char *name, const struct setting_row *row,
    const struct setting_text *text);

/* Fills s from text.  s->memory is ready and s holds the defaults. */
TG_MUST_CHECK enum tg_status
settings_read(struct tg_settings *s, const char *text, size_t len,
    struct tg_error *err);

#endif
