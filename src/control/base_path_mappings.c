/*
 * base_path_mappings.c - what a custom domain's base paths lead to, as API
 * Gateway v1 has it: base paths of one segment
 *
 * Those of several segments (api_mappings.c) are listed, read, moved to
 * another stage and deleted here, too.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>
#include <strings.h>

#include "control/call.h"
#include "control/domain_rows.h"
#include "control/members.h"
#include "control/page.h"
#include "control/rest_rows.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ID_LENGTH 6

/* ---- forms ---- */

/* Amazon's BasePathMapping. */
static json_t *
answer_of(const struct tg_mapping_row *row)
{
    return json_pack("{ss ss ss*}", "basePath",
        row->path[0] != '\0' ? row->path : TG_NO_BASE_PATH, "restApiId",
        row->api_id, "stage", row->stage);
}

/* "(none)", "" and nothing at all are the empty base path. */
static const char *
base_path_of(const char *given)
{
    return given == NULL || strcmp(given, TG_NO_BASE_PATH) == 0 ? "" : given;
}

/* "(none)", "" and nothing at all: the caller names the stage. */
static const char *
stage_of(const char *given)
{
    return given == NULL || given[0] == '\0'
            || strcmp(given, TG_NO_BASE_PATH) == 0
        ? NULL : given;
}

static enum tg_status
check_path(struct tg_control_call *call, const char *path)
{
    if (strchr(path, '/') != NULL) {
        return tg_call_bad_request(call, "API Gateway V1 doesn't support the "
            "slash character (/) in base path mappings. To create a "
            "multi-level base path mapping, use API Gateway V2.");
    }
    return tg_mapping_check_path(call, "A base path", path);
}

static enum tg_status
check_api(struct tg_control_call *call, const char *api_id)
{
    struct tg_stmt *q = NULL;
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        "SELECT 1 FROM rest_api WHERE id = $1", "s", api_id);

    if (status == TG_OK) {
        status = tg_stmt_next(q, &call->err);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND
        ? tg_call_bad_request(call, "Invalid REST API identifier specified")
        : status;
}

/* Writes a checked mapping and answers with it. */
static enum tg_status
put(struct tg_control_call *call, const char *domain,
    const struct tg_mapping_row *row)
{
    enum tg_status status = check_api(call, row->api_id);

    if (status == TG_OK) {
        status = tg_mapping_check_stage(call, row->api_id, row->stage);
    }
    if (status == TG_OK) {
        status = tg_mapping_put(call, domain, row);
    }
    if (status == TG_CONFLICT) {
        return tg_call_conflict(call,
            "Base path already exists for this domain name");
    }
    return status == TG_OK ? tg_call_result(call, answer_of(row)) : status;
}

/* The mapping that the path names. */
static enum tg_status
mapping_of(struct tg_control_call *call, const char **domain,
    struct tg_mapping_row *row)
{
    enum tg_status status = tg_domain_of(call, domain, NULL);

    if (status == TG_OK) {
        status = tg_mapping_get(call, *domain, base_path_of(
                tg_http_path_get(call->req, "base_path")), NULL, row);
        call->resource_type = "AWS::ApiGateway::BasePathMapping";
    }
    return status == TG_NOTFOUND
        ? tg_call_not_found(call,
            "Invalid base path mapping identifier specified")
        : status;
}

/* ---- the operations ---- */

static const struct tg_member mapping_members[] = {
    { .name = "basePath" },
    { .name = "restApiId", .is_required = true },
    { .name = "stage" },
};

static enum tg_status
create_from(struct tg_control_call *call, const char *domain,
    const json_t *in)
{
    struct tg_mapping_row row = {
        .id = tg_new_id(call->arena, ID_LENGTH),
        .path = base_path_of(tg_text_of(in, "basePath")),
        .api_id = tg_text_of(in, "restApiId"),
        .stage = stage_of(tg_text_of(in, "stage")),
    };
    enum tg_status status = row.id != NULL ? check_path(call, row.path)
        : tg_error_set(&call->err, TG_NOMEM, "out of memory");

    return status == TG_OK ? put(call, domain, &row) : status;
}

