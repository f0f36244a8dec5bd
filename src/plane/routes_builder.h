/*
 * routes_builder.h - a routes file that is not laid out yet
 *
 * The pool of texts comes first in the file, so that a text's offset is final
 * when it is added.  Everything else is kept in growing piles, with indexes
 * where the file has offsets; routes_layout.c turns one into the other.  The
 * first failure is kept; everything after it does nothing, and
 * tg_routes_build reports it.  This is private to src/plane.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_PLANE_ROUTES_BUILDER_H
#define TG_PLANE_ROUTES_BUILDER_H

#include "plane/routes.h"

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
    struct tg_route_list gateway;
    bool                 is_canary; /* of the stage that names it */
    uint32_t             canary;    /* a stage, or NONE */
    uint32_t             canary_share;
};

struct stage_plan {
    uint32_t stage;
    uint32_t plan;
};

struct domain {
    struct tg_route_text name;
};

struct mapping {
    struct tg_route_text path;
    struct tg_route_text api_id;
    struct tg_route_text stage; /* empty: in the path */
    uint32_t             domain;
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
    struct tg_error        err; /* the first failure; status TG_OK: none */
    struct tg_buf          texts;
    struct tg_route_text   account_id;
    struct tg_bucket_limit account_throttle;
    uint32_t               region_size;
    struct pile            apis, stages, stage_plans, plans, nodes, methods;
    struct pile            domains, mappings;
    struct pile            integrations, backends, addresses, parts, pairs;
    struct pile            throttles, method_throttles;
    struct pile            templates, responses, gateways;
};

/* NULL while the pile is empty. */
static inline void *
tg_pile_at(const struct pile *p, size_t index)
{
    return p->items != NULL ? p->items + index * p->item_size : NULL;
}

#define AT(pile, type, index) ((type *) tg_pile_at(&(pile), index))

static inline bool
tg_builder_is_failed(const struct tg_routes_builder *b)
{
    return b->err.status != TG_OK;
}

static inline const char *
tg_builder_text(const struct tg_routes_builder *b, struct tg_route_text t)
{
    return b->texts.data + (t.off - sizeof(struct tg_routes_header));
}

#endif
