/*
 * launch.h - nginx's executable, run to test a configuration or to serve
 *
 * What it gets of the environment is little: what finds libraries, and what
 * moves the clock in tests.  No credential is among it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_DAEMON_LAUNCH_H
#define TG_DAEMON_LAUNCH_H

#include <stddef.h>
#include <sys/types.h>

#include "util/error.h"

#define TG_LAUNCH_NAMES_MAX 32

/*
 * The names of this process's environment that nginx and its workers keep,
 * into names, with a NULL behind them.  They are texts of their own; the
 * caller frees each.
 */
void tg_launch_environment(const char *names[TG_LAUNCH_NAMES_MAX + 1]);

/* Runs `nginx -t`; TG_INVALID: err holds what nginx says. */
TG_MUST_CHECK enum tg_status
tg_launch_test(const char *binary, const char *conf_path, const char *prefix,
    const char *log_path, struct tg_error *err);

/* A master to start. */
struct tg_launch {
    const char *binary;
    const char *conf_path;
    const char *prefix;
    const char *log_path;
    const int  *sockets; /* named to nginx by NGINX=...; */
    size_t      socket_count;
    int         lock_fd; /* inherited, too */
};

/*
 * Starts it in a session of its own; its pid and a pidfd.  After a failure
 * nothing runs, and both are as they were.
 */
TG_MUST_CHECK enum tg_status
tg_launch_master(pid_t *pid, int *pidfd, const struct tg_launch *launch,
    struct tg_error *err);

#endif
