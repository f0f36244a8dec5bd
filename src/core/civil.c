/* SPDX-License-Identifier: Apache-2.0 */
#include "core/civil.h"

/* Leap days from the year 1 to the end of year. */
static int64_t
leap_days(int64_t year)
{
    return year / 4 - year / 100 + year / 400;
}

int64_t
tg_civil_month_start(int64_t month)
{
    /* days before each month of a common year */
    static const int16_t before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243,
        273, 304, 334 };
    int64_t year = 1970 + month / 12;
    int64_t m = month % 12;
    int64_t leaps = leap_days(m < 2 ? year - 1 : year) - leap_days(1969);

    return (year - 1970) * 365 + leaps + before[m];
}

int64_t
tg_civil_month(int64_t day)
{
    /*
     * 4,800 months of the calendar's cycle have 146,097 days.  The estimate
     * is off by less than a month's length, so one step mends it.
     */
    int64_t month = day * 4800 / 146097;

    if (tg_civil_month_start(month) > day) {
        return month - 1;
    }
    if (tg_civil_month_start(month + 1) <= day) {
        return month + 1;
    }
    return month;
}
