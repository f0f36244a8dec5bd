/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "control/canary.h"
#include "plane/routes.h"

static char api[64], stage[96], first[16], second[16];

/* An API with one method, deployed twice; its stage has two variables. */
static void
scene(struct place *p)
{
    char target[192];

    assert_int_equal(call(p, "POST", "/restapis", "{\"name\":\"a\"}"), 201);
    (void) snprintf(api, sizeof(api), "/restapis/%s", text(p, "id"));
    (void) snprintf(target, sizeof(target), "%s/resources/%s/methods/GET",
        api, text(p, "rootResourceId"));
    assert_int_equal(call(p, "PUT", target,
        "{\"authorizationType\":\"NONE\"}"), 201);
    strcat(target, "/integration");
    assert_int_equal(call(p, "PUT", target, "{\"type\":\"MOCK\"}"), 201);
    (void) snprintf(target, sizeof(target), "%s/deployments", api);
    assert_int_equal(call(p, "POST", target, "{}"), 201);
    (void) snprintf(second, sizeof(second), "%s", text(p, "id"));
    assert_int_equal(call(p, "POST", target, "{\"stageName\":\"prod\","
        "\"variables\":{\"who\":\"all\",\"where\":\"here\"}}"), 201);
    (void) snprintf(first, sizeof(first), "%s", text(p, "id"));
    (void) snprintf(stage, sizeof(stage), "%s/stages/prod", api);
}

