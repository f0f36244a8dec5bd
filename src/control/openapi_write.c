/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openapi_write.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/members.h"
#include "control/openapi_writer.h"

#define X TG_OPENAPI_X

static void
copy_member(json_t *to, const json_t *from, const char *name)
{
    tg_openapi_set(to, name, json_incref(json_object_get(from, name)));
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
            tg_openapi_reference(s, json_string_value(name))));
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
        tg_openapi_set(operation, "requestBody", json_pack("{s:o, s:b}",
            "content", write_content(s, models), "required", 1));
        return;
    }
    tg_openapi_set(operation, "consumes", write_types(models, &model));
    (void) json_array_append_new(parameters, json_pack(
        "{s:s, s:s, s:b, s:o}", "in", "body", "name", model, "required", 1,
        "schema", tg_openapi_reference(s, model)));
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

    tg_openapi_set(out, "headers", write_headers(s, response));
    if (!s->is_swagger) {
        tg_openapi_set(out, "content", write_content(s, models));
    } else if (json_object_size(models) > 0) {
        types = write_types(models, &model);
        (void) json_array_extend(produces, types);
        json_decref(types);
        tg_openapi_set(out, "schema", tg_openapi_reference(s, model));
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
    tg_openapi_set(operation, "produces", without_twins(produces));
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
        tg_openapi_set(out, lowered[i], lower(json_object_get(integration,
            lowered[i])));
    }
    if (name_space != NULL && strcmp(name_space, resource_id) == 0) {
        (void) json_object_del(out, "cacheNamespace");
    }
    if (json_array_size(json_object_get(out, "cacheKeyParameters")) == 0) {
        (void) json_object_del(out, "cacheKeyParameters");
    }
    (void) json_object_del(out, "integrationResponses");
    tg_openapi_set(out, "responses", write_integration_responses(integration));
    return out;
}

/*
 * ---- operations and paths
 */

static void
write_operation_extensions(const struct tg_openapi_source *s,
    json_t *operation, const json_t *resource, const json_t *method)
{
    const char   *validator = tg_text_of(method, "requestValidatorId");
    const char   *auth = tg_text_of(method, "authorizationType");
    const json_t *integration = json_object_get(method, "methodIntegration");
    const char   *name = validator == NULL ? NULL : tg_openapi_validator_name(
        json_object_get(tg_openapi_parts(s, "requestvalidator"), validator));

    if (s->has_extensions && name != NULL) {
        tg_openapi_set(operation, X "request-validator",
            json_string(name));
    }
    if (s->has_extensions && auth != NULL && strcmp(auth, "AWS_IAM") == 0) {
        tg_openapi_set(operation, X "auth",
            json_pack("{s:s}", "type", auth));
    }
    if (s->has_integrations && integration != NULL) {
        tg_openapi_set(operation, X "integration",
            write_integration(integration, tg_text_of(resource, "id")));
    }
}

static json_t *
write_operation(const struct tg_openapi_source *s, const json_t *resource,
    const json_t *method)
{
    const char *name = tg_text_of(method, "operationName");
    json_t     *out = json_object();
    json_t     *parameters = write_parameters(s, method);

    tg_openapi_set(out, "operationId",
        name != NULL ? json_string(name) : NULL);
    write_request_body(s, out, parameters, method);
    tg_openapi_set(out, "parameters", parameters);
    write_responses(s, out, method);
    tg_openapi_set(out, "security", tg_openapi_write_security(s, method));
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

static json_t *
write_info(const struct tg_openapi_source *s)
{
    const char *version = tg_text_of(s->api, "version");
    json_t     *out = json_object();

    tg_openapi_set(out, "title", json_incref(json_object_get(s->api, "name")));
    copy_member(out, s->api, "description");
    tg_openapi_set(out, "version",
        json_string(version != NULL ? version : s->version));
    return out;
}

static void
write_address(const struct tg_openapi_source *s, json_t *out)
{
    if (s->is_swagger) {
        tg_openapi_set(out, "host", json_string(s->host));
        tg_openapi_set(out, "basePath", json_sprintf("/%s", s->stage));
        tg_openapi_set(out, "schemes", json_pack("[s]", "https"));
    } else {
        tg_openapi_set(out, "servers", json_pack("[{s:o, s:{s:{s:o}}}]", "url",
            json_sprintf("https://%s/{basePath}", s->host), "variables",
            "basePath", "default", json_string(s->stage)));
    }
}

static void
write_components(const struct tg_openapi_source *s, json_t *out)
{
    json_t *components, *schemes = tg_openapi_write_schemes(s);

    if (s->is_swagger) {
        tg_openapi_set(out, "securityDefinitions", schemes);
        tg_openapi_set(out, "definitions", tg_openapi_write_models(s));
        return;
    }
    components = json_object();
    tg_openapi_set(components, "schemas", tg_openapi_write_models(s));
    tg_openapi_set(components, "securitySchemes", schemes);
    tg_openapi_set(out, "components", components);
}

static void
write_extensions(const struct tg_openapi_source *s, json_t *out)
{
    const char *source = tg_text_of(s->api, "apiKeySource");

    tg_openapi_set(out, X "request-validators",
        tg_openapi_write_validators(s));
    tg_openapi_set(out, X "gateway-responses",
        tg_openapi_write_gateway_responses(s));
    tg_openapi_set(out, X "binary-media-types",
        json_incref(json_object_get(s->api, "binaryMediaTypes")));
    tg_openapi_set(out, X "minimum-compression-size",
        json_incref(json_object_get(s->api, "minimumCompressionSize")));
    if (source != NULL && strcmp(source, "HEADER") != 0) {
        tg_openapi_set(out, X "api-key-source", json_string(source));
    }
    if (json_is_true(json_object_get(s->api, "disableExecuteApiEndpoint"))) {
        tg_openapi_set(out, X "endpoint-configuration", json_pack("{s:b}",
            "disableExecuteApiEndpoint", 1));
    }
}

json_t *
tg_openapi_write(const struct tg_openapi_source *source)
{
    json_t *out = source->is_swagger
        ? json_pack("{s:s}", "swagger", "2.0")
        : json_pack("{s:s}", "openapi", "3.0.1");

    tg_openapi_set(out, "info", write_info(source));
    write_address(source, out);
    (void) json_object_set_new(out, "paths", write_paths(source));
    write_components(source, out);
    if (source->has_extensions) {
        write_extensions(source, out);
    }
    if (source->has_documentation && source->documentation != NULL) {
        tg_openapi_set(out, X "documentation",
            tg_openapi_write_documentation(source));
    }
    return out;
}
