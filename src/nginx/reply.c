/*
 * reply.c - what an integration's answer becomes
 *
 * Of an HTTP backend (as of a MOCK) the client sees what the integration
 * response for its status says: that status, the mapped headers, the body as
 * it came or what a template makes of it.  No header passes by itself.  A
 * body that is only replaced or passed on is not kept; one that is looked
 * into is collected first, up to what a response may have.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-integration-settings-integration-response.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

#define HEADER_MAX  10240 /* as of all headers of a request */

const struct tg_route_response *
ngx_http_tallygate_response_for(ngx_http_tallygate_call_t *call,
    ngx_uint_t status)
{
    u_char                              n;
    const struct tg_routes             *routes = &call->routes->table;
    const struct tg_route_response     *responses;
    const struct tg_route_integration  *in = call->integration;

    n = 0;

    if (status >= TG_ROUTE_STATUS_FIRST
        && status < TG_ROUTE_STATUS_FIRST + TG_ROUTE_STATUSES)
    {
        n = tg_route_str(routes, in->choice)[status - TG_ROUTE_STATUS_FIRST];
    }

    if (n == 0) {
        ngx_log_error(NGX_LOG_ERR, call->request->connection->log, 0,
                      "tallygate: no integration response is for status %ui, "
                      "and there is no default", status);
        call->fault = ngx_http_tallygate_error(API_CONFIGURATION_ERROR);
        return NULL;
    }

    responses = tg_route_items(routes, in->responses);

    return &responses[n - 1];
}

static ngx_int_t
add_header(ngx_http_tallygate_call_t *call, const struct tg_route_pair *pair)
{
    ngx_str_t                value, name;
    ngx_int_t                rc;
    ngx_http_request_t      *r = call->request;
    const struct tg_routes  *routes = &call->routes->table;

    rc = ngx_http_tallygate_header_value(call, pair->value, &value);
    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : rc;
    }

    if (value.len > HEADER_MAX) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "tallygate: a mapping makes a header of %uz bytes",
                      value.len);
        return NGX_ERROR;
    }

    name.data = (u_char *) tg_route_str(routes, pair->name);
    name.len = pair->name.len;

    if (name.len == sizeof("Content-Type") - 1
        && ngx_strncasecmp(name.data, (u_char *) "Content-Type", name.len)
           == 0)
    {
        r->headers_out.content_type = value;
        r->headers_out.content_type_len = value.len;
        return NGX_OK;
    }

    /* The texts outlive the call: it holds its routes. */
    return ngx_http_tallygate_header_add(r, (char *) name.data, name.len,
                                         value.data, value.len);
}

ngx_int_t
ngx_http_tallygate_add_headers(ngx_http_tallygate_call_t *call,
    struct tg_route_list list)
{
    uint32_t                     i;
    const struct tg_route_pair  *pairs;

    pairs = tg_route_items(&call->routes->table, list);

