/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/held.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/trail.h"
#include "billing/memo.h"
#include "billing/records.h"
#include "core/hours.h"
#include "core/ledger.h"
#include "core/unbillable.h"
#include "util/arena.h"

#define BATCH 500 /* rows of one transaction */
#define REASON_SIZE 320

#define REASON_HELD "held until its agreement was known: "
#define REASON_LATE "held until its agreement was known, and its hour was"    \
    " sealed by then: "
#define REASON_LEFT "its agreement was not active when its hour was sealed"

/* Some units on their way home. */
struct homecoming {
    struct homecoming  *next;
    struct tg_usage_row row; /* as it is held; left: agreement and hour */
    const char         *agreement_id;
    int64_t             quantity;
};

/* One pass. */
struct pass {
    struct tg_store          *store;
    const struct tg_settings *settings;
    int64_t                   now_s;
    int64_t                   through;
    struct homecoming        *list;
    int64_t                   rows, units; /* in the list */
    struct tg_arena           arena;
    struct tg_error          *err;
};

/* H2: whether Amazon would take a record of the hour. */
static bool
is_in_time(const struct pass *p, int64_t hour, int64_t activated_s,
    int64_t ended_s)
{
    int64_t stamp;

    return tg_ledger_timestamp(&stamp, hour, activated_s) == TG_OK
        && stamp <= p->now_s && p->now_s < tg_ledger_deadline(stamp, ended_s);
}

static const char *
copy(struct pass *p, struct tg_stmt *q, int column, bool *failed)
{
    const char *text = tg_arena_strdup(&p->arena, tg_stmt_text(q, column));

    *failed = *failed || text == NULL;
    return text;
}

static struct homecoming *
add(struct pass *p, struct tg_stmt *q, int quantity)
{
    struct homecoming *h = tg_arena_alloc(&p->arena, sizeof(*h));

    if (h != NULL) {
        h->quantity = tg_stmt_int(q, quantity);
        h->next = p->list;
        p->list = h;
        p->rows++;
        p->units += h->quantity;
    }
    return h;
}

/*
 * ---- held for want of an agreement
 */

static enum tg_status
add_held(struct pass *p, struct tg_stmt *q)
{
    bool               failed = false;
    struct homecoming *h = add(p, q, 7);

    if (h == NULL) {
        return tg_error_set(p->err, TG_NOMEM, "out of memory");
    }
    h->row.agreement_id = "";
    h->row.node = copy(p, q, 0, &failed);
    h->row.product_code = copy(p, q, 1, &failed);
    h->row.dimension = copy(p, q, 2, &failed);
    h->row.hour = tg_stmt_int(q, 3);
    h->row.used_hour = tg_stmt_int(q, 3);
    h->row.key_id = copy(p, q, 4, &failed);
    h->row.plan_id = copy(p, q, 5, &failed);
    h->row.reason = copy(p, q, 6, &failed);
    h->agreement_id = copy(p, q, 8, &failed);
    return failed ? tg_error_set(p->err, TG_NOMEM, "out of memory") : TG_OK;
}

