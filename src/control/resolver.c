/*
 * resolver.c - see resolver.h
 *
 * The list of names is guarded by the lock; the look-up itself runs without
 * it, on a copy of the name.  A round marks the names that are due, and its
 * thread and some helpers take one after the other: a name server that is
 * silent holds up as many names as there are of these, and no more.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "control/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/log.h"

#define IDLE_ROUNDS 120 /* look-ups of a name that no route uses */
#define HOST_SIZE 256
#define HELPERS_MAX 7

struct name {
    struct name *next;
    char         host[HOST_SIZE];
    bool         is_known; /* has had an answer, or a failure */
    int          failure;  /* of the last look-up (EAI_*), 0: none */
    bool         is_due;   /* in this round, and nobody has begun */
    bool         is_used;  /* by the present routes */
    unsigned     idle;     /* look-ups since it was used or hinted at */
    size_t       count;
    struct tg_route_address addresses[TG_RESOLVER_ADDRESSES_MAX];
};

struct tg_resolver {
    pthread_mutex_t lock; /* guards all that follows but thread */
    pthread_cond_t  wake; /* to the thread: a new name, or the end */
    pthread_cond_t  told; /* from the thread: a round has ended */
    struct name    *names;
    bool            has_new;
    bool            has_changed; /* an address, in this round */
    bool            is_closing;
    unsigned        period_ms;
    bool          (*on_change)(void *data);
    void           *data;
    pthread_t       thread;
};

/* ---- the names ---- */

static struct name *
find(struct tg_resolver *r, const char *host)
{
    struct name *n = r->names;

    while (n && strcmp(n->host, host) != 0) {
        n = n->next;
    }
    return n;
}

static struct name *
find_or_add(struct tg_resolver *r, const char *host)
{
    struct name *n = find(r, host);

    if (!n && strlen(host) < HOST_SIZE && (n = calloc(1, sizeof *n))) {
        strcpy(n->host, host);
        n->next = r->names;
        r->names = n;
        r->has_new = true;
        pthread_cond_signal(&r->wake);
    }
    return n;
}

static bool
parse_literal(struct tg_route_address *out, const char *host)
{
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, host, out->addr) == 1) {
        out->family = AF_INET;
    } else if (inet_pton(AF_INET6, host, out->addr) == 1) {
        out->family = AF_INET6;
    }
    return out->family != 0;
}

enum tg_status
tg_resolver_get(struct tg_resolver *r, struct tg_arena *arena,
    const char *host, uint16_t port, struct tg_route_address **out,
    size_t *count)
{
    struct tg_route_address *list = tg_arena_alloc(arena,
        TG_RESOLVER_ADDRESSES_MAX * sizeof *list);
    struct name             *n;

    *out = list;
    *count = 0;
    if (!list) {
        return TG_NOMEM;
    }
    if (parse_literal(list, host)) {
        *count = 1;
    } else {
        pthread_mutex_lock(&r->lock);
        n = find_or_add(r, host);
        if (n) {
            n->is_used = true;
            n->idle = 0;
            *count = n->count;
            memcpy(list, n->addresses, n->count * sizeof *list);
        }
        pthread_mutex_unlock(&r->lock);
    }
    for (size_t i = 0; i < *count; i++) {
        list[i].port = port;
    }
    return TG_OK;
}

void
tg_resolver_hint(struct tg_resolver *r, const char *host)
{
    struct tg_route_address literal;
    struct name            *n;

    if (parse_literal(&literal, host)) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    n = find_or_add(r, host);
    if (n) {
        n->idle = 0;
    }
    pthread_mutex_unlock(&r->lock);
}

void
tg_resolver_renew(struct tg_resolver *r)
{
    pthread_mutex_lock(&r->lock);
    for (struct name *n = r->names; n; n = n->next) {
        n->is_used = false;
    }
    pthread_mutex_unlock(&r->lock);
}

