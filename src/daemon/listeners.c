/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/listeners.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/procs.h"

#define BACKLOG 4096 /* nginx.conf says the same */

void
tg_listeners_init(struct tg_listeners *l, const struct tg_settings *settings)
{
    l->items[TG_LISTENER_GATEWAY] = (struct tg_listener) {
        "gateway", settings->gateway.address, settings->gateway.port, -1,
    };
    l->items[TG_LISTENER_PORTAL] = (struct tg_listener) {
        "portal", settings->portal.address, settings->portal.port, -1,
    };
    l->items[TG_LISTENER_ADMIN] = (struct tg_listener) {
        "admin", settings->admin.address, settings->admin.port, -1,
    };
}

void
tg_listeners_clear(struct tg_listeners *l)
{
    for (size_t i = 0; i < TG_LISTENERS; i++) {
        if (l->items[i].fd >= 0) {
            (void) close(l->items[i].fd);
            l->items[i].fd = -1;
        }
    }
}

/* The socket address of a listener; its length. */
static socklen_t
make_address(struct sockaddr_storage *out, const struct tg_listener *listener)
{
    struct sockaddr_in  *v4 = (struct sockaddr_in *) out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) out;

    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, listener->address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t) listener->port);
        return sizeof(*v4);
    }
    (void) inet_pton(AF_INET6, listener->address, &v6->sin6_addr);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t) listener->port);
    return sizeof(*v6);
}

static enum tg_status
open_one(struct tg_listener *listener, struct tg_error *err)
{
    struct sockaddr_storage address;
    socklen_t               len = make_address(&address, listener);
    const int               yes = 1;
    int                     fd;

    fd = socket(address.ss_family,
        SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return tg_error_errno(err, TG_IO, "%s: cannot open a socket",
            listener->setting);
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0
        || (address.ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6,
                IPV6_V6ONLY, &yes, sizeof(yes)) != 0)
        || bind(fd, (struct sockaddr *) &address, len) != 0
        || listen(fd, BACKLOG) != 0)
    {
        enum tg_status status = tg_error_errno(err,
            errno == EADDRINUSE ? TG_BUSY : TG_IO,
            "%s: cannot listen on %s port %d", listener->setting,
            listener->address, listener->port);

        (void) close(fd);
        return status;
    }
    listener->fd = fd;
    return TG_OK;
}

enum tg_status
tg_listeners_open(struct tg_listeners *l, struct tg_error *err)
{
    for (size_t i = 0; i < TG_LISTENERS; i++) {
        enum tg_status status = l->items[i].fd >= 0
            ? TG_OK : open_one(&l->items[i], err);

        if (status != TG_OK) {
            return status;
        }
    }
    return TG_OK;
}

bool
tg_listeners_are_open(const struct tg_listeners *l)
{
    for (size_t i = 0; i < TG_LISTENERS; i++) {
        if (l->items[i].fd < 0) {
            return false;
        }
    }
    return true;
}

struct recovery {
    struct tg_listeners *listeners;
    struct stat          lock;
    int                 *lock_copy;
};

/* The listener that the socket is, if it listens on its address. */
static struct tg_listener *
match(struct tg_listeners *l, int fd)
{
    struct sockaddr_storage wanted, found;
    socklen_t               wanted_len, found_len = sizeof(found);
    int                     listens = 0;
    socklen_t               size = sizeof(listens);

    memset(&found, 0, sizeof(found));
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0
        || listens == 0
        || getsockname(fd, (struct sockaddr *) &found, &found_len) != 0)
    {
        return NULL;
    }
    for (size_t i = 0; i < TG_LISTENERS; i++) {
        wanted_len = make_address(&wanted, &l->items[i]);
        if (l->items[i].fd < 0 && wanted_len == found_len
            && memcmp(&wanted, &found, found_len) == 0)
        {
            return &l->items[i];
        }
    }
    return NULL;
}

static void
keep_or_close(void *data, int copy)
{
    struct recovery    *recovery = data;
    struct tg_listener *listener = match(recovery->listeners, copy);
    struct stat         st;

    if (listener != NULL) {
        listener->fd = copy;
    } else if (*recovery->lock_copy < 0 && fstat(copy, &st) == 0
        && st.st_dev == recovery->lock.st_dev
        && st.st_ino == recovery->lock.st_ino)
    {
        *recovery->lock_copy = copy;
    } else {
        (void) close(copy);
    }
}

bool
tg_listeners_recover(struct tg_listeners *l, int *lock_copy, int lock_fd,
    pid_t pid)
{
    struct recovery recovery = { .listeners = l, .lock_copy = lock_copy };

    *lock_copy = -1;
    return fstat(lock_fd, &recovery.lock) == 0
        && tg_proc_fds(pid, keep_or_close, &recovery);
}
