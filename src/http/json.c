/* SPDX-License-Identifier: Apache-2.0 */
#include "http/json.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "util/digest.h"

static void
wipe_and_free(void *memory)
{
    if (memory != NULL) {
        tg_wipe(memory, malloc_usable_size(memory));
        free(memory);
    }
}

void
tg_http_json_wipe_memory(void)
{
    json_set_alloc_funcs(malloc, wipe_and_free);
}

enum tg_status
tg_http_json_parse(json_t **out, const struct tg_http_request *req,
    struct tg_error *err)
{
    json_error_t where;

    *out = NULL;
    if (req->body_len == 0) {
        *out = json_object();
        return *out != NULL ? TG_OK
                            : tg_error_set(err, TG_NOMEM, "out of memory");
    }
    *out = json_loadb(req->body, req->body_len, JSON_REJECT_DUPLICATES,
        &where);
    if (*out == NULL) {
        return tg_error_set(err, TG_INVALID,
            "the body is no valid JSON: line %d, column %d: %s", where.line,
            where.column, where.text);
    }
    if (!json_is_object(*out)) {
        json_decref(*out);
        *out = NULL;
        return tg_error_set(err, TG_INVALID,
            "the body is no JSON object: line 1, column 1");
    }
    return TG_OK;
}

void
tg_http_json_reply(struct tg_http_response *res, int status,
    const char *content_type, json_t *value)
{
    char *text = value != NULL ? json_dumps(value, JSON_COMPACT) : NULL;

    if (text == NULL) {
        tg_http_reply(res, 500, TG_HTTP_JSON, "{\"message\":\"out of "
            "memory\"}");
    } else {
        tg_http_reply(res, status, content_type, text);
        tg_wipe(text, strlen(text));
    }
    free(text);
    json_decref(value);
}

void
tg_http_json_error(struct tg_http_response *res, int status,
    const char *content_type, const char *type, const char *message)
{
    json_t *body;

    if (strncmp(content_type, "application/x-amz-json", 22) == 0) {
        body = json_pack("{s:s, s:s}", "__type", type, "message", message);
    } else {
        body = json_pack("{s:s}", "message", message);
    }
    tg_http_json_reply(res, status, content_type, body);
    (void) tg_http_header_set(res, "x-amzn-ErrorType", type);
}

void
tg_http_json_refuse(struct tg_http_response *res, int status,
    const char *message)
{
    tg_http_json_reply(res, status, TG_HTTP_JSON,
        json_pack("{s:s}", "message", message));
}

void
tg_http_json_route(struct tg_http_request *req, struct tg_http_response *res,
    const struct tg_http_route *routes, size_t count, void *data)
{
    switch (tg_http_route_find(req, routes, count)) {
    case TG_OK:
        req->route->handle(req, res, data);
        break;
    case TG_NOTFOUND:
        tg_http_json_refuse(res, 404, "no such path");
        break;
    case TG_DENIED:
        tg_http_json_refuse(res, 405, "no such method here");
        break;
    default:
        tg_http_json_refuse(res, 500, "out of memory");
    }
}
