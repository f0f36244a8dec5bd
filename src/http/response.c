/* SPDX-License-Identifier: Apache-2.0 */
#include <microhttpd.h>
#include <string.h>
#include <strings.h>

#include "http/http.h"

enum tg_status
tg_http_header_add(struct tg_http_response *res, const char *name,
    const char *value)
{
    struct tg_header *grown;

    if (*name == '\0' || strpbrk(name, "\r\n:") != NULL
        || strpbrk(value, "\r\n") != NULL)
    {
        return TG_INVALID;
    }
    grown = tg_arena_alloc(res->arena,
        (res->header_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return TG_NOMEM;
    }
    if (res->header_count > 0) {
        memcpy(grown, res->headers, res->header_count * sizeof(*grown));
    }
    grown[res->header_count].name = tg_arena_strdup(res->arena, name);
    grown[res->header_count].value = tg_arena_strdup(res->arena, value);
    if (grown[res->header_count].name == NULL
        || grown[res->header_count].value == NULL)
    {
        return TG_NOMEM;
    }
    res->headers = grown;
    res->header_count++;
    return TG_OK;
}

enum tg_status
tg_http_header_set(struct tg_http_response *res, const char *name,
    const char *value)
{
    size_t kept = 0;

    for (size_t i = 0; i < res->header_count; i++) {
        if (strcasecmp(res->headers[i].name, name) != 0) {
            res->headers[kept++] = res->headers[i];
        }
    }
    res->header_count = kept;
    return tg_http_header_add(res, name, value);
}

void
tg_http_reply(struct tg_http_response *res, int status,
    const char *content_type, const char *text)
{
    res->status = status;
    tg_buf_clear(&res->body);
    res->body.status = TG_OK;
    (void) tg_buf_puts(&res->body, text);
    (void) tg_http_header_set(res, "Content-Type", content_type);
}

void
tg_http_redirect(struct tg_http_response *res, const char *location)
{
    tg_http_reply(res, 303, "text/plain; charset=utf-8", "");
    if (tg_http_header_set(res, "Location", location) != TG_OK) {
        res->status = 500;
    }
}

const char *
tg_http_reason(int status)
{
    return MHD_get_reason_phrase_for((unsigned) status);
}
