/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/alarms.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "billing/memo.h"
#include "billing/records.h"
#include "billing/runtime.h"
#include "billing/sealer.h"
#include "billing/unrecorded.h"
#include "core/hours.h"
#include "util/clock.h"

#define FOLD_LATE_S 60
#define EXPIRES_SOON_S (6 * TG_HOUR_S)
#define SETTLES_IN_S 900    /* what is younger is on its way */
#define TROUBLE_HOURS 25    /* refused and expired units ring so long */
#define SILENT_HOURS 24     /* and a silent buyer */

static const struct {
    const char *name;
    const char *next;
} alarms[] = {
#define X(name, text, next) { text, next },
    TG_ALARM_LIST(X)
#undef X
};

/* One look. */
struct look {
    struct tg_billing     *b;
    struct tg_store       *store;
    struct tg_alarm_state *state;
    int64_t                now_s;
    struct tg_error       *err;
};

const char *
tg_alarm_name(enum tg_alarm alarm)
{
    return alarms[alarm].name;
}

static void TG_PRINTF(3, 4)
ring(struct look *l, enum tg_alarm alarm, const char *fmt, ...)
{
    va_list args;

    l->state->rings[alarm] = true;
    va_start(args, fmt);
    (void) vsnprintf(l->state->messages[alarm], TG_ERROR_MAX, fmt, args);
    va_end(args);
}

/* "3 hours" or "25 minutes", for a time that is to come. */
static void
say_span(char *out, size_t size, int64_t seconds)
{
    (void) snprintf(out, size, seconds >= 2 * TG_HOUR_S
        ? "%" PRId64 " hours" : "%" PRId64 " minutes",
        seconds >= 2 * TG_HOUR_S ? seconds / TG_HOUR_S : seconds / 60);
}

/*
 * ---- what the threads know
 */

static void
look_at_threads(struct look *l)
{
    char               reason[TG_GUARD_REASON_SIZE];
    bool               is_stopped, is_held;
    int64_t            last_s;
    struct tg_billing *b = l->b;

    is_held = tg_guard_reason(&b->guard, reason);
    pthread_mutex_lock(&b->guard.lock);
    is_stopped = b->guard.trouble[0] != '\0';
    pthread_mutex_unlock(&b->guard.lock);
    if (is_stopped) {
        ring(l, TG_ALARM_FOLDING_STOPPED, "%s", reason);
    } else if (is_held) {
        ring(l, TG_ALARM_SEALING_HELD, "%s", reason);
    }
    pthread_mutex_lock(&b->lock);
    if (b->trouble[0] != '\0') {
        ring(l, TG_ALARM_SENDING_STOPPED, "%s", b->trouble);
    }
    if (b->store_trouble[0] != '\0' && !is_stopped) {
        ring(l, TG_ALARM_STORE_FAILS, "%s", b->store_trouble);
    }
    last_s = b->collected.last_s;
    pthread_mutex_unlock(&b->lock);
    l->state->fold_lag_s = last_s > 0 && l->now_s > last_s
        ? l->now_s - last_s : 0;
    if (l->state->fold_lag_s > FOLD_LATE_S && !is_stopped) {
        ring(l, TG_ALARM_FOLD_LATE, "usage was last folded %" PRId64
            " seconds ago", l->state->fold_lag_s);
    }
}

/*
 * ---- what the store knows
 */

