/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ledger.h"

#include <string.h>

#include "core/hours.h"

#define BACKOFF_BASE_S 2.0
#define BACKOFF_MAX_S 300.0
#define TRIES_LEFT 4 /* at least so many fit before the deadline */

/*
 * ---- states
 */

static const struct {
    const char *name;
    bool        is_final;
} states[] = {
#define X(name, text, is_final) { text, is_final },
    TG_LEDGER_STATE_LIST(X)
#undef X
};

#define STATE_COUNT (sizeof(states) / sizeof(states[0]))

static const char *const modes[] = {
    [TG_IDENTITY_LICENSE] = "license",
    [TG_IDENTITY_ACCOUNT] = "account",
    [TG_IDENTITY_CUSTOMER] = "customer",
};

#define MODE_COUNT (sizeof(modes) / sizeof(modes[0]))

const char *
tg_ledger_state_name(enum tg_ledger_state state)
{
    return states[state].name;
}

enum tg_status
tg_ledger_state_parse(enum tg_ledger_state *state, const char *name)
{
    size_t i;

    for (i = 0; i < STATE_COUNT; i++) {
        if (strcmp(states[i].name, name) == 0) {
            *state = (enum tg_ledger_state) i;
            return TG_OK;
        }
    }
    return TG_INVALID;
}

bool
tg_ledger_is_final(enum tg_ledger_state state)
{
    return states[state].is_final;
}

bool
tg_ledger_may_move(enum tg_ledger_state from, enum tg_ledger_state to)
{
    switch (from) {
    case TG_LEDGER_SEALED:
        return to == TG_LEDGER_SENT || to == TG_LEDGER_EXPIRED
            || to == TG_LEDGER_CARRIED;
    case TG_LEDGER_SENT:
        return to == TG_LEDGER_SEALED || to == TG_LEDGER_SETTLED
            || to == TG_LEDGER_REFUSED || to == TG_LEDGER_EXPIRED;
    default:
        return false; /* L2 */
    }
}

const char *
tg_identity_mode_name(enum tg_identity_mode mode)
{
    return modes[mode];
}

enum tg_status
tg_identity_mode_parse(enum tg_identity_mode *mode, const char *name)
{
    size_t i;

    for (i = 0; i < MODE_COUNT; i++) {
        if (strcmp(modes[i], name) == 0) {
            *mode = (enum tg_identity_mode) i;
            return TG_OK;
        }
    }
    return TG_INVALID;
}

static bool
is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

enum tg_status
tg_identity_mode_choose(enum tg_identity_mode *mode, const char *license_arn,
    const char *customer_aws_account_id, const char *customer_identifier)
{
    if (is_given(license_arn) && is_given(customer_aws_account_id)) {
        *mode = TG_IDENTITY_LICENSE;
    } else if (is_given(customer_aws_account_id)) {
        *mode = TG_IDENTITY_ACCOUNT;
    } else if (is_given(customer_identifier)) {
        *mode = TG_IDENTITY_CUSTOMER;
    } else {
        return TG_NOTFOUND;
    }
    return TG_OK;
}

/*
 * ---- sealing
 */

enum tg_status
tg_ledger_timestamp(int64_t *timestamp, int64_t hour, int64_t activated_s)
{
    if (activated_s >= hour + TG_HOUR_S) {
        return TG_STALE;
    }
    *timestamp = activated_s > hour ? activated_s : hour;
    return TG_OK;
}

int64_t
tg_ledger_deadline(int64_t timestamp, int64_t ended_s)
{
    int64_t deadline = tg_hour_deadline(timestamp);

    if (ended_s > 0 && ended_s + TG_LEDGER_LEAVE_S < deadline) {
        deadline = ended_s + TG_LEDGER_LEAVE_S;
    }
    return deadline;
}

int64_t
tg_ledger_quantity(int64_t total)
{
    return total < TG_LEDGER_QUANTITY_MAX ? total : TG_LEDGER_QUANTITY_MAX;
}

