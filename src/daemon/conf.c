/*
 * conf.c - the text of nginx.conf, from a template
 *
 * @NAME@ in the template is replaced: in lower case by a value that is
 * escaped for nginx's double quotes, in upper case by whole lines.  What the
 * lines of the gateway's server are for is said in src/nginx/README.md,
 * beside the directives.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "daemon/conf.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/log.h"

#define GENERATION_DIRECTIVE "tallygate_conf_generation "
#define LINES_MAX_BYTES 16384
#define LISTEN_SIZE 96

/*
 * The upstreams of portal and admin have names because in proxy_pass itself
 * nginx would give a meaning to `:` and `$` in the path of a socket.
 */
static const char http_template[] =
    "# Written by `tallygate serve`: a change here is lost.\n"
    "daemon off;\n"
    "load_module \"@module@\";\n"
    "@USER@"
    "worker_processes @workers@;\n"
    "pid \"@state_dir@/run/nginx.pid\";\n"
    "lock_file \"@state_dir@/run/accept.lock\";\n"
    "error_log \"@state_dir@/logs/nginx.log\" @error_level@;\n"
    "@ENVIRONMENT@"
    "\n"
    "events {\n"
    "    worker_connections @worker_connections@;\n"
    "}\n"
    "\n"
    "http {\n"
    "    access_log off;\n"
    "    server_tokens off;\n"
    "    default_type application/json;\n"
    "    client_body_temp_path \"@state_dir@/run/tmp/body\";\n"
    "    proxy_temp_path \"@state_dir@/run/tmp/proxy\";\n"
    "    fastcgi_temp_path \"@state_dir@/run/tmp/fastcgi\";\n"
    "    uwsgi_temp_path \"@state_dir@/run/tmp/uwsgi\";\n"
    "    scgi_temp_path \"@state_dir@/run/tmp/scgi\";\n"
    "    merge_slashes off;\n"
    "    underscores_in_headers on;\n"
    "    ignore_invalid_headers off;\n"
    "\n"
    "    tallygate_state_dir \"@state_dir@\";\n"
    "    " GENERATION_DIRECTIVE "@generation@;\n"
    "    tallygate_leave_timeout @grace_s@s;\n"
    "    tallygate_strict_headers @strict@;\n"
    "    tallygate_strip_api_key @strip@;\n"
    "    tallygate_answer_max @answer_max@;\n"
    "@JOURNAL@"
    "\n"
    "    upstream tallygate_backends {\n"
    "        tallygate_upstream connections=@idle@ max_fails=@fails@"
    " fail_timeout=@fail_s@;\n"
    "    }\n"
    "    upstream tallygate_portal {\n"
    "        server \"unix:@state_dir@/run/portal.sock\";\n"
    "    }\n"
    "    upstream tallygate_admin {\n"
    "        server \"unix:@state_dir@/run/admin.sock\";\n"
    "    }\n"
    "\n"
    "@TLS@";

