/*
 * document.h - a JSON or YAML text as a tree, and where its parts stand
 *
 * Positions are not kept: when something must be said about a part, the text
 * is walked again to find it.  So a good document costs nothing for them.
 *
 * Promises
 *   D1  Bounded whatever the text: bytes, depth, number of values (aliases
 *       counted as often as they stand for something) are limited.
 *   D2  A key twice in one object is refused, and so is a second document.
 *   D3  Every refusal names line and column.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_DOCUMENT_H
#define TG_CONTROL_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

#define TG_DOCUMENT_MAX ((size_t) 6 << 20) /* bytes; Amazon's limit too */
#define TG_DOCUMENT_DEPTH_MAX 100
#define TG_DOCUMENT_VALUES_MAX 500000

struct tg_document {
    const char *text; /* borrowed, NUL behind it */
    size_t      len;
    bool        is_yaml;
    json_t     *root; /* an object */
};

/*
 * Reads text: JSON when its first character is '{' or '[', else YAML.  The
 * caller clears *out.  TG_INVALID (D3), TG_LIMIT (D1), TG_NOMEM.
 */
TG_MUST_CHECK enum tg_status tg_document_parse(struct tg_document *out,
    const char *text, size_t len, struct tg_error *err);
void tg_document_clear(struct tg_document *d);

/*
 * Where the value at pointer (RFC 6901) begins; where its nearest parent
 * does, if it is not there.  Lines and columns count from 1.
 */
void tg_document_locate(const struct tg_document *d, const char *pointer,
    size_t *line, size_t *column);

/*
 * The next token of an RFC 6901 pointer, unescaped into out; false at the
 * end.  A token that is too long is cut (and then names nothing).
 */
bool tg_pointer_next(const char **pointer, char *out, size_t size);

#endif
