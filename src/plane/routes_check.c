/*
 * routes_check.c - what a routes file must satisfy before it is walked
 *
 * The reader walks the file without checks, so everything that it relies on
 * is proved here, once a load (R1): each offset lies inside and is aligned,
 * each text ends in a NUL, each index names a record, each enumerator is
 * known, lists that are searched by halving are sorted without doubles, and
 * the nodes form trees: a child's number is above its parent's, and no node
 * has two parents.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "core/json.h"
#include "plane/domains.h"
#include "util/digest.h"

#define TIMEOUT_MAX_MS 3600000

_Static_assert(sizeof(struct tg_routes_header) % 8 == 0, "aligned");

/* A file under check; what is wrong goes into err once. */
struct check {
    const uint8_t                 *base;
    size_t                         size;
    const struct tg_routes_header *header;
    struct tg_error               *err;
    uint8_t                       *depth; /* a node's, 0: not seen yet */
};

static bool
wrong(struct check *c, const char *what)
{
    (void) tg_error_set(c->err, TG_CORRUPT, "%s", what);
    return false;
}

static bool
is_text(struct check *c, struct tg_route_text t, bool may_be_empty)
{
    if (t.off > c->size || t.len >= c->size - t.off) {
        return wrong(c, "a text lies outside the file");
    }
    if (c->base[t.off + t.len] != '\0') {
        return wrong(c, "a text has no NUL behind it");
    }
    return may_be_empty || t.len > 0 || wrong(c, "a name is empty");
}

static bool
is_list(struct check *c, struct tg_route_list list, size_t item, size_t align)
{
    if (list.off % align != 0) {
        return wrong(c, "a list is not aligned");
    }
    if (list.off > c->size || list.count > (c->size - list.off) / item) {
        return wrong(c, "a list lies outside the file");
    }
    return true;
}

#define IS_LIST(c, list, type) is_list(c, list, sizeof(type), _Alignof(type))
#define ITEMS(c, list) ((const void *) ((c)->base + (list).off))

