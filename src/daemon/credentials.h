/*
 * credentials.h - the key pair that signs calls of the admin API
 *
 * `admin-credentials` in the state directory is a shared credentials file
 * with one profile, made at the first start.  Replacing it and starting the
 * daemon again changes the keys.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_DAEMON_CREDENTIALS_H
#define TG_DAEMON_CREDENTIALS_H

#include "aws/credentials.h"
#include "settings/settings.h"
#include "util/error.h"
#include "util/sigv4.h"

/* Reads the file, or makes it where there is none.  Wipe after use. */
TG_MUST_CHECK enum tg_status
tg_admin_credentials_open(struct tg_aws_credentials *out,
    const struct tg_settings *settings, struct tg_error *err);

/* A tg_sigv4_lookup; data is the struct tg_aws_credentials. */
bool tg_admin_credentials_lookup(void *data, const char *access_key_id,
    const char *session_token, char *secret);

#endif
