/* SPDX-License-Identifier: Apache-2.0 */
#include "control/rotation.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit/trail.h"
#include "control/change.h"
#include "control/control.h"
#include "control/vault.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/log.h"

#define BATCH 256
#define RETRY_S 1
#define ID_SIZE 64
#define VALUE_SIZE 4097

/* Where values lie that are sealed for the id of their row. */
static const struct place {
    const char *count;
    const char *next; /* BATCH rows behind the id $1 */
    const char *put;
} places[] = {
    { "SELECT count(*) FROM access_key",
        "SELECT id, secret_sealed FROM access_key WHERE id > $1 ORDER BY id"
        " LIMIT $2",
        "UPDATE access_key SET secret_sealed = $1 WHERE id = $2" },
    { "SELECT count(*) FROM api_key",
        "SELECT id, value_sealed FROM api_key WHERE id > $1 ORDER BY id"
        " LIMIT $2",
        "UPDATE api_key SET value_sealed = $1 WHERE id = $2" },
};
#define PLACE_COUNT (sizeof(places) / sizeof(places[0]))

struct tg_rotation {
    struct tg_control *control;
    pthread_t          thread;
    pthread_mutex_t    lock; /* guards all that follows */
    pthread_cond_t     wake;
    bool               is_wanted;
    bool               is_closing;
    int64_t            done, total;
    char               trouble[TG_ERROR_MAX];
};

/* A row that is to be written. */
struct row {
    char          id[ID_SIZE];
    struct tg_buf sealed;
};

/*
 * ---- one batch
 */

/* Reads it, seals it anew where it is not; TG_OK with row->sealed empty:
 * it is current. */
static enum tg_status
read_row(struct row *row, const struct tg_vault *vault, struct tg_stmt *q,
    struct tg_error *err)
{
    char           value[VALUE_SIZE];
    const char    *sealed = tg_stmt_text(q, 1);
    enum tg_status status;

    (void) snprintf(row->id, sizeof(row->id), "%s", tg_stmt_text(q, 0));
    tg_buf_init(&row->sealed, 2 * VALUE_SIZE);
    if (tg_vault_is_current(vault, sealed)) {
        return TG_OK;
    }
    status = tg_vault_unseal(vault, row->id, sealed, value, sizeof(value),
        err);
    if (status == TG_OK) {
        status = tg_vault_seal(vault, row->id, value, &row->sealed, err);
        tg_wipe(value, sizeof(value));
    }
    return status;
}

