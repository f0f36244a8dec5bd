/*
 * yaml_json.c - see yaml_json.h
 *
 * One pass over libyaml's events.  The stack holds the open containers, so
 * nothing recurses; a value that is finished is put into the container on
 * top of the stack.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "control/yaml_json.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "control/document.h"
#include "control/members.h"
#include "util/buf.h"

#define ANCHORS_MAX 1000

struct anchor {
    char   *name;
    json_t *value; /* NULL while its container is open */
    size_t  size;  /* values in it */
};

struct level {
    json_t *value;  /* an object or an array */
    json_t *key;    /* object: read, its value is not yet */
    size_t  anchor; /* index + 1 of the anchor that it carries */
    size_t  before; /* values when it was opened */
};

struct reader {
    struct level     stack[TG_DOCUMENT_DEPTH_MAX];
    size_t           depth;
    json_t          *root;
    struct anchor    anchors[ANCHORS_MAX];
    size_t           anchor_count;
    size_t           values;
    struct tg_error *err;
};

static enum tg_status
fail(struct reader *r, enum tg_status status, yaml_mark_t at,
    const char *what, const char *name)
{
    return tg_error_set(r->err, status,
        "not valid YAML: line %zu, column %zu: %s%s%.80s%s", at.line + 1,
        at.column + 1, what, *name ? " \"" : "", name, *name ? "\"" : "");
}

/* ---- scalars ---- */

/* [-+]?[0-9]+, 0o..., 0x...; NULL when text is none or does not fit. */
static json_t *
integer(const char *text)
{
    const char *digits = text + (*text == '-' || *text == '+');
    int         base = 10;
    char       *end;
    long long   value;

    if (strncmp(text, "0x", 2) == 0) {
        base = 16;
        digits = text += 2;
    } else if (strncmp(text, "0o", 2) == 0) {
        base = 8;
        digits = text += 2;
    }
    if (!*digits || strspn(digits, "0123456789abcdefABCDEF")
            != strlen(digits))
    {
        return NULL;
    }
    errno = 0;
    value = strtoll(text, &end, base);
    return *end || errno ? NULL : json_integer(value);
}

/* The core schema's float but .inf and .nan, which JSON does not have. */
static json_t *
real(const char *text)
{
    const char *c = text + (*text == '-' || *text == '+');
    size_t      whole = strspn(c, "0123456789"), part = 0;

    c += whole;
    if (*c == '.') {
        part = strspn(++c, "0123456789");
        c += part;
    }
    if (whole + part == 0) {
        return NULL;
    }
    if (*c == 'e' || *c == 'E') {
        c++;
        c += *c == '-' || *c == '+';
        if (!strspn(c, "0123456789")) {
            return NULL;
        }
        c += strspn(c, "0123456789");
    }
    return *c ? NULL : json_real(strtod(text, NULL));
}

static json_t *
plain(const char *text)
{
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL",
        NULL };
    static const char *const trues[] = { "true", "True", "TRUE", NULL };
    static const char *const falses[] = { "false", "False", "FALSE", NULL };
    json_t *value = NULL;

    if (tg_is_one_of(text, nulls)) {
        return json_null();
    }
    if (tg_is_one_of(text, trues)) {
        return json_true();
    }
    if (tg_is_one_of(text, falses)) {
        return json_false();
    }
    if (strchr("+-.0123456789", *text)) {
        value = integer(text);
        if (!value) {
            value = real(text);
        }
    }
    return value ? value : json_string(text);
}

static bool
is_tag(const yaml_char_t *tag, const char *name)
{
    return tag && strncmp((const char *) tag, "tag:yaml.org,2002:", 18) == 0
        && strcmp((const char *) tag + 18, name) == 0;
}

/* ---- containers ---- */

static json_t *
copy_of(const json_t *value)
{
    return json_is_object(value) || json_is_array(value)
        ? json_deep_copy(value)
        : json_incref((json_t *) value);
}

/* Puts a finished value (taken) where it belongs. */
static enum tg_status
put(struct reader *r, json_t *value, yaml_mark_t at)
{
    struct level *top = r->depth ? &r->stack[r->depth - 1] : NULL;
    const char   *key;
    int           failed;

    if (!value) {
        return fail(r, TG_INVALID, at, "the text is not valid UTF-8", "");
    }
    if (!top) {
        r->root = value;
        return TG_OK;
    }
    if (json_is_array(top->value)) {
        return json_array_append_new(top->value, value) ? TG_NOMEM : TG_OK;
    }
    key = json_string_value(top->key);
    failed = json_object_set_new(top->value, key, value);
    json_decref(top->key);
    top->key = NULL;
    return failed ? TG_NOMEM : TG_OK;
}

