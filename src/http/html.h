/*
 * html.h - writes HTML in which data cannot become markup
 *
 * Markup is written by tg_html_raw from literals of ours only; everything
 * else goes through the escaping functions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_HTTP_HTML_H
#define TG_HTTP_HTML_H

#include "http/http.h"
#include "util/buf.h"

/* Literal markup. */
void tg_html_raw(struct tg_buf *out, const char *markup);

/* Text, escaped for content and for quoted attributes; NULL writes none. */
void tg_html_text(struct tg_buf *out, const char *text);

/* The same, formatted first. */
void tg_html_printf(struct tg_buf *out, const char *fmt, ...)
    TG_PRINTF(2, 3);

/* <name>text</name> */
void tg_html_element(struct tg_buf *out, const char *name, const char *text);

/* ` name="value"`, with a blank in front. */
void tg_html_attr(struct tg_buf *out, const char *name, const char *value);

/* A whole document: doctype, head with title and style (CSS of ours). */
void tg_html_begin(struct tg_buf *out, const char *title, const char *style);
void tg_html_end(struct tg_buf *out);

/*
 * Sets status, content type, and headers that forbid framing, sniffing and
 * scripts from elsewhere; the page is what was written to res->body.
 */
void tg_html_reply(struct tg_http_response *res, int status);

#endif
