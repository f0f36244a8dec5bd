/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <sys/socket.h>

#include "plane/routes.h"
#include "util/digest.h"

static struct tg_routes_builder *
start(uint32_t *stage, uint32_t *integration)
{
    uint32_t                   api, backend;
    struct tg_routes_builder  *b = tg_routes_builder_new();
    struct tg_route_address    address = { .family = AF_INET, .port = 8091,
        .addr = { 127, 0, 0, 1 } };
    struct tg_backend_spec     where = { "example.com", "example.com:8091",
        false, false, &address, 1 };
    struct tg_part_spec        path[] = {
        { TG_PART_LITERAL, "/v1/", 4, TG_ESCAPE_NONE },
        { TG_PART_PATH, "proxy", 5, TG_ESCAPE_NONE } };
    struct tg_pair_spec        header = { "X-Id", path + 1, 1 };
    struct tg_integration_spec in = { .timeout_ms = 29000,
        .verb = TG_VERB_ANY, .path = path, .path_count = 2,
        .query = "a=b", .headers = &header, .header_count = 1 };

    assert_non_null(b);
    tg_routes_set_account(b, "123456789012", tg_bucket_limit_make(10000,
            5000));
    api = tg_routes_add_api(b, "abc123def4", false);
    *stage = tg_routes_add_stage(b, api, "prod", "dep1");
    backend = tg_routes_add_backend(b, &where);
    assert_int_equal(tg_routes_add_backend(b, &where), backend);
    in.backend = backend;
    *integration = tg_routes_add_integration(b, &in);
    return b;
}

static uint32_t
add(struct tg_routes_builder *b, uint32_t stage, const char *path,
    enum tg_verb verb, uint32_t integration)
{
    uint32_t r = tg_routes_add_resource(b, stage, path, path + 1);

    return tg_routes_add_method(b, r, &(struct tg_method_spec) { .verb = verb,
        .is_key_required = true, .integration = integration });
}

static void
finish(struct place *p, struct tg_routes_builder *b, uint64_t generation,
    struct tg_buf *out)
{
    tg_buf_init(out, TG_ROUTES_SIZE_MAX);
    if (tg_routes_build(b, p->board.page->file_id, generation, out, &p->err)
        != TG_OK)
    {
        fail_msg("%s", p->err.message);
    }
    tg_routes_builder_free(b);
}

static void
publish_and_load(struct place *p, struct tg_routes_builder *b,
    struct tg_routes *r)
{
    uint64_t      generation = p->board.page->routes_generation + 1;
    struct tg_buf bytes;

    finish(p, b, generation, &bytes);
    assert_int_equal(tg_routes_publish(&p->board, p->dir, &bytes, generation,
            &p->err), TG_OK);
    tg_buf_clear(&bytes);
    if (tg_routes_load(r, p->dir, p->board.page->file_id, generation, &p->err)
        != TG_OK)
    {
        fail_msg("%s", p->err.message);
    }
}

static void
the_trie_walk_is_amazons(void **state)
{
    static const char *const resources[] = { "/", "/pets", "/pets/{petId}",
        "/pets/{petId}/toys", "/pets/mine", "/static/{file+}", "/a/b/c/d",
        "/a/{x}/c", "/a/{x}/{y+}", "/pets/mine/toys/{toy}" };
    static const struct {
        const char *path, *resource, *captures;
    } rows[] = {
        { "", "/", "" }, { "/", "/", "" }, { "//", "/", "" },
        { "/pets", "/pets", "" }, { "/pets/", "/pets", "" },
        { "/Pets", NULL, NULL }, { "/pets//", NULL, NULL },
        { "/pets/7", "/pets/{petId}", "petId=7" },
        { "/pets/7/", "/pets/{petId}", "petId=7" },
        { "/pets/mine", "/pets/mine", "" },
        { "/p%65ts/m%69ne", "/pets/mine", "" },
        { "/pets/min%", "/pets/{petId}", "petId=min%" },
        { "/pets/a%2Fb", "/pets/{petId}", "petId=a%2Fb" },
        { "/pets%2Fmine", NULL, NULL },
        { "/pets/mine/toys", "/pets/{petId}/toys", "petId=mine" },
        { "/pets/mine/toys/1", "/pets/mine/toys/{toy}", "toy=1" },
        { "/pets//toys", NULL, NULL },
        { "/static", NULL, NULL }, { "/static/", NULL, NULL },
        { "/static//", NULL, NULL },
        { "/static/x", "/static/{file+}", "file=x" },
        { "/static/x/", "/static/{file+}", "file=x" },
        { "/static/x//y", "/static/{file+}", "file=x//y" },
        { "/static//y", "/static/{file+}", "file=/y" },
        { "/a/b/c/d", "/a/b/c/d", "" },
        { "/a/b/c", "/a/{x}/c", "x=b" }, /* /a/b/c has no method */
        { "/a/b/z/z", "/a/{x}/{y+}", "x=b y=z/z" },
        { "/a/b", NULL, NULL }, { "/nothing", NULL, NULL },
        { "pets", "/pets", "" },
    };

    uint32_t                  stage, in;
    struct place             *p = *state;
    struct tg_routes          r;
    struct tg_routes_builder *b = start(&stage, &in);

    for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
        add(b, stage, resources[i], TG_VERB_GET, in);
    }
    publish_and_load(p, b, &r);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) { /* R3 */
        char                  got[256] = "";
        struct tg_route_match m;
        enum tg_status        status = tg_routes_match(&r,
            tg_routes_stage(&r, tg_routes_api(&r, "ABC123def4", 10), "prod",
                4), TG_VERB_GET, rows[i].path, strlen(rows[i].path), &m);

        if (rows[i].resource == NULL) {
            if (status != TG_NOTFOUND) {
                fail_msg("%s was found", rows[i].path);
            }
            assert_null(m.node);
            continue;
        }
        if (status != TG_OK) {
            fail_msg("%s was not found", rows[i].path);
        }
        assert_string_equal(tg_route_str(&r, m.node->resource_path),
            rows[i].resource);
        assert_string_equal(tg_route_str(&r, m.node->resource_id),
            rows[i].resource + 1);
        for (uint32_t k = 0; k < m.capture_count; k++) {
            (void) snprintf(got + strlen(got), sizeof(got) - strlen(got),
                "%s%s=%.*s", k > 0 ? " " : "",
                tg_route_str(&r, m.captures[k].node->segment),
                (int) m.captures[k].len, m.captures[k].value);
        }
        assert_string_equal(got, rows[i].captures);
    }
    tg_routes_unload(&r);
}

