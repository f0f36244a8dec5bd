/*
 * servers.h - the daemon's unix sockets, and who answers on each
 *
 *   run/admin.sock     behind nginx: the AWS-compatible API, /healthz,
 *                      /metrics
 *   run/portal.sock    behind nginx: the buyers' pages
 *   run/operator.sock  for the owner alone: the verbs of this program
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_DAEMON_SERVERS_H
#define TG_DAEMON_SERVERS_H

#include "billing/billing.h"
#include "billing/onboarding.h"
#include "control/control.h"
#include "daemon/health.h"
#include "http/http.h"
#include "settings/settings.h"
#include "util/error.h"

/* All is borrowed and outlives what is opened. */
struct tg_servers_config {
    const struct tg_settings *settings;
    struct tg_health         *health;
    struct tg_control        *control;
    struct tg_billing        *billing;
    struct tg_onboarding     *onboarding;
};

struct tg_servers {
    struct tg_servers_config config;
    struct tg_http_server  *servers[3];
};

TG_MUST_CHECK enum tg_status
tg_servers_open(struct tg_servers *s, const struct tg_servers_config *config,
    struct tg_error *err);
void tg_servers_close(struct tg_servers *s);

#endif
