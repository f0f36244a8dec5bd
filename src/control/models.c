/*
 * models.c - the operations on models
 *
 * A model's row has its name for an id; what belongs to its schema is in
 * model_schema.h.  A model to which a method or another model refers stays.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <string.h>

#include "control/call.h"
#include "control/doc_patch.h"
#include "control/members.h"
#include "control/model_schema.h"
#include "control/quotas.h"
#include "control/rest_rows.h"

#define MODELS "/restapis/{restapi_id}/models"
#define MODEL MODELS "/{model_name}"
#define KIND "model"
#define TEMPLATE_MAX ((size_t) 300 * 1024) /* Amazon's, of a template */

static enum tg_status
no_memory(struct tg_control_call *call)
{
    return tg_error_set(&call->err, TG_NOMEM, "out of memory");
}

/* The path's model; *out is the caller's. */
static enum tg_status
read_model(struct tg_control_call *call, json_t **out)
{
    const char    *name = tg_http_path_get(call->req, "model_name");
    enum tg_status status = tg_api_part_get(call, KIND, name, out);

    return status == TG_NOTFOUND
        ? tg_call_not_found(call, "Invalid model name specified: %.200s",
            name)
        : status;
}

/* The schemas of all models of the path's API, by name; the caller's. */
static enum tg_status
read_schemas(struct tg_control_call *call, json_t **out)
{
    struct tg_stmt *q;
    enum tg_status  status = tg_store_query(call->store, &q, &call->err,
        "SELECT id, doc FROM api_part WHERE api_id = $1 AND kind = 'model' "
        "ORDER BY id", "s", tg_http_path_get(call->req, "restapi_id"));

    *out = json_object();
    while (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK)
    {
        json_t     *model = tg_row_json(q, 1);
        const char *text = tg_text_of(model, "schema");
        json_t     *schema = text ? json_loads(text, 0, NULL) : NULL;

        /* One that an import left without a schema allows anything. */
        if (json_object_set_new(*out, tg_stmt_text(q, 0),
                schema ? schema : json_object()))
        {
            status = no_memory(call);
        }
        json_decref(model);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* ---- CreateModel ---- */

static const struct tg_member model_members[] = {
    { .name = "name", .is_required = true, .max = 255 },
    { .name = "contentType", .is_required = true, .max = 255 },
    { .name = "description", .max = 125000 },
    { .name = "schema" },
};

static enum tg_status
check_name(struct tg_control_call *call, const char *name)
{
    const char *c = name;

    while (isalnum((unsigned char) *c)) {
        c++;
    }
    if (!*name) {
        return tg_call_bad_request(call, "Model name must be non-empty");
    }
    return *c ? tg_call_bad_request(call, "Model name must be alphanumeric: "
               "%.200s", name)
              : TG_OK;
}

/* Every model that the schema of name refers to is there. */
static enum tg_status
check_references(struct tg_control_call *call, const char *name,
    const json_t *names)
{
    const char    *other;
    json_t        *schemas, *value;
    enum tg_status status = read_schemas(call, &schemas);

    json_object_foreach((json_t *) names, other, value) {
        if (status == TG_OK && strcmp(other, name) != 0
            && !json_object_get(schemas, other))
        {
            status = tg_call_bad_request(call, "Invalid model specified: "
                "Validation Result: warnings : [], errors : [Invalid model "
                "reference specified: %.200s]", other);
        }
    }
    json_decref(schemas);
    return status;
}

static enum tg_status
check_schema(struct tg_control_call *call, const char *api_id,
    const json_t *model)
{
    struct tg_refusal refusal;
    const char       *text = tg_text_of(model, "schema");
    json_t           *schema, *names = json_object();
    enum tg_status    status = tg_model_schema_read(&schema,
        text ? text : "", &refusal);

    if (status == TG_OK) {
        status = tg_model_schema_names(names, schema, api_id, &refusal);
    }
    status = status == TG_OK
        ? check_references(call, tg_text_of(model, "name"), names)
        : tg_call_pass(call, status, &refusal);
    json_decref(names);
    json_decref(schema);
    return status;
}

static enum tg_status
check_new(struct tg_control_call *call, const char *api_id,
    const json_t *model)
{
    const char    *name = tg_text_of(model, "name");
    json_t        *there;
    enum tg_status status = check_name(call, name);

    if (status == TG_OK && !*tg_text_of(model, "contentType")) {
        status = tg_call_bad_request(call,
            "Model content type must be non-empty");
    }
    if (status == TG_OK) {
        status = tg_api_part_get(call, KIND, name, &there);
        json_decref(there);
        status = status == TG_OK
            ? tg_call_conflict(call,
                "Model name already exists for this REST API")
            : status == TG_NOTFOUND ? TG_OK : status;
    }
    return status == TG_OK ? check_schema(call, api_id, model) : status;
}

/* Stores doc (taken) and answers with it, unless status is a refusal. */
static enum tg_status
store_model(struct tg_control_call *call, enum tg_status status, json_t *doc)
{
    if (status == TG_OK) {
        status = tg_api_part_put(call,
            tg_http_path_get(call->req, "restapi_id"), KIND,
            tg_text_of(doc, "name"), doc);
    }
    if (status != TG_OK) {
        json_decref(doc);
        return status;
    }
    return tg_call_result(call, doc);
}

static enum tg_status
create_model(struct tg_control_call *call)
{
    json_t        *doc;
    const char    *api_id, *id = tg_new_id(call->arena, 6);
    enum tg_status status = tg_api_take_body(call, &api_id, &doc,
        "createModelInput", model_members,
        sizeof model_members / sizeof model_members[0]);

    if (status != TG_OK) {
        return status;
    }
    status = check_new(call, api_id, doc);
    if (status == TG_OK
        && (!id || json_object_set_new(doc, "id", json_string(id))))
    {
        status = no_memory(call);
    }
    status = store_model(call, status, doc);
    return status == TG_OK
        ? tg_quota_check(call->change, TG_QUOTA_MODELS, api_id, &call->err)
        : status;
}

/* ---- reading ---- */

static enum tg_status
get_models(struct tg_control_call *call)
{
    return tg_api_parts_page(call, KIND);
}

/* The model's schema becomes one that refers to no other model. */
static enum tg_status
flatten(struct tg_control_call *call, json_t *model)
{
    const char    *api_id = tg_http_path_get(call->req, "restapi_id"), *text;
    json_t        *schemas, *flat;
    enum tg_status status = read_schemas(call, &schemas);

    if (status == TG_OK) {
        flat = tg_model_schema_flatten(
            json_object_get(schemas, tg_text_of(model, "name")), api_id,
            schemas);
        text = flat ? tg_row_text(call, flat) : NULL;
        status = text && json_object_set_new(model, "schema",
                json_string(text)) == 0 ? TG_OK : no_memory(call);
        json_decref(flat);
    }
    json_decref(schemas);
    return status;
}

static enum tg_status
get_model(struct tg_control_call *call)
{
    json_t        *doc;
    enum tg_status status = read_model(call, &doc);

    if (status == TG_OK && tg_text_of(doc, "schema")
        && tg_patch_bool(tg_call_query(call, "flatten")))
    {
        status = flatten(call, doc);
    }
    if (status != TG_OK) {
        json_decref(doc);
        return status;
    }
    return tg_call_result(call, doc);
}

static enum tg_status
get_model_template(struct tg_control_call *call)
{
    struct tg_buf  text;
    const char    *name = tg_http_path_get(call->req, "model_name");
    json_t        *doc, *schemas = NULL;
    enum tg_status status = read_model(call, &doc);

    tg_buf_init(&text, TEMPLATE_MAX);
    if (status == TG_OK) {
        status = read_schemas(call, &schemas);
    }
    if (status == TG_OK) {
        status = tg_model_schema_template(&text,
            json_object_get(schemas, name),
            tg_http_path_get(call->req, "restapi_id"), schemas);
        status = status == TG_LIMIT
            ? tg_call_bad_request(call, "The template of the model %.80s "
                "would have more than %zu bytes", name, TEMPLATE_MAX)
            : status;
    }
    if (status == TG_OK) {
        status = tg_call_result(call, json_pack("{ss}", "value", text.data));
    }
    tg_buf_clear(&text);
    json_decref(schemas);
    json_decref(doc);
    return status;
}

/* ---- UpdateModel ---- */

static enum tg_status
update_model(struct tg_control_call *call)
{
    static const struct tg_patch_path paths[] = {
        { NULL, "description", TG_PATCH_TEXT, TG_PATCH_REPLACES },
        { NULL, "schema", TG_PATCH_TEXT, TG_PATCH_REPLACES },
    };
    json_t        *doc;
    enum tg_status status = read_model(call, &doc);

    if (status != TG_OK) {
        return status;
    }
    status = tg_doc_patch_listed(call, doc, paths,
        sizeof paths / sizeof paths[0]);
    if (status == TG_OK) {
        status = check_schema(call,
            tg_http_path_get(call->req, "restapi_id"), doc);
    }
    return store_model(call, status, doc);
}

/* ---- DeleteModel ---- */

static bool
has_value(const json_t *map, const char *name)
{
    const char *key;
    json_t     *value;

    json_object_foreach((json_t *) map, key, value) {
        if (strcmp(json_string_value(value), name) == 0) {
            return true;
        }
    }
    return false;
}

/* "method request", "method response"; NULL: the method does not use it. */
static const char *
use_of(const json_t *method, const char *name)
{
    const char *code;
    json_t     *response;

    if (has_value(json_object_get(method, "requestModels"), name)) {
        return "method request";
    }
    json_object_foreach(json_object_get(method, "methodResponses"), code,
        response)
    {
        if (has_value(json_object_get(response, "responseModels"), name)) {
            return "method response";
        }
    }
    return NULL;
}

static enum tg_status
refuse_used_by_method(struct tg_control_call *call, const char *name)
{
    struct tg_method_user user;
    enum tg_status status = tg_method_find_user(call, &user, use_of, name);

    return status == TG_OK && user.use
        ? tg_call_conflict(call, "Cannot delete model '%s', is "
            "referenced in %s: %s/%s", name, user.use, user.path, user.verb)
        : status;
}

static enum tg_status
refuse_used_by_model(struct tg_control_call *call, const char *name)
{
    struct tg_refusal ignored;
    const char    *api_id = tg_http_path_get(call->req, "restapi_id");
    const char    *other;
    json_t        *schemas, *schema;
    enum tg_status status = read_schemas(call, &schemas);

    json_object_foreach(schemas, other, schema) {
        json_t *names = json_object();

        /* An import may have left other references: no matter here. */
        (void) !tg_model_schema_names(names, schema, api_id, &ignored);
        if (status == TG_OK && strcmp(other, name) != 0
            && json_object_get(names, name))
        {
            status = tg_call_conflict(call, "Cannot delete model '%s', is "
                "referenced in model: %s", name, other);
        }
        json_decref(names);
    }
    json_decref(schemas);
    return status;
}

static enum tg_status
delete_model(struct tg_control_call *call)
{
    const char    *name = tg_http_path_get(call->req, "model_name");
    json_t        *doc;
    enum tg_status status = read_model(call, &doc);

    json_decref(doc);
    if (status == TG_OK) {
        status = refuse_used_by_method(call, name);
    }
    if (status == TG_OK) {
        status = refuse_used_by_model(call, name);
    }
    return status == TG_OK ? tg_api_part_delete(call, KIND, name) : status;
}

const struct tg_operation tg_model_operations[] = {
    { "GET", MODELS, "GetModels", 200, true, TG_BODY_NONE, get_models },
    { "POST", MODELS, "CreateModel", 201, false, TG_BODY_JSON,
        create_model },
    { "GET", MODEL, "GetModel", 200, true, TG_BODY_NONE, get_model },
    { "PATCH", MODEL, "UpdateModel", 200, false, TG_BODY_JSON,
        update_model },
    { "DELETE", MODEL, "DeleteModel", 202, false, TG_BODY_NONE,
        delete_model },
    { "GET", MODEL "/default_template", "GetModelTemplate", 200, true,
        TG_BODY_NONE, get_model_template },
    { 0 },
};
