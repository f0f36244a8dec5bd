/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "daemon/conf.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/log.h"

#define DAY (24 * 3600)

/* A folder, settings that name files in it, and what came of them. */
struct place {
    char                    dir[64];
    struct tg_settings     *settings;
    struct tg_certificates *c;
    struct tg_error         err;
    int64_t                 now_s;
};

static void
path_of(char out[256], const struct place *p, const char *name)
{
    (void) snprintf(out, 256, "%s/%s", p->dir, name);
}

static void
write_text(const struct place *p, const char *name, const char *text)
{
    char path[256];

    path_of(path, p, name);
    assert_int_equal(tg_file_replace(path, text, strlen(text), 0600, NULL),
        TG_OK);
}

static void
sign(X509 *x, EVP_PKEY *key, const char *names, int64_t now_s, long days)
{
    X509_EXTENSION *names_ext;
    static long     serial = 1;

    (void) X509_set_version(x, 2);
    (void) ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    (void) ASN1_TIME_set(X509_getm_notBefore(x), now_s - 2L * DAY);
    (void) ASN1_TIME_set(X509_getm_notAfter(x), now_s + days * DAY);
    (void) X509_set_pubkey(x, key);
    if (*names != '\0') {
        names_ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
            names);
        assert_non_null(names_ext);
        (void) X509_add_ext(x, names_ext, -1);
        X509_EXTENSION_free(names_ext);
    }
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
}

/* NAME.crt and NAME.key; names as openssl has them: "DNS:a.test". */
static void
issue(const struct place *p, const char *name, const char *names, long days)
{
    char      path[256], file[80];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509     *x = X509_new();
    FILE     *f;

    sign(x, key, names, p->now_s, days);
    (void) snprintf(file, sizeof(file), "%s.crt", name);
    path_of(path, p, file);
    f = fopen(path, "w");
    (void) PEM_write_X509(f, x);
    (void) fclose(f);
    (void) snprintf(file, sizeof(file), "%s.key", name);
    path_of(path, p, file);
    f = fopen(path, "w");
    (void) PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    (void) fclose(f);
    X509_free(x);
    EVP_PKEY_free(key);
}

static int
set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    char          text[512], path[256];

    tg_log_set_level(TG_LOG_ERROR);
    (void) strcpy(p->dir, "/tmp/tallygate-certificates-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    p->now_s = tg_clock_now_s();
    path_of(path, p, "more");
    assert_int_equal(mkdir(path, 0700), 0);
    (void) snprintf(text, sizeof(text), "state_dir: %s/s\n"
        "gateway: {tls_certificate: g.crt, tls_key: g.key,"
        " tls_folder: more}\n"
        "portal: {tls_certificate: p.crt, tls_key: p.key}\n", p->dir);
    path_of(path, p, "t.yaml");
    assert_int_equal(tg_settings_parse(&p->settings, path, text,
        strlen(text), &p->err), TG_OK);
    issue(p, "g", "DNS:g.test", 30);
    issue(p, "p", "", 60);
    *state = p;
    return 0;
}

static int
tear_down(void **state)
{
    struct place *p = *state;
    char          command[128];

    tg_certificates_close(p->c);
    tg_settings_free(p->settings);
    (void) snprintf(command, sizeof(command), "rm -rf %s", p->dir);
    (void) !system(command);
    free(p);
    return 0;
}

static void
open_all(struct place *p)
{
    if (tg_certificates_open(&p->c, p->settings, p->now_s, &p->err)
        != TG_OK)
    {
        fail_msg("%s", p->err.message);
    }
}

static void
assert_refused(struct place *p, const char *file, const char *why)
{
    char wanted[400];

    assert_int_not_equal(tg_certificates_open(&p->c, p->settings, p->now_s,
        &p->err), TG_OK);
    assert_null(p->c);
    (void) snprintf(wanted, sizeof(wanted), "%s/%s: %s", p->dir, file, why);
    assert_non_null(strstr(p->err.message, why));
    assert_non_null(strstr(p->err.message, file));
}

static void
good_ones_are_taken(void **state)
{
    struct place *p = *state;
    size_t        count;

    issue(p, "more/b", "DNS:b.test,DNS:*.b.test,IP:127.0.0.1", 10);
    issue(p, "more/a", "DNS:a.test", 20);
    open_all(p);
    assert_string_equal(tg_certificates_gateway(p->c)->names, "g.test");
    assert_string_equal(tg_certificates_portal(p->c)->names, "");
    assert_string_equal(tg_certificates_more(p->c, &count)[0].names,
        "a.test");
    assert_string_equal(tg_certificates_more(p->c, &count)[1].names,
        "b.test *.b.test");
    assert_int_equal(count, 2);
    assert_int_equal(tg_certificates_first_expiry(p->c),
        p->now_s + 10 * DAY);
}

