/*
 * value.c - values that are put together from parts of the call
 *
 * The parts are Amazon's mapping expressions, compiled when the routes were
 * built.  A value is decoded once where the request has it encoded.  Whatever
 * a client sent may end up in a header: control characters in it become
 * spaces, so that no header can be made of it.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/request-response-data-mappings.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

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

/* A list of values found under one name: the last, or all by commas. */
typedef struct {
    ngx_pool_t  *pool;
    ngx_array_t *all; /* each by itself, where somebody wants that */
    ngx_uint_t   is_multi;
    ngx_uint_t   count;
    ngx_str_t    value;
} found_t;

static ngx_int_t
found_add(found_t *found, const u_char *data, size_t len, ngx_uint_t is_query)
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

static ngx_int_t
find_query(ngx_http_request_t *r, ngx_str_t *name, found_t *found)
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
    found_t    found;
    ngx_str_t  text;

    ngx_memzero(&found, sizeof(found));
    found.pool = call->request->pool;
    found.all = values;

    text.data = (u_char *) tg_route_str(&call->routes->table, name);
    text.len = name.len;

    return find_query(call->request, &text, &found);
}

/* Amazon compares header names by case, where they have kept theirs. */
static ngx_int_t
find_header(ngx_http_tallygate_call_t *call, ngx_str_t *name, found_t *found)
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

static ngx_int_t
find_path(ngx_http_tallygate_call_t *call, ngx_str_t *name, ngx_str_t *value)
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

/* $input.params: the path's variables, then the query, then headers. */
static ngx_int_t
find_param(ngx_http_tallygate_call_t *call, ngx_str_t *name,
    ngx_str_t *value)
{
    found_t    found;
    ngx_int_t  rc;

    rc = find_path(call, name, value);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    ngx_memzero(&found, sizeof(found));
    found.pool = call->request->pool;

    rc = find_query(call->request, name, &found);

    if (rc == NGX_OK && found.count == 0) {
        rc = find_header(call, name, &found);
    }

    *value = found.value;

    return rc == NGX_OK && found.count == 0 ? NGX_DECLINED : rc;
}

/* A header of the backend's, by its case as at Amazon. */
static ngx_int_t
find_reply_header(ngx_http_tallygate_call_t *call, ngx_str_t *name,
    found_t *found)
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
    found_t              found;
    ngx_int_t            rc;
    ngx_str_t            name;
    ngx_http_request_t  *r = call->request;

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
        return find_param(call, &name, value);

    case TG_PART_REPLY_MULTIHEADER:
    case TG_PART_REPLY_HEADER:
        found.is_multi = part->kind == TG_PART_REPLY_MULTIHEADER;
        rc = find_reply_header(call, &name, &found);
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
        return find_path(call, &name, value);

    case TG_PART_MULTIQUERY:
    case TG_PART_QUERY:
        found.is_multi = part->kind == TG_PART_MULTIQUERY;
        rc = find_query(r, &name, &found);
        *value = found.value;
        return rc == NGX_OK && found.count == 0 ? NGX_DECLINED : rc;

    case TG_PART_MULTIHEADER:
    case TG_PART_HEADER:
        found.is_multi = part->kind == TG_PART_MULTIHEADER;
        rc = find_header(call, &name, &found);
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

/* ---- what a method asks for ---- */

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
is_there(ngx_http_tallygate_call_t *call, const struct tg_route_part *part)
{
    ngx_int_t  rc;
    ngx_str_t  value;

    if (part->kind == TG_PART_HEADER || part->kind == TG_PART_MULTIHEADER) {
        (void) text(call, part->text, &value);
        return has_header(call->request, &value) ? NGX_OK : NGX_DECLINED;
    }

    rc = evaluate(call, part, &value);

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
    struct tg_route_list         list = call->method->required;
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

    for (i = 0; i < list.count; i++) {
        rc = is_there(call, &parts[i]);
        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED) {
            if (p[-1] != '[') {
                *p++ = ',';
                *p++ = ' ';
            }

            (void) text(call, parts[i].text, &name);
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
