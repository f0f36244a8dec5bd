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

#include "aws/endpoint.h"
#include "aws/setup.h"

static char                 path[64];
static struct tg_aws_setup  setup;
static struct tg_aws_source source;
static struct tg_error      err;

static int
set_up(void **state)
{
    int fd;

    (void) state;
    clearenv();
    strcpy(path, "/tmp/tg-setup-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    setenv("AWS_CONFIG_FILE", path, 1);
    source = (struct tg_aws_source) { .region = "us-east-1" };
    return 0;
}

static int
tear_down(void **state)
{
    (void) state;
    return unlink(path);
}

static void
config(const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void
assert_endpoint(const char *url)
{
    if (tg_aws_setup_read(&setup, &source, NULL, &err) != TG_OK) {
        fail_msg("%s: %s", url, err.message);
    }
    assert_string_equal(setup.metering_endpoint, url);
}

static void
assert_refused(const char *message)
{
    assert_int_equal(tg_aws_setup_read(&setup, &source, NULL, &err),
        TG_INVALID);
    if (strstr(err.message, message) == NULL) {
        fail_msg("expected %s, found %s", message, err.message);
    }
}

static void
each_partition_has_its_own_names(void **state)
{
    size_t i;
    static const struct {
        const char *region, *plain, *dual, *partition;
    } rows[] = {
        { "eu-west-1", "https://metering.marketplace.eu-west-1"
            ".amazonaws.com", "https://metering-marketplace.eu-west-1"
            ".api.aws", "aws" },
        { "cn-northwest-1", "https://metering.marketplace.cn-northwest-1"
            ".amazonaws.com.cn", "https://metering-marketplace"
            ".cn-northwest-1.api.amazonwebservices.com.cn", "aws-cn" },
        { "us-gov-west-1", "https://metering.marketplace.us-gov-west-1"
            ".amazonaws.com", "https://metering-marketplace.us-gov-west-1"
            ".api.aws", "aws-us-gov" },
        { "eusc-de-east-1", "https://metering-marketplace.eusc-de-east-1"
            ".amazonaws.eu", "https://metering-marketplace.eusc-de-east-1"
            ".api.amazonwebservices.eu", "aws-eusc" },
    };

    (void) state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        source.region = rows[i].region;
        unsetenv("AWS_USE_DUALSTACK_ENDPOINT");
        assert_endpoint(rows[i].plain);
        setenv("AWS_USE_DUALSTACK_ENDPOINT", "true", 1);
        assert_endpoint(rows[i].dual);
        assert_string_equal(tg_aws_partition(rows[i].region),
            rows[i].partition);
    }
    source.region = "us-iso-east-1";
    assert_refused("no dual-stack");
}

/* Each line goes before those under it. */
static void
what_is_set_goes_by_aws_order(void **state)
{
    (void) state;
    config("[default]\nendpoint_url = http://profile/\nservices = s\n"
        "[services s]\nsts =\n  endpoint_url = http://sts\n");
    assert_endpoint("http://profile");
    config("[default]\nendpoint_url = http://profile\nservices = s\n"
        "[services s]\nmarketplace_metering =\n"
        "  endpoint_url = http://section/x\n");
    assert_endpoint("http://section/x");
    setenv("AWS_ENDPOINT_URL", "http://all", 1);
    assert_endpoint("http://all");
    setenv("AWS_ENDPOINT_URL_MARKETPLACE_METERING", "https://own:8443/p/", 1);
    assert_endpoint("https://own:8443/p");
    assert_int_equal(tg_aws_setup_read(&setup, &source, "http://named",
        &err), TG_OK);
    assert_string_equal(setup.metering_endpoint, "http://named");
    setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
    assert_endpoint("https://metering.marketplace.us-east-1.amazonaws.com");
    unsetenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    unsetenv("AWS_ENDPOINT_URL");
    unsetenv("AWS_ENDPOINT_URL_MARKETPLACE_METERING");
    config("[default]\nendpoint_url = http://profile\n"
        "ignore_configured_endpoint_urls = true\n");
    assert_endpoint("https://metering.marketplace.us-east-1.amazonaws.com");
}

static void
the_profile_in_use_counts(void **state)
{
    (void) state;
    config("[default]\nendpoint_url = http://default\n"
        "[profile p]\nendpoint_url = http://p\nca_bundle = /ca.pem\n");
    assert_endpoint("http://default");
    assert_string_equal(setup.ca_bundle, "");
    setenv("AWS_PROFILE", "p", 1);
    assert_endpoint("http://p");
    assert_string_equal(setup.ca_bundle, "/ca.pem");
    setenv("AWS_CA_BUNDLE", "/other.pem", 1);
    source.profile = "default";
    assert_endpoint("http://default");
    assert_string_equal(setup.ca_bundle, "/other.pem");
}

static void
what_makes_no_sense_is_refused_with_its_place(void **state)
{
    (void) state;
    config("[default]\nservices = gone\n");
    assert_refused(":2: services: there is no section [services gone]");
    config("[default]\nendpoint_url = ftp://x\n");
    assert_refused(":2: endpoint_url: expected an http or https URL");
    config("[default]\nendpoint_url = http://u:p@x\n");
    assert_refused(":2: endpoint_url: expected a URL without user");
    config("[default]\nendpoint_url = http://x\n"
        "use_fips_endpoint = true\n");
    assert_refused(":2: endpoint_url: a custom endpoint and FIPS");
    config("[default]\nuse_fips_endpoint = true\n");
    assert_refused("AWS documents no FIPS endpoint of the Marketplace");
    config("[default]\n");
    setenv("AWS_ENDPOINT_URL", "nonsense", 1);
    assert_refused("the environment: AWS_ENDPOINT_URL: expected");
    config("nonsense\n");
    assert_refused(":1: expected [section] or name = value");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_partition_has_its_own_names),
        TEST(what_is_set_goes_by_aws_order),
        TEST(the_profile_in_use_counts),
        TEST(what_makes_no_sense_is_refused_with_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
