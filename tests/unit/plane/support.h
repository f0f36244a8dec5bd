/*
 * support.h - a state directory of its own for each test
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_TESTS_PLANE_SUPPORT_H
#define TG_TESTS_PLANE_SUPPORT_H

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "plane/board.h"

struct place {
    char                dir[PATH_MAX];
    struct tg_board_map board;
    struct tg_error     err;
};

static inline void
remove_dir(const char *dir)
{
    char command[PATH_MAX + 16];

    (void) snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    assert_int_equal(system(command), 0);
}

static inline int
place_setup(void **state)
{
    bool          fresh;
    const char   *tmp = getenv("TMPDIR");
    struct place *p = calloc(1, sizeof(*p));

    assert_non_null(p);
    (void) snprintf(p->dir, sizeof(p->dir), "%s/tg-plane-XXXXXX",
        tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(p->dir));
    assert_int_equal(tg_board_create(&p->board, p->dir, &fresh, &p->err),
        TG_OK);
    assert_true(fresh);
    *state = p;
    return 0;
}

static inline int
place_teardown(void **state)
{
    struct place *p = *state;

    tg_board_close(&p->board);
    remove_dir(p->dir);
    free(p);
    return 0;
}

#define PLACE_TEST(f) cmocka_unit_test_setup_teardown(f, place_setup,         \
    place_teardown)

static inline const char *
place_path(const struct place *p, const char *name)
{
    static char path[PATH_MAX + 64];

    (void) snprintf(path, sizeof(path), "%s/%s", p->dir, name);
    return path;
}

/* Flips one bit of a file, behind every mapping's back. */
static inline void
flip_bit(const char *path, off_t at, unsigned bit)
{
    int     fd = open(path, O_RDWR);
    uint8_t byte;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (uint8_t) (byte ^ (1u << bit));
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    assert_int_equal(close(fd), 0);
}

/* The message names the file and holds the reason. */
static inline void
assert_says(const struct tg_error *err, const char *name, const char *reason)
{
    if (strstr(err->message, name) == NULL
        || strstr(err->message, reason) == NULL)
    {
        fail_msg("\"%s\" does not say \"%s\" of %s", err->message, reason,
            name);
    }
}

/* A page that children share with us. */
static inline void *
shared_page(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(page != MAP_FAILED);
    return page;
}

/* Runs f in a child; its exit status, or -signal. */
static inline int
in_child(int (*f)(void *data), void *data)
{
    int   status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(f(data));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#endif
