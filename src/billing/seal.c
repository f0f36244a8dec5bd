/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/seal.h"

#include <inttypes.h>
#include <stdio.h>

#include "billing/records.h"
#include "core/hours.h"
#include "core/ledger.h"
#include "util/arena.h"
#include "util/digest.h"

#define ID_SIZE 32 /* "lr-6563a1f0-3c9d01ab-17": time, chance, number */

#define REASON_LARGE "the hour before held more than one record can"

/*
 * Records of agreements a, with a dimension and a quantity; conditions on a
 * and a group for each record are to follow.  Timestamp and
 * deadline are those of tg_ledger_timestamp and tg_ledger_deadline; a test
 * holds them against each other.
 *
 *   $1 prefix of the ids  $2 hour  $3 now  $4 actor  $5 when the month closes
 *   $6 window at Amazon   $7 time to leave   $8 an hour   $9 most units
 *   $10 product  $11 first agreement  $12 last
 */
#define STAMP "(CASE WHEN a.activated_s > $2 THEN a.activated_s ELSE $2 END)"
#define WINDOW                                                                \
    "(CASE WHEN " STAMP " + $6 < $5 THEN " STAMP " + $6 ELSE $5 END)"
#define INSERT(dimension, quantity)                                           \
    "INSERT INTO ledger_record (id, agreement_id, product_code, dimension,"   \
    " hour, timestamp, quantity, identity_mode, customer_aws_account_id,"     \
    " license_arn, customer_identifier, state, deadline_s, sealed_s,"         \
    " updated_s, actor)"                                                      \
    " SELECT $1 || CAST(ROW_NUMBER() OVER (ORDER BY a.id, " dimension         \
    ") AS TEXT), a.id, a.product_code, " dimension ", $2, " STAMP             \
    ", CASE WHEN " quantity " > $9 THEN $9 ELSE " quantity " END,"            \
    " a.identity_mode, a.customer_aws_account_id, a.license_arn,"             \
    " a.customer_identifier, 'sealed', CASE WHEN a.ended_s > 0 AND"           \
    " a.ended_s + $7 < " WINDOW " THEN a.ended_s + $7 ELSE " WINDOW " END,"   \
    " $3, $3, $4 FROM agreement a"

#define WHERE_SEALED                                                          \
    " WHERE a.product_code = $10 AND a.id >= $11 AND a.id <= $12 AND"         \
    " a.activated_s < $2 + $8 AND a.activated_s <= $3"

/* "lr-", the time, chance and "-", which a number is to follow. */
static void
make_prefix(char out[ID_SIZE], int64_t now_s)
{
    uint32_t chance;

    tg_random(&chance, sizeof(chance));
    (void) snprintf(out, ID_SIZE, "lr-%08" PRIx64 "-%08" PRIx32 "-",
        (uint64_t) now_s & UINT32_MAX, chance);
}

/*
 * ---- used
 */

struct large {
    struct large *next;
    const char   *agreement_id;
    const char   *dimension;
    int64_t       rest;
};