static void
a_verb_is_exact_or_any(void **state)
{
    uint32_t                     stage, in;
    struct place                *p = *state;
    struct tg_routes             r;
    struct tg_route_match        m;
    const struct tg_route_stage *s;
    struct tg_routes_builder    *b = start(&stage, &in);

    add(b, stage, "/x", TG_VERB_ANY, in);
    add(b, stage, "/x", TG_VERB_POST, in);
    add(b, stage, "/y", TG_VERB_GET, in);
    add(b, stage, "/{any+}", TG_VERB_ANY, in);
    publish_and_load(p, b, &r);
    s = tg_routes_stage(&r, tg_routes_api(&r, "abc123def4", 10), "prod", 4);
    assert_int_equal(tg_routes_match(&r, s, TG_VERB_POST, "/x", 2, &m),
        TG_OK);
    assert_int_equal(m.method->verb, TG_VERB_POST);
    assert_int_equal(tg_routes_match(&r, s, TG_VERB_HEAD, "/x", 2, &m),
        TG_OK);
    assert_int_equal(m.method->verb, TG_VERB_ANY);
    assert_int_equal(tg_routes_match(&r, s, TG_VERB_HEAD, "/y", 2, &m),
        TG_NOTFOUND); /* GET does not serve HEAD; the resource was found */
    assert_string_equal(tg_route_str(&r, m.node->resource_path), "/y");
    assert_null(m.method);
    assert_int_equal(tg_routes_match(&r, s, TG_VERB_COUNT, "/x", 2, &m),
        TG_NOTFOUND);
    assert_int_equal(tg_verb_parse("GET", 3), TG_VERB_GET);
    assert_int_equal(tg_verb_parse("get", 3), TG_VERB_COUNT);
    assert_int_equal(tg_verb_parse("GETS", 4), TG_VERB_COUNT);
    assert_string_equal(tg_verb_name(TG_VERB_OPTIONS), "OPTIONS");
    assert_string_equal(tg_verb_name(TG_VERB_COUNT), "?");
    tg_routes_unload(&r);
}

static void
every_change_of_a_byte_is_refused(void **state)
{
    uint32_t                  stage, in;
    struct place             *p = *state;
    struct tg_buf             bytes;
    struct tg_routes_builder *b = start(&stage, &in);

    add(b, stage, "/pets/{petId}", TG_VERB_GET, in);
    finish(p, b, 1, &bytes);
    for (size_t i = 0; i < bytes.len; i++) { /* R1 */
        bytes.data[i] = (char) (bytes.data[i] ^ (1 << i % 8));
        assert_int_equal(tg_routes_check(bytes.data, bytes.len,
                p->board.page->file_id, 1, &p->err), TG_CORRUPT);
        bytes.data[i] = (char) (bytes.data[i] ^ (1 << i % 8));
    }
    for (size_t len = 0; len < bytes.len; len++) {
        assert_int_equal(tg_routes_check(bytes.data, len,
                p->board.page->file_id, 1, &p->err), TG_CORRUPT);
    }
    assert_int_equal(tg_routes_check(bytes.data, bytes.len,
            p->board.page->file_id, 1, &p->err), TG_OK);
    tg_buf_clear(&bytes);
}

