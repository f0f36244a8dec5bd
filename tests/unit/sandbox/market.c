/*
 * Listing, buying, ResolveCustomer, GetEntitlements, and the events.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support.h"

static int
setup(void **state)
{
    struct tg_market *m = calloc(1, sizeof(*m));

    *state = m;
    return tg_market_init(m) == TG_OK ? 0 : -1;
}

static int
teardown(void **state)
{
    tg_market_clear(*state);
    free(*state);
    return 0;
}

static struct tg_answer
resolve(struct tg_market *m, const json_t *purchase, int64_t now_s)
{
    char text[256];

    snprintf(text, sizeof(text), "{'RegistrationToken':'%s'}",
        tg_text(purchase, "token"));
    return ask(m, tg_market_resolve_customer, now_s, text);
}

static void
expect_same(const json_t *left, const char *left_name, const json_t *right,
    const char *right_name)
{
    const char *l = tg_text(left, left_name);
    const char *r = tg_text(right, right_name);

    if (l == NULL || r == NULL) {
        assert_ptr_equal(l, r);
    } else {
        assert_string_equal(l, r);
    }
}

static void
each_listing_names_the_buyer_in_its_way(void **state)
{
    static const struct {
        const char *identity;
        bool        account, license, customer;
    } table[] = {
        { "license", true, true, false },
        { "account", true, false, true },
        { "customer", false, false, true },
    };
    struct tg_market *m = *state;

    for (size_t i = 0; i < 3; i++) {
        json_t          *bought;
        struct tg_answer a;

        list_product(m, table[i].identity, "subscription", table[i].identity);
        bought = buy(m, table[i].identity, NULL, T0);
        a = resolve(m, bought, T0);
        assert_int_equal(a.status, 200);
        assert_string_equal(tg_text(a.body, "ProductCode"),
            table[i].identity);
        assert_int_equal(tg_text(a.body, "CustomerAWSAccountId") != NULL,
            table[i].account);
        assert_int_equal(tg_text(a.body, "LicenseArn") != NULL,
            table[i].license);
        assert_int_equal(tg_text(a.body, "CustomerIdentifier") != NULL,
            table[i].customer);
        if (table[i].account) {
            expect_same(a.body, "CustomerAWSAccountId", bought,
                "customerAWSAccountId");
        }
        tg_answer_clear(&a);
        json_decref(bought);
    }
}

static void
a_token_lives_four_hours_and_says_the_same(void **state)
{
    json_t           *bought;
    struct tg_answer  a, b;
    struct tg_market *m = *state;

    list_product(m, "p", "subscription", "license");
    bought = buy(m, "p", "111122223333", T0);
    assert_non_null(strchr(tg_text(bought, "token"), '+'));
    assert_non_null(strchr(tg_text(bought, "token"), '/'));
    assert_non_null(strchr(tg_text(bought, "token"), '='));
    a = resolve(m, bought, T0);
    b = resolve(m, bought, T0 + 4 * 3600 - 1);
    assert_true(json_equal(a.body, b.body));
    tg_answer_clear(&a);
    tg_answer_clear(&b);
    a = resolve(m, bought, T0 + 4 * 3600);
    assert_int_equal(a.status, 400);
    assert_string_equal(a.type, "ExpiredTokenException");
    tg_answer_clear(&a);
    a = ask(m, tg_market_resolve_customer, T0, "{'RegistrationToken':'x'}");
    assert_string_equal(a.type, "InvalidTokenException");
    tg_answer_clear(&a);
    a = ask(m, tg_market_resolve_customer, T0, "{}");
    assert_string_equal(a.message, "1 validation error detected: Value null "
        "at 'registrationToken' failed to satisfy constraint: Member must "
        "not be null");
    tg_answer_clear(&a);
    json_decref(bought);
}

static void
only_licences_are_bought_twice_at_once(void **state)
{
    json_t           *first, *second;
    struct tg_market *m = *state;

    list_product(m, "l", "subscription", "license");
    list_product(m, "a", "subscription", "account");
    first = buy(m, "l", "111122223333", T0);
    second = buy(m, "l", "111122223333", T0);
    assert_string_not_equal(tg_text(first, "agreementId"),
        tg_text(second, "agreementId"));
    json_decref(first);
    json_decref(second);
    first = buy(m, "a", "111122223333", T0);
    second = buy(m, "a", "111122223333", T0);
    expect_same(first, "agreementId", second, "agreementId");
    assert_string_not_equal(tg_text(first, "token"),
        tg_text(second, "token"));
    json_decref(first);
    json_decref(second);
}

static void
bad_listings_change_nothing(void **state)
{
    static const struct {
        const char *request, *part;
    } table[] = {
        { "{}", "'name'" },
        { "{'name':'n','model':'contract','dimensions':[]}",
            "'dimensions'" },
        { "{'name':'n','model':'contract','dimensions':[{'name':'a'},"
          "{'name':'a'}]}", "unique" },
        { "{'name':'n','model':'contract','dimensions':[{}]}",
            "'dimensions.name'" },
        { "{'name':'n','model':'contract','dimensions':['a']}",
            "'dimensions.name'" },
        { "{'name':'n','dimensions':[{'name':'a'}],'model':'saas'}",
            "'model'" },
        { "{'name':'n','dimensions':[{'name':'a'}],'model':'contract',"
          "'identity':'mail'}", "'identity'" },
        { "{'name':'n','dimensions':[{'name':'a'}],'model':'contract',"
          "'fulfilmentUrl':'javascript:1'}", "'fulfilmentUrl'" },
        { "{'name':'n','dimensions':[{'name':'a'}],'model':'contract',"
          "'productCode':'a b'}", "'productCode'" },
    };
    struct tg_answer  a = { .status = 0 };
    struct tg_market *m = *state;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        json_t *request = json_of(table[i].request);

        tg_market_list_product(&a, m, request, "http://h/register");
        assert_int_equal(a.status, 400);
        if (strstr(a.message, table[i].part) == NULL) {
            fail_msg("%s: %s", table[i].request, a.message);
        }
        assert_null(a.event);
        json_decref(request);
        tg_answer_clear(&a);
    }
    a = ask(m, tg_market_buy, T0, "{'productCode':'none'}");
    assert_string_equal(a.type, "InvalidProductCodeException");
    tg_answer_clear(&a);
    tg_market_cancel(&a, m, "agmt-none", T0);
    assert_int_equal(a.status, 404);
    tg_answer_clear(&a);
    tg_market_new_token(&a, m, "agmt-none", T0);
    assert_int_equal(a.status, 404);
    tg_answer_clear(&a);
}

/*
 * ---- entitlements
 */

