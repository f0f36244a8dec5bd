/*
 * routes_builder.c - collects what a routes file will hold
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "plane/routes_builder.h"

#include <stdlib.h>
#include <string.h>

#include "plane/domains.h"

static void
fail(struct tg_routes_builder *b, enum tg_status status, const char *what,
    const char *which)
{
    if (b->err.status == TG_OK) {
        (void) tg_error_set(&b->err, status, "%s%s%s", what,
            which != NULL ? ": " : "", which != NULL ? which : "");
    }
}

/* ---- piles and texts ---- */

/* Adds a copy of n items; the first one's index, or NONE. */
static uint32_t
pile_add(struct tg_routes_builder *b, struct pile *p, const void *items,
    size_t n)
{
    char  *grown;
    size_t room = p->room > 0 ? p->room : 16;
    size_t index = p->count;

    if (tg_builder_is_failed(b)) {
        return TG_ROUTE_NONE;
    }
    while (room < p->count + n) {
        room *= 2;
    }
    if (room * p->item_size > TG_ROUTES_SIZE_MAX) {
        fail(b, TG_LIMIT, "the routes are larger than a file of them may be",
            NULL);
        return TG_ROUTE_NONE;
    }
    if (room > p->room) {
        grown = realloc(p->items, room * p->item_size);
        if (grown == NULL) {
            fail(b, TG_NOMEM, "out of memory", NULL);
            return TG_ROUTE_NONE;
        }
        p->items = grown;
        p->room = room;
    }
    if (n > 0) {
        memcpy(p->items + index * p->item_size, items, n * p->item_size);
    }
    p->count += n;
    return (uint32_t) index;
}

static struct tg_route_text
add_text(struct tg_routes_builder *b, const char *text, size_t len)
{
    struct tg_route_text t = { sizeof(struct tg_routes_header), 0 };

    if (tg_builder_is_failed(b) || len == 0) {
        return t; /* the pool starts with an empty text */
    }
    t.off = (uint32_t) (sizeof(struct tg_routes_header) + b->texts.len);
    t.len = (uint32_t) len;
    if (tg_buf_add(&b->texts, text, len) != TG_OK
        || tg_buf_putc(&b->texts, '\0') != TG_OK)
    {
        fail(b, b->texts.status, "the routes' texts are too large", NULL);
    }
    return t;
}

static struct tg_route_text
add_string(struct tg_routes_builder *b, const char *text)
{
    return add_text(b, text, text != NULL ? strlen(text) : 0);
}

static bool
is_same(const struct tg_routes_builder *b, struct tg_route_text t,
    const char *text, size_t len)
{
    return t.len == len && memcmp(tg_builder_text(b, t), text, len) == 0;
}

struct tg_routes_builder *
tg_routes_builder_new(void)
{
    struct tg_routes_builder *b = calloc(1, sizeof(*b));

    if (b == NULL) {
        return NULL;
    }
    tg_buf_init(&b->texts, TG_ROUTES_SIZE_MAX);
    if (tg_buf_putc(&b->texts, '\0') != TG_OK) {
        fail(b, TG_NOMEM, "out of memory", NULL);
    }
    b->account_id.off = sizeof(struct tg_routes_header);
    b->apis.item_size = sizeof(struct api);
    b->stages.item_size = sizeof(struct stage);
    b->stage_plans.item_size = sizeof(struct stage_plan);
    b->domains.item_size = sizeof(struct domain);
    b->mappings.item_size = sizeof(struct mapping);
    b->plans.item_size = sizeof(struct tg_route_plan);
    b->nodes.item_size = sizeof(struct node);
    b->methods.item_size = sizeof(struct method);
    b->integrations.item_size = sizeof(struct tg_route_integration);
    b->backends.item_size = sizeof(struct tg_route_backend);
    b->addresses.item_size = sizeof(struct tg_route_address);
    b->parts.item_size = sizeof(struct tg_route_part);
    b->pairs.item_size = sizeof(struct tg_route_pair);
    b->throttles.item_size = sizeof(struct tg_route_throttle);
    b->method_throttles.item_size = sizeof(struct tg_route_method_throttle);
    b->templates.item_size = sizeof(struct tg_route_template);
    b->responses.item_size = sizeof(struct tg_route_response);
    b->gateways.item_size = sizeof(struct tg_route_gateway);
    return b;
}

