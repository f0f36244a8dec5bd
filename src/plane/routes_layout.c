/*
 * routes_layout.c - from a builder's piles to the bytes of a routes file, and
 * the file's way to the workers
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "plane/board.h"
#include "plane/domains.h"
#include "plane/mapped.h"
#include "plane/routes_builder.h"
#include "util/digest.h"
#include "util/file.h"

#define ROUTES_MODE 0640

/* Where the piles of values stand in the file. */
struct values {
    struct tg_route_list parts, pairs, templates, responses, gateways;
};

/* The file while it is put together. */
struct layout {
    const struct tg_routes_builder *b;
    struct tg_buf                  *out;
    struct values                   values;
    uint32_t                       *canaries; /* by the stage's number */
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

#define MOVE(list, pile, type) move(&(list), (pile), sizeof(type))

/* Plans and the throttles of methods, theirs and those of stages. */
static void
lay_plans(struct layout *l, struct tg_routes_header *h)
{
    struct tg_route_list methods = lay_pile(l, &l->b->method_throttles,
        _Alignof(struct tg_route_method_throttle));

    h->throttles = lay_pile(l, &l->b->throttles,
        _Alignof(struct tg_route_throttle));
    h->plans = lay_pile(l, &l->b->plans, _Alignof(struct tg_route_plan));
    for (uint32_t i = 0; is_ok(l) && i < h->plans.count; i++) {
        move(&ITEM(l, h->plans, struct tg_route_plan, i)->methods, methods,
            sizeof(struct tg_route_method_throttle));
    }
}

/* Values, and what is made of them. */
static void
lay_values(struct layout *l, struct values *v)
{
    v->parts = lay_pile(l, &l->b->parts, _Alignof(struct tg_route_part));
    v->pairs = lay_pile(l, &l->b->pairs, _Alignof(struct tg_route_pair));
    v->templates = lay_pile(l, &l->b->templates,
        _Alignof(struct tg_route_template));
    v->responses = lay_pile(l, &l->b->responses,
        _Alignof(struct tg_route_response));
    v->gateways = lay_pile(l, &l->b->gateways,
        _Alignof(struct tg_route_gateway));
    for (uint32_t i = 0; is_ok(l) && i < v->pairs.count; i++) {
        MOVE(ITEM(l, v->pairs, struct tg_route_pair, i)->value, v->parts,
            struct tg_route_part);
    }
    for (uint32_t i = 0; is_ok(l) && i < v->templates.count; i++) {
        MOVE(ITEM(l, v->templates, struct tg_route_template, i)->body,
            v->parts, struct tg_route_part);
    }
    for (uint32_t i = 0; is_ok(l) && i < v->responses.count; i++) {
        struct tg_route_response *r =
            ITEM(l, v->responses, struct tg_route_response, i);

        MOVE(r->headers, v->pairs, struct tg_route_pair);
        MOVE(r->templates, v->templates, struct tg_route_template);
    }
    for (uint32_t i = 0; is_ok(l) && i < v->gateways.count; i++) {
        struct tg_route_gateway *g =
            ITEM(l, v->gateways, struct tg_route_gateway, i);

        MOVE(g->headers, v->pairs, struct tg_route_pair);
        MOVE(g->templates, v->templates, struct tg_route_template);
    }
}

/* Integrations, and the backends that they go to. */
static void
lay_integrations(struct layout *l, struct tg_routes_header *h)
{
    struct values       *v = &l->values;
    struct tg_route_list addresses;

    addresses = lay_pile(l, &l->b->addresses,
        _Alignof(struct tg_route_address));
    h->backends = lay_pile(l, &l->b->backends,
        _Alignof(struct tg_route_backend));
    h->integrations = lay_pile(l, &l->b->integrations,
        _Alignof(struct tg_route_integration));
    for (uint32_t i = 0; is_ok(l) && i < h->backends.count; i++) {
        MOVE(ITEM(l, h->backends, struct tg_route_backend, i)->addresses,
            addresses, struct tg_route_address);
    }
    for (uint32_t i = 0; is_ok(l) && i < h->integrations.count; i++) {
        struct tg_route_integration *in =
            ITEM(l, h->integrations, struct tg_route_integration, i);

        MOVE(in->path, v->parts, struct tg_route_part);
        MOVE(in->headers, v->pairs, struct tg_route_pair);
        MOVE(in->queries, v->pairs, struct tg_route_pair);
        MOVE(in->templates, v->templates, struct tg_route_template);
        MOVE(in->responses, v->responses, struct tg_route_response);
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
        MOVE(ITEM(l, list, struct tg_route_method, i)->required,
            l->values.parts, struct tg_route_part);
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
    int    order = memcmp(tg_builder_text(b, x), tg_builder_text(b, y), len);

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

/* arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/ */
static uint32_t
arn_size(const struct tg_routes_builder *b, const struct stage *s)
{
    return (uint32_t) (sizeof("arn:aws:execute-api::://") - 1)
        + b->region_size + b->account_id.len
        + AT(b->apis, const struct api, s->api)->id.len + s->name.len;
}

/* A stage as the file has it, or its canary; k is its number here. */
static struct tg_route_stage
lay_stage(struct layout *l, uint32_t k)
{
    const struct stage   *from = AT(l->b->stages, const struct stage, k);
    struct tg_route_stage s = { .name = from->name,
        .deployment_id = from->deployment_id, .root = from->root,
        .arn_size = arn_size(l->b, from), .gateway = from->gateway,
        .canary = from->canary, .canary_share = from->canary_share };

    MOVE(s.gateway, l->values.gateways, struct tg_route_gateway);
    s.plans = lay_stage_plans(l, k);
    if (s.canary != TG_ROUTE_NONE) {
        s.canary = l->canaries[s.canary];
    }
    return s;
}

static struct tg_route_list
lay_stages(struct layout *l, uint32_t api)
{
    uint32_t              n = 0, i = 0;
    struct tg_route_list  list;
    struct tg_route_stage out;
    const struct stage   *all = AT(l->b->stages, const struct stage, 0);

    for (size_t k = 0; k < l->b->stages.count; k++) {
        n += all[k].api == api && !all[k].is_canary;
    }
    list = RESERVE(l, n, struct tg_route_stage);
    for (uint32_t k = 0; is_ok(l) && k < l->b->stages.count; k++) {
        if (all[k].api == api && !all[k].is_canary) {
            out = lay_stage(l, k);
            if (is_ok(l)) {
                *ITEM(l, list, struct tg_route_stage, i++) = out;
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
    const char                *p = tg_builder_text(l->b, x->id);
    const char                *q = tg_builder_text(l->b, y->id);

    while (*p != '\0'
        && tg_ascii_lower((uint8_t) *p) == tg_ascii_lower((uint8_t) *q))
    {
        p++;
        q++;
    }
    return tg_ascii_lower((uint8_t) *p) - tg_ascii_lower((uint8_t) *q);
}

/* All canaries, and in l->canaries where each of them stands. */
static void
lay_canaries(struct layout *l, struct tg_routes_header *h)
{
    uint32_t              n = 0;
    struct tg_route_stage out;
    const struct stage   *all = AT(l->b->stages, const struct stage, 0);

    l->canaries = calloc(l->b->stages.count + 1, sizeof(*l->canaries));
    if (l->canaries == NULL) {
        l->out->status = TG_NOMEM;
        return;
    }
    for (size_t k = 0; k < l->b->stages.count; k++) {
        l->canaries[k] = n;
        n += all[k].is_canary;
    }
    h->canaries = RESERVE(l, n, struct tg_route_stage);
    for (uint32_t k = 0; is_ok(l) && k < l->b->stages.count; k++) {
        if (all[k].is_canary) {
            out = lay_stage(l, k);
            if (is_ok(l)) {
                *ITEM(l, h->canaries, struct tg_route_stage,
                    l->canaries[k]) = out;
            }
        }
    }
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

/* ---- domains ---- */

/* The index of the API with this id, exactly; NONE: there is none. */
static uint32_t
find_api(struct layout *l, struct tg_route_list apis, struct tg_route_text id)
{
    uint32_t            low = 0, high = apis.count;
    struct tg_route_api key = { .id = id };

    while (low < high) {
        uint32_t             mid = low + (high - low) / 2;
        struct tg_route_api *api = ITEM(l, apis, struct tg_route_api, mid);
        int                  order = by_api_id(&key, api, l);

        if (order == 0) {
            return compare_texts(l->b, id, api->id) == 0 ? mid
                                                         : TG_ROUTE_NONE;
        }
        if (order < 0) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    return TG_ROUTE_NONE;
}

static uint32_t
find_stage(struct layout *l, struct tg_route_list stages,
    struct tg_route_text name)
{
    for (uint32_t i = 0; i < stages.count; i++) {
        if (compare_texts(l->b, name,
                ITEM(l, stages, struct tg_route_stage, i)->name) == 0)
        {
            return i;
        }
    }
    return TG_ROUTE_NONE;
}

/* What a mapping leads to; without its API or stage, to nothing. */
static struct tg_route_mapping
resolve(struct layout *l, struct tg_route_list apis, const struct mapping *m)
{
    struct tg_route_mapping out = { .path = m->path,
        .api = find_api(l, apis, m->api_id), .stage = TG_ROUTE_NONE };

    if (m->stage.len > 0 && out.api != TG_ROUTE_NONE) {
        out.stage = find_stage(l,
            ITEM(l, apis, struct tg_route_api, out.api)->stages, m->stage);
        if (out.stage == TG_ROUTE_NONE) {
            out.api = TG_ROUTE_NONE;
        }
    }
    return out;
}

static int
by_base_path(const void *a, const void *b, void *data)
{
    const struct layout           *l = data;
    const struct tg_route_mapping *x = a, *y = b;

    return compare_texts(l->b, x->path, y->path);
}

/* Of sorted mappings: the longest one that number's path begins with. */
static uint32_t
parent_of(struct layout *l, const struct tg_route_mapping *all,
    uint32_t number)
{
    struct tg_route_text path = all[number].path;

    for (uint32_t i = number; i-- > 0;) {
        if (all[i].path.len < path.len
            && memcmp(tg_builder_text(l->b, all[i].path),
                   tg_builder_text(l->b, path), all[i].path.len) == 0)
        {
            return i;
        }
    }
    return TG_ROUTE_NONE;
}

static struct tg_route_list
lay_mappings(struct layout *l, struct tg_route_list apis, uint32_t domain)
{
    uint32_t                 n = 0, i = 0;
    struct tg_route_list     list;
    struct tg_route_mapping *laid;
    const struct mapping    *all = AT(l->b->mappings, const struct mapping, 0);

    for (size_t k = 0; k < l->b->mappings.count; k++) {
        n += all[k].domain == domain;
    }
    list = RESERVE(l, n, struct tg_route_mapping);
    if (!is_ok(l) || n == 0) {
        return list;
    }
    laid = ITEM(l, list, struct tg_route_mapping, 0);
    for (size_t k = 0; k < l->b->mappings.count; k++) {
        if (all[k].domain == domain) {
            laid[i++] = resolve(l, apis, &all[k]);
        }
    }
    qsort_r(laid, n, sizeof(*laid), by_base_path, l);
    for (i = 0; i < n; i++) {
        laid[i].parent = parent_of(l, laid, i);
    }
    return list;
}

static int
by_domain_name(const void *a, const void *b, void *data)
{
    const struct layout          *l = data;
    const struct tg_route_domain *x = a, *y = b;

    return compare_texts(l->b, x->name, y->name);
}

static bool
has_slash(const struct layout *l, struct tg_route_list mappings)
{
    for (uint32_t i = 0; i < mappings.count; i++) {
        if (strchr(tg_builder_text(l->b,
                    ITEM(l, mappings, struct tg_route_mapping, i)->path), '/')
            != NULL)
        {
            return true;
        }
    }
    return false;
}

/* After the APIs, which the mappings name. */
static void
lay_domains(struct layout *l, struct tg_routes_header *h)
{
    h->domains = RESERVE(l, l->b->domains.count, struct tg_route_domain);
    for (uint32_t i = 0; is_ok(l) && i < l->b->domains.count; i++) {
        struct tg_route_domain out = {
            .name = AT(l->b->domains, const struct domain, i)->name,
            .mappings = lay_mappings(l, h->apis, i),
        };

        if (is_ok(l)) {
            out.is_multi_level = has_slash(l, out.mappings);
            *ITEM(l, h->domains, struct tg_route_domain, i) = out;
        }
    }
    if (is_ok(l) && h->domains.count > 1) {
        qsort_r(ITEM(l, h->domains, struct tg_route_domain, 0),
            h->domains.count, sizeof(struct tg_route_domain), by_domain_name,
            l);
    }
}

enum tg_status
tg_routes_build(struct tg_routes_builder *b, const uint8_t file_id[16],
    uint64_t generation, struct tg_buf *out, struct tg_error *err)
{
    enum tg_status          status;
    struct layout           l = { .b = b, .out = out };
    struct tg_error         why;
    struct tg_routes_header h;

    if (tg_builder_is_failed(b)) {
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
    lay_plans(&l, &h);
    lay_values(&l, &l.values);
    lay_integrations(&l, &h);
    lay_nodes(&l, &h);
    lay_canaries(&l, &h);
    lay_apis(&l, &h);
    free(l.canaries);
    lay_domains(&l, &h);
    (void) align_to(&l, 8);
    if (!is_ok(&l)) {
        return tg_error_set(err, out->status,
            "the routes are larger than %zu bytes", out->max);
    }
    h.size = out->len;
    memcpy(out->data, &h, sizeof(h));
    tg_sha256(h.digest, out->data + TG_ROUTES_DIGESTED,
        out->len - TG_ROUTES_DIGESTED);
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
