/*
 * BatchMeterUsage: which records are billed, and what is answered.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support.h"

#define ACCOUNT "111122223333"
#define HOUR 3600
#define DAY (24 * HOUR)

struct fixture {
    struct tg_market market;
    json_t          *license, *account, *customer; /* purchases */
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    *state = f;
    assert_int_equal(tg_market_init(&f->market), TG_OK);
    list_product(&f->market, "license", "subscription", "license");
    list_product(&f->market, "account", "contract-with-consumption",
        "account");
    list_product(&f->market, "customer", "subscription", "customer");
    list_product(&f->market, "contract", "contract", "account");
    f->license = buy(&f->market, "license", ACCOUNT, T0);
    f->account = buy(&f->market, "account", ACCOUNT, T0);
    f->customer = buy(&f->market, "customer", ACCOUNT, T0);
    json_decref(buy(&f->market, "contract", ACCOUNT, T0));
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    tg_market_clear(&f->market);
    json_decref(f->license);
    json_decref(f->account);
    json_decref(f->customer);
    free(f);
    return 0;
}

/* Sends one record by licence, 'L', by account, 'A', or customer, 'C'. */
static struct tg_answer
send_one(struct fixture *f, char mode, int64_t now_s, double timestamp,
    int quantity, const char *more)
{
    char code[64] = "", text[1024], who[256];

    if (mode == 'L') {
        snprintf(who, sizeof(who), "'CustomerAWSAccountId':'" ACCOUNT "',"
            "'LicenseArn':'%s'", tg_text(f->license, "licenseArn"));
    } else if (mode == 'A') {
        snprintf(who, sizeof(who), "'CustomerAWSAccountId':'" ACCOUNT "'");
        strcpy(code, "'ProductCode':'account',");
    } else {
        snprintf(who, sizeof(who), "'CustomerIdentifier':'%s'",
            tg_text(f->customer, "customerIdentifier"));
        strcpy(code, "'ProductCode':'customer',");
    }
    snprintf(text, sizeof(text), "{%s'UsageRecords':[{'Timestamp':%.3f,"
        "'Dimension':'apigateway','Quantity':%d,%s%s}]}", code, timestamp,
        quantity, who, more);
    return ask(&f->market, tg_market_batch_meter_usage, now_s, text);
}

/* The status of the only record, or the exception. */
static const char *
outcome(const struct tg_answer *a)
{
    const json_t *results = json_object_get(a->body, "Results");

    return a->type != NULL ? a->type
                           : tg_text(json_array_get(results, 0), "Status");
}

static void
expect_one(struct fixture *f, char mode, int64_t now_s, double timestamp,
    int quantity, const char *wanted)
{
    struct tg_answer a = send_one(f, mode, now_s, timestamp, quantity, "");

    if (strcmp(outcome(&a), wanted) != 0) {
        fail_msg("mode %c, now T0 + %lld, timestamp T0 + %.3f: expected %s, "
            "found %s", mode, (long long) (now_s - T0),
            timestamp - (double) T0, wanted, outcome(&a));
    }
    tg_answer_clear(&a);
}

static int64_t
billed(struct fixture *f)
{
    int64_t       sum = 0;
    json_t       *bill = tg_market_bill(&f->market);
    const json_t *record;
    size_t        i;

    json_array_foreach(json_object_get(bill, "records"), i, record) {
        sum += json_integer_value(json_object_get(record, "quantity"));
    }
    json_decref(bill);
    return sum;
}

static void
the_first_record_of_an_hour_is_billed(void **state)
{
    static const char modes[] = "LAC";
    struct fixture   *f = *state;

    for (int i = 0; i < 3; i++) {
        char m = modes[i];

        expect_one(f, m, T0 + 10, T0, 5, "Success");
        expect_one(f, m, T0 + 20, T0, 5, "Success");
        expect_one(f, m, T0 + 30, T0 + 3599.5, 5, "TimestampOutOfBounds"
            "Exception");
        expect_one(f, m, T0 + HOUR, T0 + 3599.5, 5, "Success");
        expect_one(f, m, T0 + HOUR, T0, 6, "DuplicateRecord");
        expect_one(f, m, T0 + HOUR, T0, 0, "DuplicateRecord");
        expect_one(f, m, T0 + HOUR, T0 + HOUR, 7, "Success");
        assert_int_equal(billed(f), 12 * (i + 1));
    }
}

