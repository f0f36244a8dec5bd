/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "control/agreements.h"

#define ARN "arn:aws:license-manager::1:license:l-abc"

static struct tg_error err;
static char id[TG_AGREEMENT_ID_SIZE], other[TG_AGREEMENT_ID_SIZE];

static enum tg_status
register_as(struct place *p, char out[TG_AGREEMENT_ID_SIZE],
    const char *account, const char *license, const char *customer)
{
    enum tg_status           status;
    const struct tg_resolved resolved = { "prod", account, license,
        customer };

    assert_int_equal(tg_store_begin(p->control->store, TG_STORE_DURABLE, &err),
        TG_OK);
    status = tg_agreement_register(p->control->store, out, &resolved, p->now_s,
        &err);
    if (status == TG_OK) {
        assert_int_equal(tg_store_commit(p->control->store, &err), TG_OK);
    }
    tg_store_rollback(p->control->store);
    return status;
}

static void
the_same_buyer_is_the_same_agreement(void **state)
{
    struct place *p = *state;

    assert_int_equal(register_as(p, id, "9", ARN, ""), TG_OK);
    p->now_s += 100;
    assert_int_equal(register_as(p, other, "9", ARN, NULL), TG_OK);
    assert_string_equal(id, other); /* W1 */
    assert_int_equal(number(p, "SELECT activated_s FROM agreement WHERE"
        " license_arn = '" ARN "'"), NOW);
    assert_int_equal(register_as(p, other, "9", ARN "d", NULL), TG_OK);
    assert_string_not_equal(id, other); /* concurrent agreements */
}

static void
an_older_name_becomes_a_newer_one(void **state)
{
    struct place *p = *state;

    assert_int_equal(register_as(p, id, NULL, NULL, "cust"), TG_OK);
    assert_int_equal(register_as(p, other, "9", NULL, "cust"), TG_OK);
    assert_string_equal(id, other); /* W2 */
    assert_int_equal(register_as(p, other, "9", ARN, NULL), TG_OK);
    assert_string_equal(id, other);
    assert_int_equal(number(p, "SELECT count(*) FROM agreement WHERE"
        " license_arn = '" ARN "' AND license_id = 'l-abc' AND"
        " identity_mode = 'license' AND customer_identifier = 'cust'"), 1);
}

static void
an_answer_that_names_nobody_is_refused(void **state)
{
    struct place *p = *state;

    assert_int_equal(register_as(p, id, "", "", ""), TG_INVALID);
    assert_int_equal(number(p, "SELECT count(*) FROM agreement"), 0);
}

static void
a_person_finds_it_by_any_name(void **state)
{
    size_t        i;
    struct place *p = *state;
    static const char *const names[] = { ARN, "l-abc", "9", "cust" };

    assert_int_equal(register_as(p, id, "9", ARN, "cust"), TG_OK);
    for (i = 0; i < 4; i++) {
        assert_int_equal(tg_agreement_find(p->control->store, other, names[i],
            &err), TG_OK);
        assert_string_equal(id, other);
    }
    assert_int_equal(tg_agreement_find(p->control->store, other, id, &err), TG_OK);
    assert_int_equal(tg_agreement_find(p->control->store, other, "%", &err),
        TG_NOTFOUND);
    assert_int_equal(register_as(p, other, "9", ARN "d", NULL), TG_OK);
    assert_int_equal(tg_agreement_find(p->control->store, other, "9", &err),
        TG_CONFLICT);
}

static void
an_answer_that_names_less_is_the_same_buyer(void **state)
{
    struct place *p = *state;

    assert_int_equal(register_as(p, id, "9", NULL, "cust"), TG_OK);
    assert_int_equal(register_as(p, other, NULL, NULL, "cust"), TG_OK);
    assert_string_equal(id, other); /* two would be one key at Amazon */
    assert_int_equal(number(p, "SELECT count(*) FROM agreement WHERE"
        " customer_identifier = 'cust' AND identity_mode = 'account'"), 1);
    assert_int_equal(register_as(p, other, "9", NULL, NULL), TG_OK);
    assert_string_equal(id, other);
    assert_int_equal(register_as(p, other, "8", NULL, "cust"), TG_OK);
    assert_string_not_equal(id, other); /* another account's stays its own */
}

static void
who_comes_back_begins_anew(void **state)
{
    struct place *p = *state;

    assert_int_equal(register_as(p, id, "9", NULL, NULL), TG_OK);
    run_sql(p, "UPDATE agreement SET state = 'ended', ended_s = 1 WHERE"
        " customer_aws_account_id = '9'");
    p->now_s += 500;
    assert_int_equal(register_as(p, other, "9", NULL, NULL), TG_OK);
    assert_string_equal(id, other);
    assert_int_equal(number(p, "SELECT activated_s FROM agreement WHERE"
        " customer_aws_account_id = '9' AND state = 'active'"), NOW + 500);
}

int
main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_same_buyer_is_the_same_agreement),
        TEST(an_older_name_becomes_a_newer_one),
        TEST(an_answer_that_names_nobody_is_refused),
        TEST(a_person_finds_it_by_any_name),
        TEST(an_answer_that_names_less_is_the_same_buyer),
        TEST(who_comes_back_begins_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
