/*
 * billing.c - the collector's and the reporter's threads
 *
 * Both sleep in poll() on an eventfd, at most half a second: a jump of the
 * wall clock is seen by looking at it, not by a timer that it would move.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "billing/billing.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "billing/held.h"
#include "billing/lease.h"
#include "billing/runtime.h"
#include "billing/sealer.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/log.h"

#define TICK_MS 500
#define HOMECOMING_S 60 /* between two looks for usage that was held */
#define REPORTER_TICK_MS 500

/*
 * ---- bells and jobs
 */

static void
ring(int bell)
{
    uint64_t one = 1;

    /* a full counter rings as well */
    while (write(bell, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

static void
wait_for(int bell, int timeout_ms)
{
    uint64_t      count;
    struct pollfd fd = { .fd = bell, .events = POLLIN };

    if (poll(&fd, 1, timeout_ms) > 0
        && read(bell, &count, sizeof(count)) < 0)
    {
        return; /* somebody was quicker */
    }
}

void
tg_billing_ring(struct tg_billing *b)
{
    ring(b->reporter_bell);
}

void
tg_billing_retry(struct tg_billing *b)
{
    pthread_mutex_lock(&b->lock);
    b->wants_retry = true;
    pthread_mutex_unlock(&b->lock);
    ring(b->reporter_bell);
}

/* An answer is there; on one of the courier's threads. */
static void
on_answer(void *data)
{
    struct tg_billing *b = data;

    ring(b->reporter_bell);
}

static bool
is_stopping(struct tg_billing *b)
{
    bool stopping;

    pthread_mutex_lock(&b->lock);
    stopping = b->is_stopping;
    pthread_mutex_unlock(&b->lock);
    return stopping;
}

void
tg_billing_do(struct tg_billing *b, struct tg_job *job)
{
    struct tg_job **end;

    job->is_done = false;
    job->next = NULL;
    pthread_mutex_lock(&b->lock);
    if (!b->is_running || b->is_stopping) {
        job->status = tg_error_set(&job->err, TG_BUSY,
            "the daemon is stopping");
        pthread_mutex_unlock(&b->lock);
        return;
    }
    for (end = &b->jobs; *end != NULL; end = &(*end)->next) {
    }
    *end = job;
    ring(b->collector_bell);
    while (!job->is_done) {
        pthread_cond_wait(&b->done, &b->lock);
    }
    pthread_mutex_unlock(&b->lock);
}

static struct tg_job *
next_job(struct tg_billing *b)
{
    struct tg_job *job;

    pthread_mutex_lock(&b->lock);
    job = b->jobs;
    if (job != NULL) {
        b->jobs = job->next;
    }
    pthread_mutex_unlock(&b->lock);
    return job;
}

static void
finish_job(struct tg_billing *b, struct tg_job *job)
{
    pthread_mutex_lock(&b->lock);
    job->is_done = true;
    pthread_cond_broadcast(&b->done);
    pthread_mutex_unlock(&b->lock);
}

/*
 * ---- the collector's thread
 */

/* Remembers what is wrong for `status', and logs it when it is new. */
static void
note_trouble(struct tg_billing *b, enum tg_status status, const char *event,
    const struct tg_error *err)
{
    bool        is_new;
    const char *text = status == TG_OK ? "" : err->message;

    pthread_mutex_lock(&b->lock);
    is_new = strcmp(b->store_trouble, text) != 0;
    memcpy(b->store_trouble, text, strlen(text) + 1);
    pthread_mutex_unlock(&b->lock);
    if (is_new && status != TG_OK) {
        tg_logf(TG_LOG_ERROR, event, "%s", text);
    } else if (is_new) {
        tg_log(TG_LOG_NOTICE, "billing_resumed", NULL);
    }
}

static void
log_sealed(const char *event, int64_t sealed)
{
    char count[24];

    (void) snprintf(count, sizeof(count), "%" PRId64, sealed);
    tg_log(TG_LOG_INFO, event, "records", count, NULL);
}

/* Whether an hour has ended, or its seal was stopped half way. */
static enum tg_status
is_seal_due(struct tg_billing *b, bool *answer, int64_t now_s,
    struct tg_error *err)
{
    int64_t        through = 0;
    enum tg_status status;

    status = tg_sealer_through(b->collector_store, &through,
        b->config.settings, now_s, err);
    *answer = through < tg_sealer_due(b->config.settings, now_s);
    return status == TG_OK && !*answer
        ? tg_sealer_is_under_way(b->collector_store, answer, err) : status;
}

/* Usage that was held becomes billable where it can. */
static enum tg_status
bring_home(struct tg_billing *b, int64_t now_s, struct tg_error *err)
{
    int64_t        units = 0;
    enum tg_status status;

    status = tg_held_bring_home(b->collector_store, &units,
        b->config.settings, now_s, err);
    if (units > 0) {
        tg_logf(TG_LOG_NOTICE, "held_units_billed", "%" PRId64 " units that"
            " were held have found their agreement", units);
    }
    return status;
}

typedef enum tg_status sealer(struct tg_store *s, int64_t *sealed,
    const struct tg_settings *settings, int64_t now_s, struct tg_error *err);

/* A sweep, then the seal. */
static enum tg_status
sweep_and_seal(struct tg_billing *b, sealer *run, const char *event,
    int64_t now_s, struct tg_error *err)
{
    int64_t        sealed = 0;
    enum tg_status status;

    status = tg_collector_fold(b->collector, true, now_s, err);
    if (status == TG_OK) {
        status = bring_home(b, now_s, err);
    }
    if (status == TG_OK) {
        status = run(b->collector_store, &sealed, b->config.settings, now_s,
            err);
    }
    if (status == TG_OK) {
        log_sealed(event, sealed);
    }
    ring(b->reporter_bell);
    return status;
}

/* Seals what is due: ended hours, and the open one of who leaves. */
static enum tg_status
seal_if_due(struct tg_billing *b, int64_t now_s, int64_t boot_s,
    struct tg_error *err)
{
    bool           answer = false;
    char           reason[TG_GUARD_REASON_SIZE];
    enum tg_status status;

    if (tg_guard_reason(&b->guard, reason)) {
        return TG_OK; /* G1 */
    }
    status = is_seal_due(b, &answer, now_s, err);
    if (status == TG_OK && answer) {
        status = sweep_and_seal(b, tg_sealer_regular, "hour_sealed", now_s,
            err);
    }
    if (status == TG_OK) {
        status = tg_sealer_has_leavers(b->collector_store, &answer,
            b->config.settings, now_s, err);
    }
    if (status == TG_OK && answer) {
        status = sweep_and_seal(b, tg_sealer_leavers, "leaver_sealed", now_s,
            err);
    }
    if (status == TG_OK && boot_s >= b->next_homecoming_s) {
        status = bring_home(b, now_s, err);
        b->next_homecoming_s = boot_s + HOMECOMING_S;
    }
    return status;
}

static void
run_job(struct tg_billing *b, struct tg_job *job)
{
    char    reason[TG_GUARD_REASON_SIZE];
    int64_t through, now_s = tg_clock_now_s(), boot_s = tg_clock_boot_s();

    (void) tg_guard_look(&b->guard, now_s, boot_s);
    job->status = tg_collector_fold(b->collector, job->kind == TG_JOB_SEAL,
        now_s, &job->err);
    if (job->kind == TG_JOB_SEAL && job->status == TG_OK) {
        if (tg_guard_reason(&b->guard, reason)) {
            job->status = tg_error_set(&job->err, TG_BUSY, "%s", reason);
        } else {
            job->status = tg_sealer_through(b->collector_store, &through,
                b->config.settings, now_s, &job->err);
        }
        if (job->status == TG_OK) {
            job->status = bring_home(b, now_s, &job->err);
        }
        if (job->status == TG_OK) {
            job->status = tg_sealer_early(b->collector_store, &job->sealed,
                b->config.settings, job->agreement_id, now_s, &job->err);
        }
        if (job->status == TG_OK) {
            log_sealed("hour_sealed_early", job->sealed);
        }
        ring(b->reporter_bell);
    }
    finish_job(b, job);
}

/* Processor time of this thread. */
static int64_t
spent_ms(void)
{
    struct timespec t = { 0, 0 };

    (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/*
 * One look: fold when the second for it has come, seal when an hour has
 * passed.  Seconds are the boot clock's: a wall clock that stands still
 * delays no fold.
 */
static void
tick(struct tg_billing *b, int64_t *next_boot_s)
{
    int64_t         now_s = tg_clock_now_s(), boot_s = tg_clock_boot_s();
    int64_t         before_ms = spent_ms();
    bool            has_worked = boot_s >= *next_boot_s;
    const char     *event = "fold_failed";
    enum tg_status  status = TG_OK;
    struct tg_error err = { 0 };

    if (!tg_guard_look(&b->guard, now_s, boot_s)) {
        ring(b->reporter_bell); /* it asks the Marketplace for the time */
    }
    if (has_worked) {
        status = tg_collector_fold(b->collector, false, now_s, &err);
        *next_boot_s = boot_s + (status != TG_OK ? 1
            : tg_collector_pause_s(spent_ms() - before_ms));
    }
    if (status == TG_OK) {
        event = "seal_failed";
        status = seal_if_due(b, now_s, boot_s, &err);
    }
    if (has_worked || status != TG_OK) {
        note_trouble(b, status, event, &err);
    }
    pthread_mutex_lock(&b->lock);
    b->collected = tg_collector_stats(b->collector);
    pthread_mutex_unlock(&b->lock);
}

static void *
collector_main(void *data)
{
    int64_t            next_boot_s = 0;
    struct tg_job     *job;
    struct tg_billing *b = data;

    while (!is_stopping(b)) {
        while ((job = next_job(b)) != NULL) {
            run_job(b, job);
        }
        tick(b, &next_boot_s);
        wait_for(b->collector_bell, TICK_MS);
    }
    while ((job = next_job(b)) != NULL) {
        job->status = tg_error_set(&job->err, TG_BUSY,
            "the daemon is stopping");
        finish_job(b, job);
    }
    next_boot_s = 0; /* a last fold, whatever the second */
    tick(b, &next_boot_s);
    return NULL;
}

/*
 * ---- the reporter's thread
 */

/* The Marketplace's clock against ours, when ours is doubted. */
static void
ask_date(struct tg_billing *b)
{
    int64_t date_s;

    if (tg_guard_wants_date(&b->guard)
        && tg_marketplace_date(&b->marketplace, &date_s, NULL) == TG_OK
        && tg_guard_date(&b->guard, date_s, tg_clock_now_s(),
               tg_clock_boot_s()))
    {
        ring(b->collector_bell); /* an hour may be due */
    }
}

static void
note_reporter(struct tg_billing *b, enum tg_status status,
    const struct tg_error *err)
{
    bool is_failure = status != TG_OK && status != TG_NOTFOUND
        && status != TG_BUSY;

    pthread_mutex_lock(&b->lock);
    b->reported = tg_reporter_stats(b->reporter);
    (void) snprintf(b->trouble, sizeof(b->trouble), "%s", is_failure
        ? err->message : tg_reporter_trouble(b->reporter));
    pthread_mutex_unlock(&b->lock);
    if (is_failure) {
        tg_logf(TG_LOG_ERROR, "report_failed", "%s", err->message);
    }
}

static void
retry_if_asked(struct tg_billing *b)
{
    bool            is_asked;
    struct tg_error err;

    pthread_mutex_lock(&b->lock);
    is_asked = b->wants_retry;
    b->wants_retry = false;
    pthread_mutex_unlock(&b->lock);
    if (is_asked && tg_reporter_retry(b->reporter, &err) != TG_OK) {
        tg_logf(TG_LOG_ERROR, "report_failed", "%s", err.message);
    }
}

static void *
reporter_main(void *data)
{
    enum tg_status     status;
    struct tg_error    err;
    struct tg_billing *b = data;

    while (!is_stopping(b)) {
        err.message[0] = '\0';
        ask_date(b);
        retry_if_asked(b);
        status = tg_reporter_step(b->reporter, tg_clock_now_s(),
            tg_clock_boot_s(), &err);
        note_reporter(b, status, &err);
        if (status != TG_OK) {
            wait_for(b->reporter_bell, REPORTER_TICK_MS);
        }
    }
    return NULL;
}

/*
 * ---- open, start, stop, close
 */

/* As whom the Marketplace is called. */
static enum tg_status
open_keyring(struct tg_billing *b, struct tg_error *err)
{
    const struct tg_settings *settings = b->config.settings;
    struct tg_aws_source      source = {
        .file = settings->marketplace.credentials_file,
        .profile = settings->marketplace.profile,
        .role = settings->marketplace.role,
        .external_id = settings->marketplace.external_id,
        .region = settings->marketplace.region,
        .transport = b->config.transport,
    };

    return tg_aws_keyring_open(&b->marketplace.keyring, &source, err);
}

/* This process, as another one's `status' shows it. */
static void
name_holder(const struct tg_billing *b, char out[TG_LEASE_TEXT_MAX])
{
    char host[128] = "";

    (void) gethostname(host, sizeof(host) - 1);
    (void) snprintf(out, TG_LEASE_TEXT_MAX, "%.64s, process %ld, %.160s",
        host, (long) getpid(), b->config.settings->state_dir);
}

static enum tg_status
open_reporter(struct tg_billing *b, struct tg_error *err)
{
    char                      holder[TG_LEASE_TEXT_MAX];
    char                      identity[TG_UUID_SIZE];
    enum tg_status            status;
    const struct tg_settings *settings = b->config.settings;
    struct tg_reporter_config config = {
        .store = b->reporter_store,
        .settings = settings,
        .marketplace = &b->marketplace,
        .guard = &b->guard,
        .identity = identity,
        .holder = holder,
        .threads = (unsigned) settings->marketplace.requests_in_flight,
        .now_s = tg_clock_now_s,
        .boot_s = tg_clock_boot_s,
        .wake = on_answer,
        .data = b,
    };

    name_holder(b, holder);
    status = tg_lease_identity(identity, settings->state_dir, err);
    return status == TG_OK ? tg_reporter_new(&b->reporter, &config, err)
                           : status;
}

static enum tg_status
open_parts(struct tg_billing *b, int64_t now_s, struct tg_error *err)
{
    enum tg_status            status;
    const struct tg_settings *settings = b->config.settings;
    struct tg_collector_config collector = {
        .board = b->config.board,
        .state_dir = settings->state_dir,
        .control = b->config.control,
        .guard = &b->guard,
        .account_id = settings->account_id,
        .region = settings->marketplace.region,
    };

    status = tg_store_open(&b->collector_store, settings->store.path, err);
    if (status == TG_OK) {
        status = tg_store_open(&b->reporter_store, settings->store.path,
            err);
    }
    if (status == TG_OK) {
        status = tg_store_open(&b->operator_store, settings->store.path,
            err);
    }
    if (status == TG_OK) {
        collector.store = b->collector_store;
        status = tg_collector_open(&b->collector, &collector, now_s,
            tg_clock_boot_s(), err);
    }
    return status == TG_OK ? open_reporter(b, err) : status;
}

enum tg_status
tg_billing_open(struct tg_billing **out,
    const struct tg_billing_config *config, int64_t now_s,
    struct tg_error *err)
{
    enum tg_status            status;
    struct tg_billing        *b = calloc(1, sizeof(*b));
    const struct tg_settings *settings = config->settings;

    *out = NULL;
    if (b == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    b->config = *config;
    b->marketplace = (struct tg_marketplace) {
        .transport = config->transport,
        .metering_endpoint = config->metering_endpoint,
        .region = settings->marketplace.region,
        .timeout_ms = 1000 * (unsigned) settings->marketplace.timeout_s,
    };
    tg_guard_init(&b->guard);
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->done, NULL);
    pthread_mutex_init(&b->operator_lock, NULL);
    b->collector_bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    b->reporter_bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    status = b->collector_bell >= 0 && b->reporter_bell >= 0
        ? open_keyring(b, err) : tg_error_errno(err, TG_IO, "eventfd");
    if (status == TG_OK) {
        status = open_parts(b, now_s, err);
    }
    if (status != TG_OK) {
        tg_billing_close(b);
        return status;
    }
    *out = b;
    return TG_OK;
}

const struct tg_marketplace *
tg_billing_marketplace(const struct tg_billing *b)
{
    return &b->marketplace;
}

/* Signals are the main thread's. */
static int
start_thread(pthread_t *thread, void *(*run)(void *), struct tg_billing *b)
{
    int      rc;
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(thread, NULL, run, b);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

enum tg_status
tg_billing_start(struct tg_billing *b, struct tg_error *err)
{
    int rc;

    pthread_mutex_lock(&b->lock);
    b->is_stopping = false;
    b->is_running = true;
    pthread_mutex_unlock(&b->lock);
    rc = start_thread(&b->collector_thread, collector_main, b);
    if (rc == 0) {
        rc = start_thread(&b->reporter_thread, reporter_main, b);
        if (rc != 0) {
            pthread_mutex_lock(&b->lock);
            b->is_stopping = true;
            pthread_mutex_unlock(&b->lock);
            ring(b->collector_bell);
            pthread_join(b->collector_thread, NULL);
        }
    }
    if (rc != 0) {
        b->is_running = false;
        errno = rc;
        return tg_error_errno(err, TG_ERROR, "cannot start billing's"
            " threads");
    }
    return TG_OK;
}

void
tg_billing_stop(struct tg_billing *b)
{
    bool is_running;

    pthread_mutex_lock(&b->lock);
    is_running = b->is_running;
    b->is_stopping = true;
    pthread_mutex_unlock(&b->lock);
    if (!is_running) {
        return;
    }
    ring(b->collector_bell);
    ring(b->reporter_bell);
    tg_reporter_stop(b->reporter);
    pthread_join(b->reporter_thread, NULL);
    pthread_join(b->collector_thread, NULL);
    pthread_mutex_lock(&b->lock);
    b->is_running = false;
    pthread_mutex_unlock(&b->lock);
}

void
tg_billing_close(struct tg_billing *b)
{
    if (b == NULL) {
        return;
    }
    tg_billing_stop(b);
    tg_collector_close(b->collector);
    tg_reporter_free(b->reporter);
    tg_store_close(b->collector_store);
    tg_store_close(b->reporter_store);
    tg_store_close(b->operator_store);
    if (b->collector_bell >= 0) {
        close(b->collector_bell);
    }
    if (b->reporter_bell >= 0) {
        close(b->reporter_bell);
    }
    pthread_cond_destroy(&b->done);
    pthread_mutex_destroy(&b->lock);
    pthread_mutex_destroy(&b->operator_lock);
    tg_aws_keyring_close(b->marketplace.keyring);
    tg_guard_clear(&b->guard);
    free(b);
}
