/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "util/buf.h"
#include "util/percent.h"

/* As tg_call_position_set writes them, of a list of each kind. */
#define OF_TEXT "Ii94Ig=="             /* "/x" */
#define OF_ROW "WzE3OTUzOTIwMDAsIngiXQ==" /* [1795392000,"x"] */
#define OF_NAME "WyJ4IiwieCJd"         /* ["x","x"] */

/* Makes an API and gives its id (static memory). */
static const char *
make_api(struct place *p, const char *name)
{
    static char id[32];
    char        body[64];

    (void) snprintf(body, sizeof(body), "{\"name\":\"%s\"}", name);
    assert_int_equal(call(p, "POST", "/restapis", body), 201);
    (void) snprintf(id, sizeof(id), "%s", text(p, "id"));
    return id;
}

/* Walks all pages of a list; returns the number of items. */
static size_t
walk(struct place *p, const char *list, unsigned *pages)
{
    size_t        count = 0;
    struct tg_buf target;

    tg_buf_init(&target, 4096);
    *pages = 0;
    do {
        tg_buf_reset(&target);
        (void) tg_buf_printf(&target, "%s?limit=7&position=", list);
        assert_int_equal(tg_percent_encode(&target, text(p, "position")),
            TG_OK);
        assert_int_equal(call(p, "GET", target.data, ""), 200);
        count += json_array_size(json_object_get(p->answer, "item"));
        *pages += 1;
    } while (text(p, "position")[0] != '\0');
    tg_buf_clear(&target);
    return count;
}

static void
lists_come_in_pages(void **state)
{
    char          list[64], sql[256];
    unsigned      pages;
    struct place *p = *state;
    const char   *api;

    for (int i = 0; i < 20; i++) {
        p->now_s = NOW + i / 5; /* five in the same second */
        api = make_api(p, "a");
    }
    assert_int_equal(walk(p, "/restapis", &pages), 20);
    assert_int_equal(pages, 3);
    for (int i = 0; i < 14; i++) {
        (void) snprintf(sql, sizeof(sql), "INSERT INTO deployment"
            " VALUES ('%s', 'd%02d', %d, NULL, '{}')", api, i, 1 + i / 5);
        run_sql(p, sql);
        (void) snprintf(sql, sizeof(sql), "INSERT INTO resource"
            " VALUES ('%s', 'r%02d', NULL, 'x', '/x%02d')", api, i, i);
        run_sql(p, sql);
    }
    (void) snprintf(list, sizeof(list), "/restapis/%s/deployments", api);
    assert_int_equal(walk(p, list, &pages), 14);
    assert_int_equal(pages, 2); /* a full last page has no successor */
    (void) snprintf(list, sizeof(list), "/restapis/%s/resources", api);
    assert_int_equal(walk(p, list, &pages), 15);
    assert_int_equal(pages, 3);
    (void) snprintf(list, sizeof(list), "/restapis/%s/gatewayresponses", api);
    assert_int_equal(walk(p, list, &pages), 21);
    assert_int_equal(pages, 3);
    (void) snprintf(list, sizeof(list), "/restapis/%s/models", api);
    assert_int_equal(walk(p, list, &pages), 2);
    assert_int_equal(pages, 1);
}

/* One that is taken for the first page would make a client walk for ever. */
static void
a_position_of_another_list_is_refused(void **state)
{
    static const struct {
        bool        is_of_api;
        const char *list;
        const char *position;
    } cases[] = {
        { false, "/restapis?position=", OF_TEXT },
        { false, "/restapis?position=", OF_NAME },
        { true, "/resources?position=", OF_ROW },
        { true, "/models?position=", OF_NAME },
        { true, "/gatewayresponses?position=", OF_ROW },
        { true, "/deployments?position=", OF_TEXT },
        { false, "/usageplans?position=", OF_NAME },
        { false, "/usageplans/x/keys?position=", OF_NAME },
        { false, "/usageplans/x/keys?name=x&position=", OF_ROW },
        { false, "/apikeys?name=x&position=", OF_ROW },
    };
    struct tg_buf target;
    struct place *p = *state;
    const char   *api = make_api(p, "a");

    tg_buf_init(&target, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tg_buf_reset(&target);
        if (cases[i].is_of_api) {
            (void) tg_buf_printf(&target, "/restapis/%s", api);
        }
        (void) tg_buf_puts(&target, cases[i].list);
        assert_int_equal(tg_percent_encode(&target, cases[i].position),
            TG_OK);
        assert_refused(p, "GET", target.data, "", 400,
            "Invalid position parameter");
    }
    tg_buf_clear(&target);
}

