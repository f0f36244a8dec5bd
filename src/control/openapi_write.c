/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openapi_write.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/members.h"

#define X "x-amazon-apigateway-"
#define KEY_SCHEME "api_key"
#define MODELS_PLACE "/models/"

/* Sets a member unless value is NULL or holds nothing; takes value. */
static void
set(json_t *object, const char *name, json_t *value)
{
    if (value == NULL
        || (json_is_object(value) && json_object_size(value) == 0)
        || (json_is_array(value) && json_array_size(value) == 0))
    {
        json_decref(value);
    } else {
        (void) json_object_set_new(object, name, value);
    }
}

static void
copy_member(json_t *to, const json_t *from, const char *name)
{
    set(to, name, json_incref(json_object_get(from, name)));
}

static const json_t *
part_of(const struct tg_openapi_source *s, const char *kind)
{
    return json_object_get(json_object_get(s->snapshot, "parts"), kind);
}

/*
 * ---- models
 */

static json_t *
reference(const struct tg_openapi_source *s, const char *model)
{
    return json_pack("{s:o}", "$ref", json_sprintf("#/%s/%s",
        s->is_swagger ? "definitions" : "components/schemas", model));
}

/* References to models of the API become references in the document. */
static void
rewrite(const struct tg_openapi_source *s, json_t *schema)
{
    size_t      i;
    const char *key, *name;
    json_t     *value, *ref = json_object_get(schema, "$ref");

    name = json_string_value(ref) != NULL
        ? strstr(json_string_value(ref), MODELS_PLACE) : NULL;
    if (name != NULL) {
        json_t *inside = reference(s, name + strlen(MODELS_PLACE));

        (void) json_object_update(schema, inside);
        json_decref(inside);
    }
    json_array_foreach (schema, i, value) {
        rewrite(s, value);
    }
    json_object_foreach (schema, key, value) {
        if (json_is_object(value) || json_is_array(value)) {
            rewrite(s, value);
        }
    }
}

static json_t *
write_models(const struct tg_openapi_source *s)
{
    const char *name;
    json_t     *model, *schema, *out = json_object();

    json_object_foreach ((json_t *) part_of(s, "model"), name, model) {
        const char *text = tg_text_of(model, "schema");

        schema = text != NULL ? json_loads(text, 0, NULL) : NULL;
        if (!json_is_object(schema)) {
            json_decref(schema);
            schema = json_pack("{s:s}", "type", "object");
        }
        rewrite(s, schema);
        (void) json_object_set_new(out, name, schema);
    }
    return out;
}

/*
 * ---- parameters and bodies
 */

/* "method.request.querystring.page" in two: "query" and "page". */
static bool
split_parameter(const char *key, const char **in, const char **name)
{
    static const struct {
        const char *prefix, *in;
    } places[] = {
        { "method.request.path.", "path" },
        { "method.request.querystring.", "query" },
        { "method.request.multivaluequerystring.", "query" },
        { "method.request.header.", "header" },
        { "method.request.multivalueheader.", "header" },
    };
    size_t i;

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        size_t len = strlen(places[i].prefix);

        if (strncmp(key, places[i].prefix, len) == 0) {
            *in = places[i].in;
            *name = key + len;
            return true;
        }
    }
    return false;
}

static json_t *
text_schema(const struct tg_openapi_source *s)
{
    return s->is_swagger ? json_pack("{s:s}", "type", "string")
        : json_pack("{s:{s:s}}", "schema", "type", "string");
}

static json_t *
write_parameters(const struct tg_openapi_source *s, const json_t *method)
{
    const char *key, *in, *name;
    json_t     *required, *parameter, *out = json_array();

    json_object_foreach (json_object_get(method, "requestParameters"), key,
        required)
    {
        if (split_parameter(key, &in, &name)) {
            parameter = text_schema(s);
            (void) json_object_set_new(parameter, "name", json_string(name));
            (void) json_object_set_new(parameter, "in", json_string(in));
            /* A path parameter is always there, and has to say so. */
            if (json_is_true(required) || strcmp(in, "path") == 0) {
                (void) json_object_set_new(parameter, "required",
                    json_true());
            }
            (void) json_array_append_new(out, parameter);
        }
    }
    return out;
}

