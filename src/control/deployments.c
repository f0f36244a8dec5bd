/*
 * deployments.c - the operations on deployments
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "control/call.h"
#include "control/canary.h"
#include "control/doc_patch.h"
#include "control/listed_id.h"
#include "control/members.h"
#include "control/page.h"
#include "control/rest_rows.h"
#include "control/snapshot.h"
#include "control/stage_rows.h"
#include "control/stage_settings.h"

#define ID_LEN 6
#define DEPLOYMENTS "/restapis/{restapi_id}/deployments"
#define DEPLOYMENT DEPLOYMENTS "/{deployment_id}"

/* Amazon's Deployment of a row: id, description, created_s. */
static json_t *
answer_of(struct tg_stmt *q)
{
    return json_pack("{ss ss* sI}", "id", tg_stmt_text(q, 0), "description",
        tg_stmt_text(q, 1), "createdDate", (json_int_t) tg_stmt_int(q, 2));
}

/* The deployment's answer, new, and its snapshot; either may be NULL. */
static enum tg_status
read_deployment(struct tg_control_call *call, const char *api_id,
    const char *id, json_t **answer, json_t **snapshot)
{
    struct tg_stmt *q;
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        "SELECT id, description, created_s, snapshot FROM deployment "
        "WHERE api_id = $1 AND id = $2", "ss", api_id, id);

    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        if (answer) {
            *answer = answer_of(q);
        }
        if (snapshot) {
            *snapshot = tg_row_json(q, 3);
        }
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND
        ? tg_call_not_found(call, "Invalid Deployment identifier specified")
        : status;
}

enum tg_status
tg_deployment_require(struct tg_control_call *call, const char *api_id,
    const char *id)
{
    return read_deployment(call, api_id, id, NULL, NULL);
}

/* ---- CreateDeployment ---- */

static const struct tg_member deployment_members[] = {
    { .name = "stageName" },
    { .name = "stageDescription" },
    { .name = "description" },
    { .name = "cacheClusterEnabled", .kind = TG_MEMBER_BOOL },
    { .name = "cacheClusterSize", .values = tg_cache_sizes },
    { .name = "variables", .kind = TG_MEMBER_TEXT_MAP },
    { .name = "canarySettings", .kind = TG_MEMBER_OBJECT },
    { .name = "tracingEnabled", .kind = TG_MEMBER_BOOL },
};

/* Amazon deploys only what has methods, each with an integration. */
static enum tg_status
check_snapshot(struct tg_control_call *call, const json_t *snapshot)
{
    json_t     *resource, *method;
    const char *verb;
    size_t      i;

    if (tg_snapshot_method_count(snapshot) == 0) {
        return tg_call_bad_request(call,
            "The REST API doesn't contain any methods");
    }
    json_array_foreach(json_object_get(snapshot, "resources"), i, resource) {
        json_object_foreach(json_object_get(resource, "methods"), verb,
            method)
        {
            if (!json_object_get(method, "methodIntegration")) {
                return tg_call_bad_request(call, "No integration defined for "
                    "method: %s %s", verb, tg_text_of(resource, "path"));
            }
        }
    }
    return TG_OK;
}

static enum tg_status
insert_deployment(struct tg_control_call *call, const char *api_id,
    const char *description, const char **id)
{
    json_t        *snapshot;
    char          *new_id;
    const char    *text;
    enum tg_status status
        = tg_snapshot_take(&snapshot, call->store, api_id, &call->err);

    if (status != TG_OK) {
        return status;
    }
    status = check_snapshot(call, snapshot);
    text = tg_row_text(call, snapshot);
    json_decref(snapshot);
    new_id = tg_arena_alloc(call->arena, ID_LEN + 1);
    if (status == TG_OK && (!text || !new_id)) {
        status = tg_error_set(&call->err, TG_NOMEM, "out of memory");
    }
    if (status == TG_OK) {
        tg_listed_id(new_id, ID_LEN, call->control, call->now_s);
        *id = new_id;
    }
    return status != TG_OK ? status
                           : tg_store_exec(call->store, &call->err,
                               "INSERT INTO deployment (api_id, id, "
                               "created_s, description, snapshot) "
                               "VALUES ($1, $2, $3, $4, $5)", "ssiss",
                               api_id, *id, call->now_s, description, text);
}

