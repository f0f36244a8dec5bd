/*
 * answer.c - answers that the gateway gives itself: MOCK and gateway responses
 *
 * A call comes here because it was routed here (MOCK, or a refusal), because
 * admission refused it, or by nginx's error_page: what nginx itself has to
 * say (a request that it cannot parse, a backend that does not answer)
 * becomes a gateway response in Amazon's words, and none of nginx's own
 * pages reaches a client.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

#define BODY(message)  "{\"message\":\"" message "\"}"

const ngx_http_tallygate_error_t
    ngx_http_tallygate_errors[NGX_HTTP_TALLYGATE_ERROR_COUNT] =
{
#define X(name, status, error_type, message)                                  \
    { ngx_string(#name), status, ngx_string(error_type),                      \
      ngx_string(BODY(message)) },
    NGX_HTTP_TALLYGATE_ERRORS(X)
#undef X
};

/* nginx's status to the gateway response, in Amazon's sense of it. */
static const ngx_http_tallygate_error_t *
error_of(const ngx_http_tallygate_call_t *call, ngx_uint_t status)
{
    const ngx_http_upstream_t  *u = call->request->upstream;

    switch (status) {

    case NGX_HTTP_NOT_ALLOWED: /* TRACE, CONNECT */
        return ngx_http_tallygate_error(MISSING_AUTHENTICATION_TOKEN);

    case NGX_HTTP_NOT_IMPLEMENTED: /* a transfer coding unknown to it */
    case NGX_HTTP_VERSION_NOT_SUPPORTED:
        return ngx_http_tallygate_error(BAD_REQUEST);

    case NGX_HTTP_REQUEST_TIME_OUT:
        return ngx_http_tallygate_error(REQUEST_TIMEOUT);

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        return ngx_http_tallygate_error(REQUEST_TOO_LARGE);

    case NGX_HTTP_REQUEST_URI_TOO_LARGE:
        return ngx_http_tallygate_error(URI_TOO_LONG);

    case 431: /* nginx has no name for it */
        return ngx_http_tallygate_error(HEADERS_TOO_LARGE);

    case NGX_HTTP_TOO_MANY_REQUESTS:
        return ngx_http_tallygate_error(THROTTLED);

    case NGX_HTTP_BAD_GATEWAY:
        return ngx_http_tallygate_error(INTEGRATION_FAILURE);

    case NGX_HTTP_SERVICE_UNAVAILABLE:
        return ngx_http_tallygate_error(UNAVAILABLE);

    case NGX_HTTP_GATEWAY_TIME_OUT:
        /* Not in time: an answer, or else a connection to any address. */
        return call->is_over || (u && u->request_sent)
               ? ngx_http_tallygate_error(INTEGRATION_TIMEOUT)
               : ngx_http_tallygate_error(INTEGRATION_FAILURE);

    default:
        return status >= NGX_HTTP_INTERNAL_SERVER_ERROR
               ? ngx_http_tallygate_error(INTERNAL)
               : ngx_http_tallygate_error(BAD_REQUEST);
    }
}

/*
 * The body is not read by anybody.  A client that waits for leave to send it
 * gets the answer instead, and the connection ends: whether the body still
 * comes cannot be known.
 */
static void
ignore_body(ngx_http_request_t *r)
{
    if (r->headers_in.expect && !r->expect_tested && !r->request_body) {
        r->expect_tested = 1;
        r->keepalive = 0;
        r->lingering_close = 1;
        return;
    }

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        r->keepalive = 0;
    }
}

static ngx_int_t
send_answer(ngx_http_request_t *r, ngx_str_t *body)
{
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_chain_t  out;

    r->headers_out.content_length_n = body->len;

    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->memory = body->len ? 1 : 0;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}

