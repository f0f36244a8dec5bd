/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "billing/ticket.h"

#define KEY "0123456789abcdef"
#define ENDS INT64_C(1795392000)

static void
a_ticket_is_good_until_it_ends(void **state)
{
    char ticket[TG_TICKET_SIZE], agreement[TG_AGREEMENT_ID_SIZE] = "";

    (void) state;
    tg_ticket_make(ticket, KEY, "agreement-1", ENDS);
    assert_true(tg_ticket_read(agreement, KEY, ticket, ENDS));
    assert_string_equal(agreement, "agreement-1");
    assert_false(tg_ticket_read(agreement, KEY, ticket, ENDS + 1));
    assert_false(tg_ticket_read(agreement, "another key", ticket, ENDS));
}

/* Each byte counts, wherever it stands. */
static void
a_changed_ticket_is_none(void **state)
{
    char ticket[TG_TICKET_SIZE], changed[TG_TICKET_SIZE + 1];
    char agreement[TG_AGREEMENT_ID_SIZE];

    (void) state;
    tg_ticket_make(ticket, KEY, "agreement-1", ENDS);
    for (size_t i = 0; ticket[i] != '\0'; i++) {
        memcpy(changed, ticket, sizeof(ticket));
        changed[i] ^= 1;
        assert_false(tg_ticket_read(agreement, KEY, changed, ENDS));
        changed[i] = '\0';
        assert_false(tg_ticket_read(agreement, KEY, changed, ENDS));
    }
    (void) snprintf(changed, sizeof(changed), "%sa", ticket);
    assert_false(tg_ticket_read(agreement, KEY, changed, ENDS));
}

static void
nonsense_is_none(void **state)
{
    char long_one[4 * TG_TICKET_SIZE], agreement[TG_AGREEMENT_ID_SIZE];
    static const char *const cases[] = { "", ".", "..", "a.b.c", "a" };

    (void) state;
    memset(long_one, '.', sizeof(long_one));
    long_one[TG_TICKET_SIZE - 1] = '\0';
    assert_false(tg_ticket_read(agreement, KEY, long_one, ENDS));
    memset(long_one, 'a', sizeof(long_one) - 1);
    long_one[sizeof(long_one) - 1] = '\0';
    assert_false(tg_ticket_read(agreement, KEY, NULL, ENDS));
    assert_false(tg_ticket_read(agreement, KEY, long_one, ENDS));
    long_one[10] = '.';
    long_one[sizeof(long_one) - TG_SHA256_HEX - 1] = '.';
    assert_false(tg_ticket_read(agreement, KEY, long_one, ENDS));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_false(tg_ticket_read(agreement, KEY, cases[i], ENDS));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_is_good_until_it_ends),
        cmocka_unit_test(a_changed_ticket_is_none),
        cmocka_unit_test(nonsense_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