static void
a_repeated_record_keeps_its_id(void **state)
{
    char             id[64];
    struct fixture  *f = *state;
    struct tg_answer a = send_one(f, 'L', T0, T0, 5, "");
    const json_t    *result
        = json_array_get(json_object_get(a.body, "Results"), 0);

    snprintf(id, sizeof(id), "%s", tg_text(result, "MeteringRecordId"));
    assert_true(json_is_real(json_object_get(
        json_object_get(result, "UsageRecord"), "Timestamp")));
    tg_answer_clear(&a);
    a = send_one(f, 'L', T0 + 60, T0, 5, "");
    result = json_array_get(json_object_get(a.body, "Results"), 0);
    assert_string_equal(tg_text(result, "MeteringRecordId"), id);
    assert_int_equal(
        json_array_size(json_object_get(a.body, "UnprocessedRecords")), 0);
    tg_answer_clear(&a);
}

/* The trap of a changed mode: other keys, so the hour is billed twice. */
static void
mixing_modes_bills_twice(void **state)
{
    struct fixture  *f = *state;
    struct tg_answer a;

    expect_one(f, 'L', T0, T0, 5, "Success");
    a = ask(&f->market, tg_market_batch_meter_usage, T0,
        "{'ProductCode':'license','UsageRecords':[{'Timestamp':1795395600,"
        "'Dimension':'apigateway','Quantity':5,'CustomerAWSAccountId':'"
        ACCOUNT "'}]}");
    assert_string_equal(outcome(&a), "Success");
    tg_answer_clear(&a);
    assert_int_equal(billed(f), 10);
}

static void
the_window_is_24_hours_and_never_the_future(void **state)
{
    struct fixture *f = *state;

    expect_one(f, 'A', T0 + DAY - 1, T0, 1, "Success");
    expect_one(f, 'A', T0 + DAY, T0, 1, "TimestampOutOfBoundsException");
    expect_one(f, 'A', T0 + DAY, T0 + 0.5, 1, "Success");
    expect_one(f, 'A', T0 + 5, T0 + 5.9, 1, "Success");
    expect_one(f, 'A', T0 + 5, T0 + 6, 1, "TimestampOutOfBoundsException");
    expect_one(f, 'A', T0 + 5, 0, 1, "TimestampOutOfBoundsException");
    expect_one(f, 'A', T0 + 5, 1e18, 1, "TimestampOutOfBoundsException");
}

static void
last_month_closes_at_six(void **state)
{
    int64_t         december, november_last;
    struct fixture *f = *state;

    assert_int_equal(tg_time_parse(&december, "2026-12-01T00:00:00Z"), TG_OK);
    november_last = december - HOUR;
    expect_one(f, 'A', december + 6 * HOUR - 1, (double) november_last, 1,
        "Success");
    expect_one(f, 'A', december + 6 * HOUR, (double) november_last, 1,
        "TimestampOutOfBoundsException");
    expect_one(f, 'A', december + 6 * HOUR, (double) december, 1, "Success");
    expect_one(f, 'A', december + 6 * HOUR, (double) december - 0.001, 1,
        "TimestampOutOfBoundsException");
}

static void
nothing_is_taken_from_before_the_agreement(void **state)
{
    struct fixture *f = *state;

    expect_one(f, 'A', T0 + 10, T0 - 1, 1, "TimestampOutOfBoundsException");
    expect_one(f, 'C', T0 + 10, T0 - 1, 1, "TimestampOutOfBoundsException");
    expect_one(f, 'L', T0 + 10, T0 - 1, 1, "InvalidLicenseException");
    expect_one(f, 'L', T0 + 10, T0, 1, "Success");
}

static void
who_left_is_billed_for_one_more_hour(void **state)
{
    const char      *names[3];
    struct fixture  *f = *state;
    struct tg_answer a = { .status = 0 };

    names[0] = tg_text(f->license, "agreementId");
    names[1] = tg_text(f->account, "agreementId");
    names[2] = tg_text(f->customer, "agreementId");
    for (int i = 0; i < 3; i++) {
        tg_market_cancel(&a, &f->market, names[i], T0 + 1800);
        commit(&f->market, &a);
        tg_answer_clear(&a);
        tg_market_cancel(&a, &f->market, names[i], T0 + 9000);
        assert_null(a.event); /* the first cancellation stands */
        tg_answer_clear(&a);
        expect_one(f, "LAC"[i], T0 + 1800 + HOUR, T0, 3, "Success");
        expect_one(f, "LAC"[i], T0 + 1801 + HOUR, T0 + HOUR, 3,
            "CustomerNotSubscribed");
    }
    assert_int_equal(billed(f), 9);
}

