/*
 * variables.c - what access logs may say of a call
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

enum {
    REQUEST_ID,
    API_ID,
    STAGE,
    API_KEY_ID,
    ERROR
};

static void
value_of(ngx_http_tallygate_call_t *call, uintptr_t what, ngx_str_t *s)
{
    ngx_str_null(s);

    switch (what) {

    case REQUEST_ID:
        s->data = ngx_http_tallygate_request_id(call);
        s->len = NGX_HTTP_TALLYGATE_UUID_LEN;
        break;

    case API_ID:
        if (call->api) {
            s->data = (u_char *) tg_route_str(&call->routes->table,
                                              call->api->id);
            s->len = call->api->id.len;
        }
        break;

    case STAGE:
        if (call->stage) {
            s->data = (u_char *) tg_route_str(&call->routes->table,
                                              call->stage->name);
            s->len = call->stage->name.len;
        }
        break;

    case API_KEY_ID:
        s->data = (u_char *) call->key_id;
        s->len = ngx_strlen(call->key_id);
        break;

    default: /* ERROR */
        if (call->error) {
            *s = call->error->type;
        }
    }
}

static ngx_int_t
get_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t what)
{
    ngx_str_t                   s;
    ngx_http_tallygate_call_t  *call;

    call = ngx_http_tallygate_call(r->main);
    if (call == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    value_of(call, what, &s);

    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;
    v->data = s.data;
    v->len = s.len;

    return NGX_OK;
}

static ngx_http_variable_t  variables[] = {
    { ngx_string("tallygate_request_id"), NULL, get_variable, REQUEST_ID,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },
    { ngx_string("tallygate_api_id"), NULL, get_variable, API_ID,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },
    { ngx_string("tallygate_stage"), NULL, get_variable, STAGE,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },
    { ngx_string("tallygate_api_key_id"), NULL, get_variable, API_KEY_ID,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },
    { ngx_string("tallygate_error"), NULL, get_variable, ERROR,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },
      ngx_http_null_variable
};

ngx_int_t
ngx_http_tallygate_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *v, *known;

    for (v = variables; v->name.len; v++) {
        known = ngx_http_add_variable(cf, &v->name, v->flags);
        if (known == NULL) {
            return NGX_ERROR;
        }

        known->get_handler = v->get_handler;
        known->data = v->data;
    }

    return NGX_OK;
}
