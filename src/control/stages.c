/*
 * stages.c - the operations on stages
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "control/call.h"
#include "control/canary.h"
#include "control/domain_rows.h"
#include "control/members.h"
#include "control/quotas.h"
#include "control/rest_rows.h"
#include "control/stage_rows.h"
#include "control/stage_settings.h"

#define NAME_CHARS                                                            \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

/* ---- checks ---- */

enum tg_status
tg_stage_check_name(struct tg_control_call *call, const char *name)
{
    size_t len = strlen(name);

    return len >= 1 && len <= 128 && strspn(name, NAME_CHARS "-") == len
        ? TG_OK
        : tg_call_bad_request(call, "Stage name only allows a-zA-Z0-9_-");
}

/* ---- rows ---- */

/* Amazon's Stage of a row: doc, name, deployment_id, created_s, updated_s. */
static json_t *
answer_of(struct tg_stmt *q)
{
    json_t *doc = tg_row_json(q, 0);
    json_t *stage = json_pack("{ss ss sb ss sb s{} sI sI}", "stageName",
        tg_stmt_text(q, 1), "deploymentId", tg_stmt_text(q, 2),
        "cacheClusterEnabled", 0, "cacheClusterStatus", "NOT_AVAILABLE",
        "tracingEnabled", 0, "methodSettings", "createdDate",
        (json_int_t) tg_stmt_int(q, 3), "lastUpdatedDate",
        (json_int_t) tg_stmt_int(q, 4));

    if (stage && (!doc || json_object_update(stage, doc))) {
        json_decref(stage);
        stage = NULL;
    }
    json_decref(doc);
    return stage;
}

#define STAGE_COLUMNS "doc, name, deployment_id, created_s, updated_s"

static enum tg_status
read_stage(struct tg_control_call *call, const char *api_id,
    const char *name, json_t **stage)
{
    struct tg_stmt *q;
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        "SELECT " STAGE_COLUMNS " FROM stage WHERE api_id = $1 AND name = $2",
        "ss", api_id, name);

    *stage = NULL;
    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        *stage = answer_of(q);
        status = *stage ? TG_OK
                        : tg_error_set(&call->err, TG_NOMEM, "out of memory");
    }
    tg_stmt_done(q);
    return status;
}

/* The path's stage; not found is refused. */
static enum tg_status
stage_of(struct tg_control_call *call, const char **api_id, json_t **stage)
{
    enum tg_status status = tg_api_of(call, api_id);

    *stage = NULL;
    if (status == TG_OK) {
        status = read_stage(call, *api_id,
            tg_http_path_get(call->req, "stage_name"), stage);
    }
    return status == TG_NOTFOUND
        ? tg_call_not_found(call, "Invalid stage identifier specified")
        : status;
}

static enum tg_status
write_stage(struct tg_control_call *call, const char *api_id,
    const char *name, const char *deployment_id, const json_t *doc)
{
    const char    *text = tg_row_text(call, doc);
    enum tg_status status;

    if (!text) {
        return tg_error_set(&call->err, TG_NOMEM, "out of memory");
    }
    status = tg_store_exec(call->store, &call->err,
        "INSERT INTO stage (api_id, name, deployment_id, created_s, "
        "updated_s, doc) VALUES ($1, $2, $3, $4, $4, $5) "
        "ON CONFLICT (api_id, name) DO UPDATE SET deployment_id = $3, "
        "updated_s = $4, doc = $5", "sssis", api_id, name, deployment_id,
        call->now_s, text);
    if (status == TG_OK) {
        tg_change_routes(call->change);
    }
    return status;
}

/* The members that are kept in the row's doc. */
static json_t *
doc_of(const json_t *stage)
{
    static const char *const kept[] = { "description", "variables", "tags",
        "methodSettings", "accessLogSettings", "cacheClusterSize",
        "canarySettings", "documentationVersion", "tracingEnabled" };
    json_t *doc = json_object();

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        json_t *value = json_object_get(stage, kept[i]);

        if (value && !(json_is_object(value) && !json_object_size(value))) {
            json_object_set(doc, kept[i], value);
        }
    }
    return doc;
}

