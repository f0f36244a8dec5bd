/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/identity.h"
#include "core/unbillable.h"

static void
a_text_of_the_store_finds_its_reason(void **state)
{
    int  i;
    char text[160];

    (void) state;
    for (i = 0; i < TG_UNBILLABLE_OTHER; i++) {
        (void) snprintf(text, sizeof(text), "%s",
            tg_unbillable_text((enum tg_unbillable) i));
        assert_int_equal(tg_unbillable_of(text), i);
        strcat(text, " a-17");
        assert_int_equal(tg_unbillable_of(text), i);
        strcpy(text + strlen(text) - 5, "x"); /* another word */
        assert_int_equal(tg_unbillable_of(text), TG_UNBILLABLE_OTHER);
    }
    assert_int_equal(tg_unbillable_of(""), TG_UNBILLABLE_OTHER);
    assert_int_equal(tg_unbillable_of("nobody is known"),
        TG_UNBILLABLE_OTHER);
}

/* Whatever core/identity.h says is in the list, and nothing else differs. */
static void
reasons_of_identity_are_in_the_list(void **state)
{
    const char                   *reason;
    struct tg_identity_key        key = { 0 };
    struct tg_identity_agreement  a = { .id = "a", .product_code = "p",
        .customer_aws_account_id = "1" };

    (void) state;
    assert_int_equal(tg_identity_find(&key, NULL, 0, &reason), -1);
    assert_int_equal(tg_unbillable_of(reason), TG_UNBILLABLE_NO_PRODUCT);
    key.product_code = "p";
    assert_int_equal(tg_identity_find(&key, NULL, 0, &reason), -1);
    assert_int_equal(tg_unbillable_of(reason), TG_UNBILLABLE_NO_CUSTOMER);
    key.customer_id = "1";
    assert_int_equal(tg_identity_find(&key, NULL, 0, &reason), -1);
    assert_int_equal(tg_unbillable_of(reason), TG_UNBILLABLE_UNREGISTERED);
    assert_int_equal(tg_identity_find(&key, &a, 1, &reason), -1);
    assert_int_equal(tg_unbillable_of(reason), TG_UNBILLABLE_INACTIVE);
    key.tag_account_id = "2";
    assert_int_equal(tg_identity_find(&key, &a, 1, &reason), -1);
    assert_int_equal(tg_unbillable_of(reason), TG_UNBILLABLE_TAGS);
}

static void
what_a_person_took_off_does_not_come_home(void **state)
{
    (void) state;
    assert_false(tg_unbillable_comes_home(TG_UNBILLABLE_TAKEN)); /* N2 */
    assert_false(tg_unbillable_comes_home(TG_UNBILLABLE_ASIDE));
    assert_false(tg_unbillable_comes_home(TG_UNBILLABLE_OTHER));
    assert_true(tg_unbillable_comes_home(TG_UNBILLABLE_UNREGISTERED));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_of_the_store_finds_its_reason),
        cmocka_unit_test(reasons_of_identity_are_in_the_list),
        cmocka_unit_test(what_a_person_took_off_does_not_come_home),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
