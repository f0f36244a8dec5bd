/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/reporter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "billing/courier.h"
#include "billing/due.h"
#include "billing/holds.h"
#include "billing/lease.h"
#include "billing/overdue.h"
#include "billing/settle.h"
#include "billing/verdict.h"
#include "core/ledger.h"
#include "util/digest.h"
#include "util/log.h"

#define LEASE_NAME "reporter"
#define QUEUE_FACTOR 4

struct tg_reporter {
    struct tg_reporter_config config;
    struct tg_lease           lease;
    struct tg_courier        *courier;
    struct tg_due            *due;
    struct tg_batch          *answered; /* judged, not yet written down */
    struct tg_batch          *flying; /* by fly_next: chosen, not settled */
    size_t                    flying_count; /* of them, with the courier */
    int64_t                   asked_boot_s;  /* for another's lease */
    int64_t                   pause_until_s;
    bool                      is_stopped;    /* R5: a person must act */
    int64_t                   failures;      /* in a row */
    int64_t                   holds;
    char                      trouble[TG_ERROR_MAX];
    char                      hold_text[TG_ERROR_MAX];
    char                      standby[TG_ERROR_MAX]; /* another one sends */
    int64_t                   last_s, last_boot_s;   /* of the last step */
    struct tg_reporter_stats  stats;
};

/* One step: what its transaction is about. */
struct turn {
    struct tg_reporter     *r;
    struct tg_batch        *next; /* to be marked and sent, in order */
    bool                    has_overdue;
    bool                    is_quiet; /* nothing goes out */
    enum tg_status          lease;
    int64_t                 now_s;
    int64_t                 boot_s;
    struct tg_settle_tally  settled;
    struct tg_overdue_tally overdue;
    struct tg_error        *err;
};

/*
 * ---- what goes next
 */

/*
 * Batches with the courier.  Without a pace some more wait there than there
 * are threads, so that these have work while the answers are written down.
 */
static size_t
limit_in_flight(const struct tg_reporter *r)
{
    bool is_paced = r->config.settings->marketplace.account_rate != 0;

    if (r->failures > 0 || r->config.threads == 0) {
        return 1;
    }
    return is_paced ? r->config.threads : QUEUE_FACTOR * r->config.threads;
}

static bool
is_paused(const struct tg_reporter *r, int64_t now_s)
{
    /* what waits longer than any back-off was put off before a clock went
       back */
    return now_s < r->pause_until_s
        && r->pause_until_s <= now_s + TG_LEDGER_WAIT_MAX_S;
}

