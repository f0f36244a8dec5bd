/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/hours.h"
#include "core/ledger.h"

#define HOUR INT64_C(1795395600) /* 2026-11-23T01:00:00Z */

static const enum tg_ledger_state states[] = {
#define X(name, text, is_final) name,
    TG_LEDGER_STATE_LIST(X)
#undef X
};
#define STATES (sizeof(states) / sizeof(states[0]))

static void
states_move_along_the_arrows_only(void **state)
{
    size_t i, k, moves = 0;
    static const enum tg_ledger_state arrows[][2] = {
        { TG_LEDGER_SEALED, TG_LEDGER_SENT },
        { TG_LEDGER_SEALED, TG_LEDGER_EXPIRED },
        { TG_LEDGER_SEALED, TG_LEDGER_CARRIED },
        { TG_LEDGER_SENT, TG_LEDGER_SEALED },
        { TG_LEDGER_SENT, TG_LEDGER_SETTLED },
        { TG_LEDGER_SENT, TG_LEDGER_REFUSED },
        { TG_LEDGER_SENT, TG_LEDGER_EXPIRED },
    };

    (void) state;
    for (i = 0; i < sizeof(arrows) / sizeof(arrows[0]); i++) {
        assert_true(tg_ledger_may_move(arrows[i][0], arrows[i][1]));
    }
    for (i = 0; i < STATES; i++) {
        for (k = 0; k < STATES; k++) {
            moves += tg_ledger_may_move(states[i], states[k]);
            if (tg_ledger_is_final(states[i])) { /* L2 */
                assert_false(tg_ledger_may_move(states[i], states[k]));
            }
        }
    }
    assert_int_equal(moves, sizeof(arrows) / sizeof(arrows[0]));
    /* L4 */
    assert_false(tg_ledger_may_move(TG_LEDGER_SENT, TG_LEDGER_CARRIED));
}

static void
names_are_read_back(void **state)
{
    size_t                i;
    enum tg_ledger_state  s;
    enum tg_identity_mode mode;

    (void) state;
    for (i = 0; i < STATES; i++) {
        assert_int_equal(tg_ledger_state_parse(&s,
            tg_ledger_state_name(states[i])), TG_OK);
        assert_int_equal(s, states[i]);
    }
    assert_int_equal(tg_ledger_state_parse(&s, "open"), TG_INVALID);
    for (i = TG_IDENTITY_LICENSE; i <= TG_IDENTITY_CUSTOMER; i++) {
        assert_int_equal(tg_identity_mode_parse(&mode,
            tg_identity_mode_name((enum tg_identity_mode) i)), TG_OK);
        assert_int_equal(mode, i);
    }
    assert_int_equal(tg_identity_mode_parse(&mode, ""), TG_INVALID);
}

static void
the_mode_is_what_resolve_customer_gave(void **state)
{
    size_t                i;
    enum tg_identity_mode mode;
    static const struct {
        const char     *license, *account, *customer;
        enum tg_status  status;
        enum tg_identity_mode mode;
    } rows[] = {
        { "arn", "1", NULL, TG_OK, TG_IDENTITY_LICENSE },
        { "arn", "1", "c", TG_OK, TG_IDENTITY_LICENSE },
        { "", "1", "c", TG_OK, TG_IDENTITY_ACCOUNT },
        { NULL, "1", NULL, TG_OK, TG_IDENTITY_ACCOUNT },
        { NULL, "", "c", TG_OK, TG_IDENTITY_CUSTOMER },
        { "arn", NULL, "c", TG_OK, TG_IDENTITY_CUSTOMER },
        { "arn", NULL, NULL, TG_NOTFOUND, TG_IDENTITY_LICENSE },
        { NULL, NULL, "", TG_NOTFOUND, TG_IDENTITY_LICENSE },
    };

    (void) state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(tg_identity_mode_choose(&mode, rows[i].license,
            rows[i].account, rows[i].customer), rows[i].status);
        if (rows[i].status == TG_OK) {
            assert_int_equal(mode, rows[i].mode);
        }
    }
}