static enum tg_status
create_base_path_mapping(struct tg_control_call *call)
{
    json_t           *in;
    const char       *domain;
    struct tg_refusal refusal;
    enum tg_status    status = tg_domain_of(call, &domain, NULL);

    if (status != TG_OK) {
        return status;
    }
    call->resource_type = "AWS::ApiGateway::BasePathMapping";
    status = tg_members_take(&in, call->body, "createBasePathMappingInput",
        mapping_members, COUNT(mapping_members), &refusal);
    if (status != TG_OK) {
        return tg_call_pass(call, status, &refusal);
    }
    status = create_from(call, domain, in);
    json_decref(in);
    return status;
}

static enum tg_status
get_base_path_mapping(struct tg_control_call *call)
{
    const char           *domain;
    struct tg_mapping_row row;
    enum tg_status        status = mapping_of(call, &domain, &row);

    return status == TG_OK ? tg_call_result(call, answer_of(&row)) : status;
}

static enum tg_status
get_base_path_mappings(struct tg_control_call *call)
{
    return tg_mapping_list(call, answer_of);
}

static enum tg_status
patch_one(struct tg_control_call *call, const struct tg_patch *patch,
    struct tg_mapping_row *row)
{
    const char *value = patch->value != NULL ? patch->value : "";

    /* Amazon's own pages spell these paths in more than one way. */
    if (patch->op == TG_PATCH_REPLACE) {
        if (strcasecmp(patch->path, "/basePath") == 0) {
            row->path = base_path_of(value);
            return check_path(call, row->path);
        }
        if (strcasecmp(patch->path, "/restApiId") == 0) {
            row->api_id = value;
            return TG_OK;
        }
        if (strcmp(patch->path, "/stage") == 0) {
            row->stage = stage_of(value);
            return TG_OK;
        }
    }
    return tg_call_bad_request(call, "Invalid patch path  '%.200s' specified "
        "for op '%s'. Must be one of: [/basePath, /restapiId, /stage]",
        patch->path, tg_patch_op_name(patch->op));
}

static enum tg_status
update_base_path_mapping(struct tg_control_call *call)
{
    size_t                count = 0;
    const char           *domain;
    struct tg_patch      *patches = NULL;
    struct tg_mapping_row row;
    enum tg_status        status = mapping_of(call, &domain, &row);

    if (status == TG_OK) {
        status = tg_call_patches(call, &patches, &count);
    }
    for (size_t i = 0; status == TG_OK && i < count; i++) {
        status = patch_one(call, &patches[i], &row);
    }
    return status == TG_OK ? put(call, domain, &row) : status;
}

static enum tg_status
delete_base_path_mapping(struct tg_control_call *call)
{
    const char           *domain;
    struct tg_mapping_row row;
    enum tg_status        status = mapping_of(call, &domain, &row);

    return status == TG_OK ? tg_mapping_delete(call, domain, row.id) : status;
}

#define MAPPINGS "/domainnames/{domain_name}/basepathmappings"
#define MAPPING MAPPINGS "/{base_path}"

const struct tg_operation tg_base_path_mapping_operations[] = {
    { "POST", MAPPINGS, "CreateBasePathMapping", 201, false, TG_BODY_JSON,
        create_base_path_mapping },
    { "GET", MAPPINGS, "GetBasePathMappings", 200, true, TG_BODY_NONE,
        get_base_path_mappings },
    { "GET", MAPPING, "GetBasePathMapping", 200, true, TG_BODY_NONE,
        get_base_path_mapping },
    { "PATCH", MAPPING, "UpdateBasePathMapping", 200, false, TG_BODY_JSON,
        update_base_path_mapping },
    { "DELETE", MAPPING, "DeleteBasePathMapping", 202, false, TG_BODY_NONE,
        delete_base_path_mapping },
    { 0 },
};
