/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/certificates.h"
#include "daemon/conf.h"
#include "daemon/launch.h"
#include "daemon/listeners.h"
#include "daemon/procs.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/log.h"

#define CONF_MAX_BYTES (2 * 1024 * 1024)
#define HOLDERS_MAX 1024
#define STEADY_S 60        /* a master that lived so long was no failure */
#define BACKOFF_MAX_S 30
#define RELOAD_S 30
#define MASTER_WAIT_MS 1000 /* for a master that is just being started */
#define MASTER_POLL_MS 100

struct tg_keeper {
    const struct tg_settings  *settings;
    const struct tg_statedir  *dir;
    const struct tg_board_map *board;
    struct tg_listeners        listeners;
    struct tg_certificates    *certificates; /* NULL: no TLS */
    const char *environment[TG_LAUNCH_NAMES_MAX + 1];
    const char *trust_store;
    char        conf_path[PATH_MAX];
    char        next_conf_path[PATH_MAX];
    char        log_path[PATH_MAX];
    char        prefix[PATH_MAX];

    int      lock_fd;
    bool     has_lock; /* lock_fd's open file is the one nginx holds */
    pid_t    master;   /* 0: there is none */
    int      pidfd;    /* -1: there is none */
    bool     is_child; /* of this process, so to be waited for */
    uint64_t generation;

    int64_t  started_s;  /* on the boot clock, as the next ones */
    int64_t  start_at_s; /* when to start the next master */
    unsigned failures;   /* in a row */
    int64_t  reload_by_s; /* 0: no reload is under way */
    bool     is_quitting;
    bool     is_asked;    /* to look at the certificates again */
    int64_t  looked_s;    /* at them, last */
};

/*
 * ---- the configuration
 */

static enum tg_status
make_conf(struct tg_buf *out, const struct tg_keeper *k, uint64_t generation,
    struct tg_error *err)
{
    const struct tg_conf conf = {
        .settings = k->settings,
        .workers = &k->dir->workers,
        .generation = generation,
        .trust_store = k->trust_store,
        .environment = k->environment,
        .certificates = k->certificates,
    };

    tg_buf_init(out, CONF_MAX_BYTES);
    if (tg_conf_write(out, &conf) == TG_OK) {
        return TG_OK;
    }
    tg_buf_clear(out);
    return tg_error_set(err, TG_NOMEM,
        "out of memory for nginx's configuration");
}

/* The generation of the file that is there, and whether it says this. */
static uint64_t
read_conf(const struct tg_keeper *k, bool *is_same)
{
    struct tg_buf found, wanted;
    uint64_t      generation = 0;

    *is_same = false;
    tg_buf_init(&found, CONF_MAX_BYTES);
    if (tg_file_read(&found, k->conf_path, NULL) == TG_OK && found.len > 0) {
        generation = tg_conf_generation(found.data);
        if (make_conf(&wanted, k, generation, NULL) == TG_OK) {
            *is_same = strcmp(found.data, wanted.data) == 0;
            tg_buf_clear(&wanted);
        }
    }
    tg_buf_clear(&found);
    return generation;
}

/* The newest generation there is a trace of, so that the next is new. */
static uint64_t
find_generation(const struct tg_keeper *k, bool *is_same)
{
    uint64_t newest = read_conf(k, is_same);

    for (unsigned i = 0; i < TG_BOARD_ROWS; i++) {
        uint64_t shown = atomic_load(&k->board->page->rows[i]
            .conf_generation);

        if (shown > newest) {
            newest = shown;
            *is_same = false;
        }
    }
    return newest;
}