/* {"application/json": "Pet"} as {"application/json": {"schema": ...}}. */
static json_t *
write_content(const struct tg_openapi_source *s, const json_t *models)
{
    const char *type;
    json_t     *name, *out = json_object();

    json_object_foreach ((json_t *) models, type, name) {
        (void) json_object_set_new(out, type, json_pack("{s:o}", "schema",
            reference(s, json_string_value(name))));
    }
    return out;
}

/* Swagger's way: the types in a list, one schema for all of them. */
static json_t *
write_types(const json_t *models, const char **model)
{
    const char *type;
    json_t     *name, *out = json_array();

    json_object_foreach ((json_t *) models, type, name) {
        (void) json_array_append_new(out, json_string(type));
        *model = json_string_value(name);
    }
    return out;
}

static void
write_request_body(const struct tg_openapi_source *s, json_t *operation,
    json_t *parameters, const json_t *method)
{
    const char   *model = NULL;
    const json_t *models = json_object_get(method, "requestModels");

    if (json_object_size(models) == 0) {
        return;
    }
    if (!s->is_swagger) {
        set(operation, "requestBody", json_pack("{s:o, s:b}", "content",
            write_content(s, models), "required", 1));
        return;
    }
    set(operation, "consumes", write_types(models, &model));
    (void) json_array_append_new(parameters, json_pack(
        "{s:s, s:s, s:b, s:o}", "in", "body", "name", model, "required", 1,
        "schema", reference(s, model)));
}

/*
 * ---- responses
 */

static json_t *
write_headers(const struct tg_openapi_source *s, const json_t *response)
{
    static const char prefix[] = "method.response.header.";
    const char       *key;
    json_t           *value, *out = json_object();

    json_object_foreach (json_object_get(response, "responseParameters"),
        key, value)
    {
        if (strncmp(key, prefix, sizeof(prefix) - 1) == 0) {
            (void) json_object_set_new(out, key + sizeof(prefix) - 1,
                text_schema(s));
        }
    }
    return out;
}

static json_t *
write_response(const struct tg_openapi_source *s, const char *code,
    const json_t *response, json_t *produces)
{
    const char   *model = NULL;
    const json_t *models = json_object_get(response, "responseModels");
    json_t       *types;
    json_t       *out = json_pack("{s:o}", "description",
        json_sprintf("%s response", code));

    set(out, "headers", write_headers(s, response));
    if (!s->is_swagger) {
        set(out, "content", write_content(s, models));
    } else if (json_object_size(models) > 0) {
        types = write_types(models, &model);
        (void) json_array_extend(produces, types);
        json_decref(types);
        set(out, "schema", reference(s, model));
    }
    return out;
}

/* Each type once. */
static json_t *
without_twins(json_t *types)
{
    size_t  i, k;
    json_t *type, *out = json_array();

    json_array_foreach (types, i, type) {
        for (k = 0; k < json_array_size(out)
            && !json_equal(json_array_get(out, k), type); k++)
        {
        }
        if (k == json_array_size(out)) {
            (void) json_array_append(out, type);
        }
    }
    json_decref(types);
    return out;
}

static void
write_responses(const struct tg_openapi_source *s, json_t *operation,
    const json_t *method)
{
    const char *code;
    json_t     *response, *out = json_object(), *produces = json_array();

    json_object_foreach (json_object_get(method, "methodResponses"), code,
        response)
    {
        (void) json_object_set_new(out, code,
            write_response(s, code, response, produces));
    }
    set(operation, "produces", without_twins(produces));
    /* The member has to be there, even if it holds nothing. */
    (void) json_object_set_new(operation, "responses", out);
}

/*
 * ---- integrations
 */

static json_t *
lower(const json_t *text)
{
    char   *copy = json_string_value(text) != NULL
        ? strdup(json_string_value(text)) : NULL;
    json_t *out;

    for (char *c = copy; c != NULL && *c != '\0'; c++) {
        *c = (char) tolower((unsigned char) *c);
    }
    out = copy != NULL ? json_string(copy) : NULL;
    free(copy);
    return out;
}

/* By pattern, as the extension has them. */
static json_t *
write_integration_responses(const json_t *integration)
{
    const char *code, *pattern;
    json_t     *response, *out = json_object();

    json_object_foreach (json_object_get(integration,
            "integrationResponses"), code, response)
    {
        json_t *copy = json_copy(response);

        pattern = tg_text_of(response, "selectionPattern");
        (void) json_object_del(copy, "selectionPattern");
        (void) json_object_set_new(out, pattern != NULL && *pattern != '\0'
            ? pattern : "default", copy);
    }
    return out;
}

