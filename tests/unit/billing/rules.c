/*
 * rules.c - the store itself refuses what breaks an invariant of the ledger
 *
 * Each test goes round the program, with SQL of its own, as a mistake or a
 * person with a shell would.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support.h"

#include "billing/records.h"
#include "core/hours.h"

/* The statement must fail, and name the rule. */
static void
assert_refused(struct world *w, const char *sql, const char *rule)
{
    assert_int_equal(tg_store_begin(w->store, TG_STORE_DURABLE, &w->err),
        TG_OK);
    if (tg_store_exec(w->store, &w->err, sql, "") != TG_CONFLICT) {
        fail_msg("not refused: %s", sql);
    }
    if (strstr(w->err.message, rule) == NULL) {
        fail_msg("%s: expected %s: %s", sql, rule, w->err.message);
    }
    tg_store_rollback(w->store);
}

#define INSERT                                                                \
    "INSERT INTO ledger_record (id, agreement_id, product_code, dimension,"   \
    " hour, timestamp, quantity, identity_mode, state, deadline_s, sealed_s," \
    " updated_s, attempts) VALUES "

/* A record of HOUR, which agr-1 is active in since its 50th second. */
static void
seal_one(struct world *w)
{
    world_sql(w, INSERT "('r1', 'agr-1', 'prod', 'apigateway', 1795395600,"
        " 1795395650, 7, 'license', 'sealed', 1795482050, 1795395700,"
        " 1795395700, 0)");
}

/* Puts the record into a state by legal moves alone. */
static void
bring_to(struct world *w, const char *state)
{
    char sql[256];

    if (strcmp(state, "sealed") == 0) {
        return;
    }
    if (strcmp(state, "carried") != 0) {
        world_sql(w, "UPDATE ledger_record SET state = 'sent', attempts = 1,"
            " updated_s = 1795395800");
    }
    if (strcmp(state, "sent") != 0) {
        (void) snprintf(sql, sizeof(sql), "UPDATE ledger_record SET state ="
            " '%s', reason = 'because'%s", state,
            strcmp(state, "settled") == 0 ? ", metering_record_id = 'm'"
                                          : "");
        world_sql(w, sql);
    }
}

static void
what_was_sealed_does_not_change(void **state)
{
    size_t        i;
    char          sql[256];
    struct world *w = *state;
    static const char *const changes[] = { "id = 'r2'", "number = 7",
        "rowid = 7", "_rowid_ = 7", "oid = 7",
        "agreement_id = 'agr-2'", "product_code = 'pure'",
        "dimension = 'other'", "hour = 1795392000, timestamp = 1795392000",
        "timestamp = 1795395651", "quantity = 8", "quantity = 6",
        "identity_mode = 'account'", "customer_aws_account_id = '1'",
        "license_arn = 'arn'", "customer_identifier = 'c'", "sealed_s = 1" };

    seal_one(w);
    for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        (void) snprintf(sql, sizeof(sql), "UPDATE ledger_record SET %s",
            changes[i]);
        assert_refused(w, sql, "L1");
    }
}

/* The table of arrows is in the core and in the database: they agree. */
static void
a_record_moves_only_along_the_arrows(void **state)
{
    enum tg_ledger_state from, to;
    char                 sql[256];
    enum tg_status       status;
    void                *fresh;
    struct world        *w;

    (void) state;
    for (from = TG_LEDGER_SEALED; from <= TG_LEDGER_CARRIED; from++) {
        assert_int_equal(world_set_up(&fresh), 0);
        w = fresh;
        seal_one(w);
        bring_to(w, tg_ledger_state_name(from));
        for (to = TG_LEDGER_SEALED; to <= TG_LEDGER_CARRIED; to++) {
            bool may = from == to ? !tg_ledger_is_final(from)
                                  : tg_ledger_may_move(from, to);

            (void) snprintf(sql, sizeof(sql), "UPDATE ledger_record SET"
                " state = '%s', reason = 'why', metering_record_id = %s",
                tg_ledger_state_name(to),
                to == TG_LEDGER_SETTLED ? "'m'" : "NULL");
            assert_int_equal(tg_store_begin(w->store, TG_STORE_DURABLE,
                &w->err), TG_OK);
            status = tg_store_exec(w->store, &w->err, sql, "");
            if (status != (may ? TG_OK : TG_CONFLICT)) {
                fail_msg("%s to %s: %d", tg_ledger_state_name(from),
                    tg_ledger_state_name(to), status);
            }
            tg_store_rollback(w->store);
        }
        assert_int_equal(world_tear_down(&fresh), 0);
    }
}

