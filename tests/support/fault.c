/*
 * fault.c - see fault.h: the count, the loop, and the C library
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
    unsigned         kinds;
    uint64_t         n; /* 0: no fault */
    bool             is_lasting;
    bool             is_running;
    _Atomic uint64_t seen;
    _Atomic bool     is_met;
    _Atomic uint64_t syncs;
} armed;

static _Thread_local int paused;

bool
fault_is_due(enum fault_kind kind)
{
    uint64_t seen;

    if (!armed.is_running || paused > 0 || (armed.kinds & kind) == 0) {
        return false;
    }
    seen = ++armed.seen;
    if (armed.n == 0 || seen < armed.n
        || (seen > armed.n && !armed.is_lasting))
    {
        return false;
    }
    armed.is_met = true;
    return true;
}

void
fault_pause(void)
{
    paused++;
}

void
fault_resume(void)
{
    paused--;
}

void
fault_arm(unsigned kinds, uint64_t n, bool is_lasting)
{
    armed.kinds = kinds;
    armed.n = n;
    armed.is_lasting = is_lasting;
}

void
fault_begin(void)
{
    paused = 0; /* an assertion may have jumped out of a fake */
    armed.seen = 0;
    armed.is_met = false;
    armed.syncs = 0;
    armed.is_running = true;
}

bool
fault_end(void)
{
    armed.is_running = false;
    return armed.is_met;
}

uint64_t
fault_syncs(void)
{
    return armed.syncs;
}

void
fault_note_sync(void)
{
    armed.syncs++;
}

const char *
fault_name(void)
{
    static char text[64];

    (void) snprintf(text, sizeof(text), "fault %" PRIu64 " of%s%s%s%s%s",
        armed.n, (armed.kinds & FAULT_ALLOC) != 0 ? " ALLOC" : "",
        (armed.kinds & FAULT_FILE) != 0 ? " FILE" : "",
        (armed.kinds & FAULT_SQL) != 0 ? " SQL" : "",
        (armed.kinds & FAULT_NET) != 0 ? " NET" : "",
        armed.is_lasting ? " and all later ones" : "");
    return text;
}

uint64_t
fault_each(unsigned kinds, uint64_t stride, bool (*round)(void *),
    void *data)
{
    int         lasting;
    bool        was_met;
    uint64_t    n, rounds = 0, first = 1;
    const char *seed = getenv("TALLYGATE_TEST_SEED");

    if (getenv("TALLYGATE_TEST_LONG") != NULL) {
        stride = 1;
    }
    if (seed != NULL) {
        first = 1 + strtoull(seed, NULL, 10) % stride;
    }
    for (lasting = 0; lasting < 2; lasting++) {
        for (n = first, was_met = true; was_met; n += stride) {
            fault_arm(kinds, n, lasting != 0);
            was_met = round(data);
            rounds++;
        }
    }
    (void) printf("%s: %" PRIu64 " rounds\n", fault_name(), rounds);
    fault_arm(0, 0, false);
    return rounds;
}

/*
 * ---- memory
 */

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
char *__wrap_strndup(const char *text, size_t size);

static bool
no_memory(void)
{
    bool is_due = fault_is_due(FAULT_ALLOC);

    if (is_due) {
        errno = ENOMEM;
    }
    return is_due;
}

void *
__wrap_malloc(size_t size)
{
    return no_memory() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
    return no_memory() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
    return no_memory() ? NULL : __real_realloc(old, size);
}

void *
__wrap_reallocarray(void *old, size_t count, size_t size)
{
    return no_memory() ? NULL : __real_reallocarray(old, count, size);
}

char *
__wrap_strdup(const char *text)
{
    return no_memory() ? NULL : __real_strdup(text);
}

char *
__wrap_strndup(const char *text, size_t size)
{
    return no_memory() ? NULL : __real_strndup(text, size);
}

__attribute__((constructor)) static void
take_jansson(void)
{
    json_set_alloc_funcs(__wrap_malloc, free);
}

/*
 * ---- files
 */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);
ssize_t __real_pwrite(int fd, const void *data, size_t size, off_t at);
ssize_t __wrap_pwrite(int fd, const void *data, size_t size, off_t at);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_msync(void *at, size_t size, int flags);
int __wrap_msync(void *at, size_t size, int flags);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_posix_fallocate(int fd, off_t at, off_t size);
int __wrap_posix_fallocate(int fd, off_t at, off_t size);
void *__real_mmap(void *at, size_t size, int protection, int flags, int fd,
    off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd,
    off_t offset);

static bool
no_file(int code)
{
    bool is_due = fault_is_due(FAULT_FILE);

    if (is_due) {
        errno = code;
    }
    return is_due;
}

int
__wrap_open(const char *path, int flags, ...)
{
    int     mode;
    va_list args;

    va_start(args, flags);
    mode = (flags & O_CREAT) != 0 ? va_arg(args, int) : 0;
    va_end(args);
    return no_file(EMFILE) ? -1 : __real_open(path, flags, mode);
}

ssize_t
__wrap_write(int fd, const void *data, size_t size)
{
    return no_file(ENOSPC) ? -1 : __real_write(fd, data, size);
}

ssize_t
__wrap_pwrite(int fd, const void *data, size_t size, off_t at)
{
    return no_file(ENOSPC) ? -1 : __real_pwrite(fd, data, size, at);
}

int
__wrap_fsync(int fd)
{
    return no_file(EIO) ? -1 : __real_fsync(fd);
}

int
__wrap_msync(void *at, size_t size, int flags)
{
    return no_file(EIO) ? -1 : __real_msync(at, size, flags);
}

int
__wrap_rename(const char *from, const char *to)
{
    return no_file(EIO) ? -1 : __real_rename(from, to);
}

int
__wrap_posix_fallocate(int fd, off_t at, off_t size)
{
    return no_file(ENOSPC) ? ENOSPC : __real_posix_fallocate(fd, at, size);
}

void *
__wrap_mmap(void *at, size_t size, int protection, int flags, int fd,
    off_t offset)
{
    return no_file(ENOMEM) ? MAP_FAILED
                           : __real_mmap(at, size, protection, flags, fd,
                                 offset);
}
/* NOLINTEND(bugprone-reserved-identifier) */
