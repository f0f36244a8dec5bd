/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/sealer.h"

#include <stdio.h>
#include <string.h>

#include "billing/memo.h"
#include "billing/records.h"
#include "billing/seal.h"
#include "control/agreements.h"
#include "core/hours.h"
#include "core/ledger.h"
#include "util/arena.h"

/* Zeros are for hours that Amazon may still accept (E4). */
#define HEARTBEAT_HOURS 24

#define PIECE_AGREEMENTS INT64_C(2000) /* of one statement */
#define STEP_RECORDS 4000 /* of one transaction; fewer if others wait */

/* One seal. */
struct seal {
    struct tg_store          *store;
    const struct tg_settings *settings;
    const char               *agreement_id; /* NULL: of all */
    bool                      is_regular;
    const char               *actor;
    int64_t                   now_s;
    int64_t                   from;    /* the first hour to seal */
    int64_t                   to;      /* the first one that stays open */
    int64_t                   through; /* TG_MEMO_SEALED_THROUGH */
    int64_t                   made;   /* records of the open transaction */
    int64_t                   sealed; /* of those that were committed */
    struct tg_arena           arena;
    struct tg_error          *err;
};

/*
 * ---- steps
 */

static enum tg_status
commit(struct seal *seal)
{
    enum tg_status status = tg_store_commit(seal->store, seal->err);

    if (status == TG_OK) {
        seal->sealed += seal->made;
        seal->made = 0;
    }
    return status;
}

/* After enough work others get the write lock, soon when they wait for it. */
static enum tg_status
step(struct seal *seal)
{
    enum tg_status status;

    if (seal->made < STEP_RECORDS
        && (seal->made == 0 || !tg_store_is_wanted(seal->store)))
    {
        return TG_OK;
    }
    status = commit(seal);
    if (status == TG_OK) {
        tg_store_give_way(seal->store);
        status = tg_store_begin(seal->store, TG_STORE_DURABLE, seal->err);
    }
    return status;
}

/*
 * ---- one hour
 */

/* Whether the hour gets zeros: E4. */
static bool
wants_zeros(const struct seal *seal, int64_t hour)
{
    return seal->is_regular && seal->settings->billing.heartbeat
        && hour >= seal->to - HEARTBEAT_HOURS * TG_HOUR_S
        && seal->now_s < tg_ledger_deadline(hour, 0);
}

static enum tg_status
seal_piece(struct seal *seal, const struct tg_seal_piece *piece)
{
    enum tg_status status;

    status = tg_seal_used(seal->store, &seal->made, piece, seal->err);
    if (status == TG_OK && wants_zeros(seal, piece->hour)) {
        status = tg_seal_zeros(seal->store, &seal->made, piece, seal->err);
    }
    if (status == TG_OK && seal->is_regular) {
        status = tg_seal_activity(seal->store, piece, seal->err);
    }
    return status == TG_OK ? step(seal) : status;
}

/*
 * The bounds of the product's next agreements, behind the last id.
 * TG_NOTFOUND: there are no more.
 */
static enum tg_status
next_piece(struct seal *seal, struct tg_seal_piece *piece, const char *behind)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(seal->store, &q, seal->err, "SELECT MIN(id),"
        " MAX(id) FROM (SELECT id FROM agreement WHERE product_code = $1 AND"
        " id > $2 ORDER BY id LIMIT $3) p", "ssi", piece->product_code,
        behind, PIECE_AGREEMENTS);
    if (status == TG_OK) {
        status = tg_stmt_next(q, seal->err);
    }
    if (status == TG_OK && tg_stmt_is_null(q, 0)) {
        status = TG_NOTFOUND;
    } else if (status == TG_OK) {
        piece->first_id = tg_arena_strdup(&seal->arena, tg_stmt_text(q, 0));
        piece->last_id = tg_arena_strdup(&seal->arena, tg_stmt_text(q, 1));
        if (piece->first_id == NULL || piece->last_id == NULL) {
            status = tg_error_set(seal->err, TG_NOMEM, "out of memory");
        }
    }
    tg_stmt_done(q);
    return status;
}

