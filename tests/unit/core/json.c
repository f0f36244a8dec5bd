/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/json.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

static enum tg_status
find(struct tg_json_value *out, const char *text, const char *path)
{
    return tg_json_find(out, text, strlen(text), path, strlen(path));
}

static void
a_path_leads_to_its_value(void **state)
{
    static const char pets[] = " {\"pets\": [{\"name\": \"Rex\", \"age\": 7},"
        " {\"name\": null}], \"a.b\": true, \"a\": {\"b\": -1.5e3},"
        " \"\\u0061c\": \"x\", \"twice\": {\"v\": 1}, \"e\": {},"
        " \"twice\": [2]}\n";
    static const struct {
        const char *path, *found; /* NULL: nothing */
    } rows[] = {
        { ".pets[0].name", "\"Rex\"" }, { ".pets[0]['age']", "7" },
        { ".pets[1].name", "null" }, { ".pets[2]", NULL },
        { ".pets[1]", "{\"name\": null}" }, { ".pets.name", NULL },
        { "['a.b']", "true" }, { ".a.b", "-1.5e3" }, { ".a[\"b\"]", "-1.5e3" },
        { ".ac", "\"x\"" }, { ".e", "{}" }, { ".e.x", NULL }, { "[0]", NULL },
        { ".twice", "[2]" }, { ".twice.v", NULL }, { ".twice[0]", "2" },
        { ".nothing", NULL }, { ".pets[0].name.x", NULL },
    };

    (void) state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tg_json_value value;
        enum tg_status       status = find(&value, pets, rows[i].path);

        assert_true(tg_json_path_is_valid(rows[i].path,
            strlen(rows[i].path)));
        if (rows[i].found == NULL) {
            if (status != TG_NOTFOUND) {
                fail_msg("%s was found", rows[i].path);
            }
            continue;
        }
        if (status != TG_OK) {
            fail_msg("%s was not found", rows[i].path);
        }
        assert_int_equal(value.len, strlen(rows[i].found));
        assert_memory_equal(value.text, rows[i].found, value.len);
        assert_int_equal(value.is_string, rows[i].found[0] == '"');
    }
}

static void
only_plain_paths_are_paths(void **state)
{
    static const char *const bad[] = { "a", ".", "..a", ".a.", ".*", "[*]",
        "[-1]", "[1:2]", "[?(@.x)]", "[]", "['a]", "['a'", "[1", ".a b(c)",
        ".length()", "[0,1]", "[12345678901]", "['a\\'b']", "$" };

    (void) state;
    assert_true(tg_json_path_is_valid("", 0));
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (tg_json_path_is_valid(bad[i], strlen(bad[i]))) {
            fail_msg("%s is taken for a path", bad[i]);
        }
    }
}

/* J2 */
static void
a_text_is_json_or_refused(void **state)
{
    static const struct {
        const char *text;
        bool        is_json;
    } rows[] = {
        { "{}", true }, { "[]", true }, { "0", true }, { "-0.5E-2", true },
        { "\"\"", true }, { "null", true }, { "[1, [], {\"a\": []}]", true },
        { "\"\\u00e4\\n\\/\"", true },
        { "", false }, { " ", false }, { "{", false }, { "[1,]", false },
        { "{\"a\":1,}", false }, { "{a: 1}", false }, { "{\"a\" 1}", false },
        { "01", false }, { "1.", false }, { ".5", false }, { "-", false },
        { "1e", false }, { "nul", false }, { "\"\\x\"", false },
        { "\"\\u12g4\"", false }, { "\"\\u12", false }, { "\"a", false },
        { "\"a\nb\"", false }, { "{} {}", false }, { "[1] x", false },
        { "'a'", false }, { "\"\\", false },
    };

    (void) state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tg_json_value value;

        if ((find(&value, rows[i].text, "") == TG_OK) != rows[i].is_json) {
            fail_msg("wrong about <%s>", rows[i].text);
        }
    }
}

/* J1 */
static void
depth_is_limited(void **state)
{
    char                 text[TG_JSON_DEPTH_MAX + 20];
    struct tg_json_value value;

    (void) state;
    memset(text, '[', sizeof(text));
    assert_int_equal(tg_json_find(&value, text, sizeof(text), "", 0),
        TG_INVALID);
    for (size_t i = 0; i < TG_JSON_DEPTH_MAX; i++) {
        text[i] = i < TG_JSON_DEPTH_MAX / 2 ? '[' : ']';
    }
    assert_int_equal(tg_json_find(&value, text, TG_JSON_DEPTH_MAX, "", 0),
        TG_OK);
}

static void
what_does_not_begin_like_json_is_not_meant_as_it(void **state)
{
    (void) state;
    assert_true(tg_json_is_meant(" {", 2));
    assert_true(tg_json_is_meant("'x", 2));
    assert_false(tg_json_is_meant("a=b", 3));
    assert_false(tg_json_is_meant("12", 2));
    assert_false(tg_json_is_meant("\0", 1));
    assert_false(tg_json_is_meant("", 0));
}

static void
strings_are_decoded_and_escaped(void **state)
{
    static const struct {
        const char *json, *text;
    } rows[] = {
        { "\"\"", "" }, { "\"a\\\"\\\\\\/b\"", "a\"\\/b" },
        { "\"\\b\\f\\n\\r\\t\"", "\b\f\n\r\t" },
        { "\"\\u0041\\u00e4\\u20ac\"", "A\xc3\xa4\xe2\x82\xac" },
        { "\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80" },
        { "\"\\ud83dx\"", "\xef\xbf\xbdx" },
        { "\"\\ud83d\\u0041\"", "\xef\xbf\xbd" "A" },
        { "\"\\ude00\"", "\xef\xbf\xbd" },
        { "12.5", "12.5" }, { "[1, \"a\"]", "[1, \"a\"]" },
    };
    char   out[64];
    size_t len;

    (void) state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tg_json_value value;

        assert_int_equal(find(&value, rows[i].json, ""), TG_OK);
        len = tg_json_decode(out, &value);
        assert_true(len <= value.len);
        assert_int_equal(len, strlen(rows[i].text));
        assert_memory_equal(out, rows[i].text, len);
    }
    len = tg_json_escape(out, "a\"\\\n\x01\x7f\0z", 8);
    assert_int_equal(len, tg_json_escape(NULL, "a\"\\\n\x01\x7f\0z", 8));
    out[len] = '\0';
    assert_string_equal(out, "a\\\"\\\\\\n\\u0001\x7f\\u0000z");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_leads_to_its_value),
        cmocka_unit_test(only_plain_paths_are_paths),
        cmocka_unit_test(a_text_is_json_or_refused),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(what_does_not_begin_like_json_is_not_meant_as_it),
        cmocka_unit_test(strings_are_decoded_and_escaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
