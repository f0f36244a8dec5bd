/*
 * usage_plan_keys.h - the operations on the keys of a usage plan
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_USAGE_PLAN_KEYS_H
#define TG_CONTROL_USAGE_PLAN_KEYS_H

#include "control/call.h"

enum tg_status tg_create_usage_plan_key(struct tg_control_call *call);
enum tg_status tg_get_usage_plan_keys(struct tg_control_call *call);
enum tg_status tg_get_usage_plan_key(struct tg_control_call *call);
enum tg_status tg_delete_usage_plan_key(struct tg_control_call *call);

#endif
