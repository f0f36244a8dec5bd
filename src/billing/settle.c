/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/settle.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "billing/holds.h"
#include "billing/records.h"
#include "billing/trail.h"
#include "billing/verdict.h"
#include "util/digest.h"
#include "util/log.h"

#define ACTOR "reporter"

/* What the answers of one batch are written with. */
struct settling {
    struct tg_store        *store;
    struct tg_settle_tally *tally;
    const struct tg_batch  *batch;
    bool                    has_unsubscribed; /* any agreement at all */
    int64_t                 now_s;
    struct tg_error        *err;
};

enum tg_status
tg_settle_mark(struct tg_store *s, struct tg_settle_tally *tally,
    struct tg_batch *b, int64_t now_s, struct tg_error *err)
{
    size_t         i;
    enum tg_status status = TG_OK;

    for (i = 0; i < b->count && status == TG_OK; i++) {
        status = tg_record_move(s, &b->records[i],
            &(struct tg_record_move) { .from = b->records[i].state,
                .to = TG_LEDGER_SENT, .actor = ACTOR, .is_attempt = true,
                .is_alone = b->is_half && b->count == 1 }, now_s, err);
        tally->retries += b->records[i].attempts > 0;
    }
    b->now_s = now_s;
    return status;
}

/*
 * ---- who is not subscribed
 */

static enum tg_status
look_for_unsubscribed(struct settling *w)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(w->store, &q, w->err, "SELECT 1 FROM agreement"
        " WHERE unsubscribed_s IS NOT NULL LIMIT 1", "");
    if (status == TG_OK) {
        status = tg_stmt_next(q, w->err);
    }
    w->has_unsubscribed = status == TG_OK;
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* No zeros are reported for whom Amazon does not know: see the sealer. */
static enum tg_status
note_subscription(struct settling *w, size_t i)
{
    const struct tg_ledger_record *record = &w->batch->records[i];
    const struct tg_verdict       *v = &w->batch->verdicts[i];

    if (strcmp(v->status, TG_STATUS_UNSUBSCRIBED) == 0) {
        w->has_unsubscribed = true;
        return tg_store_exec(w->store, w->err, "UPDATE agreement SET"
            " unsubscribed_s = $1 WHERE id = $2 AND unsubscribed_s IS NULL",
            "is", w->now_s, record->agreement_id);
    }
    if (v->action == TG_LEDGER_SETTLE && w->has_unsubscribed) {
        return tg_store_exec(w->store, w->err, "UPDATE agreement SET"
            " unsubscribed_s = NULL WHERE id = $1 AND unsubscribed_s IS NOT"
            " NULL", "s", record->agreement_id);
    }
    return TG_OK;
}

/*
 * ---- what Amazon bills instead
 */

/*
 * DuplicateRecord: the quantity that stays billed, where we know it, since a
 * record of ours with the same key was settled before; else -1.
 */
