/*
 * backend.c - interns backends, keeps their idle connections
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/backend.h"

#include <ngx_event_connect.h>

/* What an idle connection hangs on; lives in the connection's own pool. */
typedef struct {
    ngx_queue_t                    queue; /* of its address */
    ngx_queue_t                    age;   /* of the worker, newest first */
    ngx_http_tallygate_address_t  *address;
    ngx_connection_t              *connection;
} idle_t;

typedef struct {
    ngx_queue_t  backends;
    ngx_queue_t  age;
    ngx_uint_t   idle_count;
    ngx_uint_t   is_ready;
} pool_t;

static pool_t  pool;

static void
pool_init(void)
{
    if (!pool.is_ready) {
        ngx_queue_init(&pool.backends);
        ngx_queue_init(&pool.age);
        pool.is_ready = 1;
    }
}

static void
address_set(ngx_http_tallygate_address_t *a,
    const struct tg_route_address *record)
{
    struct sockaddr_in   *sin;
    struct sockaddr_in6  *sin6;

    ngx_memzero(a, sizeof(*a));
    ngx_queue_init(&a->idle);
    a->sockaddr = &a->storage.sockaddr;
    a->is_down = record->is_down;

    if (record->family == AF_INET6) {
        sin6 = &a->storage.sockaddr_in6;
        sin6->sin6_family = AF_INET6;
        sin6->sin6_port = htons(record->port);
        ngx_memcpy(&sin6->sin6_addr, record->addr, 16);
        a->socklen = sizeof(*sin6);

    } else {
        sin = &a->storage.sockaddr_in;
        sin->sin_family = AF_INET;
        sin->sin_port = htons(record->port);
        ngx_memcpy(&sin->sin_addr, record->addr, 4);
        a->socklen = sizeof(*sin);
    }

    a->text.data = a->buffer;
    a->text.len = ngx_sock_ntop(a->sockaddr, a->socklen, a->buffer,
                                sizeof(a->buffer), 1);
}

static ngx_uint_t
is_address(ngx_str_t *name)
{
    u_char  addr[16];

    return ngx_inet_addr(name->data, name->len) != INADDR_NONE
           || ngx_inet6_addr(name->data, name->len, addr) == NGX_OK;
}

static ngx_uint_t
is_same(ngx_http_tallygate_backend_t *b, ngx_http_tallygate_backend_t *other)
{
    ngx_uint_t  i;

    if (b->hash != other->hash
        || b->is_tls != other->is_tls
        || b->skip_chain != other->skip_chain
        || b->address_count != other->address_count
        || b->name.len != other->name.len
        || ngx_memcmp(b->name.data, other->name.data, b->name.len) != 0)
    {
        return 0;
    }

    for (i = 0; i < b->address_count; i++) {
        if (b->addresses[i].socklen != other->addresses[i].socklen
            || ngx_memcmp(&b->addresses[i].storage,
                          &other->addresses[i].storage,
                          b->addresses[i].socklen) != 0)
        {
            return 0;
        }
    }

    return 1;
}

static ngx_http_tallygate_backend_t *
backend_make(const struct tg_routes *routes,
    const struct tg_route_backend *record)
{
    size_t                          size;
    ngx_uint_t                      i, n;
    const struct tg_route_address  *addresses;
    ngx_http_tallygate_backend_t   *b;

    n = record->addresses.count;
    size = sizeof(*b) + n * sizeof(ngx_http_tallygate_address_t);

    b = ngx_calloc(size + record->name.len + 1, ngx_cycle->log);
    if (b == NULL) {
        return NULL;
    }

    b->name.data = (u_char *) b + size;
    b->name.len = record->name.len;
    ngx_memcpy(b->name.data, tg_route_str(routes, record->name),
               record->name.len);

    b->is_tls = record->is_tls != 0;
    b->skip_chain = record->skip_chain != 0;
    b->is_address = is_address(&b->name);
    b->address_count = n;

    addresses = tg_route_items(routes, record->addresses);
    b->hash = ngx_crc32_short(b->name.data, b->name.len);

    for (i = 0; i < n; i++) {
        address_set(&b->addresses[i], &addresses[i]);
        b->addresses[i].backend = b;
    }

    return b;
}

ngx_http_tallygate_backend_t *
ngx_http_tallygate_backend_get(const struct tg_routes *routes,
    const struct tg_route_backend *record)
{
    ngx_uint_t                     i;
    ngx_queue_t                   *q;
    ngx_http_tallygate_backend_t  *b, *known;

    pool_init();

    b = backend_make(routes, record);
    if (b == NULL) {
        return NULL;
    }

    for (q = ngx_queue_head(&pool.backends);
         q != ngx_queue_sentinel(&pool.backends);
         q = ngx_queue_next(q))
    {
        known = ngx_queue_data(q, ngx_http_tallygate_backend_t, queue);

        if (is_same(known, b)) {
            for (i = 0; i < b->address_count; i++) {
                known->addresses[i].is_down = b->addresses[i].is_down;
            }

            ngx_free(b);
            known->uses++;
            return known;
        }
    }

    b->uses = 1;
    ngx_queue_insert_head(&pool.backends, &b->queue);

    return b;
}