void
tg_routes_builder_free(struct tg_routes_builder *b)
{
    if (b == NULL) {
        return;
    }
    tg_buf_clear(&b->texts);
    free(b->apis.items);
    free(b->stages.items);
    free(b->stage_plans.items);
    free(b->domains.items);
    free(b->mappings.items);
    free(b->plans.items);
    free(b->nodes.items);
    free(b->methods.items);
    free(b->integrations.items);
    free(b->backends.items);
    free(b->addresses.items);
    free(b->parts.items);
    free(b->pairs.items);
    free(b->throttles.items);
    free(b->method_throttles.items);
    free(b->templates.items);
    free(b->responses.items);
    free(b->gateways.items);
    free(b);
}

/* ---- APIs, stages, plans ---- */

void
tg_routes_set_account(struct tg_routes_builder *b, const char *account_id,
    struct tg_bucket_limit throttle)
{
    b->account_id = add_string(b, account_id);
    b->account_throttle = throttle;
}

void
tg_routes_set_region(struct tg_routes_builder *b, const char *region)
{
    b->region_size = (uint32_t) strlen(region);
}

uint32_t
tg_routes_add_api(struct tg_routes_builder *b, const char *id,
    bool is_execute_api_disabled)
{
    struct api a = { .is_execute_api_disabled = is_execute_api_disabled };

    a.id = add_string(b, id);
    return pile_add(b, &b->apis, &a, 1);
}

static uint32_t
new_node(struct tg_routes_builder *b, enum node_kind kind,
    struct tg_route_text segment, struct tg_route_text path)
{
    struct node n = { .segment = segment, .resource_path = path,
        .kind = kind, .first_child = TG_ROUTE_NONE, .next = TG_ROUTE_NONE,
        .first_method = TG_ROUTE_NONE };

    n.resource_id = add_text(b, "", 0);
    return pile_add(b, &b->nodes, &n, 1);
}

uint32_t
tg_routes_add_stage(struct tg_routes_builder *b, uint32_t api,
    const char *name, const char *deployment_id)
{
    struct stage s = { .api = api, .canary = TG_ROUTE_NONE };

    if (!tg_builder_is_failed(b) && api >= b->apis.count) {
        fail(b, TG_INVALID, "a stage of an API that was not added", name);
    }
    s.name = add_string(b, name);
    s.deployment_id = add_string(b, deployment_id);
    s.root = new_node(b, NODE_STATIC, add_text(b, "", 0),
        add_text(b, "/", 1));
    return pile_add(b, &b->stages, &s, 1);
}

uint32_t
tg_routes_add_canary(struct tg_routes_builder *b, uint32_t stage,
    const char *deployment_id, uint32_t share)
{
    uint32_t     index;
    struct stage s;

    if (tg_builder_is_failed(b)) {
        return TG_ROUTE_NONE;
    }
    if (stage >= b->stages.count) {
        fail(b, TG_INVALID, "a canary of a stage that was not added", NULL);
        return TG_ROUTE_NONE;
    }
    s = *AT(b->stages, struct stage, stage);
    index = tg_routes_add_stage(b, s.api, "", deployment_id);
    if (index != TG_ROUTE_NONE) {
        AT(b->stages, struct stage, index)->name = s.name;
        AT(b->stages, struct stage, index)->is_canary = true;
        AT(b->stages, struct stage, stage)->canary = index;
        AT(b->stages, struct stage, stage)->canary_share = share;
    }
    return index;
}