/* One product's agreements, or the one that the seal is for. */
static enum tg_status
seal_product(struct seal *seal, const char *product_code, int64_t hour)
{
    const char              *behind = "";
    enum tg_status           status = TG_OK;
    const struct tg_product *product = tg_settings_product(seal->settings,
        product_code);
    struct tg_seal_piece     piece = {
        .hour = hour,
        .product_code = product_code,
        .dimension = tg_settings_dimension(seal->settings, product_code),
        .first_id = seal->agreement_id,
        .last_id = seal->agreement_id,
        .actor = seal->actor,
        .now_s = seal->now_s,
        .through = seal->through,
    };

    if (product != NULL && product->model == TG_PRODUCT_MODEL_CONTRACT) {
        return TG_OK; /* E3 */
    }
    if (seal->agreement_id != NULL) {
        return seal_piece(seal, &piece);
    }
    while (status == TG_OK
        && (status = next_piece(seal, &piece, behind)) == TG_OK)
    {
        status = seal_piece(seal, &piece);
        behind = piece.last_id;
    }
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* The product behind that one; with an agreement, its product alone. */
static enum tg_status
next_product(struct seal *seal, const char **code)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(seal->store, &q, seal->err,
        "SELECT MIN(product_code) FROM agreement WHERE product_code > $1 AND"
        " ($2 = '' OR id = $2)", "ss", *code,
        seal->agreement_id != NULL ? seal->agreement_id : "");
    if (status == TG_OK) {
        status = tg_stmt_next(q, seal->err);
    }
    if (status == TG_OK && tg_stmt_is_null(q, 0)) {
        status = TG_NOTFOUND;
    } else if (status == TG_OK) {
        *code = tg_arena_strdup(&seal->arena, tg_stmt_text(q, 0));
        if (*code == NULL) {
            status = tg_error_set(seal->err, TG_NOMEM, "out of memory");
        }
    }
    tg_stmt_done(q);
    return status;
}

/*
 * The last of an hour: what is left, and that it is done.  Its sums do not
 * change any more, so what is left can be looked for without the lock.
 */
static enum tg_status
close_hour(struct seal *seal, int64_t hour)
{
    bool           has_left = false;
    enum tg_status status = commit(seal);

    if (status == TG_OK) {
        status = tg_seal_has_left(seal->store, &has_left, hour, seal->err);
    }
    if (status == TG_OK) {
        status = tg_store_begin(seal->store, TG_STORE_DURABLE, seal->err);
    }
    if (status == TG_OK && has_left) {
        status = tg_seal_left(seal->store, hour, seal->err);
    }
    if (status == TG_OK) {
        status = tg_memo_set_int(seal->store, TG_MEMO_SEALING,
            hour + TG_HOUR_S, seal->err);
    }
    return status;
}

static enum tg_status
seal_hour(struct seal *seal, int64_t hour)
{
    const char    *product_code = "";
    enum tg_status status = TG_OK;

    while (status == TG_OK
        && (status = next_product(seal, &product_code)) == TG_OK)
    {
        status = seal_product(seal, product_code, hour);
    }
    if (status == TG_NOTFOUND) {
        status = seal->is_regular ? close_hour(seal, hour) : TG_OK;
    }
    return status;
}

/*
 * ---- all hours that are due
 */

/* The first hour from that one on in which anything was counted. */
static enum tg_status
next_used(struct tg_store *s, int64_t *hour, int64_t to,
    struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(s, &q, err, "SELECT MIN(hour) FROM usage_hour"
        " WHERE hour >= $1 AND hour < $2", "ii", *hour, to);
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK) {
        *hour = tg_stmt_is_null(q, 0) ? to : tg_stmt_int(q, 0);
    }
    tg_stmt_done(q);
    return status;
}

/* The next hour with something to seal; to: there is none. */
static enum tg_status
next_hour(struct seal *seal, int64_t *hour)
{
    int64_t        used = *hour;
    enum tg_status status = next_used(seal->store, &used, seal->to,
        seal->err);

    while (status == TG_OK && *hour < used && !wants_zeros(seal, *hour)) {
        *hour += TG_HOUR_S;
    }
    return status;
}