static void
contracts_have_entitlements_page_by_page(void **state)
{
    char              text[512];
    json_t           *one, *two;
    size_t            seen = 0, pages = 0;
    const char       *next = NULL;
    struct tg_answer  a = { .status = 0 };
    struct tg_market *m = *state;

    list_product(m, "c", "contract", "license");
    one = buy(m, "c", NULL, T0);
    two = buy(m, "c", NULL, T0);
    do {
        snprintf(text, sizeof(text),
            next != NULL ? "{'ProductCode':'c','MaxResults':3,"
                           "'NextToken':'%s'}"
                         : "{'ProductCode':'c','MaxResults':3}%s",
            next != NULL ? next : "");
        tg_answer_clear(&a);
        a = ask(m, tg_market_get_entitlements, T0, text);
        assert_int_equal(a.status, 200);
        seen += json_array_size(json_object_get(a.body, "Entitlements"));
        pages++;
        next = tg_text(a.body, "NextToken");
    } while (next != NULL);
    assert_int_equal(seen, 4);
    assert_int_equal(pages, 2);
    tg_answer_clear(&a);

    tg_market_cancel(&a, m, tg_text(one, "agreementId"), T0);
    commit(m, &a);
    tg_answer_clear(&a);
    snprintf(text, sizeof(text), "{'ProductCode':'c','Filter':{"
        "'LICENSE_ARN':['%s','%s'],'DIMENSION':['gold']}}",
        tg_text(one, "licenseArn"), tg_text(two, "licenseArn"));
    a = ask(m, tg_market_get_entitlements, T0, text);
    assert_int_equal(json_array_size(json_object_get(a.body, "Entitlements")),
        1);
    expect_same(json_array_get(json_object_get(a.body, "Entitlements"), 0),
        "LicenseArn", two, "licenseArn");
    tg_answer_clear(&a);
    json_decref(one);
    json_decref(two);
}

static void
bad_questions_for_entitlements_are_refused(void **state)
{
    static const struct {
        const char *request, *type;
    } table[] = {
        { "{}", "ValidationException" },
        { "{'ProductCode':'none'}", "InvalidParameterException" },
        { "{'ProductCode':'c','MaxResults':26}", "ValidationException" },
        { "{'ProductCode':'c','MaxResults':'3'}", "SerializationException" },
        { "{'ProductCode':'c','NextToken':'abcd'}",
            "InvalidParameterException" },
        { "{'ProductCode':'c','Filter':{'COLOUR':['red']}}",
            "InvalidParameterException" },
        { "{'ProductCode':'c','Filter':{'DIMENSION':[]}}",
            "InvalidParameterException" },
        { "{'ProductCode':'c','Filter':{'DIMENSION':[1]}}",
            "SerializationException" },
        { "{'ProductCode':'c','Filter':[]}", "SerializationException" },
        { "{'ProductCode':'c','Filter':{'CUSTOMER_IDENTIFIER':['a'],"
          "'CUSTOMER_AWS_ACCOUNT_ID':['1']}}", "InvalidParameterException" },
    };
    struct tg_market *m = *state;

    list_product(m, "c", "contract", "license");
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct tg_answer a = ask(m, tg_market_get_entitlements, T0,
            table[i].request);

        assert_int_equal(a.status, 400);
        assert_string_equal(a.type, table[i].type);
        tg_answer_clear(&a);
    }
}

