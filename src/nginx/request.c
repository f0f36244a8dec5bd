/*
 * request.c - the header that a backend gets
 *
 * One pass over the client's headers writes into one buffer, whose size is
 * known from the pass that routed the call and from what mappings set
 * (request_maps.c).  Which headers go on is said in request_headers.c.
 *
 * Promises
 *   Q1  The framing of the body is written here and nowhere else: no length
 *       or coding of a client's reaches a backend.
 *   Q2  No value that a client sent can become a header of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/request.h"

static u_char *
put_request_line(const ngx_http_tallygate_request_t *q, u_char *p)
{
    u_char                      mark = '?';
    ngx_str_t                   query;
    ngx_uint_t                  i;
    const struct tg_routes     *routes = &q->call->routes->table;
    ngx_http_tallygate_pair_t  *pair;

    p = put_str(p, &q->verb);
    *p++ = ' ';

    for (i = 0; i < q->path_count; i++) {
        p = put_str(p, &q->path[i]);
    }

    query.data = (u_char *) tg_route_str(routes, q->call->integration->query);
    query.len = q->call->integration->query.len;

    if (query.len) {
        *p++ = mark;
        p = put_str(p, &query);
        mark = '&';
    }

    if (q->r->args.len && q->is_proxy) {
        *p++ = mark;
        p = put_str(p, &q->r->args);
        mark = '&';
    }

    for (i = 0; q->queries && i < q->queries->nelts; i++) {
        pair = (ngx_http_tallygate_pair_t *) q->queries->elts + i;
        *p++ = mark;
        p = put_str(p, &pair->name);
        *p++ = '=';
        p = put_str(p, &pair->value);
        mark = '&';
    }

    return put(p, " HTTP/1.1\r\n");
}

/* Q1: nginx has read the body's framing; this is what it will send. */
static u_char *
put_framing(const ngx_http_tallygate_request_t *q, u_char *p)
{
    ngx_http_request_t  *r = q->r;

    if (r->headers_in.chunked && r->reading_body) {
        return put(p, "Transfer-Encoding: chunked\r\n");
    }

    if (r->headers_in.content_length_n >= 0) {
        p = put(p, "Content-Length: ");
        p = ngx_sprintf(p, "%O\r\n", r->headers_in.content_length_n);
    }

    return p;
}

static void
make_port(ngx_http_tallygate_request_t *q)
{
    struct sockaddr  *sa = q->r->connection->local_sockaddr;

    q->port.data = q->port_text;
    q->port.len = ngx_sprintf(q->port_text, "%ui",
                              (ngx_uint_t) ngx_inet_get_port(sa))
                  - q->port_text;
}

enum tg_verb
ngx_http_tallygate_backend_verb(const ngx_http_tallygate_call_t *call)
{
    enum tg_verb  verb;

    verb = (enum tg_verb) call->integration->verb;

    return verb == TG_VERB_ANY ? call->verb : verb;
}

ngx_str_t
ngx_http_tallygate_verb_name(enum tg_verb verb)
{
    ngx_str_t  name;

    name.data = (u_char *) tg_verb_name(verb);
    name.len = ngx_strlen(name.data);

    return name;
}

/* Enough for all that is not counted one by one. */
#define FIXED_SIZE  512

/* A client's own is far below it; a mapping may take in a body. */
#define HEADER_MAX  65536

ngx_buf_t *
ngx_http_tallygate_request_header(ngx_http_tallygate_call_t *call)
{
    size_t                              size;
    ngx_buf_t                          *b;
    ngx_str_t                           host, name;
    const struct tg_routes             *routes = &call->routes->table;
    const struct tg_route_backend      *backend;
    ngx_http_tallygate_request_t        q;
    const struct tg_route_integration  *integration = call->integration;

    ngx_memzero(&q, sizeof(q));
    q.call = call;
    q.r = call->request;
    q.is_proxy = integration->type == TG_INTEGRATION_HTTP_PROXY;
    q.conf = ngx_http_get_module_srv_conf(q.r, ngx_http_tallygate_module);
    q.verb = ngx_http_tallygate_verb_name(
        ngx_http_tallygate_backend_verb(call));
    make_port(&q);

    backend = tg_route_items(routes, routes->header->backends);
    backend += integration->backend;
    host.data = (u_char *) tg_route_str(routes, backend->host);
    host.len = backend->host.len;

    size = FIXED_SIZE + call->header_size + q.r->args.len
           + integration->query.len + host.len + 2 * call->api->id.len
           + q.r->connection->addr_text.len;

    if (ngx_http_tallygate_make_path(&q, &size) != NGX_OK
        || ngx_http_tallygate_make_queries(&q, &size) != NGX_OK
        || ngx_http_tallygate_make_headers(&q, &size) != NGX_OK)
    {
        return NULL;
    }

    if (size > HEADER_MAX) {
        ngx_log_error(NGX_LOG_ERR, q.r->connection->log, 0,
                      "tallygate: mappings make a request header of %uz "
                      "bytes", size);
        return NULL;
    }

    b = ngx_create_temp_buf(q.r->pool, size);
    if (b == NULL) {
        return NULL;
    }

    b->last = put_request_line(&q, b->last);

    ngx_str_set(&name, "Host");
    if (!ngx_http_tallygate_is_mapped(&q, &name)) {
        b->last = put_header(b->last, &name, &host);
    }

    b->last = put_framing(&q, b->last);
    b->last = ngx_http_tallygate_put_headers(&q, b->last);
    *b->last++ = CR;
    *b->last++ = LF;

    return b;
}