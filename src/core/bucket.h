/*
 * bucket.h - the token bucket of one throttle (GCRA)
 *
 * A bucket is one 64-bit word: the theoretical arrival time (TAT) of the next
 * call, in nanoseconds of wall clock.  A call is admitted when the TAT is not
 * further ahead of now than burst - 1 calls take; it then moves the TAT one
 * interval on.  All state is that word, so that any number of processes share
 * a bucket by compare-and-swap.
 *
 * Invariants
 *   K1  In any time t no more than burst + rate x t calls are admitted,
 *       whatever the number of threads, as long as no caller's now is more
 *       than TG_BUCKET_SKEW_NS behind another's.
 *   K2  A refused call changes nothing but for the cut of K3; rate 0 or
 *       burst 0 refuses all.
 *   K3  A TAT that is more than TG_BUCKET_SKEW_NS further ahead than burst x
 *       interval is cut to that, so a changed rate or a clock set back heals
 *       by itself.  (Cut without that slack, a full bucket would lose tokens
 *       to every worker whose cached time is a little behind.)
 *   K4  A token is given back only by compare-and-swap on the very value that
 *       the taking wrote; if somebody came in between, it stays taken.
 *   K5  A word that has moved is never changed again: whoever takes from it
 *       is told so, and goes on where the word is now (plane/key_limits.h).
 *
 * The limits are Amazon's: rateLimit (tokens a second, may be a fraction) and
 * burstLimit (capacity).
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CORE_BUCKET_H
#define TG_CORE_BUCKET_H

#include <stdatomic.h>
#include <stdint.h>

#include "util/status.h"

#define TG_BUCKET_SKEW_NS UINT64_C(1000000000)

/*
 * No time has this bit before the year 2262.  With it a word has moved, and
 * what is below it is what it was then; with all bits set the word is still
 * awaited from where it comes from.
 */
#define TG_BUCKET_MOVED (UINT64_C(1) << 63)
#define TG_BUCKET_AWAITED UINT64_MAX

struct tg_bucket_limit {
    uint64_t interval_ns; /* ceil(1e9 / rate); 0: refuse everything */
    uint64_t burst;       /* capacity in calls; 0: refuse everything */
};

/*
 * Limit from rateLimit and burstLimit; a rate not above 0 gives interval 0.
 * An interval is at most 36 years, and a bucket holds at most what its rate
 * gives in 73, so that no sum of times overflows.
 */
struct tg_bucket_limit tg_bucket_limit_make(double rate, uint64_t burst);

/*
 * Takes one token at now_ns.  TG_OK, with what was written in *taken (and
 * what stood there in *before) for tg_bucket_give_back; TG_LIMIT (K2); or
 * TG_STALE: the word has moved, or is awaited (K5).
 */
TG_MUST_CHECK enum tg_status tg_bucket_take(_Atomic uint64_t *tat,
    struct tg_bucket_limit limit, uint64_t now_ns, uint64_t *taken,
    uint64_t *before);

/*
 * What a bucket with this TAT becomes by a take, for words that are changed
 * by other means; for TG_LIMIT *next is tat, or the cut of K3.
 */
TG_MUST_CHECK enum tg_status tg_bucket_next(uint64_t tat,
    struct tg_bucket_limit limit, uint64_t now_ns, uint64_t *next);

/* Undoes a take if nobody has taken since (K4). */
void tg_bucket_give_back(_Atomic uint64_t *tat, uint64_t taken,
    uint64_t before);

#endif