static void
connection_close(ngx_connection_t *c)
{
    if (c->ssl) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;

        if (ngx_ssl_shutdown(c) == NGX_AGAIN) {
            c->ssl->handler = connection_close;
            return;
        }
    }

    ngx_destroy_pool(c->pool);
    ngx_close_connection(c);
}

static void
idle_forget(idle_t *idle)
{
    ngx_queue_remove(&idle->queue);
    ngx_queue_remove(&idle->age);
    pool.idle_count--;
}

static void
idle_close(idle_t *idle)
{
    idle_forget(idle);
    connection_close(idle->connection);
}

void
ngx_http_tallygate_backend_release(ngx_http_tallygate_backend_t *b)
{
    ngx_uint_t    i;
    ngx_queue_t  *idle;

    if (--b->uses > 0) {
        return;
    }

    for (i = 0; i < b->address_count; i++) {
        idle = &b->addresses[i].idle;

        while (!ngx_queue_empty(idle)) {
            idle_close(ngx_queue_data(ngx_queue_head(idle), idle_t, queue));
        }
    }

    if (b->session) {
        ngx_ssl_free_session(b->session);
    }

    ngx_queue_remove(&b->queue);
    ngx_free(b);
}

void
ngx_http_tallygate_idle_close_all(void)
{
    pool_init();

    while (!ngx_queue_empty(&pool.age)) {
        idle_close(ngx_queue_data(ngx_queue_head(&pool.age), idle_t, age));
    }
}

ngx_connection_t *
ngx_http_tallygate_idle_take(ngx_http_tallygate_address_t *address,
    ngx_log_t *log, ngx_msec_t timeout)
{
    idle_t            *idle;
    ngx_connection_t  *c;

    if (ngx_queue_empty(&address->idle)) {
        return NULL;
    }

    idle = ngx_queue_data(ngx_queue_head(&address->idle), idle_t, queue);
    idle_forget(idle);

    c = idle->connection;
    c->idle = 0;
    c->sent = 0;
    c->data = NULL;
    c->log = log;
    c->read->log = log;
    c->write->log = log;
    c->pool->log = log;

    /*
     * The read timer may stay if nginx would set it to nearly the same time
     * anyhow; an older one would cut this call short.
     */
    if (c->read->timer_set
        && (ngx_msec_int_t) (ngx_current_msec + timeout
                             - c->read->timer.key) >= NGX_TIMER_LAZY_DELAY)
    {
        ngx_del_timer(c->read);
    }

    return c;
}

static void
idle_write_handler(ngx_event_t *ev)
{
    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ev->log, 0,
                   "tallygate: idle connection writable");
}

/* An idle connection has no business to be readable: it was closed. */
static void
idle_read_handler(ngx_event_t *ev)
{
    int                n;
    u_char             byte;
    ngx_connection_t  *c = ev->data;

    if (!c->close && !ev->timedout) {
        n = recv(c->fd, &byte, 1, MSG_PEEK);

        if (n == -1 && ngx_socket_errno == NGX_EAGAIN) {
            ev->ready = 0;

            if (ngx_handle_read_event(ev, 0) == NGX_OK) {
                return;
            }
        }
    }

    idle_close(c->data);
}

static void
idle_cleanup(void *data)
{
    /* Marks the record among the cleanups of the connection's pool. */
}

/* The record of a connection, made when it is kept for the first time. */
static idle_t *
idle_of(ngx_connection_t *c)
{
    ngx_pool_cleanup_t  *cln;

    for (cln = c->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == idle_cleanup) {
            return cln->data;
        }
    }

    cln = ngx_pool_cleanup_add(c->pool, sizeof(idle_t));
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = idle_cleanup;

    return cln->data;
}

ngx_int_t
ngx_http_tallygate_idle_keep(ngx_http_tallygate_address_t *address,
    ngx_connection_t *c, ngx_uint_t max, ngx_msec_t timeout)
{
    idle_t       *idle;
    ngx_queue_t  *q;

    if (max == 0 || ngx_handle_read_event(c->read, 0) != NGX_OK) {
        return NGX_DECLINED;
    }

    idle = idle_of(c);
    if (idle == NULL) {
        return NGX_DECLINED;
    }

    if (pool.idle_count >= max) {
        q = ngx_queue_last(&pool.age);
        idle_close(ngx_queue_data(q, idle_t, age));
    }

    idle->address = address;
    idle->connection = c;
    ngx_queue_insert_head(&address->idle, &idle->queue);
    ngx_queue_insert_head(&pool.age, &idle->age);
    pool.idle_count++;

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    if (!c->read->timer_set) {
        ngx_add_timer(c->read, timeout);
    }

    c->data = idle;
    c->idle = 1;
    c->read->delayed = 0;
    c->read->handler = idle_read_handler;
    c->write->handler = idle_write_handler;
    c->log = ngx_cycle->log;
    c->read->log = ngx_cycle->log;
    c->write->log = ngx_cycle->log;
    c->pool->log = ngx_cycle->log;

    if (c->read->ready) {
        idle_read_handler(c->read);
    }

    return NGX_OK;
}
