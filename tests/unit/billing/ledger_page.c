/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <jansson.h>

#include "billing/ledger_page.h"
#include "core/hours.h"

#define RECORDS 35 /* 7 hours of 5 agreements */

/* Records of several products, buyers, hours and states. */
static void
fill(struct world *w)
{
    world_sql(w, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
        " FROM n WHERE i < 5) INSERT INTO agreement (id, product_code,"
        " identity_mode, customer_aws_account_id, license_arn, license_id,"
        " state, activated_s, created_s, updated_s) SELECT 'agr-p' || i,"
        " CASE i WHEN 5 THEN 'other' ELSE 'prod' END, 'license',"
        " '50000000000' || i, 'arn:aws:license-manager::1:license:l-p' || i,"
        " 'l-p' || i, 'active', 1, 1, 1 FROM n");
    world_sql(w, "WITH RECURSIVE h(k) AS (SELECT 0 UNION ALL SELECT k + 1"
        " FROM h WHERE k < 6) INSERT INTO ledger_record (id, agreement_id,"
        " product_code, dimension, hour, timestamp, quantity, identity_mode,"
        " state, deadline_s, sealed_s, updated_s) SELECT 'r-' || k || '-' ||"
        " a.id, a.id, a.product_code, 'apigateway', 1795395600 + 3600 * k,"
        " 1795395600 + 3600 * k, k, 'license', 'sealed', 1795395600 + 3600 *"
        " k + 86400, 1795395600 + 3600 * (k + 1), 1795395600 + 3600 * (k + 1)"
        " FROM agreement a, h WHERE a.id LIKE 'agr-p%'");
    world_sql(w, "UPDATE ledger_record SET state = 'sent', attempts = 1"
        " WHERE hour < 1795395600 + 3600 * 6");
    world_sql(w, "UPDATE ledger_record SET state = 'settled',"
        " metering_record_id = 'm' WHERE hour < 1795395600 + 3600 * 5");
    world_sql(w, "UPDATE ledger_record SET state = 'refused', reason = 'no'"
        " WHERE id = 'r-5-agr-p2'");
}

static json_t *
page_of(struct world *w, struct tg_ledger_query query)
{
    json_t *page = NULL;

    if (tg_ledger_page(w->store, &page, &query, w->settings, w->now_s,
            &w->err) != TG_OK)
    {
        fail_msg("%s", w->err.message);
    }
    return page;
}

/* How many rows a query has in all, page by page; each comes once. */
static size_t
count_all(struct world *w, struct tg_ledger_query query)
{
    size_t      i, n = 0;
    char        after[64] = "", last[128] = "\x7f";
    json_t     *page, *row;
    const char *next;

    do {
        query.after = after;
        page = page_of(w, query);
        json_array_foreach (json_object_get(page, "records"), i, row) {
            char order[128];

            /* newest first, so that each stands before the one before */
            (void) snprintf(order, sizeof(order), "%lld %s",
                (long long) json_integer_value(json_object_get(row, "hour")),
                json_string_value(json_object_get(row, "agreementId")));
            assert_true(strcmp(order, last) < 0);
            strcpy(last, order);
            n++;
        }
        next = json_string_value(json_object_get(page, "next"));
        (void) snprintf(after, sizeof(after), "%s", next != NULL ? next
                                                                 : "");
        json_decref(page);
    } while (after[0] != '\0');
    return n;
}

static void
all_records_come_page_by_page(void **state)
{
    struct world *w = *state;

    fill(w);
    assert_int_equal(count_all(w, (struct tg_ledger_query) { 0 }), RECORDS);
    assert_int_equal(count_all(w, (struct tg_ledger_query) { .limit = "1" }),
        RECORDS);
    assert_int_equal(count_all(w, (struct tg_ledger_query) { .limit = "7" }),
        RECORDS);
    assert_int_equal(count_all(w, (struct tg_ledger_query) { .limit = "4",
        .buyer = "l-p2" }), 7);
}

