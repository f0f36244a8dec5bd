/*
 * gateway.c - gateway responses that the seller has customised
 *
 * A stage has all of them or none; what a type inherits was put in when the
 * routes were built.  Values of the call stand in their headers and templates
 * as they may stand there, and nothing that a client sends makes a header or
 * leaves its JSON string.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

ngx_str_t
ngx_http_tallygate_gateway_name(enum tg_gateway_type type)
{
    static const ngx_str_t  names[TG_GATEWAY_TYPE_COUNT] = {
#define X(name, status) ngx_string(#name),
        TG_GATEWAY_TYPES(X)
#undef X
    };

    return names[type];
}

static const struct tg_route_gateway *
find(const ngx_http_tallygate_call_t *call)
{
    const struct tg_route_gateway  *list;

    if (call->stage == NULL || call->stage->gateway.count == 0) {
        return NULL;
    }

    list = tg_route_items(&call->routes->table, call->stage->gateway);
    list += call->error->gateway;

    return list->status || list->headers.count || list->templates.count
           ? list : NULL;
}

ngx_int_t
ngx_http_tallygate_customise(ngx_http_tallygate_call_t *call,
    ngx_str_t *body)
{
    ngx_int_t                        rc;
    ngx_http_request_t              *r = call->request;
    const struct tg_routes          *routes;
    const struct tg_route_gateway   *own;
    const struct tg_route_template  *t;

    own = find(call);
    if (own == NULL) {
        return NGX_DECLINED; /* there may be no routes at all */
    }

    routes = &call->routes->table;

    if (own->status) {
        r->headers_out.status = own->status;
    }

    t = ngx_http_tallygate_reply_template(call, own->templates);

    if (t) {
        r->headers_out.content_type.data = (u_char *) tg_route_str(routes,
                                                                   t->type);
        r->headers_out.content_type.len = t->type.len;
        r->headers_out.content_type_len = t->type.len;

        rc = ngx_http_tallygate_value(call, t->body, body);

        if (rc == NGX_DECLINED) {
            ngx_str_null(body);
        } else if (rc != NGX_OK) {
            return rc;
        }
    }

    return ngx_http_tallygate_add_headers(call, own->headers);
}
