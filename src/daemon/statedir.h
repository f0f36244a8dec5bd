/*
 * statedir.h - the state directory: fit for its purpose, and ours alone
 *
 *   state_dir/            0750   board, routes.*, keys.*, meters.*
 *     run/                0750   nginx.conf, nginx.pid, sockets, locks
 *     private/            0700   store and master key: no worker gets in
 *     logs/               0750
 *     admin-credentials   0600
 *
 * When root runs the daemon and somebody else the workers, the folders belong
 * to the workers' group and pass it on to what is made in them.
 *
 * Promises
 *   F1  A folder where files cannot be allocated in full, or where a mapping
 *       and the file differ, is refused.  (File systems that only seem to do
 *       it are refused by name where the board is made.)
 *   F2  run/lock is held as long as the process lives; a second daemon is
 *       refused with the first one's process id.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_DAEMON_STATEDIR_H
#define TG_DAEMON_STATEDIR_H

#include <stdbool.h>
#include <sys/types.h>

#include "settings/settings.h"
#include "util/error.h"

/* Who runs nginx's workers. */
struct tg_worker_user {
    uid_t uid;
    gid_t gid;
    char  user[64];  /* "": the daemon's own user, which is not root */
    char  group[64]; /* "": none is named */
};

struct tg_statedir {
    const char           *path; /* lent by the settings */
    int                   lock_fd;
    struct tg_worker_user workers;
};

/* Makes what is missing, checks the file system, takes the lock. */
TG_MUST_CHECK enum tg_status
tg_statedir_open(struct tg_statedir *dir, const struct tg_settings *settings,
    struct tg_error *err);
void tg_statedir_close(struct tg_statedir *dir);

#endif
