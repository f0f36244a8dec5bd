/*
 * metadata.h - credentials from the endpoint of a container or an instance
 *
 * Plain GETs to addresses of this machine's own surroundings.  Redirects are
 * not followed and no proxy is used; a container's endpoint is asked only
 * where the credentials cannot travel over a network in the clear.
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_AWS_METADATA_H
#define TG_AWS_METADATA_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/credentials.h"
#include "aws/profiles.h"
#include "aws/transport.h"
#include "util/error.h"

/* Whether the environment names a container's endpoint. */
bool tg_aws_container_applies(void);

/*
 * AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, with the token of
 * AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE (read anew each time) or _TOKEN.
 * TG_IO: it does not answer; TG_DENIED: it refuses; TG_INVALID.
 */
TG_MUST_CHECK enum tg_status tg_aws_container_credentials(
    struct tg_aws_credentials *out, const struct tg_aws_transport *t,
    int64_t now_s, struct tg_error *err);

/*
 * An EC2 instance's role, by IMDSv2 alone.  TG_NOTFOUND: nobody answers, it
 * is switched off, or the instance has no role; err says which.
 */
TG_MUST_CHECK enum tg_status tg_aws_instance_credentials(
    struct tg_aws_credentials *out, const struct tg_aws_transport *t,
    const struct tg_aws_profiles *profiles, const char *profile,
    int64_t now_s, struct tg_error *err);

#endif
