/*
 * disk.c - the store's disk misbehaves, for a running daemon
 *
 * Preloaded (LD_PRELOAD) into the daemon of a test.  The first byte of the
 * file that TALLYGATE_TEST_DISK names says what becomes of writes to the
 * store and its log (files below a folder "private"), from then on:
 *
 *     '-'  nothing         'f'  the disk is full
 *     'r'  it is read-only 'e'  what is written cannot be synced
 *     's'  it is slow: each write and sync takes a while
 *
 * So a test needs neither a file system of its own nor the right to mount
 * one.  All other files, and all other processes, are left alone.  How often
 * each of them has struck is counted in the same file: four numbers of 64
 * bits, in the order above, from its 8th byte on.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#undef _FILE_OFFSET_BITS /* both names of each function are to be had */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define FOLDER "/private/"
#define SLOW_NS 20000000L

struct moods {
    volatile char    now;
    _Atomic uint64_t struck[4];
};

static struct moods *moods; /* NULL: nobody asked */

__attribute__((constructor)) static void
listen_for_moods(void)
{
    int         fd;
    void       *page;
    const char *path = getenv("TALLYGATE_TEST_DISK");

    fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd >= 0) {
        page = mmap(NULL, sizeof(*moods), PROT_READ | PROT_WRITE, MAP_SHARED,
            fd, 0);
        moods = page != MAP_FAILED ? page : NULL;
        (void) close(fd);
    }
}

static bool
is_stores(int fd)
{
    char    link[64], path[PATH_MAX];
    ssize_t n;

    (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    if (n <= 0) {
        return false;
    }
    path[n] = '\0';
    return strstr(path, FOLDER) != NULL;
}

/* What is to become of it: 0, or the errno. */
static int
verdict(int fd, bool is_sync)
{
    static const struct {
        char mood;
        int  write, sync; /* errno */
    } rows[] = { { 'f', ENOSPC, 0 }, { 'r', EROFS, EROFS }, { 'e', 0, EIO },
        { 's', 0, 0 } };
    int             code;
    char            now = moods != NULL ? moods->now : '-';
    size_t          i;
    struct timespec while_ns = { 0, SLOW_NS };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].mood != now || !is_stores(fd)) {
            continue;
        }
        code = is_sync ? rows[i].sync : rows[i].write;
        if (now == 's') {
            (void) nanosleep(&while_ns, NULL);
        }
        if (now == 's' || code != 0) {
            (void) atomic_fetch_add(&moods->struck[i], 1);
        }
        return code;
    }
    return 0;
}

/* The C library's own function of that name. */
#define NEXT(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

#define PASS_OR_FAIL(name, fd, is_sync, ...)                                  \
    static __typeof__(&name) next;                                            \
    int code = verdict(fd, is_sync);                                          \
                                                                              \
    if (next == NULL) {                                                       \
        next = NEXT(name);                                                    \
    }                                                                         \
    if (code != 0) {                                                          \
        errno = code;                                                         \
        return -1;                                                            \
    }                                                                         \
    return next(__VA_ARGS__)

ssize_t
write(int fd, const void *data, size_t size)
{
    PASS_OR_FAIL(write, fd, false, fd, data, size);
}

ssize_t
pwrite(int fd, const void *data, size_t size, off_t at)
{
    PASS_OR_FAIL(pwrite, fd, false, fd, data, size, at);
}

ssize_t
pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    PASS_OR_FAIL(pwrite64, fd, false, fd, data, size, at);
}

int
ftruncate(int fd, off_t size)
{
    PASS_OR_FAIL(ftruncate, fd, false, fd, size);
}

int
ftruncate64(int fd, off64_t size)
{
    PASS_OR_FAIL(ftruncate64, fd, false, fd, size);
}

int
fsync(int fd)
{
    PASS_OR_FAIL(fsync, fd, true, fd);
}

int
fdatasync(int fd)
{
    PASS_OR_FAIL(fdatasync, fd, true, fd);
}
