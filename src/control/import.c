/*
 * import.c - an OpenAPI document into the store: ImportRestApi, PutRestApi
 *
 * PutRestApi brings a document into an API that there is: in its place
 * (overwrite), or over it (merge), where the document's definition of a
 * method, model or response goes before the API's own.
 *
 * All in the call's transaction: a document that fails anywhere leaves
 * nothing behind.  What can be refused only here (paths that exclude each
 * other) is refused with its place in the document like everything else.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "control/import.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/authorizer_doc.h"
#include "control/document.h"
#include "control/documentation.h"
#include "control/model_schema.h"
#include "control/openapi.h"
#include "control/publisher.h"
#include "control/quotas.h"
#include "control/rest_rows.h"

struct import {
    struct tg_control_call   *call;
    const struct tg_document *document;
    const struct tg_openapi  *openapi;
    const char               *api_id;
    const char               *root_id;
    const char               *prefix;  /* of every path; "" */
    json_t                   *resources; /* path -> id */
    json_t                   *validators; /* name -> id */
    json_t                   *authorizers; /* name -> id */
    bool                      is_put;   /* into an API that there is */
    bool                      is_merge; /* over what it has */
};

static enum tg_status
no_memory(struct import *im)
{
    return tg_error_set(&im->call->err, TG_NOMEM, "out of memory");
}

/* A refusal of the store's rules, with the place in the document. */
static enum tg_status
placed(struct import *im, enum tg_status status, const char *at)
{
    struct tg_error err = { 0 };

    if (status != TG_DENIED) {
        return status;
    }
    (void) tg_openapi_refuse(im->document, at, im->call->error_message, &err);
    return tg_call_bad_request(im->call, "Invalid OpenAPI document: %s",
        err.message);
}

/* ---- parts ---- */

static enum tg_status
import_models(struct import *im)
{
    json_t        *model, *doc;
    const char    *name, *id;
    enum tg_status status = TG_OK;

    json_object_foreach(im->openapi->models, name, model) {
        if (status != TG_OK) {
            return status;
        }
        id = tg_new_id(im->call->arena, 6);
        doc = json_copy(model);
        if (!id || json_object_set_new(doc, "id", json_string(id))
            || json_object_set_new(doc, "name", json_string(name))
            || json_object_set_new(doc, "schema",
                tg_model_schema_moved(tg_text_of(model, "schema"), "{}",
                    im->api_id)))
        {
            status = no_memory(im);
        } else {
            status = tg_api_part_put(im->call, im->api_id, "model", name,
                doc);
        }
        json_decref(doc);
    }
    return status;
}

/*
 * Parts that have a name and an id: those of the document into the API, and
 * which id each name has into ids, where the API's own stand already.
 */
static enum tg_status
import_named(struct import *im, const char *kind, const json_t *parts,
    json_t *ids)
{
    const char    *name, *id;
    json_t        *part, *doc;
    enum tg_status status = TG_OK;

    json_object_foreach((json_t *) parts, name, part) {
        if (status != TG_OK) {
            return status;
        }
        id = tg_text_of(ids, name); /* the API has it */
        id = id ? tg_arena_strdup(im->call->arena, id)
                : tg_new_id(im->call->arena, 6);
        doc = json_copy(part);
        if (!id || !doc) {
            return no_memory(im);
        }
        json_object_set_new(doc, "id", json_string(id));
        json_object_set_new(doc, "name", json_string(name));
        json_object_set_new(ids, name, json_string(id));
        status = tg_api_part_put(im->call, im->api_id, kind, id, doc);
        json_decref(doc);
    }
    return status;
}

static enum tg_status
import_validators(struct import *im)
{
    return import_named(im, "requestvalidator", im->openapi->validators,
        im->validators);
}

static enum tg_status
import_authorizers(struct import *im)
{
    return import_named(im, TG_AUTHORIZER_KIND, im->openapi->authorizers,
        im->authorizers);
}

