/*
 * runtime.h - the daemon's billing from the inside: threads and jobs
 *
 * For billing.c, metrics.c, alarms.c and operator*.c alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_RUNTIME_H
#define TG_BILLING_RUNTIME_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "aws/marketplace.h"
#include "billing/billing.h"
#include "billing/collector.h"
#include "billing/guard.h"
#include "billing/reporter.h"
#include "store/store.h"
#include "util/error.h"

/* What the collector's thread is asked to do between two folds. */
enum tg_job_kind {
    TG_JOB_FOLD, /* so that what was counted until now can be shown */
    TG_JOB_SEAL, /* an early seal */
};

struct tg_job {
    enum tg_job_kind kind;
    const char      *agreement_id; /* of a seal; NULL: all */
    int64_t          sealed;
    enum tg_status   status;
    struct tg_error  err;
    bool             is_done; /* guarded by billing->lock */
    struct tg_job   *next;    /* guarded by billing->lock */
};

struct tg_billing {
    struct tg_billing_config config;
    struct tg_marketplace    marketplace;
    struct tg_guard          guard;

    struct tg_store     *collector_store;
    struct tg_store     *reporter_store;
    struct tg_collector *collector;
    struct tg_reporter  *reporter;
    int64_t              next_homecoming_s; /* boot clock; collector's */

    pthread_t collector_thread;
    pthread_t reporter_thread;
    bool      is_running;
    int       collector_bell; /* eventfd: look now, not at the next tick */
    int       reporter_bell;

    pthread_mutex_t lock; /* guards all that follows */
    pthread_cond_t  done; /* a job is */
    struct tg_job  *jobs; /* waiting, oldest first */
    bool            is_stopping;
    bool            wants_retry; /* a person: of the reporter */
    char            trouble[TG_ERROR_MAX]; /* of the reporter; "": none */
    char            store_trouble[TG_ERROR_MAX]; /* of the last fold or seal */
    struct tg_collector_stats collected;
    struct tg_reporter_stats  reported;

    pthread_mutex_t  operator_lock; /* guards the connection below */
    struct tg_store *operator_store;
};

/* Runs the job on the collector's thread and waits for it. */
void tg_billing_do(struct tg_billing *b, struct tg_job *job);

/* Lets the reporter look at once. */
void tg_billing_ring(struct tg_billing *b);

/* The same, and try again what waits for a person to mend something. */
void tg_billing_retry(struct tg_billing *b);

#endif
