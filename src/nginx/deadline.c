/*
 * deadline.c - the time-out of an integration, to the response's header
 *
 * Amazon's time-out is the whole time from the start of the integration to
 * the header of its answer; nginx's run between two events.  Calls with the
 * same time-out run out in the order in which they began, so each time-out
 * has a queue and one timer of nginx for its head: beginning and ending a
 * call cost a few pointers.
 *
 * A call that runs out is ended as nginx ends it: its connection's read event
 * is marked as timed out and handled.  (During a TLS handshake nginx looks at
 * the write event, hence both.)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

typedef struct line_s  line_t;

struct line_s {
    line_t            *next;
    ngx_msec_t         msec;
    ngx_queue_t        calls; /* the first to run out is the head */
    ngx_event_t        timer;
    ngx_connection_t   dummy; /* nginx's timers want one */
};

static line_t  *lines;

/*
 * A body that streams: the backend's time begins when it has all of it.  As
 * long as the body moves the time starts again; when it had ended some time
 * ago, nginx's own timer of the connection gets what is left.
 */
static ngx_uint_t
has_time_left(ngx_http_tallygate_call_t *call, ngx_connection_t *c,
    ngx_msec_t msec)
{
    ngx_msec_t            passed;
    ngx_http_request_t   *r = call->request;
    ngx_http_upstream_t  *u = r->upstream;

    if (!r->request_body_no_buffering) {
        return 0;
    }

    if (!u->request_body_sent) {

        if (u->request_body_blocked && c->sent == call->sent_before) {
            return 0; /* the backend does not read */
        }

        call->sent_before = c->sent;

        return ngx_http_tallygate_deadline_add(call, msec) == NGX_OK;
    }

    if (!c->read->timer_set) {
        return 0;
    }

    /* nginx set it when the body had gone. */
    passed = ngx_current_msec - (c->read->timer.key - u->conf->read_timeout);
    if (passed >= msec) {
        return 0;
    }

    ngx_del_timer(c->read);
    ngx_add_timer(c->read, msec - passed);

    return 1;
}

static void
run_out(ngx_http_tallygate_call_t *call, ngx_msec_t msec)
{
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    c = call->request->upstream->peer.connection;
    if (c == NULL || has_time_left(call, c, msec)) {
        return;
    }

    call->is_over = 1;

    rev = c->read;
    rev->timedout = 1;
    c->write->timedout = 1;
    rev->handler(rev);
}

static void
line_handler(ngx_event_t *ev)
{
    line_t                     *line;
    ngx_queue_t                *q;
    ngx_http_tallygate_call_t  *call;

    line = (line_t *) ((u_char *) ev - offsetof(line_t, timer));

    while (!ngx_queue_empty(&line->calls)) {
        q = ngx_queue_head(&line->calls);
        call = ngx_queue_data(q, ngx_http_tallygate_call_t, deadline);

        if ((ngx_msec_int_t) (call->deadline_at - ngx_current_msec) > 0) {
            ngx_add_timer(ev, call->deadline_at - ngx_current_msec);
            return;
        }

        ngx_http_tallygate_deadline_remove(call);
        run_out(call, line->msec);
    }
}

static line_t *
line_of(ngx_msec_t msec)
{
    line_t  *line;

    for (line = lines; line; line = line->next) {
        if (line->msec == msec) {
            return line;
        }
    }

    /* Never freed: there are as many as time-outs in the routes. */
    line = ngx_calloc(sizeof(*line), ngx_cycle->log);
    if (line == NULL) {
        return NULL;
    }

    line->msec = msec;
    ngx_queue_init(&line->calls);
    line->dummy.fd = (ngx_socket_t) -1;
    line->timer.handler = line_handler;
    line->timer.data = &line->dummy;
    line->timer.log = ngx_cycle->log;
    line->timer.cancelable = 1; /* the calls themselves hold up the worker */
    line->next = lines;
    lines = line;

    return line;
}

ngx_int_t
ngx_http_tallygate_deadline_add(ngx_http_tallygate_call_t *call,
    ngx_msec_t msec)
{
    line_t  *line;

    line = line_of(msec);
    if (line == NULL) {
        return NGX_ERROR;
    }

    call->deadline_at = ngx_current_msec + msec;
    call->is_waiting = 1;
    ngx_queue_insert_tail(&line->calls, &call->deadline);

    if (!line->timer.timer_set) {
        ngx_add_timer(&line->timer, msec);
    }

    return NGX_OK;
}

void
ngx_http_tallygate_deadline_remove(ngx_http_tallygate_call_t *call)
{
    if (call->is_waiting) {
        ngx_queue_remove(&call->deadline);
        call->is_waiting = 0;
    }
}