enum tg_status
tg_stage_deploy(struct tg_control_call *call, const char *api_id,
    const char *name, const char *deployment_id, const json_t *in)
{
    json_t        *stage, *merged, *doc;
    enum tg_status status = tg_stage_check_name(call, name);

    if (status != TG_OK) {
        return status;
    }
    status = read_stage(call, api_id, name, &stage);
    if (status == TG_NOTFOUND && json_object_get(in, "canarySettings")) {
        return tg_call_bad_request(call, "Invalid deployment content "
            "specified.Stage %s must already be created before making a "
            "canary release deployment", name);
    }
    if (status != TG_OK && status != TG_NOTFOUND) {
        return status;
    }
    merged = doc_of(stage);
    doc = doc_of(in);
    json_object_update(merged, doc);
    json_decref(doc);
    /* A canary is tried beside what the stage serves. */
    status = write_stage(call, api_id, name,
        json_object_get(in, "canarySettings")
            ? tg_text_of(stage, "deploymentId") : deployment_id, merged);
    if (status == TG_OK && !stage) {
        status = tg_quota_check(call->change, TG_QUOTA_STAGES, api_id,
            &call->err);
    }
    json_decref(merged);
    json_decref(stage);
    return status;
}

enum tg_status
tg_stage_document(struct tg_control_call *call, const char *api_id,
    const char *name, const char *version)
{
    json_t        *stage, *doc;
    enum tg_status status = read_stage(call, api_id, name, &stage);

    if (status == TG_NOTFOUND) {
        return tg_call_not_found(call, "Invalid stage identifier specified");
    }
    if (status != TG_OK) {
        return status;
    }
    json_object_set_new(stage, "documentationVersion", json_string(version));
    doc = doc_of(stage);
    status = write_stage(call, api_id, name,
        tg_text_of(stage, "deploymentId"), doc);
    json_decref(doc);
    json_decref(stage);
    return status;
}

