/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "control/document.h"
#include "control/documentation.h"
#include "control/method_doc.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define PROPERTIES_MAX ((size_t) 64 * 1024)

/* Which fields a place of the type has. */
enum {
    PATH = 1,
    METHOD = 2,
    STATUS = 4,
    NAME = 8,
    NEEDS_NAME = 16,
};

/*
 * https://docs.aws.amazon.com/apigateway/latest/api/API_DocumentationPartLocation.html
 * That page wants a name of a REQUEST_BODY; Amazon's own examples have none.
 */
static const struct {
    const char *type;
    unsigned    fields;
} types[] = {
    { "API", 0 },
    { "AUTHORIZER", NAME | NEEDS_NAME },
    { "MODEL", NAME | NEEDS_NAME },
    { "RESOURCE", PATH },
    { "METHOD", PATH | METHOD },
    { "PATH_PARAMETER", PATH | METHOD | NAME | NEEDS_NAME },
    { "QUERY_PARAMETER", PATH | METHOD | NAME | NEEDS_NAME },
    { "REQUEST_HEADER", PATH | METHOD | NAME | NEEDS_NAME },
    { "REQUEST_BODY", PATH | METHOD | NAME },
    { "RESPONSE", PATH | METHOD | STATUS },
    { "RESPONSE_HEADER", PATH | METHOD | STATUS | NAME | NEEDS_NAME },
    { "RESPONSE_BODY", PATH | METHOD | STATUS },
};

static const struct {
    const char *name;
    unsigned    field;
    const char *usual; /* NULL: none */
} fields[] = {
    { "path", PATH, "/" },
    { "method", METHOD, "*" },
    { "statusCode", STATUS, "*" },
    { "name", NAME, NULL },
};

const char *const tg_documentation_types[] = { "RESPONSE_BODY", "RESPONSE",
    "METHOD", "MODEL", "AUTHORIZER", "RESPONSE_HEADER", "RESOURCE",
    "PATH_PARAMETER", "REQUEST_BODY", "QUERY_PARAMETER", "API",
    "REQUEST_HEADER", NULL };

static const struct tg_member members[] = {
    { .name = "type", .is_required = true, .values = tg_documentation_types },
    { .name = "path", .max = 2048 },
    { .name = "method", .max = 16 },
    { .name = "statusCode", .max = 3 },
    { .name = "name", .max = 1024 },
};

static unsigned
fields_of(const char *type)
{
    size_t i = 0;

    while (strcmp(types[i].type, type) != 0) {
        i++;
    }
    return types[i].fields;
}

static bool
is_any(const char *text)
{
    return strcmp(text, "*") == 0;
}

/* No character by which a place could look like another. */
static bool
is_plain(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char) *text < ' ' || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool
is_good(unsigned field, const char *text)
{
    switch (field) {
    case PATH:
        return *text == '/';
    case METHOD:
        return is_any(text) || tg_verb_is_valid(text);
    case STATUS:
        return is_any(text) || tg_status_code_is_valid(text);
    default:
        return true;
    }
}

static enum tg_status
check_field(json_t *location, size_t i, struct tg_refusal *r)
{
    const char    *type = tg_text_of(location, "type");
    const char    *name = fields[i].name, *text = tg_text_of(location, name);
    const unsigned has = fields_of(type);

    if (text && (has & fields[i].field) == 0) {
        return tg_refuse_bad(r, name, "Invalid documentation part location: "
            "a place of the type '%s' has no %s", type, name);
    }
    if (text && (!is_plain(text) || !is_good(fields[i].field, text))) {
        return tg_refuse_bad(r, name, "Invalid documentation part location: "
            "the %s '%.100s' is none", name, text);
    }
    if (!text && fields[i].field == NAME && (has & NEEDS_NAME)) {
        return tg_refuse_bad(r, name, "Invalid documentation part location: "
            "a place of the type '%s' needs a %s", type, name);
    }
    if (!text && fields[i].usual && (has & fields[i].field)
        && json_object_set_new(location, name, json_string(fields[i].usual)))
    {
        return TG_NOMEM;
    }
    return TG_OK;
}

enum tg_status
tg_documentation_location(json_t **out, const json_t *in,
    const char *operation, struct tg_refusal *r)
{
    enum tg_status status = tg_members_take(out, in, operation, members,
        COUNT(members), r);

    for (size_t i = 0; i < COUNT(fields) && status == TG_OK; i++) {
        status = check_field(*out, i, r);
    }
    if (status != TG_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}

enum tg_status
tg_documentation_properties(const char *text, struct tg_refusal *r)
{
    struct tg_document document;
    struct tg_error    err = { 0 };
    enum tg_status     status;

    if (strlen(text) > PROPERTIES_MAX) {
        return tg_refuse_bad(r, "properties", "Invalid documentation "
            "properties: they can be at most %zu bytes", PROPERTIES_MAX);
    }
    if (text[strspn(text, " \t\r\n")] != '{') {
        return tg_refuse_bad(r, "properties", "Invalid documentation "
            "properties: a JSON object is needed");
    }
    status = tg_document_parse(&document, text, strlen(text), &err);
    tg_document_clear(&document);
    return status != TG_INVALID && status != TG_LIMIT ? status
        : tg_refuse_bad(r, "properties", "Invalid documentation properties: "
            "%s", err.message);
}

static const char *
part_of(const json_t *location, const char *name)
{
    const char *text = tg_text_of(location, name);

    return text ? text : "";
}

const char *
tg_documentation_key(struct tg_arena *arena, const json_t *location)
{
    return tg_arena_printf(arena, "%s\n%s\n%s\n%s\n%s",
        part_of(location, "type"), part_of(location, "path"),
        part_of(location, "method"), part_of(location, "statusCode"),
        part_of(location, "name"));
}
