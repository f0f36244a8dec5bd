/*
 * suggest.h - "did you mean": the known name nearest to a mistyped one
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_UTIL_SUGGEST_H
#define TG_UTIL_SUGGEST_H

#include <stddef.h>

/*
 * The edits (insert, delete, change or swap of neighbours) that turn a into
 * b, or limit + 1 as soon as that is sure to be more than limit.  Names
 * longer than 63 bytes are never near.
 */
size_t tg_edit_distance(const char *a, const char *b, size_t limit);

/*
 * The name of the list that word was probably meant to be, or NULL when none
 * is near: at most one edit in three letters of the word.
 */
const char *tg_suggest(const char *word, const char *const *names,
    size_t count);

#endif
