/* SPDX-License-Identifier: Apache-2.0 */
#include "core/quota.h"

#include <stdbool.h>
#include <stddef.h>

#include "core/civil.h"

/* A number is {kind 3, count 21}: 2^21 days are 5,700 years. */
#define COUNT_BITS 21
#define COUNT_MAX ((INT64_C(1) << COUNT_BITS) - 1)

/* A word is {period 24, moved 1, used 39}. */
#define PERIOD_SHIFT (TG_QUOTA_USED_BITS + 1)

/* Days from the start of week 0 to 1970-01-01, which was a Thursday. */
#define MONDAY_SHIFT 3
#define SUNDAY_SHIFT 4

static uint32_t
kind_of(uint32_t number)
{
    return number >> COUNT_BITS;
}

uint32_t
tg_quota_period_at(enum tg_quota_period period, unsigned offset_days,
    int64_t now_s)
{
    int64_t day = now_s / TG_DAY_S - (int64_t) offset_days;
    int64_t count = 0;

    if (day < 0) {
        day = 0;
    }
    switch (period) {
    case TG_QUOTA_NONE:
        break;
    case TG_QUOTA_DAY:
        count = day;
        break;
    case TG_QUOTA_WEEK:
        count = (day + MONDAY_SHIFT) / 7;
        break;
    case TG_QUOTA_WEEK_SUNDAY:
        count = (day + SUNDAY_SHIFT) / 7;
        break;
    case TG_QUOTA_MONTH:
        count = tg_civil_month(day);
        break;
    }
    if (count > COUNT_MAX - 1) {
        count = COUNT_MAX - 1;
    }
    return (uint32_t) period << COUNT_BITS | (uint32_t) (count + 1);
}

int64_t
tg_quota_period_start(enum tg_quota_period period, unsigned offset_days,
    uint32_t number)
{
    int64_t day = 0;
    int64_t count = (int64_t) (number & COUNT_MAX) - 1;

    switch (period) {
    case TG_QUOTA_NONE:
        return 0;
    case TG_QUOTA_DAY:
        day = count;
        break;
    case TG_QUOTA_WEEK:
        day = count * 7 - MONDAY_SHIFT;
        break;
    case TG_QUOTA_WEEK_SUNDAY:
        day = count * 7 - SUNDAY_SHIFT;
        break;
    case TG_QUOTA_MONTH:
        day = tg_civil_month_start(count);
        break;
    }
    return (day + (int64_t) offset_days) * TG_DAY_S;
}

uint64_t
tg_quota_word(uint32_t period, uint64_t value)
{
    if (value > TG_QUOTA_USED_MAX) {
        value = TG_QUOTA_USED_MAX;
    }
    return (uint64_t) (period & TG_QUOTA_PERIOD_MAX) << PERIOD_SHIFT | value;
}

uint32_t
tg_quota_word_period(uint64_t word)
{
    return (uint32_t) (word >> PERIOD_SHIFT);
}

uint64_t
tg_quota_word_value(uint64_t word)
{
    return word & TG_QUOTA_USED_MAX;
}

/* The period that a take at now_period counts into (Q2, Q5). */
static uint32_t
period_charged(uint64_t word, uint32_t now_period)
{
    uint32_t period = tg_quota_word_period(word);

    if (kind_of(period) == kind_of(now_period) && period > now_period) {
        return period;
    }
    return now_period;
}

uint64_t
tg_quota_used(uint64_t word, uint32_t now_period)
{
    return tg_quota_word_period(word) == now_period
        ? tg_quota_word_value(word) : 0;
}

uint64_t
tg_quota_remaining(uint64_t used_word, uint64_t grant_word, uint64_t limit,
    uint32_t now_period)
{
    uint32_t period = period_charged(used_word, now_period);
    uint64_t used = tg_quota_used(used_word, period);

    if (tg_quota_word_period(grant_word) == period) {
        limit = tg_quota_word_value(grant_word); /* Q3 */
    }
    if (limit > TG_QUOTA_USED_MAX) {
        limit = TG_QUOTA_USED_MAX;
    }
    return used < limit ? limit - used : 0;
}

/*
 * Whether a take would end a count of another kind by rules that hold no more
 * (Q7).  The word was read before: if somebody has put the new kind there,
 * the version that it judged by is seen here.
 */
static bool
is_behind(uint64_t word, uint32_t now_period,
    const struct tg_quota_view *view)
{
    const uint32_t period = tg_quota_word_period(word);

    return view != NULL && period != 0
        && kind_of(period) != kind_of(now_period)
        && atomic_load_explicit(view->version, memory_order_acquire)
            != view->own;
}

enum tg_status
tg_quota_take(_Atomic uint64_t *used, const _Atomic uint64_t *grant,
    uint64_t limit, uint32_t now_period, const struct tg_quota_view *view,
    uint32_t *charged)
{
    uint32_t period;
    uint64_t next;
    uint64_t seen = atomic_load_explicit(used, memory_order_acquire);

    do {
        uint64_t granted = atomic_load_explicit(grant, memory_order_relaxed);

        if ((seen & TG_QUOTA_MOVED) != 0) {
            return TG_STALE;
        }
        if (is_behind(seen, now_period, view)) {
            return TG_BUSY;
        }
        if (tg_quota_remaining(seen, granted, limit, now_period) == 0) {
            return TG_LIMIT;
        }
        period = period_charged(seen, now_period);
        next = tg_quota_word(period, tg_quota_used(seen, period) + 1);
    } while (!atomic_compare_exchange_weak_explicit(used, &seen, next,
        memory_order_acq_rel, memory_order_acquire));
    *charged = period;
    return TG_OK;
}

enum tg_status
tg_quota_give_back(_Atomic uint64_t *used, uint32_t charged)
{
    uint64_t seen = atomic_load_explicit(used, memory_order_acquire);

    do {
        if ((seen & TG_QUOTA_MOVED) != 0) {
            return TG_STALE;
        }
        if (tg_quota_used(seen, charged) == 0) {
            return TG_OK; /* Q4 */
        }
    } while (!atomic_compare_exchange_weak_explicit(used, &seen, seen - 1,
        memory_order_acquire, memory_order_acquire));
    return TG_OK;
}
