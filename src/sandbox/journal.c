/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/file.h"

#define JOURNAL_MAX ((size_t) 1 << 30)

static enum tg_status
replay_line(const char *line, size_t len, tg_journal_replay *replay,
    void *data, struct tg_error *err)
{
    enum tg_status status;
    json_error_t   where;
    json_t        *event = json_loadb(line, len, 0, &where);

    if (event == NULL) {
        return tg_error_set(err, TG_CORRUPT, "column %d: %s", where.column,
            where.text);
    }
    status = replay(data, event, err);
    json_decref(event);
    return status;
}

/* Replays whole lines and sets j->end behind the last one (J1). */
static enum tg_status
replay_file(struct tg_journal *j, tg_journal_replay *replay, void *data,
    struct tg_error *err)
{
    char           *line = NULL;
    enum tg_status  status = TG_OK;
    FILE           *file = fopen(j->path, "re");
    size_t          size = 0;
    ssize_t         len;
    struct tg_error why = { TG_OK, "" };
    unsigned        number = 0;

    if (file == NULL) {
        return errno == ENOENT
                   ? TG_OK
                   : tg_error_errno(err, TG_IO, "cannot read %s", j->path);
    }
    while (status == TG_OK && (len = getline(&line, &size, file)) > 0
           && line[len - 1] == '\n')
    {
        number++;
        status = replay_line(line, (size_t) len, replay, data, &why);
        j->end += len;
    }
    if (status != TG_OK) {
        status = tg_error_set(err, status, "%s:%u: %s", j->path, number,
            why.message);
    }
    free(line);
    (void) fclose(file);
    return status;
}

static enum tg_status
take_lock(struct tg_journal *j, const char *dir, struct tg_error *err)
{
    char           *path;
    enum tg_status  status = TG_OK;

    if (asprintf(&path, "%s/lock", dir) < 0) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    j->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (j->lock_fd < 0) {
        status = tg_error_errno(err, TG_IO, "cannot open %s", path);
    } else if (flock(j->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        status = tg_error_set(err, TG_BUSY,
            "another sandbox runs on %s; stop it, or choose another "
            "state_dir", dir);
    }
    free(path);
    return status;
}

static enum tg_status
open_end(struct tg_journal *j, struct tg_error *err)
{
    j->fd = open(j->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (j->fd < 0 || ftruncate(j->fd, j->end) != 0
        || lseek(j->fd, j->end, SEEK_SET) < 0)
    {
        return tg_error_errno(err, TG_IO, "cannot write %s", j->path);
    }
    return TG_OK;
}

enum tg_status
tg_journal_open(struct tg_journal *j, const char *dir,
    tg_journal_replay *replay, void *data, struct tg_error *err)
{
    enum tg_status status;

    *j = (struct tg_journal) { .fd = -1, .lock_fd = -1 };
    status = tg_dir_make(dir, 0700, err);
    if (status == TG_OK) {
        status = take_lock(j, dir, err);
    }
    if (status == TG_OK && asprintf(&j->path, "%s/journal", dir) < 0) {
        j->path = NULL;
        status = tg_error_set(err, TG_NOMEM, "out of memory");
    }
    if (status == TG_OK) {
        status = replay_file(j, replay, data, err);
    }
    if (status == TG_OK) {
        status = open_end(j, err);
    }
    if (status != TG_OK) {
        tg_journal_close(j);
    }
    return status;
}

void
tg_journal_close(struct tg_journal *j)
{
    if (j->fd >= 0) {
        (void) close(j->fd);
    }
    if (j->lock_fd >= 0) {
        (void) close(j->lock_fd);
    }
    free(j->path);
    *j = (struct tg_journal) { .fd = -1, .lock_fd = -1 };
}

static enum tg_status
write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return TG_IO;
        }
        data += n;
        len -= (size_t) n;
    }
    return TG_OK;
}

static int
add_text(const char *text, size_t len, void *out)
{
    return tg_buf_add(out, text, len) == TG_OK ? 0 : -1;
}

static enum tg_status
add_line(struct tg_buf *out, const json_t *event)
{
    if (json_dump_callback(event, add_text, out, JSON_COMPACT) != 0) {
        return out->status != TG_OK ? out->status : TG_ERROR;
    }
    return tg_buf_putc(out, '\n');
}

enum tg_status
tg_journal_append(struct tg_journal *j, const json_t *event,
    struct tg_error *err)
{
    enum tg_status status;
    struct tg_buf  line;

    tg_buf_init(&line, JOURNAL_MAX);
    status = add_line(&line, event);
    if (status != TG_OK) {
        (void) tg_error_set(err, status, "cannot write down an event: %s",
            tg_status_text(status));
    } else if (write_all(j->fd, line.data, line.len) != TG_OK) {
        status = tg_error_errno(err, TG_IO, "cannot write %s", j->path);
        if (ftruncate(j->fd, j->end) != 0
            || lseek(j->fd, j->end, SEEK_SET) < 0)
        {
            status = tg_error_errno(err, TG_IO, "cannot mend %s", j->path);
        }
    } else {
        j->end += (off_t) line.len;
    }
    tg_buf_clear(&line);
    return status;
}

enum tg_status
tg_journal_replace(struct tg_journal *j, const json_t *events,
    struct tg_error *err)
{
    const json_t  *event;
    enum tg_status status = TG_OK;
    size_t         i;
    struct tg_buf  text;

    tg_buf_init(&text, JOURNAL_MAX);
    (void) tg_buf_puts(&text, "");
    json_array_foreach(events, i, event) {
        if (status == TG_OK) {
            status = add_line(&text, event);
        }
    }
    if (status != TG_OK) {
        (void) tg_error_set(err, status, "cannot write %s anew: %s", j->path,
            tg_status_text(status));
    } else {
        status = tg_file_replace(j->path, text.data, text.len, 0600, err);
    }
    if (status == TG_OK) {
        (void) close(j->fd);
        j->end = (off_t) text.len;
        status = open_end(j, err);
    }
    tg_buf_clear(&text);
    return status;
}
