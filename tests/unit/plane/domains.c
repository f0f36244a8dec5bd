/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "plane/domains.h"
#include "util/digest.h"

static const uint8_t file_id[16];

static char name[16];

static const char *
api_name(unsigned number)
{
    (void) snprintf(name, sizeof(name), "a%u", number);
    return name;
}

/*
 * A domain whose mappings lead, in the order of paths, to "a0", "a1", ...:
 * the odd ones with the stage in the path.
 */
static void
add_domain(struct tg_routes_builder *b, const char *host,
    const char *const *paths)
{
    uint32_t domain = tg_routes_add_domain(b, host);

    for (unsigned i = 0; paths[i] != NULL; i++) {
        uint32_t api = tg_routes_add_api(b, api_name(i), false);

        (void) tg_routes_add_stage(b, api, "test", "d");
        (void) tg_routes_add_stage(b, api, "prod", "d");
        tg_routes_add_mapping(b, domain, paths[i], api_name(i),
            i % 2 ? NULL : "prod");
    }
}

static void
build(struct tg_routes *r, struct tg_buf *bytes, struct tg_routes_builder *b)
{
    struct tg_error err;

    tg_buf_init(bytes, TG_ROUTES_SIZE_MAX);
    if (tg_routes_build(b, file_id, 1, bytes, &err) != TG_OK) {
        fail_msg("%s", err.message);
    }
    tg_routes_builder_free(b);
    *r = (struct tg_routes){ (const void *) bytes->data,
        (const uint8_t *) bytes->data, bytes->len };
}

static const char *
found(const struct tg_routes *r, const char *host)
{
    const struct tg_route_domain *d = tg_domain_find(r, host, strlen(host));

    return d != NULL ? tg_route_str(r, d->name) : "";
}

static void
hosts_are_found_exactly_or_by_a_star(void **state)
{
    static const char *const none[] = { NULL };
    static const struct {
        const char *host, *domain;
    } rows[] = {
        { "api.example.com", "api.example.com" },
        { "API.Example.COM", "api.example.com" },
        { "b.example.com", "*.example.com" },
        { "B.EXAMPLE.com", "*.example.com" },
        { "example.com", "" }, { "a.b.example.com", "" },
        { ".example.com", "" }, { "*.example.com", "" },
        { "api.example.co", "" }, { "api.example.comm", "" },
        { "x.api.example.com", "*.api.example.com" },
        { "xn--bcher-kva.example", "xn--bcher-kva.example" },
        { "", "" }, { ".", "" }, { "[::1]", "" },
    };
    struct tg_buf             bytes;
    struct tg_routes          r;
    struct tg_routes_builder *b = tg_routes_builder_new();

    (void) state;
    add_domain(b, "xn--bcher-kva.example", none);
    add_domain(b, "api.example.com", none);
    add_domain(b, "*.example.com", none);
    add_domain(b, "*.api.example.com", none);
    build(&r, &bytes, b);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) { /* D1 */
        if (strcmp(found(&r, rows[i].host), rows[i].domain) != 0) {
            fail_msg("%s: %s", rows[i].host, found(&r, rows[i].host));
        }
    }
    tg_buf_clear(&bytes);
}

struct row {
    const char *path;
    int         mapping; /* in the order they were added; -1: none */
    const char *rest;
};

static void
check_rows(const char *const *paths, const struct row *rows, size_t count)
{
    struct tg_buf                 bytes;
    struct tg_routes              r;
    const struct tg_route_api    *apis;
    const struct tg_route_domain *d;
    struct tg_routes_builder     *b = tg_routes_builder_new();

    add_domain(b, "x", paths);
    build(&r, &bytes, b);
    apis = tg_route_items(&r, r.header->apis);
    d = tg_domain_find(&r, "x", 1);
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(rows[i].path), taken;
        const struct tg_route_mapping *m =
            tg_domain_map(&r, d, rows[i].path, len, &taken);

        if ((m == NULL) != (rows[i].mapping < 0)) {
            fail_msg("%s: %s", rows[i].path, m ? "found" : "not found");
        }
        if (m == NULL) {
            continue;
        }
        if (strcmp(tg_route_str(&r, apis[m->api].id),
                api_name((unsigned) rows[i].mapping)) != 0
            || strcmp(rows[i].path + taken, rows[i].rest) != 0)
        {
            fail_msg("%s: %s, rest %s", rows[i].path,
                tg_route_str(&r, apis[m->api].id), rows[i].path + taken);
        }
        if (rows[i].mapping % 2) {
            assert_int_equal(m->stage, TG_ROUTE_NONE);
        } else {
            const struct tg_route_stage *s =
                tg_route_items(&r, apis[m->api].stages);

            assert_string_equal(tg_route_str(&r, s[m->stage].name), "prod");
        }
    }
    tg_buf_clear(&bytes);
}