static int
by_method(const void *a, const void *b)
{
    const struct tg_route_method_throttle *x = a, *y = b;

    return (x->method > y->method) - (x->method < y->method);
}

/* A plan's throttles of methods, sorted; their place in the pile. */
static struct tg_route_list
add_method_throttles(struct tg_routes_builder *b,
    const struct tg_plan_spec *plan)
{
    uint32_t             index;
    struct tg_route_list list = { (uint32_t) b->method_throttles.count, 0 };

    index = pile_add(b, &b->method_throttles, plan->methods,
        plan->method_count);
    if (index != TG_ROUTE_NONE && plan->method_count > 0) {
        list.count = (uint32_t) plan->method_count;
        qsort(tg_pile_at(&b->method_throttles, index), list.count,
            sizeof(struct tg_route_method_throttle), by_method);
    }
    return list;
}

uint32_t
tg_routes_add_plan(struct tg_routes_builder *b,
    const struct tg_plan_spec *plan)
{
    struct tg_route_plan p;

    memset(&p, 0, sizeof(p));
    p.id = add_string(b, plan->id);
    p.number = plan->number;
    p.quota_period = (uint32_t) plan->quota_period;
    p.throttle = plan->throttle;
    p.has_throttle = plan->has_throttle;
    p.quota_offset_days = plan->quota_offset_days;
    p.quota_limit = plan->quota_limit;
    p.first_period = plan->first_period;
    p.first_limit = plan->first_limit;
    p.has_every_method = plan->has_every_method;
    p.every_method = plan->every_method;
    p.methods = add_method_throttles(b, plan);
    p.has_method_throttle = p.has_every_method || p.methods.count > 0;
    return pile_add(b, &b->plans, &p, 1);
}

void
tg_routes_add_stage_plan(struct tg_routes_builder *b, uint32_t stage,
    uint32_t plan)
{
    struct stage_plan sp = { stage, plan };

    if (!tg_builder_is_failed(b)
        && (stage >= b->stages.count || plan >= b->plans.count))
    {
        fail(b, TG_INVALID, "a stage or plan that was not added", NULL);
    }
    (void) pile_add(b, &b->stage_plans, &sp, 1);
}

/* ---- domains ---- */

uint32_t
tg_routes_add_domain(struct tg_routes_builder *b, const char *name)
{
    struct domain d = { add_string(b, name) };

    return pile_add(b, &b->domains, &d, 1);
}

void
tg_routes_add_mapping(struct tg_routes_builder *b, uint32_t domain,
    const char *path, const char *api_id, const char *stage)
{
    struct mapping m = { .domain = domain };

    if (!tg_builder_is_failed(b) && domain >= b->domains.count) {
        fail(b, TG_INVALID, "a base path of a domain that was not added",
            path);
    }
    m.path = add_string(b, path);
    m.api_id = add_string(b, api_id);
    m.stage = add_string(b, stage);
    (void) pile_add(b, &b->mappings, &m, 1);
}

/* ---- integrations ---- */

/* Where in a pile a list stands; turned into an offset at the end. */
static struct tg_route_list
add_parts(struct tg_routes_builder *b, const struct tg_part_spec *specs,
    size_t count)
{
    uint32_t             index;
    struct tg_route_list list = { (uint32_t) b->parts.count, 0 };

    for (size_t i = 0; i < count; i++) {
        struct tg_route_part part;

        part.kind = (uint16_t) specs[i].kind;
        part.escape = (uint16_t) specs[i].escape;
        part.text = add_text(b, specs[i].text,
            specs[i].text != NULL ? specs[i].len : 0);
        index = pile_add(b, &b->parts, &part, 1);
        if (index != TG_ROUTE_NONE) {
            list.count++;
        }
    }
    return list;
}