/* The gateway: buyers' calls; once for each certificate. */
static const char gateway_template[] =
    "    server {\n"
    "        listen @gateway_listen@;\n"
    "        server_name @gateway_names@;\n"
    "@GATEWAY_TLS@"
    "        tallygate on;\n"
    "        keepalive_timeout 310s;\n"
    "        keepalive_requests 1000000;\n"
    "        reset_timedout_connection on;\n"
    "        client_header_buffer_size 4k;\n"
    "        large_client_header_buffers 4 32k;\n"
    "        client_max_body_size @body_max@;\n"
    "        client_body_buffer_size 64k;\n"
    "        error_page 400 401 402 403 404 405 406 408 409 410 411 412 413"
    " 414\n"
    "            415 416 417 421 426 428 429 431 495 496 497 500 501 502 503"
    " 504\n"
    "            505 507 /.tallygate/answer;\n"
    "        error_page 494 =431 /.tallygate/answer;\n"
    "        proxy_http_version 1.1;\n"
    "        proxy_pass_request_headers off;\n"
    "        proxy_set_header Host \"\";\n"
    "        proxy_set_header Connection \"\";\n"
    "        proxy_set_header Content-Length \"\";\n"
    "        proxy_set_header Transfer-Encoding \"\";\n"
    "        proxy_set_header TE \"\";\n"
    "        proxy_set_header Keep-Alive \"\";\n"
    "        proxy_set_header Expect \"\";\n"
    "        proxy_set_header Upgrade \"\";\n"
    "        proxy_redirect off;\n"
    "        proxy_request_buffering on;\n"
    "        proxy_buffering on;\n"
    "        proxy_buffer_size 16k;\n"
    "        proxy_buffers 8 16k;\n"
    "        proxy_busy_buffers_size 32k;\n"
    "        proxy_max_temp_file_size 0;\n"
    "        proxy_next_upstream error timeout non_idempotent;\n"
    "        proxy_connect_timeout @connect_ms@ms;\n"
    "        proxy_send_timeout @read_s@s;\n"
    "        proxy_read_timeout @read_s@s;\n"
    "        proxy_socket_keepalive on;\n"
    "        proxy_ignore_headers X-Accel-Redirect X-Accel-Expires\n"
    "            X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset\n"
    "            Expires Cache-Control Set-Cookie Vary;\n"
    "        proxy_hide_header Via;\n"
    "        proxy_ssl_server_name on;\n"
    "        proxy_ssl_verify on;\n"
    "        proxy_ssl_verify_depth 4;\n"
    "        proxy_ssl_trusted_certificate \"@trust_store@\";\n"
    "        proxy_ssl_session_reuse on;\n"
    "        proxy_ssl_protocols TLSv1.2 TLSv1.3;\n"
    "        location = /.tallygate/http {\n"
    "            internal;\n"
    "            proxy_pass http://tallygate_backends;\n"
    "        }\n"
    "        location = /.tallygate/https {\n"
    "            internal;\n"
    "            proxy_pass https://tallygate_backends;\n"
    "        }\n"
    "        location = /.tallygate/http/stream {\n"
    "            internal;\n"
    "            proxy_request_buffering off;\n"
    "            proxy_pass http://tallygate_backends;\n"
    "        }\n"
    "        location = /.tallygate/https/stream {\n"
    "            internal;\n"
    "            proxy_request_buffering off;\n"
    "            proxy_pass https://tallygate_backends;\n"
    "        }\n"
    "        location = /.tallygate/body {\n"
    "            internal;\n"
    "            client_body_buffer_size @body_max@;\n"
    "            tallygate_body;\n"
    "        }\n"
    "        location = /.tallygate/answer {\n"
    "            internal;\n"
    "            client_max_body_size 0;\n"
    "            tallygate_answer;\n"
    "        }\n"
    "    }\n"
    "\n";

static const char other_template[] =
    "    # The portal: buyers' browsers.\n"
    "    server {\n"
    "        listen @portal_listen@;\n"
    "        server_name _;\n"
    "@PORTAL_TLS@"
    "        client_max_body_size 64k;\n"
    "        client_body_buffer_size 64k;\n"
    "        proxy_max_temp_file_size 0;\n"
    "        location / {\n"
    "            proxy_pass http://tallygate_portal;\n"
    "            proxy_http_version 1.1;\n"
    "            proxy_set_header Host $http_host;\n"
    "            proxy_set_header Connection \"\";\n"
    "            proxy_set_header X-Real-IP $remote_addr;\n"
    "            proxy_read_timeout 120s;\n"
    "            error_page 502 504 = @away;\n"
    "        }\n"
    "        location @away {\n"
    "            default_type text/plain;\n"
    "            add_header Retry-After 5 always;\n"
    "            return 503 \"This page is being restarted. Please try again"
    " in a minute.\\n\";\n"
    "        }\n"
    "    }\n"
    "\n"
    "    # The admin listener: signed calls pass byte for byte. Bodies hold"
    " API\n"
    "    # keys both ways, so they stay in memory.\n"
    "    server {\n"
    "        listen @admin_listen@;\n"
    "        server_name _;\n"
    "        large_client_header_buffers 4 32k;\n"
    "        client_max_body_size 10m;\n"
    "        client_body_buffer_size 10m;\n"
    "        proxy_max_temp_file_size 0;\n"
    "        location / {\n"
    "            proxy_pass http://tallygate_admin;\n"
    "            proxy_http_version 1.1;\n"
    "            proxy_set_header Host $http_host;\n"
    "            proxy_set_header Connection \"\";\n"
    "            proxy_set_header X-Real-IP $remote_addr;\n"
    "            proxy_read_timeout 120s;\n"
    "            error_page 413 @too_large;\n"
    "            error_page 502 504 = @away;\n"
    "        }\n"
    "        location @away {\n"
    "            add_header x-amzn-ErrorType ServiceUnavailableException"
    " always;\n"
    "            return 503 '{\"message\":\"The control plane is not"
    " running\"}';\n"
    "        }\n"
    "        location @too_large {\n"
    "            add_header x-amzn-ErrorType"
    " RequestEntityTooLargeException always;\n"
    "            return 413 '{\"message\":\"A request holds at most 10 MiB"
    "\"}';\n"
    "        }\n"
    "    }\n"
    "}\n";

