/*
 * credentials.h - the keys with which we sign
 *
 * Promises
 *   D1  Secrets lie in struct tg_aws_credentials alone and are wiped with it;
 *       no message holds one.
 *   D2  Half a pair of keys is an error that says which half is missing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_AWS_CREDENTIALS_H
#define TG_AWS_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define TG_AWS_KEY_ID_MAX 129
#define TG_AWS_SECRET_MAX 129
#define TG_AWS_TOKEN_MAX 65537 /* AWS documents no length */
#define TG_AWS_ARN_MAX 256

struct tg_aws_credentials {
    char    access_key_id[TG_AWS_KEY_ID_MAX];
    char    secret_access_key[TG_AWS_SECRET_MAX];
    char   *session_token; /* owned; NULL: none */
    int64_t expires_s;     /* 0: never */
    char    arn[TG_AWS_ARN_MAX]; /* of an assumed role; "": not known */
    bool    is_reread;     /* from a file or the environment: read anew */
    bool    is_short;      /* of a program: never used past its expiry */
};

void tg_aws_credentials_init(struct tg_aws_credentials *c);
void tg_aws_credentials_wipe(struct tg_aws_credentials *c);

TG_MUST_CHECK enum tg_status tg_aws_credentials_copy(
    struct tg_aws_credentials *out, const struct tg_aws_credentials *from,
    struct tg_error *err);

/*
 * Sets the part by the name that it has in a shared file; len bytes of value
 * (which are not empty).  TG_LIMIT: too long; TG_NOMEM.
 */
TG_MUST_CHECK enum tg_status tg_aws_credentials_set(
    struct tg_aws_credentials *c, const char *name, const char *value,
    size_t len, struct tg_error *err);

/*
 * TG_OK: there is a pair.  TG_NOTFOUND: neither half; TG_INVALID: one (D2).
 * where says whose they are.
 */
TG_MUST_CHECK enum tg_status tg_aws_credentials_check(
    const struct tg_aws_credentials *c, const char *where,
    struct tg_error *err);

/*
 * Reads the JSON document of a program, a container's or an instance's
 * endpoint; token is what it calls the session token.  TG_INVALID: err, which
 * begins with where, says what is wrong with it.  TG_DENIED: it is a
 * document about an error.
 */
TG_MUST_CHECK enum tg_status tg_aws_credentials_parse(
    struct tg_aws_credentials *out, const char *text, size_t len,
    const char *token, const char *where, struct tg_error *err);

/* "2026-11-23T03:00:00Z", also with a fraction or an offset. */
TG_MUST_CHECK enum tg_status tg_aws_time_parse(int64_t *out,
    const char *text);

#endif