static enum tg_status
import_documentation(struct import *im)
{
    json_t        *ids = json_array();
    enum tg_status status = tg_documentation_import(im->call, im->api_id,
        im->openapi->documentation, ids);

    json_decref(ids);
    return status;
}

static enum tg_status
import_gateway_responses(struct import *im)
{
    const char    *type;
    json_t        *doc;
    enum tg_status status = TG_OK;

    json_object_foreach(im->openapi->gateway_responses, type, doc) {
        if (status == TG_OK) {
            status = tg_api_part_put(im->call, im->api_id, "gatewayresponse",
                type, doc);
        }
    }
    return status;
}

/* ---- resources and methods ---- */

/* The resource at path, with all above it; made where it is missing. */
static enum tg_status
resource_at(struct import *im, const char *path, const char **id)
{
    struct tg_resource_row row = { im->root_id, NULL, "", "/" }, child;
    enum tg_status         status = TG_OK;

    while (*path && status == TG_OK) {
        size_t      len;
        const char *part, *full, *known;

        path++; /* the slash */
        len = strcspn(path, "/");
        if (len == 0 && !path[len]) {
            break; /* a slash at the end */
        }
        part = tg_arena_dup(im->call->arena, path, len);
        full = part ? tg_arena_printf(im->call->arena, "%s/%s",
                   row.path[1] ? row.path : "", part)
                    : NULL;
        if (!full) {
            return no_memory(im);
        }
        known = tg_text_of(im->resources, full);
        if (known) {
            child = (struct tg_resource_row) { known, row.id, part, full };
        } else {
            status = tg_resource_create(im->call, im->api_id, &row, part,
                &child);
            if (status == TG_OK) {
                json_object_set_new(im->resources, full,
                    json_string(child.id));
            }
        }
        row = child;
        path += len;
    }
    *id = row.id;
    return status;
}

static const char *
full_path(struct import *im, const char *path)
{
    return tg_arena_printf(im->call->arena, "%s%s", im->prefix, path);
}

static enum tg_status
import_paths(struct import *im)
{
    json_t        *entry;
    size_t         i;
    const char    *path, *id;
    enum tg_status status = TG_OK;

    json_array_foreach(im->openapi->paths, i, entry) {
        if (status == TG_OK) {
            path = full_path(im, tg_text_of(entry, "path"));
            status = path ? placed(im, resource_at(im, path, &id),
                         tg_text_of(entry, "at"))
                          : no_memory(im);
        }
    }
    return status;
}

static enum tg_status
import_method(struct import *im, const json_t *entry)
{
    json_t     *method = json_object_get(entry, "method");
    json_t     *integration = json_object_get(method, "methodIntegration");
    const char *validator = tg_text_of(entry, "validator");
    const char *authorizer = tg_text_of(entry, "authorizer");
    const char *path = full_path(im, tg_text_of(entry, "path")), *id;
    enum tg_status status = path ? resource_at(im, path, &id)
                                 : no_memory(im);

    if (status != TG_OK) {
        return status;
    }
    if (validator) {
        json_object_set(method, "requestValidatorId",
            json_object_get(im->validators, validator));
    }
    if (authorizer) {
        json_object_set(method, "authorizerId",
            json_object_get(im->authorizers, authorizer));
    }
    if (integration && !*tg_text_of(integration, "cacheNamespace")) {
        json_object_set_new(integration, "cacheNamespace", json_string(id));
    }
    if (tg_text_of(integration, "uri")) {
        tg_publisher_hint(im->call->control, tg_text_of(integration, "uri"));
    }
    if (im->is_merge) {
        status = tg_store_exec(im->call->store, &im->call->err,
            "DELETE FROM method WHERE api_id = $1 AND resource_id = $2 AND "
            "verb = $3", "sss", im->api_id, id, tg_text_of(entry, "verb"));
    }
    return status == TG_OK ? tg_method_create(im->call, im->api_id, id,
               tg_text_of(entry, "verb"), method)
                           : status;
}

