/*
 * reporter.h - tells the Marketplace what was sealed
 *
 * Each step is at most one transaction: it writes down what came of the
 * batches that are back, and marks the next ones sent; then these go to the
 * courier.  Which records are next is due.h's, what an answer means is
 * verdict.h's, what is written is settle.h's.
 *
 * Invariants
 *   R1  A record is marked `sent' on the disk before its request leaves, so
 *       a crash at any moment leaves it where its outcome is asked for again.
 *   R2  The identical record is sent again while its outcome is unknown.
 *   R3  An answer is kept until it is written down, together with the audit
 *       record of its call; while it cannot be, nothing more is sent.
 *   R4  A batch that is refused for one of its records is split by halves
 *       until the bad one stands alone; it is refused with Amazon's type.
 *   R5  What is wrong with us (credentials, rights, the region) refuses no
 *       record: sending stops, with an alarm, and is tried again.  While it
 *       is in trouble one request at a time goes out.
 *   R6  Of several reporters on one store one sends (lease.h); the others
 *       stand by.
 *   R7  What the statistics count has been committed.
 *
 * A reporter belongs to one thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_REPORTER_H
#define TG_BILLING_REPORTER_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/marketplace.h"
#include "billing/guard.h"
#include "settings/settings.h"
#include "store/store.h"
#include "util/error.h"

struct tg_reporter;

/* All is borrowed. */
struct tg_reporter_config {
    struct tg_store             *store; /* this thread's */
    const struct tg_settings    *settings;
    const struct tg_marketplace *marketplace;
    struct tg_guard             *guard;
    const char                  *identity; /* see lease.h */
    const char                  *holder;   /* this process, for people */
    unsigned                     threads;  /* requests in flight; 0: each step
                                              makes one, and waits for it */
    int64_t                    (*now_s)(void);  /* the wall clock */
    int64_t                    (*boot_s)(void); /* the boot clock */
    void                       (*wake)(void *data); /* an answer is there */
    void                        *data;
};

TG_MUST_CHECK enum tg_status tg_reporter_new(struct tg_reporter **out,
    const struct tg_reporter_config *config, struct tg_error *err);

/* Begins to stop: what has not gone out stays.  May be called by any thread. */
void tg_reporter_stop(struct tg_reporter *r);

/*
 * Lets requests under way end, writes down what came of them and gives the
 * lease back.
 */
void tg_reporter_free(struct tg_reporter *r);

/*
 * One step.  TG_OK: something went out or came back; there may be more to do
 * at once.  TG_NOTFOUND: nothing is due.  TG_BUSY: it waits, and err says for
 * what.  Other failures are the store's: nothing is lost, and what was sent
 * is sent again.
 */
TG_MUST_CHECK enum tg_status tg_reporter_step(struct tg_reporter *r,
    int64_t now_s, int64_t boot_s, struct tg_error *err);

/*
 * A person wants to see it tried now: ends the waits that are for a person
 * to mend something (R5, holds.h), not those that Amazon asked for.
 */
TG_MUST_CHECK enum tg_status tg_reporter_retry(struct tg_reporter *r,
    struct tg_error *err);

/* What is in the way of sending; "" when nothing. */
const char *tg_reporter_trouble(const struct tg_reporter *r);

/* For metrics: totals since the start, but for the last lines. */
struct tg_reporter_stats {
    uint64_t requests;
    uint64_t failed;    /* of these, not answered with 200 */
    uint64_t throttled; /* of these */
    uint64_t retries;   /* records that went out again */
    uint64_t settled, expired, carried; /* records */
    uint64_t settled_units;
    uint64_t refused;   /* records: the sum of the next three */
    uint64_t duplicate, unsubscribed, refused_otherwise;
    uint64_t in_flight; /* now: requests */
    uint64_t holds;     /* now: products and dimensions that wait */
    bool     is_holder; /* now: this process is the one that sends */
};
struct tg_reporter_stats tg_reporter_stats(const struct tg_reporter *r);

#endif
