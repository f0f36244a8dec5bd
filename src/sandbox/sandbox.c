/*
 * sandbox.c - opens and closes a sandbox; its routes, its state
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sandbox/sandbox.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/json.h"
#include "sandbox/state.h"
#include "util/file.h"
#include "util/log.h"

#define BODY_MAX ((size_t) 1024 * 1024 - 1) /* "less than 1 MB" */

static const struct tg_http_route routes[] = {
    { "GET", "/", NULL, "Page", tg_page_show, NULL },
    { "POST", "/", NULL, "AWS JSON 1.1", tg_sandbox_call, NULL },
    { "POST", "/service/{service}/operation/{operation}", NULL,
        "AWS RPC v2 CBOR", tg_sandbox_call, NULL },
    { "POST", "/buy", NULL, "Buy", tg_page_buy, NULL },
    { "POST", "/set-up", NULL, "SetUp", tg_page_set_up, NULL },
    { "POST", "/cancel", NULL, "Cancel", tg_page_cancel, NULL },
    { "POST", "/_sandbox/products", NULL, "ListProduct",
        tg_steer_list_product, NULL },
    { "POST", "/_sandbox/purchases", NULL, "Purchase", tg_steer_buy, NULL },
    { "POST", "/_sandbox/purchases/{agreementId}/cancel", NULL, "Cancel",
        tg_steer_cancel, NULL },
    { "POST", "/_sandbox/purchases/{agreementId}/token", NULL, "NewToken",
        tg_steer_token, NULL },
    { "GET", "/_sandbox/records", NULL, "Records", tg_steer_records, NULL },
    { "GET", "/_sandbox/calls", NULL, "Calls", tg_steer_calls, NULL },
    { "POST", "/_sandbox/faults", NULL, "AddFault", tg_steer_fault, NULL },
    { "POST", "/_sandbox/reset", NULL, "Reset", tg_steer_reset, NULL },
};
#define ROUTES (sizeof(routes) / sizeof(routes[0]))

/*
 * ---- state
 */

void
tg_sandbox_commit(struct tg_sandbox *s, struct tg_answer *a)
{
    struct tg_error err = { TG_OK, "" };

    if (a->event == NULL) {
        return;
    }
    if (tg_journal_append(&s->journal, a->event, &err) != TG_OK
        || tg_market_apply(&s->market, a->event, &err) != TG_OK)
    {
        tg_log(TG_LOG_ERROR, "sandbox_event_lost", "msg", err.message, NULL);
        (void) tg_answer_refuse(a, "InternalServiceErrorException", "%s",
            err.message);
    }
}

static void
keep_call(struct tg_sandbox *s, json_t *call)
{
    if (json_array_size(s->calls) >= TG_CALLS_MAX) {
        (void) json_array_remove(s->calls, 0);
    }
    (void) json_array_append(s->calls, call);
}

void
tg_sandbox_note_call(struct tg_sandbox *s, json_t *call)
{
    json_t         *event = json_pack("{s:s, s:O}", "event", "call", "call",
                call);
    struct tg_error err = { TG_OK, "" };

    if (event == NULL
        || tg_journal_append(&s->journal, event, &err) != TG_OK)
    {
        tg_log(TG_LOG_ERROR, "sandbox_event_lost", "msg", err.message, NULL);
    }
    keep_call(s, call);
    json_decref(event);
    json_decref(call);
}

static enum tg_status
replay(void *data, const json_t *event, struct tg_error *err)
{
    const char        *name = tg_text(event, "event");
    json_t            *call = json_object_get(event, "call");
    struct tg_sandbox *s = data;

    if (name != NULL && strcmp(name, "call") == 0 && call != NULL) {
        keep_call(s, call);
        return TG_OK;
    }
    return tg_market_apply(&s->market, event, err);
}

enum tg_status
tg_sandbox_reset(struct tg_sandbox *s, struct tg_error *err)
{
    json_t          *nothing = json_array();
    struct tg_market fresh;
    enum tg_status   status = tg_market_init(&fresh);

    if (status != TG_OK) {
        status = tg_error_set(err, status, "out of memory");
    } else {
        status = tg_journal_replace(&s->journal, nothing, err);
        if (status == TG_OK) {
            tg_market_clear(&s->market);
            s->market = fresh;
            (void) json_array_clear(s->calls);
            s->faults.count = 0;
            memset(&s->bucket, 0, sizeof(s->bucket));
        } else {
            tg_market_clear(&fresh);
        }
    }
    json_decref(nothing);
    return status;
}

/* Writes the journal anew as the state that it led to. */
static enum tg_status
compact(struct tg_sandbox *s, struct tg_error *err)
{
    enum tg_status status;
    json_t        *call, *events = tg_market_snapshot(&s->market);
    size_t         i;

    json_array_foreach(s->calls, i, call) {
        (void) json_array_append_new(events,
            json_pack("{s:s, s:O}", "event", "call", "call", call));
    }
    status = tg_journal_replace(&s->journal, events, err);
    json_decref(events);
    return status;
}

/*
 * ---- requests
 */

