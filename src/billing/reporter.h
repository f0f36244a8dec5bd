/*
 * reporter.h - tells the Marketplace what was sealed
 *
 * One step is at most one request: choose the records that are due, mark
 * them sent, durably, send them, and write down in one transaction what came
 * of it together with the audit record of the call.
 *
 * Invariants
 *   R1  A record is marked `sent' on the disk before its request leaves, so
 *       a crash at any moment leaves it where its outcome is asked for again.
 *   R2  The identical record is sent again while its outcome is unknown.
 *   R3  Answers are matched by what they say, not by their place; a record
 *       that no answer speaks of stays in doubt.
 *   R4  A batch that is refused for one of its records is split by halves
 *       until the bad one stands alone; it is refused with Amazon's type.
 *   R5  Past its deadline a record that Amazon surely has not got is carried
 *       into an open hour; one that it may have is expired.
 *   R6  What is wrong with us (credentials, rights, the region) refuses no
 *       record: sending stops, with an alarm, and is tried again.
 *
 * A reporter belongs to one thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_REPORTER_H
#define TG_BILLING_REPORTER_H

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
};

TG_MUST_CHECK enum tg_status tg_reporter_new(struct tg_reporter **out,
    const struct tg_reporter_config *config, struct tg_error *err);
void tg_reporter_free(struct tg_reporter *r);

/*
 * One step.  TG_OK: a request was made, whatever came of it; there may be
 * more to do at once.  TG_NOTFOUND: nothing is due.  TG_BUSY: it waits, and
 * err says for what.  Other failures are the store's: nothing is lost, and
 * what was sent is sent again.
 */
TG_MUST_CHECK enum tg_status tg_reporter_step(struct tg_reporter *r,
    int64_t now_s, int64_t boot_s, struct tg_error *err);

/* What is in the way of sending, since when it stopped; "" when nothing. */
const char *tg_reporter_trouble(const struct tg_reporter *r);

/* For metrics, since the start. */
struct tg_reporter_stats {
    uint64_t requests;
    uint64_t failed; /* of these, not answered with 200 */
    uint64_t settled, refused, expired, carried; /* records */
};
struct tg_reporter_stats tg_reporter_stats(const struct tg_reporter *r);

#endif
