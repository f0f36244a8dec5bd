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

#include "settings/settings.h"
#include "settings/table.h"
#include "util/file.h"
#include "util/log.h"

static enum tg_status
parse(struct tg_settings **out, const char *text, struct tg_error *err)
{
    return tg_settings_parse(out, "t.yaml", text, strlen(text), err);
}

static void
an_empty_file_gives_the_defaults(void **state)
{
    static const char *const files[] = { "", "# nothing\n", "---\n", "{}",
        "gateway:\nportal: {}\nproducts:\n" };
    struct tg_settings *s;

    (void) state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        assert_int_equal(parse(&s, files[i], NULL), TG_OK);
        assert_string_equal(s->state_dir, "/var/lib/tallygate");
        assert_string_equal(s->store.path,
            "/var/lib/tallygate/private/tallygate.db");
        assert_string_equal(s->account_id, "123456789012");
        assert_int_equal(s->gateway.port, 8080);
        assert_int_equal(s->gateway.workers, 0);
        assert_string_equal(s->portal.url, "http://localhost:8081");
        assert_string_equal(s->gateway.url, "http://localhost:8080");
        assert_null(s->portal.support_contact);
        assert_null(s->marketplace.metering_endpoint); /* aws/setup.h */
        assert_true(s->billing.heartbeat);
        assert_int_equal(s->log.level, TG_LOG_INFO);
        assert_int_equal(s->product_count, 0);
        tg_settings_free(s);
    }
}

static void
what_the_file_says_is_taken(void **state)
{
    static const char text[] =
        "state_dir: ./state/\n"
        "account_id: 000000000042\n"
        "gateway: {address: '::', port: 9000, workers: 3}\n"
        "portal:\n"
        "  url: \"https://sell.example/shop/\"\n"
        "quota: {week_start: sunday, offset_mode: days}\n"
        "headers: {strict: true}\n"
        "marketplace: {region: cn-northwest-1}\n"
        "log: {level: debug}\n"
        "products:\n"
        "- code: 8tq2w1examplecode9zk4m\n"
        "- code: weather-2\n"
        "  name: Weather\n"
        "  model: contract-with-consumption\n"
        "  dimensions: [units, bytes]\n";
    struct tg_settings      *s;
    const struct tg_product *p;

    (void) state;
    assert_int_equal(tg_settings_parse(&s, "/etc/tallygate/t.yaml", text,
        strlen(text), NULL), TG_OK);
    assert_string_equal(s->state_dir, "/etc/tallygate/state");
    assert_string_equal(s->master_key_file,
        "/etc/tallygate/state/private/master.key");
    assert_string_equal(s->account_id, "000000000042");
    assert_string_equal(s->gateway.address, "::");
    assert_int_equal(s->gateway.workers, 3);
    assert_string_equal(s->portal.url, "https://sell.example/shop");
    assert_string_equal(s->gateway.url, "http://sell.example:9000");
    assert_int_equal(s->quota.week_start, TG_WEEK_START_SUNDAY);
    assert_int_equal(s->quota.offset_mode, TG_OFFSET_MODE_DAYS);
    assert_true(s->headers.strict);
    assert_false(s->headers.strip_api_key);
    assert_string_equal(s->marketplace.region, "cn-northwest-1");
    assert_int_equal(s->log.level, TG_LOG_DEBUG);
    assert_int_equal(s->product_count, 2);
    p = tg_settings_product(s, "8tq2w1examplecode9zk4m");
    assert_non_null(p);
    assert_string_equal(p->name, p->code);
    assert_int_equal(p->model, TG_PRODUCT_MODEL_SUBSCRIPTION);
    assert_int_equal(p->dimension_count, 1);
    assert_string_equal(p->dimensions[0], "apigateway");
    p = tg_settings_product(s, "weather-2");
    assert_int_equal(p->model, TG_PRODUCT_MODEL_CONTRACT_WITH_CONSUMPTION);
    assert_int_equal(p->dimension_count, 2);
    assert_string_equal(tg_settings_dimension(s, "weather-2"), "units");
    assert_string_equal(tg_settings_dimension(s, "weather-3"), "apigateway");
    assert_string_equal(tg_settings_dimension(s, NULL), "apigateway");
    assert_null(tg_settings_product(s, "weather-3"));
    tg_settings_free(s);
}

