/*
 * usage_plan_patch.h - the patch paths of a usage plan
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_USAGE_PLAN_PATCH_H
#define TG_CONTROL_USAGE_PLAN_PATCH_H

#include "control/usage_plan_row.h"

/* Applies one operation to the plan in memory; refused ones change nothing. */
TG_MUST_CHECK enum tg_status tg_plan_patch(struct tg_control_call *call,
    struct tg_plan *plan, const struct tg_patch *patch);

#endif
