/*
 * reader.c - libyaml's events, checked against the tables as they come
 *
 * Nothing is built up that the tables do not ask for, so a file cannot make
 * the reader hold more than its own size; nesting ends at the first level
 * that no row knows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "settings/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include "settings/table.h"
#include "util/suggest.h"

#define NAME_SIZE 80
#define FOUND_SIZE 80

const struct setting_row setting_rows[] = {
#define X(name, kind, member, fallback, min, max, choices, help)              \
    { name, SETTING_##kind, offsetof(struct tg_settings, member), fallback,   \
        min, max, choices, help },
    TG_SETTINGS_TABLE(X)
#undef X
};
const size_t setting_row_count =
    sizeof(setting_rows) / sizeof(setting_rows[0]);

const struct setting_row product_rows[] = {
#define X(name, kind, member, fallback, min, max, choices, help)              \
    { name, SETTING_##kind, offsetof(struct tg_product, member), fallback,    \
        min, max, choices, help },
    TG_PRODUCT_TABLE(X)
#undef X
};
const size_t product_row_count =
    sizeof(product_rows) / sizeof(product_rows[0]);

/* What TG_PRODUCT_TABLE cannot say: a list of texts. */
static const struct setting_row dimension_row = { "dimensions", SETTING_TEXT,
    0, TG_DIMENSION_DEFAULT, 1, 255, NULL, NULL };

struct reader {
    yaml_parser_t       parser;
    yaml_event_t        event; /* the current one; empty before the first */
    struct tg_settings *settings;
    int                 section_lines[sizeof(setting_rows)
        / sizeof(setting_rows[0])]; /* by the section's first row */
    int                 products_line;
    struct tg_error    *err;
};

static int
event_line(const struct reader *r)
{
    return (int) r->event.start_mark.line + 1;
}

static enum tg_status
fail(struct reader *r, int line, const char *name, const char *fmt, ...)
    TG_PRINTF(4, 5);

/* "file:line: name: ..."; a NULL name is left out. */
static enum tg_status
fail(struct reader *r, int line, const char *name, const char *fmt, ...)
{
    char    text[TG_ERROR_MAX / 2];
    va_list args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return tg_error_set(r->err, TG_INVALID, "%s:%d: %s%s%s",
        r->settings->file, line, name == NULL ? "" : name,
        name == NULL ? "" : ": ", text);
}

/* What stands there, fit for one line and short. */
static void
describe_text(char out[FOUND_SIZE], const struct setting_text *text)
{
    const size_t shown = text->len < 40 ? text->len : 40;
    char         safe[41];

    if (text->len == 0 && !text->is_quoted) {
        (void) snprintf(out, FOUND_SIZE, "nothing");
        return;
    }
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char) text->data[i];

        safe[i] = c < 0x20 || c == 0x7f ? '?' : (char) c;
    }
    safe[shown] = '\0';
    (void) snprintf(out, FOUND_SIZE, "%s\"%s\"%s",
        text->is_quoted ? "the text " : "", safe,
        shown < text->len ? "..." : "");
}

enum tg_status
setting_refuse(struct tg_error *err, const char *file, int line,
    const char *name, const struct setting_row *row,
    const struct setting_text *text)
{
    char expected[SETTING_EXPECTED_SIZE], found[FOUND_SIZE], place[16] = "";

    setting_expected(expected, row);
    describe_text(found, text);
    if (line > 0) {
        (void) snprintf(place, sizeof(place), "%d:", line);
    }
    return tg_error_set(err, TG_INVALID, "%s:%s %s: expected %s, found %s",
        file, place, name, expected, found);
}

size_t
setting_find(const char *name)
{
    size_t i = 0;

    while (i < setting_row_count && strcmp(setting_rows[i].name, name) != 0) {
        i++;
    }
    return i;
}

/* Takes the next event; what a settings file never holds is refused here. */
static enum tg_status
next(struct reader *r)
{
    const unsigned char *tag = NULL;

    yaml_event_delete(&r->event);
    memset(&r->event, 0, sizeof(r->event));
    if (!yaml_parser_parse(&r->parser, &r->event)) {
        if (r->parser.error == YAML_MEMORY_ERROR) {
            return tg_error_set(r->err, TG_NOMEM, "out of memory");
        }
        return fail(r, (int) r->parser.problem_mark.line + 1, NULL,
            "not YAML: %s", r->parser.problem);
    }
    switch (r->event.type) {
    case YAML_ALIAS_EVENT:
        return fail(r, event_line(r), NULL,
            "an alias (*%s) is not allowed in a settings file",
            r->event.data.alias.anchor);
    case YAML_SCALAR_EVENT:
        tag = r->event.data.scalar.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        tag = r->event.data.mapping_start.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        tag = r->event.data.sequence_start.tag;
        break;
    default:
        break;
    }
    if (tag != NULL) {
        return fail(r, event_line(r), NULL,
            "a tag (%.40s) is not allowed in a settings file", tag);
    }
    return TG_OK;
}

