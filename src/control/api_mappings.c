/*
 * api_mappings.c - what a custom domain's base paths lead to, as API Gateway
 * v2 has it: base paths of several segments, too
 *
 * These are the only operations of v2 here.  Their lists have names of their
 * own for a page and its position (page.h).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "control/call.h"
#include "control/domain_rows.h"
#include "control/members.h"
#include "control/page.h"
#include "control/rest_rows.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ID_LENGTH 6
#define LEVELS_MAX 200 /* mappings of several segments on a domain */

/* ---- forms ---- */

/* Amazon's ApiMapping. */
static json_t *
answer_of(const struct tg_mapping_row *row)
{
    return json_pack("{ss ss ss ss*}", "apiId", row->api_id, "apiMappingId",
        row->id, "apiMappingKey", row->path, "stage", row->stage);
}

static const char *
key_of(const char *given)
{
    return given == NULL || strcmp(given, TG_NO_BASE_PATH) == 0 ? "" : given;
}

static enum tg_status
check_key(struct tg_control_call *call, const char *key)
{
    size_t len = strlen(key);

    if (key[0] == '/' || (len > 0 && key[len - 1] == '/')
        || strstr(key, "//") != NULL)
    {
        return tg_call_bad_request(call, "An ApiMapping key may not begin or "
            "end with a slash, or have an empty segment");
    }
    return tg_mapping_check_path(call, "An ApiMapping key", key);
}

/* Of domains, v2 manages REGIONAL ones alone. */
static enum tg_status
domain_of(struct tg_control_call *call, const char **domain)
{
    json_t        *doc = NULL;
    enum tg_status status = tg_domain_of(call, domain, &doc);

    call->resource_type = "AWS::ApiGatewayV2::ApiMapping";
    if (status == TG_OK && !tg_domain_has_type(doc, "REGIONAL")) {
        status = tg_call_bad_request(call, "Only REGIONAL domain names with "
            "a security policy of TLS 1.2 can be managed through the API "
            "Gateway V2 API.");
    }
    json_decref(doc);
    return status;
}

static enum tg_status
mapping_of(struct tg_control_call *call, const char **domain,
    struct tg_mapping_row *row)
{
    enum tg_status status = domain_of(call, domain);

    if (status == TG_OK) {
        status = tg_mapping_get(call, *domain, NULL,
            tg_http_path_get(call->req, "api_mapping_id"), row);
    }
    return status == TG_NOTFOUND
        ? tg_call_not_found(call,
            "Invalid API mapping identifier specified")
        : status;
}

/* Not one more than Amazon allows, not counting the one at hand. */
static enum tg_status
check_count(struct tg_control_call *call, const char *domain,
    const struct tg_mapping_row *row)
{
    int64_t         count = 0;
    struct tg_stmt *q = NULL;
    enum tg_status  status;

    if (strchr(row->path, '/') == NULL) {
        return TG_OK;
    }
    status = tg_store_query(call->store, &q, &call->err,
        "SELECT COUNT(*) FROM base_path_mapping WHERE domain = $1 "
        "AND path LIKE '%/%' AND id <> $2", "ss", domain, row->id);
    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        count = tg_stmt_int(q, 0);
    }
    tg_stmt_done(q);
    return status == TG_OK && count >= LEVELS_MAX
        ? tg_call_bad_request(call, "Limit exceeded: a domain name can have "
            "at most %d API mappings of several segments", LEVELS_MAX)
        : status;
}

static enum tg_status
put(struct tg_control_call *call, const char *domain,
    const struct tg_mapping_row *row)
{
    json_t        *api = NULL;
    enum tg_status status = check_key(call, row->path);

    if (status == TG_OK) {
        status = tg_api_doc(call, row->api_id, &api);
        json_decref(api);
    }
    if (status == TG_OK) {
        status = tg_mapping_check_stage(call, row->api_id, row->stage);
    }
    if (status == TG_OK) {
        status = check_count(call, domain, row);
    }
    if (status == TG_OK) {
        status = tg_mapping_put(call, domain, row);
    }
    if (status == TG_CONFLICT) {
        return tg_call_conflict(call,
            "ApiMapping key already exists for this domain name");
    }
    return status == TG_OK ? tg_call_result(call, answer_of(row)) : status;
}

