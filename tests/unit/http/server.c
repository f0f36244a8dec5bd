/*
 * A server on a unix socket and one on a port, spoken to byte by byte.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/http.h"

#define BODY_MAX 1000

struct fixture {
    char                   dir[64];
    char                   path[96];
    struct tg_http_server *server;
};

/* Answers with what it saw. */
static void
echo(struct tg_http_request *req, struct tg_http_response *res, void *data)
{
    (void) data;
    if (strcmp(req->path, "/drop") == 0) {
        res->drop = true;
        return;
    }
    tg_http_reply(res, 201, "text/plain", "");
    (void) tg_buf_printf(&res->body, "%s|%s|%s|%zu|%s|", req->method,
        req->target, req->source_ip, req->body_len, req->body);
    for (size_t i = 0; i < req->segment_count; i++) {
        (void) tg_buf_printf(&res->body, "<%s>", req->segments[i]);
    }
    for (size_t i = 0; i < req->header_count; i++) {
        if (strcmp(req->headers[i].name, "X-A") == 0) {
            (void) tg_buf_printf(&res->body, "[%s]", req->headers[i].value);
        }
    }
    (void) tg_http_header_add(res, "X-Two", "1");
    (void) tg_http_header_add(res, "X-Two", "2");
}

static int
setup(void **state)
{
    struct fixture       *f = calloc(1, sizeof(*f));
    struct tg_http_config config = { .unix_mode = 0600, .threads = 2,
        .max_body_bytes = BODY_MAX, .max_header_bytes = 2048,
        .trust_proxy = true, .handle = echo };

    strcpy(f->dir, "/tmp/tg-http-XXXXXX");
    if (mkdtemp(f->dir) == NULL) {
        return -1;
    }
    snprintf(f->path, sizeof(f->path), "%s/s", f->dir);
    config.unix_path = f->path;
    *state = f;
    return tg_http_server_open(&f->server, &config, NULL) == TG_OK ? 0 : -1;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    tg_http_server_close(f->server);
    assert_int_equal(access(f->path, F_OK), -1);
    rmdir(f->dir);
    free(f);
    return 0;
}

static int
dial(const char *path)
{
    int                fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    strcpy(address.sun_path, path);
    assert_int_equal(connect(fd, (struct sockaddr *) &address,
        sizeof(address)), 0);
    return fd;
}

/* Sends text, reads until the server closes. */
static char *
talk(int fd, const char *text)
{
    size_t  len = 0, sent = 0;
    ssize_t n;
    char   *reply = calloc(1, 65536);

    while (sent < strlen(text)) {
        n = send(fd, text + sent, strlen(text) - sent, MSG_NOSIGNAL);
        if (n <= 0) {
            break;
        }
        sent += (size_t) n;
    }
    while ((n = recv(fd, reply + len, 65535 - len, 0)) > 0) {
        len += (size_t) n;
    }
    close(fd);
    return reply;
}

static void
expect(const struct fixture *f, const char *request, const char *begin,
    const char *part)
{
    char *reply = talk(dial(f->path), request);

    if (strncmp(reply, begin, strlen(begin)) != 0
        || strstr(reply, part) == NULL)
    {
        fail_msg("sent: %.200s\ngot: %.1000s\nwanted: %s ... %s", request,
            reply, begin, part);
    }
    free(reply);
}

#define END "Host: h\r\nConnection: close\r\n\r\n"

static void
requests_arrive_as_they_were_sent(void **state)
{
    const struct fixture *f = *state;
    struct stat           st;

    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    expect(f, "GET /a%2Fb//c?x=%31+2 HTTP/1.1\r\n" END, "HTTP/1.1 201",
        "GET|/a%2Fb//c?x=%31+2|127.0.0.1|0||<a/b><><c>");
    expect(f, "POST / HTTP/1.1\r\nX-A: 1\r\nx-real-ip: 203.0.113.9\r\n"
        "X-A: 2\r\nContent-Length: 3\r\n" END "abc", "HTTP/1.1 201",
        "POST|/|203.0.113.9|3|abc|[1][2]");
    expect(f, "POST / HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4, 5.6.7.8\r\n"
        "Transfer-Encoding: chunked\r\n" END "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
        "HTTP/1.1 201", "POST|/|5.6.7.8|3|abc|");
    expect(f, "PATCH /x HTTP/1.1\r\n" END, "HTTP/1.1 201",
        "X-Two: 1\r\nX-Two: 2\r\n");
    expect(f, "GET / HTTP/1.1\r\n" END, "HTTP/1.1 201", "x-amzn-RequestId: ");
}

