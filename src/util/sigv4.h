/*
 * sigv4.h - AWS signature version 4: signs requests, and verifies them
 *
 * One core makes the canonical request for both directions.  Signing gives
 * an Authorization header; verifying takes that form and the query string
 * form (presigned URLs).  The rules are those of AWS's page
 *   https://docs.aws.amazon.com/IAM/latest/UserGuide/
 *   reference_sigv-create-signed-request.html
 *
 * Invariants
 *   V1  Everything is read from the request target and headers as they were
 *       on the wire; nothing is decoded before it is signed or compared.
 *   V2  A request is accepted only when host and every x-amz-* header are
 *       among the signed headers, so that no part that changes its meaning
 *       can be added or altered.
 *   V3  The signature is compared in constant time, and derived keys are
 *       wiped.  No message holds a secret or a signature.
 *   V4  Memory is bounded: a canonical request larger than
 *       TG_SIGV4_CANONICAL_MAX, or with more than TG_SIGV4_PARAMS_MAX query
 *       parameters or TG_SIGV4_HEADERS_MAX headers, is refused.
 *   V5  Time enters only as an argument.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_UTIL_SIGV4_H
#define TG_UTIL_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/error.h"

#define TG_SIGV4_CANONICAL_MAX ((size_t) 256 * 1024)
#define TG_SIGV4_PARAMS_MAX 256
#define TG_SIGV4_HEADERS_MAX 128
#define TG_SIGV4_SKEW_S 900 /* this far away is refused */
#define TG_SIGV4_NAME_MAX 128 /* access key id, region, service */

/* One header line; a name may come more than once, order is kept. */
struct tg_header {
    const char *name;
    const char *value;
};

/* A request as it is on the wire. */
struct tg_sigv4_request {
    const char             *method;
    const char             *target; /* raw path and query, not decoded */
    const struct tg_header *headers;
    size_t                  header_count;
    const uint8_t          *body_sha256; /* TG_SHA256_SIZE bytes */
};

struct tg_sigv4_options {
    bool raw_path;           /* S3: no normalising, no second encoding */
    bool omit_session_token; /* the token is sent, but not signed */
    bool unsigned_payload;   /* UNSIGNED-PAYLOAD may be used (S3, https) */
};

/*
 * ---- signing
 */

struct tg_sigv4_credentials {
    const char *access_key_id;
    const char *secret_access_key;
    const char *session_token; /* NULL: none */
};

struct tg_sigv4_signed {
    char          amz_date[TG_AMZ_DATE_SIZE]; /* send as X-Amz-Date */
    struct tg_buf authorization;              /* send as Authorization */
};

/*
 * Signs at now_s every header that req holds, and X-Amz-Date, and the session
 * token when there is one (send it as X-Amz-Security-Token), neither of which
 * is among req's headers.  req must hold Host.  Where it holds
 * X-Amz-Content-Sha256, that value stands for the body's hash.  TG_INVALID
 * when a part is missing or over a limit.  out->authorization is the caller's
 * to clear in either case.
 */
TG_MUST_CHECK enum tg_status tg_sigv4_sign(struct tg_sigv4_signed *out,
    const struct tg_sigv4_request *req,
    const struct tg_sigv4_credentials *credentials, const char *region,
    const char *service, const struct tg_sigv4_options *options,
    int64_t now_s, struct tg_error *err);

/*
 * ---- verifying
 */

/* name, AWS's error type (JSON and REST protocols; status 403) */
#define TG_SIGV4_RESULT_LIST(X)                                               \
    X(TG_SIGV4_ACCEPTED, NULL)                                                \
    X(TG_SIGV4_MISSING, "MissingAuthenticationTokenException")                \
    X(TG_SIGV4_INCOMPLETE, "IncompleteSignatureException")                    \
    X(TG_SIGV4_UNKNOWN_KEY, "UnrecognizedClientException")                    \
    X(TG_SIGV4_MISMATCH, "InvalidSignatureException")                         \
    X(TG_SIGV4_SCOPE, "InvalidSignatureException")                            \
    X(TG_SIGV4_EXPIRED, "InvalidSignatureException")                          \
    X(TG_SIGV4_NOT_YET, "InvalidSignatureException")                          \
    X(TG_SIGV4_BODY_MISMATCH, "InvalidSignatureException")

enum tg_sigv4_result {
#define X(name, type) name,
    TG_SIGV4_RESULT_LIST(X)
#undef X
};

/* AWS's error type for a refusal; NULL for TG_SIGV4_ACCEPTED. */
const char *tg_sigv4_error_type(enum tg_sigv4_result result);

#define TG_SIGV4_SECRET_MAX 128

/*
 * Looks a key up.  session_token is the request's, NULL where it has none.
 * Writes the secret, NUL-terminated, into secret (TG_SIGV4_SECRET_MAX bytes)
 * and returns true; false when the key or its token is unknown.  The caller
 * of the look-up wipes secret.
 */
typedef bool tg_sigv4_lookup(void *data, const char *access_key_id,
    const char *session_token, char *secret);

struct tg_sigv4_verifier {
    const char             *service; /* what the scope must name */
    tg_sigv4_lookup        *lookup;
    void                   *data;
    struct tg_sigv4_options options;
};

/* Who signed: filled as far as the request could be read. */
struct tg_sigv4_signer {
    char access_key_id[TG_SIGV4_NAME_MAX];
    char region[TG_SIGV4_NAME_MAX];
    char message[256]; /* for the caller of the API, in AWS's words */
};

/*
 * Verifies req as received at now_s.  Any region is accepted.  A hash in
 * X-Amz-Content-Sha256 must be that of the body.  Header form: X-Amz-Date
 * less than 15 minutes from now_s; query form: not later than X-Amz-Expires
 * after it.
 */
TG_MUST_CHECK enum tg_sigv4_result tg_sigv4_verify(
    struct tg_sigv4_signer *signer, const struct tg_sigv4_request *req,
    const struct tg_sigv4_verifier *verifier, int64_t now_s);

#endif
