/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/statedir.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"

#define TRIAL_BYTES 65536

/* Whether a shared mapping and the file show each other's bytes. */
static bool
is_coherent(int fd)
{
    unsigned char *page;
    unsigned char  seen = 0;
    bool           ok;

    page = mmap(NULL, TRIAL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        return false;
    }
    page[TRIAL_BYTES / 2] = 0xa5;
    ok = pread(fd, &seen, 1, TRIAL_BYTES / 2) == 1 && seen == 0xa5;
    seen = 0x5a;
    ok = ok && pwrite(fd, &seen, 1, TRIAL_BYTES - 1) == 1
        && ((volatile unsigned char *) page)[TRIAL_BYTES - 1] == 0x5a;
    (void) munmap(page, TRIAL_BYTES);
    return ok;
}

/* F1: does with a file what will be done with the mapped ones. */
static enum tg_status
try_files(const char *path, struct tg_error *err)
{
    char           name[PATH_MAX];
    enum tg_status status = TG_OK;
    int            fd;

    (void) snprintf(name, sizeof(name), "%s/.trial.XXXXXX", path);
    fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0) {
        return tg_error_errno(err, errno == EROFS ? TG_READONLY : TG_IO,
            "state_dir %s: cannot make a file in it", path);
    }
    /* Not posix_fallocate, which imitates what the file system cannot do. */
    if (fallocate(fd, 0, 0, TRIAL_BYTES) != 0) {
        status = errno == EOPNOTSUPP
            ? tg_error_set(err, TG_INVALID, "state_dir %s: its file system"
                  " cannot allocate files in full; choose a folder on ext4,"
                  " XFS or tmpfs", path)
            : tg_error_errno(err, TG_IO,
                  "state_dir %s: cannot allocate %d bytes", path,
                  TRIAL_BYTES);
    } else if (!is_coherent(fd)) {
        status = tg_error_set(err, TG_INVALID, "state_dir %s: its file"
            " system does not keep mapped files coherent; choose a folder on"
            " ext4, XFS or tmpfs", path);
    }
    (void) close(fd);
    (void) unlink(name);
    return status;
}

/* The names of a user that the settings do not name. */
static void
name_user(struct tg_worker_user *workers)
{
    const struct passwd *user = getpwuid(workers->uid);
    const struct group  *group = getgrgid(workers->gid);

    (void) snprintf(workers->user, sizeof(workers->user), "%s",
        user == NULL ? "" : user->pw_name);
    (void) snprintf(workers->group, sizeof(workers->group), "%s",
        group == NULL ? "" : group->gr_name);
}

/*
 * The settings' user, else whoever owns the state directory: it may lie in a
 * folder that nobody else may enter.
 */
static enum tg_status
find_workers(struct tg_worker_user *workers, const char *path,
    const struct tg_settings *settings, struct tg_error *err)
{
    const struct passwd *user = NULL;
    const struct group  *group = NULL;
    struct stat          st;

    if (stat(path, &st) != 0) {
        return tg_error_errno(err, TG_IO, "state_dir %s", path);
    }
    *workers = (struct tg_worker_user) { .uid = st.st_uid, .gid = st.st_gid };
    if (settings->user != NULL) {
        user = getpwnam(settings->user);
        if (user == NULL) {
            return tg_error_set(err, TG_INVALID, "%s: user: there is no user"
                " %s", settings->file, settings->user);
        }
        workers->uid = user->pw_uid;
        workers->gid = user->pw_gid;
    }
    if (settings->group != NULL) {
        group = getgrnam(settings->group);
        if (group == NULL) {
            return tg_error_set(err, TG_INVALID, "%s: group: there is no"
                " group %s", settings->file, settings->group);
        }
        workers->gid = group->gr_gid;
    }
    if (geteuid() == 0) {
        name_user(workers);
        return TG_OK;
    }
    if (settings->user != NULL && workers->uid != geteuid()) {
        return tg_error_set(err, TG_DENIED, "%s: user: only root can run"
            " workers as %s", settings->file, settings->user);
    }
    return TG_OK;
}

