/*
 * courier.c - when the next request may begin
 *
 * The linker puts a clock of our own between the courier and the C library:
 * it stands still but for the naps that the courier takes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "billing/courier.h"
#include "settings/settings.h"

#define NS INT64_C(1000000000)
#define NOW INT64_C(1795399200)

static int64_t                clock_ns;
static int64_t                begun_ns[100]; /* of each request */
static size_t                 begun;
static struct tg_courier     *courier;
static struct tg_guard        guard;
static struct tg_lease        lease;
static struct tg_aws_keyring *keyring;

int __wrap_clock_gettime(clockid_t which, struct timespec *out);
int __wrap_nanosleep(const struct timespec *nap, struct timespec *left);

int
__wrap_clock_gettime(clockid_t which, struct timespec *out)
{
    (void) which;
    *out = (struct timespec) { clock_ns / NS, clock_ns % NS };
    return 0;
}

int
__wrap_nanosleep(const struct timespec *nap, struct timespec *left)
{
    (void) left;
    clock_ns += nap->tv_sec * NS + nap->tv_nsec;
    return 0;
}

static enum tg_aws_delivery
answer(void *data, const struct tg_aws_request *request,
    struct tg_aws_reply *reply, struct tg_error *err)
{
    (void) data;
    (void) request;
    (void) err;
    assert_true(begun < 100);
    begun_ns[begun++] = clock_ns;
    reply->status = 200;
    assert_int_equal(tg_buf_puts(&reply->body, "{}"), TG_OK);
    return TG_AWS_ANSWERED;
}

static int64_t
now_s(void)
{
    return NOW;
}

static int64_t
boot_s(void)
{
    return 1000;
}

static const struct tg_aws_transport transport = { answer, NULL };
static const struct tg_aws_source    source = { .region = "us-east-1",
    .transport = &transport };
static struct tg_marketplace         marketplace = {
    .transport = &transport, .metering_endpoint = "http://localhost",
    .region = "us-east-1" };

static char                          account[] = "123456789012";
static char                          region[] = "us-east-1";
static const struct tg_settings      settings = { .account_id = account,
    .marketplace.region = region };

static void
open_courier(unsigned rate)
{
    const struct tg_courier_config config = { .marketplace = &marketplace,
        .settings = &settings, .lease = &lease, .guard = &guard,
        .now_s = now_s, .boot_s = boot_s, .rate = rate };

    assert_int_equal(tg_courier_open(&courier, &config, NULL), TG_OK);
}

static int
set_up(void **state)
{
    (void) state;
    clearenv();
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    clock_ns = 5 * NS;
    begun = 0;
    tg_guard_init(&guard);
    tg_lease_init(&lease, "reporter", "here", "me");
    lease.until_boot_s = 100000;
    assert_int_equal(tg_aws_keyring_open(&keyring, &source, NULL), TG_OK);
    marketplace.keyring = keyring;
    return 0;
}

static int
tear_down(void **state)
{
    (void) state;
    tg_courier_close(courier);
    tg_aws_keyring_close(keyring);
    tg_guard_clear(&guard);
    return 0;
}

static enum tg_marketplace_outcome
carry_one(void)
{
    enum tg_marketplace_outcome outcome;
    struct tg_batch            *b = tg_batch_new();
    const struct tg_ledger_record record = { .id = "lr-1",
        .agreement_id = "agr-1", .product_code = "prod",
        .dimension = "apigateway", .hour = NOW, .timestamp = NOW,
        .customer_aws_account_id = "111111111111",
        .mode = TG_IDENTITY_ACCOUNT, .state = TG_LEDGER_SENT };

    assert_non_null(b);
    assert_true(tg_batch_add(b, &record));
    tg_courier_submit(courier, b);
    b = tg_courier_collect(courier);
    assert_non_null(b);
    outcome = b->result.outcome;
    tg_batch_free_all(b);
    return outcome;
}

/* Amazon's limit is that of an account, whoever asks. */
static void
no_more_than_ten_requests_begin_in_any_second(void **state)
{
    size_t i;

    (void) state;
    open_courier(10);
    for (i = 0; i < 95; i++) {
        if (i == 50) {
            clock_ns += 30 * NS; /* what was not used is not saved up */
        }
        assert_int_equal(carry_one(), TG_MARKETPLACE_ANSWERED);
    }
    assert_int_equal(begun, 95);
    for (i = 10; i < begun; i++) {
        assert_true(begun_ns[i] - begun_ns[i - 10] >= NS);
    }
    assert_true(begun_ns[49] - begun_ns[0] < 6 * NS); /* and no fewer */
}

static void
without_a_pace_nobody_waits(void **state)
{
    size_t i;

    (void) state;
    open_courier(0);
    for (i = 0; i < 50; i++) {
        assert_int_equal(carry_one(), TG_MARKETPLACE_ANSWERED);
    }
    assert_true(begun_ns[49] == begun_ns[0]);
}

static void
who_stops_or_has_lost_the_lease_sends_nothing(void **state)
{
    (void) state;
    open_courier(10);
    assert_int_equal(carry_one(), TG_MARKETPLACE_ANSWERED);
    lease.until_boot_s = boot_s() + 10; /* a request may take longer */
    assert_int_equal(carry_one(), TG_MARKETPLACE_NOT_SENT);
    lease.until_boot_s = 100000;
    tg_courier_stop(courier);
    assert_int_equal(carry_one(), TG_MARKETPLACE_NOT_SENT);
    assert_int_equal(begun, 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(no_more_than_ten_requests_begin_in_any_second),
        TEST(without_a_pace_nobody_waits),
        TEST(who_stops_or_has_lost_the_lease_sends_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
