/*
 * plane-fixture.c - makes the planes from a description, for tests of the
 * module without a daemon
 *
 *   plane-fixture make DIR SPEC.json     board, meters, keys and routes
 *   plane-fixture update DIR SPEC.json   the same on planes that are there:
 *                                        keys in place, the next routes
 *   plane-fixture epoch DIR              moves the board's epoch on by one
 *   plane-fixture dump DIR               the planes' numbers as JSON
 *
 * SPEC is what tests/e2e/test_module.py writes: "account", "backends",
 * "plans", "apis" (stages, resources, methods, integrations) and "keys".  The
 * n-th (key, plan) pair counts in slot n under owner generation 1, or as
 * "owner" of the key says.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "plane/board.h"
#include "plane/keys.h"
#include "plane/meters.h"
#include "plane/routes.h"
#include "util/digest.h"

#define PARTS_MAX 32
#define PAIRS_MAX 16

static struct tg_error err;

static void
check(enum tg_status status)
{
    if (status != TG_OK) {
        fprintf(stderr, "plane-fixture: %s: %s\n", tg_status_text(status),
            err.message);
        exit(1);
    }
}

static const char *
text(const json_t *object, const char *name, const char *otherwise)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value ? value : otherwise;
}

static double
number(const json_t *object, const char *name, double otherwise)
{
    const json_t *value = json_object_get(object, name);

    return value ? json_number_value(value) : otherwise;
}

static bool
flag(const json_t *object, const char *name, bool otherwise)
{
    const json_t *value = json_object_get(object, name);

    return value ? json_is_true(value) : otherwise;
}

/* ---- routes ---- */

static const char *const kinds[TG_PART_COUNT] = {
    "literal", "path", "query", "multiquery", "header", "multiheader",
    "param", "replyHeader", "replyMultiheader", "bodyText", "bodyJson",
    "replyText", "replyJson", "body", "reply", "apiId", "stage", "requestId", "httpMethod", "resourcePath",
    "resourceId", "requestPath", "sourceIp", "userAgent", "apiKeyId",
    "accountId", "protocol", "requestTime", "requestTimeEpoch", "domainName",
    "errorMessage", "errorMessageString", "errorType",
};

/* "text", or ["kind", "name"]. */
static struct tg_part_spec
part_of(const json_t *value)
{
    struct tg_part_spec part = { TG_PART_LITERAL, json_string_value(value),
        json_string_length(value), TG_ESCAPE_NONE };

    if (json_is_array(value)) {
        const char *kind = json_string_value(json_array_get(value, 0));
        unsigned n = 0;

        while (n < TG_PART_COUNT - 1 && strcmp(kinds[n], kind) != 0)
            n++;
        part.kind = (enum tg_part_kind) n;
        part.text = json_string_value(json_array_get(value, 1));
        part.len = part.text ? strlen(part.text) : 0;
    }
    return part;
}

static size_t
parts_of(struct tg_part_spec parts[PARTS_MAX], const json_t *list)
{
    size_t n;

    if (json_is_string(list)) {
        parts[0] = part_of(list);
        return 1;
    }
    for (n = 0; n < json_array_size(list) && n < PARTS_MAX; n++)
        parts[n] = part_of(json_array_get(list, n));
    return n;
}

struct pairs {
    struct tg_pair_spec pairs[PAIRS_MAX];
    struct tg_part_spec parts[PAIRS_MAX][PARTS_MAX];
    size_t              count;
};

static void
pairs_of(struct pairs *out, json_t *object)
{
    const char *name;
    json_t *value;

    out->count = 0;
    json_object_foreach(object, name, value) {
        struct tg_pair_spec *pair = &out->pairs[out->count];

        pair->name = name;
        pair->parts = out->parts[out->count];
        pair->part_count = parts_of(out->parts[out->count], value);
        out->count++;
    }
}

static uint32_t
add_backend(struct tg_routes_builder *b, const json_t *spec)
{
    struct tg_route_address addresses[8];
    struct tg_backend_spec backend = { 0 };
    const json_t *list = json_object_get(spec, "addresses");
    char host[300];

    backend.name = text(spec, "name", "127.0.0.1");
    backend.is_tls = flag(spec, "tls", false);
    backend.skip_chain = flag(spec, "skip_chain", false);
    backend.addresses = addresses;

    for (size_t i = 0; i < json_array_size(list) && i < 8; i++) {
        const json_t *pair = json_array_get(list, i);
        struct tg_route_address *a = &addresses[i];

        memset(a, 0, sizeof(*a));
        a->family = AF_INET;
        a->port = (uint16_t) json_integer_value(json_array_get(pair, 1));
        a->is_down = json_is_true(json_array_get(pair, 2));
        if (inet_pton(AF_INET, json_string_value(json_array_get(pair, 0)),
                a->addr) != 1)
            check(tg_error_set(&err, TG_INVALID, "address"));
        backend.address_count++;
    }

    snprintf(host, sizeof(host), "%s:%d", backend.name,
        backend.address_count ? addresses[0].port : 80);
    backend.host = text(spec, "host", host);
    return tg_routes_add_backend(b, &backend);
}

