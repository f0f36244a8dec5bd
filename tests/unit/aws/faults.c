/*
 * faults.c - the N-th thing that can fail fails while keys are found
 *
 * A role is assumed with what each kind of source gives: a container's and
 * an instance's endpoint, web identity, a profile whose role is assumed with
 * another's keys.  Whatever fails, the answer is the role's keys or an error;
 * never others, never half of them, and no secret in the error.  Keys that
 * are held already serve on.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "aws/keyring.h"
#include "fault.h"

#define NOW INT64_C(1795399200) /* 2026-11-23T02:00:00Z */
#define METERING "role%2FApiGatewayMarketplaceMeteringRole"
#define DOCUMENT                                                              \
    "{\"Code\":\"Success\",\"AccessKeyId\":\"ASIAHERE\",\"SecretAccessKey\":" \
    "\"sss\",\"Token\":\"ttt\",\"Expiration\":\"2026-11-23T08:00:00Z\"}"

/* What becomes of the request whose turn it is. */
enum trouble { LOST, NOT_SENT, SPOILT, STATUS }; /* STATUS + 503: that one */

/* Where the keys come from with which the metering role is assumed. */
struct source {
    const char *key; /* the one that signs the request for that role */
    const char *variables[3][2];
};

static struct {
    const struct source *source;
    int                  trouble;
    int                  roles; /* metering roles assumed so far */
} play;

static char config_file[] = "/proc/self/fd/0000";
static char token_file[] = "/proc/self/fd/0000";

static const struct source sources[] = {
    { "ASIAHERE",
        { { "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost/" } } },
    { "ASIAHERE",
        { { "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://localhost" } } },
    { "ASIAWEB", { { "AWS_WEB_IDENTITY_TOKEN_FILE", token_file },
        { "AWS_ROLE_ARN", "arn:aws:iam::1:role/Web" } } },
    { "ASIAFIRST", { { "AWS_CONFIG_FILE", config_file } } },
};

#define SOURCE_COUNT (sizeof(sources) / sizeof(sources[0]))

/* The pauses between tries are no part of this. */
int __wrap_nanosleep(const struct timespec *pause, struct timespec *left);

int
__wrap_nanosleep(const struct timespec *pause, struct timespec *left)
{
    (void) pause;
    (void) left;
    return 0;
}

static bool
is_signed_by(const struct tg_aws_request *request, const char *key)
{
    size_t i;
    char   credential[64];

    (void) snprintf(credential, sizeof(credential), "Credential=%s/", key);
    for (i = 0; i < request->header_count; i++) {
        if (strcmp(request->headers[i].name, "Authorization") == 0) {
            return strstr(request->headers[i].value, credential) != NULL;
        }
    }
    return false;
}

/* STS.  Each role is assumed with the keys that it is to be assumed with. */
static void
assume(char out[1024], const struct tg_aws_request *request)
{
    char key[32];

    if (strstr(request->body, METERING) != NULL) {
        assert_true(is_signed_by(request, play.source->key));
        (void) snprintf(key, sizeof(key), "ASIAROLE%d", ++play.roles);
    } else if (strstr(request->body, "WebIdentityToken=") != NULL) {
        assert_non_null(strstr(request->body, "WebIdentityToken=idid"));
        strcpy(key, "ASIAWEB");
    } else {
        assert_true(is_signed_by(request, "AKIABASE"));
        strcpy(key, "ASIAFIRST");
    }
    (void) snprintf(out, 1024, "<AssumeRoleResponse><AssumeRoleResult>"
        "<Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>secret-%s"
        "</SecretAccessKey><SessionToken>token-%s</SessionToken><Expiration>"
        "2026-11-23T%s:00Z</Expiration></Credentials></AssumeRoleResult>"
        "</AssumeRoleResponse>", key, key, key,
        play.roles > 1 ? "04:00" : "03:00");
}

static void
write_answer(char out[1024], const struct tg_aws_request *request)
{
    if (strcmp(request->method, "POST") == 0) {
        assume(out, request);
    } else if (strcmp(request->method, "PUT") == 0) {
        strcpy(out, "instance-token");
    } else if (strstr(request->url, "security-credentials/") == NULL) {
        strcpy(out, DOCUMENT); /* a container's */
    } else {
        strcpy(out, strstr(request->url, "/InstanceRole") != NULL
            ? DOCUMENT : "InstanceRole");
    }
}

static enum tg_aws_delivery
answer(void *data, const struct tg_aws_request *request,
    struct tg_aws_reply *reply, struct tg_error *err)
{
    char text[1024];
    bool is_due = fault_is_due(FAULT_NET);

    (void) data;
    if (is_due && (play.trouble == LOST || play.trouble == NOT_SENT)) {
        (void) tg_error_set(err, TG_IO, "a fault was asked for");
        return play.trouble == LOST ? TG_AWS_LOST : TG_AWS_NOT_SENT;
    }
    write_answer(text, request);
    reply->status = 200;
    if (is_due && play.trouble == SPOILT) {
        text[strlen(text) / 2] = '\0';
    } else if (is_due) {
        reply->status = play.trouble - STATUS;
        strcpy(text, "<ErrorResponse><Error><Code>SomeException</Code>"
            "</Error></ErrorResponse>");
    }
    /* what does not fit is a reply that was lost */
    if (tg_buf_puts(&reply->body, text) != TG_OK) {
        (void) tg_error_set(err, TG_NOMEM, "out of memory");
        return TG_AWS_LOST;
    }
    return TG_AWS_ANSWERED;
}

static const struct tg_aws_transport transport = { answer, NULL };
static const struct tg_aws_source    named = { .region = "us-east-1",
    .role = "111122223333", .transport = &transport };

