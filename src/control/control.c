/* SPDX-License-Identifier: Apache-2.0 */
#include "control/control.h"

#include <stdlib.h>

#include "control/access_keys.h"
#include "control/change.h"
#include "control/entries.h"
#include "control/rotation.h"
#include "control/slots.h"
#include "control/vault.h"
#include "util/digest.h"
#include "util/log.h"

#define KEYS_ROOM 4096 /* in the first table: about 1 MB */

static enum tg_status
count_keys(struct tg_store *store, uint64_t *count, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *count = 0;
    status = tg_store_query(store, &q, err, "SELECT count(*) FROM api_key",
        "");
    if (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        *count = (uint64_t) tg_stmt_int(q, 0);
    }
    tg_stmt_done(q);
    return status;
}

static enum tg_status
open_store(struct tg_control *control, int64_t now_s, struct tg_error *err)
{
    enum tg_status status;

    status = tg_store_open(&control->store, control->settings->store.path,
        err);
    if (status == TG_OK) {
        status = tg_store_migrate(control->store, now_s, err);
    }
    if (status == TG_OK) {
        status = tg_vault_open(&control->vault,
            control->settings->master_key_file, control->store, err);
    }
    if (status == TG_OK) {
        status = tg_access_keys_open(&control->access_keys, control->store,
            control->vault, err);
    }
    return status;
}

static enum tg_status
open_planes(struct tg_control *control, int64_t now_s, struct tg_error *err)
{
    uint64_t       count;
    enum tg_status status;
    const char    *state_dir = control->settings->state_dir;

    tg_hex(control->file_id, control->board->page->file_id,
        TG_PLANE_ID_SIZE);
    status = count_keys(control->store, &count, err);
    if (status == TG_OK) {
        status = tg_keys_writer_open(&control->keys, state_dir,
            control->board, count > KEYS_ROOM ? count : KEYS_ROOM, err);
    }
    if (status == TG_OK) {
        status = tg_meters_create(&control->meters, state_dir,
            control->board, err);
    }
    if (status == TG_OK) {
        status = tg_buckets_create(&control->buckets, state_dir,
            control->board, err);
    }
    if (status == TG_OK) {
        status = tg_slots_open(&control->slots, control->store,
            control->file_id, err);
    }
    if (status == TG_OK) {
        status = tg_entries_mend(control, now_s, err);
    }
    return status;
}

enum tg_status
tg_control_open(struct tg_control **out,
    const struct tg_control_config *config, int64_t now_s,
    struct tg_error *err)
{
    enum tg_status     status;
    struct tg_control *control = calloc(1, sizeof(*control));

    *out = NULL;
    if (control == NULL) {
        return tg_error_set(err, TG_NOMEM, "control: out of memory");
    }
    pthread_mutex_init(&control->lock, NULL);
    control->config = *config;
    control->settings = config->settings;
    control->board = config->board;
    control->has_plan_work = true; /* the first tick looks */
    status = open_store(control, now_s, err);
    if (status == TG_OK) {
        status = open_planes(control, now_s, err);
    }
    if (status == TG_OK) {
        status = tg_rotation_open(&control->rotation, control, err);
    }
    if (status != TG_OK) {
        tg_control_close(control);
        return status;
    }
    *out = control;
    return TG_OK;
}

void
tg_control_close(struct tg_control *control)
{
    if (control == NULL) {
        return;
    }
    tg_rotation_close(control->rotation);
    tg_change_forget(control);
    tg_slots_close(control->slots);
    tg_buckets_close(control->buckets);
    tg_meters_close(control->meters);
    tg_keys_writer_close(control->keys);
    tg_access_keys_close(control->access_keys);
    tg_vault_close(control->vault);
    tg_store_close(control->store);
    pthread_mutex_destroy(&control->lock);
    free(control);
}

enum tg_status
tg_control_publish_routes(struct tg_control *control, int64_t now_s,
    struct tg_error *err)
{
    enum tg_status   status;
    struct tg_arena  arena;
    struct tg_change change;

    tg_arena_init(&arena);
    status = tg_change_begin(&change, control, &arena, now_s, err);
    if (status == TG_OK) {
        tg_change_routes(&change);
        status = tg_change_commit(&change, err);
    }
    tg_arena_clear(&arena);
    return status;
}

void
tg_control_tick(struct tg_control *control)
{
    bool            was_behind;
    enum tg_status  status = TG_OK;
    struct tg_error err;

    pthread_mutex_lock(&control->lock);
    was_behind = control->unpublished != NULL
        || control->has_unpublished_routes;
    if (was_behind) {
        status = tg_change_flush(control, &err);
    }
    tg_keys_tick(control->keys);
    pthread_mutex_unlock(&control->lock);
    if (status != TG_OK) {
        tg_logf(TG_LOG_ERROR, "publish_failed", "%s", err.message);
    } else if (was_behind) {
        tg_log(TG_LOG_NOTICE, "publish_caught_up", NULL);
    }
}
