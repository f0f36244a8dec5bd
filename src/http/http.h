/*
 * http.h - what our HTTP APIs share: requests, responses, a server, routes
 *
 * A server listens on a unix socket or a TCP address and hands each request,
 * whole, to one function, which answers by filling a response.  What the
 * function usually does is look the request up in a route table and call the
 * row's handler.  JSON, forms, cookies and HTML are in their own headers
 * (json.h, form.h, html.h).
 *
 * Invariants
 *   H1  The target is the one on the wire.  Path and query are split first
 *       and decoded after, so that an encoded slash stays inside its segment.
 *   H2  A handler sees only requests within the limits, with valid percent
 *       escapes and without NUL bytes in decoded parts; others are refused
 *       before it (400, 413, 414, 431).
 *   H3  All of a request lives in its arena until the response has been
 *       handed over; a handler frees nothing and keeps nothing.
 *   H4  Handlers run on several threads at once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_HTTP_HTTP_H
#define TG_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/arena.h"
#include "util/buf.h"
#include "util/digest.h"
#include "util/error.h"
#include "util/sigv4.h"

struct tg_http_route;

/* A decoded name and value: of the query, a form, a path, a cookie. */
struct tg_http_param {
    const char *name;
    const char *value;
};

struct tg_http_params {
    const struct tg_http_param *items; /* in the order they came */
    size_t                      count;
};

struct tg_http_request {
    const char *method;
    const char *target; /* raw, as on the request line */
    const char *path;   /* raw, the target up to '?' */
    const char *query;  /* raw, behind '?'; "" when there is none */

    const char *const *segments; /* of the path, decoded; "/a/b" has two, */
    size_t             segment_count; /* "/" none, "/a/" an empty second */

    struct tg_http_params params;      /* of the query, decoded */
    struct tg_http_params path_params; /* {name} of the route that matched */

    const struct tg_header *headers;
    size_t                  header_count;

    const char *body; /* NUL behind it; "" when there is none */
    size_t      body_len;

    struct tg_arena *arena;
    int64_t          now_s;     /* when it came */
    const char      *source_ip; /* the client's address as text */
    char             id[TG_UUID_SIZE]; /* answered as x-amzn-RequestId */

    const struct tg_http_route *route; /* the row that matched, or NULL */
    int                         refused; /* 0, or the status; see refuse */
};

struct tg_http_response {
    int               status; /* 200 unless set */
    struct tg_buf     body;
    struct tg_header *headers; /* add with tg_http_header_add */
    size_t            header_count;
    unsigned          delay_ms; /* wait so long before answering */
    bool              drop;     /* close the connection without an answer */
    bool              cut;      /* close it amid the answer's body */
    struct tg_arena  *arena;
};

typedef void tg_http_handler(struct tg_http_request *req,
    struct tg_http_response *res, void *data);

/*
 * ---- the server
 */

struct tg_http_server;

struct tg_http_config {
    const char *unix_path; /* a unix socket, replaced if nobody listens; or */
    mode_t      unix_mode;
    bool        keeps_path; /* the file stays at close: a client is refused */
    const char *address;   /* a numeric address, with port (0: any free) */
    uint16_t    port;

    unsigned threads; /* of the pool; 0: one a connection, which may sleep */
    unsigned max_connections; /* 0: 256 */
    size_t   max_body_bytes;  /* 0: 1 MiB */
    size_t   max_header_bytes; /* request line and headers; 0: 32 KiB */
    unsigned idle_timeout_s;   /* 0: 60 */

    /* Behind our nginx: X-Real-IP, else the last of X-Forwarded-For. */
    bool trust_proxy;

    tg_http_handler *handle; /* called for every request */
    /*
     * Called instead for a request that the server itself refuses (H2), with
     * req->refused and res->status set and {"message": ...} as body, which
     * it may replace.  NULL: that body is the answer.
     */
    tg_http_handler *refuse;
    void            *data; /* given to both */
};

/* The server runs on its own threads until it is closed. */
TG_MUST_CHECK enum tg_status tg_http_server_open(struct tg_http_server **out,
    const struct tg_http_config *config, struct tg_error *err);

/*
 * Stops accepting, lets running handlers end, removes its unix socket unless
 * the configuration keeps it.
 */
void tg_http_server_close(struct tg_http_server *server);

/* The TCP port that it listens on; 0 on a unix socket. */
uint16_t tg_http_server_port(const struct tg_http_server *server);

/*
 * ---- routes
 */

/*
 * A row of a route table.  pattern is a path whose {name} segments match any
 * one segment that is not empty, {name+} one or more to the end (its value
 * keeps them raw); behind a '?' may stand name=value pairs that the query
 * must hold ("/apikeys?mode=import").  amz_target, when not NULL, must equal
 * the X-Amz-Target header.  The first row that fits wins.
 */
struct tg_http_route {
    const char      *method;
    const char      *pattern;
    const char      *amz_target;
    const char      *operation; /* AWS's name: CreateApiKey */
    tg_http_handler *handle;
    const void      *data; /* the row's own, for the handler: req->route */
};

/*
 * Finds the row for req and sets req->route and req->path_params.  TG_OK;
 * TG_NOTFOUND when no pattern fits, TG_DENIED when one does with another
 * method, TG_NOMEM.
 */
TG_MUST_CHECK enum tg_status tg_http_route_find(struct tg_http_request *req,
    const struct tg_http_route *routes, size_t count);

/*
 * ---- reading a request
 */

/* The first header of that name in any case, or NULL. */
const char *tg_http_header_get(const struct tg_http_request *req,
    const char *name);

/* The first value of that name, or NULL. */
const char *tg_http_param_get(const struct tg_http_params *params,
    const char *name);

/* req->path_params' value; never NULL for a name of the route's pattern. */
const char *tg_http_path_get(const struct tg_http_request *req,
    const char *name);

/* Whether the media type before ';' is type, in any case. */
bool tg_http_content_is(const struct tg_http_request *req, const char *type);

/* Whether Accept asks for type by name ("application/json"). */
bool tg_http_accepts(const struct tg_http_request *req, const char *type);

/* SigV4 of req against verifier; see tg_sigv4_verify. */
TG_MUST_CHECK enum tg_sigv4_result tg_http_verify(
    struct tg_sigv4_signer *signer, const struct tg_http_request *req,
    const struct tg_sigv4_verifier *verifier);

/*
 * ---- writing a response
 */

/*
 * Adds a header, copying both; TG_INVALID for a line break or NUL in them.
 * Content-Length, Date and x-amzn-RequestId are the server's.
 */
enum tg_status tg_http_header_add(struct tg_http_response *res,
    const char *name, const char *value);

/* Replaces every header of that name. */
enum tg_status tg_http_header_set(struct tg_http_response *res,
    const char *name, const char *value);

/* Status, Content-Type and a body of text. */
void tg_http_reply(struct tg_http_response *res, int status,
    const char *content_type, const char *text);

/* 303 to location. */
void tg_http_redirect(struct tg_http_response *res, const char *location);

/* The reason phrase of a status: "Not Found". */
const char *tg_http_reason(int status);

#endif