static void
the_timestamp_is_the_later_of_hour_and_activation(void **state)
{
    int64_t t = 0;

    (void) state;
    assert_int_equal(tg_ledger_timestamp(&t, HOUR, HOUR - 5), TG_OK);
    assert_int_equal(t, HOUR);
    assert_int_equal(tg_ledger_timestamp(&t, HOUR, HOUR + 5), TG_OK);
    assert_int_equal(t, HOUR + 5);
    assert_int_equal(tg_ledger_timestamp(&t, HOUR, HOUR + 3599), TG_OK);
    assert_int_equal(tg_ledger_timestamp(&t, HOUR, HOUR + 3600), TG_STALE);
}

static void
the_deadline_is_a_day_the_month_or_the_leaving(void **state)
{
    int64_t last = 1796079600; /* 2026-11-30T23:00:00Z */

    (void) state;
    assert_int_equal(tg_ledger_deadline(HOUR, 0), HOUR + 86400);
    assert_int_equal(tg_ledger_deadline(last, 0), last + 7 * 3600);
    assert_int_equal(tg_ledger_deadline(HOUR, HOUR + 100),
        HOUR + 100 + 3600);
    assert_int_equal(tg_ledger_deadline(HOUR, HOUR + 86400), HOUR + 86400);
}

static void
a_quantity_is_what_one_record_can_hold(void **state)
{
    (void) state;
    assert_int_equal(tg_ledger_quantity(0), 0);
    assert_int_equal(tg_ledger_quantity(INT32_MAX), INT32_MAX);
    assert_int_equal(tg_ledger_quantity(INT64_C(1) << 40), INT32_MAX);
}

static void
units_go_to_the_present_hour_or_the_next(void **state)
{
    (void) state;
    assert_int_equal(tg_ledger_next_hour(HOUR, HOUR + 7200), HOUR + 7200);
    assert_int_equal(tg_ledger_next_hour(HOUR, HOUR + 10), HOUR + 3600);
    assert_int_equal(tg_ledger_next_hour(HOUR, HOUR + 3600), HOUR + 3600);
}

static void
only_success_settles(void **state)
{
    (void) state;
    assert_int_equal(tg_ledger_judge_status("Success"), TG_LEDGER_SETTLE);
    assert_int_equal(tg_ledger_judge_status("success"), TG_LEDGER_REFUSE);
    assert_int_equal(tg_ledger_judge_status("DuplicateRecord"),
        TG_LEDGER_REFUSE);
    assert_int_equal(tg_ledger_judge_status("CustomerNotSubscribed"),
        TG_LEDGER_REFUSE);
    assert_int_equal(tg_ledger_judge_status("Perhaps"), TG_LEDGER_REFUSE);
    assert_int_equal(tg_ledger_judge_status(NULL), TG_LEDGER_REFUSE);
}

static void
an_exception_says_what_to_do(void **state)
{
    size_t i;
    static const struct {
        int                   status;
        const char           *type;
        enum tg_ledger_action action;
    } rows[] = {
        { 400, "ThrottlingException", TG_LEDGER_RETRY },
        { 429, "Whatever", TG_LEDGER_RETRY },
        { 500, "InternalServiceErrorException", TG_LEDGER_RETRY_DOUBT },
        { 502, "502", TG_LEDGER_RETRY_DOUBT },
        { 503, "ServiceUnavailable", TG_LEDGER_RETRY_DOUBT },
        { 408, "RequestTimeoutException", TG_LEDGER_RETRY_DOUBT },
        { 408, NULL, TG_LEDGER_RETRY_DOUBT },
        { 400, "TimestampOutOfBoundsException", TG_LEDGER_SPLIT },
        { 400, "InvalidProductCodeException", TG_LEDGER_HOLD_PRODUCT },
        { 400, "InvalidUsageDimensionException", TG_LEDGER_HOLD_DIMENSION },
        { 400, "InvalidCustomerIdentifierException", TG_LEDGER_SPLIT },
        { 400, "InvalidLicenseException", TG_LEDGER_SPLIT },
        { 400, "NeverHeardOfException", TG_LEDGER_SPLIT },
        { 413, "RequestEntityTooLargeException", TG_LEDGER_SPLIT },
        { 400, "DisabledApiException", TG_LEDGER_STOP },
        { 403, "AccessDeniedException", TG_LEDGER_STOP },
        { 403, "ExpiredTokenException", TG_LEDGER_STOP },
        { 400, "UnrecognizedClientException", TG_LEDGER_STOP },
        { 403, NULL, TG_LEDGER_STOP },
        { 404, "UnknownOperationException", TG_LEDGER_STOP },
        { 302, "302", TG_LEDGER_STOP },
    };

    (void) state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (tg_ledger_judge_exception(rows[i].status, rows[i].type)
            != rows[i].action) {
            fail_msg("%d %s", rows[i].status, rows[i].type);
        }
    }
}

