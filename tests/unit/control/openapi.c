/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/openapi.h"
#include "util/buf.h"
#include "util/file.h"

static const char *folder;

/* Reads a document of the test data; the text lives in *text. */
static enum tg_status
read_file(struct tg_openapi *api, struct tg_buf *text, const char *name,
    struct tg_error *err)
{
    char               path[512];
    struct tg_document document;
    enum tg_status     status;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    tg_buf_init(text, TG_DOCUMENT_MAX);
    assert_int_equal(tg_file_read(text, path, NULL), TG_OK);
    memset(api, 0, sizeof *api);
    status = tg_document_parse(&document, text->data, text->len, err);
    if (status == TG_OK) {
        status = tg_openapi_read(api, &document, 29000, err);
    }
    tg_document_clear(&document);
    return status;
}

static enum tg_status
read_text(struct tg_openapi *api, const char *text, struct tg_error *err)
{
    struct tg_document document;
    enum tg_status     status;

    memset(api, 0, sizeof *api);
    status = tg_document_parse(&document, text, strlen(text), err);
    if (status == TG_OK) {
        status = tg_openapi_read(api, &document, 29000, err);
    }
    tg_document_clear(&document);
    return status;
}

static json_t *
method_of(const struct tg_openapi *api, const char *path, const char *verb)
{
    json_t *entry;
    size_t  i;

    json_array_foreach(api->methods, i, entry) {
        if (strcmp(tg_text_of(entry, "path"), path) == 0
            && strcmp(tg_text_of(entry, "verb"), verb) == 0) {
            return json_object_get(entry, "method");
        }
    }
    return NULL;
}

static void
assert_same(const json_t *a, const json_t *b, const char *member)
{
    a = json_object_get(a, member);
    b = json_object_get(b, member);
    assert_true(a == b || json_equal((json_t *) a, (json_t *) b));
}

static void
check_methods(const struct tg_openapi *api, const json_t *wanted)
{
    json_t *row;
    size_t  i;

    assert_int_equal(json_array_size(api->methods), json_array_size(wanted));
    json_array_foreach((json_t *) wanted, i, row) {
        json_t *method = method_of(api, tg_text_of(row, "path"),
            tg_text_of(row, "method"));
        json_t *integration = json_object_get(method, "methodIntegration");

        assert_non_null(method);
        assert_same(method, row, "apiKeyRequired");
        assert_same(integration, row, "type");
        assert_same(integration, row, "uri");
        assert_same(integration, row, "httpMethod");
        assert_same(integration, row, "requestParameters");
    }
}

/* The object's keys are the list's texts. */
static void
check_names(const json_t *object, const json_t *wanted)
{
    json_t *name;
    size_t  i;

    assert_int_equal(json_object_size(object), json_array_size(wanted));
    json_array_foreach((json_t *) wanted, i, name) {
        assert_non_null(json_object_get(object, json_string_value(name)));
    }
}

static void
good_documents_give_what_is_expected(void **state)
{
    struct tg_buf     text;
    struct tg_openapi api;
    struct tg_error   err = { 0 };
    char              path[512];
    json_t           *expected, *wanted;
    const char       *name;

    (void) state;
    snprintf(path, sizeof path, "%s/expected.json", folder);
    expected = json_load_file(path, 0, NULL);
    assert_non_null(expected);
    json_object_foreach(expected, name, wanted) {
        if (read_file(&api, &text, name, &err) != TG_OK) {
            fail_msg("%s: %s", name, err.message);
        }
        assert_same(api.api, wanted, "name");
        assert_same(api.api, wanted, "version");
        check_methods(&api, json_object_get(wanted, "methods"));
        check_names(api.models, json_object_get(wanted, "models"));
        check_names(api.validators,
            json_object_get(wanted, "requestValidators"));
        check_names(api.gateway_responses,
            json_object_get(wanted, "gatewayResponses"));
        if (json_array_size(json_object_get(wanted, "binaryMediaTypes"))) {
            assert_same(api.api, wanted, "binaryMediaTypes");
        }
        assert_int_equal(json_array_size(api.warnings), 0);
        tg_openapi_clear(&api);
        tg_buf_clear(&text);
    }
    json_decref(expected);
}