static struct setting_text
scalar(const struct reader *r)
{
    return (struct setting_text) {
        .data = (const char *) r->event.data.scalar.value,
        .len = r->event.data.scalar.length,
        .is_quoted = r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE,
    };
}

/* Whether the event is a key or list without anything behind it. */
static bool
is_nothing(const struct reader *r)
{
    return r->event.type == YAML_SCALAR_EVENT && scalar(r).len == 0
        && !scalar(r).is_quoted;
}

static const char *
event_name(const struct reader *r)
{
    switch (r->event.type) {
    case YAML_MAPPING_START_EVENT:
        return "settings of its own";
    case YAML_SEQUENCE_START_EVENT:
        return "a list";
    default:
        return "a value";
    }
}

/* The current event into the row's member of base. */
static enum tg_status
take_value(struct reader *r, const struct setting_row *row, void *base,
    const char *name)
{
    struct tg_settings *s = r->settings;
    struct setting_text text;
    enum tg_status      status;
    char                expected[SETTING_EXPECTED_SIZE];

    if (r->event.type != YAML_SCALAR_EVENT) {
        setting_expected(expected, row);
        return fail(r, event_line(r), name, "expected %s, found %s",
            expected, event_name(r));
    }
    text = scalar(r);
    status = setting_store(row, base, &text, s->memory->dir,
        &s->memory->arena);
    if (status == TG_INVALID) {
        return setting_refuse(r->err, s->file, event_line(r), name, row,
            &text);
    }
    return status;
}

/* The event that follows a setting's name, the same way. */
static enum tg_status
read_value(struct reader *r, const struct setting_row *row, void *base,
    const char *name)
{
    enum tg_status status = next(r);

    return status == TG_OK ? take_value(r, row, base, name) : status;
}

/*
 * The key of a mapping in name, behind prefix.  TG_NOTFOUND at the end of
 * the mapping.
 */
static enum tg_status
read_key(struct reader *r, char name[NAME_SIZE], const char *prefix,
    int *line)
{
    struct setting_text text;
    enum tg_status      status = next(r);

    if (status != TG_OK) {
        return status;
    }
    *line = event_line(r);
    if (r->event.type == YAML_MAPPING_END_EVENT) {
        return TG_NOTFOUND;
    }
    if (r->event.type != YAML_SCALAR_EVENT) {
        return fail(r, *line, *prefix == '\0' ? NULL : prefix,
            "expected the name of a setting, found %s", event_name(r));
    }
    text = scalar(r);
    if (strlen(prefix) + 1 + text.len >= NAME_SIZE
        || strlen(text.data) != text.len)
    {
        char found[FOUND_SIZE];

        describe_text(found, &text);
        return fail(r, *line, NULL, "%s is not the name of a setting", found);
    }
    (void) snprintf(name, NAME_SIZE, "%s%s%s", prefix,
        *prefix == '\0' ? "" : ".", text.data);
    return TG_OK;
}

static enum tg_status
fail_twice(struct reader *r, int line, const char *name, int first)
{
    return fail(r, line, name, "is given twice, first in line %d", first);
}

/*
 * The first row of the section, or setting_row_count when no row's name
 * begins with it and a dot.
 */
static size_t
find_section(const char *name)
{
    size_t len = strlen(name);
    size_t i;

    for (i = 0; i < setting_row_count; i++) {
        if (strncmp(setting_rows[i].name, name, len) == 0
            && setting_rows[i].name[len] == '.')
        {
            break;
        }
    }
    return i;
}

/* What may stand where name was found: settings, sections and products. */
static enum tg_status
fail_unknown(struct reader *r, int line, const char *name)
{
    const char *known[2 * sizeof(setting_rows) / sizeof(setting_rows[0]) + 1];
    char        sections[sizeof(setting_rows) / sizeof(setting_rows[0])][24];
    size_t      count = 0;
    const char *near;

    for (size_t i = 0; i < setting_row_count; i++) {
        size_t len = strcspn(setting_rows[i].name, ".");

        (void) snprintf(sections[i], sizeof(sections[i]), "%.*s", (int) len,
            setting_rows[i].name);
        known[count++] = setting_rows[i].name;
        known[count++] = sections[i];
    }
    known[count++] = "products";
    near = tg_suggest(name, known, count);
    return fail(r, line, name, "there is no such setting%s%s%s",
        near == NULL ? "" : "; did you mean ", near == NULL ? "" : near,
        near == NULL ? "" : "?");
}

