/*
 * body.c - calls whose body is looked into before their integration starts
 *
 * A mapping from the body or a template for it needs the whole of it; such a
 * call is routed to a location whose handler reads the body into memory,
 * makes of it what the template says, and goes on to the backend or to the
 * MOCK.  A body that only passes never comes here.
 *
 * Promises
 *   B1  What is refused here was not begun: it gets back what it had taken
 *       from throttle and quota, and is not billed.
 *   B2  A backend gets the body that the template made, with its length, or
 *       the client's own; a template that cannot be rendered is never sent.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

#include "core/json.h"

static ngx_uint_t
is_bodyless(enum tg_verb verb)
{
    return verb == TG_VERB_GET || verb == TG_VERB_HEAD
           || verb == TG_VERB_OPTIONS;
}

static ngx_uint_t
has_body(const ngx_http_request_t *r)
{
    return r->headers_in.content_length_n > 0 || r->headers_in.chunked;
}

ngx_int_t
ngx_http_tallygate_look_at_body(ngx_http_tallygate_call_t *call)
{
    ngx_int_t                           rc;
    ngx_http_tallygate_mapped_t        *mapped;
    const struct tg_route_integration  *in = call->integration;

    call->wants_body = in->reads_body;

    mapped = ngx_pcalloc(call->request->pool, sizeof(*mapped));
    if (mapped == NULL) {
        return NGX_ERROR;
    }

    call->mapped = mapped;

    if (in->type == TG_INTEGRATION_HTTP_PROXY) {
        return NGX_OK;
    }

    rc = ngx_http_tallygate_request_template(call, &mapped->request);

    if (rc == NGX_HTTP_UNSUPPORTED_MEDIA_TYPE) {
        call->is_unsupported = 1;
        return NGX_OK;
    }

    if (in->type == TG_INTEGRATION_MOCK) {
        call->wants_body = rc == NGX_DECLINED || mapped->request->status == 0;

    } else if (rc == NGX_OK
               || (has_body(call->request)
                   && is_bodyless(ngx_http_tallygate_backend_verb(call))))
    {
        call->wants_body = 1;
    }

    return NGX_OK;
}

/* The body in one piece; nginx may have it in two. */
static ngx_int_t
gather(ngx_http_request_t *r, ngx_str_t *body)
{
    u_char       *p;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    ngx_str_null(body);

    if (r->request_body == NULL) {
        return NGX_OK;
    }

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        if (cl->buf->in_file) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "tallygate: a body that is to be mapped does not "
                          "fit client_body_buffer_size");
            return NGX_ERROR;
        }

        body->len += cl->buf->last - cl->buf->pos;
    }

    if (body->len == 0) {
        return NGX_OK;
    }

    b = r->request_body->bufs->buf;

    if ((size_t) (b->last - b->pos) == body->len) {
        body->data = b->pos;
        return NGX_OK;
    }

    body->data = p = ngx_pnalloc(r->pool, body->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        if (cl->buf->last > cl->buf->pos) {
            p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
        }
    }

    return NGX_OK;
}

/* From here on the call has this body and no other (B2). */
static ngx_int_t
replace_body(ngx_http_request_t *r, ngx_str_t *body, ngx_uint_t is_none)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    r->headers_in.chunked = 0;
    r->headers_in.content_length_n = is_none ? -1 : (off_t) body->len;

    if (body->len == 0 || is_none) {
        if (r->request_body) {
            r->request_body->bufs = NULL;
        }

        return NGX_OK;
    }

    b = ngx_calloc_buf(r->pool);
    cl = ngx_alloc_chain_link(r->pool);
    if (b == NULL || cl == NULL || r->request_body == NULL) {
        return NGX_ERROR;
    }

    b->start = b->pos = body->data;
    b->end = b->last = body->data + body->len;
    b->memory = 1;
    b->last_buf = 1;
    cl->buf = b;
    cl->next = NULL;
    r->request_body->bufs = cl;

    return NGX_OK;
}

/* Of a body that begins like JSON values are taken only if it is JSON. */
static ngx_int_t
check_json(ngx_http_tallygate_call_t *call)
{
    ngx_str_t             *body = &call->mapped->body;
    struct tg_json_value   whole;

    if (tg_json_is_meant((char *) body->data, body->len)
        && tg_json_find(&whole, (char *) body->data, body->len, "", 0)
           != TG_OK)
    {
        call->fault = ngx_http_tallygate_error(INVALID_JSON);
        return NGX_ERROR;
    }

    return NGX_OK;
}

/* What the backend gets instead of the client's body. */
static ngx_int_t
map_body(ngx_http_request_t *r, ngx_http_tallygate_call_t *call)
{
    ngx_int_t                           rc;
    ngx_str_t                           body;
    ngx_uint_t                          is_none;
    ngx_http_tallygate_mapped_t        *mapped = call->mapped;
    const struct tg_route_integration  *in = call->integration;

    if (in->reads_body && check_json(call) != NGX_OK) {
        return NGX_ERROR;
    }

    if (r->headers_in.chunked) { /* it has a length now */
        r->headers_in.chunked = 0;
        r->headers_in.content_length_n = mapped->body.len;
    }

    is_none = in->type == TG_INTEGRATION_HTTP
              && is_bodyless(ngx_http_tallygate_backend_verb(call));

    if (mapped->request == NULL) {
        return is_none ? replace_body(r, &mapped->body, 1) : NGX_OK;
    }

    rc = ngx_http_tallygate_value(call, mapped->request->body, &body);

    if (rc == NGX_DECLINED) {
        ngx_str_null(&body);
        rc = NGX_OK;
    }

    return rc == NGX_OK ? replace_body(r, &body, is_none) : rc;
}

static ngx_int_t
go_on(ngx_http_request_t *r, ngx_http_tallygate_call_t *call)
{
    if (gather(r, &call->mapped->body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (call->integration->type == TG_INTEGRATION_MOCK) {
        return ngx_http_tallygate_answer_mock(r, call);
    }

    if (map_body(r, call) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_internal_redirect(r,
                                      ngx_http_tallygate_location(call),
                                      &r->args);
}

static void
body_read(ngx_http_request_t *r)
{
    ngx_http_tallygate_call_t  *call;

    call = ngx_http_tallygate_call(r);

    ngx_http_finalize_request(r, call ? go_on(r, call)
                                      : NGX_HTTP_INTERNAL_SERVER_ERROR);
}

ngx_int_t
ngx_http_tallygate_body_handler(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_http_tallygate_call_t  *call;

    call = ngx_http_tallygate_call(r);
    if (call == NULL || !call->is_admitted) {
        return NGX_HTTP_NOT_FOUND;
    }

    rc = ngx_http_read_client_request_body(r, body_read);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}
