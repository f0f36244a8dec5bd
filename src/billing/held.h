/*
 * held.h - usage that waited for its agreement, and what is lost of it
 *
 * Calls of a key that leads to no agreement are counted and held; so are
 * those of an agreement that was not active when their hour was sealed.  When
 * the agreement is known, what Amazon still takes becomes billable.
 *
 * Invariants
 *   H1  Units come home only to the agreement that their key is bound to, on
 *       the product that they were counted for, and only when they were held
 *       for want of it (core/unbillable.h, N2).
 *   H2  Only units of an hour that ended after the agreement's activation and
 *       that Amazon would still take a record of come home: to their own hour
 *       while that is open, else to the next open one, with the reason.
 *   H3  What can come home no more is lost; it stays in the ledger, named,
 *       until a person bills it (`ledger adjust') or writes it off
 *       (`confirm lost').
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_HELD_H
#define TG_BILLING_HELD_H

#include <stdint.h>

#include "settings/settings.h"
#include "store/store.h"
#include "util/error.h"

/*
 * Brings home what can be, a few hundred rows a transaction.  *units: that
 * were brought home, also when it failed half way.
 */
TG_MUST_CHECK enum tg_status tg_held_bring_home(struct tg_store *s,
    int64_t *units, const struct tg_settings *settings, int64_t now_s,
    struct tg_error *err);

#endif