/* Without what an import makes of itself. */
static json_t *
write_integration(const json_t *integration, const char *resource_id)
{
    static const char *const lowered[] = { "type", "passthroughBehavior" };
    const char *name_space = tg_text_of(integration, "cacheNamespace");
    json_t     *out = json_copy((json_t *) integration);
    size_t      i;

    for (i = 0; i < sizeof(lowered) / sizeof(lowered[0]); i++) {
        set(out, lowered[i], lower(json_object_get(integration,
            lowered[i])));
    }
    if (name_space != NULL && strcmp(name_space, resource_id) == 0) {
        (void) json_object_del(out, "cacheNamespace");
    }
    if (json_array_size(json_object_get(out, "cacheKeyParameters")) == 0) {
        (void) json_object_del(out, "cacheKeyParameters");
    }
    (void) json_object_del(out, "integrationResponses");
    set(out, "responses", write_integration_responses(integration));
    return out;
}

/*
 * ---- operations and paths
 */

/* The name under which a validator stands in the document. */
static const char *
validator_name(const json_t *validator)
{
    const char *name = tg_text_of(validator, "name");

    return name != NULL ? name : tg_text_of(validator, "id");
}

static void
write_operation_extensions(const struct tg_openapi_source *s,
    json_t *operation, const json_t *resource, const json_t *method)
{
    const char   *validator = tg_text_of(method, "requestValidatorId");
    const char   *auth = tg_text_of(method, "authorizationType");
    const json_t *integration = json_object_get(method, "methodIntegration");
    const char   *name = validator == NULL ? NULL : validator_name(
        json_object_get(part_of(s, "requestvalidator"), validator));

    if (s->has_extensions && name != NULL) {
        set(operation, X "request-validator", json_string(name));
    }
    if (s->has_extensions && auth != NULL && strcmp(auth, "NONE") != 0) {
        set(operation, X "auth", json_pack("{s:s}", "type", auth));
    }
    if (s->has_integrations && integration != NULL) {
        set(operation, X "integration", write_integration(integration,
            tg_text_of(resource, "id")));
    }
}

static json_t *
write_operation(const struct tg_openapi_source *s, const json_t *resource,
    const json_t *method)
{
    const char *name = tg_text_of(method, "operationName");
    json_t     *out = json_object();
    json_t     *parameters = write_parameters(s, method);

    set(out, "operationId", name != NULL ? json_string(name) : NULL);
    write_request_body(s, out, parameters, method);
    set(out, "parameters", parameters);
    write_responses(s, out, method);
    if (json_is_true(json_object_get(method, "apiKeyRequired"))) {
        set(out, "security", json_pack("[{s:[]}]", KEY_SCHEME));
    }
    write_operation_extensions(s, out, resource, method);
    return out;
}

static json_t *
write_item(const struct tg_openapi_source *s, const json_t *resource)
{
    char        key[16];
    const char *verb;
    json_t     *method, *out = json_object();

    json_object_foreach (json_object_get(resource, "methods"), verb, method)
    {
        size_t i;

        for (i = 0; i + 1 < sizeof(key) && verb[i] != '\0'; i++) {
            key[i] = (char) tolower((unsigned char) verb[i]);
        }
        key[i] = '\0';
        (void) json_object_set_new(out,
            strcmp(verb, "ANY") == 0 ? X "any-method" : key,
            write_operation(s, resource, method));
    }
    return out;
}

/* Whether another resource stands below path: then its path says both. */
static bool
has_child(const json_t *resources, const char *path)
{
    size_t      i, len = strlen(path);
    json_t     *resource;
    const char *other;

    json_array_foreach ((json_t *) resources, i, resource) {
        other = tg_text_of(resource, "path");
        if (strncmp(other, path, len) == 0 && other[len] == '/') {
            return true;
        }
    }
    return false;
}

static json_t *
write_paths(const struct tg_openapi_source *s)
{
    size_t        i;
    json_t       *resource, *item, *out = json_object();
    const char   *path;
    const json_t *resources = json_object_get(s->snapshot, "resources");

    json_array_foreach ((json_t *) resources, i, resource) {
        path = tg_text_of(resource, "path");
        item = write_item(s, resource);
        if (json_object_size(item) > 0
            || (strcmp(path, "/") != 0 && !has_child(resources, path)))
        {
            (void) json_object_set(out, path, item);
        }
        json_decref(item);
    }
    return out;
}