/* The current event into the list of a product's dimensions. */
static enum tg_status
take_dimension(struct reader *r, const char **list, size_t *count,
    const char *name)
{
    enum tg_status status;

    if (*count == TG_DIMENSIONS_MAX) {
        return fail(r, event_line(r), name, "expected at most %d dimensions",
            TG_DIMENSIONS_MAX);
    }
    status = take_value(r, &dimension_row, &list[*count], name);
    if (status != TG_OK) {
        return status;
    }
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(list[i], list[*count]) == 0) {
            return fail(r, event_line(r), name, "\"%s\" stands twice",
                list[i]);
        }
    }
    *count += 1;
    return TG_OK;
}

static enum tg_status
set_dimensions(struct reader *r, struct tg_product *p, const char **list,
    size_t count)
{
    p->dimensions = tg_arena_alloc(&r->settings->memory->arena,
        count * sizeof(list[0]));
    if (p->dimensions == NULL) {
        return tg_error_set(r->err, TG_NOMEM, "out of memory");
    }
    memcpy(p->dimensions, list, count * sizeof(list[0]));
    p->dimension_count = count;
    return TG_OK;
}

/* The list behind `dimensions:`. */
static enum tg_status
read_dimensions(struct reader *r, struct tg_product *p, const char *name)
{
    const char    *list[TG_DIMENSIONS_MAX];
    size_t         count = 0;
    enum tg_status status = next(r);

    if (status != TG_OK) {
        return status;
    }
    if (r->event.type != YAML_SEQUENCE_START_EVENT) {
        return fail(r, event_line(r), name,
            "expected a list of dimensions, found %s",
            is_nothing(r) ? "nothing" : event_name(r));
    }
    for (;;) {
        status = next(r);
        if (status != TG_OK) {
            return status;
        }
        if (r->event.type == YAML_SEQUENCE_END_EVENT) {
            break;
        }
        status = take_dimension(r, list, &count, name);
        if (status != TG_OK) {
            return status;
        }
    }
    if (count == 0) {
        return fail(r, event_line(r), name,
            "expected at least one dimension");
    }
    return set_dimensions(r, p, list, count);
}

/* The index of the product's row, or product_row_count for dimensions. */
static enum tg_status
find_product_row(struct reader *r, size_t *out, int line, const char *name)
{
    const char *known[sizeof(product_rows) / sizeof(product_rows[0]) + 1];
    const char *last = strrchr(name, '.') + 1;
    const char *near;
    size_t      i;

    for (i = 0; i < product_row_count; i++) {
        known[i] = product_rows[i].name;
        if (strcmp(known[i], last) == 0) {
            break;
        }
    }
    *out = i;
    if (i < product_row_count || strcmp(last, dimension_row.name) == 0) {
        return TG_OK;
    }
    known[i] = dimension_row.name;
    near = tg_suggest(last, known, i + 1);
    return fail(r, line, name, "there is no such setting%s%s%s",
        near == NULL ? "" : "; did you mean ", near == NULL ? "" : near,
        near == NULL ? "" : "?");
}

/* What a product that was just read may have left out. */
static enum tg_status
complete_product(struct reader *r, struct tg_product *p, int line,
    const char *name)
{
    static const char *fallback[] = { TG_DIMENSION_DEFAULT };

    if (p->code == NULL) {
        return fail(r, line, name, "has no code");
    }
    for (size_t i = 0; i < r->settings->product_count; i++) {
        if (strcmp(r->settings->products[i].code, p->code) == 0) {
            return fail(r, line, name,
                "products[%zu] has the code \"%s\" already", i, p->code);
        }
    }
    if (p->name == NULL) {
        p->name = p->code;
    }
    return p->dimensions != NULL ? TG_OK : set_dimensions(r, p, fallback, 1);
}

/* One item of the list; the current event is its start. */
static enum tg_status
read_product(struct reader *r, struct tg_product *p, const char *item)
{
    int            lines[sizeof(product_rows) / sizeof(product_rows[0]) + 1]
        = { 0 };
    int            line, first_line = event_line(r);
    char           name[NAME_SIZE];
    enum tg_status status;
    size_t         row;

    if (r->event.type != YAML_MAPPING_START_EVENT) {
        return fail(r, first_line, item,
            "expected a product's settings, found %s",
            is_nothing(r) ? "nothing" : event_name(r));
    }
    for (;;) {
        status = read_key(r, name, item, &line);
        if (status == TG_NOTFOUND) {
            return complete_product(r, p, first_line, item);
        }
        if (status == TG_OK) {
            status = find_product_row(r, &row, line, name);
        }
        if (status == TG_OK && lines[row] != 0) {
            status = fail_twice(r, line, name, lines[row]);
        }
        if (status == TG_OK) {
            lines[row] = line;
            status = row == product_row_count
                ? read_dimensions(r, p, name)
                : read_value(r, &product_rows[row], p, name);
        }
        if (status != TG_OK) {
            return status;
        }
    }
}

