/*
 * documentation_import.c - documentation parts from an OpenAPI document
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "control/call.h"
#include "control/document.h"
#include "control/documentation.h"
#include "control/import.h"
#include "control/openapi.h"
#include "control/quotas.h"
#include "control/rest_rows.h"

enum tg_status
tg_documentation_import(struct tg_control_call *call, const char *api_id,
    const json_t *parts, json_t *ids)
{
    json_t        *part;
    size_t         i;
    const char    *id;
    enum tg_status status = TG_OK;

    json_array_foreach((json_t *) parts, i, part) {
        if (status == TG_OK) {
            status = tg_documentation_put(call, api_id,
                json_object_get(part, "location"),
                tg_text_of(part, "properties"), &id);
        }
        if (status == TG_OK && json_array_append_new(ids, json_string(id))) {
            status = TG_NOMEM;
        }
    }
    return status == TG_OK
        ? tg_quota_check(call->change, TG_QUOTA_DOCUMENTATION_PARTS, api_id,
            &call->err)
        : status;
}

/* Writes the parts that were read, and answers with their ids. */
static enum tg_status
import_parts(struct tg_control_call *call, const char *api_id,
    const struct tg_openapi *openapi, bool is_merge)
{
    json_t        *ids = json_array();
    json_t        *warnings = json_array_size(openapi->warnings)
        ? openapi->warnings : NULL;
    enum tg_status status = tg_import_check_warnings(call, openapi->warnings);

    if (status == TG_OK && !is_merge) {
        status = tg_store_exec(call->store, &call->err,
            "DELETE FROM api_part WHERE api_id = $1 AND kind = $2", "ss",
            api_id, TG_DOCUMENTATION_PART);
    }
    if (status == TG_OK) {
        status = tg_documentation_import(call, api_id,
            openapi->documentation, ids);
    }
    if (status == TG_OK) {
        status = tg_call_result(call, json_pack("{sO sO*}", "ids", ids,
            "warnings", warnings));
    }
    json_decref(ids);
    return status;
}

/* A body that is no OpenAPI document is refused in Amazon's words. */
static enum tg_status
refuse_builder(struct tg_control_call *call)
{
    return tg_call_bad_request(call,
        "Unable to build importer with provided input.");
}

static enum tg_status
import_documented(struct tg_control_call *call, const char *api_id,
    const struct tg_document *document, bool is_merge)
{
    struct tg_openapi openapi;
    struct tg_error   err = { 0 };
    enum tg_status    status;

    if (!json_object_get(document->root, "swagger")
        && !json_object_get(document->root, "openapi"))
    {
        return refuse_builder(call);
    }
    status = tg_openapi_read_documentation(&openapi, document, &err);
    if (status == TG_OK) {
        status = import_parts(call, api_id, &openapi, is_merge);
    } else if (status == TG_INVALID) {
        status = tg_call_bad_request(call, "Invalid OpenAPI document: %s",
            err.message);
    }
    tg_openapi_clear(&openapi);
    return status;
}

enum tg_status
tg_import_documentation_parts(struct tg_control_call *call)
{
    struct tg_document document;
    struct tg_error    err = { 0 };
    const char        *api_id;
    bool               is_merge;
    enum tg_status     status = tg_api_of(call, &api_id);

    if (status == TG_OK) {
        status = tg_import_mode(call, "importDocumentationPartsInput", &is_merge);
    }
    if (status != TG_OK) {
        return status;
    }
    status = tg_document_parse(&document, call->req->body,
        call->req->body_len, &err);
    if (status == TG_OK) {
        status = import_documented(call, api_id, &document, is_merge);
    } else if (status == TG_INVALID || status == TG_LIMIT) {
        status = refuse_builder(call);
    }
    tg_document_clear(&document);
    return status;
}
