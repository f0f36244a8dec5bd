/*
 * setup.h - what AWS's environment and files say besides credentials
 *
 * Read once, when the program starts: where the Marketplace is, and whose
 * certificates are trusted.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_AWS_SETUP_H
#define TG_AWS_SETUP_H

#include "aws/chain.h"
#include "util/error.h"

struct tg_aws_setup {
    char metering_endpoint[1200];
    char ca_bundle[4096]; /* a PEM file; "": the system's */
};

/*
 * named: the endpoint that our own settings name; NULL: none.  TG_INVALID:
 * something makes no sense, and err says where it stands.
 */
TG_MUST_CHECK enum tg_status tg_aws_setup_read(struct tg_aws_setup *out,
    const struct tg_aws_source *source, const char *named,
    struct tg_error *err);

#endif
