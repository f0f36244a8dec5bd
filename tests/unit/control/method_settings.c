/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "control/method_settings.h"

static char stage[96]; /* its target */

/* An API with one method, deployed. */
static void
scene(struct place *p)
{
    char api[32], root[32], target[160];

    assert_int_equal(call(p, "POST", "/restapis", "{\"name\":\"a\"}"), 201);
    (void) snprintf(api, sizeof(api), "%s", text(p, "id"));
    (void) snprintf(root, sizeof(root), "%s", text(p, "rootResourceId"));
    (void) snprintf(target, sizeof(target),
        "/restapis/%s/resources/%s/methods/GET", api, root);
    assert_int_equal(call(p, "PUT", target,
        "{\"authorizationType\":\"NONE\"}"), 201);
    strcat(target, "/integration");
    assert_int_equal(call(p, "PUT", target, "{\"type\":\"MOCK\"}"), 201);
    (void) snprintf(target, sizeof(target), "/restapis/%s/deployments", api);
    assert_int_equal(call(p, "POST", target, "{\"stageName\":\"prod\"}"),
        201);
    (void) snprintf(stage, sizeof(stage), "/restapis/%s/stages/prod", api);
}

static const json_t *
setting(struct place *p, const char *key)
{
    return json_object_get(json_object_get(p->answer, "methodSettings"),
        key);
}

#define FILLED(burst, rate)                                                   \
    "\"metricsEnabled\":false,"                                              \
    "\"dataTraceEnabled\":false,\"throttlingBurstLimit\":" burst ","          \
    "\"throttlingRateLimit\":" rate ",\"cachingEnabled\":true,"               \
    "\"cacheTtlInSeconds\":300,\"cacheDataEncrypted\":false,"                 \
    "\"requireAuthorizationForCacheControl\":true,"                           \
    "\"unauthorizedCacheControlHeaderStrategy\":"                             \
    "\"SUCCEED_WITH_RESPONSE_HEADER\""

static void
assert_setting(struct place *p, const char *key, const char *expected)
{
    json_t *json = json_loads(expected, 0, NULL);
    char   *got = json_dumps(setting(p, key), JSON_ENCODE_ANY);

    assert_non_null(json);
    if (!json_equal(json, setting(p, key))) {
        fail_msg("%s: %s, expected %s", key, got, expected);
    }
    free(got);
    json_decref(json);
}

static void
one_setting_fills_in_the_others(void **state)
{
    struct place *p = *state;

    scene(p);
    assert_int_equal(call(p, "GET", stage, ""), 200);
    assert_int_equal(json_object_size(json_object_get(p->answer,
        "methodSettings")), 0);
    assert_int_equal(patch(p, stage, "replace", "/*/*/metrics/enabled",
        "false"), 200);
    assert_setting(p, "*/*", "{" FILLED("5000", "10000.0") "}");
    assert_int_equal(patch(p, stage, "replace",
        "/~1pets~1{id}/GET/throttling/rateLimit", "0.5"), 200);
    assert_setting(p, "pets/{id}/GET", "{" FILLED("5000", "0.5") "}");
    assert_int_equal(patch(p, stage, "replace",
        "/pets~1{id}/GET/throttling/burstLimit", "-1"), 200);
    assert_setting(p, "pets/{id}/GET", "{" FILLED("-1", "0.5") "}");
    assert_int_equal(call(p, "GET", stage, ""), 200); /* it is stored */
    assert_setting(p, "pets/{id}/GET", "{" FILLED("-1", "0.5") "}");
    assert_int_equal(json_object_size(json_object_get(p->answer,
        "methodSettings")), 2);
    assert_int_equal(patch(p, stage, "replace",
        "/~1/ANY/logging/loglevel", "INFO"), 200);
    assert_string_equal(json_string_value(json_object_get(setting(p,
        "/ANY"), "loggingLevel")), "INFO");
    assert_int_equal(patch(p, stage, "remove", "/~1/ANY", ""), 200);
    assert_int_equal(patch(p, stage, "remove", "/pets~1{id}/GET", ""), 200);
    assert_null(setting(p, "pets/{id}/GET"));
    assert_non_null(setting(p, "*/*"));
    /* another patch of the stage leaves them alone */
    assert_int_equal(patch(p, stage, "replace", "/description", "x"), 200);
    assert_non_null(setting(p, "*/*"));
}

