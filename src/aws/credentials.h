/*
 * credentials.h - the keys with which we sign
 *
 * Keys come from a shared credentials file, or from the environment, in the
 * order of AWS's SDKs as far as static keys go: a file or profile named in
 * the settings is taken and nothing else; otherwise AWS_ACCESS_KEY_ID, then
 * the shared credentials file and the config file with AWS_PROFILE.
 *
 * Promises
 *   D1  A source that applies but is broken is an error, never skipped: keys
 *       of another account would bill nobody, and say nothing.
 *   D2  Secrets lie in struct tg_aws_credentials alone and are wiped with it;
 *       no message holds one.
 *   D3  Nothing is cached: a key replaced in the file is used by the next
 *       call.
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_AWS_CREDENTIALS_H
#define TG_AWS_CREDENTIALS_H

#include "util/error.h"

#define TG_AWS_KEY_ID_MAX 129
#define TG_AWS_SECRET_MAX 129
#define TG_AWS_TOKEN_MAX 4097

struct tg_aws_credentials {
    char access_key_id[TG_AWS_KEY_ID_MAX];
    char secret_access_key[TG_AWS_SECRET_MAX];
    char session_token[TG_AWS_TOKEN_MAX]; /* "": none */
};

/* Where they come from; both may be NULL (see above). */
struct tg_aws_credentials_source {
    const char *file;
    const char *profile;
};

/* TG_NOTFOUND: no source applies; TG_INVALID: one is broken (D1). */
TG_MUST_CHECK enum tg_status tg_aws_credentials_load(
    struct tg_aws_credentials *out,
    const struct tg_aws_credentials_source *source, struct tg_error *err);

void tg_aws_credentials_wipe(struct tg_aws_credentials *credentials);

#endif
