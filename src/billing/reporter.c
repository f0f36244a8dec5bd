/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/reporter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "billing/memo.h"
#include "billing/records.h"
#include "billing/trail.h"
#include "core/ledger.h"
#include "util/arena.h"
#include "util/digest.h"
#include "util/log.h"

#define LOAD_MAX 200
#define GROUPS_MAX 16       /* halves that wait: two a level, five levels */
#define REASON_SIZE 320
#define LITERAL_(number) #number
#define LITERAL(number) LITERAL_(number)
#define ACTOR "reporter"

/* Halves of a refused batch, by id (R4). */
struct group {
    char   ids[TG_LEDGER_BATCH_MAX][TG_UUID_SIZE];
    size_t count;
};

struct tg_reporter {
    struct tg_reporter_config config;
    struct group              groups[GROUPS_MAX];
    size_t                    group_count;
    int64_t                   pause_until_s;
    int64_t                   failures; /* in a row */
    char                      trouble[TG_ERROR_MAX];
    struct tg_reporter_stats  stats;
};

/* What is to become of one record. */
struct verdict {
    enum tg_ledger_action action;
    char                  reason[REASON_SIZE];
    const char           *metering_record_id;
};

/* One request and its records. */
struct attempt {
    struct tg_reporter          *r;
    struct tg_ledger_record      records[TG_LEDGER_BATCH_MAX];
    struct verdict               verdicts[TG_LEDGER_BATCH_MAX];
    size_t                       count;
    bool                         is_half; /* of a refused batch */
    struct tg_marketplace_result result;
    struct tg_arena              arena;
    int64_t                      now_s;
    int64_t                      boot_s;
    struct tg_error             *err;
};

static double
random_fraction(void)
{
    uint32_t value;

    tg_random(&value, sizeof(value));
    return (double) value / 4294967296.0;
}

/*
 * ---- past the deadline
 */

/* R5: the units of a record that surely never arrived. */
static enum tg_status
carry(struct attempt *a, const struct tg_ledger_record *record)
{
    char            reason[REASON_SIZE], time[32];
    int64_t         hour = record->hour, through = 0;
    enum tg_status  status;
    struct tg_store *s = a->r->config.store;

    status = tg_memo_get_int(s, &through, TG_MEMO_SEALED_THROUGH, a->err);
    if (status == TG_OK) {
        status = tg_record_open_hour(s, &hour, record->agreement_id,
            record->dimension, record->hour, through, a->now_s, a->err);
    }
    if (status == TG_OK) {
        tg_iso8601(time, record->hour);
        (void) snprintf(reason, sizeof(reason), "carried from the hour %s,"
            " which could not be reported in time", time);
        status = tg_usage_move(s, record->agreement_id, record->dimension,
            record->hour, hour, record->quantity, reason, a->err);
    }
    if (status == TG_OK) {
        tg_iso8601(time, hour);
        (void) snprintf(reason, sizeof(reason), "the Marketplace could not be"
            " reached before the deadline; the units are billed in the hour"
            " %s", time);
        status = tg_record_move(s, record->id, &(struct tg_record_move) {
            .from = TG_LEDGER_SEALED, .to = TG_LEDGER_CARRIED,
            .actor = ACTOR, .reason = reason }, a->now_s, a->err);
    }
    return status;
}

static enum tg_status
expire(struct attempt *a, const struct tg_ledger_record *record,
    const char *reason)
{
    return tg_record_move(a->r->config.store, record->id,
        &(struct tg_record_move) { .from = record->state,
            .to = TG_LEDGER_EXPIRED, .actor = ACTOR, .reason = reason },
        a->now_s, a->err);
}

/* Whether the agreement may still be billed for a later hour. */
static enum tg_status
has_ended(struct attempt *a, const struct tg_ledger_record *record,
    bool *ended)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(a->r->config.store, &q, a->err, "SELECT 1 FROM"
        " agreement WHERE id = $1 AND state = 'active'", "s",
        record->agreement_id);
    if (status == TG_OK) {
        status = tg_stmt_next(q, a->err);
    }
    *ended = status == TG_NOTFOUND;
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
close_overdue_one(struct attempt *a, const struct tg_ledger_record *record)
{
    bool           ended = false;
    enum tg_status status = has_ended(a, record, &ended);

    if (status != TG_OK) {
        return status;
    }
    if (record->state == TG_LEDGER_SENT) {
        a->r->stats.expired++;
        return expire(a, record, "the deadline passed and it is not known"
            " whether the Marketplace recorded it; compare with the seller"
            " reports or CloudTrail");
    }
    if (record->quantity > 0 && !ended) {
        a->r->stats.carried++;
        return carry(a, record);
    }
    a->r->stats.expired++;
    return expire(a, record, record->quantity == 0
        ? "the deadline passed; nothing had been used"
        : "the deadline passed and the agreement has ended; the units cannot"
          " be billed any more");
}

