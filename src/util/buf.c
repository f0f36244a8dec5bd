/* SPDX-License-Identifier: Apache-2.0 */
#include "util/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/digest.h"

static char empty[1];

void
tg_buf_init(struct tg_buf *b, size_t max)
{
    b->data = empty;
    b->len = 0;
    b->cap = 0;
    b->max = max;
    b->status = TG_OK;
    b->is_secret = false;
}

void
tg_buf_init_secret(struct tg_buf *b, size_t max)
{
    tg_buf_init(b, max);
    b->is_secret = true;
}

/* Empty, of the same kind. */
static void
begin_anew(struct tg_buf *b)
{
    bool is_secret = b->is_secret;

    tg_buf_init(b, b->max);
    b->is_secret = is_secret;
}

void
tg_buf_clear(struct tg_buf *b)
{
    if (b->cap > 0) {
        if (b->is_secret) {
            tg_wipe(b->data, b->cap);
        }
        free(b->data);
    }
    begin_anew(b);
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

/* Memory of cap bytes with what is there; NULL: none, and nothing changed. */
static char *
grow(struct tg_buf *b, size_t cap)
{
    char *data;

    if (!b->is_secret || b->cap == 0) {
        return realloc(b->cap > 0 ? b->data : NULL, cap);
    }
    data = malloc(cap); /* realloc would leave the old bytes behind */
    if (data != NULL) {
        memcpy(data, b->data, b->len);
        tg_wipe(b->data, b->cap);
        free(b->data);
    }
    return data;
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
    data = grow(b, cap);
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
    begin_anew(b);
    return data;
}