static enum tg_status
import_methods(struct import *im)
{
    json_t        *entry;
    size_t         i;
    enum tg_status status = TG_OK;

    json_array_foreach(im->openapi->methods, i, entry) {
        if (status == TG_OK) {
            status = placed(im, import_method(im, entry),
                tg_text_of(entry, "at"));
        }
    }
    return status;
}

/* ---- the call ---- */

/* What the query parameter basepath makes of the document's base path. */
static enum tg_status
choose_prefix(struct import *im)
{
    const char *mode = tg_call_query(im->call, "basepath");
    const char *base = json_string_value(im->openapi->base_path);

    im->prefix = "";
    if (!mode || strcasecmp(mode, "ignore") == 0) {
        return TG_OK;
    }
    if (strcasecmp(mode, "prepend") == 0) {
        im->prefix = base;
    } else if (strcasecmp(mode, "split") == 0) {
        /* The first part is the stage's or the domain's. */
        const char *rest = *base ? strchr(base + 1, '/') : NULL;

        im->prefix = rest ? rest : "";
    } else {
        return tg_call_bad_request(im->call, "Invalid basepath: expected "
            "ignore, prepend or split");
    }
    return TG_OK;
}

/* ---- an API that there is ---- */

/* Of overwrite: nothing but the root is left. */
static enum tg_status
clear_api(struct import *im)
{
    static const char *const statements[] = {
        "DELETE FROM method WHERE api_id = $1",
        "DELETE FROM resource WHERE api_id = $1 AND parent_id IS NOT NULL",
        /* All but the documentation's versions: stages name those. */
        ("DELETE FROM api_part WHERE api_id = $1 AND kind NOT IN "
            "('documentationversion', 'documentationsnapshot')"),
    };
    enum tg_status status = TG_OK;

    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        if (status == TG_OK) {
            status = tg_store_exec(im->call->store, &im->call->err,
                statements[i], "s", im->api_id);
        }
    }
    return status;
}

