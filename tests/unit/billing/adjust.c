/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <jansson.h>

#include "billing/adjust.h"
#include "billing/explain.h"
#include "billing/sealer.h"
#include "core/hours.h"
#include "fault.h"

#define BILLED "SELECT COALESCE(SUM(quantity), 0) FROM usage_detail WHERE"    \
    " agreement_id = 'agr-1'"
#define ALL "SELECT COALESCE(SUM(quantity), 0) FROM usage_detail"
#define MADE "SELECT COUNT(*) FROM ledger_adjustment"

/* An adjustment of agr-1's HOUR. */
static struct tg_adjustment
adjustment(int64_t units, bool carry_forward)
{
    return (struct tg_adjustment) { .agreement_id = "agr-1", .hour = HOUR,
        .units = units, .reason = "a test", .carry_forward = carry_forward };
}

static enum tg_status
adjust(struct world *w, json_t **answer, struct tg_adjustment a)
{
    return tg_adjust(w->store, answer, &a, w->settings, w->now_s, &w->err);
}

/* It must be taken, with that action; *changed: by how many units. */
static int64_t
expect(struct world *w, struct tg_adjustment a, const char *action)
{
    int64_t changed;
    json_t *answer = NULL;

    if (adjust(w, &answer, a) != TG_OK) {
        fail_msg("%s", w->err.message);
    }
    assert_string_equal(json_string_value(json_object_get(answer,
        "action")), action);
    changed = json_is_true(json_object_get(answer, "applied"))
        ? json_integer_value(json_object_get(answer, "changed")) : 0;
    json_decref(answer);
    return changed;
}

static void
refuse(struct world *w, struct tg_adjustment a, enum tg_status status,
    const char *word)
{
    json_t *answer = NULL;

    assert_int_equal(adjust(w, &answer, a), status);
    assert_null(answer);
    if (strstr(w->err.message, word) == NULL) {
        fail_msg("expected %s: %s", word, w->err.message);
    }
    assert_int_equal(world_int(w, MADE), 0);
}

static void
an_open_hour_takes_units_and_gives_them_back(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 10);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(expect(w, adjustment(5, false), "adjusted"), 5);
    assert_int_equal(world_int(w, BILLED), 15);
    assert_int_equal(expect(w, adjustment(-12, false), "adjusted"), -12);
    assert_int_equal(world_int(w, BILLED), 3);
    assert_int_equal(world_int(w, ALL), 15); /* J3 */
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM audit_event WHERE"
        " event_name = 'AdjustLedger'"), 2); /* J4 */
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(world_int(w, "SELECT quantity FROM ledger_record"), 3);
    world_report(w);
    assert_int_equal(market_units(&w->market, ""), 3);
}

static void
an_hour_holds_never_less_than_nothing(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 10);
    assert_int_equal(world_fold(w), TG_OK);
    refuse(w, adjustment(-11, false), TG_INVALID, "10 units");
    assert_int_equal(world_int(w, BILLED), 10);
    assert_int_equal(expect(w, adjustment(-10, false), "adjusted"), -10);
    assert_int_equal(world_int(w, BILLED), 0);
}

static void
a_doubled_command_does_not_double(void **state)
{
    struct world        *w = *state;
    struct tg_adjustment a = adjustment(5, false);

    assert_int_equal(expect(w, a, "adjusted"), 5);
    assert_int_equal(expect(w, a, "done_before"), 0);
    assert_int_equal(world_int(w, BILLED), 5);
    a.id = "second";
    assert_int_equal(expect(w, a, "adjusted"), 5); /* meant so */
    assert_int_equal(expect(w, a, "done_before"), 0);
    assert_int_equal(world_int(w, BILLED), 10);
    assert_int_equal(world_int(w, MADE), 2);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(expect(w, a, "done_before"), 0); /* sealed since */
}

static void
an_id_is_for_one_adjustment(void **state)
{
    json_t              *answer = NULL;
    struct world        *w = *state;
    struct tg_adjustment a = adjustment(5, false);

    a.id = "ticket-17";
    assert_int_equal(expect(w, a, "adjusted"), 5);
    a.units = 6;
    assert_int_equal(adjust(w, &answer, a), TG_CONFLICT);
    a.units = 5;
    a.reason = "another";
    assert_int_equal(adjust(w, &answer, a), TG_CONFLICT);
    assert_int_equal(world_int(w, BILLED), 5);
}

static void
a_dry_run_changes_nothing(void **state)
{
    struct world        *w = *state;
    struct tg_adjustment a = adjustment(5, true);

    a.is_dry = true;
    assert_int_equal(expect(w, a, "adjusted"), 0);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    assert_int_equal(expect(w, a, "carried_forward"), 0);
    assert_int_equal(world_int(w, ALL), 0);
    assert_int_equal(world_int(w, MADE), 0);
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM audit_event"), 0);
}

