/*
 * request_headers.c - which headers of a client go on, and which join them
 *
 * What is dropped, added and renamed are Amazon's rules for HTTP_PROXY, with
 * this project's choices where a reverse proxy is expected to say who called.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
 *
 * Promises
 *   Q3  A connection is upgraded only to WebSocket, and not in strict mode.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/request.h"

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
passes(ngx_http_tallygate_request_t *q, ngx_table_elt_t *h)
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

    return q->header_count == 0 || !ngx_http_tallygate_is_mapped(q, &h->key);
}

static u_char *
put_client_headers(ngx_http_tallygate_request_t *q, u_char *p)
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
put_content_type(ngx_http_tallygate_request_t *q, u_char *p)
{
    ngx_str_t         name;
    enum tg_verb      verb = q->call->verb;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    h = q->r->headers_in.content_type;
    ngx_str_set(&name, "Content-Type");

    if (h && verb != TG_VERB_GET && verb != TG_VERB_HEAD
        && verb != TG_VERB_OPTIONS && !ngx_http_tallygate_is_mapped(q, &name))
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
put_forwarded_for(const ngx_http_tallygate_request_t *q, u_char *p)
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
put_trace_id(ngx_http_tallygate_request_t *q, u_char *p)
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
put_gateway_headers(ngx_http_tallygate_request_t *q, u_char *p)
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
    if (!q->has_accept && !ngx_http_tallygate_is_mapped(q, &name)) {
        p = put(p, "Accept: application/json\r\n");
    }

    ngx_str_set(&name, "User-Agent");
    if (!q->has_user_agent && !ngx_http_tallygate_is_mapped(q, &name)) {
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

u_char *
ngx_http_tallygate_put_headers(ngx_http_tallygate_request_t *q, u_char *p)
{
    if (slots[ngx_hash_key((u_char *) "te", 2) % SLOTS] == 0) {
        fill_slots();
    }

    p = q->is_proxy ? put_client_headers(q, p) : put_content_type(q, p);

    return put_gateway_headers(q, p);
}
