/*
 * routes_file.c - a routes file in which numbers have been changed
 *
 * The input says where, and what is put there; the file itself is built anew,
 * so that no change of the format makes the corpus stale.  The header's own
 * fields are made good after that, digest included, so that the checks of the
 * records are reached.  What passes them is walked whole: every text, list
 * and tree must then be safe to use (R1).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "plane/domains.h"
#include "util/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t file_id[16];
static volatile size_t sum; /* so that no read is left out */

static void
read_text(const struct tg_routes *r, struct tg_route_text t)
{
    sum += strlen(tg_route_str(r, t)) + t.len;
}

static void
read_parts(const struct tg_routes *r, struct tg_route_list list)
{
    const struct tg_route_part *p = tg_route_items(r, list);

    for (uint32_t i = 0; i < list.count; i++) {
        read_text(r, p[i].text);
    }
}

static void
read_pairs(const struct tg_routes *r, struct tg_route_list list)
{
    const struct tg_route_pair *p = tg_route_items(r, list);

    for (uint32_t i = 0; i < list.count; i++) {
        read_text(r, p[i].name);
        read_parts(r, p[i].value);
    }
}

static void
read_templates(const struct tg_routes *r, struct tg_route_list list)
{
    const struct tg_route_template *t = tg_route_items(r, list);

    for (uint32_t i = 0; i < list.count; i++) {
        read_text(r, t[i].type);
        read_parts(r, t[i].body);
    }
}

static void
read_responses(const struct tg_routes *r,
    const struct tg_route_integration *in)
{
    const char                     *choice = tg_route_str(r, in->choice);
    const struct tg_route_response *list = tg_route_items(r, in->responses);

    for (uint32_t i = 0; i < in->responses.count; i++) {
        read_pairs(r, list[i].headers);
        read_templates(r, list[i].templates);
    }
    for (uint32_t i = 0; i < in->choice.len
         && in->type != TG_INTEGRATION_HTTP_PROXY
         && in->type != TG_INTEGRATION_BROKEN; i++)
    {
        sum += choice[i] ? list[(uint8_t) choice[i] - 1].status : 0;
    }
}

static void
read_gateway(const struct tg_routes *r, const struct tg_route_stage *stage)
{
    const struct tg_route_gateway *g = tg_route_items(r, stage->gateway);

    for (uint32_t i = 0; i < stage->gateway.count; i++) {
        read_pairs(r, g[i].headers);
        read_templates(r, g[i].templates);
    }
}

static void
read_integrations(const struct tg_routes *r)
{
    struct tg_route_list               list = r->header->integrations;
    const struct tg_route_integration *in = tg_route_items(r, list);
    const struct tg_route_backend     *backends =
        tg_route_items(r, r->header->backends);

    for (uint32_t i = 0; i < list.count; i++, in++) {
        read_parts(r, in->path);
        read_text(r, in->query);
        read_pairs(r, in->headers);
        read_pairs(r, in->queries);
        read_templates(r, in->templates);
        read_responses(r, in);
        if (in->type == TG_INTEGRATION_HTTP_PROXY
            || in->type == TG_INTEGRATION_HTTP) {
            const struct tg_route_backend *b = &backends[in->backend];
            const struct tg_route_address *a =
                tg_route_items(r, b->addresses);

            read_text(r, b->name);
            read_text(r, b->host);
            for (uint32_t j = 0; j < b->addresses.count; j++) {
                sum += a[j].port;
            }
        }
    }
}

static void
read_plan(const struct tg_routes *r, const struct tg_route_plan *plan)
{
    const struct tg_route_method m = { .identity = 1 };

    if (plan != NULL) {
        read_text(r, plan->id);
        sum += tg_routes_method_throttle(r, plan, &m) != NULL;
    }
}

