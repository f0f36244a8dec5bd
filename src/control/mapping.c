/*
 * mapping.c - see mapping.h
 *
 * Two tables say all: the places that a source may name, and the context
 * variables.  A context variable that exists at Amazon but has no value here
 * (no authorizer, no client certificate) is ABSENT: valid, and empty.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "control/mapping.h"

#include <string.h>
#include <strings.h>

#include "core/json.h"
#include "util/buf.h"

#define TEXT_MAX ((size_t) 1 << 20) /* of a compiled text */

#define ABSENT TG_PART_COUNT
#define SECRET (TG_PART_COUNT + 1)
#define DEPLOYMENT (TG_PART_COUNT + 2)
#define CANARY (TG_PART_COUNT + 3)

struct named {
    const char *name;
    int         kind; /* enum tg_part_kind, or one of the above */
};

static const struct named context_variables[] = {
    { "accountId", TG_PART_ACCOUNT_ID },
    { "apiId", TG_PART_API_ID },
    { "awsEndpointRequestId", ABSENT },
    { "deploymentId", DEPLOYMENT },
    { "domainName", TG_PART_DOMAIN_NAME },
    { "extendedRequestId", TG_PART_REQUEST_ID },
    { "httpMethod", TG_PART_HTTP_METHOD },
    { "identity.accessKey", ABSENT },
    { "identity.accountId", ABSENT },
    { "identity.apiKey", SECRET },
    { "identity.apiKeyId", TG_PART_API_KEY_ID },
    { "identity.caller", ABSENT },
    { "identity.cognitoAuthenticationProvider", ABSENT },
    { "identity.cognitoAuthenticationType", ABSENT },
    { "identity.cognitoIdentityId", ABSENT },
    { "identity.cognitoIdentityPoolId", ABSENT },
    { "identity.principalOrgId", ABSENT },
    { "identity.sourceIp", TG_PART_SOURCE_IP },
    { "identity.user", ABSENT },
    { "identity.userAgent", TG_PART_USER_AGENT },
    { "identity.userArn", ABSENT },
    { "identity.vpcId", ABSENT },
    { "identity.vpceId", ABSENT },
    { "isCanaryRequest", CANARY },
    { "path", TG_PART_REQUEST_PATH },
    { "protocol", TG_PART_PROTOCOL },
    { "requestId", TG_PART_REQUEST_ID },
    { "requestTime", TG_PART_REQUEST_TIME },
    { "requestTimeEpoch", TG_PART_REQUEST_TIME_EPOCH },
    { "resourceId", TG_PART_RESOURCE_ID },
    { "resourcePath", TG_PART_RESOURCE_PATH },
    { "stage", TG_PART_STAGE },
    { "wafResponseCode", ABSENT },
    { "webaclArn", ABSENT },
};

/* Those of a gateway response; elsewhere they are valid, and empty. */
static const struct named error_variables[] = {
    { "error.message", TG_PART_ERROR_MESSAGE },
    { "error.messageString", TG_PART_ERROR_MESSAGE_STRING },
    { "error.responseType", TG_PART_ERROR_TYPE },
};

/* Groups of context variables that have any names below them. */
static const char *const context_groups[] = {
    "authorizer.", "error.", "identity.clientCert.", "responseOverride.",
    "requestOverride.",
};

static const struct named request_places[] = {
    { "path.", TG_PART_PATH },
    { "querystring.", TG_PART_QUERY },
    { "multivaluequerystring.", TG_PART_MULTIQUERY },
    { "header.", TG_PART_HEADER },
    { "multivalueheader.", TG_PART_MULTIHEADER },
};

static const struct named response_places[] = {
    { "header.", TG_PART_REPLY_HEADER },
    { "multivalueheader.", TG_PART_REPLY_MULTIHEADER },
};

/*
 * Headers that Amazon drops where a call comes in: no mapping finds them.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
 */
static const char *const dropped_headers[] = { "Connection",
    "Content-Length", "Content-MD5", "Expect", "Max-Forwards",
    "Proxy-Authenticate", "Server", "TE", "Transfer-Encoding", "Trailer",
    "Upgrade", "WWW-Authenticate" };

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

/* What stands behind prefix in text, or NULL when text starts otherwise. */
static const char *
after(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);

    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

static bool
is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9') || (c != '\0' && strchr("._$-", c));
}

bool
tg_mapping_name_is_valid(const char *name)
{
    const char *c = name;

    while (is_name_char(*c)) {
        c++;
    }
    return c != name && *c == '\0';
}

