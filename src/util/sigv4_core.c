/*
 * sigv4_core.c - the canonical request and its signature
 *
 * From the inside out: percent escapes and the canonical query; the
 * canonical path; canonical headers; the canonical request and its
 * signature.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "util/sigv4_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/percent.h"

/*
 * ---- percent escapes
 */

static void
add_encoded(struct tg_buf *out, char c)
{
    if (tg_percent_is_plain(c)) {
        (void) tg_buf_putc(out, c);
    } else {
        (void) tg_percent_add(out, c);
    }
}

/* Takes one byte off s, decoding an escape; s was checked before. */
static unsigned char
next_byte(struct tg_sigv4_slice *s)
{
    unsigned char c = (unsigned char) s->p[0];
    size_t        n = 1;

    if (c == '%') {
        c = (unsigned char) tg_percent_byte(s->p, s->len);
        n = TG_PERCENT_SIZE;
    }
    s->p += n;
    s->len -= n;
    return c;
}

static bool
escapes_are_whole(struct tg_sigv4_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '%' && tg_percent_byte(s.p + i, s.len - i) < 0) {
            return false;
        }
    }
    return true;
}

enum tg_status
tg_sigv4_decode(char *out, size_t size, struct tg_sigv4_slice s)
{
    size_t n = 0;

    while (s.len > 0) {
        unsigned char c = next_byte(&s);

        if (n + 1 >= size || c == '\0') {
            return TG_LIMIT;
        }
        out[n++] = (char) c;
    }
    out[n] = '\0';
    return TG_OK;
}

/*
 * ---- the query
 */

enum tg_status
tg_sigv4_query_split(struct tg_sigv4_query *q, const char *target)
{
    const char *p = strchr(target, '?');

    q->count = 0;
    if (p == NULL) {
        return TG_OK;
    }
    for (p++; *p != '\0';) {
        size_t                 len = strcspn(p, "&");
        const char            *equals = memchr(p, '=', len);
        struct tg_sigv4_param *param;

        if (len > 0) {
            if (q->count == TG_SIGV4_PARAMS_MAX) {
                return TG_LIMIT;
            }
            param = &q->params[q->count++];
            param->name.p = p;
            param->name.len = equals != NULL ? (size_t) (equals - p) : len;
            param->value.p = equals != NULL ? equals + 1 : p + len;
            param->value.len = (size_t) (p + len - param->value.p);
            if (!escapes_are_whole(param->name)
                || !escapes_are_whole(param->value))
            {
                return TG_INVALID;
            }
        }
        p += len;
        p += *p == '&';
    }
    return TG_OK;
}

static bool
name_is(struct tg_sigv4_slice name, const char *text)
{
    while (name.len > 0) {
        if (next_byte(&name) != (unsigned char) *text++) {
            return false;
        }
    }
    return *text == '\0';
}

const struct tg_sigv4_param *
tg_sigv4_query_get(const struct tg_sigv4_query *q, const char *name,
    unsigned *found)
{
    const struct tg_sigv4_param *param = NULL;

    *found = 0;
    for (size_t i = 0; i < q->count; i++) {
        if (name_is(q->params[i].name, name)) {
            param = &q->params[i];
            (*found)++;
        }
    }
    return param;
}

/* The encoded form of a text, byte by byte, without storing it. */
struct encoded {
    struct tg_sigv4_slice rest;
    unsigned char         byte;
    int                   at; /* 0: take a byte; 1, 2: a hex digit is due */
};

static int
encoded_next(struct encoded *e)
{
    static const char digits[] = "0123456789ABCDEF";

    if (e->at == 1) {
        e->at = 2;
        return digits[e->byte >> 4];
    }
    if (e->at == 2) {
        e->at = 0;
        return digits[e->byte & 15];
    }
    if (e->rest.len == 0) {
        return -1;
    }
    e->byte = next_byte(&e->rest);
    if (tg_percent_is_plain((char) e->byte)) {
        return e->byte;
    }
    e->at = 1;
    return '%';
}

static int
encoded_compare(struct tg_sigv4_slice left, struct tg_sigv4_slice right)
{
    int            a, b;
    struct encoded l = { left, 0, 0 };
    struct encoded r = { right, 0, 0 };

    do {
        a = encoded_next(&l);
        b = encoded_next(&r);
    } while (a == b && a >= 0);
    return a - b;
}

