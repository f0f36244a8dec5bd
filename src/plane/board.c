/* SPDX-License-Identifier: Apache-2.0 */
#include "plane/board.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "plane/mapped.h"
#include "util/buf.h"
#include "util/digest.h"
#include "util/file.h"

#define BOARD_MAGIC "TGBOARD"
#define BOARD_MODE 0660

_Static_assert(offsetof(struct tg_board, change) == 64, "one line of facts");
_Static_assert(sizeof(struct tg_board) % 64 == 0, "whole lines");

/*
 * File systems on which writes to a mapping may be lost, unseen by another
 * process, or stopped by a full disk although allocated (statfs(2)).
 */
static const struct {
    unsigned long type;
    const char   *name;
} unfit[] = {
    { 0x6969, "NFS" }, { 0x517b, "SMB" }, { 0xff534d42, "CIFS" },
    { 0xfe534d42, "SMB2" }, { 0x65735546, "FUSE" }, { 0x01021997, "9p" },
    { 0x00c36400, "Ceph" }, { 0x5346414f, "AFS" }, { 0x9123683e, "btrfs" },
    { 0x2fc12fc1, "ZFS" }, { 0xca451a4e, "bcachefs" },
};

static enum tg_status
check_file_system(const char *state_dir, struct tg_error *err)
{
    struct statfs fs;

    if (statfs(state_dir, &fs) < 0) {
        return tg_error_errno(err, TG_IO, "cannot look at %s", state_dir);
    }
    for (size_t i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++) {
        if ((unsigned long) fs.f_type == unfit[i].type) {
            return tg_error_set(err, TG_INVALID,
                "state_dir %s is on %s, which does not keep the space it has"
                " promised to a mapped file; use ext4, XFS or tmpfs",
                state_dir, unfit[i].name);
        }
    }
    return TG_OK;
}

static enum tg_status
board_path(char out[PATH_MAX], const char *state_dir, const char *suffix,
    struct tg_error *err)
{
    int n = snprintf(out, PATH_MAX, "%s/board%s", state_dir, suffix);

    if (n < 0 || n >= PATH_MAX) {
        return tg_error_set(err, TG_INVALID, "path too long: %s", state_dir);
    }
    return TG_OK;
}

static void
board_check(uint8_t out[16], const struct tg_board *b)
{
    uint8_t digest[TG_SHA256_SIZE];

    tg_sha256(digest, b, offsetof(struct tg_board, boot_id));
    memcpy(out, digest, 16);
}

enum tg_status
tg_boot_id(uint8_t out[TG_PLANE_ID_SIZE], struct tg_error *err)
{
    static const char path[] = "/proc/sys/kernel/random/boot_id";
    char              hex[2 * TG_PLANE_ID_SIZE + 1];
    size_t            n = 0;
    struct tg_buf     text;
    enum tg_status    status;

    tg_buf_init(&text, 64);
    status = tg_file_read(&text, path, err);
    for (size_t i = 0; status == TG_OK && i < text.len; i++) {
        if (text.data[i] != '-' && text.data[i] != '\n'
            && n < sizeof(hex) - 1)
        {
            hex[n++] = text.data[i];
        }
    }
    hex[n] = '\0';
    tg_buf_clear(&text);
    if (status == TG_OK && tg_unhex(out, TG_PLANE_ID_SIZE, hex) != TG_OK) {
        status = tg_error_set(err, TG_INVALID, "%s holds no boot id", path);
    }
    return status;
}

/* Writes the facts of a new board into zeroed memory. */
static enum tg_status
fill(struct tg_board *b, struct tg_error *err)
{
    memcpy(b->magic, BOARD_MAGIC, sizeof(BOARD_MAGIC));
    b->version = TG_PLANE_VERSION;
    b->size = sizeof(*b);
    tg_random(b->file_id, sizeof(b->file_id));
    board_check(b->check, b);
    b->change = 1;
    b->epoch = 1;
    return tg_boot_id(b->boot_id, err);
}

