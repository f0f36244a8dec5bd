/*
 * request.c - the header that a backend gets
 *
 * One pass over the client's headers writes into one buffer, whose size is
 * known from the pass that routed the call.  What is dropped, added and
 * renamed are Amazon's rules for HTTP_PROXY, with this project's choices
 * where a reverse proxy is expected to say who called.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
 *
 * Promises
 *   Q1  The framing of the body is written here and nowhere else: no length
 *       or coding of a client's reaches a backend.
 *   Q2  No value that a client sent can become a header of its own.
 *   Q3  A connection is upgraded only to WebSocket, and not in strict mode.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

enum kind {
    PASS,
    DROP,
    AUTHORIZATION,
    API_KEY,
    FORWARDED_FOR,
    FORWARDED,
    ACCEPT,
    USER_AGENT,
    TRACE_ID,
    UPGRADE
};

typedef struct {
    ngx_str_t  name;
    enum kind  kind;
} rule_t;

static const rule_t  rules[] = {
    { ngx_string("connection"), DROP },
    { ngx_string("content-length"), DROP },
    { ngx_string("content-md5"), DROP },
    { ngx_string("expect"), DROP },
    { ngx_string("max-forwards"), DROP },
    { ngx_string("proxy-authenticate"), DROP },
    { ngx_string("server"), DROP },
    { ngx_string("te"), DROP },
    { ngx_string("transfer-encoding"), DROP },
    { ngx_string("trailer"), DROP },
    { ngx_string("www-authenticate"), DROP },
    { ngx_string("host"), DROP },
    { ngx_string("content-encoding"), DROP },
    { ngx_string("via"), DROP },
    { ngx_string("keep-alive"), DROP },
    { ngx_string("proxy-connection"), DROP },
    { ngx_string("http2-settings"), DROP },
    { ngx_string("x-http-method-override"), DROP },
    { ngx_string("x-amzn-apigateway-api-id"), DROP },
    /* Some servers read an underscore in a name as a hyphen. */
    { ngx_string("content_length"), DROP },
    { ngx_string("transfer_encoding"), DROP },
    { ngx_string("authorization"), AUTHORIZATION },
    { ngx_string("x-api-key"), API_KEY },
    { ngx_string("x-forwarded-for"), FORWARDED_FOR },
    { ngx_string("x-forwarded-port"), FORWARDED },
    { ngx_string("x-forwarded-proto"), FORWARDED },
    { ngx_string("accept"), ACCEPT },
    { ngx_string("user-agent"), USER_AGENT },
    { ngx_string("x-amzn-trace-id"), TRACE_ID },
    { ngx_string("upgrade"), UPGRADE },
};

#define RULES  (sizeof(rules) / sizeof(rules[0]))
#define SLOTS  256 /* sparse: most headers meet an empty slot */

static uint8_t  slots[SLOTS]; /* index + 1, by nginx's hash of the name */

static void
fill_slots(void)
{
    ngx_uint_t  i, n;

    for (i = 0; i < RULES; i++) {
        n = ngx_hash_key(rules[i].name.data, rules[i].name.len) % SLOTS;

        while (slots[n]) {
            n = (n + 1) % SLOTS;
        }

        slots[n] = (uint8_t) (i + 1);
    }
}

static enum kind
kind_of(const ngx_table_elt_t *h)
{
    ngx_uint_t     n;
    const rule_t  *rule;

    for (n = h->hash % SLOTS; slots[n]; n = (n + 1) % SLOTS) {
        rule = &rules[slots[n] - 1];

        if (rule->name.len == h->key.len
            && ngx_memcmp(rule->name.data, h->lowcase_key, h->key.len) == 0)
        {
            return rule->kind;
        }
    }

    return PASS;
}

/* What the call's mappings set, evaluated. */
typedef struct {
    ngx_str_t   name;
    ngx_str_t   value;
} pair_t;

typedef struct {
    ngx_http_tallygate_call_t      *call;
    ngx_http_request_t             *r;
    ngx_http_tallygate_srv_conf_t  *conf;
    ngx_str_t                       verb;
    ngx_str_t                      *path; /* pieces of it */
    ngx_uint_t                      path_count;
    ngx_array_t                    *queries; /* pair_t; NULL: none */
    pair_t                         *headers;
    ngx_uint_t                      header_count;
    ngx_str_t                       port;
    u_char                          port_text[sizeof("65535")];
    ngx_table_elt_t                *upgrade;
    unsigned                        is_proxy:1; /* HTTP_PROXY, not HTTP */
    unsigned                        has_accept:1;
    unsigned                        has_user_agent:1;
    unsigned                        has_trace_id:1;
} request_t;

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

