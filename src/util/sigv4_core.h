/*
 * sigv4_core.h - the canonical request and its signature
 *
 * What signing and verifying have in common.  Nobody but sigv4.c includes
 * this.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_UTIL_SIGV4_CORE_H
#define TG_UTIL_SIGV4_CORE_H

#include <stdbool.h>
#include <stddef.h>

#include "util/sigv4.h"

#define TG_SIGV4_ALGORITHM "AWS4-HMAC-SHA256"
#define TG_SIGV4_TERMINATOR "aws4_request"
#define TG_SIGV4_DATE_SIZE 9 /* YYYYMMDD and a NUL */

struct tg_sigv4_slice {
    const char *p;
    size_t      len;
};

struct tg_sigv4_param {
    struct tg_sigv4_slice name;
    struct tg_sigv4_slice value;
};

struct tg_sigv4_query {
    struct tg_sigv4_param params[TG_SIGV4_PARAMS_MAX];
    size_t                count;
};

/* What the signature covers besides the request, in either direction. */
struct tg_sigv4_scope {
    char        amz_date[TG_AMZ_DATE_SIZE];
    char        date[TG_SIGV4_DATE_SIZE];
    const char *region;
    const char *service;
};

struct tg_sigv4_canonical {
    const struct tg_sigv4_request *req;
    struct tg_sigv4_query         *query;
    const char *const *skip;   /* two names left out of the query, or NULL */
    const char        *signed_headers; /* lower-case names joined by ';' */
    const char        *payload; /* hex hash, or UNSIGNED-PAYLOAD */
    bool               raw_path;
};

/*
 * The parameters of target's query, which keep pointing into it.  TG_INVALID
 * for a broken percent escape, TG_LIMIT for too many.
 */
TG_MUST_CHECK enum tg_status tg_sigv4_query_split(struct tg_sigv4_query *q,
    const char *target);

/* The last parameter of that name, or NULL; *found counts how many. */
const struct tg_sigv4_param *tg_sigv4_query_get(
    const struct tg_sigv4_query *q, const char *name, unsigned *found);

/*
 * Decodes a part of a split query; TG_LIMIT when the text and its NUL do not
 * fit into size bytes, or it holds a NUL.
 */
TG_MUST_CHECK enum tg_status tg_sigv4_decode(char *out, size_t size,
    struct tg_sigv4_slice s);

/* The last header of that name, or NULL; *found counts how many. */
const char *tg_sigv4_header_get(const struct tg_sigv4_request *req,
    const char *name, unsigned *found);

/*
 * The signature, in hex.  Sorts c->query.  TG_NOTFOUND when a signed header
 * is not in the request, TG_INVALID for a folded one, TG_LIMIT, TG_NOMEM.
 */
TG_MUST_CHECK enum tg_status tg_sigv4_signature(char out[TG_SHA256_HEX],
    const struct tg_sigv4_canonical *c, const char *secret,
    const struct tg_sigv4_scope *scope);

bool tg_sigv4_is_blank(char c);
char tg_sigv4_lower(char c);

#endif
