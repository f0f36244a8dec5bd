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

#include "core/mock.h"

#define BODY(message)  "{\"message\":\"" message "\"}"

const ngx_http_tallygate_error_t
    ngx_http_tallygate_errors[NGX_HTTP_TALLYGATE_ERROR_COUNT] =
{
#define Y(name, status, gateway, error_type, message, body)                   \
    { ngx_string(#name), status, TG_GATEWAY_##gateway,                        \
      ngx_string(error_type), ngx_string(message), ngx_string(body) },
#define X(name, status, gateway, error_type, message)                         \
    Y(name, status, gateway, error_type, message, BODY(message))
    NGX_HTTP_TALLYGATE_ERRORS(X, Y)
#undef X
#undef Y
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

/* Amazon's body: {"message":...} */
static ngx_int_t
own_body(ngx_http_tallygate_call_t *call, ngx_str_t *body)
{
    u_char     *p;
    ngx_str_t   message = call->message;

    *body = call->error->body;

    if (message.len == 0) {
        return NGX_OK;
    }

    if (ngx_http_tallygate_escape(call->request->pool, TG_ESCAPE_JSON,
                                  &message)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(call->request->pool,
                    message.len + sizeof(BODY("")) - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;
    body->len = ngx_sprintf(p, BODY("%V"), &message) - p;

    return NGX_OK;
}

/* What Amazon says: status, type and body. */
static ngx_int_t
own_answer(ngx_http_request_t *r, ngx_http_tallygate_call_t *call,
    ngx_str_t *body)
{
    const ngx_http_tallygate_error_t  *error = call->error;

    r->headers_out.status = error->status;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    return ngx_http_tallygate_header_add(r, "x-amzn-ErrorType",
                                         sizeof("x-amzn-ErrorType") - 1,
                                         error->error_type.data,
                                         error->error_type.len)
           == NGX_OK
           ? own_body(call, body) : NGX_ERROR;
}

static ngx_int_t
answer_error(ngx_http_request_t *r, ngx_http_tallygate_call_t *call)
{
    ngx_int_t  rc;
    ngx_str_t  body;

    ngx_http_tallygate_note_refusal(call);

    if (r->error_page || r->err_status) {
        ngx_http_clean_header(r);
    }

    r->err_status = 0;

    rc = own_answer(r, call, &body);

    if (rc == NGX_OK
        && ngx_http_tallygate_customise(call, &body) == NGX_ERROR)
    {
        /* The seller's cannot be made for this call. */
        ngx_http_clean_header(r);
        rc = own_answer(r, call, &body);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (r->headers_out.status == 431) {
        /* nginx does not know the reason phrase. */
        ngx_str_set(&r->headers_out.status_line,
                    "431 Request Header Fields Too Large");
    }

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

/* The status that the MOCK's template, or the body for want of one, gives. */
static ngx_uint_t
mock_status(ngx_http_tallygate_call_t *call)
{
    int                               status;
    u_char                           *text;
    ngx_int_t                         rc;
    ngx_str_t                         value;
    const struct tg_route_template   *t = call->mapped->request;

    if (t && t->status) {
        return t->status;
    }

    if (t) {
        rc = ngx_http_tallygate_value(call, t->body, &value);
    } else {
        value = call->mapped->body; /* nothing, perhaps */
        rc = value.len ? NGX_OK : NGX_DECLINED;
    }

    text = rc == NGX_OK ? ngx_pnalloc(call->request->pool, value.len + 1)
                        : NULL;
    if (text == NULL) {
        return 0;
    }

    *ngx_cpymem(text, value.data, value.len) = '\0';

    return tg_mock_status(&status, (char *) text, NULL) == TG_OK
           ? (ngx_uint_t) status : 0;
}

ngx_int_t
ngx_http_tallygate_answer_mock(ngx_http_request_t *r,
    ngx_http_tallygate_call_t *call)
{
    ngx_str_t                        body;
    ngx_uint_t                       status;
    const struct tg_route_response  *response;

    status = mock_status(call);

    if (call->fault && !call->is_begun) {
        call->error = call->fault; /* no JSON, or none that is one */
        return answer_error(r, call);
    }

    ngx_http_tallygate_begin(call);

    if (status == 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "tallygate: the request template of a MOCK gives no "
                      "statusCode");
        call->fault = ngx_http_tallygate_error(API_CONFIGURATION_ERROR);
        response = NULL;

    } else {
        response = ngx_http_tallygate_response_for(call, status);
    }

    if (response == NULL) {
        call->error = call->fault;
        return answer_error(r, call);
    }

    call->is_answer = 1;

    if (ngx_http_tallygate_respond(call, response, &body) != NGX_OK) {
        ngx_http_clean_header(r);
        call->error = call->fault ? call->fault
                                  : ngx_http_tallygate_error(INTERNAL);
        return answer_error(r, call);
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
        call->error = call->fault ? call->fault
                                  : error_of(call, r->err_status);

    } else if (call->error == NULL
               && call->integration->type == TG_INTEGRATION_BROKEN)
    {
        ngx_http_tallygate_begin(call);
        call->error = ngx_http_tallygate_error(API_CONFIGURATION_ERROR);
    }

    return call->error ? answer_error(r, call)
                       : ngx_http_tallygate_answer_mock(r, call);
}
