/*
 * civil.h - days and months of the calendar, by arithmetic alone
 *
 * Days are counted from 1970-01-01, months from January 1970, both from 0, in
 * the Gregorian calendar and UTC.  The C library has the same in gmtime_r and
 * timegm, but takes its time zone lock for it, and workers take no lock.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CORE_CIVIL_H
#define TG_CORE_CIVIL_H

#include <stdint.h>

#define TG_DAY_S 86400

/* The month that holds a day (not before 1970). */
int64_t tg_civil_month(int64_t day);

/* The first day of a month (not before 1970). */
int64_t tg_civil_month_start(int64_t month);

#endif
