/*
 * keyring.h - credentials that are there when a request needs them
 *
 * Keeps what chain.h found as long as it is good, and fetches it anew before
 * it expires, by AWS's rules for outages: within the advisory window (5, 15
 * or 60 minutes, by how long the credentials live) one caller fetches while
 * the others go on with the old ones; within the last minute all wait.  If
 * fetching fails for a reason that may pass, the old ones serve on, even
 * beyond their expiry, since it is the service's to refuse them.
 *
 * Promises
 *   K1  Keys of a file or the environment are read anew for each request, and
 *       a change of the shared files is seen by the next request.
 *   K2  A service that says "expired" is believed: what it refused is not
 *       used again without having been fetched anew.
 *   K3  A failure that will not pass by itself is told to every caller; it is
 *       tried again after 1 to 5 seconds, others after 5 to 10 minutes.
 *   K4  The secrets are wiped when they are replaced and at the end.
 *
 * May be used by several threads at once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_AWS_KEYRING_H
#define TG_AWS_KEYRING_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/chain.h"
#include "aws/credentials.h"
#include "util/error.h"

struct tg_aws_keyring;

/* The source's texts and transport are borrowed. */
TG_MUST_CHECK enum tg_status tg_aws_keyring_open(struct tg_aws_keyring **out,
    const struct tg_aws_source *source, struct tg_error *err);
void tg_aws_keyring_close(struct tg_aws_keyring *k);

/* A copy, which the caller wipes.  Fails as tg_aws_chain_find does. */
TG_MUST_CHECK enum tg_status tg_aws_keyring_get(struct tg_aws_keyring *k,
    struct tg_aws_credentials *out, int64_t now_s, struct tg_error *err);

/* A service refused these as expired or unknown: K2. */
void tg_aws_keyring_refused(struct tg_aws_keyring *k,
    const struct tg_aws_credentials *refused);

/*
 * Seconds that AWS's clock is ahead of ours, by the last answer: for signing
 * alone, never for the hour of a record.
 */
int64_t tg_aws_keyring_skew(struct tg_aws_keyring *k);
void tg_aws_keyring_set_skew(struct tg_aws_keyring *k, int64_t skew_s);

/* When the present credentials expire; 0: never, or none are kept. */
int64_t tg_aws_keyring_expiry(struct tg_aws_keyring *k);

#endif
