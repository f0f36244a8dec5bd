/*
 * request.c - takes a request apart, and reads it
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "http/request.h"

#include <string.h>
#include <strings.h>

#include "http/form.h"

static enum tg_status
split_path(struct tg_http_request *req)
{
    const char   **segments;
    const char    *p = req->path;
    enum tg_status status;
    size_t         count = 0;

    for (const char *s = p; *s != '\0'; s++) {
        count += *s == '/';
    }
    segments = tg_arena_alloc(req->arena, (count + 1) * sizeof(*segments));
    if (segments == NULL) {
        return TG_NOMEM;
    }
    req->segments = segments;
    req->segment_count = 0;
    if (strcmp(p, "/") == 0) {
        return TG_OK;
    }
    while (*p == '/') {
        size_t len = strcspn(++p, "/");

        status = tg_http_decode(&segments[req->segment_count++], req->arena,
            p, len, false);
        if (status != TG_OK) {
            return status;
        }
        p += len;
    }
    return TG_OK;
}

enum tg_status
tg_http_request_split(struct tg_http_request *req)
{
    enum tg_status status;
    size_t         path_len = strcspn(req->target, "?");

    if (req->target[0] != '/') {
        return TG_INVALID;
    }
    req->path = tg_arena_dup(req->arena, req->target, path_len);
    if (req->path == NULL) {
        return TG_NOMEM;
    }
    req->query = req->target + path_len;
    req->query += *req->query == '?';
    status = split_path(req);
    if (status == TG_OK) {
        status = tg_http_params_parse(&req->params, req->arena, req->query,
            strlen(req->query), false);
    }
    return status;
}

const char *
tg_http_header_get(const struct tg_http_request *req, const char *name)
{
    for (size_t i = 0; i < req->header_count; i++) {
        if (strcasecmp(req->headers[i].name, name) == 0) {
            return req->headers[i].value;
        }
    }
    return NULL;
}

const char *
tg_http_param_get(const struct tg_http_params *params, const char *name)
{
    for (size_t i = 0; i < params->count; i++) {
        if (strcmp(params->items[i].name, name) == 0) {
            return params->items[i].value;
        }
    }
    return NULL;
}

const char *
tg_http_path_get(const struct tg_http_request *req, const char *name)
{
    return tg_http_param_get(&req->path_params, name);
}

static bool
media_type_is(const char *text, size_t len, const char *type)
{
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) {
        len--;
    }
    return len == strlen(type) && strncasecmp(text, type, len) == 0;
}

bool
tg_http_content_is(const struct tg_http_request *req, const char *type)
{
    const char *value = tg_http_header_get(req, "content-type");

    return value != NULL && media_type_is(value, strcspn(value, ";"), type);
}

bool
tg_http_accepts(const struct tg_http_request *req, const char *type)
{
    for (size_t i = 0; i < req->header_count; i++) {
        const char *p = req->headers[i].value;

        if (strcasecmp(req->headers[i].name, "accept") != 0) {
            continue;
        }
        while (*p != '\0') {
            p += strspn(p, " \t,");
            if (media_type_is(p, strcspn(p, ",;"), type)) {
                return true;
            }
            p += strcspn(p, ",");
        }
    }
    return false;
}

enum tg_sigv4_result
tg_http_verify(struct tg_sigv4_signer *signer,
    const struct tg_http_request *req,
    const struct tg_sigv4_verifier *verifier)
{
    struct tg_sigv4_request signed_request;
    uint8_t                 sha256[TG_SHA256_SIZE];

    tg_sha256(sha256, req->body, req->body_len);
    signed_request = (struct tg_sigv4_request) { req->method, req->target,
        req->headers, req->header_count, sha256 };
    return tg_sigv4_verify(signer, &signed_request, verifier, req->now_s);
}
