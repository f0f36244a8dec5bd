/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/method_doc.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

static void
path_parts_are_told_apart(void **state)
{
    static const char *const good[] = { "pets", "{id}", "{proxy+}", "a.b-c_d",
        "v1:list" };
    static const char *const bad[] = { "", "{}", "{+}", "{a", "a}", "{a+b}",
        "a b", "a/b", "{a}b", "pet{id}", "{a++}" };

    (void) state;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(tg_path_part_is_valid(good[i]));
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(tg_path_part_is_valid(bad[i]));
    }
    assert_true(tg_path_part_is_greedy("{proxy+}"));
    assert_false(tg_path_part_is_greedy("{proxy}"));
}

static void
an_integration_gets_amazons_defaults(void **state)
{
    struct tg_refusal r;
    json_t *in = json_pack("{ssssss}", "type", "HTTP_PROXY", "httpMethod",
        "GET", "uri", "https://backend.example/{proxy}");
    json_t *wanted = json_pack("{ssssssssss si ss s[]}", "type",
        "HTTP_PROXY", "httpMethod", "GET", "uri",
        "https://backend.example/{proxy}", "connectionType", "INTERNET",
        "passthroughBehavior", "WHEN_NO_MATCH", "timeoutInMillis", 29000,
        "cacheNamespace", "zz1yy2", "cacheKeyParameters");
    json_t *out;

    (void) state;
    assert_int_equal(tg_integration_doc(&out, in, "zz1yy2", 29000, &r), TG_OK);
    assert_true(json_equal(out, wanted));
    json_decref(out);
    json_decref(wanted);
    json_decref(in);
}

static void
bad_integrations_are_refused_in_amazons_words(void **state)
{
    static const struct {
        const char *json, *type, *member, *message;
    } rows[] = {
        { "{}", "ValidationException", "/type", "must not be null" },
        { "{\"type\": \"FTP\"}", "ValidationException", "/type",
            "enum value set: [HTTP, MOCK, AWS_PROXY, HTTP_PROXY, AWS]" },
        { "{\"type\": 1}", "SerializationException", "/type", "a string" },
        { "{\"type\": \"HTTP_PROXY\", \"uri\": \"http://h/\"}",
            "BadRequestException", "/httpMethod",
            "Enumeration value for HttpMethod must be non-empty" },
        { "{\"type\": \"HTTP\", \"httpMethod\": \"FETCH\"}",
            "BadRequestException", "/httpMethod",
            "Invalid HttpMethod specified" },
        { "{\"type\": \"HTTP\", \"httpMethod\": \"GET\", \"uri\": \"h\"}",
            "BadRequestException", "/uri",
            "Invalid HTTP endpoint specified for URI" },
        { "{\"type\": \"HTTP\", \"httpMethod\": \"GET\","
          "\"uri\": \"http://h:81/\"}", "BadRequestException", "/uri",
            "1024 to 65535" },
        { "{\"type\": \"MOCK\", \"requestParameters\":"
          "{\"integration.request.header.X\": \"method.request.header\"}}",
            "BadRequestException",
            "/requestParameters/integration.request.header.X",
            "Invalid mapping expression" },
        { "{\"type\": \"MOCK\", \"timeoutInMillis\": 49}",
            "BadRequestException", "/timeoutInMillis", "50 ms" },
        { "{\"type\": \"MOCK\", \"connectionType\": \"VPC_LINK\"}",
            "BadRequestException", "/connectionType", "not supported" },
        { "{\"type\": \"MOCK\", \"colour\": 1}", "BadRequestException",
            "/colour", "unknown member" },
    };

    (void) state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tg_refusal r;
        json_t           *in = json_loads(rows[i].json, 0, NULL), *out;

        assert_int_equal(tg_integration_doc(&out, in, "r", 29000, &r), TG_DENIED);
        assert_null(out);
        assert_int_equal(r.http, 400);
        assert_string_equal(r.type, rows[i].type);
        assert_string_equal(r.member, rows[i].member);
        assert_non_null(strstr(r.message, rows[i].message));
        json_decref(in);
    }
}

static void
what_is_not_served_says_so(void **state)
{
    json_t *method = json_pack("{ss s{ss}}", "authorizationType", "NONE",
        "methodIntegration", "type", "HTTP_PROXY");

    (void) state;
    assert_null(tg_method_gap(method));
    json_object_set_new(method, "authorizationType", json_string("AWS_IAM"));
    assert_non_null(tg_method_gap(method));
    json_object_set_new(method, "authorizationType", json_string("NONE"));
    json_object_set_new(json_object_get(method, "methodIntegration"), "type",
        json_string("AWS_PROXY"));
    assert_non_null(tg_method_gap(method));
    json_object_del(method, "methodIntegration");
    assert_non_null(tg_method_gap(method));
    json_decref(method);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_parts_are_told_apart),
        cmocka_unit_test(an_integration_gets_amazons_defaults),
        cmocka_unit_test(bad_integrations_are_refused_in_amazons_words),
        cmocka_unit_test(what_is_not_served_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
