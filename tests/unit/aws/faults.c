/*
 * faults.c - the N-th allocation, read or request fails while keys are found
 *
 * A role is assumed with what a container's endpoint gives.  Whatever fails,
 * the answer is the role's keys or an error; never others, never half of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "aws/keyring.h"
#include "fault.h"

#define NOW INT64_C(1795399200)

static enum tg_aws_delivery
answer(void *data, const struct tg_aws_request *request,
    struct tg_aws_reply *reply, struct tg_error *err)
{
    const char *text = strcmp(request->method, "GET") == 0
        ? "{\"AccessKeyId\":\"ASIAHERE\",\"SecretAccessKey\":\"sss\","
          "\"Token\":\"ttt\",\"Expiration\":\"2026-11-23T08:00:00Z\"}"
        : "<AssumeRoleResponse><AssumeRoleResult><Credentials>"
          "<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>rrr"
          "</SecretAccessKey><SessionToken>uuu</SessionToken><Expiration>"
          "2026-11-23T03:00:00Z</Expiration></Credentials>"
          "</AssumeRoleResult></AssumeRoleResponse>";

    (void) data;
    if (fault_is_due(FAULT_NET)) {
        (void) tg_error_set(err, TG_IO, "a fault was asked for");
        return TG_AWS_LOST;
    }
    reply->status = 200;
    /* what does not fit is a reply that was lost */
    if (tg_buf_puts(&reply->body, text) != TG_OK) {
        (void) tg_error_set(err, TG_NOMEM, "out of memory");
        return TG_AWS_LOST;
    }
    return TG_AWS_ANSWERED;
}

static const struct tg_aws_transport transport = { answer, NULL };

static bool
find_once(void *data)
{
    bool                       was_met;
    enum tg_status             status;
    struct tg_error            err = { TG_OK, "" };
    struct tg_aws_keyring     *k = NULL;
    struct tg_aws_credentials  c;
    const struct tg_aws_source source = { .region = "us-east-1",
        .role = "111122223333", .transport = &transport };

    (void) data;
    tg_aws_credentials_init(&c);
    fault_begin();
    status = tg_aws_keyring_open(&k, &source, &err);
    if (status == TG_OK) {
        status = tg_aws_keyring_get(k, &c, NOW, &err);
    }
    was_met = fault_end();
    if (status == TG_OK) {
        assert_string_equal(c.access_key_id, "ASIAROLE");
        assert_string_equal(c.secret_access_key, "rrr");
        assert_string_equal(c.session_token, "uuu");
        tg_aws_credentials_wipe(&c);
    } else {
        assert_true(was_met);
        assert_string_equal(c.secret_access_key, "");
        assert_null(c.session_token);
        assert_true(err.message[0] != '\0');
        assert_null(strstr(err.message, "sss"));
    }
    if (k != NULL) { /* it comes right by itself */
        assert_int_equal(tg_aws_keyring_get(k, &c, NOW + 10, &err), TG_OK);
        assert_string_equal(c.access_key_id, "ASIAROLE");
        tg_aws_credentials_wipe(&c);
    }
    tg_aws_keyring_close(k);
    return was_met;
}

static void
whatever_fails_the_keys_are_right_or_none(void **state)
{
    (void) state;
    clearenv();
    setenv("AWS_CONFIG_FILE", "/dev/null", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost/", 1);
    assert_true(fault_each(FAULT_ALLOC, 1, find_once, NULL) > 20);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_fails_the_keys_are_right_or_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
