/* SPDX-License-Identifier: Apache-2.0 */
#include "util/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LAST_SECOND INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

int64_t
tg_clock_now_s(void)
{
    struct timespec ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t) ts.tv_sec;
}

int64_t
tg_clock_boot_s(void)
{
    struct timespec ts;

    (void) clock_gettime(CLOCK_BOOTTIME, &ts);
    return (int64_t) ts.tv_sec;
}

static void
format(char *out, size_t size, const char *form, int64_t time_s)
{
    time_t    t;
    struct tm tm;

    if (time_s < 0) {
        time_s = 0;
    }
    if (time_s > LAST_SECOND) {
        time_s = LAST_SECOND;
    }
    t = (time_t) time_s;
    if (gmtime_r(&t, &tm) == NULL || strftime(out, size, form, &tm) == 0) {
        out[0] = '\0';
    }
}

void
tg_iso8601(char out[TG_ISO8601_SIZE], int64_t time_s)
{
    format(out, TG_ISO8601_SIZE, "%Y-%m-%dT%H:%M:%SZ", time_s);
}

void
tg_amz_date(char out[TG_AMZ_DATE_SIZE], int64_t time_s)
{
    format(out, TG_AMZ_DATE_SIZE, "%Y%m%dT%H%M%SZ", time_s);
}

enum tg_status
tg_time_parse(int64_t *time_s, const char *text)
{
    static const char *const forms[] = { "%4d-%2d-%2dT%2d:%2d:%2dZ%n",
        "%4d%2d%2dT%2d%2d%2dZ%n" };

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        char      again[TG_ISO8601_SIZE];
        int       end = 0;
        struct tm tm;

        memset(&tm, 0, sizeof(tm));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        if (sscanf(text, forms[i], &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
                &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end) != 6
            || end == 0 || text[end] != '\0')
        {
            continue;
        }
#pragma GCC diagnostic pop
        tm.tm_year -= 1900;
        tm.tm_mon -= 1;
        *time_s = (int64_t) timegm(&tm);
        if (i == 0) {
            tg_iso8601(again, *time_s);
        } else {
            tg_amz_date(again, *time_s);
        }
        if (*time_s >= 0 && strcmp(again, text) == 0) {
            return TG_OK; /* a real date, written in full */
        }
    }
    return TG_INVALID;
}
