/*
 * control.h - the AWS-compatible control plane: what its parts share
 *
 * One struct tg_control serves the admin listener (tg_control_handle) and the
 * onboarding, which runs in the same process.  It owns the configuration
 * store's connection and the writers of the mapped files.
 *
 * Promises
 *   N1  There is one writer: whoever reads or changes the configuration
 *       through this struct holds its lock (tg_change_begin takes it).
 *   N2  A changing call is audited in the transaction that makes the change;
 *       one that fails is audited in a transaction of its own.  Either record
 *       is durable before the caller has the answer.
 *   N3  An API key's value leaves this room only in an answer to a caller
 *       who may have it: never in a log, an error or an audit record.
 *   N4  No call costs time in proportion to the number of keys; what a change
 *       of a plan means for more than a thousand keys follows it in portions
 *       (plan_work.h).  But one: with a plan that is deleted go the rows of
 *       its keys, some 20 microseconds each.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_CONTROL_H
#define TG_CONTROL_CONTROL_H

#include <pthread.h>
#include <stdint.h>

#include "control/attempts.h"
#include "http/http.h"
#include "plane/board.h"
#include "plane/buckets.h"
#include "plane/keys.h"
#include "plane/meters.h"
#include "settings/settings.h"
#include "store/store.h"
#include "util/error.h"
#include "util/sigv4.h"

struct tg_access_keys;
struct tg_rotation;
struct tg_slots;
struct tg_unpublished;
struct tg_vault;

/*
 * Compiles routes.  prepare reads the store inside the open transaction and
 * keeps the new file in memory (it fails without having done anything);
 * publish makes the last prepared one current; discard forgets it.  All are
 * called under the lock.  NULL members: there are no routes (tests).
 */
struct tg_routes_publisher {
    enum tg_status (*prepare)(void *data, struct tg_store *store,
        int64_t now_s, struct tg_error *err);
    enum tg_status (*publish)(void *data, struct tg_error *err);
    void (*discard)(void *data);
    void *data;
};

/* What tg_control_open needs; all is borrowed and outlives the control. */
struct tg_control_config {
    const struct tg_settings *settings;
    struct tg_board_map      *board;  /* opened by the daemon, for writing */
    /* The lookup of the seller's own key; see access_keys.h for others. */
    struct tg_sigv4_verifier  verifier;
};

/* The last id of a length that tg_listed_id gave, as a number. */
struct tg_last_listed {
    int64_t  second;
    uint64_t number;
};

struct tg_control {
    pthread_mutex_t           lock; /* guards all that follows */
    struct tg_store          *store;
    const struct tg_settings *settings;
    struct tg_vault          *vault;
    struct tg_board_map      *board;
    struct tg_keys_writer    *keys;
    struct tg_meters         *meters; /* the collector maps its own */
    struct tg_buckets        *buckets;
    struct tg_slots          *slots; /* has its own lock */
    struct tg_routes_publisher routes;
    struct tg_control_config  config;
    char                      file_id[2 * TG_PLANE_ID_SIZE + 1]; /* hex */
    struct tg_unpublished    *unpublished; /* oldest first; C3 of change.h */
    uint64_t                  due_epoch;   /* 0, or: after the last of them */
    bool                      has_unpublished_routes;
    bool                      has_plan_work; /* perhaps; plan_work.h */
    struct tg_access_keys    *access_keys; /* has its own lock */
    struct tg_attempts        attempts;    /* atomic */
    struct tg_rotation       *rotation;    /* has its own lock */
    struct tg_last_listed     last_listed[11]; /* by length: listed_id.h */
};

/*
 * Opens the store (brought to the newest schema), the vault, the key table
 * and the meters, compares store and key table entry by entry and mends what
 * differs.  The routes are published by the caller, who sets ->routes first
 * and then calls tg_control_publish_routes.
 */
TG_MUST_CHECK enum tg_status tg_control_open(struct tg_control **out,
    const struct tg_control_config *config, int64_t now_s,
    struct tg_error *err);
void tg_control_close(struct tg_control *control);

/* A tg_http_handler for the admin listener; data is the struct tg_control. */
void tg_control_handle(struct tg_http_request *req,
    struct tg_http_response *res, void *data);

/* Prepares and publishes the routes as the store has them (start-up). */
TG_MUST_CHECK enum tg_status tg_control_publish_routes(
    struct tg_control *control, int64_t now_s, struct tg_error *err);

/*
 * Once a second: publishes what could not be published before, and drops
 * generations of the key table that nobody uses any more.
 */
void tg_control_tick(struct tg_control *control);

#endif