static bool
all_known(const struct tg_resolver *r)
{
    const struct name *n = r->names;

    while (n && n->is_known) {
        n = n->next;
    }
    return n == NULL;
}

/* An absolute time of CLOCK_MONOTONIC, which both conditions use. */
static struct timespec
after_ms(unsigned ms)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (long) (ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

void
tg_resolver_settle(struct tg_resolver *r, unsigned timeout_ms)
{
    struct timespec end = after_ms(timeout_ms);
    int             failed = 0;

    pthread_mutex_lock(&r->lock);
    while (!all_known(r) && failed != ETIMEDOUT) {
        failed = pthread_cond_clockwait(&r->told, &r->lock, CLOCK_MONOTONIC,
            &end);
    }
    pthread_mutex_unlock(&r->lock);
}

/* ---- looking up ---- */

static bool
holds(const struct tg_route_address *list, size_t count,
    const struct tg_route_address *wanted)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(&list[i], wanted, sizeof *wanted) == 0) {
            return true;
        }
    }
    return false;
}

static void
add_address(struct name *n, const struct addrinfo *info)
{
    struct tg_route_address a = { 0 };

    if (info->ai_family == AF_INET) {
        const void *in = &((struct sockaddr_in *) info->ai_addr)->sin_addr;

        memcpy(a.addr, in, 4);
    } else if (info->ai_family == AF_INET6) {
        const void *in = &((struct sockaddr_in6 *) info->ai_addr)->sin6_addr;

        memcpy(a.addr, in, 16);
    } else {
        return;
    }
    a.family = (uint16_t) info->ai_family;
    if (n->count < TG_RESOLVER_ADDRESSES_MAX
        && !holds(n->addresses, n->count, &a))
    {
        n->addresses[n->count++] = a;
    }
}

/* Looks host up into *out; false when there was no answer (L2). */
static bool
look_up(struct name *out, const char *host)
{
    struct addrinfo  hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *list = NULL;

    out->count = 0;
    out->failure = getaddrinfo(host, NULL, &hints, &list);
    if (out->failure != 0) {
        return out->failure == EAI_NONAME || out->failure == EAI_NODATA;
    }
    for (const struct addrinfo *i = list; i; i = i->ai_next) {
        add_address(out, i);
    }
    freeaddrinfo(list);
    return true;
}

/* The resolver's order may rotate: only another set is a change. */
static bool
same_set(const struct name *a, const struct name *b)
{
    for (size_t i = 0; i < a->count; i++) {
        if (!holds(b->addresses, b->count, &a->addresses[i])) {
            return false;
        }
    }
    return a->count == b->count;
}

/* Once a failure, not once a look-up. */
static void
log_failure(const struct name *n, int failure)
{
    if (failure != 0 && failure != n->failure) {
        tg_log(TG_LOG_WARN, "backend_not_resolved", "host", n->host, "msg",
            gai_strerror(failure), NULL);
    }
}

/* Looks one name up, with the lock given up meanwhile; whether it changed. */
static bool
refresh(struct tg_resolver *r, const char *host)
{
    struct name  answer;
    struct name *n;
    bool         answered, changed = false;

    pthread_mutex_unlock(&r->lock);
    answered = look_up(&answer, host);
    pthread_mutex_lock(&r->lock);
    n = find(r, host);
    if (!n) {
        return false;
    }
    log_failure(n, answer.failure);
    n->failure = answer.failure;
    if (answered && !same_set(n, &answer)) {
        n->count = answer.count;
        memcpy(n->addresses, answer.addresses, sizeof n->addresses);
        changed = n->is_used;
    }
    n->is_known = true;
    n->idle = n->is_used ? 0 : n->idle + 1;
    return changed;
}

static void
forget_idle(struct tg_resolver *r)
{
    struct name **link = &r->names;

    while (*link) {
        struct name *n = *link;

        if (!n->is_used && n->idle > IDLE_ROUNDS) {
            *link = n->next;
            free(n);
        } else {
            link = &n->next;
        }
    }
}

