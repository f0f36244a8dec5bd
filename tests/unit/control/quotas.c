/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

static char api[64], root[16];

/* An API with one deployment, a stage, two models and nothing else. */
static void
scene(struct place *p)
{
    char target[160];

    assert_int_equal(call(p, "POST", "/restapis", "{\"name\":\"a\"}"), 201);
    (void) snprintf(api, sizeof(api), "/restapis/%s", text(p, "id"));
    (void) snprintf(root, sizeof(root), "%s", text(p, "rootResourceId"));
    (void) snprintf(target, sizeof(target), "%s/resources/%s/methods/GET",
        api, root);
    assert_int_equal(call(p, "PUT", target,
        "{\"authorizationType\":\"NONE\"}"), 201);
    strcat(target, "/integration");
    assert_int_equal(call(p, "PUT", target, "{\"type\":\"MOCK\"}"), 201);
    (void) snprintf(target, sizeof(target), "%s/deployments", api);
    assert_int_equal(call(p, "POST", target, "{\"stageName\":\"s0\"}"), 201);
}

/* Of body the letter # becomes a number; $D the deployment. */
static const char *
numbered(struct place *p, const char *body, int number)
{
    static char out[512], id[16];
    char       *to = out;

    if (strstr(body, "$D") != NULL) {
        char target[128];

        (void) snprintf(target, sizeof(target), "%s/stages/s0", api);
        assert_int_equal(call(p, "GET", target, ""), 200);
        (void) snprintf(id, sizeof(id), "%s", text(p, "deploymentId"));
    }
    for (; *body != '\0'; body++) {
        if (*body == '#') {
            to += sprintf(to, "%d", number);
        } else if (strncmp(body, "$D", 2) == 0) {
            to += sprintf(to, "%s", id);
            body++;
        } else {
            *to++ = *body;
        }
    }
    *to = '\0';
    return out;
}

#define LIMIT(member) offsetof(struct tg_settings, limits.member)
#define REACHED(what, whose, setting)                                         \
    "Maximum number of " what " for this " whose " has been reached. The "    \
    "operator of this gateway has set limits." setting " to 3."

static void
there_are_as_many_as_the_settings_say(void **state)
{
    static const struct {
        size_t      limit;
        int         there; /* already */
        const char *target; /* behind the API, if it begins with "." */
        const char *body;
        const char *words;
    } rows[] = {
        { LIMIT(api_keys), 0, "/apikeys", "{}",
            REACHED("API Keys", "account", "api_keys") },
        { LIMIT(usage_plans), 0, "/usageplans", "{\"name\":\"p#\"}",
            REACHED("Usage Plans", "account", "usage_plans") },
        { LIMIT(rest_apis), 1, "/restapis", "{\"name\":\"a#\"}",
            REACHED("REST APIs", "account", "rest_apis") },
        { LIMIT(domain_names), 0, "/domainnames",
            "{\"domainName\":\"d#.example.com\"}",
            REACHED("Domain Names", "account", "domain_names") },
        { LIMIT(resources), 0, "./resources/$R", "{\"pathPart\":\"r#\"}",
            REACHED("Resources", "API", "resources") },
        { LIMIT(stages), 1, "./stages",
            "{\"stageName\":\"s#\",\"deploymentId\":\"$D\"}",
            REACHED("Stages", "API", "stages") },
        { LIMIT(stages), 1, "./deployments", "{\"stageName\":\"t#\"}",
            REACHED("Stages", "API", "stages") },
        { LIMIT(models), 2, "./models",
            "{\"name\":\"m#\",\"contentType\":\"application/json\","
            "\"schema\":\"{}\"}",
            REACHED("Models", "API", "models") },
        { LIMIT(authorizers), 0, "./authorizers",
            "{\"name\":\"a#\",\"type\":\"COGNITO_USER_POOLS\","
            "\"identitySource\":\"method.request.header.Authorization\","
            "\"providerARNs\":[\"arn:aws:cognito-idp:us-east-1:123456789012:"
            "userpool/us-east-1_a\"]}",
            REACHED("Authorizers", "API", "authorizers") },
        { LIMIT(documentation_parts), 0, "./documentation/parts",
            "{\"location\":{\"type\":\"MODEL\",\"name\":\"m#\"},"
            "\"properties\":\"{}\"}",
            REACHED("Documentation Parts", "API", "documentation_parts") },
    };
    struct place *p = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int   *limit = (int *) (void *) ((char *) p->settings
            + rows[i].limit);
        int    before = *limit;
        char   target[160];

        run_sql(p, "DELETE FROM stage");
        run_sql(p, "DELETE FROM rest_api");
        scene(p);
        (void) snprintf(target, sizeof(target), "%s%s",
            rows[i].target[0] == '.' ? api : "",
            rows[i].target + (rows[i].target[0] == '.'));
        if (strstr(target, "$R") != NULL) {
            strcpy(strstr(target, "$R"), root);
        }
        *limit = 3;
        for (int n = rows[i].there; n < 3; n++) {
            if (call(p, "POST", target, numbered(p, rows[i].body, n))
                != 201)
            {
                fail_msg("%s: %d %s", target, p->status, text(p, "message"));
            }
        }
        assert_refused(p, "POST", target, numbered(p, rows[i].body, 3), 429,
            rows[i].words);
        *limit = 0; /* none */
        assert_int_equal(call(p, "POST", target, numbered(p, rows[i].body,
            3)), 201);
        *limit = before;
    }
}

