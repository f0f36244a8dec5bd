/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/program.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/digest.h"

#define WORDS_MAX 64
#define OUTPUT_MAX ((size_t) 65536)
#define TIME_MS 60000

extern char **environ;

/*
 * ---- words
 */

/* Copies one word to *to, and returns behind it; NULL: an open quote. */
static char *
copy_word(char **to, char *from)
{
    char quote = '\0';

    for (; *from != '\0'; from++) {
        if (quote == '\0' && strchr(" \t", *from) != NULL) {
            return from;
        }
        if (quote != '\0' && *from == quote) {
            quote = '\0';
        } else if (quote == '\0' && (*from == '"' || *from == '\'')) {
            quote = *from;
        } else {
            if (*from == '\\' && quote != '\'' && from[1] != '\0'
                && (quote == '\0' || strchr("\"\\", from[1]) != NULL))
            {
                from++;
            }
            *(*to)++ = *from;
        }
    }
    return quote == '\0' ? from : NULL;
}

enum tg_status
tg_aws_words_split(char **words, size_t max, char *text)
{
    bool   is_last;
    char  *to;
    size_t n = 0;

    for (;;) {
        text += strspn(text, " \t");
        if (*text == '\0') {
            words[n] = NULL;
            return n > 0 ? TG_OK : TG_INVALID;
        }
        if (n + 1 >= max) {
            return TG_INVALID;
        }
        words[n++] = to = text;
        text = copy_word(&to, text);
        if (text == NULL) {
            return TG_INVALID;
        }
        is_last = *text == '\0';
        *to = '\0'; /* to is never behind text */
        text += !is_last;
    }
}

/*
 * ---- running
 */

static int64_t
monotonic_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* G2; TG_LIMIT: too much, or too late. */
static enum tg_status
read_output(struct tg_buf *out, int fd)
{
    char           chunk[4096];
    int64_t        left, end_ms = monotonic_ms() + TIME_MS;
    ssize_t        n = 1;
    enum tg_status status = TG_OK;
    struct pollfd  p = { .fd = fd, .events = POLLIN };

    while (status == TG_OK && n != 0) {
        left = end_ms - monotonic_ms();
        if (left <= 0) {
            status = TG_LIMIT;
        } else if (poll(&p, 1, (int) left) > 0) {
            n = read(fd, chunk, sizeof(chunk));
            if (n > 0) {
                status = tg_buf_add(out, chunk, (size_t) n);
            } else if (n < 0 && errno != EINTR) {
                status = TG_IO;
            }
        }
    }
    tg_wipe(chunk, sizeof(chunk));
    return status;
}

static int
spawn(pid_t *pid, char **words, int output)
{
    int                        rc;
    sigset_t                   none;
    posix_spawnattr_t          attributes;
    posix_spawn_file_actions_t actions;

    (void) sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    rc = posix_spawnp(pid, words[0], &actions, &attributes, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return rc;
}

/* Runs it to its end; what it printed is in out. */
static enum tg_status
run(struct tg_buf *out, char **words, const char *where,
    struct tg_error *err)
{
    int            rc, pipe_fds[2], ended = 0;
    pid_t          pid;
    enum tg_status status;

    if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
        return tg_error_errno(err, TG_IO, "%s: pipe", where);
    }
    rc = spawn(&pid, words, pipe_fds[1]);
    close(pipe_fds[1]);
    if (rc != 0) {
        close(pipe_fds[0]);
        errno = rc;
        return tg_error_errno(err, TG_IO, "%s: cannot run %s", where,
            words[0]);
    }
    status = read_output(out, pipe_fds[0]);
    close(pipe_fds[0]);
    if (status != TG_OK) {
        (void) kill(pid, SIGKILL);
    }
    while (waitpid(pid, &ended, 0) < 0 && errno == EINTR) {
    }
    if (status != TG_OK) {
        return tg_error_set(err, TG_IO, "%s: the program took longer than %d"
            " s, or printed more than %zu bytes", where, TIME_MS / 1000,
            OUTPUT_MAX);
    }
    if (!WIFEXITED(ended) || WEXITSTATUS(ended) != 0) {
        return tg_error_set(err, TG_INVALID, "%s: the program failed with"
            " status %d", where, WIFEXITED(ended) ? WEXITSTATUS(ended)
                                                  : -WTERMSIG(ended));
    }
    return TG_OK;
}

/* G1. */
static enum tg_status
check_file(const struct tg_aws_setting *s, const char *where,
    struct tg_error *err)
{
    struct stat st;

    if (stat(s->file, &st) != 0) {
        return tg_error_errno(err, TG_INVALID, "%s", where);
    }
    if ((st.st_mode & 022) != 0) {
        return tg_error_set(err, TG_INVALID, "%s: the program is not run,"
            " since others than the owner may write this file", where);
    }
    return TG_OK;
}

static bool
is_version_1(const struct tg_buf *text)
{
    json_t *doc = json_loadb(text->data, text->len, 0, NULL);
    json_t *version = json_object_get(doc, "Version");
    bool    is_one = !json_is_object(doc)
        || (json_is_integer(version) && json_integer_value(version) == 1);

    json_decref(doc);
    return is_one; /* what is no document is complained about elsewhere */
}

enum tg_status
tg_aws_program_credentials(struct tg_aws_credentials *out,
    const struct tg_aws_setting *s, struct tg_error *err)
{
    char           where[512];
    char          *words[WORDS_MAX], *line = strdup(s->value);
    enum tg_status status;
    struct tg_buf  output;

    tg_aws_credentials_init(out);
    (void) snprintf(where, sizeof(where), "%.400s:%d: credential_process",
        s->file, s->line);
    if (line == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    tg_buf_init_secret(&output, OUTPUT_MAX);
    status = check_file(s, where, err);
    if (status == TG_OK
        && tg_aws_words_split(words, WORDS_MAX, line) != TG_OK)
    {
        status = tg_error_set(err, TG_INVALID, "%s: expected a program and"
            " its arguments, with quotes closed", where);
    }
    if (status == TG_OK) {
        status = run(&output, words, where, err);
    }
    if (status == TG_OK && output.len == 0) {
        status = tg_error_set(err, TG_INVALID, "%s: the program printed"
            " nothing", where);
    }
    if (status == TG_OK && !is_version_1(&output)) {
        status = tg_error_set(err, TG_INVALID, "%s: Version: expected 1",
            where);
    }
    if (status == TG_OK) {
        status = tg_aws_credentials_parse(out, output.data, output.len,
            "SessionToken", where, err);
        out->is_short = true;
    }
    tg_buf_clear(&output);
    free(line);
    return status;
}
