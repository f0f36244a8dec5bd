/*
 * routes_builder.c - puts a routes file together, and publishes it
 *
 * The pool of texts comes first in the file, so that a text's offset is final
 * when it is added.  Everything else is kept in growing arrays, with indexes
 * instead of offsets, and laid out at the end.  The first failure is kept;
 * everything after it does nothing, and tg_routes_build reports it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plane/board.h"
#include "plane/mapped.h"
#include "plane/routes.h"
#include "util/digest.h"
#include "util/file.h"

#define ROUTES_MODE 0640

/* Items of one kind, one behind the other. */
struct pile {
    char  *items;
    size_t item_size;
    size_t count;
    size_t room;
};

struct api {
    struct tg_route_text id;
    uint32_t             is_execute_api_disabled;
};

struct stage {
    struct tg_route_text name;
    struct tg_route_text deployment_id;
    uint32_t             api;
    uint32_t             root;
};

struct stage_plan {
    uint32_t stage;
    uint32_t plan;
};

enum node_kind { NODE_STATIC, NODE_PARAM, NODE_GREEDY };

/* Children are numbered above their parents, as the file wants it. */
struct node {
    struct tg_route_text segment;
    struct tg_route_text resource_path;
    struct tg_route_text resource_id;
    enum node_kind       kind;
    uint32_t             child_count; /* static ones */
    uint32_t             first_child; /* of any kind */
    uint32_t             next;        /* sibling */
    uint32_t             first_method;
    uint32_t             method_count;
};

struct method {
    struct tg_route_method is;
    uint32_t               next; /* of the same node */
};

struct tg_routes_builder {
    struct tg_error  err; /* the first failure; TG_OK in status: none */
    struct tg_buf    texts;
    struct tg_route_text   account_id;
    struct tg_bucket_limit account_throttle;
    struct pile      apis, stages, stage_plans, plans, nodes, methods;
    struct pile      integrations, backends, addresses, parts, pairs;
};

static void
fail(struct tg_routes_builder *b, enum tg_status status, const char *what,
    const char *which)
{
    if (b->err.status == TG_OK) {
        (void) tg_error_set(&b->err, status, "%s%s%s", what,
            which != NULL ? ": " : "", which != NULL ? which : "");
    }
}