static const struct {
    const char *text;
    const char *message;
} bad_files[] = {
    { "gateway:\n  port: abc\n",
        "t.yaml:2: gateway.port: expected a whole number from 1 to 65535,"
        " found \"abc\"" },
    { "gateway:\n  port: \"8080\"\n",
        "t.yaml:2: gateway.port: expected a whole number from 1 to 65535,"
        " found the text \"8080\"" },
    { "gateway:\n  port: 0\n",
        "t.yaml:2: gateway.port: expected a whole number from 1 to 65535,"
        " found \"0\"" },
    { "gateway:\n  port: 65536\n",
        "t.yaml:2: gateway.port: expected a whole number from 1 to 65535,"
        " found \"65536\"" },
    { "gateway:\n  port: 18446744073709559696\n",
        "t.yaml:2: gateway.port: expected a whole number from 1 to 65535,"
        " found \"18446744073709559696\"" },
    { "gateway:\n  port: 010\n",
        "t.yaml:2: gateway.port: expected a whole number from 1 to 65535,"
        " found \"010\"" },
    { "gateway:\n  port:\n",
        "t.yaml:2: gateway.port: expected a whole number from 1 to 65535,"
        " found nothing" },
    { "gateway:\n  port: [1]\n",
        "t.yaml:2: gateway.port: expected a whole number from 1 to 65535,"
        " found a list" },
    { "gateway:\n  port: {a: 1}\n",
        "t.yaml:2: gateway.port: expected a whole number from 1 to 65535,"
        " found settings of its own" },
    { "gateway:\n  workers: many\n",
        "t.yaml:2: gateway.workers: expected auto or a whole number from 1"
        " to 128, found \"many\"" },
    { "gateway: 8080\n",
        "t.yaml:1: gateway: expected a section with settings of its own,"
        " found a value" },
    { "gatewy:\n  port: 1\n",
        "t.yaml:1: gatewy: there is no such setting; did you mean gateway?" },
    { "gateway:\n  prot: 1\n",
        "t.yaml:2: gateway.prot: there is no such setting; did you mean"
        " gateway.port?" },
    { "colour: red\n", "t.yaml:1: colour: there is no such setting" },
    { "gateway:\n  port: 1\n  port: 2\n",
        "t.yaml:3: gateway.port: is given twice, first in line 2" },
    { "gateway:\n  port: 1\n\ngateway:\n  address: ::\n",
        "t.yaml:4: gateway: is given twice, first in line 1" },
    { "products: []\nproducts: []\n",
        "t.yaml:2: products: is given twice, first in line 1" },
    { "headers:\n  strict: yes\n",
        "t.yaml:2: headers.strict: expected true or false, found \"yes\"" },
    { "log:\n  level: loud\n",
        "t.yaml:2: log.level: expected one of error warn notice info debug,"
        " found \"loud\"" },
    { "account_id: 12345\n",
        "t.yaml:1: account_id: expected 12 digits, found \"12345\"" },
    { "gateway:\n  address: localhost\n",
        "t.yaml:2: gateway.address: expected an IPv4 or IPv6 address, found"
        " \"localhost\"" },
    { "portal:\n  url: ftp://x\n",
        "t.yaml:2: portal.url: expected a URL such as https://host:port/path,"
        " 1 to 1024 bytes long, found \"ftp://x\"" },
    { "portal:\n  url: https://u:p@x/\n",
        "t.yaml:2: portal.url: expected a URL such as https://host:port/path,"
        " 1 to 1024 bytes long, found \"https://u:p@x/\"" },
    { "portal:\n  url: https://x:70000\n",
        "t.yaml:2: portal.url: expected a URL such as https://host:port/path,"
        " 1 to 1024 bytes long, found \"https://x:70000\"" },
    { "portal:\n  support_contact: \"a\\nb\"\n",
        "t.yaml:2: portal.support_contact: expected a text, 1 to 200 bytes"
        " long, found the text \"a?b\"" },
    { "portal:\n  support_contact: \"a\\0b\"\n",
        "t.yaml:2: portal.support_contact: expected a text, 1 to 200 bytes"
        " long, found the text \"a?b\"" },
    { "state_dir: /0123456789012345678901234567890123456789012345678901234567"
      "89012345678901234567890123456789\n",
        "t.yaml:1: state_dir: expected a path of at most 85 bytes (absolute),"
        " found \"/012345678901234567890123456789012345678\"..." },
    { "portal:\n  tls_certificate: c.pem\n",
        "t.yaml:2: portal.tls_certificate: portal.tls_key must be given"
        " too" },
    { "group: www\n", "t.yaml:1: group: user must be given too" },
    { "gateway:\n  port: 9\nadmin:\n  port: 9\n",
        "t.yaml:4: admin.port: 9 is gateway.port already" },
    { "products:\n- name: x\n", "t.yaml:2: products[0]: has no code" },
    { "products:\n- code: a b\n",
        "t.yaml:2: products[0].code: expected a code of letters, digits and"
        " any of -/=:_.@, 1 to 255 bytes long, found \"a b\"" },
    { "products:\n- code: a\n- code: a\n",
        "t.yaml:3: products[1]: products[0] has the code \"a\" already" },
    { "products:\n- code: a\n  code: b\n",
        "t.yaml:3: products[0].code: is given twice, first in line 2" },
    { "products:\n- code: a\n  modle: x\n",
        "t.yaml:3: products[0].modle: there is no such setting; did you mean"
        " model?" },
    { "products:\n- code: a\n  dimensions: x\n",
        "t.yaml:3: products[0].dimensions: expected a list of dimensions,"
        " found a value" },
    { "products:\n- code: a\n  dimensions: []\n",
        "t.yaml:3: products[0].dimensions: expected at least one dimension" },
    { "products:\n- code: a\n  dimensions: [x, y, x]\n",
        "t.yaml:3: products[0].dimensions: \"x\" stands twice" },
    { "products: {code: a}\n",
        "t.yaml:1: products: expected a list of products, found settings of"
        " its own" },
    { "products: [a]\n",
        "t.yaml:1: products[0]: expected a product's settings, found a"
        " value" },
    { "- a\n", "t.yaml:1: expected settings (name: value), found a list" },
    { "? [a]\n: b\n",
        "t.yaml:1: expected the name of a setting, found a list" },
    { "a: &x 1\nb: *x\n", "t.yaml:1: a: there is no such setting" },
    { "region: &x eu-west-1\naccount_id: *x\n",
        "t.yaml:2: an alias (*x) is not allowed in a settings file" },
    { "region: !!str eu-west-1\n",
        "t.yaml:1: a tag (tag:yaml.org,2002:str) is not allowed in a"
        " settings file" },
    { "region: a\n---\nregion: b\n",
        "t.yaml:2: a second document (---) is not allowed in a settings"
        " file" },
    { "gateway:\n\tport: 1\n",
        "t.yaml:2: not YAML: found character that cannot start any token" },
    { "gateway: {port: 1\n", "t.yaml:2: not YAML: did not find expected ','"
        " or '}'" },
    { "region: \xff\n", "t.yaml:1: not YAML: invalid leading UTF-8 octet" },
};