/* What of the input is the stage's; its canary is the new deployment. */
static enum tg_status
take_stage(struct tg_control_call *call, const char *api_id,
    const json_t *in, const char *deployment_id, json_t **out)
{
    static const char *const kept[] = { "variables", "cacheClusterSize",
        "tracingEnabled" };
    json_t        *given = json_object_get(in, "canarySettings");
    json_t        *canary = NULL;
    enum tg_status status = TG_OK;

    *out = json_object();
    tg_json_set_text(*out, "description",
        tg_text_of(in, "stageDescription"));
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        json_object_set(*out, kept[i], json_object_get(in, kept[i]));
    }
    if (given) {
        status = tg_canary_take(call, "createDeploymentInput", api_id,
            deployment_id, given, &canary);
    }
    if (canary) {
        json_object_set_new(canary, "deploymentId",
            json_string(deployment_id));
        json_object_set_new(*out, "canarySettings", canary);
    }
    return status;
}

static enum tg_status
deploy_stage(struct tg_control_call *call, const char *api_id,
    const json_t *in, const char *deployment_id)
{
    json_t        *stage;
    enum tg_status status = take_stage(call, api_id, in, deployment_id,
        &stage);

    if (status == TG_OK) {
        status = tg_stage_deploy(call, api_id, tg_text_of(in, "stageName"),
            deployment_id, stage);
    }
    json_decref(stage);
    return status;
}

/* What a stage is told needs one that is named. */
static enum tg_status
check_stage(struct tg_control_call *call, const json_t *in)
{
    const char *given = tg_text_of(call->body, "stageName");

    return !json_object_get(in, "canarySettings")
            || tg_text_of(in, "stageName")
        ? TG_OK
        : tg_call_bad_request(call, "Invalid deployment content specified."
            "Non null and non empty stageName must be provided for canary "
            "deployment. Provided value is %s", given ? given : "null");
}

static enum tg_status
create_from(struct tg_control_call *call, const char *api_id,
    const json_t *in)
{
    const char    *id;
    enum tg_status status = tg_stage_settings_check(call, in);

    if (status == TG_OK) {
        status = check_stage(call, in);
    }
    if (status == TG_OK) {
        status = insert_deployment(call, api_id,
            tg_text_of(in, "description"), &id);
    }
    if (status == TG_OK && tg_text_of(in, "stageName")) {
        status = deploy_stage(call, api_id, in, id);
    }
    return status == TG_OK
        ? read_deployment(call, api_id, id, &call->result, NULL)
        : status;
}

static enum tg_status
create_deployment(struct tg_control_call *call)
{
    json_t        *in;
    const char    *api_id;
    enum tg_status status = tg_api_take_body(call, &api_id, &in,
        "createDeploymentInput", deployment_members,
        sizeof deployment_members / sizeof deployment_members[0]);

    if (status != TG_OK) {
        return status;
    }
    status = create_from(call, api_id, in);
    json_decref(in);
    return status;
}

/* ---- the others ---- */

/* {"/path": {"GET": {authorizationType, apiKeyRequired}}} */
static json_t *
summary_of(const json_t *snapshot)
{
    json_t     *summary = json_object(), *resource, *method;
    const char *verb;
    size_t      i;

    json_array_foreach(json_object_get(snapshot, "resources"), i, resource) {
        json_t *methods = json_object();

        json_object_foreach(json_object_get(resource, "methods"), verb,
            method)
        {
            json_object_set_new(methods, verb, json_pack("{sO sO}",
                "authorizationType",
                json_object_get(method, "authorizationType"),
                "apiKeyRequired",
                json_object_get(method, "apiKeyRequired")));
        }
        if (json_object_size(methods)) {
            json_object_set(summary, tg_text_of(resource, "path"), methods);
        }
        json_decref(methods);
    }
    return summary;
}

static bool
wants_summary(const struct tg_control_call *call)
{
    const char *embed = tg_call_query(call, "embed");

    return embed && strcmp(embed, "apisummary") == 0;
}

static enum tg_status
get_deployment(struct tg_control_call *call)
{
    json_t        *answer = NULL, *snapshot = NULL;
    const char    *api_id;
    enum tg_status status = tg_api_of(call, &api_id);

    if (status == TG_OK) {
        status = read_deployment(call, api_id,
            tg_http_path_get(call->req, "deployment_id"), &answer, &snapshot);
    }
    if (status != TG_OK) {
        return status;
    }
    if (wants_summary(call)) {
        json_object_set_new(answer, "apiSummary", summary_of(snapshot));
    }
    json_decref(snapshot);
    return tg_call_result(call, answer);
}

