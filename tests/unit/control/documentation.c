/*
 * documentation.c - documentation parts and versions
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support.h"

#include "control/documentation.h"

static char api[32], parts[64], versions[64];

static void
make_api(struct place *p)
{
    assert_int_equal(call(p, "POST", "/restapis", "{\"name\":\"a\"}"), 201);
    (void) snprintf(api, sizeof(api), "/restapis/%s", text(p, "id"));
    (void) snprintf(parts, sizeof(parts), "%s/documentation/parts", api);
    (void) snprintf(versions, sizeof(versions), "%s/documentation/versions",
        api);
}

static int
make(struct place *p, const char *location, const char *properties)
{
    char body[1024];

    (void) snprintf(body, sizeof(body),
        "{\"location\":{%s},\"properties\":\"%s\"}", location, properties);
    return call(p, "POST", parts, body);
}

/* Every type with the fields that it has, and what it gets besides. */
static void
places_have_the_fields_of_their_type(void **state)
{
    static const struct {
        const char *given, *stored;
    } rows[] = {
        { "'type':'API'", "'type':'API'" },
        { "'type':'AUTHORIZER','name':'a'",
          "'type':'AUTHORIZER','name':'a'" },
        { "'type':'MODEL','name':'M'", "'type':'MODEL','name':'M'" },
        { "'type':'RESOURCE'", "'type':'RESOURCE','path':'/'" },
        { "'type':'METHOD','path':'/a','method':'ANY'",
          "'type':'METHOD','path':'/a','method':'ANY'" },
        { "'type':'METHOD','path':'/a'",
          "'type':'METHOD','path':'/a','method':'*'" },
        { "'type':'PATH_PARAMETER','name':'p'",
          "'type':'PATH_PARAMETER','path':'/','method':'*','name':'p'" },
        { "'type':'QUERY_PARAMETER','name':'q'",
          "'type':'QUERY_PARAMETER','path':'/','method':'*','name':'q'" },
        { "'type':'REQUEST_HEADER','name':'h'",
          "'type':'REQUEST_HEADER','path':'/','method':'*','name':'h'" },
        { "'type':'REQUEST_BODY'",
          "'type':'REQUEST_BODY','path':'/','method':'*'" },
        { "'type':'REQUEST_BODY','name':'b'",
          "'type':'REQUEST_BODY','path':'/','method':'*','name':'b'" },
        { "'type':'RESPONSE','statusCode':'404'",
          "'type':'RESPONSE','path':'/','method':'*','statusCode':'404'" },
        { "'type':'RESPONSE_BODY'",
          "'type':'RESPONSE_BODY','path':'/','method':'*',"
          "'statusCode':'*'" },
        { "'type':'RESPONSE_HEADER','name':'h'",
          "'type':'RESPONSE_HEADER','path':'/','method':'*',"
          "'statusCode':'*','name':'h'" },
    };
    char          given[256], stored[256];
    struct place *p = *state;
    json_t       *wanted;

    make_api(p);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void) snprintf(given, sizeof(given), "%s", rows[i].given);
        (void) snprintf(stored, sizeof(stored), "{%s}", rows[i].stored);
        for (char *c = given; *c != '\0'; c++) {
            *c = *c == '\'' ? '"' : *c;
        }
        for (char *c = stored; *c != '\0'; c++) {
            *c = *c == '\'' ? '"' : *c;
        }
        if (make(p, given, "{}") != 201) {
            fail_msg("%s: %d %s", given, p->status, text(p, "message"));
        }
        wanted = json_loads(stored, 0, NULL);
        if (!json_equal(wanted, json_object_get(p->answer, "location"))) {
            fail_msg("%s", given);
        }
        json_decref(wanted);
        assert_int_equal(make(p, given, "{}"), 409);
    }
    assert_int_equal(call(p, "GET", parts, ""), 200);
    assert_int_equal(json_array_size(json_object_get(p->answer, "item")),
        sizeof(rows) / sizeof(rows[0]));
}

