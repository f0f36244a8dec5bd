/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/serve.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "aws/setup.h"
#include "aws/transport.h"
#include "billing/billing.h"
#include "billing/onboarding.h"
#include "control/control.h"
#include "control/plan_work.h"
#include "control/publisher.h"
#include "daemon/credentials.h"
#include "daemon/health.h"
#include "daemon/keeper.h"
#include "daemon/servers.h"
#include "daemon/statedir.h"
#include "http/json.h"
#include "plane/board.h"
#include "settings/settings.h"
#include "util/clock.h"
#include "util/log.h"

#define TICK_MS 500    /* what the wall clock drives acts within 2 s */
#define CALLS_END_S 6  /* beyond the longest integration */
#define WORKERS_END_S 10

/* Everything that is open, in the order in which it was opened. */
struct daemon {
    const struct tg_settings *settings;
    struct tg_statedir        dir;
    struct tg_aws_credentials admin;
    struct tg_board_map       board;
    struct tg_control        *control;
    struct tg_publisher      *publisher;
    struct tg_aws_setup       aws_setup;
    struct tg_aws_http       *aws;
    struct tg_billing        *billing;
    struct tg_onboarding     *onboarding;
    struct tg_health          health;
    struct tg_servers         servers;
    struct tg_keeper         *keeper;
    int                       signal_fd;
    int64_t                   quit_by_s; /* boot clock; 0: nothing ends */
    unsigned                  quits;     /* how often it was asked to */
    bool                      leaves_nginx;
};

/*
 * Signals are read from a descriptor in the main loop; they are blocked
 * before there is any other thread, so that all threads inherit it.
 */
static enum tg_status
open_signals(struct daemon *d, struct tg_error *err)
{
    sigset_t set;

    (void) sigemptyset(&set);
    (void) sigaddset(&set, SIGTERM);
    (void) sigaddset(&set, SIGINT);
    (void) sigaddset(&set, SIGQUIT);
    (void) sigaddset(&set, SIGHUP);
    (void) signal(SIGPIPE, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0
        || (d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK))
            < 0)
    {
        return tg_error_errno(err, TG_IO, "cannot take signals");
    }
    return TG_OK;
}

/* Room for nginx's connections, as far as we may take it. */
static void
raise_file_limit(const struct tg_settings *s)
{
    const rlim_t  wanted = 2 * (rlim_t) s->gateway.worker_connections + 512;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void) setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* The folder, the keys of the admin API, and the page both planes share. */
static enum tg_status
open_ground(struct daemon *d, struct tg_error *err)
{
    bool           fresh;
    enum tg_status status = open_signals(d, err);

    if (status == TG_OK) {
        status = tg_statedir_open(&d->dir, d->settings, err);
    }
    if (status == TG_OK) {
        status = tg_admin_credentials_open(&d->admin, d->settings, err);
    }
    if (status == TG_OK) {
        status = tg_board_create(&d->board, d->settings->state_dir, &fresh,
            err);
    }
    return status;
}

/* The store, keys, meters and routes as the workers will find them. */
static enum tg_status
open_control(struct daemon *d, int64_t now_s, struct tg_error *err)
{
    const struct tg_control_config config = {
        .settings = d->settings,
        .board = &d->board,
        .verifier = { .lookup = tg_admin_credentials_lookup,
            .data = &d->admin },
    };
    enum tg_status status = tg_control_open(&d->control, &config, now_s, err);

    if (status == TG_OK) {
        status = tg_publisher_open(&d->publisher, d->control, now_s, err);
    }
    return status;
}

/* Where AWS is, and how it is reached. */
static enum tg_status
open_aws(struct daemon *d, struct tg_error *err)
{
    const struct tg_settings *s = d->settings;
    struct tg_aws_source      source = {
        .file = s->marketplace.credentials_file,
        .profile = s->marketplace.profile,
        .region = s->marketplace.region,
    };
    enum tg_status status = tg_aws_setup_read(&d->aws_setup, &source,
        s->marketplace.metering_endpoint, err);

    if (status == TG_OK) {
        status = tg_aws_http_open(&d->aws, d->aws_setup.ca_bundle[0] != '\0'
            ? d->aws_setup.ca_bundle : NULL, err);
    }
    return status;
}

static enum tg_status
open_billing(struct daemon *d, int64_t now_s, struct tg_error *err)
{
    enum tg_status status = open_aws(d, err);

    if (status == TG_OK) {
        status = tg_billing_open(&d->billing, &(struct tg_billing_config) {
            .settings = d->settings,
            .board = &d->board,
            .control = d->control,
            .transport = tg_aws_http_transport(d->aws),
            .metering_endpoint = d->aws_setup.metering_endpoint,
        }, now_s, err);
    }
    if (status == TG_OK) {
        status = tg_onboarding_open(&d->onboarding,
            &(struct tg_onboarding_config) {
                .settings = d->settings,
                .control = d->control,
                .marketplace = tg_billing_marketplace(d->billing),
            }, err);
    }
    return status;
}

