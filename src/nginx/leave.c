/*
 * leave.c - how a worker leaves at a reload and drops no call
 *
 * nginx starts new workers and tells the old ones to leave.  Those close
 * every idle connection at that moment, and a call that is on its way there
 * just then is lost.  Here a leaving worker keeps them for a while: what comes
 * on one is served, and its answer says that the connection ends.
 *
 * nginx tells whoever holds an idle connection that the worker leaves, by its
 * read handler, in the order of its table of connections.  A watcher, which
 * has its place in the table before any client, hears of it first and takes
 * the mark of idleness off the others.
 *
 * Promises
 *   V1  While a later worker lives, and for no longer than
 *       tallygate_leave_timeout, no connection is closed that a client may
 *       take for kept: an HTTP/1 connection ends behind an answer that says
 *       "Connection: close", an HTTP/2 one behind a GOAWAY that leaves the
 *       client all the streams that it had opened before it saw it
 *       (RFC 9113, section 6.8).
 *   V2  Without a later worker, which is nginx's end and not a reload, idle
 *       connections are closed as nginx does it.
 *   V3  A worker that does not leave pays nothing for this.
 *   V4  Leaving workers never take the board's last rows from new ones.
 *
 * It holds for all that nginx serves over HTTP, not for the gateway alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

#include <sys/eventfd.h>

#define LOOK_MS  500

typedef struct {
    ngx_connection_t  *watcher;
    ngx_event_t        look;    /* whether it is time to close the rest */
    ngx_event_t        restore; /* of nginx's mark that the worker leaves */
    ngx_connection_t   dummy;   /* nginx's timers want one */
    ngx_msec_t         timeout;
    ngx_msec_t         end;
    ngx_uint_t         is_leaving;
} leave_t;

static leave_t  leave;

static ngx_http_output_header_filter_pt  next_header_filter;
static ngx_http_output_body_filter_pt    next_body_filter;

ngx_uint_t
ngx_http_tallygate_is_leaving(void)
{
    return leave.is_leaving;
}

static ngx_uint_t
is_client(const ngx_connection_t *c)
{
    return c->fd != (ngx_socket_t) -1
           && c->listening != NULL
           && c->listening->handler == ngx_http_init_connection
           && c->type == SOCK_STREAM;
}

#if (NGX_HTTP_V2)

/*
 * The HTTP/2 side of a client's connection, or NULL.  What a connection's data
 * is, nobody says; of the three things that it can be HTTP/2's alone begins
 * with the connection itself.
 */
static ngx_http_v2_connection_t *
http2_of(const ngx_connection_t *c)
{
    ngx_http_v2_connection_t  *h2c = c->data;

    return h2c != NULL && h2c->connection == c ? h2c : NULL;
}

static ngx_int_t
goaway_sent(ngx_http_v2_connection_t *h2c, ngx_http_v2_out_frame_t *frame)
{
    ngx_buf_t  *b = frame->first->buf;

    return b->pos == b->last ? NGX_OK : NGX_AGAIN;
}

/*
 * Says that the connection will end, and that what the client opens until it
 * has heard that is served.  nginx's own GOAWAY would name the last stream
 * that has come, and whatever is on its way would be dropped.
 */
static void
announce_end(ngx_http_v2_connection_t *h2c)
{
    ngx_buf_t                *b;
    ngx_pool_t               *pool = h2c->connection->pool;
    ngx_http_v2_out_frame_t  *frame;

    /* length 8, GOAWAY, no flags, stream 0; every stream, NO_ERROR */
    static u_char  bytes[] = "\x00\x00\x08\x07\x00\x00\x00\x00\x00"
                             "\x7f\xff\xff\xff\x00\x00\x00\x00";

    if (h2c->goaway) {
        return;
    }

    frame = ngx_pcalloc(pool, sizeof(*frame));
    b = ngx_calloc_buf(pool);
    if (frame == NULL || b == NULL) {
        return;
    }

    frame->first = ngx_alloc_chain_link(pool);
    if (frame->first == NULL) {
        return;
    }

    b->pos = b->start = bytes;
    b->last = b->end = bytes + sizeof(bytes) - 1;
    b->memory = 1;
    b->last_buf = 1;

    frame->first->buf = b;
    frame->last = frame->first;
    frame->handler = goaway_sent;
    frame->length = sizeof(bytes) - 1 - NGX_HTTP_V2_FRAME_HEADER_SIZE;

    ngx_http_v2_queue_ordered_frame(h2c, frame);

    /* An error is noted in the connection, whose own handler ends it. */
    (void) ngx_http_v2_send_output_queue(h2c);
}

#endif

