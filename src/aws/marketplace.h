/*
 * marketplace.h - AWS Marketplace: metering
 *
 * ResolveCustomer and BatchMeterUsage (2016-01-14) over JSON 1.1.  One call
 * is one signed request, but for credentials that the service calls expired
 * or unknown and a clock that is wrong, for which it is tried once more with
 * others.  Whether and when to try again is the caller's.
 *
 * Promises
 *   A1  The outcome says what is known and no more: NOT_SENT and REFUSED (by
 *       status below 500) mean that nothing was recorded; an answer that
 *       cannot be read, and any 5xx, is UNKNOWN or carries its status.
 *   A2  ExpiredTokenException is told apart by status: 400 is the buyer's
 *       registration token, 403 our own session credentials.
 *   A3  Neither a registration token nor a secret is in a result's texts.
 *
 * https://docs.aws.amazon.com/marketplace/latest/APIReference/
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_AWS_MARKETPLACE_H
#define TG_AWS_MARKETPLACE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/keyring.h"
#include "aws/transport.h"
#include "util/error.h"

#define TG_MARKETPLACE_BATCH_MAX 25
#define TG_MARKETPLACE_REQUEST_MAX ((size_t) 1000000)

/* Where and as whom; all is borrowed. */
struct tg_marketplace {
    const struct tg_aws_transport   *transport;
    const char                      *metering_endpoint;
    const char                      *region;
    struct tg_aws_keyring           *keyring;
    unsigned                         timeout_ms; /* of a request; 0: 30 s */
};

enum tg_marketplace_outcome {
    TG_MARKETPLACE_ANSWERED, /* 200 with a body that could be read */
    TG_MARKETPLACE_REFUSED,  /* any other status; type and message are set */
    TG_MARKETPLACE_TOO_LARGE, /* not sent: 1 MB or more */
    TG_MARKETPLACE_NOT_SENT, /* surely: could not connect, no credentials */
    TG_MARKETPLACE_UNKNOWN,  /* lost, or a 200 that cannot be read */
};

struct tg_marketplace_result {
    enum tg_marketplace_outcome outcome;
    int     status;          /* of HTTP; 0: no reply */
    int64_t date_s;          /* of the reply; 0: none */
    int64_t retry_after_s;   /* 0: none */
    int64_t time_s;          /* now_s of the call */
    char    type[TG_AWS_NAME_MAX]; /* exception, bare: ThrottlingException */
    char    message[TG_ERROR_MAX];
    char    request_id[TG_AWS_NAME_MAX];
    char    access_key_id[TG_AWS_KEY_ID_MAX]; /* who signed; "": nobody */
    char    role_arn[TG_AWS_ARN_MAX]; /* and in what role; "": none known */
    json_t *request;         /* as sent; NULL for ResolveCustomer (A3) */
    json_t *reply;           /* of ANSWERED */
};

void tg_marketplace_result_clear(struct tg_marketplace_result *result);

/* A usage record; members that are NULL are not sent. */
struct tg_marketplace_usage {
    int64_t     timestamp;
    const char *dimension;
    int64_t     quantity;
    const char *customer_aws_account_id;
    const char *license_arn;
    const char *customer_identifier;
};

/*
 * At most TG_MARKETPLACE_BATCH_MAX records; product_code NULL where the
 * records name licences.
 */
void tg_marketplace_batch_meter_usage(const struct tg_marketplace *m,
    struct tg_marketplace_result *out, const char *product_code,
    const struct tg_marketplace_usage *records, size_t count, int64_t now_s);

void tg_marketplace_resolve_customer(const struct tg_marketplace *m,
    struct tg_marketplace_result *out, const char *registration_token,
    int64_t now_s);

/*
 * What the metering endpoint says the time is: the Date of any reply to an
 * unsigned request.  TG_NOTFOUND: no answer, or none with a Date.
 */
TG_MUST_CHECK enum tg_status tg_marketplace_date(
    const struct tg_marketplace *m, int64_t *date_s, struct tg_error *err);

/*
 * The bare name of an error: cut from the first ':' on, then what follows
 * the last '#' (JSON 1.1).  out has TG_AWS_NAME_MAX bytes.
 */
void tg_aws_error_type(char *out, const char *raw);

#endif
