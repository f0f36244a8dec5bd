/*
 * domains.c - which domain and which base path a call belongs to
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "plane/domains.h"

#include <string.h>

#include "util/percent.h"

#define ENCODED_SLASH 256 /* a symbol that no base path holds */

/* ---- by host name ---- */

/* Order of a host's name and one of the file, which is in lower case. */
static int
compare_name(const char *host, size_t len, const char *own, size_t own_len)
{
    for (size_t i = 0; i < len && i < own_len; i++) {
        int order = tg_ascii_lower((uint8_t) host[i]) - (uint8_t) own[i];

        if (order != 0) {
            return order;
        }
    }
    return (len > own_len) - (len < own_len);
}

/* The domain of this name; is_wild: whose name is "*" and this. */
static const struct tg_route_domain *
find_name(const struct tg_routes *r, const char *host, size_t len,
    bool is_wild)
{
    uint32_t                      low = 0, high = r->header->domains.count;
    const struct tg_route_domain *all = tg_route_items(r, r->header->domains);

    while (low < high) {
        uint32_t    mid = low + (high - low) / 2;
        const char *own = tg_route_str(r, all[mid].name);
        size_t      own_len = all[mid].name.len;
        int         order;

        if (is_wild) {
            order = own[0] == '*'
                ? compare_name(host, len, own + 1, own_len - 1)
                : '*' - (uint8_t) own[0];
        } else {
            order = compare_name(host, len, own, own_len);
        }
        if (order == 0) {
            return &all[mid];
        }
        if (order < 0) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    return NULL;
}

const struct tg_route_domain *
tg_domain_find(const struct tg_routes *r, const char *host, size_t len)
{
    const char                   *dot;
    const struct tg_route_domain *domain;

    if (r->header->domains.count == 0 || len == 0 || host[0] == '*') {
        return NULL;
    }
    domain = find_name(r, host, len, false);
    if (domain != NULL) {
        return domain;
    }
    dot = memchr(host, '.', len);
    return dot != NULL && dot > host
        ? find_name(r, dot, len - (size_t) (dot - host), true) : NULL;
}

/* ---- by path ---- */

/* The next symbol of a request's path, decoded once. */
static int
next_symbol(const char *path, size_t len, size_t *at)
{
    int byte = path[*at] == '%'
        ? tg_percent_byte(path + *at, len - *at) : -1;

    if (byte < 0) {
        return (uint8_t) path[(*at)++];
    }
    *at += TG_PERCENT_SIZE;
    return byte == '/' ? ENCODED_SLASH : byte;
}

/* How a base path stands to the request's. */
struct relation {
    int    order;  /* of the base path: negative when it comes before */
    size_t taken;  /* what it takes of the request's path, if all of it */
    bool   is_prefix;
    bool   is_segment; /* a prefix that ends where a segment ends */
};

static struct relation
relate(const char *own, size_t own_len, const char *path, size_t len)
{
    size_t          at = 0;
    struct relation rel = { 0, 0, false, false };

    for (size_t i = 0; i < own_len; i++) {
        int symbol;

        if (at == len) {
            rel.order = 1;
            return rel;
        }
        symbol = next_symbol(path, len, &at);
        if (symbol != (uint8_t) own[i]) {
            rel.order = (uint8_t) own[i] < symbol ? -1 : 1;
            return rel;
        }
    }
    rel.order = at < len ? -1 : 0;
    rel.taken = at;
    rel.is_prefix = true;
    rel.is_segment = at == len || path[at] == '/';
    return rel;
}

static struct relation
relate_mapping(const struct tg_routes *r, const struct tg_route_mapping *m,
    const char *path, size_t len)
{
    return relate(tg_route_str(r, m->path), m->path.len, path, len);
}

/*
 * The last mapping that does not come behind the path is the longest one that
 * the path begins with, or below that one: whatever stands between a prefix
 * and the path begins with the prefix, too.
 */
const struct tg_route_mapping *
tg_domain_map(const struct tg_routes *r, const struct tg_route_domain *domain,
    const char *path, size_t len, size_t *taken)
{
    size_t                         slash = len > 0 && path[0] == '/';
    uint32_t                       low = 0, high = domain->mappings.count;
    const struct tg_route_mapping *all = tg_route_items(r, domain->mappings);

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (relate_mapping(r, &all[mid], path + slash, len - slash).order > 0)
        {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    for (uint32_t i = low > 0 ? low - 1 : TG_ROUTE_NONE; i != TG_ROUTE_NONE;
         i = all[i].parent)
    {
        struct relation rel = relate_mapping(r, &all[i], path + slash,
            len - slash);

        if (all[i].path.len == 0) {
            *taken = 0;
            return &all[i];
        }
        if (rel.is_prefix && (domain->is_multi_level || rel.is_segment)) {
            *taken = slash + rel.taken;
            return &all[i];
        }
    }
    return NULL;
}
