/*
 * pattern.h - the regular expression of an integration response
 *
 * A selectionPattern must match the whole of a short text (the backend's
 * status).  Amazon's are Java's; PCRE2 is the nearest kin.
 *
 * Promises
 *   X1  Compiling and matching take bounded time and memory whatever the
 *       pattern: length, nesting, steps and heap are limited.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_PATTERN_H
#define TG_CONTROL_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

#define TG_PATTERN_MAX 512 /* characters */

/* TG_INVALID when pattern is none, or too long or too deep. */
TG_MUST_CHECK enum tg_status tg_pattern_check(const char *pattern,
    struct tg_error *err);

/*
 * Which of the numbers first, first + 1, ... the pattern matches, written in
 * digits: count booleans into out.  TG_INVALID as above; TG_LIMIT: a match
 * was given up (X1).
 */
TG_MUST_CHECK enum tg_status tg_pattern_numbers(bool *out, unsigned first,
    size_t count, const char *pattern, struct tg_error *err);

#endif
