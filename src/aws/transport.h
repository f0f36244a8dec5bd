/*
 * transport.h - one HTTP request to AWS and what came of it
 *
 * What the AWS clients send goes through a table of one function, so that a
 * test can lose a reply, double it or refuse to connect.  The real one is
 * libcurl (tg_aws_http_*).
 *
 * Promises
 *   X1  NOT_SENT means that no byte of the request left this machine.  When
 *       that is not certain the answer is LOST: for whoever reports usage the
 *       difference is whether a buyer may have been billed.
 *   X2  A reply is bounded: more than TG_AWS_REPLY_MAX bytes of body is LOST.
 *   X3  TLS is verified; redirects are not followed; no proxy is used, nor
 *       anything else that the environment might put in between.
 *   X4  A transport may be used by several threads at once.
 *   X5  A request goes out once.  Whoever asked decides whether it is sent
 *       again, since each call to AWS has its record in the audit trail.
 *   X6  A reply is one to this request.  A kept connection on which something
 *       has arrived unasked is not used again; a reply whose request id one
 *       of the last replies of the connection had is LOST, and the connection
 *       is closed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_AWS_TRANSPORT_H
#define TG_AWS_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/sigv4.h"

#define TG_AWS_REPLY_MAX ((size_t) 2 * 1024 * 1024)
#define TG_AWS_NAME_MAX 128

enum tg_aws_delivery {
    TG_AWS_ANSWERED, /* a whole reply is there, whatever its status */
    TG_AWS_NOT_SENT, /* X1 */
    TG_AWS_LOST,     /* it may have arrived, and may have been acted upon */
};

struct tg_aws_request {
    const char             *method;
    const char             *url;
    const struct tg_header *headers; /* without Host: the URL's */
    size_t                  header_count;
    const char             *body;
    size_t                  body_len;
    unsigned                timeout_ms; /* for all of it */
};

struct tg_aws_reply {
    int           status;
    int64_t       date_s;        /* of the Date header; 0: none */
    int64_t       retry_after_s; /* 0: none given */
    bool          has_age;       /* a cache answered: its Date is old */
    char          retry_after[TG_AWS_NAME_MAX]; /* as it came */
    char          error_type[TG_AWS_NAME_MAX]; /* x-amzn-ErrorType, raw */
    char          request_id[TG_AWS_NAME_MAX];
    struct tg_buf body;
};

struct tg_aws_transport {
    enum tg_aws_delivery (*send)(void *data,
        const struct tg_aws_request *request, struct tg_aws_reply *reply,
        struct tg_error *err);
    void *data;
};

void tg_aws_reply_init(struct tg_aws_reply *reply);
void tg_aws_reply_clear(struct tg_aws_reply *reply);

/*
 * ---- libcurl
 */

struct tg_aws_http; /* kept-alive connections */

/*
 * ca_bundle (PEM; NULL: the system's) says whom to trust.  The text is
 * borrowed.
 */
TG_MUST_CHECK enum tg_status tg_aws_http_open(struct tg_aws_http **out,
    const char *ca_bundle, struct tg_error *err);
void tg_aws_http_close(struct tg_aws_http *http);

/* Its table; valid until tg_aws_http_close. */
const struct tg_aws_transport *tg_aws_http_transport(
    const struct tg_aws_http *http);

/*
 * What is signed of a URL: "host" or "host:port" where the port is not the
 * scheme's own, and the path, "/" at least.  TG_INVALID: not http or https,
 * or it holds a query or a user's name.
 */
TG_MUST_CHECK enum tg_status tg_aws_url_split(struct tg_buf *host,
    struct tg_buf *path, const char *url, struct tg_error *err);

/*
 * Scheme and host of a URL, an IPv6 address in brackets.  TG_INVALID: it is
 * not http or https, or does not fit.
 */
TG_MUST_CHECK enum tg_status tg_aws_url_origin(char *scheme,
    size_t scheme_size, char *host, size_t host_size, const char *url);

#endif