static void
what_is_wrong_is_named_with_its_line(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(bad_files) / sizeof(bad_files[0]); i++) {
        struct tg_settings *s = (void *) 1;
        struct tg_error     err = { 0 };

        assert_int_equal(parse(&s, bad_files[i].text, &err), TG_INVALID);
        assert_null(s);
        assert_string_equal(err.message, bad_files[i].message);
    }
}

/* A file of nothing but brackets or members must end soon, with an error. */
static void
a_bomb_is_refused(void **state)
{
    static const char *const pieces[] = { "[", "{", "- ", "a: ", "? ", "[a,",
        "{a: ", "products: [" };
    const size_t size = 1000 * 1000;
    char        *text = malloc(size + 16);

    (void) state;
    assert_non_null(text);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct tg_settings *s;
        size_t              len = 0;

        while (len < size) {
            len += (size_t) sprintf(text + len, "%s", pieces[i]);
        }
        assert_int_equal(tg_settings_parse(&s, "t.yaml", text, len, NULL),
            TG_INVALID);
    }
    free(text);
}

static void
the_environment_goes_before_the_file(void **state)
{
    struct tg_settings *s;
    struct tg_error     err;

    (void) state;
    assert_int_equal(setenv("TALLYGATE_PORTAL_PORT", "7001", 1), 0);
    assert_int_equal(parse(&s, "portal: {port: 5}", NULL), TG_OK);
    assert_int_equal(s->portal.port, 7001);
    assert_string_equal(s->portal.url, "http://localhost:7001");
    tg_settings_free(s);

    assert_int_equal(setenv("TALLYGATE_PORTAL_PORT", "70000", 1), 0);
    assert_int_equal(parse(&s, "", &err), TG_INVALID);
    assert_string_equal(err.message, "environment: TALLYGATE_PORTAL_PORT:"
        " expected a whole number from 1 to 65535, found \"70000\"");

    /* The setting that clashes is named, though no line of the file is. */
    assert_int_equal(setenv("TALLYGATE_PORTAL_PORT", "8080", 1), 0);
    assert_int_equal(parse(&s, "", &err), TG_INVALID);
    assert_string_equal(err.message,
        "t.yaml: portal.port: 8080 is gateway.port already");
    assert_int_equal(unsetenv("TALLYGATE_PORTAL_PORT"), 0);
}