static void
handle(struct tg_http_request *req, struct tg_http_response *res, void *data)
{
    switch (tg_http_route_find(req, routes, ROUTES)) {
    case TG_OK:
        req->route->handle(req, res, data);
        break;
    case TG_DENIED:
        tg_http_json_error(res, 405, TG_HTTP_JSON,
            "MethodNotAllowedException", "the path has no such method");
        break;
    case TG_NOTFOUND:
        tg_http_json_error(res, 404, TG_HTTP_JSON, "NotFoundException",
            "there is no such path");
        break;
    default:
        tg_http_json_error(res, 500, TG_HTTP_JSON, "InternalFailure",
            "out of memory");
    }
}

/* AWS's clients read the type of a refusal from its body. */
static void
refuse(struct tg_http_request *req, struct tg_http_response *res, void *data)
{
    (void) data;
    if (tg_http_header_get(req, "x-amz-target") != NULL) {
        tg_http_json_error(res, req->refused, "application/x-amz-json-1.1",
            req->refused == 413 ? "RequestEntityTooLargeException"
                                : "ValidationException",
            tg_http_reason(req->refused));
    }
}

/*
 * ---- open and close
 */

static enum tg_status
load_keys(struct tg_sandbox *s, struct tg_error *err)
{
    char          *path;
    enum tg_status status = tg_dir_make(s->config.state_dir, 0750, err);

    if (status != TG_OK) {
        return status;
    }
    if (asprintf(&path, "%s/sandbox-credentials", s->config.state_dir) < 0) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    status = tg_sandbox_keys_load(&s->keys, path, s->config.region, err);
    free(path);
    return status;
}

static enum tg_status
load_state(struct tg_sandbox *s, struct tg_error *err)
{
    char          *dir;
    enum tg_status status = tg_market_init(&s->market);

    s->calls = json_array();
    if (status != TG_OK || s->calls == NULL
        || asprintf(&dir, "%s/sandbox", s->config.state_dir) < 0)
    {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    status = tg_journal_open(&s->journal, dir, replay, s, err);
    if (status == TG_OK) {
        status = compact(s, err);
    }
    free(dir);
    return status;
}

static enum tg_status
start_server(struct tg_sandbox *s, struct tg_error *err)
{
    struct tg_http_config config = {
        .address = s->config.address,
        .port = s->config.port,
        .threads = 0, /* one a connection: a delayed answer sleeps */
        .max_body_bytes = BODY_MAX,
        .handle = handle,
        .refuse = refuse,
        .data = s,
    };

    return tg_http_server_open(&s->server, &config, err);
}

enum tg_status
tg_sandbox_open(struct tg_sandbox **out,
    const struct tg_sandbox_config *config, struct tg_error *err)
{
    enum tg_status     status;
    struct tg_sandbox *s = calloc(1, sizeof(*s));

    *out = NULL;
    if (s == NULL || pthread_mutex_init(&s->lock, NULL) != 0) {
        free(s);
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    s->config = *config;
    s->journal = (struct tg_journal) { .fd = -1, .lock_fd = -1 };
    (void) snprintf(s->fulfilment_url, sizeof(s->fulfilment_url),
        "%s/register", config->portal_url);
    status = load_keys(s, err);
    if (status == TG_OK) {
        status = load_state(s, err);
    }
    if (status == TG_OK) {
        status = start_server(s, err);
    }
    if (status != TG_OK) {
        tg_sandbox_close(s);
        return status;
    }
    *out = s;
    return TG_OK;
}

void
tg_sandbox_close(struct tg_sandbox *s)
{
    if (s == NULL) {
        return;
    }
    tg_http_server_close(s->server);
    tg_journal_close(&s->journal);
    tg_market_clear(&s->market);
    json_decref(s->calls);
    tg_wipe(&s->keys, sizeof(s->keys));
    (void) pthread_mutex_destroy(&s->lock);
    free(s);
}

uint16_t
tg_sandbox_port(const struct tg_sandbox *s)
{
    return tg_http_server_port(s->server);
}

int
tg_sandbox_main(const struct tg_settings *settings)
{
    char                     port[8];
    int                      signal_number = 0;
    sigset_t                 ending;
    struct tg_error          err = { TG_OK, "" };
    struct tg_sandbox       *s;
    struct tg_sandbox_config config = { settings->sandbox.address,
        (uint16_t) settings->sandbox.port, settings->state_dir,
        settings->region, settings->portal.url,
        (unsigned) settings->sandbox.account_rate };

    /* Blocked before there are threads, so that only sigwait takes them. */
    (void) sigemptyset(&ending);
    (void) sigaddset(&ending, SIGTERM);
    (void) sigaddset(&ending, SIGINT);
    (void) pthread_sigmask(SIG_BLOCK, &ending, NULL);
    (void) signal(SIGPIPE, SIG_IGN);
    if (tg_sandbox_open(&s, &config, &err) != TG_OK) {
        tg_log(TG_LOG_ERROR, "sandbox_failed", "msg", err.message, NULL);
        return 1;
    }
    (void) snprintf(port, sizeof(port), "%u", tg_sandbox_port(s));
    tg_log(TG_LOG_NOTICE, "sandbox_ready", "address", config.address, "port",
        port, NULL);
    (void) sigwait(&ending, &signal_number);
    tg_log(TG_LOG_NOTICE, "sandbox_stopping", "signal",
        signal_number == SIGINT ? "SIGINT" : "SIGTERM", NULL);
    tg_sandbox_close(s);
    return 0;
}
