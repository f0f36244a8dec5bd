/*
 * openapi_write_parts.c - what stands beside the paths of an OpenAPI document
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/members.h"
#include "control/openapi_writer.h"

#define MODELS_PLACE "/models/"
#define X TG_OPENAPI_X

void
tg_openapi_set(json_t *object, const char *name, json_t *value)
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

const json_t *
tg_openapi_parts(const struct tg_openapi_source *s, const char *kind)
{
    return json_object_get(json_object_get(s->snapshot, "parts"), kind);
}

/*
 * ---- models
 */

json_t *
tg_openapi_reference(const struct tg_openapi_source *s, const char *model)
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
        json_t *inside = tg_openapi_reference(s, name + strlen(MODELS_PLACE));

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

json_t *
tg_openapi_write_models(const struct tg_openapi_source *s)
{
    const char *name;
    json_t     *model, *schema, *out = json_object();

    json_object_foreach ((json_t *) tg_openapi_parts(s, "model"), name,
        model)
    {
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
 * ---- who may call
 */

static bool
is_taken(const struct tg_openapi_source *s, const char *name)
{
    const char *id, *other;
    json_t     *authorizer;

    json_object_foreach ((json_t *) tg_openapi_parts(s, "authorizer"), id,
        authorizer)
    {
        other = tg_text_of(authorizer, "name");
        if (other != NULL && strcmp(other, name) == 0) {
            return true;
        }
    }
    return false;
}

/* A name that no authorizer has: they all stand among the schemes. */
static json_t *
free_name(const struct tg_openapi_source *s, const char *name)
{
    json_t *longer, *out = json_string(name);

    while (out != NULL && is_taken(s, json_string_value(out))) {
        longer = json_sprintf("%s_", json_string_value(out));
        json_decref(out);
        out = longer;
    }
    return out;
}

static json_t *
key_name(const struct tg_openapi_source *s)
{
    return free_name(s, "api_key");
}

static json_t *
signature_name(const struct tg_openapi_source *s)
{
    return free_name(s, "sigv4");
}

static json_t *
header_scheme(const char *header)
{
    return json_pack("{s:s, s:s, s:s}", "type", "apiKey", "name", header,
        "in", "header");
}

/* The header that an identity comes from; "Unused": not from one alone. */
static const char *
header_of(const json_t *authorizer)
{
    static const char prefix[] = "method.request.header.";
    const char       *source = tg_text_of(authorizer, "identitySource");

    return source != NULL && strncmp(source, prefix, sizeof(prefix) - 1) == 0
            && strchr(source, ',') == NULL
        ? source + sizeof(prefix) - 1 : "Unused";
}

/* The members of the extension: an authorizer's, its type in lower case. */
static json_t *
write_authorizer(const json_t *authorizer)
{
    static const char *const elsewhere[] = { "id", "name", "authType" };
    char    type[32] = "";
    json_t *out = json_copy((json_t *) authorizer);
    size_t  i;

    for (i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
        (void) json_object_del(out, elsewhere[i]);
    }
    (void) snprintf(type, sizeof(type), "%s", tg_text_of(authorizer,
        "type"));
    for (char *c = type; *c != '\0'; c++) {
        *c = (char) tolower((unsigned char) *c);
    }
    tg_openapi_set(out, "type", json_string(type));
    return out;
}

static void
add_authorizers(const struct tg_openapi_source *s, json_t *schemes)
{
    const char *id;
    json_t     *authorizer, *scheme;

    json_object_foreach ((json_t *) tg_openapi_parts(s, "authorizer"), id,
        authorizer)
    {
        scheme = header_scheme(header_of(authorizer));
        if (s->has_authorizers) {
            tg_openapi_set(scheme, X "authtype",
                json_incref(json_object_get(authorizer, "authType")));
            tg_openapi_set(scheme, X "authorizer",
                write_authorizer(authorizer));
        }
        tg_openapi_set(schemes, tg_text_of(authorizer, "name"), scheme);
    }
}

static bool
is_signed(const json_t *method)
{
    const char *type = tg_text_of(method, "authorizationType");

    return type != NULL && strcmp(type, "AWS_IAM") == 0;
}

static bool
needs_key(const json_t *method)
{
    return json_is_true(json_object_get(method, "apiKeyRequired"));
}

/* Whether some method of the API is as is says. */
static bool
has_method(const struct tg_openapi_source *s,
    bool (*is)(const json_t *method))
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
            if (is(method)) {
                return true;
            }
        }
    }
    return false;
}