enum tg_status
tg_mapping_target(enum tg_target_kind *kind, const char **name,
    enum tg_mapping_side side, const char *target)
{
    if (side == TG_MAPPING_RESPONSE) {
        *kind = TG_TARGET_HEADER;
        *name = after(target, "method.response.header.");
    } else if ((*name = after(target, "integration.request.path."))) {
        *kind = TG_TARGET_PATH;
    } else if ((*name = after(target, "integration.request.querystring."))) {
        *kind = TG_TARGET_QUERY;
    } else if ((*name = after(target, "integration.request.header."))) {
        *kind = TG_TARGET_HEADER;
    }
    return *name && tg_mapping_name_is_valid(*name) ? TG_OK : TG_INVALID;
}

static int
kind_in(const struct named *table, size_t count, const char *name, size_t len)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(table[i].name) == len
            && memcmp(table[i].name, name, len) == 0)
        {
            return table[i].kind;
        }
    }
    return -1;
}

/* The kind of a context variable, or -1 when there is none of that name. */
static int
context_kind(enum tg_mapping_side side, const char *name, size_t len)
{
    int kind = kind_in(context_variables, COUNT(context_variables), name,
        len);

    if (kind < 0 && side == TG_MAPPING_GATEWAY) {
        kind = kind_in(error_variables, COUNT(error_variables), name, len);
    }
    for (size_t i = 0; kind < 0 && i < COUNT(context_groups); i++) {
        size_t group = strlen(context_groups[i]);

        if (len > group && memcmp(name, context_groups[i], group) == 0) {
            kind = ABSENT;
        }
    }
    return kind;
}

static enum tg_status
invalid(const char *source, struct tg_error *err)
{
    return tg_error_set(err, TG_INVALID,
        "Invalid mapping expression specified: Validation Result: warnings :"
        " [], errors : [Invalid mapping expression parameter specified: "
        "%.200s]", source);
}

/* An expression, taken apart. */
struct source {
    enum { IS_PART, IS_VARIABLE, IS_CONTEXT, IS_BODY } what;
    int         kind; /* enum tg_part_kind; IS_CONTEXT: those above too */
    const char *text; /* name or literal, not ended by NUL if literal */
    size_t      len;
};

static bool
has_control(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char) text[i];

        if (c < 0x20 || c == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool
parse_literal(struct source *out, const char *text)
{
    size_t len = strlen(text);

    if (len < 2 || text[len - 1] != '\'') {
        return false;
    }
    if (has_control(text + 1, len - 2)) { /* would split a header */
        return false;
    }
    *out = (struct source) { IS_PART, TG_PART_LITERAL, text + 1, len - 2 };
    return true;
}

/* "body" as a whole, or "body." and the JSONPath of something in it. */
static bool
parse_body(struct source *out, const char *place, enum tg_part_kind whole,
    enum tg_part_kind piece)
{
    const char *path = after(place, "body");

    if (!path || (*path != '\0' && (*path != '.' || path[1] == '\0'))
        || has_control(path, strlen(path)))
    {
        return false;
    }
    *out = (struct source) { IS_BODY, *path ? piece : whole, path,
        strlen(path) };
    return true;
}

static bool
parse_place(struct source *out, const struct named *places, size_t count,
    const char *place)
{
    for (size_t i = 0; i < count; i++) {
        const char *name = after(place, places[i].name);

        if (name && tg_mapping_name_is_valid(name)) {
            *out = (struct source) { IS_PART, places[i].kind, name,
                strlen(name) };
            return true;
        }
    }
    return false;
}

static bool
parse_source(struct source *out, enum tg_mapping_side side, const char *text)
{
    const char *rest;

    if (*text == '\'') {
        return parse_literal(out, text);
    }
    if ((rest = after(text, "stageVariables."))) {
        *out = (struct source) { IS_VARIABLE, 0, rest, strlen(rest) };
        return tg_mapping_name_is_valid(rest);
    }
    if ((rest = after(text, "context."))) {
        *out = (struct source) { IS_CONTEXT,
            context_kind(side, rest, strlen(rest)), rest, strlen(rest) };
        return out->kind >= 0 && tg_mapping_name_is_valid(rest);
    }
    if (side == TG_MAPPING_RESPONSE) {
        rest = after(text, "integration.response.");
        return rest
            && (parse_place(out, response_places, COUNT(response_places),
                    rest)
                || parse_body(out, rest, TG_PART_REPLY, TG_PART_REPLY_TEXT));
    }
    rest = after(text, "method.request.");
    return rest
        && (parse_place(out, request_places, COUNT(request_places), rest)
            || (side == TG_MAPPING_REQUEST
                && parse_body(out, rest, TG_PART_BODY, TG_PART_BODY_TEXT)));
}

enum tg_status
tg_mapping_check(enum tg_mapping_side side, const char *source,
    struct tg_error *err)
{
    struct source s;

    return parse_source(&s, side, source) ? TG_OK : invalid(source, err);
}

/* The value of a stage variable; NULL when it is not set. */
static const char *
variable(const struct tg_mapping_scope *scope, const char *name, size_t len)
{
    const char   *known;
    const json_t *value;

    json_object_foreach((json_t *) scope->variables, known, value) {
        if (strlen(known) == len && memcmp(known, name, len) == 0) {
            return json_string_value(value);
        }
    }
    return NULL;
}

/* One part, or none for an empty source (M4). */
static enum tg_status
single(struct tg_parts *out, struct tg_arena *arena, enum tg_part_kind kind,
    const char *text, size_t len)
{
    *out = (struct tg_parts) { tg_arena_alloc(arena, sizeof *out->items), 1 };
    if (!out->items) {
        return TG_NOMEM;
    }
    *out->items = (struct tg_part_spec) { .kind = kind, .len = len,
        .text = text ? tg_arena_dup(arena, text, len) : NULL };
    return text && !out->items->text ? TG_NOMEM : TG_OK;
}

static enum tg_status
compile_context(struct tg_parts *out, struct tg_arena *arena,
    const struct tg_mapping_scope *scope, int kind, struct tg_error *err)
{
    if (kind == ABSENT) {
        *out = (struct tg_parts) { 0 };
        return TG_OK;
    }
    if (kind == SECRET) {
        return tg_error_set(err, TG_DENIED, "context.identity.apiKey is not "
            "available, use context.identity.apiKeyId");
    }
    if (kind == DEPLOYMENT) {
        return single(out, arena, TG_PART_LITERAL, scope->deployment_id,
            strlen(scope->deployment_id));
    }
    if (kind == CANARY) {
        const char *text = scope->is_canary ? "true" : "false";

        return single(out, arena, TG_PART_LITERAL, text, strlen(text));
    }
    return single(out, arena, (enum tg_part_kind) kind, NULL, 0);
}

static bool
is_dropped(const struct source *s)
{
    if (s->kind != TG_PART_HEADER && s->kind != TG_PART_MULTIHEADER) {
        return false;
    }
    for (size_t i = 0; i < COUNT(dropped_headers); i++) {
        if (strcasecmp(dropped_headers[i], s->text) == 0) {
            return true;
        }
    }
    return false;
}

static enum tg_status
compile_body(struct tg_parts *out, struct tg_arena *arena,
    const struct source *s, struct tg_error *err)
{
    if (!tg_json_path_is_valid(s->text, s->len)) {
        return tg_error_set(err, TG_DENIED, "the JSONPath $%.100s is more "
            "than names and indexes", s->text);
    }
    return single(out, arena, (enum tg_part_kind) s->kind,
        s->len ? s->text : NULL, s->len);
}

bool
tg_parts_read_body(const struct tg_part_spec *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (parts[i].kind == TG_PART_BODY
            || parts[i].kind == TG_PART_BODY_TEXT
            || parts[i].kind == TG_PART_BODY_JSON)
        {
            return true;
        }
    }
    return false;
}

