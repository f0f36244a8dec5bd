/* SPDX-License-Identifier: Apache-2.0 */
#include "control/method_doc.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "control/mapping.h"
#include "control/pattern.h"
#include "control/uri.h"
#include "util/arena.h"

#define TIMEOUT_MIN_MS 50
#define TEMPLATE_MAX (300 << 10) /* bytes */
#define COUNT(array) (sizeof (array) / sizeof (array)[0])

bool
tg_verb_is_valid(const char *verb)
{
    static const char *const verbs[] = { "GET", "PUT", "POST", "DELETE",
        "PATCH", "OPTIONS", "HEAD", "ANY", NULL };

    return tg_is_one_of(verb, verbs);
}

bool
tg_status_code_is_valid(const char *code)
{
    return strlen(code) == 3 && code[0] >= '1' && code[0] <= '5'
        && strspn(code, "0123456789") == 3;
}

/* ---- path parts ---- */

#define PART_CHARS                                                            \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:"

bool
tg_path_part_is_variable(const char *part)
{
    return *part == '{';
}

bool
tg_path_part_is_greedy(const char *part)
{
    size_t len = strlen(part);

    return len >= 4 && *part == '{' && strcmp(part + len - 2, "+}") == 0;
}

bool
tg_path_part_is_valid(const char *part)
{
    const char *name = part + (*part == '{');
    size_t      len = strspn(name, PART_CHARS);

    if (len == 0 || strlen(part) > 255) {
        return false;
    }
    if (*part != '{') {
        return name[len] == '\0';
    }
    return strcmp(name + len, "}") == 0 || strcmp(name + len, "+}") == 0;
}

/* ---- methods ---- */

static const struct tg_member method_members[] = {
    { .name = "authorizationType", .is_required = true },
    { .name = "authorizerId" },
    { .name = "apiKeyRequired", .kind = TG_MEMBER_BOOL },
    { .name = "operationName" },
    { .name = "requestParameters", .kind = TG_MEMBER_BOOL_MAP },
    { .name = "requestModels", .kind = TG_MEMBER_TEXT_MAP },
    { .name = "requestValidatorId" },
    { .name = "authorizationScopes", .kind = TG_MEMBER_TEXTS },
};

enum tg_status
tg_mapping_refuse(struct tg_refusal *r, const char *member, const char *key)
{
    (void) tg_refuse_bad(r, NULL, "Invalid mapping expression specified: "
        "Validation Result: warnings : [], errors : [Invalid mapping "
        "expression parameter specified: %.100s]", key);
    tg_refusal_within(r, key);
    tg_refusal_within(r, member);
    return TG_DENIED;
}

/* Keys of requestParameters: method.request.{place}.{name}. */
static enum tg_status
check_parameters(const json_t *doc, const char *prefix,
    const char *const *places, struct tg_refusal *r)
{
    json_t     *map = json_object_get(doc, "responseParameters"), *value;
    const char *key, *member = "responseParameters";
    size_t      len = strlen(prefix);

    if (!map) {
        map = json_object_get(doc, "requestParameters");
        member = "requestParameters";
    }
    json_object_foreach(map, key, value) {
        bool found = false;

        for (const char *const *p = places; *p && !found; p++) {
            size_t place = strlen(*p);

            found = strncmp(key, prefix, len) == 0
                && strncmp(key + len, *p, place) == 0
                && tg_mapping_name_is_valid(key + len + place);
        }
        if (!found) {
            return tg_mapping_refuse(r, member, key);
        }
    }
    return TG_OK;
}

enum tg_status
tg_method_refuse_authorizer(struct tg_refusal *r)
{
    return tg_refuse_bad(r, "authorizerId", "Invalid authorizer ID "
        "specified. Setting the authorization type to CUSTOM or "
        "COGNITO_USER_POOLS requires a valid authorizer.");
}

/* Amazon takes this word in any case. */
static void
take_case(json_t *doc, const char *name, const char *const *words)
{
    const char *given = tg_text_of(doc, name);

    for (; *words; words++) {
        if (strcasecmp(given, *words) == 0) {
            json_object_set_new(doc, name, json_string(*words));
            return;
        }
    }
}