static void
bad_input_changes_nothing(void **state)
{
    struct world        *w = *state;
    struct tg_adjustment a;

    refuse(w, adjustment(0, false), TG_INVALID, "units");
    refuse(w, adjustment(INT64_C(2147483648), false), TG_INVALID, "units");
    a = adjustment(1, false);
    a.reason = "  ";
    refuse(w, a, TG_INVALID, "reason");
    a = adjustment(1, false);
    a.hour = HOUR + 1;
    refuse(w, a, TG_INVALID, "hour");
    a.hour = HOUR + 3600;
    refuse(w, a, TG_INVALID, "not begun");
    a.hour = HOUR - 3600;
    refuse(w, a, TG_INVALID, "active"); /* agr-1 was not active yet */
    a = adjustment(1, false);
    a.agreement_id = "agr-9";
    refuse(w, a, TG_NOTFOUND, "agr-9");
    a = adjustment(1, false);
    a.dimension = "other";
    refuse(w, a, TG_INVALID, "dimension");
    a = adjustment(1, false);
    a.id = "no spaces";
    refuse(w, a, TG_INVALID, "id");
    world_sql(w, "UPDATE agreement SET product_code = 'pure'");
    refuse(w, adjustment(1, false), TG_INVALID, "contract");
}

static void
a_sealed_hour_is_corrected_in_an_open_one(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 10);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    world_report(w);
    assert_int_equal(expect(w, adjustment(5, false), "needs_carry_forward"),
        0);
    assert_int_equal(world_int(w, MADE), 0);
    assert_int_equal(expect(w, adjustment(5, true), "carried_forward"), 5);
    assert_int_equal(world_int(w, BILLED " AND hour = 1795399200 AND"
        " used_hour = 1795395600"), 5);
    world_count(w, 0, 3);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(expect(w, adjustment(-2, true), "carried_forward"), -2);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    world_report(w);
    assert_int_equal(market_units(&w->market, ""), 16);
    assert_int_equal(w->market.conflicts, 0);
}

/* J1, and the figures of what is left. */
static void
what_an_open_hour_does_not_hold_is_a_refund(void **state)
{
    json_t       *answer = NULL, *refund;
    struct world *w = *state;

    world_count(w, 0, 10);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    world_report(w);
    world_count(w, 0, 4);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(adjust(w, &answer, adjustment(-9, true)), TG_OK);
    assert_int_equal(json_integer_value(json_object_get(answer, "changed")),
        -4);
    assert_int_equal(json_integer_value(json_object_get(answer, "rest")), 5);
    refund = json_object_get(answer, "refund");
    assert_int_equal(json_integer_value(json_object_get(refund,
        "billedQuantity")), 10);
    assert_int_equal(json_integer_value(json_object_get(refund,
        "rightQuantity")), 5);
    assert_string_equal(json_string_value(json_object_get(refund,
        "meteringRecordId")), "meter-id");
    json_decref(answer);
    assert_int_equal(world_int(w, BILLED " AND hour = 1795399200"), 0);
    assert_int_equal(expect(w, adjustment(-5, true), "refund"), 0);
}

static void
who_has_left_can_only_be_refunded(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 10);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    world_sql(w, "UPDATE agreement SET state = 'ended', ended_s ="
        " 1795399250");
    assert_int_equal(expect(w, adjustment(5, true), "not_billable"), 0);
    assert_int_equal(expect(w, adjustment(-5, true), "refund"), 0);
    assert_int_equal(world_int(w, MADE), 0);
}

/* What is carried because it came too late takes its adjustment along. */
static void
an_adjusted_hour_can_be_carried(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 10);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(expect(w, adjustment(7, false), "adjusted"), 7);
    assert_int_equal(expect(w, adjustment(-3, false), "adjusted"), -3);
    world_pass(w, 3700);
    assert_int_equal(world_seal(w), TG_OK);
    world_pass(w, 86400); /* never sent */
    while (world_step(w) == TG_OK) {
    }
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM ledger_record WHERE"
        " state = 'carried'"), 1);
    assert_int_equal(world_seal(w), TG_OK);
    world_pass(w, 3600);
    assert_int_equal(world_seal(w), TG_OK);
    world_report(w);
    assert_int_equal(market_units(&w->market, ""), 14);
}

/* Whatever fails: all of an adjustment is there, or nothing (J4). */
static bool
failing_round(void *data)
{
    int64_t        made;
    bool           was_met;
    json_t        *answer = NULL;
    void          *fresh;
    struct world  *w;
    enum tg_status status;

    (void) data;
    assert_int_equal(world_set_up(&fresh), 0);
    w = fresh;
    world_count(w, 0, 10);
    assert_int_equal(world_fold(w), TG_OK);
    fault_begin();
    status = adjust(w, &answer, adjustment(-4, false));
    was_met = fault_end();
    json_decref(answer);
    made = world_int(w, MADE);
    assert_int_equal(made, status == TG_OK);
    assert_int_equal(world_int(w, BILLED), made ? 6 : 10);
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM audit_event"), made);
    (void) expect(w, adjustment(-4, false), made ? "done_before"
                                                 : "adjusted");
    assert_int_equal(world_int(w, BILLED), 6);
    assert_int_equal(world_tear_down(&fresh), 0);
    return was_met;
}

