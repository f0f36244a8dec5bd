/* SPDX-License-Identifier: Apache-2.0 */
#include "control/template.h"

#include <string.h>
#include <strings.h>

#include "core/json.h"
#include "util/buf.h"

#define TEXT_MAX ((size_t) 1 << 20) /* of a compiled text */
#define NAME_MAX 300
#define COUNT(array) (sizeof (array) / sizeof (array)[0])

struct template {
    struct tg_arena               *arena;
    const struct tg_mapping_scope *scope;
    enum tg_template_kind          kind;
    enum tg_escape                 escape; /* of what a call brings */
    struct tg_parts               *out;
    size_t                         room;    /* parts that fit */
    struct tg_buf                  literal; /* not yet a part */
    struct tg_error               *err;
};

/* ---- what is made ---- */

static enum tg_status
add_part(struct template *t, struct tg_part_spec part)
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
flush(struct template *t)
{
    struct tg_part_spec part = { .kind = TG_PART_LITERAL,
        .len = t->literal.len };

    if (t->literal.status || !t->literal.len) {
        return t->literal.status;
    }
    part.text = tg_arena_dup(t->arena, t->literal.data, t->literal.len);
    tg_buf_reset(&t->literal);
    return part.text ? add_part(t, part) : TG_NOMEM;
}

/* A value where a reference stood; plain literals join the text. */
static enum tg_status
add_value(struct template *t, const struct tg_parts *value)
{
    enum tg_status status;

    if (value->count == 0) {
        return TG_OK;
    }
    if (value->items[0].kind == TG_PART_LITERAL
        && value->items[0].escape == TG_ESCAPE_NONE)
    {
        return tg_buf_add(&t->literal, value->items[0].text,
            value->items[0].len);
    }
    status = flush(t);
    return status == TG_OK ? add_part(t, value->items[0]) : status;
}

static enum tg_status
one_part(struct tg_parts *out, struct template *t, enum tg_part_kind kind,
    const char *text, size_t len)
{
    *out = (struct tg_parts) {
        tg_arena_alloc(t->arena, sizeof *out->items), 1 };
    if (!out->items) {
        return TG_NOMEM;
    }
    out->items[0] = (struct tg_part_spec) { .kind = kind, .len = len,
        .text = text ? tg_arena_dup(t->arena, text, len) : NULL };
    return text && !out->items[0].text ? TG_NOMEM : TG_OK;
}

/* ---- references ---- */

