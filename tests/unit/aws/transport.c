/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "aws/transport.h"

/* A server of one thread: answers each request with the next text. */
static struct {
    int         fd;
    uint16_t    port;
    pthread_t   thread;
    const char *answers[4]; /* NULL: closes the connection instead */
    const char *unasked; /* said after the first answer; NULL: nothing */
    sem_t       taken;   /* the first answer was */
    sem_t       spoken;  /* so was this */
    _Atomic int next; /* counted before the client can see the answer */
    char        request[4096]; /* the last one */
} server;

static void
serve_connection(int fd)
{
    ssize_t     n;
    size_t      len = 0;
    const char *answer;

    for (;;) {
        n = read(fd, server.request + len, sizeof(server.request) - 1 - len);
        if (n <= 0) {
            return;
        }
        len += (size_t) n;
        server.request[len] = '\0';
        if (strstr(server.request, "\r\n\r\n{}") == NULL) {
            continue; /* every request here has that body */
        }
        answer = server.answers[atomic_fetch_add(&server.next, 1)];
        if (answer == NULL || write(fd, answer, strlen(answer)) < 0) {
            return;
        }
        if (server.unasked != NULL) {
            sem_wait(&server.taken);
            answer = server.unasked;
            server.unasked = NULL;
            if (write(fd, answer, strlen(answer)) < 0) {
                return;
            }
            sem_post(&server.spoken);
        }
        len = 0;
    }
}

static void *
serve(void *data)
{
    int fd;

    (void) data;
    while ((fd = accept(server.fd, NULL, NULL)) >= 0) {
        serve_connection(fd);
        close(fd);
    }
    return NULL;
}

static struct tg_aws_http  *http;
static struct tg_aws_reply  reply;
static struct tg_error      err;
static char                 url[64];

static int
set_up(void **state)
{
    socklen_t          len = sizeof(struct sockaddr_in);
    struct sockaddr_in a = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    (void) state;
    (void) signal(SIGPIPE, SIG_IGN);
    memset(&server, 0, sizeof(server));
    assert_int_equal(sem_init(&server.taken, 0, 0), 0);
    assert_int_equal(sem_init(&server.spoken, 0, 0), 0);
    server.fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server.fd, (struct sockaddr *) &a, sizeof(a)), 0);
    assert_int_equal(listen(server.fd, 8), 0);
    assert_int_equal(getsockname(server.fd, (struct sockaddr *) &a, &len),
        0);
    server.port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
    (void) snprintf(url, sizeof(url), "http://127.0.0.1:%u/", server.port);
    assert_int_equal(tg_aws_http_open(&http, NULL, &err), TG_OK);
    tg_aws_reply_init(&reply);
    return 0;
}

static int
tear_down(void **state)
{
    (void) state;
    tg_aws_reply_clear(&reply);
    tg_aws_http_close(http);
    shutdown(server.fd, SHUT_RDWR);
    close(server.fd);
    pthread_join(server.thread, NULL);
    return 0;
}

static enum tg_aws_delivery
send_to(const char *where)
{
    const struct tg_aws_transport *t = tg_aws_http_transport(http);
    const struct tg_header         headers[] = { { "Host", "signed.host" },
        { "X-Amz-Target", "T" } };
    const struct tg_aws_request    request = { "POST", where, headers, 2,
        "{}", 2, 2000 };

    tg_aws_reply_clear(&reply);
    return t->send(t->data, &request, &reply, &err);
}

static void
an_answer_comes_whole(void **state)
{
    (void) state;
    server.answers[0] = "HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n"
        "date: Mon, 23 Nov 2026 02:00:00 GMT\r\nRetry-After: 7\r\n"
        "X-Amzn-ErrorType:  A#B \r\nx-amzn-requestid: id-1\r\n\r\n{}";
    assert_int_equal(send_to(url), TG_AWS_ANSWERED);
    assert_int_equal(reply.status, 400);
    assert_int_equal(reply.date_s, 1795399200);
    assert_int_equal(reply.retry_after_s, 7);
    assert_string_equal(reply.error_type, "A#B");
    assert_string_equal(reply.request_id, "id-1");
    assert_string_equal(reply.body.data, "{}");
    assert_non_null(strstr(server.request, "POST / HTTP/1.1\r\n"));
    assert_non_null(strstr(server.request, "Host: signed.host\r\n"));
    assert_null(strstr(server.request, "Expect:"));
}