static void
nothing_named_is_nothing(void **state)
{
    struct place       *p = *state;
    struct tg_settings *s;
    size_t              count;

    assert_int_equal(tg_settings_parse(&s, "/t/t.yaml", "", 0, &p->err),
        TG_OK);
    assert_int_equal(tg_certificates_open(&p->c, s, p->now_s, &p->err),
        TG_OK);
    assert_null(p->c);
    assert_null(tg_certificates_gateway(p->c));
    assert_null(tg_certificates_more(p->c, &count));
    assert_int_equal(count, 0);
    assert_false(tg_certificates_refresh(p->c, p->now_s, true));
    tg_settings_free(s);
}

static void
bad_ones_are_refused_by_name(void **state)
{
    struct place *p = *state;
    char          path[256];

    write_text(p, "g.crt", "nothing like it\n");
    assert_refused(p, "g.crt", "holds no certificate (PEM)");
    write_text(p, "g.crt", "");
    assert_refused(p, "g.crt", "holds no certificate (PEM)");
    issue(p, "g", "DNS:g.test", 30);
    write_text(p, "g.key", "no key\n");
    assert_refused(p, "g.key", "holds no private key");
    issue(p, "x", "DNS:g.test", 30);
    path_of(path, p, "g.key");
    (void) unlink(path);
    assert_refused(p, "g.key", "cannot open");
    issue(p, "g", "DNS:g.test", 30);
    issue(p, "y", "DNS:y.test", 30);
    {
        struct tg_buf text;

        tg_buf_init(&text, 65536);
        path_of(path, p, "y.key");
        assert_int_equal(tg_file_read(&text, path, NULL), TG_OK);
        write_text(p, "g.key", text.data);
        tg_buf_clear(&text);
    }
    assert_refused(p, "g.key", "is not the key of the certificate in");
}

