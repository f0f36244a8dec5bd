/*
 * request_maps.c - what the mappings of a call make of path, query and headers
 *
 * Everything is evaluated before a byte of the backend's header is written,
 * so that its size is known; a value that cannot be had ends the call.
 *
 * Promises
 *   Q4  No value becomes a segment of dots, or one of the headers that say
 *       where the body ends.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/find.h"
#include "nginx/request.h"

static ngx_int_t
escape(ngx_pool_t *pool, ngx_str_t *s)
{
    u_char     *p;
    uintptr_t   n;

    n = ngx_escape_uri(NULL, s->data, s->len, NGX_ESCAPE_URI_COMPONENT);
    if (n == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, s->len + 2 * n);
    if (p == NULL) {
        return NGX_ERROR;
    }

    s->len = (u_char *) ngx_escape_uri(p, s->data, s->len,
                                       NGX_ESCAPE_URI_COMPONENT) - p;
    s->data = p;

    return NGX_OK;
}

/* What a value must not make of a path: routing has refused such, too. */
static ngx_uint_t
is_dots(const ngx_str_t *s)
{
    return s->len > 0 && s->len <= 2
           && s->data[0] == '.' && s->data[s->len - 1] == '.';
}

/*
 * A piece of the path.  What a path variable stood for goes on as it came,
 * still encoded: decoding it and encoding it again would lose which slash was
 * a separator.
 */
static ngx_int_t
path_piece(ngx_http_tallygate_call_t *call, const struct tg_route_part *part,
    struct tg_route_list single, ngx_str_t *piece)
{
    ngx_int_t                       rc;
    ngx_uint_t                      i;
    const char                     *name;
    const struct tg_routes         *routes = &call->routes->table;
    const struct tg_route_capture  *c;

    name = tg_route_str(routes, part->text);

    if (part->kind == TG_PART_LITERAL) {
        piece->data = (u_char *) name;
        piece->len = part->text.len;
        return NGX_OK;
    }

    if (part->kind == TG_PART_PATH) {
        for (i = 0; i < call->capture_count; i++) {
            c = &call->captures[i];

            if (c->node->segment.len == part->text.len
                && ngx_memcmp(tg_route_str(routes, c->node->segment), name,
                              part->text.len) == 0)
            {
                piece->data = (u_char *) c->value;
                piece->len = c->len;
                return NGX_OK;
            }
        }

        ngx_str_set(piece, "");
        return NGX_OK;
    }

    rc = ngx_http_tallygate_value(call, single, piece);
    if (rc == NGX_DECLINED) {
        ngx_str_set(piece, "");
        return NGX_OK;
    }

    return rc == NGX_OK && !is_dots(piece)
           ? escape(call->request->pool, piece) : NGX_ERROR;
}

