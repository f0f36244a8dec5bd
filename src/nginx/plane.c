/*
 * plane.c - opens, watches and changes the files where the planes meet
 *
 * The tick runs once a second: it beats the heart of the worker's row, moves
 * the epoch (P2), notices a state directory that was made anew, and tries
 * again what could not be opened.  What is refused is logged when it is
 * refused first or for another reason, not every second.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/plane.h"

#include <ngx_channel.h>

#include <unistd.h>

#define TICK_MS  1000

typedef struct {
    ngx_http_tallygate_set_t  *current;
    ngx_queue_t                replaced; /* sets that still have calls */
    const char                *state_dir;
    uint64_t                   conf_generation;
    ngx_event_t                tick;
    ngx_connection_t           dummy; /* nginx's timers want one */
    char                       said[TG_ERROR_MAX]; /* the last complaint */
} worker_t;

static worker_t  worker;

static void
complain(const struct tg_error *err)
{
    if (ngx_strcmp(worker.said, err->message) == 0) {
        return;
    }

    ngx_cpystrn((u_char *) worker.said, (u_char *) err->message,
                sizeof(worker.said));
    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0, "tallygate: %s",
                  err->message);
}

static void
free_routes(ngx_http_tallygate_routes_t *routes)
{
    ngx_uint_t  i;

    for (i = 0; i < routes->backend_count; i++) {
        ngx_http_tallygate_backend_release(routes->backends[i]);
    }

    tg_routes_unload(&routes->table);
    ngx_free(routes->backends);
    ngx_free(routes);
}

void
ngx_http_tallygate_routes_release(ngx_http_tallygate_routes_t *routes)
{
    if (routes != NULL && --routes->uses == 0) {
        free_routes(routes);
    }
}

static ngx_int_t
intern_backends(ngx_http_tallygate_routes_t *routes)
{
    ngx_uint_t                      i, n;
    const struct tg_routes_header  *header = routes->table.header;
    const struct tg_route_backend  *records;

    n = header->backends.count;
    records = tg_route_items(&routes->table, header->backends);

    routes->backends = ngx_calloc((n + 1) * sizeof(void *), ngx_cycle->log);
    if (routes->backends == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        routes->backends[i] =
            ngx_http_tallygate_backend_get(&routes->table, &records[i]);
        if (routes->backends[i] == NULL) {
            return NGX_ERROR;
        }

        routes->backend_count++;
    }

    return NGX_OK;
}

static enum tg_status
load_routes(ngx_http_tallygate_set_t *set, uint64_t generation,
    struct tg_error *err)
{
    enum tg_status                status;
    ngx_http_tallygate_routes_t  *routes;

    routes = ngx_calloc(sizeof(*routes), ngx_cycle->log);
    if (routes == NULL) {
        return tg_error_set(err, TG_NOMEM, "routes: out of memory");
    }

    status = tg_routes_load(&routes->table, worker.state_dir,
                            set->board.page->file_id, generation, err);
    if (status != TG_OK) {
        ngx_free(routes);
        return status;
    }

    routes->uses = 1;

    if (intern_backends(routes) != NGX_OK) {
        free_routes(routes);
        return tg_error_set(err, TG_NOMEM, "routes: out of memory");
    }

    ngx_http_tallygate_routes_release(set->routes);
    set->routes = routes;
    atomic_store_explicit(&set->row->routes_generation, generation,
                          memory_order_release);

    return TG_OK;
}

/*
 * Makes the board's generation of routes current, or leaves the old one.  A
 * worker that has none yet, since it was started after the file was spoiled,
 * goes on with the generation before, which the daemon keeps.
 */
static enum tg_status
update_routes(ngx_http_tallygate_set_t *set, struct tg_error *err)
{
    uint64_t        wanted;
    enum tg_status  status;

    wanted = atomic_load_explicit(&set->board.page->routes_generation,
                                  memory_order_acquire);
    if (wanted == 0
        || (set->routes && set->routes->table.header->generation == wanted))
    {
        return TG_OK;
    }

    status = load_routes(set, wanted, err);

    if (status != TG_OK && set->routes == NULL && wanted > 1) {
        (void) load_routes(set, wanted - 1, NULL);
    }

    return status;
}

static enum tg_status
update_keys(ngx_http_tallygate_set_t *set, struct tg_error *err)
{
    uint64_t         wanted;
    enum tg_status   status;
    struct tg_keys  *keys;

    wanted = atomic_load_explicit(&set->board.page->keys_generation,
                                  memory_order_acquire);
    if (wanted == 0
        || (set->keys && tg_keys_generation(set->keys) == wanted))
    {
        return TG_OK;
    }

    status = tg_keys_open(&keys, worker.state_dir, set->board.page, wanted,
                          err);
    if (status != TG_OK) {
        return status;
    }

    /* A call copies what it finds, so nothing points into the old one. */
    tg_keys_close(set->keys);
    set->keys = keys;
    atomic_store_explicit(&set->row->keys_generation, wanted,
                          memory_order_release);

    return TG_OK;
}

