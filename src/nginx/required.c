/*
 * required.c - whether a call has all that its method asks for
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

/* A required header may be written in any case, unlike one in a mapping. */
static ngx_uint_t
has_header(ngx_http_request_t *r, const ngx_str_t *name)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == name->len
                && h[i].value.len
                && ngx_strncasecmp(h[i].key.data, name->data, name->len) == 0)
            {
                return 1;
            }
        }
    }

    return 0;
}

static ngx_int_t
is_there(ngx_http_tallygate_call_t *call, const struct tg_route_part *part,
    ngx_str_t *name, struct tg_route_list single)
{
    ngx_int_t  rc;
    ngx_str_t  value;

    if (part->kind == TG_PART_HEADER || part->kind == TG_PART_MULTIHEADER) {
        return has_header(call->request, name) ? NGX_OK : NGX_DECLINED;
    }

    rc = ngx_http_tallygate_value(call, single, &value);

    return rc == NGX_OK && value.len == 0 ? NGX_DECLINED : rc;
}

ngx_int_t
ngx_http_tallygate_check_required(ngx_http_tallygate_call_t *call)
{
    size_t                       size;
    u_char                      *p, *start;
    uint32_t                     i;
    ngx_int_t                    rc;
    ngx_str_t                    name;
    struct tg_route_list         list = call->method->required, single;
    const struct tg_route_part  *parts;
    static const char            lead[] =
                                     "Missing required request parameters: [";

    parts = tg_route_items(&call->routes->table, list);
    size = sizeof(lead);

    for (i = 0; i < list.count; i++) {
        size += parts[i].text.len + 2;
    }

    start = p = ngx_pnalloc(call->request->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(p, lead, sizeof(lead) - 1);

    single.count = 1;

    for (i = 0; i < list.count; i++) {
        name.data = (u_char *) tg_route_str(&call->routes->table,
                                            parts[i].text);
        name.len = parts[i].text.len;
        single.off = list.off + i * sizeof(struct tg_route_part);

        rc = is_there(call, &parts[i], &name, single);
        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED) {
            if (p[-1] != '[') {
                *p++ = ',';
                *p++ = ' ';
            }

            p = ngx_cpymem(p, name.data, name.len);
        }
    }

    if (p[-1] == '[') {
        return NGX_OK;
    }

    *p++ = ']';
    call->message.data = start;
    call->message.len = p - start;

    return NGX_DECLINED;
}
