/* SPDX-License-Identifier: Apache-2.0 */
#include "util/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/clock.h"

#define LINE_MAX_BYTES 4096

static _Atomic int threshold = TG_LOG_INFO;

void
tg_log_set_level(enum tg_log_level level)
{
    atomic_store(&threshold, (int) level);
}

static void
add_value(struct tg_buf *line, const char *value)
{
    if (value == NULL) {
        value = "-";
    }
    if (value[0] != '\0' && strpbrk(value, " \t\"\\=\r\n") == NULL) {
        (void) tg_buf_puts(line, value);
        return;
    }
    (void) tg_buf_putc(line, '"');
    for (const char *p = value; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\') {
            (void) tg_buf_putc(line, '\\');
        }
        (void) tg_buf_putc(line, (unsigned char) *p < 0x20 ? ' ' : *p);
    }
    (void) tg_buf_putc(line, '"');
}

static void
start(struct tg_buf *line, enum tg_log_level level, const char *event)
{
    static const char *const names[] = { "error", "warn", "notice", "info",
        "debug" };
    char                     now[TG_ISO8601_SIZE];

    tg_buf_init(line, LINE_MAX_BYTES);
    tg_iso8601(now, tg_clock_now_s());
    (void) tg_buf_printf(line, "time=%s level=%s event=%s", now,
        names[level], event);
}

static void
finish(struct tg_buf *line)
{
    if (line->status == TG_OK) {
        (void) tg_buf_putc(line, '\n');
    } else if (line->len > 0) {
        line->data[line->len - 1] = '\n'; /* cut, but still a line */
    }
    (void) !write(STDERR_FILENO, line->data, line->len);
    tg_buf_clear(line);
}

void
tg_log(enum tg_log_level level, const char *event, ...)
{
    va_list       args;
    const char   *key;
    struct tg_buf line;

    if ((int) level > atomic_load(&threshold)) {
        return;
    }
    start(&line, level, event);
    va_start(args, event);
    while ((key = va_arg(args, const char *)) != NULL) {
        (void) tg_buf_printf(&line, " %s=", key);
        add_value(&line, va_arg(args, const char *));
    }
    va_end(args);
    finish(&line);
}

void
tg_logf(enum tg_log_level level, const char *event, const char *fmt, ...)
{
    char    msg[1024];
    va_list args;

    va_start(args, fmt);
    (void) vsnprintf(msg, sizeof(msg), fmt, args);
    va_end(args);
    tg_log(level, event, "msg", msg, NULL);
}
