/* SPDX-License-Identifier: Apache-2.0 */
#include "control/change.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/control.h"
#include "control/entries.h"
#include "control/slots.h"
#include "util/digest.h"
#include "util/log.h"

/* Idle workers look at the board once a second. */
#define WORKERS_WAIT_MS 3000
#define WORKERS_POLL_MS 10

struct tg_unpublished {
    char                   digest[TG_SHA256_HEX];
    struct tg_unpublished *next;
};

struct tg_change_slot {
    uint32_t               slot;
    bool                   is_wide;
    struct tg_change_slot *next;
};

enum tg_status
tg_change_begin(struct tg_change *change, struct tg_control *control,
    struct tg_arena *arena, int64_t now_s, struct tg_error *err)
{
    enum tg_status status;

    memset(change, 0, sizeof(*change));
    change->control = control;
    change->store = control->store;
    change->arena = arena;
    change->now_s = now_s;
    pthread_mutex_lock(&control->lock);
    status = tg_store_begin(control->store, TG_STORE_DURABLE, err);
    if (status != TG_OK) {
        pthread_mutex_unlock(&control->lock);
        return status;
    }
    change->next_epoch = atomic_load(&control->board->page->epoch) + 1;
    change->is_open = true;
    return TG_OK;
}

enum tg_status
tg_change_key(struct tg_change *change, const char *digest,
    struct tg_error *err)
{
    struct tg_unpublished *key;

    assert(change->is_open);
    /* Not from the arena: what cannot be published outlives the change. */
    key = calloc(1, sizeof(*key));
    if (key == NULL || strlen(digest) != TG_SHA256_HEX - 1) {
        free(key);
        return tg_error_set(err, TG_NOMEM, "a key cannot be published: out "
            "of memory, or its digest in the store is damaged");
    }
    memcpy(key->digest, digest, TG_SHA256_HEX);
    key->next = change->keys;
    change->keys = key;
    return TG_OK;
}

enum tg_status
tg_change_take_slot(struct tg_change *change, bool is_wide, uint32_t *slot,
    struct tg_error *err)
{
    enum tg_status         status;
    struct tg_control     *control = change->control;
    struct tg_change_slot *taken = tg_arena_alloc(change->arena,
        sizeof(*taken));

    if (taken == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    status = tg_slots_take(control->slots, control->meters, is_wide, slot,
        err);
    if (status == TG_OK) {
        taken->slot = *slot;
        taken->is_wide = is_wide;
        taken->next = change->slots;
        change->slots = taken;
    }
    return status;
}

void
tg_change_routes(struct tg_change *change)
{
    change->has_routes = true;
}

/* What both endings share. */
static void
end(struct tg_change *change)
{
    change->is_open = false;
    pthread_mutex_unlock(&change->control->lock);
}

void
tg_change_abort(struct tg_change *change)
{
    struct tg_change_slot *taken;
    struct tg_unpublished *key;

    if (!change->is_open) {
        return;
    }
    tg_store_rollback(change->store);
    while ((key = change->keys) != NULL) {
        change->keys = key->next;
        free(key);
    }
    for (taken = change->slots; taken != NULL; taken = taken->next) {
        tg_slots_give_back(change->control->slots, taken->slot,
            taken->is_wide);
    }
    end(change);
}

static enum tg_status
publish_routes(struct tg_control *control, struct tg_error *err)
{
    enum tg_status status = TG_OK;

    if (control->has_unpublished_routes) {
        status = control->routes.publish(control->routes.data, err);
        control->has_unpublished_routes = status != TG_OK;
    }
    return status;
}

/*
 * Publishes each key of the list and takes it off; those that fail stay, and
 * keep no other key (a revocation, say) from being published.  Gives the
 * first failure.
 */
static enum tg_status
publish_keys(struct tg_control *control, struct tg_unpublished **list,
    struct tg_error *err)
{
    enum tg_status         result = TG_OK;
    enum tg_status         status;
    struct tg_error        reason = {0};
    struct tg_unpublished *key;