static void
one_bad_record_fails_the_batch(void **state)
{
    char             text[1024];
    struct fixture  *f = *state;
    struct tg_answer a;

    snprintf(text, sizeof(text), "{'ProductCode':'account','UsageRecords':["
        "{'Timestamp':1795395600,'Dimension':'apigateway','Quantity':1,"
        "'CustomerAWSAccountId':'" ACCOUNT "'},"
        "{'Timestamp':1795395600,'Dimension':'silver','Quantity':1,"
        "'CustomerAWSAccountId':'" ACCOUNT "'}]}");
    a = ask(&f->market, tg_market_batch_meter_usage, T0, text);
    assert_string_equal(a.type, "InvalidUsageDimensionException");
    assert_null(a.event);
    tg_answer_clear(&a);
    assert_int_equal(billed(f), 0);
}

static void
unknown_buyers_fail_alone(void **state)
{
    struct fixture  *f = *state;
    struct tg_answer a = ask(&f->market, tg_market_batch_meter_usage, T0,
        "{'ProductCode':'account','UsageRecords':["
        "{'Timestamp':1795395600,'Dimension':'apigateway','Quantity':1,"
        "'CustomerAWSAccountId':'999999999999'},"
        "{'Timestamp':1795395600,'Dimension':'apigateway','Quantity':2,"
        "'CustomerAWSAccountId':'" ACCOUNT "'},"
        "{'Timestamp':1795395601,'Dimension':'apigateway','Quantity':9,"
        "'CustomerAWSAccountId':'" ACCOUNT "'}]}");
    const json_t *results;

    assert_int_equal(a.status, 400); /* the last lies a second after now */
    tg_answer_clear(&a);
    a = ask(&f->market, tg_market_batch_meter_usage, T0 + 1,
        "{'ProductCode':'account','UsageRecords':["
        "{'Timestamp':1795395600,'Dimension':'apigateway','Quantity':1,"
        "'CustomerAWSAccountId':'999999999999'},"
        "{'Timestamp':1795395600,'Dimension':'apigateway','Quantity':2,"
        "'CustomerAWSAccountId':'" ACCOUNT "'},"
        "{'Timestamp':1795395601,'Dimension':'apigateway','Quantity':9,"
        "'CustomerAWSAccountId':'" ACCOUNT "'}]}");
    results = json_object_get(a.body, "Results");
    assert_string_equal(tg_text(json_array_get(results, 0), "Status"),
        "CustomerNotSubscribed");
    assert_string_equal(tg_text(json_array_get(results, 1), "Status"),
        "Success");
    assert_string_equal(tg_text(json_array_get(results, 2), "Status"),
        "DuplicateRecord");
    tg_answer_clear(&a);
    assert_int_equal(billed(f), 2);
}

#define REC "'Timestamp':1795395600,'Dimension':'apigateway'"
#define ACC "'CustomerAWSAccountId':'" ACCOUNT "'"
#define A_BATCH(r) "{'ProductCode':'account','UsageRecords':[{" r "}]}"