    for (i = 0; i < list.count; i++) {
        if (add_header(call, &pairs[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}

ngx_int_t
ngx_http_tallygate_respond(ngx_http_tallygate_call_t *call,
    const struct tg_route_response *response, ngx_str_t *body)
{
    ngx_int_t                        rc;
    ngx_http_request_t              *r = call->request;
    const struct tg_routes          *routes = &call->routes->table;
    const struct tg_route_template  *t;

    r->headers_out.status = response->status;
    t = ngx_http_tallygate_reply_template(call, response->templates);

    if (t) {
        r->headers_out.content_type.data = (u_char *) tg_route_str(routes,
                                                                   t->type);
        r->headers_out.content_type.len = t->type.len;
        r->headers_out.content_type_len = t->type.len;
    }

    if (ngx_http_tallygate_add_headers(call, response->headers) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = t ? ngx_http_tallygate_value(call, t->body, body) : NGX_DECLINED;

    if (rc == NGX_DECLINED) {
        ngx_str_null(body);
        rc = NGX_OK;
    }

    return rc;
}

/* ---- HTTP backends ---- */

/* The client's header, with what the gateway says of an HTTP integration. */
static ngx_int_t
set_header(ngx_http_tallygate_call_t *call, ngx_str_t *body)
{
    off_t                         length;
    ngx_str_t                    *id = &call->mapped->trace_id;
    ngx_http_request_t           *r = call->request;

    length = r->headers_out.content_length_n;
    ngx_http_clean_header(r);
    r->headers_out.content_length_n = length;

    if (ngx_http_tallygate_respond(call, call->mapped->response, body)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return id->len
           ? ngx_http_tallygate_header_add(r, "X-Amzn-Trace-Id",
                 sizeof("X-Amzn-Trace-Id") - 1, id->data, id->len)
           : NGX_OK;
}

ngx_int_t
ngx_http_tallygate_reply_header(ngx_http_tallygate_call_t *call)
{
    ngx_str_t                        none;
    ngx_http_request_t              *r = call->request;
    ngx_http_tallygate_mapped_t     *mapped = call->mapped;
    const struct tg_route_response  *response;

    response = ngx_http_tallygate_response_for(call,
                                          r->upstream->headers_in.status_n);
    if (response == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    mapped->response = response;

    if (response->reads_reply || response->templates.count) {
        call->is_collecting = 1;
        return NGX_AGAIN;
    }

    if (call->is_head_sent && r->method != NGX_HTTP_HEAD) {
        r->headers_out.content_length_n = 0;
    }

    if (r->headers_out.content_length_n < 0) {
        r->upstream->buffering = 0; /* piece by piece, as of a proxy */
    }

    return set_header(call, &none) == NGX_OK ? NGX_OK
                                             : NGX_HTTP_INTERNAL_SERVER_ERROR;
}

#define REPLY_ROOM  16384 /* at first */

/* Room for len more bytes of the reply; it doubles, and the old one goes. */
static ngx_int_t
make_room(ngx_http_tallygate_call_t *call, size_t len)
{
    u_char                       *data;
    size_t                        room;
    ngx_http_tallygate_mapped_t  *mapped = call->mapped;

    if (len <= mapped->reply_room - mapped->reply.len) {
        return NGX_OK;
    }

    room = mapped->reply_room ? mapped->reply_room : REPLY_ROOM;

    while (room < mapped->reply.len + len) {
        room *= 2;
    }

    data = ngx_palloc(call->request->pool, room);
    if (data == NULL) {
        return NGX_ERROR;
    }

    if (mapped->reply.len) {
        ngx_memcpy(data, mapped->reply.data, mapped->reply.len);
        (void) ngx_pfree(call->request->pool, mapped->reply.data);
    }

    mapped->reply.data = data;
    mapped->reply_room = room;

    return NGX_OK;
}

/* Copies a piece: nginx uses its buffers again. */
static ngx_int_t
keep(ngx_http_tallygate_call_t *call, ngx_buf_t *from)
{
    size_t                        size = from->last - from->pos;
    ngx_http_tallygate_mapped_t  *mapped = call->mapped;

    if (size == 0 || !mapped->response->reads_reply) {
        return NGX_OK;
    }

    if (mapped->reply.len + size > NGX_HTTP_TALLYGATE_TEXT_MAX) {
        ngx_log_error(NGX_LOG_ERR, call->request->connection->log, 0,
                      "tallygate: a backend's body that is to be mapped has "
                      "more than %d bytes", NGX_HTTP_TALLYGATE_TEXT_MAX);
        return NGX_ERROR;
    }

    if (make_room(call, size) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memcpy(mapped->reply.data + mapped->reply.len, from->pos, size);
    mapped->reply.len += size;

    return NGX_OK;
}

ngx_int_t
ngx_http_tallygate_reply_collect(ngx_http_tallygate_call_t *call,
    ngx_chain_t *in, ngx_str_t *body)
{
    ngx_uint_t           is_last;
    ngx_http_request_t  *r = call->request;

    is_last = 0;

    for ( /* void */ ; in; in = in->next) {
        if (keep(call, in->buf) != NGX_OK) {
            return NGX_ERROR;
        }

        is_last |= in->buf->last_buf;
        in->buf->pos = in->buf->last;
    }

    if (!is_last) {
        return NGX_AGAIN;
    }

    if (set_header(call, body) != NGX_OK) {
        return NGX_ERROR;
    }

    if (call->mapped->response->templates.count == 0) {
        *body = call->mapped->reply;
    }

    r->headers_out.content_length_n = body->len;

    return NGX_OK;
}
