/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/courier.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "billing/settle.h"
#include "billing/verdict.h"

#define NS INT64_C(1000000000)
#define NAP_NS INT64_C(50000000) /* how late a stop may be seen */

/* Oldest first. */
struct queue {
    struct tg_batch  *first;
    struct tg_batch **end;
};

struct tg_courier {
    struct tg_courier_config config;
    struct tg_marketplace    marketplace; /* behind the gate */
    struct tg_aws_transport  gate;
    pthread_t               *threads;
    unsigned                 thread_count;
    _Atomic bool             is_stopping;

    pthread_mutex_t lock; /* guards all that follows */
    pthread_cond_t  work;
    struct queue    waiting, done;
    size_t          flying; /* waiting, or in a thread's hands */
    int64_t         next_ns; /* when the next request may begin */
};

static void
queue_init(struct queue *q)
{
    q->first = NULL;
    q->end = &q->first;
}

static void
queue_add(struct queue *q, struct tg_batch *b)
{
    b->next = NULL;
    *q->end = b;
    q->end = &b->next;
}

static struct tg_batch *
queue_take(struct queue *q)
{
    struct tg_batch *b = q->first;

    if (b != NULL) {
        q->first = b->next;
        if (q->first == NULL) {
            q->end = &q->first;
        }
        b->next = NULL;
    }
    return b;
}

/*
 * ---- the gate
 */

static int64_t
monotonic_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t) t.tv_sec * NS + t.tv_nsec;
}

/*
 * Waits for a place in the account's rate.  Relative sleeps: absolute ones
 * fail where libfaketime leaves the monotonic clock alone.
 */
static void
keep_rate(struct tg_courier *c)
{
    int64_t         left, now_ns = monotonic_ns(), start_ns;
    struct timespec nap = { 0, 0 };

    if (c->config.rate == 0) {
        return;
    }
    pthread_mutex_lock(&c->lock);
    start_ns = c->next_ns > now_ns ? c->next_ns : now_ns;
    c->next_ns = start_ns + NS / c->config.rate;
    pthread_mutex_unlock(&c->lock);
    while ((left = start_ns - monotonic_ns()) > 0
        && !atomic_load(&c->is_stopping))
    {
        nap.tv_nsec = left < NAP_NS ? left : NAP_NS;
        nanosleep(&nap, NULL);
    }
}

static enum tg_aws_delivery
pass_gate(void *data, const struct tg_aws_request *request,
    struct tg_aws_reply *reply, struct tg_error *err)
{
    int64_t                        need_s = request->timeout_ms / 1000 + 1;
    struct tg_courier             *c = data;
    const struct tg_aws_transport *t = c->config.marketplace->transport;

    keep_rate(c);
    if (atomic_load(&c->is_stopping)) {
        (void) tg_error_set(err, TG_BUSY, "the reporter is stopping");
        return TG_AWS_NOT_SENT;
    }
    if (tg_lease_left(c->config.lease, c->config.boot_s()) < need_s) {
        (void) tg_error_set(err, TG_STALE, "this process was silent for so"
            " long that another may have taken over");
        return TG_AWS_NOT_SENT;
    }
    return t->send(t->data, request, reply, err);
}

/*
 * ---- the threads
 */

static void
carry(struct tg_courier *c, struct tg_batch *b)
{
    tg_batch_send(b, &c->marketplace);
    if (b->result.date_s != 0) {
        (void) tg_guard_date(c->config.guard, b->result.date_s,
            c->config.now_s(), c->config.boot_s());
    }
    tg_verdict_judge(b);
    if (tg_settle_render(b, c->config.settings, c->config.now_s(), NULL)
        != TG_OK)
    {
        b->entry = NULL; /* made when the answer is written down */
    }
    pthread_mutex_lock(&c->lock);
    queue_add(&c->done, b);
    c->flying--;
    pthread_mutex_unlock(&c->lock);
    if (c->config.wake != NULL) {
        c->config.wake(c->config.data);
    }
}

