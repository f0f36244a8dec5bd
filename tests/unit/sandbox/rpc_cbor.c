/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sandbox/rpc_cbor.h"

static void
values_go_there_and_back(void **state)
{
    json_t       *back;
    json_t       *value = json_pack(
        "{s:s, s:[i,I,f,n,b,b], s:{s:f}, s:s, s:{}}", "text", "gr\xc3\xbc\xc3"
        "\x9f", "list", -1, (json_int_t) 5000000000, 1.5, 1, 0, "in",
        "ExpirationDate", 1811808000.0, "empty", "", "map");
    struct tg_buf out;

    (void) state;
    tg_buf_init(&out, 4096);
    assert_int_equal(tg_cbor_write(&out, value), TG_OK);
    assert_int_equal(tg_cbor_read(&back, out.data, out.len), TG_OK);
    assert_true(json_equal(value, back));
    json_decref(back);
    for (size_t n = 0; n < out.len; n++) { /* every torn copy is refused */
        assert_int_equal(tg_cbor_read(&back, out.data, n), TG_INVALID);
    }
    tg_buf_clear(&out);
    json_decref(value);
}

static void
timestamps_carry_their_tag(void **state)
{
    json_t       *value = json_pack("{s:f}", "ExpirationDate", 1.0);
    struct tg_buf out;

    (void) state;
    tg_buf_init(&out, 4096);
    assert_int_equal(tg_cbor_write(&out, value), TG_OK);
    assert_memory_equal(out.data, "\xa1\x6e" "ExpirationDate\xc1\xfb", 18);
    tg_buf_clear(&out);
    json_decref(value);
}

static void
indefinite_lengths_are_read(void **state)
{
    static const char item[] = "\xbf\x7f\x61" "a\x61" "b\xff\x9f\x01\xff\xff";
    json_t           *back;

    (void) state;
    assert_int_equal(tg_cbor_read(&back, item, sizeof(item) - 1), TG_OK);
    assert_int_equal(json_integer_value(json_array_get(
        json_object_get(back, "ab"), 0)), 1);
    json_decref(back);
}

static void
what_json_has_no_form_for_is_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t      len;
    } bad[] = {
        { "\x41" "a", 2 },                         /* a byte string */
        { "\xf7", 1 },                             /* undefined */
        { "\xa1\x01\x01", 3 },                     /* a key that is no text */
        { "\xa1\x62" "a\0\x01", 5 },               /* a NUL in a key */
        { "\x1b\xff\xff\xff\xff\xff\xff\xff\xff", 9 },
        { "\xfb\x7f\xf0\0\0\0\0\0\0", 9 },         /* infinity */
        { "\x61\xff", 2 },                         /* no UTF-8 */
        { "\x01\x01", 2 },                         /* two items */
        { "\x9b\x7f\xff\xff\xff\xff\xff\xff\xff", 9 },
    };
    char    deep[64];
    json_t *back;

    (void) state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(tg_cbor_read(&back, bad[i].bytes, bad[i].len),
            TG_INVALID);
        assert_null(back);
    }
    memset(deep, '\x81', sizeof(deep));
    deep[63] = '\x01';
    assert_int_equal(tg_cbor_read(&back, deep, sizeof(deep)), TG_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_go_there_and_back),
        cmocka_unit_test(timestamps_carry_their_tag),
        cmocka_unit_test(indefinite_lengths_are_read),
        cmocka_unit_test(what_json_has_no_form_for_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
