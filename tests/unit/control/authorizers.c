/*
 * authorizers.c - authorizers, and the methods that they guard
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support.h"

#define URI                                                                   \
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"          \
    "arn:aws:lambda:us-east-1:123456789012:function:auth/invocations"
#define POOL "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_a"
#define HEADER "method.request.header.Authorization"

#define TOKEN(more)                                                           \
    "{\"name\":\"t\",\"type\":\"TOKEN\",\"authorizerUri\":\"" URI "\","       \
    "\"identitySource\":\"" HEADER "\"" more "}"
#define REQUEST(more)                                                         \
    "{\"name\":\"r\",\"type\":\"REQUEST\",\"authorizerUri\":\"" URI "\""      \
    more "}"
#define COGNITO(more)                                                         \
    "{\"name\":\"c\",\"type\":\"COGNITO_USER_POOLS\",\"providerARNs\":[\""    \
    POOL "\"],\"identitySource\":\"" HEADER "\"" more "}"

static char api_id[16], list[64], method[128];

static void
make_api(struct place *p)
{
    assert_int_equal(call(p, "POST", "/restapis", "{\"name\":\"a\"}"), 201);
    (void) snprintf(api_id, sizeof(api_id), "%s", text(p, "id"));
    (void) snprintf(method, sizeof(method),
        "/restapis/%s/resources/%s/methods/GET", api_id,
        text(p, "rootResourceId"));
    (void) snprintf(list, sizeof(list), "/restapis/%s/authorizers", api_id);
}

/* Makes one, and gives where it is (static memory). */
static const char *
make(struct place *p, const char *body)
{
    static char target[96];

    if (call(p, "POST", list, body) != 201) {
        fail_msg("%s: %d %s", body, p->status, text(p, "message"));
    }
    (void) snprintf(target, sizeof(target), "%s/%s", list, text(p, "id"));
    return target;
}

static void
assert_members(const struct place *p, const char *expected)
{
    json_t *wanted = json_loads(expected, 0, NULL);

    assert_non_null(wanted);
    json_object_set_new(wanted, "id", json_string(text(p, "id")));
    assert_true(json_equal(wanted, p->answer));
    json_decref(wanted);
}

static void
each_type_has_amazons_defaults(void **state)
{
    const char   *target;
    struct place *p = *state;

    make_api(p);
    target = make(p, TOKEN(",\"identityValidationExpression\":\"^x\""));
    assert_members(p, TOKEN(",\"identityValidationExpression\":\"^x\","
        "\"authType\":\"custom\",\"authorizerResultTtlInSeconds\":300"));
    assert_int_equal(call(p, "GET", target, ""), 200);
    assert_members(p, TOKEN(",\"identityValidationExpression\":\"^x\","
        "\"authType\":\"custom\",\"authorizerResultTtlInSeconds\":300"));
    (void) make(p, REQUEST(",\"authorizerResultTtlInSeconds\":0"));
    assert_members(p, REQUEST(",\"authorizerResultTtlInSeconds\":0,"
        "\"authType\":\"custom\""));
    (void) make(p, COGNITO(""));
    assert_members(p, COGNITO(",\"authType\":\"cognito_user_pools\""));
    assert_int_equal(call(p, "GET", list, ""), 200);
    assert_int_equal(json_array_size(json_object_get(p->answer, "item")), 3);
}

