/* SPDX-License-Identifier: Apache-2.0 */
#include "control/plan_work.h"

#include <string.h>
#include <time.h>

#include "control/binding.h"
#include "util/log.h"

#define PORTION 500   /* keys, under the lock: some 50 ms */
#define BUDGET_MS 250 /* a tick */
#define PAUSE_MS 5    /* in which others get the lock */

#define KIND_REBIND "rebind"
#define KIND_END "end"

static enum tg_status
note(struct tg_change *change, const char *plan_id, const char *kind,
    const char *after, struct tg_error *err)
{
    change->control->has_plan_work = true;
    return tg_store_exec(change->store, err,
        "INSERT INTO plan_work (plan_id, kind, after_key) VALUES ($1, $2, $3)"
        " ON CONFLICT (plan_id, kind)"
        " DO UPDATE SET after_key = excluded.after_key", "sss", plan_id,
        kind, after);
}

static enum tg_status
forget(struct tg_change *change, const char *plan_id, const char *kind,
    struct tg_error *err)
{
    return tg_store_exec(change->store, err,
        "DELETE FROM plan_work WHERE plan_id = $1 AND kind = $2", "ss",
        plan_id, kind);
}

enum tg_status
tg_plan_work_rebind(struct tg_change *change, const char *plan_id,
    struct tg_error *err)
{
    const char    *after = "";
    enum tg_status status = tg_binding_refresh_some(change, plan_id, &after,
        TG_PLAN_WORK_AT_ONCE, err);

    if (status != TG_OK) {
        return status;
    }
    return after != NULL ? note(change, plan_id, KIND_REBIND, after, err)
                         : forget(change, plan_id, KIND_REBIND, err);
}

enum tg_status
tg_plan_work_end(struct tg_change *change, const char *plan_id,
    struct tg_error *err)
{
    bool           is_done;
    enum tg_status status = tg_binding_end_some(change, plan_id,
        TG_PLAN_WORK_AT_ONCE, &is_done, err);

    if (status == TG_OK) {
        status = forget(change, plan_id, KIND_REBIND, err);
    }
    return status != TG_OK || is_done ? status
        : note(change, plan_id, KIND_END, "", err);
}

/* ---- what is noted ---- */

struct work {
    const char *plan_id;
    const char *kind;
    const char *after;
};

/* TG_NOTFOUND: nothing is noted. */
static enum tg_status
next_work(struct tg_change *change, struct work *w, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(change->store, &q, err,
        "SELECT plan_id, kind, after_key FROM plan_work"
        " ORDER BY plan_id, kind LIMIT 1", "");
    if (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        w->plan_id = tg_arena_strdup(change->arena, tg_stmt_text(q, 0));
        w->kind = tg_arena_strdup(change->arena, tg_stmt_text(q, 1));
        w->after = tg_arena_strdup(change->arena, tg_stmt_text(q, 2));
        if (w->plan_id == NULL || w->kind == NULL || w->after == NULL) {
            status = tg_error_set(err, TG_NOMEM, "out of memory");
        }
    }
    tg_stmt_done(q);
    return status;
}

static enum tg_status
do_portion(struct tg_change *change, const struct work *w, bool *is_done,
    struct tg_error *err)
{
    const char    *after = w->after;
    enum tg_status status;

    if (strcmp(w->kind, KIND_END) == 0) {
        status = tg_binding_end_some(change, w->plan_id, PORTION, is_done,
            err);
    } else {
        status = tg_binding_refresh_some(change, w->plan_id, &after, PORTION,
            err);
        *is_done = after == NULL;
    }
    if (status != TG_OK) {
        return status;
    }
    return *is_done ? forget(change, w->plan_id, w->kind, err)
                    : note(change, w->plan_id, w->kind, after, err);
}

/* One portion of some plan, as a change of its own. */
static enum tg_status
portion(struct tg_control *control, int64_t now_s, struct tg_error *err)
{
    bool             is_done = false;
    enum tg_status   status;
    struct work      w;
    struct tg_arena  arena;
    struct tg_change change;

    tg_arena_init(&arena);
    status = tg_change_begin(&change, control, &arena, now_s, err);
    if (status == TG_OK) {
        status = next_work(&change, &w, err);
        control->has_plan_work = status != TG_NOTFOUND;
        if (status == TG_OK) {
            status = do_portion(&change, &w, &is_done, err);
        }
        if (status == TG_OK) {
            status = tg_change_commit(&change, err);
        }
        tg_change_abort(&change);
    }
    if (status == TG_OK && is_done) {
        tg_log(TG_LOG_NOTICE, "plan_keys_followed", "usagePlanId",
            w.plan_id, NULL);
    }
    tg_arena_clear(&arena);
    return status;
}

static int64_t
elapsed_ms(const struct timespec *since)
{
    struct timespec now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) (now.tv_sec - since->tv_sec) * 1000
        + (now.tv_nsec - since->tv_nsec) / 1000000;
}

void
tg_plan_work_tick(struct tg_control *control, int64_t now_s)
{
    bool                  has_work;
    struct timespec       start;
    enum tg_status        status;
    struct tg_error       err = {0};
    const struct timespec pause = {0, PAUSE_MS * 1000000L};

    (void) clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        pthread_mutex_lock(&control->lock);
        has_work = control->has_plan_work;
        pthread_mutex_unlock(&control->lock);
        status = has_work ? portion(control, now_s, &err) : TG_NOTFOUND;
        if (status == TG_OK) {
            (void) nanosleep(&pause, NULL);
        }
    } while (status == TG_OK && elapsed_ms(&start) < BUDGET_MS);
    if (status != TG_OK && status != TG_NOTFOUND) {
        tg_logf(TG_LOG_ERROR, "plan_keys_wait", "%s", err.message);
    }
}
