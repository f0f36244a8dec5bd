/* SPDX-License-Identifier: Apache-2.0 */
#include "control/renew.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/trail.h"
#include "control/binding.h"
#include "control/change.h"
#include "util/log.h"

static enum tg_status
stored_file_id(struct tg_control *control, struct tg_arena *arena,
    const char **out, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *out = NULL;
    status = tg_store_query(control->store, &q, err,
        "SELECT value FROM meta WHERE name = 'planes_file_id'", "");
    if (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        *out = tg_arena_strdup(arena, tg_stmt_text(q, 0));
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
audit(struct tg_change *change, const char *old_id, struct tg_error *err)
{
    enum tg_status           status;
    struct tg_control       *control = change->control;
    const char              *account = control->settings->account_id;
    json_t                  *what = json_pack("{s:s, s:s}", "formerFileId",
        old_id, "fileId", control->file_id);
    struct tg_audit_record   record = {
        .time_s = change->now_s,
        .event_source = TG_AUDIT_SOURCE_TALLYGATE,
        .event_name = "ReplaceMeterFiles",
        .region = control->settings->region,
        .account_id = account,
        .identity = tg_audit_self(account, "daemon"),
        .request = what,
    };

    status = tg_audit_append(change->store, &record, err);
    json_decref(what);
    return status;
}

/* The owners of the other files count nowhere any more. */
static enum tg_status
close_former(struct tg_change *change, struct tg_error *err)
{
    enum tg_status status;

    status = tg_store_exec(change->store, err,
        "UPDATE meter_owner SET state = 'closed'"
        " WHERE state <> 'closed' AND file_id <> $1", "s",
        change->control->file_id);
    if (status == TG_OK) {
        status = tg_store_exec(change->store, err,
            "UPDATE usage_plan_key SET slot = NULL, owner = NULL", "");
    }
    if (status == TG_OK) {
        status = tg_store_exec(change->store, err,
            "INSERT INTO meta (name, value) VALUES ('planes_file_id', $1)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value", "s",
            change->control->file_id);
    }
    return status;
}

static enum tg_status
rebind(struct tg_change *change, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(change->store, &q, err,
        "SELECT id FROM usage_plan ORDER BY id", "");
    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        status = tg_binding_refresh_plan(change, tg_stmt_text(q, 0), err);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_renew_slots(struct tg_control *control, int64_t now_s,
    struct tg_error *err)
{
    const char      *old_id;
    enum tg_status   status;
    struct tg_arena  arena;
    struct tg_change change;

    tg_arena_init(&arena);
    status = stored_file_id(control, &arena, &old_id, err);
    if (status != TG_OK
        || (old_id != NULL && strcmp(old_id, control->file_id) == 0))
    {
        goto done;
    }
    status = tg_change_begin(&change, control, &arena, now_s, err);
    if (status != TG_OK) {
        goto done;
    }
    status = close_former(&change, err);
    if (status == TG_OK) {
        status = rebind(&change, err);
    }
    if (status == TG_OK && old_id != NULL) {
        status = audit(&change, old_id, err);
    }
    if (status == TG_OK) {
        status = tg_change_commit(&change, err);
    }
    tg_change_abort(&change);
    if (status == TG_OK && old_id != NULL) {
        tg_log(TG_LOG_WARN, "meter_files_replaced", "former", old_id,
            "present", control->file_id, NULL);
    }
done:
    tg_arena_clear(&arena);
    return status;
}
