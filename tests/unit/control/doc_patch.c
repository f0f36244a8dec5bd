/*
 * doc_patch.c - PATCH of resources, methods, integrations and responses
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support.h"

#define INTEGRATION                                                           \
    "{\"type\":\"HTTP_PROXY\",\"httpMethod\":\"GET\","                        \
    "\"uri\":\"http://127.0.0.1:9000/a\"}"

/* An API with GET on /pets/{id}, all of it put. */
struct api {
    char root[64], pets[96], pet[96], method[160];
    char pets_id[16], pet_id[16], root_id[16], stage[96];
};

static void
child(struct place *p, const char *api, const char *parent, const char *part,
    char id[16])
{
    char target[96], body[64];

    (void) snprintf(target, sizeof(target), "/restapis/%s/resources/%s", api,
        parent);
    (void) snprintf(body, sizeof(body), "{\"pathPart\":\"%s\"}", part);
    assert_int_equal(call(p, "POST", target, body), 201);
    (void) snprintf(id, 16, "%s", text(p, "id"));
}

static void
put(struct place *p, const struct api *a, const char *below,
    const char *body)
{
    char target[256];

    (void) snprintf(target, sizeof(target), "%s%s", a->method, below);
    if (call(p, "PUT", target, body) != 201) {
        fail_msg("%s: %d %s", target, p->status, text(p, "message"));
    }
}

static struct api
make_api(struct place *p)
{
    char       id[16];
    struct api a;

    assert_int_equal(call(p, "POST", "/restapis", "{\"name\":\"a\"}"), 201);
    (void) snprintf(id, sizeof(id), "%s", text(p, "id"));
    (void) snprintf(a.root_id, 16, "%s", text(p, "rootResourceId"));
    (void) snprintf(a.root, sizeof(a.root), "/restapis/%s", id);
    child(p, id, a.root_id, "pets", a.pets_id);
    child(p, id, a.pets_id, "{id}", a.pet_id);
    (void) snprintf(a.pets, sizeof(a.pets), "/restapis/%s/resources/%s", id,
        a.pets_id);
    (void) snprintf(a.pet, sizeof(a.pet), "/restapis/%s/resources/%s", id,
        a.pet_id);
    (void) snprintf(a.method, sizeof(a.method), "%s/methods/GET", a.pet);
    put(p, &a, "", "{\"authorizationType\":\"NONE\"}");
    put(p, &a, "/integration", INTEGRATION);
    put(p, &a, "/responses/200", "{}");
    put(p, &a, "/integration/responses/200", "{}");
    return a;
}

/* One operation; gives the answer's status. */
static int
patch_below(struct place *p, const char *target, const char *below,
    const char *operations)
{
    char where[256], body[1024];

    (void) snprintf(where, sizeof(where), "%s%s", target, below);
    (void) snprintf(body, sizeof(body), "{\"patchOperations\":[%s]}",
        operations);
    return call(p, "PATCH", where, body);
}

#define OP(op, path, value)                                                   \
    "{\"op\":\"" op "\",\"path\":\"" path "\",\"value\":\"" value "\"}"
#define REMOVE(path) "{\"op\":\"remove\",\"path\":\"" path "\"}"