/* Writes the next generation and lets nginx test it before it counts (K3). */
static enum tg_status
install_conf(struct tg_keeper *k, struct tg_error *err)
{
    struct tg_buf  text;
    enum tg_status status = make_conf(&text, k, k->generation + 1, err);

    if (status != TG_OK) {
        return status;
    }
    status = tg_file_replace(k->next_conf_path, text.data, text.len, 0640,
        err);
    tg_buf_clear(&text);
    if (status == TG_OK) {
        status = tg_launch_test(k->settings->nginx.binary, k->next_conf_path,
            k->prefix, k->log_path, err);
    }
    if (status == TG_OK && rename(k->next_conf_path, k->conf_path) != 0) {
        status = tg_error_errno(err, TG_IO, "cannot replace %s",
            k->conf_path);
    }
    if (status == TG_OK) {
        k->generation++;
    }
    return status;
}

/*
 * ---- what runs already
 */

/* The pid file's process, if it is the master of this configuration. */
static pid_t
find_master(const struct tg_keeper *k)
{
    char          path[PATH_MAX];
    struct tg_buf text;
    long          pid = 0;

    (void) snprintf(path, sizeof(path), "%s/run/nginx.pid", k->dir->path);
    tg_buf_init(&text, 64);
    if (tg_file_read(&text, path, NULL) == TG_OK && text.len > 0) {
        pid = strtol(text.data, NULL, 10);
    }
    tg_buf_clear(&text);
    return pid > 1 && tg_proc_is_master((pid_t) pid, k->conf_path)
        ? (pid_t) pid : 0;
}

/* The same; a master that is being started gets time to write its file. */
static pid_t
await_master(const struct tg_keeper *k)
{
    const struct timespec pause = { .tv_nsec = MASTER_POLL_MS * 1000000L };
    pid_t                 pid = find_master(k);

    for (int ms = 0; pid == 0 && ms < MASTER_WAIT_MS; ms += MASTER_POLL_MS) {
        (void) nanosleep(&pause, NULL);
        pid = find_master(k);
    }
    return pid;
}

/*
 * Takes copies of sockets and lock out of a process of nginx, and its lock
 * file in place of ours, so that a new master shares it.
 */
static void
recover_from(struct tg_keeper *k, pid_t pid)
{
    int copy = -1;

    (void) tg_listeners_recover(&k->listeners, &copy, k->lock_fd, pid);
    if (copy < 0) {
        return;
    }
    if (k->has_lock) {
        (void) close(copy);
        return;
    }
    (void) close(k->lock_fd);
    k->lock_fd = copy;
    k->has_lock = true;
}

/*
 * The workers that live on without a master: whoever holds the lock file,
 * and, where the kernel hides that, whose row on the board is alive.
 */
static size_t
find_orphans(const struct tg_keeper *k, pid_t out[HOLDERS_MAX])
{
    size_t count = tg_procs_holding(out, HOLDERS_MAX, k->lock_fd);

    for (unsigned i = 0; i < TG_BOARD_ROWS && count < HOLDERS_MAX; i++) {
        pid_t  pid = (pid_t) atomic_load(&k->board->page->rows[i].pid);
        size_t known = 0;

        while (known < count && out[known] != pid) {
            known++;
        }
        if (known == count && tg_board_row_is_alive(k->board, i)
            && tg_proc_is_worker(pid))
        {
            out[count++] = pid;
        }
    }
    return count;
}

/* Asks workers without a master to end the calls they have, and go. */
static void
quit_orphans(const pid_t *orphans, size_t count)
{
    char number[24];

    for (size_t i = 0; i < count; i++) {
        if (kill(orphans[i], SIGQUIT) == 0) {
            (void) snprintf(number, sizeof(number), "%ld",
                (long) orphans[i]);
            tg_log(TG_LOG_NOTICE, "nginx_orphan_quits", "pid", number, NULL);
        }
    }
}

/*
 * ---- start, adopt, reload
 */

static void
log_master(enum tg_log_level level, const char *event,
    const struct tg_keeper *k, const char *message)
{
    char pid[24], generation[24];

    (void) snprintf(pid, sizeof(pid), "%ld", (long) k->master);
    (void) snprintf(generation, sizeof(generation), "%" PRIu64,
        k->generation);
    tg_log(level, event, "pid", pid, "generation", generation, "msg", message,
        NULL);
}