/* A MOCK that answers all calls with one response. */
struct mock {
    struct tg_part_spec     body[PARTS_MAX];
    struct pairs            headers;
    struct tg_template_spec request, answer;
    struct tg_response_spec response;
    uint8_t                 choice[TG_ROUTE_STATUSES];
};

static void
set_mock(struct tg_integration_spec *in, struct mock *m, const json_t *spec)
{
    memset(m, 0, sizeof(*m));
    memset(m->choice, 1, sizeof(m->choice));
    pairs_of(&m->headers, json_object_get(spec, "mock_headers"));
    m->request = (struct tg_template_spec) { .type = "$default",
        .status = 200 };
    m->answer = (struct tg_template_spec) { .type = "application/json",
        .parts = m->body,
        .part_count = parts_of(m->body, json_object_get(spec, "body")) };
    m->response = (struct tg_response_spec) {
        .status = (uint32_t) number(spec, "status", 200),
        .headers = m->headers.pairs, .header_count = m->headers.count,
        .templates = &m->answer, .template_count = 1 };
    in->templates = &m->request;
    in->template_count = 1;
    in->responses = &m->response;
    in->response_count = 1;
    in->choice = m->choice;
}

static uint32_t
add_integration(struct tg_routes_builder *b, const json_t *spec,
    const json_t *backends)
{
    struct tg_part_spec path[PARTS_MAX];
    struct pairs headers, queries;
    struct mock mock;
    struct tg_integration_spec in = { 0 };
    const char *type = text(spec, "type", "mock");

    in.type = strcmp(type, "http") == 0 ? TG_INTEGRATION_HTTP_PROXY
        : strcmp(type, "broken") == 0 ? TG_INTEGRATION_BROKEN
        : TG_INTEGRATION_MOCK;
    in.timeout_ms = (uint32_t) number(spec, "timeout_ms", 29000);
    in.query = text(spec, "query", NULL);
    in.verb = tg_verb_parse(text(spec, "verb", "ANY"),
        strlen(text(spec, "verb", "ANY")));
    in.path = path;
    in.path_count = parts_of(path, json_object_get(spec, "path"));

    pairs_of(&headers, json_object_get(spec, "headers"));
    pairs_of(&queries, json_object_get(spec, "queries"));
    in.headers = headers.pairs;
    in.header_count = headers.count;
    in.queries = queries.pairs;
    in.query_count = queries.count;

    if (in.type == TG_INTEGRATION_HTTP_PROXY)
        in.backend = add_backend(b, json_object_get(backends,
            text(spec, "backend", "")));
    if (in.type == TG_INTEGRATION_MOCK)
        set_mock(&in, &mock, spec);
    return tg_routes_add_integration(b, &in);
}

static void
add_resources(struct tg_routes_builder *b, uint32_t stage,
    const json_t *resources, const json_t *backends)
{
    size_t i, j;
    const json_t *resource, *method;

    json_array_foreach((json_t *) resources, i, resource) {
        char id[32];
        uint32_t at;

        snprintf(id, sizeof(id), "res%zu", i);
        at = tg_routes_add_resource(b, stage, text(resource, "path", "/"),
            id);
        json_array_foreach(json_object_get(resource, "methods"), j, method) {
            const char *verb = text(method, "verb", "GET");

            tg_routes_add_method(b, at, &(struct tg_method_spec) {
                .verb = tg_verb_parse(verb, strlen(verb)),
                .is_key_required = flag(method, "key", false),
                .integration = add_integration(b,
                    json_object_get(method, "integration"), backends) });
        }
    }
}

static enum tg_quota_period
period_of(const char *name)
{
    return strcmp(name, "DAY") == 0 ? TG_QUOTA_DAY
        : strcmp(name, "WEEK") == 0 ? TG_QUOTA_WEEK
        : strcmp(name, "MONTH") == 0 ? TG_QUOTA_MONTH : TG_QUOTA_NONE;
}

static uint32_t
plan_index(const json_t *plans, const char *id)
{
    size_t i;
    const json_t *plan;

    json_array_foreach((json_t *) plans, i, plan) {
        if (strcmp(text(plan, "id", ""), id) == 0)
            return (uint32_t) i;
    }
    check(tg_error_set(&err, TG_NOTFOUND, "plan %s", id));
    return 0;
}