static void
what_cannot_be_is_refused(void **state)
{
    static const struct {
        const char *body, *words;
    } rows[] = {
        { "{\"name\":\"t\"}", "'createAuthorizerInput.type'" },
        { "{\"type\":\"TOKEN\"}", "'createAuthorizerInput.name'" },
        { "{\"name\":\"t\",\"type\":\"JWT\"}", "enum value set" },
        { "{\"name\":\"\",\"type\":\"TOKEN\"}", "must be non-empty" },
        { "{\"name\":\"t\",\"type\":\"TOKEN\",\"identitySource\":\"" HEADER
          "\"}", "Invalid Authorizer URI: null. Authorizer URI should be a "
          "valid API Gateway ARN" },
        { "{\"name\":\"t\",\"type\":\"REQUEST\",\"authorizerUri\":"
          "\"http://x\"}", "Invalid Authorizer URI: http://x." },
        { "{\"name\":\"t\",\"type\":\"TOKEN\",\"authorizerUri\":\"" URI
          "\"}", "Invalid token source expression: null" },
        { "{\"name\":\"t\",\"type\":\"TOKEN\",\"authorizerUri\":\"" URI
          "\",\"identitySource\":\"method.request.querystring.q\"}",
          "The source must be a method request header, matching" },
        { "{\"name\":\"t\",\"type\":\"TOKEN\",\"authorizerUri\":\"" URI
          "\",\"identitySource\":\"method.request.header.\"}",
          "Invalid token source expression" },
        { REQUEST(""), "Identity source must be set" },
        { REQUEST(",\"identitySource\":\"" HEADER ",header.x\""),
          "Invalid identity source expression: header.x" },
        { REQUEST(",\"identitySource\":\"" HEADER " context.x\""),
          "Invalid identity source expression" },
        { REQUEST(",\"identitySource\":\",\""),
          "Invalid identity source expression" },
        { TOKEN(",\"authorizerResultTtlInSeconds\":3601"),
          "between 0 and 3600" },
        { TOKEN(",\"authorizerResultTtlInSeconds\":-1"),
          "between 0 and 3600" },
        { TOKEN(",\"authorizerResultTtlInSeconds\":\"x\""),
          "must be a whole number" },
        { "{\"name\":\"c\",\"type\":\"COGNITO_USER_POOLS\","
          "\"identitySource\":\"" HEADER "\"}", "needs provider ARNs" },
        { "{\"name\":\"c\",\"type\":\"COGNITO_USER_POOLS\","
          "\"providerARNs\":[\"pool\"],\"identitySource\":\"" HEADER "\"}",
          "Invalid provider ARN specified: pool" },
        { "{\"name\":\"c\",\"type\":\"COGNITO_USER_POOLS\","
          "\"providerARNs\":[1]}", "must be a list of strings" },
        { TOKEN(",\"uri\":\"x\""), "unknown member 'uri'" },
    };
    struct place *p = *state;

    make_api(p);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (call(p, "POST", list, rows[i].body) != 400
            || strstr(text(p, "message"), rows[i].words) == NULL)
        {
            fail_msg("%s: %d %s", rows[i].body, p->status,
                text(p, "message"));
        }
    }
    assert_refused(p, "POST", "/restapis/none/authorizers", TOKEN(""), 404,
        "Invalid API identifier specified");
    (void) make(p, TOKEN(""));
    assert_refused(p, "POST", list, TOKEN(""), 400, "Authorizer name must "
        "be unique. Authorizer t already exists in this RestApi.");
    assert_int_equal(call(p, "GET", list, ""), 200);
    assert_int_equal(json_array_size(json_object_get(p->answer, "item")), 1);
}

static void
several_sources_of_identity(void **state)
{
    struct place *p = *state;

    make_api(p);
    (void) make(p, REQUEST(",\"identitySource\":\"" HEADER ", "
        "method.request.querystring.q,stageVariables.v , context.stage\""));
}

static void
a_patch_is_checked_as_a_whole(void **state)
{
    char          target[96];
    struct place *p = *state;

    make_api(p);
    (void) snprintf(target, sizeof(target), "%s", make(p, TOKEN("")));
    assert_int_equal(patch(p, target, "replace",
        "/authorizerResultTtlInSeconds", "10"), 200);
    assert_int_equal(json_integer_value(json_object_get(p->answer,
        "authorizerResultTtlInSeconds")), 10);
    assert_int_equal(patch(p, target, "replace", "/name", "u"), 200);
    assert_int_equal(patch(p, target, "replace", "/identitySource",
        "context.x"), 400);
    assert_int_equal(patch(p, target, "replace",
        "/authorizerResultTtlInSeconds", "4000"), 400);
    assert_int_equal(patch(p, target, "replace", "/authorizerUri", ""), 400);
    assert_int_equal(patch(p, target, "replace", "/id", "x"), 400);
    assert_string_equal(text(p, "message"), "Invalid patch path /id");
    assert_int_equal(patch(p, target, "add", "/name", "x"), 400);
    (void) make(p, REQUEST(",\"authorizerResultTtlInSeconds\":0"));
    assert_int_equal(patch(p, target, "replace", "/name", "r"), 400);
    assert_int_equal(call(p, "PATCH", target, "{\"patchOperations\":["
        "{\"op\":\"add\",\"path\":\"/providerARNs\",\"value\":\"" POOL "\"},"
        "{\"op\":\"replace\",\"path\":\"/type\",\"value\":"
        "\"COGNITO_USER_POOLS\"}]}"), 200);
    assert_int_equal(call(p, "GET", target, ""), 200);
    assert_string_equal(text(p, "name"), "u");
    assert_int_equal(patch(p, "/restapis/none/authorizers/x", "replace",
        "/name", "u"), 404);
    assert_string_equal(text(p, "message"),
        "Invalid Authorizer identifier specified");
}

