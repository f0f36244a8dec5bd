/*
 * openapi_method.c - an operation of an OpenAPI document as a method
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "control/authorizer_doc.h"
#include "control/mapping.h"
#include "control/method_doc.h"
#include "control/openapi_reader.h"

#define X "x-amazon-apigateway-"

/* A method while it is read: the members of PutMethod, and its responses. */
struct method {
    json_t *parameters; /* requestParameters */
    json_t *models;     /* requestModels */
    json_t *responses;  /* methodResponses */
};

/* The place that a parameter has in a mapping; NULL: none. */
static const char *
place_of(const char *in)
{
    if (strcmp(in, "query") == 0) {
        return "querystring";
    }
    return strcmp(in, "path") == 0 || strcmp(in, "header") == 0 ? in : NULL;
}

/* ---- bodies ---- */

/* {"application/json": {"schema": ...}} into {"application/json": model}. */
static enum tg_status
read_content(struct tg_openapi_reader *r, const json_t *owner,
    const char *at, json_t *models)
{
    const json_t  *content;
    const char    *type, *name;
    json_t        *media;
    enum tg_status status = tg_openapi_get(r, &content, owner, at, "content",
        JSON_OBJECT);

    at = tg_openapi_at(r, at, "content");
    json_object_foreach((json_t *) content, type, media) {
        json_t     *schema = json_object_get(media, "schema");
        const char *media_at = tg_openapi_at(r, at, type);

        if (status == TG_OK && schema) {
            status = tg_openapi_model_of(r, schema,
                tg_openapi_at(r, media_at, "schema"), type, &name);
            if (status == TG_OK && name) {
                json_object_set_new(models, type, json_string(name));
            }
        }
    }
    return status;
}

/* Swagger's schema, for each type that the operation names. */
static enum tg_status
read_schema(struct tg_openapi_reader *r, const json_t *operation,
    const char *list, const json_t *schema, const char *at, json_t *models)
{
    const json_t  *types = json_object_get(operation, list);
    const char    *name;
    json_t        *type;
    size_t         i;
    enum tg_status status;

    if (!schema) {
        return TG_OK;
    }
    if (!types) {
        types = json_object_get(r->root, list);
    }
    status = tg_openapi_model_of(r, schema, tg_openapi_at(r, at, "schema"),
        "application/json", &name);
    if (status != TG_OK || !name) {
        return status;
    }
    json_array_foreach((json_t *) types, i, type) {
        if (json_is_string(type)) {
            json_object_set_new(models, json_string_value(type),
                json_string(name));
        }
    }
    if (!json_array_size(types)) {
        json_object_set_new(models, "application/json", json_string(name));
    }
    return TG_OK;
}

static enum tg_status
read_request_body(struct tg_openapi_reader *r, const json_t *operation,
    const char *at, struct method *m)
{
    const json_t  *body;
    enum tg_status status = tg_openapi_get(r, &body, operation, at,
        "requestBody", JSON_OBJECT);

    if (status != TG_OK || !body) {
        return status;
    }
    at = tg_openapi_at(r, at, "requestBody");
    status = tg_openapi_follow(r, &body, &at);
    if (status == TG_NOTFOUND) {
        tg_openapi_warn(r, at, "this reference leads nowhere");
        return TG_OK;
    }
    return status == TG_OK ? read_content(r, body, at, m->models) : status;
}

/* ---- parameters ---- */

