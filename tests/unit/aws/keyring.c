/*
 * keyring.c - when credentials are fetched anew, and what if that fails
 *
 * The source is a container's endpoint, played by a fake transport.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "aws/keyring.h"
#include "util/clock.h"

#define NOW INT64_C(1795399200)

static struct {
    int     status;     /* 0: nobody answers */
    int     number;     /* of the key that it gives next */
    int64_t expires_s;
    int     asked;
} source_fake;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t  changed = PTHREAD_COND_INITIALIZER;
static bool            is_holding; /* the endpoint lets its callers wait */
static int             held;

static enum tg_aws_delivery
fake_send(void *data, const struct tg_aws_request *request,
    struct tg_aws_reply *reply, struct tg_error *err)
{
    char time[TG_ISO8601_SIZE];

    (void) data;
    (void) request;
    pthread_mutex_lock(&lock);
    held++;
    pthread_cond_broadcast(&changed);
    while (is_holding) {
        pthread_cond_wait(&changed, &lock);
    }
    held--;
    pthread_mutex_unlock(&lock);
    source_fake.asked++;
    if (source_fake.status == 0) {
        (void) tg_error_set(err, TG_IO, "connection refused");
        return TG_AWS_NOT_SENT;
    }
    reply->status = source_fake.status;
    tg_iso8601(time, source_fake.expires_s);
    assert_int_equal(tg_buf_printf(&reply->body, "{\"AccessKeyId\":\"K%d\","
        "\"SecretAccessKey\":\"s\",\"Token\":\"t%d\",\"Expiration\":\"%s\"}",
        source_fake.number, source_fake.number, time), TG_OK);
    return TG_AWS_ANSWERED;
}

static const struct tg_aws_transport transport = { fake_send, NULL };
static struct tg_aws_keyring        *k;
static FILE                         *file; /* the shared one, without a name */
static char                          path[32];

static int
set_up(void **state)
{
    const struct tg_aws_source source = { .region = "us-east-1",
        .transport = &transport };

    (void) state;
    clearenv();
    file = tmpfile();
    assert_non_null(file);
    (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fileno(file));
    setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
    setenv("AWS_CONFIG_FILE", "/dev/null", 1);
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost/", 1);
    memset(&source_fake, 0, sizeof(source_fake));
    source_fake.status = 200;
    source_fake.number = 1;
    source_fake.expires_s = NOW + 6 * 3600;
    is_holding = false;
    assert_int_equal(tg_aws_keyring_open(&k, &source, NULL), TG_OK);
    return 0;
}

static int
tear_down(void **state)
{
    (void) state;
    tg_aws_keyring_close(k);
    return fclose(file);
}

/* The number of the key at that time; -1: there is none. */
static int
key_at(int64_t now_s)
{
    int                       number = -1;
    struct tg_aws_credentials c;

    if (tg_aws_keyring_get(k, &c, now_s, NULL) == TG_OK) {
        number = atoi(c.access_key_id + 1);
        tg_aws_credentials_wipe(&c);
    }
    return number;
}

static void
what_lasts_is_kept_and_fetched_before_it_expires(void **state)
{
    size_t i;
    static const struct {
        int64_t life_s, advisory_s;
    } rows[] = {
        { 15 * 60, 5 * 60 }, { 20 * 60, 5 * 60 }, { 20 * 60 + 1, 15 * 60 },
        { 3600, 15 * 60 }, { 90 * 60, 60 * 60 }, { 6 * 3600, 60 * 60 },
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t start = NOW;

        source_fake.expires_s = start + rows[i].life_s;
        assert_int_equal(key_at(start), 1);
        source_fake.number = 2;
        assert_int_equal(key_at(start + rows[i].life_s - rows[i].advisory_s
            - 1), 1);
        assert_int_equal(source_fake.asked, 1);
        source_fake.expires_s += 3600;
        assert_int_equal(key_at(start + rows[i].life_s
            - rows[i].advisory_s), 2);
        assert_int_equal(source_fake.asked, 2);
        (void) tear_down(state);
        (void) set_up(state);
    }
}

