/*
 * models.c - models, their schemas, and what is made of them
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support.h"

#include "control/model_schema.h"

static char api_id[16];

static void
make_api(struct place *p)
{
    assert_int_equal(call(p, "POST", "/restapis", "{\"name\":\"a\"}"), 201);
    (void) snprintf(api_id, sizeof(api_id), "%s", text(p, "id"));
}

static const char *
at(const char *below)
{
    static char target[256];

    (void) snprintf(target, sizeof(target), "/restapis/%s%s", api_id, below);
    return target;
}

/* A reference to a model, inside a schema that is itself inside a text. */
static const char *
ref(const char *name)
{
    static char out[256];

    (void) snprintf(out, sizeof(out),
        "{\\\"$ref\\\":\\\"" TG_MODEL_PLACE "%s/models/%s\\\"}", api_id, name);
    return out;
}

static int
make(struct place *p, const char *name, const char *schema)
{
    char body[2048];

    (void) snprintf(body, sizeof(body), "{\"name\":\"%s\",\"contentType\":"
        "\"application/json\",\"schema\":\"%s\"}", name, schema);
    return call(p, "POST", at("/models"), body);
}

static void
a_model_lives(void **state)
{
    struct place *p = *state;

    make_api(p);
    assert_int_equal(call(p, "POST", at("/models"), "{\"name\":\"Pet1\","
        "\"contentType\":\"application/json\",\"description\":\"d\","
        "\"schema\":\"{\\\"type\\\":\\\"object\\\"}\"}"), 201);
    assert_int_equal(strlen(text(p, "id")), 6);
    assert_string_equal(text(p, "schema"), "{\"type\":\"object\"}");
    assert_int_equal(call(p, "GET", at("/models/Pet1"), ""), 200);
    assert_string_equal(text(p, "description"), "d");
    assert_string_equal(text(p, "contentType"), "application/json");
    assert_int_equal(call(p, "GET", at("/models?limit=2"), ""), 200);
    assert_non_null(json_object_get(p->answer, "position"));
    assert_int_equal(patch(p, at("/models/Pet1"), "replace", "/schema",
        "{\\\"type\\\":\\\"array\\\"}"), 200);
    assert_string_equal(text(p, "schema"), "{\"type\":\"array\"}");
    assert_int_equal(patch(p, at("/models/Pet1"), "replace",
        "/description", ""), 200);
    assert_null(json_object_get(p->answer, "description"));
    assert_int_equal(call(p, "DELETE", at("/models/Pet1"), ""), 202);
    assert_refused(p, "GET", at("/models/Pet1"), "", 404,
        "Invalid model name specified: Pet1");
}

static void
models_that_cannot_be_are_refused(void **state)
{
    static const struct {
        const char *name, *schema;
        int         status;
        const char *words;
    } rows[] = {
        { "", "{}", 400, "Model name must be non-empty" },
        { "a b", "{}", 400, "Model name must be alphanumeric: a b" },
        { "a_b", "{}", 400, "Model name must be alphanumeric" },
        { "Empty", "{}", 409,
          "Model name already exists for this REST API" },
        { "A", "", 400, "Model schema must have at least 1 property" },
        { "A", "  ", 400, "Model schema must have at least 1 property" },
        { "A", "[]", 400, "a JSON object is needed" },
        { "A", "type: object", 400, "a JSON object is needed" },
        { "A", "{\\\"a\\\": }", 400, "line 1, column" },
        { "A", "{\\\"$ref\\\":\\\"http://elsewhere/models/Empty\\\"}", 400,
          "Model reference must be in canonical form: http://elsewhere" },
        { "A", "{\\\"items\\\":[{\\\"$ref\\\":\\\"" TG_MODEL_PLACE
          "other/models/Empty\\\"}]}", 400, "canonical form" },
    };
    struct place *p = *state;

    make_api(p);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (make(p, rows[i].name, rows[i].schema) != rows[i].status
            || strstr(text(p, "message"), rows[i].words) == NULL)
        {
            fail_msg("%s %s: %d %s", rows[i].name, rows[i].schema, p->status,
                text(p, "message"));
        }
    }
    assert_int_equal(make(p, "A", ref("Nobody")), 400);
    assert_non_null(strstr(text(p, "message"),
        "Invalid model reference specified: Nobody"));
    assert_refused(p, "POST", at("/models"), "{\"contentType\":\"a/b\"}",
        400, "'createModelInput.name'");
    assert_refused(p, "POST", at("/models"), "{\"name\":\"A\"}", 400,
        "'createModelInput.contentType'");
    assert_refused(p, "POST", at("/models"), "{\"name\":\"A\","
        "\"contentType\":\"a/b\",\"schema\":{}}", 400,
        "schema must be a string");
    assert_refused(p, "POST", at("/models"), "{\"nam\":\"A\"}", 400,
        "unknown member 'nam'");
    assert_refused(p, "POST", "/restapis/none/models", "{\"name\":\"A\","
        "\"contentType\":\"a/b\",\"schema\":\"{}\"}", 404,
        "Invalid API identifier specified");
    assert_int_equal(call(p, "GET", at("/models"), ""), 200);
    assert_int_equal(json_array_size(json_object_get(p->answer, "item")), 2);
}

