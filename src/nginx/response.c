/*
 * response.c - what happens to a response on its way to the client
 *
 * The header filter gives every response its ids, renames the headers of a
 * backend that the gateway answers for itself, and drops nginx's Server.  The
 * body filter sees the last byte go, which is where a call counts.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

static ngx_http_output_header_filter_pt  next_header_filter;
static ngx_http_output_body_filter_pt    next_body_filter;

/* Headers that nginx would copy and the gateway renames; lower case. */
typedef struct {
    ngx_str_t   name;
    ngx_str_t   remapped;
    ngx_uint_t  is_strict; /* only with tallygate_strict_headers */
} remap_t;

#define REMAP(lower, name, strict)                                            \
    { ngx_string(lower), ngx_string("x-amzn-Remapped-" name), strict }

static const remap_t  remaps[] = {
    REMAP("authorization", "Authorization", 0),
    REMAP("content-md5", "Content-MD5", 0),
    REMAP("expect", "Expect", 0),
    REMAP("host", "Host", 0),
    REMAP("max-forwards", "Max-Forwards", 0),
    REMAP("proxy-authenticate", "Proxy-Authenticate", 0),
    REMAP("trailer", "Trailer", 0),
    REMAP("upgrade", "Upgrade", 0),
    REMAP("user-agent", "User-Agent", 0),
    REMAP("www-authenticate", "WWW-Authenticate", 1),
    REMAP("x-amzn-requestid", "x-amzn-RequestId", 0),
};

/* Bit n: some name in remaps has n letters. */
#define REMAP_LENGTHS                                                         \
    ((1u << 4) | (1u << 6) | (1u << 7) | (1u << 10) | (1u << 11) | (1u << 12) \
     | (1u << 13) | (1u << 16) | (1u << 18))

ngx_int_t
ngx_http_tallygate_header_add(ngx_http_request_t *r, const char *key,
    size_t key_len, u_char *value, size_t value_len)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(*h));
    h->hash = 1;
    h->key.data = (u_char *) key;
    h->key.len = key_len;
    h->value.data = value;
    h->value.len = value_len;

    return NGX_OK;
}

#define add(r, key, value, len)                                               \
    ngx_http_tallygate_header_add(r, key, sizeof(key) - 1, value, len)

