/*
 * value.c - values that are put together from parts of the call
 *
 * The parts are Amazon's mapping expressions, compiled when the routes were
 * built; what the call has under a name is found by find.c.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/request-response-data-mappings.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/find.h"
static ngx_int_t
text(ngx_http_tallygate_call_t *call, struct tg_route_text from,
    ngx_str_t *value)
{
    value->data = (u_char *) tg_route_str(&call->routes->table, from);
    value->len = from.len;

    return NGX_OK;
}

/* context.path: with what comes before it, a base path or the stage. */
static ngx_int_t
request_path(ngx_http_tallygate_call_t *call, ngx_str_t *value)
{
    u_char     *p;
    ngx_str_t   stage;

    if (call->domain != NULL) {
        value->data = call->request->unparsed_uri.data;
        value->len = call->path.data + call->path.len - value->data;
        return NGX_OK;
    }

    (void) text(call, call->stage->name, &stage);

    value->len = 1 + stage.len + call->path.len;
    value->data = ngx_pnalloc(call->request->pool, value->len);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    p = value->data;
    *p++ = '/';
    p = ngx_cpymem(p, stage.data, stage.len);
    ngx_memcpy(p, call->path.data, call->path.len);

    return NGX_OK;
}

static ngx_int_t
request_time(ngx_http_tallygate_call_t *call, ngx_uint_t is_epoch,
    ngx_str_t *value)
{
    static const char   *months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov",
                                      "Dec" };
    ngx_tm_t             tm;
    ngx_http_request_t  *r = call->request;

    value->data = ngx_pnalloc(r->pool, sizeof("23/Nov/2026:04:06:03 +0000"));
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    if (is_epoch) {
        value->len = ngx_sprintf(value->data, "%T%03M", r->start_sec,
                                 r->start_msec) - value->data;
        return NGX_OK;
    }

    ngx_gmtime(r->start_sec, &tm);
    value->len = ngx_sprintf(value->data, "%02d/%s/%d:%02d:%02d:%02d +0000",
                             tm.ngx_tm_mday, months[tm.ngx_tm_mon - 1],
                             tm.ngx_tm_year, tm.ngx_tm_hour, tm.ngx_tm_min,
                             tm.ngx_tm_sec)
                 - value->data;

    return NGX_OK;
}

