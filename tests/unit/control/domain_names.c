/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "util/buf.h"

#define D "/domainnames"
#define EXAMPLE D "/api.example.com"
#define PATHS EXAMPLE "/basepathmappings"
#define KEYS "/v2" EXAMPLE "/apimappings"

/* An API with the stages "prod" and "test"; its id (static memory). */
static const char *
make_api(struct place *p)
{
    static char  ids[4][32];
    static int   next;
    char         sql[256];
    char        *id = ids[next++ % 4];

    assert_int_equal(call(p, "POST", "/restapis", "{\"name\":\"a\"}"), 201);
    (void) snprintf(id, sizeof(ids[0]), "%s", text(p, "id"));
    (void) snprintf(sql, sizeof(sql), "INSERT INTO deployment VALUES "
        "('%s', 'd', 1, NULL, '{}')", id);
    run_sql(p, sql);
    for (int i = 0; i < 2; i++) {
        (void) snprintf(sql, sizeof(sql), "INSERT INTO stage VALUES "
            "('%s', '%s', 'd', 1, 1, '{}')", id, i ? "prod" : "test");
        run_sql(p, sql);
    }
    return id;
}

static void
make_domain(struct place *p, const char *name)
{
    char body[256];

    (void) snprintf(body, sizeof(body), "{\"domainName\":\"%s\","
        "\"endpointConfiguration\":{\"types\":[\"REGIONAL\"]}}", name);
    assert_int_equal(call(p, "POST", D, body), 201);
}

/* Calls with a body in which %s is the API. */
static int
call_with(struct place *p, const char *method, const char *target,
    const char *body, const char *api)
{
    char          filled[1024];
    const char   *mark = strstr(body, "%s");

    (void) snprintf(filled, sizeof(filled), "%.*s%s%s",
        mark != NULL ? (int) (mark - body) : (int) strlen(body), body,
        mark != NULL ? api : "", mark != NULL ? mark + 2 : "");
    return call(p, method, target, filled);
}

static void
a_domain_has_amazons_defaults(void **state)
{
    struct place *p = *state;
    const char   *edge =
        "{\"domainName\":\"api.example.com\",\"certificateArn\":\"arn:c\","
        "\"certificateUploadDate\":1795392000,"
        "\"distributionDomainName\":\"localhost\","
        "\"domainNameArn\":"
        "\"arn:aws:apigateway:us-east-1::/domainnames/api.example.com\","
        "\"domainNameStatus\":\"AVAILABLE\",\"endpointConfiguration\":"
        "{\"types\":[\"EDGE\"],\"ipAddressType\":\"ipv4\"},"
        "\"routingMode\":\"BASE_PATH_MAPPING_ONLY\","
        "\"securityPolicy\":\"TLS_1_2\",\"tags\":{\"a\":\"b\"}}";
    const char   *regional =
        "{\"domainName\":\"*.example.com\",\"domainNameArn\":"
        "\"arn:aws:apigateway:us-east-1::/domainnames/*.example.com\","
        "\"domainNameStatus\":\"AVAILABLE\",\"endpointConfiguration\":"
        "{\"types\":[\"REGIONAL\"],\"ipAddressType\":\"dualstack\"},"
        "\"regionalCertificateArn\":\"arn:r\","
        "\"regionalCertificateName\":\"mine\","
        "\"regionalDomainName\":\"localhost\","
        "\"routingMode\":\"BASE_PATH_MAPPING_ONLY\","
        "\"securityPolicy\":\"TLS_1_2\"}";

    (void) call(p, "POST", D, "{\"domainName\":\"API.example.com\","
        "\"certificateArn\":\"arn:c\",\"tags\":{\"a\":\"b\"}}");
    assert_answer(p, 201, edge);
    (void) call(p, "GET", D "/Api.Example.com", "");
    assert_answer(p, 200, edge);
    (void) call(p, "POST", D, "{\"domainName\":\"*.example.com\","
        "\"regionalCertificateArn\":\"arn:r\","
        "\"regionalCertificateName\":\"mine\",\"securityPolicy\":\"TLS_1_2\","
        "\"routingMode\":\"BASE_PATH_MAPPING_ONLY\","
        "\"endpointConfiguration\":{\"types\":[\"REGIONAL\"],"
        "\"ipAddressType\":\"dualstack\"}}");
    assert_answer(p, 201, regional);
    (void) call(p, "GET", D "/%2A.example.com", "");
    assert_answer(p, 200, regional);
    assert_int_equal(call(p, "DELETE", EXAMPLE, ""), 202);
    assert_refused(p, "GET", EXAMPLE, "", 404,
        "Invalid domain name identifier specified");
}