/*
 * ---- the frame
 */

static bool
needs_key(const struct tg_openapi_source *s)
{
    size_t      i;
    const char *verb;
    json_t     *resource, *method;

    json_array_foreach (json_object_get(s->snapshot, "resources"), i,
        resource)
    {
        json_object_foreach (json_object_get(resource, "methods"), verb,
            method)
        {
            if (json_is_true(json_object_get(method, "apiKeyRequired"))) {
                return true;
            }
        }
    }
    return false;
}

static json_t *
write_info(const struct tg_openapi_source *s)
{
    const char *version = tg_text_of(s->api, "version");
    json_t     *out = json_object();

    set(out, "title", json_incref(json_object_get(s->api, "name")));
    copy_member(out, s->api, "description");
    set(out, "version", json_string(version != NULL ? version : s->version));
    return out;
}

static void
write_address(const struct tg_openapi_source *s, json_t *out)
{
    if (s->is_swagger) {
        set(out, "host", json_string(s->host));
        set(out, "basePath", json_sprintf("/%s", s->stage));
        set(out, "schemes", json_pack("[s]", "https"));
    } else {
        set(out, "servers", json_pack("[{s:o, s:{s:{s:o}}}]", "url",
            json_sprintf("https://%s/{basePath}", s->host), "variables",
            "basePath", "default", json_string(s->stage)));
    }
}

static void
write_components(const struct tg_openapi_source *s, json_t *out)
{
    json_t *components, *schemes = json_object();

    if (needs_key(s)) {
        set(schemes, KEY_SCHEME, json_pack("{s:s, s:s, s:s}", "type",
            "apiKey", "name", "x-api-key", "in", "header"));
    }
    if (s->is_swagger) {
        set(out, "securityDefinitions", schemes);
        set(out, "definitions", write_models(s));
        return;
    }
    components = json_object();
    set(components, "schemas", write_models(s));
    set(components, "securitySchemes", schemes);
    set(out, "components", components);
}

static json_t *
write_validators(const struct tg_openapi_source *s)
{
    const char *id;
    json_t     *validator, *out = json_object();

    json_object_foreach ((json_t *) part_of(s, "requestvalidator"), id,
        validator)
    {
        json_t *copy = json_copy(validator);

        (void) json_object_del(copy, "id");
        (void) json_object_del(copy, "name");
        (void) json_object_set_new(out, validator_name(validator), copy);
    }
    return out;
}

static json_t *
write_gateway_responses(const struct tg_openapi_source *s)
{
    const char *type;
    json_t     *response, *out = json_object();

    json_object_foreach ((json_t *) part_of(s, "gatewayresponse"), type,
        response)
    {
        json_t *copy = json_copy(response);

        (void) json_object_del(copy, "responseType");
        (void) json_object_del(copy, "defaultResponse");
        (void) json_object_set_new(out, type, copy);
    }
    return out;
}

static void
write_extensions(const struct tg_openapi_source *s, json_t *out)
{
    const char *source = tg_text_of(s->api, "apiKeySource");

    set(out, X "request-validators", write_validators(s));
    set(out, X "gateway-responses", write_gateway_responses(s));
    set(out, X "binary-media-types",
        json_incref(json_object_get(s->api, "binaryMediaTypes")));
    set(out, X "minimum-compression-size",
        json_incref(json_object_get(s->api, "minimumCompressionSize")));
    if (source != NULL && strcmp(source, "HEADER") != 0) {
        set(out, X "api-key-source", json_string(source));
    }
    if (json_is_true(json_object_get(s->api, "disableExecuteApiEndpoint"))) {
        set(out, X "endpoint-configuration", json_pack("{s:b}",
            "disableExecuteApiEndpoint", 1));
    }
}

json_t *
tg_openapi_write(const struct tg_openapi_source *source)
{
    json_t *out = source->is_swagger
        ? json_pack("{s:s}", "swagger", "2.0")
        : json_pack("{s:s}", "openapi", "3.0.1");

    set(out, "info", write_info(source));
    write_address(source, out);
    (void) json_object_set_new(out, "paths", write_paths(source));
    write_components(source, out);
    if (source->has_extensions) {
        write_extensions(source, out);
    }
    return out;
}
