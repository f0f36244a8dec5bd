/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/endpoint.h"

#include <string.h>
#include <strings.h>

#include "aws/environment.h"

/*
 * ---- partitions
 */

static const struct partition {
    const char *prefix; /* of its regions */
    const char *name;
    const char *suffix;
    const char *dual_stack; /* NULL: none */
} partitions[] = {
    { "cn-", "aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn" },
    { "us-gov-", "aws-us-gov", "amazonaws.com", "api.aws" },
    { "eusc-", "aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu" },
    { "us-isob-", "aws-iso-b", "sc2s.sgov.gov", NULL },
    { "us-isof-", "aws-iso-f", "csp.hci.ic.gov", NULL },
    { "us-iso-", "aws-iso", "c2s.ic.gov", NULL },
    { "eu-isoe-", "aws-iso-e", "cloud.adc-e.uk", NULL },
    { "", "aws", "amazonaws.com", "api.aws" },
};

static const struct partition *
partition_of(const char *region)
{
    const struct partition *p = partitions;

    while (strncmp(region, p->prefix, strlen(p->prefix)) != 0) {
        p++; /* the last one fits every region */
    }
    return p;
}

const char *
tg_aws_partition(const char *region)
{
    return partition_of(region)->name;
}

/*
 * ---- what is set
 */

static const struct {
    const char *variable;
    const char *key; /* in a section of services */
    const char *title;
} services[] = {
    [TG_AWS_METERING] = { "AWS_ENDPOINT_URL_MARKETPLACE_METERING",
        "marketplace_metering", "AWS Marketplace's metering" },
    [TG_AWS_STS] = { "AWS_ENDPOINT_URL_STS", "sts", "AWS STS" },
};

/* A found URL and where it stands. */
struct found {
    const char *url;
    const char *file; /* NULL: the environment */
    int         line;
    const char *name;
};

static bool
get(const struct tg_aws_endpoint_query *q, struct tg_aws_setting *s,
    const char *name)
{
    return q->profiles != NULL && q->profile != NULL
        && tg_aws_profile_get(q->profiles, s, q->profile, name);
}

static bool
is_set(const struct tg_aws_endpoint_query *q, const char *variable,
    const char *name)
{
    struct tg_aws_setting s;

    if (tg_aws_env(variable) != NULL) {
        return tg_aws_env_is_true(variable);
    }
    return get(q, &s, name) && tg_aws_is_true(s.value);
}

static enum tg_status
look_in_profile(struct found *f, const struct tg_aws_endpoint_query *q,
    struct tg_error *err)
{
    bool                  exists, is_there;
    struct tg_aws_setting s, section;

    if (get(q, &section, "services")) {
        is_there = tg_aws_services_get(q->profiles, &s, &exists,
            section.value, services[q->service].key, "endpoint_url");
        if (!exists) {
            return tg_error_set(err, TG_INVALID, "%s:%d: services: there is"
                " no section [services %s]", section.file, section.line,
                section.value);
        }
        if (is_there) {
            *f = (struct found) { s.value, s.file, s.line, "endpoint_url" };
            return TG_OK;
        }
    }
    if (get(q, &s, "endpoint_url")) {
        *f = (struct found) { s.value, s.file, s.line, "endpoint_url" };
    }
    return TG_OK;
}

static enum tg_status
look(struct found *f, const struct tg_aws_endpoint_query *q,
    struct tg_error *err)
{
    const char *names[2] = { services[q->service].variable,
        "AWS_ENDPOINT_URL" };

    *f = (struct found) { NULL, NULL, 0, NULL };
    if (is_set(q, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
            "ignore_configured_endpoint_urls"))
    {
        return TG_OK;
    }
    for (int i = 0; i < 2; i++) {
        if (tg_aws_env(names[i]) != NULL) {
            *f = (struct found) { tg_aws_env(names[i]), NULL, 0, names[i] };
            return TG_OK;
        }
    }
    return look_in_profile(f, q, err);
}

/* file:line: or "the environment: ", and what is wrong. */
static enum tg_status
refuse(const struct found *f, const char *what, struct tg_error *err)
{
    return f->file != NULL
        ? tg_error_set(err, TG_INVALID, "%s:%d: %s: %s", f->file, f->line,
              f->name, what)
        : tg_error_set(err, TG_INVALID, "the environment: %s: %s", f->name,
              what);
}