static struct tg_route_list
add_pairs(struct tg_routes_builder *b, const struct tg_pair_spec *specs,
    size_t count)
{
    struct tg_route_list list = { (uint32_t) b->pairs.count, 0 };

    for (size_t i = 0; i < count; i++) {
        struct tg_route_pair pair;

        pair.name = add_string(b, specs[i].name);
        pair.value = add_parts(b, specs[i].parts, specs[i].part_count);
        if (pile_add(b, &b->pairs, &pair, 1) != TG_ROUTE_NONE) {
            list.count++;
        }
    }
    return list;
}

static struct tg_route_list
add_templates(struct tg_routes_builder *b,
    const struct tg_template_spec *specs, size_t count)
{
    struct tg_route_list list = { (uint32_t) b->templates.count, 0 };

    for (size_t i = 0; i < count; i++) {
        struct tg_route_template t;

        t.type = add_string(b, specs[i].type);
        t.body = add_parts(b, specs[i].parts, specs[i].part_count);
        t.status = specs[i].status;
        if (pile_add(b, &b->templates, &t, 1) != TG_ROUTE_NONE) {
            list.count++;
        }
    }
    return list;
}

static struct tg_route_list
add_responses(struct tg_routes_builder *b,
    const struct tg_response_spec *specs, size_t count)
{
    struct tg_route_list list = { (uint32_t) b->responses.count, 0 };

    for (size_t i = 0; i < count; i++) {
        struct tg_route_response r;

        r.status = specs[i].status;
        r.reads_reply = specs[i].reads_reply;
        r.headers = add_pairs(b, specs[i].headers, specs[i].header_count);
        r.templates = add_templates(b, specs[i].templates,
            specs[i].template_count);
        if (pile_add(b, &b->responses, &r, 1) != TG_ROUTE_NONE) {
            list.count++;
        }
    }
    return list;
}

static uint32_t
find_backend(const struct tg_routes_builder *b,
    const struct tg_backend_spec *spec)
{
    const struct tg_route_backend *have =
        AT(b->backends, const struct tg_route_backend, 0);

    for (uint32_t i = 0; i < b->backends.count; i++) {
        if (have[i].is_tls == spec->is_tls
            && have[i].skip_chain == spec->skip_chain
            && is_same(b, have[i].name, spec->name, strlen(spec->name))
            && is_same(b, have[i].host, spec->host, strlen(spec->host)))
        {
            return i;
        }
    }
    return TG_ROUTE_NONE;
}

uint32_t
tg_routes_add_backend(struct tg_routes_builder *b,
    const struct tg_backend_spec *spec)
{
    uint32_t                index;
    struct tg_route_backend backend;

    if (tg_builder_is_failed(b)) {
        return TG_ROUTE_NONE;
    }
    index = find_backend(b, spec);
    if (index != TG_ROUTE_NONE) {
        return index;
    }
    backend.name = add_string(b, spec->name);
    backend.host = add_string(b, spec->host);
    backend.is_tls = spec->is_tls;
    backend.skip_chain = spec->skip_chain;
    backend.addresses.off = pile_add(b, &b->addresses, spec->addresses,
        spec->address_count);
    backend.addresses.count = (uint32_t) spec->address_count;
    return pile_add(b, &b->backends, &backend, 1);
}

uint32_t
tg_routes_add_integration(struct tg_routes_builder *b,
    const struct tg_integration_spec *spec)
{
    struct tg_route_integration in;

    memset(&in, 0, sizeof(in));
    in.type = (uint32_t) spec->type;
    in.timeout_ms = spec->timeout_ms;
    in.backend = spec->type == TG_INTEGRATION_HTTP_PROXY
        || spec->type == TG_INTEGRATION_HTTP ? spec->backend : TG_ROUTE_NONE;
    in.verb = (uint32_t) spec->verb;
    in.path = add_parts(b, spec->path, spec->path_count);
    in.query = add_string(b, spec->query);
    in.headers = add_pairs(b, spec->headers, spec->header_count);
    in.queries = add_pairs(b, spec->queries, spec->query_count);
    in.reads_body = spec->reads_body;
    in.passthrough = (uint32_t) spec->passthrough;
    in.templates = add_templates(b, spec->templates, spec->template_count);
    in.responses = add_responses(b, spec->responses, spec->response_count);
    in.choice = add_text(b, (const char *) spec->choice,
        spec->choice != NULL ? TG_ROUTE_STATUSES : 0);
    return pile_add(b, &b->integrations, &in, 1);
}