static ngx_int_t
make_path(request_t *q, size_t *size)
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
static ngx_int_t
make_headers(request_t *q, size_t *size)
{
    pair_t                      *pair;
    uint32_t                     i;
    ngx_int_t                    rc;
    ngx_http_tallygate_call_t   *call = q->call;
    struct tg_route_list         list = call->integration->headers;
    const struct tg_route_pair  *pairs;

    if (list.count == 0) {
        return NGX_OK;
    }

    pairs = tg_route_items(&call->routes->table, list);
    q->headers = ngx_palloc(q->r->pool, list.count * sizeof(pair_t));
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
add_query(request_t *q, const struct tg_route_pair *mapping,
    const ngx_str_t *value, size_t *size)
{
    pair_t  *pair;

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
add_queries(request_t *q, const struct tg_route_pair *mapping, size_t *size)
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

static ngx_int_t
make_queries(request_t *q, size_t *size)
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

    q->queries = ngx_array_create(q->r->pool, list.count, sizeof(pair_t));
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

static ngx_uint_t
is_mapped(const request_t *q, const ngx_str_t *name)
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

/* Amazon does not pass on a signature that was made for the gateway. */
static ngx_uint_t
is_signature(const ngx_str_t *value)
{
    static const char  scheme[] = "AWS4-";

    return value->len >= sizeof(scheme) - 1
           && ngx_strncmp(value->data, scheme, sizeof(scheme) - 1) == 0;
}

static ngx_uint_t
is_websocket(const ngx_str_t *value)
{
    static const char  name[] = "websocket";

    return value->len == sizeof(name) - 1
           && ngx_strncasecmp(value->data, (u_char *) name, value->len) == 0;
}

static ngx_uint_t
passes(request_t *q, ngx_table_elt_t *h)
{
    switch (kind_of(h)) {

    case PASS:
        break;

    case DROP:
        return 0;

    case AUTHORIZATION:
        if (is_signature(&h->value)) {
            return 0;
        }
        break;

    case API_KEY:
        if (q->conf->strip_api_key) {
            return 0;
        }
        break;

    case FORWARDED_FOR:
    case FORWARDED:
        if (!q->conf->strict_headers) {
            return 0;
        }
        break;

    case ACCEPT:
        q->has_accept = 1;
        break;

    case USER_AGENT:
        q->has_user_agent = 1;
        break;

    case TRACE_ID:
        q->has_trace_id = 1;
        break;

    case UPGRADE:
        q->upgrade = h;
        return 0;
    }

    return q->header_count == 0 || !is_mapped(q, &h->key);
}

#define put(p, text)  ngx_cpymem(p, text, sizeof(text) - 1)

static u_char *
put_str(u_char *p, const ngx_str_t *s)
{
    return ngx_cpymem(p, s->data, s->len);
}

static u_char *
put_header(u_char *p, const ngx_str_t *name, const ngx_str_t *value)
{
    p = put_str(p, name);
    *p++ = ':';
    *p++ = ' ';
    p = put_str(p, value);
    *p++ = CR;
    *p++ = LF;

    return p;
}

static u_char *
put_request_line(const request_t *q, u_char *p)
{
    u_char                  mark = '?';
    pair_t                 *pair;
    ngx_uint_t              i;
    ngx_str_t               query;
    const struct tg_routes *routes = &q->call->routes->table;

    p = put_str(p, &q->verb);
    *p++ = ' ';

    for (i = 0; i < q->path_count; i++) {
        p = put_str(p, &q->path[i]);
    }

    query.data = (u_char *) tg_route_str(routes, q->call->integration->query);
    query.len = q->call->integration->query.len;

    if (query.len) {
        *p++ = mark;
        p = put_str(p, &query);
        mark = '&';
    }

    if (q->r->args.len && q->is_proxy) {
        *p++ = mark;
        p = put_str(p, &q->r->args);
        mark = '&';
    }

    for (i = 0; q->queries && i < q->queries->nelts; i++) {
        pair = (pair_t *) q->queries->elts + i;
        *p++ = mark;
        p = put_str(p, &pair->name);
        *p++ = '=';
        p = put_str(p, &pair->value);
        mark = '&';
    }

    return put(p, " HTTP/1.1\r\n");
}

/* Q1: nginx has read the body's framing; this is what it will send. */
static u_char *
put_framing(const request_t *q, u_char *p)
{
    ngx_http_request_t  *r = q->r;

    if (r->headers_in.chunked && r->reading_body) {
        return put(p, "Transfer-Encoding: chunked\r\n");
    }

    if (r->headers_in.content_length_n >= 0) {
        p = put(p, "Content-Length: ");
        p = ngx_sprintf(p, "%O\r\n", r->headers_in.content_length_n);
    }

    return p;
}

static u_char *
put_client_headers(request_t *q, u_char *p)
{
    ngx_str_t         name;
    ngx_uint_t        i, is_lower_case;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    is_lower_case = ngx_http_tallygate_is_lower_case(q->call);

    for (part = &q->r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (passes(q, &h[i])) {
                name.len = h[i].key.len;
                name.data = is_lower_case ? h[i].lowcase_key : h[i].key.data;
                p = put_header(p, &name, &h[i].value);
            }
        }
    }

    return p;
}

/* HTTP: nothing passes by itself but what says what the body is. */
static u_char *
put_content_type(request_t *q, u_char *p)
{
    ngx_str_t         name;
    enum tg_verb      verb = q->call->verb;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    h = q->r->headers_in.content_type;
    ngx_str_set(&name, "Content-Type");

    if (h && verb != TG_VERB_GET && verb != TG_VERB_HEAD
        && verb != TG_VERB_OPTIONS && !is_mapped(q, &name))
    {
        p = put_header(p, &name, &h->value);
    }

    ngx_str_set(&name, "X-Amzn-Trace-Id");

    for (part = &q->r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (!q->has_trace_id && kind_of(&h[i]) == TRACE_ID) {
                q->has_trace_id = 1;
                q->call->mapped->trace_id = h[i].value;
                p = put_header(p, &name, &h[i].value);
            }
        }
    }

    return p;
}

