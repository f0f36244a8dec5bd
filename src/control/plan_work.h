/*
 * plan_work.h - changes of a usage plan that concern each of its keys
 *
 * When a plan's product code changes, each of its keys gets another cell to
 * be counted in, and when a plan is deleted, each of its keys' cells ends.
 * With few keys that is done in the call itself.  With many, the call does
 * the first and notes the others in the store; they follow in portions, and
 * in between the control plane is free for others.
 *
 * Promises
 *   W1  A call is counted for the product of before or for that of now, as
 *       its key has followed or not; never for both or none.
 *   W2  Any other change of a key (its customer, its agreement, its plans)
 *       brings that key up to date at once.
 *   W3  What is noted is done after a restart, too.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_PLAN_WORK_H
#define TG_CONTROL_PLAN_WORK_H

#include <stdint.h>

#include "control/change.h"
#include "control/control.h"
#include "util/error.h"

#define TG_PLAN_WORK_AT_ONCE 1000 /* keys, in the call itself */

/* The plan's product code has changed. */
TG_MUST_CHECK enum tg_status tg_plan_work_rebind(struct tg_change *change,
    const char *plan_id, struct tg_error *err);

/* The plan is about to be deleted. */
TG_MUST_CHECK enum tg_status tg_plan_work_end(struct tg_change *change,
    const char *plan_id, struct tg_error *err);

/* Does what is noted, for a quarter of a second at most; not under the lock. */
void tg_plan_work_tick(struct tg_control *control, int64_t now_s);

#endif