#define DOC(paths, more)                                                      \
    "{\"openapi\": \"3.0.1\", \"info\": {\"title\": \"t\"}, \"paths\": {"     \
    paths "}" more "}"

#define SERVER(url, variables)                                                \
    "{\"url\": \"" url "\", \"variables\": {" variables "}}"
#define BASE_PATH(path) "\"basePath\": {\"default\": \"" path "\"}"
#define SERVERS(list) DOC("", ", \"servers\": [" list "]")

static void
base_paths_are_found(void **state)
{
    static const struct {
        const char *text, *path;
    } rows[] = {
        { SERVERS(SERVER("https://h", BASE_PATH("/base"))), "/base" },
        { SERVERS(SERVER("https://h/a/{basePath}", BASE_PATH("v7/b/"))),
            "/v7/b" },
        { SERVERS(SERVER("https://h/a", "") ", "
              SERVER("https://i/{basePath}", BASE_PATH("c"))), "/c" },
        { SERVERS(SERVER("https://h/{basePath}/a", BASE_PATH(""))), "" },
        { SERVERS(SERVER("https://h/a/{v}", "\"v\": {\"default\": \"b\"}")),
            "/a/b" },
        { SERVERS("{\"url\": \"https://h/a/b/\"}"), "/a/b" },
        { SERVERS("7"), "" },
    };
    struct tg_buf     text;
    struct tg_openapi api;

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(read_text(&api, rows[i].text, NULL), TG_OK);
        assert_string_equal(json_string_value(api.base_path), rows[i].path);
        tg_openapi_clear(&api);
    }
    assert_int_equal(read_file(&api, &text, "weather-metered.yaml", NULL),
        TG_OK);
    assert_string_equal(json_string_value(api.base_path), "/v7");
    tg_openapi_clear(&api);
    tg_buf_clear(&text);
    assert_int_equal(read_file(&api, &text, "petstore-http-proxy.json", NULL),
        TG_OK);
    assert_string_equal(json_string_value(api.base_path), "/store");
    tg_openapi_clear(&api);
    tg_buf_clear(&text);
}

static void
broken_documents_are_refused_with_line_and_field(void **state)
{
    static const struct {
        const char *name, *place;
    } rows[] = {
        { "broken/cut-short.json", "line 5" },
        { "broken/tab-indent.yaml", "line 4" },
        { "broken/no-paths.json", "paths" },
        { "broken/no-title.json", "info.title" },
        { "broken/version-1-2.json", "line 1, column 13, swagger" },
        { "broken/integration-type.json",
            "paths./a.get.x-amazon-apigateway-integration.type" },
        { "broken/mapping.json", "requestParameters."
            "integration.request.header.X: Invalid mapping expression" },
    };

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tg_buf     text;
        struct tg_openapi api;
        struct tg_error   err = { 0 };

        assert_int_equal(read_file(&api, &text, rows[i].name, &err),
            TG_INVALID);
        if (!strstr(err.message, rows[i].place)
            || !strstr(err.message, "line ")) {
            fail_msg("%s: %s", rows[i].name, err.message);
        }
        tg_openapi_clear(&api);
        tg_buf_clear(&text);
    }
}

static void
a_dangling_reference_is_a_warning(void **state)
{
    struct tg_buf     text;
    struct tg_openapi api;

    (void) state;
    assert_int_equal(read_file(&api, &text, "broken/dangling-ref.json", NULL),
        TG_OK);
    assert_int_equal(json_array_size(api.warnings), 1);
    assert_non_null(strstr(json_string_value(
        json_array_get(api.warnings, 0)), "Nothing"));
    tg_openapi_clear(&api);
    tg_buf_clear(&text);
}

/* The method's integration in a document of one method. */
#define INTEGRATION(members)                                                  \
    DOC("\"/a\": {\"get\": {\"x-amazon-apigateway-integration\": {"           \
        "\"type\": \"mock\", " members "}}}", "")
#define RESPONSE(members)                                                     \
    INTEGRATION("\"responses\": {\"default\": {\"statusCode\": 200, "         \
        members "}}")