/* A folder of the set; shared ones belong to the workers' group. */
static enum tg_status
make_folder(const char *path, mode_t mode, bool is_shared,
    const struct tg_worker_user *workers, struct tg_error *err)
{
    enum tg_status status = tg_dir_make(path, mode, err);

    if (status != TG_OK || !is_shared || geteuid() != 0
        || workers->uid == 0)
    {
        return status;
    }
    /* The set-group-ID bit passes the group on to what is made inside. */
    if (chown(path, (uid_t) -1, workers->gid) != 0
        || chmod(path, mode | S_ISGID) != 0)
    {
        return tg_error_errno(err, TG_IO,
            "%s: cannot give it to the workers' group", path);
    }
    return TG_OK;
}

static enum tg_status
make_folders(const struct tg_statedir *dir, struct tg_error *err)
{
    static const struct {
        const char *name;
        mode_t      mode;
        bool        is_shared;
    } folders[] = {
        { "", 0750, true }, { "/run", 0750, true }, { "/run/tmp", 0750, true },
        { "/logs", 0750, true }, { "/private", 0700, false },
    };
    char           path[PATH_MAX];
    enum tg_status status = TG_OK;

    for (size_t i = 0;
         status == TG_OK && i < sizeof(folders) / sizeof(folders[0]); i++)
    {
        (void) snprintf(path, sizeof(path), "%s%s", dir->path,
            folders[i].name);
        status = make_folder(path, folders[i].mode, folders[i].is_shared,
            &dir->workers, err);
    }
    return status;
}

/* F2 */
static enum tg_status
take_lock(struct tg_statedir *dir, struct tg_error *err)
{
    char    path[PATH_MAX], pid[24] = "";
    ssize_t len;

    (void) snprintf(path, sizeof(path), "%s/run/lock", dir->path);
    dir->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (dir->lock_fd < 0) {
        return tg_error_errno(err, errno == EROFS ? TG_READONLY : TG_IO,
            "cannot open %s", path);
    }
    if (flock(dir->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        len = read(dir->lock_fd, pid, sizeof(pid) - 1);
        pid[len > 0 ? strspn(pid, "0123456789") : 0] = '\0';
        (void) close(dir->lock_fd);
        dir->lock_fd = -1;
        return tg_error_set(err, TG_BUSY, "state_dir %s: another daemon, pid"
            " %s, serves it", dir->path, *pid == '\0' ? "unknown" : pid);
    }
    len = snprintf(pid, sizeof(pid), "%ld\n", (long) getpid());
    if (ftruncate(dir->lock_fd, 0) != 0
        || pwrite(dir->lock_fd, pid, (size_t) len, 0) != len)
    {
        return tg_error_errno(err, TG_IO, "cannot write %s", path);
    }
    return TG_OK;
}

enum tg_status
tg_statedir_open(struct tg_statedir *dir, const struct tg_settings *settings,
    struct tg_error *err)
{
    enum tg_status status;

    *dir = (struct tg_statedir) {
        .path = settings->state_dir, .lock_fd = -1,
    };
    status = tg_dir_make(dir->path, 0750, err);
    if (status == TG_OK) {
        status = try_files(dir->path, err);
    }
    if (status == TG_OK) {
        status = find_workers(&dir->workers, dir->path, settings, err);
    }
    if (status == TG_OK) {
        status = make_folders(dir, err);
    }
    if (status == TG_OK) {
        status = take_lock(dir, err);
    }
    if (status != TG_OK) {
        tg_statedir_close(dir);
    }
    return status;
}

void
tg_statedir_close(struct tg_statedir *dir)
{
    if (dir->lock_fd >= 0) {
        (void) close(dir->lock_fd);
        dir->lock_fd = -1;
    }
}
