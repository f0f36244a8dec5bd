/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "cli/options.h"

#define ALL (TG_OPTION_CONFIG | TG_OPTION_JSON | TG_OPTION_AGREEMENT)

static enum tg_status
read_words(struct tg_options *out, const char *const *words,
    const char *operand, struct tg_error *err)
{
    return tg_options_read(out, (char **) words, ALL, operand, err);
}

static void
options_are_read_in_both_forms(void **state)
{
    static const char *const apart[] = { "--json", "--config", "a", "op",
        NULL };
    static const char *const joined[] = { "op", "--config=a", "--json",
        NULL };
    static const char *const behind[] = { "--config=a", "--json", "--",
        "op", NULL };
    static const char *const *const all[] = { apart, joined, behind };
    struct tg_options o;

    (void) state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        assert_int_equal(read_words(&o, all[i], "FILE", NULL), TG_OK);
        assert_string_equal(o.config, "a");
        assert_string_equal(o.operand, "op");
        assert_true(o.json);
        assert_false(o.help);
        assert_null(o.agreement);
    }
}

static void
the_environment_stands_in_for_config(void **state)
{
    static const char *const none[] = { NULL };
    static const char *const given[] = { "--config", "b", NULL };
    struct tg_options o;

    (void) state;
    assert_int_equal(setenv("TALLYGATE_CONFIG", "a", 1), 0);
    assert_int_equal(read_words(&o, none, NULL, NULL), TG_OK);
    assert_string_equal(o.config, "a");
    assert_int_equal(read_words(&o, given, NULL, NULL), TG_OK);
    assert_string_equal(o.config, "b");
    assert_int_equal(setenv("TALLYGATE_CONFIG", "", 1), 0);
    assert_int_equal(read_words(&o, none, NULL, NULL), TG_OK);
    assert_null(o.config);
    assert_int_equal(unsetenv("TALLYGATE_CONFIG"), 0);
}

static void
wrong_usage_is_named(void **state)
{
    static const struct {
        const char *words[4];
        const char *message;
    } rows[] = {
        { { "--jsno" }, "unknown option --jsno; did you mean --json?" },
        { { "--colour=red" }, "unknown option --colour" },
        { { "--list" }, "unknown option --list" },
        { { "--config" }, "--config needs a value" },
        { { "--config=" }, "--config needs a value" },
        { { "--json=yes" }, "--json takes no value" },
        { { "a", "b" }, "unexpected b" },
        { { "-x" }, "unknown option -x" },
    };
    struct tg_options o;
    struct tg_error   err;

    (void) state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(read_words(&o, rows[i].words, "FILE", &err),
            TG_INVALID);
        assert_string_equal(err.message, rows[i].message);
    }
    assert_int_equal(read_words(&o, rows[6].words, NULL, &err), TG_INVALID);
    assert_string_equal(err.message, "unexpected a");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_read_in_both_forms),
        cmocka_unit_test(the_environment_stands_in_for_config),
        cmocka_unit_test(wrong_usage_is_named),
    };

    (void) unsetenv("TALLYGATE_CONFIG");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