static enum tg_status
read_parameter(struct tg_openapi_reader *r, const json_t *operation,
    const json_t *parameter, const char *at, struct method *m)
{
    const char    *in, *name, *place, *key;
    enum tg_status status = tg_openapi_follow(r, &parameter, &at);

    if (status == TG_NOTFOUND) {
        tg_openapi_warn(r, at, "this reference leads nowhere");
        return TG_OK;
    }
    in = tg_text_of(parameter, "in");
    name = tg_text_of(parameter, "name");
    if (status != TG_OK) {
        return status;
    }
    if (!in || !name) {
        return tg_openapi_fail(r, at, "a parameter needs name and in");
    }
    if (strcmp(in, "body") == 0) {
        return read_schema(r, operation, "consumes",
            json_object_get(parameter, "schema"), at, m->models);
    }
    place = place_of(in);
    if (!place || !tg_mapping_name_is_valid(name)) {
        tg_openapi_warn(r, at, "the parameter %.60s (in %.20s) is not taken "
            "over", name, in);
        return TG_OK;
    }
    key = tg_arena_printf(&r->arena, "method.request.%s.%s", place, name);
    return key && json_object_set_new(m->parameters, key,
            json_boolean(json_is_true(
                json_object_get(parameter, "required")))) == 0
        ? TG_OK
        : TG_NOMEM;
}

/* Those of the path item first, so that the operation's come over them. */
static enum tg_status
read_parameters(struct tg_openapi_reader *r, const json_t *operation,
    const json_t *owner, const char *at, struct method *m)
{
    const json_t  *list;
    json_t        *parameter;
    size_t         i;
    enum tg_status status = tg_openapi_get(r, &list, owner, at, "parameters",
        JSON_ARRAY);

    at = tg_openapi_at(r, at, "parameters");
    json_array_foreach((json_t *) list, i, parameter) {
        if (status == TG_OK) {
            status = read_parameter(r, operation, parameter,
                tg_openapi_at_index(r, at, i), m);
        }
    }
    return status;
}

/* ---- responses ---- */

static enum tg_status
read_response(struct tg_openapi_reader *r, const json_t *operation,
    const char *code, const json_t *response, const char *at,
    struct method *m)
{
    struct tg_refusal refusal = { 0 };
    json_t           *in, *headers, *models, *parameters, *doc, *header;
    const char       *name;
    enum tg_status    status = tg_openapi_follow(r, &response, &at);

    if (status == TG_NOTFOUND) {
        tg_openapi_warn(r, at, "this reference leads nowhere");
        return TG_OK;
    }
    if (status != TG_OK) {
        return status;
    }
    models = json_object();
    parameters = json_object();
    in = json_pack("{so so}", "responseModels", models, "responseParameters",
        parameters);
    headers = json_object_get(response, "headers");
    json_object_foreach(headers, name, header) {
        const char *key = tg_arena_printf(&r->arena,
            "method.response.header.%s", name);

        json_object_set_new(parameters, key, json_false());
    }
    status = r->is_swagger
        ? read_schema(r, operation, "produces",
            json_object_get(response, "schema"), at, models)
        : read_content(r, response, at, models);
    if (status == TG_OK) {
        status = tg_openapi_pass(r, at,
            tg_method_response_doc(&doc, in, code, &refusal), &refusal);
    }
    if (status == TG_OK) {
        json_object_set_new(m->responses, code, doc);
    }
    json_decref(in);
    return status;
}

static enum tg_status
read_responses(struct tg_openapi_reader *r, const json_t *operation,
    const char *at, struct method *m)
{
    const json_t  *responses;
    const char    *code;
    json_t        *response;
    enum tg_status status = tg_openapi_get(r, &responses, operation, at,
        "responses", JSON_OBJECT);

    at = tg_openapi_at(r, at, "responses");
    json_object_foreach((json_t *) responses, code, response) {
        const char *response_at = tg_openapi_at(r, at, code);

        if (status != TG_OK) {
            return status;
        }
        if (tg_status_code_is_valid(code)) {
            status = read_response(r, operation, code, response, response_at,
                m);
        } else if (strncmp(code, "x-", 2) != 0) {
            tg_openapi_warn(r, response_at,
                "API Gateway takes responses by status code alone");
        }
    }
    return status;
}

/* ---- the whole ---- */

