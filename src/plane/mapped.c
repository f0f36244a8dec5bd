/* SPDX-License-Identifier: Apache-2.0 */
#include "plane/mapped.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/digest.h"

/*
 * From here on pages of 2 MB are worth it: a key looked up in a large table
 * then costs no walk through the page tables, where kernel and file system
 * have such pages for files.  Pieces of meters are smaller: they are written
 * all the time, and small pages go to the disk one by one.
 */
#define HUGE_MIN (4 << 20)

_Static_assert(sizeof(struct tg_mapped_header) == 80, "no padding");

static void
header_check(uint8_t out[TG_MAPPED_CHECK_SIZE],
    const struct tg_mapped_header *h)
{
    uint8_t digest[TG_SHA256_SIZE];

    tg_sha256(digest, h, offsetof(struct tg_mapped_header, check));
    memcpy(out, digest, TG_MAPPED_CHECK_SIZE);
}

void
tg_mapped_header_init(struct tg_mapped_header *h, const char *magic,
    uint64_t number, const uint8_t file_id[TG_PLANE_ID_SIZE])
{
    memset(h, 0, sizeof(*h));
    memcpy(h->magic, magic, strnlen(magic, sizeof(h->magic)));
    h->version = TG_PLANE_VERSION;
    h->header_size = TG_MAPPED_PAGE;
    h->number = number;
    memcpy(h->file_id, file_id, TG_PLANE_ID_SIZE);
}

static enum tg_status
truncated(size_t size, const char *path, struct tg_error *err)
{
    return tg_error_set(err, TG_CORRUPT,
        "%s is truncated: %zu bytes, less than its header", path, size);
}

enum tg_status
tg_mapped_check(const void *bytes, size_t size,
    const struct tg_mapped_header *expected, const char *path,
    struct tg_error *err)
{
    uint8_t                        check[TG_MAPPED_CHECK_SIZE];
    const struct tg_mapped_header *h = bytes;

    if (size < TG_MAPPED_PAGE) {
        return truncated(size, path, err);
    }
    if (memcmp(h->magic, expected->magic, sizeof(h->magic)) != 0) {
        return tg_error_set(err, TG_CORRUPT,
            "%s is not a file of this kind", path);
    }
    if (h->version != expected->version) {
        return tg_error_set(err, TG_CORRUPT,
            "%s is of version %" PRIu32 ", this program knows %" PRIu32,
            path, h->version, expected->version);
    }
    header_check(check, h);
    if (memcmp(check, h->check, sizeof(check)) != 0) {
        return tg_error_set(err, TG_CORRUPT, "%s has a damaged header", path);
    }
    if (h->header_size != TG_MAPPED_PAGE || h->size != size) {
        return tg_error_set(err, TG_CORRUPT,
            "%s is truncated or grown: %zu bytes instead of %" PRIu64, path,
            size, h->size);
    }
    if (h->number != expected->number) {
        return tg_error_set(err, TG_CORRUPT,
            "%s says that it is number %" PRIu64, path, h->number);
    }
    if (memcmp(h->file_id, expected->file_id, TG_PLANE_ID_SIZE) != 0) {
        return tg_error_set(err, TG_CORRUPT,
            "%s belongs to another board (its file id differs)", path);
    }
    return TG_OK;
}

enum tg_status
tg_mapped_allocate(int fd, size_t size, mode_t mode, const char *path,
    struct tg_error *err)
{
    int rc;

    do {
        rc = posix_fallocate(fd, 0, (off_t) size);
    } while (rc == EINTR);
    if (rc != 0) {
        errno = rc;
        return tg_error_errno(err, TG_IO, "cannot allocate %zu bytes for %s",
            size, path);
    }
    if (mode != 0 && fchmod(fd, mode) < 0) {
        return tg_error_errno(err, TG_IO, "cannot set the mode of %s", path);
    }
    return TG_OK;
}

/* The name of a file that is not ready yet. */
static enum tg_status
path_beside(char out[PATH_MAX], const char *path, struct tg_error *err)
{
    int n = snprintf(out, PATH_MAX, "%s.new", path);

    if (n < 0 || n >= PATH_MAX) {
        return tg_error_set(err, TG_INVALID, "path too long: %s", path);
    }
    return TG_OK;
}

static enum tg_status
map(struct tg_mapped *out, int fd, size_t size, bool is_writable,
    const char *path, struct tg_error *err)
{
    void *base = mmap(NULL, size,
        is_writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);

    if (base == MAP_FAILED) {
        return tg_error_errno(err, TG_IO, "cannot map %s", path);
    }
    if (size >= HUGE_MIN) {
        (void) madvise(base, size, MADV_HUGEPAGE); /* or it does without */
    }
    out->base = base;
    out->size = size;
    return TG_OK;
}

enum tg_status
tg_mapped_make(struct tg_mapped *out, const char *path,
    struct tg_mapped_header *header, size_t size, mode_t mode,
    struct tg_error *err)
{
    int            fd;
    char           beside[PATH_MAX];
    enum tg_status status;