static u_char *
put_forwarded_for(const request_t *q, u_char *p)
{
    ngx_uint_t              i;
    const ngx_list_part_t  *part;
    const ngx_table_elt_t  *h;

    p = put(p, "X-Forwarded-For: ");

    for (part = &q->r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == sizeof("x-forwarded-for") - 1
                && kind_of(&h[i]) == FORWARDED_FOR)
            {
                p = put_str(p, &h[i].value);
                *p++ = ',';
                *p++ = ' ';
            }
        }
    }

    p = put_str(p, &q->r->connection->addr_text);

    return put(p, "\r\n");
}

static u_char *
put_trace_id(request_t *q, u_char *p)
{
    u_char  *value;

    p = put(p, "X-Amzn-Trace-Id: ");
    value = p;
    p = put(p, "Root=1-");
    p = ngx_sprintf(p, "%08xD-", (uint32_t) ngx_time());
    ngx_http_tallygate_random_hex(p, 24);
    p += 24;

    if (!q->is_proxy) { /* the client is told, too; the buffer stays */
        q->call->mapped->trace_id.data = value;
        q->call->mapped->trace_id.len = p - value;
    }

    return put(p, "\r\n");
}

/* What the gateway itself says, after the client's headers were seen. */
static u_char *
put_gateway_headers(request_t *q, u_char *p)
{
    ngx_str_t                  id, name;
    ngx_uint_t                 i;
    ngx_http_tallygate_call_t *call = q->call;

    id.data = (u_char *) tg_route_str(&call->routes->table, call->api->id);
    id.len = call->api->id.len;

    if (!q->has_trace_id) {
        p = put_trace_id(q, p);
    }

    ngx_str_set(&name, "X-Amzn-Apigateway-Api-Id");
    p = put_header(p, &name, &id);

    ngx_str_set(&name, "Accept");
    if (!q->has_accept && !is_mapped(q, &name)) {
        p = put(p, "Accept: application/json\r\n");
    }

    ngx_str_set(&name, "User-Agent");
    if (!q->has_user_agent && !is_mapped(q, &name)) {
        p = put(p, "User-Agent: AmazonAPIGateway_");
        p = put_str(p, &id);
        p = put(p, "\r\n");
    }

    if (!q->conf->strict_headers) {
        p = put_forwarded_for(q, p);

        ngx_str_set(&name, "X-Forwarded-Port");
        p = put_header(p, &name, &q->port);

        p = q->r->connection->ssl ? put(p, "X-Forwarded-Proto: https\r\n")
                                  : put(p, "X-Forwarded-Proto: http\r\n");

        if (q->is_proxy && q->upgrade && is_websocket(&q->upgrade->value)) {
            p = put(p, "Upgrade: websocket\r\nConnection: upgrade\r\n");
            call->is_upgrade_sent = 1;
        }
    }

    for (i = 0; i < q->header_count; i++) {
        p = put_header(p, &q->headers[i].name, &q->headers[i].value);
    }

    return p;
}

