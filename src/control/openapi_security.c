/*
 * openapi_security.c - who may call, says an OpenAPI document
 *
 * A security scheme is an API key in the header x-api-key, an authorizer
 * (x-amazon-apigateway-authorizer), AWS's own signature
 * (x-amazon-apigateway-authtype: awsSigv4), or something that Amazon leaves
 * to the backend, too.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authorizer.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "control/authorizer_doc.h"
#include "control/openapi_reader.h"

#define X "x-amazon-apigateway-"

static const json_t *
schemes_of(const struct tg_openapi_reader *r)
{
    return r->is_swagger
        ? json_object_get(r->root, "securityDefinitions")
        : json_object_get(json_object_get(r->root, "components"),
            "securitySchemes");
}

static const char *
schemes_at(const struct tg_openapi_reader *r)
{
    return r->is_swagger ? "/securityDefinitions"
                         : "/components/securitySchemes";
}

/* ---- authorizers ---- */

/* Amazon's document has the type in lower case. */
static void
raise_type(json_t *in)
{
    const char *type = tg_text_of(in, "type");
    char        upper[32];
    size_t      i;

    for (i = 0; type && type[i] && i + 1 < sizeof upper; i++) {
        upper[i] = (char) toupper((unsigned char) type[i]);
    }
    if (type) {
        upper[i] = '\0';
        json_object_set_new(in, "type", json_string(upper));
    }
}

/* The members of CreateAuthorizer that scheme and extension make. */
static json_t *
members_of(const char *name, const json_t *scheme, const json_t *extension)
{
    json_t     *in = json_copy((json_t *) extension);
    const char *auth_type = tg_text_of(scheme, X "authtype");
    const char *header = tg_text_of(scheme, "name");
    const char *place = tg_text_of(scheme, "in"), *type;

    json_object_set_new(in, "name", json_string(name));
    raise_type(in);
    if (auth_type) {
        json_object_set_new(in, "authType", json_string(auth_type));
    }
    type = tg_text_of(in, "type");
    if (!json_object_get(in, "identitySource") && header && place && type
        && strcmp(place, "header") == 0 && strcmp(type, "REQUEST") != 0)
    {
        json_object_set_new(in, "identitySource",
            json_sprintf("method.request.header.%s", header));
    }
    return in;
}

static enum tg_status
read_authorizer(struct tg_openapi_reader *r, const char *name,
    const json_t *scheme, const char *at)
{
    struct tg_refusal refusal = { 0 };
    const json_t     *extension;
    json_t           *in, *doc;
    enum tg_status    status = tg_openapi_get(r, &extension, scheme, at,
        X "authorizer", JSON_OBJECT);

    if (status != TG_OK || !extension) {
        return status;
    }
    in = members_of(name, scheme, extension);
    status = tg_openapi_pass(r, tg_openapi_at(r, at, X "authorizer"),
        tg_authorizer_doc(&doc, in, "authorizer", &refusal), &refusal);
    json_decref(in);
    return status == TG_OK
            && json_object_set_new(r->out->authorizers, name, doc)
        ? TG_NOMEM : status;
}

enum tg_status
tg_openapi_authorizers(struct tg_openapi_reader *r)
{
    const char    *name, *at;
    json_t        *value;
    const json_t  *scheme;
    enum tg_status status = TG_OK;

    json_object_foreach((json_t *) schemes_of(r), name, value) {
        if (status != TG_OK) {
            return status;
        }
        scheme = value;
        at = tg_openapi_at(r, schemes_at(r), name);
        status = tg_openapi_follow(r, &scheme, &at);
        if (status == TG_NOTFOUND) {
            status = TG_OK; /* said of the operation that wants it */
        } else if (status == TG_OK) {
            status = read_authorizer(r, name, scheme, at);
        }
    }
    return status;
}

/* ---- what an operation requires ---- */

/* The scheme's own authorizer, or AWS's signature. */
static enum tg_status
take_guard(struct tg_openapi_reader *r, const char *name,
    const json_t *scheme, const char *at, const json_t *scopes,
    struct tg_openapi_security *out)
{
    const char *type = tg_text_of(scheme, X "authtype");
    const bool  is_iam = type && strcasecmp(type, "awsSigv4") == 0;

    if (!json_object_get(r->out->authorizers, name) && !is_iam) {
        return tg_openapi_fail(r, at, "the security scheme %.60s has an "
            "authtype and no authorizer", name);
    }
    if ((is_iam && out->authorizer) || (!is_iam && out->is_iam)
        || (out->authorizer && strcmp(out->authorizer, name) != 0))
    {
        return tg_openapi_fail(r, at, "the security scheme %.60s is the "
            "second that would guard this method: there can be one", name);
    }
    if (is_iam) {
        out->is_iam = true;
    } else {
        out->authorizer = name;
        out->scopes = json_array_size(scopes) ? scopes : NULL;
    }
    return TG_OK;
}

/* One scheme of a security requirement. */
static enum tg_status
read_scheme(struct tg_openapi_reader *r, const char *name, const char *at,
    const json_t *scopes, struct tg_openapi_security *out)
{
    const json_t *scheme = json_object_get(schemes_of(r), name);
    const char   *type, *in, *header, *scheme_at = at;

    if (scheme && tg_openapi_follow(r, &scheme, &scheme_at) != TG_OK) {
        scheme = NULL;
    }
    if (!scheme) {
        return tg_openapi_fail(r, at, "there is no security scheme %.60s",
            name);
    }
    type = tg_text_of(scheme, "type");
    in = tg_text_of(scheme, "in");
    header = tg_text_of(scheme, "name");
    if (json_object_get(scheme, X "authorizer")
        || json_object_get(scheme, X "authtype"))
    {
        return take_guard(r, name, scheme, at, scopes, out);
    }
    if (!type || strcmp(type, "apiKey") != 0 || !in
        || strcmp(in, "header") != 0 || !header
        || strcasecmp(header, "x-api-key") != 0)
    {
        tg_openapi_warn(r, at, "the security scheme %.60s is not an API key "
            "in the header x-api-key: it is left to the backend", name);
        return TG_OK;
    }
    out->needs_key = true;
    return TG_OK;
}

enum tg_status
tg_openapi_security(struct tg_openapi_reader *r, const json_t *operation,
    const char *at, struct tg_openapi_security *out)
{
    bool           is_own = json_object_get(operation, "security") != NULL;
    const json_t  *list;
    json_t        *requirement, *scopes;
    const char    *name;
    size_t         i;
    enum tg_status status;

    *out = (struct tg_openapi_security) { 0 };
    at = is_own ? at : "";
    status = tg_openapi_get(r, &list, is_own ? operation : r->root, at,
        "security", JSON_ARRAY);
    at = tg_openapi_at(r, at, "security");
    json_array_foreach((json_t *) list, i, requirement) {
        const char *here = tg_openapi_at_index(r, at, i);

        json_object_foreach(requirement, name, scopes) {
            if (status == TG_OK) {
                status = read_scheme(r, name, tg_openapi_at(r, here, name),
                    scopes, out);
            }
        }
    }
    return status;
}