/* ---- resources and methods ---- */

/* One segment of a resource's path: what it is, and its bare name. */
struct segment {
    enum node_kind kind;
    const char    *name;
    size_t         len;
};

static bool
read_segment(struct segment *out, const char *text, size_t len)
{
    *out = (struct segment){ NODE_STATIC, text, len };
    if (len > 0 && text[0] == '{') {
        if (text[len - 1] != '}') {
            return false;
        }
        out->name++;
        out->len -= 2;
        out->kind = NODE_PARAM;
        if (out->len > 0 && out->name[out->len - 1] == '+') {
            out->len--;
            out->kind = NODE_GREEDY;
        }
    }
    return out->len > 0 && out->len <= len
        && memchr(out->name, '{', out->len) == NULL
        && memchr(out->name, '}', out->len) == NULL;
}

/*
 * The child of parent for a segment, made if it is not there.  Of variables
 * a resource has but one of each kind, whatever it is called.
 */
static uint32_t
child_of(struct tg_routes_builder *b, uint32_t parent,
    const struct segment *segment, const char *path, size_t path_len)
{
    uint32_t     kid;
    struct node *p = AT(b->nodes, struct node, parent);

    for (kid = p->first_child; kid != TG_ROUTE_NONE;
         kid = AT(b->nodes, struct node, kid)->next)
    {
        const struct node *n = AT(b->nodes, struct node, kid);

        if (n->kind != segment->kind) {
            continue;
        }
        if (is_same(b, n->segment, segment->name, segment->len)) {
            return kid;
        }
        if (n->kind != NODE_STATIC) {
            fail(b, TG_INVALID, "a sibling of this resource has a path"
                " variable of another name", path);
            return TG_ROUTE_NONE;
        }
    }
    kid = new_node(b, segment->kind,
        add_text(b, segment->name, segment->len),
        add_text(b, path, path_len));
    if (kid != TG_ROUTE_NONE) {
        p = AT(b->nodes, struct node, parent); /* the pile may have moved */
        AT(b->nodes, struct node, kid)->next = p->first_child;
        p->first_child = kid;
        p->child_count += segment->kind == NODE_STATIC;
    }
    return kid;
}

static uint32_t
add_path(struct tg_routes_builder *b, uint32_t root, const char *path)
{
    unsigned       depth = 0;
    uint32_t       node = root;
    const char    *at = path;
    struct segment segment = { NODE_STATIC, NULL, 0 };

    if (*at != '/') {
        fail(b, TG_INVALID, "a resource's path does not start with /", path);
        return TG_ROUTE_NONE;
    }
    while (at[1] != '\0') {
        size_t len = strcspn(at + 1, "/");

        if (segment.kind == NODE_GREEDY) {
            fail(b, TG_INVALID, "nothing can stand below a {proxy+}", path);
            return TG_ROUTE_NONE;
        }
        if (!read_segment(&segment, at + 1, len)) {
            fail(b, TG_INVALID, "a segment of a resource's path is empty or"
                " has braces in wrong places", path);
            return TG_ROUTE_NONE;
        }
        if (++depth > TG_ROUTE_DEPTH_MAX) {
            fail(b, TG_LIMIT, "a resource's path has too many segments",
                path);
            return TG_ROUTE_NONE;
        }
        at += 1 + len;
        node = child_of(b, node, &segment, path, (size_t) (at - path));
        if (node == TG_ROUTE_NONE || *at == '\0') {
            break;
        }
        if (at[1] == '\0') {
            fail(b, TG_INVALID, "a resource's path ends with /", path);
            return TG_ROUTE_NONE;
        }
    }
    return node;
}

