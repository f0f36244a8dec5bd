/*
 * attempts.h - how often somebody may fail to sign a call
 *
 * Who guesses keys, or floods the audit trail with refusals, is slowed down:
 * each source address has a token bucket for failures.  A right signature is
 * not held up by the wrong ones of its neighbours.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_ATTEMPTS_H
#define TG_CONTROL_ATTEMPTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TG_ATTEMPTS_BURST 100
#define TG_ATTEMPTS_PER_S 1
#define TG_ATTEMPTS_BUCKETS 256 /* addresses whose hashes agree share one */

struct tg_attempts {
    _Atomic uint64_t by_source[TG_ATTEMPTS_BUCKETS];
};

/*
 * A failure of source (an address as text; NULL: unknown) at now_s.  True:
 * it is told what was wrong; false: it has failed too often of late.  May be
 * called by any thread.
 */
bool tg_attempts_admit(struct tg_attempts *attempts, const char *source,
    int64_t now_s);

#endif