static void
what_cannot_be_a_domain_is_refused(void **state)
{
    static const char *const names[] = { "a b", "-a.example.com", "a-.x",
        "a..b", ".example.com", "example.com.", "1.2.3.4", "*", "*.",
        "a.*.com", "*a.example.com", "api_1.example.com", "x:8080", "",
        "abc.execute-api.us-east-1.amazonaws.com", "abc.execute-api",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.x" };
    static const struct {
        const char *members, *words;
    } rows[] = {
        { "\"certificateBody\":\"x\"", "certificateBody is not supported by "
          "this gateway: the settings name the certificate" },
        { "\"certificatePrivateKey\":\"x\"", "certificatePrivateKey is not" },
        { "\"certificateChain\":\"x\"", "certificateChain is not" },
        { "\"mutualTlsAuthentication\":{\"truststoreUri\":\"s3://x\"}",
          "mutualTlsAuthentication is not" },
        { "\"ownershipVerificationCertificateArn\":\"x\"", "is not" },
        { "\"policy\":\"{}\"", "policy is not" },
        { "\"endpointAccessMode\":\"BASIC\"", "endpointAccessMode is not" },
        { "\"securityPolicy\":\"TLS_1_0\"", "securityPolicy TLS_1_0 is not "
          "supported by this gateway" },
        { "\"securityPolicy\":\"SSL\"", "enum value set" },
        { "\"routingMode\":\"ROUTING_RULE_ONLY\"", "routingMode ROUTING_RULE"
          "_ONLY is not supported" },
        { "\"endpointConfiguration\":{\"types\":[\"PRIVATE\"]}", "PRIVATE" },
        { "\"endpointConfiguration\":{\"types\":[\"EDGE\",\"REGIONAL\"]}",
          "multiple Endpoint Types" },
        { "\"endpointConfiguration\":{\"types\":[\"GLOBAL\"]}",
          "createDomainNameInput.endpointConfiguration.types" },
        { "\"endpointConfiguration\":{\"ipAddressType\":\"ipv6\"}", "enum" },
        { "\"tags\":{\"aws:x\":\"y\"}", "aws:" },
        { "\"hostedZone\":\"x\"", "hostedZone" },
        { "\"certificateArn\":7", "certificateArn" },
    };
    char          body[512];
    struct place *p = *state;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void) snprintf(body, sizeof(body), "{\"domainName\":\"%s\"}",
            names[i]);
        assert_refused(p, "POST", D, body, 400, "nvalid domain name");
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void) snprintf(body, sizeof(body), "{\"domainName\":"
            "\"x.example.com\",%s}", rows[i].members);
        assert_refused(p, "POST", D, body, 400, rows[i].words);
    }
    assert_refused(p, "POST", D, "{}", 400, "domainName");
    make_domain(p, "api.example.com");
    assert_refused(p, "POST", D, "{\"domainName\":\"API.example.com\"}", 400,
        "The domain name you provided already exists.");
    assert_string_equal(text(p, "message"),
        "The domain name you provided already exists.");
    assert_int_equal(number(p, "SELECT COUNT(*) FROM domain_name"), 1);
    assert_refused(p, "GET", EXAMPLE "?domainNameId=abc", "", 404,
        "Invalid domain name identifier specified");
    assert_int_equal(number(p, "SELECT COUNT(*) FROM audit_event WHERE "
        "record LIKE '%\"certificatePrivateKey\":\"x\"%'"), 0);
}

