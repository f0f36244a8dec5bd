/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/holds.h"

#include <inttypes.h>
#include <stdio.h>

#include "util/clock.h"
#include "util/log.h"

enum tg_status
tg_holds_count(struct tg_store *s, int64_t *count, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *count = 0;
    status = tg_store_query(s, &q, err, "SELECT COUNT(*) FROM ledger_hold",
        "");
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK) {
        *count = tg_stmt_int(q, 0);
    }
    tg_stmt_done(q);
    return status;
}

/* Doubles with each failure, from TG_HOLD_FIRST_S to TG_HOLD_MAX_S. */
static int64_t
wait_after(int64_t failures)
{
    int64_t wait_s = TG_HOLD_FIRST_S;

    while (failures-- > 1 && wait_s < TG_HOLD_MAX_S) {
        wait_s *= 2;
    }
    return wait_s < TG_HOLD_MAX_S ? wait_s : TG_HOLD_MAX_S;
}

enum tg_status
tg_holds_probe(struct tg_store *s, bool *is_probe, const struct tg_batch *b,
    int64_t now_s, struct tg_error *err)
{
    size_t         i;
    enum tg_status status = TG_OK;

    *is_probe = false;
    for (i = 0; i < b->count && status == TG_OK; i++) {
        status = tg_store_exec(s, err, "UPDATE ledger_hold SET"
            " next_attempt_s = $1 WHERE product_code = $2 AND dimension IN"
            " ('', $3)", "iss", now_s + TG_HOLD_MAX_S,
            b->records[i].product_code, b->records[i].dimension);
        *is_probe = *is_probe
            || (status == TG_OK && tg_store_changes(s) > 0);
    }
    return status;
}

/* What waits: all of the product, or one of its dimensions. */
static const char *
scope(const struct tg_batch *b)
{
    return b->verdicts[0].action == TG_LEDGER_HOLD_DIMENSION
        ? b->records[0].dimension : "";
}

static enum tg_status
read_failures(struct tg_store *s, int64_t *failures,
    const struct tg_batch *b, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *failures = 0;
    status = tg_store_query(s, &q, err, "SELECT failures FROM ledger_hold"
        " WHERE product_code = $1 AND dimension = $2", "ss",
        b->records[0].product_code, scope(b));
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK) {
        *failures = tg_stmt_int(q, 0);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_holds_add(struct tg_store *s, const struct tg_batch *b, int64_t now_s,
    struct tg_error *err)
{
    int64_t        failures;
    enum tg_status status = read_failures(s, &failures, b, err);

    if (status == TG_OK) {
        status = tg_store_exec(s, err, "INSERT INTO ledger_hold"
            " (product_code, dimension, reason, since_s, failures,"
            " next_attempt_s) VALUES ($1, $2, $3, $4, 1, $5)"
            " ON CONFLICT (product_code, dimension) DO UPDATE SET"
            " reason = excluded.reason, failures = ledger_hold.failures + 1,"
            " next_attempt_s = excluded.next_attempt_s", "sssii",
            b->records[0].product_code, scope(b), b->verdicts[0].reason,
            now_s, now_s + wait_after(failures + 1));
    }
    if (status == TG_OK && failures == 0) {
        tg_log(TG_LOG_ERROR, "metering_product_held", "product",
            b->records[0].product_code, "dimension", scope(b), "reason",
            b->verdicts[0].reason, NULL);
    }
    return status;
}

enum tg_status
tg_holds_lift(struct tg_store *s, const struct tg_batch *b,
    struct tg_error *err)
{
    size_t         i;
    enum tg_status status = TG_OK;

    for (i = 0; i < b->count && status == TG_OK; i++) {
        if (b->verdicts[i].action != TG_LEDGER_SETTLE) {
            continue;
        }
        status = tg_store_exec(s, err, "DELETE FROM ledger_hold WHERE"
            " product_code = $1 AND dimension IN ('', $2)", "ss",
            b->records[i].product_code, b->records[i].dimension);
        if (status == TG_OK && tg_store_changes(s) > 0) {
            tg_log(TG_LOG_NOTICE, "metering_product_resumed", "product",
                b->records[i].product_code, NULL);
        }
    }
    return status;
}

enum tg_status
tg_holds_retry(struct tg_store *s, struct tg_error *err)
{
    return tg_store_exec(s, err, "UPDATE ledger_hold SET next_attempt_s = 0",
        "");
}

enum tg_status
tg_holds_text(struct tg_store *s, char out[TG_ERROR_MAX],
    struct tg_error *err)
{
    char            time[TG_ISO8601_SIZE];
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    out[0] = '\0';
    status = tg_store_query(s, &q, err, "SELECT product_code, dimension,"
        " reason, since_s, (SELECT COUNT(*) FROM ledger_hold) FROM"
        " ledger_hold ORDER BY since_s, product_code, dimension", "");
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK) {
        tg_iso8601(time, tg_stmt_int(q, 3));
        (void) snprintf(out, TG_ERROR_MAX, "records of product %.64s%s%.48s wait"
            " since %.20s: %.160s; mend the product's code or dimensions, or"
            " the listing: they go out when the Marketplace takes them%s",
            tg_stmt_text(q, 0), tg_stmt_text(q, 1)[0] != '\0'
            ? ", dimension " : "", tg_stmt_text(q, 1), time,
            tg_stmt_text(q, 2), tg_stmt_int(q, 4) > 1
            ? " (and there are more such)" : "");
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}