    while ((key = *list) != NULL) {
        status = tg_entry_publish(control, key->digest, &reason);
        if (status == TG_OK) {
            *list = key->next;
            free(key);
            continue;
        }
        if (result == TG_OK) {
            result = tg_error_set(err, status, "%s", reason.message);
        }
        list = &key->next;
    }
    return result;
}

/*
 * The same, waiting for workers that still read the keys table before this
 * one: while they do it cannot grow, and a file of keys fills it in no time.
 * A worker that does not even look at the board is not waited for longer.
 */
static enum tg_status
publish_patiently(struct tg_control *control, struct tg_unpublished **list,
    struct tg_error *err)
{
    int                   waited;
    enum tg_status        status;
    const struct timespec pause = {0, WORKERS_POLL_MS * 1000000L};

    status = publish_keys(control, list, err);
    for (waited = 0; status == TG_BUSY && waited < WORKERS_WAIT_MS;
         waited += WORKERS_POLL_MS) {
        tg_board_changed(control->board->page);
        (void) nanosleep(&pause, NULL);
        status = publish_keys(control, list, err);
    }
    return status;
}

/* C3: a slot given up by an entry that still stands stays untouched. */
static void
move_epoch(struct tg_control *control)
{
    if (control->unpublished == NULL && control->due_epoch != 0) {
        atomic_store(&control->board->page->epoch, control->due_epoch);
        control->due_epoch = 0;
    }
}

enum tg_status
tg_change_flush(struct tg_control *control, struct tg_error *err)
{
    enum tg_status status;
    enum tg_status routes;

    status = publish_keys(control, &control->unpublished, err);
    move_epoch(control);
    routes = publish_routes(control, status == TG_OK ? err : NULL);
    tg_board_changed(control->board->page);
    return status == TG_OK ? routes : status;
}

void
tg_change_forget(struct tg_control *control)
{
    struct tg_unpublished *key;

    while ((key = control->unpublished) != NULL) {
        control->unpublished = key->next;
        free(key);
    }
}

/*
 * Publishes the change's keys, oldest first; those that cannot be published
 * join the ones that wait.  What waited before is left to the tick.
 */
static enum tg_status
publish_change(struct tg_change *change, struct tg_error *err)
{
    enum tg_status          routes;
    enum tg_status          status;
    struct tg_control      *control = change->control;
    struct tg_unpublished  *key;
    struct tg_unpublished  *ordered = NULL;
    struct tg_unpublished **tail = &control->unpublished;

    while ((key = change->keys) != NULL) {
        change->keys = key->next;
        key->next = ordered;
        ordered = key;
    }
    status = publish_patiently(control, &ordered, err);
    while (*tail != NULL) {
        tail = &(*tail)->next;
    }
    *tail = ordered;
    if (change->has_retired) {
        control->due_epoch = change->next_epoch;
    }
    move_epoch(control);
    routes = publish_routes(control, status == TG_OK ? err : NULL);
    tg_board_changed(control->board->page);
    return status == TG_OK ? routes : status;
}

enum tg_status
tg_change_commit(struct tg_change *change, struct tg_error *err)
{
    enum tg_status     status = TG_OK;
    bool               has_routes;
    struct tg_control *control = change->control;
    struct tg_error    reason = {0};

    assert(change->is_open);
    has_routes = change->has_routes && control->routes.prepare != NULL;
    if (has_routes) {
        status = control->routes.prepare(control->routes.data, change->store,
            change->now_s, err);
    }
    if (status == TG_OK) {
        status = tg_store_commit(change->store, err);
        if (status != TG_OK && has_routes) {
            control->routes.discard(control->routes.data);
        }
    }
    if (status != TG_OK) {
        tg_change_abort(change);
        return status;
    }
    change->is_stored = true;
    control->has_unpublished_routes |= has_routes;
    status = publish_change(change, &reason);
    if (status != TG_OK) {
        tg_logf(TG_LOG_ERROR, "publish_failed", "%s", reason.message);
        status = tg_error_set(err, TG_IO, "the change is stored, but the "
            "gateway does not have it yet (tried again every second): %s",
            reason.message);
    }
    end(change);
    return status;
}