struct value {
    const char *name;
    const char *text;
};

/* Values are quoted in the template; lines are complete as they are. */
static void
add_value(struct tg_buf *out, const struct value *value)
{
    const char *text = value->text;

    if (isupper((unsigned char) value->name[0])) {
        (void) tg_buf_puts(out, text);
        return;
    }
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            (void) tg_buf_putc(out, '\\');
        }
        (void) tg_buf_putc(out, *text);
    }
}

/* Copies a template; an @ that begins no known name stands for itself. */
static void
expand(struct tg_buf *out, const char *rest, const struct value *values,
    size_t count)
{
    size_t i, len;

    for (;;) {
        len = strcspn(rest, "@");
        (void) tg_buf_add(out, rest, len);
        rest += len;
        if (*rest == '\0') {
            return;
        }
        for (i = 0; i < count; i++) {
            len = strlen(values[i].name);
            if (strncmp(rest + 1, values[i].name, len) == 0
                && rest[1 + len] == '@')
            {
                break;
            }
        }
        if (i < count) {
            add_value(out, &values[i]);
            rest += len + 2;
        } else {
            (void) tg_buf_putc(out, *rest++);
        }
    }
}

static const char *
error_level(int level)
{
    switch (level) {
    case TG_LOG_ERROR:
        return "error";
    case TG_LOG_WARN:
        return "warn";
    case TG_LOG_DEBUG:
        return "info"; /* nginx tells of every client that went away */
    default:
        return "notice";
    }
}

/* "0.0.0.0:8080" and how the server speaks there. */
static void
format_listen(char out[LISTEN_SIZE], const char *address, int port,
    const char *how)
{
    const bool is_v6 = strchr(address, ':') != NULL;

    (void) snprintf(out, LISTEN_SIZE, "%s%s%s:%d%s", is_v6 ? "[" : "",
        address, is_v6 ? "]" : "", port, how);
}

/* Of the first server there, which says how daemon/listeners.c opened it. */
static void
format_first_listen(char out[LISTEN_SIZE], const char *address, int port,
    const char *how)
{
    char all[64];

    (void) snprintf(all, sizeof(all), " backlog=4096%s%s",
        strchr(address, ':') != NULL ? " ipv6only=on" : "", how);
    format_listen(out, address, port, all);
}

/* directive "first" ["second"]; nothing when there is no first. */
static void
add_directive(struct tg_buf *out, const char *directive, const char *first,
    const char *second)
{
    if (first == NULL || *first == '\0') {
        return;
    }
    (void) tg_buf_printf(out, "%s \"", directive);
    add_value(out, &(struct value) { "first", first });
    if (*second != '\0') {
        (void) tg_buf_puts(out, "\" \"");
        add_value(out, &(struct value) { "second", second });
    }
    (void) tg_buf_puts(out, "\";\n");
}

/*
 * What TLS towards clients is like on all servers.  Sessions are kept by the
 * server: tickets would be sealed for years under a key that nobody changes.
 */
static const char tls_lines[] =
    "    ssl_protocols %sTLSv1.3;\n"
    "    ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:"
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-CHACHA20-POLY1305;\n"
    "    ssl_session_cache shared:tallygate_tls:10m;\n"
    "    ssl_session_timeout 1h;\n"
    "    ssl_session_tickets off;\n"
    "    server_names_hash_bucket_size 512;\n"
    "    server_names_hash_max_size 4096;\n";