/* V1: nginx, which looks at the connections next, finds none of them idle. */
static void
keep_clients(void)
{
    ngx_uint_t                 i;
    ngx_connection_t          *c;
#if (NGX_HTTP_V2)
    ngx_http_v2_connection_t  *h2c;
#endif

    for (i = 0; i < ngx_cycle->connection_n; i++) {
        c = &ngx_cycle->connections[i];

        if (!is_client(c) || !c->idle) {
            continue;
        }

        c->idle = 0;

#if (NGX_HTTP_V2)
        h2c = http2_of(c);
        if (h2c != NULL) {
            announce_end(h2c);
        }
#endif
    }
}

/* Whether a client's connection only waits, or (HTTP/2) may wait for ever. */
static ngx_uint_t
is_waiting(const ngx_connection_t *c)
{
#if (NGX_HTTP_V2)
    ngx_http_v2_connection_t  *h2c = http2_of(c);

    if (h2c != NULL) {
        return !h2c->goaway;
    }
#endif

    /* One that lingers behind its last answer still has its request. */
    return c->reusable
           && ((ngx_http_request_t *) c->data)->signature != NGX_HTTP_MODULE;
}

/* What nginx would have closed at the start, and has become idle since. */
static void
close_clients(void)
{
    ngx_uint_t         i;
    ngx_connection_t  *c;

    for (i = 0; i < ngx_cycle->connection_n; i++) {
        c = &ngx_cycle->connections[i];

        if (is_client(c) && is_waiting(c)) {
            c->idle = 1;
        }
    }

    ngx_close_idle_connections((ngx_cycle_t *) ngx_cycle);
}

static void
look(ngx_event_t *ev)
{
    if ((ngx_msec_int_t) (ngx_current_msec - leave.end) >= 0
        || !ngx_http_tallygate_plane_is_succeeded())
    {
        close_clients();
    }

    ngx_add_timer(ev, LOOK_MS);
}

static void
restore(ngx_event_t *ev)
{
    ngx_exiting = 1;
}

static ngx_int_t
header_filter(ngx_http_request_t *r)
{
    if (r == r->main) {
        r->keepalive = 0;
    }

    return next_header_filter(r);
}

/*
 * An answer that began before the worker was told to leave has promised that
 * its connection is kept.  nginx asks only whether the worker leaves when it
 * ends; so it is told no, for the rest of this round of events.
 */
static ngx_int_t
body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_int_t  rc;

    rc = next_body_filter(r, in);

    if (rc == NGX_OK
        && r->main->keepalive
#if (NGX_HTTP_V2)
        && r->stream == NULL
#endif
        && !r->connection->buffered
        && !leave.restore.posted)
    {
        ngx_exiting = 0;
        ngx_post_event(&leave.restore, &ngx_posted_events);
    }

    return rc;
}

/* From now on every header passes here; before, none did (V3). */
static void
add_filters(void)
{
    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = header_filter;

    next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = body_filter;
}

static void
begin(ngx_event_t *ev)
{
    ngx_connection_t  *c = ev->data;

    ngx_close_connection(c);
    leave.watcher = NULL;

    if (leave.timeout == 0 || !ngx_http_tallygate_plane_is_succeeded()) {
        return;
    }

    leave.is_leaving = 1;
    leave.end = ngx_current_msec + leave.timeout;

    add_filters();
    keep_clients();

    ngx_add_timer(&leave.look, LOOK_MS);
}

void
ngx_http_tallygate_leave_exit(void)
{
    if (leave.is_leaving) { /* and was told to end at once */
        close_clients();
    }
}

ngx_int_t
ngx_http_tallygate_leave_init(ngx_cycle_t *cycle, ngx_msec_t timeout)
{
    ngx_connection_t  *c;
    ngx_socket_t       fd;

    /* Nobody reads it: it only holds a place in the table. */
    fd = eventfd(0, EFD_CLOEXEC);
    if (fd == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      "eventfd() failed");
        return NGX_ERROR;
    }

    c = ngx_get_connection(fd, cycle->log);
    if (c == NULL) {
        (void) ngx_close_socket(fd);
        return NGX_ERROR;
    }

    c->read->handler = begin;
    c->read->log = cycle->log;
    c->write->log = cycle->log;
    c->idle = 1;

    leave.dummy.fd = (ngx_socket_t) -1;
    leave.look.handler = look;
    leave.look.data = &leave.dummy;
    leave.look.log = cycle->log;
    leave.look.cancelable = 1; /* with the last connection the worker goes */

    leave.restore.handler = restore;
    leave.restore.data = &leave.dummy;
    leave.restore.log = cycle->log;

    leave.watcher = c;
    leave.timeout = timeout;

    return NGX_OK;
}
