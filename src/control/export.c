/*
 * export.c - GetExport: what a stage serves, as an OpenAPI document
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/call.h"
#include "control/documentation.h"
#include "control/members.h"
#include "control/openapi_write.h"
#include "control/rest_rows.h"
#include "control/yaml_write.h"

#define EXPORT                                                                \
    "/restapis/{restapi_id}/stages/{stage_name}/exports/{export_type}"
#define YAML_TYPE "application/yaml"
#define FILE_TYPE "application/octet-stream" /* as Amazon sends it */
#define TEXT_MAX ((size_t) 64 << 20)

static enum tg_status
no_memory(struct tg_control_call *call)
{
    return tg_error_set(&call->err, TG_NOMEM, "out of memory");
}

/* The snapshot of the stage's deployment, the time of that, and the stage. */
static enum tg_status
read_snapshot(struct tg_control_call *call, const char *api_id,
    json_t **snapshot, int64_t *created_s, json_t **stage)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(call->store, &q, &call->err,
        "SELECT d.snapshot, d.created_s, s.doc FROM stage s JOIN deployment d"
        " ON d.api_id = s.api_id AND d.id = s.deployment_id"
        " WHERE s.api_id = $1 AND s.name = $2", "ss", api_id,
        tg_http_path_get(call->req, "stage_name"));
    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        *snapshot = tg_row_json(q, 0);
        *created_s = tg_stmt_int(q, 1);
        *stage = tg_row_json(q, 2);
        status = *snapshot != NULL ? TG_OK : no_memory(call);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND
        ? tg_call_not_found(call, "Invalid stage identifier specified")
        : status;
}

/* "apigateway" is all that there is. */
static void
wish(struct tg_openapi_source *source, const char *extension)
{
    const bool is_all = strcmp(extension, "apigateway") == 0;

    source->has_extensions |= is_all;
    source->has_integrations |= is_all
        || strcmp(extension, "integrations") == 0;
    source->has_authorizers |= is_all
        || strcmp(extension, "authorizers") == 0;
    source->has_documentation |= is_all
        || strcmp(extension, "documentation") == 0;
}

/* The document's form, by the path; its extensions, by the query. */
static enum tg_status
read_wishes(struct tg_control_call *call, struct tg_openapi_source *source)
{
    static const char *const extensions[] = { "apigateway", "integrations",
        "authorizers", "documentation", "postman", NULL };
    const char *type = tg_http_path_get(call->req, "export_type");
    const char *wanted = tg_call_query(call, "extensions");
    char        one[32];

    source->is_swagger = strcmp(type, "swagger") == 0;
    if (!source->is_swagger && strcmp(type, "oas30") != 0) {
        return tg_call_bad_request(call, "Invalid export type specified: "
            "%.40s. Must be one of: [oas30, swagger]", type);
    }
    for (; wanted != NULL && *wanted != '\0';
         wanted += strspn(wanted, ","))
    {
        (void) snprintf(one, sizeof(one), "%.*s",
            (int) strcspn(wanted, ","), wanted);
        if (!tg_is_one_of(one, extensions)) {
            return tg_call_bad_request(call, "Invalid extensions specified: "
                "%.40s. Must be one of: [apigateway, integrations, "
                "authorizers, documentation, postman]", wanted);
        }
        if (strcmp(one, "postman") == 0) {
            return tg_call_bad_request(call, "The extensions for Postman are "
                "not supported by this gateway");
        }
        wish(source, one);
        wanted += strcspn(wanted, ",");
    }
    return TG_OK;
}

/* The document's text becomes the answer, in the form that Accept names. */
static enum tg_status
answer_document(struct tg_control_call *call,
    const struct tg_openapi_source *source)
{
    json_t        *document = tg_openapi_write(source);
    char          *text = NULL;
    const bool     is_yaml = tg_http_accepts(call->req, YAML_TYPE);
    struct tg_buf  yaml;
    enum tg_status status = TG_OK;

    tg_buf_init(&yaml, TEXT_MAX);
    if (is_yaml) {
        status = tg_yaml_write(&yaml, document, &call->err);
    } else {
        text = json_dumps(document, JSON_INDENT(2));
        status = text != NULL ? TG_OK : no_memory(call);
    }
    if (status == TG_OK) {
        call->result_type = FILE_TYPE;
        call->result_text = tg_arena_strdup(call->arena,
            is_yaml ? yaml.data : text);
        status = call->result_text != NULL ? TG_OK : no_memory(call);
    }
    free(text);
    tg_buf_clear(&yaml);
    json_decref(document);
    return status;
}

