/*
 * route.c - finds a call's API, stage, method and integration
 *
 * Runs in the server-rewrite phase, before nginx chooses a location, and then
 * chooses it: one internal location per protocol of backends, and one that
 * answers for the gateway itself (MOCK integrations and refusals).  The
 * request's own URI stays as it came; it is matched undecoded, so that what
 * was matched is what the backend receives.
 *
 * The host says how API and stage are found: by an API's own name, by a
 * custom domain and the base path mapped there, or, under any other name, by
 * a path that begins with /restapis/{id}/{stage}/_user_request_.  nginx has
 * taken the port and a trailing dot off it.
 *
 * The order is Amazon's: API and stage, sizes, then resource and verb.  Paths
 * with dot segments are refused: a backend that resolves them would serve
 * what no resource of the API names.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

/* https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html */
#define HEADERS_MAX  10240
#define URL_MAX  10240
#define ARN_MAX  1600

/* By protocol, and by whether the body is streamed. */
static ngx_str_t  locations[2][2] = {
    { ngx_string("/.tallygate/http"),
      ngx_string("/.tallygate/http/stream") },
    { ngx_string("/.tallygate/https"),
      ngx_string("/.tallygate/https/stream") },
};
static ngx_str_t  location_body = ngx_string("/.tallygate/body");
static ngx_str_t  location_answer = ngx_string("/.tallygate/answer");

/* The part of the request's path that is still to be matched. */
typedef struct {
    u_char  *pos;
    u_char  *last;
} rest_t;

/* Takes "/segment" off the front; 0 if there is none. */
static ngx_uint_t
take_segment(rest_t *rest, ngx_str_t *segment)
{
    u_char  *p = rest->pos;

    if (p == rest->last || *p != '/') {
        return 0;
    }

    segment->data = ++p;
    p = ngx_strlchr(p, rest->last, '/');
    rest->pos = p ? p : rest->last;
    segment->len = rest->pos - segment->data;

    return 1;
}

/* The id in a host name of the form {restApiId}.execute-api.{anything}. */
static ngx_uint_t
host_api(ngx_str_t *host, ngx_str_t *id)
{
    static const char  label[] = "execute-api";
    size_t             left;
    u_char            *p;

    p = ngx_strlchr(host->data, host->data + host->len, '.');
    if (p == NULL) {
        return 0;
    }

    id->data = host->data;
    id->len = p - host->data;
    left = host->len - id->len - 1;
    p++;

    return left >= sizeof(label) - 1
           && ngx_strncasecmp(p, (u_char *) label, sizeof(label) - 1) == 0
           && (left == sizeof(label) - 1 || p[sizeof(label) - 1] == '.');
}

/* By id, unless the API is served under custom domains only. */
static ngx_uint_t
find_api(ngx_http_tallygate_call_t *call, ngx_str_t *id)
{
    call->api = tg_routes_api(&call->routes->table, (char *) id->data,
                              id->len);

    return call->api != NULL && !call->api->is_execute_api_disabled;
}

/* The API's stage that the path names next. */
static ngx_uint_t
take_stage(ngx_http_tallygate_call_t *call, rest_t *rest)
{
    ngx_str_t  name;

    if (!take_segment(rest, &name)) {
        return 0;
    }

    call->stage = tg_routes_stage(&call->routes->table, call->api,
                                  (char *) name.data, name.len);

    return call->stage != NULL;
}

static ngx_uint_t
take_word(rest_t *rest, const char *word, size_t len)
{
    ngx_str_t  segment;

    return take_segment(rest, &segment)
           && segment.len == len
           && ngx_memcmp(segment.data, word, len) == 0;
}

/* /ping and /sping of a custom domain are the gateway's own. */
static ngx_uint_t
is_ping(const rest_t *rest)
{
    size_t  len = rest->last - rest->pos;

    return (len == sizeof("/ping") - 1
            && ngx_memcmp(rest->pos, "/ping", len) == 0)
           || (len == sizeof("/sping") - 1
               && ngx_memcmp(rest->pos, "/sping", len) == 0);
}