/* Text with 1ST and 2ND replaced by the ids of the deployments. */
static const char *
with_ids(const char *from)
{
    static char out[1024];
    char       *to = out;

    while (*from != '\0') {
        bool is_first = strncmp(from, "1ST", 3) == 0;

        if (is_first || strncmp(from, "2ND", 3) == 0) {
            to += sprintf(to, "%s", is_first ? first : second);
            from += 3;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
    return out;
}

static void
assert_member(struct place *p, const char *name, const char *expected)
{
    json_t *got = json_object_get(p->answer, name);
    json_t *json = expected != NULL
        ? json_loads(with_ids(expected), JSON_DECODE_ANY, NULL) : NULL;
    char   *dump = got != NULL ? json_dumps(got, JSON_ENCODE_ANY) : NULL;

    assert_true(expected == NULL || json != NULL);
    if (expected == NULL ? got != NULL : !json_equal(json, got)) {
        fail_msg("%s is %s, expected %s", name, dump, expected);
    }
    free(dump);
    json_decref(json);
}

#define ADD(path, value)                                                      \
    "{\"op\":\"add\",\"path\":\"" path "\",\"value\":\"" value "\"}"
#define REPLACE(path, value)                                                  \
    "{\"op\":\"replace\",\"path\":\"" path "\",\"value\":\"" value "\"}"
#define REMOVE(path) "{\"op\":\"remove\",\"path\":\"" path "\"}"
#define COPY(from, path)                                                      \
    "{\"op\":\"copy\",\"from\":\"" from "\",\"path\":\"" path "\"}"
#define CANARY(deployment, percent, more)                                     \
    "{\"deploymentId\":\"" deployment "\",\"percentTraffic\":" percent        \
    ",\"useStageCache\":false" more "}"
#define LOG "/accessLogSettings/"
#define TRY "/canarySettings/"
#define OVERRIDES TRY "stageVariableOverrides"

static int
update(struct place *p, const char *operations)
{
    char body[2048];

    (void) snprintf(body, sizeof(body), "{\"patchOperations\":[%s]}",
        with_ids(operations));
    return call(p, "PATCH", stage, body);
}

static void
each_path_of_a_stage_is_set_and_taken_away(void **state)
{
    static const struct {
        const char *operations, *member, *expected;
    } rows[] = {
        {REPLACE("/description", "x"), "description", "\"x\""},
        {REPLACE("/description", ""), "description", NULL},
        {ADD("/variables/more", "1"), "variables",
            "{\"who\":\"all\",\"where\":\"here\",\"more\":\"1\"}"},
        {REPLACE("/variables/who", "few") "," REMOVE("/variables/more"),
            "variables", "{\"who\":\"few\",\"where\":\"here\"}"},
        {REPLACE("/variables/who", "all"), "variables",
            "{\"who\":\"all\",\"where\":\"here\"}"},
        {ADD(LOG "destinationArn", "arn:aws:logs:x:1:log-group:g"),
            "accessLogSettings",
            "{\"destinationArn\":\"arn:aws:logs:x:1:log-group:g\"}"},
        {REPLACE(LOG "format", "$context.requestId"), "accessLogSettings",
            "{\"destinationArn\":\"arn:aws:logs:x:1:log-group:g\","
            "\"format\":\"$context.requestId\"}"},
        {REMOVE("/accessLogSettings"), "accessLogSettings", NULL},
        {REMOVE("/accessLogSettings"), "accessLogSettings", NULL},
        {REPLACE("/tracingEnabled", "True"), "tracingEnabled", "true"},
        {REPLACE("/tracingEnabled", "perhaps"), "tracingEnabled", "false"},
        {REPLACE("/cacheClusterEnabled", "false"), "cacheClusterEnabled",
            "false"},
        {REPLACE("/cacheClusterSize", "6.1"), "cacheClusterSize", "\"6.1\""},
        {REPLACE("/cacheClusterSize", ""), "cacheClusterSize", NULL},
        {REPLACE("/clientCertificateId", ""), "clientCertificateId", NULL},
        {REPLACE(TRY "deploymentId", "2ND"), "canarySettings",
            CANARY("2ND", "0.0", "")},
        {REPLACE(TRY "percentTraffic", "12.5"), "canarySettings",
            CANARY("2ND", "12.5", "")},
        {REPLACE(OVERRIDES "/who", "some") ","
            REPLACE(OVERRIDES "/new", "one"), "canarySettings",
            CANARY("2ND", "12.5", ",\"stageVariableOverrides\":"
                "{\"who\":\"some\",\"new\":\"one\"}")},
        {REMOVE(OVERRIDES "/who"), "canarySettings",
            CANARY("2ND", "12.5", ",\"stageVariableOverrides\":"
                "{\"new\":\"one\"}")},
        {REPLACE(TRY "useStageCache", "true"), "deploymentId", "\"1ST\""},
        {COPY(TRY "deploymentId", "/deploymentId"), "deploymentId",
            "\"2ND\""},
        {COPY(OVERRIDES, "/variables"), "variables",
            "{\"who\":\"all\",\"where\":\"here\",\"new\":\"one\"}"},
        {REMOVE(OVERRIDES "/new"), "canarySettings",
            "{\"deploymentId\":\"2ND\",\"percentTraffic\":12.5,"
            "\"useStageCache\":true}"},
        {REMOVE("/canarySettings"), "canarySettings", NULL},
        {REMOVE("/canarySettings"), "canarySettings", NULL},
        {REPLACE(TRY "percentTraffic", "100"), "canarySettings",
            CANARY("2ND", "100.0", "")},
        {REMOVE("/canarySettings") "," REPLACE("/deploymentId", "1ST"),
            "deploymentId", "\"1ST\""},
    };
    struct place *p = *state;

    scene(p);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (update(p, rows[i].operations) != 200) {
            fail_msg("%s: %s", rows[i].operations, text(p, "message"));
        }
        assert_member(p, rows[i].member, rows[i].expected);
        assert_int_equal(call(p, "GET", stage, ""), 200); /* it is stored */
        assert_member(p, rows[i].member, rows[i].expected);
    }
}

#define NO_SETTING(path)                                                      \
    "Cannot remove method setting " path " because there is no method "      \
    "setting for this method "
#define NO_PATH(path)                                                         \
    "Invalid method setting path: " path ". Must be one of: [/deploymentId, "
#define LOG_PATHS                                                             \
    "Invalid accessLogSettings path. Must be one of : "                       \
    "[/accessLogSettings/destinationArn, /accessLogSettings/format]"
#define COPIES(from, path)                                                    \
    "Invalid copy operation with path: " path " and from " from ". Valid "    \
    "copy:path are [/deploymentId, /variables] and valid copy:from are "      \
    "[/canarySettings/deploymentId, /canarySettings/stageVariableOverrides]"

static void
what_a_stage_cannot_be_told_changes_nothing(void **state)
{
    static const struct {
        const char *operations;
        int         status;
        const char *words;
    } rows[] = {
        {REPLACE("/stageName", "x"), 400, NO_PATH("/stageName")},
        {REPLACE("/tags/a", "x"), 400, NO_PATH("/tags/a")},
        {REPLACE("/canarySettings", "x"), 400, NO_PATH("/canarySettings")},
        {REPLACE(TRY "x", "x"), 400, NO_PATH("/canarySettings/x")},
        {REPLACE(TRY "percentTraffic/x", "1"), 400,
            NO_PATH("/canarySettings/percentTraffic/x")},
        {REMOVE(TRY "percentTraffic"), 400,
            NO_SETTING("canarySettings/percentTraffic")},
        {REMOVE(OVERRIDES), 400,
            NO_SETTING("canarySettings/stageVariableOverrides")},
        {REMOVE(OVERRIDES "/who"), 400,
            NO_SETTING("canarySettings/stageVariableOverrides/who")},
        {ADD(TRY "deploymentId", "2ND"), 400,
            "Invalid add operation with path: /canarySettings/deploymentId"},
        {REPLACE(TRY "deploymentId", "none00"), 400,
            "Deployment id does not exist"},
        {REPLACE(TRY "percentTraffic", "100.1"), 400, "between 0.0 and 100"},
        {REPLACE(TRY "percentTraffic", "-1"), 400, "between 0.0 and 100"},
        {REPLACE(TRY "percentTraffic", "nan"), 400, "between 0.0 and 100"},
        {REPLACE(TRY "percentTraffic", "half"), 400, "between 0.0 and 100"},
        {REPLACE(OVERRIDES "/who", "{}"), 400, "Stage variable value"},
        {REPLACE(OVERRIDES "/w o", "x"), 400, "Stage variable name"},
        {COPY("/variables", OVERRIDES), 400,
            COPIES("/variables", "/canarySettings/stageVariableOverrides")},
        {COPY("/deploymentId", "/deploymentId"), 400,
            COPIES("/deploymentId", "/deploymentId")},
        {"{\"op\":\"copy\",\"path\":\"/variables\"}", 400,
            COPIES("null", "/variables")},
        {COPY(TRY "deploymentId", "/deploymentId"), 400,
            "Promotion not available. Canary does not exist."},
        {ADD(LOG "x", "x"), 400, LOG_PATHS},
        {REPLACE("/accessLogSettings", "x"), 400, LOG_PATHS},
        {REPLACE(LOG "format", ""), 400, "Access Log value must not be "
            "empty"},
        {REPLACE(LOG "destinationArn", "here"), 400, "Invalid ARN"},
        {REMOVE(LOG "format"), 400, NO_SETTING("accessLogSettings/format")},
        {REPLACE("/cacheClusterEnabled", "true"), 400, "it has no cache"},
        {REPLACE("/cacheClusterSize", "7"), 400, "Must be one of: [0.5, "},
        {REPLACE("/clientCertificateId", "abc123"), 400,
            "clientCertificateId is not supported by this gateway"},
        {REPLACE("/documentationVersion", "7"), 404,
            "Invalid Documentation version specified"},
        {REPLACE("/deploymentId", "none00"), 404,
            "Invalid Deployment identifier specified"},
        {REMOVE("/deploymentId"), 400, NO_SETTING("deploymentId")},
        {REMOVE("/variables/none"), 400, "Invalid stage variable name"},
        {REPLACE("description", "x"), 400, NO_PATH("description")},
    };
    char          body[1024];
    json_t       *before;
    struct place *p = *state;

    scene(p);
    assert_int_equal(call(p, "GET", stage, ""), 200);
    before = json_incref(p->answer);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void) snprintf(body, sizeof(body), "{\"patchOperations\":["
            REPLACE("/description", "lost") ",%s]}",
            with_ids(rows[i].operations));
        assert_refused(p, "PATCH", stage, body, rows[i].status,
            rows[i].words);
        assert_int_equal(call(p, "GET", stage, ""), 200);
        assert_true(json_equal(before, p->answer));
    }
    json_decref(before);
}

