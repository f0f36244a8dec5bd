/*
 * values.h - what a routes file says about values, templates and answers
 *
 * Amazon's mapping expressions and templates are compiled to parts: a value
 * is what its parts give, one behind the other.  A template is such a value
 * for one media type; a response is what an integration's answer becomes, or
 * what the gateway says instead of one.
 *
 * Promises
 *   A1  A part is either literal text or names one place; nothing in a file
 *       is parsed while a call is served but JSON that came with the call.
 *   A2  Which response belongs to which status of a backend stands in a
 *       table: no pattern is matched while a call is served.
 *   A3  Names of headers are such as may stand in a header, and have been
 *       renamed where the gateway keeps the name for itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_PLANE_VALUES_H
#define TG_PLANE_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text: len bytes at off, and a NUL behind them. */
struct tg_route_text {
    uint32_t off;
    uint32_t len;
};

/* Records: count of them, the first at off. */
struct tg_route_list {
    uint32_t off;
    uint32_t count;
};

/*
 * A value is put together from parts; a part with text where its kind has a
 * name (a header's, a path variable's) or is literal.
 */
enum tg_part_kind {
    TG_PART_LITERAL,
    TG_PART_PATH,         /* method.request.path.NAME, as sent, decoded once */
    TG_PART_QUERY,        /* method.request.querystring.NAME, last value */
    TG_PART_MULTIQUERY,   /* ...multivaluequerystring.NAME, joined by comma */
    TG_PART_HEADER,       /* method.request.header.NAME, last value */
    TG_PART_MULTIHEADER,  /* ...multivalueheader.NAME, joined by comma */
    TG_PART_PARAM,        /* $input.params: path, query, then header */
    TG_PART_REPLY_HEADER, /* integration.response.header.NAME, last value */
    TG_PART_REPLY_MULTIHEADER, /* ...multivalueheader.NAME */
    TG_PART_BODY_TEXT,    /* text at a JSON path of the call's body */
    TG_PART_BODY_JSON,    /* the same, as JSON */
    TG_PART_REPLY_TEXT,   /* text at a JSON path of the backend's body */
    TG_PART_REPLY_JSON,   /* the same, as JSON */
    TG_PART_BODY,         /* the call's body as it came */
    TG_PART_REPLY,        /* the backend's body as it came */
    TG_PART_API_ID,       /* context.apiId */
    TG_PART_STAGE,        /* context.stage */
    TG_PART_REQUEST_ID,   /* context.requestId */
    TG_PART_HTTP_METHOD,  /* context.httpMethod */
    TG_PART_RESOURCE_PATH,/* context.resourcePath */
    TG_PART_RESOURCE_ID,  /* context.resourceId */
    TG_PART_REQUEST_PATH, /* context.path (with the stage) */
    TG_PART_SOURCE_IP,    /* context.identity.sourceIp */
    TG_PART_USER_AGENT,   /* context.identity.userAgent */
    TG_PART_API_KEY_ID,   /* context.identity.apiKeyId */
    TG_PART_ACCOUNT_ID,   /* context.accountId: the file's */
    TG_PART_PROTOCOL,     /* context.protocol */
    TG_PART_REQUEST_TIME, /* context.requestTime */
    TG_PART_REQUEST_TIME_EPOCH, /* context.requestTimeEpoch, ms */
    TG_PART_DOMAIN_NAME,  /* context.domainName: the Host header */
    TG_PART_ERROR_MESSAGE,        /* context.error.message */
    TG_PART_ERROR_MESSAGE_STRING, /* context.error.messageString: quoted */
    TG_PART_ERROR_TYPE,           /* context.error.responseType */
    TG_PART_COUNT
};

/* Kinds with a name, and behind them those with a JSON path. */
#define TG_PART_FIRST_NAMED TG_PART_PATH
#define TG_PART_FIRST_JSON TG_PART_BODY_TEXT
#define TG_PART_LAST_JSON TG_PART_REPLY_JSON

/* What becomes of a part's value where it is put in. */
enum tg_escape {
    TG_ESCAPE_NONE,
    TG_ESCAPE_JSON, /* as the inside of a JSON string */
    TG_ESCAPE_HTML, /* as text of HTML or XML */
    TG_ESCAPE_JAVASCRIPT, /* $util.escapeJavaScript: JSON, and ' as \' */
    TG_ESCAPE_COUNT
};