/* Marks every name, or the new ones alone; how many. */
static size_t
mark_due(struct tg_resolver *r, bool only_new)
{
    size_t count = 0;

    for (struct name *n = r->names; n; n = n->next) {
        n->is_due = !only_new || !n->is_known;
        count += n->is_due ? 1 : 0;
    }
    return count;
}

static bool
take_due(struct tg_resolver *r, char host[HOST_SIZE])
{
    for (struct name *n = r->names; n && !r->is_closing; n = n->next) {
        if (n->is_due) {
            n->is_due = false;
            strcpy(host, n->host);
            return true;
        }
    }
    return false;
}

/* With the lock: looks up what is due, until nothing is. */
static void
work(struct tg_resolver *r)
{
    char host[HOST_SIZE];

    while (take_due(r, host)) {
        if (refresh(r, host)) {
            r->has_changed = true;
        }
    }
}

static void *
help(void *data)
{
    struct tg_resolver *r = data;

    pthread_mutex_lock(&r->lock);
    work(r);
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/*
 * One look-up of every name, or of the new ones alone.  Names are taken out of
 * the list at its end only, when the helpers are gone.  With fewer of them
 * than are wanted it takes longer, and that is all.
 */
static bool
round_of(struct tg_resolver *r, bool only_new)
{
    size_t    due = mark_due(r, only_new), count = 0;
    pthread_t helpers[HELPERS_MAX];

    r->has_new = false;
    r->has_changed = false;
    while (count < HELPERS_MAX && count + 1 < due
        && pthread_create(&helpers[count], NULL, help, r) == 0)
    {
        count++;
    }
    work(r);
    pthread_mutex_unlock(&r->lock);
    while (count > 0) {
        pthread_join(helpers[--count], NULL);
    }
    pthread_mutex_lock(&r->lock);
    forget_idle(r);
    pthread_cond_broadcast(&r->told);
    return r->has_changed;
}

static void *
run(void *data)
{
    struct tg_resolver *r = data;
    struct timespec     next = after_ms(r->period_ms);
    int                 waited;
    bool                changed = false;

    pthread_mutex_lock(&r->lock);
    while (!r->is_closing) {
        waited = r->has_new
            ? 0
            : pthread_cond_clockwait(&r->wake, &r->lock, CLOCK_MONOTONIC,
                &next);
        if (r->is_closing) {
            break;
        }
        changed = round_of(r, waited != ETIMEDOUT) || changed;
        if (waited == ETIMEDOUT) {
            next = after_ms(r->period_ms);
        }
        if (changed) {
            pthread_mutex_unlock(&r->lock);
            changed = !r->on_change(r->data);
            pthread_mutex_lock(&r->lock);
        }
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* ---- life ---- */

enum tg_status
tg_resolver_open(struct tg_resolver **out, int period_s,
    bool (*on_change)(void *data), void *data, struct tg_error *err)
{
    struct tg_resolver *r = calloc(1, sizeof *r);

    *out = NULL;
    if (!r) {
        return tg_error_set(err, TG_NOMEM, "no memory for the resolver");
    }
    r->period_ms = (unsigned) period_s * 1000;
    r->on_change = on_change;
    r->data = data;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->wake, NULL);
    pthread_cond_init(&r->told, NULL);
    errno = pthread_create(&r->thread, NULL, run, r);
    if (errno) {
        enum tg_status status
            = tg_error_errno(err, TG_ERROR, "the resolver's thread");

        free(r);
        return status;
    }
    *out = r;
    return TG_OK;
}

void
tg_resolver_close(struct tg_resolver *r)
{
    struct name *n, *next;

    if (!r) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    r->is_closing = true;
    pthread_cond_broadcast(&r->wake);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    for (n = r->names; n; n = next) {
        next = n->next;
        free(n);
    }
    pthread_cond_destroy(&r->wake);
    pthread_cond_destroy(&r->told);
    pthread_mutex_destroy(&r->lock);
    free(r);
}