static enum tg_status
find_settled(struct settling *w, const struct tg_ledger_record *r,
    int64_t *quantity)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *quantity = -1;
    status = tg_store_query(w->store, &q, w->err, "SELECT quantity FROM"
        " ledger_record WHERE hour = $1 AND id <> $2 AND state = 'settled'"
        " AND identity_mode = $3 AND dimension = $4 AND product_code = $5 AND"
        " COALESCE(license_arn, '') = $6 AND"
        " COALESCE(customer_aws_account_id, '') = $7 AND"
        " COALESCE(customer_identifier, '') = $8", "isssssss", r->hour,
        r->id, tg_identity_mode_name(r->mode), r->dimension, r->product_code,
        r->license_arn != NULL ? r->license_arn : "",
        r->customer_aws_account_id != NULL ? r->customer_aws_account_id : "",
        r->customer_identifier != NULL ? r->customer_identifier : "");
    if (status == TG_OK) {
        status = tg_stmt_next(q, w->err);
    }
    if (status == TG_OK) {
        *quantity = tg_stmt_int(q, 0);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
explain_duplicate(struct settling *w, size_t i, int64_t *quantity,
    char reason[TG_REASON_SIZE])
{
    const struct tg_ledger_record *r = &w->batch->records[i];
    enum tg_status                 status;

    *quantity = w->batch->verdicts[i].amazon_quantity;
    if (*quantity >= 0) {
        return TG_OK; /* the answer says it */
    }
    status = find_settled(w, r, quantity);
    if (status == TG_OK && *quantity >= 0) {
        (void) snprintf(reason, TG_REASON_SIZE, TG_STATUS_DUPLICATE ": %"
            PRId64 " units were reported here, and %" PRId64 " by another"
            " record of the same buyer and hour, which stay billed",
            r->quantity, *quantity);
    }
    return status;
}

/*
 * ---- one record
 */

/* The move that the verdict makes of the record. */
static struct tg_record_move
move_of(const struct tg_verdict *v, const struct tg_ledger_record *record,
    const struct tg_batch *b, int64_t now_s, int64_t delay)
{
    struct tg_record_move move = {
        .from = TG_LEDGER_SENT, .to = record->state, /* as before: L3 */
        .actor = ACTOR, .reason = v->reason,
        .next_attempt_s = now_s + delay,
        .request_id = b->result.request_id[0] != '\0'
            ? b->result.request_id : NULL,
        .answer = v->status[0] != '\0' ? v->status
            : b->result.type[0] != '\0' ? b->result.type : NULL,
    };

    switch (v->action) {
    case TG_LEDGER_SETTLE:
        move.to = TG_LEDGER_SETTLED;
        move.reason = NULL;
        move.metering_record_id = v->metering_record_id;
        break;
    case TG_LEDGER_REFUSE:
        move.to = TG_LEDGER_REFUSED;
        break;
    case TG_LEDGER_SPLIT:
    case TG_LEDGER_HOLD_PRODUCT:
    case TG_LEDGER_HOLD_DIMENSION:
    case TG_LEDGER_STOP:
        move.next_attempt_s = now_s; /* something else says how long */
        break;
    case TG_LEDGER_RETRY_ALONE:
        move.is_alone = true;
        break;
    case TG_LEDGER_RETRY_DOUBT:
        move.to = TG_LEDGER_SENT;
        break;
    case TG_LEDGER_RETRY:
        break;
    }
    return move;
}

static void
count(struct tg_settle_tally *t, const struct tg_verdict *v,
    const struct tg_ledger_record *record)
{
    if (v->action == TG_LEDGER_SETTLE) {
        t->settled++;
        t->settled_units += (uint64_t) record->quantity;
    } else if (v->action != TG_LEDGER_REFUSE) {
        return;
    } else if (strcmp(v->status, TG_STATUS_DUPLICATE) == 0) {
        t->duplicate++;
    } else if (strcmp(v->status, TG_STATUS_UNSUBSCRIBED) == 0) {
        t->unsubscribed++;
    } else {
        t->refused_otherwise++;
    }
}

static double
random_fraction(void)
{
    uint32_t value;

    tg_random(&value, sizeof(value));
    return (double) value / 4294967296.0;
}

static enum tg_status
settle_one(struct settling *w, size_t i)
{
    char                           reason[TG_REASON_SIZE];
    int64_t                        delay = 0, quantity = -1;
    enum tg_status                 status = TG_OK;
    struct tg_record_move          move;
    const struct tg_batch         *b = w->batch;
    const struct tg_verdict       *v = &b->verdicts[i];
    const struct tg_ledger_record *record = &b->records[i];

    if (v->action != TG_LEDGER_SETTLE) {
        delay = tg_ledger_backoff(record->attempts + 1, random_fraction(),
            b->result.retry_after_s, w->now_s, record->deadline_s);
    }
    move = move_of(v, record, b, w->now_s, delay);
    if (strcmp(v->status, TG_STATUS_DUPLICATE) == 0) {
        memcpy(reason, v->reason, sizeof(reason));
        status = explain_duplicate(w, i, &quantity, reason);
        move.reason = reason;
        move.amazon_quantity = quantity >= 0 ? &quantity : NULL;
    }
    if (status == TG_OK) {
        status = tg_record_move(w->store, record, &move, w->now_s, w->err);
    }
    if (status == TG_OK) {
        status = note_subscription(w, i);
    }
    if (v->action == TG_LEDGER_RETRY_ALONE && !record->is_alone) {
        tg_log(TG_LOG_ERROR, "record_held", "record", record->id, "reason",
            v->reason, NULL);
    }
    count(w->tally, v, record);
    return status;
}

/*
 * ---- a batch
 */

enum tg_status
tg_settle_render(struct tg_batch *b, const struct tg_settings *settings,
    int64_t now_s, struct tg_error *err)
{
    enum tg_status status;

    if (b->entry != NULL || b->result.outcome == TG_MARKETPLACE_NOT_SENT
        || b->result.outcome == TG_MARKETPLACE_TOO_LARGE)
    {
        return TG_OK; /* it is there, or there was no call */
    }
    status = tg_trail_render(&b->entry, settings, "BatchMeterUsage",
        &b->result, NULL, now_s, err);
    if (status == TG_OK) {
        json_decref(b->result.request); /* all that it is kept for */
        json_decref(b->result.reply);
        b->result.request = NULL;
        b->result.reply = NULL;
    }
    return status;
}

enum tg_status
tg_settle_audit(struct tg_store *s, struct tg_batch *b,
    const struct tg_settings *settings, int64_t now_s, struct tg_error *err)
{
    enum tg_status status = tg_settle_render(b, settings, now_s, err);

    return status == TG_OK && b->entry != NULL
        ? tg_audit_append_entry(s, b->entry, err) : status;
}

enum tg_status
tg_settle_batch(struct tg_store *s, struct tg_settle_tally *tally,
    struct tg_batch *b, const struct tg_settings *settings,
    int64_t now_s, struct tg_error *err)
{
    size_t          i;
    int64_t         holds = 0;
    enum tg_status  status;
    struct settling w = { .store = s, .tally = tally, .batch = b,
        .now_s = now_s, .err = err };

    status = look_for_unsubscribed(&w);
    for (i = 0; i < b->count && status == TG_OK; i++) {
        status = settle_one(&w, i);
    }
    if (status == TG_OK
        && (b->verdicts[0].action == TG_LEDGER_HOLD_PRODUCT
            || b->verdicts[0].action == TG_LEDGER_HOLD_DIMENSION))
    {
        status = tg_holds_add(s, b, now_s, err);
    } else if (status == TG_OK) {
        status = tg_holds_count(s, &holds, err);
        if (status == TG_OK && holds > 0) {
            status = tg_holds_lift(s, b, err);
        }
    }
    if (status == TG_OK) {
        status = tg_settle_audit(s, b, settings, now_s, err);
    }
    return status;
}
