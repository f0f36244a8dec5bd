/*
 * sts.h - AWS STS: roles become credentials
 *
 * AssumeRole and AssumeRoleWithWebIdentity (2011-06-15), over the query
 * protocol, with XML answers.  What is worth another try (throttling, 5xx, a
 * connection that failed) is tried three times.
 *
 * https://docs.aws.amazon.com/STS/latest/APIReference/
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_AWS_STS_H
#define TG_AWS_STS_H

#include <stdint.h>

#include "aws/credentials.h"
#include "aws/transport.h"
#include "util/error.h"

/* Where STS is, and whose clock is right. */
struct tg_aws_sts {
    const struct tg_aws_transport *transport;
    const char                    *endpoint;
    const char                    *region; /* to sign for */
    int64_t                        now_s;
    int64_t                       *skew_s; /* in and out */
};

struct tg_aws_role {
    const char *arn;
    const char *session_name;
    const char *external_id;         /* NULL: none */
    int64_t     duration_s;          /* 0: STS's own, an hour */
    const char *web_identity_token;  /* of the second operation alone */
};

/*
 * The role's credentials, asked for with those of source.  TG_IO, TG_BUSY: it
 * may work later; TG_DENIED: STS says no, and why; TG_INVALID: what is asked
 * for, or what came back, makes no sense; TG_NOMEM.
 */
TG_MUST_CHECK enum tg_status tg_aws_sts_assume(
    struct tg_aws_credentials *out, const struct tg_aws_sts *sts,
    const struct tg_aws_role *role, const struct tg_aws_credentials *source,
    struct tg_error *err);

/*
 * The same for web_identity_token, unsigned.  TG_STALE: the token is not good
 * any more; a newer one may stand in its file.
 */
TG_MUST_CHECK enum tg_status tg_aws_sts_assume_web_identity(
    struct tg_aws_credentials *out, const struct tg_aws_sts *sts,
    const struct tg_aws_role *role, struct tg_error *err);

/*
 * Reads an answer; exposed for tests.  is_error: of ErrorResponse; then the
 * credentials are not touched, and code and message are filled.
 */
struct tg_aws_sts_error {
    char code[128];
    char message[256];
};
TG_MUST_CHECK enum tg_status tg_aws_sts_parse(struct tg_aws_credentials *out,
    struct tg_aws_sts_error *error, const char *text, size_t len,
    struct tg_error *err);

#endif
