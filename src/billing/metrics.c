/*
 * metrics.c - billing for Prometheus
 *
 * Counters since the start of the daemon from its threads; gauges from the
 * store, each from an index.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>

#include "billing/alarms.h"
#include "billing/billing.h"
#include "billing/runtime.h"
#include "core/unbillable.h"

static void
counter(struct tg_buf *out, const char *name, const char *help,
    uint64_t value)
{
    tg_buf_printf(out, "# HELP tallygate_%s %s\n# TYPE tallygate_%s counter\n"
        "tallygate_%s %" PRIu64 "\n", name, help, name, name, value);
}

static void
gauge(struct tg_buf *out, const char *name, const char *help, int64_t value)
{
    tg_buf_printf(out, "# HELP tallygate_%s %s\n# TYPE tallygate_%s gauge\n"
        "tallygate_%s %" PRId64 "\n", name, help, name, name, value);
}

static void
head(struct tg_buf *out, const char *name, const char *type, const char *help)
{
    tg_buf_printf(out, "# HELP tallygate_%s %s\n# TYPE tallygate_%s %s\n",
        name, help, name, type);
}

/* Each alarm by its name, 1 while it rings. */
static void
add_alarms(struct tg_buf *out, const struct tg_alarm_state *s)
{
    int i;

    head(out, "alarm", "gauge", "1 while the alarm rings; see"
        " docs/operations.md.");
    for (i = 0; i < TG_ALARM_COUNT; i++) {
        tg_buf_printf(out, "tallygate_alarm{name=\"%s\"} %d\n",
            tg_alarm_name((enum tg_alarm) i), s->rings[i]);
    }
}

/* What the ledger comes to, and how long that may go on. */
static void
add_figures(struct tg_buf *out, const struct tg_alarm_state *s,
    int64_t now_s)
{
    gauge(out, "unsettled_records", "Records that are not acknowledged.",
        s->unsettled_records);
    gauge(out, "unsettled_units", "Units in them: at risk until they are.",
        s->unsettled_units);
    gauge(out, "seconds_to_deadline", "Until the first of them expires;"
        " -1: there is none.", s->nearest_deadline == 0 ? -1
        : s->nearest_deadline - now_s);
    gauge(out, "held_units", "Units counted for no agreement that Amazon"
        " would still take.", s->held_units);
    gauge(out, "held_seconds_left", "Until the first of them are lost;"
        " -1: there is none.", s->held_until == 0 ? -1
        : s->held_until - now_s);
    gauge(out, "lost_units", "Units that were never billed and cannot be,"
        " until a person writes them off.", s->lost_units);
    gauge(out, "silent_buyers", "Buyers who called each hour for a day or"
        " longer and have fallen silent.", s->silent_buyers);
    gauge(out, "seal_lag_seconds", "Since the end of the last sealed hour;"
        " -1: nothing was sealed yet.", s->sealed_through == 0 ? -1
        : now_s - s->sealed_through);
}

/* Records and units in each state, from the sums that the store keeps. */
static enum tg_status
add_totals(struct tg_billing *b, struct tg_buf *out)
{
    int             column;
    enum tg_status  status = TG_OK;
    struct tg_stmt *q;
    static const char *const names[] = { "ledger_records", "ledger_units" };

    for (column = 0; column < 2 && status == TG_OK; column++) {
        q = NULL;
        head(out, names[column], "gauge", column == 0
            ? "Records in each state." : "Units of the records in each"
              " state.");
        status = tg_store_query(b->operator_store, &q, NULL, "SELECT state,"
            " records, units FROM ledger_total ORDER BY state", "");
        while (status == TG_OK && (status = tg_stmt_next(q, NULL)) == TG_OK)
        {
            tg_buf_printf(out, "tallygate_%s{state=\"%s\"} %" PRId64 "\n",
                names[column], tg_stmt_text(q, 0),
                tg_stmt_int(q, column + 1));
        }
        tg_stmt_done(q);
        status = status == TG_NOTFOUND ? TG_OK : status;
    }
    return status;
}