ngx_int_t
ngx_http_tallygate_make_path(ngx_http_tallygate_request_t *q, size_t *size)
{
    uint32_t                     i;
    ngx_http_tallygate_call_t   *call = q->call;
    struct tg_route_list         list = call->integration->path, single;
    const struct tg_route_part  *parts;

    parts = tg_route_items(&call->routes->table, list);
    q->path = ngx_palloc(q->r->pool, (list.count + 1) * sizeof(ngx_str_t));
    if (q->path == NULL) {
        return NGX_ERROR;
    }

    q->path_count = list.count;
    single.count = 1;

    for (i = 0; i < list.count; i++) {
        single.off = list.off + i * sizeof(struct tg_route_part);

        if (path_piece(call, &parts[i], single, &q->path[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        *size += q->path[i].len;
    }

    return NGX_OK;
}

/*
 * What no mapping may set.  Amazon answers 500 to a call that tries.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
 */
static ngx_uint_t
is_reserved(ngx_str_t *name)
{
    ngx_uint_t              i;
    static const ngx_str_t  names[] = {
        ngx_string("Content-Length"),
        ngx_string("Transfer-Encoding"),
        ngx_string("X-Amzn-Trace-Id"),
        ngx_string("X-Amzn-Apigateway-Api-Id"),
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].len == name->len
            && ngx_strncasecmp(names[i].data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}

/* Headers from their mappings; those without a source are left out. */
ngx_int_t
ngx_http_tallygate_make_headers(ngx_http_tallygate_request_t *q, size_t *size)
{
    uint32_t                     i;
    ngx_int_t                    rc;
    ngx_http_tallygate_pair_t   *pair;
    ngx_http_tallygate_call_t   *call = q->call;
    struct tg_route_list         list = call->integration->headers;
    const struct tg_route_pair  *pairs;

    if (list.count == 0) {
        return NGX_OK;
    }

    pairs = tg_route_items(&call->routes->table, list);
    q->headers = ngx_palloc(q->r->pool,
                            list.count * sizeof(ngx_http_tallygate_pair_t));
    if (q->headers == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < list.count; i++) {
        pair = &q->headers[q->header_count];

        rc = ngx_http_tallygate_header_value(call, pairs[i].value,
                                             &pair->value);
        if (rc == NGX_DECLINED) {
            continue;
        }

        pair->name.data = (u_char *) tg_route_str(&call->routes->table,
                                                  pairs[i].name);
        pair->name.len = pairs[i].name.len;

        if (rc != NGX_OK || is_reserved(&pair->name)) {
            return NGX_ERROR;
        }

        *size += pair->name.len + pair->value.len + sizeof(": \r\n") - 1;
        q->header_count++;
    }

    return NGX_OK;
}

static ngx_int_t
add_query(ngx_http_tallygate_request_t *q, const struct tg_route_pair *mapping,
    const ngx_str_t *value, size_t *size)
{
    ngx_http_tallygate_pair_t  *pair;

    pair = ngx_array_push(q->queries);
    if (pair == NULL) {
        return NGX_ERROR;
    }

    pair->name.data = (u_char *) tg_route_str(&q->call->routes->table,
                                              mapping->name);
    pair->name.len = mapping->name.len;
    pair->value = *value;

    if (escape(q->r->pool, &pair->name) != NGX_OK
        || escape(q->r->pool, &pair->value) != NGX_OK)
    {
        return NGX_ERROR;
    }

    *size += pair->name.len + pair->value.len + sizeof("&=") - 1;

    return NGX_OK;
}

/* A query parameter with all values of another has each of them. */
static ngx_int_t
add_queries(ngx_http_tallygate_request_t *q,
    const struct tg_route_pair *mapping, size_t *size)
{
    ngx_uint_t                   i;
    ngx_str_t                   *value;
    ngx_array_t                 *values;
    const struct tg_route_part  *part;

    part = tg_route_items(&q->call->routes->table, mapping->value);
    values = ngx_array_create(q->r->pool, 4, sizeof(ngx_str_t));

    if (values == NULL
        || ngx_http_tallygate_query_values(q->call, part->text, values)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    value = values->elts;

    for (i = 0; i < values->nelts; i++) {
        if (add_query(q, mapping, &value[i], size) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}

ngx_int_t
ngx_http_tallygate_make_queries(ngx_http_tallygate_request_t *q, size_t *size)
{
    uint32_t                     i;
    ngx_int_t                    rc;
    ngx_str_t                    value;
    ngx_http_tallygate_call_t   *call = q->call;
    struct tg_route_list         list = call->integration->queries;
    const struct tg_route_pair  *pairs;
    const struct tg_route_part  *part;

    if (list.count == 0) {
        return NGX_OK;
    }

    q->queries = ngx_array_create(q->r->pool, list.count,
                                  sizeof(ngx_http_tallygate_pair_t));
    if (q->queries == NULL) {
        return NGX_ERROR;
    }

    pairs = tg_route_items(&call->routes->table, list);

    for (i = 0; i < list.count; i++) {
        part = tg_route_items(&call->routes->table, pairs[i].value);

        if (pairs[i].value.count == 1 && part->kind == TG_PART_MULTIQUERY) {
            rc = add_queries(q, &pairs[i], size);

        } else {
            rc = ngx_http_tallygate_value(call, pairs[i].value, &value);

            if (rc == NGX_OK) {
                rc = add_query(q, &pairs[i], &value, size);
            }
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}

ngx_uint_t
ngx_http_tallygate_is_mapped(const ngx_http_tallygate_request_t *q,
    const ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < q->header_count; i++) {
        if (q->headers[i].name.len == name->len
            && ngx_strncasecmp(q->headers[i].name.data, name->data, name->len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}