static int
param_compare(const void *left, const void *right)
{
    const struct tg_sigv4_param *l = left;
    const struct tg_sigv4_param *r = right;
    int                          c = encoded_compare(l->name, r->name);

    return c != 0 ? c : encoded_compare(l->value, r->value);
}

static void
add_slice(struct tg_buf *out, struct tg_sigv4_slice s)
{
    while (s.len > 0) {
        add_encoded(out, (char) next_byte(&s));
    }
}

/* Sorts q; leaves out the parameters named by skip (NULL: none). */
static void
add_query(struct tg_buf *out, struct tg_sigv4_query *q,
    const char *const skip[2])
{
    bool first = true;

    qsort(q->params, q->count, sizeof(q->params[0]), param_compare);
    for (size_t i = 0; i < q->count; i++) {
        const struct tg_sigv4_param *param = &q->params[i];

        if ((skip[0] != NULL && name_is(param->name, skip[0]))
            || (skip[1] != NULL && name_is(param->name, skip[1])))
        {
            continue;
        }
        if (!first) {
            (void) tg_buf_putc(out, '&');
        }
        first = false;
        add_slice(out, param->name);
        (void) tg_buf_putc(out, '=');
        add_slice(out, param->value);
    }
}

/*
 * ---- the path
 */

/* Removes "." and ".." segments and doubled slashes. */
static void
normalize(struct tg_buf *out, struct tg_sigv4_slice path)
{
    size_t i = 0;
    bool   slash_behind = path.len > 0 && path.p[path.len - 1] == '/';

    while (i < path.len) {
        const char *segment = path.p + i;
        const char *end = memchr(segment, '/', path.len - i);
        size_t      len = end != NULL ? (size_t) (end - segment)
                                      : path.len - i;

        i += len + 1;
        if (len == 0 || (len == 1 && segment[0] == '.')) {
            continue;
        }
        if (len == 2 && segment[0] == '.' && segment[1] == '.') {
            while (out->len > 0 && out->data[--out->len] != '/') {
            }
            continue;
        }
        (void) tg_buf_putc(out, '/');
        (void) tg_buf_add(out, segment, len);
    }
    if (out->len == 0 || slash_behind) {
        (void) tg_buf_putc(out, '/');
    }
}

/*
 * The path stands encoded once more (S3: as it is).  What should have been
 * encoded on the wire and was not is encoded either way.
 */
static void
add_path(struct tg_buf *out, struct tg_sigv4_slice path, bool is_raw)
{
    struct tg_buf scratch;

    tg_buf_init(&scratch, TG_SIGV4_CANONICAL_MAX);
    if (is_raw) {
        (void) tg_buf_add(&scratch, path.p, path.len);
    } else {
        normalize(&scratch, path);
    }
    if (scratch.status != TG_OK) {
        out->status = scratch.status;
    }
    for (size_t i = 0; i < scratch.len; i++) {
        char c = scratch.data[i];

        if (c == '/' || (c == '%' && is_raw)) {
            (void) tg_buf_putc(out, c);
        } else {
            add_encoded(out, c);
        }
    }
    tg_buf_clear(&scratch);
}

/*
 * ---- headers
 */

bool
tg_sigv4_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

char
tg_sigv4_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

/* Trimmed, runs of blanks as one; TG_INVALID for a line break (folding). */
static enum tg_status
add_value(struct tg_buf *out, const char *value, bool lower_case)
{
    bool gap = false;

    if (strpbrk(value, "\r\n") != NULL) {
        return TG_INVALID;
    }
    while (tg_sigv4_is_blank(*value)) {
        value++;
    }
    for (; *value != '\0'; value++) {
        if (tg_sigv4_is_blank(*value)) {
            gap = true;
            continue;
        }
        if (gap) {
            (void) tg_buf_putc(out, ' ');
            gap = false;
        }
        (void) tg_buf_putc(out, lower_case ? tg_sigv4_lower(*value) : *value);
    }
    return TG_OK;
}

/* "name:value,value\n"; TG_NOTFOUND when there is no such header. */
static enum tg_status
add_header(struct tg_buf *out, const struct tg_sigv4_request *req,
    struct tg_sigv4_slice name)
{
    bool           found = false;
    bool           is_host = name.len == 4 && memcmp(name.p, "host", 4) == 0;
    enum tg_status status;

