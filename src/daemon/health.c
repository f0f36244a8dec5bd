/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/health.h"

#include <inttypes.h>
#include <unistd.h>

enum tg_status
tg_health_open(struct tg_health *h, const struct tg_settings *settings,
    const struct tg_board_map *board, const struct tg_buckets *buckets,
    struct tg_billing *billing, struct tg_publisher *publisher,
    struct tg_error *err)
{
    *h = (struct tg_health) {
        .settings = settings, .board = board, .buckets = buckets,
        .billing = billing, .publisher = publisher,
    };
    (void) pthread_mutex_init(&h->lock, NULL);
    return tg_store_open(&h->store, settings->store.path, err);
}

void
tg_health_close(struct tg_health *h)
{
    if (h->settings != NULL) {
        tg_store_close(h->store);
        (void) pthread_mutex_destroy(&h->lock);
        h->settings = NULL;
    }
}

/* Takes the write lock and gives it back: a read-only store has none. */
static bool
is_store_usable(struct tg_health *h, struct tg_error *err)
{
    enum tg_status status;

    (void) pthread_mutex_lock(&h->lock);
    status = tg_store_begin(h->store, TG_STORE_ORDERED, err);
    if (status == TG_OK) {
        tg_store_rollback(h->store);
    }
    (void) pthread_mutex_unlock(&h->lock);
    return status == TG_OK;
}

/* Adds what is missing to the list. */
static void
complain(struct tg_buf *list, const char *name, const char *detail)
{
    (void) tg_buf_printf(list, "%s{\"part\":\"%s\",\"message\":\"",
        list->len == 0 ? "" : ",", name);
    for (const char *p = detail; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\') {
            (void) tg_buf_putc(list, '\\');
        }
        (void) tg_buf_putc(list, (unsigned char) *p < 0x20 ? ' ' : *p);
    }
    (void) tg_buf_puts(list, "\"}");
}

void
tg_health_answer(struct tg_health *h, struct tg_http_response *res)
{
    const char     *ready_file = h->settings->admin.ready_file;
    struct tg_error err;
    struct tg_buf   missing;

    tg_buf_init(&missing, 8192);
    if (!is_store_usable(h, &err)) {
        complain(&missing, "store", err.message);
    }
    if (!atomic_load(&h->has_master)) {
        complain(&missing, "nginx", "no master process runs");
    } else if (!atomic_load(&h->has_worker)) {
        complain(&missing, "workers",
            "no worker shows the present configuration");
    }
    if (ready_file != NULL && access(ready_file, F_OK) != 0) {
        complain(&missing, "ready_file", "it does not exist yet");
    }
    if (missing.len == 0) {
        tg_http_reply(res, 200, "application/json", "{\"status\":\"ok\"}");
    } else {
        tg_http_reply(res, 503, "application/json", "");
        (void) tg_buf_printf(&res->body,
            "{\"status\":\"not ready\",\"missing\":[%s]}", missing.data);
    }
    tg_buf_clear(&missing);
}

/* What the rows of the board come to. */
struct totals {
    uint64_t alive;
    uint64_t admitted;
    uint64_t counted;
    uint64_t refused_no_cell;
    uint64_t backend_connections;
    uint64_t backend_failures;
    uint64_t backend_retries;
    uint64_t backend_timeouts;
};

static struct totals
sum_rows(const struct tg_board_map *board)
{
    struct totals t = { 0 };

    for (unsigned i = 0; i < TG_BOARD_ROWS; i++) {
        const struct tg_board_row *row = &board->page->rows[i];

        t.alive += tg_board_row_is_alive(board, i);
        t.admitted += atomic_load(&row->admitted);
        t.counted += atomic_load(&row->counted);
        t.refused_no_cell += atomic_load(&row->refused_no_cell);
        t.backend_connections += atomic_load(&row->backend_connections);
        t.backend_failures += atomic_load(&row->backend_failures);
        t.backend_retries += atomic_load(&row->backend_retries);
        t.backend_timeouts += atomic_load(&row->backend_timeouts);
    }
    return t;
}

static void
add_metric(struct tg_buf *out, const char *name, const char *type,
    const char *help, uint64_t value)
{
    (void) tg_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n",
        name, help, name, type, name, value);
}

static void
add_backend_metrics(struct tg_buf *out, const struct totals *t)
{
    add_metric(out, "tallygate_backend_connections_total", "counter",
        "Connections to backends that were begun.", t->backend_connections);
    add_metric(out, "tallygate_backend_failures_total", "counter",
        "Attempts at an address of a backend that brought no answer.",
        t->backend_failures);
    add_metric(out, "tallygate_backend_retries_total", "counter",
        "Attempts that followed a failed one.", t->backend_retries);
    add_metric(out, "tallygate_backend_timeouts_total", "counter",
        "Calls whose integration ran out of time.", t->backend_timeouts);
}

static void
add_limit_metrics(struct tg_buf *out, const struct tg_buckets *buckets)
{
    struct tg_refusals sum;

    tg_buckets_refused(buckets, &sum);
    add_metric(out, "tallygate_calls_throttled_plan_total", "counter",
        "Calls refused by a usage plan's throttle of their key.",
        sum.by_plan);
    add_metric(out, "tallygate_calls_throttled_stage_total", "counter",
        "Calls refused by a stage's throttle of their method.",
        sum.by_stage);
    add_metric(out, "tallygate_calls_throttled_account_total", "counter",
        "Calls refused by the account's throttle.", sum.by_account);
    add_metric(out, "tallygate_calls_over_quota_total", "counter",
        "Calls refused because their key's quota was used up.",
        sum.by_quota);
    add_metric(out, "tallygate_calls_refused_no_bucket_total", "counter",
        "Calls refused because there was no room for their key's and "
        "method's bucket.", sum.no_room);
}

void
tg_health_metrics(struct tg_health *h, struct tg_buf *out, int64_t now_s)
{
    const struct totals t = sum_rows(h->board);
    const int64_t       expires_s = atomic_load(&h->first_expiry_s);

    add_metric(out, "tallygate_nginx_up", "gauge",
        "Whether nginx's master process lives.",
        atomic_load(&h->has_master));
    add_metric(out, "tallygate_workers", "gauge",
        "Workers whose row on the board is alive.", t.alive);
    add_metric(out, "tallygate_calls_admitted_total", "counter",
        "Calls that passed key, throttle and quota.", t.admitted);
    add_metric(out, "tallygate_calls_counted_total", "counter",
        "Admitted calls that finished and were counted.", t.counted);
    add_metric(out, "tallygate_calls_in_doubt", "gauge",
        "Calls that killed workers had in hand: not counted, not billed.",
        tg_board_doubt(h->board));
    add_metric(out, "tallygate_calls_refused_no_cell_total", "counter",
        "Calls refused because there was no cell to count them in.",
        t.refused_no_cell);
    add_limit_metrics(out, h->buckets);
    add_backend_metrics(out, &t);
    tg_publisher_metrics(h->publisher, out);
    if (expires_s != 0) {
        add_metric(out, "tallygate_certificate_expires_timestamp_seconds",
            "gauge", "When the first certificate in use expires.",
            (uint64_t) expires_s);
    }
    (void) tg_billing_metrics(h->billing, out, now_s);
}