/* Whoever speaks HTTP, and nginx, which needs all that stands before. */
static enum tg_status
open_service(struct daemon *d, struct tg_error *err)
{
    enum tg_status status = tg_health_open(&d->health, d->settings,
        &d->board, d->control->buckets, d->billing, d->publisher, err);

    if (status == TG_OK) {
        status = tg_servers_open(&d->servers, &(struct tg_servers_config) {
            .settings = d->settings,
            .health = &d->health,
            .control = d->control,
            .billing = d->billing,
            .onboarding = d->onboarding,
        }, err);
    }
    if (status == TG_OK) {
        status = tg_billing_start(d->billing, err);
    }
    if (status == TG_OK) {
        status = tg_keeper_open(&d->keeper, d->settings, &d->dir, &d->board,
            err);
    }
    return status;
}

static enum tg_status
open_all(struct daemon *d, struct tg_error *err)
{
    const int64_t  now_s = tg_clock_now_s();
    enum tg_status status = open_ground(d, err);

    if (status == TG_OK) {
        status = open_control(d, now_s, err);
    }
    if (status == TG_OK) {
        status = open_billing(d, now_s, err);
    }
    return status == TG_OK ? open_service(d, err) : status;
}

/*
 * nginx has ended or serves on without us: what it counted is folded a last
 * time, then the rest is closed in reverse.
 */
static void
close_all(struct daemon *d)
{
    tg_keeper_close(d->keeper);
    tg_servers_close(&d->servers);
    if (d->billing != NULL) {
        tg_billing_stop(d->billing);
    }
    tg_health_close(&d->health);
    tg_onboarding_close(d->onboarding);
    tg_billing_close(d->billing);
    tg_aws_http_close(d->aws);
    tg_publisher_close(d->publisher);
    tg_control_close(d->control);
    tg_board_close(&d->board);
    tg_aws_credentials_wipe(&d->admin);
    tg_statedir_close(&d->dir);
    if (d->signal_fd >= 0) {
        (void) close(d->signal_fd);
    }
}

/*
 * ---- the main loop
 */

/* TERM and INT: once ends after the calls under way, twice at once. */
static void
quit(struct daemon *d, int64_t boot_s)
{
    const bool is_fast = d->quits++ > 0;

    tg_log(TG_LOG_NOTICE, "quit", "mode", is_fast ? "fast" : "graceful",
        NULL);
    tg_keeper_quit(d->keeper, is_fast);
    d->quit_by_s = boot_s + (is_fast ? WORKERS_END_S : CALLS_END_S
        + d->settings->gateway.integration_timeout_max_ms / 1000);
}

static void
take_signals(struct daemon *d, int64_t boot_s)
{
    struct signalfd_siginfo info;

    while (read(d->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        switch (info.ssi_signo) {
        case SIGQUIT:
            tg_log(TG_LOG_NOTICE, "leave", "msg", "nginx serves on", NULL);
            d->leaves_nginx = true;
            break;
        case SIGTERM:
        case SIGINT:
            quit(d, boot_s);
            break;
        case SIGHUP: /* nor is a terminal that closes a reason to end */
            tg_keeper_refresh(d->keeper);
            break;
        default:
            break;
        }
    }
}

/* Calls that do not end are ended. */
static void
watch_quit(struct daemon *d, int64_t boot_s)
{
    if (d->quit_by_s != 0 && boot_s >= d->quit_by_s && d->quits < 2) {
        tg_log(TG_LOG_WARN, "quit_overdue", "msg",
            "calls are still under way and are ended now", NULL);
        quit(d, boot_s);
    }
}

static bool
is_over(const struct daemon *d, int64_t boot_s)
{
    return d->leaves_nginx
        || (d->quits > 0 && !tg_keeper_is_running(d->keeper))
        || (d->quits > 1 && boot_s >= d->quit_by_s);
}

static void
run(struct daemon *d)
{
    struct pollfd fds[2];
    int64_t       boot_s = tg_clock_boot_s();

    while (!is_over(d, boot_s)) {
        fds[0] = (struct pollfd) { .fd = d->signal_fd, .events = POLLIN };
        fds[1] = (struct pollfd) { .fd = tg_keeper_fd(d->keeper),
            .events = POLLIN };
        (void) poll(fds, 2, TICK_MS);
        boot_s = tg_clock_boot_s();
        take_signals(d, boot_s);
        watch_quit(d, boot_s);
        tg_keeper_tick(d->keeper, boot_s);
        tg_control_tick(d->control);
        tg_plan_work_tick(d->control, (int64_t) time(NULL));
        atomic_store(&d->health.has_master, tg_keeper_is_running(d->keeper));
        atomic_store(&d->health.has_worker, tg_keeper_is_ready(d->keeper));
        atomic_store(&d->health.first_expiry_s,
            tg_keeper_first_expiry(d->keeper));
    }
}

enum tg_status
tg_serve_main(const struct tg_settings *settings)
{
    struct daemon   d = {
        .settings = settings, .signal_fd = -1, .dir.lock_fd = -1,
    };
    struct tg_error err;
    enum tg_status  status;

    tg_log_set_level((enum tg_log_level) d.settings->log.level);
    tg_http_json_wipe_memory();
    (void) umask(0007); /* the mapped files are shared with a group */
    raise_file_limit(d.settings);
    status = open_all(&d, &err);
    if (status == TG_OK) {
        tg_log(TG_LOG_NOTICE, "serving", "state_dir", d.settings->state_dir,
            NULL);
        run(&d);
        tg_log(TG_LOG_NOTICE, "stopped", NULL);
    } else {
        tg_log(TG_LOG_ERROR, "not_started", "msg", err.message, NULL);
    }
    close_all(&d);
    return status;
}