/* E2: from here on the sums of the hours to seal do not change. */
static enum tg_status
cut(struct seal *seal)
{
    enum tg_status status;

    if (seal->to > seal->through) {
        seal->through = seal->to;
        status = tg_memo_set_int(seal->store, TG_MEMO_SEALED_THROUGH,
            seal->to, seal->err);
        if (status == TG_OK) {
            status = tg_memo_set_int(seal->store, TG_MEMO_SEALING,
                seal->from, seal->err);
        }
        if (status == TG_OK) {
            status = tg_store_commit(seal->store, seal->err);
        }
        return status == TG_OK ? tg_store_begin(seal->store,
            TG_STORE_DURABLE, seal->err) : status;
    }
    seal->to = seal->through; /* goes on with one that was stopped */
    return TG_OK;
}

/* Everything between the first begin and the last commit. */
static enum tg_status
seal_hours(struct seal *seal)
{
    int64_t        hour;
    enum tg_status status;

    status = tg_memo_get_int(seal->store, &seal->through,
        TG_MEMO_SEALED_THROUGH, seal->err);
    seal->from = seal->through;
    if (status == TG_OK && seal->is_regular) {
        status = tg_memo_get_int(seal->store, &seal->from, TG_MEMO_SEALING,
            seal->err);
        if (status == TG_OK || status == TG_NOTFOUND) {
            status = cut(seal);
        }
    }
    hour = seal->from;
    while (status == TG_OK
        && (status = next_hour(seal, &hour)) == TG_OK && hour < seal->to)
    {
        status = seal_hour(seal, hour);
        hour += TG_HOUR_S;
    }
    if (status == TG_OK && seal->is_regular) {
        status = tg_memo_remove(seal->store, TG_MEMO_SEALING, seal->err);
    }
    return status;
}

static enum tg_status
run(struct seal *seal, int64_t *sealed)
{
    enum tg_status status;

    tg_arena_init(&seal->arena);
    status = tg_store_begin(seal->store, TG_STORE_DURABLE, seal->err);
    if (status == TG_OK) {
        status = seal_hours(seal);
    }
    if (status == TG_OK) {
        status = commit(seal);
    }
    tg_store_rollback(seal->store);
    tg_arena_clear(&seal->arena);
    *sealed = seal->sealed;
    return status;
}

/*
 * ---- the seals
 */

int64_t
tg_sealer_due(const struct tg_settings *settings, int64_t now_s)
{
    return tg_hour_of(now_s - settings->billing.grace_s);
}

enum tg_status
tg_sealer_through(struct tg_store *s, int64_t *through,
    const struct tg_settings *settings, int64_t now_s, struct tg_error *err)
{
    int64_t        due = tg_sealer_due(settings, now_s);
    enum tg_status status;

    status = tg_memo_get_int(s, through, TG_MEMO_SEALED_THROUGH, err);
    if (status != TG_NOTFOUND) {
        return status;
    }
    status = tg_store_begin(s, TG_STORE_DURABLE, err);
    if (status == TG_OK) {
        *through = 0;
        status = next_used(s, through, due, err);
    }
    if (status == TG_OK) {
        status = tg_memo_set_int(s, TG_MEMO_SEALED_THROUGH, *through, err);
    }
    if (status == TG_OK) {
        status = tg_store_commit(s, err);
    }
    tg_store_rollback(s);
    return status;
}

enum tg_status
tg_sealer_is_under_way(struct tg_store *s, bool *answer,
    struct tg_error *err)
{
    int64_t        hour;
    enum tg_status status = tg_memo_get_int(s, &hour, TG_MEMO_SEALING, err);

