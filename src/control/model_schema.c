/* SPDX-License-Identifier: Apache-2.0 */
#include "control/model_schema.h"

#include <stdlib.h>
#include <string.h>

#include "control/document.h"

#define PREFIX                                                                \
    "Invalid model specified: Validation Result: warnings : [], errors : "

/* ---- reading ---- */

enum tg_status
tg_model_schema_read(json_t **out, const char *text, struct tg_refusal *r)
{
    struct tg_document document;
    struct tg_error    err = { 0 };
    const char        *first = text + strspn(text, " \t\r\n");
    enum tg_status     status;

    *out = NULL;
    if (!*first) {
        return tg_refuse_bad(r, "schema", "Model schema must have at least "
            "1 property or array items defined");
    }
    if (strlen(text) > TG_MODEL_SCHEMA_MAX) {
        return tg_refuse_bad(r, "schema", PREFIX
            "[A schema can be at most %zu bytes]", TG_MODEL_SCHEMA_MAX);
    }
    if (*first != '{') {
        return tg_refuse_bad(r, "schema", PREFIX
            "[Invalid model schema specified: a JSON object is needed]");
    }
    status = tg_document_parse(&document, text, strlen(text), &err);
    if (status == TG_OK) {
        *out = json_incref(document.root);
    }
    tg_document_clear(&document);
    return status != TG_INVALID && status != TG_LIMIT ? status
        : tg_refuse_bad(r, "schema", PREFIX
            "[Invalid model schema specified: %s]", err.message);
}

/* ---- references ---- */

/* The model that a reference names; NULL: it is none to a model. */
static const char *
model_of(const char *ref, const char *api_id)
{
    const size_t place = sizeof TG_MODEL_PLACE - 1, len = strlen(api_id);
    const char   middle[] = "/models/";

    if (strncmp(ref, TG_MODEL_PLACE, place) != 0
        || strncmp(ref + place, api_id, len) != 0
        || strncmp(ref + place + len, middle, sizeof middle - 1) != 0)
    {
        return NULL;
    }
    ref += place + len + sizeof middle - 1;
    return *ref && !strpbrk(ref, "/#?") ? ref : NULL;
}

static const char *
ref_of(const json_t *schema)
{
    return tg_text_of(schema, "$ref");
}

enum tg_status
tg_model_schema_names(json_t *names, const json_t *schema,
    const char *api_id, struct tg_refusal *r)
{
    const char    *key, *ref = ref_of(schema), *name;
    json_t        *value;
    size_t         i;
    enum tg_status status = TG_OK;

    if (ref && *ref != '#') {
        name = model_of(ref, api_id);
        if (!name) {
            return tg_refuse_bad(r, "schema", PREFIX
                "[Model reference must be in canonical form: %.200s]", ref);
        }
        status = json_object_set_new(names, name, json_true()) == 0
            ? TG_OK : TG_NOMEM;
    }
    json_object_foreach((json_t *) schema, key, value) {
        if (status == TG_OK) {
            status = tg_model_schema_names(names, value, api_id, r);
        }
    }
    json_array_foreach((json_t *) schema, i, value) {
        if (status == TG_OK) {
            status = tg_model_schema_names(names, value, api_id, r);
        }
    }
    return status;
}

json_t *
tg_model_schema_moved(const char *schema, const char *from, const char *to)
{
    const size_t  place = sizeof TG_MODEL_PLACE - 1, len = strlen(from);
    const char   *at;
    struct tg_buf text;
    json_t       *out;

    tg_buf_init(&text, 4 * TG_DOCUMENT_MAX);
    while ((at = strstr(schema, TG_MODEL_PLACE))) {
        at += place;
        tg_buf_add(&text, schema, (size_t) (at - schema));
        schema = at;
        if (strncmp(at, from, len) == 0 && at[len] == '/') {
            tg_buf_puts(&text, to);
            schema += len;
        }
    }
    tg_buf_puts(&text, schema);
    out = text.status == TG_OK ? json_string(text.data) : NULL;
    tg_buf_clear(&text);
    return out;
}

/* ---- flattening ---- */

struct flat {
    const char   *api_id;
    const json_t *schemas;
    json_t       *definitions;
    json_t       *keys;    /* a model's name -> its key in definitions */
    json_t       *waiting; /* names of models that have a key and no more */
};

/* The key that the model has, or gets, among the definitions; or NULL. */
static const char *
key_of(struct flat *f, const char *name)
{
    json_t *key = json_object_get(f->keys, name), *longer;

    if (key) {
        return json_string_value(key);
    }
    key = json_string(name);
    while (key && json_object_get(f->definitions, json_string_value(key))) {
        longer = json_sprintf("%sModel", json_string_value(key));
        json_decref(key);
        key = longer;
    }
    return json_array_append_new(f->waiting, json_string(name)) == 0
            && json_object_set_new(f->definitions, json_string_value(key),
                json_null()) == 0
            && json_object_set_new(f->keys, name, key) == 0
        ? json_string_value(key) : NULL;
}

/*
 * References to models become references into the definitions, and those
 * inside a model, which now stands at root, follow it there.
 */
static bool
turn(struct flat *f, json_t *schema, const char *root)
{
    const char *key, *ref = ref_of(schema), *name;
    json_t     *value;
    size_t      i;
    bool        is_good = true;

    name = ref ? model_of(ref, f->api_id) : NULL;
    if (name && json_object_get(f->schemas, name)) {
        key = key_of(f, name);
        is_good = key && json_object_set_new(schema, "$ref",
            json_sprintf("#/definitions/%s", key)) == 0;
    } else if (ref && *ref == '#') {
        is_good = json_object_set_new(schema, "$ref",
            json_sprintf("%s%s", root, ref + 1)) == 0;
    }
    json_object_foreach(schema, key, value) {
        is_good = is_good && turn(f, value, root);
    }
    json_array_foreach(schema, i, value) {
        is_good = is_good && turn(f, value, root);
    }
    return is_good;
}

