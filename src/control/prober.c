/*
 * prober.c - see prober.h
 *
 * The list of targets is guarded by the lock; connections are tried without
 * it, on copies of the addresses, many at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "control/prober.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/log.h"

#define FAILURES 2   /* in a row, and an address is down */
#define IDLE_ROUNDS 2 /* of an address that no backend has; builds take time */
#define AT_ONCE 64   /* connections of one round */
#define TARGETS_MAX 4096
#define TEXT_SIZE (INET6_ADDRSTRLEN + 10)

struct target {
    struct tg_route_address address; /* is_down says what was told last */
    bool                    is_used; /* by the present routes */
    unsigned                idle; /* rounds since it was used */
    unsigned                failures;
};

struct tg_prober {
    struct tg_prober_config config;
    pthread_mutex_t         lock; /* guards all that follows but thread */
    pthread_cond_t          wake;
    struct target          *targets;
    size_t                  count;
    bool                    is_closing;
    pthread_t               thread;
};

/* ---- targets ---- */

static bool
is_same(const struct tg_route_address *a, const struct tg_route_address *b)
{
    return a->family == b->family && a->port == b->port
        && memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

static struct target *
find(struct tg_prober *p, const struct tg_route_address *address)
{
    for (size_t i = 0; i < p->count; i++) {
        if (is_same(&p->targets[i].address, address)) {
            return &p->targets[i];
        }
    }
    return NULL;
}

static struct target *
find_or_add(struct tg_prober *p, const struct tg_route_address *address)
{
    struct target *t = find(p, address);

    if (t == NULL && p->count < TARGETS_MAX) {
        t = &p->targets[p->count++];
        *t = (struct target) { .address = *address };
        t->address.is_down = 0;
    }
    return t;
}

void
tg_prober_mark(struct tg_prober *p, struct tg_route_address *list,
    size_t count)
{
    struct target *t;

    if (p == NULL || count < 2) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < count; i++) {
        t = find_or_add(p, &list[i]);
        if (t != NULL) {
            t->is_used = true;
            list[i].is_down = t->address.is_down;
        }
    }
    pthread_mutex_unlock(&p->lock);
}

void
tg_prober_renew(struct tg_prober *p)
{
    if (p == NULL) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->count; i++) {
        p->targets[i].is_used = false;
    }
    pthread_mutex_unlock(&p->lock);
}

static void
forget_unused(struct tg_prober *p)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->count; i++) {
        struct target *t = &p->targets[i];

        t->idle = t->is_used ? 0 : t->idle + 1;
        if (t->idle <= IDLE_ROUNDS) {
            p->targets[kept++] = *t;
        }
    }
    p->count = kept;
}

/* "127.0.0.1:8080", "[::1]:8080" */
static void
format(char out[TEXT_SIZE], const struct tg_route_address *a)
{
    char text[INET6_ADDRSTRLEN];

    (void) inet_ntop(a->family, a->addr, text, sizeof(text));
    (void) snprintf(out, TEXT_SIZE, a->family == AF_INET6 ? "[%s]:%u"
                                                         : "%s:%u",
        text, (unsigned) a->port);
}

/* ---- one round ---- */

struct attempt {
    struct tg_route_address address;
    int                     fd; /* -1: it is over */
    bool                    is_good;
};

static socklen_t
fill(struct sockaddr_storage *out, const struct tg_route_address *a)
{
    struct sockaddr_in  *v4 = (struct sockaddr_in *) out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) out;

    memset(out, 0, sizeof(*out));
    out->ss_family = a->family;
    if (a->family == AF_INET6) {
        v6->sin6_port = htons(a->port);
        memcpy(&v6->sin6_addr, a->addr, 16);
        return sizeof(*v6);
    }
    v4->sin_port = htons(a->port);
    memcpy(&v4->sin_addr, a->addr, 4);
    return sizeof(*v4);
}

static void
end(struct attempt *a, bool is_good)
{
    if (a->fd >= 0) {
        (void) close(a->fd);
    }
    a->fd = -1;
    a->is_good = is_good;
}

static void
begin(struct attempt *a)
{
    struct sockaddr_storage to;
    socklen_t               len = fill(&to, &a->address);

    a->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
        0);
    if (a->fd < 0) {
        /* Our own want of a descriptor says nothing of the address. */
        end(a, errno != EAFNOSUPPORT);
    } else if (connect(a->fd, (struct sockaddr *) &to, len) == 0) {
        end(a, true);
    } else if (errno != EINPROGRESS) {
        end(a, false);
    }
}

static int64_t
now_ms(void)
{
    struct timespec t;

    (void) clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
look(struct attempt *attempts, const struct pollfd *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int       error = 0;
        socklen_t len = sizeof(error);

        if (attempts[i].fd >= 0 && fds[i].revents != 0) {
            (void) getsockopt(attempts[i].fd, SOL_SOCKET, SO_ERROR, &error,
                &len);
            end(&attempts[i], error == 0);
        }
    }
}

