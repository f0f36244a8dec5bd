/* SPDX-License-Identifier: Apache-2.0 */
#include "http/html.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
tg_html_raw(struct tg_buf *out, const char *markup)
{
    (void) tg_buf_puts(out, markup);
}

static const char *
entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void
tg_html_text(struct tg_buf *out, const char *text)
{
    if (text == NULL) {
        return;
    }
    while (*text != '\0') {
        size_t plain = strcspn(text, "&<>\"'");

        (void) tg_buf_add(out, text, plain);
        text += plain;
        if (*text != '\0') {
            (void) tg_buf_puts(out, entity(*text++));
        }
    }
}

void
tg_html_printf(struct tg_buf *out, const char *fmt, ...)
{
    char   *text;
    int     n;
    va_list args;

    va_start(args, fmt);
    n = vasprintf(&text, fmt, args);
    va_end(args);
    if (n < 0) {
        out->status = TG_NOMEM;
        return;
    }
    tg_html_text(out, text);
    free(text);
}

void
tg_html_element(struct tg_buf *out, const char *name, const char *text)
{
    (void) tg_buf_printf(out, "<%s>", name);
    tg_html_text(out, text);
    (void) tg_buf_printf(out, "</%s>", name);
}

void
tg_html_attr(struct tg_buf *out, const char *name, const char *value)
{
    (void) tg_buf_printf(out, " %s=\"", name);
    tg_html_text(out, value);
    (void) tg_buf_putc(out, '"');
}

void
tg_html_begin(struct tg_buf *out, const char *title, const char *style)
{
    tg_html_raw(out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n"
        "<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" "
        "content=\"width=device-width, initial-scale=1\">\n"
        "<link rel=\"icon\" href=\"data:,\">\n"); /* spares a 404 */
    tg_html_element(out, "title", title);
    tg_html_raw(out, "\n<style>\n");
    tg_html_raw(out, style);
    tg_html_raw(out, "</style>\n</head>\n<body>\n");
}

void
tg_html_end(struct tg_buf *out)
{
    tg_html_raw(out, "</body>\n</html>\n");
}

void
tg_html_reply(struct tg_http_response *res, int status)
{
    static const struct tg_header headers[] = {
        { "Content-Type", "text/html; charset=utf-8" },
        { "Cache-Control", "no-store" },
        { "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' "
            "data:; form-action 'self'; frame-ancestors 'none'; "
            "base-uri 'none'" },
        { "Referrer-Policy", "no-referrer" },
        { "X-Content-Type-Options", "nosniff" },
        { "X-Frame-Options", "DENY" },
    };

    res->status = status;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        (void) tg_http_header_set(res, headers[i].name, headers[i].value);
    }
}