/* The models that wait, and those for which they make others wait. */
static bool
embed_all(struct flat *f)
{
    bool is_good = true;

    for (size_t i = 0; is_good && i < json_array_size(f->waiting); i++) {
        const char *name
            = json_string_value(json_array_get(f->waiting, i));
        const char *key = tg_text_of(f->keys, name);
        json_t     *copy = json_deep_copy(json_object_get(f->schemas, name));
        json_t     *root = json_sprintf("#/definitions/%s", key);

        is_good = root && turn(f, copy, json_string_value(root));
        json_decref(root);
        is_good = json_object_set_new(f->definitions, key, copy) == 0
            && is_good;
    }
    return is_good;
}

json_t *
tg_model_schema_flatten(const json_t *schema, const char *api_id,
    const json_t *schemas)
{
    json_t     *out = json_deep_copy(schema);
    json_t     *own = json_object_get(out, "definitions");
    struct flat f = { api_id, schemas,
        json_is_object(own) ? json_copy(own) : json_object(), json_object(),
        json_array() };
    bool is_good = out && turn(&f, out, "#") && embed_all(&f);

    if (is_good && json_object_size(f.definitions)) {
        is_good = json_object_set(out, "definitions", f.definitions) == 0;
    }
    json_decref(f.definitions);
    json_decref(f.keys);
    json_decref(f.waiting);
    if (!is_good) {
        json_decref(out);
    }
    return is_good ? out : NULL;
}

/* ---- a template ---- */

#define TEMPLATE_DEPTH_MAX 16 /* a circle of models ends here */

struct sample {
    struct tg_buf *out;
    const char    *api_id;
    const json_t  *schemas;
};

static void write_value(struct sample *s, const json_t *schema,
    const char *name, size_t depth);

static void
indent(struct sample *s, size_t depth)
{
    for (size_t i = 0; i < depth; i++) {
        tg_buf_puts(s->out, "  ");
    }
}

static void
write_object(struct sample *s, const json_t *properties, size_t depth)
{
    const char *name;
    json_t     *schema;
    size_t      i = 0;

    if (!json_object_size(properties)) {
        tg_buf_puts(s->out, "{ }");
        return;
    }
    tg_buf_puts(s->out, "{\n");
    json_object_foreach((json_t *) properties, name, schema) {
        json_t *quoted = json_string(name);
        char   *text = json_dumps(quoted, JSON_ENCODE_ANY);

        tg_buf_puts(s->out, i++ ? ",\n" : "");
        indent(s, depth + 1);
        tg_buf_printf(s->out, "%s : ", text ? text : "");
        free(text);
        json_decref(quoted);
        write_value(s, schema, name, depth + 1);
    }
    tg_buf_puts(s->out, "\n");
    indent(s, depth);
    tg_buf_puts(s->out, "}");
}

static void
write_array(struct sample *s, const json_t *items, const char *name,
    size_t depth)
{
    tg_buf_printf(s->out, "[\n"
        "##TODO: Update this foreach loop to reference array from input "
        "json\n#foreach($elem in $inputRoot%s%s)\n", *name ? "." : "", name);
    indent(s, depth + 1);
    write_value(s, items, "", depth + 1);
    tg_buf_puts(s->out, "#if($foreach.hasNext),#end\n#end\n");
    indent(s, depth);
    tg_buf_puts(s->out, "]");
}

/* The schema, or the model that it refers to. */
static const json_t *
resolve(const struct sample *s, const json_t *schema)
{
    const char *ref, *name;

    for (int hops = 0; hops < TEMPLATE_DEPTH_MAX; hops++) {
        ref = ref_of(schema);
        name = ref ? model_of(ref, s->api_id) : NULL;
        if (!name) {
            break;
        }
        schema = json_object_get(s->schemas, name);
    }
    return schema;
}

static void
write_value(struct sample *s, const json_t *schema, const char *name,
    size_t depth)
{
    static const struct {
        const char *type, *sample;
    } plain[] = {
        { "string", "\"foo\"" }, { "number", "42" }, { "integer", "42" },
        { "boolean", "true" }, { "null", "null" },
    };
    const char   *type;
    const json_t *properties, *items;

    if (s->out->status != TG_OK || depth > TEMPLATE_DEPTH_MAX) {
        tg_buf_puts(s->out, "{ }");
        return;
    }
    schema = resolve(s, schema);
    type = tg_text_of(schema, "type");
    properties = json_object_get(schema, "properties");
    items = json_object_get(schema, "items");
    for (size_t i = 0; type && i < sizeof plain / sizeof plain[0]; i++) {
        if (strcmp(type, plain[i].type) == 0) {
            tg_buf_puts(s->out, plain[i].sample);
            return;
        }
    }
    if ((type && strcmp(type, "array") == 0) || (!properties && items)) {
        write_array(s, items, name, depth);
    } else {
        write_object(s, properties, depth);
    }
}

enum tg_status
tg_model_schema_template(struct tg_buf *out, const json_t *schema,
    const char *api_id, const json_t *schemas)
{
    struct sample s = { out, api_id, schemas };

    tg_buf_puts(out, "#set($inputRoot = $input.path('$'))\n");
    write_value(&s, schema, "", 0);
    return out->status;
}
