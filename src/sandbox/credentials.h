/*
 * credentials.h - the seller's keys at the sandbox
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_SANDBOX_CREDENTIALS_H
#define TG_SANDBOX_CREDENTIALS_H

#include "util/error.h"
#include "util/sigv4.h"

struct tg_sandbox_keys {
    char access_key_id[TG_SIGV4_NAME_MAX];
    char secret_access_key[TG_SIGV4_SECRET_MAX];
};

/*
 * Reads profile [default] of the shared credentials file at path; makes the
 * file, 0600, with new keys and region when there is none.  TG_INVALID when
 * it lacks a key; no message holds one.
 */
TG_MUST_CHECK enum tg_status tg_sandbox_keys_load(struct tg_sandbox_keys *out,
    const char *path, const char *region, struct tg_error *err);

/* A tg_sigv4_lookup over struct tg_sandbox_keys. */
bool tg_sandbox_keys_find(void *data, const char *access_key_id,
    const char *session_token, char *secret);

#endif
