/*
 * upstream.c - where a call goes
 *
 * The one upstream block stands for all backends.  Its servers are the
 * addresses of the call's backend in the routes; peer.c chooses among them,
 * and backend.c keeps idle connections.  nginx's proxy module does the protocol; when it asks for a
 * peer it has made a request header from its own configuration, which is
 * empty, and gets ours in its place.
 *
 * TLS: OpenSSL checks chain and name during the handshake, and nginx looks at
 * the result before it sends anything.  Amazon's
 * insecureSkipVerification forgives a chain that leads to nobody known, and
 * nothing else: the name, the dates and the signature are still checked.
 * https://docs.aws.amazon.com/apigateway/latest/api/API_TlsConfig.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

static ngx_int_t process_header(ngx_http_request_t *r);

/* The proxy's own step, which may change itself for the next one. */
static ngx_int_t
proxy_process_header(ngx_http_request_t *r, ngx_http_tallygate_call_t *call)
{
    ngx_int_t             rc;
    ngx_http_upstream_t  *u = r->upstream;

    u->process_header = call->process_header;
    rc = u->process_header(r);
    call->process_header = u->process_header;
    u->process_header = process_header;

    return rc;
}

/* Forgets an interim answer (100, 103): the one that counts comes after. */
static ngx_int_t
forget_interim(ngx_http_request_t *r, ngx_http_tallygate_call_t *call)
{
    ngx_http_upstream_t  *u = r->upstream;

    if (call->reinit_request(r) != NGX_OK) {
        return NGX_ERROR;
    }

    call->process_header = u->process_header;
    u->process_header = process_header;
    u->keepalive = 0;

    ngx_memzero(&u->headers_in, sizeof(u->headers_in));
    u->headers_in.content_length_n = -1;
    u->headers_in.last_modified_time = -1;

    return ngx_list_init(&u->headers_in.headers, r->pool, 8,
                         sizeof(ngx_table_elt_t)) == NGX_OK
           && ngx_list_init(&u->headers_in.trailers, r->pool, 2,
                            sizeof(ngx_table_elt_t)) == NGX_OK
           ? NGX_OK : NGX_ERROR;
}

/* nginx takes the last of several lengths; whoever is right, one is wrong. */
static ngx_uint_t
has_second_length(ngx_http_upstream_headers_in_t *in)
{
    ngx_uint_t        i, n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    n = 0;

    for (part = &in->headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            n += h[i].hash == in->content_length->hash
                 && h[i].key.len == in->content_length->key.len;
        }
    }

    return n > 1;
}

/*
 * What nginx's proxy lets pass in a backend's header, and no gateway may: no
 * HTTP at all (nginx would send it on as HTTP/0.9), an upgrade that nobody
 * asked for, a length that is none, two of them, and one beside chunks.
 */
static ngx_uint_t
is_impossible(ngx_http_upstream_t *u, ngx_http_tallygate_call_t *call)
{
    ngx_http_upstream_headers_in_t  *in = &u->headers_in;

    return in->status_n < 100
           || (in->status_n == NGX_HTTP_SWITCHING_PROTOCOLS
               && !call->is_upgrade_sent)
           || (in->content_length
               && (in->content_length_n < 0 || in->chunked
                   || has_second_length(in)));
}

static ngx_int_t
process_header(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_uint_t                  version = r->http_version;
    ngx_http_upstream_t        *u = r->upstream;
    ngx_http_tallygate_call_t  *call;

    call = u->peer.data;

    for ( ;; ) {
        rc = proxy_process_header(r, call);
        if (rc != NGX_OK) {
            return rc;
        }

        if (is_impossible(u, call)) {
            r->http_version = version;
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "tallygate: backend sent an impossible header");
            return NGX_HTTP_UPSTREAM_INVALID_HEADER;
        }

        if (u->headers_in.status_n >= NGX_HTTP_OK
            || u->headers_in.status_n == NGX_HTTP_SWITCHING_PROTOCOLS)
        {
            return NGX_OK;
        }

        if (forget_interim(r, call) != NGX_OK) {
            return NGX_ERROR;
        }
    }
}

