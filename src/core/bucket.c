/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bucket.h"

#define INTERVAL_MAX (UINT64_C(1) << 60)
#define SPAN_MAX (UINT64_C(1) << 61)

struct tg_bucket_limit
tg_bucket_limit_make(double rate, uint64_t burst)
{
    double                 interval;
    struct tg_bucket_limit limit = { 0, burst };

    if (!(rate > 0)) { /* NaN too */
        return limit;
    }
    interval = 1e9 / rate;
    if (interval >= (double) INTERVAL_MAX) {
        limit.interval_ns = INTERVAL_MAX;
        return limit;
    }
    limit.interval_ns = (uint64_t) interval;
    if ((double) limit.interval_ns < interval || limit.interval_ns == 0) {
        limit.interval_ns++;
    }
    return limit;
}

/* burst x interval: how far ahead of now the TAT of an empty bucket is. */
static uint64_t
span_ns(struct tg_bucket_limit limit)
{
    if (limit.burst > SPAN_MAX / limit.interval_ns) {
        return SPAN_MAX;
    }
    return limit.burst * limit.interval_ns;
}

enum tg_status
tg_bucket_next(uint64_t tat, struct tg_bucket_limit limit, uint64_t now_ns,
    uint64_t *next)
{
    uint64_t span, from;

    *next = tat;
    if (limit.burst == 0 || limit.interval_ns == 0) {
        return TG_LIMIT;
    }
    if (limit.interval_ns > INTERVAL_MAX) {
        limit.interval_ns = INTERVAL_MAX;
    }
    span = span_ns(limit);
    from = tat > now_ns ? tat : now_ns;
    if (from - now_ns > span + TG_BUCKET_SKEW_NS) {
        *next = now_ns + span; /* K3 */
        return TG_LIMIT;
    }
    if (from - now_ns > span - limit.interval_ns) {
        return TG_LIMIT;
    }
    *next = from + limit.interval_ns;
    return TG_OK;
}

enum tg_status
tg_bucket_take(_Atomic uint64_t *tat, struct tg_bucket_limit limit,
    uint64_t now_ns, uint64_t *taken, uint64_t *before)
{
    uint64_t       next;
    uint64_t       seen = atomic_load_explicit(tat, memory_order_acquire);
    enum tg_status status;

    do {
        if ((seen & TG_BUCKET_MOVED) != 0) {
            return TG_STALE;
        }
        status = tg_bucket_next(seen, limit, now_ns, &next);
        if (next == seen) {
            return status;
        }
    } while (!atomic_compare_exchange_weak_explicit(tat, &seen, next,
        memory_order_acquire, memory_order_acquire));
    *taken = next;
    *before = seen;
    return status;
}

void
tg_bucket_give_back(_Atomic uint64_t *tat, uint64_t taken, uint64_t before)
{
    (void) atomic_compare_exchange_strong_explicit(tat, &taken, before,
        memory_order_relaxed, memory_order_relaxed);
}
