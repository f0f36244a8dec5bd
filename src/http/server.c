/*
 * server.c - requests and responses over libmicrohttpd
 *
 * libmicrohttpd calls handle_request several times a request: once with its
 * headers, once for each piece of body, once at the end.  What is gathered in
 * between is an exchange, made when the request line is read and freed when
 * the connection is done with it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "http/http.h"
#include "http/listen.h"
#include "http/request.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/log.h"

#define DEFAULT_CONNECTIONS 256
#define DEFAULT_BODY_BYTES ((size_t) 1024 * 1024)
#define DEFAULT_HEADER_BYTES ((size_t) 32 * 1024)
#define DEFAULT_TIMEOUT_S 60
#define RESPONSE_MAX ((size_t) 64 * 1024 * 1024)
#define NAP_MS 50

struct tg_http_server {
    struct tg_http_config config; /* with the defaults filled in */
    struct MHD_Daemon    *daemon;
    char                 *unix_path;
    uint16_t              port;
    atomic_bool           is_closing; /* ends delays */
};

struct exchange {
    struct tg_arena        arena;
    struct tg_http_request req;
    struct tg_buf          body;
    size_t                 discarded; /* bytes behind the body's limit */
    bool                   has_begun;
};

/*
 * ---- the request
 */

/* Called with the request line's raw target, before it is decoded (H1). */
static void *
begin_exchange(void *cls, const char *target, struct MHD_Connection *con)
{
    const struct tg_http_server *server = cls;
    struct exchange             *ex = calloc(1, sizeof(*ex));

    (void) con;
    if (ex == NULL) {
        return NULL;
    }
    tg_arena_init_secret(&ex->arena);
    tg_buf_init_secret(&ex->body, server->config.max_body_bytes);
    ex->req.arena = &ex->arena;
    ex->req.target = tg_arena_strdup(&ex->arena, target);
    return ex;
}

static void
end_exchange(void *cls, struct MHD_Connection *con, void **con_cls,
    enum MHD_RequestTerminationCode code)
{
    struct exchange *ex = *con_cls;

    (void) cls;
    (void) con;
    (void) code;
    if (ex != NULL) {
        tg_buf_clear(&ex->body);
        tg_arena_clear(&ex->arena);
        free(ex);
        *con_cls = NULL;
    }
}

/* libmicrohttpd would decode %2F; we decode segments ourselves (H1). */
static size_t
keep_escapes(void *cls, struct MHD_Connection *con, char *text)
{
    (void) cls;
    (void) con;
    return strlen(text);
}

struct gathering {
    struct tg_arena  *arena;
    struct tg_header *headers;
    size_t            count;
    size_t            bytes;
    bool              no_memory;
};

static enum MHD_Result
gather_header(void *cls, enum MHD_ValueKind kind, const char *name,
    const char *value)
{
    struct gathering *g = cls;
    struct tg_header *h = &g->headers[g->count++];

    (void) kind;
    h->name = tg_arena_strdup(g->arena, name);
    h->value = tg_arena_strdup(g->arena, value != NULL ? value : "");
    if (h->name == NULL || h->value == NULL) {
        g->no_memory = true;
        return MHD_NO;
    }
    g->bytes += strlen(h->name) + strlen(h->value) + 4; /* ": " and CRLF */
    return MHD_YES;
}

/* RFC 9110, section 5.1. */
static bool
is_token(const char *text)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";

    for (const char *p = text; *p != '\0'; p++) {
        bool is_letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');

        if (!is_letter && !(*p >= '0' && *p <= '9')
            && strchr(marks, *p) == NULL)
        {
            return false;
        }
    }
    return *text != '\0';
}

/*
 * What servers in a row could read differently (where a request ends, and
 * whose it is), and what a signature could not cover.
 */
static bool
headers_are_sound(const struct tg_header *headers, size_t count)
{
    unsigned hosts = 0, lengths = 0, encodings = 0;

    for (size_t i = 0; i < count; i++) {
        hosts += strcasecmp(headers[i].name, "host") == 0;
        lengths += strcasecmp(headers[i].name, "content-length") == 0;
        encodings += strcasecmp(headers[i].name, "transfer-encoding") == 0;
        if (!is_token(headers[i].name)) {
            return false;
        }
    }
    return hosts <= 1 && lengths + encodings <= 1;
}