static void
a_stage_is_made_with_a_canary(void **state)
{
    static const struct {
        const char *settings;
        int         status;
        const char *expected; /* canarySettings, or words of the refusal */
    } rows[] = {
        {"{}", 201, CANARY("1ST", "0.0", "")},
        {"{\"percentTraffic\":40,\"deploymentId\":\"2ND\","
            "\"stageVariableOverrides\":{\"who\":\"x\"}}", 201,
            CANARY("2ND", "40.0",
                ",\"stageVariableOverrides\":{\"who\":\"x\"}")},
        {"{\"deploymentId\":\"none00\"}", 400,
            "Deployment id does not exist"},
        {"{\"percentTraffic\":101}", 400, "between 0.0 and 100.0"},
        {"{\"percentTraffic\":\"much\"}", 400, "percentTraffic must be"},
        {"{\"stageVariableOverrides\":{\"a\":\"{}\"}}", 400,
            "Stage variable value"},
        {"{\"share\":1}", 400, "share"},
        {"7", 400, "canarySettings must be an object"},
    };
    char          body[512], target[128];
    struct place *p = *state;

    scene(p);
    (void) snprintf(target, sizeof(target), "%s/stages", api);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void) snprintf(body, sizeof(body), "{\"stageName\":\"s%zu\","
            "\"deploymentId\":\"%s\",\"canarySettings\":%s}", i, first,
            with_ids(rows[i].settings));
        assert_int_equal(call(p, "POST", target, body), rows[i].status);
        if (rows[i].status == 201) {
            assert_member(p, "canarySettings", rows[i].expected);
        } else if (strstr(text(p, "message"), rows[i].expected) == NULL) {
            fail_msg("%s: %s", rows[i].settings, text(p, "message"));
        }
    }
}

