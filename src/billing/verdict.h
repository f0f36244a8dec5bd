/*
 * verdict.h - what an answer of the Marketplace means for each record
 *
 * Pure: reads a batch and its result, fills its verdicts.  The table of
 * answers is in docs/internals/ledger.md; which exception means what is in
 * core/ledger.c.
 *
 * Invariants
 *   V1  Answers are matched by what they say, not by their place.  What is
 *       said twice counts once, the first word; what speaks of no record of
 *       the batch counts not at all.
 *   V2  A record that no answer speaks of stays in doubt.
 *   V3  An exception that one record may have caused splits the batch; alone
 *       that record bears it.
 *   V4  A product or dimension that Amazon does not know refuses no record:
 *       they wait, and the seller mends it.  Where each record names its own
 *       licence, one bad licence must not hold up the others: there the
 *       batch is split first, and the record that stands alone waits alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_VERDICT_H
#define TG_BILLING_VERDICT_H

#include "billing/batch.h"

#define TG_STATUS_DUPLICATE "DuplicateRecord"
#define TG_STATUS_UNSUBSCRIBED "CustomerNotSubscribed"

/* Fills b->verdicts from b->result. */
void tg_verdict_judge(struct tg_batch *b);

/* Whether the records of the batch are of more than one dimension. */
bool tg_verdict_is_mixed(const struct tg_batch *b);

#endif
