/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/overdue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "billing/memo.h"
#include "billing/records.h"
#include "util/clock.h"

#define LOAD_MAX 200
#define ACTOR "reporter"

/* One look at what is overdue. */
struct sweep {
    struct tg_store         *store;
    struct tg_overdue_tally *tally;
    struct tg_arena          arena;
    struct tg_ledger_record  records[LOAD_MAX];
    size_t                   count;
    int64_t                  now_s;
    struct tg_error         *err;
};

/* X1: the units of a record that surely never arrived. */
static enum tg_status
carry(struct sweep *w, const struct tg_ledger_record *record)
{
    char             reason[TG_REASON_SIZE], time[TG_ISO8601_SIZE];
    int64_t          hour = record->hour, through = 0;
    enum tg_status   status;
    struct tg_store *s = w->store;

    status = tg_memo_get_int(s, &through, TG_MEMO_SEALED_THROUGH, w->err);
    if (status == TG_OK) {
        status = tg_record_open_hour(s, &hour, record->agreement_id,
            record->dimension, record->hour, through, w->now_s, w->err);
    }
    if (status == TG_OK) {
        tg_iso8601(time, record->hour);
        (void) snprintf(reason, sizeof(reason), "carried from the hour %s,"
            " which could not be reported in time", time);
        status = tg_usage_move(s, record->agreement_id, record->dimension,
            record->hour, hour, record->quantity, reason, w->err);
    }
    if (status == TG_OK) {
        tg_iso8601(time, hour);
        (void) snprintf(reason, sizeof(reason), "the Marketplace could not be"
            " reached before the deadline; the units are billed in the hour"
            " %s", time);
        status = tg_record_move(s, record, &(struct tg_record_move) {
            .from = TG_LEDGER_SEALED, .to = TG_LEDGER_CARRIED,
            .actor = ACTOR, .reason = reason }, w->now_s, w->err);
    }
    w->tally->carried += status == TG_OK;
    return status;
}

static enum tg_status
expire(struct sweep *w, const struct tg_ledger_record *record,
    const char *reason)
{
    enum tg_status status;

    status = tg_record_move(w->store, record, &(struct tg_record_move) {
        .from = record->state, .to = TG_LEDGER_EXPIRED, .actor = ACTOR,
        .reason = reason }, w->now_s, w->err);
    w->tally->expired += status == TG_OK;
    return status;
}

/* Whether the agreement may not be billed for a later hour any more. */
static enum tg_status
has_ended(struct sweep *w, const struct tg_ledger_record *record,
    bool *ended)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(w->store, &q, w->err, "SELECT 1 FROM agreement"
        " WHERE id = $1 AND state = 'active'", "s", record->agreement_id);
    if (status == TG_OK) {
        status = tg_stmt_next(q, w->err);
    }
    *ended = status == TG_NOTFOUND;
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
close_one(struct sweep *w, const struct tg_ledger_record *record)
{
    bool           ended = false;
    enum tg_status status = has_ended(w, record, &ended);

    if (status != TG_OK) {
        return status;
    }
    if (record->state == TG_LEDGER_SENT) {
        return expire(w, record, "the deadline passed and it is not known"
            " whether the Marketplace recorded it; compare with the seller"
            " reports or CloudTrail");
    }
    if (record->quantity > 0 && !ended) {
        return carry(w, record);
    }
    return expire(w, record, record->quantity == 0
        ? "the deadline passed; nothing had been used"
        : "the deadline passed and the agreement has ended; the units cannot"
          " be billed any more");
}

static bool
is_flying(const struct tg_batch *flying, int64_t number)
{
    size_t i;

    for (; flying != NULL; flying = flying->fly_next) {
        for (i = 0; i < flying->count; i++) {
            if (flying->records[i].number == number) {
                return true;
            }
        }
    }
    return false;
}

static enum tg_status
load(struct sweep *w, const struct tg_batch *flying)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(w->store, &q, w->err, "SELECT " TG_RECORD_COLUMNS
        " FROM ledger_record WHERE state IN ('sealed', 'sent') AND"
        " deadline_s <= $1 ORDER BY deadline_s", "i", w->now_s);
    while (status == TG_OK && w->count < LOAD_MAX
        && (status = tg_stmt_next(q, w->err)) == TG_OK)
    {
        if (!is_flying(flying, tg_stmt_int(q, TG_RECORD_COLUMN_NUMBER))) {
            status = tg_record_read(&w->records[w->count], q, &w->arena,
                w->err);
            w->count += status == TG_OK;
        }
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_overdue_look(struct tg_store *s, int64_t now_s, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(s, &q, err, "SELECT 1 FROM ledger_record WHERE"
        " state IN ('sealed', 'sent') AND deadline_s <= $1 LIMIT 1", "i",
        now_s);
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    tg_stmt_done(q);
    return status;
}

enum tg_status
tg_overdue_close(struct tg_store *s, struct tg_overdue_tally *tally,
    const struct tg_batch *flying, int64_t now_s, struct tg_error *err)
{
    size_t         i;
    enum tg_status status;
    struct sweep  *w = calloc(1, sizeof(*w));

    if (w == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    w->store = s;
    w->tally = tally;
    w->now_s = now_s;
    w->err = err;
    tg_arena_init(&w->arena);
    status = load(w, flying);
    for (i = 0; i < w->count && status == TG_OK; i++) {
        status = close_one(w, &w->records[i]);
    }
    tg_arena_clear(&w->arena);
    free(w);
    return status;
}
