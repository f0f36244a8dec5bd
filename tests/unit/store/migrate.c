/*
 * migrate.c - an older store, with a ledger in it, is brought up
 *
 * What was written before the database kept the ledger's rules is still
 * there, counts in the sums, has its history, and is kept by the rules from
 * then on.  The same for a store in which records had no numbers yet.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "store/migrations.h"
#include "store/store.h"

#define NOW 1795392000
#define UNNUMBERED 11 /* the last version in which records had no number */

#define NUMBER_OF(id) "(SELECT number FROM ledger_record WHERE id = '" id "')"

/*
 * Three records: one as the former program wrote it, two without history.
 * Two hours of a key, one of which was counted late, too; what was held; a
 * key of a plan without a product.
 */
static const char former[] =
    "CREATE TABLE schema_migration (version BIGINT PRIMARY KEY, name TEXT"
    " NOT NULL, applied_s BIGINT NOT NULL);"
    "INSERT INTO schema_migration VALUES (1, 'initial', 1);"
    "INSERT INTO agreement (id, product_code, identity_mode, license_arn,"
    " state, activated_s, created_s, updated_s) VALUES ('agr-1', 'p',"
    " 'license', 'arn', 'active', 1, 1, 1);"
    "INSERT INTO ledger_record (id, agreement_id, product_code, dimension,"
    " hour, timestamp, quantity, identity_mode, state, attempts, deadline_s,"
    " metering_record_id, reason, sealed_s, updated_s) VALUES"
    " ('r1', 'agr-1', 'p', 'apigateway', 3600, 3600, 5, 'license',"
    " 'settled', 1, 90000, 'm', NULL, 7300, 7301),"
    " ('r2', 'agr-1', 'p', 'apigateway', 7200, 7200, 7, 'license',"
    " 'refused', 1, 93600, NULL, 'no', 10900, 10901),"
    " ('r3', 'agr-1', 'p', 'apigateway', 10800, 10800, 9, 'license',"
    " 'sent', 1, 97200, NULL, NULL, 14500, 14501);"
    "INSERT INTO ledger_history (record_id, at_s, from_state, to_state,"
    " actor, reason) VALUES ('r1', 7300, NULL, 'sealed', 'sealer', NULL),"
    " ('r1', 7301, 'sealed', 'sent', 'reporter', NULL),"
    " ('r1', 7302, 'sent', 'settled', 'reporter', NULL);"
    "INSERT INTO usage_detail VALUES ('n', 'agr-1', 'p', 'apigateway', 3600,"
    " 3600, 'k', 'plan', 5, ''), ('n', 'agr-1', 'p', 'apigateway', 7200,"
    " 7200, 'k', 'plan', 6, ''), ('n', 'agr-1', 'p', 'apigateway', 7200,"
    " 3600, 'k', 'plan', 1, 'late'), ('n', '', 'p', 'apigateway', 7200,"
    " 7200, 'k2', 'plan', 20, 'no customer'), ('n', '', '', 'apigateway',"
    " 7200, 7200, 'k3', 'free', 300, 'no product');"
    "INSERT INTO meter_mark VALUES ('f', 3, 4, 1, 5);";

struct fixture {
    char             dir[32];
    char             path[64];
    struct tg_store *store;
};

/* Moves as the program made them, and one record that only began. */
static const char unnumbered[] =
    "UPDATE ledger_record SET state = 'sent', attempts = 2, reason ="
    " 'throttled', updated_s = 14600, actor = 'reporter', request_id ="
    " 'rq-2', answer = 'ThrottlingException', next_attempt_s = 14650,"
    " is_alone = 1 WHERE id = 'r3';"
    "UPDATE ledger_record SET state = 'refused', reason = 'twice',"
    " updated_s = 14700, request_id = 'rq-3', answer = 'DuplicateRecord',"
    " amazon_quantity = 4 WHERE id = 'r3';"
    "INSERT INTO ledger_record (id, agreement_id, product_code, dimension,"
    " hour, timestamp, quantity, identity_mode, state, deadline_s, sealed_s,"
    " updated_s, actor) VALUES ('r0', 'agr-1', 'p', 'apigateway', 0, 1, 11,"
    " 'license', 'sealed', 86401, 14800, 14800, 'seal');";

static void
run_script(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fail_msg("%s", sqlite3_errmsg(db));
    }
}

