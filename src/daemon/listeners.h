/*
 * listeners.h - the sockets on which nginx accepts: opened here, kept here
 *
 * The daemon opens the sockets and hands them to nginx (`NGINX=fd;fd;`), so
 * that a new master can start on the very sockets of one that was killed,
 * and no connection in their queues is lost.  A daemon that adopts a running
 * nginx takes copies of them out of it (pidfd_getfd).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_DAEMON_LISTENERS_H
#define TG_DAEMON_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "settings/settings.h"
#include "util/error.h"

enum tg_listener_name {
    TG_LISTENER_GATEWAY,
    TG_LISTENER_PORTAL,
    TG_LISTENER_ADMIN,
    TG_LISTENERS,
};

struct tg_listener {
    const char *setting; /* "gateway", for messages */
    const char *address;
    int         port;
    int         fd; /* -1: not open here */
};

struct tg_listeners {
    struct tg_listener items[TG_LISTENERS];
};

void tg_listeners_init(struct tg_listeners *l,
    const struct tg_settings *settings);
void tg_listeners_clear(struct tg_listeners *l);

/* Opens those that are not open yet. */
TG_MUST_CHECK enum tg_status
tg_listeners_open(struct tg_listeners *l, struct tg_error *err);

/*
 * Copies those that are not open here out of the process, and the descriptor
 * of the same file as lock_fd into *lock_copy (-1: it has none).  False when
 * the kernel does not let us.
 */
bool tg_listeners_recover(struct tg_listeners *l, int *lock_copy,
    int lock_fd, pid_t pid);

/* Whether all of them are open here. */
bool tg_listeners_are_open(const struct tg_listeners *l);

#endif
