/*
 * status.h - what a function that can fail returns
 *
 * Zero is good, everything else is negative.  A function names the two or
 * three failures that its caller is expected to tell apart; all others are
 * TG_ERROR with a message in a struct tg_error.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_UTIL_STATUS_H
#define TG_UTIL_STATUS_H

#define TG_MUST_CHECK __attribute__((warn_unused_result))
#define TG_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* name, number, text */
#define TG_STATUS_LIST(X)                                                     \
    X(TG_OK, 0, "ok")                                                         \
    X(TG_ERROR, -1, "failed")                                                 \
    X(TG_NOMEM, -2, "out of memory")                                          \
    X(TG_INVALID, -3, "not valid")                                            \
    X(TG_NOTFOUND, -4, "not found")                                           \
    X(TG_CONFLICT, -5, "already exists")                                      \
    X(TG_DENIED, -6, "refused")                                               \
    X(TG_STALE, -7, "out of date")                                            \
    X(TG_LIMIT, -8, "over a limit")                                           \
    X(TG_IO, -9, "input or output failed")                                    \
    X(TG_CORRUPT, -10, "damaged")                                             \
    X(TG_READONLY, -11, "read-only")                                          \
    X(TG_BUSY, -12, "busy")

enum tg_status {
#define X(name, number, text) name = number,
    TG_STATUS_LIST(X)
#undef X
};

/* The text of a status; never NULL. */
const char *tg_status_text(enum tg_status status);

#endif
