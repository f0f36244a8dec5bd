/* SPDX-License-Identifier: Apache-2.0 */
#include "control/authorizer_doc.h"

#include <string.h>

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define NAME_CHARS                                                            \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
#define HEADER "method.request.header."
#define TTL_DEFAULT 300

static const char *const types[] = { "TOKEN", "REQUEST",
    "COGNITO_USER_POOLS", NULL };

static const struct tg_member members[] = {
    { .name = "name", .is_required = true, .max = 128 },
    { .name = "type", .is_required = true, .values = types },
    { .name = "providerARNs", .kind = TG_MEMBER_TEXTS },
    { .name = "authType", .max = 64 },
    { .name = "authorizerUri", .max = 2048 },
    { .name = "authorizerCredentials", .max = 2048 },
    { .name = "identitySource", .max = 2048 },
    { .name = "identityValidationExpression", .max = 2048 },
    { .name = "authorizerResultTtlInSeconds", .kind = TG_MEMBER_INT,
        .min = 0, .max = 3600 },
};

static bool
is_of(const json_t *doc, const char *type)
{
    return strcmp(tg_text_of(doc, "type"), type) == 0;
}

const char *
tg_authorizer_guards(const json_t *authorizer)
{
    return is_of(authorizer, "COGNITO_USER_POOLS") ? "COGNITO_USER_POOLS"
                                                   : "CUSTOM";
}

/* ---- where the identity comes from ---- */

/* Whether the len characters at text are a prefix and then a name. */
static bool
is_expression(const char *text, size_t len, const char *prefix)
{
    size_t skip = strlen(prefix);

    return len > skip && strncmp(text, prefix, skip) == 0
        && strspn(text + skip, NAME_CHARS) >= len - skip;
}

static enum tg_status
check_token_source(const json_t *doc, struct tg_refusal *r)
{
    const char *source = tg_text_of(doc, "identitySource");

    return source && is_expression(source, strlen(source), HEADER)
        ? TG_OK
        : tg_refuse_bad(r, "identitySource", "Invalid token source "
            "expression: %.100s. The source must be a method request header, "
            "matching 'method.request.header.[a-zA-Z0-9._-]+'.",
            source ? source : "null");
}

/* Several, separated by commas; none where nothing is cached. */
static enum tg_status
check_request_sources(const json_t *doc, struct tg_refusal *r)
{
    static const char *const places[] = { HEADER,
        "method.request.querystring.", "stageVariables.", "context." };
    const char *source = tg_text_of(doc, "identitySource");
    size_t      len, i;

    if (!source) {
        return json_integer_value(json_object_get(doc,
                "authorizerResultTtlInSeconds")) == 0
            ? TG_OK
            : tg_refuse_bad(r, "identitySource", "Identity source must be "
                "set if authorizer caching is enabled (TTL is greater than "
                "0)");
    }
    do {
        source += strspn(source, " ");
        len = strcspn(source, ", ");
        for (i = 0; i < COUNT(places)
            && !is_expression(source, len, places[i]); i++)
        {
        }
        if (i == COUNT(places)) {
            return tg_refuse_bad(r, "identitySource", "Invalid identity "
                "source expression: %.100s. Valid are method.request.header, "
                "method.request.querystring, stageVariables and context, "
                "separated by commas", source);
        }
        source += len + strspn(source + len, " ");
    } while (*source == ',' && *++source);
    return *source ? tg_refuse_bad(r, "identitySource", "Invalid identity "
               "source expression: %.100s", source)
                   : TG_OK;
}

/* ---- whom it would ask ---- */

static enum tg_status
check_uri(const json_t *doc, struct tg_refusal *r)
{
    const char *uri = tg_text_of(doc, "authorizerUri");

    return uri && strncmp(uri, "arn:", 4) == 0 && strstr(uri, ":apigateway:")
            && strstr(uri, ":lambda:path/")
        ? TG_OK
        : tg_refuse_bad(r, "authorizerUri", "Invalid Authorizer URI: %.200s. "
            "Authorizer URI should be a valid API Gateway ARN that "
            "represents a Lambda function invocation.", uri ? uri : "null");
}

static enum tg_status
check_providers(const json_t *doc, struct tg_refusal *r)
{
    json_t *list = json_object_get(doc, "providerARNs"), *item;
    size_t  i;

    if (json_array_size(list) == 0) {
        return tg_refuse_bad(r, "providerARNs", "An authorizer of the type "
            "COGNITO_USER_POOLS needs provider ARNs");
    }
    json_array_foreach(list, i, item) {
        const char *arn = json_string_value(item);

        if (strncmp(arn, "arn:", 4) != 0 || !strstr(arn, ":cognito-idp:")
            || !strstr(arn, ":userpool/"))
        {
            return tg_refuse_bad(r, "providerARNs",
                "Invalid provider ARN specified: %.200s", arn);
        }
    }
    return TG_OK;
}

/* ---- the whole ---- */

static enum tg_status
set_default(json_t *doc, const char *name, json_t *value)
{
    if (json_object_get(doc, name)) {
        json_decref(value);
        return TG_OK;
    }
    return json_object_set_new(doc, name, value) == 0 ? TG_OK : TG_NOMEM;
}

static enum tg_status
check(json_t *doc, struct tg_refusal *r)
{
    const bool     is_pool = is_of(doc, "COGNITO_USER_POOLS");
    enum tg_status status = set_default(doc, "authType",
        json_string(is_pool ? "cognito_user_pools" : "custom"));

    if (status == TG_OK && !is_pool) {
        status = set_default(doc, "authorizerResultTtlInSeconds",
            json_integer(TTL_DEFAULT));
    }
    if (status == TG_OK && !*tg_text_of(doc, "name")) {
        status = tg_refuse_bad(r, "name", "Authorizer name must be non-empty");
    }
    if (status == TG_OK) {
        status = is_pool ? check_providers(doc, r) : check_uri(doc, r);
    }
    if (status == TG_OK) {
        status = is_of(doc, "REQUEST") ? check_request_sources(doc, r)
                                       : check_token_source(doc, r);
    }
    return status;
}

enum tg_status
tg_authorizer_doc(json_t **out, const json_t *in, const char *operation,
    struct tg_refusal *r)
{
    enum tg_status status = tg_members_take(out, in, operation, members,
        COUNT(members), r);

    if (status == TG_OK) {
        status = check(*out, r);
    }
    if (status != TG_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}
