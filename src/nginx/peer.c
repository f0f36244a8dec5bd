/*
 * peer.c - which address and connection an attempt gets, and whether a failed
 * one is tried again
 *
 * nginx asks get_peer before each attempt and tells free_peer how it went.
 * Attempts begin at another address with each call and pass over addresses
 * that the daemon's check found down (the routes say so) or that failed this
 * worker several times in a row, as long as there is another one.
 *
 * Promises
 *   U1  A call with a body that is still arriving gets a new connection, so
 *       that no idle one can have been closed by its backend meanwhile.
 *   U2  A second attempt follows only when the first one cannot have been
 *       acted upon, or may be: nothing of it was sent; or its verb is
 *       idempotent and all of it is at hand; or it went out on a connection
 *       that its backend had already ended.
 *   U3  That a backend had already ended a connection is taken as proved when
 *       it has ended its side in order (FIN, over TLS close_notify or FIN)
 *       without an answer and the kernel holds every byte of the request as
 *       not received there.  After a reset nothing is proved: what arrived
 *       just before may have been read.
 *   U4  No attempt follows one that ran out of the integration's time.
 *
 * https://www.rfc-editor.org/rfc/rfc9112#section-9.3.1
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

/* Whether an address may be tried now; one that failed gets a call again. */
static ngx_uint_t
is_usable(const ngx_http_tallygate_srv_conf_t *conf,
    ngx_http_tallygate_address_t *a)
{
    if (a->is_down) {
        return 0;
    }

    if (conf->max_fails == 0 || a->fails < conf->max_fails) {
        return 1;
    }

    if (ngx_time() - a->failed_at < (time_t) conf->fail_timeout) {
        return 0;
    }

    a->failed_at = ngx_time();

    return 1;
}

/* The next address: a usable one, else any that was not tried yet. */
static ngx_uint_t
choose(ngx_http_tallygate_call_t *call)
{
    ngx_uint_t                     i, k;
    ngx_http_tallygate_backend_t  *b = call->backend;

    if (b->address_count == 1) {
        return 0;
    }

    for (i = 0; i < b->address_count; i++) {
        k = (call->turn + i) % b->address_count;

        if (!(call->tried & ((uint64_t) 1 << k))
            && is_usable(call->upstream, &b->addresses[k]))
        {
            return k;
        }
    }

    for (i = 0; i < b->address_count; i++) {
        k = (call->turn + i) % b->address_count;

        if (!(call->tried & ((uint64_t) 1 << k))) {
            return k;
        }
    }

    return call->turn % b->address_count;
}

static ngx_connection_t *
take_idle(ngx_http_tallygate_call_t *call, ngx_peer_connection_t *pc)
{
    ngx_connection_t     *c;
    ngx_http_request_t   *r = call->request;

    if (call->wants_fresh || r->request_body_no_buffering) {
        return NULL;
    }

    c = ngx_http_tallygate_idle_take(call->address, pc->log,
                                     r->upstream->conf->read_timeout);

    if (c != NULL && c->ssl) {
        call->written_before =
            BIO_number_written(SSL_get_wbio(c->ssl->connection));
    }

    return c;
}

ngx_int_t
ngx_http_tallygate_peer_get(ngx_peer_connection_t *pc, void *data)
{
    ngx_uint_t                     n;
    ngx_connection_t              *c;
    ngx_http_tallygate_call_t     *call = data;
    ngx_http_tallygate_address_t  *a;

    n = choose(call);
    a = &call->backend->addresses[n];

    call->address = a;
    call->address_bit = (uint64_t) 1 << n;
    pc->sockaddr = a->sockaddr;
    pc->socklen = a->socklen;
    pc->name = &a->text;
    pc->cached = 0;
    pc->connection = NULL;

    c = take_idle(call, pc);
    if (c == NULL) {
        ngx_http_tallygate_row_add(&call->set->row->backend_connections);
        return NGX_OK;
    }

    pc->connection = c;
    pc->cached = 1;

    return NGX_DONE;
}

/* Bytes of this attempt that were given to the kernel. */
static uint64_t
bytes_written(const ngx_http_tallygate_call_t *call,
    const ngx_connection_t *c)
{
    return c->ssl ? BIO_number_written(SSL_get_wbio(c->ssl->connection))
                    - call->written_before
                  : (uint64_t) c->sent;
}

