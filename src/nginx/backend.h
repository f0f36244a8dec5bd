/*
 * backend.h - backends as a worker knows them, and their idle connections
 *
 * A backend is a protocol, a name and a TLS identity; an address of it has a
 * list of idle connections.  Both are interned by their content, so that a
 * new generation of routes finds the connections of the old one, and they are
 * never shared with a backend of another name or TLS setting.
 *
 * Invariants
 *   B1  A connection is handed out only for the very backend (protocol, name,
 *       TLS identity) and address that it was made for.
 *   B2  A worker keeps no more idle connections than it is told; the one that
 *       has been idle longest goes first.
 *   B3  A backend that no routes name any more loses its idle connections,
 *       and its memory when its last call has ended.
 *
 * An idle connection keeps the read timer of its last call: it lives no
 * longer than proxy_read_timeout, and a busy one costs no timer of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef NGX_HTTP_TALLYGATE_BACKEND_H
#define NGX_HTTP_TALLYGATE_BACKEND_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "plane/routes.h"

typedef struct ngx_http_tallygate_backend_s  ngx_http_tallygate_backend_t;

typedef struct {
    ngx_http_tallygate_backend_t  *backend;
    ngx_queue_t                    idle; /* newest first */
    struct sockaddr               *sockaddr;
    socklen_t                      socklen;
    ngx_uint_t                     is_down;   /* as the routes say */
    ngx_uint_t                     fails;     /* attempts, in a row */
    time_t                         failed_at;
    ngx_str_t                      text; /* for logs */
    ngx_sockaddr_t                 storage;
    u_char                         buffer[NGX_SOCKADDR_STRLEN];
} ngx_http_tallygate_address_t;

struct ngx_http_tallygate_backend_s {
    ngx_queue_t                    queue; /* among all backends */
    uint32_t                       hash;
    ngx_uint_t                     uses;  /* generations of routes, calls */
    ngx_str_t                      name;
    ngx_flag_t                     is_tls;
    ngx_flag_t                     skip_chain;
    ngx_flag_t                     is_address; /* the name is an IP address */
    ngx_ssl_session_t             *session;
    ngx_uint_t                     turn; /* first address of the next call */
    ngx_uint_t                     address_count;
    ngx_http_tallygate_address_t   addresses[];
};

/*
 * The backend of a record of routes; one use is the caller's.  One that is
 * known already learns which of its addresses are down now.
 */
ngx_http_tallygate_backend_t *ngx_http_tallygate_backend_get(
    const struct tg_routes *routes, const struct tg_route_backend *record);
void ngx_http_tallygate_backend_release(ngx_http_tallygate_backend_t *b);

/* Takes an idle connection of the address, or NULL. */
ngx_connection_t *ngx_http_tallygate_idle_take(
    ngx_http_tallygate_address_t *address, ngx_log_t *log, ngx_msec_t timeout);

/*
 * Keeps a connection for later calls, one of at most max, for no longer than
 * timeout.  NGX_DECLINED: the caller has to close it.
 */
ngx_int_t ngx_http_tallygate_idle_keep(ngx_http_tallygate_address_t *address,
    ngx_connection_t *c, ngx_uint_t max, ngx_msec_t timeout);

/* Closes all idle connections (the worker ends). */
void ngx_http_tallygate_idle_close_all(void);

#endif
