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

#include "util/buf.h"

#define TEXT_MAX ((size_t) 1 << 20) /* of a compiled text */

#define ABSENT TG_PART_COUNT
#define SECRET (TG_PART_COUNT + 1)
#define DEPLOYMENT (TG_PART_COUNT + 2)

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
    { "isCanaryRequest", ABSENT },
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

/* The kind of a context variable, or -1 when there is none of that name. */
static int
context_kind(const char *name, size_t len)
{
    for (size_t i = 0; i < COUNT(context_variables); i++) {
        const char *known = context_variables[i].name;

        if (strlen(known) == len && memcmp(known, name, len) == 0) {
            return context_variables[i].kind;
        }
    }
    for (size_t i = 0; i < COUNT(context_groups); i++) {
        size_t group = strlen(context_groups[i]);

        if (len > group && memcmp(name, context_groups[i], group) == 0) {
            return ABSENT;
        }
    }
    return -1;
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
    enum { IS_PART, IS_VARIABLE, IS_CONTEXT, IS_BODY, IS_BACKEND } what;
    int         kind; /* IS_PART: of request_places; IS_CONTEXT */
    const char *text; /* name or literal, not ended by NUL if literal */
    size_t      len;
};

static bool
parse_literal(struct source *out, const char *text)
{
    size_t len = strlen(text);

    if (len < 2 || text[len - 1] != '\'') {
        return false;
    }
    for (size_t i = 1; i < len - 1; i++) {
        unsigned char c = (unsigned char) text[i];

        if (c < 0x20 || c == 0x7f) { /* would split a header */
            return false;
        }
    }
    *out = (struct source) { IS_PART, TG_PART_LITERAL, text + 1, len - 2 };
    return true;
}

static bool
parse_request(struct source *out, const char *place)
{
    if (strcmp(place, "body") == 0 || after(place, "body.")) {
        *out = (struct source) { .what = IS_BODY };
        return true;
    }
    for (size_t i = 0; i < COUNT(request_places); i++) {
        const char *name = after(place, request_places[i].name);

        if (name && tg_mapping_name_is_valid(name)) {
            *out = (struct source) { IS_PART, request_places[i].kind, name,
                strlen(name) };
            return true;
        }
    }
    return false;
}

static bool
parse_response(struct source *out, const char *place)
{
    const char *name = after(place, "header.");

    if (!name) {
        name = after(place, "multivalueheader.");
    }
    *out = (struct source) { .what = IS_BACKEND };
    return name ? tg_mapping_name_is_valid(name)
                : strcmp(place, "body") == 0 || after(place, "body.");
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
        *out = (struct source) { IS_CONTEXT, context_kind(rest, strlen(rest)),
            rest, strlen(rest) };
        return out->kind >= 0 && tg_mapping_name_is_valid(rest);
    }
    if (side == TG_MAPPING_REQUEST) {
        return (rest = after(text, "method.request."))
            && parse_request(out, rest);
    }
    return (rest = after(text, "integration.response."))
        && parse_response(out, rest);
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
    out->items->kind = kind;
    out->items->text = text ? tg_arena_dup(arena, text, len) : NULL;
    out->items->len = len;
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
    return single(out, arena, (enum tg_part_kind) kind, NULL, 0);
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
        return single(out, arena, (enum tg_part_kind) s.kind, s.text, s.len);
    case IS_VARIABLE:
        value = variable(scope, s.text, s.len);
        return value ? single(out, arena, TG_PART_LITERAL, value,
                           strlen(value))
                     : TG_OK;
    case IS_CONTEXT:
        return compile_context(out, arena, scope, s.kind, err);
    case IS_BODY:
        return tg_error_set(err, TG_DENIED,
            "mapping from method.request.body is not supported");
    case IS_BACKEND: /* a MOCK has no backend */
        return TG_OK;
    }
    return invalid(source, err);
}

/* ---- templates ---- */

struct template {
    struct tg_arena               *arena;
    const struct tg_mapping_scope *scope;
    struct tg_parts               *out;
    size_t                         room;    /* parts that fit */
    struct tg_buf                  literal; /* not yet a part */
};

static enum tg_status
template_add(struct template *t, struct tg_part_spec part)
{
    struct tg_parts *out = t->out;

    if (out->count == t->room) {
        size_t               room = t->room ? 2 * t->room : 8;
        struct tg_part_spec *items
            = tg_arena_alloc(t->arena, room * sizeof *items);

        if (!items) {
            return TG_NOMEM;
        }
        if (out->count) {
            memcpy(items, out->items, out->count * sizeof *items);
        }
        out->items = items;
        t->room = room;
    }
    out->items[out->count++] = part;
    return TG_OK;
}

