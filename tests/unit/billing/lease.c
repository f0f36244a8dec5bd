/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <unistd.h>

#include "billing/lease.h"
#include "util/file.h"

static struct tg_lease a, b;

static enum tg_status
hold(struct world *w, struct tg_lease *l)
{
    enum tg_status status;

    assert_int_equal(tg_store_begin(w->store, TG_STORE_DURABLE, &w->err),
        TG_OK);
    status = tg_lease_hold(l, w->store, w->now_s, w->boot_s, &w->err);
    if (status == TG_OK) {
        assert_int_equal(tg_store_commit(w->store, &w->err), TG_OK);
        tg_lease_committed(l);
    }
    tg_store_rollback(w->store);
    return status;
}

static int
set_up(void **state)
{
    tg_lease_init(&a, "task", "host a, process 1", "dir-a");
    tg_lease_init(&b, "task", "host b, process 2", "dir-b");
    return world_set_up(state);
}

static void
one_has_it_and_the_other_is_told_who(void **state)
{
    struct world *w = *state;

    assert_int_equal(tg_lease_left(&a, w->boot_s), -w->boot_s);
    assert_int_equal(hold(w, &a), TG_OK);
    assert_int_equal(tg_lease_left(&a, w->boot_s), TG_LEASE_TERM_S);
    assert_int_equal(hold(w, &b), TG_BUSY);
    assert_non_null(strstr(w->err.message, "host a, process 1"));
    assert_true(tg_lease_left(&b, w->boot_s) <= 0);
}

static void
who_gives_signs_of_life_keeps_it(void **state)
{
    int           i;
    struct world *w = *state;

    for (i = 0; i < 10; i++) {
        assert_int_equal(hold(w, &a), TG_OK);
        world_pass(w, TG_LEASE_TERM_S);
        assert_int_equal(hold(w, &b), TG_BUSY);
    }
    assert_int_equal(a.token, 1);
}

static void
who_falls_silent_is_replaced_and_changes_nothing_more(void **state)
{
    struct world *w = *state;

    assert_int_equal(hold(w, &a), TG_OK);
    assert_int_equal(hold(w, &b), TG_BUSY); /* it is seen from here on */
    world_pass(w, TG_LEASE_TERM_S + TG_LEASE_MARGIN_S - 1);
    assert_int_equal(hold(w, &b), TG_BUSY);
    assert_true(tg_lease_left(&a, w->boot_s) <= 0); /* N2: before b has it */
    world_pass(w, 1);
    assert_int_equal(hold(w, &b), TG_OK);
    assert_int_equal(b.token, 2); /* N3 */
    assert_int_equal(hold(w, &a), TG_STALE); /* N1 */
    assert_int_equal(hold(w, &a), TG_BUSY);
    assert_int_equal(hold(w, &b), TG_OK);
}

static void
no_jump_of_a_wall_clock_hands_it_over(void **state)
{
    struct world *w = *state;

    assert_int_equal(hold(w, &a), TG_OK);
    assert_int_equal(hold(w, &b), TG_BUSY);
    w->now_s += 86400;
    assert_int_equal(hold(w, &b), TG_BUSY);
    w->now_s -= 172800;
    assert_int_equal(hold(w, &b), TG_BUSY);
    assert_int_equal(hold(w, &a), TG_OK);
}

static void
who_comes_back_after_a_kill_need_not_wait(void **state)
{
    struct tg_lease again, twin;
    struct world   *w = *state;

    tg_lease_init(&again, "task", "host a, process 3", "dir-a");
    tg_lease_init(&twin, "task", "host c, process 1", "dir-a");
    assert_int_equal(hold(w, &a), TG_OK);
    assert_int_equal(hold(w, &again), TG_OK);
    assert_int_equal(again.token, 2);
    assert_int_equal(hold(w, &a), TG_STALE); /* had it lived */
    assert_int_equal(hold(w, &a), TG_BUSY); /* and it does not snatch */
    assert_int_equal(hold(w, &twin), TG_OK); /* a copied disk: once */
    assert_int_equal(hold(w, &again), TG_STALE);
    assert_int_equal(hold(w, &again), TG_BUSY);
}

static void
who_gives_it_up_is_not_waited_for(void **state)
{
    struct world *w = *state;

    assert_int_equal(hold(w, &a), TG_OK);
    assert_int_equal(tg_lease_release(&a, w->store, &w->err), TG_OK);
    assert_true(tg_lease_left(&a, w->boot_s) <= 0);
    assert_int_equal(hold(w, &b), TG_OK);
    assert_int_equal(b.token, 2);
    assert_int_equal(tg_lease_release(&a, w->store, &w->err), TG_OK);
    assert_int_equal(hold(w, &b), TG_OK); /* not b's: a had none */
}

static void
what_is_not_committed_is_not_held(void **state)
{
    struct world *w = *state;

    assert_int_equal(tg_store_begin(w->store, TG_STORE_DURABLE, &w->err),
        TG_OK);
    assert_int_equal(tg_lease_hold(&a, w->store, w->now_s, w->boot_s,
        &w->err), TG_OK);
    tg_store_rollback(w->store);
    assert_true(tg_lease_left(&a, w->boot_s) <= 0);
    assert_int_equal(hold(w, &b), TG_OK);
    assert_int_equal(hold(w, &a), TG_BUSY);
}

static void
the_identity_of_a_folder_is_made_once(void **state)
{
    char          first[TG_UUID_SIZE], second[TG_UUID_SIZE], path[128];
    FILE         *f;
    struct world *w = *state;

    (void) snprintf(path, sizeof(path), "%s/private", w->dir);
    assert_int_equal(tg_dir_make(path, 0700, &w->err), TG_OK);
    assert_int_equal(tg_lease_identity(first, w->dir, &w->err), TG_OK);
    assert_int_equal(tg_lease_identity(second, w->dir, &w->err), TG_OK);
    assert_string_equal(first, second);
    (void) snprintf(path, sizeof(path), "%s/private/identity", w->dir);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("short", f);
    fclose(f);
    assert_int_equal(tg_lease_identity(second, w->dir, &w->err),
        TG_CORRUPT);
    assert_non_null(strstr(w->err.message, "private/identity"));
    unlink(path);
    (void) snprintf(path, sizeof(path), "%s/private", w->dir);
    rmdir(path);
}

int
main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(one_has_it_and_the_other_is_told_who),
        TEST(who_gives_signs_of_life_keeps_it),
        TEST(who_falls_silent_is_replaced_and_changes_nothing_more),
        TEST(no_jump_of_a_wall_clock_hands_it_over),
        TEST(who_comes_back_after_a_kill_need_not_wait),
        TEST(who_gives_it_up_is_not_waited_for),
        TEST(what_is_not_committed_is_not_held),
        TEST(the_identity_of_a_folder_is_made_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
