/*
 * ledger.h - the rules by which counted units become money
 *
 * A ledger record is what one agreement used of one dimension in one hour.
 * It is made when the hour is sealed and then only changes its state:
 *
 *                     +--------------------------+
 *                     v                          |  nothing was recorded
 *     (open) --> sealed --> sent --> settled     |
 *                  |  |       |----> refused     |
 *                  |  |       |----> expired     |
 *                  |  |       +------------------+
 *                  |  +--> expired
 *                  +-----> carried
 *
 * Invariants.  Those with a + are also checked by the database itself: by
 * constraints and triggers of the store's migrations, which no program can
 * pass by; the others by the functions below and their tests.
 *   L1  Quantity, timestamp and identity are written once, at sealing; every
 *       request about the record carries the same. +
 *   L2  A record begins as sealed and moves only along the arrows; settled,
 *       refused, expired and carried are final.  An agreement has at most
 *       one record of a dimension and an hour. +
 *   L3  A record is `sent' before the first byte of a request leaves.  It
 *       goes back to `sealed' only when that request surely recorded nothing
 *       and it had been `sealed' before: so `sealed' means that Amazon has
 *       not got it, and `sent' that Amazon may have.
 *   L4  Only `sealed' may become `carried': units that Amazon may have are
 *       never billed a second time in another hour. +
 *   L5  The timestamp is the later of the hour's start and the second of the
 *       agreement's activation, lies in the hour, and is not later than the
 *       moment of sealing. +
 *   L6  From the deadline on nothing is sent: Amazon would refuse, and one
 *       record too old fails its whole batch. +
 *   L7  A batch has at most 25 records, of one product and one identity mode,
 *       and its request is less than 1 MB.
 *   L8  Only the status Success settles, and a settled record has Amazon's
 *       id. +  What is not known to be good is refused or tried again; what
 *       is not known at all is tried again.
 *   L9  A quantity is 0 to 2^31 - 1; + what is above goes to the next hour.
 *   L10 Each move is in the record's history, with its time, who made it
 *       and why, and there is no other way to make one; history and records
 *       are never changed back or deleted. +
 *   L11 An adjustment changes an hour only while that has no record, takes
 *       away no more than the hour holds, is made once by its id, and stays
 *       on record as it was made. +
 *
 * https://docs.aws.amazon.com/marketplace/latest/APIReference/API_marketplace-metering_BatchMeterUsage.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CORE_LEDGER_H
#define TG_CORE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

#define TG_LEDGER_BATCH_MAX 25
#define TG_LEDGER_REQUEST_MAX ((size_t) 1000000)
#define TG_LEDGER_QUANTITY_MAX INT64_C(2147483647)
#define TG_LEDGER_WAIT_MAX_S 3600 /* no back-off is longer */
#define TG_LEDGER_LEAVE_S 3600 /* for the last report of one who left */

/* name in the store, and whether it is final */
#define TG_LEDGER_STATE_LIST(X)                                               \
    X(TG_LEDGER_SEALED, "sealed", false)                                      \
    X(TG_LEDGER_SENT, "sent", false)                                          \
    X(TG_LEDGER_SETTLED, "settled", true)                                     \
    X(TG_LEDGER_REFUSED, "refused", true)                                     \
    X(TG_LEDGER_EXPIRED, "expired", true)                                     \
    X(TG_LEDGER_CARRIED, "carried", true)

enum tg_ledger_state {
#define X(name, text, is_final) name,
    TG_LEDGER_STATE_LIST(X)
#undef X
};

enum tg_identity_mode {
    TG_IDENTITY_LICENSE,  /* CustomerAWSAccountId and LicenseArn */
    TG_IDENTITY_ACCOUNT,  /* ProductCode, CustomerAWSAccountId */
    TG_IDENTITY_CUSTOMER, /* ProductCode, CustomerIdentifier */
};

struct tg_ledger_record {
    int64_t                number; /* in its store, by age */
    const char            *id;
    const char            *agreement_id;
    const char            *product_code;
    const char            *dimension;
    int64_t                hour;
    int64_t                timestamp;
    int64_t                quantity;
    enum tg_identity_mode  mode;
    const char            *customer_aws_account_id; /* these may be NULL */
    const char            *license_arn;
    const char            *customer_identifier;
    enum tg_ledger_state   state;
    int64_t                attempts;
    int64_t                deadline_s;
    bool                   is_alone; /* never in a batch with others again */
};

/*
 * ---- states
 */

const char *tg_ledger_state_name(enum tg_ledger_state state);
TG_MUST_CHECK enum tg_status tg_ledger_state_parse(
    enum tg_ledger_state *state, const char *name);