static bool
is_failed(const struct tg_routes_builder *b)
{
    return b->err.status != TG_OK;
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

    if (is_failed(b)) {
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

#define AT(pile, type, index) (&((type *) (void *) (pile).items)[index])

static struct tg_route_text
add_text(struct tg_routes_builder *b, const char *text, size_t len)
{
    struct tg_route_text t = { sizeof(struct tg_routes_header), 0 };

    if (is_failed(b) || len == 0) {
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

static const char *
text_of(const struct tg_routes_builder *b, struct tg_route_text t)
{
    return b->texts.data + (t.off - sizeof(struct tg_routes_header));
}

static bool
is_same(const struct tg_routes_builder *b, struct tg_route_text t,
    const char *text, size_t len)
{
    return t.len == len && memcmp(text_of(b, t), text, len) == 0;
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
    b->plans.item_size = sizeof(struct tg_route_plan);
    b->nodes.item_size = sizeof(struct node);
    b->methods.item_size = sizeof(struct method);
    b->integrations.item_size = sizeof(struct tg_route_integration);
    b->backends.item_size = sizeof(struct tg_route_backend);
    b->addresses.item_size = sizeof(struct tg_route_address);
    b->parts.item_size = sizeof(struct tg_route_part);
    b->pairs.item_size = sizeof(struct tg_route_pair);
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
    free(b->plans.items);
    free(b->nodes.items);
    free(b->methods.items);
    free(b->integrations.items);
    free(b->backends.items);
    free(b->addresses.items);
    free(b->parts.items);
    free(b->pairs.items);
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
    struct stage s = { .api = api };

    if (!is_failed(b) && api >= b->apis.count) {
        fail(b, TG_INVALID, "a stage of an API that was not added", name);
    }
    s.name = add_string(b, name);
    s.deployment_id = add_string(b, deployment_id);
    s.root = new_node(b, NODE_STATIC, add_text(b, "", 0),
        add_text(b, "/", 1));
    return pile_add(b, &b->stages, &s, 1);
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
    return pile_add(b, &b->plans, &p, 1);
}

void
tg_routes_add_stage_plan(struct tg_routes_builder *b, uint32_t stage,
    uint32_t plan)
{
    struct stage_plan sp = { stage, plan };

    if (!is_failed(b)
        && (stage >= b->stages.count || plan >= b->plans.count))
    {
        fail(b, TG_INVALID, "a stage or plan that was not added", NULL);
    }
    (void) pile_add(b, &b->stage_plans, &sp, 1);
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

        part.kind = (uint32_t) specs[i].kind;
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

    if (is_failed(b)) {
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
    in.backend = spec->type == TG_INTEGRATION_HTTP_PROXY ? spec->backend
                                                         : TG_ROUTE_NONE;
    in.verb = (uint32_t) spec->verb;
    in.path = add_parts(b, spec->path, spec->path_count);
    in.query = add_string(b, spec->query);
    in.headers = add_pairs(b, spec->headers, spec->header_count);
    in.queries = add_pairs(b, spec->queries, spec->query_count);
    in.status = spec->status;
    in.mock_headers = add_pairs(b, spec->mock_headers,
        spec->mock_header_count);
    in.mock_body = add_parts(b, spec->mock_body, spec->mock_body_count);
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

    if (is_failed(b)) {
        return TG_ROUTE_NONE;
    }
    if (stage >= b->stages.count) {
        fail(b, TG_INVALID, "a resource of a stage that was not added", path);
        return TG_ROUTE_NONE;
    }
    node = add_path(b, AT(b->stages, struct stage, stage)->root, path);
    id = add_string(b, resource_id);
    if (is_failed(b)) {
        return TG_ROUTE_NONE;
    }
    if (id.len > 0) {
        AT(b->nodes, struct node, node)->resource_id = id;
    }
    return node;
}

void
tg_routes_add_method(struct tg_routes_builder *b, uint32_t resource,
    enum tg_verb verb, bool is_key_required, uint32_t integration)
{
    uint32_t      index;
    struct node  *n;
    struct method m = { { (uint32_t) verb, is_key_required, integration },
        TG_ROUTE_NONE };

    if (is_failed(b)) {
        return;
    }
    if (resource >= b->nodes.count || (unsigned) verb >= TG_VERB_COUNT
        || integration >= b->integrations.count)
    {
        fail(b, TG_INVALID, "a method with a resource, verb or integration"
            " that is not there", NULL);
        return;
    }
    n = AT(b->nodes, struct node, resource);
    for (index = n->first_method; index != TG_ROUTE_NONE;
         index = AT(b->methods, struct method, index)->next)
    {
        if (AT(b->methods, struct method, index)->is.verb == m.is.verb) {
            fail(b, TG_CONFLICT, "the method is there twice",
                text_of(b, n->resource_path));
            return;
        }
    }
    m.next = n->first_method;
    index = pile_add(b, &b->methods, &m, 1);
    if (index != TG_ROUTE_NONE) {
        n->first_method = index;
        n->method_count++;
    }
}

/* ---- layout ---- */

/* The file while it is put together. */
struct layout {
    const struct tg_routes_builder *b;
    struct tg_buf                  *out;
};

static uint32_t
align_to(struct layout *l, size_t align)
{
    while (l->out->len % align != 0
        && tg_buf_putc(l->out, '\0') == TG_OK)
    {
    }
    return (uint32_t) l->out->len;
}

/* Room for count zeroed items, filled through ITEM below. */
static struct tg_route_list
reserve(struct layout *l, size_t count, size_t item, size_t align)
{
    static const char    zeros[256];
    size_t               left = count * item;
    struct tg_route_list list = { align_to(l, align), (uint32_t) count };

    while (left > 0) {
        size_t n = left < sizeof(zeros) ? left : sizeof(zeros);

        if (tg_buf_add(l->out, zeros, n) != TG_OK) {
            break;
        }
        left -= n;
    }
    return list;
}

#define RESERVE(l, count, type)                                               \
    reserve(l, count, sizeof(type), _Alignof(type))
/* Only good until the next addition to the file. */
#define ITEM(l, list, type, index)                                            \
    (&((type *) (void *) ((l)->out->data + (list).off))[index])

static struct tg_route_list
lay_pile(struct layout *l, const struct pile *p, size_t align)
{
    struct tg_route_list list = { align_to(l, align), (uint32_t) p->count };

    (void) tg_buf_add(l->out, p->items, p->count * p->item_size);
    return list;
}

/* From an index in a pile to an offset in the file. */
static void
move(struct tg_route_list *list, struct tg_route_list pile, size_t item)
{
    list->off = list->count > 0 ? pile.off + list->off * (uint32_t) item : 0;
}

static bool
is_ok(const struct layout *l)
{
    return l->out->status == TG_OK;
}

/* Integrations, and the parts and pairs that they are made of. */
static void
lay_integrations(struct layout *l, struct tg_routes_header *h)
{
    struct tg_route_list parts, pairs, addresses;

    parts = lay_pile(l, &l->b->parts, _Alignof(struct tg_route_part));
    pairs = lay_pile(l, &l->b->pairs, _Alignof(struct tg_route_pair));
    addresses = lay_pile(l, &l->b->addresses,
        _Alignof(struct tg_route_address));
    h->backends = lay_pile(l, &l->b->backends,
        _Alignof(struct tg_route_backend));
    h->integrations = lay_pile(l, &l->b->integrations,
        _Alignof(struct tg_route_integration));
    for (uint32_t i = 0; is_ok(l) && i < pairs.count; i++) {
        move(&ITEM(l, pairs, struct tg_route_pair, i)->value, parts,
            sizeof(struct tg_route_part));
    }
    for (uint32_t i = 0; is_ok(l) && i < h->backends.count; i++) {
        move(&ITEM(l, h->backends, struct tg_route_backend, i)->addresses,
            addresses, sizeof(struct tg_route_address));
    }
    for (uint32_t i = 0; is_ok(l) && i < h->integrations.count; i++) {
        struct tg_route_integration *in =
            ITEM(l, h->integrations, struct tg_route_integration, i);

        move(&in->path, parts, sizeof(struct tg_route_part));
        move(&in->mock_body, parts, sizeof(struct tg_route_part));
        move(&in->headers, pairs, sizeof(struct tg_route_pair));
        move(&in->queries, pairs, sizeof(struct tg_route_pair));
        move(&in->mock_headers, pairs, sizeof(struct tg_route_pair));
    }
}

static int
by_verb(const void *a, const void *b)
{
    const struct tg_route_method *x = a, *y = b;

    return (x->verb > y->verb) - (x->verb < y->verb);
}

static struct tg_route_list
lay_methods(struct layout *l, const struct node *n)
{
    uint32_t             at = n->first_method;
    struct tg_route_list list =
        RESERVE(l, n->method_count, struct tg_route_method);

    if (!is_ok(l) || list.count == 0) {
        return list;
    }
    for (uint32_t i = 0; i < list.count; i++) {
        const struct method *m = AT(l->b->methods, const struct method, at);

        *ITEM(l, list, struct tg_route_method, i) = m->is;
        at = m->next;
    }
    qsort(ITEM(l, list, struct tg_route_method, 0), list.count,
        sizeof(struct tg_route_method), by_verb);
    return list;
}

static int
compare_texts(const struct tg_routes_builder *b, struct tg_route_text x,
    struct tg_route_text y)
{
    size_t len = x.len < y.len ? x.len : y.len;
    int    order = memcmp(text_of(b, x), text_of(b, y), len);

    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

static int
by_segment(const void *a, const void *b, void *data)
{
    const struct layout *l = data;
    uint32_t             x = *(const uint32_t *) a;
    uint32_t             y = *(const uint32_t *) b;

    return compare_texts(l->b, AT(l->b->nodes, const struct node, x)->segment,
        AT(l->b->nodes, const struct node, y)->segment);
}

/* Static children as a sorted list, variables in fields of their own. */
static void
lay_children(struct layout *l, const struct node *n,
    struct tg_route_node *out)
{
    uint32_t at, i = 0;

    out->param = out->greedy = TG_ROUTE_NONE;
    out->children = RESERVE(l, n->child_count, uint32_t);
    if (!is_ok(l)) {
        return;
    }
    for (at = n->first_child; at != TG_ROUTE_NONE;
         at = AT(l->b->nodes, const struct node, at)->next)
    {
        switch (AT(l->b->nodes, const struct node, at)->kind) {
        case NODE_STATIC:
            *ITEM(l, out->children, uint32_t, i++) = at;
            break;
        case NODE_PARAM:
            out->param = at;
            break;
        case NODE_GREEDY:
            out->greedy = at;
            break;
        }
    }
    if (i > 1) {
        qsort_r(ITEM(l, out->children, uint32_t, 0), i, sizeof(uint32_t),
            by_segment, l);
    }
}

static void
lay_nodes(struct layout *l, struct tg_routes_header *h)
{
    h->nodes = RESERVE(l, l->b->nodes.count, struct tg_route_node);
    for (uint32_t i = 0; is_ok(l) && i < l->b->nodes.count; i++) {
        const struct node   *n = AT(l->b->nodes, const struct node, i);
        struct tg_route_node out = { .segment = n->segment,
            .resource_path = n->resource_path,
            .resource_id = n->resource_id };

        out.methods = lay_methods(l, n);
        lay_children(l, n, &out);
        if (is_ok(l)) {
            *ITEM(l, h->nodes, struct tg_route_node, i) = out;
        }
    }
}

static int
by_plan_number(const void *a, const void *b, void *data)
{
    const struct layout *l = data;
    uint32_t             x = AT(l->b->plans, const struct tg_route_plan,
        *(const uint32_t *) a)->number;
    uint32_t             y = AT(l->b->plans, const struct tg_route_plan,
        *(const uint32_t *) b)->number;

    return (x > y) - (x < y);
}

static struct tg_route_list
lay_stage_plans(struct layout *l, uint32_t stage)
{
    uint32_t                 n = 0, i = 0;
    struct tg_route_list     list;
    const struct stage_plan *all =
        AT(l->b->stage_plans, const struct stage_plan, 0);

    for (size_t k = 0; k < l->b->stage_plans.count; k++) {
        n += all[k].stage == stage;
    }
    list = RESERVE(l, n, uint32_t);
    if (!is_ok(l) || n == 0) {
        return list;
    }
    for (size_t k = 0; k < l->b->stage_plans.count; k++) {
        if (all[k].stage == stage) {
            *ITEM(l, list, uint32_t, i++) = all[k].plan;
        }
    }
    qsort_r(ITEM(l, list, uint32_t, 0), n, sizeof(uint32_t), by_plan_number,
        l);
    return list;
}

static int
by_stage_name(const void *a, const void *b, void *data)
{
    const struct layout         *l = data;
    const struct tg_route_stage *x = a, *y = b;

    return compare_texts(l->b, x->name, y->name);
}

static struct tg_route_list
lay_stages(struct layout *l, uint32_t api)
{
    uint32_t             n = 0, i = 0;
    struct tg_route_list list;
    const struct stage  *all = AT(l->b->stages, const struct stage, 0);

    for (size_t k = 0; k < l->b->stages.count; k++) {
        n += all[k].api == api;
    }
    list = RESERVE(l, n, struct tg_route_stage);
    for (uint32_t k = 0; is_ok(l) && k < l->b->stages.count; k++) {
        struct tg_route_stage s = { all[k].name, all[k].deployment_id,
            all[k].root, { 0, 0 } };

        if (all[k].api == api) {
            s.plans = lay_stage_plans(l, k);
            if (is_ok(l)) {
                *ITEM(l, list, struct tg_route_stage, i++) = s;
            }
        }
    }
    if (is_ok(l) && n > 1) {
        qsort_r(ITEM(l, list, struct tg_route_stage, 0), n,
            sizeof(struct tg_route_stage), by_stage_name, l);
    }
    return list;
}

static int
by_api_id(const void *a, const void *b, void *data)
{
    const struct layout       *l = data;
    const struct tg_route_api *x = a, *y = b;
    const char                *p = text_of(l->b, x->id);
    const char                *q = text_of(l->b, y->id);

    while (*p != '\0'
        && tg_ascii_lower((uint8_t) *p) == tg_ascii_lower((uint8_t) *q))
    {
        p++;
        q++;
    }
    return tg_ascii_lower((uint8_t) *p) - tg_ascii_lower((uint8_t) *q);
}

static void
lay_apis(struct layout *l, struct tg_routes_header *h)
{
    h->apis = RESERVE(l, l->b->apis.count, struct tg_route_api);
    for (uint32_t i = 0; is_ok(l) && i < l->b->apis.count; i++) {
        const struct api   *a = AT(l->b->apis, const struct api, i);
        struct tg_route_api out = { a->id, a->is_execute_api_disabled,
            lay_stages(l, i) };

        if (is_ok(l)) {
            *ITEM(l, h->apis, struct tg_route_api, i) = out;
        }
    }
    if (is_ok(l) && h->apis.count > 1) {
        qsort_r(ITEM(l, h->apis, struct tg_route_api, 0), h->apis.count,
            sizeof(struct tg_route_api), by_api_id, l);
    }
}

enum tg_status
tg_routes_build(struct tg_routes_builder *b, const uint8_t file_id[16],
    uint64_t generation, struct tg_buf *out, struct tg_error *err)
{
    enum tg_status          status;
    struct layout           l = { b, out };
    struct tg_error         why;
    struct tg_routes_header h;

    if (is_failed(b)) {
        return tg_error_set(err, b->err.status, "%s", b->err.message);
    }
    tg_buf_reset(out);
    memset(&h, 0, sizeof(h));
    memcpy(h.magic, TG_ROUTES_MAGIC, sizeof(h.magic));
    h.version = TG_ROUTES_VERSION;
    h.header_size = sizeof(h);
    h.generation = generation;
    memcpy(h.file_id, file_id, sizeof(h.file_id));
    h.account_id = b->account_id;
    h.account_throttle = b->account_throttle;
    (void) tg_buf_add(out, &h, sizeof(h));
    (void) tg_buf_add(out, b->texts.data, b->texts.len);
    h.plans = lay_pile(&l, &b->plans, _Alignof(struct tg_route_plan));
    lay_integrations(&l, &h);
    lay_nodes(&l, &h);
    lay_apis(&l, &h);
    (void) align_to(&l, 8);
    if (!is_ok(&l)) {
        return tg_error_set(err, out->status,
            "the routes are larger than %zu bytes", out->max);
    }
    h.size = out->len;
    tg_sha256(h.digest, out->data + sizeof(h), out->len - sizeof(h));
    memcpy(out->data, &h, sizeof(h));
    status = tg_routes_check(out->data, out->len, file_id, generation, &why);
    return status == TG_OK ? TG_OK
        : tg_error_set(err, TG_INVALID, "the routes cannot be used: %s",
            why.message);
}

/* ---- publishing ---- */

static bool
is_generation_used(void *data, uint64_t number)
{
    const struct tg_board_map *map = data;
    uint64_t                   current = map->page->routes_generation;

    /* The one before stays: a worker may be about to open it. */
    if (number > current || number + 1 >= current) {
        return number <= current;
    }
    for (unsigned i = 0; i < TG_BOARD_ROWS; i++) {
        if (map->page->rows[i].routes_generation == number
            && tg_board_row_is_alive(map, i))
        {
            return true;
        }
    }
    return false;
}

enum tg_status
tg_routes_publish(struct tg_board_map *board, const char *state_dir,
    const struct tg_buf *bytes, uint64_t generation, struct tg_error *err)
{
    char           path[PATH_MAX];
    enum tg_status status;

    if (generation <= board->page->routes_generation) {
        return tg_error_set(err, TG_INVALID, "generation %" PRIu64
            " of the routes does not follow %" PRIu64, generation,
            board->page->routes_generation);
    }
    status = tg_routes_check(bytes->data, bytes->len, board->page->file_id,
        generation, err);
    if (status == TG_OK) {
        status = tg_mapped_path(path, state_dir, "routes", generation, err);
    }
    if (status == TG_OK) {
        status = tg_file_replace(path, bytes->data, bytes->len, ROUTES_MODE,
            err);
    }
    if (status == TG_OK) {
        status = tg_board_move(board, &board->page->routes_generation,
            generation, err);
    }
    if (status == TG_OK) {
        tg_mapped_clean(state_dir, "routes", is_generation_used, board);
    }
    return status;
}
