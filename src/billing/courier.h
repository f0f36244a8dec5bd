/*
 * courier.h - carries batches to the Marketplace, several at a time
 *
 * A few threads, each with one request in hand; the reporter's thread gives
 * batches and collects them judged.  Threads and not one loop over many
 * sockets, since signing, writing and reading JSON (the audit record's, too)
 * are half of the work, and a refresh of credentials by one waits for the
 * network without holding up the others.
 *
 * All requests of the courier pass one gate: they keep the account's rate,
 * and none begins unless the reporter's lease outlasts it (lease.h, N2).
 *
 * Promises
 *   K1  A batch that was submitted is collected, once, whatever came of it.
 *   K2  Closing lets requests under way end; what has not begun comes back
 *       as not sent.
 *   K3  Without threads a batch is carried within tg_courier_submit.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_COURIER_H
#define TG_BILLING_COURIER_H

#include <stddef.h>
#include <stdint.h>

#include "aws/marketplace.h"
#include "billing/batch.h"
#include "billing/guard.h"
#include "billing/lease.h"
#include "util/error.h"

struct tg_courier;

/* All is borrowed. */
struct tg_courier_config {
    const struct tg_marketplace *marketplace;
    const struct tg_settings    *settings;
    struct tg_lease             *lease;
    struct tg_guard             *guard; /* is told the Date of each reply */
    int64_t                    (*now_s)(void);  /* the wall clock */
    int64_t                    (*boot_s)(void); /* the boot clock */
    unsigned                     threads;
    unsigned                     rate; /* requests a second; 0: any */
    void                       (*wake)(void *data); /* something is done */
    void                        *data;
};

TG_MUST_CHECK enum tg_status tg_courier_open(struct tg_courier **out,
    const struct tg_courier_config *config, struct tg_error *err);

/* Begins to stop (K2); may be called from any thread. */
void tg_courier_stop(struct tg_courier *c);

/* Stops and waits for the requests under way; all can be collected then. */
void tg_courier_drain(struct tg_courier *c);

/* The same; what was not collected is freed. */
void tg_courier_close(struct tg_courier *c);

/* Takes the batch, whose records are marked sent. */
void tg_courier_submit(struct tg_courier *c, struct tg_batch *batch);

/* The batches that are done and judged, oldest first, now the caller's. */
struct tg_batch *tg_courier_collect(struct tg_courier *c);

/* How many are neither collected nor done. */
size_t tg_courier_flying(struct tg_courier *c);

#endif