static void
what_is_entitled_comes_from_the_listing(void **state)
{
    json_t           *bought, *list, *request;
    struct tg_answer  a = { .status = 0 };
    struct tg_market *m = *state;

    request = json_of("{'productCode':'w','name':'w','model':"
        "'contract-with-consumption','identity':'customer','dimensions':["
        "{'name':'gold','entitled':1000},{'name':'apigateway'}]}");
    tg_market_list_product(&a, m, request, "http://h/");
    commit(m, &a);
    tg_answer_clear(&a);
    json_decref(request);
    bought = buy(m, "w", NULL, T0);
    a = ask(m, tg_market_get_entitlements, T0 + 400 * 86400,
        "{'ProductCode':'w'}");
    list = json_object_get(a.body, "Entitlements");
    assert_int_equal(json_array_size(list), 1);
    assert_int_equal(json_integer_value(json_object_get(
        json_object_get(json_array_get(list, 0), "Value"), "IntegerValue")),
        1000);
    assert_true(json_number_value(json_object_get(json_array_get(list, 0),
        "ExpirationDate")) == (double) (T0 + 730 * 86400));
    expect_same(json_array_get(list, 0), "CustomerIdentifier", bought,
        "customerIdentifier");
    tg_answer_clear(&a);
    json_decref(bought);
}

/*
 * ---- events
 */

static void
a_snapshot_leads_to_the_same_state(void **state)
{
    json_t           *bill, *bought, *event, *events, *left;
    size_t            i;
    struct tg_answer  a = { .status = 0 };
    struct tg_market  copy, *m = *state;

    list_product(m, "p", "subscription", "account");
    bought = buy(m, "p", "111122223333", T0);
    left = buy(m, "p", "444455556666", T0);
    json_decref(buy(m, "p", "111122223333", T0 + 60)); /* a second token */
    tg_market_cancel(&a, m, tg_text(left, "agreementId"), T0 + 90);
    commit(m, &a);
    tg_answer_clear(&a);
    a = ask(m, tg_market_batch_meter_usage, T0 + 100, "{'ProductCode':'p',"
        "'UsageRecords':[{'Timestamp':1795395600,'Dimension':'apigateway',"
        "'CustomerAWSAccountId':'111122223333','Quantity':3}]}");
    assert_int_equal(a.status, 200);
    tg_answer_clear(&a);
    assert_int_equal(tg_market_init(&copy), TG_OK);
    events = tg_market_snapshot(m);
    json_array_foreach(events, i, event) {
        assert_int_equal(tg_market_apply(&copy, event, NULL), TG_OK);
    }
    assert_true(json_equal(copy.products, m->products));
    assert_true(json_equal(copy.agreements, m->agreements));
    assert_true(json_equal(copy.tokens, m->tokens));
    assert_true(json_equal(copy.records, m->records));
    assert_true(json_equal(copy.by_account, m->by_account));
    bill = tg_market_bill(&copy);
    assert_int_equal(json_array_size(json_object_get(bill, "records")), 1);
    json_decref(bill);
    json_decref(events);
    json_decref(bought);
    json_decref(left);
    tg_market_clear(&copy);
}

static void
broken_events_are_refused(void **state)
{
    static const char *const bad[] = { "{}", "{'event':'rain'}",
        "{'event':'product'}", "{'event':'product','product':{}}",
        "{'event':'purchase'}", "{'event':'token','agreementId':'x'}",
        "{'event':'cancel','agreementId':'x','at':1}", "{'event':'records'}",
        "{'event':'records','records':[{}]}" };
    struct tg_market *m = *state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_t *event = json_of(bad[i]);

        assert_int_equal(tg_market_apply(m, event, NULL), TG_CORRUPT);
        json_decref(event);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_listing_names_the_buyer_in_its_way),
        TEST(a_token_lives_four_hours_and_says_the_same),
        TEST(only_licences_are_bought_twice_at_once),
        TEST(bad_listings_change_nothing),
        TEST(contracts_have_entitlements_page_by_page),
        TEST(bad_questions_for_entitlements_are_refused),
        TEST(what_is_entitled_comes_from_the_listing),
        TEST(a_snapshot_leads_to_the_same_state),
        TEST(broken_events_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