/* ---- the operations ---- */

static const struct tg_member create_members[] = {
    { .name = "apiId", .is_required = true },
    { .name = "apiMappingKey" },
    { .name = "stage", .is_required = true },
};

static const struct tg_member update_members[] = {
    { .name = "apiId", .is_required = true },
    { .name = "apiMappingKey", .keep_empty = true },
    { .name = "stage" },
};

static enum tg_status
create_api_mapping(struct tg_control_call *call)
{
    json_t               *in;
    const char           *domain;
    struct tg_refusal     refusal;
    struct tg_mapping_row row;
    enum tg_status        status = domain_of(call, &domain);

    if (status != TG_OK) {
        return status;
    }
    status = tg_members_take(&in, call->body, "createApiMappingInput",
        create_members, COUNT(create_members), &refusal);
    if (status != TG_OK) {
        return tg_call_pass(call, status, &refusal);
    }
    row = (struct tg_mapping_row) {
        .id = tg_new_id(call->arena, ID_LENGTH),
        .path = key_of(tg_text_of(in, "apiMappingKey")),
        .api_id = tg_text_of(in, "apiId"),
        .stage = tg_text_of(in, "stage"),
    };
    status = row.id != NULL ? put(call, domain, &row)
        : tg_error_set(&call->err, TG_NOMEM, "out of memory");
    json_decref(in);
    return status;
}

static enum tg_status
get_api_mapping(struct tg_control_call *call)
{
    const char           *domain;
    struct tg_mapping_row row;
    enum tg_status        status = mapping_of(call, &domain, &row);

    return status == TG_OK ? tg_call_result(call, answer_of(&row)) : status;
}

static enum tg_status
get_api_mappings(struct tg_control_call *call)
{
    return tg_mapping_list(call, answer_of);
}

/* What the body leaves out stays as it was. */
static enum tg_status
update_api_mapping(struct tg_control_call *call)
{
    json_t               *in;
    const char           *domain;
    struct tg_refusal     refusal;
    struct tg_mapping_row row;
    enum tg_status        status = mapping_of(call, &domain, &row);

    if (status != TG_OK) {
        return status;
    }
    status = tg_members_take(&in, call->body, "updateApiMappingInput",
        update_members, COUNT(update_members), &refusal);
    if (status != TG_OK) {
        return tg_call_pass(call, status, &refusal);
    }
    row.api_id = tg_text_of(in, "apiId");
    if (tg_text_of(in, "apiMappingKey") != NULL) {
        row.path = key_of(tg_text_of(in, "apiMappingKey"));
    }
    if (tg_text_of(in, "stage") != NULL) {
        row.stage = tg_text_of(in, "stage");
    }
    status = put(call, domain, &row);
    json_decref(in);
    return status;
}

static enum tg_status
delete_api_mapping(struct tg_control_call *call)
{
    const char           *domain;
    struct tg_mapping_row row;
    enum tg_status        status = mapping_of(call, &domain, &row);

    return status == TG_OK ? tg_mapping_delete(call, domain, row.id) : status;
}

#define MAPPINGS TG_V2 "/domainnames/{domain_name}/apimappings"
#define MAPPING MAPPINGS "/{api_mapping_id}"

const struct tg_operation tg_api_mapping_operations[] = {
    { "POST", MAPPINGS, "CreateApiMapping", 201, false, TG_BODY_JSON,
        create_api_mapping },
    { "GET", MAPPINGS, "GetApiMappings", 200, true, TG_BODY_NONE,
        get_api_mappings },
    { "GET", MAPPING, "GetApiMapping", 200, true, TG_BODY_NONE,
        get_api_mapping },
    { "PATCH", MAPPING, "UpdateApiMapping", 200, false, TG_BODY_JSON,
        update_api_mapping },
    { "DELETE", MAPPING, "DeleteApiMapping", 204, false, TG_BODY_NONE,
        delete_api_mapping },
    { 0 },
};
