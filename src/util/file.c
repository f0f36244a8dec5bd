/* SPDX-License-Identifier: Apache-2.0 */
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum tg_status
tg_file_read(struct tg_buf *out, const char *path, struct tg_error *err)
{
    int            fd;
    char           chunk[16384];
    ssize_t        n;
    enum tg_status status = TG_OK;

    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return tg_error_errno(err, errno == ENOENT ? TG_NOTFOUND : TG_IO,
            "cannot open %s", path);
    }
    while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            status = tg_error_errno(err, TG_IO, "cannot read %s", path);
            break;
        }
        status = tg_buf_add(out, chunk, (size_t) n);
        if (status != TG_OK) {
            (void) tg_error_set(err, status, "%s is larger than %zu bytes",
                path, out->max);
            break;
        }
    }
    (void) close(fd);
    return status;
}

static int
write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        data += n;
        len -= (size_t) n;
    }
    return 0;
}

/* Makes the rename itself durable. */
static int
sync_parent(const char *path)
{
    int   fd, rc;
    char  dir[PATH_MAX];
    char *slash;

    (void) snprintf(dir, sizeof(dir), "%s", path);
    slash = strrchr(dir, '/');
    if (slash == NULL) {
        (void) strcpy(dir, ".");
    } else {
        slash[slash == dir ? 1 : 0] = '\0';
    }
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    rc = fsync(fd);
    (void) close(fd);
    return rc;
}

enum tg_status
tg_file_replace(const char *path, const void *data, size_t len, mode_t mode,
    struct tg_error *err)
{
    int            fd, n;
    char           beside[PATH_MAX];
    enum tg_status status = TG_OK;

    n = snprintf(beside, sizeof(beside), "%s.new", path);
    if (n < 0 || (size_t) n >= sizeof(beside)) {
        return tg_error_set(err, TG_INVALID, "path too long: %s", path);
    }
    (void) unlink(beside);
    fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        return tg_error_errno(err, errno == EROFS ? TG_READONLY : TG_IO,
            "cannot create %s", beside);
    }
    if (write_all(fd, data, len) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0)
    {
        status = tg_error_errno(err, TG_IO, "cannot write %s", beside);
    }
    (void) close(fd);
    if (status == TG_OK
        && (rename(beside, path) < 0 || sync_parent(path) < 0))
    {
        status = tg_error_errno(err, TG_IO, "cannot replace %s", path);
    }
    if (status != TG_OK) {
        (void) unlink(beside);
    }
    return status;
}

enum tg_status
tg_dir_make(const char *path, mode_t mode, struct tg_error *err)
{
    char   part[PATH_MAX];
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof(part)) {
        return tg_error_set(err, TG_INVALID, "bad directory name: %s", path);
    }
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0') {
            continue;
        }
        part[i] = '\0';
        if (mkdir(part, mode) < 0 && errno != EEXIST) {
            return tg_error_errno(err, errno == EROFS ? TG_READONLY : TG_IO,
                "cannot make directory %s", part);
        }
        part[i] = path[i];
    }
    return TG_OK;
}