static void
assert_patched(struct place *p, const char *target, const char *below,
    const char *operations, int status, const char *member,
    const char *expected)
{
    char *got;

    if (patch_below(p, target, below, operations) != status) {
        fail_msg("%s: %d %s", operations, p->status, text(p, "message"));
    }
    got = json_dumps(json_object_get(p->answer, member),
        JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(got != NULL ? got : "", expected);
    free(got);
}

static void
every_path_of_a_method(void **state)
{
    struct place *p = *state;
    struct api    a = make_api(p);
    const char   *m = a.method;

    assert_patched(p, m, "", OP("replace", "/apiKeyRequired", "true"), 200,
        "apiKeyRequired", "true");
    assert_patched(p, m, "", OP("replace", "/operationName", "get"), 200,
        "operationName", "\"get\"");
    assert_patched(p, m, "", OP("replace", "/operationName", ""), 200,
        "operationName", "");
    assert_patched(p, m, "", OP("replace", "/authorizationType", "AWS_IAM"),
        200, "authorizationType", "\"AWS_IAM\"");
    assert_patched(p, m, "",
        OP("add", "/requestParameters/method.request.path.id", "true"), 200,
        "requestParameters", "{\"method.request.path.id\":true}");
    assert_patched(p, m, "",
        OP("replace", "/requestParameters/method.request.path.id", "no"),
        200, "requestParameters", "{\"method.request.path.id\":false}");
    assert_patched(p, m, "",
        REMOVE("/requestParameters/method.request.path.id"), 200,
        "requestParameters", "");
    assert_patched(p, m, "",
        OP("add", "/requestModels/application~1json", "Empty"), 200,
        "requestModels", "{\"application/json\":\"Empty\"}");
    /* What stands beside it is as it was. */
    assert_non_null(json_object_get(p->answer, "methodIntegration"));
    assert_non_null(json_object_get(p->answer, "methodResponses"));
    assert_string_equal(text(p, "httpMethod"), "GET");
}

static void
every_path_of_an_integration(void **state)
{
    struct place *p = *state;
    struct api    a = make_api(p);
    const char   *m = a.method;
    const char   *i = "/integration";

    assert_patched(p, m, i, OP("replace", "/uri", "http://127.0.0.1:9000/b"),
        200, "uri", "\"http://127.0.0.1:9000/b\"");
    assert_patched(p, m, i, OP("replace", "/httpMethod", "POST"), 200,
        "httpMethod", "\"POST\"");
    assert_patched(p, m, i, OP("replace", "/timeoutInMillis", "50"), 200,
        "timeoutInMillis", "50");
    assert_patched(p, m, i, OP("replace", "/passthroughBehavior", "NEVER"),
        200, "passthroughBehavior", "\"NEVER\"");
    assert_patched(p, m, i, OP("replace", "/cacheNamespace", "c"), 200,
        "cacheNamespace", "\"c\"");
    assert_patched(p, m, i, OP("add",
        "/cacheKeyParameters/method.request.path.id", ""), 200,
        "cacheKeyParameters", "[\"method.request.path.id\"]");
    assert_patched(p, m, i, OP("add", "/cacheKeyParameters", "x"), 200,
        "cacheKeyParameters", "[\"method.request.path.id\",\"x\"]");
    assert_patched(p, m, i, OP("remove", "/cacheKeyParameters", "x"), 200,
        "cacheKeyParameters", "[\"method.request.path.id\"]");
    assert_patched(p, m, i, OP("add", "/requestParameters/"
        "integration.request.header.A", "'a~1b'"), 200, "requestParameters",
        "{\"integration.request.header.A\":\"'a~1b'\"}");
    assert_patched(p, m, i, OP("replace",
        "/tlsConfig/insecureSkipVerification", "true"), 200, "tlsConfig",
        "{\"insecureSkipVerification\":true}");
    assert_patched(p, m, i, OP("replace", "/type", "MOCK"), 200, "type",
        "\"MOCK\"");
    assert_patched(p, m, i, OP("add", "/requestTemplates/application~1json",
        "{}"), 200, "requestTemplates", "{\"application/json\":\"{}\"}");
    assert_non_null(json_object_get(p->answer, "integrationResponses"));
}

static void
every_path_of_the_responses(void **state)
{
    struct place *p = *state;
    struct api    a = make_api(p);
    const char   *m = a.method;
    const char   *r = "/integration/responses/200";

    assert_patched(p, m, "/responses/200", OP("add", "/responseParameters/"
        "method.response.header.A", "true"), 201, "responseParameters",
        "{\"method.response.header.A\":true}");
    assert_patched(p, m, "/responses/200", OP("add", "/responseModels/"
        "application~1json", "Error"), 201, "responseModels",
        "{\"application/json\":\"Error\"}");
    assert_string_equal(text(p, "statusCode"), "200");
    assert_patched(p, m, r, OP("replace", "/selectionPattern", "4.."), 200,
        "selectionPattern", "\"4..\"");
    assert_patched(p, m, r, OP("replace", "/responseParameters/"
        "method.response.header.A", "'a'"), 200, "responseParameters",
        "{\"method.response.header.A\":\"'a'\"}");
    assert_patched(p, m, r, OP("add", "/responseTemplates/"
        "application~1json", "{}"), 200, "responseTemplates",
        "{\"application/json\":\"{}\"}");
    assert_patched(p, m, r, REMOVE("/selectionPattern"), 200,
        "selectionPattern", "");
}

static void
bad_patches_are_refused_and_change_nothing(void **state)
{
    static const struct {
        const char *below, *operations, *words;
    } rows[] = {
        { "", OP("replace", "/httpMethod", "PUT"),
            "Invalid patch path /httpMethod" },
        { "", OP("add", "/apiKeyRequired", "true"),
            "Invalid patch operation specified. Must be one of: [replace]" },
        { "", OP("copy", "/authorizationScopes", "a"),
            "Must be one of: [add, remove]" },
        { "", OP("replace", "/authorizationType", ""),
            "Member must not be null" },
        { "", OP("replace", "/authorizationType", "X"),
            "Invalid Authorization type" },
        { "", OP("add", "/requestParameters", "true"),
            "Invalid patch path /requestParameters" },
        { "", OP("add", "/requestParameters/a/b", "true"),
            "Invalid patch path /requestParameters/a/b" },
        { "", OP("add", "/requestParameters/x", "true"),
            "Invalid mapping expression specified" },
        { "", OP("add", "/requestModels/a", "none"),
            "Invalid model identifier specified: none" },
        { "", REMOVE("/requestModels/a"), "Invalid patch path" },
        { "", "{\"op\":\"replace\",\"value\":\"x\"}",
            "Invalid patch path null" },
        { "", "{\"op\":\"swap\",\"path\":\"/uri\"}", "enum value set" },
        { "/integration", OP("replace", "/timeoutInMillis", "1x"),
            "Invalid value for the patch path /timeoutInMillis" },
        { "/integration", OP("replace", "/timeoutInMillis", "49"),
            "Timeout should be between" },
        { "/integration", OP("replace", "/uri", "ftp://a"),
            "Invalid HTTP endpoint specified for URI" },
        { "/integration", OP("replace", "/connectionType", "VPC_LINK"),
            "VPC links are not supported" },
        { "/integration", OP("replace", "/uri/x", "http://a"),
            "Invalid patch path /uri/x" },
        { "/integration", OP("replace", "/integrationResponses/200", "x"),
            "Invalid patch path" },
        { "/integration", OP("remove", "/cacheKeyParameters", "x"),
            "Invalid patch path" },
        { "/integration", OP("add", "/cacheKeyParameters", ""),
            "Invalid value" },
        { "/integration/responses/200", OP("replace", "/selectionPattern",
            "("), "Invalid selection pattern" },
        { "/integration/responses/200", OP("replace", "/statusCode", "201"),
            "Invalid patch path /statusCode" },
        { "/responses/200", OP("add", "/responseParameters/x", "true"),
            "Invalid mapping expression" },
        { "/responses/200", OP("add", "/responseModels/a", "none"),
            "Invalid model identifier" },
    };
    char          mixed[512];
    struct place *p = *state;
    struct api    a = make_api(p);
    json_t       *before;

    assert_int_equal(call(p, "GET", a.method, ""), 200);
    before = json_incref(p->answer);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        /* A good operation in front of the bad one is undone with it. */
        (void) snprintf(mixed, sizeof(mixed), "%s%s",
            rows[i].below[0] == '\0'
            ? OP("replace", "/operationName", "x") "," : "",
            rows[i].operations);
        if (patch_below(p, a.method, rows[i].below, mixed) != 400
            || strstr(text(p, "message"), rows[i].words) == NULL)
        {
            fail_msg("%s: %d %s", mixed, p->status, text(p, "message"));
        }
        assert_int_equal(call(p, "GET", a.method, ""), 200);
        assert_true(json_equal(before, p->answer));
    }
    json_decref(before);
    assert_refused(p, "PATCH", "/restapis/none/resources/none",
        "{\"patchOperations\":[]}", 404, "Invalid Resource identifier");
}