static void
a_patch_of_a_domain_is_whole_or_nothing(void **state)
{
    static const struct {
        const char *op, *path, *value, *words;
    } refused[] = {
        { "replace", "/domainName", "x", "Invalid patch path  '/domainName' "
          "specified for op 'replace'. Must be one of: [/certificateArn, " },
        { "replace", "", "x", "Invalid patch path" },
        { "move", "/certificateArn", "x", "specified for op 'move'" },
        { "replace", "/certificateArn", "", "expected 1 to 2048 bytes" },
        { "add", "/securityPolicy", "TLS_1_2", "specified for op 'add'" },
        { "replace", "/securityPolicy", "TLS_1_0", "not supported" },
        { "replace", "/routingMode", "ROUTING_RULE_ONLY", "not supported" },
        { "replace", "/endpointConfiguration", "x", "Invalid patch path" },
        { "replace", "/endpointConfiguration/vpcEndpointIds", "x",
          "Invalid patch path" },
        { "replace", "/endpointConfiguration/ipAddressType", "ipv6",
          "Invalid ipAddressType" },
        { "replace", "/endpointConfiguration/types/0", "PRIVATE",
          "PRIVATE" },
        { "replace", "/endpointConfiguration/types/0", "X", "enum" },
        { "replace", "/endpointConfiguration/types/0/1", "EDGE", "Invalid" },
        { "remove", "/endpointConfiguration/types", "REGIONAL",
          "Cannot remove" },
        { "replace", "/mutualTlsAuthentication/truststoreUri", "x",
          "Invalid patch path" },
    };
    struct place *p = *state;

    make_domain(p, "api.example.com");
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        (void) patch(p, EXAMPLE, refused[i].op, refused[i].path,
            refused[i].value);
        if (p->status != 400
            || strstr(text(p, "message"), refused[i].words) == NULL)
        {
            fail_msg("%s %s: %d %s", refused[i].op, refused[i].path,
                p->status, text(p, "message"));
        }
    }
    assert_refused(p, "PATCH", EXAMPLE, "{\"patchOperations\":[{\"op\":"
        "\"replace\",\"path\":\"/regionalCertificateArn\",\"value\":\"arn:1\""
        "},{\"op\":\"replace\",\"path\":\"/x\",\"value\":\"y\"}]}", 400,
        "'/x'");
    (void) call(p, "GET", EXAMPLE, "");
    assert_string_equal(text(p, "regionalCertificateArn"), "");
    /* From regional to edge, as Amazon's page has it. */
    assert_int_equal(call(p, "PATCH", EXAMPLE, "{\"patchOperations\":["
        "{\"op\":\"add\",\"path\":\"/endpointConfiguration/types\",\"value\":"
        "\"EDGE\"},{\"op\":\"add\",\"path\":\"/certificateArn\",\"value\":"
        "\"arn:e\"}]}"), 200);
    assert_string_equal(text(p, "distributionDomainName"), "localhost");
    assert_string_equal(text(p, "regionalDomainName"), "localhost");
    assert_int_equal(patch(p, EXAMPLE, "remove",
            "/endpointConfiguration/types", "REGIONAL"), 200);
    assert_string_equal(text(p, "regionalDomainName"), "");
    assert_int_equal(patch(p, EXAMPLE, "remove", "/certificateArn", ""), 200);
    assert_null(json_object_get(p->answer, "certificateUploadDate"));
    assert_int_equal(patch(p, EXAMPLE, "replace",
            "/endpointConfiguration/types/EDGE", "REGIONAL"), 200);
    assert_int_equal(call(p, "PATCH", EXAMPLE, "{\"patchOperations\":["
        "{\"op\":\"replace\",\"path\":\"/endpointConfiguration/"
        "ipAddressType\",\"value\":\"dualstack\"},{\"op\":\"replace\","
        "\"path\":\"/securityPolicy\",\"value\":\"TLS_1_2\"},{\"op\":"
        "\"replace\",\"path\":\"/routingMode\",\"value\":"
        "\"BASE_PATH_MAPPING_ONLY\"}]}"), 200);
    assert_answer(p, 200, "{\"domainName\":\"api.example.com\","
        "\"domainNameArn\":"
        "\"arn:aws:apigateway:us-east-1::/domainnames/api.example.com\","
        "\"domainNameStatus\":\"AVAILABLE\",\"endpointConfiguration\":"
        "{\"types\":[\"REGIONAL\"],\"ipAddressType\":\"dualstack\"},"
        "\"regionalDomainName\":\"localhost\","
        "\"routingMode\":\"BASE_PATH_MAPPING_ONLY\","
        "\"securityPolicy\":\"TLS_1_2\"}");
}