static void
what_cannot_be_is_refused(void **state)
{
    static const struct {
        const char *location, *properties, *words;
    } rows[] = {
        { "", "{}", "'createDocumentationPartInput.location.type'" },
        { "\"type\":\"INVALID\"", "{}", "1 validation error detected: Value "
          "'INVALID' at 'createDocumentationPartInput.location.type' failed "
          "to satisfy constraint: Member must satisfy enum value set: "
          "[RESPONSE_BODY, RESPONSE, METHOD, MODEL, AUTHORIZER, " },
        { "\"type\":\"API\",\"path\":\"/\"", "{}", "has no path" },
        { "\"type\":\"API\",\"method\":\"GET\"", "{}", "has no method" },
        { "\"type\":\"METHOD\",\"statusCode\":\"200\"", "{}",
          "has no statusCode" },
        { "\"type\":\"RESOURCE\",\"name\":\"x\"", "{}", "has no name" },
        { "\"type\":\"MODEL\"", "{}", "needs a name" },
        { "\"type\":\"QUERY_PARAMETER\"", "{}", "needs a name" },
        { "\"type\":\"METHOD\",\"path\":\"a\"", "{}", "the path 'a' is" },
        { "\"type\":\"METHOD\",\"path\":\"/\\na\"", "{}", "the path" },
        { "\"type\":\"METHOD\",\"method\":\"FETCH\"", "{}",
          "the method 'FETCH' is none" },
        { "\"type\":\"RESPONSE\",\"statusCode\":\"2x0\"", "{}",
          "the statusCode '2x0' is none" },
        { "\"type\":\"RESPONSE\",\"statusCode\":\"2000\"", "{}",
          "at most 3 characters" },
        { "\"type\":\"API\",\"what\":\"x\"", "{}", "unknown member 'what'" },
        { "\"type\":1", "{}", "type must be a string" },
        { "\"type\":\"API\"", "", "a JSON object is needed" },
        { "\"type\":\"API\"", "[]", "a JSON object is needed" },
        { "\"type\":\"API\"", "a: b", "a JSON object is needed" },
        { "\"type\":\"API\"", "{\\\"a\\\":}", "line 1, column" },
    };
    struct place *p = *state;

    make_api(p);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (make(p, rows[i].location, rows[i].properties) != 400
            || strstr(text(p, "message"), rows[i].words) == NULL)
        {
            fail_msg("%s %s: %d %s", rows[i].location, rows[i].properties,
                p->status, text(p, "message"));
        }
    }
    assert_refused(p, "POST", parts, "{\"properties\":\"{}\"}", 400,
        "'createDocumentationPartInput.location'");
    assert_refused(p, "POST", parts, "{\"location\":{\"type\":\"API\"}}",
        400, "'createDocumentationPartInput.properties'");
    assert_refused(p, "POST", parts, "{\"location\":\"API\","
        "\"properties\":\"{}\"}", 400, "location must be an object");
    assert_refused(p, "POST", "/restapis/none/documentation/parts",
        "{\"location\":{\"type\":\"API\"},\"properties\":\"{}\"}", 404,
        "Invalid API identifier specified");
    assert_int_equal(call(p, "GET", parts, ""), 200);
    assert_int_equal(json_array_size(json_object_get(p->answer, "item")), 0);
}

static void
parts_are_found_by_their_ids(void **state)
{
    char          target[128], other[128];
    struct place *p = *state;

    make_api(p);
    assert_int_equal(make(p, "\"type\":\"API\"", "{}"), 201);
    (void) snprintf(target, sizeof(target), "%s/%s", parts, text(p, "id"));
    /* A text that looks like the id of another part. */
    (void) snprintf(other, sizeof(other),
        "{\\\"a\\\":{\\\"id\\\":\\\"%s\\\"}}", text(p, "id"));
    assert_int_equal(make(p, "\"type\":\"RESOURCE\"", other), 201);
    assert_int_equal(call(p, "GET", target, ""), 200);
    assert_string_equal(text(p, "properties"), "{}");
    assert_int_equal(patch(p, target, "replace", "/properties",
        "{\\\"b\\\":1}"), 200);
    assert_string_equal(text(p, "properties"), "{\"b\":1}");
    assert_int_equal(patch(p, target, "replace", "/properties", ""), 400);
    assert_int_equal(patch(p, target, "add", "/properties", "{}"), 400);
    assert_string_equal(text(p, "message"), "Invalid patch path  "
        "'/properties' specified for op 'add'. Please choose supported "
        "operations");
    assert_int_equal(patch(p, target, "replace", "/invalidPath", "{}"), 400);
    assert_string_equal(text(p, "message"), "Invalid patch path  "
        "'/invalidPath' specified for op 'replace'. Must be one of: "
        "[/properties]");
    (void) snprintf(other, sizeof(other), "%s/%%25", parts);
    assert_refused(p, "GET", other, "", 404,
        "Invalid Documentation part identifier specified");
    assert_refused(p, "GET", "/restapis/none/documentation/parts/x", "", 404,
        "Invalid Documentation part identifier specified");
    assert_refused(p, "DELETE", "/restapis/none/documentation/parts/x", "",
        404, "Invalid API identifier specified");
    assert_int_equal(call(p, "DELETE", target, ""), 202);
    assert_refused(p, "DELETE", target, "", 404,
        "Invalid Documentation part identifier specified");
    (void) snprintf(other, sizeof(other), "%s?locationStatus=MAYBE", parts);
    assert_refused(p, "GET", other, "", 400,
        "enum value set: [UNDOCUMENTED, DOCUMENTED]");
}

