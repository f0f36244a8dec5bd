/*
 * openapi.c - see openapi.h: the document's frame
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "control/openapi.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/gateway_response.h"
#include "control/openapi_reader.h"
#include "util/buf.h"
#include "util/utf8.h"

#define WARNINGS_MAX 100
#define PLACE_MAX 4096 /* a longer pointer stands for what it is below */
#define REF_HOPS_MAX 32

/* ---- places ---- */

const char *
tg_openapi_at(struct tg_openapi_reader *r, const char *at, const char *name)
{
    size_t len = strlen(at), more = strlen(name);
    char  *out, *to;

    if (len + more > PLACE_MAX) {
        return at;
    }
    out = tg_arena_alloc(&r->arena, len + 2 * more + 2);
    if (!out) {
        return "";
    }
    memcpy(out, at, len);
    to = out + len;
    *to++ = '/';
    for (; *name; name++) {
        if (*name == '~' || *name == '/') {
            *to++ = '~';
            *to++ = *name == '~' ? '0' : '1';
        } else {
            *to++ = *name;
        }
    }
    return out;
}

const char *
tg_openapi_at_index(struct tg_openapi_reader *r, const char *at, size_t index)
{
    const char *out = tg_arena_printf(&r->arena, "%s/%zu", at, index);

    return out ? out : "";
}

/* "line 3, column 7, paths./pets.get.responses" */
static void
describe(char *out, size_t size, const struct tg_document *document,
    const char *pointer)
{
    size_t line, column, len;
    char   token[256];
    bool   is_first = true;

    tg_document_locate(document, pointer, &line, &column);
    len = (size_t) snprintf(out, size, "line %zu, column %zu", line, column);
    while (len < size && tg_pointer_next(&pointer, token, sizeof token)) {
        len += (size_t) snprintf(out + len, size - len, "%s%s",
            is_first ? ", " : ".", token);
        is_first = false;
    }
}

enum tg_status
tg_openapi_refuse(const struct tg_document *document, const char *pointer,
    const char *message, struct tg_error *err)
{
    char place[240];

    describe(place, sizeof place, document, pointer);
    return tg_error_set(err, TG_INVALID, "%s: %s", place, message);
}

enum tg_status
tg_openapi_fail(struct tg_openapi_reader *r, const char *at, const char *fmt,
    ...)
{
    char    message[300];
    va_list args;

    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    return tg_openapi_refuse(r->document, at, message, r->err);
}

enum tg_status
tg_openapi_pass(struct tg_openapi_reader *r, const char *at,
    enum tg_status status, const struct tg_refusal *refusal)
{
    const char *place;

    if (status != TG_DENIED) {
        return status;
    }
    place = tg_arena_printf(&r->arena, "%s%s", at, refusal->member);
    return tg_openapi_refuse(r->document, place ? place : at,
        refusal->message, r->err);
}

void
tg_openapi_warn(struct tg_openapi_reader *r, const char *at, const char *fmt,
    ...)
{
    json_t *warnings = r->out->warnings;
    char    place[240], message[300];
    va_list args;

    if (json_array_size(warnings) == WARNINGS_MAX) {
        json_array_append_new(warnings, json_string("and more"));
    }
    if (json_array_size(warnings) > WARNINGS_MAX) {
        return;
    }
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    describe(place, sizeof place, r->document, at);
    tg_utf8_mend(place); /* a name may have been cut within a character */
    tg_utf8_mend(message);
    json_array_append_new(warnings, json_sprintf("%s: %s", place, message));
}

/* ---- reading ---- */

static const char *
type_name(json_type type)
{
    switch (type) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a text";
    case JSON_INTEGER:
        return "a whole number";
    default:
        return "true or false";
    }
}

enum tg_status
tg_openapi_get(struct tg_openapi_reader *r, const json_t **out,
    const json_t *object, const char *at, const char *name, json_type type)
{
    const json_t *value = json_object_get(object, name);

    *out = NULL;
    if (!value || json_is_null(value)) {
        return TG_OK;
    }
    if (json_typeof(value) != type
        && !(type == JSON_TRUE && json_is_boolean(value)))
    {
        return tg_openapi_fail(r, tg_openapi_at(r, at, name),
            "expected %s", type_name(type));
    }
    *out = value;
    return TG_OK;
}

/* The value at a pointer into the document, or NULL. */
static const json_t *
value_at(const struct tg_openapi_reader *r, const char *pointer)
{
    const json_t *value = r->root;
    char          token[512];

    while (value && tg_pointer_next(&pointer, token, sizeof token)) {
        value = json_is_array(value)
            ? json_array_get(value, strtoul(token, NULL, 10))
            : json_object_get(value, token);
    }
    return value;
}