    (void) tg_buf_add(out, name.p, name.len);
    for (size_t i = 0; i < req->header_count; i++) {
        const struct tg_header *h = &req->headers[i];

        if (strlen(h->name) != name.len
            || strncasecmp(h->name, name.p, name.len) != 0)
        {
            continue;
        }
        (void) tg_buf_putc(out, found ? ',' : ':');
        found = true;
        status = add_value(out, h->value, is_host);
        if (status != TG_OK) {
            return status;
        }
    }
    (void) tg_buf_putc(out, '\n');
    return found ? TG_OK : TG_NOTFOUND;
}

/* signed_headers: lower-case names joined by ';'. */
static enum tg_status
add_headers(struct tg_buf *out, const struct tg_sigv4_request *req,
    const char *signed_headers)
{
    const char           *p = signed_headers;
    struct tg_sigv4_slice name;
    enum tg_status        status;

    for (;;) {
        name.p = p;
        name.len = strcspn(p, ";");
        status = add_header(out, req, name);
        if (status != TG_OK) {
            return status;
        }
        p += name.len;
        if (*p == '\0') {
            return TG_OK;
        }
        p++;
    }
}

const char *
tg_sigv4_header_get(const struct tg_sigv4_request *req, const char *name,
    unsigned *found)
{
    const char *value = NULL;

    *found = 0;
    for (size_t i = 0; i < req->header_count; i++) {
        if (strcasecmp(req->headers[i].name, name) == 0) {
            value = req->headers[i].value;
            (*found)++;
        }
    }
    return value;
}

/*
 * ---- the signature
 */

/* The hex hash of the canonical request. */
static enum tg_status
canonical_hash(char out[TG_SHA256_HEX], const struct tg_sigv4_canonical *c)
{
    enum tg_status        status;
    struct tg_sigv4_slice path = { c->req->target,
        strcspn(c->req->target, "?") };
    struct tg_buf         text;
    uint8_t               digest[TG_SHA256_SIZE];

    tg_buf_init(&text, TG_SIGV4_CANONICAL_MAX);
    (void) tg_buf_puts(&text, c->req->method);
    (void) tg_buf_putc(&text, '\n');
    add_path(&text, path, c->raw_path);
    (void) tg_buf_putc(&text, '\n');
    add_query(&text, c->query, c->skip);
    (void) tg_buf_putc(&text, '\n');
    status = add_headers(&text, c->req, c->signed_headers);
    (void) tg_buf_putc(&text, '\n');
    (void) tg_buf_puts(&text, c->signed_headers);
    (void) tg_buf_putc(&text, '\n');
    (void) tg_buf_puts(&text, c->payload);
    if (status == TG_OK) {
        status = text.status;
    }
    if (status == TG_OK) {
        tg_sha256(digest, text.data, text.len);
        tg_hex(out, digest, sizeof(digest));
    }
    tg_buf_clear(&text);
    return status;
}

static void
sign_text(char out[TG_SHA256_HEX], const char *secret,
    const struct tg_sigv4_scope *scope, const char *text)
{
    char    first[4 + TG_SIGV4_SECRET_MAX];
    uint8_t key[TG_SHA256_SIZE];
    int     len = snprintf(first, sizeof(first), "AWS4%s", secret);

    tg_hmac_sha256(key, first, (size_t) len, scope->date,
        TG_SIGV4_DATE_SIZE - 1);
    tg_hmac_sha256(key, key, sizeof(key), scope->region,
        strlen(scope->region));
    tg_hmac_sha256(key, key, sizeof(key), scope->service,
        strlen(scope->service));
    tg_hmac_sha256(key, key, sizeof(key), TG_SIGV4_TERMINATOR,
        strlen(TG_SIGV4_TERMINATOR));
    tg_hmac_sha256(key, key, sizeof(key), text, strlen(text));
    tg_hex(out, key, sizeof(key));
    tg_wipe(key, sizeof(key));
    tg_wipe(first, sizeof(first));
}

enum tg_status
tg_sigv4_signature(char out[TG_SHA256_HEX], const struct tg_sigv4_canonical *c,
    const char *secret, const struct tg_sigv4_scope *scope)
{
    char           hash[TG_SHA256_HEX];
    char           text[512 + 2 * TG_SIGV4_NAME_MAX];
    enum tg_status status = canonical_hash(hash, c);

    if (status != TG_OK) {
        return status;
    }
    (void) snprintf(text, sizeof(text),
        TG_SIGV4_ALGORITHM "\n%s\n%s/%s/%s/" TG_SIGV4_TERMINATOR "\n%s",
        scope->amz_date, scope->date, scope->region, scope->service, hash);
    sign_text(out, secret, scope, text);
    return TG_OK;
}
