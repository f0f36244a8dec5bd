/*
 * template.c - which template a call's body, or an answer, goes through
 *
 * Requests choose by their Content-Type, which is application/json where
 * there is none; answers by the client's Accept.  Parameters of a media type
 * do not count.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/integration-passthrough-behaviors.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

static const ngx_str_t  json = ngx_string("application/json");

/* Takes the next media type off a list of them; 0 at its end. */
static ngx_uint_t
next_type(ngx_str_t *list, ngx_str_t *type)
{
    u_char  *p, *last;

    p = list->data;
    last = p + list->len;

    while (p < last && (*p == ' ' || *p == ',' || *p == '\t')) {
        p++;
    }

    type->data = p;

    while (p < last && *p != ';' && *p != ',' && *p != ' ' && *p != '\t') {
        p++;
    }

    type->len = p - type->data;

    while (p < last && *p != ',') {
        p++;
    }

    list->data = p;
    list->len = last - p;

    return type->len > 0;
}

static const struct tg_route_template *
find(const struct tg_routes *routes, struct tg_route_list list,
    const ngx_str_t *type)
{
    uint32_t                         i;
    const struct tg_route_template  *templates;

    templates = tg_route_items(routes, list);

    for (i = 0; i < list.count; i++) {
        if (templates[i].type.len == type->len
            && ngx_strncasecmp((u_char *) tg_route_str(routes,
                                                       templates[i].type),
                               type->data, type->len)
               == 0)
        {
            return &templates[i];
        }
    }

    return NULL;
}

ngx_int_t
ngx_http_tallygate_request_template(ngx_http_tallygate_call_t *call,
    const struct tg_route_template **found)
{
    ngx_str_t                           type, value;
    static const ngx_str_t              any = ngx_string("$default");
    const struct tg_routes             *routes = &call->routes->table;
    const struct tg_route_integration  *in = call->integration;

    type = json;

    if (in->templates.count && call->request->headers_in.content_type) {
        value = call->request->headers_in.content_type->value;
        (void) next_type(&value, &type);
    }

    *found = find(routes, in->templates, &type);

    if (*found == NULL) {
        *found = find(routes, in->templates, &any);
    }

    if (*found) {
        return NGX_OK;
    }

    return in->passthrough == TG_PASSTHROUGH_NEVER
           || (in->passthrough == TG_PASSTHROUGH_WHEN_NO_TEMPLATES
               && in->templates.count)
           ? NGX_HTTP_UNSUPPORTED_MEDIA_TYPE : NGX_DECLINED;
}

static const struct tg_route_template *
accepted(ngx_http_tallygate_call_t *call, struct tg_route_list list)
{
    ngx_str_t                        value, type;
    ngx_uint_t                       i;
    ngx_list_part_t                 *part;
    ngx_table_elt_t                 *h;
    const struct tg_route_template  *found;

    for (part = &call->request->headers_in.headers.part;
         part;
         part = part->next)
    {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len != sizeof("accept") - 1
                || ngx_memcmp(h[i].lowcase_key, "accept",
                              sizeof("accept") - 1) != 0)
            {
                continue;
            }

            value = h[i].value;

            while (next_type(&value, &type)) {
                found = find(&call->routes->table, list, &type);
                if (found) {
                    return found;
                }
            }
        }
    }

    return NULL;
}

const struct tg_route_template *
ngx_http_tallygate_reply_template(ngx_http_tallygate_call_t *call,
    struct tg_route_list list)
{
    const struct tg_route_template  *found;

    if (list.count == 0) {
        return NULL;
    }

    found = accepted(call, list);

    if (found == NULL) {
        found = find(&call->routes->table, list, &json);
    }

    return found ? found : tg_route_items(&call->routes->table, list);
}