static void
backoff_grows_and_stays_before_the_deadline(void **state)
{
    int64_t far = HOUR + 86400;

    (void) state;
    assert_int_equal(tg_ledger_backoff(0, 0.0, 0, HOUR, far), 1);
    assert_int_equal(tg_ledger_backoff(1, 0.99, 0, HOUR, far), 2);
    assert_int_equal(tg_ledger_backoff(3, 0.99, 0, HOUR, far), 8);
    assert_int_equal(tg_ledger_backoff(100, 0.999, 0, HOUR, far), 300);
    assert_int_equal(tg_ledger_backoff(1, 0.0, 40, HOUR, far), 40);
    assert_int_equal(tg_ledger_backoff(100, 0.9, 0, HOUR, HOUR + 40), 10);
    assert_int_equal(tg_ledger_backoff(100, 0.9, 0, HOUR, HOUR + 2), 1);
    assert_int_equal(tg_ledger_backoff(100, 0.9, 0, HOUR, HOUR - 2), 1);
}

/*
 * ---- batches
 */

static struct tg_ledger_record
record(const char *product, enum tg_identity_mode mode)
{
    return (struct tg_ledger_record) { .id = "id", .product_code = product,
        .dimension = "apigateway", .hour = HOUR, .timestamp = HOUR,
        .mode = mode, .customer_aws_account_id = "210987654321",
        .license_arn = "arn:l-1", .customer_identifier = "ifAPi5AcF3" };
}

static void
members_follow_the_identity_mode(void **state)
{
    struct tg_ledger_members m;
    struct tg_ledger_record  r = record("p", TG_IDENTITY_LICENSE);

    (void) state;
    m = tg_ledger_members_of(&r);
    assert_null(m.product_code);
    assert_string_equal(m.customer_aws_account_id, "210987654321");
    assert_string_equal(m.license_arn, "arn:l-1");
    assert_null(m.customer_identifier);
    r.mode = TG_IDENTITY_ACCOUNT;
    m = tg_ledger_members_of(&r);
    assert_string_equal(m.product_code, "p");
    assert_string_equal(m.customer_aws_account_id, "210987654321");
    assert_null(m.license_arn);
    assert_null(m.customer_identifier);
    r.mode = TG_IDENTITY_CUSTOMER;
    m = tg_ledger_members_of(&r);
    assert_string_equal(m.product_code, "p");
    assert_null(m.customer_aws_account_id);
    assert_null(m.license_arn);
    assert_string_equal(m.customer_identifier, "ifAPi5AcF3");
}

static void
a_batch_is_of_one_product_and_one_mode(void **state)
{
    bool   taken[70] = { false };
    size_t out[TG_LEDGER_BATCH_MAX], i, n, all = 0, batches = 0;
    struct tg_ledger_record r[70];
    const struct tg_ledger_record *first;

    (void) state;
    for (i = 0; i < 70; i++) {
        r[i] = record(i % 2 != 0 ? "p" : "q", i % 5 == 0
            ? TG_IDENTITY_ACCOUNT : TG_IDENTITY_LICENSE);
        r[i].is_alone = i == 33;
    }
    while ((n = tg_ledger_batch(out, r, 70, taken)) > 0) {
        first = &r[out[0]];
        assert_true(n <= TG_LEDGER_BATCH_MAX);
        for (i = 0; i < n; i++) {
            assert_true(taken[out[i]]);
            assert_int_equal(r[out[i]].mode, first->mode);
            assert_string_equal(r[out[i]].product_code,
                first->product_code);
            assert_true(!r[out[i]].is_alone || n == 1);
            assert_true(i == 0 || out[i] > out[i - 1]);
        }
        all += n;
        batches++;
    }
    assert_int_equal(all, 70);
    assert_int_equal(batches, 7); /* p and q: 14 and 56 - 1 alone */
}