static void
a_schema_that_is_too_large_is_refused(void **state)
{
    struct place *p = *state;
    struct tg_buf body;

    make_api(p);
    tg_buf_init(&body, 1 << 20);
    (void) tg_buf_puts(&body, "{\"name\":\"A\",\"contentType\":\"a/b\","
        "\"schema\":\"{\\\"title\\\":\\\"");
    for (size_t i = 0; i < TG_MODEL_SCHEMA_MAX; i++) {
        (void) tg_buf_putc(&body, 'x');
    }
    (void) tg_buf_puts(&body, "\\\"}\"}");
    assert_refused(p, "POST", at("/models"), body.data, 400,
        "A schema can be at most 409600 bytes");
    tg_buf_clear(&body);
}

static void
patches_of_a_model_are_checked(void **state)
{
    static const struct {
        const char *op, *path, *value, *words;
    } rows[] = {
        { "replace", "/name", "B", "Invalid patch path  '/name' specified "
          "for op 'replace'. Must be one of: [/description, /schema]" },
        { "add", "/wrong-path", "x", "Invalid patch path  '/wrong-path' "
          "specified for op 'add'. Please choose supported operations" },
        { "remove", "/schema", "", "Please choose supported operations" },
        { "replace", "/schema", "", "Model schema must have at least" },
        { "replace", "/schema", "x", "a JSON object is needed" },
    };
    struct place *p = *state;

    make_api(p);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void) patch(p, at("/models/Error"), rows[i].op, rows[i].path,
            rows[i].value);
        if (p->status != 400
            || strstr(text(p, "message"), rows[i].words) == NULL)
        {
            fail_msg("%s: %d %s", rows[i].path, p->status,
                text(p, "message"));
        }
    }
    assert_int_equal(patch(p, at("/models/None"), "replace", "/schema",
        "{}"), 404);
    assert_int_equal(patch(p, "/restapis/none/models/Error", "replace",
        "/schema", "{}"), 404);
}

static void
a_model_in_use_stays(void **state)
{
    char          root[64], method[128], code[160];
    struct place *p = *state;

    make_api(p);
    assert_int_equal(call(p, "GET", at("/resources"), ""), 200);
    (void) snprintf(root, sizeof(root), "%s", json_string_value(
        json_object_get(json_array_get(json_object_get(p->answer, "item"),
            0), "id")));
    (void) snprintf(method, sizeof(method), "/restapis/%s/resources/%s/"
        "methods/ANY", api_id, root);
    assert_int_equal(make(p, "Leaf", "{}"), 201);
    assert_int_equal(make(p, "Tree", ref("Leaf")), 201);
    assert_refused(p, "DELETE", at("/models/Leaf"), "", 409,
        "Cannot delete model 'Leaf', is referenced in model: Tree");
    assert_int_equal(call(p, "PUT", method, "{\"authorizationType\":\"NONE\""
        ",\"requestModels\":{\"application/json\":\"Tree\"}}"), 201);
    assert_refused(p, "DELETE", at("/models/Tree"), "", 409,
        "Cannot delete model 'Tree', is referenced in method request: "
        "//ANY");
    assert_int_equal(patch(p, method, "remove",
        "/requestModels/application~1json", ""), 200);
    (void) snprintf(code, sizeof(code), "%s/responses/200", method);
    assert_int_equal(call(p, "PUT", code, "{\"responseModels\":{"
        "\"application/json\":\"Tree\"}}"), 201);
    assert_refused(p, "DELETE", at("/models/Tree"), "", 409,
        "is referenced in method response: //ANY");
    assert_int_equal(call(p, "DELETE", code, ""), 204);
    assert_int_equal(call(p, "DELETE", at("/models/Tree"), ""), 202);
    assert_int_equal(call(p, "DELETE", at("/models/Leaf"), ""), 202);
}

