/*
 * fault.h - the seam at which tests make the store fail
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_STORE_FAULT_H
#define TG_STORE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

struct tg_store;

/*
 * The n-th step from now (a begin, a statement, a commit; from 1) fails with
 * TG_IO before it reaches the engine, and with is_lasting every later one,
 * too.  0: no more faults.
 */
void tg_store_fault_set(struct tg_store *s, int64_t n, bool is_lasting);

/* Whether a fault has been met since it was set. */
bool tg_store_fault_met(const struct tg_store *s);

#endif