static ngx_int_t
reinit_request(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_http_upstream_t        *u = r->upstream;
    ngx_http_tallygate_call_t  *call;

    call = u->peer.data;
    rc = call->reinit_request(r);
    call->process_header = u->process_header;
    u->process_header = process_header;

    return rc;
}

/* nginx's own callback says yes to everything and has it checked later. */
static int
strict(int ok, X509_STORE_CTX *ctx)
{
    return ok;
}

/* Forgives what insecureSkipVerification forgives. */
static int
skip_chain(int ok, X509_STORE_CTX *ctx)
{
    if (ok) {
        return 1;
    }

    switch (X509_STORE_CTX_get_error(ctx)) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
        X509_STORE_CTX_set_error(ctx, X509_V_OK);
        return 1;

    default:
        return 0;
    }
}

/* nginx calls this between making a TLS connection and its handshake. */
static ngx_int_t
set_session(ngx_peer_connection_t *pc, void *data)
{
    int                            rc;
    SSL                           *ssl = pc->connection->ssl->connection;
    u_char                         name[256];
    X509_VERIFY_PARAM             *param;
    ngx_http_tallygate_call_t     *call = data;
    ngx_http_tallygate_backend_t  *b = call->backend;

    if (b->name.len >= sizeof(name)) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(name, b->name.data, b->name.len + 1);
    param = SSL_get0_param(ssl);

    if (b->is_address) {
        rc = X509_VERIFY_PARAM_set1_ip_asc(param, (char *) name);
    } else {
        rc = X509_VERIFY_PARAM_set1_host(param, (char *) name, 0);
    }

    if (rc != 1) {
        return NGX_ERROR;
    }

    /* Of a name nginx asks for the result itself, after the handshake. */
    SSL_set_verify(ssl, b->is_address ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                   b->skip_chain ? skip_chain : strict);

    return b->session ? ngx_ssl_set_session(pc->connection, b->session)
                      : NGX_OK;
}

static void
save_session(ngx_peer_connection_t *pc, void *data)
{
    ngx_ssl_session_t             *session, *old;
    ngx_http_tallygate_call_t     *call = data;
    ngx_http_tallygate_backend_t  *b = call->backend;

    session = ngx_ssl_get_session(pc->connection);
    if (session == NULL) {
        return;
    }

    old = b->session;
    b->session = session;

    if (old) {
        ngx_ssl_free_session(old);
    }
}

/*
 * The call's own copy of nginx's settings, where they do not fit: a time-out
 * longer than nginx waits between two reads; and nginx looks a name up in a
 * certificate by itself too, and cannot do it for an address, which OpenSSL
 * has checked in the handshake (set_session).
 */
static ngx_int_t
set_conf(ngx_http_tallygate_call_t *call, ngx_http_upstream_t *u)
{
    ngx_uint_t                 is_long, is_address;
    ngx_http_upstream_conf_t  *conf;

    is_long = call->integration->timeout_ms >= u->conf->read_timeout;
    is_address = u->ssl && call->backend->is_address;

    if (u->ssl) {
        u->ssl_name = call->backend->name;
    }

    if (!is_long && !is_address) {
        return NGX_OK;
    }

    conf = ngx_palloc(call->request->pool, sizeof(*conf));
    if (conf == NULL) {
        return NGX_ERROR;
    }

    *conf = *u->conf;

    if (is_long) {
        conf->read_timeout = (ngx_msec_t) call->integration->timeout_ms + 1000;
    }

    if (is_address) {
        conf->ssl_verify = 0;
    }

    u->conf = conf;

    return NGX_OK;
}