#define CHECK(paths, rows)                                                    \
    check_rows(paths, rows, sizeof(rows) / sizeof(rows[0]))

static void
one_segment_must_be_equal(void **state)
{
    static const char *const paths[] = { "", "orders", "Orders", "order",
        "o+(x)", NULL };
    static const struct row rows[] = {
        { "", 0, "" }, { "/", 0, "/" }, { "/x", 0, "/x" },
        { "/orders", 1, "" }, { "/orders/", 1, "/" },
        { "/orders/7", 1, "/7" }, { "/Orders/7", 2, "/7" },
        { "/ORDERS/7", 0, "/ORDERS/7" },
        { "/order", 3, "" }, { "/orde", 0, "/orde" },
        { "/ordersandmore", 0, "/ordersandmore" },
        { "/orders%2F7", 0, "/orders%2F7" },
        { "/%6frders/7", 1, "/7" }, { "/orders%", 0, "/orders%" },
        { "//orders", 0, "//orders" },
        { "/o%2b%28x)/y", 4, "/y" },
    };

    (void) state;
    CHECK(paths, rows); /* D2, D3 */
}

static void
without_an_empty_base_path_others_are_none(void **state)
{
    static const char *const paths[] = { "b", "d", NULL };
    static const struct row rows[] = {
        { "/", -1, "" }, { "", -1, "" }, { "/a", -1, "" },
        { "/b", 0, "" }, { "/c", -1, "" }, { "/d/x", 1, "/x" },
        { "/e", -1, "" }, { "/b%", -1, "" },
    };

    (void) state;
    CHECK(paths, rows);
}

/* The example of Amazon's page, and what it does not say. */
static void
of_several_segments_the_longest_prefix_serves(void **state)
{
    static const char *const paths[] = { "orders", "orders/v1/items",
        "orders/v2/items", "", "orders/v1/items/categories", NULL };
    static const struct row rows[] = {
        { "/orders", 0, "" }, { "/orders/v1/items", 1, "" },
        { "/orders/v2/items", 2, "" },
        { "/orders/v1/items/categories", 4, "" },
        { "/customers", 3, "/customers" },
        { "/ordersandmore", 0, "andmore" },
        { "/orders/v1/itemsandmore", 1, "andmore" },
        { "/orders/v1/items/cat", 1, "/cat" },
        { "/orders/v1/items/categories/5", 4, "/5" },
        { "/orders/v1", 0, "/v1" }, { "/orders/v3/items", 0, "/v3/items" },
        { "/orders/v1%2Fitems", 0, "/v1%2Fitems" },
        { "/orders/%761/items", 1, "" }, { "/order", 3, "/order" },
        { "/", 3, "/" }, { "", 3, "" }, { "/zzz", 3, "/zzz" },
    };

    (void) state;
    CHECK(paths, rows);
}

static void
without_its_api_or_stage_a_mapping_leads_nowhere(void **state)
{
    static const char *const      hosts[] = { "0", "1", "2", "3" };
    struct tg_buf                 bytes;
    struct tg_routes              r;
    struct tg_routes_builder     *b = tg_routes_builder_new();
    uint32_t                      api = tg_routes_add_api(b, "Abc", false);

    (void) state;
    (void) tg_routes_add_stage(b, api, "prod", "d");
    tg_routes_add_mapping(b, tg_routes_add_domain(b, hosts[0]), "p", "Abc",
        "prod");
    tg_routes_add_mapping(b, tg_routes_add_domain(b, hosts[1]), "p", "Abc",
        "Prod");
    tg_routes_add_mapping(b, tg_routes_add_domain(b, hosts[2]), "p", "abc",
        "prod");
    tg_routes_add_mapping(b, tg_routes_add_domain(b, hosts[3]), "p", "x",
        NULL);
    build(&r, &bytes, b);
    for (size_t i = 0; i < 4; i++) {
        size_t                         taken;
        const struct tg_route_domain  *d = tg_domain_find(&r, hosts[i], 1);
        const struct tg_route_mapping *m = tg_domain_map(&r, d, "/p", 2,
            &taken);

        assert_int_equal(m->api, i == 0 ? 0 : TG_ROUTE_NONE);
        assert_int_equal(m->stage, i == 0 ? 0 : TG_ROUTE_NONE);
    }
    tg_buf_clear(&bytes);
}

