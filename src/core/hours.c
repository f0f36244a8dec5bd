/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hours.h"

#include "core/civil.h"

#define MONTH_CLOSES_S (6 * TG_HOUR_S) /* into the first of a month */

int64_t
tg_hour_of(int64_t time_s)
{
    return time_s - time_s % TG_HOUR_S;
}

unsigned
tg_hour_lane(int64_t hour)
{
    return (unsigned) ((uint64_t) (hour / TG_HOUR_S) % TG_LANES);
}

int64_t
tg_hour_of_lane(unsigned lane, int64_t now_s)
{
    int64_t  newest = tg_hour_of(now_s) + TG_HOUR_S;
    unsigned back = (tg_hour_lane(newest) - lane) % TG_LANES;

    return newest - (int64_t) back * TG_HOUR_S;
}

int64_t
tg_hour_month_closes(int64_t timestamp_s)
{
    int64_t month = tg_civil_month(timestamp_s / TG_DAY_S);

    return tg_civil_month_start(month + 1) * TG_DAY_S + MONTH_CLOSES_S;
}

int64_t
tg_hour_deadline(int64_t timestamp_s)
{
    int64_t closes = tg_hour_month_closes(timestamp_s);
    int64_t window = timestamp_s + TG_HOUR_WINDOW_S;

    return window < closes ? window : closes;
}
