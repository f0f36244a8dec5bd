/* SPDX-License-Identifier: Apache-2.0 */
#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 511
#define BESIDE ".new"
#define SOCKET_FLAGS (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)

/* Refuses a file that is no socket, or that somebody listens on. */
static enum tg_status
check_stale(const struct sockaddr_un *address, struct tg_error *err)
{
    const char    *path = address->sun_path;
    enum tg_status status = TG_OK;
    int            fd;
    struct stat    st;

    if (lstat(path, &st) != 0) {
        return errno == ENOENT ? TG_OK
                               : tg_error_errno(err, TG_IO, "%s", path);
    }
    if (!S_ISSOCK(st.st_mode)) {
        return tg_error_set(err, TG_CONFLICT,
            "cannot listen on %s: it is there and is no socket", path);
    }
    fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
    if (fd < 0) {
        return tg_error_errno(err, TG_ERROR, "cannot make a socket");
    }
    if (connect(fd, (const struct sockaddr *) address, sizeof(*address)) == 0
        || errno != ECONNREFUSED)
    {
        status = tg_error_set(err, TG_BUSY,
            "cannot listen on %s: another process does", path);
    }
    (void) close(fd);
    return status;
}

/*
 * Makes the file beside path and renames it over, so that whoever connects
 * meanwhile finds a file at any moment.
 */
static enum tg_status
bind_and_listen(int fd, const struct sockaddr_un *address, mode_t mode)
{
    struct sockaddr_un beside = *address;

    strcat(beside.sun_path, BESIDE);
    if (unlink(beside.sun_path) != 0 && errno != ENOENT) {
        return TG_IO;
    }
    /* The file is made with the socket's mode, less the umask. */
    if (fchmod(fd, mode) != 0
        || bind(fd, (const struct sockaddr *) &beside, sizeof(beside)) != 0
        || chmod(beside.sun_path, mode) != 0 || listen(fd, BACKLOG) != 0
        || rename(beside.sun_path, address->sun_path) != 0)
    {
        return TG_IO;
    }
    return TG_OK;
}

static enum tg_status
listen_unix(int *out, const struct tg_http_config *config,
    struct tg_error *err)
{
    enum tg_status     status;
    int                fd;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const char        *path = config->unix_path;

    if (strlen(path) + strlen(BESIDE) >= sizeof(address.sun_path)) {
        return tg_error_set(err, TG_LIMIT,
            "cannot listen on %s: a socket's path has at most %zu bytes",
            path, sizeof(address.sun_path) - sizeof(BESIDE));
    }
    strcpy(address.sun_path, path);
    status = check_stale(&address, err);
    if (status != TG_OK) {
        return status;
    }
    fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
    if (fd < 0) {
        return tg_error_errno(err, TG_ERROR, "cannot make a socket");
    }
    if (bind_and_listen(fd, &address, config->unix_mode) != TG_OK) {
        status = tg_error_errno(err, TG_IO, "cannot listen on %s", path);
        (void) close(fd);
        return status;
    }
    *out = fd;
    return TG_OK;
}

static enum tg_status
find_port(int fd, uint16_t *port, struct tg_error *err)
{
    struct sockaddr_storage address;
    socklen_t               len = sizeof(address);

    if (getsockname(fd, (struct sockaddr *) &address, &len) != 0) {
        return tg_error_errno(err, TG_ERROR, "cannot find the port");
    }
    if (address.ss_family == AF_INET6) {
        *port = ntohs(((const struct sockaddr_in6 *) &address)->sin6_port);
    } else {
        *port = ntohs(((const struct sockaddr_in *) &address)->sin_port);
    }
    return TG_OK;
}

static enum tg_status
listen_tcp(int *out, uint16_t *port, const struct tg_http_config *config,
    struct tg_error *err)
{
    char            service[8];
    enum tg_status  status;
    int             fd, on = 1;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
    struct addrinfo *found = NULL;

    (void) snprintf(service, sizeof(service), "%u", config->port);
    if (getaddrinfo(config->address, service, &hints, &found) != 0) {
        return tg_error_set(err, TG_INVALID,
            "cannot listen on %s: it is no numeric address",
            config->address);
    }
    fd = socket(found->ai_family, SOCKET_FLAGS, 0);
    if (fd < 0
        || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0
        || bind(fd, found->ai_addr, found->ai_addrlen) != 0
        || listen(fd, BACKLOG) != 0)
    {
        status = tg_error_errno(err,
            errno == EADDRINUSE ? TG_BUSY : TG_IO, "cannot listen on %s:%u",
            config->address, config->port);
    } else {
        status = find_port(fd, port, err);
    }
    freeaddrinfo(found);
    if (status != TG_OK && fd >= 0) {
        (void) close(fd);
    }
    *out = fd;
    return status;
}

enum tg_status
tg_http_listen(int *fd, uint16_t *port, const struct tg_http_config *config,
    struct tg_error *err)
{
    *port = 0;
    return config->unix_path != NULL ? listen_unix(fd, config, err)
                                     : listen_tcp(fd, port, config, err);
}