/* Writes a wrong number into a field and gives the file its digest. */
static void
refuse_number(struct place *p, const struct tg_buf *good, size_t at,
    uint32_t number, const char *reason)
{
    struct tg_buf            bad;
    struct tg_routes_header *h;

    tg_buf_init(&bad, good->max);
    assert_int_equal(tg_buf_add(&bad, good->data, good->len), TG_OK);
    memcpy(bad.data + at, &number, sizeof(number));
    h = (struct tg_routes_header *) (void *) bad.data;
    tg_sha256(h->digest, bad.data + TG_ROUTES_DIGESTED,
        bad.len - TG_ROUTES_DIGESTED);
    if (tg_routes_check(bad.data, bad.len, p->board.page->file_id, 1,
            &p->err) != TG_CORRUPT
        || strstr(p->err.message, reason) == NULL)
    {
        fail_msg("byte %zu: not refused for \"%s\" but \"%s\"", at,
            reason, p->err.message);
    }
    tg_buf_clear(&bad);
}

#define IN(list, type, field)                                                 \
    (h->list.off + offsetof(struct tg_route_##type, field))

static void
what_the_walk_relies_on_is_checked(void **state)
{
    uint32_t                       stage, in, plan, other;
    struct place                  *p = *state;
    struct tg_buf                  bytes;
    const struct tg_routes_header *h;
    const struct tg_route_api     *api;
    struct tg_plan_spec            spec = { .id = "p", .number = 1 };
    struct tg_routes_builder      *b = start(&stage, &in);
    struct tg_bucket_limit         limit = tg_bucket_limit_make(1, 2);
    const struct tg_route_node    *node;
    const struct tg_route_plan    *planned;
    const struct tg_route_method_throttle methods[] = { { 9, limit },
        { 3, limit } };

    tg_routes_add_method(b, tg_routes_add_resource(b, stage, "/a/b", "ab"),
        &(struct tg_method_spec) {.verb = TG_VERB_GET, .integration = in,
        .has_throttle = true, .throttle = limit, .bucket = 7});
    add(b, stage, "/a/b", TG_VERB_POST, in);
    spec.methods = methods;
    spec.method_count = 2;
    add(b, stage, "/c/{x+}", TG_VERB_GET, in);
    plan = tg_routes_add_plan(b, &spec);
    spec.number = 2;
    other = tg_routes_add_plan(b, &spec);
    tg_routes_add_stage_plan(b, stage, plan);
    tg_routes_add_stage_plan(b, stage, other);
    finish(p, b, 1, &bytes);
    h = (const struct tg_routes_header *) (const void *) bytes.data;
    api = (const void *) (bytes.data + h->apis.off);
    planned = (const void *) (bytes.data + h->plans.off);
    node = (const struct tg_route_node *) (const void *)
        (bytes.data + h->nodes.off) + 2; /* the root, /a, /a/b */

    /* R1: lists and texts */
    refuse_number(p, &bytes, offsetof(struct tg_routes_header, nodes),
        h->nodes.off + 1, "aligned");
    refuse_number(p, &bytes, offsetof(struct tg_routes_header, nodes) + 4,
        UINT32_MAX, "outside");
    refuse_number(p, &bytes, offsetof(struct tg_routes_header, plans),
        0xfffffff8u, "outside");
    refuse_number(p, &bytes, offsetof(struct tg_routes_header, account_id),
        UINT32_MAX, "outside");
    refuse_number(p, &bytes, IN(nodes, node, resource_path) + 4, 3, "NUL");
    refuse_number(p, &bytes, IN(backends, backend, name) + 4, 0, "NUL");
    /* numbers out of their range */
    refuse_number(p, &bytes, IN(backends, backend, is_tls), 2, "switch");
    refuse_number(p, &bytes, IN(integrations, integration, type),
        TG_INTEGRATION_BROKEN + 1, "kind");
    refuse_number(p, &bytes, IN(integrations, integration, verb),
        TG_VERB_COUNT, "verb");
    refuse_number(p, &bytes, IN(integrations, integration, backend), 1,
        "backend");
    refuse_number(p, &bytes, IN(integrations, integration, timeout_ms), 0,
        "time-out");
    refuse_number(p, &bytes, IN(plans, plan, number), 0, "plan");
    refuse_number(p, &bytes, IN(plans, plan, quota_period), 5, "plan");
    refuse_number(p, &bytes, api->stages.off
            + offsetof(struct tg_route_stage, root), 99, "root");
    refuse_number(p, &bytes, api->stages.off
            + offsetof(struct tg_route_stage, root), 1, "root");
    refuse_number(p, &bytes, IN(plans, plan, has_every_method), 2, "switch");
    refuse_number(p, &bytes, IN(plans, plan, has_method_throttle), 2,
        "switch");
    refuse_number(p, &bytes, IN(plans, plan, first_period), UINT32_MAX,
        "first period");
    refuse_number(p, &bytes, IN(plans, plan, methods), 1, "aligned");
    refuse_number(p, &bytes, node->methods.off
            + offsetof(struct tg_route_method, throttle), 1, "throttle");
    refuse_number(p, &bytes, offsetof(struct tg_routes_header, throttles) + 4,
        UINT32_MAX, "outside");
    /* order, and trees */
    refuse_number(p, &bytes, planned->methods.off, 9, "order");
    refuse_number(p, &bytes, IN(plans, plan, number), 3, "order");
    refuse_number(p, &bytes, IN(nodes, node, param), 0, "tree");
    refuse_number(p, &bytes, IN(nodes, node, param), 1, "tree");
    refuse_number(p, &bytes, IN(nodes, node, greedy), 99, "tree");
    tg_buf_clear(&bytes);
}

/* A share of a stage's calls finds another tree under the same name. */
static void
a_canary_takes_its_share_of_calls(void **state)
{
    static const struct {
        uint32_t share, drawn;
        bool     is_canary;
    } rows[] = {
        { 1, 0, true }, { 1, 4295, false },
        { TG_ROUTE_SHARE_ALL / 2, INT32_MAX, true },
        { TG_ROUTE_SHARE_ALL / 2, (uint32_t) INT32_MAX + 1, false },
        { TG_ROUTE_SHARE_ALL - 1, UINT32_MAX, false },
        { TG_ROUTE_SHARE_ALL, UINT32_MAX, true },
    };
    struct place *p = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t                     stage, in, canary;
        struct tg_routes             r;
        struct tg_route_match        match;
        const struct tg_route_api   *api;
        const struct tg_route_stage *own, *drawn;
        struct tg_routes_builder    *b = start(&stage, &in);

        canary = tg_routes_add_canary(b, stage, "dep2", rows[i].share);
        add(b, stage, "/old", TG_VERB_GET, in);
        add(b, canary, "/new", TG_VERB_GET, in);
        tg_routes_add_stage_plan(b, canary, tg_routes_add_plan(b,
            &(struct tg_plan_spec) { .id = "p", .number = 1 }));
        publish_and_load(p, b, &r);
        api = tg_routes_api(&r, "abc123def4", 10);
        assert_int_equal(api->stages.count, 1);
        own = tg_routes_stage(&r, api, "prod", 4);
        drawn = tg_routes_canary(&r, own, rows[i].drawn);
        assert_int_equal(drawn != NULL, rows[i].is_canary);
        if (drawn) {
            assert_string_equal(tg_route_str(&r, drawn->name), "prod");
            assert_string_equal(tg_route_str(&r, drawn->deployment_id),
                "dep2");
            assert_int_equal(drawn->arn_size, own->arn_size);
            assert_non_null(tg_routes_stage_plan(&r, drawn, 1));
            assert_int_equal(tg_routes_match(&r, drawn, TG_VERB_GET, "/new",
                4, &match), TG_OK);
            assert_int_equal(tg_routes_match(&r, drawn, TG_VERB_GET, "/old",
                4, &match), TG_NOTFOUND);
            assert_null(tg_routes_canary(&r, drawn, 0));
        }
        assert_null(tg_routes_stage_plan(&r, own, 1));
        assert_int_equal(tg_routes_match(&r, own, TG_VERB_GET, "/new", 4,
            &match), TG_NOTFOUND);
        tg_routes_unload(&r);
    }
}

/* R1 */
static void
canaries_are_checked(void **state)
{
    uint32_t                       stage, in;
    size_t                         own, canary;
    struct place                  *p = *state;
    struct tg_buf                  bytes;
    const struct tg_routes_header *h;
    const struct tg_route_api     *api;
    struct tg_routes_builder      *b = start(&stage, &in);

    (void) tg_routes_add_canary(b, stage, "dep2", 7);
    finish(p, b, 1, &bytes);
    h = (const struct tg_routes_header *) (const void *) bytes.data;
    api = (const void *) (bytes.data + h->apis.off);
    own = api->stages.off;
    canary = h->canaries.off;
#define FIELD(field) offsetof(struct tg_route_stage, field)
    refuse_number(p, &bytes, own + FIELD(canary), 1, "share");
    refuse_number(p, &bytes, own + FIELD(canary), TG_ROUTE_NONE, "share");
    refuse_number(p, &bytes, own + FIELD(canary_share),
        TG_ROUTE_SHARE_ALL + 1, "share");
    refuse_number(p, &bytes, canary + FIELD(canary), 0, "has a canary");
    refuse_number(p, &bytes, canary + FIELD(root), 99, "root");
    refuse_number(p, &bytes, offsetof(struct tg_routes_header, canaries) + 4,
        UINT32_MAX, "outside");
    tg_buf_clear(&bytes);
}

/* R2 */
static void
a_plan_limits_methods_by_their_identity(void **state)
{
    uint32_t                     stage, in, plain, limited, every;
    struct place                *p = *state;
    struct tg_routes             r;
    struct tg_plan_spec          spec = { .id = "p" };
    struct tg_route_method       m = { .throttle = TG_ROUTE_NONE };
    struct tg_routes_builder    *b = start(&stage, &in);
    const struct tg_route_plan  *plans;
    const struct tg_route_method_throttle methods[] = {
        { UINT64_MAX, { 5, 5 } }, { 3, { 3, 3 } }, { 4, { 4, 4 } } };

    spec.number = 1;
    plain = tg_routes_add_plan(b, &spec);
    spec.number = 2;
    spec.methods = methods;
    spec.method_count = 3;
    limited = tg_routes_add_plan(b, &spec);
    spec.number = 3;
    spec.has_every_method = true;
    spec.every_method = (struct tg_bucket_limit) { 9, 9 };
    every = tg_routes_add_plan(b, &spec);
    publish_and_load(p, b, &r);
    plans = tg_route_items(&r, r.header->plans);
    assert_false(plans[plain].has_method_throttle);
    assert_null(tg_routes_method_throttle(&r, &plans[plain], &m));
    assert_true(plans[limited].has_method_throttle);
    assert_null(tg_routes_method_throttle(&r, &plans[limited], &m));
    assert_int_equal(tg_routes_method_throttle(&r, &plans[every],
        &m)->burst, 9);
    for (size_t i = 0; i < 3; i++) {
        m.identity = methods[i].method;
        assert_int_equal(tg_routes_method_throttle(&r, &plans[limited],
            &m)->burst, methods[i].limit.burst);
        assert_int_equal(tg_routes_method_throttle(&r, &plans[every],
            &m)->burst, methods[i].limit.burst);
    }
    tg_routes_unload(&r);
}

/* An HTTP integration with a template, a response and a required part. */
static void
add_mapped(struct tg_routes_builder *b, uint32_t stage)
{
    struct tg_part_spec     part = { TG_PART_BODY_JSON, ".a", 2,
        TG_ESCAPE_JSON };
    struct tg_part_spec     need = { TG_PART_QUERY, "q", 1, TG_ESCAPE_NONE };
    struct tg_pair_spec     header = { "X", &part, 1 };
    struct tg_template_spec template = { "text/plain", &part, 1, 0 };
    struct tg_response_spec response = { 200, true, &header, 1, &template,
        1 };
    struct tg_gateway_spec  gateway[TG_GATEWAY_TYPE_COUNT] = { 0 };
    uint8_t                 choice[TG_ROUTE_STATUSES] = { 1 };
    uint32_t                resource = tg_routes_add_resource(b, stage, "/m",
                       "m");
    struct tg_integration_spec in = { .type = TG_INTEGRATION_HTTP,
        .timeout_ms = 50, .reads_body = true, .templates = &template,
        .template_count = 1, .responses = &response, .response_count = 1,
        .choice = choice };

    gateway[TG_GATEWAY_THROTTLED].status = 503;
    gateway[TG_GATEWAY_THROTTLED].headers = &header;
    gateway[TG_GATEWAY_THROTTLED].header_count = 1;
    tg_routes_set_gateway(b, stage, gateway);
    (void) tg_routes_add_method(b, resource, &(struct tg_method_spec) {
        .verb = TG_VERB_GET, .required = &need, .required_count = 1,
        .guard = TG_GUARD_AUTHORIZER,
        .integration = tg_routes_add_integration(b, &in) });
}

static void
what_is_mapped_is_checked(void **state)
{
    uint32_t                           stage, other;
    struct place                      *p = *state;
    struct tg_buf                      bytes;
    const struct tg_routes_header     *h;
    const struct tg_route_integration *in;
    const struct tg_route_response    *response;
    const struct tg_route_template    *template;
    const struct tg_route_stage       *s;
    const struct tg_route_gateway     *gateway;
    const struct tg_route_method      *method;
    const struct tg_route_node        *nodes;
    struct tg_routes_builder          *b = start(&stage, &other);

    add_mapped(b, stage);
    finish(p, b, 1, &bytes);
    h = (const struct tg_routes_header *) (const void *) bytes.data;
#define AT_OFF(off) ((const void *) (bytes.data + (off)))
#define OFF(pointer) ((size_t) ((const char *) (pointer) - bytes.data))
    in = (const struct tg_route_integration *) AT_OFF(h->integrations.off)
        + 1;
    response = AT_OFF(in->responses.off);
    template = AT_OFF(response->templates.off);
    s = AT_OFF(((const struct tg_route_api *)
                   AT_OFF(h->apis.off))->stages.off);
    gateway = (const struct tg_route_gateway *) AT_OFF(s->gateway.off)
        + TG_GATEWAY_THROTTLED;
    nodes = AT_OFF(h->nodes.off);
    method = AT_OFF(nodes[1].methods.off);
    assert_int_equal(in->responses.count, 1);
    assert_int_equal(gateway->status, 503);
    assert_int_equal(method->required.count, 1);
    assert_int_equal(method->guard, TG_GUARD_AUTHORIZER);

    refuse_number(p, &bytes, OFF(&method->guard), TG_GUARD_COUNT, "guard");
    refuse_number(p, &bytes, OFF(&response->status), 199, "status");
    refuse_number(p, &bytes, OFF(&response->reads_reply), 2, "switch");
    refuse_number(p, &bytes, OFF(&template->type.len), 0, "NUL");
    refuse_number(p, &bytes, OFF(&template->status), 99, "status");
    refuse_number(p, &bytes, OFF(&template->body.count), UINT32_MAX,
        "outside");
    refuse_number(p, &bytes, template->body.off, /* kind, escape */
        TG_PART_BODY_JSON | TG_ESCAPE_COUNT << 16, "kind");
    refuse_number(p, &bytes, template->body.off, TG_PART_COUNT, "kind");
    refuse_number(p, &bytes, ((const struct tg_route_part *)
        AT_OFF(template->body.off))->text.off, '.' | '.' << 8, "JSON path");
    refuse_number(p, &bytes, in->choice.off, 2, "chooses");
    refuse_number(p, &bytes, OFF(&in->choice.len), 0, "NUL");
    refuse_number(p, &bytes, OFF(&in->passthrough), TG_PASSTHROUGH_COUNT,
        "switch");
    refuse_number(p, &bytes, OFF(&in->reads_body), 2, "switch");
    refuse_number(p, &bytes, OFF(&in->backend), 1, "backend");
    refuse_number(p, &bytes, OFF(&s->gateway.count), 1, "not all");
    refuse_number(p, &bytes, OFF(&gateway->status), 600, "status");
    refuse_number(p, &bytes, OFF(&gateway->headers.count), UINT32_MAX,
        "outside");
    refuse_number(p, &bytes, method->required.off, TG_PART_STAGE,
        "required");
#undef AT_OFF
#undef OFF
    tg_buf_clear(&bytes);
}

static void
other_files_are_refused_by_name(void **state)
{
    uint32_t                  stage, in;
    const char               *path;
    struct place             *p = *state;
    struct tg_buf             bytes;
    struct tg_routes          r;
    struct tg_routes_builder *b = start(&stage, &in);

    finish(p, b, 1, &bytes);
    assert_int_equal(tg_routes_load(&r, p->dir, p->board.page->file_id, 1,
            &p->err), TG_NOTFOUND);
    assert_says(&p->err, "/routes.1", "cannot open");
    assert_int_equal(tg_routes_publish(&p->board, p->dir, &bytes, 1,
            &p->err), TG_OK);
    path = place_path(p, "routes.1");
    p->board.page->file_id[0] ^= 1;
    assert_int_equal(tg_routes_load(&r, p->dir, p->board.page->file_id, 1,
            &p->err), TG_CORRUPT); /* P4 */
    assert_says(&p->err, "/routes.1", "another board");
    p->board.page->file_id[0] ^= 1;
    flip_bit(path, offsetof(struct tg_routes_header, version), 1);
    assert_int_equal(tg_routes_load(&r, p->dir, p->board.page->file_id, 1,
            &p->err), TG_CORRUPT);
    assert_says(&p->err, "/routes.1", "version");
    flip_bit(path, offsetof(struct tg_routes_header, version), 1);
    assert_int_equal(truncate(path, (off_t) bytes.len - 8), 0);
    assert_int_equal(tg_routes_load(&r, p->dir, p->board.page->file_id, 1,
            &p->err), TG_CORRUPT);
    assert_says(&p->err, "/routes.1", "truncated");
    assert_int_equal(truncate(path, 10), 0);
    assert_int_equal(tg_routes_load(&r, p->dir, p->board.page->file_id, 1,
            &p->err), TG_CORRUPT);
    assert_says(&p->err, "/routes.1", "truncated");
    tg_buf_clear(&bytes);
}

static void
publish(struct place *p, uint64_t generation)
{
    uint32_t      stage, in;
    struct tg_buf bytes;

    finish(p, start(&stage, &in), generation, &bytes);
    assert_int_equal(tg_routes_publish(&p->board, p->dir, &bytes, generation,
            &p->err), TG_OK);
    tg_buf_clear(&bytes);
}

static void
old_files_go_when_no_living_row_shows_them(void **state)
{
    int                  fd;
    uint64_t             change;
    struct stat          st;
    struct place        *p = *state;
    struct tg_board_row *row;

    assert_int_equal(tg_board_row_claim(&row, &fd, &p->board, p->dir, 1, 1,
            &p->err), TG_OK);
    publish(p, 1);
    assert_int_equal(stat(place_path(p, "routes.1"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    row->routes_generation = 1;
    change = p->board.page->change;
    publish(p, 2);
    assert_int_equal(p->board.page->routes_generation, 2);
    assert_int_equal(p->board.page->change, change + 1); /* P1 */
    publish(p, 3);
    publish(p, 4);
    assert_int_equal(access(place_path(p, "routes.1"), F_OK), 0);
    assert_int_equal(access(place_path(p, "routes.2"), F_OK), -1);
    assert_int_equal(access(place_path(p, "routes.3"), F_OK), 0);
    assert_int_equal(close(fd), 0);
    publish(p, 5);
    assert_int_equal(access(place_path(p, "routes.1"), F_OK), -1);
    assert_int_equal(access(place_path(p, "routes.3"), F_OK), -1);
    assert_int_equal(access(place_path(p, "routes.5"), F_OK), 0);
}

static void
a_generation_is_never_published_twice(void **state)
{
    uint32_t      stage, in;
    struct place *p = *state;
    struct tg_buf bytes;

    publish(p, 7);
    finish(p, start(&stage, &in), 7, &bytes);
    assert_int_equal(tg_routes_publish(&p->board, p->dir, &bytes, 7,
            &p->err), TG_INVALID);
    assert_int_equal(tg_routes_publish(&p->board, p->dir, &bytes, 8,
            &p->err), TG_CORRUPT); /* the bytes say 7 */
    assert_int_equal(p->board.page->routes_generation, 7);
    assert_int_equal(access(place_path(p, "routes.8"), F_OK), -1);
    tg_buf_clear(&bytes);
}

static void
refuse_build(struct place *p, struct tg_routes_builder *b,
    const char *reason)
{
    struct tg_buf bytes;

    tg_buf_init(&bytes, TG_ROUTES_SIZE_MAX);
    assert_int_not_equal(tg_routes_build(b, p->board.page->file_id, 1,
            &bytes, &p->err), TG_OK);
    assert_says(&p->err, reason, reason);
    tg_buf_clear(&bytes);
    tg_routes_builder_free(b);
}

static void
a_builder_says_what_is_wrong(void **state)
{
    static const struct {
        const char *path, *reason;
    } rows[] = {
        { "pets", "does not start with /: pets" },
        { "/pets/", "ends with /" }, { "/pets//x", "empty" },
        { "/{}", "braces" }, { "/{+}", "braces" }, { "/{a", "braces" },
        { "/a}b{", "braces" }, { "/{a+}/b", "below a {proxy+}" },
        { "/x/{other}/y", "another name" },
    };

    char                      deep[4 * TG_ROUTE_DEPTH_MAX] = "";
    uint32_t                  stage, in;
    struct place             *p = *state;
    struct tg_routes_builder *b;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        b = start(&stage, &in);
        add(b, stage, "/x/{name}", TG_VERB_GET, in);
        assert_int_equal(tg_routes_add_resource(b, stage, rows[i].path,
                "id"), TG_ROUTE_NONE);
        refuse_build(p, b, rows[i].reason);
    }
    b = start(&stage, &in);
    for (int i = 0; i <= TG_ROUTE_DEPTH_MAX; i++) {
        (void) strcat(deep, "/a");
    }
    add(b, stage, deep, TG_VERB_GET, in);
    refuse_build(p, b, "too many segments");
    b = start(&stage, &in);
    add(b, stage, "/x", TG_VERB_GET, in);
    add(b, stage, "/x", TG_VERB_GET, in);
    refuse_build(p, b, "twice: /x");
    b = start(&stage, &in);
    (void) tg_routes_add_stage(b, 0, "prod", "again");
    refuse_build(p, b, "stages are not in order");
    b = start(&stage, &in);
    (void) tg_routes_add_api(b, "ABC123DEF4", false);
    refuse_build(p, b, "APIs are not in order");
    b = start(&stage, &in);
    assert_int_equal(tg_routes_add_stage(b, 9, "x", "d"), TG_ROUTE_NONE);
    refuse_build(p, b, "not added");
    b = start(&stage, &in);
    tg_routes_add_stage_plan(b, stage, 0);
    refuse_build(p, b, "not added");
    b = start(&stage, &in);
    add(b, stage, "/x", TG_VERB_GET, in + 1);
    refuse_build(p, b, "not there");
}

static void
names_are_found_as_amazon_compares_them(void **state)
{
    uint32_t                     stage, in;
    struct place                *p = *state;
    struct tg_routes             r;
    const struct tg_route_api   *api;
    const struct tg_route_stage *s;
    struct tg_plan_spec          spec = { .id = "x", .quota_limit = 5 };
    struct tg_routes_builder    *b = start(&stage, &in);

    for (uint32_t i = 0; i < 40; i++) {
        char id[16];

        (void) snprintf(id, sizeof(id), "%c%u", i % 2 ? 'a' : 'B',
            (i * 7) % 40);
        (void) tg_routes_add_stage(b, tg_routes_add_api(b, id, false), "s",
            "d");
        spec.number = 1 + (i * 7) % 40;
        tg_routes_add_stage_plan(b, stage, tg_routes_add_plan(b, &spec));
    }
    publish_and_load(p, b, &r);
    assert_non_null(tg_routes_api(&r, "A7", 2));
    assert_non_null(tg_routes_api(&r, "b0", 2));
    assert_null(tg_routes_api(&r, "c0", 2));
    assert_null(tg_routes_api(&r, "a", 1));
    assert_null(tg_routes_api(&r, "", 0));
    api = tg_routes_api(&r, "abc123def4", 10);
    assert_non_null(api);
    s = tg_routes_stage(&r, api, "prod", 4);
    assert_non_null(s);
    assert_int_equal(s->arn_size,
        strlen("arn:aws:execute-api::123456789012:abc123def4/prod/"));
    assert_null(tg_routes_stage(&r, api, "Prod", 4));
    assert_null(tg_routes_stage(&r, api, "pro", 3));
    for (uint32_t i = 1; i <= 40; i++) {
        assert_int_equal(tg_routes_stage_plan(&r, s, i)->number, i);
    }
    assert_null(tg_routes_stage_plan(&r, s, 41));
    assert_null(tg_routes_stage_plan(&r, s, 0));
    tg_routes_unload(&r);
}

/* Both ways at every level, and a resource at none of the ends. */
static void
add_hostile(struct tg_routes_builder *b, uint32_t stage, char *path,
    size_t len, int depth, uint32_t in)
{
    if (depth == 0) {
        (void) strcpy(path + len, "/end");
        add(b, stage, path, TG_VERB_GET, in);
        return;
    }
    (void) strcpy(path + len, "/a");
    add_hostile(b, stage, path, len + 2, depth - 1, in);
    (void) strcpy(path + len, "/{v}");
    add_hostile(b, stage, path, len + 4, depth - 1, in);
}

static void
hostile_paths_and_trees_are_bounded(void **state)
{
    char                         path[8192] = "";
    uint32_t                     stage, in;
    struct place                *p = *state;
    struct tg_routes             r;
    struct tg_route_match        m;
    const struct tg_route_stage *s;
    struct tg_routes_builder    *b = start(&stage, &in);

    add_hostile(b, stage, path, 0, 16, in); /* 2^16 ways to fail */
    publish_and_load(p, b, &r);
    s = tg_routes_stage(&r, tg_routes_api(&r, "abc123def4", 10), "prod", 4);
    (void) strcpy(path, "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/x");
    assert_int_equal(tg_routes_match(&r, s, TG_VERB_GET, path, strlen(path),
            &m), TG_LIMIT);
    path[0] = '\0';
    for (int i = 0; i < TG_ROUTE_SEGMENTS_MAX; i++) {
        (void) strcat(path, "/a");
    }
    assert_int_not_equal(tg_routes_match(&r, s, TG_VERB_GET, path,
            strlen(path), &m), TG_OK);
    (void) strcat(path, "/a");
    assert_int_equal(tg_routes_match(&r, s, TG_VERB_GET, path, strlen(path),
            &m), TG_LIMIT);
    tg_routes_unload(&r);
}

static void
the_deepest_path_and_every_variable_match(void **state)
{
    char                         resource[1024] = "", path[1024] = "";
    uint32_t                     stage, in;
    struct place                *p = *state;
    struct tg_routes             r;
    struct tg_route_match        m;
    struct tg_routes_builder    *b = start(&stage, &in);
    const struct tg_route_stage *s;

    for (int i = 0; i < TG_ROUTE_DEPTH_MAX - 1; i++) {
        (void) sprintf(resource + strlen(resource), "/{v%d}", i);
        (void) strcat(path, "/x");
    }
    (void) strcat(resource, "/{rest+}");
    (void) strcat(path, "/y/z");
    add(b, stage, resource, TG_VERB_ANY, in);
    publish_and_load(p, b, &r);
    s = tg_routes_stage(&r, tg_routes_api(&r, "abc123def4", 10), "prod", 4);
    assert_int_equal(tg_routes_match(&r, s, TG_VERB_PATCH, path,
            strlen(path), &m), TG_OK);
    assert_int_equal(m.capture_count, TG_ROUTE_PARAMS_MAX);
    assert_memory_equal(m.captures[TG_ROUTE_PARAMS_MAX - 1].value, "y/z", 3);
    assert_int_equal(m.captures[TG_ROUTE_PARAMS_MAX - 1].len, 3);
    tg_routes_unload(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(the_trie_walk_is_amazons),
        PLACE_TEST(a_verb_is_exact_or_any),
        PLACE_TEST(every_change_of_a_byte_is_refused),
        PLACE_TEST(what_the_walk_relies_on_is_checked),
        PLACE_TEST(what_is_mapped_is_checked),
        PLACE_TEST(a_canary_takes_its_share_of_calls),
        PLACE_TEST(canaries_are_checked),
        PLACE_TEST(a_plan_limits_methods_by_their_identity),
        PLACE_TEST(other_files_are_refused_by_name),
        PLACE_TEST(old_files_go_when_no_living_row_shows_them),
        PLACE_TEST(a_generation_is_never_published_twice),
        PLACE_TEST(a_builder_says_what_is_wrong),
        PLACE_TEST(names_are_found_as_amazon_compares_them),
        PLACE_TEST(hostile_paths_and_trees_are_bounded),
        PLACE_TEST(the_deepest_path_and_every_variable_match),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
