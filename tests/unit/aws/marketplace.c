/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "aws/marketplace.h"

#define NOW INT64_C(1795399200) /* 2026-11-23T02:00:00Z */

/* What the fake answers, and what it was asked. */
static struct {
    enum tg_aws_delivery delivery[4];
    int                  status[4];
    const char          *body[4];
    const char          *error_type;
    int                  count;
    char                 authorization[512];
    char                 target[128];
    char                 host[128];
    char                 sent[2048];
    char                 token[64];
    const char          *rotation; /* the token that follows an answer */
    int64_t              ahead_s;  /* of its clock */
    bool                 has_age;  /* a cache answers */
    char                 date[32]; /* X-Amz-Date */
} fake;

static enum tg_aws_delivery
fake_send(void *data, const struct tg_aws_request *request,
    struct tg_aws_reply *reply, struct tg_error *err)
{
    size_t i;
    int    n = fake.count++;
    static const struct {
        const char *name;
        char       *out;
    } wanted[] = { { "Authorization", fake.authorization },
        { "X-Amz-Target", fake.target }, { "Host", fake.host },
        { "X-Amz-Security-Token", fake.token },
        { "X-Amz-Date", fake.date } };

    (void) data;
    assert_true(n < 4);
    for (i = 0; i < request->header_count; i++) {
        for (size_t k = 0; k < 5; k++) {
            if (strcmp(request->headers[i].name, wanted[k].name) == 0) {
                strcpy(wanted[k].out, request->headers[i].value);
            }
        }
    }
    if (request->body != NULL) {
        assert_int_equal(strlen(request->body), request->body_len);
        strncpy(fake.sent, request->body, sizeof(fake.sent) - 1);
    }
    if (fake.rotation != NULL) {
        setenv("AWS_SESSION_TOKEN", fake.rotation, 1);
    }
    if (fake.delivery[n] != TG_AWS_ANSWERED) {
        tg_error_set(err, TG_IO, "connection trouble");
        return fake.delivery[n];
    }
    reply->status = fake.status[n];
    reply->date_s = NOW + 1 + fake.ahead_s;
    reply->has_age = fake.has_age;
    strcpy(reply->request_id, "req-1");
    if (fake.error_type != NULL) {
        strcpy(reply->error_type, fake.error_type);
    }
    assert_int_equal(tg_buf_puts(&reply->body, fake.body[n]), TG_OK);
    return TG_AWS_ANSWERED;
}

static const struct tg_aws_transport transport = { fake_send, NULL };
static struct tg_marketplace         m = {
    .transport = &transport,
    .metering_endpoint =
        "https://metering.marketplace.us-east-1.amazonaws.com",
    .region = "us-east-1",
};
static const struct tg_aws_source    source = { .region = "us-east-1",
    .transport = &transport };
static struct tg_marketplace_result r;

static int
set_up(void **state)
{
    (void) state;
    memset(&fake, 0, sizeof(fake));
    memset(&r, 0, sizeof(r));
    assert_int_equal(tg_aws_keyring_open(&m.keyring, &source, NULL), TG_OK);
    clearenv();
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY",
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", 1);
    return 0;
}

static int
tear_down(void **state)
{
    (void) state;
    tg_marketplace_result_clear(&r);
    tg_aws_keyring_close(m.keyring);
    return 0;
}

static void
answer(int status, const char *body)
{
    fake.status[0] = status;
    fake.body[0] = body;
}

static void
a_request_is_signed_as_the_check_vector(void **state)
{
    (void) state;
    answer(200, "{\"ProductCode\":\"p\"}");
    tg_marketplace_resolve_customer(&m, &r, "example-token", NOW);
    assert_int_equal(r.outcome, TG_MARKETPLACE_ANSWERED);
    assert_string_equal(fake.sent,
        "{\"RegistrationToken\":\"example-token\"}");
    assert_string_equal(fake.target, "AWSMPMeteringService.ResolveCustomer");
    assert_string_equal(fake.host,
        "metering.marketplace.us-east-1.amazonaws.com");
    assert_non_null(strstr(fake.authorization,
        "SignedHeaders=content-type;host;x-amz-date;x-amz-target"));
    assert_non_null(strstr(fake.authorization, "fc40c509d9695d9c471e2869841f"
        "ca2e42116b9adb1f6b1d9ac08a382ea74111"));
    assert_string_equal(r.access_key_id, "AKIDEXAMPLE");
    assert_int_equal(r.date_s, NOW + 1);
    assert_null(r.request); /* A3 */
}

