/*
 * tags.c - the tags of APIs and stages, and of what has none
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support.h"

#define ARN "/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2F"

static void
deploy(struct place *p, char api[32])
{
    char target[128], root[32];

    assert_int_equal(call(p, "POST", "/restapis", "{\"name\":\"a\","
        "\"tags\":{\"born\":\"1\"}}"), 201);
    (void) snprintf(api, 32, "%s", text(p, "id"));
    (void) snprintf(root, sizeof(root), "%s", text(p, "rootResourceId"));
    (void) snprintf(target, sizeof(target),
        "/restapis/%s/resources/%s/methods/GET", api, root);
    assert_int_equal(call(p, "PUT", target,
        "{\"authorizationType\":\"NONE\"}"), 201);
    (void) snprintf(target, sizeof(target),
        "/restapis/%s/resources/%s/methods/GET/integration", api, root);
    assert_int_equal(call(p, "PUT", target, "{\"type\":\"MOCK\"}"), 201);
    (void) snprintf(target, sizeof(target), "/restapis/%s/deployments", api);
    assert_int_equal(call(p, "POST", target, "{\"stageName\":\"prod\"}"),
        201);
}

static void
apis_and_stages_have_tags(void **state)
{
    char          api[32], arn[128], stage[192], target[64];
    struct place *p = *state;

    deploy(p, api);
    (void) snprintf(arn, sizeof(arn), "%srestapis%%2F%s", ARN, api);
    (void) snprintf(stage, sizeof(stage), "%s%%2Fstages%%2Fprod", arn);
    assert_int_equal(call(p, "GET", arn, ""), 200);
    assert_answer(p, 200, "{\"tags\":{\"born\":\"1\"}}");
    assert_int_equal(call(p, "PUT", arn, "{\"tags\":{\"a\":\"2\"}}"), 204);
    assert_int_equal(call(p, "PUT", stage, "{\"tags\":{\"s\":\"3\"}}"), 204);
    (void) snprintf(target, sizeof(target), "/restapis/%s", api);
    assert_int_equal(call(p, "GET", target, ""), 200);
    assert_int_equal(json_object_size(json_object_get(p->answer, "tags")), 2);
    (void) call(p, "GET", stage, "");
    assert_answer(p, 200, "{\"tags\":{\"s\":\"3\"}}");
    (void) snprintf(target, sizeof(target), "/restapis/%s/stages/prod", api);
    assert_int_equal(call(p, "GET", target, ""), 200);
    assert_string_equal(json_string_value(json_object_get(json_object_get(
        p->answer, "tags"), "s")), "3");
    (void) snprintf(stage, sizeof(stage), "%s%%2Fstages%%2Fprod?tagKeys=s",
        arn);
    assert_int_equal(call(p, "DELETE", stage, ""), 204);
    assert_int_equal(call(p, "GET", target, ""), 200);
    assert_null(json_object_get(p->answer, "tags"));
}

static void
what_is_not_there_has_no_tags(void **state)
{
    struct place *p = *state;

    assert_refused(p, "GET", ARN "restapis%2Fnone", "", 404,
        "Invalid API identifier");
    assert_refused(p, "GET", ARN "restapis%2Fnone%2Fstages%2Fx", "", 404,
        "Invalid stage identifier");
    assert_refused(p, "GET", ARN "vpclinks%2Fx", "", 400, "expected the ARN");
    assert_refused(p, "PUT", ARN "restapis%2Fnone", "{\"tags\":{}}", 404,
        "Invalid API identifier");
}

static void
the_account_keeps_its_role(void **state)
{
    struct place *p = *state;

    assert_int_equal(patch(p, "/account", "replace", "/cloudwatchRoleArn",
        "arn:aws:iam::123456789012:role/cw"), 200);
    assert_int_equal(call(p, "GET", "/account", ""), 200);
    assert_string_equal(text(p, "cloudwatchRoleArn"),
        "arn:aws:iam::123456789012:role/cw");
    assert_int_equal(patch(p, "/account", "add", "/features", "UsagePlans"),
        200);
    assert_int_equal(patch(p, "/account", "add", "/features", "Caching"),
        400);
    assert_int_equal(patch(p, "/account", "replace", "/cloudwatchRoleArn",
        "role"), 400);
    assert_int_equal(patch(p, "/account", "replace", "/apiKeyVersion", "5"),
        400);
    assert_int_equal(patch(p, "/account", "replace", "/cloudwatchRoleArn",
        ""), 200);
    assert_int_equal(call(p, "GET", "/account", ""), 200);
    assert_null(json_object_get(p->answer, "cloudwatchRoleArn"));
    assert_int_equal(json_array_size(json_object_get(p->answer, "features")),
        1);
}

/* Never accepted and ignored; and where there is nothing, that is said. */
static void
what_the_gateway_has_not_is_refused(void **state)
{
    static const struct {
        const char *method, *target;
        int         status;
        const char *words;
    } rows[] = {
        {"POST", "/vpclinks", 400, "VPC links are not supported"},
        {"GET", "/vpclinks/x", 404, "Invalid Vpc Link identifier"},
        {"DELETE", "/vpclinks/x", 404, "Invalid Vpc Link identifier"},
        {"POST", "/clientcertificates", 400,
            "Client certificates are not supported"},
        {"GET", "/clientcertificates/x", 404, "Invalid Client Certificate"},
        {"POST", "/domainnameaccessassociations", 400, "are not supported"},
        {"POST", "/restapis/a/resources/b/methods/GET", 400,
            "Test invocations are not supported"},
        {"GET", "/restapis/a/stages/b/sdks/java", 400,
            "Generated SDKs are not supported"},
        {"DELETE", "/restapis/a/stages/b/cache/data", 400,
            "Cache clusters of stages are not supported"},
        {"GET", "/sdktypes/cobol", 404, "Invalid SDK type"},
    };
    size_t        i;
    struct place *p = *state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_refused(p, rows[i].method, rows[i].target, "{}",
            rows[i].status, rows[i].words);
    }
    assert_int_equal(call(p, "GET", "/vpclinks", ""), 200);
    assert_answer(p, 200, "{\"item\":[]}");
    assert_int_equal(call(p, "GET", "/sdktypes", ""), 200);
    assert_int_equal(json_array_size(json_object_get(p->answer, "item")), 6);
    assert_int_equal(call(p, "GET", "/sdktypes/java", ""), 200);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(apis_and_stages_have_tags),
        PLACE_TEST(what_is_not_there_has_no_tags),
        PLACE_TEST(the_account_keeps_its_role),
        PLACE_TEST(what_the_gateway_has_not_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