/* As many as may be are there already. */
static void
there_is_an_end_to_parts(void **state)
{
    char          sql[512];
    struct place *p = *state;

    make_api(p);
    (void) snprintf(sql, sizeof(sql), "INSERT INTO api_part (api_id, kind, "
        "id, doc) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
        "FROM n WHERE i < %d) SELECT '%s', 'documentationpart', i, '{}' "
        "FROM n", p->settings->limits.documentation_parts, api + strlen("/restapis/"));
    run_sql(p, sql);
    assert_int_equal(make(p, "\"type\":\"API\"", "{}"), 429);
    assert_non_null(strstr(text(p, "message"), "limits.documentation_parts to 2000."));
    assert_int_equal(number(p, "SELECT count(*) FROM api_part WHERE kind = "
        "'documentationpart'"), p->settings->limits.documentation_parts);
}

static void
a_version_is_a_snapshot(void **state)
{
    char          target[128];
    struct place *p = *state;

    make_api(p);
    assert_int_equal(make(p, "\"type\":\"API\"", "{}"), 201);
    assert_int_equal(call(p, "POST", versions, "{\"documentationVersion\":"
        "\"1.0\"}"), 201);
    assert_int_equal(json_object_size(p->answer), 2);
    assert_int_equal(json_integer_value(json_object_get(p->answer,
        "createdDate")), NOW);
    assert_refused(p, "POST", versions, "{\"documentationVersion\":\"1.0\"}",
        409, "Documentation version already exists");
    assert_refused(p, "POST", versions, "{}", 400,
        "'createDocumentationVersionInput.documentationVersion'");
    assert_refused(p, "POST", versions, "{\"documentationVersion\":\"\"}",
        400, "Invalid documentation version specified");
    assert_refused(p, "POST", versions, "{\"documentationVersion\":\"a b\"}",
        400, "Invalid documentation version specified");
    assert_refused(p, "POST", versions, "{\"documentationVersion\":\"2\","
        "\"stageName\":\"none\"}", 404, "Invalid stage identifier");
    (void) snprintf(target, sizeof(target), "%s/1.0", versions);
    assert_int_equal(patch(p, target, "replace", "/description", "d"), 200);
    assert_string_equal(text(p, "description"), "d");
    assert_int_equal(json_object_size(p->answer), 3);
    assert_int_equal(patch(p, target, "replace", "/version", "2"), 400);
    assert_string_equal(text(p, "message"), "Invalid patch path  '/version' "
        "specified for op 'replace'. Must be one of: [/description]");
    assert_int_equal(call(p, "GET", versions, ""), 200);
    assert_int_equal(json_array_size(json_object_get(p->answer, "item")), 1);
    assert_null(json_object_get(json_array_get(json_object_get(p->answer,
        "item"), 0), "documentationParts"));
    assert_int_equal(call(p, "DELETE", target, ""), 202);
    assert_refused(p, "DELETE", target, "", 404,
        "Invalid Documentation version specified");
    assert_refused(p, "GET", "/restapis/none/documentation/versions", "",
        404, "Invalid API identifier specified");
}

/* A deployment does not freeze what versions keep already. */
static void
a_deployment_has_no_documentation(void **state)
{
    char          target[128], root[32];
    struct place *p = *state;

    make_api(p);
    assert_int_equal(call(p, "GET", api, ""), 200);
    (void) snprintf(root, sizeof(root), "%s", text(p, "rootResourceId"));
    (void) snprintf(target, sizeof(target), "%s/resources/%s/methods/GET",
        api, root);
    assert_int_equal(call(p, "PUT", target,
        "{\"authorizationType\":\"NONE\"}"), 201);
    (void) strcat(target, "/integration");
    assert_int_equal(call(p, "PUT", target, "{\"type\":\"MOCK\"}"), 201);
    assert_int_equal(make(p, "\"type\":\"API\"", "{}"), 201);
    assert_int_equal(call(p, "POST", versions, "{\"documentationVersion\":"
        "\"1\"}"), 201);
    (void) snprintf(target, sizeof(target), "%s/deployments", api);
    assert_int_equal(call(p, "POST", target, "{\"stageName\":\"s\"}"), 201);
    assert_int_equal(number(p, "SELECT count(*) FROM deployment WHERE "
        "snapshot LIKE '%documentation%'"), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(places_have_the_fields_of_their_type),
        PLACE_TEST(what_cannot_be_is_refused),
        PLACE_TEST(parts_are_found_by_their_ids),
        PLACE_TEST(there_is_an_end_to_parts),
        PLACE_TEST(a_version_is_a_snapshot),
        PLACE_TEST(a_deployment_has_no_documentation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