bool
tg_parts_read_reply(const struct tg_part_spec *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (parts[i].kind == TG_PART_REPLY
            || parts[i].kind == TG_PART_REPLY_TEXT
            || parts[i].kind == TG_PART_REPLY_JSON)
        {
            return true;
        }
    }
    return false;
}

enum tg_status
tg_mapping_compile(struct tg_parts *out, struct tg_arena *arena,
    const struct tg_mapping_scope *scope, enum tg_mapping_side side,
    const char *source, struct tg_error *err)
{
    struct source s;
    const char   *value;

    *out = (struct tg_parts) { 0 };
    if (!parse_source(&s, side, source)) {
        return invalid(source, err);
    }
    switch (s.what) {
    case IS_PART:
        return is_dropped(&s)
            ? TG_OK
            : single(out, arena, (enum tg_part_kind) s.kind, s.text, s.len);
    case IS_VARIABLE:
        value = variable(scope, s.text, s.len);
        return value ? single(out, arena, TG_PART_LITERAL, value,
                           strlen(value))
                     : TG_OK;
    case IS_CONTEXT:
        return compile_context(out, arena, scope, s.kind, err);
    case IS_BODY:
        return compile_body(out, arena, &s, err);
    }
    return invalid(source, err);
}

char *
tg_mapping_substitute(struct tg_arena *arena,
    const struct tg_mapping_scope *scope, const char *text)
{
    struct tg_buf b;
    char         *out = NULL;

    tg_buf_init(&b, TEXT_MAX);
    while (*text) {
        const char *name = after(text, "${stageVariables.");
        const char *end = name;

        while (end && is_name_char(*end)) {
            end++;
        }
        if (end && *end == '}') {
            const char *value = variable(scope, name, (size_t) (end - name));

            tg_buf_puts(&b, value ? value : "");
            text = end + 1;
        } else {
            tg_buf_putc(&b, *text++);
        }
    }
    if (b.status == TG_OK) {
        out = tg_arena_dup(arena, b.len ? b.data : "", b.len);
    }
    tg_buf_clear(&b);
    return out;
}
