/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ledger_source.h"

#include <stdio.h>

#include "billing/explain.h"
#include "cli/client.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/percent.h"

#define TARGET_MAX_BYTES 4096

enum tg_exit
tg_ledger_source_open(struct tg_ledger_source *s,
    const struct tg_options *options)
{
    *s = (struct tg_ledger_source) { 0 };
    return tg_cli_settings(&s->settings, options);
}

void
tg_ledger_source_close(struct tg_ledger_source *s)
{
    tg_store_close(s->store);
    tg_settings_free(s->settings);
}

/*
 * Asks the daemon.  TG_EXIT_DONE with *answer NULL: none runs, and the store
 * is open instead.
 */
static enum tg_exit
ask(struct tg_ledger_source *s, json_t **answer, const char *target)
{
    int                         http_status = 0;
    const char                 *message;
    struct tg_error             err;
    enum tg_status              status;
    const struct tg_cli_request request = { .method = "GET",
        .target = target };

    *answer = NULL;
    if (s->store != NULL) {
        return TG_EXIT_DONE;
    }
    status = tg_cli_send(answer, &http_status, s->settings, &request, &err);
    if (status == TG_IO) {
        if (tg_store_open_readonly(&s->store, s->settings->store.path, &err)
            != TG_OK)
        {
            return tg_cli_fail(&err);
        }
        (void) fprintf(stderr, "tallygate: no daemon runs: this is the store"
            " as it was left\n");
        return TG_EXIT_DONE;
    }
    if (status == TG_OK && http_status >= 300) {
        message = json_string_value(json_object_get(*answer, "message"));
        status = tg_error_set(&err, TG_ERROR, "%s", message == NULL
            ? "the daemon refused without saying why" : message);
        json_decref(*answer);
        *answer = NULL;
    }
    return status == TG_OK ? TG_EXIT_DONE : tg_cli_fail(&err);
}

static void
add_parameter(struct tg_buf *target, const char *name, const char *value)
{
    if (value != NULL) {
        (void) tg_buf_printf(target, "&%s=", name);
        (void) tg_percent_encode(target, value);
    }
}

enum tg_exit
tg_ledger_source_page(struct tg_ledger_source *s, json_t **page,
    const struct tg_ledger_query *query)
{
    enum tg_exit    code = TG_EXIT_FAILED;
    struct tg_buf   target;
    struct tg_error err;

    *page = NULL;
    tg_buf_init(&target, TARGET_MAX_BYTES);
    (void) tg_buf_puts(&target, "/ledger?");
    add_parameter(&target, "buyer", query->buyer);
    add_parameter(&target, "product", query->product);
    add_parameter(&target, "state", query->state);
    add_parameter(&target, "from", query->from);
    add_parameter(&target, "to", query->to);
    add_parameter(&target, "after", query->after);
    add_parameter(&target, "limit", query->limit);
    if (target.status == TG_OK) {
        code = ask(s, page, target.data);
    } else {
        (void) fprintf(stderr, "tallygate: the filters are too long\n");
    }
    tg_buf_clear(&target);
    if (code == TG_EXIT_DONE && *page == NULL
        && tg_ledger_page(s->store, page, query, s->settings,
               tg_clock_now_s(), &err) != TG_OK)
    {
        code = tg_cli_fail(&err);
    }
    return code;
}

enum tg_exit
tg_ledger_source_explain(struct tg_ledger_source *s, json_t **answer,
    const char *id)
{
    enum tg_exit    code = TG_EXIT_FAILED;
    struct tg_buf   target;
    struct tg_error err;

    *answer = NULL;
    tg_buf_init(&target, TARGET_MAX_BYTES);
    (void) tg_buf_puts(&target, "/ledger/");
    (void) tg_percent_encode(&target, id);
    if (target.status == TG_OK) {
        code = ask(s, answer, target.data);
    } else {
        (void) fprintf(stderr, "tallygate: no record has such a name\n");
    }
    tg_buf_clear(&target);
    if (code == TG_EXIT_DONE && *answer == NULL
        && tg_explain(s->store, answer, id, tg_clock_now_s(), &err) != TG_OK)
    {
        code = tg_cli_fail(&err);
    }
    return code;
}