int64_t
tg_ledger_next_hour(int64_t hour, int64_t now_s)
{
    int64_t now_hour = tg_hour_of(now_s);

    return now_hour > hour ? now_hour : hour + TG_HOUR_S;
}

/*
 * ---- answers
 */

enum tg_ledger_action
tg_ledger_judge_status(const char *status)
{
    if (status != NULL && strcmp(status, "Success") == 0) {
        return TG_LEDGER_SETTLE; /* L8 */
    }
    return TG_LEDGER_REFUSE;
}

/* Exceptions that mean something else than their HTTP status says. */
static const struct {
    const char           *type;
    enum tg_ledger_action action;
} exceptions[] = {
    { "ThrottlingException", TG_LEDGER_RETRY },
    { "Throttling", TG_LEDGER_RETRY },
    { "ThrottledException", TG_LEDGER_RETRY },
    { "RequestThrottledException", TG_LEDGER_RETRY },
    { "RequestThrottled", TG_LEDGER_RETRY },
    { "TooManyRequestsException", TG_LEDGER_RETRY },
    { "RequestLimitExceeded", TG_LEDGER_RETRY },
    { "SlowDown", TG_LEDGER_RETRY },
    { "InternalServiceErrorException", TG_LEDGER_RETRY_DOUBT },
    { "InternalFailure", TG_LEDGER_RETRY_DOUBT },
    { "ServiceUnavailable", TG_LEDGER_RETRY_DOUBT },
    { "RequestTimeoutException", TG_LEDGER_RETRY_DOUBT },
    { "InvalidProductCodeException", TG_LEDGER_HOLD_PRODUCT },
    { "InvalidUsageDimensionException", TG_LEDGER_HOLD_DIMENSION },
    { "DisabledApiException", TG_LEDGER_STOP },
    { "AccessDeniedException", TG_LEDGER_STOP },
    { "UnrecognizedClientException", TG_LEDGER_STOP },
    { "IncompleteSignature", TG_LEDGER_STOP },
    { "IncompleteSignatureException", TG_LEDGER_STOP },
    { "InvalidSignatureException", TG_LEDGER_STOP },
    { "SignatureDoesNotMatch", TG_LEDGER_STOP },
    { "MissingAuthenticationToken", TG_LEDGER_STOP },
    { "MissingAuthenticationTokenException", TG_LEDGER_STOP },
    { "InvalidClientTokenId", TG_LEDGER_STOP },
    { "OptInRequired", TG_LEDGER_STOP },
    { "NotAuthorized", TG_LEDGER_STOP },
    { "ExpiredTokenException", TG_LEDGER_STOP },
    { "ExpiredToken", TG_LEDGER_STOP },
    { "InvalidToken", TG_LEDGER_STOP },
    { "AuthFailure", TG_LEDGER_STOP },
    { "RequestTimeTooSkewed", TG_LEDGER_STOP },
    { "RequestInTheFuture", TG_LEDGER_STOP },
    { "RequestExpired", TG_LEDGER_STOP },
    { "UnknownOperationException", TG_LEDGER_STOP },
};

enum tg_ledger_action
tg_ledger_judge_exception(int http_status, const char *type)
{
    size_t i;

    for (i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++) {
        if (type != NULL && strcmp(exceptions[i].type, type) == 0) {
            return exceptions[i].action;
        }
    }
    if (http_status == 429) {
        return TG_LEDGER_RETRY;
    }
    if (http_status >= 500 || http_status == 408) {
        return TG_LEDGER_RETRY_DOUBT;
    }
    if (http_status == 400 || http_status == 413) {
        return TG_LEDGER_SPLIT;
    }
    return TG_LEDGER_STOP; /* 3xx, 401, 403, 404: not the records' fault */
}