/* A deployment of a list, with its summary where that was asked for. */
static json_t *
item_of(const struct tg_control_call *call, struct tg_stmt *q)
{
    json_t *snapshot, *item = answer_of(q);

    if (item && wants_summary(call)) {
        snapshot = tg_row_json(q, 3);
        json_object_set_new(item, "apiSummary", summary_of(snapshot));
        json_decref(snapshot);
    }
    return item;
}

/* Newest first. */
static enum tg_status
get_deployments(struct tg_control_call *call)
{
    struct tg_page  page;
    struct tg_stmt *q = NULL;
    int64_t         created_s = INT64_MAX;
    const char     *api_id, *id;
    enum tg_status  status = tg_page_begin_of_api(&page, call, &api_id);

    if (status == TG_OK) {
        status = tg_page_after_row(&page, &created_s, &id);
    }
    if (status == TG_OK) {
        status = tg_store_query(call->store, &q, &call->err,
            "SELECT id, description, created_s, snapshot FROM deployment "
            "WHERE api_id = $1 AND (created_s < $2 OR "
            "(created_s = $2 AND id < $3)) "
            "ORDER BY created_s DESC, id DESC LIMIT $4", "sisi", api_id,
            created_s, id, page.limit + 1);
    }
    while (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK
        && tg_page_has_room(&page))
    {
        status = tg_page_add(&page, item_of(call, q), json_pack("[I s]",
            (json_int_t) tg_stmt_int(q, 2), tg_stmt_text(q, 0)));
    }
    tg_stmt_done(q);
    return tg_page_end(&page, status);
}

static enum tg_status
update_deployment(struct tg_control_call *call)
{
    static const struct tg_patch_path paths[] = {
        { NULL, "description", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    };
    const char    *api_id;
    const char    *id = tg_http_path_get(call->req, "deployment_id");
    json_t        *answer = NULL;
    enum tg_status status = tg_api_of(call, &api_id);

    if (status == TG_OK) {
        status = read_deployment(call, api_id, id, &answer, NULL);
    }
    if (status == TG_OK) {
        status = tg_doc_patch(call, answer, paths, 1);
    }
    if (status == TG_OK) {
        status = tg_store_exec(call->store, &call->err, "UPDATE deployment "
            "SET description = $1 WHERE api_id = $2 AND id = $3", "sss",
            tg_text_of(answer, "description"), api_id, id);
    }
    if (status != TG_OK) {
        json_decref(answer);
        return status;
    }
    return tg_call_result(call, answer);
}

static enum tg_status
delete_deployment(struct tg_control_call *call)
{
    const char    *api_id;
    const char    *id = tg_http_path_get(call->req, "deployment_id");
    enum tg_status status = tg_api_of(call, &api_id);

    if (status == TG_OK) {
        status = tg_deployment_require(call, api_id, id);
    }
    if (status == TG_OK) {
        status = tg_canary_refuse_used(call, api_id, id);
    }
    if (status != TG_OK) {
        return status;
    }
    status = tg_store_exec(call->store, &call->err,
        "DELETE FROM deployment WHERE api_id = $1 AND id = $2 AND NOT EXISTS "
        "(SELECT 1 FROM stage WHERE api_id = $1 AND deployment_id = $2)",
        "ss", api_id, id);
    return status == TG_OK && tg_store_changes(call->store) == 0
        ? tg_call_bad_request(call, TG_DEPLOYMENT_USED) : status;
}

const struct tg_operation tg_deployment_operations[] = {
    { "POST", DEPLOYMENTS, "CreateDeployment", 201, false, TG_BODY_JSON,
        create_deployment },
    { "GET", DEPLOYMENTS, "GetDeployments", 200, true, TG_BODY_NONE,
        get_deployments },
    { "GET", DEPLOYMENT, "GetDeployment", 200, true, TG_BODY_NONE,
        get_deployment },
    { "PATCH", DEPLOYMENT, "UpdateDeployment", 200, false, TG_BODY_JSON,
        update_deployment },
    { "DELETE", DEPLOYMENT, "DeleteDeployment", 202, false, TG_BODY_NONE,
        delete_deployment },
    { 0 },
};