static const char *
source_ip(struct exchange *ex, struct MHD_Connection *con, bool trust_proxy)
{
    char                           text[INET6_ADDRSTRLEN] = "127.0.0.1";
    const char                    *value = NULL;
    const struct sockaddr         *address = NULL;
    const union MHD_ConnectionInfo *info;

    if (trust_proxy) {
        value = tg_http_header_get(&ex->req, "x-real-ip");
        if (value == NULL) {
            value = tg_http_header_get(&ex->req, "x-forwarded-for");
        }
        if (value != NULL) {
            const char *last = strrchr(value, ',');

            value = last != NULL ? last + 1 : value;
            return value + strspn(value, " \t");
        }
    }
    info = MHD_get_connection_info(con, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info != NULL) {
        address = info->client_addr;
    }
    if (address != NULL && address->sa_family == AF_INET) {
        (void) inet_ntop(AF_INET,
            &((const struct sockaddr_in *) (const void *) address)->sin_addr,
            text, sizeof(text));
    } else if (address != NULL && address->sa_family == AF_INET6) {
        (void) inet_ntop(AF_INET6,
            &((const struct sockaddr_in6 *) (const void *) address)
                 ->sin6_addr, text, sizeof(text));
    }
    value = tg_arena_strdup(&ex->arena, text);
    return value != NULL ? value : "";
}

/* Method, headers, time and id: all but the body.  Sets req->refused. */
static void
begin_request(const struct tg_http_server *server, struct exchange *ex,
    struct MHD_Connection *con, const char *method)
{
    int                     n;
    struct tg_http_request *req = &ex->req;
    struct gathering        g = { .arena = &ex->arena };

    tg_uuid(req->id);
    req->now_s = tg_clock_now_s();
    req->body = "";
    req->source_ip = "";
    req->method = tg_arena_strdup(&ex->arena, method);
    n = MHD_get_connection_values(con, MHD_HEADER_KIND, NULL, NULL);
    g.headers = tg_arena_alloc(&ex->arena,
        (size_t) (n + 1) * sizeof(*g.headers));
    if (g.headers == NULL || req->method == NULL || req->target == NULL) {
        req->refused = 503;
        return;
    }
    (void) MHD_get_connection_values(con, MHD_HEADER_KIND, gather_header, &g);
    req->headers = g.headers;
    req->header_count = g.count;
    req->source_ip = source_ip(ex, con, server->config.trust_proxy);
    if (g.no_memory) {
        req->refused = 503;
    } else if (!headers_are_sound(req->headers, req->header_count)) {
        req->refused = 400;
    } else if (strlen(req->target) > server->config.max_header_bytes) {
        req->refused = 414;
    } else if (strlen(req->target) + g.bytes
               > server->config.max_header_bytes)
    {
        req->refused = 431;
    } else {
        switch (tg_http_request_split(req)) {
        case TG_OK:
            break;
        case TG_NOMEM:
            req->refused = 503;
            break;
        default:
            req->refused = 400;
        }
    }
}

/* Whether Content-Length already says that the body is too large. */
static bool
announces_too_much(const struct exchange *ex)
{
    const char *value = tg_http_header_get(&ex->req, "content-length");

    return value != NULL && strtoull(value, NULL, 10) > ex->body.max;
}

/*
 * ---- the response
 */

static void
nap(struct tg_http_server *server, unsigned ms)
{
    while (ms > 0 && !atomic_load(&server->is_closing)) {
        unsigned        step = ms < NAP_MS ? ms : NAP_MS;
        struct timespec ts = { 0, (long) step * 1000000 };

        (void) nanosleep(&ts, NULL);
        ms -= step;
    }
}

/* What is sent; it may hold a key. */
struct payload {
    char  *body;
    size_t len;
};

/* Half of it: res->cut. */
static ssize_t
read_torn(void *data, uint64_t position, char *out, size_t max)
{
    struct payload *p = data;
    size_t          left;

    if (position >= p->len / 2) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    left = p->len / 2 - (size_t) position;
    left = left < max ? left : max;
    memcpy(out, p->body + position, left);
    return (ssize_t) left;
}