static bool
wants_key(const struct reader *r)
{
    return r->depth && json_is_object(r->stack[r->depth - 1].value)
        && !r->stack[r->depth - 1].key;
}

static enum tg_status
take_key(struct reader *r, const yaml_event_t *e)
{
    struct level *top = &r->stack[r->depth - 1];
    const char   *name = (const char *) e->data.scalar.value;

    if (strlen(name) != e->data.scalar.length) {
        return fail(r, TG_INVALID, e->start_mark, "a NUL in a key", "");
    }
    if (strcmp(name, "<<") == 0 && e->data.scalar.plain_implicit) {
        return fail(r, TG_INVALID, e->start_mark,
            "merge keys are not supported:", "<<");
    }
    if (json_object_get(top->value, name)) {
        return fail(r, TG_INVALID, e->start_mark, "this key is there twice:",
            name);
    }
    top->key = json_string(name);
    return top->key ? TG_OK
                    : fail(r, TG_INVALID, e->start_mark,
                        "the key is not valid UTF-8", "");
}

static enum tg_status
count_values(struct reader *r, size_t count, yaml_mark_t at)
{
    if (count > TG_DOCUMENT_VALUES_MAX - r->values) {
        return fail(r, TG_LIMIT, at, "the document has too many values", "");
    }
    r->values += count;
    return TG_OK;
}

/* Notes an anchor; *index is its number + 1, 0 when there is no name. */
static enum tg_status
add_anchor(struct reader *r, const yaml_char_t *name, json_t *value,
    yaml_mark_t at, size_t *index)
{
    struct anchor *a;

    *index = 0;
    if (!name) {
        return TG_OK;
    }
    if (r->anchor_count == ANCHORS_MAX) {
        return fail(r, TG_LIMIT, at, "too many anchors", "");
    }
    a = &r->anchors[r->anchor_count];
    a->name = strdup((const char *) name);
    a->value = json_incref(value);
    a->size = 1;
    *index = ++r->anchor_count;
    return a->name ? TG_OK : TG_NOMEM;
}

/* ---- events ---- */

static enum tg_status
on_scalar(struct reader *r, const yaml_event_t *e)
{
    const yaml_char_t *tag = e->data.scalar.tag;
    const char        *text = (const char *) e->data.scalar.value;
    json_t            *value;
    size_t             anchor;
    enum tg_status     status = count_values(r, 1, e->start_mark);

    if (status == TG_OK && tag && !is_tag(tag, "str") && !is_tag(tag, "int")
        && !is_tag(tag, "float") && !is_tag(tag, "bool")
        && !is_tag(tag, "null"))
    {
        return fail(r, TG_INVALID, e->start_mark, "this tag is not known:",
            (const char *) tag);
    }
    if (status != TG_OK || wants_key(r)) {
        return status == TG_OK ? take_key(r, e) : status;
    }
    value = (e->data.scalar.plain_implicit && !tag)
            || (tag && !is_tag(tag, "str"))
        ? plain(text)
        : json_stringn(text, e->data.scalar.length);
    if (value) {
        status = add_anchor(r, e->data.scalar.anchor, value, e->start_mark,
            &anchor);
    }
    if (status != TG_OK) {
        json_decref(value);
        return status;
    }
    return put(r, value, e->start_mark);
}

static enum tg_status
on_open(struct reader *r, const yaml_event_t *e, json_t *value,
    const yaml_char_t *name)
{
    struct level  *level;
    enum tg_status status = count_values(r, 1, e->start_mark);

    if (status == TG_OK && wants_key(r)) {
        status = fail(r, TG_INVALID, e->start_mark, "a key must be a text",
            "");
    }
    if (status == TG_OK && r->depth == TG_DOCUMENT_DEPTH_MAX) {
        status = fail(r, TG_LIMIT, e->start_mark,
            "the document is nested too deep", "");
    }
    if (status != TG_OK || !value) {
        json_decref(value);
        return value ? status : TG_NOMEM;
    }
    level = &r->stack[r->depth++];
    *level = (struct level) { .value = value, .before = r->values - 1 };
    return add_anchor(r, name, NULL, e->start_mark, &level->anchor);
}

static enum tg_status
on_close(struct reader *r, const yaml_event_t *e)
{
    struct level level = r->stack[--r->depth];

    if (level.anchor) {
        r->anchors[level.anchor - 1].value = json_incref(level.value);
        r->anchors[level.anchor - 1].size = r->values - level.before;
    }
    return put(r, level.value, e->start_mark);
}

