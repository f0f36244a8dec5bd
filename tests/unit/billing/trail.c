/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "billing/trail.h"

static void
times_are_english_text(void **state)
{
    size_t i;
    char   text[TG_TRAIL_TIME_SIZE];
    static const struct {
        int64_t     time_s;
        const char *text;
    } rows[] = {
        { 1795395600, "Nov 23, 2026 1:00:00 AM" },
        { 1524155570, "Apr 19, 2018 4:32:50 PM" },
        { 1798761600, "Jan 1, 2027 12:00:00 AM" },
        { 1798804800, "Jan 1, 2027 12:00:00 PM" },
    };

    (void) state;
    for (i = 0; i < 4; i++) {
        tg_trail_time(text, rows[i].time_s);
        assert_string_equal(text, rows[i].text);
    }
}

static void
members_begin_with_a_small_letter(void **state)
{
    json_t *in = json_pack("{s:[{s:f, s:s, s:{s:i}}]}", "Results",
        "Timestamp", 1795395600.0, "CustomerAWSAccountId", "1", "UsageRecord",
        "Quantity", 7);
    json_t *out = tg_trail_json(in);
    char   *text = json_dumps(out, JSON_COMPACT);

    (void) state;
    assert_string_equal(text, "{\"results\":[{\"timestamp\":"
        "\"Nov 23, 2026 1:00:00 AM\",\"customerAWSAccountId\":\"1\","
        "\"usageRecord\":{\"quantity\":7}}]}");
    free(text);
    json_decref(out);
    json_decref(in);
}

static void
a_token_is_never_in_the_trail(void **state)
{
    struct world                *w = *state;
    struct tg_marketplace_result r = { .outcome = TG_MARKETPLACE_REFUSED,
        .status = 400, .type = "InvalidTokenException", .message = "bad" };

    assert_int_equal(tg_store_begin(w->store, TG_STORE_DURABLE, &w->err),
        TG_OK);
    assert_int_equal(tg_trail_append(w->store, w->settings,
        "ResolveCustomer", &r, "192.0.2.1", w->now_s, &w->err), TG_OK);
    assert_int_equal(tg_store_commit(w->store, &w->err), TG_OK);
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM audit_event WHERE"
        " event_source = 'metering-marketplace.amazonaws.com' AND"
        " record LIKE '%HIDDEN_DUE_TO_SECURITY_REASONS%' AND"
        " record LIKE '%\"errorCode\":\"InvalidTokenException\"%'"), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_english_text),
        cmocka_unit_test(members_begin_with_a_small_letter),
        cmocka_unit_test_setup_teardown(a_token_is_never_in_the_trail,
            world_set_up, world_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
