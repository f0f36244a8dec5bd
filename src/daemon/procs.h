/*
 * procs.h - nginx's processes, seen through /proc
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_DAEMON_PROCS_H
#define TG_DAEMON_PROCS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Whether pid is the master of the nginx that was started with that
 * configuration file: a process id alone may long be somebody else's.
 */
bool tg_proc_is_master(pid_t pid, const char *conf_path);

/* Whether pid is a worker of some nginx. */
bool tg_proc_is_worker(pid_t pid);

/*
 * The processes, this one apart, that have the same file open as fd has;
 * at most max of them.
 */
size_t tg_procs_holding(pid_t *out, size_t max, int fd);

/*
 * Calls visit with a copy of each file descriptor that pid has open and is
 * interesting: it closes the copy or keeps it.  False when the kernel lets
 * us not look into that process.
 */
typedef void tg_proc_fd_visit(void *data, int copy);
bool tg_proc_fds(pid_t pid, tg_proc_fd_visit *visit, void *data);

#endif
