/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <sys/socket.h>

#include "plane/routes.h"
#include "util/digest.h"

/* A small world: two APIs, one of them with a tree worth the name. */
struct world {
    struct place      place;
    struct tg_buf     bytes;
    struct tg_routes  routes;
    uint32_t          integration;
};

static struct tg_routes_builder *
start(uint32_t *stage, uint32_t *integration)
{
    uint32_t                   api, backend;
    struct tg_routes_builder  *b = tg_routes_builder_new();
    struct tg_route_address    address = { AF_INET, 8091, { 127, 0, 0, 1 } };
    struct tg_backend_spec     where = { "example.com", "example.com:8091",
        false, false, &address, 1 };
    struct tg_part_spec        path[] = { { TG_PART_LITERAL, "/v1/", 4 },
        { TG_PART_PATH, "proxy", 5 } };
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

static void
add(struct tg_routes_builder *b, uint32_t stage, const char *path,
    enum tg_verb verb, uint32_t integration)
{
    uint32_t r = tg_routes_add_resource(b, stage, path, path + 1);

    tg_routes_add_method(b, r, verb, true, integration);
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(the_trie_walk_is_amazons),
        PLACE_TEST(a_verb_is_exact_or_any),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
