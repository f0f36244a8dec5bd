/*
 * migrate.c - a store of the first schema, with a ledger in it, is brought up
 *
 * What was written before the database kept the ledger's rules is still
 * there, counts in the sums, has its history, and is kept by the rules from
 * then on.
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

static int
set_up(void **state)
{
    sqlite3        *db;
    struct tg_error err;
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    strcpy(f->dir, "/tmp/tg-migrate-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void) snprintf(f->path, sizeof(f->path), "%s/t.db", f->dir);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, tg_migrations[0].sql, NULL, NULL,
        NULL), SQLITE_OK);
    if (sqlite3_exec(db, former, NULL, NULL, NULL) != SQLITE_OK) {
        fail_msg("%s", sqlite3_errmsg(db));
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
        " record_id = 'r1'"), 3);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM ledger_history WHERE"
        " record_id = 'r2' AND to_state = 'refused' AND reason = 'no' AND"
        " at_s = 10901"), 1);
    assert_int_equal(number(f, "SELECT COUNT(DISTINCT record_id) FROM"
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
        " record_id = 'r3'"), 2);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(records_keep_what_they_were),
        TEST(usage_keeps_what_it_was),
        TEST(each_record_has_a_history),
        TEST(the_sums_count_them),
        TEST(the_rules_hold_for_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
