/*
 * domains.h - from a custom domain and a base path to an API and its stage
 *
 * These records are part of the routes file (routes.h says how it is built,
 * checked and read).  A domain's mappings are in order of their base path, and
 * each names the longest other one that its own path begins with; so that the
 * longest base path of a request is found by halving, and by then climbing.
 *
 * Promises
 *   D1  Names of domains are compared without regard to the case of ASCII.  A
 *       name "*.example.com" serves every host with one label in place of
 *       the star that no other domain names exactly.
 *   D2  Where every base path of a domain is a single segment, the request's
 *       first segment must be equal to it; else the mapping without a base
 *       path serves.  As soon as one has several segments, the longest base
 *       path serves that the request's path begins with, wherever it ends:
 *       "orders" serves /ordersandmore.
 *       https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mappings.html
 *   D3  Base paths are compared case-sensitively, and with the request's path
 *       decoded once; a slash that came encoded separates no segments.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_PLANE_DOMAINS_H
#define TG_PLANE_DOMAINS_H

#include "plane/routes.h"

struct tg_route_mapping {
    struct tg_route_text path;   /* "orders/v1"; "": whatever the path */
    uint32_t             parent; /* index of a mapping, or NONE */
    uint32_t             api;    /* of the file; NONE: it has no such stage */
    uint32_t             stage;  /* of the API; NONE: it stands in the path */
};

struct tg_route_domain {
    struct tg_route_text name; /* in lower case */
    uint32_t             is_multi_level; /* D2 */
    struct tg_route_list mappings; /* tg_route_mapping, by path */
};

/* The domain that serves host (a name without a port); NULL: none (D1). */
const struct tg_route_domain *tg_domain_find(const struct tg_routes *r,
    const char *host, size_t len);

/*
 * The mapping for a request's path (undecoded, without its query); NULL:
 * none (D2, D3).  *taken becomes the number of bytes that are the base path,
 * with the slash before it; what is left is the stage's or the resource's.
 */
const struct tg_route_mapping *tg_domain_map(const struct tg_routes *r,
    const struct tg_route_domain *domain, const char *path, size_t len,
    size_t *taken);

/* ---- the daemon's side; see tg_routes_add_api ---- */

uint32_t tg_routes_add_domain(struct tg_routes_builder *b, const char *name);

/*
 * path without slashes at its ends; stage NULL: the caller names it in the
 * path.  The API and the stage need not have been added: calls are refused
 * then.
 */
void tg_routes_add_mapping(struct tg_routes_builder *b, uint32_t domain,
    const char *path, const char *api_id, const char *stage);

#endif
