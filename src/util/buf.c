/* SPDX-License-Identifier: Apache-2.0 */
#include "util/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char empty[1];

void
tg_buf_init(struct tg_buf *b, size_t max)
{
    b->data = empty;
    b->len = 0;
    b->cap = 0;
    b->max = max;
    b->status = TG_OK;
}

void
tg_buf_clear(struct tg_buf *b)
{
    if (b->cap > 0) {
        free(b->data);
    }
    tg_buf_init(b, b->max);
}

void
tg_buf_reset(struct tg_buf *b)
{
    b->len = 0;
    b->status = TG_OK;
    if (b->cap > 0) {
        b->data[0] = '\0';
    }
}

/* Makes room for more bytes and the NUL behind them. */
static enum tg_status
reserve(struct tg_buf *b, size_t more)
{
    size_t cap;
    char  *data;

    if (b->status != TG_OK) {
        return b->status;
    }
    if (more > b->max - b->len) {
        return b->status = TG_LIMIT;
    }
    if (b->len + more < b->cap) {
        return TG_OK;
    }
    cap = b->cap > 0 ? b->cap : 64;
    while (cap <= b->len + more) {
        cap *= 2;
    }
    data = realloc(b->cap > 0 ? b->data : NULL, cap);
    if (data == NULL) {
        return b->status = TG_NOMEM;
    }
    data[b->len] = '\0';
    b->data = data;
    b->cap = cap;
    return TG_OK;
}

enum tg_status
tg_buf_add(struct tg_buf *b, const void *data, size_t len)
{
    if (reserve(b, len) != TG_OK) {
        return b->status;
    }
    if (len > 0) {
        memcpy(b->data + b->len, data, len);
    }
    b->len += len;
    b->data[b->len] = '\0';
    return TG_OK;
}

enum tg_status
tg_buf_puts(struct tg_buf *b, const char *text)
{
    return tg_buf_add(b, text, strlen(text));
}

enum tg_status
tg_buf_putc(struct tg_buf *b, char c)
{
    return tg_buf_add(b, &c, 1);
}

enum tg_status
tg_buf_printf(struct tg_buf *b, const char *fmt, ...)
{
    int     n;
    va_list args;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0) {
        return b->status = TG_INVALID;
    }
    if (reserve(b, (size_t) n) != TG_OK) {
        return b->status;
    }
    va_start(args, fmt);
    (void) vsnprintf(b->data + b->len, (size_t) n + 1, fmt, args);
    va_end(args);
    b->len += (size_t) n;
    return TG_OK;
}

char *
tg_buf_take(struct tg_buf *b)
{
    char *data;

    if (reserve(b, 0) != TG_OK) { /* what is empty gets memory, too */
        return NULL;
    }
    data = b->data;
    tg_buf_init(b, b->max);
    return data;
}
