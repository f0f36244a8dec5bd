/* SPDX-License-Identifier: Apache-2.0 */
#include "control/plan_rules.h"

#include <string.h>

static enum tg_quota_period
period_of(const char *text, const struct tg_settings *settings)
{
    if (text == NULL) {
        return TG_QUOTA_NONE;
    }
    if (strcmp(text, "DAY") == 0) {
        return TG_QUOTA_DAY;
    }
    if (strcmp(text, "MONTH") == 0) {
        return TG_QUOTA_MONTH;
    }
    return settings->quota.week_start == TG_WEEK_START_SUNDAY
        ? TG_QUOTA_WEEK_SUNDAY : TG_QUOTA_WEEK;
}

void
tg_plan_quota_read(struct tg_plan_quota *out,
    const struct tg_settings *settings, struct tg_stmt *row, int column)
{
    bool in_days = settings->quota.offset_mode == TG_OFFSET_MODE_DAYS;

    out->period = period_of(tg_stmt_text(row, column), settings);
    out->limit = (uint64_t) tg_stmt_int(row, column + 1);
    out->offset = (uint64_t) tg_stmt_int(row, column + 2);
    out->created_s = tg_stmt_int(row, column + 3);
    out->offset_days = in_days ? (unsigned) out->offset : 0;
    out->is_first_shorter = out->period != TG_QUOTA_NONE && !in_days
        && out->offset > 0;
}

uint32_t
tg_plan_quota_period(const struct tg_plan_quota *quota, int64_t now_s)
{
    return tg_quota_period_at(quota->period, quota->offset_days, now_s);
}

uint32_t
tg_plan_quota_first(const struct tg_plan_quota *quota, uint64_t *limit)
{
    *limit = 0;
    if (!quota->is_first_shorter) {
        return 0;
    }
    if (quota->limit > quota->offset) {
        *limit = quota->limit - quota->offset;
    }
    return tg_plan_quota_period(quota, quota->created_s);
}

uint64_t
tg_plan_quota_limit(const struct tg_plan_quota *quota, uint32_t period)
{
    uint64_t limit;

    return tg_plan_quota_first(quota, &limit) == period ? limit
                                                        : quota->limit;
}
