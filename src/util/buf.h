/*
 * buf.h - a growing buffer that knows the most it may ever hold
 *
 * Invariants
 *   B1  len <= max; an append that would pass max changes nothing and
 *       returns TG_LIMIT.
 *   B2  data[len] is always NUL once anything was appended, so that text can
 *       be used as a C string; data is "" before that.
 *   B3  After the first failure every later append returns that failure too
 *       (it is sticky), so a writer may check once, at the end.
 *   B4  A secret buffer leaves nothing of what it held in memory that it
 *       gives back, when it grows as well; what was taken is the caller's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_UTIL_BUF_H
#define TG_UTIL_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "util/status.h"

struct tg_buf {
    char          *data;
    size_t         len;
    size_t         cap;
    size_t         max;
    enum tg_status status; /* TG_OK, or the first failure (B3) */
    bool           is_secret;
};

/* Starts an empty buffer that may hold max bytes; allocates nothing. */
void tg_buf_init(struct tg_buf *b, size_t max);

/* The same for what must not be found in memory later (B4). */
void tg_buf_init_secret(struct tg_buf *b, size_t max);

/* Frees the memory; the buffer is empty again, with the same max. */
void tg_buf_clear(struct tg_buf *b);

/* Empties the buffer but keeps its memory for the next use. */
void tg_buf_reset(struct tg_buf *b);

/* TG_OK, TG_LIMIT (B1) or TG_NOMEM. */
enum tg_status tg_buf_add(struct tg_buf *b, const void *data, size_t len);
enum tg_status tg_buf_puts(struct tg_buf *b, const char *text);
enum tg_status tg_buf_putc(struct tg_buf *b, char c);
enum tg_status tg_buf_printf(struct tg_buf *b, const char *fmt, ...)
    TG_PRINTF(2, 3);

/* Hands the memory to the caller, who frees it; never NULL while TG_OK. */
char *tg_buf_take(struct tg_buf *b);

#endif
