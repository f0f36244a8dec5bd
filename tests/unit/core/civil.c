/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include "core/civil.h"

static void
every_day_until_2400_agrees_with_the_c_library(void **state)
{
    (void) state;
    for (int64_t day = 0; day < 430 * 366; day++) {
        struct tm tm;
        time_t    t = (time_t) (day * TG_DAY_S);
        int64_t   month;

        assert_non_null(gmtime_r(&t, &tm));
        month = (int64_t) (tm.tm_year - 70) * 12 + tm.tm_mon;
        if (tg_civil_month(day) != month
            || tg_civil_month_start(month) != day - tm.tm_mday + 1)
        {
            fail_msg("day %lld", (long long) day);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_until_2400_agrees_with_the_c_library),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