/* strcmp of two texts that are known to lie inside. */
static int
compare(struct check *c, struct tg_route_text a, struct tg_route_text b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int    order = memcmp(c->base + a.off, c->base + b.off, len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int
compare_nocase(struct check *c, struct tg_route_text a,
    struct tg_route_text b)
{
    size_t len = a.len < b.len ? a.len : b.len;

    for (size_t i = 0; i < len; i++) {
        int x = tg_ascii_lower(c->base[a.off + i]);
        int y = tg_ascii_lower(c->base[b.off + i]);

        if (x != y) {
            return x - y;
        }
    }
    return (a.len > b.len) - (a.len < b.len);
}

static bool
check_parts(struct check *c, struct tg_route_list list)
{
    const struct tg_route_part *parts;

    if (!IS_LIST(c, list, struct tg_route_part)) {
        return false;
    }
    parts = ITEMS(c, list);
    for (uint32_t i = 0; i < list.count; i++) {
        bool has_name = parts[i].kind >= TG_PART_FIRST_NAMED
            && parts[i].kind < TG_PART_FIRST_JSON;

        if (parts[i].kind >= TG_PART_COUNT
            || parts[i].escape >= TG_ESCAPE_COUNT)
        {
            return wrong(c, "a part of a value is of no known kind");
        }
        if (!is_text(c, parts[i].text, !has_name)) {
            return false;
        }
        if (parts[i].kind >= TG_PART_FIRST_JSON
            && parts[i].kind <= TG_PART_LAST_JSON
            && !tg_json_path_is_valid(
                (const char *) c->base + parts[i].text.off,
                parts[i].text.len))
        {
            return wrong(c, "a part's JSON path is none");
        }
    }
    return true;
}

static bool
check_pairs(struct check *c, struct tg_route_list list)
{
    const struct tg_route_pair *pairs;

    if (!IS_LIST(c, list, struct tg_route_pair)) {
        return false;
    }
    pairs = ITEMS(c, list);
    for (uint32_t i = 0; i < list.count; i++) {
        if (!is_text(c, pairs[i].name, false)
            || !check_parts(c, pairs[i].value))
        {
            return false;
        }
    }
    return true;
}

static bool
check_templates(struct check *c, struct tg_route_list list)
{
    const struct tg_route_template *t;

    if (!IS_LIST(c, list, struct tg_route_template)) {
        return false;
    }
    t = ITEMS(c, list);
    for (uint32_t i = 0; i < list.count; i++) {
        if (!is_text(c, t[i].type, false) || !check_parts(c, t[i].body)) {
            return false;
        }
        if (t[i].status != 0
            && t[i].status - TG_ROUTE_STATUS_FIRST >= TG_ROUTE_STATUSES)
        {
            return wrong(c, "a template's status is out of range");
        }
    }
    return true;
}

static bool
check_responses(struct check *c, struct tg_route_list list)
{
    const struct tg_route_response *r;

    if (!IS_LIST(c, list, struct tg_route_response)) {
        return false;
    }
    r = ITEMS(c, list);
    for (uint32_t i = 0; i < list.count; i++) {
        if (r[i].status < 200 || r[i].status > 599 || r[i].reads_reply > 1) {
            return wrong(c, "a response's status or switch is out of range");
        }
        if (!check_pairs(c, r[i].headers)
            || !check_templates(c, r[i].templates))
        {
            return false;
        }
    }
    return true;
}

static bool
check_gateway(struct check *c, struct tg_route_list list)
{
    const struct tg_route_gateway *g;

    if (!IS_LIST(c, list, struct tg_route_gateway)) {
        return false;
    }
    if (list.count != 0 && list.count != TG_GATEWAY_TYPE_COUNT) {
        return wrong(c, "a stage has some gateway responses, but not all");
    }
    g = ITEMS(c, list);
    for (uint32_t i = 0; i < list.count; i++) {
        if (g[i].status != 0 && (g[i].status < 200 || g[i].status > 599)) {
            return wrong(c, "a gateway response's status is out of range");
        }
        if (!check_pairs(c, g[i].headers)
            || !check_templates(c, g[i].templates))
        {
            return false;
        }
    }
    return true;
}

static bool
check_backends(struct check *c)
{
    struct tg_route_list           list = c->header->backends;
    const struct tg_route_backend *b = ITEMS(c, list);

    for (uint32_t i = 0; i < list.count; i++, b++) {
        const struct tg_route_address *a = ITEMS(c, b->addresses);

        if (!is_text(c, b->name, false) || !is_text(c, b->host, false)
            || !IS_LIST(c, b->addresses, struct tg_route_address))
        {
            return false;
        }
        if (b->is_tls > 1 || b->skip_chain > 1) {
            return wrong(c, "a backend's switch is neither 0 nor 1");
        }
        if (b->addresses.count > TG_ROUTE_ADDRESSES_MAX) {
            return wrong(c, "a backend has too many addresses");
        }
        for (uint32_t j = 0; j < b->addresses.count; j++, a++) {
            if ((a->family != AF_INET && a->family != AF_INET6)
                || a->port == 0 || a->is_down > 1)
            {
                return wrong(c, "a backend's address is not one");
            }
        }
    }
    return true;
}

/* The table of A2 names responses that are there. */
static bool
check_choice(struct check *c, const struct tg_route_integration *in)
{
    if (in->choice.len != TG_ROUTE_STATUSES) {
        return wrong(c, "an integration's table of statuses is not whole");
    }
    for (uint32_t i = 0; i < TG_ROUTE_STATUSES; i++) {
        if (c->base[in->choice.off + i] > in->responses.count) {
            return wrong(c, "an integration chooses a response that is not"
                " there");
        }
    }
    return true;
}

static bool
check_http(struct check *c, const struct tg_route_integration *in)
{
    if (in->backend >= c->header->backends.count) {
        return wrong(c, "an integration names a backend that is not there");
    }
    if (in->timeout_ms == 0 || in->timeout_ms > TIMEOUT_MAX_MS) {
        return wrong(c, "an integration's time-out is out of range");
    }
    return true;
}

static bool
check_integrations(struct check *c)
{
    struct tg_route_list               list = c->header->integrations;
    const struct tg_route_integration *in = ITEMS(c, list);

    for (uint32_t i = 0; i < list.count; i++, in++) {
        if (in->type > TG_INTEGRATION_BROKEN || in->verb >= TG_VERB_COUNT) {
            return wrong(c, "an integration is of no known kind or verb");
        }
        if (in->reads_body > 1 || in->passthrough >= TG_PASSTHROUGH_COUNT) {
            return wrong(c, "an integration's switch is out of range");
        }
        if (!check_parts(c, in->path) || !is_text(c, in->query, true)
            || !check_pairs(c, in->headers) || !check_pairs(c, in->queries)
            || !check_templates(c, in->templates)
            || !check_responses(c, in->responses)
            || !is_text(c, in->choice, true))
        {
            return false;
        }
        if ((in->type == TG_INTEGRATION_HTTP_PROXY
                || in->type == TG_INTEGRATION_HTTP)
            && !check_http(c, in))
        {
            return false;
        }
        if ((in->type == TG_INTEGRATION_HTTP
                || in->type == TG_INTEGRATION_MOCK)
            && !check_choice(c, in))
        {
            return false;
        }
    }
    return true;
}

static bool
check_method_throttles(struct check *c, const struct tg_route_plan *p)
{
    const struct tg_route_method_throttle *m = ITEMS(c, p->methods);

    if (!IS_LIST(c, p->methods, struct tg_route_method_throttle)) {
        return false;
    }
    for (uint32_t i = 1; i < p->methods.count; i++) {
        if (m[i].method <= m[i - 1].method) {
            return wrong(c, "a plan's methods are not in order");
        }
    }
    return true;
}

static bool
check_plans(struct check *c)
{
    struct tg_route_list        list = c->header->plans;
    const struct tg_route_plan *p = ITEMS(c, list);

    for (uint32_t i = 0; i < list.count; i++, p++) {
        if (!is_text(c, p->id, false)) {
            return false;
        }
        if (p->number == 0 || p->quota_period > TG_QUOTA_MONTH
            || p->has_throttle > 1 || p->quota_offset_days > 366)
        {
            return wrong(c, "a plan's number, period, switch or offset is"
                " out of range");
        }
        if (p->has_method_throttle > 1 || p->has_every_method > 1
            || p->first_period > TG_QUOTA_PERIOD_MAX)
        {
            return wrong(c, "a plan's switch or first period is out of"
                " range");
        }
        if (!check_method_throttles(c, p)) {
            return false;
        }
    }
    return true;
}

static bool
check_required(struct check *c, struct tg_route_list list)
{
    const struct tg_route_part *parts = ITEMS(c, list);

    if (!check_parts(c, list)) {
        return false;
    }
    for (uint32_t i = 0; i < list.count; i++) {
        if (parts[i].kind < TG_PART_PATH
            || parts[i].kind > TG_PART_MULTIHEADER)
        {
            return wrong(c, "a required parameter is none of a request");
        }
    }
    return true;
}

static bool
check_methods(struct check *c, struct tg_route_list list)
{
    const struct tg_route_method *m;

    if (!IS_LIST(c, list, struct tg_route_method)) {
        return false;
    }
    m = ITEMS(c, list);
    for (uint32_t i = 0; i < list.count; i++) {
        if (m[i].verb >= TG_VERB_COUNT || m[i].is_key_required > 1) {
            return wrong(c, "a method's verb or switch is out of range");
        }
        if (m[i].guard >= TG_GUARD_COUNT) {
            return wrong(c, "a method's guard is out of range");
        }
        if (i > 0 && m[i].verb <= m[i - 1].verb) {
            return wrong(c, "methods are not in order");
        }
        if (m[i].integration >= c->header->integrations.count) {
            return wrong(c,
                "a method names an integration that is not there");
        }
        if (m[i].throttle != TG_ROUTE_NONE
            && m[i].throttle >= c->header->throttles.count)
        {
            return wrong(c, "a method names a throttle that is not there");
        }
        if (!check_required(c, m[i].required)) {
            return false;
        }
    }
    return true;
}

/* A tree edge: downwards in number, one parent, not too deep. */
static bool
check_edge(struct check *c, uint32_t parent, uint32_t child)
{
    if (child >= c->header->nodes.count || child <= parent
        || c->depth[child] != 0)
    {
        return wrong(c, "the nodes do not form a tree");
    }
    if (c->depth[parent] > TG_ROUTE_DEPTH_MAX) {
        return wrong(c, "a resource's path has too many segments");
    }
    c->depth[child] = (uint8_t) (c->depth[parent] + 1);
    return true;
}

static bool
check_children(struct check *c, uint32_t number,
    const struct tg_route_node *nodes)
{
    struct tg_route_list list = nodes[number].children;
    const uint32_t      *kids;

    if (!IS_LIST(c, list, uint32_t)) {
        return false;
    }
    kids = ITEMS(c, list);
    for (uint32_t i = 0; i < list.count; i++) {
        if (!check_edge(c, number, kids[i])
            || !is_text(c, nodes[kids[i]].segment, false))
        {
            return false;
        }
        if (i > 0 && compare(c, nodes[kids[i - 1]].segment,
                nodes[kids[i]].segment) >= 0)
        {
            return wrong(c, "segments are not in order");
        }
    }
    return true;
}

static bool
check_variables(struct check *c, uint32_t number,
    const struct tg_route_node *nodes)
{
    const struct tg_route_node *n = &nodes[number];
    const struct tg_route_node *end;

    if (n->param != TG_ROUTE_NONE
        && (!check_edge(c, number, n->param)
            || !is_text(c, nodes[n->param].segment, false)))
    {
        return false;
    }
    if (n->greedy == TG_ROUTE_NONE) {
        return true;
    }
    if (!check_edge(c, number, n->greedy)
        || !is_text(c, nodes[n->greedy].segment, false))
    {
        return false;
    }
    end = &nodes[n->greedy];
    return (end->children.count == 0 && end->param == TG_ROUTE_NONE
               && end->greedy == TG_ROUTE_NONE)
        || wrong(c, "a resource stands below a {proxy+}");
}

static bool
check_nodes(struct check *c)
{
    struct tg_route_list        list = c->header->nodes;
    const struct tg_route_node *nodes = ITEMS(c, list);

    for (uint32_t i = 0; i < list.count; i++) {
        if (c->depth[i] == 0) {
            c->depth[i] = 1; /* a root: all parents of i came before */
        }
        if (!is_text(c, nodes[i].segment, true)
            || !is_text(c, nodes[i].resource_path, true)
            || !is_text(c, nodes[i].resource_id, true)
            || !check_methods(c, nodes[i].methods)
            || !check_children(c, i, nodes) || !check_variables(c, i, nodes))
        {
            return false;
        }
    }
    return true;
}

static bool
check_stage(struct check *c, const struct tg_route_stage *s)
{
    const uint32_t             *indexes = ITEMS(c, s->plans);
    const struct tg_route_plan *plans = ITEMS(c, c->header->plans);

    if (!is_text(c, s->name, false) || !is_text(c, s->deployment_id, true)
        || !IS_LIST(c, s->plans, uint32_t) || !check_gateway(c, s->gateway))
    {
        return false;
    }
    if (s->root >= c->header->nodes.count || c->depth[s->root] != 1) {
        return wrong(c, "a stage has no root");
    }
    if (s->canary_share > TG_ROUTE_SHARE_ALL
        || (s->canary == TG_ROUTE_NONE ? s->canary_share != 0
                : s->canary >= c->header->canaries.count))
    {
        return wrong(c, "a stage has a share of calls without a canary");
    }
    for (uint32_t i = 0; i < s->plans.count; i++) {
        if (indexes[i] >= c->header->plans.count) {
            return wrong(c, "a stage names a plan that is not there");
        }
        if (i > 0 && plans[indexes[i - 1]].number >= plans[indexes[i]].number)
        {
            return wrong(c, "a stage's plans are not in order");
        }
    }
    return true;
}

/* A canary is a stage that nobody finds by its name, and has none itself. */
static bool
check_canaries(struct check *c)
{
    const struct tg_route_stage *s = ITEMS(c, c->header->canaries);

    for (uint32_t i = 0; i < c->header->canaries.count; i++) {
        if (!check_stage(c, &s[i])) {
            return false;
        }
        if (s[i].canary != TG_ROUTE_NONE) {
            return wrong(c, "a canary has a canary");
        }
    }
    return true;
}

static bool
check_apis(struct check *c)
{
    struct tg_route_list       list = c->header->apis;
    const struct tg_route_api *a = ITEMS(c, list);

    for (uint32_t i = 0; i < list.count; i++) {
        const struct tg_route_stage *s = ITEMS(c, a[i].stages);

        if (!is_text(c, a[i].id, false)
            || !IS_LIST(c, a[i].stages, struct tg_route_stage))
        {
            return false;
        }
        if (a[i].is_execute_api_disabled > 1) {
            return wrong(c, "an API's switch is neither 0 nor 1");
        }
        if (i > 0 && compare_nocase(c, a[i - 1].id, a[i].id) >= 0) {
            return wrong(c, "APIs are not in order");
        }
        for (uint32_t j = 0; j < a[i].stages.count; j++) {
            if (!check_stage(c, &s[j])) {
                return false;
            }
            if (j > 0 && compare(c, s[j - 1].name, s[j].name) >= 0) {
                return wrong(c, "stages are not in order");
            }
        }
    }
    return true;
}

/* The longest earlier path that path begins with stands in parent. */
static bool
check_parent(struct check *c, const struct tg_route_mapping *all,
    uint32_t number)
{
    uint32_t             i = number;
    struct tg_route_text path = all[number].path;

    while (i-- > 0) {
        if (all[i].path.len < path.len
            && memcmp(c->base + all[i].path.off, c->base + path.off,
                   all[i].path.len) == 0)
        {
            break; /* i is UINT32_MAX, NONE, where there is none */
        }
    }
    return all[number].parent == i
        || wrong(c, "a base path does not name the one above it");
}

static bool
check_mapping(struct check *c, const struct tg_route_domain *d,
    const struct tg_route_mapping *all, uint32_t number)
{
    const struct tg_route_mapping *m = &all[number];
    const struct tg_route_api     *apis = ITEMS(c, c->header->apis);

    if (!is_text(c, m->path, true)) {
        return false;
    }
    if (m->api == TG_ROUTE_NONE ? m->stage != TG_ROUTE_NONE
        : m->api >= c->header->apis.count
            || (m->stage != TG_ROUTE_NONE
                && m->stage >= apis[m->api].stages.count))
    {
        return wrong(c, "a base path names an API or stage that is not"
            " there");
    }
    if (!d->is_multi_level
        && memchr(c->base + m->path.off, '/', m->path.len) != NULL)
    {
        return wrong(c, "a base path has segments that its domain denies");
    }
    if (number > 0 && compare(c, m[-1].path, m->path) >= 0) {
        return wrong(c, "base paths are not in order");
    }
    return check_parent(c, all, number);
}

static bool
check_domains(struct check *c)
{
    struct tg_route_list          list = c->header->domains;
    const struct tg_route_domain *d = ITEMS(c, list);

    for (uint32_t i = 0; i < list.count; i++) {
        const struct tg_route_mapping *m = ITEMS(c, d[i].mappings);

        if (!is_text(c, d[i].name, false)
            || !IS_LIST(c, d[i].mappings, struct tg_route_mapping))
        {
            return false;
        }
        for (uint32_t k = 0; k < d[i].name.len; k++) {
            uint8_t byte = c->base[d[i].name.off + k];

            if (tg_ascii_lower(byte) != byte) {
                return wrong(c, "a domain's name is not in lower case");
            }
        }
        if (d[i].is_multi_level > 1) {
            return wrong(c, "a domain's switch is neither 0 nor 1");
        }
        if (i > 0 && compare(c, d[i - 1].name, d[i].name) >= 0) {
            return wrong(c, "domains are not in order");
        }
        for (uint32_t j = 0; j < d[i].mappings.count; j++) {
            if (!check_mapping(c, &d[i], m, j)) {
                return false;
            }
        }
    }
    return true;
}

static bool
check_header_lists(struct check *c)
{
    const struct tg_routes_header *h = c->header;

    return is_text(c, h->account_id, true)
        && IS_LIST(c, h->apis, struct tg_route_api)
        && IS_LIST(c, h->domains, struct tg_route_domain)
        && IS_LIST(c, h->nodes, struct tg_route_node)
        && IS_LIST(c, h->integrations, struct tg_route_integration)
        && IS_LIST(c, h->backends, struct tg_route_backend)
        && IS_LIST(c, h->plans, struct tg_route_plan)
        && IS_LIST(c, h->throttles, struct tg_route_throttle)
        && IS_LIST(c, h->canaries, struct tg_route_stage);
}

static bool
check_records(struct check *c)
{
    return check_header_lists(c) && check_backends(c)
        && check_integrations(c) && check_plans(c) && check_nodes(c)
        && check_canaries(c) && check_apis(c) && check_domains(c);
}

static enum tg_status
check_header(const struct tg_routes_header *h, size_t size,
    const uint8_t file_id[16], uint64_t generation, struct tg_error *err)
{
    uint8_t digest[TG_SHA256_SIZE];

    if (size < sizeof(*h) || size > TG_ROUTES_SIZE_MAX) {
        return tg_error_set(err, TG_CORRUPT,
            "truncated or far too large: %zu bytes", size);
    }
    if (memcmp(h->magic, TG_ROUTES_MAGIC, sizeof(h->magic)) != 0) {
        return tg_error_set(err, TG_CORRUPT, "not a routes file");
    }
    if (h->version != TG_ROUTES_VERSION) {
        return tg_error_set(err, TG_CORRUPT,
            "of version %" PRIu32 ", this program knows %d", h->version,
            TG_ROUTES_VERSION);
    }
    if (h->header_size != sizeof(*h) || h->size != size) {
        return tg_error_set(err, TG_CORRUPT,
            "truncated or grown: %zu bytes instead of %" PRIu64, size,
            h->size);
    }
    if (memcmp(h->file_id, file_id, sizeof(h->file_id)) != 0) {
        return tg_error_set(err, TG_CORRUPT,
            "it belongs to another board (its file id differs)");
    }
    if (h->generation != generation) {
        return tg_error_set(err, TG_CORRUPT,
            "it says that it is generation %" PRIu64, h->generation);
    }
    tg_sha256(digest, (const uint8_t *) h + TG_ROUTES_DIGESTED,
        size - TG_ROUTES_DIGESTED);
    if (memcmp(digest, h->digest, sizeof(digest)) != 0) {
        return tg_error_set(err, TG_CORRUPT,
            "its bytes are not those that were written (digest)");
    }
    return TG_OK;
}

enum tg_status
tg_routes_check(const void *bytes, size_t size, const uint8_t file_id[16],
    uint64_t generation, struct tg_error *err)
{
    enum tg_status status;
    struct check   c = { bytes, size, bytes, err, NULL };

    status = check_header(bytes, size, file_id, generation, err);
    if (status != TG_OK) {
        return status;
    }
    if (!IS_LIST(&c, c.header->nodes, struct tg_route_node)) {
        return TG_CORRUPT;
    }
    c.depth = calloc((size_t) c.header->nodes.count + 1, 1);
    if (c.depth == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    status = check_records(&c) ? TG_OK : TG_CORRUPT;
    free(c.depth);
    return status;
}