static void
base_paths_of_one_segment(void **state)
{
    char          expected[256];
    struct place *p = *state;
    const char   *api = make_api(p);

    make_domain(p, "api.example.com");
    (void) call_with(p, "POST", PATHS,
        "{\"restApiId\":\"%s\",\"stage\":\"prod\"}", api);
    (void) snprintf(expected, sizeof(expected), "{\"basePath\":\"(none)\","
        "\"restApiId\":\"%s\",\"stage\":\"prod\"}", api);
    assert_answer(p, 201, expected);
    (void) call_with(p, "POST", PATHS, "{\"basePath\":\"o+(x)!*'\","
        "\"restApiId\":\"%s\",\"stage\":\"(none)\"}", api);
    (void) snprintf(expected, sizeof(expected), "{\"basePath\":"
        "\"o+(x)!*'\",\"restApiId\":\"%s\"}", api);
    assert_answer(p, 201, expected);
    (void) call(p, "GET", PATHS "/o%2B(x)!*'", "");
    assert_answer(p, 200, expected);
    /* refused */
    (void) call_with(p, "POST", PATHS, "{\"basePath\":\"(none)\","
        "\"restApiId\":\"%s\"}", api);
    assert_int_equal(p->status, 409);
    assert_string_equal(text(p, "message"),
        "Base path already exists for this domain name");
    (void) call_with(p, "POST", PATHS, "{\"basePath\":\"a/b\","
        "\"restApiId\":\"%s\"}", api);
    assert_int_equal(p->status, 400);
    assert_string_equal(text(p, "message"), "API Gateway V1 doesn't support "
        "the slash character (/) in base path mappings. To create a "
        "multi-level base path mapping, use API Gateway V2.");
    (void) call_with(p, "POST", PATHS, "{\"basePath\":\"a%%b\","
        "\"restApiId\":\"%s\"}", api);
    assert_int_equal(p->status, 400);
    (void) call_with(p, "POST", PATHS, "{\"basePath\":\"x\","
        "\"restApiId\":\"%s\",\"stage\":\"none\"}", api);
    assert_int_equal(p->status, 400);
    assert_string_equal(text(p, "message"),
        "Invalid stage identifier specified");
    assert_refused(p, "POST", PATHS, "{\"restApiId\":\"nothere\"}", 400,
        "Invalid REST API identifier specified");
    assert_refused(p, "POST", PATHS, "{}", 400, "restApiId");
    assert_refused(p, "POST", D "/b/basepathmappings",
        "{\"restApiId\":\"x\"}", 404,
        "Invalid domain name identifier specified");
    assert_refused(p, "GET", PATHS "/nothere", "", 404,
        "Invalid base path mapping identifier specified");
    assert_refused(p, "DELETE", PATHS "/nothere", "", 404,
        "Invalid base path mapping identifier specified");
    assert_int_equal(number(p, "SELECT COUNT(*) FROM base_path_mapping"), 2);
    assert_int_equal(call(p, "DELETE", PATHS "/(none)", ""), 202);
    assert_int_equal(call(p, "GET", PATHS, ""), 200);
    assert_int_equal(json_array_size(json_object_get(p->answer, "item")), 1);
    assert_null(json_object_get(p->answer, "position"));
}

static void
a_mapping_moves_with_a_patch(void **state)
{
    char          body[512];
    struct place *p = *state;
    const char   *api = make_api(p), *other = make_api(p);

    make_domain(p, "api.example.com");
    (void) call_with(p, "POST", PATHS, "{\"basePath\":\"a\","
        "\"restApiId\":\"%s\",\"stage\":\"prod\"}", api);
    (void) call_with(p, "POST", PATHS, "{\"basePath\":\"b\","
        "\"restApiId\":\"%s\",\"stage\":\"prod\"}", api);
    assert_int_equal(patch(p, PATHS "/a", "replace", "/stage", "test"), 200);
    assert_string_equal(text(p, "stage"), "test");
    (void) snprintf(body, sizeof(body), "{\"patchOperations\":[{\"op\":"
        "\"replace\",\"path\":\"/restapiId\",\"value\":\"%s\"},{\"op\":"
        "\"replace\",\"path\":\"/basepath\",\"value\":\"(none)\"},{\"op\":"
        "\"replace\",\"path\":\"/stage\",\"value\":\"\"}]}", other);
    assert_int_equal(call(p, "PATCH", PATHS "/a", body), 200);
    assert_string_equal(text(p, "restApiId"), other);
    assert_string_equal(text(p, "basePath"), "(none)");
    assert_null(json_object_get(p->answer, "stage"));
    assert_int_equal(call(p, "GET", PATHS "/a", ""), 404);
    assert_int_equal(patch(p, PATHS "/b", "replace", "/basePath", ""), 409);
    assert_int_equal(patch(p, PATHS "/b", "replace", "/basePath", "x/y"),
        400);
    assert_int_equal(patch(p, PATHS "/b", "replace", "/stage", "no"), 400);
    assert_int_equal(patch(p, PATHS "/b", "replace", "/restApiId", "no"),
        400);
    assert_int_equal(patch(p, PATHS "/b", "remove", "/stage", ""), 400);
    assert_string_equal(text(p, "message"), "Invalid patch path  '/stage' "
        "specified for op 'remove'. Must be one of: [/basePath, /restapiId, "
        "/stage]");
    assert_int_equal(call(p, "GET", PATHS "/b", ""), 200);
    assert_string_equal(text(p, "stage"), "prod");
}