static void
add_certificate(struct tg_buf *out, const struct tg_certificate *certificate)
{
    if (certificate != NULL) {
        add_directive(out, "        ssl_certificate", certificate->copy, "");
        add_directive(out, "        ssl_certificate_key", certificate->copy,
            "");
    }
}

/* The lines that are there or not. */
struct lines {
    struct tg_buf user;
    struct tg_buf environment;
    struct tg_buf tls;
    struct tg_buf portal_tls;
    struct tg_buf journal;
};

static void
make_lines(struct lines *lines, const struct tg_conf *conf)
{
    const struct tg_settings *s = conf->settings;

    tg_buf_init(&lines->user, LINES_MAX_BYTES);
    add_directive(&lines->user, "user", conf->workers->user,
        conf->workers->group);
    tg_buf_init(&lines->environment, LINES_MAX_BYTES);
    for (size_t i = 0; conf->environment[i] != NULL; i++) {
        (void) tg_buf_printf(&lines->environment, "env %s;\n",
            conf->environment[i]);
    }
    tg_buf_init(&lines->tls, LINES_MAX_BYTES);
    if (conf->certificates != NULL) {
        (void) tg_buf_printf(&lines->tls, tls_lines,
            s->gateway.tls_minimum == TG_TLS_MINIMUM_1_3 ? "" : "TLSv1.2 ");
    }
    tg_buf_init(&lines->portal_tls, LINES_MAX_BYTES);
    add_certificate(&lines->portal_tls,
        tg_certificates_portal(conf->certificates));
    tg_buf_init(&lines->journal, LINES_MAX_BYTES);
    add_directive(&lines->journal, "    tallygate_journal", s->nginx.journal,
        "");
}

/* Frees them; the first failure of any of them. */
static enum tg_status
clear_lines(struct lines *lines)
{
    struct tg_buf *const all[] = { &lines->user, &lines->environment,
        &lines->tls, &lines->portal_tls, &lines->journal };
    enum tg_status status = TG_OK;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (status == TG_OK) {
            status = all[i]->status;
        }
        tg_buf_clear(all[i]);
    }
    return status;
}

static const char *
lines_text(const struct tg_buf *lines)
{
    return lines->len == 0 ? "" : lines->data;
}

/* Numbers as the template has them. */
struct numbers {
    char generation[24], workers[16], connections[16], body_max[16];
    char idle[16], fails[16], fail_s[16], connect_ms[16], read_s[16];
    char grace_s[16], answer_max[16];
};

static void
format_int(char out[16], int number)
{
    (void) snprintf(out, 16, "%d", number);
}

static void
make_numbers(struct numbers *n, const struct tg_conf *conf)
{
    const struct tg_settings *s = conf->settings;

    (void) snprintf(n->generation, sizeof(n->generation), "%" PRIu64,
        conf->generation);
    format_int(n->workers, s->gateway.workers);
    if (s->gateway.workers == 0) {
        (void) strcpy(n->workers, "auto");
    }
    format_int(n->connections, s->gateway.worker_connections);
    format_int(n->body_max, s->gateway.body_max_bytes);
    format_int(n->answer_max, s->gateway.answer_max_bytes);
    format_int(n->idle, s->backends.idle_connections);
    format_int(n->fails, s->backends.max_fails);
    format_int(n->fail_s, s->backends.fail_timeout_s);
    format_int(n->connect_ms, s->backends.connect_timeout_ms);
    format_int(n->read_s, s->backends.read_timeout_s);
    format_int(n->grace_s, s->gateway.reload_grace_s);
}

/* One server of the gateway; its lines are those of values, and these. */
static enum tg_status
add_gateway(struct tg_buf *out, const struct tg_certificate *certificate,
    const char *listen, const char *names, struct value *values, size_t count)
{
    struct tg_buf  tls;
    enum tg_status status;

    tg_buf_init(&tls, LINES_MAX_BYTES);
    add_certificate(&tls, certificate);
    values[0] = (struct value) { "gateway_listen", listen };
    values[1] = (struct value) { "gateway_names", names };
    values[2] = (struct value) { "GATEWAY_TLS", lines_text(&tls) };
    expand(out, gateway_template, values, count);
    status = tls.status;
    tg_buf_clear(&tls);
    return status;
}

