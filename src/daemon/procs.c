/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/procs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 320

/* Reads a small file of /proc; the bytes and a NUL, or -1. */
static ssize_t
read_small(char *out, size_t size, const char *path)
{
    int     fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len;

    if (fd < 0) {
        return -1;
    }
    len = read(fd, out, size - 1);
    (void) close(fd);
    if (len >= 0) {
        out[len] = '\0';
    }
    return len;
}

/* nginx puts its title, and its command line behind it, into one text. */
static bool
read_title(char *out, size_t size, pid_t pid)
{
    char path[PATH_SIZE];

    (void) snprintf(path, sizeof(path), "/proc/%ld/cmdline", (long) pid);
    return read_small(out, size, path) > 0;
}

bool
tg_proc_is_master(pid_t pid, const char *conf_path)
{
    static const char title[] = "nginx: master process ";
    char              line[8192];

    return read_title(line, sizeof(line), pid)
        && strncmp(line, title, sizeof(title) - 1) == 0
        && strstr(line, conf_path) != NULL;
}

bool
tg_proc_is_worker(pid_t pid)
{
    static const char title[] = "nginx: worker process";
    char              line[sizeof(title)];

    return read_title(line, sizeof(line), pid)
        && strcmp(line, title) == 0;
}

/* The number that an entry of /proc is named by, or -1. */
static long
entry_number(const struct dirent *entry)
{
    char *end;
    long  number = strtol(entry->d_name, &end, 10);

    return *end == '\0' && end != entry->d_name ? number : -1;
}

static bool
has_open(pid_t pid, const struct stat *wanted)
{
    char           path[PATH_SIZE];
    DIR           *dir;
    struct dirent *entry;
    struct stat    st;
    bool           found = false;

    (void) snprintf(path, sizeof(path), "/proc/%ld/fd", (long) pid);
    dir = opendir(path);
    if (dir == NULL) {
        return false;
    }
    while (!found && (entry = readdir(dir)) != NULL) {
        found = entry_number(entry) >= 0
            && fstatat(dirfd(dir), entry->d_name, &st, 0) == 0
            && st.st_dev == wanted->st_dev && st.st_ino == wanted->st_ino;
    }
    (void) closedir(dir);
    return found;
}

size_t
tg_procs_holding(pid_t *out, size_t max, int fd)
{
    struct stat    wanted;
    DIR           *dir;
    struct dirent *entry;
    size_t         count = 0;
    long           pid;

    if (fstat(fd, &wanted) != 0 || (dir = opendir("/proc")) == NULL) {
        return 0;
    }
    while (count < max && (entry = readdir(dir)) != NULL) {
        pid = entry_number(entry);
        if (pid > 0 && pid != (long) getpid()
            && has_open((pid_t) pid, &wanted))
        {
            out[count++] = (pid_t) pid;
        }
    }
    (void) closedir(dir);
    return count;
}

bool
tg_proc_fds(pid_t pid, tg_proc_fd_visit *visit, void *data)
{
    char           path[PATH_SIZE];
    DIR           *dir;
    struct dirent *entry;
    bool           may_look = true;
    int            pidfd = pidfd_open(pid, 0);

    if (pidfd < 0) {
        return false;
    }
    (void) snprintf(path, sizeof(path), "/proc/%ld/fd", (long) pid);
    dir = opendir(path);
    may_look = dir != NULL;
    while (may_look && (entry = readdir(dir)) != NULL) {
        long number = entry_number(entry);
        int  copy = number < 0 ? -1 : pidfd_getfd(pidfd, (int) number, 0);

        if (copy >= 0) {
            visit(data, copy);
        } else if (number >= 0 && errno == EPERM) {
            may_look = false;
        }
    }
    if (dir != NULL) {
        (void) closedir(dir);
    }
    (void) close(pidfd);
    return may_look;
}
