/*
 * endpoint.h - where a service of AWS is
 *
 * In AWS's order: what our own settings name; AWS_ENDPOINT_URL_<SERVICE>;
 * AWS_ENDPOINT_URL; the profile's section of services; the profile itself;
 * else AWS's own endpoint of the region.  Only the profile in use counts,
 * never the one that its role is assumed from.
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_AWS_ENDPOINT_H
#define TG_AWS_ENDPOINT_H

#include "aws/profiles.h"
#include "util/buf.h"
#include "util/error.h"

enum tg_aws_service {
    TG_AWS_METERING,
    TG_AWS_STS,
};

/* Where to look; texts may be NULL. */
struct tg_aws_endpoint_query {
    enum tg_aws_service           service;
    const char                   *named;  /* in our own settings */
    const char                   *region;
    const struct tg_aws_profiles *profiles;
    const char                   *profile; /* that is in use */
};

/*
 * Appends the URL, without a slash at its end.  signing_region, where not
 * NULL, becomes the region to sign for (the old global host of STS has its
 * own).  TG_INVALID: what is set makes no sense, and err says where.
 */
TG_MUST_CHECK enum tg_status tg_aws_endpoint_find(struct tg_buf *out,
    const char **signing_region, const struct tg_aws_endpoint_query *query,
    struct tg_error *err);

/* "aws", "aws-cn", "aws-us-gov": what an ARN of the region begins with. */
const char *tg_aws_partition(const char *region);

#endif
