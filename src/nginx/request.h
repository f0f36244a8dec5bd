/*
 * request.h - a backend's request header while it is made
 *
 * request.c says in which order: what mappings set is evaluated (maps), which
 * gives the size of the buffer, and then all is written (headers).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef NGX_HTTP_TALLYGATE_REQUEST_H
#define NGX_HTTP_TALLYGATE_REQUEST_H

#include "nginx/module.h"

/* What the call's mappings set, evaluated. */
typedef struct {
    ngx_str_t   name;
    ngx_str_t   value;
} ngx_http_tallygate_pair_t;

typedef struct {
    ngx_http_tallygate_call_t      *call;
    ngx_http_request_t             *r;
    ngx_http_tallygate_srv_conf_t  *conf;
    ngx_str_t                       verb;
    ngx_str_t                      *path; /* pieces of it */
    ngx_uint_t                      path_count;
    ngx_array_t                    *queries; /* pairs; NULL: none */
    ngx_http_tallygate_pair_t      *headers;
    ngx_uint_t                      header_count;
    ngx_str_t                       port;
    u_char                          port_text[sizeof("65535")];
    ngx_table_elt_t                *upgrade;
    unsigned                        is_proxy:1; /* HTTP_PROXY, not HTTP */
    unsigned                        has_accept:1;
    unsigned                        has_user_agent:1;
    unsigned                        has_trace_id:1;
} ngx_http_tallygate_request_t;

/* ---- request_maps.c: each adds to size what will be written ---- */

ngx_int_t ngx_http_tallygate_make_path(ngx_http_tallygate_request_t *q,
    size_t *size);
ngx_int_t ngx_http_tallygate_make_queries(ngx_http_tallygate_request_t *q,
    size_t *size);
ngx_int_t ngx_http_tallygate_make_headers(ngx_http_tallygate_request_t *q,
    size_t *size);

/* Whether a mapping sets this header, in any case of its name. */
ngx_uint_t ngx_http_tallygate_is_mapped(const ngx_http_tallygate_request_t *q,
    const ngx_str_t *name);

/* ---- request_headers.c ---- */

/* All headers but Host and the body's framing. */
u_char *ngx_http_tallygate_put_headers(ngx_http_tallygate_request_t *q,
    u_char *p);

/* ---- writing ---- */

#define put(p, text)  ngx_cpymem(p, text, sizeof(text) - 1)

static ngx_inline u_char *
put_str(u_char *p, const ngx_str_t *s)
{
    return ngx_cpymem(p, s->data, s->len);
}

static ngx_inline u_char *
put_header(u_char *p, const ngx_str_t *name, const ngx_str_t *value)
{
    p = put_str(p, name);
    *p++ = ':';
    *p++ = ' ';
    p = put_str(p, value);
    *p++ = CR;
    *p++ = LF;

    return p;
}

#endif
