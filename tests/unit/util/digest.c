/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "util/digest.h"

static void
known_digests(void **state)
{
    uint8_t out[TG_SHA256_SIZE];
    char    hex[TG_SHA256_HEX];

    (void) state;
    tg_sha256(out, "abc", 3); /* FIPS 180-2, B.1 */
    tg_hex(hex, out, sizeof(out));
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223"
                             "b00361a396177a9cb410ff61f20015ad");
    tg_hmac_sha256(out, "Jefe", 4, "what do ya want for nothing?", 28);
    tg_hex(hex, out, sizeof(out)); /* RFC 4231, test case 2 */
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c7"
                             "5a003f089d2739839dec58b964ec3843");
    assert_int_equal(tg_unhex(out, sizeof(out), hex), TG_OK);
    assert_int_equal(tg_unhex(out, sizeof(out), "zz"), TG_INVALID);
}

static void
base64_goes_there_and_back(void **state)
{
    static const char *const bad[] = { "abc", "ab=c", "a===", "ab c", "=abc" };
    char                     text[16];
    char                     back[16];
    size_t                   len;

    (void) state;
    for (size_t i = 0; i <= 5; i++) {
        tg_base64(text, "fooba", i);
        assert_int_equal(tg_unbase64(back, &len, text, strlen(text)), TG_OK);
        assert_int_equal(len, i);
        assert_memory_equal(back, "fooba", i);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(tg_unbase64(back, &len, bad[i], strlen(bad[i])),
            TG_INVALID);
    }
}

static void
random_text_is_of_its_alphabet(void **state)
{
    char text[41], other[41], uuid[TG_UUID_SIZE];

    (void) state;
    tg_random_text(text, 40, TG_ALPHABET_KEY);
    tg_random_text(other, 40, TG_ALPHABET_KEY);
    assert_int_equal(strspn(text, TG_ALPHABET_KEY), 40);
    assert_string_not_equal(text, other);
    tg_uuid(uuid);
    assert_int_equal(strlen(uuid), 36);
    assert_int_equal(uuid[14], '4');
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_digests),
        cmocka_unit_test(base64_goes_there_and_back),
        cmocka_unit_test(random_text_is_of_its_alphabet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