/* Up to LOAD_MAX records, chosen by the condition, into the arena. */
static enum tg_status
load(struct attempt *a, struct tg_ledger_record *out, size_t *count,
    const char *sql)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *count = 0;
    status = tg_store_query(a->r->config.store, &q, a->err, sql, "i",
        a->now_s);
    while (status == TG_OK && *count < LOAD_MAX
        && (status = tg_stmt_next(q, a->err)) == TG_OK)
    {
        status = tg_record_read(&out[*count], q, &a->arena, a->err);
        *count += status == TG_OK;
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
close_overdue(struct attempt *a, struct tg_ledger_record *room)
{
    size_t           i, count;
    enum tg_status   status;
    struct tg_store *s = a->r->config.store;

    status = load(a, room, &count, "SELECT " TG_RECORD_COLUMNS
        " FROM ledger_record WHERE state IN ('sealed', 'sent') AND"
        " deadline_s <= $1 ORDER BY deadline_s LIMIT 200");
    if (status != TG_OK || count == 0) {
        return status;
    }
    status = tg_store_begin(s, TG_STORE_DURABLE, a->err);
    for (i = 0; i < count && status == TG_OK; i++) {
        status = close_overdue_one(a, &room[i]);
    }
    if (status == TG_OK) {
        status = tg_store_commit(s, a->err);
    }
    tg_store_rollback(s);
    if (status == TG_OK) {
        tg_logf(TG_LOG_ERROR, "records_overdue", "%zu records passed their"
            " deadline; see `tallygate status'", count);
    }
    return status;
}

/*
 * ---- what is due
 */

/* The records of a waiting half that can still be sent. */
static enum tg_status
load_group(struct attempt *a)
{
    size_t          i;
    enum tg_status  status = TG_OK;
    struct group   *g = &a->r->groups[--a->r->group_count];
    struct tg_stmt *q = NULL;

    for (i = 0; i < g->count && status == TG_OK; i++) {
        status = tg_store_query(a->r->config.store, &q, a->err, "SELECT "
            TG_RECORD_COLUMNS " FROM ledger_record WHERE id = $1 AND"
            " state IN ('sealed', 'sent') AND deadline_s > $2", "si",
            g->ids[i], a->now_s);
        if (status == TG_OK) {
            status = tg_stmt_next(q, a->err);
        }
        if (status == TG_OK) {
            status = tg_record_read(&a->records[a->count], q, &a->arena,
                a->err);
            a->count += status == TG_OK;
        }
        tg_stmt_done(q);
        q = NULL;
        status = status == TG_NOTFOUND ? TG_OK : status;
    }
    a->is_half = true;
    return status;
}

/*
 * The batch whose deadline is nearest.  What waits longer than any back-off
 * was put off before the clock went back.
 */
static enum tg_status
load_due(struct attempt *a, struct tg_ledger_record *room)
{
    bool           taken[LOAD_MAX] = { false };
    size_t         i, count, chosen[TG_LEDGER_BATCH_MAX];
    enum tg_status status;

    status = load(a, room, &count, "SELECT " TG_RECORD_COLUMNS
        " FROM ledger_record WHERE state IN ('sealed', 'sent') AND"
        " deadline_s > $1 AND timestamp <= $1 AND (next_attempt_s <= $1 OR"
        " next_attempt_s > $1 + " LITERAL(TG_LEDGER_WAIT_MAX_S) ")"
        " ORDER BY deadline_s, product_code, id"
        " LIMIT 200");
    if (status == TG_OK) {
        a->count = tg_ledger_batch(chosen, room, count, taken);
        for (i = 0; i < a->count; i++) {
            a->records[i] = room[chosen[i]];
        }
    }
    return status;
}

/*
 * ---- sending
 */

/* R1. */
static enum tg_status
mark_sent(struct attempt *a)
{
    size_t           i;
    enum tg_status   status;
    struct tg_store *s = a->r->config.store;

    status = tg_store_begin(s, TG_STORE_DURABLE, a->err);
    for (i = 0; i < a->count && status == TG_OK; i++) {
        status = tg_record_move(s, a->records[i].id,
            &(struct tg_record_move) { .from = a->records[i].state,
                .to = TG_LEDGER_SENT, .actor = ACTOR, .is_attempt = true,
                .is_alone = a->is_half && a->count == 1 },
            a->now_s, a->err);
    }
    if (status == TG_OK) {
        status = tg_store_commit(s, a->err);
    }
    tg_store_rollback(s);
    return status;
}

static void
send(struct attempt *a)
{
    size_t                      i;
    struct tg_ledger_members    m = { NULL, NULL, NULL, NULL };
    struct tg_marketplace_usage usage[TG_LEDGER_BATCH_MAX];

    for (i = 0; i < a->count; i++) {
        m = tg_ledger_members_of(&a->records[i]);
        usage[i] = (struct tg_marketplace_usage) {
            .timestamp = a->records[i].timestamp,
            .dimension = a->records[i].dimension,
            .quantity = a->records[i].quantity,
            .customer_aws_account_id = m.customer_aws_account_id,
            .license_arn = m.license_arn,
            .customer_identifier = m.customer_identifier,
        };
    }
    tg_marketplace_batch_meter_usage(a->r->config.marketplace, &a->result,
        m.product_code, usage, a->count, a->now_s);
    a->r->stats.requests++;
    if (a->result.date_s != 0) {
        (void) tg_guard_date(a->r->config.guard, a->result.date_s, a->now_s,
            a->boot_s);
    }
}

/*
 * ---- judging
 */

static void TG_PRINTF(3, 4)
set_verdict(struct verdict *v, enum tg_ledger_action action,
    const char *fmt, ...)
{
    va_list args;

    v->action = action;
    va_start(args, fmt);
    (void) vsnprintf(v->reason, sizeof(v->reason), fmt, args);
    va_end(args);
}

/* The echoed second, which may come with a fraction; -1: none that can be. */
static int64_t
read_time(const json_t *time)
{
    double value = json_is_number(time) ? json_number_value(time) : -1;

    return value >= 0 && value < 1e12 ? (int64_t) value : -1;
}

/* The record of the batch that a repeated one is about, or count. */
static size_t
find_echo(const struct attempt *a, const json_t *usage)
{
    size_t                i;
    struct tg_ledger_echo echo = {
        .timestamp = read_time(json_object_get(usage, "Timestamp")),
        .dimension = json_string_value(json_object_get(usage, "Dimension")),
        .customer_aws_account_id = json_string_value(json_object_get(usage,
            "CustomerAWSAccountId")),
        .license_arn = json_string_value(json_object_get(usage,
            "LicenseArn")),
        .customer_identifier = json_string_value(json_object_get(usage,
            "CustomerIdentifier")),
    };

    for (i = 0; i < a->count && !tg_ledger_is_echo(&a->records[i], &echo);
         i++)
    {
    }
    return i;
}

static void
judge_result(struct attempt *a, const json_t *result, bool *is_judged)
{
    size_t      i = find_echo(a, json_object_get(result, "UsageRecord"));
    const char *text = json_string_value(json_object_get(result, "Status"));
    const char *id = json_string_value(json_object_get(result,
        "MeteringRecordId"));
    struct verdict *v = &a->verdicts[i < a->count ? i : 0];

    if (i == a->count || is_judged[i]) {
        return; /* not ours, or said twice: the first word counts */
    }
    is_judged[i] = true;
    switch (tg_ledger_judge_status(text)) {
    case TG_LEDGER_SETTLE:
        v->metering_record_id = id != NULL ? id : "";
        set_verdict(v, TG_LEDGER_SETTLE, "%s", "");
        break;
    default:
        if (text != NULL && strcmp(text, "DuplicateRecord") == 0) {
            set_verdict(v, TG_LEDGER_REFUSE, "DuplicateRecord: the hour was"
                " recorded before with another quantity than %" PRId64
                ", which stays billed", a->records[i].quantity);
        } else if (text != NULL
            && strcmp(text, "CustomerNotSubscribed") == 0)
        {
            set_verdict(v, TG_LEDGER_REFUSE, "CustomerNotSubscribed: the"
                " Marketplace knows no active agreement for this buyer");
        } else {
            set_verdict(v, TG_LEDGER_REFUSE, "status %s, which is none that"
                " settles", text != NULL ? text : "(none)");
        }
    }
}

/* A reply with 200: R3. */
static void
judge_reply(struct attempt *a)
{
    bool    is_judged[TG_LEDGER_BATCH_MAX] = { false };
    size_t  i, k;
    json_t *item;

    for (i = 0; i < a->count; i++) {
        set_verdict(&a->verdicts[i], TG_LEDGER_RETRY_DOUBT, "the answer did"
            " not mention this record");
    }
    json_array_foreach (json_object_get(a->result.reply, "Results"), k,
        item)
    {
        judge_result(a, item, is_judged);
    }
    json_array_foreach (json_object_get(a->result.reply,
        "UnprocessedRecords"), k, item)
    {
        i = find_echo(a, item);
        if (i < a->count && !is_judged[i]) {
            is_judged[i] = true;
            set_verdict(&a->verdicts[i], TG_LEDGER_RETRY, "the Marketplace"
                " left it unprocessed");
        }
    }
}

/* One verdict for all of them. */
static void
judge_all(struct attempt *a, enum tg_ledger_action action, const char *what)
{
    size_t i;

    for (i = 0; i < a->count; i++) {
        set_verdict(&a->verdicts[i], action, "%s%s%s", what,
            a->result.message[0] != '\0' ? ": " : "", a->result.message);
    }
}

static void
judge(struct attempt *a)
{
    enum tg_ledger_action action;

    switch (a->result.outcome) {
    case TG_MARKETPLACE_ANSWERED:
        judge_reply(a);
        break;
    case TG_MARKETPLACE_REFUSED:
        action = tg_ledger_judge_exception(a->result.status, a->result.type);
        if (action == TG_LEDGER_SPLIT && a->count == 1) {
            action = TG_LEDGER_REFUSE; /* R4 */
        }
        judge_all(a, action, a->result.type);
        break;
    case TG_MARKETPLACE_NOT_SENT:
        judge_all(a, TG_LEDGER_RETRY, "not sent");
        break;
    case TG_MARKETPLACE_UNKNOWN:
        judge_all(a, TG_LEDGER_RETRY_DOUBT, "the outcome is not known");
        break;
    }
}

/*
 * ---- writing down
 */

static enum tg_status
settle_one(struct attempt *a, size_t i, int64_t delay)
{
    const struct verdict    *v = &a->verdicts[i];
    struct tg_ledger_record *record = &a->records[i];
    struct tg_record_move    move = { .from = TG_LEDGER_SENT,
        .actor = ACTOR, .reason = v->reason,
        .next_attempt_s = a->now_s + delay };

    switch (v->action) {
    case TG_LEDGER_SETTLE:
        move.to = TG_LEDGER_SETTLED;
        move.reason = NULL;
        move.metering_record_id = v->metering_record_id;
        a->r->stats.settled++;
        break;
    case TG_LEDGER_REFUSE:
        move.to = TG_LEDGER_REFUSED;
        a->r->stats.refused++;
        break;
    case TG_LEDGER_SPLIT:
        move.next_attempt_s = a->now_s;
        move.to = record->state;
        break;
    case TG_LEDGER_RETRY:
    case TG_LEDGER_STOP:
        move.to = record->state; /* what it was before: L3 */
        break;
    case TG_LEDGER_RETRY_DOUBT:
        move.to = TG_LEDGER_SENT;
        break;
    }
    return tg_record_move(a->r->config.store, record->id, &move, a->now_s,
        a->err);
}

/* All outcomes and the call's audit record, or none of it. */
static enum tg_status
settle(struct attempt *a)
{
    size_t           i;
    int64_t          delay;
    enum tg_status   status;
    struct tg_store *s = a->r->config.store;

    status = tg_store_begin(s, TG_STORE_DURABLE, a->err);
    for (i = 0; i < a->count && status == TG_OK; i++) {
        delay = tg_ledger_backoff(a->records[i].attempts + 1,
            random_fraction(), a->result.retry_after_s, a->now_s,
            a->records[i].deadline_s);
        status = settle_one(a, i, delay);
    }
    if (status == TG_OK && a->result.outcome != TG_MARKETPLACE_NOT_SENT) {
        status = tg_trail_append(s, a->r->config.settings, "BatchMeterUsage",
            &a->result, NULL, a->now_s, a->err);
    }
    if (status == TG_OK) {
        status = tg_store_commit(s, a->err);
    }
    tg_store_rollback(s);
    return status;
}

/* R4: both halves wait for their own requests. */
static void
split(struct attempt *a)
{
    size_t        i, half = a->count / 2;
    struct group *first, *second;

    if (a->r->group_count + 2 > GROUPS_MAX) {
        return; /* they are due, and will be split again */
    }
    second = &a->r->groups[a->r->group_count++];
    first = &a->r->groups[a->r->group_count++];
    first->count = 0;
    second->count = 0;
    for (i = 0; i < a->count; i++) {
        struct group *g = i < half ? first : second;

        (void) snprintf(g->ids[g->count++], TG_UUID_SIZE, "%s",
            a->records[i].id);
    }
}

/* Whether, and for how long, everything waits: not the records' fault. */
static void
pace(struct attempt *a)
{
    struct tg_reporter   *r = a->r;
    enum tg_ledger_action action = a->verdicts[0].action;

    if (a->result.outcome == TG_MARKETPLACE_ANSWERED
        || action == TG_LEDGER_SPLIT || action == TG_LEDGER_REFUSE)
    {
        if (r->trouble[0] != '\0') {
            tg_log(TG_LOG_NOTICE, "metering_resumed", NULL);
        }
        r->failures = 0;
        r->trouble[0] = '\0';
        return;
    }
    r->stats.failed++;
    r->failures++;
    r->pause_until_s = a->now_s + tg_ledger_backoff(r->failures,
        random_fraction(), a->result.retry_after_s, a->now_s,
        a->records[0].deadline_s);
    if (r->trouble[0] == '\0' || action == TG_LEDGER_STOP) {
        tg_log(action == TG_LEDGER_STOP ? TG_LOG_ERROR : TG_LOG_WARN,
            action == TG_LEDGER_STOP ? "metering_stopped"
                                     : "metering_delayed",
            "reason", a->verdicts[0].reason, "request",
            a->result.request_id, NULL);
    }
    (void) snprintf(r->trouble, sizeof(r->trouble), "%s",
        a->verdicts[0].reason);
}

static enum tg_status
run(struct attempt *a, struct tg_ledger_record *room)
{
    enum tg_status      status;
    struct tg_reporter *r = a->r;

    status = close_overdue(a, room);
    if (status != TG_OK) {
        return status;
    }
    if (a->now_s < r->pause_until_s
        && r->pause_until_s <= a->now_s + TG_LEDGER_WAIT_MAX_S)
    {
        return tg_error_set(a->err, TG_BUSY, "%s", r->trouble);
    }
    while (status == TG_OK && a->count == 0 && r->group_count > 0) {
        status = load_group(a);
    }
    if (status == TG_OK && a->count == 0) {
        a->is_half = false;
        status = load_due(a, room);
    }
    if (status == TG_OK && a->count == 0) {
        return TG_NOTFOUND;
    }
    if (status == TG_OK) {
        status = mark_sent(a);
    }
    if (status != TG_OK) {
        return status;
    }
    send(a);
    judge(a);
    status = settle(a);
    if (status == TG_OK) {
        if (a->verdicts[0].action == TG_LEDGER_SPLIT) {
            split(a);
        }
        pace(a);
    }
    return status;
}

enum tg_status
tg_reporter_step(struct tg_reporter *r, int64_t now_s, int64_t boot_s,
    struct tg_error *err)
{
    char                     reason[TG_GUARD_REASON_SIZE];
    enum tg_status           status;
    struct attempt          *a;
    struct tg_ledger_record *room;

    (void) tg_guard_look(r->config.guard, now_s, boot_s);
    if (tg_guard_reason(r->config.guard, reason)) {
        return tg_error_set(err, TG_BUSY, "%s", reason);
    }
    a = calloc(1, sizeof(*a));
    room = calloc(LOAD_MAX, sizeof(*room));
    if (a == NULL || room == NULL) {
        free(a);
        free(room);
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    a->r = r;
    a->now_s = now_s;
    a->boot_s = boot_s;
    a->err = err;
    tg_arena_init(&a->arena);
    status = run(a, room);
    tg_marketplace_result_clear(&a->result);
    tg_arena_clear(&a->arena);
    free(room);
    free(a);
    return status;
}

enum tg_status
tg_reporter_new(struct tg_reporter **out,
    const struct tg_reporter_config *config, struct tg_error *err)
{
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    (*out)->config = *config;
    return TG_OK;
}

void
tg_reporter_free(struct tg_reporter *r)
{
    free(r);
}

const char *
tg_reporter_trouble(const struct tg_reporter *r)
{
    return r->trouble;
}

struct tg_reporter_stats
tg_reporter_stats(const struct tg_reporter *r)
{
    return r->stats;
}