enum tg_status
tg_stage_refuse_documented(struct tg_control_call *call, const char *api_id,
    const char *version)
{
    struct tg_stmt *q;
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        "SELECT doc, name FROM stage WHERE api_id = $1 ORDER BY name", "s",
        api_id);

    while (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK)
    {
        json_t     *doc = tg_row_json(q, 0);
        const char *used = tg_text_of(doc, "documentationVersion");

        if (used && strcmp(used, version) == 0) {
            status = tg_call_conflict(call, "Cannot delete the "
                "documentation version '%s', it is associated with the "
                "stage %s", version, tg_stmt_text(q, 1));
        }
        json_decref(doc);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* ---- the operations ---- */

static const struct tg_member stage_members[] = {
    { .name = "stageName", .is_required = true },
    { .name = "deploymentId", .is_required = true },
    { .name = "description" },
    { .name = "variables", .kind = TG_MEMBER_TEXT_MAP },
    { .name = "cacheClusterEnabled", .kind = TG_MEMBER_BOOL },
    { .name = "cacheClusterSize", .values = tg_cache_sizes },
    { .name = "documentationVersion" },
    { .name = "canarySettings", .kind = TG_MEMBER_OBJECT },
    { .name = "tracingEnabled", .kind = TG_MEMBER_BOOL },
    { .name = "tags", .kind = TG_MEMBER_TEXT_MAP },
};

static enum tg_status
take_canary(struct tg_control_call *call, const char *api_id, json_t *in)
{
    json_t        *given = json_object_get(in, "canarySettings"), *taken;
    enum tg_status status;

    if (!given) {
        return TG_OK;
    }
    status = tg_canary_take(call, "createStageInput", api_id,
        tg_text_of(in, "deploymentId"), given, &taken);
    json_object_set_new(in, "canarySettings", taken);
    return status;
}

static enum tg_status
create_from(struct tg_control_call *call, const char *api_id, json_t *in)
{
    const char    *name = tg_text_of(in, "stageName");
    const char    *deployment = tg_text_of(in, "deploymentId");
    json_t        *stage = NULL, *doc;
    enum tg_status status = tg_stage_check_name(call, name);

    if (status == TG_OK) {
        status = tg_stage_settings_check(call, in);
    }
    if (status == TG_OK) {
        status = tg_call_check_tags(call, json_object_get(in, "tags"));
    }
    if (status == TG_OK) {
        status = tg_deployment_require(call, api_id, deployment);
    }
    if (status == TG_OK) {
        status = take_canary(call, api_id, in);
    }
    if (status == TG_OK) {
        status = read_stage(call, api_id, name, &stage);
        json_decref(stage);
        status = status == TG_OK
            ? tg_call_conflict(call, "Stage already exists")
            : status == TG_NOTFOUND ? TG_OK : status;
    }
    if (status == TG_OK) {
        doc = doc_of(in);
        status = write_stage(call, api_id, name, deployment, doc);
        json_decref(doc);
    }
    if (status == TG_OK) {
        status = tg_quota_check(call->change, TG_QUOTA_STAGES, api_id,
            &call->err);
    }
    if (status == TG_OK) {
        status = read_stage(call, api_id, name, &call->result);
    }
    return status;
}

static enum tg_status
create_stage(struct tg_control_call *call)
{
    json_t        *in;
    const char    *api_id;
    enum tg_status status = tg_api_take_body(call, &api_id, &in,
        "createStageInput", stage_members,
        sizeof stage_members / sizeof stage_members[0]);

    if (status != TG_OK) {
        return status;
    }
    status = create_from(call, api_id, in);
    json_decref(in);
    return status;
}

static enum tg_status
get_stage(struct tg_control_call *call)
{
    json_t        *stage;
    const char    *api_id;
    enum tg_status status = stage_of(call, &api_id, &stage);

    return status == TG_OK ? tg_call_result(call, stage) : status;
}

/* All of them: Amazon does not page this list. */
static enum tg_status
get_stages(struct tg_control_call *call)
{
    struct tg_stmt *q;
    json_t         *items = json_array();
    const char     *api_id, *deployment = tg_call_query(call, "deploymentId");
    enum tg_status  status = tg_api_of(call, &api_id);

    if (status != TG_OK) {
        json_decref(items);
        return status;
    }
    status = tg_store_query(call->store, &q, &call->err,
        "SELECT " STAGE_COLUMNS " FROM stage WHERE api_id = $1 AND "
        "($2 = '' OR deployment_id = $2) ORDER BY name", "ss", api_id,
        deployment ? deployment : "");
    while (status == TG_OK
        && (status = tg_stmt_next(q, &call->err)) == TG_OK)
    {
        json_array_append_new(items, answer_of(q));
    }
    tg_stmt_done(q);
    if (status != TG_NOTFOUND) {
        json_decref(items);
        return status;
    }
    return tg_call_result(call, json_pack("{so}", "item", items));
}

static enum tg_status
update_stage(struct tg_control_call *call)
{
    struct tg_patch *patches;
    json_t          *stage, *doc;
    const char      *api_id;
    size_t           count;
    enum tg_status   status = stage_of(call, &api_id, &stage);

    if (status == TG_OK) {
        status = tg_call_patches(call, &patches, &count);
    }
    for (size_t i = 0; status == TG_OK && i < count; i++) {
        status = tg_stage_settings_patch(call, &patches[i], api_id, stage);
    }
    if (status == TG_OK) {
        const char *name = tg_http_path_get(call->req, "stage_name");

        doc = doc_of(stage);
        status = write_stage(call, api_id, name,
            tg_text_of(stage, "deploymentId"), doc);
        json_decref(doc);
        if (status == TG_OK) {
            status = read_stage(call, api_id, name, &call->result);
        }
    }
    json_decref(stage);
    return status;
}

static enum tg_status
delete_stage(struct tg_control_call *call)
{
    json_t        *stage;
    const char    *api_id, *name;
    enum tg_status status = stage_of(call, &api_id, &stage);

    json_decref(stage);
    name = tg_http_path_get(call->req, "stage_name");
    if (status == TG_OK) {
        status = tg_stage_refuse_planned(call, api_id, name);
    }
    if (status == TG_OK) {
        status = tg_mapping_refuse_used(call, api_id, name);
    }
    if (status == TG_OK) {
        status = tg_store_exec(call->store, &call->err,
            "DELETE FROM stage WHERE api_id = $1 AND name = $2", "ss",
            api_id, name);
        tg_change_routes(call->change);
    }
    return status;
}

#define STAGES "/restapis/{restapi_id}/stages"
#define STAGE STAGES "/{stage_name}"

const struct tg_operation tg_stage_operations[] = {
    { "POST", STAGES, "CreateStage", 201, false, TG_BODY_JSON, create_stage },
    { "GET", STAGES, "GetStages", 200, true, TG_BODY_NONE, get_stages },
    { "GET", STAGE, "GetStage", 200, true, TG_BODY_NONE, get_stage },
    { "PATCH", STAGE, "UpdateStage", 200, false, TG_BODY_JSON, update_stage },
    { "DELETE", STAGE, "DeleteStage", 202, false, TG_BODY_NONE,
        delete_stage },
    { 0 },
};