bool tg_ledger_is_final(enum tg_ledger_state state);
bool tg_ledger_may_move(enum tg_ledger_state from, enum tg_ledger_state to);

const char *tg_identity_mode_name(enum tg_identity_mode mode);
TG_MUST_CHECK enum tg_status tg_identity_mode_parse(
    enum tg_identity_mode *mode, const char *name);

/* The mode that an answer of ResolveCustomer calls for; TG_NOTFOUND: none. */
TG_MUST_CHECK enum tg_status tg_identity_mode_choose(
    enum tg_identity_mode *mode, const char *license_arn,
    const char *customer_aws_account_id, const char *customer_identifier);

/*
 * ---- sealing
 */

/* L5; TG_STALE when the agreement became active after the hour. */
TG_MUST_CHECK enum tg_status tg_ledger_timestamp(int64_t *timestamp,
    int64_t hour, int64_t activated_s);

/* L6: the moment from which nothing is sent.  ended_s 0: has not left. */
int64_t tg_ledger_deadline(int64_t timestamp, int64_t ended_s);

/* L9: how much of total this hour takes; the rest is the next one's. */
int64_t tg_ledger_quantity(int64_t total);

/*
 * The hour that units of hour are billed in when it was sealed, or sent and
 * never arrived: the first one from now's on that comes after it.  The caller
 * goes on hour by hour while that one is sealed too.
 */
int64_t tg_ledger_next_hour(int64_t hour, int64_t now_s);

/*
 * ---- answers
 */

enum tg_ledger_action {
    TG_LEDGER_SETTLE,
    TG_LEDGER_REFUSE,      /* this record, for good */
    TG_LEDGER_RETRY,       /* nothing was recorded: L3 */
    TG_LEDGER_RETRY_DOUBT, /* may have been recorded: stays `sent' */
    TG_LEDGER_RETRY_ALONE, /* the same, and never with others again */
    TG_LEDGER_SPLIT,       /* a record in the batch is bad; alone: refuse */
    TG_LEDGER_HOLD_PRODUCT,   /* nothing was recorded: the product waits */
    TG_LEDGER_HOLD_DIMENSION, /* the same for one of its dimensions */
    TG_LEDGER_STOP,        /* nothing can be sent before a person acts */
};

/*
 * By the Status of one UsageRecordResult; NULL is treated as unknown.
 * https://docs.aws.amazon.com/marketplace/latest/APIReference/API_marketplace-metering_UsageRecordResult.html
 */
enum tg_ledger_action tg_ledger_judge_status(const char *status);

/* By the exception of a whole request. */
enum tg_ledger_action tg_ledger_judge_exception(int http_status,
    const char *type);

/*
 * Seconds until the next attempt: exponential with full jitter (random is in
 * [0, 1)), at most five minutes, never less than asked for by Retry-After
 * (0: nothing asked; more than TG_LEDGER_WAIT_MAX_S: that), and soon enough
 * for several attempts before deadline_s.
 */
int64_t tg_ledger_backoff(int64_t attempts, double random,
    int64_t retry_after_s, int64_t now_s, int64_t deadline_s);

/*
 * ---- batches
 */

/* What goes into the request for a record; NULL: not sent. */
struct tg_ledger_members {
    const char *product_code; /* of the request */
    const char *customer_aws_account_id;
    const char *license_arn;
    const char *customer_identifier;
};
struct tg_ledger_members tg_ledger_members_of(
    const struct tg_ledger_record *record);

/* The most that a record takes in a request, in bytes of JSON. */
size_t tg_ledger_size(const struct tg_ledger_record *record);

/*
 * Chooses a batch (L7) from records, in order of deadline, of which those
 * with taken[i] set are passed over: the first one left and what fits with
 * it.  Sets taken for them, stores their indexes and returns their number; 0
 * when none is left.
 */
size_t tg_ledger_batch(size_t out[TG_LEDGER_BATCH_MAX],
    const struct tg_ledger_record *records, size_t count, bool *taken);

/* A record as a reply repeats it; texts may be NULL. */
struct tg_ledger_echo {
    int64_t     timestamp;
    const char *dimension;
    const char *customer_aws_account_id;
    const char *license_arn;
    const char *customer_identifier;
};

/*
 * Whether the echo is about this record.  Replies come in any order, and the
 * timestamp may come back as the hour.
 */
bool tg_ledger_is_echo(const struct tg_ledger_record *record,
    const struct tg_ledger_echo *echo);

#endif