static void
free_payload(void *data)
{
    struct payload *p = data;

    tg_wipe(p->body, p->len);
    free(p->body);
    free(p);
}

/* Takes body; NULL: out of memory. */
static struct MHD_Response *
make_response(char *body, size_t len, bool is_cut)
{
    struct payload      *p = malloc(sizeof(*p));
    struct MHD_Response *out;

    if (p == NULL) {
        tg_wipe(body, len);
        free(body);
        return NULL;
    }
    *p = (struct payload) { body, len };
    out = is_cut
        ? MHD_create_response_from_callback(len, 1024, read_torn, p,
              free_payload)
        : MHD_create_response_from_buffer_with_free_callback_cls(len, body,
              free_payload, p);
    if (out == NULL) {
        free_payload(p);
    }
    return out;
}

static enum MHD_Result
send_response(struct exchange *ex, struct MHD_Connection *con,
    struct tg_http_response *res)
{
    char                *body;
    enum MHD_Result      result;
    size_t               len = res->body.len;
    struct MHD_Response *out;

    if (res->body.status != TG_OK) {
        return MHD_NO; /* no memory for the answer: none is better */
    }
    body = tg_buf_take(&res->body);
    out = make_response(body, len, res->cut);
    if (out == NULL) {
        return MHD_NO;
    }
    for (size_t i = 0; i < res->header_count; i++) {
        (void) MHD_add_response_header(out, res->headers[i].name,
            res->headers[i].value);
    }
    (void) MHD_add_response_header(out, "x-amzn-RequestId", ex->req.id);
    result = MHD_queue_response(con, (unsigned) res->status, out);
    MHD_destroy_response(out);
    return result;
}

static void
refuse(const struct tg_http_server *server, struct exchange *ex,
    struct tg_http_response *res)
{
    char text[128];

    (void) snprintf(text, sizeof(text), "{\"message\":\"%s\"}",
        tg_http_reason(ex->req.refused));
    tg_http_reply(res, ex->req.refused, "application/json", text);
    (void) tg_http_header_set(res, "Connection", "close");
    if (server->config.refuse != NULL) {
        server->config.refuse(&ex->req, res, server->config.data);
    }
}

static enum MHD_Result
answer(struct tg_http_server *server, struct exchange *ex,
    struct MHD_Connection *con)
{
    enum MHD_Result         result = MHD_NO;
    struct tg_http_response res = { .status = 200, .arena = &ex->arena };

    tg_buf_init_secret(&res.body, RESPONSE_MAX);
    if (ex->req.refused != 0) {
        refuse(server, ex, &res);
    } else {
        server->config.handle(&ex->req, &res, server->config.data);
    }
    nap(server, res.delay_ms);
    if (!res.drop) {
        result = send_response(ex, con, &res);
    }
    tg_buf_clear(&res.body);
    return result;
}

/*
 * ---- libmicrohttpd's calls
 */

static enum MHD_Result
take_piece(struct exchange *ex, const char *data, size_t *size)
{
    if (ex->req.refused == 0
        && tg_buf_add(&ex->body, data, *size) != TG_OK)
    {
        ex->req.refused = ex->body.status == TG_LIMIT ? 413 : 503;
    }
    if (ex->req.refused != 0) {
        /* Read on a while, so that the client sees the answer. */
        ex->discarded += *size;
        if (ex->discarded > 4 * ex->body.max) {
            return MHD_NO;
        }
    }
    *size = 0;
    return MHD_YES;
}

static enum MHD_Result
handle_request(void *cls, struct MHD_Connection *con, const char *url,
    const char *method, const char *version, const char *data, size_t *size,
    void **con_cls)
{
    struct exchange       *ex = *con_cls;
    struct tg_http_server *server = cls;

    (void) url;
    (void) version;
    if (ex == NULL) {
        return MHD_NO;
    }
    if (!ex->has_begun) {
        ex->has_begun = true;
        begin_request(server, ex, con, method);
        if (ex->req.refused == 0 && announces_too_much(ex)) {
            ex->req.refused = 413;
            return answer(server, ex, con);
        }
        return MHD_YES;
    }
    if (*size > 0) {
        return take_piece(ex, data, size);
    }
    if (ex->body.len > 0) {
        ex->req.body = ex->body.data;
        ex->req.body_len = ex->body.len;
    }
    return answer(server, ex, con);
}