static void
try_all(struct attempt *attempts, size_t count, int timeout_ms)
{
    struct pollfd fds[AT_ONCE];
    int64_t       end_ms = now_ms() + timeout_ms, left;
    bool          is_waiting = true;

    for (size_t i = 0; i < count; i++) {
        begin(&attempts[i]);
    }
    while (is_waiting && (left = end_ms - now_ms()) > 0) {
        is_waiting = false;
        for (size_t i = 0; i < count; i++) {
            fds[i] = (struct pollfd) { .fd = attempts[i].fd,
                .events = POLLOUT };
            is_waiting = is_waiting || attempts[i].fd >= 0;
        }
        if (is_waiting && poll(fds, count, (int) left) > 0) {
            look(attempts, fds, count);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (attempts[i].fd >= 0) {
            end(&attempts[i], false);
        }
    }
}

/* Whether the address has another state than before (P2). */
static bool
take_result(struct target *t, bool is_good)
{
    char     text[TEXT_SIZE];
    uint32_t is_down;

    t->failures = is_good ? 0 : t->failures + 1;
    is_down = is_good ? 0 : t->failures >= FAILURES ? 1 : t->address.is_down;
    if (is_down == t->address.is_down) {
        return false;
    }
    t->address.is_down = is_down;
    format(text, &t->address);
    if (is_down) {
        tg_log(TG_LOG_WARN, "backend_address_down", "address", text, NULL);
    } else {
        tg_log(TG_LOG_NOTICE, "backend_address_up", "address", text, NULL);
    }
    return true;
}

/* Every target once, with the lock given up meanwhile. */
static bool
round_of(struct tg_prober *p)
{
    struct attempt attempts[AT_ONCE];
    struct target *t;
    size_t         n;
    bool           is_changed = false;

    forget_unused(p);
    for (size_t first = 0; first < p->count && !p->is_closing; first += n) {
        n = p->count - first < AT_ONCE ? p->count - first : AT_ONCE;
        for (size_t i = 0; i < n; i++) {
            attempts[i] = (struct attempt) {
                .address = p->targets[first + i].address, .fd = -1 };
        }
        pthread_mutex_unlock(&p->lock);
        try_all(attempts, n, p->config.timeout_ms);
        pthread_mutex_lock(&p->lock);
        for (size_t i = 0; i < n; i++) {
            t = find(p, &attempts[i].address);
            if (t != NULL) {
                is_changed = take_result(t, attempts[i].is_good)
                    || is_changed;
            }
        }
    }
    return is_changed;
}

/* ---- life ---- */

static void
sleep_until_next(struct tg_prober *p)
{
    struct timespec at;

    (void) clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += p->config.interval_s;
    while (!p->is_closing
        && pthread_cond_clockwait(&p->wake, &p->lock, CLOCK_MONOTONIC,
            &at) != ETIMEDOUT)
    {
    }
}

static void *
run(void *data)
{
    struct tg_prober *p = data;
    bool              is_changed = false;

    pthread_mutex_lock(&p->lock);
    while (!p->is_closing) {
        sleep_until_next(p);
        is_changed = round_of(p) || is_changed;
        if (is_changed && !p->is_closing) {
            pthread_mutex_unlock(&p->lock);
            is_changed = !p->config.on_change(p->config.data);
            pthread_mutex_lock(&p->lock);
        }
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

enum tg_status
tg_prober_open(struct tg_prober **out, const struct tg_prober_config *config,
    struct tg_error *err)
{
    struct tg_prober  *p = calloc(1, sizeof(*p));

    *out = NULL;
    if (p == NULL
        || (p->targets = calloc(TARGETS_MAX, sizeof(*p->targets))) == NULL)
    {
        free(p);
        return tg_error_set(err, TG_NOMEM, "no memory for the prober");
    }
    p->config = *config;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    errno = pthread_create(&p->thread, NULL, run, p);
    if (errno) {
        enum tg_status status
            = tg_error_errno(err, TG_ERROR, "the prober's thread");

        free(p->targets);
        free(p);
        return status;
    }
    *out = p;
    return TG_OK;
}

void
tg_prober_close(struct tg_prober *p)
{
    if (p == NULL) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->is_closing = true;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p->targets);
    free(p);
}

void
tg_prober_metrics(struct tg_prober *p, struct tg_buf *out)
{
    char text[TEXT_SIZE];

    if (p == NULL) {
        return;
    }
    (void) tg_buf_puts(out, "# HELP tallygate_backend_address_up Whether an"
        " address of a backend with several takes connections.\n"
        "# TYPE tallygate_backend_address_up gauge\n");
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->count; i++) {
        format(text, &p->targets[i].address);
        (void) tg_buf_printf(out,
            "tallygate_backend_address_up{address=\"%s\"} %d\n", text,
            p->targets[i].address.is_down ? 0 : 1);
    }
    pthread_mutex_unlock(&p->lock);
}