/* Records of this prefix that could not hold all of their hour. */
static enum tg_status
find_large(struct tg_store *s, struct large **list, const char *prefix,
    int64_t hour, struct tg_arena *arena, struct tg_error *err)
{
    enum tg_status  status;
    struct large   *l;
    struct tg_stmt *q = NULL;

    *list = NULL;
    status = tg_store_query(s, &q, err, "SELECT r.agreement_id, r.dimension,"
        " SUM(d.quantity) - $3 FROM ledger_record r CROSS JOIN usage_source s"
        " CROSS JOIN usage_hour d WHERE r.id > $1 AND r.id < $1 || ':' AND"
        " r.quantity = $3 AND s.agreement_id = r.agreement_id AND"
        " s.dimension = r.dimension AND d.source = s.id AND d.hour = $2"
        " GROUP BY r.id HAVING SUM(d.quantity) > $3", "sii",
        prefix, hour,
        TG_LEDGER_QUANTITY_MAX);
    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        l = tg_arena_alloc(arena, sizeof(*l));
        if (l == NULL) {
            status = tg_error_set(err, TG_NOMEM, "out of memory");
            break;
        }
        l->agreement_id = tg_arena_strdup(arena, tg_stmt_text(q, 0));
        l->dimension = tg_arena_strdup(arena, tg_stmt_text(q, 1));
        l->rest = tg_stmt_int(q, 2);
        l->next = *list;
        *list = l;
        if (l->agreement_id == NULL || l->dimension == NULL) {
            status = tg_error_set(err, TG_NOMEM, "out of memory");
        }
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* E5: what one record cannot hold is a later hour's. */
static enum tg_status
carry_large(struct tg_store *s, const struct tg_seal_piece *p,
    const char *prefix, struct tg_error *err)
{
    int64_t         to;
    enum tg_status  status;
    struct large   *l = NULL;
    struct tg_arena arena;

    tg_arena_init(&arena);
    status = find_large(s, &l, prefix, p->hour, &arena, err);
    for (; l != NULL && status == TG_OK; l = l->next) {
        status = tg_record_open_hour(s, &to, l->agreement_id, l->dimension,
            p->hour, p->through, p->now_s, err);
        if (status == TG_OK) {
            status = tg_usage_move(s, l->agreement_id, l->dimension, p->hour,
                to, l->rest, REASON_LARGE, err);
        }
    }
    tg_arena_clear(&arena);
    return status;
}

/*
 * The plus keeps SQLite from going through all of the hour for each
 * agreement: it would prefer the range of ids to the one id.
 */
enum tg_status
tg_seal_used(struct tg_store *s, int64_t *made, const struct tg_seal_piece *p,
    struct tg_error *err)
{
    char           prefix[ID_SIZE];
    int64_t        count;
    enum tg_status status;

    make_prefix(prefix, p->now_s);
    status = tg_store_exec(s, err, INSERT("s.dimension", "SUM(d.quantity)")
        " CROSS JOIN usage_source s CROSS JOIN usage_hour d" WHERE_SEALED
        " AND a.state <> 'pending' AND s.agreement_id = +a.id AND"
        " d.source = s.id AND d.hour = $2 AND NOT EXISTS (SELECT 1 FROM"
        " ledger_record r WHERE r.agreement_id = s.agreement_id AND"
        " r.dimension = s.dimension AND r.hour = $2) GROUP BY a.id,"
        " s.dimension HAVING SUM(d.quantity) > 0", "siisiiiiisss",
        prefix, p->hour, p->now_s, p->actor, tg_hour_month_closes(p->hour),
        (int64_t) TG_HOUR_WINDOW_S, (int64_t) TG_LEDGER_LEAVE_S,
        (int64_t) TG_HOUR_S, TG_LEDGER_QUANTITY_MAX, p->product_code,
        p->first_id, p->last_id);
    if (status != TG_OK) {
        return status;
    }
    count = tg_store_changes(s);
    *made += count;
    return count > 0 ? carry_large(s, p, prefix, err) : TG_OK;
}

/*
 * ---- zeros, and what is noted beside the records
 */

enum tg_status
tg_seal_zeros(struct tg_store *s, int64_t *made,
    const struct tg_seal_piece *p, struct tg_error *err)
{
    char           prefix[ID_SIZE];
    enum tg_status status;

    make_prefix(prefix, p->now_s);
    /* whom Amazon does not know it would only refuse, hour after hour */
    status = tg_store_exec(s, err, INSERT("$13", "0") WHERE_SEALED
        " AND a.state = 'active' AND a.unsubscribed_s IS NULL AND NOT EXISTS"
        " (SELECT 1 FROM ledger_record r WHERE r.hour = $2 AND"
        " r.agreement_id = a.id)",
        "siisiiiiissss", prefix, p->hour, p->now_s, p->actor,
        tg_hour_month_closes(p->hour), (int64_t) TG_HOUR_WINDOW_S,
        (int64_t) TG_LEDGER_LEAVE_S, (int64_t) TG_HOUR_S,
        TG_LEDGER_QUANTITY_MAX, p->product_code, p->first_id, p->last_id,
        p->dimension);
    if (status == TG_OK) {
        *made += tg_store_changes(s);
    }
    return status;
}

enum tg_status
tg_seal_activity(struct tg_store *s, const struct tg_seal_piece *p,
    struct tg_error *err)
{
    return tg_store_exec(s, err, "INSERT INTO agreement_activity"
        " (agreement_id, used_hour, hours) SELECT a.id, $1, 1 FROM"
        " agreement a WHERE a.product_code = $2 AND a.id >= $3 AND"
        " a.id <= $4 AND EXISTS (SELECT 1 FROM ledger_record r WHERE"
        " r.hour = $1 AND r.agreement_id = a.id AND r.quantity > 0)"
        " ON CONFLICT (agreement_id) DO UPDATE SET hours = CASE"
        " WHEN agreement_activity.used_hour = excluded.used_hour THEN"
        " agreement_activity.hours"
        " WHEN agreement_activity.used_hour = excluded.used_hour - $5 THEN"
        " agreement_activity.hours + 1 ELSE 1 END,"
        " used_hour = excluded.used_hour", "isssi", p->hour, p->product_code,
        p->first_id, p->last_id, (int64_t) TG_HOUR_S);
}

#define LEFT_OF_HOUR                                                          \
    " FROM usage_hour d CROSS JOIN usage_source s WHERE d.hour = $1 AND"      \
    " d.quantity > 0 AND s.id = d.source AND s.agreement_id > '' AND"         \
    " NOT EXISTS (SELECT 1 FROM ledger_record r WHERE"                        \
    " r.agreement_id = s.agreement_id AND r.dimension = s.dimension AND"      \
    " r.hour = $1)"

enum tg_status
tg_seal_has_left(struct tg_store *s, bool *answer, int64_t hour,
    struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(s, &q, err, "SELECT 1" LEFT_OF_HOUR " LIMIT 1",
        "i", hour);
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    *answer = status == TG_OK;
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_seal_left(struct tg_store *s, int64_t hour, struct tg_error *err)
{
    return tg_store_exec(s, err, "INSERT INTO usage_left (hour, agreement_id,"
        " dimension) SELECT DISTINCT $1, s.agreement_id, s.dimension"
        LEFT_OF_HOUR " ON CONFLICT (hour, agreement_id, dimension)"
        " DO NOTHING", "i", hour);
}