/* The list behind `products:`. */
static enum tg_status
read_products(struct reader *r)
{
    struct tg_settings *s = r->settings;
    struct tg_product  *list;
    char                item[NAME_SIZE];
    enum tg_status      status = next(r);

    if (status != TG_OK || is_nothing(r)) {
        return status;
    }
    if (r->event.type != YAML_SEQUENCE_START_EVENT) {
        return fail(r, event_line(r), "products",
            "expected a list of products, found %s", event_name(r));
    }
    list = tg_arena_alloc(&s->memory->arena,
        TG_PRODUCTS_MAX * sizeof(*list));
    if (list == NULL) {
        return tg_error_set(r->err, TG_NOMEM, "out of memory");
    }
    s->products = list;
    for (;;) {
        status = next(r);
        if (status != TG_OK || r->event.type == YAML_SEQUENCE_END_EVENT) {
            return status;
        }
        if (s->product_count == TG_PRODUCTS_MAX) {
            return fail(r, event_line(r), "products",
                "expected at most %d products", TG_PRODUCTS_MAX);
        }
        (void) snprintf(item, sizeof(item), "products[%zu]",
            s->product_count);
        status = read_product(r, &list[s->product_count], item);
        if (status != TG_OK) {
            return status;
        }
        s->product_count++;
    }
}

static enum tg_status
read_setting(struct reader *r, size_t row, int line, const char *name)
{
    struct tg_settings *s = r->settings;

    if (s->memory->lines[row] != 0) {
        return fail_twice(r, line, name, s->memory->lines[row]);
    }
    s->memory->lines[row] = line;
    return read_value(r, &setting_rows[row], s, name);
}

static enum tg_status
read_members(struct reader *r, const char *prefix);

/* What stands behind a section's name: settings, or nothing at all. */
static enum tg_status
read_section(struct reader *r, size_t section, int line, const char *name)
{
    enum tg_status status;

    if (r->section_lines[section] != 0) {
        return fail_twice(r, line, name, r->section_lines[section]);
    }
    r->section_lines[section] = line;
    status = next(r);
    if (status != TG_OK || is_nothing(r)) {
        return status;
    }
    if (r->event.type != YAML_MAPPING_START_EVENT) {
        return fail(r, event_line(r), name,
            "expected a section with settings of its own, found %s",
            event_name(r));
    }
    return read_members(r, name);
}

/* Settings and sections up to the end of the mapping. */
static enum tg_status
read_members(struct reader *r, const char *prefix)
{
    char           name[NAME_SIZE];
    int            line;
    size_t         row, section;
    enum tg_status status;

    while ((status = read_key(r, name, prefix, &line)) == TG_OK) {
        row = setting_find(name);
        section = find_section(name);
        if (row < setting_row_count) {
            status = read_setting(r, row, line, name);
        } else if (section < setting_row_count) {
            status = read_section(r, section, line, name);
        } else if (strcmp(name, "products") != 0) {
            status = fail_unknown(r, line, name);
        } else if (r->products_line != 0) {
            status = fail_twice(r, line, name, r->products_line);
        } else {
            r->products_line = line;
            status = read_products(r);
        }
        if (status != TG_OK) {
            return status;
        }
    }
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* The one document of the file; a file without any is one of defaults. */
static enum tg_status
read_document(struct reader *r)
{
    enum tg_status status = next(r); /* the stream's start */

    if (status == TG_OK) {
        status = next(r);
    }
    if (status != TG_OK || r->event.type == YAML_STREAM_END_EVENT) {
        return status;
    }
    status = next(r);
    if (status == TG_OK && !is_nothing(r)) {
        if (r->event.type != YAML_MAPPING_START_EVENT) {
            return fail(r, event_line(r), NULL,
                "expected settings (name: value), found %s", event_name(r));
        }
        status = read_members(r, "");
    }
    if (status == TG_OK) {
        status = next(r); /* the document's end */
    }
    if (status == TG_OK) {
        status = next(r);
    }
    if (status == TG_OK && r->event.type != YAML_STREAM_END_EVENT) {
        return fail(r, event_line(r), NULL,
            "a second document (---) is not allowed in a settings file");
    }
    return status;
}

enum tg_status
settings_read(struct tg_settings *s, const char *text, size_t len,
    struct tg_error *err)
{
    struct reader  r = { .settings = s, .err = err };
    enum tg_status status;

    if (!yaml_parser_initialize(&r.parser)) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    yaml_parser_set_input_string(&r.parser, (const unsigned char *) text,
        len);
    status = read_document(&r);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    return status;
}