static ngx_int_t
add_ids(ngx_http_request_t *r, ngx_http_tallygate_call_t *call)
{
    u_char  *id;

    id = ngx_pnalloc(r->pool, NGX_HTTP_TALLYGATE_AWS_ID_LEN);
    if (id == NULL) {
        return NGX_ERROR;
    }

    ngx_http_tallygate_gateway_id(id);

    if (add(r, "x-amzn-RequestId", ngx_http_tallygate_request_id(call),
            NGX_HTTP_TALLYGATE_UUID_LEN) != NGX_OK
        || add(r, "x-amz-apigw-id", id, NGX_HTTP_TALLYGATE_AWS_ID_LEN)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}

static void
remap(ngx_table_elt_t *h, ngx_uint_t is_strict)
{
    ngx_uint_t      i;
    u_char          c;
    const remap_t  *m;

    if (h->key.len > 18 || !(REMAP_LENGTHS & (1u << h->key.len))) {
        return;
    }

    c = h->key.data[0] | 0x20;

    for (i = 0; i < sizeof(remaps) / sizeof(remaps[0]); i++) {
        m = &remaps[i];

        if (m->name.data[0] == c
            && m->name.len == h->key.len
            && (!m->is_strict || is_strict)
            && ngx_strncasecmp(h->key.data, m->name.data, h->key.len) == 0)
        {
            h->key = m->remapped;
            return;
        }
    }
}

/* The backend's copies of what nginx writes itself. */
static ngx_int_t
add_remapped(ngx_http_request_t *r, ngx_http_upstream_headers_in_t *in)
{
    ngx_table_elt_t  *h;

    h = in->connection;
    if (h && add(r, "x-amzn-Remapped-Connection", h->value.data, h->value.len)
             != NGX_OK)
    {
        return NGX_ERROR;
    }

    h = in->content_length;
    if (h && add(r, "x-amzn-Remapped-Content-Length", h->value.data,
                 h->value.len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    h = in->date;
    if (h && add(r, "x-amzn-Remapped-Date", h->value.data, h->value.len)
             != NGX_OK)
    {
        return NGX_ERROR;
    }

    h = in->server;
    if (h && add(r, "x-amzn-Remapped-Server", h->value.data, h->value.len)
             != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}

/*
 * Whether what the backend sends goes on piece by piece: nginx would fill a
 * buffer first, and nobody says how long that takes.
 */
static ngx_uint_t
is_endless(ngx_http_request_t *r)
{
    static const char  name[] = "text/event-stream";
    ngx_str_t         *type = &r->headers_out.content_type;

    return r->headers_out.content_length_n < 0
           || (type->len >= sizeof(name) - 1
               && ngx_strncasecmp(type->data, (u_char *) name,
                                  sizeof(name) - 1)
                  == 0);
}

/* What the backend answered, as the client is to see it. */
static ngx_int_t
translate(ngx_http_request_t *r, ngx_http_tallygate_call_t *call)
{
    ngx_uint_t                      i;
    ngx_list_part_t                *part;
    ngx_table_elt_t                *h;
    ngx_http_upstream_t            *u = r->upstream;
    ngx_http_tallygate_srv_conf_t  *sscf;

    sscf = ngx_http_get_module_srv_conf(r, ngx_http_tallygate_module);

    if (r->headers_out.status == NGX_HTTP_SWITCHING_PROTOCOLS) {
        return NGX_OK;
    }

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            remap(&h[i], sscf->strict_headers);
        }
    }

    if (add_remapped(r, &u->headers_in) != NGX_OK) {
        return NGX_ERROR;
    }

    if (is_endless(r)) {
        u->buffering = 0;
    }

    if (call->is_head_sent && r->method != NGX_HTTP_HEAD) {
        /* The backend was asked for the header alone: there is no body. */
        if (r->headers_out.content_length) {
            r->headers_out.content_length->hash = 0;
            r->headers_out.content_length = NULL;
        }

        r->headers_out.content_length_n = 0;
    }

    return NGX_OK;
}

static ngx_uint_t
is_gone(ngx_http_request_t *r, ngx_int_t rc)
{
    return rc == NGX_OK && r->connection->buffered == 0;
}

/* An element that is not sent, so that nginx writes no Server of its own. */
static ngx_table_elt_t  no_server;

/* Whether size is more than the server lets a backend answer; says so. */
static ngx_uint_t
is_too_long(ngx_http_request_t *r, off_t size)
{
    ngx_http_tallygate_srv_conf_t  *sscf;

    sscf = ngx_http_get_module_srv_conf(r, ngx_http_tallygate_module);

    if (sscf->answer_max == 0 || size <= sscf->answer_max) {
        return 0;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "tallygate: a backend's body has more than %O bytes",
                  sscf->answer_max);

    return 1;
}

/* What every response has. */
static ngx_int_t
send_header(ngx_http_request_t *r, ngx_http_tallygate_call_t *call)
{
    ngx_int_t  rc;

    if (r->headers_out.content_type.len == 0
        && r->headers_out.status != NGX_HTTP_NOT_MODIFIED
        && r->headers_out.status >= NGX_HTTP_OK)
    {
        ngx_str_set(&r->headers_out.content_type, "application/json");
        r->headers_out.content_type_len = r->headers_out.content_type.len;
    }

    if (add_ids(r, call) != NGX_OK) {
        return NGX_ERROR;
    }

    r->headers_out.server = &no_server;

    rc = next_header_filter(r);

    if (r->header_only && is_gone(r, rc)) {
        ngx_http_tallygate_finish(call);
    }

    return rc;
}

static ngx_int_t
header_filter(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_http_tallygate_call_t  *call;

    call = ngx_http_tallygate_call(r);
    if (call == NULL) {
        return next_header_filter(r);
    }

    ngx_http_tallygate_deadline_remove(call);

    if (!call->is_answer && r->upstream) {
        rc = call->integration->type == TG_INTEGRATION_HTTP
             ? ngx_http_tallygate_reply_header(call) : translate(r, call);

        if (rc != NGX_OK) {
            return rc == NGX_AGAIN ? NGX_OK : rc;
        }

        if (r->method != NGX_HTTP_HEAD
            && is_too_long(r, r->headers_out.content_length_n))
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return send_header(r, call);
}

/*
 * Whether nginx tells that the backend's answer ended before its end: it has
 * let go of the connection, and there is no last buffer.
 */
static ngx_uint_t
is_cut_off(const ngx_http_request_t *r, const ngx_chain_t *in)
{
    return in && in->next == NULL
           && in->buf->flush && !in->buf->last_buf
           && in->buf->pos == in->buf->last
           && r->upstream && r->upstream->peer.connection == NULL;
}

/* The body of a reply that is mapped, and the header that waits for it. */
static ngx_int_t
collect(ngx_http_request_t *r, ngx_http_tallygate_call_t *call,
    ngx_chain_t *in)
{
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_str_t    body;
    ngx_chain_t  out;

    rc = is_cut_off(r, in)
         ? NGX_HTTP_BAD_GATEWAY
         : ngx_http_tallygate_reply_collect(call, in, &body);

    if (rc == NGX_AGAIN) {
        return NGX_OK;
    }

    call->is_collecting = 0;

    if (rc != NGX_OK) {
        return ngx_http_filter_finalize_request(r, &ngx_http_tallygate_module,
                   rc > NGX_OK ? rc : NGX_HTTP_INTERNAL_SERVER_ERROR);
    }

    call->is_last_seen = 1;

    rc = send_header(r, call);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = body.data;
    b->last = body.data + body.len;
    b->memory = body.len ? 1 : 0;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return next_body_filter(r, &out);
}

static ngx_int_t
body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_int_t                   rc;
    ngx_chain_t                *cl;
    ngx_http_tallygate_call_t  *call;

    call = ngx_http_get_module_ctx(r, ngx_http_tallygate_module);
    if (call == NULL || call->is_counted) {
        return next_body_filter(r, in);
    }

    if (call->is_collecting) {
        rc = collect(r, call, in);

    } else {
        for (cl = in; cl && !call->is_last_seen; cl = cl->next) {
            call->answered += ngx_buf_size(cl->buf);

            if (cl->buf->last_buf
                || (cl->buf->flush && r->headers_out.status
                                      == NGX_HTTP_SWITCHING_PROTOCOLS))
            {
                call->is_last_seen = 1;
            }
        }

        if (!call->is_answer && is_too_long(r, call->answered)) {
            return NGX_ERROR; /* its header has gone: the connection ends */
        }

        rc = next_body_filter(r, in);
    }

    if (call->is_last_seen && is_gone(r, rc)) {
        ngx_http_tallygate_finish(call);
    }

    return rc;
}

ngx_int_t
ngx_http_tallygate_filter_init(ngx_conf_t *cf)
{
    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = header_filter;

    next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = body_filter;

    return NGX_OK;
}