/* The file of an open, nameless one. */
static void
make_file(char path[19], const char *text)
{
    FILE *f = tmpfile();

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fflush(f), 0);
    (void) snprintf(path, 19, "/proc/self/fd/%d", fileno(f));
}

static void
begin(void)
{
    size_t i;

    clearenv();
    setenv("AWS_CONFIG_FILE", "/dev/null", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
    for (i = 0; i < 3 && play.source->variables[i][0] != NULL; i++) {
        setenv(play.source->variables[i][0], play.source->variables[i][1],
            1);
    }
    play.roles = 0;
}

/* Those of the metering role, all of them. */
static void
assert_whole(struct tg_aws_credentials *c)
{
    char text[TG_AWS_NAME_MAX + 16];

    assert_int_equal(strncmp(c->access_key_id, "ASIAROLE", 8), 0);
    (void) snprintf(text, sizeof(text), "secret-%s", c->access_key_id);
    assert_string_equal(c->secret_access_key, text);
    (void) snprintf(text, sizeof(text), "token-%s", c->access_key_id);
    assert_string_equal(c->session_token, text);
    tg_aws_credentials_wipe(c);
}

static void
assert_none(const struct tg_aws_credentials *c, const struct tg_error *err)
{
    size_t i;
    static const char *const secrets[] = { "sss", "ttt", "secret-", "token-",
        "idid", "basebase" };

    assert_string_equal(c->secret_access_key, "");
    assert_null(c->session_token);
    assert_true(err->message[0] != '\0');
    for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        assert_null(strstr(err->message, secrets[i]));
    }
}

/* The first keys. */
static bool
find_once(void *data)
{
    bool                      was_met;
    enum tg_status            status;
    struct tg_error           err = { TG_OK, "" };
    struct tg_aws_keyring    *k = NULL;
    struct tg_aws_credentials c;

    (void) data;
    begin();
    tg_aws_credentials_init(&c);
    fault_begin();
    status = tg_aws_keyring_open(&k, &named, &err);
    if (status == TG_OK) {
        status = tg_aws_keyring_get(k, &c, NOW, &err);
    }
    was_met = fault_end();
    if (status == TG_OK) {
        assert_whole(&c);
    } else {
        assert_true(was_met);
        assert_none(&c, &err);
    }
    if (k != NULL) { /* it comes right by itself */
        assert_int_equal(tg_aws_keyring_get(k, &c, NOW + 10, &err), TG_OK);
        assert_whole(&c);
    }
    tg_aws_keyring_close(k);
    return was_met;
}

/* The next keys, shortly before the first expire. */
static bool
refresh_once(void *data)
{
    bool                      was_met;
    enum tg_status            status;
    struct tg_error           err = { TG_OK, "" };
    struct tg_aws_keyring    *k;
    struct tg_aws_credentials c;

    begin();
    assert_int_equal(tg_aws_keyring_open(&k, &named, &err), TG_OK);
    assert_int_equal(tg_aws_keyring_get(k, &c, NOW, &err), TG_OK);
    tg_aws_credentials_wipe(&c);
    fault_begin();
    status = tg_aws_keyring_get(k, &c, NOW + 50 * 60, &err);
    was_met = fault_end();
    if (status == TG_OK) {
        assert_whole(&c);
    } else {
        assert_ptr_equal(data, "memory"); /* no room for the copy either */
        assert_none(&c, &err);
    }
    assert_int_equal(tg_aws_keyring_get(k, &c, NOW + 61 * 60, &err), TG_OK);
    assert_whole(&c);
    assert_true(play.roles > 1);
    tg_aws_keyring_close(k);
    return was_met;
}

static void
whatever_fails_the_keys_are_right_or_none(void **state)
{
    size_t s;

    (void) state;
    for (s = 0; s < SOURCE_COUNT; s++) {
        play.source = &sources[s];
        play.trouble = LOST;
        assert_true(fault_each(FAULT_ALLOC, 1, find_once, NULL) > 50);
        assert_true(fault_each(FAULT_ALLOC, 1, refresh_once, "memory") > 50);
    }
}

static void
whatever_cannot_be_read_the_keys_are_right_or_none(void **state)
{
    size_t s;

    (void) state;
    for (s = 0; s < SOURCE_COUNT; s++) {
        play.source = &sources[s];
        assert_true(fault_each(FAULT_FILE, 1, find_once, NULL) > 1);
        assert_true(fault_each(FAULT_FILE, 1, refresh_once, NULL) > 1);
    }
}

/* Each request of each source, the tries that follow it too. */
static void
whichever_request_fails_the_keys_are_right_or_none(void **state)
{
    size_t s, t;
    static const int troubles[] = { LOST, NOT_SENT, SPOILT, STATUS + 400,
        STATUS + 403, STATUS + 404, STATUS + 429, STATUS + 500,
        STATUS + 503 };

    (void) state;
    for (s = 0; s < SOURCE_COUNT; s++) {
        play.source = &sources[s];
        for (t = 0; t < sizeof(troubles) / sizeof(troubles[0]); t++) {
            play.trouble = troubles[t];
            assert_true(fault_each(FAULT_NET, 1, find_once, NULL) > 5);
            assert_true(fault_each(FAULT_NET, 1, refresh_once, NULL) > 5);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_fails_the_keys_are_right_or_none),
        cmocka_unit_test(whatever_cannot_be_read_the_keys_are_right_or_none),
        cmocka_unit_test(whichever_request_fails_the_keys_are_right_or_none),
    };

    make_file(token_file, "idid\n");
    make_file(config_file, "[default]\nrole_arn = arn:aws:iam::1:role/First\n"
        "source_profile = base\n[profile base]\naws_access_key_id ="
        " AKIABASE\naws_secret_access_key = basebase\n");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