uint32_t
tg_routes_add_resource(struct tg_routes_builder *b, uint32_t stage,
    const char *path, const char *resource_id)
{
    uint32_t             node;
    struct tg_route_text id;

    if (tg_builder_is_failed(b)) {
        return TG_ROUTE_NONE;
    }
    if (stage >= b->stages.count) {
        fail(b, TG_INVALID, "a resource of a stage that was not added", path);
        return TG_ROUTE_NONE;
    }
    node = add_path(b, AT(b->stages, struct stage, stage)->root, path);
    id = add_string(b, resource_id);
    if (tg_builder_is_failed(b)) {
        return TG_ROUTE_NONE;
    }
    if (id.len > 0) {
        AT(b->nodes, struct node, node)->resource_id = id;
    }
    return node;
}

static uint32_t
add_throttle(struct tg_routes_builder *b, const struct tg_method_spec *spec)
{
    struct tg_route_throttle throttle = { spec->throttle, spec->bucket, 0 };

    return spec->has_throttle ? pile_add(b, &b->throttles, &throttle, 1)
                              : TG_ROUTE_NONE;
}

uint32_t
tg_routes_add_method(struct tg_routes_builder *b, uint32_t resource,
    const struct tg_method_spec *spec)
{
    uint32_t      index;
    struct node  *n;
    struct method m = { .next = TG_ROUTE_NONE };

    if (tg_builder_is_failed(b)) {
        return TG_ROUTE_NONE;
    }
    if (resource >= b->nodes.count || (unsigned) spec->verb >= TG_VERB_COUNT
        || spec->integration >= b->integrations.count)
    {
        fail(b, TG_INVALID, "a method with a resource, verb or integration"
            " that is not there", NULL);
        return TG_ROUTE_NONE;
    }
    m.is.verb = (uint32_t) spec->verb;
    m.is.is_key_required = spec->is_key_required;
    m.is.guard = (uint32_t) spec->guard;
    m.is.integration = spec->integration;
    m.is.identity = spec->identity;
    m.is.throttle = add_throttle(b, spec);
    m.is.required = add_parts(b, spec->required, spec->required_count);
    n = AT(b->nodes, struct node, resource);
    for (index = n->first_method; index != TG_ROUTE_NONE;
         index = AT(b->methods, struct method, index)->next)
    {
        if (AT(b->methods, struct method, index)->is.verb == m.is.verb) {
            fail(b, TG_CONFLICT, "the method is there twice",
                tg_builder_text(b, n->resource_path));
            return TG_ROUTE_NONE;
        }
    }
    m.next = n->first_method;
    index = pile_add(b, &b->methods, &m, 1);
    if (index != TG_ROUTE_NONE) {
        n->first_method = index;
        n->method_count++;
    }
    return index;
}

/* ---- gateway responses ---- */

void
tg_routes_set_gateway(struct tg_routes_builder *b, uint32_t stage,
    const struct tg_gateway_spec specs[TG_GATEWAY_TYPE_COUNT])
{
    struct tg_route_list    list = { (uint32_t) b->gateways.count, 0 };
    struct tg_route_gateway g;

    if (!tg_builder_is_failed(b) && stage >= b->stages.count) {
        fail(b, TG_INVALID, "gateway responses of a stage that was not added",
            NULL);
    }
    for (size_t i = 0; i < TG_GATEWAY_TYPE_COUNT; i++) {
        g.status = specs[i].status;
        g.headers = add_pairs(b, specs[i].headers, specs[i].header_count);
        g.templates = add_templates(b, specs[i].templates,
            specs[i].template_count);
        if (pile_add(b, &b->gateways, &g, 1) != TG_ROUTE_NONE) {
            list.count++;
        }
    }
    if (!tg_builder_is_failed(b)) {
        AT(b->stages, struct stage, stage)->gateway = list;
    }
}
