/*
 * keeper.h - nginx's life: started, adopted, watched, reloaded, ended
 *
 * nginx is a process of its own in a session of its own, and its death and
 * the daemon's have nothing to do with each other.  It holds run/nginx.lock
 * (a flock on an open file that it inherited) as long as any of its
 * processes lives, which tells the next daemon what it finds:
 *
 *   lock free                     nothing runs: start nginx
 *   lock held, master answers     adopt it, and watch it through a pidfd
 *   lock held, no master          workers are orphans: start a master on the
 *                                 same sockets and let the orphans finish
 *
 * Promises
 *   K1  Two masters never run at once on one state directory.
 *   K2  A master that dies is replaced within seconds, on the same sockets;
 *       its orphaned workers end the calls they have and go.
 *   K3  A configuration is tested by nginx before it is used; one that nginx
 *       refuses changes nothing.
 *   K4  Certificates that change on the disk are taken over within 2 s, by a
 *       reload that drops no call; bad ones change nothing (certificates.h).
 *
 * Where the kernel does not let us take the sockets out of an adopted nginx
 * (another user's process, hardened ptrace), and its master then dies, the
 * orphans must have closed them before a new master can start: new
 * connections are refused for that long.  A warning at adoption says so.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_DAEMON_KEEPER_H
#define TG_DAEMON_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/statedir.h"
#include "plane/board.h"
#include "settings/settings.h"
#include "util/buf.h"
#include "util/error.h"

struct tg_keeper;

/* Starts or adopts nginx.  All arguments outlive the keeper. */
TG_MUST_CHECK enum tg_status
tg_keeper_open(struct tg_keeper **out, const struct tg_settings *settings,
    const struct tg_statedir *dir, const struct tg_board_map *board,
    struct tg_error *err);

/* Leaves nginx as it is (E2). */
void tg_keeper_close(struct tg_keeper *k);

/* Becomes readable when the master dies; -1 while there is none. */
int tg_keeper_fd(const struct tg_keeper *k);

/*
 * Looks after nginx: once a second, and when tg_keeper_fd is readable.
 * boot_s is tg_clock_boot_s().
 */
void tg_keeper_tick(struct tg_keeper *k, int64_t boot_s);

/* Look at the certificates at the next tick, changed or not. */
void tg_keeper_refresh(struct tg_keeper *k);

/* When the first certificate in use expires; 0: there is none. */
int64_t tg_keeper_first_expiry(const struct tg_keeper *k);

/*
 * Asks nginx to end after the calls under way, at once when is_fast.  Ticks
 * go on; tg_keeper_is_running tells when it has ended.
 */
void tg_keeper_quit(struct tg_keeper *k, bool is_fast);
bool tg_keeper_is_running(const struct tg_keeper *k);

/* Whether a living worker shows the present configuration on the board. */
bool tg_keeper_is_ready(const struct tg_keeper *k);

#endif