/* By the base path that is mapped on the domain. */
static ngx_uint_t
find_mapped(ngx_http_tallygate_call_t *call, rest_t *rest)
{
    size_t                          taken;
    const struct tg_routes         *routes = &call->routes->table;
    const struct tg_route_api      *apis;
    const struct tg_route_stage    *stages;
    const struct tg_route_mapping  *mapping;

    if (is_ping(rest)) {
        call->is_ping = 1;
        call->is_decided = 1;
        return 1;
    }

    mapping = tg_domain_map(routes, call->domain, (char *) rest->pos,
                            rest->last - rest->pos, &taken);

    if (mapping == NULL || mapping->api == TG_ROUTE_NONE) {
        return 0;
    }

    rest->pos += taken;
    apis = tg_route_items(routes, routes->header->apis);
    call->api = &apis[mapping->api];

    if (mapping->stage == TG_ROUTE_NONE) {
        return take_stage(call, rest);
    }

    stages = tg_route_items(routes, call->api->stages);
    call->stage = &stages[mapping->stage];

    return 1;
}

/* Finds API and stage; what is left in rest is the resource's path. */
static ngx_uint_t
find_stage(ngx_http_tallygate_call_t *call, rest_t *rest)
{
    ngx_str_t   id;
    ngx_str_t  *host = &call->request->headers_in.server;

    if (host_api(host, &id)) {
        return find_api(call, &id) && take_stage(call, rest);
    }

    call->domain = tg_domain_find(&call->routes->table, (char *) host->data,
                                  host->len);

    if (call->domain != NULL) {
        return find_mapped(call, rest);
    }

    return take_word(rest, "restapis", sizeof("restapis") - 1)
           && take_segment(rest, &id)
           && find_api(call, &id)
           && take_stage(call, rest)
           && take_word(rest, "_user_request_",
                        sizeof("_user_request_") - 1);
}

/* A share of a stage's calls goes to the deployment that is tried there. */
static void
choose_deployment(ngx_http_tallygate_call_t *call)
{
    const struct tg_route_stage  *canary;

    if (call->stage->canary_share > 0) {
        canary = tg_routes_canary(&call->routes->table, call->stage,
                                  ngx_http_tallygate_random());
        call->stage = canary ? canary : call->stage;
    }
}

static enum tg_verb
verb_of(ngx_uint_t method)
{
    switch (method) {
    case NGX_HTTP_GET:
        return TG_VERB_GET;
    case NGX_HTTP_HEAD:
        return TG_VERB_HEAD;
    case NGX_HTTP_POST:
        return TG_VERB_POST;
    case NGX_HTTP_PUT:
        return TG_VERB_PUT;
    case NGX_HTTP_DELETE:
        return TG_VERB_DELETE;
    case NGX_HTTP_OPTIONS:
        return TG_VERB_OPTIONS;
    case NGX_HTTP_PATCH:
        return TG_VERB_PATCH;
    default:
        return TG_VERB_COUNT;
    }
}

/* Sees the headers that decide; returns the size of all, as Amazon counts. */
static size_t
scan_headers(ngx_http_tallygate_call_t *call)
{
    size_t            size;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    size = 0;

    for (part = &call->request->headers_in.headers.part;
         part;
         part = part->next)
    {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            size += h[i].key.len + h[i].value.len + sizeof(": \r\n") - 1;

            if (h[i].key.len == sizeof("x-api-key") - 1
                && ngx_memcmp(h[i].lowcase_key, "x-api-key",
                              sizeof("x-api-key") - 1) == 0)
            {
                call->api_key = &h[i];

            } else if (h[i].key.len == sizeof("x-http-method-override") - 1
                       && ngx_memcmp(h[i].lowcase_key,
                                     "x-http-method-override",
                                     sizeof("x-http-method-override") - 1)
                          == 0)
            {
                call->verb = tg_verb_parse((char *) h[i].value.data,
                                           h[i].value.len);
            }
        }
    }

    return size;
}