/* A model may refer to itself, and that is no use by another. */
static void
circles_are_flattened(void **state)
{
    struct place *p = *state;
    json_t       *flat, *definitions;

    make_api(p);
    assert_int_equal(make(p, "A", ref("A")), 201);
    assert_int_equal(make(p, "B", ref("A")), 201);
    assert_int_equal(patch(p, at("/models/A"), "replace", "/schema",
        ref("B")), 200);
    assert_int_equal(call(p, "GET", at("/models/A?flatten=true"), ""), 200);
    flat = json_loads(text(p, "schema"), 0, NULL);
    definitions = json_object_get(flat, "definitions");
    assert_string_equal(json_string_value(json_object_get(flat, "$ref")),
        "#/definitions/B");
    assert_int_equal(json_object_size(definitions), 2);
    assert_string_equal(json_string_value(json_object_get(json_object_get(
        definitions, "A"), "$ref")), "#/definitions/B");
    assert_string_equal(json_string_value(json_object_get(json_object_get(
        definitions, "B"), "$ref")), "#/definitions/A");
    json_decref(flat);
    assert_int_equal(call(p, "GET", at("/models/A"), ""), 200);
    assert_non_null(strstr(text(p, "schema"), TG_MODEL_PLACE));
    assert_int_equal(call(p, "GET", at("/models/A/default_template"), ""),
        200);
}

/* Pure: what stands inside a model follows it into the definitions. */
static void
definitions_of_a_model_follow_it(void **state)
{
    json_t *schemas = json_pack("{s:{s:s, s:{s:{s:s}}}, s:{s:s}}", "P",
        "$ref", "#/definitions/q", "definitions", "q", "type", "string",
        "q", "$ref", "#");
    json_t *schema = json_pack("{s:[{s:s}, {s:s}], s:{s:{s:s}}}", "anyOf",
        "$ref", TG_MODEL_PLACE "id/models/P", "$ref",
        TG_MODEL_PLACE "id/models/q", "definitions", "q", "type", "null");
    json_t *expected = json_loads("{\"anyOf\":[{\"$ref\":"
        "\"#/definitions/P\"},{\"$ref\":\"#/definitions/qModel\"}],"
        "\"definitions\":{\"q\":{\"type\":\"null\"},"
        "\"P\":{\"$ref\":\"#/definitions/P/definitions/q\","
        "\"definitions\":{\"q\":{\"type\":\"string\"}}},"
        "\"qModel\":{\"$ref\":\"#/definitions/qModel\"}}}", 0, NULL);
    json_t *flat;

    (void) state;
    assert_non_null(schemas);
    assert_non_null(schema);
    flat = tg_model_schema_flatten(schema, "id", schemas);
    assert_true(json_equal(flat, expected));
    json_decref(flat);
    json_decref(expected);
    json_decref(schema);
    json_decref(schemas);
}