static void
a_record_begins_as_sealed_and_is_one_of_its_hour(void **state)
{
    struct world *w = *state;

    assert_refused(w, INSERT "('r1', 'agr-1', 'prod', 'apigateway',"
        " 1795395600, 1795395650, 7, 'license', 'sent', 1795482050,"
        " 1795395700, 1795395700, 0)", "L2");
    assert_refused(w, INSERT "('r1', 'agr-1', 'prod', 'apigateway',"
        " 1795395600, 1795395650, 7, 'license', 'sealed', 1795482050,"
        " 1795395700, 1795395700, 1)", "L2");
    seal_one(w);
    assert_refused(w, INSERT "('r2', 'agr-1', 'prod', 'apigateway',"
        " 1795395600, 1795395650, 9, 'license', 'sealed', 1795482050,"
        " 1795395700, 1795395700, 0)", "UNIQUE");
}

static void
a_stamp_is_neither_early_nor_late(void **state)
{
    struct world *w = *state;

    assert_refused(w, INSERT "('r1', 'agr-1', 'prod', 'apigateway',"
        " 1795395600, 1795395649, 7, 'license', 'sealed', 1795482049,"
        " 1795395700, 1795395700, 0)", "L5"); /* before the activation */
    assert_refused(w, INSERT "('r1', 'agr-1', 'prod', 'apigateway',"
        " 1795395600, 1795395701, 7, 'license', 'sealed', 1795482101,"
        " 1795395700, 1795395700, 0)", "L5"); /* later than now */
    assert_refused(w, INSERT "('r1', 'agr-1', 'prod', 'apigateway',"
        " 1795392000, 1795395650, 7, 'license', 'sealed', 1795482050,"
        " 1795395700, 1795395700, 0)", "CHECK"); /* not in its hour */
    assert_refused(w, INSERT "('r1', 'agr-1', 'prod', 'apigateway',"
        " 1795395601, 1795395650, 7, 'license', 'sealed', 1795482050,"
        " 1795395700, 1795395700, 0)", "CHECK"); /* no hour */
}

static void
past_its_deadline_nothing_is_sent(void **state)
{
    struct world *w = *state;

    seal_one(w);
    assert_refused(w, "UPDATE ledger_record SET state = 'sent', attempts = 1,"
        " updated_s = 1795482050", "L6");
    world_sql(w, "UPDATE ledger_record SET state = 'sent', attempts = 1,"
        " updated_s = 1795482049");
}

static void
only_amazons_id_settles(void **state)
{
    struct world *w = *state;

    seal_one(w);
    bring_to(w, "sent");
    assert_refused(w, "UPDATE ledger_record SET state = 'settled'", "CHECK");
    assert_refused(w, "UPDATE ledger_record SET metering_record_id = 'm'",
        "CHECK"); /* L8 */
}

static void
a_quantity_fits_amazons_integer(void **state)
{
    struct world *w = *state;

    assert_refused(w, INSERT "('r1', 'agr-1', 'prod', 'apigateway',"
        " 1795395600, 1795395650, -1, 'license', 'sealed', 1795482050,"
        " 1795395700, 1795395700, 0)", "CHECK"); /* L9 */
    assert_refused(w, INSERT "('r1', 'agr-1', 'prod', 'apigateway',"
        " 1795395600, 1795395650, 2147483648, 'license', 'sealed',"
        " 1795482050, 1795395700, 1795395700, 0)", "CHECK");
}