static ngx_int_t
answer_error(ngx_http_request_t *r, ngx_http_tallygate_call_t *call)
{
    ngx_str_t                          body;
    const ngx_http_tallygate_error_t  *error = call->error;

    if (r->error_page || r->err_status) {
        ngx_http_clean_header(r);
    }

    r->err_status = 0;
    r->headers_out.status = error->status;

    if (error->status == 431) {
        /* nginx does not know the reason phrase. */
        ngx_str_set(&r->headers_out.status_line,
                    "431 Request Header Fields Too Large");
    }

    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    if (ngx_http_tallygate_header_add(r, "x-amzn-ErrorType",
                                      sizeof("x-amzn-ErrorType") - 1,
                                      error->error_type.data,
                                      error->error_type.len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    body = error->body;

    return send_answer(r, &body);
}

/* Amazon's own health check of a custom domain. */
static ngx_int_t
answer_ping(ngx_http_request_t *r)
{
    ngx_str_t  body = ngx_string("healthy");

    r->headers_out.status = NGX_HTTP_OK;
    ngx_str_set(&r->headers_out.content_type, "text/plain");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    return send_answer(r, &body);
}

/* Sets one header of an answer from its mapping. */
static ngx_int_t
add_mapped(ngx_http_tallygate_call_t *call, const struct tg_route_pair *pair)
{
    ngx_str_t                value, name;
    ngx_int_t                rc;
    ngx_http_request_t      *r = call->request;
    const struct tg_routes  *routes = &call->routes->table;

    rc = ngx_http_tallygate_value(call, pair->value, &value);
    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : rc;
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

/* Status, headers and body of a response; the body is what it gives. */
static ngx_int_t
apply_response(ngx_http_tallygate_call_t *call,
    const struct tg_route_response *response, ngx_str_t *body)
{
    uint32_t                         i;
    ngx_int_t                        rc;
    ngx_http_request_t              *r = call->request;
    const struct tg_routes          *routes = &call->routes->table;
    const struct tg_route_pair      *pairs;
    const struct tg_route_template  *t;

    r->headers_out.status = response->status;
    t = ngx_http_tallygate_reply_template(call, response->templates);

    if (t) {
        r->headers_out.content_type.data = (u_char *) tg_route_str(routes,
                                                                   t->type);
        r->headers_out.content_type.len = t->type.len;
        r->headers_out.content_type_len = t->type.len;
    }

    pairs = tg_route_items(routes, response->headers);

    for (i = 0; i < response->headers.count; i++) {
        if (add_mapped(call, &pairs[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    rc = t ? ngx_http_tallygate_value(call, t->body, body) : NGX_DECLINED;
    if (rc == NGX_DECLINED) {
        ngx_str_null(body);
        rc = NGX_OK;
    }

    return rc;
}

static ngx_int_t
answer_mock(ngx_http_request_t *r, ngx_http_tallygate_call_t *call)
{
    ngx_uint_t                          n;
    ngx_str_t                           body;
    const u_char                       *choice;
    const struct tg_routes             *routes = &call->routes->table;
    const struct tg_route_template     *t;
    const struct tg_route_response     *responses;
    const struct tg_route_integration  *mock = call->integration;

    ngx_http_tallygate_begin(call);

    n = 0;
    choice = (u_char *) tg_route_str(routes, mock->choice);

    if (ngx_http_tallygate_request_template(call, &t) == NGX_OK) {
        n = choice[t->status - TG_ROUTE_STATUS_FIRST];
    }

    if (n == 0) {
        call->error = ngx_http_tallygate_error(API_CONFIGURATION_ERROR);
        return answer_error(r, call);
    }

    responses = tg_route_items(routes, mock->responses);

    if (apply_response(call, &responses[n - 1], &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return send_answer(r, &body);
}

ngx_int_t
ngx_http_tallygate_answer_handler(ngx_http_request_t *r)
{
    ngx_http_tallygate_call_t  *call;

    call = ngx_http_tallygate_call(r);

    if (call == NULL) {
        /* nginx refused the request before it could be routed. */
        call = ngx_http_tallygate_call_new(r);
        if (call == NULL) {
            return NGX_ERROR;
        }

        call->error = ngx_http_tallygate_error(BAD_REQUEST);
    }

    call->is_answer = 1;
    ngx_http_tallygate_deadline_remove(call);
    ignore_body(r);

    if (call->is_ping && !r->err_status) {
        return answer_ping(r);
    }

    if (r->err_status) {
        call->error = error_of(call, r->err_status);

    } else if (call->error == NULL
               && call->integration->type == TG_INTEGRATION_BROKEN)
    {
        ngx_http_tallygate_begin(call);
        call->error = ngx_http_tallygate_error(API_CONFIGURATION_ERROR);
    }

    return call->error ? answer_error(r, call) : answer_mock(r, call);
}