static enum tg_status
read_rows(struct row *rows, size_t *count, const struct place *place,
    struct tg_store *store, const struct tg_vault *vault, const char *after,
    struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *count = 0;
    status = tg_store_query(store, &q, err, place->next, "si", after,
        (int64_t) BATCH);
    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        status = read_row(&rows[(*count)++], vault, q, err);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* Seals the batch behind the id in after, and moves that on. */
static enum tg_status
seal_batch(struct tg_change *change, const struct place *place,
    char after[ID_SIZE], size_t *count, struct tg_error *err)
{
    size_t         i;
    enum tg_status status;
    struct row     rows[BATCH];

    status = read_rows(rows, count, place, change->store,
        change->control->vault, after, err);
    for (i = 0; i < *count; i++) {
        if (status == TG_OK && rows[i].sealed.len > 0) {
            status = tg_store_exec(change->store, err, place->put, "ss",
                rows[i].sealed.data, rows[i].id);
        }
        tg_buf_clear(&rows[i].sealed);
    }
    if (status == TG_OK && *count > 0) {
        memcpy(after, rows[*count - 1].id, ID_SIZE);
    }
    return status;
}

/*
 * ---- the whole
 */

static bool
is_closing(struct tg_rotation *r)
{
    bool closing;

    pthread_mutex_lock(&r->lock);
    closing = r->is_closing;
    pthread_mutex_unlock(&r->lock);
    return closing;
}

/* All batches of one place; TG_BUSY: the daemon ends. */
static enum tg_status
seal_place(struct tg_rotation *r, const struct place *place,
    struct tg_error *err)
{
    size_t           count = BATCH;
    char             after[ID_SIZE] = "";
    enum tg_status   status = TG_OK;
    struct tg_arena  arena;
    struct tg_change change;

    while (status == TG_OK && count == BATCH) {
        if (is_closing(r)) {
            return TG_BUSY;
        }
        tg_arena_init(&arena);
        status = tg_change_begin(&change, r->control, &arena,
            tg_clock_now_s(), err);
        if (status == TG_OK) {
            status = seal_batch(&change, place, after, &count, err);
            if (status == TG_OK) {
                status = tg_change_commit(&change, err);
            }
            tg_change_abort(&change);
        }
        tg_arena_clear(&arena);
        pthread_mutex_lock(&r->lock);
        r->done += status == TG_OK ? (int64_t) count : 0;
        pthread_mutex_unlock(&r->lock);
    }
    return status;
}

static enum tg_status
append_audit(struct tg_change *change, const char *event,
    struct tg_error *err)
{
    char                      id[TG_MASTER_KEY_ID_HEX];
    enum tg_status            status;
    const struct tg_settings *settings = change->control->settings;
    struct tg_audit_record    record = {
        .time_s = change->now_s,
        .event_source = TG_AUDIT_SOURCE_TALLYGATE,
        .event_name = event,
        .region = settings->region,
        .account_id = settings->account_id,
        .identity = tg_audit_self(settings->account_id, "operator"),
    };
    json_t *request;

    tg_vault_key_id(change->control->vault, id);
    request = json_pack("{s:s}", "masterKeyId", id);
    record.request = request;
    status = tg_audit_append(change->store, &record, err);
    json_decref(request);
    return status;
}

/* Every value is under the new key: the old one goes (R1). */
static enum tg_status
finish(struct tg_control *control, struct tg_error *err)
{
    enum tg_status   status;
    struct tg_arena  arena;
    struct tg_change change;

    tg_arena_init(&arena);
    status = tg_change_begin(&change, control, &arena, tg_clock_now_s(),
        err);
    if (status == TG_OK) {
        status = append_audit(&change, "FinishMasterKeyRotation", err);
        if (status == TG_OK) {
            status = tg_vault_note_rotated(control->vault, change.store,
                err);
        }
        if (status == TG_OK) {
            status = tg_change_commit(&change, err);
        }
        tg_change_abort(&change);
    }
    tg_arena_clear(&arena);
    if (status == TG_OK) {
        pthread_mutex_lock(&control->lock);
        status = tg_vault_forget_previous(control->vault, err);
        pthread_mutex_unlock(&control->lock);
    }
    return status;
}

static enum tg_status
count_values(struct tg_rotation *r, struct tg_error *err)
{
    size_t          i;
    int64_t         total = 0;
    enum tg_status  status = TG_OK;
    struct tg_stmt *q = NULL;

    pthread_mutex_lock(&r->control->lock);
    for (i = 0; status == TG_OK && i < PLACE_COUNT; i++) {
        status = tg_store_query(r->control->store, &q, err, places[i].count,
            "");
        if (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
            total += tg_stmt_int(q, 0);
        }
        tg_stmt_done(q);
    }
    pthread_mutex_unlock(&r->control->lock);
    pthread_mutex_lock(&r->lock);
    r->done = 0;
    r->total = total;
    pthread_mutex_unlock(&r->lock);
    return status;
}

static enum tg_status
rotate(struct tg_rotation *r, struct tg_error *err)
{
    size_t         i;
    enum tg_status status = count_values(r, err);

    for (i = 0; status == TG_OK && i < PLACE_COUNT; i++) {
        status = seal_place(r, &places[i], err);
    }
    return status == TG_OK ? finish(r->control, err) : status;
}

/*
 * ---- the thread
 */

/* Under the lock: waits for work, or for the next try; false: the end. */
static bool
wait_for_work(struct tg_rotation *r)
{
    struct timespec until;

    if (r->trouble[0] != '\0' && !r->is_closing) {
        (void) clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += RETRY_S;
        (void) pthread_cond_clockwait(&r->wake, &r->lock, CLOCK_MONOTONIC,
            &until);
    }
    while (!r->is_wanted && !r->is_closing) {
        (void) pthread_cond_wait(&r->wake, &r->lock);
    }
    return !r->is_closing;
}

static void *
work(void *data)
{
    enum tg_status      status;
    struct tg_error     err = {0};
    struct tg_rotation *r = data;

    pthread_mutex_lock(&r->lock);
    while (wait_for_work(r)) {
        pthread_mutex_unlock(&r->lock);
        status = rotate(r, &err);
        pthread_mutex_lock(&r->lock);
        r->is_wanted = status != TG_OK;
        r->trouble[0] = '\0';
        if (status == TG_OK) {
            tg_log(TG_LOG_NOTICE, "master_key_rotated", NULL);
        } else if (status != TG_BUSY || !r->is_closing) {
            (void) snprintf(r->trouble, sizeof(r->trouble), "%s",
                err.message);
            tg_logf(TG_LOG_ERROR, "master_key_rotation_failed", "%s",
                err.message);
        }
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

enum tg_status
tg_rotation_open(struct tg_rotation **out, struct tg_control *control,
    struct tg_error *err)
{
    struct tg_rotation *r = calloc(1, sizeof(*r));

    *out = NULL;
    if (r == NULL) {
        return tg_error_set(err, TG_NOMEM, "rotation: out of memory");
    }
    r->control = control;
    r->is_wanted = tg_vault_is_rotating(control->vault);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->wake, NULL);
    if (pthread_create(&r->thread, NULL, work, r) != 0) {
        pthread_cond_destroy(&r->wake);
        pthread_mutex_destroy(&r->lock);
        free(r);
        return tg_error_set(err, TG_NOMEM, "rotation: cannot make a thread");
    }
    *out = r;
    return TG_OK;
}

void
tg_rotation_close(struct tg_rotation *rotation)
{
    if (rotation == NULL) {
        return;
    }
    pthread_mutex_lock(&rotation->lock);
    rotation->is_closing = true;
    pthread_cond_signal(&rotation->wake);
    pthread_mutex_unlock(&rotation->lock);
    pthread_join(rotation->thread, NULL);
    pthread_cond_destroy(&rotation->wake);
    pthread_mutex_destroy(&rotation->lock);
    free(rotation);
}

enum tg_status
tg_rotation_start(struct tg_rotation *rotation, int64_t now_s,
    struct tg_error *err)
{
    bool               has_begun = false;
    enum tg_status     status;
    struct tg_arena    arena;
    struct tg_change   change;
    struct tg_control *control = rotation->control;

    tg_arena_init(&arena);
    status = tg_change_begin(&change, control, &arena, now_s, err);
    if (status == TG_OK) {
        status = append_audit(&change, "StartMasterKeyRotation", err);
        if (status == TG_OK) {
            status = tg_vault_renew(control->vault, err);
            has_begun = status == TG_OK;
        }
        if (status == TG_OK) {
            status = tg_change_commit(&change, err);
        }
        tg_change_abort(&change);
    }
    tg_arena_clear(&arena);
    if (has_begun) { /* whatever became of the record: it goes on */
        pthread_mutex_lock(&rotation->lock);
        rotation->is_wanted = true;
        pthread_cond_signal(&rotation->wake);
        pthread_mutex_unlock(&rotation->lock);
    }
    return status;
}

void
tg_rotation_report(struct tg_rotation *rotation,
    struct tg_rotation_report *out)
{
    pthread_mutex_lock(&rotation->control->lock);
    tg_vault_key_id(rotation->control->vault, out->key_id);
    pthread_mutex_unlock(&rotation->control->lock);
    pthread_mutex_lock(&rotation->lock);
    out->is_running = rotation->is_wanted;
    out->done = rotation->done;
    out->total = rotation->total;
    memcpy(out->trouble, rotation->trouble, sizeof(out->trouble));
    pthread_mutex_unlock(&rotation->lock);
}
