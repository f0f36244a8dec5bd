/*
 * chain.h - which source of credentials applies, and what it gives
 *
 * In AWS's order, each source with the words of AWS's SDKs:
 *
 *   what our settings name      a file, a profile: that and nothing else
 *   the environment             AWS_ACCESS_KEY_ID and its like
 *   the profile                 role_arn with source_profile or
 *                               credential_source; web_identity_token_file;
 *                               keys of the credentials file;
 *                               credential_process; keys of the config file
 *   web identity                AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN
 *   a container's endpoint      ECS, EKS Pod Identity
 *   an instance's endpoint      EC2, IMDSv2
 *
 * Where the settings name a role, it is assumed with what was found so.
 *
 * Promises
 *   C1  The first source that applies is taken.  One that applies but is
 *       broken is an error, never skipped: keys of another account would bill
 *       nobody, and say nothing.  Only the instance's endpoint may be absent.
 *   C2  An error names the source: the file and line, the variable, the
 *       endpoint, the role.
 *   C3  Files and tokens are read anew each time.
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_AWS_CHAIN_H
#define TG_AWS_CHAIN_H

#include <stdint.h>

#include "aws/credentials.h"
#include "aws/transport.h"
#include "util/error.h"

/* AWS's name for it; the role that Amazon API Gateway itself assumes. */
#define TG_AWS_METERING_ROLE "ApiGatewayMarketplaceMeteringRole"

/* What the settings say; all is borrowed, texts may be NULL. */
struct tg_aws_source {
    const char *file;        /* a shared file: that one alone */
    const char *profile;
    const char *role;        /* an ARN, or the number of an account: then
                                TG_AWS_METERING_ROLE there */
    const char *external_id; /* for that role */
    const char *region;      /* of STS */
    const struct tg_aws_transport *transport;
};

/*
 * TG_NOTFOUND: no source applies; TG_INVALID: one is broken; TG_DENIED: it
 * refuses us; TG_IO, TG_BUSY: it does not answer now; TG_NOMEM.  *skew_s is
 * what AWS's clock is ahead of now_s, in and out.
 */
TG_MUST_CHECK enum tg_status tg_aws_chain_find(struct tg_aws_credentials *out,
    const struct tg_aws_source *source, int64_t now_s, int64_t *skew_s,
    struct tg_error *err);

/* The name of the profile in use. */
const char *tg_aws_chain_profile(const struct tg_aws_source *source);

/*
 * The keys of one profile of one file: what script and daemon write
 * themselves, without roles and endpoints.
 */
TG_MUST_CHECK enum tg_status tg_aws_chain_read_file(
    struct tg_aws_credentials *out, const char *file, const char *profile,
    struct tg_error *err);

#endif