static enum tg_status
take(struct tg_buf *out, const struct found *f, struct tg_error *err)
{
    size_t len = strlen(f->url);

    if (strncasecmp(f->url, "https://", 8) != 0
        && strncasecmp(f->url, "http://", 7) != 0)
    {
        return refuse(f, "expected an http or https URL", err);
    }
    if (strpbrk(f->url, "?#@ \t") != NULL) {
        return refuse(f, "expected a URL without user, query and blanks",
            err);
    }
    while (f->url[len - 1] == '/') {
        len--;
    }
    return tg_buf_add(out, f->url, len) == TG_OK ? TG_OK
        : tg_error_set(err, out->status, "out of memory");
}

/*
 * ---- AWS's own
 */

static void
metering(struct tg_buf *out, const char *region, const struct partition *p,
    bool dual_stack)
{
    if (dual_stack) {
        tg_buf_printf(out, "https://metering-marketplace.%s.%s", region,
            p->dual_stack);
    } else if (strcmp(p->name, "aws-eusc") == 0) {
        tg_buf_printf(out, "https://metering-marketplace.%s.%s", region,
            p->suffix);
    } else {
        tg_buf_printf(out, "https://metering.marketplace.%s.%s", region,
            p->suffix);
    }
}

static void
sts(struct tg_buf *out, const char *region, const struct partition *p,
    bool fips, bool dual_stack)
{
    bool is_plain = !fips || strcmp(p->name, "aws-us-gov") == 0;

    tg_buf_printf(out, "https://%s.%s.%s", is_plain ? "sts" : "sts-fips",
        region, dual_stack ? p->dual_stack : p->suffix);
}

static bool
is_legacy_sts(const struct tg_aws_endpoint_query *q)
{
    struct tg_aws_setting s;
    const char           *value = tg_aws_env("AWS_STS_REGIONAL_ENDPOINTS");

    if (value == NULL && get(q, &s, "sts_regional_endpoints")) {
        value = s.value;
    }
    return value != NULL && strcasecmp(value, "legacy") == 0;
}

static enum tg_status
compute(struct tg_buf *out, const char **signing_region,
    const struct tg_aws_endpoint_query *q, bool fips, bool dual_stack,
    struct tg_error *err)
{
    const struct partition *p = partition_of(q->region);

    if (dual_stack && p->dual_stack == NULL) {
        return tg_error_set(err, TG_INVALID, "region %s has no dual-stack"
            " endpoints: take AWS_USE_DUALSTACK_ENDPOINT away", q->region);
    }
    if (q->service == TG_AWS_METERING && fips) {
        return tg_error_set(err, TG_INVALID, "AWS documents no FIPS endpoint"
            " of the Marketplace: take AWS_USE_FIPS_ENDPOINT away, or name"
            " the endpoint with marketplace.metering_endpoint");
    }
    if (q->service == TG_AWS_METERING) {
        metering(out, q->region, p, dual_stack);
    } else if (is_legacy_sts(q) && !fips && !dual_stack
        && strcmp(p->name, "aws") == 0)
    {
        tg_buf_puts(out, "https://sts.amazonaws.com");
        if (signing_region != NULL) {
            *signing_region = "us-east-1";
        }
    } else {
        sts(out, q->region, p, fips, dual_stack);
    }
    return out->status == TG_OK ? TG_OK
        : tg_error_set(err, out->status, "out of memory");
}

enum tg_status
tg_aws_endpoint_find(struct tg_buf *out, const char **signing_region,
    const struct tg_aws_endpoint_query *q, struct tg_error *err)
{
    bool           fips, dual_stack;
    enum tg_status status;
    struct found   f = { NULL, NULL, 0, NULL };

    if (signing_region != NULL) {
        *signing_region = q->region;
    }
    if (q->named != NULL) {
        return tg_buf_puts(out, q->named) == TG_OK ? TG_OK
            : tg_error_set(err, out->status, "out of memory");
    }
    fips = is_set(q, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint");
    dual_stack = is_set(q, "AWS_USE_DUALSTACK_ENDPOINT",
        "use_dualstack_endpoint");
    status = look(&f, q, err);
    if (status != TG_OK) {
        return status;
    }
    if (f.url == NULL) {
        return compute(out, signing_region, q, fips, dual_stack, err);
    }
    if (fips || dual_stack) {
        return refuse(&f, "a custom endpoint and FIPS or dual-stack endpoints"
            " exclude each other", err);
    }
    return take(out, &f, err);
}