static void
a_batch_has_the_members_that_were_given(void **state)
{
    const struct tg_marketplace_usage usage[] = {
        { NOW, "apigateway", 7, "210987654321", "arn:x", NULL },
        { NOW, "apigateway", 0, NULL, NULL, "ifAPi5AcF3" } };

    (void) state;
    answer(200, "{\"Results\":[]}");
    tg_marketplace_batch_meter_usage(&m, &r, NULL, usage, 2, NOW);
    assert_string_equal(fake.sent, "{\"UsageRecords\":["
        "{\"Timestamp\":1795399200,\"Dimension\":\"apigateway\","
        "\"Quantity\":7,\"CustomerAWSAccountId\":\"210987654321\","
        "\"LicenseArn\":\"arn:x\"},"
        "{\"Timestamp\":1795399200,\"Dimension\":\"apigateway\","
        "\"Quantity\":0,\"CustomerIdentifier\":\"ifAPi5AcF3\"}]}");
    assert_non_null(r.request);
    tg_marketplace_result_clear(&r);
    fake.count = 0;
    tg_marketplace_batch_meter_usage(&m, &r, "prod", usage, 1, NOW);
    assert_non_null(strstr(fake.sent, "\"ProductCode\":\"prod\""));
}

static void
an_error_is_named_however_it_is_written(void **state)
{
    size_t i;
    static const struct {
        const char *body, *header, *type, *message;
    } rows[] = {
        { "{\"__type\":\"ThrottlingException\",\"message\":\"slow\"}", NULL,
            "ThrottlingException", "slow" },
        { "{\"__type\":\"com.amazonaws#InvalidTokenException:http://x/#y\","
          "\"Message\":\"m\"}", NULL, "InvalidTokenException", "m" },
        { "{}", "DisabledApiException:http://aws", "DisabledApiException",
            "" },
        { "", "a#B", "B", "" },
        { "<html>", NULL, "400", "" },
        { "[1]", NULL, "400", "" },
        { "{\"__type\":\"\"}", NULL, "400", "" },
    };

    (void) state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fake.count = 0;
        fake.error_type = rows[i].header;
        answer(400, rows[i].body);
        tg_marketplace_resolve_customer(&m, &r, "t", NOW);
        assert_int_equal(r.outcome, TG_MARKETPLACE_REFUSED);
        assert_int_equal(r.status, 400);
        assert_string_equal(r.type, rows[i].type);
        assert_string_equal(r.message, rows[i].message);
        assert_string_equal(r.request_id, "req-1");
        tg_marketplace_result_clear(&r);
    }
}

static void
what_is_not_known_is_not_guessed(void **state)
{
    (void) state;
    answer(200, "<html>");
    tg_marketplace_resolve_customer(&m, &r, "t", NOW);
    assert_int_equal(r.outcome, TG_MARKETPLACE_UNKNOWN);
    tg_marketplace_result_clear(&r);
    fake.count = 0;
    fake.delivery[0] = TG_AWS_LOST;
    tg_marketplace_resolve_customer(&m, &r, "t", NOW);
    assert_int_equal(r.outcome, TG_MARKETPLACE_UNKNOWN);
    assert_string_equal(r.message, "connection trouble");
    tg_marketplace_result_clear(&r);
    fake.count = 0;
    fake.delivery[0] = TG_AWS_NOT_SENT;
    tg_marketplace_resolve_customer(&m, &r, "t", NOW);
    assert_int_equal(r.outcome, TG_MARKETPLACE_NOT_SENT);
}

static void
without_credentials_nothing_is_sent(void **state)
{
    (void) state;
    clearenv();
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    tg_marketplace_resolve_customer(&m, &r, "t", NOW);
    assert_int_equal(r.outcome, TG_MARKETPLACE_NOT_SENT);
    assert_int_equal(fake.count, 0);
    assert_non_null(strstr(r.message, "no AWS credentials"));
}

static void
our_expired_token_is_tried_again_and_the_buyers_is_not(void **state)
{
    (void) state;
    setenv("AWS_SESSION_TOKEN", "former", 1);
    fake.rotation = "session";
    answer(403, "{\"__type\":\"ExpiredTokenException\"}");
    fake.status[1] = 200;
    fake.body[1] = "{}";
    tg_marketplace_resolve_customer(&m, &r, "t", NOW);
    assert_int_equal(fake.count, 2);
    assert_int_equal(r.outcome, TG_MARKETPLACE_ANSWERED);
    assert_string_equal(r.type, "");
    assert_string_equal(fake.token, "session");
    assert_non_null(strstr(fake.authorization, "x-amz-security-token"));
    tg_marketplace_result_clear(&r);
    fake.count = 0;
    fake.rotation = "newest";
    fake.status[1] = 403;
    fake.body[1] = fake.body[0];
    tg_marketplace_resolve_customer(&m, &r, "t", NOW);
    assert_int_equal(fake.count, 2); /* once, not for ever */
    assert_int_equal(r.outcome, TG_MARKETPLACE_REFUSED);
    tg_marketplace_result_clear(&r);
    fake.count = 0;
    tg_marketplace_resolve_customer(&m, &r, "t", NOW);
    assert_int_equal(fake.count, 1); /* the same keys would be refused */
    tg_marketplace_result_clear(&r);
    fake.count = 0;
    answer(400, fake.body[0]);
    tg_marketplace_resolve_customer(&m, &r, "t", NOW);
    assert_int_equal(fake.count, 1);
    assert_int_equal(r.status, 400);
}

