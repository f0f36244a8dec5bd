/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/verdict.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void TG_PRINTF(3, 4)
set(struct tg_verdict *v, enum tg_ledger_action action, const char *fmt, ...)
{
    va_list args;

    v->action = action;
    va_start(args, fmt);
    (void) vsnprintf(v->reason, sizeof(v->reason), fmt, args);
    va_end(args);
}

bool
tg_verdict_is_mixed(const struct tg_batch *b)
{
    size_t i;

    for (i = 1; i < b->count; i++) {
        if (strcmp(b->records[i].dimension, b->records[0].dimension) != 0) {
            return true;
        }
    }
    return false;
}

/*
 * ---- record by record
 */

/* The echoed second, which may come with a fraction; -1: none that can be. */
static int64_t
read_time(const json_t *time)
{
    double value = json_is_number(time) ? json_number_value(time) : -1;

    return value >= 0 && value < 1e12 ? (int64_t) value : -1;
}

/* The record of the batch that a repeated one is about, or count. */
static size_t
find_echo(const struct tg_batch *b, const json_t *usage)
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

    for (i = 0; i < b->count && !tg_ledger_is_echo(&b->records[i], &echo);
         i++)
    {
    }
    return i;
}

/* Both figures, where the answer holds another one than ours. */
static void
set_duplicate(struct tg_verdict *v, int64_t ours, const json_t *usage)
{
    const json_t *quantity = json_object_get(usage, "Quantity");
    int64_t       theirs = json_is_integer(quantity)
        ? (int64_t) json_integer_value(quantity) : ours;

    v->amazon_quantity = theirs != ours ? theirs : -1;
    if (theirs != ours) {
        set(v, TG_LEDGER_REFUSE, TG_STATUS_DUPLICATE ": %" PRId64 " units"
            " were reported here, and the Marketplace has %" PRId64 " for"
            " this hour, which stay billed", ours, theirs);
    } else {
        set(v, TG_LEDGER_REFUSE, TG_STATUS_DUPLICATE ": %" PRId64 " units"
            " were reported here, and the Marketplace has another figure for"
            " this hour, which stays billed", ours);
    }
}

/* The verdict outlives the reply. */
static void
set_settled(struct tg_batch *b, struct tg_verdict *v, const char *id)
{
    v->metering_record_id = tg_arena_strdup(&b->arena, id != NULL ? id : "");
    if (v->metering_record_id == NULL) {
        v->status[0] = '\0';
        set(v, TG_LEDGER_RETRY_DOUBT, "out of memory for the answer");
    } else {
        set(v, TG_LEDGER_SETTLE, "%s", "");
    }
}

static void
judge_status(struct tg_batch *b, size_t i, const json_t *result)
{
    struct tg_verdict             *v = &b->verdicts[i];
    const struct tg_ledger_record *record = &b->records[i];
    const char                    *text, *id;

    text = json_string_value(json_object_get(result, "Status"));
    id = json_string_value(json_object_get(result, "MeteringRecordId"));
    (void) snprintf(v->status, sizeof(v->status), "%s",
        text != NULL ? text : "");
    if (tg_ledger_judge_status(text) == TG_LEDGER_SETTLE) {
        set_settled(b, v, id);
    } else if (strcmp(v->status, TG_STATUS_DUPLICATE) == 0) {
        set_duplicate(v, record->quantity, json_object_get(result,
            "UsageRecord"));
    } else if (strcmp(v->status, TG_STATUS_UNSUBSCRIBED) == 0) {
        set(v, TG_LEDGER_REFUSE, TG_STATUS_UNSUBSCRIBED ": the Marketplace"
            " knows no active agreement for this buyer; %" PRId64 " units are"
            " not billed", record->quantity);
    } else {
        set(v, TG_LEDGER_REFUSE, "status %.64s, which is none that settles",
            text != NULL ? text : "(none)");
    }
}

/* A reply with 200: V1, V2. */
static void
judge_reply(struct tg_batch *b)
{
    bool    is_judged[TG_LEDGER_BATCH_MAX] = { false };
    size_t  i, k;
    json_t *item;

    for (i = 0; i < b->count; i++) {
        set(&b->verdicts[i], TG_LEDGER_RETRY_DOUBT, "the answer did not"
            " mention this record");
    }
    json_array_foreach (json_object_get(b->result.reply, "Results"), k,
        item)
    {
        i = find_echo(b, json_object_get(item, "UsageRecord"));
        if (i < b->count && !is_judged[i]) {
            is_judged[i] = true;
            judge_status(b, i, item);
        }
    }
    json_array_foreach (json_object_get(b->result.reply,
        "UnprocessedRecords"), k, item)
    {
        i = find_echo(b, item);
        if (i < b->count && !is_judged[i]) {
            is_judged[i] = true;
            set(&b->verdicts[i], TG_LEDGER_RETRY, "the Marketplace left it"
                " unprocessed");
        }
    }
}

/*
 * ---- all of them
 */

static void
judge_all(struct tg_batch *b, enum tg_ledger_action action, const char *what)
{
    size_t i;

    for (i = 0; i < b->count; i++) {
        set(&b->verdicts[i], action, "%s%s%s", what,
            b->result.message[0] != '\0' ? ": " : "", b->result.message);
    }
}

/* V3, V4: what becomes of an exception in this batch. */
static enum tg_ledger_action
narrow(const struct tg_batch *b, enum tg_ledger_action action)
{
    bool is_alone = b->count == 1;

    switch (action) {
    case TG_LEDGER_SPLIT:
        return is_alone ? TG_LEDGER_REFUSE : TG_LEDGER_SPLIT;
    case TG_LEDGER_HOLD_PRODUCT:
        if (b->records[0].mode != TG_IDENTITY_LICENSE) {
            return TG_LEDGER_HOLD_PRODUCT;
        }
        return is_alone ? TG_LEDGER_RETRY_ALONE : TG_LEDGER_SPLIT;
    case TG_LEDGER_HOLD_DIMENSION:
        return tg_verdict_is_mixed(b) ? TG_LEDGER_SPLIT
                                      : TG_LEDGER_HOLD_DIMENSION;
    default:
        return action;
    }
}

void
tg_verdict_judge(struct tg_batch *b)
{
    enum tg_ledger_action action;

    switch (b->result.outcome) {
    case TG_MARKETPLACE_ANSWERED:
        judge_reply(b);
        break;
    case TG_MARKETPLACE_REFUSED:
        action = tg_ledger_judge_exception(b->result.status, b->result.type);
        judge_all(b, narrow(b, action), b->result.type);
        break;
    case TG_MARKETPLACE_TOO_LARGE:
        judge_all(b, narrow(b, TG_LEDGER_SPLIT), "not sent");
        break;
    case TG_MARKETPLACE_NOT_SENT:
        judge_all(b, TG_LEDGER_RETRY, "not sent");
        break;
    case TG_MARKETPLACE_UNKNOWN:
        judge_all(b, TG_LEDGER_RETRY_DOUBT, "the outcome is not known");
        break;
    }
}