/* A store as version left it, with the rows of the scripts, brought up. */
static int
set_up_from(void **state, int version)
{
    int             i;
    char            sql[128];
    sqlite3        *db;
    struct tg_error err;
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    strcpy(f->dir, "/tmp/tg-migrate-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void) snprintf(f->path, sizeof(f->path), "%s/t.db", f->dir);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    run_script(db, tg_migrations[0].sql);
    run_script(db, former);
    for (i = 1; i < version; i++) {
        run_script(db, tg_migrations[i].sql);
        (void) snprintf(sql, sizeof(sql), "INSERT INTO schema_migration"
            " VALUES (%d, 'former', 1)", i + 1);
        run_script(db, sql);
    }
    if (version > 1) {
        run_script(db, unnumbered);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(tg_store_open(&f->store, f->path, &err), TG_OK);
    if (tg_store_migrate(f->store, NOW, &err) != TG_OK) {
        fail_msg("%s", err.message);
    }
    *state = f;
    return 0;
}

static int
set_up(void **state)
{
    return set_up_from(state, 1);
}

static int
set_up_unnumbered(void **state)
{
    return set_up_from(state, UNNUMBERED);
}

static int
tear_down(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char                     name[96];
    size_t                   i;
    struct fixture          *f = *state;

    tg_store_close(f->store);
    for (i = 0; i < 3; i++) {
        (void) snprintf(name, sizeof(name), "%s%s", f->path, ends[i]);
        (void) unlink(name);
    }
    (void) rmdir(f->dir);
    free(f);
    return 0;
}

static int64_t
number(struct fixture *f, const char *sql)
{
    int64_t         value;
    struct tg_stmt *q = NULL;
    struct tg_error err;

    if (tg_store_query(f->store, &q, &err, sql, "") != TG_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(tg_stmt_next(q, &err), TG_OK);
    value = tg_stmt_int(q, 0);
    tg_stmt_done(q);
    return value;
}

static enum tg_status
change(struct fixture *f, const char *sql)
{
    enum tg_status  status;
    struct tg_error err;

    assert_int_equal(tg_store_begin(f->store, TG_STORE_DURABLE, &err),
        TG_OK);
    status = tg_store_exec(f->store, &err, sql, "");
    if (status == TG_OK) {
        status = tg_store_commit(f->store, &err);
    }
    tg_store_rollback(f->store);
    return status;
}

static void
records_keep_what_they_were(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(number(f, "SELECT COUNT(*) FROM ledger_record"), 3);
    assert_int_equal(number(f, "SELECT SUM(quantity) FROM ledger_record"),
        21);
    assert_int_equal(number(f, "SELECT mark FROM meter_mark"), 5);
}

/* What was counted has found its source, and is there once. */
static void
usage_keeps_what_it_was(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(number(f, "SELECT COUNT(*) FROM usage_source"), 4);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM usage_hour"), 5);
    assert_int_equal(number(f, "SELECT SUM(quantity) FROM usage_detail"),
        332);
    assert_int_equal(number(f, "SELECT quantity FROM usage_detail WHERE"
        " node = 'n' AND agreement_id = 'agr-1' AND product_code = 'p' AND"
        " dimension = 'apigateway' AND hour = 3600 AND used_hour = 3600 AND"
        " key_id = 'k' AND plan_id = 'plan' AND reason = ''"), 5);
    assert_int_equal(number(f, "SELECT quantity FROM usage_detail WHERE"
        " hour = 7200 AND used_hour = 7200 AND key_id = 'k' AND"
        " reason = ''"), 6);
    assert_int_equal(number(f, "SELECT quantity FROM usage_detail WHERE"
        " hour = 7200 AND used_hour = 3600 AND key_id = 'k' AND"
        " reason = 'late'"), 1);
    assert_int_equal(number(f, "SELECT SUM(quantity) FROM usage_hour WHERE"
        " is_held = 1"), 20);
    assert_int_equal(number(f, "SELECT quantity FROM usage_detail WHERE"
        " agreement_id = '' AND product_code = '' AND key_id = 'k3' AND"
        " plan_id = 'free' AND reason = 'no product'"), 300);
}

static void
each_record_has_a_history(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(number(f, "SELECT COUNT(*) FROM ledger_history WHERE"
        " record = " NUMBER_OF("r1")), 3);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM ledger_history WHERE"
        " record = " NUMBER_OF("r2") " AND to_state = 'refused' AND reason = 'no' AND"
        " at_s = 10901"), 1);
    assert_int_equal(number(f, "SELECT COUNT(DISTINCT record) FROM"
        " ledger_history"), 3);
}

static void
the_sums_count_them(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(number(f, "SELECT units FROM ledger_total WHERE"
        " state = 'settled'"), 5);
    assert_int_equal(number(f, "SELECT records FROM ledger_total WHERE"
        " state = 'sent'"), 1);
    assert_int_equal(number(f, "SELECT SUM(records) FROM ledger_total"), 3);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM ledger_total"), 6);
}

static void
the_rules_hold_for_them(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(change(f, "UPDATE ledger_record SET quantity = 6 WHERE"
        " id = 'r1'"), TG_CONFLICT);
    assert_int_equal(change(f, "UPDATE ledger_record SET state = 'sent'"
        " WHERE id = 'r1'"), TG_CONFLICT);
    assert_int_equal(change(f, "DELETE FROM ledger_history"), TG_CONFLICT);
    assert_int_equal(change(f, "UPDATE ledger_record SET state = 'settled',"
        " metering_record_id = 'm3' WHERE id = 'r3'"), TG_OK);
    assert_int_equal(number(f, "SELECT units FROM ledger_total WHERE"
        " state = 'settled'"), 14);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM ledger_history WHERE"
        " record = " NUMBER_OF("r3")), 2);
}

