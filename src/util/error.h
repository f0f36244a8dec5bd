/*
 * error.h - what failed, on what, why, and what the operator can do
 *
 * A struct tg_error is passed last and may be NULL.  It lives in the caller's
 * memory and holds no secret: keys, tokens and signatures never enter it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_UTIL_ERROR_H
#define TG_UTIL_ERROR_H

#include "util/status.h"

#define TG_ERROR_MAX 512

struct tg_error {
    enum tg_status status;
    char           message[TG_ERROR_MAX];
};

/*
 * Fills err (when not NULL) and returns status, so that a failing function
 * can end with `return tg_error_set(err, TG_INVALID, "...", ...)`.  A text
 * that is too long is cut.
 */
enum tg_status tg_error_set(struct tg_error *err, enum tg_status status,
    const char *fmt, ...) TG_PRINTF(3, 4);

/* The same with ": strerror(errno)" behind the text; keeps errno. */
enum tg_status tg_error_errno(struct tg_error *err, enum tg_status status,
    const char *fmt, ...) TG_PRINTF(3, 4);

#endif
