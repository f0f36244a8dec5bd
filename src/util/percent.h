/*
 * percent.h - percent-encoding, as URIs have it (RFC 3986, section 2.1)
 *
 * What may stand unencoded, and where, differs from place to place (a path, a
 * query, a canonical request); what an escape is does not, and is said here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_UTIL_PERCENT_H
#define TG_UTIL_PERCENT_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

/* The escape itself: '%' and two hex digits. */
#define TG_PERCENT_SIZE 3

/* A-Z a-z 0-9 - . _ ~: what is never encoded ("unreserved"). */
bool tg_percent_is_plain(char c);

/*
 * The byte that the escape at the start of text stands for, or -1 when the
 * len bytes there do not begin with a whole escape.
 */
int tg_percent_byte(const char *text, size_t len);

/* Appends c as an escape, with upper-case digits. */
enum tg_status tg_percent_add(struct tg_buf *out, char c);

/* Appends text, with everything that is not plain encoded. */
enum tg_status tg_percent_encode(struct tg_buf *out, const char *text);

#endif