/* One key more than may be: all of them are refused. */
static void
keys_of_one_import_are_counted_together(void **state)
{
    struct place *p = *state;

    p->settings->limits.api_keys = 2;
    assert_refused(p, "POST", "/apikeys?mode=import&format=csv",
        "name,key\na,aaaaaaaaaaaaaaaaaaaa1\nb,aaaaaaaaaaaaaaaaaaaa2\n"
        "c,aaaaaaaaaaaaaaaaaaaa3\n", 429, "API Keys for this account");
    assert_int_equal(number(p, "SELECT count(*) FROM api_key"), 0);
    assert_int_equal(call(p, "POST", "/apikeys?mode=import&format=csv",
        "name,key\na,aaaaaaaaaaaaaaaaaaaa1\nb,aaaaaaaaaaaaaaaaaaaa2\n"), 201);
    /* those that are there already make no new ones */
    assert_int_equal(call(p, "POST", "/apikeys?mode=import&format=csv",
        "name,key\nd,aaaaaaaaaaaaaaaaaaaa1\n"), 201);
    assert_refused(p, "POST", "/apikeys", "{}", 429, "API Keys");
}

static void
a_document_has_no_more_than_an_api_may(void **state)
{
    struct place *p = *state;
    const char   *document = "{\"openapi\":\"3.0.1\",\"info\":{\"title\":"
        "\"a\",\"version\":\"1\"},\"paths\":{\"/a/b\":{},\"/c\":{}}}";

    p->settings->limits.resources = 2;
    assert_refused(p, "POST", "/restapis?mode=import", document, 429,
        "Resources for this API");
    assert_int_equal(number(p, "SELECT count(*) FROM rest_api"), 0);
    p->settings->limits.resources = 3;
    assert_int_equal(call(p, "POST", "/restapis?mode=import", document), 201);
}

static void
a_key_is_in_so_many_plans_and_a_plan_throttles_so_many_methods(void **state)
{
    char          body[256], target[64], key[16];
    struct place *p = *state;

    p->settings->limits.plans_per_key = 1;
    assert_int_equal(call(p, "POST", "/apikeys", "{}"), 201);
    (void) snprintf(key, sizeof(key), "%s", text(p, "id"));
    (void) snprintf(body, sizeof(body),
        "{\"keyId\":\"%s\",\"keyType\":\"API_KEY\"}", key);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(call(p, "POST", "/usageplans",
            "{\"name\":\"p\"}"), 201);
        (void) snprintf(target, sizeof(target), "/usageplans/%s/keys",
            text(p, "id"));
        assert_int_equal(call(p, "POST", target, body), i == 0 ? 201 : 429);
    }
    scene(p);
    p->settings->limits.method_throttles = 1;
    (void) snprintf(body, sizeof(body), "{\"name\":\"p\",\"apiStages\":["
        "{\"apiId\":\"%s\",\"stage\":\"s0\",\"throttle\":{\"/a/GET\":"
        "{\"rateLimit\":1,\"burstLimit\":1},\"/b/GET\":{\"rateLimit\":1,"
        "\"burstLimit\":1}}}]}", api + strlen("/restapis/"));
    assert_refused(p, "POST", "/usageplans", body, 429,
        "At most 1 methods of a stage can be throttled");
    p->settings->limits.method_throttles = 2;
    assert_int_equal(call(p, "POST", "/usageplans", body), 201);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(there_are_as_many_as_the_settings_say),
        PLACE_TEST(keys_of_one_import_are_counted_together),
        PLACE_TEST(a_document_has_no_more_than_an_api_may),
        PLACE_TEST(
            a_key_is_in_so_many_plans_and_a_plan_throttles_so_many_methods),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