/* The next batches, as many as may fly; they are not marked yet. */
static enum tg_status
choose(struct turn *t)
{
    size_t              count = t->r->flying_count;
    enum tg_status      status = TG_OK;
    struct tg_batch    *b, **end = &t->next;
    struct tg_reporter *r = t->r;

    while (status == TG_OK && count++ < limit_in_flight(r)) {
        status = tg_due_next(r->due, &b, r->config.store, r->flying,
            t->now_s, t->err);
        if (status == TG_OK) {
            b->fly_next = r->flying;
            r->flying = b;
            *end = b;
            end = &b->next;
        }
    }
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* Frees the batches of a list that were in flight, and are not any more. */
static void
land(struct tg_reporter *r, struct tg_batch **list)
{
    struct tg_batch *b, **at;

    while ((b = *list) != NULL) {
        *list = b->next;
        for (at = &r->flying; *at != b; at = &(*at)->fly_next) {
        }
        *at = b->fly_next;
        tg_batch_free(b);
    }
}

/*
 * ---- the transaction
 */

static enum tg_status
settle_answered(struct turn *t)
{
    enum tg_status      status = TG_OK;
    struct tg_batch    *b;
    struct tg_reporter *r = t->r;

    for (b = r->answered; b != NULL && status == TG_OK; b = b->next) {
        status = tg_settle_batch(r->config.store, &t->settled, b,
            r->config.settings, t->now_s, t->err);
    }
    return status;
}

/*
 * Marks what goes next.  Of a product that waits one batch goes out (U4):
 * what else was chosen beside it goes back.
 */
static enum tg_status
mark_next(struct turn *t)
{
    bool                is_probe = false;
    enum tg_status      status = TG_OK;
    struct tg_batch    *b;
    struct tg_reporter *r = t->r;

    for (b = t->next; b != NULL && status == TG_OK; b = b->next) {
        if (r->holds > 0) {
            status = tg_holds_probe(r->config.store, &is_probe, b, t->now_s,
                t->err);
        }
        if (status == TG_OK) {
            status = tg_settle_mark(r->config.store, &t->settled, b,
                t->now_s, t->err);
        }
        if (is_probe) {
            land(r, &b->next);
            tg_due_forget(r->due);
        }
    }
    return status;
}

static enum tg_status
write_turn(struct turn *t)
{
    enum tg_status      status;
    struct tg_reporter *r = t->r;
    struct tg_store    *s = r->config.store;

    status = tg_store_begin(s, TG_STORE_DURABLE, t->err);
    if (status == TG_OK) {
        t->lease = tg_lease_hold(&r->lease, s, t->now_s, t->boot_s, t->err);
        status = t->lease;
    }
    if (status == TG_OK) {
        status = settle_answered(t);
    }
    if (status == TG_OK && t->has_overdue) {
        status = tg_overdue_close(s, &t->overdue, r->flying, t->now_s,
            t->err);
    }
    if (status == TG_OK) {
        status = mark_next(t); /* R1 */
    }
    if (status == TG_OK) {
        status = tg_holds_count(s, &r->holds, t->err);
    }
    if (status == TG_OK) {
        status = tg_holds_text(s, r->hold_text, t->err);
    }
    if (status == TG_OK) {
        status = tg_store_commit(s, t->err);
    }
    tg_store_rollback(s);
    if (status == TG_OK) {
        tg_lease_committed(&r->lease);
    }
    return status;
}

/*
 * Another one has the lease: what came back is that one's to settle, and to
 * ask for again.  That the calls were made stays on record.
 */
static enum tg_status
leave_answered(struct turn *t)
{
    enum tg_status      status;
    struct tg_batch    *b;
    struct tg_reporter *r = t->r;
    struct tg_store    *s = r->config.store;

    status = tg_store_begin(s, TG_STORE_DURABLE, t->err);
    for (b = r->answered; b != NULL && status == TG_OK; b = b->next) {
        status = tg_settle_audit(s, b, r->config.settings, t->now_s, t->err);
    }
    if (status == TG_OK) {
        status = tg_store_commit(s, t->err);
    }
    tg_store_rollback(s);
    if (status == TG_OK) {
        land(r, &r->answered);
    }
    return status;
}

/*
 * ---- after the commit
 */

static void
add_tally(struct turn *t)
{
    struct tg_reporter_stats     *stats = &t->r->stats;
    const struct tg_settle_tally *s = &t->settled;

    stats->retries += s->retries;
    stats->settled += s->settled;
    stats->settled_units += s->settled_units;
    stats->duplicate += s->duplicate;
    stats->unsubscribed += s->unsubscribed;
    stats->refused_otherwise += s->refused_otherwise;
    stats->refused = stats->duplicate + stats->unsubscribed
        + stats->refused_otherwise;
    stats->expired += t->overdue.expired;
    stats->carried += t->overdue.carried;
    if (t->overdue.expired + t->overdue.carried > 0) {
        tg_logf(TG_LOG_ERROR, "records_overdue", "%llu records passed their"
            " deadline; see `tallygate status'", (unsigned long long)
            (t->overdue.expired + t->overdue.carried));
    }
}

/* A request that the Marketplace understood: there is no trouble. */
static void
note_success(struct tg_reporter *r)
{
    if (r->trouble[0] != '\0') {
        tg_log(TG_LOG_NOTICE, "metering_resumed", NULL);
    }
    r->failures = 0;
    r->pause_until_s = 0;
    r->is_stopped = false;
    r->trouble[0] = '\0';
}

static double
random_fraction(void)
{
    uint32_t value;

    tg_random(&value, sizeof(value));
    return (double) value / 4294967296.0;
}

/*
 * Everything waits: not the records' fault.  Of several that fail together
 * one counts as a failure.
 */
static void
note_failure(struct tg_reporter *r, const struct tg_batch *b, int64_t now_s)
{
    bool    is_stop = b->verdicts[0].action == TG_LEDGER_STOP;
    int64_t until;

    r->failures += !is_paused(r, now_s);
    until = now_s + tg_ledger_backoff(r->failures, random_fraction(),
        b->result.retry_after_s, now_s, b->records[0].deadline_s);
    r->pause_until_s = is_paused(r, now_s) && r->pause_until_s > until
        ? r->pause_until_s : until;
    if (r->trouble[0] == '\0' || is_stop) {
        tg_log(is_stop ? TG_LOG_ERROR : TG_LOG_WARN,
            is_stop ? "metering_stopped" : "metering_delayed", "reason",
            b->verdicts[0].reason, "request", b->result.request_id, NULL);
    }
    r->is_stopped = is_stop;
    (void) snprintf(r->trouble, sizeof(r->trouble), "%s",
        b->verdicts[0].reason);
}

/* What one answer means for those that follow. */
static void
follow_up(struct turn *t, const struct tg_batch *b)
{
    struct tg_reporter           *r = t->r;
    const enum tg_ledger_action   action = b->verdicts[0].action;
    enum tg_marketplace_outcome   outcome = b->result.outcome;

    r->stats.requests += outcome != TG_MARKETPLACE_NOT_SENT
        && outcome != TG_MARKETPLACE_TOO_LARGE;
    if (action == TG_LEDGER_SPLIT) {
        tg_due_split(r->due, b);
    }
    if (outcome == TG_MARKETPLACE_ANSWERED) {
        note_success(r);
        return;
    }
    r->stats.failed++;
    if (action == TG_LEDGER_RETRY || action == TG_LEDGER_RETRY_DOUBT
        || action == TG_LEDGER_STOP)
    {
        r->stats.throttled += outcome == TG_MARKETPLACE_REFUSED
            && action == TG_LEDGER_RETRY;
        note_failure(r, b, t->now_s);
    } else {
        note_success(r); /* it refused records, not us */
    }
}

static void
finish_answered(struct turn *t)
{
    struct tg_batch    *b;
    struct tg_reporter *r = t->r;

    for (b = r->answered; b != NULL; b = b->next) {
        follow_up(t, b);
    }
    land(r, &r->answered);
}

/*
 * ---- a step
 */

/* Takes over what the courier has brought back. */
static void
collect(struct tg_reporter *r)
{
    struct tg_batch *b, **end = &r->answered;

    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = tg_courier_collect(r->courier);
    for (b = *end; b != NULL; b = b->next) {
        r->flying_count--;
    }
}

static void
submit(struct turn *t)
{
    struct tg_batch *b;

    while ((b = t->next) != NULL) {
        t->next = b->next;
        t->r->flying_count++;
        tg_courier_submit(t->r->courier, b);
    }
}

/* Whether the lease wants a word; *may_send: it is ours. */
static bool
wants_lease(struct turn *t, bool *may_send)
{
    struct tg_reporter *r = t->r;

    *may_send = tg_lease_left(&r->lease, t->boot_s) > 0;
    if (tg_lease_left(&r->lease, t->boot_s) > TG_LEASE_TERM_S / 2
        || r->asked_boot_s == t->boot_s)
    {
        return false; /* it lasts, or was asked for within this second */
    }
    r->asked_boot_s = t->boot_s;
    return true;
}

/*
 * Whether there is anything to write; what goes next is chosen for that.
 * While clock or store are doubted, or the reporter closes, only answers are
 * written down.
 */
static enum tg_status
prepare(struct turn *t, bool *is_needed)
{
    bool                may_send;
    enum tg_status      status;
    struct tg_reporter *r = t->r;

    *is_needed = r->answered != NULL;
    if (t->is_quiet) {
        return TG_OK;
    }
    *is_needed = wants_lease(t, &may_send) || *is_needed;
    if (!may_send && !*is_needed) {
        return tg_error_set(t->err, TG_BUSY, "%s", r->standby);
    }
    status = tg_overdue_look(r->config.store, t->now_s, t->err);
    if (status != TG_OK && status != TG_NOTFOUND) {
        return status;
    }
    t->has_overdue = status == TG_OK;
    status = is_paused(r, t->now_s) ? TG_OK : choose(t);
    *is_needed = *is_needed || t->has_overdue || t->next != NULL;
    return status;
}

/* One transaction and what follows from it. */
static enum tg_status
write_and_follow(struct turn *t)
{
    enum tg_status      status = write_turn(t);
    struct tg_reporter *r = t->r;

    if (status == TG_OK) {
        r->standby[0] = '\0';
        add_tally(t);
        finish_answered(t);
        submit(t);
        return TG_OK;
    }
    land(r, &t->next);
    tg_due_forget(r->due);
    if (t->lease != TG_OK) {
        (void) snprintf(r->standby, sizeof(r->standby), "%s",
            t->err != NULL ? t->err->message : "");
    }
    if (r->answered != NULL && (t->lease != TG_OK || status == TG_CONFLICT)
        && leave_answered(t) != TG_OK)
    {
        return TG_IO; /* they are kept: R3 */
    }
    return t->lease != TG_OK ? TG_BUSY : status;
}

static enum tg_status
run(struct turn *t)
{
    bool                is_needed = false, has_worked = false;
    enum tg_status      status;
    struct tg_reporter *r = t->r;

    do {
        collect(r);
        status = prepare(t, &is_needed);
        if (status == TG_OK && is_needed) {
            has_worked = has_worked || r->answered != NULL
                || t->next != NULL || t->has_overdue;
            status = write_and_follow(t);
        }
        land(r, &t->next); /* what prepare chose before it failed */
        t->is_quiet = true; /* without threads the answer is here: K3 */
        t->settled = (struct tg_settle_tally) { 0 };
        t->overdue = (struct tg_overdue_tally) { 0 };
        t->has_overdue = false;
    } while (status == TG_OK && r->config.threads == 0
        && r->flying_count > 0);
    if (status != TG_OK || has_worked) {
        return status;
    }
    if (is_paused(r, t->now_s)) {
        return tg_error_set(t->err, TG_BUSY, "%s", r->trouble);
    }
    return r->flying_count > 0
        ? tg_error_set(t->err, TG_BUSY, "requests are under way")
        : TG_NOTFOUND;
}

enum tg_status
tg_reporter_step(struct tg_reporter *r, int64_t now_s, int64_t boot_s,
    struct tg_error *err)
{
    char            reason[TG_GUARD_REASON_SIZE];
    enum tg_status  status;
    struct tg_error own = { TG_OK, "" };
    struct turn     t = { .r = r, .now_s = now_s, .boot_s = boot_s,
        .err = &own };

    (void) tg_guard_look(r->config.guard, now_s, boot_s);
    t.is_quiet = tg_guard_reason(r->config.guard, reason);
    r->last_s = now_s;
    r->last_boot_s = boot_s;
    if (t.is_quiet) {
        (void) tg_error_set(&own, TG_BUSY, "%s", reason);
        status = run(&t);
        status = status == TG_NOTFOUND ? TG_BUSY : status;
    } else {
        status = run(&t);
    }
    if (err != NULL && status != TG_OK) {
        *err = own;
    }
    return status;
}

enum tg_status
tg_reporter_retry(struct tg_reporter *r, struct tg_error *err)
{
    enum tg_status   status;
    struct tg_store *s = r->config.store;

    if (r->is_stopped) {
        r->pause_until_s = 0;
    }
    if (r->holds == 0) {
        return TG_OK;
    }
    status = tg_store_begin(s, TG_STORE_ORDERED, err);
    if (status == TG_OK) {
        status = tg_holds_retry(s, err);
    }
    if (status == TG_OK) {
        status = tg_store_commit(s, err);
    }
    tg_store_rollback(s);
    tg_due_forget(r->due);
    return status;
}

/*
 * ---- open and close
 */

enum tg_status
tg_reporter_new(struct tg_reporter **out,
    const struct tg_reporter_config *config, struct tg_error *err)
{
    enum tg_status      status;
    struct tg_reporter *r = calloc(1, sizeof(*r));

    *out = NULL;
    if (r == NULL || (r->due = tg_due_new()) == NULL) {
        free(r);
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    r->config = *config;
    r->asked_boot_s = -1;
    tg_lease_init(&r->lease, LEASE_NAME, config->holder, config->identity);
    status = tg_courier_open(&r->courier, &(struct tg_courier_config) {
        .marketplace = config->marketplace,
        .settings = config->settings,
        .guard = config->guard,
        .lease = &r->lease,
        .now_s = config->now_s,
        .boot_s = config->boot_s,
        .threads = config->threads,
        .rate = (unsigned) config->settings->marketplace.account_rate,
        .wake = config->wake,
        .data = config->data }, err);
    if (status == TG_OK) {
        status = tg_holds_count(config->store, &r->holds, err);
    }
    if (status == TG_OK) {
        status = tg_holds_text(config->store, r->hold_text, err);
    }
    if (status != TG_OK) {
        tg_courier_close(r->courier);
        tg_due_free(r->due);
        free(r);
        return status;
    }
    *out = r;
    return TG_OK;
}

void
tg_reporter_stop(struct tg_reporter *r)
{
    tg_courier_stop(r->courier);
}

void
tg_reporter_free(struct tg_reporter *r)
{
    struct tg_error err = { TG_OK, "" };
    struct turn     t = { .r = r, .is_quiet = true, .err = &err };

    if (r == NULL) {
        return;
    }
    tg_courier_drain(r->courier);
    collect(r);
    t.now_s = r->last_s;
    t.boot_s = r->last_boot_s;
    if ((r->answered != NULL && write_and_follow(&t) != TG_OK)
        || tg_lease_release(&r->lease, r->config.store, &err) != TG_OK)
    {
        tg_logf(TG_LOG_WARN, "report_failed", "%s", err.message);
    }
    land(r, &r->answered);
    tg_courier_close(r->courier);
    tg_due_free(r->due);
    free(r);
}

const char *
tg_reporter_trouble(const struct tg_reporter *r)
{
    return r->trouble[0] != '\0' ? r->trouble
        : r->standby[0] != '\0' ? r->standby : r->hold_text;
}

struct tg_reporter_stats
tg_reporter_stats(const struct tg_reporter *r)
{
    struct tg_reporter_stats stats = r->stats;

    stats.in_flight = r->flying_count;
    stats.holds = (uint64_t) r->holds;
    stats.is_holder = r->lease.token != 0;
    return stats;
}