static void
a_deployment_is_tried_before_the_stage_moves_there(void **state)
{
    char          target[128], body[256], id[16];
    struct place *p = *state;

    scene(p);
    (void) snprintf(target, sizeof(target), "%s/deployments", api);
    assert_refused(p, "POST", target, "{\"canarySettings\":{}}", 400,
        "Invalid deployment content specified.Non null and non empty "
        "stageName must be provided for canary deployment. Provided value "
        "is null");
    assert_refused(p, "POST", target, "{\"stageName\":\"\","
        "\"canarySettings\":{}}", 400, "Provided value is ");
    assert_refused(p, "POST", target, "{\"stageName\":\"dev\","
        "\"canarySettings\":{}}", 400, "Invalid deployment content "
        "specified.Stage dev must already be created before making a canary "
        "release deployment");
    assert_int_equal(call(p, "POST", target, "{\"stageName\":\"prod\","
        "\"canarySettings\":{\"percentTraffic\":5}}"), 201);
    (void) snprintf(id, sizeof(id), "%s", text(p, "id"));
    assert_int_equal(call(p, "GET", stage, ""), 200);
    assert_string_equal(text(p, "deploymentId"), first);
    (void) snprintf(body, sizeof(body), "{\"deploymentId\":\"%s\","
        "\"percentTraffic\":5.0,\"useStageCache\":false}", id);
    assert_member(p, "canarySettings", body);
    (void) snprintf(target, sizeof(target), "%s/deployments/%s", api, id);
    assert_refused(p, "DELETE", target, "", 400,
        "Active stages pointing to this deployment must be moved or "
        "deleted");
    assert_int_equal(update(p, REMOVE("/canarySettings")), 200);
    assert_int_equal(call(p, "DELETE", target, ""), 202);
}

static void
a_share_is_rounded_to_a_millionth(void **state)
{
    static const struct {
        double   percent;
        uint32_t share;
    } rows[] = {
        {0, 0}, {0.0001, 1}, {0.5, 5000}, {33.3333, 333333},
        {100, TG_ROUTE_SHARE_ALL},
    };

    (void) state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *doc = json_pack("{s{sf}}", "canarySettings",
            "percentTraffic", rows[i].percent);

        assert_int_equal(tg_canary_share(doc), rows[i].share);
        json_decref(doc);
    }
}

static void
deployments_are_listed_with_their_summaries(void **state)
{
    size_t        i;
    char          target[128];
    json_t       *item;
    struct place *p = *state;

    scene(p);
    (void) snprintf(target, sizeof(target), "%s/deployments", api);
    assert_int_equal(call(p, "GET", target, ""), 200);
    json_array_foreach(json_object_get(p->answer, "item"), i, item) {
        assert_null(json_object_get(item, "apiSummary"));
    }
    strcat(target, "?embed=apisummary");
    assert_int_equal(call(p, "GET", target, ""), 200);
    assert_int_equal(json_array_size(json_object_get(p->answer, "item")), 2);
    json_array_foreach(json_object_get(p->answer, "item"), i, item) {
        json_t *method = json_object_get(json_object_get(
            json_object_get(item, "apiSummary"), "/"), "GET");

        assert_string_equal(json_string_value(json_object_get(method,
            "authorizationType")), "NONE");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(each_path_of_a_stage_is_set_and_taken_away),
        PLACE_TEST(what_a_stage_cannot_be_told_changes_nothing),
        PLACE_TEST(a_stage_is_made_with_a_canary),
        PLACE_TEST(a_deployment_is_tried_before_the_stage_moves_there),
        cmocka_unit_test(a_share_is_rounded_to_a_millionth),
        PLACE_TEST(deployments_are_listed_with_their_summaries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
