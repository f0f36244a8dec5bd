/*
 * suggest.c - edit distance (optimal string alignment) over short names
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "util/suggest.h"

#include <string.h>

#define NAME_MAX_BYTES 63

static size_t
min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

size_t
tg_edit_distance(const char *a, const char *b, size_t limit)
{
    size_t rows[3][NAME_MAX_BYTES + 1];
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);

    if (a_len > NAME_MAX_BYTES || b_len > NAME_MAX_BYTES) {
        return limit + 1;
    }
    for (size_t j = 0; j <= b_len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t *before = rows[(i + 1) % 3]; /* row i - 2 */
        size_t *above = rows[(i - 1) % 3];
        size_t *row = rows[i % 3];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            row[j] = min3(above[j] + 1, row[j - 1] + 1,
                above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2]
                && a[i - 2] == b[j - 1] && before[j - 2] + 1 < row[j])
            {
                row[j] = before[j - 2] + 1;
            }
        }
    }
    return rows[a_len % 3][b_len] <= limit ? rows[a_len % 3][b_len]
                                           : limit + 1;
}

const char *
tg_suggest(const char *word, const char *const *names, size_t count)
{
    size_t      best = (strlen(word) + 2) / 3;
    const char *found = NULL;

    for (size_t i = 0; i < count; i++) {
        size_t distance = tg_edit_distance(word, names[i], best);

        if (distance <= best && (found == NULL || distance < best)) {
            best = distance;
            found = names[i];
        }
    }
    return found;
}