/*
 * A backend could not tell parameters of one name apart, says Amazon: the
 * names of path, query and headers are told from each other.
 */
static enum tg_status
check_unique(const json_t *doc, struct tg_refusal *r)
{
    static const char *const places[] = { "method.request.path.",
        "method.request.querystring.", "method.request.header.", NULL };
    json_t     *map = json_object_get(doc, "requestParameters"), *value;
    json_t     *seen = json_object();
    const char *key;
    bool        is_unique = seen != NULL;

    json_object_foreach(map, key, value) {
        for (const char *const *p = places; *p && is_unique; p++) {
            size_t len = strlen(*p);

            if (strncmp(key, *p, len) == 0) {
                is_unique = !json_object_get(seen, key + len)
                    && !json_object_set_new(seen, key + len, json_true());
            }
        }
    }
    json_decref(seen);
    return is_unique ? TG_OK
        : tg_refuse_bad(r, "requestParameters", "Parameter names must be "
            "unique across querystring, header and path");
}

static enum tg_status
check_authorization(json_t *doc, struct tg_refusal *r)
{
    static const char *const types[] = { "NONE", "AWS_IAM", "CUSTOM",
        "COGNITO_USER_POOLS", NULL };
    const char *type;

    take_case(doc, "authorizationType", types);
    type = tg_text_of(doc, "authorizationType");
    if (!tg_is_one_of(type, types)) {
        return tg_refuse_bad(r, "authorizationType", "Invalid Authorization "
            "type specified: %.60s. Valid options are NONE, AWS_IAM, CUSTOM, "
            "COGNITO_USER_POOLS", type);
    }
    if (strcmp(type, "CUSTOM") == 0
        || strcmp(type, "COGNITO_USER_POOLS") == 0)
    {
        if (!json_object_get(doc, "authorizerId")) {
            return tg_method_refuse_authorizer(r);
        }
    } else {
        json_object_del(doc, "authorizerId"); /* as Amazon does */
    }
    if (json_object_get(doc, "authorizationScopes")
        && strcmp(type, "COGNITO_USER_POOLS") != 0)
    {
        return tg_refuse_bad(r, "authorizationScopes",
            "authorizationScopes need the type COGNITO_USER_POOLS");
    }
    return TG_OK;
}