static ngx_inline u_char
hex_value(u_char c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Whether a segment of the path, decoded once, is "." or "..". */
static ngx_uint_t
has_dot_segment(rest_t rest)
{
    u_char      *p, c;
    ngx_uint_t   dots, others;

    dots = 0;
    others = 0;

    for (p = rest.pos; p < rest.last; p++) {
        c = *p;

        if (c == '%' && rest.last - p > 2) {
            c = hex_value(p[1]) << 4 | hex_value(p[2]);
            p += 2;
        }

        if (c == '/' || c == '\\') {
            if (others == 0 && (dots == 1 || dots == 2)) {
                return 1;
            }

            dots = 0;
            others = 0;

        } else if (c == '.') {
            dots++;

        } else {
            others++;
        }
    }

    return others == 0 && (dots == 1 || dots == 2);
}

/*
 * Amazon takes these in a query only when they are encoded.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
 */
static ngx_uint_t
has_bad_query(ngx_str_t *args)
{
    u_char  *p, *last;

    last = args->data + args->len;

    for (p = args->data; p < last; p++) {
        if (*p == '|' || *p == '{' || *p == '}') {
            return 1;
        }
    }

    return 0;
}

static ngx_int_t
find_method(ngx_http_tallygate_call_t *call, rest_t rest)
{
    struct tg_route_match              match;
    const struct tg_routes            *routes = &call->routes->table;
    const struct tg_route_integration *integrations;

    if (call->verb >= TG_VERB_ANY
        || tg_routes_match(routes, call->stage, call->verb,
                           (char *) rest.pos, rest.last - rest.pos, &match)
           != TG_OK)
    {
        return NGX_DECLINED;
    }

    integrations = tg_route_items(routes, routes->header->integrations);

    call->node = match.node;
    call->method = match.method;
    call->integration = &integrations[match.method->integration];
    call->capture_count = match.capture_count;

    if (match.capture_count > 0) {
        call->captures = ngx_palloc(call->request->pool,
            match.capture_count * sizeof(struct tg_route_capture));
        if (call->captures == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(call->captures, match.captures,
                   match.capture_count * sizeof(struct tg_route_capture));
    }

    return NGX_OK;
}

static void
path_of(ngx_http_request_t *r, rest_t *rest)
{
    u_char  *p;

    rest->pos = r->unparsed_uri.data;
    rest->last = rest->pos + r->unparsed_uri.len;

    for (p = rest->pos; p < rest->last; p++) {
        if (*p == '?' || *p == '#') {
            rest->last = p;
            break;
        }
    }
}

/*
 * Who would have to allow the call is not asked by this gateway, so nobody
 * gets in: NULL only for methods that are open to all.
 */
static const ngx_http_tallygate_error_t *
guard(ngx_http_tallygate_call_t *call)
{
    switch (call->method->guard) {

    case TG_GUARD_NONE:
        return NULL;

    case TG_GUARD_IAM:
        return call->request->headers_in.authorization
               ? ngx_http_tallygate_error(ACCESS_DENIED)
               : ngx_http_tallygate_error(MISSING_AUTHENTICATION_TOKEN);

    default:
        return ngx_http_tallygate_error(AUTHORIZER_CONFIGURATION_ERROR);
    }
}

/* Routes the call; NULL, or the gateway response that it gets. */
static const ngx_http_tallygate_error_t *
route(ngx_http_tallygate_call_t *call)
{
    rest_t                             rest;
    ngx_int_t                          rc;
    ngx_http_request_t                *r = call->request;
    ngx_http_core_loc_conf_t          *clcf;
    const ngx_http_tallygate_error_t  *error;

    if (call->set == NULL) {
        return ngx_http_tallygate_error(UNAVAILABLE);
    }

    path_of(r, &rest);
    call->verb = verb_of(r->method);
    call->header_size = scan_headers(call);
    ngx_http_tallygate_key_digest(call);

    if (!find_stage(call, &rest)) {
        return ngx_http_tallygate_error(UNKNOWN_API);
    }

    if (call->is_ping) {
        return NULL;
    }

    choose_deployment(call);

    call->path.data = rest.pos;
    call->path.len = rest.last - rest.pos;
    ngx_http_tallygate_key_prefetch_entry(call);

    if (call->header_size > HEADERS_MAX) {
        return ngx_http_tallygate_error(HEADERS_TOO_LARGE);
    }

    if (r->unparsed_uri.len > URL_MAX) {
        return ngx_http_tallygate_error(URI_TOO_LONG);
    }

    if (has_bad_query(&r->args)) {
        return ngx_http_tallygate_error(BAD_REQUEST);
    }

    /* nginx has noted whether there can be any. */
    if ((r->complex_uri || r->quoted_uri) && has_dot_segment(rest)) {
        return ngx_http_tallygate_error(BAD_REQUEST);
    }

    rc = find_method(call, rest);

    if (rc == NGX_ERROR) {
        return ngx_http_tallygate_error(INTERNAL);
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_tallygate_error(MISSING_AUTHENTICATION_TOKEN);
    }

    if (call->stage->arn_size + ngx_strlen(tg_verb_name(call->verb))
        + call->path.len > ARN_MAX)
    {
        return ngx_http_tallygate_error(URI_TOO_LONG);
    }

    error = guard(call);
    if (error != NULL) {
        return error;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    if ((call->integration->reads_body
         || call->integration->type == TG_INTEGRATION_HTTP
         || call->integration->type == TG_INTEGRATION_MOCK)
        && ngx_http_tallygate_look_at_body(call) != NGX_OK)
    {
        return ngx_http_tallygate_error(INTERNAL);
    }

    call->is_too_large = r->headers_in.content_length_n
                         > clcf->client_max_body_size;
    ngx_http_tallygate_key_prefetch_cell(call);

    return NULL;
}

/*
 * A body that fits a buffer is read before the backend is asked: the call can
 * then be sent again, and a slow client keeps no backend waiting.  Any other
 * streams.
 */
static ngx_uint_t
is_streamed(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t  *clcf;

    if (r->headers_in.content_length_n <= 0) {
        return r->headers_in.chunked;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    return r->headers_in.content_length_n
           > (off_t) clcf->client_body_buffer_size;
}

ngx_str_t *
ngx_http_tallygate_location(ngx_http_tallygate_call_t *call)
{
    return &locations[call->backend->is_tls != 0][is_streamed(call->request)];
}

static ngx_str_t *
location_of(ngx_http_tallygate_call_t *call)
{
    if (call->error || call->is_ping || call->is_too_large
        || call->is_unsupported
        || call->integration->type == TG_INTEGRATION_BROKEN)
    {
        return &location_answer;
    }

    if (call->integration->type != TG_INTEGRATION_MOCK) {
        call->backend = call->routes->backends[call->integration->backend];
    }

    if (call->wants_body) {
        return &location_body;
    }

    return call->backend ? ngx_http_tallygate_location(call)
                         : &location_answer;
}

ngx_int_t
ngx_http_tallygate_route_handler(ngx_http_request_t *r)
{
    ngx_http_tallygate_call_t      *call;
    ngx_http_tallygate_srv_conf_t  *sscf;

    sscf = ngx_http_get_module_srv_conf(r, ngx_http_tallygate_module);

    /* An internal redirect leads to the answer; its call was routed. */
    if (!sscf->enable || r != r->main || r->internal) {
        return NGX_DECLINED;
    }

    call = ngx_http_tallygate_call_new(r);
    if (call == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    call->error = route(call);

    r->uri = *location_of(call);
    r->internal = 1;
    ngx_str_null(&r->exten);

    return NGX_DECLINED;
}