static ngx_int_t
set_header(ngx_http_tallygate_call_t *call, ngx_http_upstream_t *u)
{
    ngx_buf_t    *b;
    ngx_chain_t  *head;

    b = ngx_http_tallygate_request_header(call);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->flush = 1;

    head = ngx_alloc_chain_link(call->request->pool);
    if (head == NULL) {
        return NGX_ERROR;
    }

    head->buf = b;
    head->next = u->request_bufs->next;
    u->request_bufs = head;

    return NGX_OK;
}

static ngx_int_t
init_peer(ngx_http_request_t *r, ngx_http_upstream_srv_conf_t *us)
{
    ngx_http_upstream_t                 *u = r->upstream;
    ngx_http_tallygate_call_t           *call;

    call = ngx_http_tallygate_call(r);
    if (call == NULL || !call->is_admitted || call->backend == NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "tallygate: this upstream is for gateways alone");
        return NGX_ERROR;
    }

    if (call->is_method_swapped) {
        r->method_name = call->method_name;
    }

    ngx_http_tallygate_begin(call);

    if (call->backend->address_count == 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "tallygate: backend \"%V\" has no address",
                      &call->backend->name);
        return NGX_ERROR;
    }

    if (set_header(call, u) != NGX_OK
        || set_conf(call, u) != NGX_OK
        || ngx_http_tallygate_deadline_add(call,
                                           call->integration->timeout_ms)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    call->upstream = ngx_http_conf_upstream_srv_conf(us,
                                                 ngx_http_tallygate_module);
    call->turn = call->backend->turn++;

    call->process_header = u->process_header;
    call->reinit_request = u->reinit_request;
    u->process_header = process_header;
    u->reinit_request = reinit_request;

    u->peer.data = call;
    u->peer.get = ngx_http_tallygate_peer_get;
    u->peer.free = ngx_http_tallygate_peer_free;
    u->peer.set_session = set_session;
    u->peer.save_session = save_session;
    u->peer.tries = call->backend->address_count;

    return NGX_OK;
}

static ngx_int_t
init_upstream(ngx_conf_t *cf, ngx_http_upstream_srv_conf_t *us)
{
    us->peer.init = init_peer;

    return NGX_OK;
}

/* NAME=NUMBER, one of the three. */
static ngx_int_t
parse_parameter(ngx_http_tallygate_srv_conf_t *conf, const ngx_str_t *value)
{
    ngx_int_t          n;
    ngx_uint_t         i;
    const struct {
        ngx_str_t      name;
        ngx_uint_t    *number;
    }                  known[] = {
        { ngx_string("connections="), &conf->connections },
        { ngx_string("max_fails="), &conf->max_fails },
        { ngx_string("fail_timeout="), &conf->fail_timeout },
    };

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (value->len > known[i].name.len
            && ngx_strncmp(value->data, known[i].name.data,
                           known[i].name.len) == 0)
        {
            n = ngx_atoi(value->data + known[i].name.len,
                         value->len - known[i].name.len);
            if (n == NGX_ERROR) {
                return NGX_ERROR;
            }

            *known[i].number = (ngx_uint_t) n;
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}

char *
ngx_http_tallygate_upstream(ngx_conf_t *cf, ngx_command_t *cmd, void *data)
{
    ngx_str_t                      *value = cf->args->elts;
    ngx_uint_t                      i;
    ngx_http_upstream_server_t     *server;
    ngx_http_upstream_srv_conf_t   *us;
    ngx_http_tallygate_srv_conf_t  *conf = data;

    us = ngx_http_conf_get_module_srv_conf(cf, ngx_http_upstream_module);

    if (us->peer.init_upstream == init_upstream) {
        return "is duplicate";
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (parse_parameter(conf, &value[i]) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    us->peer.init_upstream = init_upstream;
    us->flags = NGX_HTTP_UPSTREAM_CREATE;

    /* nginx refuses a block without servers; nobody looks at this one. */
    server = ngx_array_push(us->servers);
    if (server == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(server, sizeof(*server));
    ngx_str_set(&server->name, "routes");

    return NGX_CONF_OK;
}
