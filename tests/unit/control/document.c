/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <stdio.h>

#include "control/document.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

static enum tg_status
parse(struct tg_document *d, const char *text, struct tg_error *err)
{
    return tg_document_parse(d, text, strlen(text), err);
}

static void
yaml_scalars_follow_the_core_schema(void **state)
{
    struct tg_document d;
    json_t *wanted = json_loads("{\"a\": \"yes\", \"b\": true, \"c\": null,"
        "\"d\": 12, \"e\": 1.5, \"f\": \"2024-03-01\", \"g\": \"12\","
        "\"h\": 255, \"i\": \"127.0.0.1\", \"j\": [1, \"x\"],"
        "\"200\": {\"k\": \"\"}, \"l\": \"1\", \"m\": {\"n\": 1},"
        "\"o\": {\"n\": 1}}", 0, NULL);

    (void) state;
    assert_int_equal(parse(&d, "a: yes\nb: true\nc: ~\nd: 12\ne: 1.5\n"
        "f: 2024-03-01\ng: '12'\nh: 0xff\ni: 127.0.0.1\nj: [1, x]\n"
        "200: {k: \"\"}\nl: !!str 1\nm: &m {n: 1}\no: *m\n", NULL), TG_OK);
    assert_true(json_equal(d.root, wanted));
    json_decref(wanted);
    tg_document_clear(&d);
}

static void
bad_texts_are_refused_with_their_place(void **state)
{
    static const struct {
        const char *text, *place;
    } rows[] = {
        { "{\"a\": [1,\n 2", "line 2, column" },
        { "{\"a\": 1, \"a\": 2}", "line 1, column" },
        { "{\"a\": \"\\ud800\"}", "line 1, column" },
        { "a: 1\nb:\n\tc: 1\n", "line 3, column" },
        { "a: 1\na: 2\n", "line 2, column 1" },
        { "a: *b\n", "line 1, column 4" },
        { "a: &b [*b]\n", "line 1, column 8" },
        { "a: {<<: {b: 1}}\n", "line 1, column 5" },
        { "a: !mine 1\n", "line 1, column 4" },
        { "? [a]\n: 1\n", "line 1, column 3" },
        { "a: 1\n---\nb: 1\n", "line 2, column 1" },
        { "- 1\n", "must be an object" },
        { "[1]", "must be an object" },
        { "", "empty" },
        { "just text", "must be an object" },
    };

    (void) state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tg_document d;
        struct tg_error    err = { 0 };

        assert_int_equal(parse(&d, rows[i].text, &err), TG_INVALID);
        assert_null(d.root);
        if (!strstr(err.message, rows[i].place)) {
            fail_msg("%s: %s", rows[i].text, err.message);
        }
    }
}

/* D1 */
static void
bombs_are_refused(void **state)
{
    struct tg_document d;
    struct tg_error    err = { 0 };
    char               text[4000] = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";

    (void) state;
    for (int i = 1; i < 12; i++) {
        size_t len = strlen(text);

        snprintf(text + len, sizeof text - len, "a%d: &a%d [*a%d, *a%d, *a%d,"
            " *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1,
            i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    }
    assert_int_equal(parse(&d, text, &err), TG_LIMIT);
    assert_non_null(strstr(err.message, "too many values"));

    memset(text, '[', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(parse(&d, text, &err), TG_LIMIT);
    memcpy(text, "a: ", 3);
    assert_int_equal(parse(&d, text, &err), TG_LIMIT);
}

static void
places_are_found_again(void **state)
{
    static const struct {
        const char *pointer;
        size_t      line, column;
    } rows[] = {
        { "", 1, 1 },
        { "/b", 2, 6 },
        { "/b/1", 3, 4 },
        { "/b/1/a~1b", 3, 12 },
        { "/b/1/none", 3, 4 },
        { "/none", 1, 1 },
    };
    struct tg_document json, yaml;
    size_t             line, column;

    (void) state;
    assert_int_equal(parse(&json, "{\"a\": \"}\\\"\",\n"
        "\"b\": [1,\n   {\"a/b\": true}]}", NULL), TG_OK);
    for (size_t i = 0; i < COUNT(rows); i++) {
        tg_document_locate(&json, rows[i].pointer, &line, &column);
        assert_int_equal(line, rows[i].line);
        assert_int_equal(column, rows[i].column);
    }
    tg_document_clear(&json);
    assert_int_equal(parse(&yaml, "a: 1\nb:\n  - 1\n  - {a/b: x}\n", NULL),
        TG_OK);
    tg_document_locate(&yaml, "/b/1/a~1b", &line, &column);
    assert_int_equal(line, 4);
    assert_int_equal(column, 11);
    tg_document_clear(&yaml);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yaml_scalars_follow_the_core_schema),
        cmocka_unit_test(bad_texts_are_refused_with_their_place),
        cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(places_are_found_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
