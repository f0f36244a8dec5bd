/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/identity.h"

#define ARN(id) "arn:aws:license-manager::294406891311:license:" id

static const struct tg_identity_agreement agreements[] = {
    {"a0", "p1", "111111111111", ARN("l-one"), NULL, true},
    {"a1", "p1", "222222222222", ARN("l-two"), NULL, true},
    {"a2", "p1", "222222222222", ARN("l-three"), NULL, true},
    {"a3", "p1", "333333333333", ARN("l-old"), NULL, false},
    {"a4", "p1", "333333333333", ARN("l-new"), NULL, true},
    {"a5", "p1", NULL, NULL, "ifAPi5AcF3", true},
    {"a6", "p2", "444444444444", ARN("l-four"), "other", true},
    {"a7", "p1", "555555555555", NULL, NULL, false},
};

#define COUNT (sizeof(agreements) / sizeof(agreements[0]))

static const struct {
    struct tg_identity_key key; /* product, customerId, two tags */
    int                    expected;
} facts[] = {
    {{"p1", ARN("l-one"), NULL, NULL}, 0},
    {{"p1", "l-two", NULL, NULL}, 1},
    {{"p1", "111111111111", NULL, NULL}, 0},
    {{"p1", "222222222222", NULL, NULL}, -1}, /* two are active */
    {{"p1", "333333333333", NULL, NULL}, 4},  /* one is */
    {{"p1", "l-old", NULL, NULL}, -1},
    {{"p1", "555555555555", NULL, NULL}, -1},
    {{"p1", "ifAPi5AcF3", NULL, NULL}, 5},
    {{"p1", "l-four", NULL, NULL}, -1}, /* another product's (D1) */
    {{"p2", "l-four", NULL, NULL}, 6},
    {{"p1", "l-", NULL, NULL}, -1},
    {{"p1", "", NULL, NULL}, -1},
    {{"p1", NULL, NULL, NULL}, -1},
    {{NULL, "l-one", NULL, NULL}, -1},
    /* tags go before customerId, and lead there or nowhere (D2) */
    {{"p1", "l-one", ARN("l-two"), "222222222222"}, 1},
    {{"p1", NULL, ARN("l-two"), NULL}, 1},
    {{"p1", NULL, "l-two", NULL}, 1},
    {{"p1", NULL, NULL, "111111111111"}, 0},
    {{"p1", NULL, NULL, "222222222222"}, -1},
    {{"p1", "l-one", ARN("l-two"), "111111111111"}, -1},
    {{"p1", "l-one", ARN("l-none"), NULL}, -1},
};

static void
a_key_belongs_to_the_agreement_that_it_names(void **state)
{
    const char *reason;
    size_t      i;
    int         found;

    (void) state;
    for (i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        found = tg_identity_find(&facts[i].key, agreements, COUNT, &reason);
        assert_int_equal(found, facts[i].expected);
        assert_true((found < 0) == (reason != NULL));
    }
}

/* D3 */
static void
the_order_of_the_candidates_does_not_matter(void **state)
{
    struct tg_identity_agreement reversed[COUNT];
    const char                  *reason;
    size_t                       i;
    int                          expected;

    (void) state;
    for (i = 0; i < COUNT; i++) {
        reversed[i] = agreements[COUNT - 1 - i];
    }
    for (i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        expected = facts[i].expected;
        assert_int_equal(
            tg_identity_find(&facts[i].key, reversed, COUNT, &reason),
            expected < 0 ? -1 : (int) COUNT - 1 - expected);
    }
}

static void
a_licence_id_is_the_end_of_its_arn(void **state)
{
    (void) state;
    assert_string_equal(tg_license_id(ARN("l-one")), "l-one");
    assert_string_equal(tg_license_id("l-one"), "l-one");
    assert_null(tg_license_id(ARN("l-")));
    assert_null(tg_license_id("arn:aws:x"));
    assert_null(tg_license_id(NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_belongs_to_the_agreement_that_it_names),
        cmocka_unit_test(the_order_of_the_candidates_does_not_matter),
        cmocka_unit_test(a_licence_id_is_the_end_of_its_arn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