/* The first answers whoever asks for no name that the others have. */
static enum tg_status
add_gateways(struct tg_buf *out, const struct tg_conf *conf,
    struct value *values, size_t count)
{
    const struct tg_settings    *s = conf->settings;
    const struct tg_certificate *own, *more;
    size_t                       more_count;
    char                         listen[LISTEN_SIZE];
    enum tg_status               status;

    own = tg_certificates_gateway(conf->certificates);
    more = tg_certificates_more(conf->certificates, &more_count);
    format_first_listen(listen, s->gateway.address, s->gateway.port,
        own != NULL ? " ssl http2 default_server" : "");
    status = add_gateway(out, own, listen, "_", values, count);
    format_listen(listen, s->gateway.address, s->gateway.port, " ssl http2");
    for (size_t i = 0; status == TG_OK && i < more_count; i++) {
        status = add_gateway(out, &more[i], listen, more[i].names, values,
            count);
    }
    return status;
}

enum tg_status
tg_conf_write(struct tg_buf *out, const struct tg_conf *conf)
{
    const struct tg_settings *s = conf->settings;
    struct lines   lines;
    struct numbers n;
    enum tg_status status, first;
    char           portal[LISTEN_SIZE], admin[LISTEN_SIZE];

    make_lines(&lines, conf);
    make_numbers(&n, conf);
    format_first_listen(portal, s->portal.address, s->portal.port,
        tg_certificates_portal(conf->certificates) != NULL ? " ssl http2"
                                                           : "");
    format_first_listen(admin, s->admin.address, s->admin.port, "");
    {
        struct value values[] = {
            { "", "" }, { "", "" }, { "", "" }, /* for add_gateway */
            { "module", s->nginx.module },
            { "USER", lines_text(&lines.user) },
            { "workers", n.workers },
            { "state_dir", s->state_dir },
            { "error_level", error_level(s->log.level) },
            { "ENVIRONMENT", lines_text(&lines.environment) },
            { "worker_connections", n.connections },
            { "generation", n.generation },
            { "grace_s", n.grace_s },
            { "strict", s->headers.strict ? "on" : "off" },
            { "strip", s->headers.strip_api_key ? "on" : "off" },
            { "answer_max", n.answer_max },
            { "JOURNAL", lines_text(&lines.journal) },
            { "idle", n.idle },
            { "fails", n.fails },
            { "fail_s", n.fail_s },
            { "TLS", lines_text(&lines.tls) },
            { "body_max", n.body_max },
            { "connect_ms", n.connect_ms },
            { "read_s", n.read_s },
            { "trust_store", conf->trust_store },
            { "portal_listen", portal },
            { "PORTAL_TLS", lines_text(&lines.portal_tls) },
            { "admin_listen", admin },
        };
        const size_t count = sizeof(values) / sizeof(values[0]);

        expand(out, http_template, values, count);
        status = add_gateways(out, conf, values, count);
        expand(out, other_template, values, count);
    }
    first = clear_lines(&lines);
    return status != TG_OK ? status : first != TG_OK ? first : out->status;
}

uint64_t
tg_conf_generation(const char *text)
{
    const char *found = strstr(text, GENERATION_DIRECTIVE);

    return found == NULL ? 0
        : strtoull(found + strlen(GENERATION_DIRECTIVE), NULL, 10);
}

enum tg_status
tg_conf_trust_store(const char **out, const struct tg_settings *settings,
    struct tg_error *err)
{
    static const char *const places[] = {
        "/etc/ssl/certs/ca-certificates.crt", /* Debian */
        "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora */
        "/etc/ssl/cert.pem",                  /* Alpine */
    };

    *out = settings->backends.trust_store;
    if (*out != NULL) {
        return access(*out, R_OK) == 0 ? TG_OK
            : tg_error_errno(err, TG_NOTFOUND,
                "backends.trust_store: cannot read %s", *out);
    }
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (access(places[i], R_OK) == 0) {
            *out = places[i];
            return TG_OK;
        }
    }
    return tg_error_set(err, TG_NOTFOUND, "there are no certificates to"
        " verify backends with: install the package ca-certificates");
}