/* Writes a wrong number into a field and gives the file its digest. */
static void
refuse_number(const struct tg_buf *good, size_t at, uint32_t number,
    const char *reason)
{
    struct tg_buf            bad;
    struct tg_error          err;
    struct tg_routes_header *h;

    tg_buf_init(&bad, good->max);
    assert_int_equal(tg_buf_add(&bad, good->data, good->len), TG_OK);
    memcpy(bad.data + at, &number, sizeof(number));
    h = (struct tg_routes_header *) (void *) bad.data;
    tg_sha256(h->digest, bad.data + TG_ROUTES_DIGESTED,
        bad.len - TG_ROUTES_DIGESTED);
    if (tg_routes_check(bad.data, bad.len, file_id, 1, &err) != TG_CORRUPT
        || strstr(err.message, reason) == NULL)
    {
        fail_msg("byte %zu: not refused for \"%s\" but \"%s\"", at, reason,
            err.message);
    }
    tg_buf_clear(&bad);
}

#define OF_DOMAIN(field)                                                      \
    (r.header->domains.off + offsetof(struct tg_route_domain, field))
#define OF_MAPPING(i, field)                                                  \
    (d->mappings.off + (i) * sizeof(struct tg_route_mapping)                  \
        + offsetof(struct tg_route_mapping, field))

static void
what_the_search_relies_on_is_checked(void **state)
{
    static const char *const paths[] = { "", "a", "a/b", NULL };
    struct tg_buf                 bytes;
    struct tg_routes              r;
    const struct tg_route_domain *d;
    struct tg_routes_builder     *b = tg_routes_builder_new();

    (void) state;
    add_domain(b, "x.example", paths);
    build(&r, &bytes, b);
    d = tg_domain_find(&r, "x.example", 9);
    refuse_number(&bytes, offsetof(struct tg_routes_header, domains) + 4,
        UINT32_MAX, "outside");
    refuse_number(&bytes, OF_DOMAIN(name) + 4, 0, "NUL");
    refuse_number(&bytes, OF_DOMAIN(is_multi_level), 2, "switch");
    refuse_number(&bytes, OF_DOMAIN(is_multi_level), 0, "segments");
    refuse_number(&bytes, OF_DOMAIN(mappings), d->mappings.off + 1,
        "aligned");
    refuse_number(&bytes, OF_DOMAIN(mappings) + 4, UINT32_MAX / 2,
        "outside");
    refuse_number(&bytes, OF_MAPPING(0, path), UINT32_MAX, "outside");
    refuse_number(&bytes, OF_MAPPING(0, api), 3, "API");
    refuse_number(&bytes, OF_MAPPING(0, api), TG_ROUTE_NONE, "API");
    refuse_number(&bytes, OF_MAPPING(0, stage), 2, "stage");
    refuse_number(&bytes, OF_MAPPING(0, parent), 0, "above");
    refuse_number(&bytes, OF_MAPPING(1, parent), TG_ROUTE_NONE, "above");
    refuse_number(&bytes, OF_MAPPING(2, parent), 0, "above");
    refuse_number(&bytes, OF_MAPPING(2, parent), 2, "above");
    refuse_number(&bytes, d->name.off, 0x41414141, "lower case");
    tg_buf_clear(&bytes);
}

static void
refuse_build(struct tg_routes_builder *b, const char *reason)
{
    struct tg_buf   bytes;
    struct tg_error err;

    tg_buf_init(&bytes, TG_ROUTES_SIZE_MAX);
    assert_int_not_equal(tg_routes_build(b, file_id, 1, &bytes, &err), TG_OK);
    if (strstr(err.message, reason) == NULL) {
        fail_msg("not \"%s\" but \"%s\"", reason, err.message);
    }
    tg_buf_clear(&bytes);
    tg_routes_builder_free(b);
}

static void
a_builder_says_what_is_wrong(void **state)
{
    static const char *const twice[] = { "a", "a", NULL };
    static const char *const none[] = { NULL };
    struct tg_routes_builder *b = tg_routes_builder_new();

    (void) state;
    add_domain(b, "x", twice);
    refuse_build(b, "base paths are not in order");
    b = tg_routes_builder_new();
    add_domain(b, "x", none);
    add_domain(b, "x", none);
    refuse_build(b, "domains are not in order");
    b = tg_routes_builder_new();
    add_domain(b, "X", none);
    refuse_build(b, "lower case");
    b = tg_routes_builder_new();
    tg_routes_add_mapping(b, 0, "p", "a", "prod");
    refuse_build(b, "not added: p");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_found_exactly_or_by_a_star),
        cmocka_unit_test(one_segment_must_be_equal),
        cmocka_unit_test(without_an_empty_base_path_others_are_none),
        cmocka_unit_test(of_several_segments_the_longest_prefix_serves),
        cmocka_unit_test(without_its_api_or_stage_a_mapping_leads_nowhere),
        cmocka_unit_test(what_the_search_relies_on_is_checked),
        cmocka_unit_test(a_builder_says_what_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
