/*
 * documentation_versions.c - the operations on versions of the documentation
 *
 * A version's parts, as they were, have a row of their own: whoever lists
 * versions does not read them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "control/call.h"
#include "control/doc_patch.h"
#include "control/documentation.h"
#include "control/members.h"
#include "control/page.h"
#include "control/rest_rows.h"
#include "control/stage_rows.h"

#define VERSIONS "/restapis/{restapi_id}/documentation/versions"
#define VERSION VERSIONS "/{doc_version}"
#define KIND TG_DOCUMENTATION_VERSION
#define SIZE_MAX_BYTES ((size_t) 16 << 20)

static enum tg_status
not_found(struct tg_control_call *call)
{
    return tg_call_not_found(call, "Invalid Documentation version specified");
}

enum tg_status
tg_documentation_version_get(struct tg_control_call *call,
    const char *api_id, const char *version, json_t **out)
{
    enum tg_status status = tg_api_part_find(call, api_id, KIND, version,
        out);

    return status == TG_NOTFOUND ? not_found(call) : status;
}

enum tg_status
tg_documentation_version_parts(struct tg_control_call *call,
    const char *api_id, const char *version, json_t **out)
{
    enum tg_status status = tg_api_part_find(call, api_id,
        TG_DOCUMENTATION_SNAPSHOT, version, out);

    return status == TG_NOTFOUND ? not_found(call) : status;
}

/* The path's version; *out is the caller's. */
static enum tg_status
read_version(struct tg_control_call *call, json_t **out)
{
    const char *api_id = tg_http_path_get(call->req, "restapi_id");

    call->resource_type = "AWS::ApiGateway::RestApi";
    call->resource_name = api_id;
    return tg_documentation_version_get(call, api_id,
        tg_http_path_get(call->req, "doc_version"), out);
}

/* ---- CreateDocumentationVersion ---- */

static const struct tg_member version_members[] = {
    { .name = "documentationVersion", .is_required = true, .max = 64 },
    { .name = "stageName" },
    { .name = "description", .max = 1024 },
};

/* Printable, so that it can stand in a path and in a message. */
static bool
is_name(const char *text)
{
    size_t len = 0;

    while (text[len] > ' ' && text[len] < 0x7f) {
        len++;
    }
    return len && !text[len];
}