enum tg_status
tg_openapi_follow(struct tg_openapi_reader *r, const json_t **value,
    const char **at)
{
    const json_t *ref;
    const char   *target;

    for (int hops = 0; (ref = json_object_get(*value, "$ref")); hops++) {
        const char *ref_at = tg_openapi_at(r, *at, "$ref");

        target = json_string_value(ref);
        if (!target) {
            return tg_openapi_fail(r, ref_at, "expected a text");
        }
        if (*target != '#') { /* A3 */
            return tg_openapi_fail(r, ref_at, "a reference must stay inside "
                "the document (\"#/...\"): nothing is fetched");
        }
        if (hops == REF_HOPS_MAX) { /* A4 */
            return tg_openapi_fail(r, ref_at, "references go in a circle");
        }
        *value = value_at(r, target + 1);
        if (!*value) {
            return TG_NOTFOUND;
        }
        *at = target + 1;
    }
    return TG_OK;
}

/* ---- the frame ---- */

static enum tg_status
read_version(struct tg_openapi_reader *r)
{
    const char *swagger = tg_text_of(r->root, "swagger");
    const char *openapi = tg_text_of(r->root, "openapi");

    r->is_swagger = json_object_get(r->root, "swagger") != NULL;
    if ((swagger && strcmp(swagger, "2.0") == 0)
        || (openapi && strncmp(openapi, "3.0.", 4) == 0))
    {
        return TG_OK;
    }
    return tg_openapi_fail(r, r->is_swagger ? "/swagger" : "/openapi",
        "expected swagger \"2.0\" or openapi \"3.0.x\"");
}

static enum tg_status
read_info(struct tg_openapi_reader *r)
{
    const json_t  *info, *title, *description, *version;
    enum tg_status status
        = tg_openapi_get(r, &info, r->root, "", "info", JSON_OBJECT);

    if (status == TG_OK) {
        status = tg_openapi_get(r, &title, info, "/info", "title",
            JSON_STRING);
    }
    if (status == TG_OK) {
        status = tg_openapi_get(r, &description, info, "/info",
            "description", JSON_STRING);
    }
    if (status != TG_OK) {
        return status;
    }
    if (!info || !title || !*json_string_value(title)) {
        return tg_openapi_fail(r, "/info",
            "the document needs info.title, the API's name");
    }
    json_object_set(r->out->api, "name", (json_t *) title);
    if (description && *json_string_value(description)) {
        json_object_set(r->out->api, "description", (json_t *) description);
    }
    version = json_object_get(info, "version");
    if (json_is_number(version)) { /* YAML without quotes */
        char *text = json_dumps(version, JSON_ENCODE_ANY);

        json_object_set_new(r->out->api, "version", json_string(text));
        free(text);
    } else if (json_is_string(version) && *json_string_value(version)) {
        json_object_set(r->out->api, "version", (json_t *) version);
    }
    return TG_OK;
}

/* The URL with {variables} put in from their defaults. */
static const char *
server_url(struct tg_openapi_reader *r, const json_t *server)
{
    const char   *url = tg_text_of(server, "url");
    struct tg_buf b;
    const char   *out;

    tg_buf_init(&b, 4096);
    while (url && *url) {
        const char *end = *url == '{' ? strchr(url, '}') : NULL;

        if (end) {
            char        name[128] = "";
            const char *value;

            snprintf(name, sizeof name, "%.*s", (int) (end - url - 1),
                url + 1);
            value = tg_text_of(json_object_get(
                json_object_get(server, "variables"), name), "default");
            tg_buf_puts(&b, value ? value : "");
            url = end + 1;
        } else {
            tg_buf_putc(&b, *url++);
        }
    }
    out = tg_arena_strdup(&r->arena, b.len ? b.data : "");
    tg_buf_clear(&b);
    return out ? out : "";
}

/*
 * The default of the servers' variable basePath, which Amazon takes whether or
 * not the URL has it and whatever else is in the URL; NULL: there is none.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-import-api-basePath.html
 */
static const char *
base_path_variable(struct tg_openapi_reader *r, const json_t *servers)
{
    json_t     *server;
    const char *path;
    size_t      i;

    json_array_foreach((json_t *) servers, i, server) {
        path = tg_text_of(json_object_get(json_object_get(server,
            "variables"), "basePath"), "default");
        if (path) {
            return *path == '/' ? path
                : tg_arena_printf(&r->arena, "/%s", path);
        }
    }
    return NULL;
}

/* Swagger's basePath, that variable, or the path of the first server. */
static const char *
base_path_of(struct tg_openapi_reader *r)
{
    const json_t *servers = json_object_get(r->root, "servers");
    const char   *path = tg_text_of(r->root, "basePath");
    const char   *url, *host;

    if (!path) {
        path = base_path_variable(r, servers);
    }
    if (!path) {
        url = server_url(r, json_array_get(servers, 0));
        host = strstr(url, "://");
        path = host ? strchr(host + 3, '/') : url;
    }
    return path && *path == '/' ? path : "";
}