static void
a_file_that_is_not_there_is_named(void **state)
{
    struct tg_settings *s;
    struct tg_error     err;

    (void) state;
    assert_int_equal(tg_settings_load(&s, "/nowhere/t.yaml", &err),
        TG_NOTFOUND);
    assert_string_equal(err.message,
        "cannot open /nowhere/t.yaml: No such file or directory");
    assert_int_equal(tg_settings_load(&s, "/", &err), TG_IO);
    assert_null(s);
}

static void
a_setting_can_be_asked_for(void **state)
{
    struct tg_settings *s;
    struct tg_buf       out;

    (void) state;
    assert_int_equal(parse(&s, "headers: {strict: true}", NULL), TG_OK);
    tg_buf_init(&out, 4096);
    assert_int_equal(tg_settings_get(&out, s, "gateway.workers"), TG_OK);
    assert_int_equal(tg_settings_get(&out, s, "headers.strict"), TG_OK);
    assert_int_equal(tg_settings_get(&out, s, "quota.week_start"), TG_OK);
    assert_int_equal(tg_settings_get(&out, s, "example.port"), TG_OK);
    assert_int_equal(tg_settings_get(&out, s, "region"), TG_OK);
    assert_int_equal(tg_settings_get(&out, s, "user"), TG_OK);
    assert_string_equal(out.data, "autotruemonday8091us-east-1");
    assert_int_equal(tg_settings_get(&out, s, "gateway"), TG_NOTFOUND);
    tg_buf_clear(&out);
    tg_settings_free(s);
}

static void
the_reference_is_not_stale(void **state)
{
    struct tg_buf made, kept;

    (void) state;
    tg_buf_init(&made, 1024 * 1024);
    tg_buf_init(&kept, 1024 * 1024);
    assert_int_equal(tg_settings_reference(&made), TG_OK);
    assert_int_equal(tg_file_read(&kept, SETTINGS_REFERENCE, NULL), TG_OK);
    assert_string_equal(made.data, kept.data);
    tg_buf_clear(&made);
    tg_buf_clear(&kept);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_gives_the_defaults),
        cmocka_unit_test(what_the_file_says_is_taken),
        cmocka_unit_test(what_is_wrong_is_named_with_its_line),
        cmocka_unit_test(a_bomb_is_refused),
        cmocka_unit_test(the_environment_goes_before_the_file),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
        cmocka_unit_test(a_setting_can_be_asked_for),
        cmocka_unit_test(the_reference_is_not_stale),
    };

    /* What the caller's shell has set must not change the answers. */
#define X(variable, setting) (void) unsetenv(variable);
    TG_ENVIRONMENT_TABLE(X)
#undef X
    return cmocka_run_group_tests(tests, NULL, NULL);
}