/* The lock in a form that the new master shares (K1). */
static enum tg_status
hold_lock(struct tg_keeper *k, struct tg_error *err)
{
    if (!k->has_lock && flock(k->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return tg_error_errno(err, TG_BUSY, "workers without a master still"
            " hold %s/run/nginx.lock", k->dir->path);
    }
    k->has_lock = true;
    return TG_OK;
}

static enum tg_status
launch(struct tg_keeper *k, struct tg_error *err)
{
    int                    sockets[TG_LISTENERS];
    const struct tg_launch what = {
        .binary = k->settings->nginx.binary,
        .conf_path = k->conf_path,
        .prefix = k->prefix,
        .log_path = k->log_path,
        .sockets = sockets,
        .socket_count = TG_LISTENERS,
        .lock_fd = k->lock_fd,
    };

    for (size_t i = 0; i < TG_LISTENERS; i++) {
        sockets[i] = k->listeners.items[i].fd;
    }
    return tg_launch_master(&k->master, &k->pidfd, &what, err);
}

/* Starts a master beside whatever orphans there are, which then leave. */
static enum tg_status
start(struct tg_keeper *k, int64_t boot_s, struct tg_error *err)
{
    pid_t          orphans[HOLDERS_MAX];
    size_t         count = find_orphans(k, orphans);
    enum tg_status status;

    for (size_t i = 0; i < count && (!k->has_lock
            || !tg_listeners_are_open(&k->listeners)); i++)
    {
        recover_from(k, orphans[i]);
    }
    status = hold_lock(k, err);
    if (status == TG_OK) {
        status = tg_listeners_open(&k->listeners, err);
    }
    if (status == TG_OK) {
        status = install_conf(k, err);
    }
    if (status == TG_OK) {
        status = launch(k, err);
    }
    if (status != TG_OK && status != TG_BUSY) {
        return status; /* the orphans serve on */
    }
    quit_orphans(orphans, count);
    if (status == TG_OK) {
        k->is_child = true;
        k->started_s = boot_s;
        log_master(TG_LOG_NOTICE, "nginx_started", k, NULL);
    }
    return status;
}

/* A changed configuration, for the master that runs. */
static enum tg_status
reload(struct tg_keeper *k, int64_t boot_s, struct tg_error *err)
{
    enum tg_status status = install_conf(k, err);

    if (status != TG_OK) {
        return status;
    }
    if (pidfd_send_signal(k->pidfd, SIGHUP, NULL, 0) != 0) {
        return tg_error_errno(err, TG_IO, "cannot tell nginx to reload");
    }
    k->reload_by_s = boot_s + RELOAD_S;
    return TG_OK;
}

static enum tg_status
adopt(struct tg_keeper *k, pid_t pid, int64_t boot_s, struct tg_error *err)
{
    bool is_same;

    k->pidfd = pidfd_open(pid, 0);
    /* Looked at again: the id may have passed to another process. */
    if (k->pidfd < 0 || !tg_proc_is_master(pid, k->conf_path)) {
        return tg_error_set(err, TG_STALE, "nginx has just ended");
    }
    k->master = pid;
    k->started_s = boot_s;
    recover_from(k, pid);
    k->generation = find_generation(k, &is_same);
    log_master(TG_LOG_NOTICE, "nginx_adopted", k, NULL);
    if (is_same) {
        if (!tg_listeners_are_open(&k->listeners) || !k->has_lock) {
            log_master(TG_LOG_WARN, "nginx_sockets_unreachable", k,
                "nginx's listening sockets cannot be shared with this"
                " process; should its master die, calls are refused until"
                " its workers have left");
        }
        return TG_OK;
    }
    return reload(k, boot_s, err);
}

/*
 * ---- open and close
 */

static void
make_paths(struct tg_keeper *k)
{
    (void) snprintf(k->conf_path, sizeof(k->conf_path), "%s/run/nginx.conf",
        k->dir->path);
    (void) snprintf(k->next_conf_path, sizeof(k->next_conf_path),
        "%s/run/nginx.conf.next", k->dir->path);
    (void) snprintf(k->log_path, sizeof(k->log_path), "%s/logs/nginx.log",
        k->dir->path);
    (void) snprintf(k->prefix, sizeof(k->prefix), "%s/run", k->dir->path);
}

static enum tg_status
open_lock(struct tg_keeper *k, struct tg_error *err)
{
    char path[PATH_MAX];

    (void) snprintf(path, sizeof(path), "%s/run/nginx.lock", k->dir->path);
    k->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (k->lock_fd < 0) {
        return tg_error_errno(err, TG_IO, "cannot open %s", path);
    }
    k->has_lock = flock(k->lock_fd, LOCK_EX | LOCK_NB) == 0;
    return TG_OK;
}

static enum tg_status
start_or_adopt(struct tg_keeper *k, struct tg_error *err)
{
    const int64_t  boot_s = tg_clock_boot_s();
    pid_t          pid = k->has_lock ? 0 : await_master(k);
    enum tg_status status = TG_STALE;
    bool           is_same;

    if (pid != 0) {
        status = adopt(k, pid, boot_s, err);
    }
    if (status != TG_STALE) {
        return status;
    }
    k->generation = find_generation(k, &is_same);
    return start(k, boot_s, err);
}

enum tg_status
tg_keeper_open(struct tg_keeper **out, const struct tg_settings *settings,
    const struct tg_statedir *dir, const struct tg_board_map *board,
    struct tg_error *err)
{
    struct tg_keeper *k = calloc(1, sizeof(*k));
    enum tg_status    status;

    *out = NULL;
    if (k == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    k->settings = settings;
    k->dir = dir;
    k->board = board;
    k->lock_fd = -1;
    k->pidfd = -1;
    make_paths(k);
    tg_listeners_init(&k->listeners, settings);
    tg_launch_environment(k->environment);
    status = tg_conf_trust_store(&k->trust_store, settings, err);
    if (status == TG_OK) {
        status = tg_certificates_open(&k->certificates, settings,
            tg_clock_now_s(), err);
    }
    if (status == TG_OK) {
        status = open_lock(k, err);
    }
    if (status == TG_OK) {
        status = start_or_adopt(k, err);
    }
    if (status != TG_OK) {
        tg_keeper_close(k);
        return status;
    }
    *out = k;
    return TG_OK;
}

void
tg_keeper_close(struct tg_keeper *k)
{
    if (k == NULL) {
        return;
    }
    tg_listeners_clear(&k->listeners);
    tg_certificates_close(k->certificates);
    if (k->lock_fd >= 0) {
        (void) close(k->lock_fd);
    }
    if (k->pidfd >= 0) {
        (void) close(k->pidfd);
    }
    for (size_t i = 0; k->environment[i] != NULL; i++) {
        free((char *) k->environment[i]);
    }
    free(k);
}

/*
 * ---- watching
 */

int
tg_keeper_fd(const struct tg_keeper *k)
{
    return k->pidfd;
}

bool
tg_keeper_is_running(const struct tg_keeper *k)
{
    return k->master != 0;
}

bool
tg_keeper_is_ready(const struct tg_keeper *k)
{
    for (unsigned i = 0; k->master != 0 && i < TG_BOARD_ROWS; i++) {
        const struct tg_board_row *row = &k->board->page->rows[i];

        if (atomic_load(&row->conf_generation) == k->generation
            && tg_board_row_is_alive(k->board, i))
        {
            return true;
        }
    }
    return false;
}

static bool
has_ended(const struct tg_keeper *k)
{
    struct pollfd fd = { .fd = k->pidfd, .events = POLLIN };

    return k->pidfd >= 0 && poll(&fd, 1, 0) == 1;
}

/* What is known of a death: "exit status 1", "signal 9". */
static void
describe_end(char out[32], const struct tg_keeper *k)
{
    siginfo_t info = { 0 };

    if (!k->is_child
        || waitid(P_PIDFD, (id_t) k->pidfd, &info, WEXITED | WNOHANG) != 0)
    {
        (void) snprintf(out, 32, "ended");
    } else if (info.si_code == CLD_EXITED) {
        (void) snprintf(out, 32, "exit status %d", info.si_status);
    } else {
        (void) snprintf(out, 32, "signal %d", info.si_status);
    }
}

/* The master is gone: when does the next one start? */
static void
take_note_of_end(struct tg_keeper *k, int64_t boot_s)
{
    char how[32];

    describe_end(how, k);
    log_master(k->is_quitting ? TG_LOG_NOTICE : TG_LOG_ERROR,
        k->is_quitting ? "nginx_stopped" : "nginx_master_died", k, how);
    (void) close(k->pidfd);
    k->pidfd = -1;
    k->master = 0;
    k->reload_by_s = 0;
    if (boot_s - k->started_s >= STEADY_S) {
        k->failures = 0;
    }
    k->start_at_s = boot_s + (k->failures == 0 ? 0
        : k->failures < 5 ? 1 << k->failures : BACKOFF_MAX_S);
    k->failures++;
}

static void
try_start(struct tg_keeper *k, int64_t boot_s)
{
    struct tg_error err;

    if (start(k, boot_s, &err) == TG_OK) {
        return;
    }
    tg_log(TG_LOG_ERROR, "nginx_not_started", "msg", err.message, NULL);
    k->start_at_s = boot_s
        + (k->failures < 5 ? 1 << k->failures : BACKOFF_MAX_S);
    k->failures++;
}

static void
watch_reload(struct tg_keeper *k, int64_t boot_s)
{
    if (tg_keeper_is_ready(k)) {
        k->reload_by_s = 0;
        log_master(TG_LOG_NOTICE, "nginx_reloaded", k, NULL);
        tg_certificates_keep(k->certificates);
        recover_from(k, k->master); /* sockets that it opened itself */
    } else if (boot_s >= k->reload_by_s) {
        k->reload_by_s = 0;
        log_master(TG_LOG_ERROR, "nginx_reload_unfinished", k,
            "no worker shows the new configuration; see logs/nginx.log");
    }
}

/* K4: other files at the paths that the settings name. */
static void
watch_certificates(struct tg_keeper *k, int64_t boot_s)
{
    struct tg_error err;

    if (!tg_certificates_refresh(k->certificates, tg_clock_now_s(),
            k->is_asked))
    {
        k->is_asked = false;
        return;
    }
    k->is_asked = false;
    if (reload(k, boot_s, &err) == TG_OK) {
        tg_log(TG_LOG_NOTICE, "certificates_changed", NULL);
        return;
    }
    tg_certificates_undo(k->certificates);
    tg_log(TG_LOG_ERROR, "certificates_not_taken", "msg", err.message, NULL);
}

void
tg_keeper_refresh(struct tg_keeper *k)
{
    k->is_asked = true;
}

int64_t
tg_keeper_first_expiry(const struct tg_keeper *k)
{
    return tg_certificates_first_expiry(k->certificates);
}

void
tg_keeper_tick(struct tg_keeper *k, int64_t boot_s)
{
    if (has_ended(k)) {
        take_note_of_end(k, boot_s);
    }
    if (k->master == 0 && !k->is_quitting && boot_s >= k->start_at_s) {
        try_start(k, boot_s);
    }
    if (k->reload_by_s != 0) {
        watch_reload(k, boot_s);
    } else if (k->master != 0 && !k->is_quitting
        && (k->is_asked || boot_s != k->looked_s))
    {
        k->looked_s = boot_s;
        watch_certificates(k, boot_s);
    }
}

void
tg_keeper_quit(struct tg_keeper *k, bool is_fast)
{
    pid_t  orphans[HOLDERS_MAX];
    size_t count;

    k->is_quitting = true;
    if (k->pidfd >= 0) {
        (void) pidfd_send_signal(k->pidfd, is_fast ? SIGTERM : SIGQUIT, NULL,
            0);
        return;
    }
    count = find_orphans(k, orphans);
    quit_orphans(orphans, count);
}