/* Makes board.new whole and gives it its name. */
static enum tg_status
make(const char *state_dir, const char *path, struct tg_error *err)
{
    int              fd;
    char             beside[PATH_MAX];
    ssize_t          n;
    enum tg_status   status;
    struct tg_board *b = aligned_alloc(64, sizeof(*b));

    if (b == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    memset(b, 0, sizeof(*b));
    status = fill(b, err);
    if (status == TG_OK) {
        status = board_path(beside, state_dir, ".new", err);
    }
    if (status != TG_OK) {
        free(b);
        return status;
    }
    (void) unlink(beside);
    fd = open(beside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, BOARD_MODE);
    if (fd < 0) {
        free(b);
        return tg_error_errno(err, errno == EROFS ? TG_READONLY : TG_IO,
            "cannot create %s", beside);
    }
    status = tg_mapped_allocate(fd, sizeof(*b), BOARD_MODE, beside, err);
    if (status == TG_OK) {
        n = pwrite(fd, b, sizeof(*b), 0);
        if (n != (ssize_t) sizeof(*b)) {
            status = tg_error_errno(err, TG_IO, "cannot write %s", beside);
        }
    }
    (void) close(fd);
    free(b);
    if (status == TG_OK) {
        status = tg_mapped_rename(beside, path, err);
    }
    if (status != TG_OK) {
        (void) unlink(beside);
    }
    return status;
}

static enum tg_status
check(const struct tg_board *b, const char *path, struct tg_error *err)
{
    uint8_t check[16];

    if (memcmp(b->magic, BOARD_MAGIC, sizeof(BOARD_MAGIC)) != 0) {
        return tg_error_set(err, TG_CORRUPT, "%s is not a board", path);
    }
    if (b->version != TG_PLANE_VERSION) {
        return tg_error_set(err, TG_CORRUPT,
            "%s is of version %" PRIu32 ", this program knows %d; go back to"
            " the release that made it, or do as docs/operations.md says"
            " under \"The state directory\"", path, b->version,
            TG_PLANE_VERSION);
    }
    board_check(check, b);
    if (b->size != sizeof(*b) || memcmp(check, b->check, sizeof(check)) != 0)
    {
        return tg_error_set(err, TG_CORRUPT, "%s has a damaged header", path);
    }
    return TG_OK;
}

/* Maps the file behind fd, which the map then owns. */
static enum tg_status
map_board(struct tg_board_map *map, int fd, const char *path,
    struct tg_error *err)
{
    void          *page;
    struct stat    st;
    enum tg_status status;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        return tg_error_set(err, TG_CORRUPT, "%s is not a file", path);
    }
    if (st.st_size != (off_t) sizeof(struct tg_board)) {
        return tg_error_set(err, TG_CORRUPT,
            "%s is truncated or grown: %lld bytes instead of %zu", path,
            (long long) st.st_size, sizeof(struct tg_board));
    }
    page = mmap(NULL, sizeof(struct tg_board), PROT_READ | PROT_WRITE,
        MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        return tg_error_errno(err, TG_IO, "cannot map %s", path);
    }
    status = check(page, path, err);
    if (status != TG_OK) {
        (void) munmap(page, sizeof(struct tg_board));
        return status;
    }
    map->page = page;
    map->fd = fd;
    map->dev = st.st_dev;
    map->ino = st.st_ino;
    return TG_OK;
}

enum tg_status
tg_board_open(struct tg_board_map *map, const char *state_dir,
    struct tg_error *err)
{
    int            fd;
    char           path[PATH_MAX];
    enum tg_status status;

    memset(map, 0, sizeof(*map));
    map->fd = -1;
    status = board_path(path, state_dir, "", err);
    if (status != TG_OK) {
        return status;
    }
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return tg_error_errno(err, errno == ENOENT ? TG_NOTFOUND : TG_IO,
            "cannot open %s", path);
    }
    status = map_board(map, fd, path, err);
    if (status != TG_OK) {
        (void) close(fd);
    }
    return status;
}

enum tg_status
tg_board_create(struct tg_board_map *map, const char *state_dir, bool *fresh,
    struct tg_error *err)
{
    char           path[PATH_MAX];
    enum tg_status status;

    *fresh = false;
    memset(map, 0, sizeof(*map));
    map->fd = -1;
    status = check_file_system(state_dir, err);
    if (status == TG_OK) {
        status = board_path(path, state_dir, "", err);
    }
    if (status != TG_OK) {
        return status;
    }
    status = tg_board_open(map, state_dir, err);
    if (status == TG_NOTFOUND) {
        status = make(state_dir, path, err);
        if (status != TG_OK) {
            return status;
        }
        *fresh = true;
        status = tg_board_open(map, state_dir, err);
    }
    if (status == TG_OK) {
        status = tg_mapped_allocate(map->fd, sizeof(struct tg_board), 0,
            path, err);
        if (status != TG_OK) {
            tg_board_close(map);
        }
    }
    return status;
}

void
tg_board_close(struct tg_board_map *map)
{
    if (map->page != NULL) {
        (void) munmap(map->page, sizeof(struct tg_board));
        map->page = NULL;
    }
    if (map->fd >= 0) {
        (void) close(map->fd);
        map->fd = -1;
    }
}

bool
tg_board_is_current(const struct tg_board_map *map, const char *state_dir)
{
    char        path[PATH_MAX];
    struct stat st;

    return board_path(path, state_dir, "", NULL) == TG_OK
        && stat(path, &st) == 0 && st.st_dev == map->dev
        && st.st_ino == map->ino;
}

void
tg_board_changed(struct tg_board *board)
{
    (void) atomic_fetch_add(&board->change, 1);
}

enum tg_status
tg_board_move(struct tg_board_map *map, _Atomic uint64_t *generation,
    uint64_t value, struct tg_error *err)
{
    atomic_store(generation, value);
    tg_board_changed(map->page);
    if (msync(map->page, sizeof(struct tg_board), MS_SYNC) < 0) {
        return tg_error_errno(err, TG_IO, "cannot write the board");
    }
    return TG_OK;
}