/* *out is dropped when status is not good. */
static enum tg_status
finish(json_t **out, enum tg_status status)
{
    if (status != TG_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}

enum tg_status
tg_method_doc(json_t **out, const json_t *in, struct tg_refusal *r)
{
    static const char *const places[] = { "path.", "querystring.", "header.",
        "multivaluequerystring.", "multivalueheader.", NULL };
    enum tg_status status = tg_members_take(out, in, "putMethodInput",
        method_members, COUNT(method_members), r);

    if (status != TG_OK) {
        return status;
    }
    status = check_authorization(*out, r);
    if (status == TG_OK) {
        status = check_parameters(*out, "method.request.", places, r);
    }
    if (status == TG_OK) {
        status = check_unique(*out, r);
    }
    if (status == TG_OK && !json_object_get(*out, "apiKeyRequired")
        && json_object_set_new(*out, "apiKeyRequired", json_false()))
    {
        status = TG_NOMEM;
    }
    return finish(out, status);
}

static const struct tg_member method_response_members[] = {
    { .name = "responseParameters", .kind = TG_MEMBER_BOOL_MAP },
    { .name = "responseModels", .kind = TG_MEMBER_TEXT_MAP },
};

enum tg_status
tg_method_response_doc(json_t **out, const json_t *in, const char *code,
    struct tg_refusal *r)
{
    static const char *const places[] = { "header.", NULL };
    enum tg_status status = tg_members_take(out, in, "putMethodResponseInput",
        method_response_members, COUNT(method_response_members), r);

    if (status == TG_OK) {
        status = check_parameters(*out, "method.response.", places, r);
        json_object_set_new(*out, "statusCode", json_string(code));
        status = finish(out, status);
    }
    return status;
}

/* ---- integrations ---- */

/* In Amazon's order, as in its messages. */
static const char *const integration_types[] = { "HTTP", "MOCK", "AWS_PROXY",
    "HTTP_PROXY", "AWS", NULL };
static const char *const connection_types[] = { "INTERNET", "VPC_LINK", NULL };
static const char *const content_handlings[] = { "CONVERT_TO_BINARY",
    "CONVERT_TO_TEXT", NULL };
static const char *const transfer_modes[] = { "BUFFERED", "STREAM", NULL };

static const struct tg_member integration_members[] = {
    { .name = "type", .is_required = true, .values = integration_types },
    { .name = "httpMethod" },
    { .name = "uri" },
    { .name = "connectionType", .values = connection_types },
    { .name = "connectionId" },
    { .name = "credentials" },
    { .name = "requestParameters", .kind = TG_MEMBER_TEXT_MAP },
    { .name = "requestTemplates", .kind = TG_MEMBER_TEXT_MAP,
        .null_entries = true },
    { .name = "passthroughBehavior" },
    { .name = "contentHandling", .values = content_handlings },
    { .name = "timeoutInMillis", .kind = TG_MEMBER_INT },
    { .name = "cacheNamespace" },
    { .name = "cacheKeyParameters", .kind = TG_MEMBER_TEXTS,
        .keep_empty = true },
    { .name = "tlsConfig", .kind = TG_MEMBER_OBJECT },
    { .name = "responseTransferMode", .values = transfer_modes },
    { .name = "integrationTarget" },
};

static bool
is_http(const json_t *doc)
{
    return strncmp(tg_text_of(doc, "type"), "HTTP", 4) == 0;
}

/* arn:aws:apigateway:{region}:{service}:{path|action}/{what} */
static enum tg_status
check_arn(const char *uri, bool is_proxy, struct tg_refusal *r)
{
    const char *part[6] = { uri };
    size_t      count = 1;

    while (count < 6 && (part[count] = strchr(part[count - 1], ':'))) {
        part[count++]++;
    }
    if (strncmp(uri, "arn:", 4) != 0) {
        return tg_refuse_bad(r, "uri", "Invalid ARN specified in the request");
    }
    if (count < 6 || (strncmp(part[5], "path/", 5) != 0
            && strncmp(part[5], "action/", 7) != 0))
    {
        return tg_refuse_bad(r, "uri",
            "AWS ARN for integration must contain path or action");
    }
    if (is_proxy && strncmp(part[4], "lambda:", 7) != 0
        && strncmp(part[4], "firehose:", 9) != 0)
    {
        return tg_refuse_bad(r, "uri", "Integrations of type 'AWS_PROXY' "
            "currently only supports Lambda function and Firehose stream "
            "invocations.");
    }
    return TG_OK;
}

static enum tg_status
check_target(json_t *doc, struct tg_refusal *r)
{
    struct tg_arena arena;
    struct tg_error err = { 0 };
    const char     *uri = tg_text_of(doc, "uri");
    const char     *verb = tg_text_of(doc, "httpMethod");
    enum tg_status  status;

    if (strcmp(tg_text_of(doc, "type"), "MOCK") == 0) {
        json_object_del(doc, "uri"); /* as Amazon does */
        json_object_del(doc, "httpMethod");
        return TG_OK;
    }
    if (!verb) {
        return tg_refuse_bad(r, "httpMethod",
            "Enumeration value for HttpMethod must be non-empty");
    }
    if (!tg_verb_is_valid(verb)) {
        return tg_refuse_bad(r, "httpMethod", "Invalid HttpMethod specified. "
            "Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY");
    }
    if (!is_http(doc)) {
        return check_arn(uri ? uri : "",
            strcmp(tg_text_of(doc, "type"), "AWS_PROXY") == 0, r);
    }
    if (!uri) {
        return tg_refuse_bad(r, "uri",
            "Invalid HTTP endpoint specified for URI");
    }
    tg_arena_init(&arena);
    status = tg_uri_check(&arena, uri, &err);
    tg_arena_clear(&arena);
    if (status == TG_OK) {
        return TG_OK;
    }
    /* Why not is said where the text looks like one. */
    return strncasecmp(uri, "http", 4) == 0
        ? tg_refuse_bad(r, "uri", "Invalid HTTP endpoint specified for URI: "
            "%s", err.message)
        : tg_refuse_bad(r, "uri", "Invalid HTTP endpoint specified for URI");
}

static enum tg_status
check_mappings(const json_t *doc, enum tg_mapping_side side,
    const char *member, struct tg_refusal *r)
{
    json_t             *map = json_object_get(doc, member), *value;
    const char         *target, *name;
    enum tg_target_kind kind;
    struct tg_error     err = { 0 };
    enum tg_status      status;

    json_object_foreach(map, target, value) {
        status = tg_mapping_target(&kind, &name, side, target);
        if (status != TG_OK) {
            return tg_mapping_refuse(r, member, target);
        }
        status = tg_mapping_check(side, json_string_value(value), &err);
        if (status != TG_OK) {
            (void) tg_refuse_bad(r, NULL, "%s", err.message);
            tg_refusal_within(r, target);
            tg_refusal_within(r, member);
            return TG_DENIED;
        }
    }
    return TG_OK;
}

/* https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html */
static enum tg_status
check_templates(const json_t *doc, const char *member, struct tg_refusal *r)
{
    json_t     *templates = json_object_get(doc, member), *text;
    const char *type;

    json_object_foreach(templates, type, text) {
        if (json_string_length(text) > TEMPLATE_MAX) {
            return tg_refuse_bad(r, member, "Invalid mapping template for "
                "%.80s specified: it can be at most %d bytes", type,
                TEMPLATE_MAX);
        }
    }
    return TG_OK;
}

/* What would have to be ignored is refused (O2). */
static enum tg_status
check_unsupported(const json_t *doc, struct tg_refusal *r)
{
    static const char *const behaviors[] = { "WHEN_NO_MATCH",
        "WHEN_NO_TEMPLATES", "NEVER", NULL };
    const char *connection = tg_text_of(doc, "connectionType");
    const char *behavior = tg_text_of(doc, "passthroughBehavior");
    const char *mode = tg_text_of(doc, "responseTransferMode");

    if ((connection && strcmp(connection, "VPC_LINK") == 0)
        || json_object_get(doc, "connectionId")
        || json_object_get(doc, "integrationTarget"))
    {
        return tg_refuse_bad(r, "connectionType",
            "VPC links are not supported by this gateway");
    }
    if (behavior && !tg_is_one_of(behavior, behaviors)) {
        return tg_refuse_bad(r, "passthroughBehavior",
            "Invalid passthrough behavior specified. Valid options are "
            "WHEN_NO_MATCH, WHEN_NO_TEMPLATES, NEVER");
    }
    if (mode && strcmp(mode, "STREAM") == 0
        && strcmp(tg_text_of(doc, "type"), "HTTP_PROXY") != 0)
    {
        return tg_refuse_bad(r, "responseTransferMode",
            "STREAM needs the integration type HTTP_PROXY");
    }
    return TG_OK;
}

static enum tg_status
check_timeout(const json_t *doc, int max_ms, struct tg_refusal *r)
{
    json_t *timeout = json_object_get(doc, "timeoutInMillis");

    if (timeout && (json_integer_value(timeout) < TIMEOUT_MIN_MS
            || json_integer_value(timeout) > max_ms))
    {
        return tg_refuse_bad(r, "timeoutInMillis",
            "Timeout should be between %d ms and %d ms", TIMEOUT_MIN_MS,
            max_ms);
    }
    return TG_OK;
}

static enum tg_status
check_tls(const json_t *doc, struct tg_refusal *r)
{
    static const struct tg_member members[] = {
        { .name = "insecureSkipVerification", .kind = TG_MEMBER_BOOL },
    };
    json_t        *tls = json_object_get(doc, "tlsConfig"), *checked;
    enum tg_status status = TG_OK;

    if (tls) {
        status = tg_members_take(&checked, tls,
            "putIntegrationInput.tlsConfig", members, COUNT(members), r);
        if (status == TG_OK) {
            json_object_set_new((json_t *) doc, "tlsConfig", checked);
        } else {
            tg_refusal_within(r, "tlsConfig");
        }
    }
    return status;
}

static enum tg_status
set_default(json_t *doc, const char *name, json_t *value)
{
    if (json_object_get(doc, name)) {
        json_decref(value);
        return TG_OK;
    }
    return json_object_set_new(doc, name, value) ? TG_NOMEM : TG_OK;
}

static enum tg_status
integration_defaults(json_t *doc, const char *resource_id)
{
    if (is_http(doc)
        && set_default(doc, "connectionType", json_string("INTERNET")))
    {
        return TG_NOMEM;
    }
    if (set_default(doc, "passthroughBehavior", json_string("WHEN_NO_MATCH"))
        || set_default(doc, "timeoutInMillis", json_integer(29000))
        || set_default(doc, "cacheNamespace", json_string(resource_id))
        || set_default(doc, "cacheKeyParameters", json_array()))
    {
        return TG_NOMEM;
    }
    return TG_OK;
}

enum tg_status
tg_integration_check_words(const json_t *in, struct tg_refusal *r)
{
    return tg_members_check_words(in, "putIntegrationInput",
        integration_members, COUNT(integration_members), r);
}

enum tg_status
tg_integration_doc(json_t **out, const json_t *in, const char *resource_id,
    int timeout_max_ms, struct tg_refusal *r)
{
    enum tg_status status = tg_members_take(out, in, "putIntegrationInput",
        integration_members, COUNT(integration_members), r);

    if (status != TG_OK) {
        return status;
    }
    status = check_target(*out, r);
    if (status == TG_OK) {
        status = check_mappings(*out, TG_MAPPING_REQUEST, "requestParameters",
            r);
    }
    if (status == TG_OK) {
        status = check_templates(*out, "requestTemplates", r);
    }
    if (status == TG_OK) {
        status = check_unsupported(*out, r);
    }
    if (status == TG_OK) {
        status = check_timeout(*out, timeout_max_ms, r);
    }
    if (status == TG_OK) {
        status = check_tls(*out, r);
    }
    if (status == TG_OK) {
        status = integration_defaults(*out, resource_id);
    }
    return finish(out, status);
}

static const struct tg_member integration_response_members[] = {
    { .name = "selectionPattern", .keep_empty = true },
    { .name = "responseParameters", .kind = TG_MEMBER_TEXT_MAP },
    { .name = "responseTemplates", .kind = TG_MEMBER_TEXT_MAP,
        .null_entries = true },
    { .name = "contentHandling", .values = content_handlings },
};

enum tg_status
tg_integration_response_doc(json_t **out, const json_t *in, const char *code,
    struct tg_refusal *r)
{
    struct tg_error err = { 0 };
    const char     *pattern;
    enum tg_status  status = tg_members_take(out, in,
        "putIntegrationResponseInput", integration_response_members,
        COUNT(integration_response_members), r);

    if (status != TG_OK) {
        return status;
    }
    pattern = tg_text_of(*out, "selectionPattern");
    if (pattern && tg_pattern_check(pattern, &err)) {
        status = tg_refuse_bad(r, "selectionPattern",
            "Invalid selection pattern specified: %s", err.message);
    }
    if (status == TG_OK) {
        status = check_mappings(*out, TG_MAPPING_RESPONSE,
            "responseParameters", r);
    }
    if (status == TG_OK) {
        status = check_templates(*out, "responseTemplates", r);
    }
    json_object_set_new(*out, "statusCode", json_string(code));
    return finish(out, status);
}

/* ---- what is stored but not served ---- */

const char *
tg_method_gap(const json_t *method)
{
    const json_t *integration = json_object_get(method, "methodIntegration");
    const char   *type = tg_text_of(integration, "type");

    if (!type) {
        return "it has no integration";
    }
    if (strcmp(tg_text_of(method, "authorizationType"), "NONE") != 0) {
        return "it lets nobody in: its authorization type is not supported "
            "by this gateway";
    }
    if (strncmp(type, "HTTP", 4) != 0 && strcmp(type, "MOCK") != 0) {
        return "its integration type is not supported by this gateway";
    }
    return NULL;
}