/* No warning is lost because a name in it is cut. */
static void
warnings_are_there_whatever_the_name(void **state)
{
#define LONG "\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244"
    struct tg_openapi api;

    (void) state;
    assert_int_equal(read_text(&api, DOC("\"/a\": {\"get\": {\"parameters\": "
        "[{\"in\": \"cookie\", \"name\": \"x" LONG LONG LONG LONG "\"}]}}",
        ""), NULL), TG_OK);
    assert_int_equal(json_array_size(api.warnings), 1);
    assert_non_null(strstr(json_string_value(json_array_get(api.warnings, 0)),
        "is not taken over"));
    tg_openapi_clear(&api);
#undef LONG
}

/* Amazon takes over the others. */
static void
mappings_that_are_no_texts_are_warnings(void **state)
{
    static const struct {
        const char *text, *warning;
    } rows[] = {
        { INTEGRATION("\"requestParameters\": {"
              "\"integration.request.header.a\": true,"
              "\"integration.request.header.b\": \"'x'\"}"),
            "requestParameters.integration.request.header.a: Invalid format "
            "for 'requestParameters'. Expected type string but got 'true'" },
        { INTEGRATION("\"requestParameters\": {"
              "\"integration.request.header.a\": 7,"
              "\"integration.request.header.b\": \"'x'\"}"),
            "string but got '7'" },
        { INTEGRATION("\"requestParameters\": {"
              "\"integration.request.header.a\": {},"
              "\"integration.request.header.b\": \"'x'\"}"),
            "string but got an object" },
        { RESPONSE("\"responseParameters\": {"
              "\"method.response.header.a\": null,"
              "\"method.response.header.b\": \"'x'\"}"),
            "default.responseParameters.method.response.header.a: Invalid "
            "format for 'responseParameters'. Expected type string but got "
            "'null'" },
    };

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tg_openapi api;
        struct tg_error   err = { 0 };
        const char       *warning, *key;
        json_t           *left, *value;

        if (read_text(&api, rows[i].text, &err)) {
            fail_msg("%s: %s", rows[i].text, err.message);
        }
        assert_int_equal(json_array_size(api.warnings), 1);
        warning = json_string_value(json_array_get(api.warnings, 0));
        if (!strstr(warning, rows[i].warning)) {
            fail_msg("%s: %s", rows[i].text, warning);
        }
        left = json_object_get(method_of(&api, "/a", "GET"),
            "methodIntegration");
        value = json_object_get(json_object_get(left,
            "integrationResponses"), "200");
        left = value ? json_object_get(value, "responseParameters")
                     : json_object_get(left, "requestParameters");
        assert_int_equal(json_object_size(left), 1);
        json_object_foreach(left, key, value) {
            assert_string_equal(strrchr(key, '.'), ".b");
        }
        tg_openapi_clear(&api);
    }
}

/* Those of the path item and by reference as those of the operation. */
static void
parameters_are_required_where_they_say_so(void **state)
{
#define ID(more) "{\"name\": \"id\", \"in\": \"path\"" more "}"
#define MUST ", \"required\": true"
#define ITEM(item, operation, more)                                           \
    "\"info\": {\"title\": \"t\"}, \"paths\": {\"/{id}\": {"                  \
        "\"parameters\": [" item "], \"get\": {\"parameters\": ["             \
        operation "]}}}" more "}"
    static const struct {
        const char *text;
        int         required; /* -1: not declared */
    } rows[] = {
        { "{\"swagger\": \"2.0\", " ITEM("", ID(MUST), ""), 1 },
        { "{\"openapi\": \"3.0.1\", " ITEM("", ID(MUST), ""), 1 },
        { "{\"swagger\": \"2.0\", " ITEM(ID(MUST), "", ""), 1 },
        { "{\"openapi\": \"3.0.1\", " ITEM(ID(MUST), "", ""), 1 },
        { "{\"openapi\": \"3.0.1\", " ITEM(ID(MUST), ID(""), ""), 0 },
        { "{\"openapi\": \"3.0.1\", " ITEM(ID(""), ID(MUST), ""), 1 },
        { "{\"swagger\": \"2.0\", " ITEM(
              "{\"$ref\": \"#/parameters/p\"}", "",
              ", \"parameters\": {\"p\": " ID(MUST) "}"), 1 },
        { "{\"openapi\": \"3.0.1\", " ITEM("",
              "{\"$ref\": \"#/components/parameters/p\"}",
              ", \"components\": {\"parameters\": {\"p\": " ID(MUST) "}}"),
            1 },
        { "{\"openapi\": \"3.0.1\", " ITEM("", "", ""), -1 },
    };

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tg_openapi api;
        struct tg_error   err = { 0 };
        json_t           *parameter;

        if (read_text(&api, rows[i].text, &err)) {
            fail_msg("%s: %s", rows[i].text, err.message);
        }
        parameter = json_object_get(json_object_get(method_of(&api, "/{id}",
            "GET"), "requestParameters"), "method.request.path.id");
        assert_int_equal(parameter ? json_is_true(parameter) : -1,
            rows[i].required);
        assert_int_equal(json_array_size(api.warnings), 0);
        tg_openapi_clear(&api);
    }