/* Without a slash at its end. */
static void
read_base_path(struct tg_openapi_reader *r)
{
    const char *path = base_path_of(r);
    size_t      len;

    len = strcspn(path, "?#");
    while (len && path[len - 1] == '/') {
        len--;
    }
    r->out->base_path = json_stringn(path, len);
}

/* ---- extensions at the top ---- */

#define X "x-amazon-apigateway-"

static enum tg_status
read_settings(struct tg_openapi_reader *r)
{
    static const struct {
        const char *extension, *member;
        json_type   type;
    } rows[] = {
        { X "api-key-source", "apiKeySource", JSON_STRING },
        { X "binary-media-types", "binaryMediaTypes", JSON_ARRAY },
        { X "minimum-compression-size", "minimumCompressionSize",
            JSON_INTEGER },
    };
    const json_t  *value;
    enum tg_status status = TG_OK;

    for (size_t i = 0; i < 3 && status == TG_OK; i++) {
        status = tg_openapi_get(r, &value, r->root, "", rows[i].extension,
            rows[i].type);
        if (value) {
            json_object_set(r->out->api, rows[i].member, (json_t *) value);
        }
    }
    if (status == TG_OK) {
        status = tg_openapi_get(r, &value, r->root, "",
            X "endpoint-configuration", JSON_OBJECT);
    }
    if (status == TG_OK && value) {
        if (json_object_get(value, "vpcEndpointIds")) {
            return tg_openapi_fail(r, "/" X "endpoint-configuration",
                "PRIVATE endpoints are not supported by this gateway");
        }
        if (json_is_true(
                json_object_get(value, "disableExecuteApiEndpoint")))
        {
            json_object_set_new(r->out->api, "disableExecuteApiEndpoint",
                json_true());
        }
    }
    return status;
}

static enum tg_status
read_validators(struct tg_openapi_reader *r)
{
    const char    *at = "/" X "request-validators", *name, *inner;
    const json_t  *map, *flag;
    json_t        *validator;
    bool           body, parameters;
    enum tg_status status = tg_openapi_get(r, &map, r->root, "", at + 1,
        JSON_OBJECT);

    json_object_foreach((json_t *) map, name, validator) {
        inner = tg_openapi_at(r, at, name);
        if (status == TG_OK) {
            status = tg_openapi_get(r, &flag, validator, inner,
                "validateRequestBody", JSON_TRUE);
            body = json_is_true(flag);
        }
        if (status == TG_OK) {
            status = tg_openapi_get(r, &flag, validator, inner,
                "validateRequestParameters", JSON_TRUE);
            parameters = json_is_true(flag);
        }
        if (status != TG_OK) {
            return status;
        }
        json_object_set_new(r->out->validators, name, json_pack("{sb sb}",
            "validateRequestBody", body, "validateRequestParameters",
            parameters));
    }
    return status;
}

static enum tg_status
read_gateway_responses(struct tg_openapi_reader *r)
{
    const char       *at = "/" X "gateway-responses", *type;
    const json_t     *map;
    json_t           *in, *copy, *code, *doc;
    struct tg_refusal refusal = { 0 };
    enum tg_status    status = tg_openapi_get(r, &map, r->root, "", at + 1,
        JSON_OBJECT);

    if (status != TG_OK) {
        return status;
    }
    json_object_foreach((json_t *) map, type, in) {
        if (!json_is_object(in)) {
            return tg_openapi_fail(r, tg_openapi_at(r, at, type),
                "expected an object");
        }
        copy = json_copy(in);
        code = json_object_get(copy, "statusCode");
        if (json_is_integer(code)) {
            json_object_set_new(copy, "statusCode", json_sprintf("%d",
                (int) json_integer_value(code)));
        }
        status = tg_gateway_response_doc(&doc, copy, type, &refusal);
        json_decref(copy);
        if (status != TG_OK) {
            return tg_openapi_pass(r, tg_openapi_at(r, at, type), status,
                &refusal);
        }
        json_object_set_new(r->out->gateway_responses, type, doc);
    }
    return TG_OK;
}

/* What would change who may call must not be passed over (A2). */
static enum tg_status
check_extensions(struct tg_openapi_reader *r)
{
    static const char *const known[] = { "api-key-source",
        "binary-media-types", "minimum-compression-size",
        "endpoint-configuration", "request-validators", "request-validator",
        "gateway-responses", "documentation", "importexport-version", NULL };
    const char *name;
    json_t     *value;

    json_object_foreach((json_t *) r->root, name, value) {
        const char *at = tg_openapi_at(r, "", name);

        if (strncmp(name, X, sizeof X - 1) != 0
            || tg_is_one_of(name + sizeof X - 1, known))
        {
            continue;
        }
        if (strcmp(name, X "policy") == 0) {
            return tg_openapi_fail(r, at,
                "resource policies are not supported by this gateway");
        }
        tg_openapi_warn(r, at, "this extension is not taken over");
    }
    return TG_OK;
}