static enum tg_status
on_alias(struct reader *r, const yaml_event_t *e)
{
    const char    *name = (const char *) e->data.alias.anchor;
    enum tg_status status;

    if (wants_key(r)) {
        return fail(r, TG_INVALID, e->start_mark, "a key must be a text", "");
    }
    for (size_t i = r->anchor_count; i-- > 0;) {
        struct anchor *a = &r->anchors[i];

        if (strcmp(a->name, name) != 0) {
            continue;
        }
        if (!a->value) {
            return fail(r, TG_INVALID, e->start_mark,
                "this alias stands inside its own anchor:", name);
        }
        status = count_values(r, a->size, e->start_mark);
        return status == TG_OK ? put(r, copy_of(a->value), e->start_mark)
                               : status;
    }
    return fail(r, TG_INVALID, e->start_mark, "no such anchor:", name);
}

static enum tg_status
on_event(struct reader *r, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        return r->root ? fail(r, TG_INVALID, e->start_mark,
                   "a second document begins here", "")
                       : TG_OK;
    case YAML_SCALAR_EVENT:
        return on_scalar(r, e);
    case YAML_ALIAS_EVENT:
        return on_alias(r, e);
    case YAML_SEQUENCE_START_EVENT:
        return on_open(r, e, json_array(), e->data.sequence_start.anchor);
    case YAML_MAPPING_START_EVENT:
        return on_open(r, e, json_object(), e->data.mapping_start.anchor);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_close(r, e);
    default:
        return TG_OK;
    }
}

static void
reader_clear(struct reader *r)
{
    while (r->depth) {
        r->depth--;
        json_decref(r->stack[r->depth].value);
        json_decref(r->stack[r->depth].key);
    }
    for (size_t i = 0; i < r->anchor_count; i++) {
        free(r->anchors[i].name);
        json_decref(r->anchors[i].value);
    }
    json_decref(r->root);
    free(r);
}

static enum tg_status
read_events(struct reader *r, yaml_parser_t *parser)
{
    yaml_event_t   event;
    enum tg_status status = TG_OK;
    bool           ended = false;

    while (status == TG_OK && !ended) {
        if (!yaml_parser_parse(parser, &event)) {
            yaml_mark_t at = parser->problem_mark;

            return fail(r, TG_INVALID, at,
                parser->problem ? parser->problem : "cannot be read", "");
        }
        status = on_event(r, &event);
        ended = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    return status;
}

enum tg_status
tg_yaml_parse(json_t **out, const char *text, size_t len,
    struct tg_error *err)
{
    struct reader *r = calloc(1, sizeof *r);
    yaml_parser_t  parser;
    enum tg_status status;

    *out = NULL;
    if (!r || !yaml_parser_initialize(&parser)) {
        free(r);
        return TG_NOMEM;
    }
    r->err = err;
    yaml_parser_set_input_string(&parser, (const unsigned char *) text, len);
    status = read_events(r, &parser);
    yaml_parser_delete(&parser);
    if (status == TG_OK && !r->root) {
        status = tg_error_set(err, TG_INVALID, "the document is empty");
    }
    if (status == TG_OK) {
        *out = r->root;
        r->root = NULL;
    }
    reader_clear(r);
    return status;
}

/* ---- finding a place ---- */

static yaml_node_t *
child(yaml_document_t *d, yaml_node_t *node, const char *token)
{
    if (node->type == YAML_MAPPING_NODE) {
        yaml_node_pair_t *p = node->data.mapping.pairs.start;

        for (; p < node->data.mapping.pairs.top; p++) {
            yaml_node_t *key = yaml_document_get_node(d, p->key);

            if (key && key->type == YAML_SCALAR_NODE
                && strcmp((char *) key->data.scalar.value, token) == 0)
            {
                return yaml_document_get_node(d, p->value);
            }
        }
    } else if (node->type == YAML_SEQUENCE_NODE) {
        size_t            index = strtoul(token, NULL, 10);
        yaml_node_item_t *items = node->data.sequence.items.start;
        size_t count = (size_t) (node->data.sequence.items.top - items);

        return index < count ? yaml_document_get_node(d, items[index]) : NULL;
    }
    return NULL;
}

void
tg_yaml_locate(const char *text, size_t len, const char *pointer,
    size_t *line, size_t *column)
{
    yaml_parser_t   parser;
    yaml_document_t document;
    yaml_node_t    *node, *next;
    char            token[512];

    *line = *column = 1;
    if (!yaml_parser_initialize(&parser)) {
        return;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *) text, len);
    if (yaml_parser_load(&parser, &document)) {
        node = yaml_document_get_root_node(&document);
        while (node && tg_pointer_next(&pointer, token, sizeof token)
            && (next = child(&document, node, token)))
        {
            node = next;
        }
        if (node) {
            *line = node->start_mark.line + 1;
            *column = node->start_mark.column + 1;
        }
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
}
