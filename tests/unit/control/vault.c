/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "control/vault.h"
#include "util/buf.h"

static void
a_sealed_value_opens_for_its_own_row_only(void **state)
{
    char             out[64];
    struct place    *p = *state;
    struct tg_buf    sealed;
    struct tg_buf    again;
    struct tg_error  err;
    struct tg_vault *v = p->control->vault;

    tg_buf_init(&sealed, 1024);
    tg_buf_init(&again, 1024);
    assert_int_equal(tg_vault_seal(v, "id1", "the value", &sealed, &err),
        TG_OK);
    assert_int_equal(tg_vault_seal(v, "id1", "the value", &again, &err),
        TG_OK);
    assert_string_not_equal(sealed.data, again.data); /* a fresh nonce */
    assert_null(strstr(sealed.data, "the value"));
    assert_int_equal(tg_vault_unseal(v, "id1", sealed.data, out, sizeof(out),
        &err), TG_OK);
    assert_string_equal(out, "the value");
    assert_int_equal(tg_vault_unseal(v, "id2", sealed.data, out, sizeof(out),
        &err), TG_CORRUPT);
    assert_int_equal(tg_vault_unseal(v, "id1", sealed.data, out, 9, &err),
        TG_LIMIT);
    tg_buf_clear(&sealed);
    tg_buf_clear(&again);
}

/* L2, for every single byte. */
static void
a_changed_text_is_refused(void **state)
{
    char             out[64];
    size_t           i;
    struct place    *p = *state;
    struct tg_buf    sealed;
    struct tg_error  err;
    struct tg_vault *v = p->control->vault;

    tg_buf_init(&sealed, 1024);
    assert_int_equal(tg_vault_seal(v, "id", "abc", &sealed, &err), TG_OK);
    for (i = 0; i < sealed.len; i++) {
        sealed.data[i] ^= 1;
        assert_int_equal(tg_vault_unseal(v, "id", sealed.data, out,
            sizeof(out), &err), TG_CORRUPT);
        sealed.data[i] ^= 1;
    }
    assert_int_equal(tg_vault_unseal(v, "id", "", out, sizeof(out), &err),
        TG_CORRUPT);
    assert_int_equal(tg_vault_unseal(v, "id", "AQ==", out, sizeof(out),
        &err), TG_CORRUPT);
    tg_buf_clear(&sealed);
}

static void
the_key_file_is_private_and_kept(void **state)
{
    struct place *p = *state;
    struct stat   st;

    assert_int_equal(stat(p->settings->master_key_file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    (void) make_key(p, "a-value-of-twenty-characters", "c");
    place_restart(p);
    assert_int_equal(call(p, "GET", "/apikeys?includeValues=true", ""), 200);
    assert_string_equal(json_string_value(json_object_get(json_array_get(
        json_object_get(p->answer, "item"), 0), "value")),
        "a-value-of-twenty-characters");
}

static void
another_master_key_is_refused(void **state)
{
    struct place    *p = *state;
    struct tg_error  err;
    struct tg_vault *v;

    assert_int_equal(setenv("TALLYGATE_MASTER_KEY",
        "0000000000000000000000000000000000000000000000000000000000000000",
        1), 0);
    assert_int_equal(tg_vault_open(&v, p->settings->master_key_file,
        p->control->store, &err), TG_DENIED);
    assert_non_null(strstr(err.message, "not the master key"));
    assert_null(getenv("TALLYGATE_MASTER_KEY"));
    assert_int_equal(setenv("TALLYGATE_MASTER_KEY", "zz", 1), 0);
    assert_int_equal(tg_vault_open(&v, p->settings->master_key_file,
        p->control->store, &err), TG_INVALID);
    assert_int_equal(unlink(p->settings->master_key_file), 0);
    assert_int_equal(tg_vault_open(&v, p->settings->master_key_file,
        p->control->store, &err), TG_DENIED);
    assert_non_null(strstr(err.message, "put the file back"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(a_sealed_value_opens_for_its_own_row_only),
        PLACE_TEST(a_changed_text_is_refused),
        PLACE_TEST(the_key_file_is_private_and_kept),
        PLACE_TEST(another_master_key_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