static enum tg_status
template_flush(struct template *t)
{
    struct tg_part_spec part = { .kind = TG_PART_LITERAL,
        .len = t->literal.len };

    if (t->literal.status || !t->literal.len) {
        return t->literal.status;
    }
    part.text = tg_arena_dup(t->arena, t->literal.data, t->literal.len);
    tg_buf_reset(&t->literal);
    return part.text ? template_add(t, part) : TG_NOMEM;
}

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Length of a dotted reference: letters, digits, _ and - between the dots. */
static size_t
reference_len(const char *text)
{
    size_t len = 0;

    while (is_letter(text[len]) || (text[len] >= '0' && text[len] <= '9')
        || text[len] == '-'
        || (text[len] == '.' && is_letter(text[len + 1])))
    {
        len++;
    }
    return len;
}

/* Whether a '#' at text starts a directive or a comment of the language. */
static bool
is_directive(const char *text)
{
    static const char *const words[] = { "set", "if", "elseif", "else", "end",
        "foreach", "include", "parse", "stop", "break", "evaluate", "define",
        "macro" };
    const char *word = text + 1;
    size_t      len;

    if (*word != '\0' && strchr("#*[{@", *word)) {
        return true;
    }
    len = reference_len(word);
    for (size_t i = 0; i < COUNT(words); i++) {
        if (strlen(words[i]) == len && memcmp(words[i], word, len) == 0) {
            return true;
        }
    }
    return false;
}

static enum tg_status
beyond(const char *what, struct tg_error *err)
{
    return tg_error_set(err, TG_DENIED, "the template uses %.40s, which is "
        "more than $context and $stageVariables", what);
}

static enum tg_status
template_context(struct template *t, const char *name, size_t len,
    struct tg_error *err)
{
    struct tg_parts parts;
    int             kind = context_kind(name, len);
    enum tg_status  status;

    if (kind < 0) { /* Amazon renders an unknown one as nothing */
        return TG_OK;
    }
    status = compile_context(&parts, t->arena, t->scope, kind, err);
    if (status == TG_OK && parts.count) {
        status = template_flush(t);
        if (status == TG_OK) {
            status = template_add(t, parts.items[0]);
        }
    }
    return status;
}

/* A reference without its $ and braces; *known is false for other names. */
static enum tg_status
template_reference(struct template *t, const char *name, size_t len,
    bool *known, struct tg_error *err)
{
    const char *value;

    *known = true;
    if (len > 8 && memcmp(name, "context.", 8) == 0) {
        return template_context(t, name + 8, len - 8, err);
    }
    if (len > 15 && memcmp(name, "stageVariables.", 15) == 0) {
        value = variable(t->scope, name + 15, len - 15);
        return value ? tg_buf_puts(&t->literal, value) : TG_OK;
    }
    if (strncmp(name, "input", 5) == 0 || strncmp(name, "util", 4) == 0
        || strncmp(name, "context", 7) == 0
        || strncmp(name, "stageVariables", 14) == 0)
    {
        return beyond(strncmp(name, "input", 5) == 0 ? "$input"
                      : strncmp(name, "util", 4) == 0 ? "$util"
                                                      : "a whole variable",
            err);
    }
    *known = false; /* undefined: the language leaves it as it stands */
    return TG_OK;
}

/* Handles the '$' at text; *used is how much of it was taken. */
static enum tg_status
template_dollar(struct template *t, const char *text, size_t *used,
    struct tg_error *err)
{
    const char    *name = text + 1;
    bool           braces, known;
    size_t         len;
    enum tg_status status;

    if (*name == '!') {
        name++;
    }
    braces = *name == '{';
    name += braces;
    len = is_letter(*name) ? reference_len(name) : 0;
    *used = 1;
    if (len == 0 || (braces && name[len] != '}')) {
        return tg_buf_putc(&t->literal, '$');
    }
    if (!braces && (name[len] == '(' || name[len] == '[')) {
        return beyond("a method or an index", err);
    }
    status = template_reference(t, name, len, &known, err);
    if (status == TG_OK && !known) {
        return tg_buf_putc(&t->literal, '$');
    }
    *used = (size_t) (name - text) + len + braces;
    return status;
}

enum tg_status
tg_mapping_template(struct tg_parts *out, struct tg_arena *arena,
    const struct tg_mapping_scope *scope, const char *text,
    struct tg_error *err)
{
    struct template t = { .arena = arena, .scope = scope, .out = out };
    enum tg_status  status = TG_OK;
    size_t          used;

    *out = (struct tg_parts) { 0 };
    tg_buf_init(&t.literal, TEXT_MAX);
    for (; *text && status == TG_OK; text += used) {
        used = 1;
        if (*text == '$') {
            status = template_dollar(&t, text, &used, err);
        } else if (*text == '#' && is_directive(text)) {
            status = beyond("a directive", err);
        } else if (*text == '\\' && (text[1] == '$' || text[1] == '#')) {
            status = beyond("an escape", err);
        } else {
            status = tg_buf_putc(&t.literal, *text);
        }
    }
    if (status == TG_OK) {
        status = template_flush(&t);
    }
    tg_buf_clear(&t.literal);
    return status;
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