static void
publish_routes(struct tg_board_map *board, const char *dir,
    const json_t *spec)
{
    struct tg_routes_builder *b = tg_routes_builder_new();
    const json_t *account = json_object_get(spec, "account");
    const json_t *plans = json_object_get(spec, "plans");
    const json_t *api, *stage, *plan, *id;
    uint64_t generation = atomic_load(&board->page->routes_generation) + 1;
    uint32_t indexes[64];
    struct tg_bucket_limit none = { 0 };
    struct tg_buf bytes;
    size_t i, j, k;

    tg_routes_set_account(b, text(account, "id", "123456789012"),
        account ? tg_bucket_limit_make(number(account, "rate", 10000),
            (uint64_t) number(account, "burst", 5000)) : none);

    json_array_foreach((json_t *) plans, i, plan) {
        struct tg_plan_spec p = { 0 };

        p.id = text(plan, "id", "");
        p.number = (uint32_t) i + 1;
        p.has_throttle = json_object_get(plan, "rate") != NULL;
        p.throttle = tg_bucket_limit_make(number(plan, "rate", 0),
            (uint64_t) number(plan, "burst", 0));
        p.quota_period = period_of(text(plan, "period", ""));
        p.quota_limit = (uint64_t) number(plan, "quota", 0);
        indexes[i] = tg_routes_add_plan(b, &p);
    }

    json_array_foreach(json_object_get(spec, "apis"), i, api) {
        uint32_t a = tg_routes_add_api(b, text(api, "id", ""),
            flag(api, "disabled", false));

        json_array_foreach(json_object_get(api, "stages"), j, stage) {
            uint32_t s = tg_routes_add_stage(b, a, text(stage, "name", ""),
                "dep1");

            json_array_foreach(json_object_get(stage, "plans"), k, id)
                tg_routes_add_stage_plan(b, s,
                    indexes[plan_index(plans, json_string_value(id))]);
            add_resources(b, s, json_object_get(stage, "resources"),
                json_object_get(spec, "backends"));
        }
    }

    tg_buf_init(&bytes, TG_ROUTES_SIZE_MAX);
    check(tg_routes_build(b, board->page->file_id, generation, &bytes,
        &err));
    check(tg_routes_publish(board, dir, &bytes, generation, &err));
    tg_buf_clear(&bytes);
    tg_routes_builder_free(b);
}

/* ---- keys and meters ---- */

static uint32_t
own_cell(struct tg_meters *meters, uint32_t slot, uint32_t owner)
{
    while (slot >= tg_meters_slots(meters))
        check(tg_meters_grow(meters, &err));
    atomic_store(&tg_meters_cell(meters, slot)->owner, owner);
    return slot;
}

static void
put_key(struct tg_keys_writer *writer, struct tg_meters *meters,
    const json_t *spec, const char *value, const char *id, uint32_t *slot,
    const json_t *all_plans)
{
    uint8_t digest[TG_SHA256_SIZE];
    struct tg_key key = { 0 };
    const json_t *plan;
    size_t i;

    snprintf(key.id, sizeof(key.id), "%s", id);
    key.enabled = flag(spec, "enabled", true);

    json_array_foreach(json_object_get(spec, "plans"), i, plan) {
        struct tg_key_plan *p = &key.plans[key.plan_count++];
        uint32_t owner = (uint32_t) number(spec, "owner", 1);

        p->plan = plan_index(all_plans, json_string_value(plan)) + 1;
        p->owner = owner;
        p->cell = flag(spec, "no_cell", false) ? TG_METER_NONE - 1
            : own_cell(meters, *slot, 1);
        (*slot)++;
    }

    tg_sha256(digest, value, strlen(value));
    if (flag(spec, "removed", false))
        check(tg_keys_remove(writer, digest, &err));
    else
        check(tg_keys_put(writer, digest, &key, &err));
}

/* A key with "count" N stands for N keys, "%06u" put behind its value. */
static void
put_keys(struct tg_board_map *board, const char *dir, const json_t *spec)
{
    struct tg_keys_writer *writer;
    struct tg_meters *meters;
    const json_t *plans = json_object_get(spec, "plans"), *key;
    uint32_t slot = 0;
    size_t i;

    check(tg_meters_create(&meters, dir, board, &err));
    check(tg_keys_writer_open(&writer, dir, board, 1024, &err));

    json_array_foreach(json_object_get(spec, "keys"), i, key) {
        const char *value = text(key, "value", "");
        unsigned count = (unsigned) number(key, "count", 0);
        char name[128], id[32];

        if (count == 0)
            put_key(writer, meters, key, value, text(key, "id", "key"),
                &slot, plans);
        for (unsigned n = 0; n < count; n++) {
            snprintf(name, sizeof(name), "%s%06u", value, n);
            snprintf(id, sizeof(id), "k%06u", n);
            put_key(writer, meters, key, name, id, &slot, plans);
        }
    }

    tg_keys_writer_close(writer);
    tg_meters_close(meters);
}

