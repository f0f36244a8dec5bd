/*
 * renew.h - what happens to the store when the mapped files were made anew
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_RENEW_H
#define TG_CONTROL_RENEW_H

#include <stdint.h>

#include "control/control.h"
#include "util/error.h"

/*
 * Start-up: when the store's slots belong to another set of mapped files
 * (that folder was deleted, or another store was put beside it), closes their
 * owners and gives every key in every plan a new slot.  What was counted in
 * the other files and not folded is lost to us; that they were replaced is in
 * the audit trail.
 */
TG_MUST_CHECK enum tg_status tg_renew_slots(struct tg_control *control,
    int64_t now_s, struct tg_error *err);

#endif
