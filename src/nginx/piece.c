/*
 * piece.c - values out of bodies, and what makes values harmless
 *
 * A body that begins like JSON must be JSON to be looked into; any other is
 * one text.  Searching is linear in the body and happens once for each value,
 * so that a call may search so many bytes and no more: a worker serves
 * others, too.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

#include "core/json.h"

#define SEARCHED_MAX  (64 * 1024 * 1024)

static const ngx_str_t  nothing = ngx_string("{}"); /* an empty body */
static const ngx_str_t  absent = ngx_string("\"\""); /* no such value */

/* text as a JSON string */
static ngx_int_t
quote(ngx_pool_t *pool, ngx_str_t *text)
{
    u_char  *p;

    if (ngx_http_tallygate_escape(pool, TG_ESCAPE_JSON, text) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(pool, text->len + 2);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *p = '"';
    ngx_memcpy(p + 1, text->data, text->len);
    p[1 + text->len] = '"';

    text->data = p;
    text->len += 2;

    return NGX_OK;
}

static ngx_int_t
search(ngx_http_tallygate_call_t *call, const ngx_str_t *body,
    const ngx_str_t *path, ngx_uint_t is_reply, struct tg_json_value *found)
{
    enum tg_status  status;

    call->mapped->searched += body->len;

    if (call->mapped->searched > SEARCHED_MAX) {
        ngx_log_error(NGX_LOG_ERR, call->request->connection->log, 0,
                      "tallygate: too many values are taken from a body of "
                      "%uz bytes", body->len);
        return NGX_ERROR;
    }

    status = tg_json_find(found, (char *) body->data, body->len,
                          (char *) path->data, path->len);

    if (status == TG_INVALID) {
        call->fault = is_reply ? ngx_http_tallygate_error(INTERNAL)
                               : ngx_http_tallygate_error(INVALID_JSON);

        if (is_reply) {
            ngx_log_error(NGX_LOG_ERR, call->request->connection->log, 0,
                          "tallygate: a value is to be taken from the "
                          "backend's body, which is no JSON");
        }

        return NGX_ERROR;
    }

    return status == TG_OK ? NGX_OK : NGX_DECLINED;
}

/* Text of what was found; JSON's null is none. */
static ngx_int_t
decode(ngx_pool_t *pool, const struct tg_json_value *found, ngx_str_t *value)
{
    if (found->len == 4 && ngx_memcmp(found->text, "null", 4) == 0) {
        return NGX_DECLINED;
    }

    value->data = ngx_pnalloc(pool, found->len);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    value->len = tg_json_decode((char *) value->data, found);

    return NGX_OK;
}

ngx_int_t
ngx_http_tallygate_piece(ngx_http_tallygate_call_t *call,
    const struct tg_route_part *part, ngx_str_t *value)
{
    ngx_int_t             rc;
    ngx_str_t             path, body;
    ngx_uint_t            is_reply, is_json;
    struct tg_json_value  found;

    is_reply = part->kind == TG_PART_REPLY
               || part->kind == TG_PART_REPLY_TEXT
               || part->kind == TG_PART_REPLY_JSON;
    is_json = part->kind == TG_PART_BODY_JSON
              || part->kind == TG_PART_REPLY_JSON;

    path.data = (u_char *) tg_route_str(&call->routes->table, part->text);
    path.len = part->text.len;

    if (call->mapped) {
        body = is_reply ? call->mapped->reply : call->mapped->body;
    } else {
        ngx_str_null(&body);
    }

    if (path.len == 0 && body.len == 0) {
        *value = nothing;
        return NGX_OK;
    }

    if (part->kind == TG_PART_BODY || part->kind == TG_PART_REPLY) {
        *value = body;
        return NGX_OK;
    }

    if (!tg_json_is_meant((char *) body.data, body.len)) {

        if (path.len == 0) {
            *value = body;
            return is_json ? quote(call->request->pool, value) : NGX_OK;
        }

        rc = NGX_DECLINED;

    } else {
        rc = search(call, &body, &path, is_reply, &found);
    }

    if (rc == NGX_DECLINED && is_json) {
        *value = absent;
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (!is_json) {
        return decode(call->request->pool, &found, value);
    }

    value->data = (u_char *) found.text;
    value->len = found.len;

    return NGX_OK;
}

/* JSON's escapes, and a backslash before each apostrophe. */
static ngx_int_t
escape_javascript(ngx_pool_t *pool, ngx_str_t *value)
{
    size_t   i, quotes;
    u_char  *p, *out;

    if (ngx_http_tallygate_escape(pool, TG_ESCAPE_JSON, value) != NGX_OK) {
        return NGX_ERROR;
    }

    quotes = 0;

    for (i = 0; i < value->len; i++) {
        quotes += value->data[i] == '\'';
    }

    if (quotes == 0) {
        return NGX_OK;
    }

    out = p = ngx_pnalloc(pool, value->len + quotes);
    if (p == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] == '\'') {
            *p++ = '\\';
        }

        *p++ = value->data[i];
    }

    value->data = out;
    value->len = p - out;

    return NGX_OK;
}

ngx_int_t
ngx_http_tallygate_escape(ngx_pool_t *pool, ngx_uint_t how, ngx_str_t *value)
{
    size_t   len;
    u_char  *out;

    if (how == TG_ESCAPE_JAVASCRIPT) {
        return escape_javascript(pool, value);
    }

    if (how == TG_ESCAPE_HTML) {
        len = value->len + ngx_escape_html(NULL, value->data, value->len);
    } else {
        len = tg_json_escape(NULL, (char *) value->data, value->len);
    }

    if (len == value->len) {
        return NGX_OK;
    }

    out = ngx_pnalloc(pool, len);
    if (out == NULL) {
        return NGX_ERROR;
    }

    if (how == TG_ESCAPE_HTML) {
        (void) ngx_escape_html(out, value->data, value->len);
    } else {
        (void) tg_json_escape((char *) out, (char *) value->data, value->len);
    }

    value->data = out;
    value->len = len;

    return NGX_OK;
}