static enum tg_status
update_meters(ngx_http_tallygate_set_t *set, struct tg_error *err)
{
    if (set->meters != NULL) {
        return tg_meters_update(set->meters, err);
    }

    if (atomic_load_explicit(&set->board.page->meter_pieces,
                             memory_order_acquire) == 0)
    {
        return TG_OK;
    }

    return tg_meters_open(&set->meters, worker.state_dir, set->board.page,
                          err);
}

/* Once a set: calls hold words of them, and they are never made anew. */
static enum tg_status
update_buckets(ngx_http_tallygate_set_t *set, struct tg_error *err)
{
    if (set->buckets != NULL
        || atomic_load_explicit(&set->board.page->has_buckets,
                                memory_order_acquire) == 0)
    {
        return TG_OK;
    }

    return tg_buckets_open(&set->buckets, worker.state_dir, set->board.page,
                           (unsigned) (set->row - set->board.page->rows),
                           err);
}

/*
 * Brings the set up to the board.  Each file is tried, whatever the others
 * say; meters come before keys, so that a key's cell is mapped before the key
 * is seen.
 */
static void
update(ngx_http_tallygate_set_t *set)
{
    ngx_uint_t       failed;
    struct tg_error  err;

    set->change = atomic_load_explicit(&set->board.page->change,
                                       memory_order_acquire);
    failed = 0;

    if (update_meters(set, &err) != TG_OK) {
        complain(&err);
        failed = 1;
    }

    if (update_keys(set, &err) != TG_OK) {
        complain(&err);
        failed = 1;
    }

    if (update_buckets(set, &err) != TG_OK) {
        complain(&err);
        failed = 1;
    }

    if (update_routes(set, &err) != TG_OK) {
        complain(&err);
        failed = 1;
    }

    if (!failed) {
        worker.said[0] = '\0';
    }
}

static void
free_set(ngx_http_tallygate_set_t *set)
{
    ngx_http_tallygate_routes_release(set->routes);
    tg_keys_close(set->keys);
    tg_meters_close(set->meters);
    tg_buckets_close(set->buckets);

    if (set->row_fd != -1) {
        (void) close(set->row_fd);
    }

    tg_board_close(&set->board);
    ngx_free(set);
}

void
ngx_http_tallygate_set_release(ngx_http_tallygate_set_t *set)
{
    if (set == NULL || --set->uses > 0) {
        return;
    }

    if (set != worker.current) {
        ngx_queue_remove(&set->queue);
    }

    free_set(set);
}

/* P2: moves the pins and the row on to the board's epoch. */
static void
move_epoch(ngx_http_tallygate_set_t *set)
{
    uint64_t                   now;
    ngx_http_tallygate_pin_t  *last;

    now = atomic_load_explicit(&set->board.page->epoch, memory_order_acquire);
    last = &set->pins[set->pin_last & (NGX_HTTP_TALLYGATE_PINS - 1)];

    if (last->calls == 0) {
        last->epoch = now;

    } else if (last->epoch != now
               && set->pin_last - set->pin_first < NGX_HTTP_TALLYGATE_PINS - 1)
    {
        /* With all pins in use new calls share the newest: it is older. */
        set->pin_last++;
        last = &set->pins[set->pin_last & (NGX_HTTP_TALLYGATE_PINS - 1)];
        last->epoch = now;
    }

    while (set->pin_first != set->pin_last
           && set->pins[set->pin_first & (NGX_HTTP_TALLYGATE_PINS - 1)].calls
              == 0)
    {
        set->pin_first++;
    }

    atomic_store_explicit(&set->row->epoch,
        set->pins[set->pin_first & (NGX_HTTP_TALLYGATE_PINS - 1)].epoch,
        memory_order_release);
}

static void
beat(ngx_http_tallygate_set_t *set)
{
    move_epoch(set);
    atomic_store_explicit(&set->row->heartbeat_s, (uint64_t) ngx_time(),
                          memory_order_relaxed);
}