/* The first row's first two columns, 0 where there is none. */
static enum tg_status
take_two(struct look *l, struct tg_stmt *q, enum tg_status status,
    int64_t *first, int64_t *second)
{
    *first = *second = 0;
    if (status == TG_OK) {
        status = tg_stmt_next(q, l->err);
    }
    if (status == TG_OK) {
        *first = tg_stmt_int(q, 0);
        *second = tg_stmt_int(q, 1);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
look_at_unsettled(struct look *l)
{
    char                   span[32];
    int64_t                overdue, unused;
    enum tg_status         status;
    struct tg_stmt        *q = NULL;
    struct tg_alarm_state *s = l->state;

    status = tg_store_query(l->store, &q, l->err, "SELECT"
        " COALESCE(SUM(records), 0), COALESCE(SUM(units), 0) FROM"
        " ledger_total WHERE state IN ('sealed', 'sent')", "");
    status = take_two(l, q, status, &s->unsettled_records,
        &s->unsettled_units);
    if (status == TG_OK && s->unsettled_records > 0) {
        q = NULL;
        status = tg_store_query(l->store, &q, l->err, "SELECT deadline_s, 0"
            " FROM ledger_record WHERE state IN ('sealed', 'sent')"
            " ORDER BY deadline_s LIMIT 1", "");
        status = take_two(l, q, status, &s->nearest_deadline, &unused);
    }
    if (status == TG_OK && s->nearest_deadline > 0
        && s->nearest_deadline - l->now_s < EXPIRES_SOON_S)
    {
        q = NULL;
        status = tg_store_query(l->store, &q, l->err, "SELECT deadline_s, 0"
            " FROM ledger_record WHERE state IN ('sealed', 'sent') AND"
            " deadline_s < $1 AND sealed_s <= $2 ORDER BY deadline_s"
            " LIMIT 1", "ii", l->now_s + EXPIRES_SOON_S,
            l->now_s - SETTLES_IN_S);
        status = take_two(l, q, status, &overdue, &unused);
        if (status == TG_OK && overdue > 0) {
            say_span(span, sizeof(span), overdue - l->now_s);
            ring(l, TG_ALARM_RECORDS_EXPIRE, "%" PRId64 " records with %"
                PRId64 " units are not acknowledged; the first %s%s",
                s->unsettled_records, s->unsettled_units, overdue > l->now_s
                ? "expires in " : "is past its deadline", overdue > l->now_s
                ? span : "");
        }
    }
    return status;
}

/* Records of the last day that ended in a state, with units in them. */
static enum tg_status
look_at_ended(struct look *l, enum tg_alarm alarm, const char *state)
{
    int64_t         records, units;
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(l->store, &q, l->err, "SELECT COUNT(*),"
        " COALESCE(SUM(quantity), 0) FROM ledger_record WHERE state = $1 AND"
        " (state = 'refused' OR state = 'expired' OR state = 'carried') AND"
        " hour >= $2 AND quantity > 0", "si", state,
        tg_hour_of(l->now_s) - TROUBLE_HOURS * TG_HOUR_S);
    status = take_two(l, q, status, &records, &units);
    if (status == TG_OK && records > 0) {
        ring(l, alarm, "%" PRId64 " units in %" PRId64 " records of the last"
            " day are %s", units, records, state);
    }
    return status;
}

static enum tg_status
look_at_unrecorded(struct look *l)
{
    char                      time[TG_ISO8601_SIZE];
    enum tg_status            status;
    struct tg_unrecorded_sums sums;

    status = tg_unrecorded_sum(l->store, &sums, l->now_s, l->err);
    if (status != TG_OK) {
        return status;
    }
    l->state->held_units = sums.held;
    l->state->held_until = sums.held_until;
    l->state->lost_units = sums.lost;
    if (sums.held > 0) {
        tg_iso8601(time, sums.held_until);
        ring(l, TG_ALARM_USAGE_HELD, "%" PRId64 " units belong to no"
            " agreement; the first are lost at %s", sums.held, time);
    }
    if (sums.lost > 0) {
        tg_iso8601(time, sums.lost_from);
        ring(l, TG_ALARM_USAGE_LOST, "%" PRId64 " units, the oldest of %s,"
            " were never billed, and Amazon takes no record of their hours"
            " any more", sums.lost, time);
    }
    return TG_OK;
}

/*
 * Buyers who used something in each hour of a day or more, and nothing since
 * at least one sealed hour; after another day the silence is what is usual.
 */
static enum tg_status
look_at_silent(struct look *l)
{
    int64_t         through = 0, unused;
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_memo_get_int(l->store, &through, TG_MEMO_SEALED_THROUGH,
        l->err);
    if (status != TG_OK) {
        return status == TG_NOTFOUND ? TG_OK : status;
    }
    l->state->sealed_through = through;
    status = tg_store_query(l->store, &q, l->err, "SELECT COUNT(*), 0 FROM"
        " agreement_activity v JOIN agreement a ON a.id = v.agreement_id"
        " WHERE v.hours >= 24 AND v.hours >= $4 AND v.used_hour < $1 AND"
        " v.used_hour >= $2 AND a.state = 'active' AND NOT EXISTS (SELECT 1"
        TG_USAGE_OF " d.hour IN ($5, $3) AND s.agreement_id = a.id AND"
        " d.quantity > 0)", "iiiii",
        through - TG_HOUR_S, through - (SILENT_HOURS + 1) * TG_HOUR_S,
        tg_hour_of(l->now_s), (int64_t) TG_SEALER_STEADY_HOURS, through);
    status = take_two(l, q, status, &l->state->silent_buyers, &unused);
    if (status == TG_OK && l->state->silent_buyers > 0) {
        ring(l, TG_ALARM_BUYERS_SILENT, "%" PRId64 " buyers who called each"
            " hour for a day or longer have fallen silent",
            l->state->silent_buyers);
    }
    return status;
}

static enum tg_status
look_at_reporter(struct look *l)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(l->store, &q, l->err, "SELECT since_s,"
        " expires_s, holder FROM lease WHERE name = 'reporter'", "");
    if (status == TG_OK) {
        status = tg_stmt_next(q, l->err);
    }
    if (status == TG_OK) {
        l->state->reporter_since_s = tg_stmt_int(q, 0);
        l->state->reporter_until_s = tg_stmt_int(q, 1);
        (void) snprintf(l->state->reporter, sizeof(l->state->reporter),
            "%s", tg_stmt_text(q, 2));
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_alarms_look(struct tg_billing *b, struct tg_alarm_state *state,
    int64_t now_s, struct tg_error *err)
{
    enum tg_status status;
    struct look    l = { .b = b, .store = b->operator_store, .state = state,
        .now_s = now_s, .err = err };

    memset(state, 0, sizeof(*state));
    look_at_threads(&l);
    status = look_at_unsettled(&l);
    if (status == TG_OK) {
        status = look_at_ended(&l, TG_ALARM_UNITS_REFUSED, "refused");
    }
    if (status == TG_OK) {
        status = look_at_ended(&l, TG_ALARM_UNITS_EXPIRED, "expired");
    }
    if (status == TG_OK) {
        status = look_at_unrecorded(&l);
    }
    if (status == TG_OK) {
        status = look_at_silent(&l);
    }
    return status == TG_OK ? look_at_reporter(&l) : status;
}

/*
 * ---- for `status'
 */

static json_t *
time_or_null(int64_t time_s)
{
    return time_s > 0 ? json_integer((json_int_t) time_s) : json_null();
}

static enum tg_status
set_figures(json_t *figures, const struct tg_alarm_state *s,
    struct tg_error *err)
{
    json_t *all = json_pack("{s:I, s:I, s:o, s:I, s:o, s:I, s:I, s:I, s:o,"
        " s:{s:o, s:o, s:o}}", "unsettledRecords",
        (json_int_t) s->unsettled_records, "unsettledUnits",
        (json_int_t) s->unsettled_units, "nearestDeadline",
        time_or_null(s->nearest_deadline), "heldUnits",
        (json_int_t) s->held_units, "heldUntil",
        time_or_null(s->held_until), "lostUnits",
        (json_int_t) s->lost_units, "silentBuyers",
        (json_int_t) s->silent_buyers, "foldLagSeconds",
        (json_int_t) s->fold_lag_s, "sealedThrough",
        time_or_null(s->sealed_through), "reporter", "holder",
        s->reporter[0] != '\0' ? json_string(s->reporter) : json_null(),
        "since", time_or_null(s->reporter_since_s), "until",
        time_or_null(s->reporter_until_s));
    enum tg_status status = TG_OK;

    if (all == NULL || json_object_update(figures, all) != 0) {
        status = tg_error_set(err, TG_NOMEM, "out of memory");
    }
    json_decref(all);
    return status;
}

enum tg_status
tg_alarms_list(struct tg_billing *b, json_t *list, json_t *figures,
    int64_t now_s, struct tg_error *err)
{
    int                   i;
    enum tg_status        status;
    struct tg_alarm_state state;

    status = tg_alarms_look(b, &state, now_s, err);
    for (i = 0; i < TG_ALARM_COUNT && status == TG_OK; i++) {
        if (state.rings[i] && json_array_append_new(list,
                json_pack("{s:s, s:s, s:s}", "name", alarms[i].name,
                    "message", state.messages[i], "next", alarms[i].next))
                != 0)
        {
            status = tg_error_set(err, TG_NOMEM, "out of memory");
        }
    }
    return status == TG_OK ? set_figures(figures, &state, err) : status;
}
