/*
 * value.h - one setting's value: from the file's text to its member
 *
 * The rows of table.h as data, and the one function that knows what each
 * kind of value looks like.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_SETTINGS_VALUE_H
#define TG_SETTINGS_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "util/arena.h"
#include "util/status.h"

enum setting_kind {
    SETTING_TEXT,
    SETTING_PATH,
    SETTING_ADDRESS,
    SETTING_URL,
    SETTING_WHOLE,
    SETTING_COUNT,
    SETTING_FLAG,
    SETTING_CHOICE,
    SETTING_DIGITS,
    SETTING_WORD,
    SETTING_CODE,
};

struct setting_row {
    const char       *name;
    enum setting_kind kind;
    size_t            offset; /* of the member in its struct */
    const char       *fallback;
    int               min;
    int               max;
    const char       *choices;
    const char       *help;
};

/* A scalar as it stands in the file or the environment. */
struct setting_text {
    const char *data;
    size_t      len;
    bool        is_quoted; /* so it is a text, whatever it looks like */
};

/* A clear description of what a row takes, for errors and the reference. */
#define SETTING_EXPECTED_SIZE 160
void setting_expected(char out[SETTING_EXPECTED_SIZE],
    const struct setting_row *row);

/*
 * Checks text and stores it in the row's member of base.  Texts are copied
 * into the arena, paths made absolute with dir.  TG_INVALID when the text is
 * not what the row takes; the member is untouched then.
 */
TG_MUST_CHECK enum tg_status
setting_store(const struct setting_row *row, void *base,
    const struct setting_text *text, const char *dir, struct tg_arena *arena);

/*
 * The value as the file would say it, in out; false for a member that is
 * NULL.  A text that does not fit is cut.
 */
bool setting_show(char *out, size_t size, const struct setting_row *row,
    const void *base);

#endif