    status = path_beside(beside, path, err);
    if (status != TG_OK) {
        return status;
    }
    (void) unlink(beside);
    fd = open(beside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        return tg_error_errno(err, errno == EROFS ? TG_READONLY : TG_IO,
            "cannot create %s", beside);
    }
    status = tg_mapped_allocate(fd, size, mode, beside, err);
    if (status == TG_OK) {
        status = map(out, fd, size, true, beside, err);
    }
    (void) close(fd);
    if (status != TG_OK) {
        (void) unlink(beside);
        return status;
    }
    header->size = size;
    header_check(header->check, header);
    memcpy(out->base, header, sizeof(*header));
    return TG_OK;
}

enum tg_status
tg_mapped_rename(const char *beside, const char *path, struct tg_error *err)
{
    int   fd, rc;
    char  dir[PATH_MAX];
    char *slash;

    fd = open(beside, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0) {
        rc = errno;
        if (fd >= 0) {
            (void) close(fd);
        }
        errno = rc;
        return tg_error_errno(err, TG_IO, "cannot sync %s", beside);
    }
    (void) close(fd);
    if (rename(beside, path) < 0) {
        return tg_error_errno(err, TG_IO, "cannot name %s", path);
    }
    (void) snprintf(dir, sizeof(dir), "%s", path);
    slash = strrchr(dir, '/');
    if (slash == NULL) {
        return TG_OK;
    }
    slash[slash == dir ? 1 : 0] = '\0';
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0) {
        (void) close(fd);
    }
    return rc == 0 ? TG_OK
                   : tg_error_errno(err, TG_IO, "cannot sync %s", dir);
}

enum tg_status
tg_mapped_name(const struct tg_mapped *m, const char *path,
    struct tg_error *err)
{
    char           beside[PATH_MAX];
    enum tg_status status = path_beside(beside, path, err);

    if (status == TG_OK && msync(m->base, m->size, MS_SYNC) < 0) {
        status = tg_error_errno(err, TG_IO, "cannot write %s", beside);
    }
    if (status == TG_OK) {
        status = tg_mapped_rename(beside, path, err);
    }
    if (status != TG_OK) {
        (void) unlink(beside);
    }
    return status;
}

enum tg_status
tg_mapped_open(struct tg_mapped *out, const char *path,
    const struct tg_mapped_header *expected, bool is_writable, bool is_owner,
    struct tg_error *err)
{
    int            fd;
    struct stat    st;
    enum tg_status status;

    fd = open(path, (is_writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (fd < 0) {
        return tg_error_errno(err, errno == ENOENT ? TG_NOTFOUND : TG_IO,
            "cannot open %s", path);
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        status = tg_error_set(err, TG_CORRUPT, "%s is not a file", path);
    } else if (st.st_size < TG_MAPPED_PAGE) {
        status = truncated((size_t) st.st_size, path, err);
    } else {
        status = map(out, fd, (size_t) st.st_size, is_writable, path, err);
        if (status == TG_OK) {
            status = tg_mapped_check(out->base, out->size, expected, path,
                err);
            if (status == TG_OK && is_owner) {
                status = tg_mapped_allocate(fd, out->size, 0, path, err);
            }
            if (status != TG_OK) {
                tg_mapped_close(out);
            }
        }
    }
    (void) close(fd);
    return status;
}

void
tg_mapped_close(struct tg_mapped *m)
{
    if (m->base != NULL) {
        (void) munmap(m->base, m->size);
        m->base = NULL;
        m->size = 0;
    }
}

enum tg_status
tg_mapped_path(char out[PATH_MAX], const char *dir, const char *name,
    uint64_t number, struct tg_error *err)
{
    int n = snprintf(out, PATH_MAX, "%s/%s.%" PRIu64, dir, name, number);

    if (n < 0 || n >= PATH_MAX) {
        return tg_error_set(err, TG_INVALID, "path too long: %s/%s", dir,
            name);
    }
    return TG_OK;
}

/* Reads "<name>.<number>" or "<name>.<number>.new". */
static bool
parse_name(const char *file, const char *name, uint64_t *number, bool *is_new)
{
    char  *end;
    size_t len = strlen(name);

    if (strncmp(file, name, len) != 0 || file[len] != '.'
        || file[len + 1] < '0' || file[len + 1] > '9')
    {
        return false;
    }
    errno = 0;
    *number = strtoull(file + len + 1, &end, 10);
    *is_new = strcmp(end, ".new") == 0;
    return errno == 0 && (*is_new || *end == '\0');
}

void
tg_mapped_clean(const char *dir, const char *name,
    bool (*is_needed)(void *data, uint64_t number), void *data)
{
    bool           is_new;
    uint64_t       number;
    struct dirent *entry;
    DIR           *d = opendir(dir);

    if (d == NULL) {
        return;
    }
    while ((entry = readdir(d)) != NULL) {
        if (parse_name(entry->d_name, name, &number, &is_new)
            && (is_new || !is_needed(data, number)))
        {
            (void) unlinkat(dirfd(d), entry->d_name, 0);
        }
    }
    (void) closedir(d);
}