/* Adds a scheme under the name (taken). */
static void
add_scheme(json_t *schemes, json_t *name, json_t *scheme)
{
    tg_openapi_set(schemes, json_string_value(name), scheme);
    json_decref(name);
}

json_t *
tg_openapi_write_schemes(const struct tg_openapi_source *s)
{
    json_t *scheme, *out = json_object();

    if (has_method(s, needs_key)) {
        add_scheme(out, key_name(s), header_scheme("x-api-key"));
    }
    if (has_method(s, is_signed)) {
        scheme = header_scheme("Authorization");
        if (s->has_authorizers) {
            tg_openapi_set(scheme, X "authtype", json_string("awsSigv4"));
        }
        add_scheme(out, signature_name(s), scheme);
    }
    add_authorizers(s, out);
    return out;
}

/* Adds {name: scopes} to the list; takes name, lends scopes (or NULL). */
static void
require(json_t *list, json_t *name, json_t *scopes)
{
    json_t *requirement = json_object();

    (void) json_object_set_new(requirement, json_string_value(name),
        scopes != NULL ? json_incref(scopes) : json_array());
    (void) json_array_append_new(list, requirement);
    json_decref(name);
}

json_t *
tg_openapi_write_security(const struct tg_openapi_source *s,
    const json_t *method)
{
    const char   *id = tg_text_of(method, "authorizerId");
    const json_t *authorizer = id == NULL ? NULL
        : json_object_get(tg_openapi_parts(s, "authorizer"), id);
    json_t       *out = json_array();

    if (authorizer != NULL) {
        require(out, json_incref(json_object_get(authorizer, "name")),
            json_object_get(method, "authorizationScopes"));
    }
    if (is_signed(method)) {
        require(out, signature_name(s), NULL);
    }
    if (needs_key(method)) {
        require(out, key_name(s), NULL);
    }
    return out;
}

/*
 * ---- validators, gateway responses, documentation
 */

const char *
tg_openapi_validator_name(const json_t *validator)
{
    const char *name = tg_text_of(validator, "name");

    return name != NULL ? name : tg_text_of(validator, "id");
}

json_t *
tg_openapi_write_validators(const struct tg_openapi_source *s)
{
    const char *id;
    json_t     *validator, *out = json_object();

    json_object_foreach ((json_t *) tg_openapi_parts(s, "requestvalidator"),
        id, validator)
    {
        json_t *copy = json_copy(validator);

        (void) json_object_del(copy, "id");
        (void) json_object_del(copy, "name");
        (void) json_object_set_new(out, tg_openapi_validator_name(validator),
            copy);
    }
    return out;
}

json_t *
tg_openapi_write_gateway_responses(const struct tg_openapi_source *s)
{
    const char *type;
    json_t     *response, *out = json_object();

    json_object_foreach ((json_t *) tg_openapi_parts(s, "gatewayresponse"),
        type, response)
    {
        json_t *copy = json_copy(response);

        (void) json_object_del(copy, "responseType");
        (void) json_object_del(copy, "defaultResponse");
        (void) json_object_set_new(out, type, copy);
    }
    return out;
}

/* A part as it stands in a document: its properties are an object there. */
static json_t *
write_part(const json_t *part)
{
    const char *text = tg_text_of(part, "properties");
    json_t     *out = json_object();

    tg_openapi_set(out, "location",
        json_incref(json_object_get(part, "location")));
    (void) json_object_set_new(out, "properties",
        text != NULL ? json_loads(text, 0, NULL) : json_object());
    return out;
}

json_t *
tg_openapi_write_documentation(const struct tg_openapi_source *s)
{
    size_t  i;
    char    date[32] = "";
    time_t  created_s = (time_t) json_integer_value(json_object_get(
        s->documentation, "createdDate"));
    json_t *part, *parts = json_array();
    json_t *out = json_pack("{s:O}", "version",
        json_object_get(s->documentation, "version"));

    (void) strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ",
        gmtime_r(&created_s, &(struct tm) { 0 }));
    tg_openapi_set(out, "createdDate", json_string(date));
    json_array_foreach (json_object_get(s->documentation,
            "documentationParts"), i, part)
    {
        (void) json_array_append_new(parts, write_part(part));
    }
    (void) json_object_set_new(out, "documentationParts", parts);
    return out;
}
