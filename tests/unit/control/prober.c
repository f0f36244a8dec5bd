/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "control/prober.h"
#include "util/log.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t  told = PTHREAD_COND_INITIALIZER;
static int             changes;

static bool
on_change(void *data)
{
    (void) data;
    pthread_mutex_lock(&lock);
    changes++;
    pthread_cond_signal(&told);
    pthread_mutex_unlock(&lock);
    return true;
}

static void
await_change(int wanted)
{
    struct timespec until;
    int             failed = 0;

    (void) clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    pthread_mutex_lock(&lock);
    while (changes < wanted && !failed) {
        failed = pthread_cond_timedwait(&told, &lock, &until);
    }
    pthread_mutex_unlock(&lock);
    assert_int_equal(changes, wanted);
}

/* A port of the loopback, and its socket, which may listen or not. */
static int
bind_port(uint16_t *port)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t          len = sizeof(at);
    int                fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *) &at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *) &at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static void
addresses_go_down_and_come_up(void **state)
{
    struct tg_route_address list[] = {
        { .family = AF_INET, .addr = { 127, 0, 0, 1 } },
        { .family = AF_INET, .addr = { 127, 0, 0, 1 } },
    };
    struct tg_prober       *p;
    struct tg_buf           text;
    int                     open_fd, shut_fd;

    (void) state;
    tg_log_set_level(TG_LOG_ERROR);
    open_fd = bind_port(&list[0].port);
    shut_fd = bind_port(&list[1].port);
    assert_int_equal(listen(open_fd, 8), 0);
    assert_int_equal(tg_prober_open(&p, &(struct tg_prober_config) {
        .interval_s = 1, .timeout_ms = 5000, .on_change = on_change }, NULL),
        TG_OK);

    tg_prober_mark(p, list, 2);
    assert_int_equal(list[1].is_down, 0); /* nothing is known yet */
    await_change(1);
    tg_prober_mark(p, list, 2);
    assert_int_equal(list[0].is_down, 0);
    assert_int_equal(list[1].is_down, 1);

    tg_buf_init(&text, 4096);
    tg_prober_metrics(p, &text);
    assert_non_null(strstr(text.data, "\"} 0\n"));
    assert_non_null(strstr(text.data, "\"} 1\n"));
    tg_buf_clear(&text);

    assert_int_equal(listen(shut_fd, 8), 0);
    await_change(2);
    tg_prober_mark(p, list, 2);
    assert_int_equal(list[1].is_down, 0);

    tg_prober_close(p);
    (void) close(open_fd);
    (void) close(shut_fd);
}

static void
the_only_address_of_a_backend_is_left_alone(void **state)
{
    struct tg_route_address one = { .family = AF_INET, .port = 9,
        .addr = { 127, 0, 0, 1 } };
    struct tg_prober       *p;
    struct tg_buf           text;

    (void) state;
    assert_int_equal(tg_prober_open(&p, &(struct tg_prober_config) {
        .interval_s = 1, .timeout_ms = 50, .on_change = on_change }, NULL),
        TG_OK);
    tg_prober_mark(p, &one, 1);
    tg_buf_init(&text, 4096);
    tg_prober_metrics(p, &text);
    assert_null(strstr(text.data, "{"));
    tg_buf_clear(&text);
    tg_prober_renew(p);
    tg_prober_close(p);

    tg_prober_mark(NULL, &one, 1); /* no prober, nothing is down */
    assert_int_equal(one.is_down, 0);
    tg_prober_renew(NULL);
    tg_prober_close(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_go_down_and_come_up),
        cmocka_unit_test(the_only_address_of_a_backend_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
