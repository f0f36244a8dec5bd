/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/servers.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "billing/operator.h"
#include "control/access.h"

#define THREADS 4
#define BODY_MAX_BYTES (10 * 1024 * 1024)
#define METRICS_TYPE "text/plain; version=0.0.4"

static bool
is_get(const struct tg_http_request *req, const char *path)
{
    return strcmp(req->path, path) == 0 && strcmp(req->method, "GET") == 0;
}

static void
answer_admin(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    const struct tg_servers *s = data;

    if (is_get(req, "/healthz")) {
        tg_health_answer(s->config.health, res);
    } else if (is_get(req, "/metrics")) {
        tg_http_reply(res, 200, METRICS_TYPE, "");
        tg_health_metrics(s->config.health, &res->body, req->now_s);
    } else {
        tg_control_handle(req, res, s->config.control);
    }
}

static void
answer_portal(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    const struct tg_servers *s = data;

    tg_onboarding_handle(req, res, s->config.onboarding);
}

static void
answer_operator(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    const struct tg_servers *s = data;

    if (tg_access_is_path(req->path)) {
        tg_access_handle(req, res, s->config.control);
    } else {
        tg_operator_handle(req, res, s->config.billing);
    }
}

enum tg_status
tg_servers_open(struct tg_servers *s, const struct tg_servers_config *config,
    struct tg_error *err)
{
    static const struct {
        const char      *name;
        mode_t           mode;
        bool             is_behind_nginx;
        unsigned         threads;
        tg_http_handler *handle;
    } sockets[] = {
        { "admin", 0660, true, THREADS, answer_admin },
        /* These two wait for the Marketplace: nobody else waits with them. */
        { "portal", 0660, true, 0, answer_portal },
        { "operator", 0600, false, 0, answer_operator },
    };
    char           path[PATH_MAX];
    enum tg_status status = TG_OK;

    *s = (struct tg_servers) { .config = *config };
    for (size_t i = 0;
         status == TG_OK && i < sizeof(sockets) / sizeof(sockets[0]); i++)
    {
        (void) snprintf(path, sizeof(path), "%s/run/%s.sock",
            config->settings->state_dir, sockets[i].name);
        status = tg_http_server_open(&s->servers[i], &(struct tg_http_config) {
            .unix_path = path,
            .unix_mode = sockets[i].mode,
            .keeps_path = true, /* nginx logs a missing file as [crit] */
            .threads = sockets[i].threads,
            .max_body_bytes = BODY_MAX_BYTES,
            .trust_proxy = sockets[i].is_behind_nginx,
            .handle = sockets[i].handle,
            .data = s,
        }, err);
    }
    return status;
}

void
tg_servers_close(struct tg_servers *s)
{
    for (size_t i = 0; i < sizeof(s->servers) / sizeof(s->servers[0]); i++) {
        tg_http_server_close(s->servers[i]);
        s->servers[i] = NULL;
    }
}