static void
open_set(void)
{
    struct tg_error            err;
    ngx_http_tallygate_set_t  *set;

    set = ngx_calloc(sizeof(*set), ngx_cycle->log);
    if (set == NULL) {
        return;
    }

    set->uses = 1;
    set->row_fd = -1;

    if (tg_board_open(&set->board, worker.state_dir, &err) != TG_OK) {
        complain(&err);
        ngx_free(set);
        return;
    }

    if (tg_board_row_claim(&set->row, &set->row_fd, &set->board,
                           worker.state_dir, worker.conf_generation,
                           ngx_time(), &err)
        != TG_OK)
    {
        complain(&err);
        free_set(set);
        return;
    }

    beat(set);
    worker.current = set;
    update(set);

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "tallygate: serving from \"%s\"", worker.state_dir);
}

/* P3: the directory was deleted or made anew; calls in flight go on. */
static void
replace_set(void)
{
    ngx_http_tallygate_set_t  *set;

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "tallygate: the board of \"%s\" was replaced or deleted",
                  worker.state_dir);

    set = worker.current;
    worker.current = NULL;
    ngx_queue_insert_tail(&worker.replaced, &set->queue);
    ngx_http_tallygate_set_release(set);
}

static ngx_uint_t
is_complete(const ngx_http_tallygate_set_t *set)
{
    const struct tg_board  *board = set->board.page;

    return set->routes && set->keys && set->meters
           && set->routes->table.header->generation
              == atomic_load_explicit(&board->routes_generation,
                                      memory_order_relaxed)
           && tg_keys_generation(set->keys)
              == atomic_load_explicit(&board->keys_generation,
                                      memory_order_relaxed);
}

static void
tick(ngx_event_t *ev)
{
    ngx_queue_t  *q;

    if (worker.current
        && !tg_board_is_current(&worker.current->board, worker.state_dir))
    {
        replace_set();
    }

    if (worker.current == NULL) {
        open_set();

    } else if (!is_complete(worker.current)
               || worker.current->change
                  != atomic_load_explicit(&worker.current->board.page->change,
                                          memory_order_relaxed))
    {
        update(worker.current);
    }

    if (worker.current) {
        beat(worker.current);
    }

    for (q = ngx_queue_head(&worker.replaced);
         q != ngx_queue_sentinel(&worker.replaced);
         q = ngx_queue_next(q))
    {
        beat(ngx_queue_data(q, ngx_http_tallygate_set_t, queue));
    }

    ngx_add_timer(ev, TICK_MS);
}

ngx_int_t
ngx_http_tallygate_plane_start(ngx_cycle_t *cycle, const char *state_dir,
    uint64_t conf_generation)
{
    ngx_queue_init(&worker.replaced);
    worker.state_dir = state_dir;
    worker.conf_generation = conf_generation;

    worker.dummy.fd = (ngx_socket_t) -1;
    worker.tick.handler = tick;
    worker.tick.data = &worker.dummy;
    worker.tick.log = cycle->log;
    worker.tick.cancelable = 1; /* does not hold up a worker that leaves */

    open_set();
    ngx_add_timer(&worker.tick, TICK_MS);

    return NGX_OK;
}

void
ngx_http_tallygate_plane_stop(void)
{
    ngx_http_tallygate_set_t  *set;

    if (worker.tick.timer_set) {
        ngx_del_timer(&worker.tick);
    }

    ngx_http_tallygate_idle_close_all();

    set = worker.current;
    if (set != NULL && set->uses == 1) {
        worker.current = NULL;
        free_set(set);
    }
}

/*
 * Whether the master has started a process that has no row yet.  It told this
 * worker of it before it told it to leave.
 */
static ngx_uint_t
is_one_starting(const ngx_http_tallygate_set_t *set)
{
    ngx_int_t             i;
    const ngx_process_t  *p;

    /* A worker's own ngx_last_process stays what it was at its start. */
    for (i = 0; i < NGX_MAX_PROCESSES; i++) {
        p = &ngx_processes[i];

        if (i != ngx_process_slot
            && p->pid > 0 && p->channel[0] != -1
            && !tg_board_knows(&set->board, p->pid)
            && kill(p->pid, 0) == 0)
        {
            return 1;
        }
    }

    return 0;
}

ngx_uint_t
ngx_http_tallygate_plane_is_succeeded(void)
{
    ngx_http_tallygate_set_t  *set = worker.current;

    return set != NULL
           && (tg_board_row_is_succeeded(&set->board, set->row)
               || is_one_starting(set));
}

ngx_http_tallygate_set_t *
ngx_http_tallygate_set_current(void)
{
    ngx_http_tallygate_set_t  *set = worker.current;

    if (set == NULL) {
        return NULL;
    }

    if (set->change != atomic_load_explicit(&set->board.page->change,
                                            memory_order_acquire))
    {
        update(set);
    }

    return set->routes && set->keys && set->meters ? set : NULL;
}

const struct tg_routes *
ngx_http_tallygate_newest_routes(ngx_http_tallygate_set_t *set)
{
    update(set);

    return &set->routes->table;
}