static enum tg_status
beyond(struct template *t, const char *what, const char *at)
{
    return tg_error_set(t->err, TG_DENIED, "a template uses %s, which this "
        "gateway does not render: \"%.30s\"", what, at);
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

static bool
begins(const char *text, size_t len, const char *prefix)
{
    return len > strlen(prefix) && strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Whether nobody but the gateway and the seller has made the value. */
static bool
is_ours(enum tg_part_kind kind)
{
    switch (kind) {
    case TG_PART_LITERAL:
    case TG_PART_ERROR_MESSAGE_STRING:
        return true;
    default:
        return false;
    }
}

/* $context.NAME and its like are mapping expressions behind a dollar. */
static enum tg_status
expression(struct tg_parts *out, struct template *t, const char *name,
    size_t len)
{
    char           source[NAME_MAX];
    enum tg_status status;

    if (len >= sizeof source) {
        return beyond(t, "a name that is too long", name);
    }
    memcpy(source, name, len);
    source[len] = '\0';
    status = tg_mapping_compile(out, t->arena, t->scope,
        t->kind == TG_TEMPLATE_GATEWAY ? TG_MAPPING_GATEWAY
                                       : TG_MAPPING_REQUEST, source, t->err);
    if (status == TG_INVALID) { /* Amazon renders an unknown one as nothing */
        *out = (struct tg_parts) { 0 };
        return TG_OK;
    }
    if (status == TG_OK && out->count && !is_ours(out->items[0].kind)) {
        out->items[0].escape = t->escape;
    }
    return status;
}

/* ('text') or ("text"), at the parenthesis; what follows it, or NULL. */
static const char *
argument(const char *at, const char **text, size_t *len)
{
    const char *stop;

    at++;
    at += strspn(at, " \t");
    if (*at != '\'' && *at != '"') {
        return NULL;
    }
    *text = at + 1;
    stop = strchr(at + 1, *at);
    if (!stop) {
        return NULL;
    }
    *len = (size_t) (stop - *text);
    stop++;
    stop += strspn(stop, " \t");
    return *stop == ')' ? stop + 1 : NULL;
}

/* $input.NAME at name; *used is how much was taken. */
static enum tg_status
input(struct tg_parts *out, struct template *t, const char *name,
    size_t *used)
{
    bool        is_reply = t->kind == TG_TEMPLATE_RESPONSE;
    const char *text, *rest;
    size_t      len, word = reference_len(name);

    if (word == 10 && strncmp(name, "input.body", 10) == 0) {
        *used = word;
        return one_part(out, t, is_reply ? TG_PART_REPLY : TG_PART_BODY, NULL,
            0);
    }
    rest = name[word] == '(' ? argument(name + word, &text, &len) : NULL;
    if (!rest) {
        return beyond(t, "$input in another way than body, json('$...'), "
            "path('$...') and params('name')", name);
    }
    *used = (size_t) (rest - name);
    if (word == 12 && strncmp(name, "input.params", 12) == 0 && len > 0) {
        return one_part(out, t, TG_PART_PARAM, text, len);
    }
    if (len == 0 || *text != '$'
        || !tg_json_path_is_valid(text + 1, len - 1))
    {
        return beyond(t, "a JSONPath that is more than names and indexes",
            name);
    }
    if (word == 10 && strncmp(name, "input.json", 10) == 0) {
        return one_part(out, t, is_reply ? TG_PART_REPLY_JSON
                                         : TG_PART_BODY_JSON,
            text + 1, len - 1);
    }
    if (word == 10 && strncmp(name, "input.path", 10) == 0) {
        return one_part(out, t, is_reply ? TG_PART_REPLY_TEXT
                                         : TG_PART_BODY_TEXT,
            text + 1, len - 1);
    }
    return beyond(t, "an unknown method of $input", name);
}

static enum tg_status dollar(struct tg_parts *out, struct template *t,
    const char *text, size_t *used, bool *known);

/* $util.escapeJavaScript($...) at name. */
static enum tg_status
utility(struct tg_parts *out, struct template *t, const char *name,
    size_t *used)
{
    static const char word[] = "util.escapeJavaScript(";
    const char       *at = name + sizeof word - 1;
    size_t            inner;
    bool              known = false;
    enum tg_status    status;

    if (strncmp(name, word, sizeof word - 1) != 0) {
        return beyond(t, "$util beyond escapeJavaScript", name);
    }
    at += strspn(at, " \t");
    if (*at != '$'
        || strncmp(at + 1 + strspn(at + 1, "!{"), "util", 4) == 0)
    {
        return beyond(t, "$util.escapeJavaScript of no value", name);
    }
    status = dollar(out, t, at, &inner, &known);
    if (status != TG_OK) {
        return status;
    }
    at += inner;
    at += strspn(at, " \t");
    if (!known || *at != ')') {
        return beyond(t, "$util.escapeJavaScript of no value", name);
    }
    if (out->count) {
        out->items[0].escape = TG_ESCAPE_JAVASCRIPT;
    }
    *used = (size_t) (at + 1 - name);
    return TG_OK;
}

/* A reference without its $ and braces; *known is false for other names. */
static enum tg_status
reference(struct tg_parts *out, struct template *t, const char *name,
    size_t *used, bool *known)
{
    size_t len = reference_len(name);

    *known = true;
    *used = len;
    if (begins(name, len, "context.") || begins(name, len, "stageVariables.")
        || (t->kind == TG_TEMPLATE_GATEWAY
            && begins(name, len, "method.request.")))
    {
        return expression(out, t, name, len);
    }
    if (t->kind == TG_TEMPLATE_GATEWAY) {
        *known = false;
        return TG_OK;
    }
    if (begins(name, len, "input.")) {
        return input(out, t, name, used);
    }
    if (begins(name, len, "util.")) {
        return utility(out, t, name, used);
    }
    if ((len == 5 && strncmp(name, "input", len) == 0)
        || (len == 4 && strncmp(name, "util", len) == 0)
        || (len == 7 && strncmp(name, "context", len) == 0)
        || (len == 14 && strncmp(name, "stageVariables", len) == 0))
    {
        return beyond(t, "a whole variable", name);
    }
    *known = false; /* undefined: the language leaves it as it stands */
    return TG_OK;
}

/*
 * The reference at text, a '$'.  *used is how much of it was taken; *known
 * is false when it is none, and then nothing was.
 */
static enum tg_status
dollar(struct tg_parts *out, struct template *t, const char *text,
    size_t *used, bool *known)
{
    const char    *name = text + 1;
    bool           braces;
    size_t         len;
    enum tg_status status;

    *out = (struct tg_parts) { 0 };
    *known = false;
    *used = 0;
    name += *name == '!';
    braces = *name == '{';
    name += braces;
    if (!is_letter(*name)) {
        return TG_OK;
    }
    status = reference(out, t, name, &len, known);
    if (status != TG_OK || !*known) {
        return status;
    }
    if (braces && name[len] != '}') {
        *known = false;
        return TG_OK;
    }
    len += braces;
    if (t->kind != TG_TEMPLATE_GATEWAY
        && ((name[len] != '\0' && strchr("([", name[len]))
            || (name[len] == '.' && is_letter(name[len + 1]))))
    {
        return beyond(t, "a method or an index", text);
    }
    *used = (size_t) (name - text) + len;
    return TG_OK;
}

/* ---- templates ---- */

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

/* What stands at text; *used is how much of it was taken. */
static enum tg_status
step(struct template *t, const char *text, size_t *used)
{
    bool            known = false;
    struct tg_parts value;
    enum tg_status  status = TG_OK;

    if (*text == '$') {
        status = dollar(&value, t, text, used, &known);
        if (status != TG_OK || known) {
            return status == TG_OK ? add_value(t, &value) : status;
        }
    } else if (t->kind != TG_TEMPLATE_GATEWAY) {
        if (*text == '#' && is_directive(text)) {
            return beyond(t, "a directive", text);
        }
        if (*text == '\\' && (text[1] == '$' || text[1] == '#')) {
            return beyond(t, "an escape", text);
        }
    }
    *used = 1;
    return tg_buf_putc(&t->literal, *text);
}

/* How values of a call are made harmless in a text of this media type. */
static enum tg_escape
escape_for(const char *type)
{
    size_t len = strcspn(type, "; ");

    if ((len >= 4 && strncasecmp(type + len - 4, "html", 4) == 0)
        || (len >= 3 && strncasecmp(type + len - 3, "xml", 3) == 0))
    {
        return TG_ESCAPE_HTML;
    }
    return TG_ESCAPE_JSON;
}

enum tg_status
tg_template_compile(struct tg_parts *out, struct tg_arena *arena,
    const struct tg_mapping_scope *scope, enum tg_template_kind kind,
    const char *type, const char *text, struct tg_error *err)
{
    struct template t = { .arena = arena, .scope = scope, .kind = kind,
        .out = out, .err = err };
    enum tg_status  status = TG_OK;
    size_t          used;

    *out = (struct tg_parts) { 0 };
    if (kind == TG_TEMPLATE_GATEWAY) {
        t.escape = escape_for(type);
    }
    tg_buf_init(&t.literal, TEXT_MAX);
    while (status == TG_OK && *text) {
        status = step(&t, text, &used);
        text += status == TG_OK ? used : 0;
    }
    if (status == TG_OK) {
        status = flush(&t);
    }
    tg_buf_clear(&t.literal);
    return status;
}
