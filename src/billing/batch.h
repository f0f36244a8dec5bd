/*
 * batch.h - the records of one request, and what came of it
 *
 * A batch is chosen (due.h), marked sent, handed to the courier, judged
 * (verdict.h) and settled (reporter.c).  It belongs to one of these at a
 * time, and so to one thread at a time, but for fly_next.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_BATCH_H
#define TG_BILLING_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/trail.h"
#include "aws/marketplace.h"
#include "core/ledger.h"
#include "util/arena.h"

#define TG_REASON_SIZE 320

/* What is to become of one record. */
struct tg_verdict {
    enum tg_ledger_action action;
    char                  reason[TG_REASON_SIZE];
    char                  status[32]; /* Amazon's for this record; "": none */
    const char           *metering_record_id; /* of TG_LEDGER_SETTLE */
    int64_t               amazon_quantity; /* of DuplicateRecord; -1: unsaid */
};

struct tg_batch {
    struct tg_batch             *next;     /* in the list of its owner */
    struct tg_batch             *fly_next; /* the reporter's, from choosing
                                              to settling: it reads the
                                              records, which do not change */
    struct tg_ledger_record      records[TG_LEDGER_BATCH_MAX];
    struct tg_verdict            verdicts[TG_LEDGER_BATCH_MAX];
    size_t                       count;
    bool                         is_half; /* of a refused batch */
    int64_t                      now_s;   /* when it was marked sent */
    struct tg_marketplace_result result;
    struct tg_audit_entry       *entry;   /* of the call, for the trail; NULL:
                                             not made yet, or no call */
    struct tg_arena              arena;   /* the records' and verdicts' texts */
};

/* NULL: out of memory. */
struct tg_batch *tg_batch_new(void);
void tg_batch_free(struct tg_batch *b);
void tg_batch_free_all(struct tg_batch *list);

/* Copies the record, texts and all, to the end; false: out of memory. */
bool tg_batch_add(struct tg_batch *b, const struct tg_ledger_record *record);

/* Asks the Marketplace, once; what it answered is in b->result. */
void tg_batch_send(struct tg_batch *b, const struct tg_marketplace *m);

#endif