static void
nobody_listening_is_surely_not_sent(void **state)
{
    (void) state;
    assert_int_equal(send_to("http://127.0.0.1:1/"), TG_AWS_NOT_SENT);
    assert_true(strlen(err.message) > 0);
    assert_int_equal(send_to("ftp://127.0.0.1/"), TG_AWS_NOT_SENT);
    assert_int_equal(send_to("http://no.such.host.invalid/"),
        TG_AWS_NOT_SENT);
}

static void
a_connection_closed_after_the_request_is_lost(void **state)
{
    (void) state;
    assert_int_equal(send_to(url), TG_AWS_LOST); /* answers[0] is NULL */
}

static void
half_an_answer_is_lost(void **state)
{
    (void) state;
    server.answers[0] = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{";
    /* waits for the rest until the time-out */
    assert_int_equal(send_to(url), TG_AWS_LOST);
}

static void
garbage_is_lost(void **state)
{
    (void) state;
    server.answers[0] = "what is this\r\n\r\n";
    assert_int_equal(send_to(url), TG_AWS_LOST);
}

static void
redirects_and_proxies_are_not_followed(void **state)
{
    (void) state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    server.answers[0] = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/"
        "\r\nContent-Length: 0\r\n\r\n";
    assert_int_equal(send_to(url), TG_AWS_ANSWERED);
    assert_int_equal(reply.status, 302);
    unsetenv("http_proxy");
}

static void
connections_are_kept(void **state)
{
    (void) state;
    server.answers[0] = server.answers[1] =
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    assert_int_equal(send_to(url), TG_AWS_ANSWERED);
    assert_int_equal(send_to(url), TG_AWS_ANSWERED);
    assert_int_equal(server.next, 2);
}

static void
a_lost_reply_is_not_asked_for_again(void **state)
{
    /* the second request goes out on the kept connection (X5) */
    (void) state;
    server.answers[0] = server.answers[2] =
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    assert_int_equal(send_to(url), TG_AWS_ANSWERED);
    assert_int_equal(send_to(url), TG_AWS_LOST); /* answers[1] is NULL */
    assert_int_equal(server.next, 2);
    assert_int_equal(send_to(url), TG_AWS_ANSWERED);
}

static void
a_request_that_left_before_the_connection_died_is_lost(void **state)
{
    char dead[64];

    /*
     * The second request goes out on the kept connection, which the server
     * closes; it listens no more, so that a second attempt would end with
     * "could not connect" (X1).
     */
    (void) state;
    server.answers[0] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    strcpy(dead, url);
    assert_int_equal(send_to(dead), TG_AWS_ANSWERED);
    shutdown(server.fd, SHUT_RDWR);
    close(server.fd);
    assert_int_equal(send_to(dead), TG_AWS_LOST);
}

#define ANSWER(id)                                                            \
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx-amzn-RequestId: " id          \
    "\r\n\r\n{}"

/* Both copies come in one piece. */
static void
a_doubled_reply_answers_one_request(void **state)
{
    (void) state;
    server.answers[0] = ANSWER("id-1") ANSWER("id-1");
    server.answers[1] = ANSWER("id-2");
    assert_int_equal(send_to(url), TG_AWS_ANSWERED);
    assert_string_equal(reply.request_id, "id-1");
    assert_int_equal(send_to(url), TG_AWS_ANSWERED);
    assert_string_equal(reply.request_id, "id-2"); /* X6 */
    assert_int_equal(server.next, 2);
}

/* The copy comes when nobody asks, and would be the next one's answer. */
static void
what_was_said_unasked_is_no_answer(void **state)
{
    size_t                   i;
    static const char *const words[] = { ANSWER("id-1"), ANSWER("id-0"),
        "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n" };

    (void) state;
    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        server.next = 0;
        server.unasked = words[i];
        server.answers[0] = ANSWER("id-1");
        server.answers[1] = ANSWER("id-2");
        assert_int_equal(send_to(url), TG_AWS_ANSWERED);
        assert_string_equal(reply.request_id, "id-1");
        sem_post(&server.taken);
        sem_wait(&server.spoken);
        assert_int_equal(send_to(url), TG_AWS_ANSWERED);
        assert_string_equal(reply.request_id, "id-2");
        tg_aws_http_close(http); /* the ids are new again */
        assert_int_equal(tg_aws_http_open(&http, NULL, &err), TG_OK);
    }
}

