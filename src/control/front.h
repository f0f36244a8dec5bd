/*
 * front.h - what Amazon's front end looks at before the operation does
 *
 * The words of an enumeration and the patterns of path parameters are checked
 * before anything is looked up, and all that is wrong with them is said at
 * once: "2 validation errors detected: ...; ...".
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_FRONT_H
#define TG_CONTROL_FRONT_H

#include "control/call.h"

/* TG_DENIED: a ValidationException is set. */
TG_MUST_CHECK enum tg_status tg_front_check(struct tg_control_call *call);

/* "createStageInput": what messages call the operation's input; lent. */
const char *tg_front_input(const struct tg_control_call *call);

#endif