/* ---- paths ---- */

static enum tg_status
read_item(struct tg_openapi_reader *r, const char *path, const json_t *item,
    const char *at)
{
    static const struct {
        const char *key, *verb;
    } verbs[] = {
        { "get", "GET" }, { "put", "PUT" }, { "post", "POST" },
        { "delete", "DELETE" }, { "options", "OPTIONS" }, { "head", "HEAD" },
        { "patch", "PATCH" }, { X "any-method", "ANY" },
    };
    const json_t  *operation;
    enum tg_status status = TG_OK;

    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (status == TG_OK) {
            status = tg_openapi_get(r, &operation, item, at, verbs[i].key,
                JSON_OBJECT);
        }
        if (status == TG_OK && operation) {
            status = tg_openapi_method(r, path, verbs[i].verb, item, at,
                operation, tg_openapi_at(r, at, verbs[i].key));
        }
    }
    if (status == TG_OK && json_object_get(item, "trace")) {
        tg_openapi_warn(r, tg_openapi_at(r, at, "trace"),
            "TRACE is not a method of API Gateway");
    }
    return status;
}

static enum tg_status
read_paths(struct tg_openapi_reader *r)
{
    const json_t  *paths;
    const char    *path;
    json_t        *value;
    enum tg_status status
        = tg_openapi_get(r, &paths, r->root, "", "paths", JSON_OBJECT);

    if (status == TG_OK && !paths) {
        return tg_openapi_fail(r, "", "the document needs paths");
    }
    json_object_foreach((json_t *) paths, path, value) {
        const json_t *item = value;
        const char   *at = tg_openapi_at(r, "/paths", path);
        const char   *item_at = at;

        if (status != TG_OK || strncmp(path, "x-", 2) == 0) {
            continue;
        }
        if (*path != '/') {
            return tg_openapi_fail(r, at, "a path must begin with /");
        }
        status = tg_openapi_follow(r, &item, &item_at);
        if (status == TG_NOTFOUND || (status == TG_OK
                && !json_is_object(item)))
        {
            return tg_openapi_fail(r, at, "expected an object");
        }
        json_array_append_new(r->out->paths, json_pack("{ss ss}", "path",
            path, "at", at));
        if (status == TG_OK) {
            status = read_item(r, path, item, item_at);
        }
    }
    return status;
}

/* ---- all of it ---- */

typedef enum tg_status read_step(struct tg_openapi_reader *r);

static enum tg_status
read_by(struct tg_openapi_reader *r, read_step *const *steps, size_t count)
{
    enum tg_status status = TG_OK;

    r->root = r->document->root;
    *r->out = (struct tg_openapi) {
        .api = json_object(),
        .paths = json_array(),
        .methods = json_array(),
        .models = json_object(),
        .validators = json_object(),
        .gateway_responses = json_object(),
        .authorizers = json_object(),
        .documentation = json_array(),
        .warnings = json_array(),
    };
    tg_arena_init(&r->arena);
    for (size_t i = 0; i < count && status == TG_OK; i++) {
        status = steps[i](r);
    }
    if (status == TG_OK) {
        read_base_path(r);
    }
    tg_arena_clear(&r->arena);
    return status;
}

enum tg_status
tg_openapi_read(struct tg_openapi *out, const struct tg_document *document,
    int timeout_max_ms, struct tg_error *err)
{
    static read_step *const steps[] = {
        read_version, read_info, read_settings, check_extensions,
        read_validators, read_gateway_responses, tg_openapi_authorizers,
        tg_openapi_documentation, tg_openapi_models, read_paths,
    };
    struct tg_openapi_reader r = { .document = document,
        .timeout_max_ms = timeout_max_ms, .out = out, .err = err };

    return read_by(&r, steps, sizeof steps / sizeof steps[0]);
}

enum tg_status
tg_openapi_read_documentation(struct tg_openapi *out,
    const struct tg_document *document, struct tg_error *err)
{
    static read_step *const steps[] = { tg_openapi_documentation };
    struct tg_openapi_reader r = { .document = document, .out = out,
        .err = err };

    return read_by(&r, steps, 1);
}

void
tg_openapi_clear(struct tg_openapi *api)
{
    json_decref(api->api);
    json_decref(api->base_path);
    json_decref(api->paths);
    json_decref(api->methods);
    json_decref(api->models);
    json_decref(api->validators);
    json_decref(api->gateway_responses);
    json_decref(api->authorizers);
    json_decref(api->documentation);
    json_decref(api->warnings);
}