static void
wrong_requests_are_told_apart(void **state)
{
    static const struct {
        const char *request, *type, *part;
    } table[] = {
        { "{}", "ValidationException", "null at 'usageRecords'" },
        { "{'UsageRecords':null}", "ValidationException", "must not be null" },
        { "{'UsageRecords':{}}", "SerializationException", "a List" },
        { "{'UsageRecords':[1]}", "SerializationException",
            "usageRecords.1.member" },
        { A_BATCH(ACC), "ValidationException",
            "'usageRecords.1.member.timestamp'" },
        { A_BATCH("'Timestamp':1795395600," ACC), "ValidationException",
            "'usageRecords.1.member.dimension'" },
        { A_BATCH("'Timestamp':'2026-11-23T01:00:00Z','Dimension':'d'," ACC),
            "SerializationException", "Timestamp" },
        { A_BATCH(REC ",'Quantity':-1," ACC), "ValidationException",
            "greater than or equal to 0" },
        { A_BATCH(REC ",'Quantity':2147483648," ACC), "ValidationException",
            "less than or equal to 2147483647" },
        { A_BATCH(REC ",'Quantity':1.5," ACC), "SerializationException",
            "an Integer" },
        { A_BATCH(REC ",'Quantity':'1'," ACC), "SerializationException",
            "an Integer" },
        { A_BATCH(REC ",'CustomerAWSAccountId':'12a'"),
            "ValidationException", "^[0-9]+$" },
        { A_BATCH(REC), "ValidationException", "is required" },
        { A_BATCH(REC "," ACC ",'CustomerIdentifier':'x'"),
            "ValidationException", "mutually exclusive" },
        { A_BATCH(REC ",'CustomerIdentifier':'x','LicenseArn':'y'"),
            "ValidationException", "mutually exclusive" },
        { A_BATCH(REC "," ACC ",'LicenseArn':'arn:aws:x'"),
            "ValidationException", "ProductCode must not" },
        { "{'UsageRecords':[{" REC ",'LicenseArn':'arn:aws:x'}]}",
            "ValidationException", "requires CustomerAWSAccountId" },
        { "{'UsageRecords':[{" REC "," ACC ",'LicenseArn':'arn:aws:x'}]}",
            "InvalidLicenseException", "not valid" },
        { "{'UsageRecords':[{" REC "," ACC "}]}",
            "InvalidProductCodeException", "required" },
        { "{'ProductCode':'none','UsageRecords':[{" REC "," ACC "}]}",
            "InvalidProductCodeException", "does not match" },
        { "{'ProductCode':'contract','UsageRecords':[{" REC "," ACC "}]}",
            "InvalidProductCodeException", "contract product" },
        { "{'ProductCode':'license','UsageRecords':[{" REC
          ",'CustomerIdentifier':'x'}]}",
            "InvalidCustomerIdentifierException", "no CustomerIdentifier" },
        { "{'ProductCode':'customer','UsageRecords':[{" REC
          ",'CustomerIdentifier':'x'}]}",
            "InvalidCustomerIdentifierException", "no such" },
        { A_BATCH("'Timestamp':1795395600,'Dimension':'ApiGateway'," ACC),
            "InvalidUsageDimensionException", "does not match" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct tg_answer a = ask(&f->market, tg_market_batch_meter_usage, T0,
            table[i].request);

        if (a.type == NULL || strcmp(a.type, table[i].type) != 0
            || strstr(a.message, table[i].part) == NULL)
        {
            fail_msg("%s: %s: %s", table[i].request, outcome(&a), a.message);
        }
        tg_answer_clear(&a);
    }
    assert_int_equal(billed(f), 0);
}

static void
licences_of_other_buyers_and_products_do_not_mix(void **state)
{
    char             text[1024];
    json_t          *other;
    struct fixture  *f = *state;
    struct tg_answer a;

    list_product(&f->market, "license2", "subscription", "license");
    other = buy(&f->market, "license2", ACCOUNT, T0);
    snprintf(text, sizeof(text), "{'UsageRecords':[{" REC "," ACC
        ",'LicenseArn':'%s'},{" REC "," ACC ",'LicenseArn':'%s'}]}",
        tg_text(f->license, "licenseArn"), tg_text(other, "licenseArn"));
    a = ask(&f->market, tg_market_batch_meter_usage, T0, text);
    assert_string_equal(a.type, "ValidationException");
    tg_answer_clear(&a);
    snprintf(text, sizeof(text), "{'UsageRecords':[{" REC
        ",'CustomerAWSAccountId':'999999999999','LicenseArn':'%s'}]}",
        tg_text(other, "licenseArn"));
    a = ask(&f->market, tg_market_batch_meter_usage, T0, text);
    assert_string_equal(a.type, "InvalidLicenseException");
    tg_answer_clear(&a);
    json_decref(other);
}

static void
at_most_25_records_are_taken(void **state)
{
    struct fixture  *f = *state;
    struct tg_answer a = { .status = 0 };
    json_t          *list = json_array(), *request;

    for (int i = 0; i < 26; i++) {
        json_t *record = json_of("{" REC "," ACC ",'Quantity':4}");

        (void) json_array_append_new(list, record);
    }
    request = json_pack("{s:s, s:o}", "ProductCode", "account",
        "UsageRecords", list);
    tg_market_batch_meter_usage(&a, &f->market, request, T0);
    assert_non_null(strstr(a.message, "length less than or equal to 25"));
    tg_answer_clear(&a);
    (void) json_array_remove(list, 25);
    tg_market_batch_meter_usage(&a, &f->market, request, T0);
    assert_int_equal(json_array_size(json_object_get(a.body, "Results")), 25);
    commit(&f->market, &a); /* one key in one batch is one record */
    tg_answer_clear(&a);
    assert_int_equal(billed(f), 4);
    (void) json_array_clear(list);
    tg_market_batch_meter_usage(&a, &f->market, request, T0);
    assert_int_equal(a.status, 200);
    tg_answer_clear(&a);
    json_decref(request);
}

/*
 * ---- usage allocations
 */

static void
allocations_must_add_up(void **state)
{
    static const struct {
        const char *allocations, *outcome;
    } table[] = {
        { "[{'AllocatedUsageQuantity':7,'Tags':[{'Key':'Stage','Value':"
          "'prod'}]},{'AllocatedUsageQuantity':3}]", "Success" },
        { "[]", "ValidationException" },
        { "[{'AllocatedUsageQuantity':9}]",
            "InvalidUsageAllocationsException" },
        { "[{'AllocatedUsageQuantity':5},{'AllocatedUsageQuantity':5}]",
            "InvalidUsageAllocationsException" },
        { "[{'AllocatedUsageQuantity':5,'Tags':[{'Key':'a','Value':'b'},"
          "{'Key':'c','Value':'d'}]},{'AllocatedUsageQuantity':5,'Tags':["
          "{'Key':'c','Value':'d'},{'Key':'a','Value':'b'}]}]",
            "InvalidUsageAllocationsException" },
        { "[{}]", "ValidationException" },
        { "[{'AllocatedUsageQuantity':-1}]", "ValidationException" },
        { "[{'AllocatedUsageQuantity':10,'Tags':[]}]",
            "ValidationException" },
        { "[{'AllocatedUsageQuantity':10,'Tags':[{'Key':'a'}]}]",
            "InvalidTagException" },
        { "[{'AllocatedUsageQuantity':10,'Tags':[{'Key':'','Value':'v'}]}]",
            "InvalidTagException" },
        { "[{'AllocatedUsageQuantity':10,'Tags':[{'Key':'a~','Value':'v'}]}]",
            "InvalidTagException" },
        { "[{'AllocatedUsageQuantity':10,'Tags':[{'Key':'a(b);','Value':"
          "'0 -=._:/@'}]}]", "Success" },
        { "[{'AllocatedUsageQuantity':10,'Tags':[{'Key':'a','Value':'1'},"
          "{'Key':'a','Value':'2'}]}]", "InvalidTagException" },
        { "[{'AllocatedUsageQuantity':10,'Tags':[{'Key':'a','Value':'1'},"
          "{'Key':'b','Value':'1'},{'Key':'c','Value':'1'},{'Key':'d',"
          "'Value':'1'},{'Key':'e','Value':'1'},{'Key':'f','Value':'1'}]}]",
            "InvalidTagException" },
        { "[{'AllocatedUsageQuantity':5,'Tags':[{'Key':'a','Value':'1'},"
          "{'Key':'b','Value':'1'},{'Key':'c','Value':'1'},{'Key':'d',"
          "'Value':'1'},{'Key':'e','Value':'1'}]},{'AllocatedUsageQuantity':"
          "5,'Tags':[{'Key':'f','Value':'1'}]}]", "InvalidTagException" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char             more[1024];
        struct tg_answer a;

        snprintf(more, sizeof(more), ",'UsageAllocations':%s",
            table[i].allocations);
        /* Each in an hour of its own. */
        a = send_one(f, 'A', T0 + 20 * HOUR, (double) (T0 + (int) i * HOUR),
            10, more);
        if (strcmp(outcome(&a), table[i].outcome) != 0) {
            fail_msg("%s: %s: %s", table[i].allocations, outcome(&a),
                a.message);
        }
        tg_answer_clear(&a);
    }
}

static void
other_allocations_make_another_record(void **state)
{
    struct fixture  *f = *state;
    struct tg_answer a = send_one(f, 'C', T0, T0, 10,
        ",'UsageAllocations':[{'AllocatedUsageQuantity':10}]");

    assert_string_equal(outcome(&a), "Success");
    tg_answer_clear(&a);
    a = send_one(f, 'C', T0, T0, 10,
        ",'UsageAllocations':[{'AllocatedUsageQuantity':10}]");
    assert_string_equal(outcome(&a), "Success");
    tg_answer_clear(&a);
    expect_one(f, 'C', T0, T0, 10, "DuplicateRecord");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_record_of_an_hour_is_billed),
        TEST(a_repeated_record_keeps_its_id),
        TEST(mixing_modes_bills_twice),
        TEST(the_window_is_24_hours_and_never_the_future),
        TEST(last_month_closes_at_six),
        TEST(nothing_is_taken_from_before_the_agreement),
        TEST(who_left_is_billed_for_one_more_hour),
        TEST(one_bad_record_fails_the_batch),
        TEST(unknown_buyers_fail_alone),
        TEST(wrong_requests_are_told_apart),
        TEST(licences_of_other_buyers_and_products_do_not_mix),
        TEST(at_most_25_records_are_taken),
        TEST(allocations_must_add_up),
        TEST(other_allocations_make_another_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