static void
a_lost_second_attempt_does_not_keep_the_first_ones_status(void **state)
{
    (void) state;
    fake.rotation = "newer";
    answer(403, "{\"__type\":\"ExpiredTokenException\"}");
    fake.delivery[1] = TG_AWS_LOST;
    tg_marketplace_resolve_customer(&m, &r, "t", NOW);
    assert_int_equal(r.outcome, TG_MARKETPLACE_UNKNOWN);
    assert_int_equal(r.status, 0);
    assert_string_equal(r.type, "");
}

/* The time is corrected for signing, and what explains a refusal retried. */
static void
a_clock_that_is_wrong_is_corrected_for_signing(void **state)
{
    (void) state;
    fake.ahead_s = 600;
    answer(403, "{\"__type\":\"InvalidSignatureException\"}");
    fake.status[1] = 200;
    fake.body[1] = "{}";
    tg_marketplace_resolve_customer(&m, &r, "t", NOW);
    assert_int_equal(r.outcome, TG_MARKETPLACE_ANSWERED);
    assert_int_equal(fake.count, 2);
    assert_string_equal(fake.date, "20261123T021001Z");
    assert_int_equal(tg_aws_keyring_skew(m.keyring), 601);
    tg_marketplace_result_clear(&r);
    fake.count = 0; /* the time is right now: it is the signature */
    tg_marketplace_resolve_customer(&m, &r, "t", NOW);
    assert_int_equal(fake.count, 1);
    assert_int_equal(r.outcome, TG_MARKETPLACE_REFUSED);
    tg_marketplace_result_clear(&r);
    fake.count = 0;
    tg_aws_keyring_set_skew(m.keyring, 0);
    fake.ahead_s = 200; /* tolerated: no reason for a refusal */
    tg_marketplace_resolve_customer(&m, &r, "t", NOW);
    assert_int_equal(fake.count, 1);
}

static void
a_cached_answer_says_nothing_about_the_time(void **state)
{
    (void) state;
    fake.ahead_s = -5000;
    fake.has_age = true;
    answer(200, "{}");
    tg_marketplace_resolve_customer(&m, &r, "t", NOW);
    assert_int_equal(r.outcome, TG_MARKETPLACE_ANSWERED);
    assert_int_equal(tg_aws_keyring_skew(m.keyring), 0);
}

/* One answer had a wrong Date: the next one's refusal is understood. */
static void
a_clock_that_was_corrected_wrongly_is_corrected_again(void **state)
{
    (void) state;
    fake.ahead_s = 900;
    answer(200, "{}");
    tg_marketplace_resolve_customer(&m, &r, "t", NOW);
    assert_int_equal(r.outcome, TG_MARKETPLACE_ANSWERED);
    assert_int_equal(tg_aws_keyring_skew(m.keyring), 901);
    tg_marketplace_result_clear(&r);
    fake.count = 0;
    fake.ahead_s = 0;
    answer(400, "{\"__type\":\"InvalidSignatureException\"}");
    fake.status[1] = 200;
    fake.body[1] = "{}";
    tg_marketplace_resolve_customer(&m, &r, "t", NOW);
    assert_int_equal(r.outcome, TG_MARKETPLACE_ANSWERED);
    assert_int_equal(fake.count, 2);
    assert_string_equal(fake.date, "20261123T020001Z");
}

static void
the_date_is_that_of_any_reply(void **state)
{
    int64_t date = 0;

    (void) state;
    answer(403, "no");
    assert_int_equal(tg_marketplace_date(&m, &date, NULL), TG_OK);
    assert_int_equal(date, NOW + 1);
    assert_string_equal(fake.authorization, "");
    fake.count = 0;
    fake.delivery[0] = TG_AWS_LOST;
    assert_int_equal(tg_marketplace_date(&m, &date, NULL), TG_NOTFOUND);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_signed_as_the_check_vector),
        TEST(a_batch_has_the_members_that_were_given),
        TEST(an_error_is_named_however_it_is_written),
        TEST(what_is_not_known_is_not_guessed),
        TEST(without_credentials_nothing_is_sent),
        TEST(our_expired_token_is_tried_again_and_the_buyers_is_not),
        TEST(a_lost_second_attempt_does_not_keep_the_first_ones_status),
        TEST(a_clock_that_is_wrong_is_corrected_for_signing),
        TEST(a_clock_that_was_corrected_wrongly_is_corrected_again),
        TEST(a_cached_answer_says_nothing_about_the_time),
        TEST(the_date_is_that_of_any_reply),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