static void
bad_settings_change_nothing(void **state)
{
    static const struct {
        const char *op, *path, *value, *words;
    } rows[] = {
        {"replace", "/*/*/throttling/rateLimit", "-2", "-1"},
        {"replace", "/*/*/throttling/rateLimit", "nan", "a number"},
        {"replace", "/*/*/throttling/rateLimit", "1x", "a number"},
        {"replace", "/*/*/throttling/rateLimit", "", "a number"},
        {"replace", "/*/*/throttling/burstLimit", "1.5", "a whole number"},
        {"replace", "/*/*/throttling/burstLimit", "99999999999",
            "a whole number"},
        {"replace", "/*/*/throttling/burst", "1",
            "Invalid method setting path: /*/*/throttling/burst. Must be"},
        {"replace", "/*/*/logging/loglevel", "DEBUG", "OFF, ERROR or INFO"},
        {"replace", "/*/*/caching/ttlInSeconds", "3601", "3600"},
        {"replace", "/*/GET/throttling/rateLimit", "1", "/*/*"},
        {"replace", "/pets/*/throttling/rateLimit", "1", "/*/*"},
        {"replace", "/pets/get/throttling/rateLimit", "1", "setting path"},
        {"replace", "/GET/throttling/rateLimit", "1", "setting path"},
        {"move", "/*/*/throttling/rateLimit", "1", "setting path"},
        {"remove", "/*/*", "", "there is no method setting"},
        {"remove", "/pets/GET", "", "there is no method setting"},
        {"remove", "/*/*/throttling/rateLimit", "",
            "Cannot remove method setting */*/throttling/rateLimit because "
            "there is no method setting for this method "},
        {"replace", "", "1", "setting path"},
    };
    struct place *p = *state;

    scene(p);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char body[512];

        (void) snprintf(body, sizeof(body), "{\"patchOperations\":["
            "{\"op\":\"replace\",\"path\":\"/*/*/throttling/rateLimit\","
            "\"value\":\"7\"},{\"op\":\"remove\",\"path\":\"/*/*\"},"
            "{\"op\":\"%s\",\"path\":\"%s\",\"value\":\"%s\"}]}",
            rows[i].op, rows[i].path, rows[i].value);
        assert_refused(p, "PATCH", stage, body, 400, rows[i].words);
        assert_int_equal(call(p, "GET", stage, ""), 200);
        assert_int_equal(json_object_size(json_object_get(p->answer,
            "methodSettings")), 0);
    }
}

static void
a_methods_own_throttle_comes_before_the_wildcards(void **state)
{
    static const struct {
        const char *path, *verb;
        int64_t     burst; /* -1: none */
    } rows[] = {
        {"/", "GET", 1}, {"/", "POST", 9}, {"/pets/{id}", "ANY", 2},
        {"/pets/{id}", "GET", 9}, {"/free", "GET", -1}, {"/fast", "GET", -1},
        {"/never", "GET", 0},
    };
    struct tg_bucket_limit limit;
    json_t *map = json_loads("{"
        "\"*/*\":{\"throttlingRateLimit\":9.0,\"throttlingBurstLimit\":9},"
        "\"/GET\":{\"throttlingRateLimit\":1.0,\"throttlingBurstLimit\":1},"
        "\"pets/{id}/ANY\":{\"throttlingRateLimit\":2,"
        "\"throttlingBurstLimit\":2},"
        "\"free/GET\":{\"throttlingRateLimit\":-1,"
        "\"throttlingBurstLimit\":-1},"
        "\"fast/GET\":{\"throttlingRateLimit\":-1.0,"
        "\"throttlingBurstLimit\":5},"
        "\"never/GET\":{\"throttlingRateLimit\":5,"
        "\"throttlingBurstLimit\":0}}", 0, NULL);

    (void) state;
    assert_non_null(map);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool is_limited = tg_method_settings_throttle(map, rows[i].path,
            rows[i].verb, &limit);

        assert_int_equal(is_limited, rows[i].burst >= 0);
        if (is_limited) {
            assert_int_equal(limit.burst, rows[i].burst);
        }
    }
    assert_false(tg_method_settings_throttle(NULL, "/", "GET", &limit));
    json_decref(map);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(one_setting_fills_in_the_others),
        PLACE_TEST(bad_settings_change_nothing),
        cmocka_unit_test(a_methods_own_throttle_comes_before_the_wildcards),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
