/*
 * find.c - what a call has under a name: in its path, query and headers
 *
 * A value is decoded once where the request has it encoded.  Whatever a
 * client sent may end up in a header: control characters in what is decoded
 * become spaces, so that no header can be made of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/find.h"

/* Decodes into dst (room for len); '+' is a space in a query only. */
static u_char *
decode(u_char *dst, const u_char *src, size_t len, ngx_uint_t is_query)
{
    u_char       *p, *mark = dst;
    const u_char *last = src + len;
    ngx_int_t     n;

    while (src < last) {
        if (*src == '%' && last - src > 2
            && (n = ngx_hextoi((u_char *) src + 1, 2)) != NGX_ERROR)
        {
            *dst++ = (u_char) n;
            src += 3;
            continue;
        }

        *dst++ = (is_query && *src == '+') ? ' ' : *src;
        src++;
    }

    for (p = mark; p < dst; p++) {
        if (*p < 0x20 || *p == 0x7f) {
            *p = ' ';
        }
    }

    return dst;
}

static ngx_int_t
found_add(ngx_http_tallygate_found_t *found, const u_char *data, size_t len,
    ngx_uint_t is_query)
{
    u_char     *p, *start;
    size_t      before;
    ngx_str_t  *one;

    before = found->is_multi && found->count ? found->value.len + 1 : 0;

    start = ngx_pnalloc(found->pool, before + len + 1);
    if (start == NULL) {
        return NGX_ERROR;
    }

    p = start;

    if (before) {
        p = ngx_cpymem(p, found->value.data, found->value.len);
        *p++ = ',';
    }

    if (is_query) {
        p = decode(p, data, len, 1);

    } else {
        p = ngx_cpymem(p, data, len);
    }

    found->value.data = start;
    found->value.len = p - start;
    found->count++;

    if (found->all) {
        one = ngx_array_push(found->all);
        if (one == NULL) {
            return NGX_ERROR;
        }

        *one = found->value;
    }

    return NGX_OK;
}

ngx_int_t
ngx_http_tallygate_find_query(ngx_http_request_t *r, ngx_str_t *name,
    ngx_http_tallygate_found_t *found)
{
    u_char     *p, *last, *end, *equals;
    ngx_str_t   key;

    p = r->args.data;
    last = p + r->args.len;

    key.data = ngx_pnalloc(r->pool, r->args.len + 1);
    if (key.data == NULL) {
        return NGX_ERROR;
    }

    for ( /* void */ ; p < last; p = end + 1) {
        for (end = p; end < last && *end != '&' && *end != ';'; end++) {
            /* void */
        }

        equals = ngx_strlchr(p, end, '=');
        if (equals == NULL) {
            equals = end;
        }

        key.len = decode(key.data, p, equals - p, 1) - key.data;

        if (key.len == name->len
            && ngx_memcmp(key.data, name->data, key.len) == 0
            && found_add(found, equals + (equals < end),
                         end - equals - (equals < end), 1) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}

ngx_int_t
ngx_http_tallygate_query_values(ngx_http_tallygate_call_t *call,
    struct tg_route_text name, ngx_array_t *values)
{
    ngx_str_t                   text;
    ngx_http_tallygate_found_t  found;

    ngx_memzero(&found, sizeof(found));
    found.pool = call->request->pool;
    found.all = values;

    text.data = (u_char *) tg_route_str(&call->routes->table, name);
    text.len = name.len;

    return ngx_http_tallygate_find_query(call->request, &text, &found);
}

/* Amazon compares header names by case, where they have kept theirs. */
ngx_int_t
ngx_http_tallygate_find_header(ngx_http_tallygate_call_t *call,
    ngx_str_t *name, ngx_http_tallygate_found_t *found)
{
    ngx_uint_t           i, is_lower_case;
    ngx_list_part_t     *part;
    ngx_table_elt_t     *h;
    ngx_http_request_t  *r = call->request;

    is_lower_case = ngx_http_tallygate_is_lower_case(call);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len != name->len) {
                continue;
            }

            if (is_lower_case
                ? ngx_strncasecmp(h[i].key.data, name->data, name->len) != 0
                : ngx_memcmp(h[i].key.data, name->data, name->len) != 0)
            {
                continue;
            }

            if (found_add(found, h[i].value.data, h[i].value.len, 0)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}

ngx_int_t
ngx_http_tallygate_find_path(ngx_http_tallygate_call_t *call,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_uint_t                      i;
    const struct tg_route_capture  *c;

    for (i = 0; i < call->capture_count; i++) {
        c = &call->captures[i];

        if (c->node->segment.len == name->len
            && ngx_memcmp(tg_route_str(&call->routes->table,
                                       c->node->segment),
                          name->data, name->len) == 0)
        {
            value->data = ngx_pnalloc(call->request->pool, c->len + 1);
            if (value->data == NULL) {
                return NGX_ERROR;
            }

            value->len = decode(value->data, (const u_char *) c->value,
                                c->len, 0) - value->data;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}

/* $input.params: the path's variables, then the query, then headers. */
ngx_int_t
ngx_http_tallygate_find_param(ngx_http_tallygate_call_t *call, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_int_t                   rc;
    ngx_http_tallygate_found_t  found;

    rc = ngx_http_tallygate_find_path(call, name, value);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    ngx_memzero(&found, sizeof(found));
    found.pool = call->request->pool;

    rc = ngx_http_tallygate_find_query(call->request, name, &found);

    if (rc == NGX_OK && found.count == 0) {
        rc = ngx_http_tallygate_find_header(call, name, &found);
    }

    *value = found.value;

    return rc == NGX_OK && found.count == 0 ? NGX_DECLINED : rc;
}

/* A header of the backend's, by its case as at Amazon. */
ngx_int_t
ngx_http_tallygate_find_reply_header(ngx_http_tallygate_call_t *call,
    ngx_str_t *name, ngx_http_tallygate_found_t *found)
{
    ngx_uint_t            i;
    ngx_list_part_t      *part;
    ngx_table_elt_t      *h;
    ngx_http_upstream_t  *u = call->request->upstream;

    if (u == NULL || call->is_answer) {
        return NGX_OK;
    }

    for (part = &u->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash != 0
                && h[i].key.len == name->len
                && ngx_memcmp(h[i].key.data, name->data, name->len) == 0
                && found_add(found, h[i].value.data, h[i].value.len, 0)
                   != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}
