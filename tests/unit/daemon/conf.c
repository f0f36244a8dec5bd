/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "daemon/conf.h"

/* The configuration for the settings in text; the caller clears out. */
static void
write_conf(struct tg_buf *out, const char *text,
    const struct tg_worker_user *workers)
{
    static const char *const environment[] = { "LD_PRELOAD", "FAKETIME",
        NULL };
    struct tg_settings *s;
    struct tg_error     err;

    if (tg_settings_parse(&s, "/t/t.yaml", text, strlen(text), &err)
        != TG_OK)
    {
        fail_msg("%s", err.message);
    }
    tg_buf_init(out, 256 * 1024);
    assert_int_equal(tg_conf_write(out, &(struct tg_conf) {
        .settings = s,
        .workers = workers,
        .generation = 42,
        .trust_store = "/etc/ssl/certs/ca-certificates.crt",
        .environment = environment,
    }), TG_OK);
    tg_settings_free(s);
}

static void
assert_has(const struct tg_buf *conf, const char *line)
{
    if (strstr(conf->data, line) == NULL) {
        fail_msg("no %s in %s", line, conf->data);
    }
}

static void
assert_lacks(const struct tg_buf *conf, const char *line)
{
    if (strstr(conf->data, line) != NULL) {
        fail_msg("%s in %s", line, conf->data);
    }
}

static void
settings_reach_their_lines(void **state)
{
    static const struct tg_worker_user workers = {
        .user = "tallygate-gw", .group = "tallygate-gw",
    };
    struct tg_buf conf;

    (void) state;
    write_conf(&conf,
        "state_dir: /var/s\n"
        "gateway: {address: '::', port: 9000, workers: 3,"
        " worker_connections: 777, reload_grace_s: 7,"
        " answer_max_bytes: 99}\n"
        "backends: {idle_connections: 7, max_fails: 1, fail_timeout_s: 9,"
        " connect_timeout_ms: 250, read_timeout_s: 33}\n"
        "headers: {strict: true}\n"
        "nginx: {module: /m.so, journal: j}\n"
        "log: {level: warn}\n", &workers);
    assert_has(&conf, "load_module \"/m.so\";\n");
    assert_has(&conf, "\nuser \"tallygate-gw\" \"tallygate-gw\";\n");
    assert_has(&conf, "\nworker_processes 3;\n");
    assert_has(&conf, "worker_connections 777;");
    assert_has(&conf, "pid \"/var/s/run/nginx.pid\";\n");
    assert_has(&conf, "error_log \"/var/s/logs/nginx.log\" warn;\n");
    assert_has(&conf, "\nenv LD_PRELOAD;\nenv FAKETIME;\n");
    assert_has(&conf, "tallygate_state_dir \"/var/s\";");
    assert_has(&conf, "tallygate_conf_generation 42;");
    assert_has(&conf, "tallygate_leave_timeout 7s;");
    assert_has(&conf, "tallygate_answer_max 99;");
    assert_has(&conf, "tallygate_strict_headers on;");
    assert_has(&conf, "tallygate_strip_api_key off;");
    assert_has(&conf, "tallygate_journal \"/t/j\";");
    assert_has(&conf, "listen [::]:9000 backlog=4096 ipv6only=on;");
    assert_has(&conf, "listen 0.0.0.0:8081 backlog=4096;");
    assert_has(&conf, "tallygate_upstream connections=7 max_fails=1"
        " fail_timeout=9;");
    assert_has(&conf, "client_max_body_size 10485760;");
    assert_has(&conf, "proxy_connect_timeout 250ms;");
    assert_has(&conf, "proxy_read_timeout 33s;");
    assert_has(&conf, "listen 127.0.0.1:8082 backlog=4096;");
    assert_has(&conf, "location @away {");
    assert_has(&conf, "client_max_body_size 10m;\n"
        "        client_body_buffer_size 10m;\n"
        "        proxy_max_temp_file_size 0;\n"); /* no keys on the disk */
    assert_int_equal(tg_conf_generation(conf.data), 42);
    tg_buf_clear(&conf);
}

static void
what_is_not_set_leaves_no_line(void **state)
{
    static const struct tg_worker_user workers = { .user = "" };
    struct tg_buf                      conf;

    (void) state;
    write_conf(&conf, "", &workers);
    assert_lacks(&conf, "\nuser ");
    assert_lacks(&conf, "\n    ssl_");
    assert_lacks(&conf, " ssl");
    assert_lacks(&conf, "tallygate_journal");
    assert_has(&conf, "\nworker_processes auto;\n");
    tg_buf_clear(&conf);
    assert_int_equal(tg_conf_generation("nothing"), 0);
}

/* A path must not be able to end its quotes, nor become a variable. */
static void
odd_paths_stay_paths(void **state)
{
    static const struct tg_worker_user workers = { .user = "" };
    struct tg_buf                      conf;

    (void) state;
    write_conf(&conf, "state_dir: '/a \"b\\c;{}$d:e@state_dir@'\n",
        &workers);
    assert_has(&conf, "pid \"/a \\\"b\\\\c;{}$d:e@state_dir@/run/"
        "nginx.pid\";\n");
    assert_has(&conf, "server \"unix:/a \\\"b\\\\c;{}$d:e@state_dir@/run/"
        "admin.sock\";");
    assert_lacks(&conf, "proxy_pass http://unix:");
    tg_buf_clear(&conf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_reach_their_lines),
        cmocka_unit_test(what_is_not_set_leaves_no_line),
        cmocka_unit_test(odd_paths_stay_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