/* Every column of a record, and every row of its history. */
static void
records_get_numbers_and_lose_nothing(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(number(f, "SELECT COUNT(*) FROM ledger_record"), 4);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM ledger_record WHERE"
        " id = 'r3' AND agreement_id = 'agr-1' AND product_code = 'p' AND"
        " dimension = 'apigateway' AND hour = 10800 AND timestamp = 10800"
        " AND quantity = 9 AND identity_mode = 'license' AND state ="
        " 'refused' AND attempts = 2 AND next_attempt_s = 14650 AND"
        " is_alone = 1 AND deadline_s = 97200 AND metering_record_id IS NULL"
        " AND reason = 'twice' AND sealed_s = 14500 AND updated_s = 14700"
        " AND actor = 'reporter' AND request_id = 'rq-3' AND answer ="
        " 'DuplicateRecord' AND amazon_quantity = 4"), 1);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM ledger_history h JOIN"
        " ledger_record r ON r.number = h.record"), 3 + 1 + 3 + 1);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM ledger_history WHERE"
        " record = " NUMBER_OF("r3") " AND from_state = 'sent' AND to_state"
        " = 'sent' AND at_s = 14600 AND attempt = 2 AND request_id = 'rq-2'"
        " AND answer = 'ThrottlingException' AND reason = 'throttled' AND"
        " actor = 'reporter'"), 1);
    /* older hours first: what lies together goes out together */
    assert_int_equal(number(f, "SELECT COUNT(*) FROM ledger_record a JOIN"
        " ledger_record b ON a.number < b.number AND a.hour > b.hour"), 0);
}

static void
the_numbered_ones_go_on(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(change(f, "UPDATE ledger_record SET state = 'sent'"
        " WHERE id = 'r3'"), TG_CONFLICT);
    assert_int_equal(change(f, "UPDATE ledger_record SET state = 'sent',"
        " attempts = 1, updated_s = 86401 WHERE id = 'r0'"), TG_CONFLICT);
    assert_int_equal(change(f, "UPDATE ledger_record SET state = 'sent',"
        " attempts = 1, updated_s = 86400 WHERE id = 'r0'"), TG_OK);
    assert_int_equal(change(f, "INSERT INTO ledger_adjustment (id,"
        " agreement_id, dimension, hour, billed_hour, quantity, reason,"
        " actor, at_s) VALUES ('a', 'agr-1', 'apigateway', 0, 0, 1, 'why',"
        " 'me', 1)"), TG_CONFLICT);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM ledger_total t WHERE"
        " records = (SELECT COUNT(*) FROM ledger_record r WHERE"
        " r.state = t.state) AND units = (SELECT COALESCE(SUM(quantity), 0)"
        " FROM ledger_record r WHERE r.state = t.state)"), 6);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM ledger_history WHERE"
        " record = " NUMBER_OF("r0")), 2);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define UNNUMBERED_TEST(name) cmocka_unit_test_setup_teardown(name,           \
    set_up_unnumbered, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(records_keep_what_they_were),
        TEST(usage_keeps_what_it_was),
        TEST(each_record_has_a_history),
        TEST(the_sums_count_them),
        TEST(the_rules_hold_for_them),
        UNNUMBERED_TEST(records_get_numbers_and_lose_nothing),
        UNNUMBERED_TEST(the_numbered_ones_go_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