static void
match_paths(const struct tg_routes *r, const struct tg_route_stage *stage)
{
    static const char *const paths[] = { "", "/", "/pets", "/pets/7",
        "/pets/7/toys/", "/a/b/c/d/e/f", "/%70ets//x", "/static/a/b" };
    struct tg_route_match    m;

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (tg_routes_match(r, stage, TG_VERB_GET, paths[i],
                strlen(paths[i]), &m) == TG_OK)
        {
            read_text(r, m.node->resource_path);
            read_text(r, m.node->resource_id);
            sum += m.method->integration;
            if (m.method->throttle != TG_ROUTE_NONE) {
                const struct tg_route_throttle *t =
                    tg_route_items(r, r->header->throttles);

                sum += t[m.method->throttle].bucket;
            }
            for (uint32_t k = 0; k < m.capture_count; k++) {
                read_text(r, m.captures[k].node->segment);
                sum += (size_t) (m.captures[k].value - paths[i]);
            }
        }
    }
}

static void
read_domains(const struct tg_routes *r)
{
    struct tg_route_list          list = r->header->domains;
    const struct tg_route_domain *d = tg_route_items(r, list);
    const struct tg_route_api    *apis = tg_route_items(r, r->header->apis);

    for (uint32_t i = 0; i < list.count; i++) {
        size_t                         taken;
        const struct tg_route_mapping *m;

        read_text(r, d[i].name);
        sum += tg_domain_find(r, tg_route_str(r, d[i].name), d[i].name.len)
            == &d[i];
        m = tg_domain_map(r, &d[i], "/orders/v%31/items", 18, &taken);
        if (m != NULL) {
            read_text(r, m->path);
            sum += taken;
            if (m->api != TG_ROUTE_NONE) {
                read_text(r, apis[m->api].id);
            }
        }
    }
}

/* The stage, and what half of its calls would find in its place. */
static void
read_stage(const struct tg_routes *r, const struct tg_route_stage *stage)
{
    const struct tg_route_stage *canary = tg_routes_canary(r, stage,
        UINT32_MAX / 2);

    read_plan(r, tg_routes_stage_plan(r, stage, 1));
    match_paths(r, stage);
    read_gateway(r, stage);
    if (canary != NULL) {
        read_text(r, canary->deployment_id);
        read_stage(r, canary); /* which has none itself */
    }
}

static void
walk(const struct tg_routes *r)
{
    const struct tg_route_api *apis = tg_route_items(r, r->header->apis);

    read_text(r, r->header->account_id);
    read_integrations(r);
    read_domains(r);
    for (uint32_t i = 0; i < r->header->apis.count; i++) {
        const struct tg_route_stage *s = tg_route_items(r, apis[i].stages);

        sum += tg_routes_api(r, tg_route_str(r, apis[i].id), apis[i].id.len)
            == &apis[i];
        for (uint32_t j = 0; j < apis[i].stages.count; j++) {
            sum += tg_routes_stage(r, &apis[i], tg_route_str(r, s[j].name),
                s[j].name.len) == &s[j];
            read_stage(r, &s[j]);
        }
    }
}