static void
a_template_is_made_of_a_schema(void **state)
{
    struct place *p = *state;

    make_api(p);
    assert_int_equal(make(p, "Tag", "{\\\"type\\\":\\\"object\\\","
        "\\\"properties\\\":{\\\"name\\\":{\\\"type\\\":\\\"string\\\"}}}"),
        201);
    assert_int_equal(make(p, "Pet", "{\\\"properties\\\":{"
        "\\\"id\\\":{\\\"type\\\":\\\"integer\\\"},"
        "\\\"sold\\\":{\\\"type\\\":\\\"boolean\\\"},"
        "\\\"any\\\":{},"
        "\\\"tags\\\":{\\\"type\\\":\\\"array\\\",\\\"items\\\":null}}}"),
        201);
    assert_int_equal(call(p, "GET", at("/models/Pet/default_template"), ""),
        200);
    assert_string_equal(text(p, "value"),
        "#set($inputRoot = $input.path('$'))\n"
        "{\n"
        "  \"id\" : 42,\n"
        "  \"sold\" : true,\n"
        "  \"any\" : { },\n"
        "  \"tags\" : [\n"
        "##TODO: Update this foreach loop to reference array from input "
        "json\n"
        "#foreach($elem in $inputRoot.tags)\n"
        "    { }#if($foreach.hasNext),#end\n"
        "#end\n"
        "  ]\n"
        "}");
    assert_int_equal(make(p, "Tags", ref("Tag")), 201);
    assert_int_equal(call(p, "GET", at("/models/Tags/default_template"), ""),
        200);
    assert_string_equal(text(p, "value"),
        "#set($inputRoot = $input.path('$'))\n"
        "{\n  \"name\" : \"foo\"\n}");
    assert_refused(p, "GET", at("/models/No/default_template"), "", 404,
        "Invalid model name specified: No");
}

/* Two references a level, sixteen levels, each of them to both. */
static void
a_template_that_would_explode_is_refused(void **state)
{
    char          schema[600], one[256];
    struct place *p = *state;

    make_api(p);
    (void) snprintf(one, sizeof(one), "%s", ref("A"));
    (void) snprintf(schema, sizeof(schema), "{\\\"properties\\\":{"
        "\\\"left\\\":%s,\\\"right\\\":%s}}", one, one);
    assert_int_equal(make(p, "A", schema), 201);
    assert_refused(p, "GET", at("/models/A/default_template"), "", 400,
        "would have more than 307200 bytes");
    assert_int_equal(call(p, "GET", at("/models/A?flatten=true"), ""), 200);
}

static void
patches_of_a_validator_say_what_may_be(void **state)
{
    char          target[128];
    struct place *p = *state;

    make_api(p);
    assert_int_equal(call(p, "POST", at("/requestvalidators"),
        "{\"name\":\"v\"}"), 201);
    (void) snprintf(target, sizeof(target), "/restapis/%s/requestvalidators/"
        "%s", api_id, text(p, "id"));
    assert_int_equal(patch(p, target, "replace", "/invalidPath", "x"), 400);
    assert_string_equal(text(p, "message"), "Invalid patch path  "
        "'/invalidPath' specified for op 'replace'. Must be one of: [/name, "
        "/validateRequestParameters, /validateRequestBody]");
    assert_int_equal(patch(p, target, "add", "/validateRequestBody", "x"),
        400);
    assert_string_equal(text(p, "message"), "Invalid patch path  "
        "'/validateRequestBody' specified for op 'add'. Please choose "
        "supported operations");
    assert_int_equal(patch(p, target, "replace", "/name", ""), 400);
    assert_string_equal(text(p, "message"),
        "Request Validator name cannot be blank");
    assert_int_equal(patch(p, target, "replace", "/validateRequestBody",
        "true"), 200);
    assert_refused(p, "GET", "/restapis/none/requestvalidators/none", "",
        404, "Invalid Request Validator identifier specified");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(a_model_lives),
        PLACE_TEST(models_that_cannot_be_are_refused),
        PLACE_TEST(a_schema_that_is_too_large_is_refused),
        PLACE_TEST(patches_of_a_model_are_checked),
        PLACE_TEST(a_model_in_use_stays),
        PLACE_TEST(circles_are_flattened),
        cmocka_unit_test(definitions_of_a_model_follow_it),
        PLACE_TEST(a_template_is_made_of_a_schema),
        PLACE_TEST(a_template_that_would_explode_is_refused),
        PLACE_TEST(patches_of_a_validator_say_what_may_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