/* The copy comes before the answer to the next request, which has left. */
static void
an_answer_that_was_given_before_is_lost(void **state)
{
    (void) state;
    server.answers[0] = ANSWER("id-1");
    server.answers[1] = ANSWER("id-1") ANSWER("id-2");
    server.answers[2] = ANSWER("id-3");
    assert_int_equal(send_to(url), TG_AWS_ANSWERED);
    assert_int_equal(send_to(url), TG_AWS_LOST); /* X6 */
    assert_non_null(strstr(err.message, "id-1"));
    assert_int_equal(send_to(url), TG_AWS_ANSWERED);
    assert_string_equal(reply.request_id, "id-3");
    assert_int_equal(server.next, 3); /* X5 */
}

static void
an_endless_answer_is_cut(void **state)
{
    size_t       len = TG_AWS_REPLY_MAX + 100000;
    char        *text = malloc(len + 100);
    int          n = sprintf(text, "HTTP/1.1 200 OK\r\n"
        "Content-Length: %zu\r\n\r\n", len);

    (void) state;
    memset(text + n, 'x', len);
    text[(size_t) n + len] = '\0';
    server.answers[0] = text;
    assert_int_equal(send_to(url), TG_AWS_LOST); /* X2 */
    free(text);
}

static void
a_url_is_split_as_it_is_signed(void **state)
{
    size_t        i;
    struct tg_buf host, path;
    static const struct {
        const char *url, *host, *path;
    } rows[] = {
        { "https://a.example", "a.example", "/" },
        { "https://a.example:443/x", "a.example", "/x" },
        { "http://a.example:80", "a.example", "/" },
        { "http://a.example:443", "a.example:443", "/" },
        { "http://localhost:8090/base/", "localhost:8090", "/base/" },
        { "http://[::1]:8090", "[::1]:8090", "/" },
        { "https://a.example/?q=1", NULL, NULL },
        { "https://user@a.example/", NULL, NULL },
        { "ftp://a.example/", NULL, NULL },
        { "nonsense", NULL, NULL },
    };

    (void) state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tg_buf_init(&host, 100);
        tg_buf_init(&path, 100);
        if (rows[i].host == NULL) {
            assert_int_equal(tg_aws_url_split(&host, &path, rows[i].url,
                &err), TG_INVALID);
        } else {
            assert_int_equal(tg_aws_url_split(&host, &path, rows[i].url,
                &err), TG_OK);
            assert_string_equal(host.data, rows[i].host);
            assert_string_equal(path.data, rows[i].path);
        }
        tg_buf_clear(&host);
        tg_buf_clear(&path);
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_answer_comes_whole),
        TEST(nobody_listening_is_surely_not_sent),
        TEST(a_connection_closed_after_the_request_is_lost),
        TEST(half_an_answer_is_lost),
        TEST(garbage_is_lost),
        TEST(redirects_and_proxies_are_not_followed),
        TEST(connections_are_kept),
        TEST(a_lost_reply_is_not_asked_for_again),
        TEST(a_request_that_left_before_the_connection_died_is_lost),
        TEST(a_doubled_reply_answers_one_request),
        TEST(what_was_said_unasked_is_no_answer),
        TEST(an_answer_that_was_given_before_is_lost),
        TEST(an_endless_answer_is_cut),
        cmocka_unit_test(a_url_is_split_as_it_is_signed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