int64_t
tg_ledger_backoff(int64_t attempts, double random, int64_t retry_after_s,
    int64_t now_s, int64_t deadline_s)
{
    double  most = BACKOFF_BASE_S;
    int64_t delay, soon;

    while (attempts > 1 && most < BACKOFF_MAX_S) {
        most *= 2;
        attempts--;
    }
    if (most > BACKOFF_MAX_S) {
        most = BACKOFF_MAX_S;
    }
    delay = 1 + (int64_t) (random * most);
    soon = (deadline_s - now_s) / TRIES_LEFT;
    if (delay > soon) {
        delay = soon > 1 ? soon : 1;
    }
    if (retry_after_s > TG_LEDGER_WAIT_MAX_S) {
        retry_after_s = TG_LEDGER_WAIT_MAX_S;
    }
    return delay > retry_after_s ? delay : retry_after_s;
}

/*
 * ---- batches
 */

struct tg_ledger_members
tg_ledger_members_of(const struct tg_ledger_record *record)
{
    struct tg_ledger_members m = { NULL, NULL, NULL, NULL };

    switch (record->mode) {
    case TG_IDENTITY_LICENSE:
        m.customer_aws_account_id = record->customer_aws_account_id;
        m.license_arn = record->license_arn;
        break;
    case TG_IDENTITY_ACCOUNT:
        m.product_code = record->product_code;
        m.customer_aws_account_id = record->customer_aws_account_id;
        break;
    case TG_IDENTITY_CUSTOMER:
        m.product_code = record->product_code;
        m.customer_identifier = record->customer_identifier;
        break;
    }
    return m;
}

/* JSON may write one byte as six ("\u001f"). */
static size_t
text_size(const char *text)
{
    return text != NULL ? 6 * strlen(text) : 0;
}

size_t
tg_ledger_size(const struct tg_ledger_record *record)
{
    struct tg_ledger_members m = tg_ledger_members_of(record);

    /* 256: names, quotes and numbers of a record, and some room */
    return 256 + text_size(record->dimension)
        + text_size(m.customer_aws_account_id) + text_size(m.license_arn)
        + text_size(m.customer_identifier);
}

static bool
fits(const struct tg_ledger_record *first,
    const struct tg_ledger_record *other)
{
    return first->mode == other->mode && !other->is_alone
        && strcmp(first->product_code, other->product_code) == 0;
}

size_t
tg_ledger_batch(size_t out[TG_LEDGER_BATCH_MAX],
    const struct tg_ledger_record *records, size_t count, bool *taken)
{
    size_t                         i, n = 0, size = 0, more;
    const struct tg_ledger_record *first = NULL;

    for (i = 0; i < count && n < TG_LEDGER_BATCH_MAX; i++) {
        if (taken[i] || (first != NULL && !fits(first, &records[i]))) {
            continue;
        }
        more = tg_ledger_size(&records[i]);
        if (first == NULL) {
            first = &records[i];
            more += text_size(first->product_code) + 256;
        } else if (size + more >= TG_LEDGER_REQUEST_MAX) {
            break;
        }
        size += more;
        taken[i] = true;
        out[n++] = i;
        if (first->is_alone) {
            break;
        }
    }
    return n;
}

static bool
same(const char *ours, const char *theirs)
{
    if (!is_given(ours)) {
        return true; /* what was not sent may be filled in */
    }
    return theirs != NULL && strcmp(ours, theirs) == 0;
}

bool
tg_ledger_is_echo(const struct tg_ledger_record *record,
    const struct tg_ledger_echo *echo)
{
    struct tg_ledger_members m = tg_ledger_members_of(record);

    return echo->timestamp >= 0 && tg_hour_of(echo->timestamp) == record->hour
        && same(record->dimension, echo->dimension)
        && same(m.customer_aws_account_id, echo->customer_aws_account_id)
        && same(m.license_arn, echo->license_arn)
        && same(m.customer_identifier, echo->customer_identifier);
}
