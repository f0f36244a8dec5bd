/*
 * usage.h - GetUsage and UpdateUsage
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_USAGE_H
#define TG_CONTROL_USAGE_H

#include "control/call.h"

enum tg_status tg_get_usage(struct tg_control_call *call);
enum tg_status tg_update_usage(struct tg_control_call *call);

#endif
