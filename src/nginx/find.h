/*
 * find.h - what a call has under a name
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef NGX_HTTP_TALLYGATE_FIND_H
#define NGX_HTTP_TALLYGATE_FIND_H

#include "nginx/module.h"

/* A list of values found under one name: the last, or all by commas. */
typedef struct {
    ngx_pool_t  *pool;
    ngx_array_t *all; /* each by itself, where somebody wants that */
    ngx_uint_t   is_multi;
    ngx_uint_t   count;
    ngx_str_t    value;
} ngx_http_tallygate_found_t;

ngx_int_t ngx_http_tallygate_find_query(ngx_http_request_t *r,
    ngx_str_t *name, ngx_http_tallygate_found_t *found);
ngx_int_t ngx_http_tallygate_find_header(ngx_http_tallygate_call_t *call,
    ngx_str_t *name, ngx_http_tallygate_found_t *found);
ngx_int_t ngx_http_tallygate_find_reply_header(
    ngx_http_tallygate_call_t *call, ngx_str_t *name,
    ngx_http_tallygate_found_t *found);

/* Pushes each value (ngx_str_t) of a query parameter, decoded. */
ngx_int_t ngx_http_tallygate_query_values(ngx_http_tallygate_call_t *call,
    struct tg_route_text name, ngx_array_t *values);

/* NGX_DECLINED: there is none of that name. */
ngx_int_t ngx_http_tallygate_find_path(ngx_http_tallygate_call_t *call,
    ngx_str_t *name, ngx_str_t *value);
ngx_int_t ngx_http_tallygate_find_param(ngx_http_tallygate_call_t *call,
    ngx_str_t *name, ngx_str_t *value);

#endif
