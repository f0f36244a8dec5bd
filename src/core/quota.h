/*
 * quota.h - how many calls a key may make in a plan's period
 *
 * Use is one word, {period number, used}, and so is a grant, {period number,
 * value}.  Whoever takes a unit derives the period from the wall clock and
 * rolls the word over by the same compare-and-swap, so that midnight needs no
 * daemon.
 *
 * Invariants
 *   Q1  In one period no more than the limit is taken, by any number of
 *       processes; a refused take changes nothing.
 *   Q2  The period of a word never goes back: a clock behind it counts into
 *       the word's period.
 *   Q3  A grant replaces the limit in its own period and no other.
 *   Q4  Giving back requires the same period, else it is dropped.
 *   Q5  A period's number holds its kind, so a plan that changes from days
 *       to months starts a new count at once, whichever number is larger.
 *   Q6  A word that has moved is never changed again: whoever takes from it
 *       or gives back to it is told so, and goes on where the word is now
 *       (plane/key_limits.h).
 *   Q7  Whoever judges by rules that have been replaced never starts a count
 *       of another kind: it would throw away what counts by the new ones.
 *
 * Periods are UTC: DAY from midnight, WEEK from Monday (or Sunday), MONTH
 * from the first.
 * https://docs.aws.amazon.com/apigateway/latest/api/API_QuotaSettings.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CORE_QUOTA_H
#define TG_CORE_QUOTA_H

#include <stdatomic.h>
#include <stdint.h>

#include "util/status.h"

#define TG_QUOTA_USED_BITS 39
#define TG_QUOTA_USED_MAX ((UINT64_C(1) << TG_QUOTA_USED_BITS) - 1)

/*
 * The bit between use and period.  With it a word has moved, and the rest is
 * what it was then; with all bits set (no period is so large) the word is
 * still awaited from where it comes from.
 */
#define TG_QUOTA_MOVED (UINT64_C(1) << TG_QUOTA_USED_BITS)
#define TG_QUOTA_AWAITED UINT64_MAX
#define TG_QUOTA_PERIOD_MAX ((UINT32_C(1) << 24) - 1)

enum tg_quota_period {
    TG_QUOTA_NONE,
    TG_QUOTA_DAY,
    TG_QUOTA_WEEK,        /* from Monday */
    TG_QUOTA_WEEK_SUNDAY, /* from Sunday (setting quota.week_start) */
    TG_QUOTA_MONTH,
};

/*
 * Number of the period that holds now_s, shifted by offset_days (0 unless
 * quota.offset_mode is days); grows by one from period to period and is
 * never 0.  TG_QUOTA_NONE is one period without end.
 */
uint32_t tg_quota_period_at(enum tg_quota_period period,
    unsigned offset_days, int64_t now_s);

/* First second of a period; it ends where number + 1 starts. */
int64_t tg_quota_period_start(enum tg_quota_period period,
    unsigned offset_days, uint32_t number);

/*
 * By which version of the rules somebody judges: *version is the one that
 * holds, and is moved on before anybody judges by the next.
 */
struct tg_quota_view {
    const _Atomic uint64_t *version;
    uint64_t                own;
};

/*
 * Takes one unit in the period numbered now_period, under limit or under the
 * grant that holds in that period.  TG_OK, with the period that was charged
 * in *charged (Q2) for tg_quota_give_back; TG_LIMIT; TG_STALE: the word has
 * moved, or is awaited (Q6); or TG_BUSY: it counts another kind of period,
 * and view is behind (Q7).  Without a view (NULL) the rules are the present
 * ones.
 */
TG_MUST_CHECK enum tg_status tg_quota_take(_Atomic uint64_t *used,
    const _Atomic uint64_t *grant, uint64_t limit, uint32_t now_period,
    const struct tg_quota_view *view, uint32_t *charged);

/* TG_OK, also when there was nothing to give back (Q4); or TG_STALE (Q6). */
TG_MUST_CHECK enum tg_status tg_quota_give_back(_Atomic uint64_t *used,
    uint32_t charged);

/* Parts of a word. */
uint64_t tg_quota_word(uint32_t period, uint64_t value);
uint32_t tg_quota_word_period(uint64_t word);
uint64_t tg_quota_word_value(uint64_t word);

/* Used in now_period: the word's value, or 0 if the word is of another. */
uint64_t tg_quota_used(uint64_t word, uint32_t now_period);

/* How many takes in now_period would still succeed. */
uint64_t tg_quota_remaining(uint64_t used_word, uint64_t grant_word,
    uint64_t limit, uint32_t now_period);

#endif