static void
all_of_an_adjustment_is_there_or_nothing(void **state)
{
    (void) state;
    assert_true(fault_each(FAULT_SQL, 3, failing_round, NULL) > 6);
}

/*
 * ---- explanations
 */

static void
a_record_is_explained_from_its_calls_to_its_bill(void **state)
{
    json_t       *answer = NULL;
    struct world *w = *state;
    const char   *id;

    world_owner(w, 1, 1, "agr-1", "key-2");
    world_count(w, 0, 10);
    world_count(w, 1, 2);
    assert_int_equal(world_seal_early(w, NULL), TG_OK);
    world_count(w, 1, 5); /* late: the next hour's */
    assert_int_equal(world_fold(w), TG_OK);
    w->market.trouble = TROUBLE_LOST_REPLY;
    w->market.times = 1;
    world_report(w);
    id = world_text(w, "SELECT id FROM ledger_record");
    assert_int_equal(tg_explain(w->store, &answer, id, w->now_s, &w->err),
        TG_OK);
    assert_int_equal(json_integer_value(json_object_get(answer,
        "countedUnits")), 12);
    assert_int_equal(json_array_size(json_object_get(answer, "counted")), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(
        json_object_get(answer, "carriedOut"), 0), "quantity")), 5);
    assert_true(json_array_size(json_object_get(answer, "history")) >= 4);
    assert_string_equal(json_string_value(json_object_get(json_array_get(
        json_object_get(answer, "history"), 0), "to")), "sealed");
    assert_non_null(strstr(json_string_value(json_object_get(answer,
        "next")), "Amazon bills 12 units, as meter-id"));
    json_decref(answer);
    assert_int_equal(tg_explain(w->store, &answer, "lr-none", w->now_s,
        &w->err), TG_NOTFOUND);
}

/* Each state has its own next step. */
static void
each_state_has_a_next_step(void **state)
{
    size_t i;
    static const struct {
        const char *state, *answer;
        int         quantity, amazon; /* -1: null */
        const char *from, *words;
    } cases[] = {
        { "sealed", NULL, 5, -1, NULL, "goes out" },
        { "sent", NULL, 5, -1, "sent", "Amazon may have it" },
        { "refused", "DuplicateRecord", 5, -1, "sent", "does not say which" },
        { "refused", "DuplicateRecord", 5, 3, "sent", "--units +2" },
        { "refused", "DuplicateRecord", 5, 9, "sent", "--units -4" },
        { "refused", "CustomerNotSubscribed", 5, -1, "sent", "not billable" },
        { "refused", "CustomerNotSubscribed", 0, -1, "sent", "Nothing" },
        { "refused", "InvalidLicenseException", 5, -1, "sent",
            "InvalidLicenseException" },
        { "expired", NULL, 5, -1, "sent", "CloudTrail" },
        { "expired", NULL, 5, -1, "sealed", "no more records" },
        { "expired", NULL, 0, -1, "sealed", "Nothing" },
        { "carried", NULL, 5, -1, "sealed", "stands above" },
    };

    (void) state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *record = json_pack("{s:s, s:s?, s:s, s:I, s:i, s:I, s:I,"
            " s:i}", "state", cases[i].state, "answer", cases[i].answer,
            "agreementId", "agr-1", "hour", (json_int_t) HOUR, "quantity",
            cases[i].quantity, "nextAttempt", (json_int_t) HOUR, "deadline",
            (json_int_t) (HOUR + 86400), "attempts", 1);
        json_t *history = json_pack("[{s:s?}]", "from", cases[i].from);
        json_t *next;

        (void) json_object_set_new(record, "amazonQuantity",
            cases[i].amazon < 0 ? json_null()
                                : json_integer(cases[i].amazon));
        next = tg_explain_next(record, history, HOUR);
        if (strstr(json_string_value(next), cases[i].words) == NULL) {
            fail_msg("%s: %s", cases[i].state, json_string_value(next));
        }
        json_decref(next);
        json_decref(history);
        json_decref(record);
    }
}

int
main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_open_hour_takes_units_and_gives_them_back),
        TEST(an_hour_holds_never_less_than_nothing),
        TEST(a_doubled_command_does_not_double),
        TEST(an_id_is_for_one_adjustment),
        TEST(a_dry_run_changes_nothing),
        TEST(bad_input_changes_nothing),
        TEST(a_sealed_hour_is_corrected_in_an_open_one),
        TEST(what_an_open_hour_does_not_hold_is_a_refund),
        TEST(who_has_left_can_only_be_refunded),
        TEST(an_adjusted_hour_can_be_carried),
        cmocka_unit_test(all_of_an_adjustment_is_there_or_nothing),
        TEST(a_record_is_explained_from_its_calls_to_its_bill),
        cmocka_unit_test(each_state_has_a_next_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
