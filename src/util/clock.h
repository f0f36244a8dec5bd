/*
 * clock.h - the one place that reads a clock, and the text forms of a time
 *
 * Logic takes `now` as an argument; only main loops and the outermost
 * handlers call these.  Times are UTC.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_UTIL_CLOCK_H
#define TG_UTIL_CLOCK_H

#include <stdint.h>

#include "util/status.h"

/* Wall clock: seconds since 1970. */
int64_t tg_clock_now_s(void);

/* Seconds of CLOCK_BOOTTIME, which no change of the wall clock moves. */
int64_t tg_clock_boot_s(void);

/* "2026-11-23T01:02:03Z"; out holds 21 bytes.  Years 1970 to 9999. */
#define TG_ISO8601_SIZE 21
void tg_iso8601(char out[TG_ISO8601_SIZE], int64_t time_s);

/* "20261123T010203Z", as SigV4 has it; out holds 17 bytes. */
#define TG_AMZ_DATE_SIZE 17
void tg_amz_date(char out[TG_AMZ_DATE_SIZE], int64_t time_s);

/* Reverse of either form; TG_INVALID for anything else. */
TG_MUST_CHECK enum tg_status tg_time_parse(int64_t *time_s,
    const char *text);

#endif