/* ---- resources move with all below them ---- */

static void
a_resource_is_renamed_with_its_children(void **state)
{
    struct place *p = *state;
    struct api    a = make_api(p);

    assert_patched(p, a.pets, "", OP("replace", "/pathPart", "animals"),
        200, "path", "\"/animals\"");
    assert_int_equal(call(p, "GET", a.pet, ""), 200);
    assert_string_equal(text(p, "path"), "/animals/{id}");
    assert_int_equal(call(p, "GET", a.method, ""), 200);
}

static void
a_resource_moves_below_another(void **state)
{
    char          body[128], id[16];
    struct place *p = *state;
    struct api    a = make_api(p);

    child(p, a.root + strlen("/restapis/"), a.root_id, "v1", id);
    (void) snprintf(body, sizeof(body),
        "{\"op\":\"replace\",\"path\":\"/parentId\",\"value\":\"%s\"}", id);
    assert_patched(p, a.pets, "", body, 200, "path", "\"/v1/pets\"");
    assert_int_equal(call(p, "GET", a.pet, ""), 200);
    assert_string_equal(text(p, "path"), "/v1/pets/{id}");
    (void) snprintf(body, sizeof(body),
        "{\"op\":\"replace\",\"path\":\"/parentId\",\"value\":\"%s\"}",
        a.pet_id);
    assert_int_equal(patch_below(p, a.pets, "", body), 400);
    assert_string_equal(text(p, "message"), "Resources cannot be cyclical.");
    (void) snprintf(body, sizeof(body),
        "{\"op\":\"replace\",\"path\":\"/parentId\",\"value\":\"%s\"}",
        a.pets_id);
    assert_int_equal(patch_below(p, a.pets, "", body), 400);
}

