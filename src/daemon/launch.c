/*
 * launch.c - fork and exec
 *
 * The daemon has threads, so a child does nothing between fork and exec but
 * what is safe in a signal handler; all that it needs is made before.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "daemon/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/buf.h"

#define ENVIRONMENT_MAX_BYTES 65536
#define SAID_MAX_BYTES 4096

/* What nginx and its workers keep; the rest stays here. */
static const char *const kept[] = { "LD_PRELOAD=", "LD_LIBRARY_PATH=",
    "FAKETIME", "TZ=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS=" };

static bool
is_kept(const char *entry)
{
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        if (strncmp(entry, kept[i], strlen(kept[i])) == 0) {
            return true;
        }
    }
    return false;
}

void
tg_launch_environment(const char *names[TG_LAUNCH_NAMES_MAX + 1])
{
    size_t count = 0;

    for (char **entry = environ;
         *entry != NULL && count < TG_LAUNCH_NAMES_MAX; entry++)
    {
        size_t len = strcspn(*entry, "=");

        if (is_kept(*entry) && strspn(*entry,
                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == len)
        {
            names[count] = strndup(*entry, len);
            count += names[count] != NULL;
        }
    }
    names[count] = NULL;
}

/* A child to be: everything exec needs, made before fork. */
struct child {
    const char *argv[10];
    char       *envp[TG_LAUNCH_NAMES_MAX + 2];
    int         out_fd; /* its standard output and error */
    const int  *inherited;
    size_t      inherited_count;
    int         lock_fd; /* -1: none */
};

/* Only calls that are safe after fork in a process with threads. */
_Noreturn static void
become(const struct child *child)
{
    sigset_t none;
    int      null_fd = open("/dev/null", O_RDWR);

    (void) setsid(); /* a terminal's Ctrl-C is for the daemon */
    (void) dup2(null_fd, STDIN_FILENO);
    (void) dup2(child->out_fd, STDOUT_FILENO);
    (void) dup2(child->out_fd, STDERR_FILENO);
    for (size_t i = 0; i < child->inherited_count; i++) {
        (void) fcntl(child->inherited[i], F_SETFD, 0);
    }
    if (child->lock_fd >= 0) {
        (void) fcntl(child->lock_fd, F_SETFD, 0);
    }
    (void) signal(SIGPIPE, SIG_DFL);
    (void) sigemptyset(&none);
    (void) sigprocmask(SIG_SETMASK, &none, NULL);
    (void) execve(child->argv[0], (char **) child->argv, child->envp);
    _exit(127);
}

/* The environment that is kept, and NGINX's sockets unless that is NULL. */
static void
fill_environment(struct child *child, char *sockets)
{
    size_t count = 0;

    for (char **entry = environ;
         *entry != NULL && count < TG_LAUNCH_NAMES_MAX; entry++)
    {
        if (is_kept(*entry)) {
            child->envp[count++] = *entry;
        }
    }
    if (sockets != NULL) {
        child->envp[count++] = sockets;
    }
    child->envp[count] = NULL;
}

/* What came through the pipe, without the end of its last line. */
static void
read_said(char said[SAID_MAX_BYTES], int fd)
{
    size_t  len = 0;
    ssize_t n;

    while (len < SAID_MAX_BYTES - 1
        && ((n = read(fd, said + len, SAID_MAX_BYTES - 1 - len)) > 0
            || (n < 0 && errno == EINTR)))
    {
        len += n > 0 ? (size_t) n : 0;
    }
    said[len] = '\0';
    while (len > 0 && said[len - 1] == '\n') {
        said[--len] = '\0';
    }
}

/* "nginx: [emerg] ..." is what matters of several lines. */
static const char *
first_complaint(const char *said)
{
    static const char *const levels[] = { "[emerg]", "[alert]", "[crit]",
        "[error]" };

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        const char *found = strstr(said, levels[i]);

        if (found != NULL) {
            return found;
        }
    }
    return said;
}

enum tg_status
tg_launch_test(const char *binary, const char *conf_path, const char *prefix,
    const char *log_path, struct tg_error *err)
{
    struct child child = {
        .argv = { binary, "-t", "-q", "-c", conf_path, "-p", prefix, "-e",
            log_path, NULL },
        .lock_fd = -1,
    };
    char        said[SAID_MAX_BYTES];
    const char *complaint;
    int         pipe_fds[2], code = 0;
    pid_t       pid;

    if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
        return tg_error_errno(err, TG_IO, "cannot make a pipe");
    }
    child.out_fd = pipe_fds[1];
    fill_environment(&child, NULL);
    pid = fork();
    if (pid == 0) {
        become(&child);
    }
    (void) close(pipe_fds[1]);
    if (pid < 0) {
        (void) close(pipe_fds[0]);
        return tg_error_errno(err, TG_IO, "cannot start %s", binary);
    }
    read_said(said, pipe_fds[0]);
    (void) close(pipe_fds[0]);
    while (waitpid(pid, &code, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(code) && WEXITSTATUS(code) == 0) {
        return TG_OK;
    }
    if (WIFEXITED(code) && WEXITSTATUS(code) == 127) {
        return tg_error_set(err, TG_INVALID,
            "cannot run %s: is nginx installed?", binary);
    }
    complaint = first_complaint(said);
    return tg_error_set(err, TG_INVALID, "nginx refuses its configuration:"
        " %.*s", (int) strcspn(complaint, "\n"), complaint);
}

enum tg_status
tg_launch_master(pid_t *pid, int *pidfd, const struct tg_launch *launch,
    struct tg_error *err)
{
    struct child child = {
        .argv = { launch->binary, "-c", launch->conf_path, "-p",
            launch->prefix, "-e", launch->log_path, NULL },
        .inherited = launch->sockets,
        .inherited_count = launch->socket_count,
        .lock_fd = launch->lock_fd,
    };
    struct tg_buf  sockets;
    enum tg_status status;
    int            fd;
    pid_t          master;

    child.out_fd = open(launch->log_path,
        O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (child.out_fd < 0) {
        return tg_error_errno(err, TG_IO, "cannot open %s",
            launch->log_path);
    }
    tg_buf_init(&sockets, ENVIRONMENT_MAX_BYTES);
    (void) tg_buf_puts(&sockets, "NGINX=");
    for (size_t i = 0; i < launch->socket_count; i++) {
        (void) tg_buf_printf(&sockets, "%d;", launch->sockets[i]);
    }
    if (sockets.status != TG_OK) {
        tg_buf_clear(&sockets);
        (void) close(child.out_fd);
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    fill_environment(&child, sockets.data);
    master = fork();
    if (master == 0) {
        become(&child);
    }
    tg_buf_clear(&sockets);
    (void) close(child.out_fd);
    if (master < 0) {
        return tg_error_errno(err, TG_IO, "cannot start %s", launch->binary);
    }
    fd = pidfd_open(master, 0);
    if (fd < 0) {
        status = tg_error_errno(err, TG_IO, "cannot watch nginx");
        (void) kill(master, SIGKILL); /* nobody would see it end */
        (void) waitpid(master, NULL, 0);
        return status;
    }
    *pid = master;
    *pidfd = fd;
    return TG_OK;
}
