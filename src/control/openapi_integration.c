/*
 * openapi_integration.c - x-amazon-apigateway-integration
 *
 * The extension has the members of PutIntegration, with enumerations in lower
 * case and its responses keyed by pattern; brought into Amazon's own form it
 * passes the same checks as a request.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-integration.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "control/method_doc.h"
#include "control/openapi_reader.h"

/* Members that are taken over, and whether they are enumerations. */
static const struct {
    const char *name;
    bool        is_enum;
} members[] = {
    { "type", true },
    { "httpMethod", true },
    { "uri", false },
    { "connectionType", true },
    { "connectionId", false },
    { "credentials", false },
    { "requestParameters", false },
    { "requestTemplates", false },
    { "passthroughBehavior", true },
    { "contentHandling", true },
    { "timeoutInMillis", false },
    { "cacheNamespace", false },
    { "cacheKeyParameters", false },
    { "tlsConfig", false },
    { "responseTransferMode", true },
    { "integrationTarget", false },
};

static json_t *
upper(struct tg_openapi_reader *r, const json_t *value)
{
    char *text = tg_arena_strdup(&r->arena, json_string_value(value));

    if (!text) { /* no text: the check says so */
        return json_incref((json_t *) value);
    }
    for (char *c = text; *c; c++) {
        *c = (char) toupper((unsigned char) *c);
    }
    return json_string(text);
}

/* What a value is, for a message. */
static const char *
shown(struct tg_openapi_reader *r, const json_t *value)
{
    char       *text;
    const char *copy;

    if (json_is_object(value) || json_is_array(value)) {
        return json_is_object(value) ? "an object" : "a list";
    }
    text = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    copy = tg_arena_printf(&r->arena, "'%.40s'", text ? text : "");
    free(text);
    return copy ? copy : "";
}

/*
 * The mappings of member without those that are no texts: Amazon warns of
 * them and takes over the others.  What is no map is left to the check.
 */
static json_t *
mappings_of(struct tg_openapi_reader *r, const json_t *owner,
    const char *member, const char *at)
{
    json_t     *map = json_object_get(owner, member), *out, *value;
    const char *name;

    if (!json_is_object(map)) {
        return json_incref(map);
    }
    at = tg_openapi_at(r, at, member);
    out = json_copy(map);
    json_object_foreach(map, name, value) {
        if (!json_is_string(value)) {
            tg_openapi_warn(r, tg_openapi_at(r, at, name), "Invalid format "
                "for '%s'. Expected type string but got %s", member,
                shown(r, value));
            json_object_del(out, name);
        }
    }
    return out;
}

/* The members in PutIntegration's form; what is not known is warned of. */
static json_t *
translate(struct tg_openapi_reader *r, const json_t *in, const char *at)
{
    json_t     *out = json_object(), *value;
    const char *name;

    json_object_foreach((json_t *) in, name, value) {
        size_t i = 0;

        while (i < sizeof members / sizeof members[0]
            && strcmp(members[i].name, name) != 0)
        {
            i++;
        }
        if (i < sizeof members / sizeof members[0]) {
            json_object_set_new(out, name, members[i].is_enum
                ? upper(r, value)
                : strcmp(name, "requestParameters") == 0
                    ? mappings_of(r, in, name, at)
                    : json_incref(value));
        } else if (strcmp(name, "responses") != 0) {
            tg_openapi_warn(r, tg_openapi_at(r, at, name),
                "this member is not taken over");
        }
    }
    return out;
}

/* A response without its statusCode, checked; *code is that. */
static enum tg_status
read_response(struct tg_openapi_reader *r, const char *pattern,
    const json_t *in, const char *at, json_t **out)
{
    struct tg_refusal refusal = { 0 };
    const json_t     *code = json_object_get(in, "statusCode");
    const char       *text = json_string_value(code);
    json_t           *copy;
    enum tg_status    status;

    if (json_is_integer(code)) {
        text = tg_arena_printf(&r->arena, "%d",
            (int) json_integer_value(code));
    }
    if (!text || !tg_status_code_is_valid(text)) {
        return tg_openapi_fail(r, at, "a response needs a statusCode");
    }
    copy = json_copy((json_t *) in);
    json_object_del(copy, "statusCode");
    if (json_object_get(in, "responseParameters")) {
        json_object_set_new(copy, "responseParameters",
            mappings_of(r, in, "responseParameters", at));
    }
    if (strcmp(pattern, "default") != 0) {
        json_object_set_new(copy, "selectionPattern", json_string(pattern));
    }
    if (json_object_get(copy, "contentHandling")) {
        json_object_set_new(copy, "contentHandling",
            upper(r, json_object_get(copy, "contentHandling")));
    }
    status = tg_integration_response_doc(out, copy, text, &refusal);
    json_decref(copy);
    return tg_openapi_pass(r, at, status, &refusal);
}

/*
 * By status code, as Amazon lists them.  The document may give one status to
 * several patterns; those behind the first are kept under their pattern.
 */
static enum tg_status
read_responses(struct tg_openapi_reader *r, const json_t *in, const char *at,
    json_t *integration)
{
    const json_t  *responses;
    const char    *pattern, *code;
    json_t        *response, *doc = NULL, *out;
    enum tg_status status = tg_openapi_get(r, &responses, in, at,
        "responses", JSON_OBJECT);

    if (status != TG_OK || !json_object_size(responses)) {
        return status;
    }
    at = tg_openapi_at(r, at, "responses");
    out = json_object();
    json_object_set_new(integration, "integrationResponses", out);
    json_object_foreach((json_t *) responses, pattern, response) {
        if (status == TG_OK) {
            status = read_response(r, pattern, response,
                tg_openapi_at(r, at, pattern), &doc);
        }
        if (status == TG_OK) {
            code = tg_text_of(doc, "statusCode");
            json_object_set_new(out,
                json_object_get(out, code) ? pattern : code, doc);
        }
    }
    return status;
}

enum tg_status
tg_openapi_integration(struct tg_openapi_reader *r, const json_t *in,
    const char *at, json_t **out)
{
    struct tg_refusal refusal = { 0 };
    json_t           *translated;
    enum tg_status    status;

    *out = NULL;
    if (json_object_get(in, "$ref")) {
        status = tg_openapi_follow(r, &in, &at);
        if (status != TG_OK) {
            return status == TG_NOTFOUND
                ? tg_openapi_fail(r, at, "this reference leads nowhere")
                : status;
        }
    }
    if (!json_is_object(in)) {
        return tg_openapi_fail(r, at, "expected an object");
    }
    translated = translate(r, in, at);
    status = tg_integration_doc(out, translated, "", r->timeout_max_ms,
        &refusal);
    json_decref(translated);
    if (status != TG_OK) {
        return tg_openapi_pass(r, at, status, &refusal);
    }
    return read_responses(r, in, at, *out);
}
