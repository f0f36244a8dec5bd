/*
 * hours.h - hours, lanes, and the deadlines of the Marketplace
 *
 * An hour is the epoch second of its start, divisible by 3600.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CORE_HOURS_H
#define TG_CORE_HOURS_H

#include <stdint.h>

#define TG_HOUR_S 3600
#define TG_LANES 32
#define TG_HOUR_WINDOW_S (24 * TG_HOUR_S) /* for a record, at Amazon */

/* Start of the hour that holds time_s (not before 1970). */
int64_t tg_hour_of(int64_t time_s);

/* The lane in which an hour's calls are counted. */
unsigned tg_hour_lane(int64_t hour);

/*
 * The hour that a lane's growth, seen at now_s, belongs to: the one among
 * now + 1 hour back to now - 30 hours that uses the lane.
 */
int64_t tg_hour_of_lane(unsigned lane, int64_t now_s);

/*
 * The moment from which the Marketplace refuses a record with this
 * timestamp: 24 hours after it, or 06:00 UTC on the first of the next month
 * where that is earlier.
 * https://docs.aws.amazon.com/marketplace/latest/userguide/metering-for-usage.html
 */
int64_t tg_hour_deadline(int64_t timestamp_s);

/* The latter of the two: 06:00 UTC on the first of the month after it. */
int64_t tg_hour_month_closes(int64_t timestamp_s);

#endif