static void
an_api_is_patched_whole_or_not_at_all(void **state)
{
    static const struct {
        const char *op, *path, *value, *words;
    } refused[] = {
        { "replace", "/id", "x", "Invalid patch path /id" },
        { "replace", "/name/x", "x", "Invalid patch path /name/x" },
        { "add", "/name", "x", "Invalid patch operation specified. Must be "
          "one of: [replace]" },
        { "replace", "/name", "", "Name cannot be an empty string" },
        { "replace", "/apiKeySource", "COOKIE", "[HEADER, AUTHORIZER]" },
        { "replace", "/policy", "{}", "policy is not supported" },
        { "replace", "/securityPolicy", "TLS_1_2", "is not supported" },
        { "replace", "/minimumCompressionSize", "x", "between 0 and" },
        { "replace", "/minimumCompressionSize", "10485761", "between 0" },
        { "replace", "/endpointConfiguration/types/EDGE", "X",
          "Invalid EndpointTypes specified." },
        { "replace", "/endpointConfiguration/types/EDGE", "PRIVATE",
          "PRIVATE" },
        { "add", "/endpointConfiguration/types", "EDGE", "[replace]" },
        { "replace", "/endpointConfiguration/ipAddressType", "ipv5",
          "ipAddressType must be either ipv4 or dualstack." },
        { "remove", "/binaryMediaTypes/a~1b", "", "Invalid patch path" },
        { "replace", "/binaryMediaTypes/a~1b", "c/d", "Invalid patch path" },
        { "add", "/binaryMediaTypes", "c/d",
          "Invalid patch path /binaryMediaTypes" },
        { "replace", "/minimumCompressionSize", "-1",
          "Invalid minimum compression size, must be between 0 and" },
        { "replace", "/tags", "x", "Invalid patch path /tags" },
    };
    char          target[64];
    struct place *p = *state;

    (void) snprintf(target, sizeof(target), "/restapis/%s",
        make_api(p, "a"));
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        (void) patch(p, target, refused[i].op, refused[i].path,
            refused[i].value);
        if (p->status != 400
            || strstr(text(p, "message"), refused[i].words) == NULL)
        {
            fail_msg("%s %s: %d %s", refused[i].op, refused[i].path,
                p->status, text(p, "message"));
        }
    }
    assert_refused(p, "PATCH", target, "{\"patchOperations\":[{\"op\":"
        "\"replace\",\"path\":\"/name\",\"value\":\"b\"},{\"op\":"
        "\"replace\",\"path\":\"/x\",\"value\":\"y\"}]}", 400, "/x");
    assert_int_equal(call(p, "GET", target, ""), 200);
    assert_string_equal(text(p, "name"), "a");
    assert_int_equal(call(p, "PATCH", target, "{\"patchOperations\":["
        "{\"op\":\"replace\",\"path\":\"/name\",\"value\":\"b\"},"
        "{\"op\":\"add\",\"path\":\"/description\",\"value\":\"d\"},"
        "{\"op\":\"replace\",\"path\":\"/disableExecuteApiEndpoint\","
        "\"value\":\"True\"},{\"op\":\"add\",\"path\":"
        "\"/binaryMediaTypes/image~1png\"},{\"op\":\"replace\",\"path\":"
        "\"/binaryMediaTypes/image~1png\",\"value\":\"*/*\"},"
        "{\"op\":\"replace\",\"path\":\"/minimumCompressionSize\","
        "\"value\":\"10\"},{\"op\":\"replace\",\"path\":"
        "\"/endpointConfiguration/types/EDGE\",\"value\":\"REGIONAL\"}]}"),
        200);
    json_object_del(p->answer, "id");
    json_object_del(p->answer, "rootResourceId");
    assert_answer(p, 200, "{\"name\":\"b\",\"description\":\"d\","
        "\"apiKeySource\":\"HEADER\",\"disableExecuteApiEndpoint\":true,"
        "\"binaryMediaTypes\":[\"*/*\"],\"minimumCompressionSize\":10,"
        "\"endpointConfiguration\":{\"types\":[\"REGIONAL\"],"
        "\"ipAddressType\":\"ipv4\"},\"createdDate\":1795392000,"
        "\"tags\":{}}");
    assert_int_equal(call(p, "PATCH", target, "{\"patchOperations\":["
        "{\"op\":\"remove\",\"path\":\"/description\"},{\"op\":"
        "\"remove\",\"path\":\"/binaryMediaTypes/*~1*\"},{\"op\":"
        "\"replace\",\"path\":\"/minimumCompressionSize\"}]}"), 200);
    assert_null(json_object_get(p->answer, "binaryMediaTypes"));
    assert_null(json_object_get(p->answer, "minimumCompressionSize"));
    assert_null(json_object_get(p->answer, "description"));
    assert_refused(p, "PATCH", "/restapis/nothere", "{}", 404,
        "Invalid API identifier specified");
}

#define WRONG(value, member, set)                                             \
    "Value '" value "' at 'createRestApiInput.endpointConfiguration." member  \
    "' failed to satisfy constraint: Member must satisfy " set
#define WRONG_TYPE                                                            \
    WRONG("[a, EDGE]", "types", "constraint: [Member must satisfy enum "      \
        "value set: [PRIVATE, EDGE, REGIONAL]]")
#define WRONG_ADDRESS                                                         \
    WRONG("ipv5", "ipAddressType", "enum value set: [ipv4, dualstack]")

static void
wrong_words_of_an_endpoint_are_said_together(void **state)
{
    static const struct {
        const char *endpoint, *words;
    } rows[] = {
        { "{\"types\":[\"a\",\"EDGE\"]}",
            "1 validation error detected: " WRONG_TYPE },
        { "{\"ipAddressType\":\"ipv5\"}",
            "1 validation error detected: " WRONG_ADDRESS },
        { "{\"ipAddressType\":\"ipv5\",\"types\":[\"a\",\"EDGE\"]}",
            "2 validation errors detected: " WRONG_TYPE "; " WRONG_ADDRESS },
        { "{\"types\":[\"PRIVATE\"],\"ipAddressType\":\"ipv4\"}",
            "Only dualstack ipAddressType is supported for Private APIs." },
    };
    char          body[256];
    struct place *p = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void) snprintf(body, sizeof(body), "{\"name\":\"a\","
            "\"endpointConfiguration\":%s}", rows[i].endpoint);
        assert_refused(p, "POST", "/restapis", body, 400, rows[i].words);
        assert_string_equal(text(p, "message"), rows[i].words);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(wrong_words_of_an_endpoint_are_said_together),
        PLACE_TEST(lists_come_in_pages),
        PLACE_TEST(an_api_is_patched_whole_or_not_at_all),
        PLACE_TEST(a_position_of_another_list_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