#undef ITEM
#undef MUST
#undef ID
}

#define POOL                                                                  \
    "{\"type\": \"cognito_user_pools\", \"providerARNs\": ["                  \
    "\"arn:aws:cognito-idp:r:1:userpool/p\"]}"
#define SCHEME(members)                                                       \
    "{\"type\": \"apiKey\", \"name\": \"H\", \"in\": \"header\", " members  \
    "}"
#define SCHEMES(extension)                                                    \
    ", \"components\": {\"securitySchemes\": {\"a\": "                        \
    SCHEME("\"x-amazon-apigateway-authorizer\": " extension) ", \"b\": "     \
    SCHEME("\"x-amazon-apigateway-authorizer\": " POOL) ", \"c\": "          \
    SCHEME("\"x-amazon-apigateway-authtype\": \"awsSigv4\"") ", \"d\": "     \
    SCHEME("\"x-amazon-apigateway-authtype\": \"custom\"") "}}"
#define GET(security)                                                         \
    "\"/x\": {\"get\": {\"security\": [" security "]}}"

/* No document opens by mistake what something in it guards. */
static void
what_guards_a_method_goes_first(void **state)
{
    static const struct {
        const char *operation, *type;
    } rows[] = {
        { "{\"security\": [{\"a\": []}]}", "COGNITO_USER_POOLS" },
        { "{\"security\": [{\"a\": []}, {}],"
          "\"x-amazon-apigateway-auth\": {\"type\": \"NONE\"}}",
            "COGNITO_USER_POOLS" },
        { "{\"security\": [{\"c\": []}, {\"c\": []}]}", "AWS_IAM" },
        { "{\"security\": [], \"x-amazon-apigateway-auth\":"
          "{\"type\": \"AWS_IAM\"}}", "AWS_IAM" },
        { "{}", "COGNITO_USER_POOLS" }, /* the document's own */
        { "{\"security\": []}", "NONE" },
    };

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tg_openapi api;
        struct tg_error   err = { 0 };
        char              text[2048];

        snprintf(text, sizeof text, DOC("\"/x\": {\"get\": %s}",
            ", \"security\": [{\"a\": []}]" SCHEMES(POOL)),
            rows[i].operation);
        if (read_text(&api, text, &err)) {
            fail_msg("%s: %s", rows[i].operation, err.message);
        }
        assert_string_equal(tg_text_of(method_of(&api, "/x", "GET"),
            "authorizationType"), rows[i].type);
        tg_openapi_clear(&api);
    }
}