/* The document's version, with what a file's name cannot have as '_'. */
static const char *
safe_version(struct tg_control_call *call,
    const struct tg_openapi_source *source)
{
    const char *given = tg_text_of(source->api, "version");
    char       *safe = tg_arena_strdup(call->arena,
        given != NULL ? given : source->version);

    for (char *c = safe; c != NULL && *c != '\0'; c++) {
        if (!isalnum((unsigned char) *c) && strchr("._-", *c) == NULL) {
            *c = '_';
        }
    }
    return safe;
}

/* By the form and the document's version, as Amazon names it. */
static void
name_file(struct tg_control_call *call,
    const struct tg_openapi_source *source)
{
    const char *version = safe_version(call, source);
    const char *value = tg_arena_printf(call->arena,
        "attachment; filename=\"%s_%s.%s\"",
        source->is_swagger ? "swagger" : "oas30",
        version != NULL ? version : "",
        tg_http_accepts(call->req, YAML_TYPE) ? "yaml" : "json");

    if (value != NULL) {
        (void) tg_http_header_add(call->res, "Content-Disposition", value);
    }
}

/* The version that the stage names, with its parts; NULL: it names none. */
static enum tg_status
read_documentation(struct tg_control_call *call, const char *api_id,
    const json_t *stage, json_t **out)
{
    const char *version = tg_text_of(stage, "documentationVersion");

    json_t        *parts = NULL;
    enum tg_status status;

    if (version == NULL) {
        return TG_OK;
    }
    status = tg_documentation_version_get(call, api_id, version, out);
    if (status == TG_OK) {
        status = tg_documentation_version_parts(call, api_id, version,
            &parts);
    }
    if (status == TG_OK
        && json_object_set_new(*out, "documentationParts", parts) != 0)
    {
        status = no_memory(call);
    }
    return status;
}

static enum tg_status
get_export(struct tg_control_call *call)
{
    char                     host[128], version[32] = "";
    int64_t                  created_s = 0;
    json_t                  *api = NULL, *snapshot = NULL, *stage = NULL;
    json_t                  *documentation = NULL;
    struct tg_openapi_source source = {
        .stage = tg_http_path_get(call->req, "stage_name"),
        .host = host, .version = version,
    };
    enum tg_status status = tg_api_of(call, &source.api_id);

    if (status == TG_OK) {
        status = read_wishes(call, &source);
    }
    if (status == TG_OK) {
        status = read_snapshot(call, source.api_id, &snapshot, &created_s,
            &stage);
    }
    if (status == TG_OK && source.has_documentation) {
        status = read_documentation(call, source.api_id, stage,
            &documentation);
    }
    if (status == TG_OK) {
        status = tg_api_answer(call, source.api_id, &api);
    }
    if (status == TG_OK) {
        (void) snprintf(host, sizeof(host),
            "%.20s.execute-api.%.40s.amazonaws.com", source.api_id,
            call->control->settings->region);
        (void) strftime(version, sizeof(version), "%Y-%m-%dT%H:%M:%SZ",
            gmtime_r(&(time_t) { created_s }, &(struct tm) { 0 }));
        source.api = api;
        source.snapshot = snapshot;
        source.documentation = documentation;
        status = answer_document(call, &source);
    }
    if (status == TG_OK) {
        name_file(call, &source);
    }
    json_decref(api);
    json_decref(snapshot);
    json_decref(stage);
    json_decref(documentation);
    return status;
}

const struct tg_operation tg_export_operations[] = {
    { "GET", EXPORT, "GetExport", 200, true, TG_BODY_NONE, get_export },
    { 0 },
};