static void
history_writes_itself_and_stays(void **state)
{
    struct world *w = *state;

    seal_one(w);
    bring_to(w, "settled");
    assert_string_equal(world_text(w, "SELECT GROUP_CONCAT(COALESCE("
        "from_state, 'open') || '>' || to_state, ' ') FROM (SELECT * FROM"
        " ledger_history WHERE record = (SELECT number FROM ledger_record"
        " WHERE id = 'r1') ORDER BY seq)"),
        "open>sealed sealed>sent sent>settled");
    assert_refused(w, "UPDATE ledger_history SET reason = 'another'", "L10");
    assert_refused(w, "DELETE FROM ledger_history", "L10");
    assert_refused(w, "DELETE FROM ledger_record", "L10");
}

static void
a_record_ends_with_a_reason(void **state)
{
    struct world *w = *state;

    seal_one(w);
    assert_refused(w, "UPDATE ledger_record SET state = 'carried'", "L10");
    assert_refused(w, "UPDATE ledger_record SET state = 'expired',"
        " reason = ''", "L10");
    bring_to(w, "sent");
    assert_refused(w, "UPDATE ledger_record SET state = 'refused'", "L10");
}

static void
the_sums_are_those_of_the_records(void **state)
{
    struct world *w = *state;

    seal_one(w);
    world_sql(w, INSERT "('r2', 'agr-1', 'prod', 'other', 1795395600,"
        " 1795395650, 5, 'license', 'sealed', 1795482050, 1795395700,"
        " 1795395700, 0)");
    world_sql(w, "UPDATE ledger_record SET state = 'sent', attempts = 1,"
        " updated_s = 1795395800 WHERE id = 'r2'");
    world_sql(w, "UPDATE ledger_record SET state = 'sent', attempts = 2,"
        " updated_s = 1795395900 WHERE id = 'r2'"); /* tried again */
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM ledger_total t WHERE"
        " records = (SELECT COUNT(*) FROM ledger_record r WHERE"
        " r.state = t.state) AND units = (SELECT COALESCE(SUM(quantity), 0)"
        " FROM ledger_record r WHERE r.state = t.state)"), 6);
    assert_int_equal(world_int(w, "SELECT units FROM ledger_total WHERE"
        " state = 'sent'"), 5);
}

#define ADJUST                                                                \
    "INSERT INTO ledger_adjustment (id, agreement_id, dimension, hour,"       \
    " billed_hour, quantity, reason, actor, at_s) VALUES "

static void
an_adjustment_is_for_an_open_hour_and_stays(void **state)
{
    struct world *w = *state;

    seal_one(w);
    assert_refused(w, ADJUST "('a1', 'agr-1', 'apigateway', 1795395600,"
        " 1795395600, 3, 'forgotten', 'me', 1)", "L11");
    assert_refused(w, ADJUST "('a1', 'agr-1', 'apigateway', 1795395600,"
        " 1795399200, 3, '', 'me', 1)", "CHECK"); /* why? */
    assert_refused(w, ADJUST "('a1', 'agr-1', 'apigateway', 1795395600,"
        " 1795399200, 0, 'nothing', 'me', 1)", "CHECK");
    assert_refused(w, ADJUST "('a1', 'agr-1', 'apigateway', 1795399200,"
        " 1795395600, 3, 'back in time', 'me', 1)", "L11");
    world_sql(w, ADJUST "('a1', 'agr-1', 'apigateway', 1795395600,"
        " 1795399200, 3, 'forgotten', 'me', 1)");
    assert_refused(w, ADJUST "('a1', 'agr-1', 'apigateway', 1795395600,"
        " 1795399200, 3, 'forgotten', 'me', 1)", "UNIQUE");
    assert_refused(w, "UPDATE ledger_adjustment SET quantity = 4", "L11");
    assert_refused(w, "DELETE FROM ledger_adjustment", "L11");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_set_up,              \
    world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_was_sealed_does_not_change),
        cmocka_unit_test(a_record_moves_only_along_the_arrows),
        TEST(a_record_begins_as_sealed_and_is_one_of_its_hour),
        TEST(a_stamp_is_neither_early_nor_late),
        TEST(past_its_deadline_nothing_is_sent),
        TEST(only_amazons_id_settles),
        TEST(a_quantity_fits_amazons_integer),
        TEST(history_writes_itself_and_stays),
        TEST(a_record_ends_with_a_reason),
        TEST(the_sums_are_those_of_the_records),
        TEST(an_adjustment_is_for_an_open_hour_and_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