    *answer = status == TG_OK;
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_sealer_regular(struct tg_store *s, int64_t *sealed,
    const struct tg_settings *settings, int64_t now_s, struct tg_error *err)
{
    struct seal seal = { .store = s, .settings = settings,
        .is_regular = true, .actor = "sealer", .now_s = now_s,
        .to = tg_sealer_due(settings, now_s), .err = err };

    return run(&seal, sealed);
}

enum tg_status
tg_sealer_early(struct tg_store *s, int64_t *sealed,
    const struct tg_settings *settings, const char *agreement_id,
    int64_t now_s, struct tg_error *err)
{
    struct seal seal = { .store = s, .settings = settings,
        .agreement_id = agreement_id, .actor = "operator", .now_s = now_s,
        .to = tg_hour_of(now_s) + TG_HOUR_S, .err = err };

    return run(&seal, sealed);
}

/*
 * ---- who leaves: E7
 */

/* Agreements that ended, the grace ago or longer, within the time to leave. */
#define LEFT                                                                  \
    " FROM agreement a WHERE a.ended_s <= $1 AND a.ended_s > $2"

enum tg_status
tg_sealer_has_leavers(struct tg_store *s, bool *answer,
    const struct tg_settings *settings, int64_t now_s, struct tg_error *err)
{
    int64_t         through = 0, hour = tg_hour_of(now_s);
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *answer = false;
    status = tg_memo_get_int(s, &through, TG_MEMO_SEALED_THROUGH, err);
    if (status != TG_OK) {
        return status == TG_NOTFOUND ? TG_OK : status; /* nothing is open */
    }
    status = tg_store_query(s, &q, err, "SELECT 1" LEFT " AND ("
        "EXISTS (SELECT 1" TG_USAGE_OF " s.agreement_id = a.id AND"
        " d.hour IN ($3, $4) AND d.hour >= $6 AND d.quantity > 0 AND"
        " a.activated_s <= $1 AND a.activated_s < d.hour + 3600 AND NOT EXISTS"
        " (SELECT 1 FROM ledger_record r WHERE r.agreement_id = a.id AND"
        " r.dimension = s.dimension AND r.hour = d.hour))"
        " OR EXISTS (SELECT 1 FROM ledger_record r WHERE"
        " r.agreement_id = a.id AND r.state IN ('sealed', 'sent') AND"
        " r.deadline_s > a.ended_s + $5)) LIMIT 1", "iiiiii",
        now_s - settings->billing.grace_s, now_s - TG_LEDGER_LEAVE_S,
        hour - TG_HOUR_S, hour, (int64_t) TG_LEDGER_LEAVE_S, through);
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    *answer = status == TG_OK;
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* What was sealed before the buyer left has less time now. */
static enum tg_status
hasten(struct tg_store *s, const char *agreement_id, struct tg_error *err)
{
    enum tg_status status = tg_store_begin(s, TG_STORE_DURABLE, err);

    if (status == TG_OK) {
        status = tg_store_exec(s, err, "UPDATE ledger_record SET deadline_s ="
            " (SELECT a.ended_s + $2 FROM agreement a WHERE a.id = $1)"
            " WHERE agreement_id = $1 AND state IN ('sealed', 'sent') AND"
            " deadline_s > (SELECT a.ended_s + $2 FROM agreement a WHERE"
            " a.id = $1)", "si", agreement_id, (int64_t) TG_LEDGER_LEAVE_S);
    }
    if (status == TG_OK) {
        status = tg_store_commit(s, err);
    }
    tg_store_rollback(s);
    return status;
}

enum tg_status
tg_sealer_leavers(struct tg_store *s, int64_t *sealed,
    const struct tg_settings *settings, int64_t now_s, struct tg_error *err)
{
    char            id[TG_AGREEMENT_ID_SIZE] = "";
    int64_t         count = 0;
    enum tg_status  status = TG_OK;
    struct tg_stmt *q;

    *sealed = 0;
    while (status == TG_OK) {
        q = NULL;
        status = tg_store_query(s, &q, err, "SELECT MIN(a.id)" LEFT
            " AND a.id > $3", "iis", now_s - settings->billing.grace_s,
            now_s - TG_LEDGER_LEAVE_S, id);
        if (status == TG_OK) {
            status = tg_stmt_next(q, err);
        }
        if (status == TG_OK && tg_stmt_is_null(q, 0)) {
            status = TG_NOTFOUND;
        } else if (status == TG_OK) {
            (void) snprintf(id, sizeof(id), "%s", tg_stmt_text(q, 0));
        }
        tg_stmt_done(q);
        if (status == TG_OK) {
            struct seal seal = { .store = s, .settings = settings,
                .agreement_id = id, .actor = "sealer: the buyer leaves",
                .now_s = now_s, .to = tg_hour_of(now_s) + TG_HOUR_S,
                .err = err };

            status = run(&seal, &count);
            *sealed += count;
        }
        if (status == TG_OK) {
            status = hasten(s, id, err);
        }
    }
    return status == TG_NOTFOUND ? TG_OK : status;
}