static void
old_ones_serve_on_while_the_source_is_away(void **state)
{
    (void) state;
    assert_int_equal(key_at(NOW), 1);
    source_fake.status = 0;
    assert_int_equal(key_at(NOW + 6 * 3600 - 3600), 1); /* tried in vain */
    assert_true(source_fake.asked >= 2);
    source_fake.asked = 0;
    assert_int_equal(key_at(NOW + 6 * 3600 - 3600 + 299), 1);
    assert_int_equal(source_fake.asked, 0); /* K3: not so soon again */
    assert_int_equal(key_at(NOW + 7 * 3600), 1); /* beyond their expiry */
    source_fake.status = 200;
    source_fake.number = 2;
    source_fake.expires_s = NOW + 20 * 3600;
    assert_int_equal(key_at(NOW + 7 * 3600 + 601), 2);
}

static void
a_refusal_is_told_and_tried_again_soon(void **state)
{
    (void) state;
    source_fake.status = 403;
    assert_int_equal(key_at(NOW), -1);
    assert_int_equal(source_fake.asked, 1);
    assert_int_equal(key_at(NOW), -1);
    assert_int_equal(source_fake.asked, 1); /* K3 */
    source_fake.status = 200;
    assert_int_equal(key_at(NOW + 5), 1);
}

static void
what_a_service_refused_is_fetched_anew(void **state)
{
    struct tg_aws_credentials c, other;

    (void) state;
    assert_int_equal(tg_aws_keyring_get(k, &c, NOW, NULL), TG_OK);
    other = c;
    strcpy(other.access_key_id, "K9");
    tg_aws_keyring_refused(k, &other); /* former ones: no matter */
    assert_int_equal(key_at(NOW), 1);
    source_fake.number = 2;
    tg_aws_keyring_refused(k, &c); /* K2 */
    tg_aws_credentials_wipe(&c);
    assert_int_equal(key_at(NOW), 2);
    assert_int_equal(source_fake.asked, 2);
}

static void
a_change_of_the_files_is_seen_at_once(void **state)
{
    FILE *f;

    (void) state;
    assert_int_equal(key_at(NOW), 1);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("[default]\naws_access_key_id = K7\naws_secret_access_key = s\n",
        f);
    fclose(f);
    assert_int_equal(key_at(NOW), 7); /* K1 */
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("[default]\naws_access_key_id = K8\naws_secret_access_key = ss\n",
        f);
    fclose(f);
    assert_int_equal(key_at(NOW), 8);
    assert_int_equal(source_fake.asked, 1);
}

static void *
fetch_late(void *data)
{
    *(int *) data = key_at(NOW + 6 * 3600 - 3600);
    return NULL;
}

static void
one_fetches_while_the_others_go_on(void **state)
{
    int       fetched = 0;
    pthread_t thread;

    (void) state;
    assert_int_equal(key_at(NOW), 1);
    source_fake.number = 2;
    source_fake.expires_s += 3600;
    is_holding = true;
    assert_int_equal(pthread_create(&thread, NULL, fetch_late, &fetched), 0);
    pthread_mutex_lock(&lock);
    while (held == 0) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
    assert_int_equal(key_at(NOW + 6 * 3600 - 3600), 1); /* does not wait */
    pthread_mutex_lock(&lock);
    is_holding = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(fetched, 2);
    assert_int_equal(key_at(NOW + 6 * 3600 - 3600), 2);
    assert_int_equal(source_fake.asked, 2);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_lasts_is_kept_and_fetched_before_it_expires),
        TEST(old_ones_serve_on_while_the_source_is_away),
        TEST(a_refusal_is_told_and_tried_again_soon),
        TEST(what_a_service_refused_is_fetched_anew),
        TEST(a_change_of_the_files_is_seen_at_once),
        TEST(one_fetches_while_the_others_go_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