/* Cells that count for a product and for nobody, by the list's names. */
static enum tg_status
add_unbound(struct tg_billing *b, struct tg_buf *out)
{
    int             i;
    int64_t         counts[TG_UNBILLABLE_COUNT] = { 0 };
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(b->operator_store, &q, NULL, "SELECT reason,"
        " COUNT(*) FROM meter_owner WHERE state = 'open' AND agreement_id IS"
        " NULL AND product_code IS NOT NULL GROUP BY reason", "");
    while (status == TG_OK && (status = tg_stmt_next(q, NULL)) == TG_OK) {
        counts[tg_unbillable_of(tg_stmt_text(q, 0))] += tg_stmt_int(q, 1);
    }
    tg_stmt_done(q);
    head(out, "meters_without_agreement", "gauge", "Meters of plans with a"
        " product code whose calls are nobody's, and why.");
    for (i = 0; i < TG_UNBILLABLE_COUNT; i++) {
        tg_buf_printf(out, "tallygate_meters_without_agreement{reason=\"%s\"}"
            " %" PRId64 "\n", tg_unbillable_name((enum tg_unbillable) i),
            counts[i]);
    }
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* Calls that were served and are nobody's bill, by reason. */
static void
add_unbillable(struct tg_buf *out, const struct tg_collector_stats *c)
{
    int i;

    head(out, "unbillable_units_total", "counter", "Units counted that"
        " belonged to no agreement, and why.");
    for (i = 0; i < TG_UNBILLABLE_COUNT; i++) {
        tg_buf_printf(out, "tallygate_unbillable_units_total{reason=\"%s\"} %"
            PRIu64 "\n", tg_unbillable_name((enum tg_unbillable) i),
            c->unbillable[i]);
    }
}

/* What the reporter did with the Marketplace, and what it is at. */
static void
add_reporting(struct tg_buf *out, const struct tg_reporter_stats *r)
{
    counter(out, "metering_requests_total", "BatchMeterUsage requests.",
        r->requests);
    counter(out, "metering_failures_total", "Those not answered with 200.",
        r->failed);
    counter(out, "metering_throttled_total", "Those told to slow down.",
        r->throttled);
    gauge(out, "metering_requests_in_flight", "Those under way.",
        (int64_t) r->in_flight);
    gauge(out, "metering_holds", "Products and dimensions that the"
        " Marketplace does not know, which wait.", (int64_t) r->holds);
    gauge(out, "reporter_is_holder", "1 while this process is the one that"
        " sends.", r->is_holder);
    counter(out, "records_retried_total", "Records that went out again.",
        r->retries);
    counter(out, "records_settled_total", "Records acknowledged.",
        r->settled);
    counter(out, "settled_units_total", "Units in them.", r->settled_units);
    head(out, "records_refused_total", "counter", "Records refused, and"
        " why.");
    tg_buf_printf(out,
        "tallygate_records_refused_total{reason=\"DuplicateRecord\"} %" PRIu64
        "\ntallygate_records_refused_total{reason=\"CustomerNotSubscribed\"}"
        " %" PRIu64
        "\ntallygate_records_refused_total{reason=\"other\"} %" PRIu64 "\n",
        r->duplicate, r->unsubscribed, r->refused_otherwise);
    counter(out, "records_expired_total", "Records expired.", r->expired);
    counter(out, "records_carried_total", "Records carried into a later"
        " hour.", r->carried);
}

enum tg_status
tg_billing_metrics(struct tg_billing *b, struct tg_buf *out, int64_t now_s)
{
    char                      reason[TG_GUARD_REASON_SIZE];
    enum tg_status            status;
    struct tg_collector_stats c;
    struct tg_reporter_stats  r;
    struct tg_alarm_state     alarms;

    pthread_mutex_lock(&b->lock);
    c = b->collected;
    r = b->reported;
    pthread_mutex_unlock(&b->lock);
    counter(out, "folded_cells_total", "Cells folded.", c.cells);
    counter(out, "folded_units_total", "Units folded.", c.units);
    counter(out, "set_aside_units_total", "Units of cells that had changed"
        " their owner.", c.set_aside);
    counter(out, "late_units_total", "Units counted after their hour was"
        " sealed.", c.carried);
    counter(out, "unsure_units_total", "Units found after more than 30 hours"
        " without a fold: their hour may be 32 hours earlier.", c.unsure);
    gauge(out, "fold_lag_seconds", "Since the last fold.",
        c.last_s > 0 ? now_s - c.last_s : 0);
    add_reporting(out, &r);
    gauge(out, "sealing_held", "1 while the guard holds sealing and sending"
        " back.", tg_guard_reason(&b->guard, reason));
    add_unbillable(out, &c);
    pthread_mutex_lock(&b->operator_lock);
    status = tg_alarms_look(b, &alarms, now_s, NULL);
    if (status == TG_OK) {
        add_figures(out, &alarms, now_s);
        add_alarms(out, &alarms);
        status = add_totals(b, out);
    }
    if (status == TG_OK) {
        status = add_unbound(b, out);
    }
    pthread_mutex_unlock(&b->operator_lock);
    return status == TG_OK ? out->status : status;
}