/* What an error says of itself; without one there is nothing. */
static ngx_int_t
error_value(ngx_http_tallygate_call_t *call, enum tg_part_kind kind,
    ngx_str_t *value)
{
    u_char                            *p;
    const ngx_http_tallygate_error_t  *error = call->error;

    if (error == NULL) {
        return NGX_DECLINED;
    }

    if (kind == TG_PART_ERROR_TYPE) {
        *value = ngx_http_tallygate_gateway_name(error->gateway);
        return NGX_OK;
    }

    *value = call->message.len ? call->message : error->message;

    if (kind == TG_PART_ERROR_MESSAGE) {
        return NGX_OK;
    }

    if (value->len == 0) {
        ngx_str_set(value, "null");
        return NGX_OK;
    }

    if (ngx_http_tallygate_escape(call->request->pool, TG_ESCAPE_JSON, value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(call->request->pool, value->len + 2);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value->len = ngx_sprintf(p, "\"%V\"", value) - p;
    value->data = p;

    return NGX_OK;
}

/* NGX_DECLINED: the call has no such thing. */
static ngx_int_t
evaluate(ngx_http_tallygate_call_t *call, const struct tg_route_part *part,
    ngx_str_t *value)
{
    ngx_int_t                   rc;
    ngx_str_t                   name;
    ngx_http_request_t         *r = call->request;
    ngx_http_tallygate_found_t  found;

    (void) text(call, part->text, &name);
    ngx_memzero(&found, sizeof(found));
    found.pool = r->pool;

    switch ((enum tg_part_kind) part->kind) {

    case TG_PART_LITERAL:
        *value = name;
        return NGX_OK;

    case TG_PART_ACCOUNT_ID:
        return text(call, call->routes->table.header->account_id, value);

    case TG_PART_PARAM:
        return ngx_http_tallygate_find_param(call, &name, value);

    case TG_PART_REPLY_MULTIHEADER:
    case TG_PART_REPLY_HEADER:
        found.is_multi = part->kind == TG_PART_REPLY_MULTIHEADER;
        rc = ngx_http_tallygate_find_reply_header(call, &name, &found);
        *value = found.value;
        return rc == NGX_OK && found.count == 0 ? NGX_DECLINED : rc;

    case TG_PART_BODY_TEXT:
    case TG_PART_BODY_JSON:
    case TG_PART_REPLY_TEXT:
    case TG_PART_REPLY_JSON:
    case TG_PART_BODY:
    case TG_PART_REPLY:
        return ngx_http_tallygate_piece(call, part, value);

    case TG_PART_ERROR_MESSAGE:
    case TG_PART_ERROR_MESSAGE_STRING:
    case TG_PART_ERROR_TYPE:
        return error_value(call, part->kind, value);

    case TG_PART_PATH:
        return ngx_http_tallygate_find_path(call, &name, value);

    case TG_PART_MULTIQUERY:
    case TG_PART_QUERY:
        found.is_multi = part->kind == TG_PART_MULTIQUERY;
        rc = ngx_http_tallygate_find_query(r, &name, &found);
        *value = found.value;
        return rc == NGX_OK && found.count == 0 ? NGX_DECLINED : rc;

    case TG_PART_MULTIHEADER:
    case TG_PART_HEADER:
        found.is_multi = part->kind == TG_PART_MULTIHEADER;
        rc = ngx_http_tallygate_find_header(call, &name, &found);
        *value = found.value;
        return rc == NGX_OK && found.count == 0 ? NGX_DECLINED : rc;

    case TG_PART_API_ID:
        return text(call, call->api->id, value);

    case TG_PART_STAGE:
        return text(call, call->stage->name, value);

    case TG_PART_REQUEST_ID:
        value->data = ngx_http_tallygate_request_id(call);
        value->len = NGX_HTTP_TALLYGATE_UUID_LEN;
        return NGX_OK;

    case TG_PART_HTTP_METHOD:
        *value = call->verb < TG_VERB_ANY
                 ? ngx_http_tallygate_verb_name(call->verb) : r->method_name;
        return NGX_OK;

    case TG_PART_RESOURCE_PATH:
        return call->node ? text(call, call->node->resource_path, value)
                          : NGX_DECLINED;

    case TG_PART_RESOURCE_ID:
        return call->node ? text(call, call->node->resource_id, value)
                          : NGX_DECLINED;

    case TG_PART_REQUEST_PATH:
        return request_path(call, value);

    case TG_PART_SOURCE_IP:
        *value = r->connection->addr_text;
        return NGX_OK;

    case TG_PART_USER_AGENT:
        if (r->headers_in.user_agent == NULL) {
            return NGX_DECLINED;
        }

        *value = r->headers_in.user_agent->value;
        return NGX_OK;

    case TG_PART_API_KEY_ID:
        value->data = (u_char *) call->key_id;
        value->len = ngx_strlen(call->key_id);
        return value->len ? NGX_OK : NGX_DECLINED;

    case TG_PART_PROTOCOL:
        *value = r->http_protocol;
        return NGX_OK;

    case TG_PART_REQUEST_TIME:
    case TG_PART_REQUEST_TIME_EPOCH:
        return request_time(call, part->kind == TG_PART_REQUEST_TIME_EPOCH,
                            value);

    case TG_PART_DOMAIN_NAME:
        *value = r->headers_in.server;
        return NGX_OK;

    case TG_PART_COUNT:
        break;
    }

    return NGX_ERROR;
}

static ngx_int_t
part_value(ngx_http_tallygate_call_t *call, const struct tg_route_part *part,
    ngx_str_t *value)
{
    ngx_int_t  rc;

    rc = evaluate(call, part, value);

    if (rc == NGX_OK && part->escape != TG_ESCAPE_NONE) {
        rc = ngx_http_tallygate_escape(call->request->pool, part->escape,
                                       value);
    }

    return rc;
}

/* The parts' values; NGX_DECLINED when none of them is there. */
static ngx_int_t
part_values(ngx_http_tallygate_call_t *call,
    const struct tg_route_part *parts, uint32_t count, ngx_str_t *values,
    size_t *len)
{
    uint32_t    i;
    ngx_int_t   rc;
    ngx_uint_t  found;

    found = 0;
    *len = 0;

    for (i = 0; i < count; i++) {
        rc = part_value(call, &parts[i], &values[i]);
        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED) {
            ngx_str_set(&values[i], "");
        } else {
            found = 1;
        }

        *len += values[i].len;

        if (*len > NGX_HTTP_TALLYGATE_TEXT_MAX) {
            ngx_log_error(NGX_LOG_ERR, call->request->connection->log, 0,
                          "tallygate: a template makes more than %d bytes",
                          NGX_HTTP_TALLYGATE_TEXT_MAX);
            return NGX_ERROR;
        }
    }

    return found ? NGX_OK : NGX_DECLINED;
}

ngx_int_t
ngx_http_tallygate_value(ngx_http_tallygate_call_t *call,
    struct tg_route_list list, ngx_str_t *value)
{
    size_t                       len;
    u_char                      *p;
    uint32_t                     i;
    ngx_int_t                    rc;
    ngx_str_t                   *values;
    const struct tg_route_part  *parts;

    parts = tg_route_items(&call->routes->table, list);

    if (list.count == 1) {
        return part_value(call, parts, value);
    }

    if (list.count == 0) {
        return NGX_DECLINED;
    }

    values = ngx_palloc(call->request->pool, list.count * sizeof(ngx_str_t));
    if (values == NULL) {
        return NGX_ERROR;
    }

    rc = part_values(call, parts, list.count, values, &len);
    if (rc != NGX_OK) {
        return rc;
    }

    value->data = ngx_pnalloc(call->request->pool, len + 1);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    value->len = len;
    p = value->data;

    for (i = 0; i < list.count; i++) {
        p = ngx_cpymem(p, values[i].data, values[i].len);
    }

    return NGX_OK;
}

ngx_int_t
ngx_http_tallygate_header_value(ngx_http_tallygate_call_t *call,
    struct tg_route_list list, ngx_str_t *value)
{
    size_t     i;
    u_char    *safe;
    ngx_int_t  rc;

    rc = ngx_http_tallygate_value(call, list, value);
    if (rc != NGX_OK) {
        return rc;
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < 0x20 || value->data[i] == 0x7f) {
            break;
        }
    }

    if (i == value->len) {
        return NGX_OK;
    }

    safe = ngx_pnalloc(call->request->pool, value->len);
    if (safe == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < value->len; i++) {
        safe[i] = value->data[i] < 0x20 || value->data[i] == 0x7f
                  ? ' ' : value->data[i];
    }

    value->data = safe;

    return NGX_OK;
}
