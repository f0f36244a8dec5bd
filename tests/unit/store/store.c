/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "store/store.h"

#include "fault.h"

#define NOW 1795392000

struct fixture {
    char             dir[32];
    char             path[64];
    struct tg_store *store;
};

static int
set_up(void **state)
{
    struct tg_error err;
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    strcpy(f->dir, "/tmp/tg-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void) snprintf(f->path, sizeof(f->path), "%s/t.db", f->dir);
    assert_int_equal(tg_store_open(&f->store, f->path, &err), TG_OK);
    assert_int_equal(tg_store_migrate(f->store, NOW, &err), TG_OK);
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

static enum tg_status
put(struct tg_store *s, const char *name, const char *value,
    struct tg_error *err)
{
    return tg_store_exec(s, err,
        "INSERT INTO meta (value, name) VALUES ($2, $1)", "ss", name, value);
}

/* The value of a name; "" when there is none. */
static void
get(struct tg_store *s, const char *name, char *out, size_t size)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    out[0] = '\0';
    status = tg_store_query(s, &q, NULL,
        "SELECT value FROM meta WHERE name = $1", "s", name);
    assert_int_equal(status, TG_OK);
    if (tg_stmt_next(q, NULL) == TG_OK) {
        (void) snprintf(out, size, "%s", tg_stmt_text(q, 0));
    }
    tg_stmt_done(q);
}

static void
parameters_go_by_their_number(void **state)
{
    char             value[32];
    struct tg_error  err;
    struct tg_store *s = ((struct fixture *) *state)->store;

    assert_int_equal(tg_store_begin(s, TG_STORE_DURABLE, &err), TG_OK);
    assert_int_equal(put(s, "a", "1", &err), TG_OK);
    assert_int_equal(tg_store_changes(s), 1);
    assert_int_equal(tg_store_commit(s, &err), TG_OK);
    get(s, "a", value, sizeof(value));
    assert_string_equal(value, "1");
}

static void
all_kinds_of_values_come_back(void **state)
{
    struct tg_stmt  *q;
    struct tg_error  err;
    struct tg_store *s = ((struct fixture *) *state)->store;

    assert_int_equal(tg_store_query(s, &q, &err, "SELECT $1, $2, $3, $4",
        "idsn", INT64_MIN, 0.5, "text"), TG_OK);
    assert_int_equal(tg_stmt_next(q, &err), TG_OK);
    assert_true(tg_stmt_int(q, 0) == INT64_MIN);
    assert_true(tg_stmt_double(q, 1) > 0.4 && tg_stmt_double(q, 1) < 0.6);
    assert_string_equal(tg_stmt_text(q, 2), "text");
    assert_true(tg_stmt_is_null(q, 3));
    assert_null(tg_stmt_text(q, 3));
    assert_int_equal(tg_stmt_next(q, &err), TG_NOTFOUND);
    tg_stmt_done(q);
}

static void
a_rollback_undoes_everything(void **state)
{
    char             value[32];
    struct tg_error  err;
    struct tg_store *s = ((struct fixture *) *state)->store;

    assert_int_equal(tg_store_begin(s, TG_STORE_ORDERED, &err), TG_OK);
    assert_true(tg_store_in_transaction(s));
    assert_int_equal(put(s, "a", "1", &err), TG_OK);
    tg_store_rollback(s);
    assert_false(tg_store_in_transaction(s));
    tg_store_rollback(s);
    get(s, "a", value, sizeof(value));
    assert_string_equal(value, "");
}

static void
a_write_outside_a_transaction_is_refused(void **state)
{
    struct tg_error  err;
    struct tg_store *s = ((struct fixture *) *state)->store;

    assert_int_equal(put(s, "a", "1", &err), TG_INVALID);
    assert_non_null(strstr(err.message, "outside a transaction"));
}

static void
a_constraint_is_a_conflict(void **state)
{
    struct tg_error  err;
    struct tg_store *s = ((struct fixture *) *state)->store;

    assert_int_equal(tg_store_begin(s, TG_STORE_DURABLE, &err), TG_OK);
    assert_int_equal(put(s, "a", "1", &err), TG_OK);
    assert_int_equal(put(s, "a", "2", &err), TG_CONFLICT);
    assert_int_equal(tg_store_exec(s, &err,
        "INSERT INTO usage_plan_key (plan_id, key_id, created_s)"
        " VALUES ('none', 'none', 1)", ""), TG_CONFLICT); /* foreign key */
    tg_store_rollback(s);
}

static void
a_statement_can_be_used_inside_itself(void **state)
{
    char             value[32];
    struct tg_stmt  *q;
    struct tg_error  err;
    struct tg_store *s = ((struct fixture *) *state)->store;

    assert_int_equal(tg_store_begin(s, TG_STORE_DURABLE, &err), TG_OK);
    assert_int_equal(put(s, "a", "1", &err), TG_OK);
    assert_int_equal(put(s, "b", "2", &err), TG_OK);
    assert_int_equal(tg_store_commit(s, &err), TG_OK);
    assert_int_equal(tg_store_query(s, &q, &err,
        "SELECT value FROM meta WHERE name = $1", "s", "a"), TG_OK);
    get(s, "b", value, sizeof(value));
    assert_string_equal(value, "2");
    assert_int_equal(tg_stmt_next(q, &err), TG_OK);
    assert_string_equal(tg_stmt_text(q, 0), "1");
    tg_stmt_done(q);
    tg_stmt_done(NULL);
}

static void
the_file_is_private(void **state)
{
    struct stat     st;
    struct fixture *f = *state;

    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void
migrating_twice_changes_nothing(void **state)
{
    struct tg_error  err;
    struct tg_store *s = ((struct fixture *) *state)->store;

    assert_int_equal(tg_store_migrate(s, NOW, &err), TG_OK);
}

static void
a_newer_schema_is_stale(void **state)
{
    struct tg_error  err;
    struct tg_store *s = ((struct fixture *) *state)->store;

    assert_int_equal(tg_store_begin(s, TG_STORE_DURABLE, &err), TG_OK);
    assert_int_equal(tg_store_exec(s, &err,
        "INSERT INTO schema_migration VALUES (999, 'later', 1)", ""), TG_OK);
    assert_int_equal(tg_store_commit(s, &err), TG_OK);
    assert_int_equal(tg_store_migrate(s, NOW, &err), TG_STALE);
    assert_non_null(strstr(err.message, "999"));
}

static void
a_reader_cannot_write(void **state)
{
    char             value[32];
    struct tg_error  err;
    struct tg_store *r;
    struct fixture  *f = *state;

    assert_int_equal(tg_store_open_readonly(&r, f->path, &err), TG_OK);
    get(r, "a", value, sizeof(value));
    assert_int_equal(tg_store_begin(r, TG_STORE_ORDERED, &err),
        TG_READONLY);
    assert_non_null(strstr(err.message, f->path));
    tg_store_close(r);
}

static void
what_is_no_store_is_said_so_and_left_alone(void **state)
{
    char             name[64];
    char             bytes[64];
    FILE            *file;
    struct tg_error  err;
    struct tg_store *s;
    struct fixture  *f = *state;

    (void) snprintf(name, sizeof(name), "%s/other", f->dir);
    file = fopen(name, "w");
    assert_non_null(file);
    fputs("this is certainly not a database, but a text of some length", file);
    fclose(file);
    assert_int_equal(tg_store_open(&s, name, &err), TG_CORRUPT);
    assert_null(s);
    assert_non_null(strstr(err.message, name));
    file = fopen(name, "r");
    assert_non_null(fgets(bytes, sizeof(bytes), file));
    assert_memory_equal(bytes, "this is", 7);
    fclose(file);
    unlink(name);
    assert_int_equal(tg_store_open(&s, f->dir, &err), TG_IO);
    assert_int_equal(tg_store_open(&s, "/nonexistent/t.db", &err), TG_IO);
}

/* T1 under every single fault: all three rows or none. */
static void
a_fault_leaves_nothing_half_done(void **state)
{
    char             value[32];
    int              lasting;
    uint64_t         n;
    enum tg_status   status;
    struct tg_error  err;
    struct tg_store *s = ((struct fixture *) *state)->store;

    for (lasting = 0; lasting < 2; lasting++) {
        for (n = 1; ; n++) {
            fault_arm(FAULT_SQL, n, lasting == 1);
            fault_begin();
            status = tg_store_begin(s, TG_STORE_DURABLE, &err);
            if (status == TG_OK) {
                status = put(s, "a", "1", &err);
            }
            if (status == TG_OK) {
                status = put(s, "b", "1", &err);
            }
            if (status == TG_OK) {
                status = tg_store_commit(s, &err);
            }
            tg_store_rollback(s);
            if (!fault_end()) {
                assert_int_equal(status, TG_OK);
                assert_true(n >= 5); /* begin, two, commit: 4 steps */
                break;
            }
            assert_int_equal(status, TG_IO);
            get(s, "a", value, sizeof(value));
            assert_string_equal(value, "");
        }
        assert_int_equal(tg_store_begin(s, TG_STORE_DURABLE, &err), TG_OK);
        assert_int_equal(tg_store_exec(s, &err, "DELETE FROM meta", ""),
            TG_OK);
        assert_int_equal(tg_store_commit(s, &err), TG_OK);
    }
}

/*
 * ---- two who want to write
 */

static void *
write_once(void *data)
{
    struct fixture  *f = data;
    struct tg_store *other = NULL;
    struct tg_error  err;
    enum tg_status   status = tg_store_open(&other, f->path, &err);

    if (status == TG_OK) {
        status = tg_store_begin(other, TG_STORE_DURABLE, &err);
    }
    if (status == TG_OK) {
        status = tg_store_exec(other, &err, "INSERT INTO meta (name, value)"
            " VALUES ('other', 'was here')", "");
    }
    if (status == TG_OK) {
        status = tg_store_commit(other, &err);
    }
    tg_store_close(other);
    return status == TG_OK ? data : NULL;
}

/* Long work sees that somebody waits, and lets him in between two parts. */
static void
who_waits_is_seen_and_let_in(void **state)
{
    void           *done = NULL;
    pthread_t       thread;
    struct tg_error err;
    struct fixture *f = *state;

    assert_false(tg_store_is_wanted(f->store));
    assert_int_equal(tg_store_begin(f->store, TG_STORE_ORDERED, &err),
        TG_OK);
    assert_int_equal(pthread_create(&thread, NULL, write_once, f), 0);
    while (!tg_store_is_wanted(f->store)) {
        sched_yield();
    }
    assert_int_equal(tg_store_commit(f->store, &err), TG_OK);
    tg_store_give_way(f->store);
    assert_int_equal(pthread_join(thread, &done), 0);
    assert_ptr_equal(done, f);
    assert_false(tg_store_is_wanted(f->store));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(parameters_go_by_their_number),
        T(all_kinds_of_values_come_back),
        T(a_rollback_undoes_everything),
        T(a_write_outside_a_transaction_is_refused),
        T(a_constraint_is_a_conflict),
        T(a_statement_can_be_used_inside_itself),
        T(the_file_is_private),
        T(migrating_twice_changes_nothing),
        T(a_newer_schema_is_stale),
        T(a_reader_cannot_write),
        T(what_is_no_store_is_said_so_and_left_alone),
        T(a_fault_leaves_nothing_half_done),
        T(who_waits_is_seen_and_let_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