static int
put_method(struct place *p, const char *type, const char *id)
{
    char body[128];

    (void) snprintf(body, sizeof(body),
        "{\"authorizationType\":\"%s\",\"authorizerId\":\"%s\"}", type, id);
    return call(p, "PUT", method, body);
}

static void
a_method_needs_an_authorizer_of_its_type(void **state)
{
    static const char words[] = "Invalid authorizer ID specified. Setting "
        "the authorization type to CUSTOM or COGNITO_USER_POOLS requires a "
        "valid authorizer.";
    char          token[96], pool[16], other[16];
    const char   *id;
    struct place *p = *state;

    make_api(p);
    (void) make(p, COGNITO(""));
    (void) snprintf(other, sizeof(other), "%s", text(p, "id"));
    make_api(p);
    (void) make(p, COGNITO(""));
    (void) snprintf(pool, sizeof(pool), "%s", text(p, "id"));
    (void) snprintf(token, sizeof(token), "%s", make(p, TOKEN("")));
    id = token + strlen(list) + 1;
    assert_int_equal(put_method(p, "CUSTOM", ""), 400);
    assert_string_equal(text(p, "message"), words);
    assert_int_equal(put_method(p, "CUSTOM", "none"), 400);
    assert_string_equal(text(p, "message"), words);
    assert_int_equal(put_method(p, "COGNITO_USER_POOLS", other), 400);
    assert_int_equal(put_method(p, "COGNITO_USER_POOLS", id), 400);
    assert_int_equal(put_method(p, "CUSTOM", pool), 400);
    assert_int_equal(put_method(p, "CUSTOM", id), 201);
    assert_string_equal(text(p, "authorizerId"), id);
    assert_int_equal(call(p, "DELETE", token, ""), 409);
    assert_string_equal(text(p, "message"),
        "Cannot delete authorizer 't', is referenced in method: GET//");
    assert_int_equal(call(p, "PATCH", token, "{\"patchOperations\":["
        "{\"op\":\"add\",\"path\":\"/providerARNs\",\"value\":\"" POOL "\"},"
        "{\"op\":\"replace\",\"path\":\"/type\",\"value\":"
        "\"COGNITO_USER_POOLS\"}]}"), 400);
    assert_int_equal(patch(p, method, "replace", "/authorizerId", pool),
        400);
    assert_int_equal(patch(p, method, "replace", "/authorizationType",
        "NONE"), 200);
    assert_null(json_object_get(p->answer, "authorizerId"));
    /* Amazon takes no notice of an authorizer that nothing asks for. */
    assert_int_equal(patch(p, method, "replace", "/authorizerId", "x"), 200);
    assert_null(json_object_get(p->answer, "authorizerId"));
    assert_int_equal(call(p, "DELETE", token, ""), 202);
    assert_refused(p, "DELETE", token, "", 404, "Invalid Authorizer");
}

static void
scopes_belong_to_user_pools(void **state)
{
    char          body[256];
    struct place *p = *state;

    make_api(p);
    (void) make(p, COGNITO(""));
    (void) snprintf(body, sizeof(body), "{\"authorizationType\":"
        "\"COGNITO_USER_POOLS\",\"authorizerId\":\"%s\","
        "\"authorizationScopes\":[\"a/b\"]}", text(p, "id"));
    assert_int_equal(call(p, "PUT", method, body), 201);
    assert_int_equal(call(p, "DELETE", method, ""), 204);
    assert_refused(p, "PUT", method, "{\"authorizationType\":\"NONE\","
        "\"authorizationScopes\":[\"a/b\"]}", 400, "authorizationScopes");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(each_type_has_amazons_defaults),
        PLACE_TEST(what_cannot_be_is_refused),
        PLACE_TEST(several_sources_of_identity),
        PLACE_TEST(a_patch_is_checked_as_a_whole),
        PLACE_TEST(a_method_needs_an_authorizer_of_its_type),
        PLACE_TEST(scopes_belong_to_user_pools),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