static void log_line(void *cls, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

static void
log_line(void *cls, const char *fmt, va_list args)
{
    char text[512];

    (void) cls;
    (void) vsnprintf(text, sizeof(text), fmt, args);
    text[strcspn(text, "\n")] = '\0';
    tg_log(TG_LOG_DEBUG, "http_server", "msg", text, NULL);
}

/*
 * ---- open and close
 */

static void
fill_defaults(struct tg_http_config *config)
{
    if (config->max_connections == 0) {
        config->max_connections = DEFAULT_CONNECTIONS;
    }
    if (config->max_body_bytes == 0) {
        config->max_body_bytes = DEFAULT_BODY_BYTES;
    }
    if (config->max_header_bytes == 0) {
        config->max_header_bytes = DEFAULT_HEADER_BYTES;
    }
    if (config->idle_timeout_s == 0) {
        config->idle_timeout_s = DEFAULT_TIMEOUT_S;
    }
}

static struct MHD_Daemon *
start_daemon(struct tg_http_server *server, int fd)
{
    const struct tg_http_config *c = &server->config;
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC
                     | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem options[] = {
        { MHD_OPTION_EXTERNAL_LOGGER, (intptr_t) log_line, NULL },
        { MHD_OPTION_LISTEN_SOCKET, fd, NULL },
        { MHD_OPTION_URI_LOG_CALLBACK, (intptr_t) begin_exchange, server },
        { MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t) keep_escapes, NULL },
        { MHD_OPTION_NOTIFY_COMPLETED, (intptr_t) end_exchange, server },
        { MHD_OPTION_CONNECTION_LIMIT, (intptr_t) c->max_connections, NULL },
        { MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t) c->idle_timeout_s, NULL },
        /* Room for libmicrohttpd's own notes, so that our limit is met. */
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT,
            (intptr_t) (4 * c->max_header_bytes), NULL },
        { c->threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END,
            (intptr_t) c->threads, NULL },
        { MHD_OPTION_END, 0, NULL },
    };

    flags |= c->threads == 0 ? MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL
                             : MHD_USE_EPOLL;
    return MHD_start_daemon(flags, 0, NULL, NULL, handle_request, server,
        MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

enum tg_status
tg_http_server_open(struct tg_http_server **out,
    const struct tg_http_config *config, struct tg_error *err)
{
    enum tg_status         status;
    int                    fd = -1;
    struct tg_http_server *server = calloc(1, sizeof(*server));

    *out = NULL;
    if (server == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    server->config = *config;
    fill_defaults(&server->config);
    if (config->unix_path != NULL) {
        server->unix_path = strdup(config->unix_path);
        server->config.unix_path = server->unix_path;
    }
    status = config->unix_path != NULL && server->unix_path == NULL
        ? tg_error_set(err, TG_NOMEM, "out of memory")
        : tg_http_listen(&fd, &server->port, config, err);
    if (status != TG_OK) {
        free(server->unix_path);
        free(server);
        return status;
    }
    server->daemon = start_daemon(server, fd);
    if (server->daemon == NULL) { /* which closed fd */
        status = tg_error_errno(err, TG_ERROR,
            "cannot start the HTTP server");
        free(server->unix_path);
        free(server);
        return status;
    }
    *out = server;
    return TG_OK;
}

void
tg_http_server_close(struct tg_http_server *server)
{
    if (server == NULL) {
        return;
    }
    atomic_store(&server->is_closing, true);
    if (server->unix_path != NULL && !server->config.keeps_path) {
        (void) unlink(server->unix_path);
    }
    MHD_stop_daemon(server->daemon);
    free(server->unix_path);
    free(server);
}

uint16_t
tg_http_server_port(const struct tg_http_server *server)
{
    return server->port;
}