static void
other_faults_are_refused(void **state)
{
    static const struct {
        const char *text, *place;
    } rows[] = {
        { DOC("\"a\": {}", ""), "must begin with /" },
        { DOC("\"/a\": []", ""), "expected an object" },
        { DOC("\"/a\": {\"get\": 1}", ""), "paths./a.get" },
        { DOC("\"/a\": {\"$ref\": \"http://x/y\"}", ""),
            "nothing is fetched" },
        { DOC("\"/a\": {\"$ref\": \"#/paths/~1b\"},"
              "\"/b\": {\"$ref\": \"#/paths/~1a\"}", ""), "in a circle" },
        { DOC("\"/a\": {\"get\": {\"security\": [{\"nobody\": []}]}}", ""),
            "there is no security scheme nobody" },
        { DOC("\"/a\": {\"get\": {\"x-amazon-apigateway-auth\":"
              "{\"type\": \"CUSTOM\"}}}", ""), "authorizer" },
        { DOC("", SCHEMES("{\"type\": \"token\"}")),
            "components.securitySchemes.a.x-amazon-apigateway-authorizer."
            "authorizerUri: Invalid Authorizer URI" },
        { DOC("", SCHEMES("{\"type\": \"jwt\"}")), "authorizer.type: " },
        { DOC("", SCHEMES("1")), "expected an object" },
        { DOC(GET("{\"a\": []}, {\"b\": []}"), SCHEMES(POOL)),
            "there can be one" },
        { DOC(GET("{\"c\": []}, {\"a\": []}"), SCHEMES(POOL)),
            "there can be one" },
        { DOC(GET("{\"a\": []}, {\"c\": []}"), SCHEMES(POOL)),
            "there can be one" },
        { DOC(GET("{\"d\": []}"), SCHEMES(POOL)), "and no authorizer" },
        { DOC("", ", \"x-amazon-apigateway-documentation\":"
              "{\"documentationParts\": {}}"), "expected a list" },
        { DOC("", ", \"x-amazon-apigateway-documentation\":"
              "{\"documentationParts\": [{\"location\": {\"type\":"
              "\"MODEL\"}, \"properties\": {}}]}"),
            "documentationParts.0.location.name" },
        { DOC("", ", \"x-amazon-apigateway-documentation\":"
              "{\"documentationParts\": [{\"location\": {\"type\":"
              "\"API\"}, \"properties\": \"{}\"}]}"),
            "0.properties: expected an object" },
        { DOC("", ", \"x-amazon-apigateway-policy\": {}"), "policies" },
        { DOC("", ", \"x-amazon-apigateway-gateway-responses\":"
              "{\"TEAPOT\": {}}"), "gateway response type" },
        { DOC("\"/a\": {\"get\": {\"x-amazon-apigateway-request-validator\":"
              "\"none\"}}", ""), "no such request validator" },
        { DOC("\"/a\": {\"get\": {\"x-amazon-apigateway-integration\":"
              "{\"type\": \"mock\", \"responses\": {\"default\": {}}}}}", ""),
            "statusCode" },
        { DOC("\"/a\": {\"get\": {\"x-amazon-apigateway-integration\":"
              "{\"type\": \"mock\", \"responses\": {\"(\": {\"statusCode\":"
              "200}}}}}", ""), "selection pattern" },
        { INTEGRATION("\"requestParameters\": true"),
            "requestParameters must be an object" },
    };

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tg_openapi api;
        struct tg_error   err = { 0 };

        assert_int_equal(read_text(&api, rows[i].text, &err), TG_INVALID);
        if (!strstr(err.message, rows[i].place)) {
            fail_msg("%s: %s", rows[i].text, err.message);
        }
        tg_openapi_clear(&api);
    }
}

/* A4 */
static void
schemas_may_refer_to_themselves(void **state)
{
    struct tg_openapi api;

    (void) state;
    assert_int_equal(read_text(&api, DOC("", ", \"components\": {\"schemas\":"
        "{\"Tree\": {\"type\": \"array\", \"items\": {\"$ref\":"
        "\"#/components/schemas/Tree\"}}}}"), NULL), TG_OK);
    assert_non_null(strstr(tg_text_of(json_object_get(api.models, "Tree"),
        "schema"), "/models/Tree"));
    assert_int_equal(json_array_size(api.warnings), 0);
    tg_openapi_clear(&api);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_documents_give_what_is_expected),
        cmocka_unit_test(base_paths_are_found),
        cmocka_unit_test(broken_documents_are_refused_with_line_and_field),
        cmocka_unit_test(a_dangling_reference_is_a_warning),
        cmocka_unit_test(warnings_are_there_whatever_the_name),
        cmocka_unit_test(mappings_that_are_no_texts_are_warnings),
        cmocka_unit_test(parameters_are_required_where_they_say_so),
        cmocka_unit_test(what_guards_a_method_goes_first),
        cmocka_unit_test(other_faults_are_refused),
        cmocka_unit_test(schemas_may_refer_to_themselves),
    };

    folder = argc > 1 ? argv[1] : ".";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
