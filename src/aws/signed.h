/*
 * signed.h - one signed POST to a service of AWS
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_AWS_SIGNED_H
#define TG_AWS_SIGNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/credentials.h"
#include "aws/transport.h"
#include "util/error.h"

struct tg_aws_call {
    const char *endpoint;
    const char *region;
    const char *service;      /* as it is signed */
    const char *content_type;
    const char *target;       /* X-Amz-Target; NULL: none */
    const char *body;
    size_t      body_len;
    unsigned    timeout_ms;
};

/*
 * Signs with the credentials (NULL: does not sign) at now_s + *skew_s, and
 * sends, once.  *skew_s is what AWS's clock is ahead of ours by; it is judged
 * anew by the Date of the answer, and stays as it was where none tells.
 */
TG_MUST_CHECK enum tg_aws_delivery tg_aws_call_send(
    const struct tg_aws_transport *t, const struct tg_aws_call *call,
    const struct tg_aws_credentials *credentials, int64_t now_s,
    struct tg_aws_reply *reply, int64_t *skew_s, struct tg_error *err);

/*
 * Whether the refusal is one that a signing time this far off AWS's clock
 * explains (off_s: by how much the answer changed the skew), so that the call
 * is worth another try with the time corrected.
 */
bool tg_aws_is_skewed(const char *error_type, int64_t off_s);

#endif
