/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "control/rotation.h"
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

/*
 * ---- replacing the master key
 */

#define ANOTHER                                                               \
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define THIRD                                                                 \
    "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void
read_key_file(struct place *p, char text[256])
{
    FILE  *f = fopen(p->settings->master_key_file, "r");
    size_t len;

    assert_non_null(f);
    len = fread(text, 1, 255, f);
    text[len] = '\0';
    fclose(f);
}

static void
write_key_file(struct place *p, const char *text)
{
    FILE *f = fopen(p->settings->master_key_file, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void
wait_for_rotation(struct place *p)
{
    struct tg_rotation_report report;

    do {
        usleep(1000);
        tg_rotation_report(p->control->rotation, &report);
    } while (report.is_running);
    assert_string_equal(report.trouble, "");
    assert_int_equal(report.done, report.total);
}

static void
assert_key_opens(struct place *p)
{
    assert_int_equal(call(p, "GET", "/apikeys?includeValues=true", ""), 200);
    assert_string_equal(json_string_value(json_object_get(json_array_get(
        json_object_get(p->answer, "item"), 0), "value")),
        "a-value-of-twenty-characters");
}

static void
a_new_key_takes_the_old_ones_place(void **state)
{
    char            before[256], after[256];
    struct place   *p = *state;
    struct tg_error err = {0};

    (void) make_key(p, "a-value-of-twenty-characters", "c");
    read_key_file(p, before);
    assert_int_equal(tg_rotation_start(p->control->rotation, p->now_s, &err),
        TG_OK);
    wait_for_rotation(p);
    read_key_file(p, after);
    assert_int_equal(strlen(after), 65);
    assert_string_not_equal(before, after);
    assert_key_opens(p);
    place_restart(p);
    assert_key_opens(p);
    assert_int_equal(number(p, "SELECT count(*) FROM audit_event WHERE"
        " event_name IN ('StartMasterKeyRotation',"
        " 'FinishMasterKeyRotation')"), 2);
    /* What is left of the old key opens nothing. */
    write_key_file(p, before);
    tg_control_close(p->control);
    p->control = NULL;
    assert_int_equal(place_open(p, &err), TG_DENIED);
    write_key_file(p, after);
    assert_int_equal(place_open(p, &err), TG_OK);
}

/* R1: as a kill leaves it, between the file and the last value. */
static void
an_interrupted_rotation_goes_on(void **state)
{
    char            before[256], both[512], after[256];
    struct place   *p = *state;

    (void) make_key(p, "a-value-of-twenty-characters", "c");
    read_key_file(p, before);
    (void) snprintf(both, sizeof(both), ANOTHER "\n%s", before);
    write_key_file(p, both);
    place_restart(p);
    assert_key_opens(p);
    wait_for_rotation(p);
    assert_key_opens(p);
    read_key_file(p, after);
    assert_string_equal(after, ANOTHER "\n");
    /* Killed after the last value, before the file: it is tidied up. */
    write_key_file(p, both);
    place_restart(p);
    read_key_file(p, after);
    assert_string_equal(after, ANOTHER "\n");
}

static void
the_environment_gives_both_keys(void **state)
{
    char            before[256];
    struct place   *p = *state;
    struct tg_error err = {0};

    (void) make_key(p, "a-value-of-twenty-characters", "c");
    read_key_file(p, before);
    assert_int_equal(setenv("TALLYGATE_MASTER_KEY", ANOTHER, 1), 0);
    assert_int_equal(setenv("TALLYGATE_MASTER_KEY_PREVIOUS", before, 1), 0);
    place_restart(p);
    assert_null(getenv("TALLYGATE_MASTER_KEY"));
    assert_null(getenv("TALLYGATE_MASTER_KEY_PREVIOUS"));
    wait_for_rotation(p);
    assert_key_opens(p);
    /* There a person replaces it, and says so. */
    assert_int_equal(tg_rotation_start(p->control->rotation, p->now_s, &err),
        TG_CONFLICT);
    assert_non_null(strstr(err.message, "TALLYGATE_MASTER_KEY_PREVIOUS"));
    assert_int_equal(setenv("TALLYGATE_MASTER_KEY", ANOTHER, 1), 0);
    place_restart(p);
    assert_key_opens(p);
}

static void
a_pair_without_the_right_key_is_refused(void **state)
{
    static const struct {
        const char    *text;
        enum tg_status status;
    } rows[] = {
        {ANOTHER "\n" THIRD "\n", TG_DENIED},
        {ANOTHER "\n" THIRD "\n" THIRD "\n", TG_INVALID},
        {ANOTHER "\n" ANOTHER "x\n", TG_INVALID},
        {"\n", TG_INVALID},
    };
    char             after[256];
    size_t           i;
    struct place    *p = *state;
    struct tg_error  err;
    struct tg_vault *v;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        write_key_file(p, rows[i].text);
        assert_int_equal(tg_vault_open(&v, p->settings->master_key_file,
            p->control->store, &err), rows[i].status);
        assert_null(strstr(err.message, "0011"));
        read_key_file(p, after);
        assert_string_equal(after, rows[i].text); /* untouched */
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(a_sealed_value_opens_for_its_own_row_only),
        PLACE_TEST(a_changed_text_is_refused),
        PLACE_TEST(the_key_file_is_private_and_kept),
        PLACE_TEST(another_master_key_is_refused),
        PLACE_TEST(a_new_key_takes_the_old_ones_place),
        PLACE_TEST(an_interrupted_rotation_goes_on),
        PLACE_TEST(the_environment_gives_both_keys),
        PLACE_TEST(a_pair_without_the_right_key_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