static void
base_paths_of_several_segments_are_v2s(void **state)
{
    char          target[128], expected[256];
    struct place *p = *state;
    const char   *api = make_api(p);

    make_domain(p, "api.example.com");
    (void) call_with(p, "POST", KEYS, "{\"apiId\":\"%s\",\"stage\":\"prod\","
        "\"apiMappingKey\":\"orders/v1\"}", api);
    assert_int_equal(p->status, 201);
    (void) snprintf(target, sizeof(target), KEYS "/%s",
        text(p, "apiMappingId"));
    (void) snprintf(expected, sizeof(expected), "{\"apiId\":\"%s\","
        "\"apiMappingId\":\"%s\",\"apiMappingKey\":\"orders/v1\","
        "\"stage\":\"prod\"}", api, text(p, "apiMappingId"));
    assert_answer(p, 201, expected);
    (void) call(p, "GET", target, "");
    assert_answer(p, 200, expected);
    /* v1 sees it, and cannot give another such path. */
    assert_int_equal(call(p, "GET", PATHS "/orders%2Fv1", ""), 200);
    assert_string_equal(text(p, "basePath"), "orders/v1");
    assert_int_equal(patch(p, PATHS "/orders%2Fv1", "replace", "/stage",
            "test"), 200);
    /* v2's PATCH has members, and keeps what is not said. */
    assert_int_equal(call_with(p, "PATCH", target, "{\"apiId\":\"%s\"}",
            api), 200);
    assert_string_equal(text(p, "stage"), "test");
    assert_string_equal(text(p, "apiMappingKey"), "orders/v1");
    assert_int_equal(call_with(p, "PATCH", target, "{\"apiId\":\"%s\","
            "\"apiMappingKey\":\"\",\"stage\":\"prod\"}", api), 200);
    assert_string_equal(text(p, "apiMappingKey"), "");
    assert_int_equal(call(p, "GET", PATHS "/(none)", ""), 200);
    /* refused */
    assert_int_equal(call_with(p, "POST", KEYS, "{\"apiId\":\"%s\","
            "\"stage\":\"prod\"}", api), 409);
    assert_string_equal(text(p, "message"),
        "ApiMapping key already exists for this domain name");
    for (int i = 0; i < 4; i++) {
        static const char *const keys[] = { "/a", "a/", "a//b", "a b" };
        char                     body[128];

        (void) snprintf(body, sizeof(body), "{\"apiId\":\"%s\",\"stage\":"
            "\"prod\",\"apiMappingKey\":\"%s\"}", api, keys[i]);
        assert_refused(p, "POST", KEYS, body, 400, "An ApiMapping key may");
    }
    assert_int_equal(call_with(p, "POST", KEYS, "{\"apiId\":\"%s\"}", api),
        400);
    assert_refused(p, "POST", KEYS, "{\"apiId\":\"no\",\"stage\":\"s\"}",
        404, "Invalid API identifier specified");
    assert_int_equal(call_with(p, "POST", KEYS, "{\"apiId\":\"%s\","
            "\"stage\":\"no\",\"apiMappingKey\":\"x\"}", api), 400);
    assert_refused(p, "PATCH", target, "{}", 400, "apiId");
    assert_refused(p, "GET", KEYS "/nothere", "", 404,
        "Invalid API mapping identifier specified");
    assert_int_equal(call(p, "DELETE", target, ""), 204);
    assert_int_equal(call(p, "DELETE", target, ""), 404);
    assert_int_equal(call(p, "POST", D, "{\"domainName\":\"e.example\"}"),
        201);
    assert_refused(p, "GET", "/v2" D "/e.example/apimappings/x", "", 400,
        "Only REGIONAL domain names");
}

