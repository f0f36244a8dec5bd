/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/signed.h"

#include <string.h>
#include <time.h>

#include "util/digest.h"
#include "util/sigv4.h"

#define SKEW_MIN_S 240      /* AWS tolerates 300 */
#define ROUND_TRIP_MAX_S 900

static int64_t
monotonic_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t) t.tv_sec;
}

/* The headers of a call, those that are signed first. */
struct headers {
    struct tg_header items[8];
    size_t           count;
};

static void
add(struct headers *h, const char *name, const char *value)
{
    h->items[h->count++] = (struct tg_header) { name, value };
}

static enum tg_status
sign(struct headers *h, struct tg_sigv4_signed *sig,
    const struct tg_aws_call *call, const char *path,
    const struct tg_aws_credentials *credentials, int64_t time_s,
    struct tg_error *err)
{
    uint8_t                     hash[TG_SHA256_SIZE];
    enum tg_status              status;
    struct tg_sigv4_options     options = { 0 };
    struct tg_sigv4_request     req = { .method = "POST", .target = path,
        .headers = h->items, .header_count = h->count, .body_sha256 = hash };
    struct tg_sigv4_credentials keys = { credentials->access_key_id,
        credentials->secret_access_key, credentials->session_token };

    tg_sha256(hash, call->body, call->body_len);
    status = tg_sigv4_sign(sig, &req, &keys, call->region, call->service,
        &options, time_s, err);
    if (status == TG_OK) {
        add(h, "X-Amz-Date", sig->amz_date);
        add(h, "Authorization", sig->authorization.data);
        if (keys.session_token != NULL) {
            add(h, "X-Amz-Security-Token", keys.session_token);
        }
    }
    return status;
}

enum tg_aws_delivery
tg_aws_call_send(const struct tg_aws_transport *t,
    const struct tg_aws_call *call,
    const struct tg_aws_credentials *credentials, int64_t now_s,
    struct tg_aws_reply *reply, int64_t *skew_s, struct tg_error *err)
{
    int64_t                took_s = monotonic_s();
    struct tg_buf          host, path;
    struct headers         h = { .count = 0 };
    struct tg_aws_request  request = { 0 };
    struct tg_sigv4_signed sig = { 0 };
    enum tg_aws_delivery   delivery = TG_AWS_NOT_SENT;

    tg_buf_init(&host, 1024);
    tg_buf_init(&path, 2048);
    if (tg_aws_url_split(&host, &path, call->endpoint, err) != TG_OK) {
        goto done;
    }
    add(&h, "Host", host.data);
    add(&h, "Content-Type", call->content_type);
    if (call->target != NULL) {
        add(&h, "X-Amz-Target", call->target);
    }
    if (credentials != NULL && sign(&h, &sig, call, path.data, credentials,
            now_s + *skew_s, err) != TG_OK)
    {
        goto done;
    }
    add(&h, "User-Agent", "tallygate");
    request.method = "POST";
    request.url = call->endpoint;
    request.headers = h.items;
    request.header_count = h.count;
    request.body = call->body;
    request.body_len = call->body_len;
    request.timeout_ms = call->timeout_ms;
    delivery = t->send(t->data, &request, reply, err);
    took_s = monotonic_s() - took_s;
    if (delivery == TG_AWS_ANSWERED && reply->date_s != 0 && !reply->has_age
        && took_s <= ROUND_TRIP_MAX_S)
    {
        *skew_s = reply->date_s - (now_s + took_s / 2);
    }

done:
    tg_buf_clear(&sig.authorization);
    tg_buf_clear(&host);
    tg_buf_clear(&path);
    return delivery;
}

bool
tg_aws_is_skewed(const char *error_type, int64_t off_s)
{
    size_t i;
    static const char *const types[] = { "InvalidSignatureException",
        "SignatureDoesNotMatch", "AuthFailure", "RequestTimeTooSkewed",
        "RequestExpired", "RequestInTheFuture", "AccessDeniedException" };

    if (off_s > -SKEW_MIN_S && off_s < SKEW_MIN_S) {
        return false;
    }
    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(error_type, types[i]) == 0) {
            return true;
        }
    }
    return false;
}