static void
a_batch_is_less_than_a_megabyte(void **state)
{
    bool   taken[3] = { false };
    size_t out[TG_LEDGER_BATCH_MAX];
    char  *large = malloc(100001);
    struct tg_ledger_record r[3];

    (void) state;
    memset(large, 'x', 100000);
    large[100000] = '\0';
    for (int i = 0; i < 3; i++) {
        r[i] = record("p", TG_IDENTITY_LICENSE);
        r[i].dimension = large;
    }
    assert_true(tg_ledger_size(&r[0]) >= 600000);
    assert_int_equal(tg_ledger_batch(out, r, 3, taken), 1); /* L7 */
    assert_int_equal(tg_ledger_batch(out, r, 3, taken), 1);
    assert_int_equal(tg_ledger_batch(out, r, 3, taken), 1);
    assert_int_equal(tg_ledger_batch(out, r, 3, taken), 0);
    free(large);
}

static void
an_echo_is_known_by_what_it_says(void **state)
{
    struct tg_ledger_record r = record("p", TG_IDENTITY_LICENSE);
    struct tg_ledger_echo   e = { HOUR, "apigateway", "210987654321",
        "arn:l-1", NULL };

    (void) state;
    r.timestamp = HOUR + 77;
    assert_true(tg_ledger_is_echo(&r, &e)); /* rounded to the hour */
    e.timestamp = HOUR + 77;
    assert_true(tg_ledger_is_echo(&r, &e));
    e.timestamp = HOUR + 3600;
    assert_false(tg_ledger_is_echo(&r, &e));
    e.timestamp = -1;
    assert_false(tg_ledger_is_echo(&r, &e));
    e.timestamp = HOUR;
    e.license_arn = "arn:l-2";
    assert_false(tg_ledger_is_echo(&r, &e));
    e.license_arn = NULL;
    assert_false(tg_ledger_is_echo(&r, &e));
    e.license_arn = "arn:l-1";
    e.dimension = "ApiGateway";
    assert_false(tg_ledger_is_echo(&r, &e));
    e.dimension = "apigateway";
    e.customer_aws_account_id = "1";
    assert_false(tg_ledger_is_echo(&r, &e));
    r.mode = TG_IDENTITY_CUSTOMER;
    e.customer_identifier = "ifAPi5AcF3";
    assert_true(tg_ledger_is_echo(&r, &e));
    e.customer_identifier = "other";
    assert_false(tg_ledger_is_echo(&r, &e));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_move_along_the_arrows_only),
        cmocka_unit_test(names_are_read_back),
        cmocka_unit_test(the_mode_is_what_resolve_customer_gave),
        cmocka_unit_test(the_timestamp_is_the_later_of_hour_and_activation),
        cmocka_unit_test(the_deadline_is_a_day_the_month_or_the_leaving),
        cmocka_unit_test(a_quantity_is_what_one_record_can_hold),
        cmocka_unit_test(units_go_to_the_present_hour_or_the_next),
        cmocka_unit_test(only_success_settles),
        cmocka_unit_test(an_exception_says_what_to_do),
        cmocka_unit_test(backoff_grows_and_stays_before_the_deadline),
        cmocka_unit_test(members_follow_the_identity_mode),
        cmocka_unit_test(a_batch_is_of_one_product_and_one_mode),
        cmocka_unit_test(a_batch_is_less_than_a_megabyte),
        cmocka_unit_test(an_echo_is_known_by_what_it_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