static void
levels_have_their_limits(void **state)
{
    char          sql[256];
    struct place *p = *state;
    const char   *api = make_api(p);

    make_domain(p, "api.example.com");
    for (int i = 0; i < 199; i++) {
        (void) snprintf(sql, sizeof(sql), "INSERT INTO base_path_mapping "
            "VALUES ('api.example.com', 'a/%d', 'id%d', '%s', 'prod')", i, i,
            api);
        run_sql(p, sql);
    }
    assert_int_equal(call_with(p, "POST", KEYS, "{\"apiId\":\"%s\","
            "\"stage\":\"prod\",\"apiMappingKey\":\"b/1\"}", api), 201);
    assert_int_equal(call_with(p, "POST", KEYS, "{\"apiId\":\"%s\","
            "\"stage\":\"prod\",\"apiMappingKey\":\"b/2\"}", api), 400);
    assert_string_equal(text(p, "message"), "Limit exceeded: a domain name "
        "can have at most 200 API mappings of several segments");
    assert_int_equal(call_with(p, "POST", KEYS, "{\"apiId\":\"%s\","
            "\"stage\":\"prod\",\"apiMappingKey\":\"b\"}", api), 201);
    assert_int_equal(call_with(p, "PATCH", KEYS "/id7", "{\"apiId\":\"%s\","
            "\"apiMappingKey\":\"b/2\"}", api), 200);
    (void) patch(p, EXAMPLE, "replace", "/endpointConfiguration/types/0",
        "EDGE");
    assert_int_equal(p->status, 400);
    assert_string_equal(text(p, "message"), "Only REGIONAL domain names can "
        "have base paths of several segments, and this one has a/0");
}

static void
what_a_mapping_leads_to_stays(void **state)
{
    char          target[128];
    struct place *p = *state;
    const char   *api = make_api(p);

    make_domain(p, "b.example.com");
    make_domain(p, "api.example.com");
    (void) call_with(p, "POST", PATHS, "{\"basePath\":\"a\","
        "\"restApiId\":\"%s\",\"stage\":\"prod\"}", api);
    (void) call_with(p, "POST", D "/b.example.com/basepathmappings",
        "{\"restApiId\":\"%s\"}", api);
    (void) snprintf(target, sizeof(target), "/restapis/%s/stages/prod", api);
    assert_refused(p, "DELETE", target, "", 400, "Deleting stage prod "
        "failed. Please remove all base path mappings related to the stage "
        "in your domains: api.example.com");
    (void) snprintf(target, sizeof(target), "/restapis/%s/stages/test", api);
    assert_int_equal(call(p, "DELETE", target, ""), 202);
    (void) snprintf(target, sizeof(target), "/restapis/%s", api);
    assert_refused(p, "DELETE", target, "", 400, "failed. Please remove all "
        "base path mappings related to the RestApi in your domains: "
        "api.example.com, b.example.com");
    assert_int_equal(call(p, "DELETE", EXAMPLE, ""), 202);
    assert_int_equal(call(p, "DELETE", D "/b.example.com", ""), 202);
    assert_int_equal(number(p, "SELECT COUNT(*) FROM base_path_mapping"), 0);
    assert_int_equal(call(p, "DELETE", target, ""), 202);
}

/* Walks a list by pages of two; the number of items. */
static size_t
walk(struct place *p, const char *list, const char *limit,
    const char *position, const char *items)
{
    size_t        count = 0;
    struct tg_buf target;
    char          at[128] = "";

    tg_buf_init(&target, 4096);
    do {
        tg_buf_reset(&target);
        (void) tg_buf_printf(&target, "%s?%s=2&%s=%s", list, limit, position,
            at);
        assert_int_equal(call(p, "GET", target.data, ""), 200);
        count += json_array_size(json_object_get(p->answer, items));
        (void) snprintf(at, sizeof(at), "%s", text(p, position));
        for (char *c = at; *c != '\0'; c++) {
            assert_true(strchr("+/", *c) == NULL); /* = needs no escape */
        }
    } while (at[0] != '\0' && count < 100);
    tg_buf_clear(&target);
    return count;
}

