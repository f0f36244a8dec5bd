/*
 * change.h - one change of the configuration, from the store to the workers
 *
 * A change is a store transaction together with what has to be published
 * when it is committed: entries of the key table, cells of the meters, a new
 * routes file.  The HTTP handlers and the onboarding both make their changes
 * through it, so there is one order in which things happen:
 *
 *     begin     takes the control plane's lock and the store's write lock
 *     ...       statements; tg_change_key, tg_change_routes note what they
 *               touch; the audit record is appended
 *     commit    makes room for what will be published (fails here, with
 *               nothing done, when there is none), commits durably, then
 *               publishes: cells, entries, words, routes; then unlocks
 *
 * Promises
 *   C1  Commits and publications have the same order, but that a key which
 *       cannot be published holds up no other.
 *   C2  When commit returns TG_OK, every worker that looks finds the change.
 *   C3  When anything fails before the store's commit, nothing has changed.
 *       After it, the change stands: what could not be published is kept
 *       and tried again by tg_control_tick, and the epoch does not move on
 *       before it succeeded, so that no slot is reused too early.
 *   C4  Nothing here waits for the network.  A change for which the keys
 *       table must grow twice waits for the workers to have followed once,
 *       which takes them a second when they are idle.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_CHANGE_H
#define TG_CONTROL_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"
#include "util/arena.h"
#include "util/error.h"

struct tg_control;
struct tg_unpublished; /* a key to publish */
struct tg_change_slot; /* a slot taken, given back by an abort */

struct tg_change {
    struct tg_control     *control;
    struct tg_store       *store; /* control->store, in a transaction */
    struct tg_arena       *arena; /* lives as long as the change */
    int64_t                now_s;
    struct tg_unpublished *keys; /* newest first */
    struct tg_change_slot *slots;
    uint64_t               created_keys; /* by this change: quotas.h */
    uint64_t               next_epoch; /* retired_epoch of slots given up */
    bool                   has_retired;
    bool                   has_routes;
    bool                   is_open;
    bool                   is_stored; /* committed: it stands (C3) */
};

/* Takes both locks.  On failure nothing is held. */
TG_MUST_CHECK enum tg_status tg_change_begin(struct tg_change *change,
    struct tg_control *control, struct tg_arena *arena, int64_t now_s,
    struct tg_error *err);

/*
 * TG_OK: stored and published (C2).  Otherwise err and is_stored say whether
 * it was stored (C3); the locks are released in every case.
 */
TG_MUST_CHECK enum tg_status tg_change_commit(struct tg_change *change,
    struct tg_error *err);

/* Undoes everything and releases the locks; nothing after a commit. */
void tg_change_abort(struct tg_change *change);

/*
 * The entry of the key with this digest (hex SHA-256 of its value) must be
 * written anew, or removed if the store no longer has the key.
 */
TG_MUST_CHECK enum tg_status tg_change_key(struct tg_change *change,
    const char *digest, struct tg_error *err);

/* Takes a slot of the meters, or two; an abort gives them back. */
TG_MUST_CHECK enum tg_status tg_change_take_slot(struct tg_change *change,
    bool is_wide, uint32_t *slot, struct tg_error *err);

/* Deployments, stages or plans changed: a new routes file is needed. */
void tg_change_routes(struct tg_change *change);

/*
 * Publishes what is stored and not published yet (under the lock).  TG_OK
 * when nothing is left.
 */
TG_MUST_CHECK enum tg_status tg_change_flush(struct tg_control *control,
    struct tg_error *err);

/* At the end of the control: what waits is found again by the next start. */
void tg_change_forget(struct tg_control *control);

#endif