/* H1 and H2, by the index of held usage of the last day. */
static enum tg_status
find_held(struct pass *p)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(p->store, &q, p->err, "SELECT s.node,"
        " s.product_code, s.dimension, d.hour, s.key_id, s.plan_id, s.reason,"
        " d.quantity, a.id, a.activated_s, a.ended_s FROM usage_hour d"
        " CROSS JOIN usage_source s CROSS JOIN usage_plan_key u"
        " CROSS JOIN meter_owner o CROSS JOIN agreement a"
        " WHERE d.is_held = 1 AND d.hour > $1 AND d.quantity > 0 AND"
        " s.id = d.source AND s.late_s = 0 AND u.plan_id = s.plan_id AND"
        " u.key_id = s.key_id AND o.slot = u.slot AND o.owner = u.owner AND"
        " o.file_id IN (SELECT file_id FROM fold) AND"
        " a.id = o.agreement_id AND a.product_code = s.product_code AND"
        " a.state <> 'pending'", "i",
        p->now_s - TG_HOUR_WINDOW_S - TG_HOUR_S);
    while (status == TG_OK && p->rows < BATCH
        && (status = tg_stmt_next(q, p->err)) == TG_OK)
    {
        if (tg_unbillable_comes_home(tg_unbillable_of(tg_stmt_text(q, 6)))
            && is_in_time(p, tg_stmt_int(q, 3), tg_stmt_int(q, 9),
                   tg_stmt_int(q, 10)))
        {
            status = add_held(p, q);
        }
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
bring_held(struct pass *p, struct homecoming *h)
{
    char                reason[REASON_SIZE];
    int64_t             source;
    enum tg_status      status;
    struct tg_usage_row home = h->row;

    home.agreement_id = h->agreement_id;
    status = tg_record_open_hour(p->store, &home.hour, h->agreement_id,
        h->row.dimension, h->row.used_hour, p->through, p->now_s, p->err);
    (void) snprintf(reason, sizeof(reason), "%s%s",
        home.hour == h->row.used_hour ? REASON_HELD : REASON_LATE,
        h->row.reason);
    home.reason = reason;
    if (status == TG_OK) {
        status = tg_usage_take(p->store, &h->row, h->quantity, p->err);
    }
    if (status == TG_OK) {
        status = tg_usage_add(p->store, &home, h->quantity, &source,
            p->err);
    }
    return status;
}

/*
 * ---- left by a seal
 */

static enum tg_status
add_left(struct pass *p, struct tg_stmt *q)
{
    bool               failed = false;
    struct homecoming *h = add(p, q, 5);

    if (h == NULL) {
        return tg_error_set(p->err, TG_NOMEM, "out of memory");
    }
    h->row.hour = tg_stmt_int(q, 0);
    h->agreement_id = copy(p, q, 1, &failed);
    h->row.dimension = copy(p, q, 2, &failed);
    return failed ? tg_error_set(p->err, TG_NOMEM, "out of memory") : TG_OK;
}

static enum tg_status
find_left(struct pass *p)
{
    enum tg_status           status;
    struct tg_stmt          *q = NULL;
    const struct tg_product *product;

    status = tg_store_query(p->store, &q, p->err, "SELECT l.hour,"
        " l.agreement_id, l.dimension, a.activated_s, a.ended_s,"
        " (SELECT COALESCE(SUM(d.quantity), 0)" TG_USAGE_OF
        " s.agreement_id = l.agreement_id AND s.dimension = l.dimension AND"
        " d.hour = l.hour), a.product_code FROM usage_left l JOIN agreement a"
        " ON a.id = l.agreement_id WHERE l.hour > $1 AND"
        " a.state <> 'pending'", "i",
        p->now_s - TG_HOUR_WINDOW_S - TG_HOUR_S);
    while (status == TG_OK && p->rows < BATCH
        && (status = tg_stmt_next(q, p->err)) == TG_OK)
    {
        product = tg_settings_product(p->settings, tg_stmt_text(q, 6));
        if (tg_stmt_int(q, 5) > 0
            && (product == NULL
                || product->model != TG_PRODUCT_MODEL_CONTRACT)
            && is_in_time(p, tg_stmt_int(q, 0), tg_stmt_int(q, 3),
                   tg_stmt_int(q, 4)))
        {
            status = add_left(p, q);
        }
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
bring_left(struct pass *p, struct homecoming *h)
{
    int64_t        to;
    enum tg_status status;

    status = tg_record_open_hour(p->store, &to, h->agreement_id,
        h->row.dimension, h->row.hour, p->through, p->now_s, p->err);
    if (status == TG_OK) {
        status = tg_usage_move(p->store, h->agreement_id, h->row.dimension,
            h->row.hour, to, h->quantity, REASON_LEFT, p->err);
    }
    if (status == TG_OK) {
        status = tg_store_exec(p->store, p->err, "DELETE FROM usage_left"
            " WHERE hour = $1 AND agreement_id = $2 AND dimension = $3",
            "iss", h->row.hour, h->agreement_id, h->row.dimension);
    }
    return status;
}

/*
 * ---- passes
 */

static enum tg_status
append_audit(struct pass *p)
{
    json_t                *request = json_pack("{s:I, s:I}", "units",
        (json_int_t) p->units, "rows", (json_int_t) p->rows);
    enum tg_status         status;
    struct tg_audit_record record = {
        .time_s = p->now_s,
        .event_source = TG_AUDIT_SOURCE_TALLYGATE,
        .event_name = "BillHeldUsage",
        .region = p->settings->marketplace.region,
        .account_id = p->settings->account_id,
        .identity = tg_audit_self(p->settings->account_id, "sealer"),
        .request = request,
    };

    status = request != NULL ? tg_audit_append(p->store, &record, p->err)
                             : tg_error_set(p->err, TG_NOMEM,
                                   "out of memory");
    json_decref(request);
    return status;
}

typedef enum tg_status finder(struct pass *p);
typedef enum tg_status bringer(struct pass *p, struct homecoming *h);

/* What was found comes home, or nothing of it. */
static enum tg_status
bring(struct pass *p, bringer *bring_one)
{
    enum tg_status     status;
    struct homecoming *h;

    status = tg_store_begin(p->store, TG_STORE_DURABLE, p->err);
    if (status == TG_OK) {
        status = tg_memo_get_int(p->store, &p->through,
            TG_MEMO_SEALED_THROUGH, p->err);
    }
    for (h = p->list; h != NULL && status == TG_OK; h = h->next) {
        status = bring_one(p, h);
    }
    if (status == TG_OK) {
        status = append_audit(p);
    }
    if (status == TG_OK) {
        status = tg_store_commit(p->store, p->err);
    }
    tg_store_rollback(p->store);
    return status;
}

static enum tg_status
run(struct pass *p, int64_t *units, finder *find, bringer *bring_one)
{
    bool           is_more = true;
    enum tg_status status = TG_OK;

    while (is_more && status == TG_OK) {
        tg_arena_init(&p->arena);
        p->list = NULL;
        p->rows = p->units = 0;
        status = find(p);
        if (status == TG_OK && p->rows > 0) {
            status = bring(p, bring_one);
            *units += status == TG_OK ? p->units : 0;
        }
        is_more = p->rows == BATCH;
        tg_arena_clear(&p->arena);
    }
    return status;
}

enum tg_status
tg_held_bring_home(struct tg_store *s, int64_t *units,
    const struct tg_settings *settings, int64_t now_s, struct tg_error *err)
{
    enum tg_status status;
    struct pass    p = { .store = s, .settings = settings, .now_s = now_s,
        .err = err };

    *units = 0;
    status = run(&p, units, find_held, bring_held);
    return status == TG_OK ? run(&p, units, find_left, bring_left) : status;
}
