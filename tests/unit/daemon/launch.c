/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "daemon/launch.h"

/* The linker sends launch.c's calls here: see meson.build. */
pid_t __real_fork(void);
pid_t __wrap_fork(void);
int __real_pidfd_open(pid_t pid, unsigned flags);
int __wrap_pidfd_open(pid_t pid, unsigned flags);

static int   fork_error, pidfd_error;
static pid_t last_child;

pid_t
__wrap_fork(void)
{
    if (fork_error != 0) {
        errno = fork_error;
        return -1;
    }
    return last_child = __real_fork();
}

int
__wrap_pidfd_open(pid_t pid, unsigned flags)
{
    if (pidfd_error != 0) {
        errno = pidfd_error;
        return -1;
    }
    return __real_pidfd_open(pid, flags);
}

static const struct tg_launch launch = {
    .binary = "/bin/sleep",
    .conf_path = "x",
    .prefix = "x",
    .log_path = "/dev/null",
    .lock_fd = -1,
};

static void
a_master_that_cannot_be_made_leaves_no_trace(void **state)
{
    int             pidfd = -1;
    pid_t           pid = 0;
    struct tg_error err;

    (void) state;
    fork_error = EAGAIN;
    assert_int_equal(tg_launch_master(&pid, &pidfd, &launch, &err), TG_IO);
    fork_error = 0;
    assert_non_null(strstr(err.message, "cannot start /bin/sleep"));
    assert_int_equal(pid, 0); /* the keeper tries again: there is none */
    assert_int_equal(pidfd, -1);
}

static void
a_master_that_cannot_be_watched_does_not_live(void **state)
{
    int             pidfd = -1;
    pid_t           pid = 0;
    struct tg_error err;

    (void) state;
    pidfd_error = EMFILE;
    assert_int_equal(tg_launch_master(&pid, &pidfd, &launch, &err), TG_IO);
    pidfd_error = 0;
    assert_non_null(strstr(err.message, "cannot watch nginx"));
    assert_int_equal(pid, 0);
    assert_int_equal(pidfd, -1);
    assert_int_equal(kill(last_child, 0), -1);
    assert_int_equal(errno, ESRCH);
}

static void
a_master_is_started_and_watched(void **state)
{
    int             pidfd = -1;
    pid_t           pid = 0;
    struct tg_error err;

    (void) state;
    assert_int_equal(tg_launch_master(&pid, &pidfd, &launch, &err), TG_OK);
    assert_int_equal(pid, last_child);
    assert_true(pidfd >= 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(close(pidfd), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_master_that_cannot_be_made_leaves_no_trace),
        cmocka_unit_test(a_master_that_cannot_be_watched_does_not_live),
        cmocka_unit_test(a_master_is_started_and_watched),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
