/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "aws/credentials.h"

static char                             path[64];
static struct tg_aws_credentials        c;
static struct tg_aws_credentials_source source;
static struct tg_error                  err;

static void
write_file(const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int
set_up(void **state)
{
    int fd;

    (void) state;
    strcpy(path, "/tmp/tg-credentials-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    clearenv();
    source = (struct tg_aws_credentials_source) { NULL, NULL };
    return 0;
}

static int
tear_down(void **state)
{
    (void) state;
    unlink(path);
    return 0;
}

static void
a_profile_is_read_as_sdks_read_it(void **state)
{
    (void) state;
    write_file("# comment\n[other]\naws_access_key_id = NO\n\n"
        "[ default ]\r\naws_access_key_id=AKID\r\n"
        "  aws_secret_access_key = indented lines belong to something else\n"
        "aws_secret_access_key = se=cret/+ \nregion = eu-west-1\n"
        "; comment\n[profile \"my name\"]\naws_access_key_id = MINE\n"
        "aws_secret_access_key = S\naws_session_token = T\n");
    source.file = path;
    assert_int_equal(tg_aws_credentials_load(&c, &source, &err), TG_OK);
    assert_string_equal(c.access_key_id, "AKID");
    assert_string_equal(c.secret_access_key, "se=cret/+");
    assert_string_equal(c.session_token, "");
    source.profile = "my name";
    assert_int_equal(tg_aws_credentials_load(&c, &source, &err), TG_OK);
    assert_string_equal(c.access_key_id, "MINE");
    assert_string_equal(c.session_token, "T");
}

static void
what_is_broken_is_an_error_and_names_the_place(void **state)
{
    (void) state;
    source.file = path;
    source.profile = "seller";
    write_file("[default]\naws_access_key_id = A\n");
    assert_int_equal(tg_aws_credentials_load(&c, &source, &err),
        TG_NOTFOUND);
    assert_non_null(strstr(err.message, "seller"));
    write_file("[seller]\naws_access_key_id = A\n");
    assert_int_equal(tg_aws_credentials_load(&c, &source, &err), TG_INVALID);
    assert_non_null(strstr(err.message, path));
    assert_non_null(strstr(err.message, "aws_secret_access_key"));
    write_file("[seller]\naws_secret_access_key = topsecret\n");
    assert_int_equal(tg_aws_credentials_load(&c, &source, &err), TG_INVALID);
    assert_null(strstr(err.message, "topsecret")); /* D2 */
    assert_string_equal(c.secret_access_key, "");
    unlink(path);
    assert_int_equal(tg_aws_credentials_load(&c, &source, &err),
        TG_NOTFOUND);
}

static void
a_key_that_is_too_long_is_refused(void **state)
{
    char text[512] = "[default]\naws_access_key_id = ";

    (void) state;
    memset(text + strlen(text), 'A', 200);
    write_file(text);
    source.file = path;
    assert_int_equal(tg_aws_credentials_load(&c, &source, &err), TG_INVALID);
    assert_non_null(strstr(err.message, "aws_access_key_id"));
}

static void
the_environment_comes_before_the_shared_file(void **state)
{
    (void) state;
    write_file("[default]\naws_access_key_id=FILE\n"
        "aws_secret_access_key=F\n[p]\naws_access_key_id=P\n"
        "aws_secret_access_key=F\n");
    setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
    assert_int_equal(tg_aws_credentials_load(&c, &source, &err), TG_OK);
    assert_string_equal(c.access_key_id, "FILE");
    setenv("AWS_PROFILE", "p", 1);
    assert_int_equal(tg_aws_credentials_load(&c, &source, &err), TG_OK);
    assert_string_equal(c.access_key_id, "P");
    setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    assert_int_equal(tg_aws_credentials_load(&c, &source, &err),
        TG_INVALID); /* D1: half a pair is no pair */
    setenv("AWS_SECRET_ACCESS_KEY", "E", 1);
    assert_int_equal(tg_aws_credentials_load(&c, &source, &err), TG_OK);
    assert_string_equal(c.access_key_id, "ENV");
    source.profile = "default"; /* named in the settings: explicit */
    assert_int_equal(tg_aws_credentials_load(&c, &source, &err), TG_OK);
    assert_string_equal(c.access_key_id, "FILE");
}

static void
keys_in_the_config_file_are_found(void **state)
{
    (void) state;
    write_file("[profile p]\naws_access_key_id=CONFIG\n"
        "aws_secret_access_key=F\n");
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
    setenv("AWS_CONFIG_FILE", path, 1);
    source.profile = "p";
    assert_int_equal(tg_aws_credentials_load(&c, &source, &err), TG_OK);
    assert_string_equal(c.access_key_id, "CONFIG");
    source.profile = "q";
    assert_int_equal(tg_aws_credentials_load(&c, &source, &err),
        TG_NOTFOUND);
    assert_non_null(strstr(err.message, "marketplace.credentials_file"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_profile_is_read_as_sdks_read_it,
            set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            what_is_broken_is_an_error_and_names_the_place, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(a_key_that_is_too_long_is_refused,
            set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            the_environment_comes_before_the_shared_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_in_the_config_file_are_found,
            set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
