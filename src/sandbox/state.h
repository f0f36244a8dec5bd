/*
 * state.h - a running sandbox, as its files share it
 *
 * Handlers run on several threads.  They hold `lock` while they look at the
 * market and while they change it, so that the order of the journal is the
 * order of what happened; never while they wait.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_SANDBOX_STATE_H
#define TG_SANDBOX_STATE_H

#include <pthread.h>

#include "http/http.h"
#include "sandbox/answer.h"
#include "sandbox/credentials.h"
#include "sandbox/faults.h"
#include "sandbox/journal.h"
#include "sandbox/market.h"
#include "sandbox/sandbox.h"

#define TG_CALLS_MAX 10000 /* kept for GET /_sandbox/calls */
#define TG_OPERATIONS 3

struct tg_bucket {
    double   tokens;
    uint64_t filled_ms;
};

struct tg_sandbox {
    struct tg_sandbox_config config;
    struct tg_sandbox_keys   keys;
    struct tg_http_server   *server;
    char                     fulfilment_url[2048];

    pthread_mutex_t   lock; /* guards everything below */
    struct tg_market  market;
    struct tg_journal journal;
    struct tg_faults  faults;
    json_t           *calls; /* list, the oldest first */
    struct tg_bucket  bucket; /* of BatchMeterUsage */
};

/*
 * Writes the answer's event down and applies it; when that fails the answer
 * becomes an InternalServiceErrorException and nothing has changed.  Called
 * with the lock held.
 */
void tg_sandbox_commit(struct tg_sandbox *s, struct tg_answer *a);

/* Keeps a call (taken) for GET /_sandbox/calls; with the lock held. */
void tg_sandbox_note_call(struct tg_sandbox *s, json_t *call);

/* Forgets everything but the keys; with the lock held. */
TG_MUST_CHECK enum tg_status tg_sandbox_reset(struct tg_sandbox *s,
    struct tg_error *err);

/* AWS's operations at POST / and in RPC v2 CBOR. */
tg_http_handler tg_sandbox_call;

/* The table of everything else; see steering.c and page.c. */
tg_http_handler tg_steer_list_product, tg_steer_buy, tg_steer_cancel,
    tg_steer_token, tg_steer_records, tg_steer_calls, tg_steer_fault,
    tg_steer_reset, tg_page_show, tg_page_buy, tg_page_set_up,
    tg_page_cancel;

#endif
