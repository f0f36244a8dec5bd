/*
 * allocations.h - how a record's quantity is split by the seller's tags
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_SANDBOX_ALLOCATIONS_H
#define TG_SANDBOX_ALLOCATIONS_H

#include "sandbox/answer.h"

/*
 * Checks UsageAllocations of the usage record at `where`: 1 to 2500 of them,
 * at most 5 tags each and 5 keys in all, no tag set twice, no two without
 * tags, and a sum that is quantity.  False with the answer made:
 * InvalidTagException, InvalidUsageAllocationsException, or a constraint.
 */
bool tg_allocations_check(struct tg_answer *a, const json_t *record,
    const char *where, int64_t quantity);

#endif