static enum tg_status
read_validator(struct tg_openapi_reader *r, const json_t *operation,
    const char *at, const json_t **name)
{
    bool is_own = json_object_get(operation, X "request-validator") != NULL;
    enum tg_status status = tg_openapi_get(r, name,
        is_own ? operation : r->root, is_own ? at : "",
        X "request-validator", JSON_STRING);

    if (status == TG_OK && *name
        && !json_object_get(r->out->validators, json_string_value(*name)))
    {
        return tg_openapi_fail(r,
            tg_openapi_at(r, is_own ? at : "", X "request-validator"),
            "there is no such request validator");
    }
    return status;
}

/*
 * The method's authorizationType: what guards it goes before what the
 * operation says of itself, so that no document opens a method by mistake.
 */
static const char *
authorization_of(const struct tg_openapi_reader *r, const json_t *operation,
    const struct tg_openapi_security *security)
{
    const char *type = tg_text_of(json_object_get(operation, X "auth"),
        "type");

    if (security->authorizer) {
        return tg_authorizer_guards(json_object_get(r->out->authorizers,
            security->authorizer));
    }
    if (security->is_iam) {
        return "AWS_IAM";
    }
    return type ? type : "NONE";
}

/* Members of PutMethod as stored, with responses and integration. */
static enum tg_status
make_method(struct tg_openapi_reader *r, const json_t *operation,
    const char *at, const struct method *m,
    const struct tg_openapi_security *security, json_t **out)
{
    struct tg_refusal refusal = { 0 };
    json_t        *in, *integration;
    const json_t  *extension
        = json_object_get(operation, X "integration");
    enum tg_status status;

    /* The authorizer's id is put in when it has one: import.c. */
    in = json_pack("{ss sb sO sO ss* sO*}", "authorizationType",
        authorization_of(r, operation, security), "apiKeyRequired",
        security->needs_key, "requestParameters", m->parameters,
        "requestModels", m->models, "authorizerId", security->authorizer,
        "authorizationScopes", (json_t *) security->scopes);
    if (tg_text_of(operation, "operationId")) {
        json_object_set(in, "operationName",
            json_object_get(operation, "operationId"));
    }
    status = tg_openapi_pass(r, at, tg_method_doc(out, in, &refusal),
        &refusal);
    json_decref(in);
    if (status == TG_OK && json_object_size(m->responses)) {
        json_object_set(*out, "methodResponses", m->responses);
    }
    if (status == TG_OK && extension) {
        status = tg_openapi_integration(r, extension,
            tg_openapi_at(r, at, X "integration"), &integration);
        if (integration) {
            json_object_set_new(*out, "methodIntegration", integration);
        }
    }
    return status;
}

enum tg_status
tg_openapi_method(struct tg_openapi_reader *r, const char *path,
    const char *verb, const json_t *item, const char *item_at,
    const json_t *operation, const char *at)
{
    struct method  m = { json_object(), json_object(), json_object() };
    const json_t  *validator = NULL;
    json_t        *method = NULL;
    struct tg_openapi_security security = { 0 };
    enum tg_status status
        = read_parameters(r, operation, item, item_at, &m);

    if (status == TG_OK) {
        status = read_parameters(r, operation, operation, at, &m);
    }
    if (status == TG_OK) {
        status = read_request_body(r, operation, at, &m);
    }
    if (status == TG_OK) {
        status = read_responses(r, operation, at, &m);
    }
    if (status == TG_OK) {
        status = read_validator(r, operation, at, &validator);
    }
    if (status == TG_OK) {
        status = tg_openapi_security(r, operation, at, &security);
    }
    if (status == TG_OK) {
        status = make_method(r, operation, at, &m, &security, &method);
    }
    if (status == TG_OK && json_array_append_new(r->out->methods,
            json_pack("{ss ss ss sO* ss* sO}", "path", path, "verb", verb,
                "at", at, "validator", (json_t *) validator, "authorizer",
                security.authorizer, "method", method)))
    {
        status = TG_NOMEM;
    }
    json_decref(method);
    json_decref(m.parameters);
    json_decref(m.models);
    json_decref(m.responses);
    return status;
}