static void
a_chain_that_breaks_off_is_refused(void **state)
{
    struct place *p = *state;
    struct tg_buf text;
    char          path[256];

    tg_buf_init(&text, 65536);
    path_of(path, p, "g.crt");
    assert_int_equal(tg_file_read(&text, path, NULL), TG_OK);
    (void) tg_buf_puts(&text,
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    write_text(p, "g.crt", text.data);
    tg_buf_clear(&text);
    assert_refused(p, "g.crt", "a certificate of its chain cannot be read");
}

static void
a_renewed_one_is_another_copy(void **state)
{
    struct place *p = *state;
    char          before[300], after[300];

    open_all(p);
    assert_false(tg_certificates_refresh(p->c, p->now_s, false));
    assert_false(tg_certificates_refresh(p->c, p->now_s, true));
    (void) strcpy(before, tg_certificates_gateway(p->c)->copy);
    issue(p, "g", "DNS:g.test", 90);
    assert_true(tg_certificates_refresh(p->c, p->now_s, false));
    (void) strcpy(after, tg_certificates_gateway(p->c)->copy);
    assert_string_not_equal(before, after);
    tg_certificates_undo(p->c);
    assert_string_equal(tg_certificates_gateway(p->c)->copy, before);
    assert_true(tg_certificates_refresh(p->c, p->now_s, true));
    tg_certificates_keep(p->c);
    assert_string_equal(tg_certificates_gateway(p->c)->copy, after);
}

/* The certificate is replaced, its key a moment later. */
static void
half_a_change_changes_nothing(void **state)
{
    struct place *p = *state;
    char          before[300], from[256], to[256];

    open_all(p);
    (void) strcpy(before, tg_certificates_gateway(p->c)->copy);
    issue(p, "new", "DNS:g.test", 90);
    path_of(from, p, "new.crt");
    path_of(to, p, "g.crt");
    assert_int_equal(rename(from, to), 0);
    assert_false(tg_certificates_refresh(p->c, p->now_s, false));
    assert_string_equal(tg_certificates_gateway(p->c)->copy, before);
    path_of(from, p, "new.key");
    path_of(to, p, "g.key");
    assert_int_equal(rename(from, to), 0);
    assert_true(tg_certificates_refresh(p->c, p->now_s, false));
    assert_string_not_equal(tg_certificates_gateway(p->c)->copy, before);
}

static void
a_daemon_that_starts_finds_the_one_before(void **state)
{
    struct place *p = *state;
    char          before[300];

    open_all(p);
    (void) strcpy(before, tg_certificates_gateway(p->c)->copy);
    tg_certificates_close(p->c);
    write_text(p, "g.key", "half of a k");
    open_all(p);
    assert_string_equal(tg_certificates_gateway(p->c)->copy, before);
    assert_string_equal(tg_certificates_gateway(p->c)->names, "g.test");
}

static void
an_expired_one_replaces_none_but_is_better_than_none(void **state)
{
    struct place *p = *state;
    char          before[300];

    open_all(p);
    (void) strcpy(before, tg_certificates_gateway(p->c)->copy);
    issue(p, "g", "DNS:g.test", -1);
    assert_false(tg_certificates_refresh(p->c, p->now_s, false));
    assert_string_equal(tg_certificates_gateway(p->c)->copy, before);
    tg_certificates_close(p->c);
    issue(p, "p", "", -1); /* its good copy is there, as g's is */
    open_all(p);
    assert_string_equal(tg_certificates_gateway(p->c)->copy, before);
    tg_certificates_close(p->c);
    {
        char command[128];

        (void) snprintf(command, sizeof(command), "rm -rf %s/s", p->dir);
        assert_int_equal(system(command), 0);
    }
    open_all(p);
    assert_int_equal(tg_certificates_first_expiry(p->c), p->now_s - DAY);
}

static void
the_folder_comes_and_goes(void **state)
{
    struct place *p = *state;
    char          path[256];
    size_t        count;

    open_all(p);
    issue(p, "more/a", "DNS:a.test", 20);
    issue(p, "more/nameless", "", 20);
    assert_true(tg_certificates_refresh(p->c, p->now_s, false));
    (void) tg_certificates_more(p->c, &count);
    assert_int_equal(count, 1);
    path_of(path, p, "more/a.key");
    (void) unlink(path); /* bad: the one before stays */
    assert_false(tg_certificates_refresh(p->c, p->now_s, false));
    path_of(path, p, "more/a.crt");
    (void) unlink(path); /* gone: it goes */
    assert_true(tg_certificates_refresh(p->c, p->now_s, false));
    (void) tg_certificates_more(p->c, &count);
    assert_int_equal(count, 0);
}

static void
a_folder_that_cannot_be_opened_changes_nothing(void **state)
{
    struct place *p = *state;
    char          from[256], to[256];
    size_t        count;

    issue(p, "more/a", "DNS:a.test", 20);
    open_all(p);
    path_of(from, p, "more");
    path_of(to, p, "elsewhere");
    assert_int_equal(rename(from, to), 0);
    assert_false(tg_certificates_refresh(p->c, p->now_s, true));
    (void) tg_certificates_more(p->c, &count);
    assert_int_equal(count, 1);
    tg_certificates_close(p->c);
    p->c = NULL;
    assert_refused(p, "more", "gateway.tls_folder: cannot open");
}

static void
copies_that_nobody_uses_are_removed(void **state)
{
    struct place *p = *state;
    char          command[320];

    open_all(p);
    for (int i = 1; i < 4; i++) {
        issue(p, "g", "DNS:g.test", 30 + i);
        assert_true(tg_certificates_refresh(p->c, p->now_s, true));
        tg_certificates_keep(p->c);
    }
    (void) snprintf(command, sizeof(command),
        "test $(ls %s/s/private/tls | wc -l) = 2 &&"
        " test $(stat -c %%a %s/s/private/tls/* | sort -u) = 600", p->dir,
        p->dir);
    assert_int_equal(system(command), 0);
}

static void
nginx_gets_a_server_for_each(void **state)
{
    static const struct tg_worker_user workers = { .user = "" };
    static const char *const           environment[] = { NULL };
    struct place *p = *state;
    struct tg_buf conf;
    const char   *lines[] = {
        "listen 0.0.0.0:8080 backlog=4096 ssl http2 default_server;\n"
        "        server_name _;\n        ssl_certificate \"../private/tls/",
        "listen 0.0.0.0:8080 ssl http2;\n"
        "        server_name b.test *.b.test;\n",
        "listen 0.0.0.0:8081 backlog=4096 ssl http2;\n",
        "ssl_protocols TLSv1.2 TLSv1.3;\n",
        "listen 127.0.0.1:8082 backlog=4096;\n",
    };

    issue(p, "more/b", "DNS:b.test,DNS:*.b.test", 10);
    open_all(p);
    tg_buf_init(&conf, 256 * 1024);
    assert_int_equal(tg_conf_write(&conf, &(struct tg_conf) {
        .settings = p->settings, .workers = &workers, .trust_store = "/t",
        .environment = environment, .certificates = p->c }), TG_OK);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (strstr(conf.data, lines[i]) == NULL) {
            fail_msg("no %s in %s", lines[i], conf.data);
        }
    }
    tg_buf_clear(&conf);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(good_ones_are_taken),
        TEST(nothing_named_is_nothing),
        TEST(bad_ones_are_refused_by_name),
        TEST(a_chain_that_breaks_off_is_refused),
        TEST(a_renewed_one_is_another_copy),
        TEST(half_a_change_changes_nothing),
        TEST(a_daemon_that_starts_finds_the_one_before),
        TEST(an_expired_one_replaces_none_but_is_better_than_none),
        TEST(the_folder_comes_and_goes),
        TEST(a_folder_that_cannot_be_opened_changes_nothing),
        TEST(copies_that_nobody_uses_are_removed),
        TEST(nginx_gets_a_server_for_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