static void
what_is_too_large_or_broken_is_refused(void **state)
{
    char                  text[16384];
    char                  filler[9001];
    const struct fixture *f = *state;

    memset(filler, 'a', sizeof(filler));
    filler[9000] = '\0';
    expect(f, "GET /%zz HTTP/1.1\r\n" END, "HTTP/1.1 400", "{\"message\"");
    expect(f, "GET /%00 HTTP/1.1\r\n" END, "HTTP/1.1 400", "Bad Request");
    expect(f, "GET / HTTP/1.1\r\nHost: g\r\n" END, "HTTP/1.1 400", "");
    expect(f, "GET / HTTP/1.1\r\nX-A : 1\r\n" END, "HTTP/1.1 400", "");
    expect(f, "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: "
        "chunked\r\n" END "0\r\n\r\n", "HTTP/1.1 400", "Connection: close");
    expect(f, "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4"
        "\r\n" END "abcd", "HTTP/1.1 400", "Connection: close");
    expect(f, "POST / HTTP/1.1\r\nContent-Length: 1001\r\n" END,
        "HTTP/1.1 413", "{\"message\"");
    snprintf(text, sizeof(text), "POST / HTTP/1.1\r\nTransfer-Encoding: "
        "chunked\r\n" END "5dc\r\n%.1500s\r\n0\r\n\r\n", filler);
    expect(f, text, "HTTP/1.1 413", "{\"message\"");
    snprintf(text, sizeof(text), "GET /%.2100s HTTP/1.1\r\n" END, filler);
    expect(f, text, "HTTP/1.1 414", "");
    snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nX: %.2100s\r\n" END,
        filler);
    expect(f, text, "HTTP/1.1 431", "");
    snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nX: %s\r\n" END, filler);
    expect(f, text, "HTTP/1.1 431", "");
    /* The server is none the worse for it. */
    expect(f, "GET / HTTP/1.1\r\n" END, "HTTP/1.1 201", "GET|/|");
}

static void
a_dropped_request_gets_no_byte(void **state)
{
    const struct fixture *f = *state;
    char *reply = talk(dial(f->path), "GET /drop HTTP/1.1\r\n" END);

    assert_string_equal(reply, "");
    free(reply);
}

static void
a_socket_in_use_is_not_taken_over(void **state)
{
    const struct fixture  *f = *state;
    struct tg_error        err;
    struct tg_http_server *other;
    struct tg_http_config  config = { .unix_path = f->path,
         .unix_mode = 0600, .handle = echo };
    char                   stale[128];
    int                    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un     address = { .sun_family = AF_UNIX };

    assert_int_equal(tg_http_server_open(&other, &config, &err), TG_BUSY);
    assert_non_null(strstr(err.message, f->path));
    snprintf(stale, sizeof(stale), "%s/stale", f->dir);
    strcpy(address.sun_path, stale);
    assert_int_equal(bind(fd, (struct sockaddr *) &address,
        sizeof(address)), 0);
    close(fd);
    config.unix_path = stale;
    assert_int_equal(tg_http_server_open(&other, &config, &err), TG_OK);
    tg_http_server_close(other);
    config.unix_path = NULL;
    config.address = "localhost";
    assert_int_equal(tg_http_server_open(&other, &config, &err), TG_INVALID);
}

static void
a_port_works_as_well(void **state)
{
    struct sockaddr_in     address = { .sin_family = AF_INET };
    struct tg_http_config  config = { .address = "127.0.0.1",
         .handle = echo };
    char                  *reply;
    int                    fd = socket(AF_INET, SOCK_STREAM, 0);
    struct tg_error        err;
    struct tg_http_server *other, *server;

    (void) state;
    assert_int_equal(tg_http_server_open(&server, &config, &err), TG_OK);
    config.port = tg_http_server_port(server);
    assert_int_not_equal(config.port, 0);
    assert_int_equal(tg_http_server_open(&other, &config, &err), TG_BUSY);
    address.sin_port = htons(config.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *) &address,
        sizeof(address)), 0);
    reply = talk(fd, "GET /p HTTP/1.1\r\nX-Real-IP: 9.9.9.9\r\n" END);
    assert_non_null(strstr(reply, "GET|/p|127.0.0.1|0||<p>"));
    free(reply);
    tg_http_server_close(server);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_arrive_as_they_were_sent),
        cmocka_unit_test(what_is_too_large_or_broken_is_refused),
        cmocka_unit_test(a_dropped_request_gets_no_byte),
        cmocka_unit_test(a_socket_in_use_is_not_taken_over),
        cmocka_unit_test(a_port_works_as_well),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