static ngx_uint_t
has_ended_in_order(const ngx_connection_t *c)
{
    return c->ssl ? (SSL_get_shutdown(c->ssl->connection)
                     & SSL_RECEIVED_SHUTDOWN) != 0
                  : c->read->eof && !c->read->error;
}

/* U3; the connection is a kept one. */
static ngx_uint_t
is_undelivered(const ngx_http_tallygate_call_t *call,
    const ngx_connection_t *c)
{
    int  unacknowledged;

    return has_ended_in_order(c)
           && ioctl(c->fd, SIOCOUTQ, &unacknowledged) == 0
           && (uint64_t) unacknowledged >= bytes_written(call, c);
}

static ngx_uint_t
is_idempotent(ngx_http_tallygate_call_t *call)
{
    enum tg_verb  verb = ngx_http_tallygate_backend_verb(call);

    return verb != TG_VERB_POST && verb != TG_VERB_PATCH;
}

static ngx_uint_t
has_answered(const ngx_http_upstream_t *u)
{
    return u->buffer.last != u->buffer.start;
}

/* U2, U4. */
static ngx_uint_t
may_try_again(ngx_http_tallygate_call_t *call,
    const ngx_peer_connection_t *pc)
{
    const ngx_connection_t     *c = pc->connection;
    const ngx_http_upstream_t  *u = call->request->upstream;

    if (call->is_over) {
        return 0;
    }

    /* Less than a whole TLS record of the request is nothing to a backend. */
    if (c == NULL || c->sent == 0) {
        return 1;
    }

    if (call->request->request_body_no_buffering) {
        return 0;
    }

    return is_idempotent(call)
           || (pc->cached && !has_answered(u) && is_undelivered(call, c));
}

/*
 * An attempt got no answer.  On a kept connection that says nothing of the
 * address: the next attempt makes a connection of its own.
 */
static void
note_failure(ngx_http_tallygate_call_t *call, const ngx_peer_connection_t *pc)
{
    ngx_http_tallygate_address_t  *a = call->address;

    if (pc->cached && !call->is_over && !has_answered(call->request->upstream))
    {
        call->wants_fresh = 1;
        return;
    }

    ngx_http_tallygate_row_add(&call->set->row->backend_failures);

    if (call->is_over) {
        ngx_http_tallygate_row_add(&call->set->row->backend_timeouts);
    }

    call->tried |= call->address_bit;
    a->fails++;
    a->failed_at = ngx_time();
}

static ngx_uint_t
is_reusable(const ngx_http_upstream_t *u, const ngx_connection_t *c,
    const ngx_http_request_t *r)
{
    return c != NULL
           && !c->read->eof && !c->read->error && !c->read->timedout
           && !c->write->error && !c->write->timedout
           && u->keepalive && u->request_body_sent
           /* a body where there must be none would be the next answer */
           && !(r->header_only && u->buffer.pos != u->buffer.last)
           && !ngx_terminate && !ngx_exiting
           && !ngx_http_tallygate_is_leaving();
}

void
ngx_http_tallygate_peer_free(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state)
{
    ngx_connection_t           *c = pc->connection;
    ngx_http_upstream_t        *u;
    ngx_http_tallygate_call_t  *call = data;

    u = call->request->upstream;

    if (pc->tries) {
        pc->tries--;
    }

    if (state & NGX_PEER_FAILED) {
        note_failure(call, pc);

        if (!may_try_again(call, pc)) {
            /* nginx counts a kept connection's failure as none. */
            pc->tries = 0;
            pc->cached = 0;

        } else if (pc->tries || pc->cached) {
            ngx_http_tallygate_row_add(&call->set->row->backend_retries);
        }

        return;
    }

    if (call->address->fails && u->headers_in.status_n) {
        call->address->fails = 0;
    }

    if (is_reusable(u, c, call->request)
        && ngx_http_tallygate_idle_keep(call->address, c,
               call->upstream->connections, u->conf->read_timeout) == NGX_OK)
    {
        pc->connection = NULL;
    }
}