static void
make(const char *dir, const char *file, bool must_be_new)
{
    struct tg_board_map board;
    json_error_t at;
    json_t *spec = json_load_file(file, 0, &at);
    bool fresh;

    if (!spec)
        check(tg_error_set(&err, TG_INVALID, "%s:%d: %s", file, at.line,
            at.text));
    check(tg_board_create(&board, dir, &fresh, &err));
    if (must_be_new && !fresh)
        check(tg_error_set(&err, TG_CONFLICT, "%s has planes", dir));

    put_keys(&board, dir, spec);
    publish_routes(&board, dir, spec);
    tg_board_changed(board.page);
    tg_board_close(&board);
    json_decref(spec);
}

/* ---- dump ---- */

static json_t *
rows_of(const struct tg_board_map *map)
{
    json_t *rows = json_array();

    for (unsigned i = 0; i < TG_BOARD_ROWS; i++) {
        struct tg_board_row *row = &map->page->rows[i];

        if (atomic_load(&row->pid) == 0)
            continue;
        json_array_append_new(rows, json_pack(
            "{s:i, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I,"
            " s:I}",
            "pid", (int) atomic_load(&row->pid),
            "alive", tg_board_row_is_alive(map, i),
            "confGeneration", (json_int_t) atomic_load(&row->conf_generation),
            "routes", (json_int_t) atomic_load(&row->routes_generation),
            "epoch", (json_int_t) atomic_load(&row->epoch),
            "admitted", (json_int_t) atomic_load(&row->admitted),
            "counted", (json_int_t) atomic_load(&row->counted),
            "refusedNoCell",
            (json_int_t) atomic_load(&row->refused_no_cell),
            "connections",
            (json_int_t) atomic_load(&row->backend_connections),
            "failures", (json_int_t) atomic_load(&row->backend_failures),
            "retries", (json_int_t) atomic_load(&row->backend_retries),
            "timeouts", (json_int_t) atomic_load(&row->backend_timeouts),
            "heartbeat", (json_int_t) atomic_load(&row->heartbeat_s)));
    }
    return rows;
}

static json_t *
cells_of(const struct tg_meters *meters)
{
    json_t *cells = json_array();

    for (uint32_t slot = 0; slot < tg_meters_slots(meters); slot++) {
        struct tg_meter_cell *cell = tg_meters_cell(meters, slot);
        json_int_t total = 0;

        if (atomic_load(&cell->owner) == 0)
            continue;
        for (unsigned lane = 0; lane < TG_LANES; lane++)
            total += atomic_load(tg_meters_lane(meters, slot, lane));
        json_array_append_new(cells, json_pack("{s:i, s:i, s:I, s:I, s:I}",
            "slot", (int) slot, "owner", (int) atomic_load(&cell->owner),
            "counted", total,
            "used", (json_int_t) tg_quota_word_value(
                atomic_load(&cell->used)),
            "tat", (json_int_t) atomic_load(&cell->tat)));
    }
    return cells;
}

static void
dump(const char *dir)
{
    struct tg_board_map board;
    struct tg_meters *meters;
    json_t *all;

    check(tg_board_open(&board, dir, &err));
    check(tg_meters_open(&meters, dir, board.page, &err));
    all = json_pack("{s:I, s:I, s:o, s:o}",
        "epoch", (json_int_t) atomic_load(&board.page->epoch),
        "routes", (json_int_t) atomic_load(&board.page->routes_generation),
        "rows", rows_of(&board), "cells", cells_of(meters));
    json_dumpf(all, stdout, JSON_INDENT(1));
    putchar('\n');
    json_decref(all);
    tg_meters_close(meters);
    tg_board_close(&board);
}

static void
epoch(const char *dir)
{
    struct tg_board_map board;

    check(tg_board_open(&board, dir, &err));
    atomic_fetch_add(&board.page->epoch, 1);
    tg_board_close(&board);
}

int
main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "make") == 0)
        make(argv[2], argv[3], true);
    else if (argc == 4 && strcmp(argv[1], "update") == 0)
        make(argv[2], argv[3], false);
    else if (argc == 3 && strcmp(argv[1], "epoch") == 0)
        epoch(argv[2]);
    else if (argc == 3 && strcmp(argv[1], "dump") == 0)
        dump(argv[2]);
    else {
        fprintf(stderr, "usage: plane-fixture make|update DIR SPEC.json\n"
            "       plane-fixture epoch|dump DIR\n");
        return 2;
    }
    return 0;
}