/* Values, responses and templates of one integration of each kind. */
static void
add_methods(struct tg_routes_builder *b, uint32_t stage)
{
    static const uint8_t       choice[TG_ROUTE_STATUSES];
    struct tg_route_address    address = { .family = AF_INET, .port = 80 };
    struct tg_backend_spec     backend = { .name = "b.example",
        .host = "b.example", .addresses = &address, .address_count = 1 };
    struct tg_part_spec        parts[] = {
        { .kind = TG_PART_LITERAL, .text = "/v1/", .len = 4 },
        { .kind = TG_PART_PATH, .text = "petId", .len = 5 } };
    struct tg_pair_spec        pair = { "X-Id", parts + 1, 1 };
    struct tg_template_spec    template = { .type = "application/json",
        .parts = parts, .part_count = 2, .status = 200 };
    struct tg_response_spec    response = { .status = 200,
        .headers = &pair, .header_count = 1, .templates = &template,
        .template_count = 1 };
    struct tg_integration_spec to = { .timeout_ms = 29000,
        .verb = TG_VERB_ANY, .path = parts, .path_count = 2,
        .query = "a=b", .headers = &pair, .header_count = 1,
        .queries = &pair, .query_count = 1 };
    struct tg_integration_spec mock = { .type = TG_INTEGRATION_MOCK,
        .verb = TG_VERB_ANY, .templates = &template, .template_count = 1,
        .responses = &response, .response_count = 1, .choice = choice };
    struct tg_method_spec      get = { .verb = TG_VERB_GET,
        .is_key_required = true, .required = parts + 1,
        .required_count = 1 };
    struct tg_method_spec      any = { .verb = TG_VERB_ANY, .identity = 7 };

    to.backend = tg_routes_add_backend(b, &backend);
    get.integration = tg_routes_add_integration(b, &to);
    any.integration = tg_routes_add_integration(b, &mock);
    (void) tg_routes_add_method(b, tg_routes_add_resource(b, stage,
            "/pets/{petId}/toys", "r"), &get);
    (void) tg_routes_add_method(b, tg_routes_add_resource(b, stage,
            "/static/{file+}", "s"), &any);
}

/* A file with at least one of most records. */
static void
build_whole(struct tg_buf *out)
{
    uint32_t                  stage, domain;
    struct tg_error           err;
    struct tg_plan_spec       plan = { .id = "p", .number = 1 };
    struct tg_routes_builder *b = tg_routes_builder_new();

    tg_routes_set_account(b, "123456789012", tg_bucket_limit_make(1, 1));
    stage = tg_routes_add_stage(b, tg_routes_add_api(b, "abc123def4", false),
        "prod", "d");
    add_methods(b, stage);
    add_methods(b, tg_routes_add_canary(b, stage, "c", TG_ROUTE_SHARE_ALL));
    tg_routes_add_stage_plan(b, stage, tg_routes_add_plan(b, &plan));
    domain = tg_routes_add_domain(b, "api.example.com");
    tg_routes_add_mapping(b, domain, "", "abc123def4", NULL);
    tg_routes_add_mapping(b, domain, "orders", "abc123def4", "prod");
    tg_routes_add_mapping(b, domain, "orders/v1", "abc123def4", "prod");
    if (tg_routes_build(b, file_id, 1, out, &err) != TG_OK) {
        (void) fprintf(stderr, "%s\n", err.message);
        abort();
    }
    tg_routes_builder_free(b);
}

/* Eight bytes each: where in the file, and the number that is put there. */
static void
patch(struct tg_buf *bytes, const uint8_t *data, size_t size)
{
    for (; size >= 8; data += 8, size -= 8) {
        uint32_t at;

        memcpy(&at, data, sizeof(at));
        memcpy(bytes->data + at % (bytes->len / 4) * 4, data + 4, 4);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_buf            bytes;
    struct tg_error          err;
    struct tg_routes_header *h;

    tg_buf_init(&bytes, TG_ROUTES_SIZE_MAX);
    build_whole(&bytes);
    patch(&bytes, data, size);
    h = (struct tg_routes_header *) (void *) bytes.data;
    memcpy(h->magic, TG_ROUTES_MAGIC, sizeof(h->magic));
    h->version = TG_ROUTES_VERSION;
    h->header_size = sizeof(*h);
    h->size = bytes.len;
    h->generation = 1;
    memcpy(h->file_id, file_id, sizeof(file_id));
    tg_sha256(h->digest, bytes.data + TG_ROUTES_DIGESTED,
        bytes.len - TG_ROUTES_DIGESTED);
    if (tg_routes_check(bytes.data, bytes.len, file_id, 1, &err) == TG_OK) {
        struct tg_routes r = { h, (const uint8_t *) bytes.data, bytes.len };

        walk(&r);
    } else if (size < 8) {
        abort(); /* it was whole */
    }
    tg_buf_clear(&bytes);
    return 0;
}