static void
filters_leave_what_fits(void **state)
{
    size_t        i;
    struct world *w = *state;
    static const struct {
        struct tg_ledger_query query;
        size_t                 count;
    } cases[] = {
        { { .buyer = "agr-p3" }, 7 },
        { { .buyer = "l-p3" }, 7 },
        { { .buyer = "500000000003" }, 7 },
        { { .product = "other" }, 7 },
        { { .product = "prod" }, 28 },
        { { .product = "none" }, 0 },
        { { .state = "sealed" }, 5 },
        { { .state = "sent" }, 4 },
        { { .state = "settled" }, 25 },
        { { .state = "refused" }, 1 },
        { { .state = "expired" }, 0 },
        { { .from = "1795399200", .to = "1795402800" }, 5 },
        { { .from = "2026-11-23T02", .to = "2026-11-23T03" }, 5 },
        { { .from = "2026-11-23T02:00:00Z" }, 30 },
        { { .to = "2026-11-23" }, 0 },
        { { .from = "2026-11-23", .to = "2026-11-24" }, 35 },
        { { .buyer = "agr-p2", .state = "refused" }, 1 },
        { { .buyer = "agr-p1", .state = "refused" }, 0 },
        { { .product = "other", .state = "settled", .limit = "2" }, 5 },
    };

    fill(w);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t n = count_all(w, cases[i].query);

        if (n != cases[i].count) {
            fail_msg("case %zu: %zu rows", i, n);
        }
    }
}

static void
wrong_filters_are_named(void **state)
{
    size_t        i;
    json_t       *page = NULL;
    struct world *w = *state;
    static const struct {
        struct tg_ledger_query query;
        const char            *word;
    } cases[] = {
        { { .state = "done" }, "state" },
        { { .from = "yesterday" }, "from" },
        { { .from = "2026-13-01" }, "from" },
        { { .to = "2026-11-23T1" }, "to" },
        { { .from = "10", .to = "10" }, "from" },
        { { .limit = "0" }, "limit" },
        { { .limit = "1001" }, "limit" },
        { { .limit = "3x" }, "limit" },
        { { .buyer = "nobody" }, "nobody" },
        { { .after = "r-none" }, "after" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_not_equal(tg_ledger_page(w->store, &page, &cases[i].query,
            w->settings, w->now_s, &w->err), TG_OK);
        assert_null(page);
        if (strstr(w->err.message, cases[i].word) == NULL) {
            fail_msg("%s: %s", cases[i].word, w->err.message);
        }
    }
}

/* The first row of a state without a record. */
static json_t *
first(struct world *w, const char *state_name, json_t **page)
{
    *page = page_of(w, (struct tg_ledger_query) { .state = state_name });
    return json_array_get(json_object_get(*page, "records"), 0);
}

static void
usage_without_a_record_is_open_held_or_lost(void **state)
{
    json_t       *page, *row;
    struct world *w = *state;

    world_owner(w, 1, 1, NULL, "key-2");
    world_sql(w, "UPDATE meter_owner SET reason = 'the key has no"
        " customerId' WHERE slot = 1");
    world_count(w, 0, 3);
    world_count(w, 1, 4);
    assert_int_equal(world_fold(w), TG_OK);
    row = first(w, "open", &page);
    assert_int_equal(json_array_size(json_object_get(page, "records")), 2);
    assert_string_equal(json_string_value(json_object_get(row, "apiKeyId")),
        "key-2");
    json_decref(page);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    assert_null(first(w, "open", &page));
    json_decref(page);
    row = first(w, "held", &page);
    assert_int_equal(json_integer_value(json_object_get(row, "quantity")),
        4);
    assert_non_null(strstr(json_string_value(json_object_get(row, "next")),
        "register"));
    json_decref(page);
    assert_null(first(w, "lost", &page));
    json_decref(page);
    world_pass(w, 86400);
    assert_null(first(w, "held", &page));
    json_decref(page);
    row = first(w, "lost", &page);
    assert_non_null(strstr(json_string_value(json_object_get(row, "next")),
        "ledger adjust"));
    json_decref(page);
}

static void
times_are_read_as_people_write_them(void **state)
{
    size_t  i;
    int64_t hour;
    static const struct {
        const char *text;
        int64_t     time; /* -1: wrong */
    } cases[] = {
        { "2026-11-23T01:00:00Z", HOUR }, { "2026-11-23T01:00:00", HOUR },
        { "2026-11-23T01:00", HOUR }, { "2026-11-23T01", HOUR },
        { "2026-11-23", HOUR - 3600 }, { "1795395600", HOUR },
        { "20261123T010000Z", HOUR }, { "", -1 }, { "now", -1 },
        { "2026-11", -1 }, { "-5", -1 },
        { "2026-11-23T01:00:00+01:00", -1 }, { "99999999999999999999", -1 },
    };

    (void) state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum tg_status status = tg_ledger_hour_parse(&hour, cases[i].text);

        if ((status == TG_OK) != (cases[i].time >= 0)
            || (status == TG_OK && hour != cases[i].time))
        {
            fail_msg("%s: %lld", cases[i].text, (long long) hour);
        }
    }
}

int
main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(all_records_come_page_by_page),
        TEST(filters_leave_what_fits),
        TEST(wrong_filters_are_named),
        TEST(usage_without_a_record_is_open_held_or_lost),
        cmocka_unit_test(times_are_read_as_people_write_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