struct tg_route_part {
    uint16_t             kind;   /* enum tg_part_kind */
    uint16_t             escape; /* enum tg_escape */
    struct tg_route_text text;
};

/* A header or query parameter and its value (list of tg_route_part). */
struct tg_route_pair {
    struct tg_route_text name;
    struct tg_route_list value;
};

/* A body for one media type ("$default": for any). */
struct tg_route_template {
    struct tg_route_text type;
    struct tg_route_list body;   /* tg_route_part */
    uint32_t             status; /* of a MOCK, where it is known; else 0 */
};

/* What an integration's answer becomes. */
struct tg_route_response {
    uint32_t             status;    /* 200..599 */
    uint32_t             reads_reply; /* looks into the backend's body */
    struct tg_route_list headers;   /* tg_route_pair */
    struct tg_route_list templates; /* tg_route_template; none: as it came */
};

/* Statuses that a backend may give, from TG_ROUTE_STATUS_FIRST on. */
#define TG_ROUTE_STATUS_FIRST 100
#define TG_ROUTE_STATUSES 500
#define TG_ROUTE_RESPONSES_MAX 255 /* of an integration */

/* A call whose media type has no template. */
enum tg_passthrough {
    TG_PASSTHROUGH_WHEN_NO_MATCH,
    TG_PASSTHROUGH_WHEN_NO_TEMPLATES,
    TG_PASSTHROUGH_NEVER,
    TG_PASSTHROUGH_COUNT
};

/*
 * Amazon's types of gateway responses, by name, and their status.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
 */
#define TG_GATEWAY_TYPES(X)                                                   \
    X(ACCESS_DENIED, 403)                                                     \
    X(API_CONFIGURATION_ERROR, 500)                                           \
    X(AUTHORIZER_CONFIGURATION_ERROR, 500)                                    \
    X(AUTHORIZER_FAILURE, 500)                                                \
    X(BAD_REQUEST_BODY, 400)                                                  \
    X(BAD_REQUEST_PARAMETERS, 400)                                            \
    X(DEFAULT_4XX, 0)                                                         \
    X(DEFAULT_5XX, 0)                                                         \
    X(EXPIRED_TOKEN, 403)                                                     \
    X(INTEGRATION_FAILURE, 504)                                               \
    X(INTEGRATION_TIMEOUT, 504)                                               \
    X(INVALID_API_KEY, 403)                                                   \
    X(INVALID_SIGNATURE, 403)                                                 \
    X(MISSING_AUTHENTICATION_TOKEN, 403)                                      \
    X(QUOTA_EXCEEDED, 429)                                                    \
    X(REQUEST_TOO_LARGE, 413)                                                 \
    X(RESOURCE_NOT_FOUND, 404)                                                \
    X(THROTTLED, 429)                                                         \
    X(UNAUTHORIZED, 401)                                                      \
    X(UNSUPPORTED_MEDIA_TYPE, 415)                                            \
    X(WAF_FILTERED, 403)

enum tg_gateway_type {
#define X(name, status) TG_GATEWAY_##name,
    TG_GATEWAY_TYPES(X)
#undef X
    TG_GATEWAY_TYPE_COUNT
};

/* A customised gateway response; what it inherits has been put in. */
struct tg_route_gateway {
    uint32_t             status;    /* 0: the failure's own */
    struct tg_route_list headers;   /* tg_route_pair */
    struct tg_route_list templates; /* tg_route_template; none: Amazon's */
};

/* ---- the daemon's side: the same before it is written ---- */

struct tg_part_spec {
    enum tg_part_kind kind;
    const char       *text; /* name or literal; NULL where there is none */
    size_t            len;
    enum tg_escape    escape;
};

struct tg_pair_spec {
    const char                *name;
    const struct tg_part_spec *parts;
    size_t                     part_count;
};

struct tg_template_spec {
    const char                *type;
    const struct tg_part_spec *parts;
    size_t                     part_count;
    uint32_t                   status;
};

struct tg_response_spec {
    uint32_t                       status;
    bool                           reads_reply;
    const struct tg_pair_spec     *headers;
    size_t                         header_count;
    const struct tg_template_spec *templates;
    size_t                         template_count;
};

struct tg_gateway_spec {
    uint32_t                       status;
    const struct tg_pair_spec     *headers;
    size_t                         header_count;
    const struct tg_template_spec *templates;
    size_t                         template_count;
};

#endif
