/*
 * plane.h - the worker's hold on board, routes, keys and meters
 *
 * The four files of one state directory are a set.  A worker has a current
 * set, or none while they cannot be opened; then calls are refused with 503
 * and it tries again every second.  Routes change within a set with every
 * deployment; each generation lives as long as a call uses it.
 *
 * Invariants
 *   P1  A call compares one word of the board; only when that has moved does
 *       it look at files.
 *   P2  The row's epoch is raised by the tick alone, to the lesser of the
 *       oldest epoch that a call in flight has pinned and the board's epoch
 *       as read at that moment.  Calls pin the newest epoch that a tick has
 *       read, so the row is never above a call's pin and no fence is needed.
 *   P3  A set that was replaced on disk lives on until its calls have ended.
 *   P4  A file that is refused leaves the last good one in use.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef NGX_HTTP_TALLYGATE_PLANE_H
#define NGX_HTTP_TALLYGATE_PLANE_H

#include <ngx_config.h>
#include <ngx_core.h>

#include "nginx/backend.h"
#include "plane/board.h"
#include "plane/buckets.h"
#include "plane/keys.h"
#include "plane/meters.h"
#include "plane/routes.h"

#define NGX_HTTP_TALLYGATE_PINS  64 /* a power of two */

typedef struct ngx_http_tallygate_call_s  ngx_http_tallygate_call_t;

/* One generation of routes, in private memory. */
typedef struct {
    struct tg_routes               table;
    ngx_uint_t                     uses; /* calls, and 1 while current */
    ngx_http_tallygate_backend_t **backends; /* by the file's index */
    ngx_uint_t                     backend_count;
} ngx_http_tallygate_routes_t;

/* Calls in flight that started under one epoch. */
typedef struct {
    uint64_t    epoch;
    ngx_uint_t  calls;
} ngx_http_tallygate_pin_t;

typedef struct {
    ngx_queue_t                   queue; /* among the replaced ones */
    struct tg_board_map           board;
    struct tg_board_row          *row;
    int                           row_fd;
    uint64_t                      change; /* the board's word, as last seen */
    ngx_http_tallygate_routes_t  *routes;
    struct tg_keys               *keys;
    struct tg_meters             *meters;
    struct tg_buckets            *buckets; /* NULL: cannot be opened */
    ngx_http_tallygate_pin_t      pins[NGX_HTTP_TALLYGATE_PINS];
    ngx_uint_t                    pin_first;
    ngx_uint_t                    pin_last;
    ngx_uint_t                    uses; /* calls, and 1 while current */
} ngx_http_tallygate_set_t;

/* Starts the tick and opens the set if it can be opened. */
ngx_int_t ngx_http_tallygate_plane_start(ngx_cycle_t *cycle,
    const char *state_dir, uint64_t conf_generation);
void ngx_http_tallygate_plane_stop(void);

/*
 * Whether a worker that began later than this one lives, or is about to have
 * its row; and leaving workers like this one have not taken most rows.
 */
ngx_uint_t ngx_http_tallygate_plane_is_succeeded(void);

/* The current set, with its files as the board names them; or NULL. */
ngx_http_tallygate_set_t *ngx_http_tallygate_set_current(void);

/* The routes of a set that is open, as new as they can be had. */
const struct tg_routes *ngx_http_tallygate_newest_routes(
    ngx_http_tallygate_set_t *set);

void ngx_http_tallygate_set_release(ngx_http_tallygate_set_t *set);
void ngx_http_tallygate_routes_release(ngx_http_tallygate_routes_t *routes);

/* Pins the epoch for a call; the result names the pin for the unpinning. */
static ngx_inline ngx_uint_t
ngx_http_tallygate_pin(ngx_http_tallygate_set_t *set)
{
    ngx_uint_t  n;

    n = set->pin_last & (NGX_HTTP_TALLYGATE_PINS - 1);
    set->pins[n].calls++;

    return n;
}

static ngx_inline void
ngx_http_tallygate_unpin(ngx_http_tallygate_set_t *set, ngx_uint_t pin)
{
    set->pins[pin].calls--;
}

/* Adds one to a number of the row, which has this one writer. */
static ngx_inline void
ngx_http_tallygate_row_add(_Atomic uint64_t *number)
{
    atomic_store_explicit(number,
        atomic_load_explicit(number, memory_order_relaxed) + 1,
        memory_order_relaxed);
}

#endif