/* Of merge: what there is by name, into map. */
static enum tg_status
read_names(struct import *im, const char *sql, json_t *map)
{
    struct tg_stmt *q;
    enum tg_status  status = tg_store_query(im->call->store, &q,
        &im->call->err, sql, "s", im->api_id);

    while (status == TG_OK
        && (status = tg_stmt_next(q, &im->call->err)) == TG_OK)
    {
        const char *doc = tg_stmt_text(q, 2);
        json_t     *part = doc ? json_loads(doc, 0, NULL) : NULL;
        const char *name = doc ? tg_text_of(part, "name")
                               : tg_stmt_text(q, 0);

        if (name) {
            json_object_set_new(map, name, json_string(tg_stmt_text(q, 1)));
        }
        json_decref(part);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
open_api(struct import *im)
{
    enum tg_status status = placed(im, tg_api_replace(im->call, im->api_id,
        im->openapi->api, im->is_merge, &im->root_id), "");

    if (status != TG_OK || !im->is_merge) {
        return status == TG_OK ? clear_api(im) : status;
    }
    status = read_names(im, "SELECT path, id, NULL FROM resource "
        "WHERE api_id = $1 AND parent_id IS NOT NULL", im->resources);
    if (status == TG_OK) {
        status = read_names(im, "SELECT id, id, doc FROM api_part "
            "WHERE api_id = $1 AND kind = 'requestvalidator'",
            im->validators);
    }
    return status == TG_OK ? read_names(im, "SELECT id, id, doc FROM "
               "api_part WHERE api_id = $1 AND kind = 'authorizer'",
               im->authorizers)
                           : status;
}

static enum tg_status
import_api(struct import *im)
{
    static enum tg_status (*const steps[])(struct import *im) = {
        import_models, import_validators, import_authorizers,
        import_gateway_responses, import_documentation, import_paths,
        import_methods,
    };
    const char *type
        = tg_call_query(im->call, "endpointConfigurationTypes");
    enum tg_status status = choose_prefix(im);

    if (status == TG_OK && type) {
        json_object_set_new(im->openapi->api, "endpointConfiguration",
            json_pack("{s[s]}", "types", type));
    }
    if (status == TG_OK) {
        status = im->is_put ? open_api(im)
                            : placed(im, tg_api_create(im->call,
                                im->openapi->api, &im->api_id, &im->root_id),
                                "");
    }
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (status == TG_OK) {
            status = steps[i](im);
        }
    }
    return status == TG_OK
        ? tg_quota_check_api(im->call->change, im->api_id, &im->call->err)
        : status;
}

enum tg_status
tg_import_check_warnings(struct tg_control_call *call, const json_t *warnings)
{
    const char *flag = tg_call_query(call, "failonwarnings");

    if (!flag || strcasecmp(flag, "true") != 0
        || !json_array_size(warnings))
    {
        return TG_OK;
    }
    return tg_call_bad_request(call,
        "Warnings found during import, and failonwarnings is set: %s",
        json_string_value(json_array_get(warnings, 0)));
}

static enum tg_status
import_document(struct import *im, struct tg_openapi *openapi)
{
    struct tg_error err = { 0 };
    json_t         *answer = NULL;
    enum tg_status  status = tg_openapi_read(openapi, im->document,
        im->call->control->settings->gateway.integration_timeout_max_ms,
        &err);

    if (status == TG_INVALID) {
        status = tg_call_bad_request(im->call, "Invalid OpenAPI document: "
            "%s", err.message);
    }
    if (status == TG_OK) {
        status = tg_import_check_warnings(im->call, openapi->warnings);
    }
    if (status == TG_OK) {
        status = import_api(im);
    }
    if (status == TG_OK) {
        status = im->is_put
            ? tg_api_answer_tagged(im->call, im->api_id, &answer)
            : tg_api_answer(im->call, im->api_id, &answer);
    }
    if (status == TG_OK && json_array_size(openapi->warnings)) {
        json_object_set(answer, "warnings", openapi->warnings);
    }
    return status == TG_OK ? tg_call_result(im->call, answer) : status;
}

/* Reads the body's document and imports it. */
static enum tg_status
import_body(struct import *im)
{
    struct tg_control_call *call = im->call;
    struct tg_document      document;
    struct tg_openapi       openapi;
    struct tg_error         err = { 0 };
    enum tg_status          status = tg_document_parse(&document,
        call->req->body, call->req->body_len, &err);

    if (status == TG_INVALID || status == TG_LIMIT) {
        return tg_call_bad_request(call, "Invalid OpenAPI document: %s",
            err.message);
    }
    if (status != TG_OK) {
        return status;
    }
    im->document = &document;
    im->openapi = &openapi;
    im->resources = json_object();
    im->validators = json_object();
    im->authorizers = json_object();
    openapi = (struct tg_openapi) { 0 };
    status = im->is_put ? tg_api_of(call, &im->api_id) : TG_OK;
    if (status == TG_OK) {
        status = import_document(im, &openapi);
    }
    json_decref(im->resources);
    json_decref(im->validators);
    json_decref(im->authorizers);
    tg_openapi_clear(&openapi);
    tg_document_clear(&document);
    return status;
}

enum tg_status
tg_import_rest_api(struct tg_control_call *call)
{
    struct import im = { .call = call };

    return import_body(&im);
}

enum tg_status
tg_import_mode(struct tg_control_call *call, const char *input, bool *is_merge)
{
    const char *mode = tg_call_query(call, "mode");

    *is_merge = !mode || strcasecmp(mode, "merge") == 0;
    return *is_merge || strcasecmp(mode, "overwrite") == 0 ? TG_OK
        : tg_call_refuse(call, 400, "ValidationException",
            "1 validation error detected: Value '%.40s' at '%s.mode' failed "
            "to satisfy constraint: Member must satisfy enum value set: "
            "[merge, overwrite]", mode, input);
}

enum tg_status
tg_put_rest_api(struct tg_control_call *call)
{
    struct import  im = { .call = call, .is_put = true };
    enum tg_status status = tg_import_mode(call, "putRestApiInput",
        &im.is_merge);

    return status == TG_OK ? import_body(&im) : status;
}