static void
lists_come_in_pages(void **state)
{
    char          body[128];
    struct place *p = *state;
    const char   *api = make_api(p);

    make_domain(p, "api.example.com");
    for (char c = 'a'; c <= 'd'; c++) {
        (void) snprintf(body, sizeof(body), "%c.example.com", c);
        make_domain(p, body);
        (void) snprintf(body, sizeof(body), "{\"basePath\":\"%c\","
            "\"restApiId\":\"%s\"}", c, api);
        assert_int_equal(call(p, "POST", PATHS, body), 201);
    }
    (void) snprintf(body, sizeof(body), "{\"restApiId\":\"%s\"}", api);
    assert_int_equal(call(p, "POST", PATHS, body), 201);
    assert_int_equal(walk(p, D, "limit", "position", "item"), 5);
    assert_int_equal(walk(p, PATHS, "limit", "position", "item"), 5);
    assert_int_equal(walk(p, KEYS, "maxResults", "nextToken", "items"), 5);
    assert_int_equal(call(p, "GET", D "?resourceOwner=OTHER_ACCOUNTS", ""),
        200);
    assert_answer(p, 200, "{\"item\":[]}");
    assert_refused(p, "GET", KEYS "?nextToken=x", "", 400,
        "Invalid nextToken parameter");
    assert_refused(p, "GET", KEYS "?maxResults=x", "", 400,
        "Invalid maxResults");
    assert_refused(p, "GET", "/v2" D "/no.example/apimappings", "", 404,
        "Invalid domain name identifier specified");
}

#define ARN "/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fdomainnames%2F"

static void
a_domain_has_tags(void **state)
{
    struct place *p = *state;

    make_domain(p, "api.example.com");
    assert_int_equal(call(p, "PUT", ARN "api.example.com",
            "{\"tags\":{\"a\":\"1\",\"b\":\"2\"}}"), 204);
    assert_int_equal(call(p, "DELETE", ARN "api.example.com?tagKeys=a", ""),
        204);
    (void) call(p, "GET", ARN "api.example.com", "");
    assert_answer(p, 200, "{\"tags\":{\"b\":\"2\"}}");
    assert_int_equal(call(p, "GET", EXAMPLE, ""), 200);
    assert_int_equal(json_object_size(json_object_get(p->answer, "tags")),
        1);
    assert_refused(p, "GET", ARN "no.example.com", "", 404,
        "Invalid domain name identifier specified");
}

/* Each statement of the store fails once: nothing is half done. */
static void
a_store_that_fails_leaves_mappings_whole(void **state)
{
    char          body[128];
    struct place *p = *state;
    const char   *api = make_api(p);

    make_domain(p, "api.example.com");
    (void) snprintf(body, sizeof(body), "{\"apiId\":\"%s\",\"stage\":"
        "\"prod\",\"apiMappingKey\":\"a/b\"}", api);
    for (unsigned n = 1;; n++) {
        bool was_met;

        fault_arm(FAULT_SQL, n, false);
        fault_begin();
        (void) call(p, "POST", KEYS, body);
        was_met = fault_end();
        if (!was_met) {
            break;
        }
        if (p->status != 201) {
            assert_true(p->status >= 500);
            assert_int_equal(number(p,
                "SELECT COUNT(*) FROM base_path_mapping"), 0);
        }
        assert_true(n < 100);
    }
    assert_int_equal(p->status, 201);
    assert_int_equal(number(p, "SELECT COUNT(*) FROM base_path_mapping"), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(a_domain_has_amazons_defaults),
        PLACE_TEST(what_cannot_be_a_domain_is_refused),
        PLACE_TEST(a_patch_of_a_domain_is_whole_or_nothing),
        PLACE_TEST(base_paths_of_one_segment),
        PLACE_TEST(a_mapping_moves_with_a_patch),
        PLACE_TEST(base_paths_of_several_segments_are_v2s),
        PLACE_TEST(levels_have_their_limits),
        PLACE_TEST(what_a_mapping_leads_to_stays),
        PLACE_TEST(lists_come_in_pages),
        PLACE_TEST(a_domain_has_tags),
        PLACE_TEST(a_store_that_fails_leaves_mappings_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