static enum tg_status
check_new(struct tg_control_call *call, const char *api_id, const char *name)
{
    json_t        *there = NULL;
    enum tg_status status;

    if (!is_name(name)) {
        return tg_call_bad_request(call, "Invalid documentation version "
            "specified: printable characters without blanks are needed");
    }
    status = tg_api_part_find(call, api_id, KIND, name, &there);
    json_decref(there);
    if (status == TG_OK) {
        return tg_call_conflict(call,
            "Documentation version already exists: %s", name);
    }
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* The parts of this moment, into a row of their own. */
static enum tg_status
insert_parts(struct tg_control_call *call, const char *api_id,
    const char *name)
{
    json_t        *parts;
    const char    *text;
    enum tg_status status = tg_documentation_all(call, api_id, &parts);

    text = status == TG_OK ? tg_row_text(call, parts) : NULL;
    if (status == TG_OK && !text) {
        status = tg_error_set(&call->err, TG_NOMEM, "out of memory");
    } else if (status == TG_OK && strlen(text) > SIZE_MAX_BYTES) {
        status = tg_call_refuse(call, 429, "LimitExceededException", "The "
            "documentation parts of a version can be at most %zu bytes",
            SIZE_MAX_BYTES);
    } else if (status == TG_OK) {
        status = tg_api_part_put(call, api_id, TG_DOCUMENTATION_SNAPSHOT,
            name, parts);
    }
    json_decref(parts);
    return status;
}

static enum tg_status
insert_version(struct tg_control_call *call, const char *api_id,
    const json_t *in, json_t **doc)
{
    const char    *name = tg_text_of(in, "documentationVersion");
    enum tg_status status = insert_parts(call, api_id, name);

    *doc = json_pack("{ss sI ss*}", "version", name, "createdDate",
        (json_int_t) call->now_s, "description",
        tg_text_of(in, "description"));
    if (status == TG_OK && !*doc) {
        status = tg_error_set(&call->err, TG_NOMEM, "out of memory");
    }
    return status == TG_OK ? tg_api_part_put(call, api_id, KIND, name, *doc)
                           : status;
}

static enum tg_status
create_from(struct tg_control_call *call, const char *api_id,
    const json_t *in)
{
    const char    *name = tg_text_of(in, "documentationVersion");
    const char    *stage = tg_text_of(in, "stageName");
    json_t        *doc = NULL;
    enum tg_status status = check_new(call, api_id, name);

    if (status == TG_OK) {
        status = insert_version(call, api_id, in, &doc);
    }
    if (status == TG_OK && stage) {
        status = tg_stage_document(call, api_id, stage, name);
    }
    if (status != TG_OK) {
        json_decref(doc);
        return status;
    }
    return tg_call_result(call, doc);
}

static enum tg_status
create_version(struct tg_control_call *call)
{
    json_t        *in;
    const char    *api_id;
    enum tg_status status = tg_api_take_body(call, &api_id, &in,
        "createDocumentationVersionInput", version_members,
        sizeof version_members / sizeof version_members[0]);

    if (status != TG_OK) {
        return status;
    }
    status = create_from(call, api_id, in);
    json_decref(in);
    return status;
}

/* ---- the others ---- */

static enum tg_status
get_version(struct tg_control_call *call)
{
    json_t        *doc;
    enum tg_status status = read_version(call, &doc);

    return status == TG_OK ? tg_call_result(call, doc) : status;
}

static enum tg_status
get_versions(struct tg_control_call *call)
{
    return tg_api_parts_page(call, KIND);
}

static enum tg_status
update_version(struct tg_control_call *call)
{
    static const struct tg_patch_path paths[] = {
        { NULL, "description", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    };
    const char    *description;
    json_t        *doc;
    enum tg_status status = read_version(call, &doc);

    if (status == TG_OK) {
        status = tg_doc_patch_listed(call, doc, paths, 1);
    }
    description = tg_text_of(doc, "description");
    if (status == TG_OK && description && strlen(description) > 1024) {
        status = tg_call_bad_request(call,
            "description can be at most 1024 characters");
    }
    if (status == TG_OK) {
        status = tg_api_part_put(call, tg_http_path_get(call->req,
            "restapi_id"), KIND, tg_text_of(doc, "version"), doc);
    }
    if (status != TG_OK) {
        json_decref(doc);
        return status;
    }
    return tg_call_result(call, doc);
}

static enum tg_status
delete_version(struct tg_control_call *call)
{
    const char    *name = tg_http_path_get(call->req, "doc_version");
    json_t        *doc;
    enum tg_status status = read_version(call, &doc);

    json_decref(doc);
    if (status == TG_OK) {
        status = tg_stage_refuse_documented(call,
            tg_http_path_get(call->req, "restapi_id"), name);
    }
    if (status == TG_OK) {
        status = tg_api_part_delete(call, TG_DOCUMENTATION_SNAPSHOT, name);
    }
    return status == TG_OK ? tg_api_part_delete(call, KIND, name) : status;
}

const struct tg_operation tg_documentation_version_operations[] = {
    { "GET", VERSIONS, "GetDocumentationVersions", 200, true, TG_BODY_NONE,
        get_versions },
    { "POST", VERSIONS, "CreateDocumentationVersion", 201, false,
        TG_BODY_JSON, create_version },
    { "GET", VERSION, "GetDocumentationVersion", 200, true, TG_BODY_NONE,
        get_version },
    { "PATCH", VERSION, "UpdateDocumentationVersion", 200, false,
        TG_BODY_JSON, update_version },
    { "DELETE", VERSION, "DeleteDocumentationVersion", 202, false,
        TG_BODY_NONE, delete_version },
    { 0 },
};