static void
a_resource_moves_nowhere_bad(void **state)
{
    char          id[16], other[128], target[128];
    struct place *p = *state;
    struct api    a = make_api(p);
    const char   *api = a.root + strlen("/restapis/");

    child(p, api, a.root_id, "cats", id);
    assert_int_equal(patch_below(p, a.pets, "", OP("replace", "/pathPart",
        "cats")), 409);
    assert_int_equal(patch_below(p, a.pets, "", OP("replace", "/pathPart",
        "a b")), 400);
    /* Its child has that variable already; a greedy one has no children. */
    assert_int_equal(patch_below(p, a.pets, "", OP("replace", "/pathPart",
        "{id}")), 400);
    assert_int_equal(patch_below(p, a.pets, "", OP("replace", "/pathPart",
        "{p+}")), 400);
    assert_int_equal(patch_below(p, a.pets, "", OP("replace", "/path", "/x")),
        400);
    (void) snprintf(target, sizeof(target), "%s/resources/%s", a.root,
        a.root_id);
    assert_int_equal(patch_below(p, target, "", OP("replace", "/pathPart",
        "x")), 400);
    (void) snprintf(other, sizeof(other), "%s/resources?limit=500", a.root);
    assert_int_equal(call(p, "GET", other, ""), 200);
    assert_int_equal(json_array_size(json_object_get(p->answer, "item")), 4);
    assert_int_equal(call(p, "GET", a.pet, ""), 200);
    assert_string_equal(text(p, "path"), "/pets/{id}");
}

static void
a_deployment_has_a_description(void **state)
{
    char          target[128];
    struct place *p = *state;
    struct api    a = make_api(p);

    (void) snprintf(target, sizeof(target), "%s/deployments", a.root);
    assert_int_equal(call(p, "POST", target, "{}"), 201);
    (void) snprintf(target, sizeof(target), "%s/deployments/%s", a.root,
        text(p, "id"));
    assert_patched(p, target, "", OP("replace", "/description", "d"), 200,
        "description", "\"d\"");
    assert_int_equal(call(p, "GET", target, ""), 200);
    assert_string_equal(text(p, "description"), "d");
    assert_int_equal(patch_below(p, target, "", OP("replace", "/id", "x")),
        400);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(every_path_of_a_method),
        PLACE_TEST(every_path_of_an_integration),
        PLACE_TEST(every_path_of_the_responses),
        PLACE_TEST(bad_patches_are_refused_and_change_nothing),
        PLACE_TEST(a_resource_is_renamed_with_its_children),
        PLACE_TEST(a_resource_moves_below_another),
        PLACE_TEST(a_resource_moves_nowhere_bad),
        PLACE_TEST(a_deployment_has_a_description),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
