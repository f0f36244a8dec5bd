/*
 * metrics.c - billing for Prometheus
 *
 * Counters since the start of the daemon from its threads; gauges from the
 * store, each from an index.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>

#include "billing/billing.h"
#include "billing/runtime.h"
#include "core/ledger.h"

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

/* Records and units that wait, and the nearest deadline. */
static enum tg_status
waiting(struct tg_billing *b, struct tg_buf *out, int64_t now_s)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(b->operator_store, &q, NULL, "SELECT COUNT(*),"
        " COALESCE(SUM(quantity), 0), COALESCE(MIN(deadline_s), 0)"
        " FROM ledger_record WHERE state IN ('sealed', 'sent')", "");
    if (status == TG_OK) {
        status = tg_stmt_next(q, NULL);
    }
    if (status == TG_OK) {
        gauge(out, "unsettled_records", "Records that are not acknowledged.",
            tg_stmt_int(q, 0));
        gauge(out, "unsettled_units", "Units in them.", tg_stmt_int(q, 1));
        gauge(out, "seconds_to_deadline", "Until the oldest of them expires;"
            " -1: there is none.", tg_stmt_int(q, 2) == 0 ? -1
            : tg_stmt_int(q, 2) - now_s);
    }
    tg_stmt_done(q);
    return status;
}

static enum tg_status
held(struct tg_billing *b, struct tg_buf *out)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(b->operator_store, &q, NULL, "SELECT"
        " COALESCE(SUM(quantity), 0) FROM usage_detail WHERE"
        " agreement_id = ''", "");
    if (status == TG_OK) {
        status = tg_stmt_next(q, NULL);
    }
    if (status == TG_OK) {
        gauge(out, "held_units", "Units counted for no agreement.",
            tg_stmt_int(q, 0));
    }
    tg_stmt_done(q);
    return status;
}

enum tg_status
tg_billing_metrics(struct tg_billing *b, struct tg_buf *out, int64_t now_s)
{
    char                      reason[TG_GUARD_REASON_SIZE];
    enum tg_status            status;
    struct tg_collector_stats c;
    struct tg_reporter_stats  r;

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
    counter(out, "metering_requests_total", "BatchMeterUsage requests.",
        r.requests);
    counter(out, "metering_failures_total", "Those not answered with 200.",
        r.failed);
    counter(out, "records_settled_total", "Records acknowledged.",
        r.settled);
    counter(out, "records_refused_total", "Records refused.", r.refused);
    counter(out, "records_expired_total", "Records expired.", r.expired);
    counter(out, "records_carried_total", "Records carried into a later"
        " hour.", r.carried);
    gauge(out, "sealing_held", "1 while the guard holds sealing and sending"
        " back.", tg_guard_reason(&b->guard, reason));
    pthread_mutex_lock(&b->operator_lock);
    status = waiting(b, out, now_s);
    if (status == TG_OK) {
        status = held(b, out);
    }
    pthread_mutex_unlock(&b->operator_lock);
    return status == TG_OK ? out->status : status;
}