static void
make_port(request_t *q)
{
    struct sockaddr  *sa = q->r->connection->local_sockaddr;

    q->port.data = q->port_text;
    q->port.len = ngx_sprintf(q->port_text, "%ui",
                              (ngx_uint_t) ngx_inet_get_port(sa))
                  - q->port_text;
}

enum tg_verb
ngx_http_tallygate_backend_verb(const ngx_http_tallygate_call_t *call)
{
    enum tg_verb  verb;

    verb = (enum tg_verb) call->integration->verb;

    return verb == TG_VERB_ANY ? call->verb : verb;
}

ngx_str_t
ngx_http_tallygate_verb_name(enum tg_verb verb)
{
    ngx_str_t  name;

    name.data = (u_char *) tg_verb_name(verb);
    name.len = ngx_strlen(name.data);

    return name;
}

/* Enough for all that is not counted one by one. */
#define FIXED_SIZE  512

/* A client's own is far below it; a mapping may take in a body. */
#define HEADER_MAX  65536

ngx_buf_t *
ngx_http_tallygate_request_header(ngx_http_tallygate_call_t *call)
{
    size_t                          size;
    ngx_buf_t                      *b;
    ngx_str_t                       host, name;
    request_t                       q;
    const struct tg_routes         *routes = &call->routes->table;
    const struct tg_route_backend  *backend;
    const struct tg_route_integration *integration = call->integration;

    if (slots[ngx_hash_key((u_char *) "te", 2) % SLOTS] == 0) {
        fill_slots();
    }

    ngx_memzero(&q, sizeof(q));
    q.call = call;
    q.r = call->request;
    q.is_proxy = integration->type == TG_INTEGRATION_HTTP_PROXY;
    q.conf = ngx_http_get_module_srv_conf(q.r, ngx_http_tallygate_module);
    q.verb = ngx_http_tallygate_verb_name(
        ngx_http_tallygate_backend_verb(call));
    make_port(&q);

    backend = tg_route_items(routes, routes->header->backends);
    backend += integration->backend;
    host.data = (u_char *) tg_route_str(routes, backend->host);
    host.len = backend->host.len;

    size = FIXED_SIZE + call->header_size + q.r->args.len
           + integration->query.len + host.len + 2 * call->api->id.len
           + q.r->connection->addr_text.len;

    if (make_path(&q, &size) != NGX_OK
        || make_queries(&q, &size) != NGX_OK
        || make_headers(&q, &size) != NGX_OK)
    {
        return NULL;
    }

    if (size > HEADER_MAX) {
        ngx_log_error(NGX_LOG_ERR, q.r->connection->log, 0,
                      "tallygate: mappings make a request header of %uz "
                      "bytes", size);
        return NULL;
    }

    b = ngx_create_temp_buf(q.r->pool, size);
    if (b == NULL) {
        return NULL;
    }

    b->last = put_request_line(&q, b->last);

    ngx_str_set(&name, "Host");
    if (!is_mapped(&q, &name)) {
        b->last = put_header(b->last, &name, &host);
    }

    b->last = put_framing(&q, b->last);
    b->last = q.is_proxy ? put_client_headers(&q, b->last)
                         : put_content_type(&q, b->last);
    b->last = put_gateway_headers(&q, b->last);
    *b->last++ = CR;
    *b->last++ = LF;

    return b;
}