static void *
thread_main(void *data)
{
    struct tg_batch   *b;
    struct tg_courier *c = data;

    for (;;) {
        pthread_mutex_lock(&c->lock);
        while (c->waiting.first == NULL && !atomic_load(&c->is_stopping)) {
            pthread_cond_wait(&c->work, &c->lock);
        }
        b = queue_take(&c->waiting);
        pthread_mutex_unlock(&c->lock);
        if (b == NULL) {
            return NULL;
        }
        carry(c, b);
    }
}

/* Signals are the main thread's. */
static int
start_threads(struct tg_courier *c)
{
    int      rc = 0;
    unsigned i;
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (i = 0; i < c->config.threads && rc == 0; i++) {
        rc = pthread_create(&c->threads[i], NULL, thread_main, c);
        c->thread_count += rc == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

enum tg_status
tg_courier_open(struct tg_courier **out,
    const struct tg_courier_config *config, struct tg_error *err)
{
    struct tg_courier *c = calloc(1, sizeof(*c));

    *out = NULL;
    if (c == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    c->config = *config;
    c->marketplace = *config->marketplace;
    c->gate = (struct tg_aws_transport) { pass_gate, c };
    c->marketplace.transport = &c->gate;
    queue_init(&c->waiting);
    queue_init(&c->done);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->work, NULL);
    c->threads = calloc(config->threads + 1, sizeof(*c->threads));
    if (c->threads == NULL) {
        tg_courier_close(c);
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    errno = start_threads(c);
    if (errno != 0) {
        (void) tg_error_errno(err, TG_ERROR, "cannot start the reporter's"
            " threads");
        tg_courier_close(c);
        return TG_ERROR;
    }
    *out = c;
    return TG_OK;
}

void
tg_courier_stop(struct tg_courier *c)
{
    if (c != NULL) {
        pthread_mutex_lock(&c->lock);
        atomic_store(&c->is_stopping, true);
        pthread_cond_broadcast(&c->work);
        pthread_mutex_unlock(&c->lock);
    }
}

/* The threads empty the queue first, through a gate that is shut (K2). */
static void
join_threads(struct tg_courier *c)
{
    while (c->thread_count > 0) {
        pthread_join(c->threads[--c->thread_count], NULL);
    }
}

void
tg_courier_close(struct tg_courier *c)
{
    if (c == NULL) {
        return;
    }
    tg_courier_stop(c);
    join_threads(c);
    tg_batch_free_all(c->waiting.first);
    tg_batch_free_all(c->done.first);
    pthread_cond_destroy(&c->work);
    pthread_mutex_destroy(&c->lock);
    free(c->threads);
    free(c);
}

void
tg_courier_drain(struct tg_courier *c)
{
    tg_courier_stop(c);
    join_threads(c);
}

/*
 * ---- the reporter's side
 */

void
tg_courier_submit(struct tg_courier *c, struct tg_batch *batch)
{
    pthread_mutex_lock(&c->lock);
    c->flying++;
    if (c->thread_count > 0) {
        queue_add(&c->waiting, batch);
        pthread_cond_signal(&c->work);
        batch = NULL;
    }
    pthread_mutex_unlock(&c->lock);
    if (batch != NULL) {
        carry(c, batch); /* K3 */
    }
}

struct tg_batch *
tg_courier_collect(struct tg_courier *c)
{
    struct tg_batch *list;

    pthread_mutex_lock(&c->lock);
    list = c->done.first;
    queue_init(&c->done);
    pthread_mutex_unlock(&c->lock);
    return list;
}

size_t
tg_courier_flying(struct tg_courier *c)
{
    size_t flying;

    pthread_mutex_lock(&c->lock);
    flying = c->flying;
    pthread_mutex_unlock(&c->lock);
    return flying;
}
