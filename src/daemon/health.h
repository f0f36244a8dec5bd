/*
 * health.h - /healthz and /metrics, on the admin listener
 *
 * /healthz answers 200 when the gateway takes calls with the configuration
 * of now: the store can be written, nginx's master lives, a worker shows the
 * present configuration on the board, and the settings' ready_file, if there
 * is one, exists.  Else it answers 503; its JSON says what is missing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_DAEMON_HEALTH_H
#define TG_DAEMON_HEALTH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "billing/billing.h"
#include "control/publisher.h"
#include "http/http.h"
#include "plane/board.h"
#include "plane/buckets.h"
#include "settings/settings.h"
#include "store/store.h"
#include "util/error.h"

struct tg_health {
    const struct tg_settings  *settings;
    const struct tg_board_map *board;
    const struct tg_buckets   *buckets;
    struct tg_billing         *billing;
    struct tg_publisher       *publisher;
    pthread_mutex_t            lock; /* guards store */
    struct tg_store           *store;
    atomic_bool                has_master; /* told by the main thread */
    atomic_bool                has_worker;
    atomic_int_least64_t       first_expiry_s; /* of a certificate; 0: none */
};

/* Opens a connection of its own to the store, which is there and new. */
TG_MUST_CHECK enum tg_status
tg_health_open(struct tg_health *h, const struct tg_settings *settings,
    const struct tg_board_map *board, const struct tg_buckets *buckets,
    struct tg_billing *billing, struct tg_publisher *publisher,
    struct tg_error *err);
void tg_health_close(struct tg_health *h);

/* Answers GET /healthz. */
void tg_health_answer(struct tg_health *h, struct tg_http_response *res);

/* Appends what GET /metrics answers: the board, then the billing. */
void tg_health_metrics(struct tg_health *h, struct tg_buf *out,
    int64_t now_s);

#endif
