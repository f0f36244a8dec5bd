/*
 * rows.c - the board's rows: who works here, and on what
 *
 * Ownership is an OFD lock on the row's bytes (P2).  Such a lock belongs to
 * the open file description, so that neither a fork nor another descriptor of
 * the same process can drop it by accident, as both can with classic ones.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plane/board.h"
#include "util/buf.h"
#include "util/file.h"

static struct flock
lock_of(unsigned row, unsigned count)
{
    struct flock lock = {
        .l_type = F_WRLCK,
        .l_whence = SEEK_SET,
        .l_start = (off_t) (offsetof(struct tg_board, rows)
            + row * sizeof(struct tg_board_row)),
        .l_len = (off_t) (count * sizeof(struct tg_board_row)),
    };

    return lock;
}

/* Start of this process in kernel ticks: field 22 of its stat; 0: unknown. */
static uint64_t
own_start_time(void)
{
    char         *at;
    uint64_t      ticks = 0;
    struct tg_buf text;

    tg_buf_init(&text, 4096);
    if (tg_file_read(&text, "/proc/self/stat", NULL) == TG_OK) {
        at = strrchr(text.data, ')'); /* the name may hold anything */
        for (int field = 2; at != NULL && field < 22; field++) {
            at = strchr(at + 1, ' ');
        }
        if (at != NULL) {
            ticks = strtoull(at + 1, NULL, 10);
        }
    }
    tg_buf_clear(&text);
    return ticks;
}

/* Opens the very file that is mapped: TG_STALE if the path names another. */
static enum tg_status
open_again(int *fd, const struct tg_board_map *map, const char *state_dir,
    struct tg_error *err)
{
    int         n;
    char        path[PATH_MAX];
    struct stat st;

    n = snprintf(path, sizeof(path), "%s/board", state_dir);
    if (n < 0 || (size_t) n >= sizeof(path)) {
        return tg_error_set(err, TG_INVALID, "path too long: %s", state_dir);
    }
    *fd = open(path, O_RDWR | O_CLOEXEC);
    if (*fd < 0) {
        return tg_error_errno(err, TG_IO, "cannot open %s", path);
    }
    if (fstat(*fd, &st) < 0 || st.st_dev != map->dev
        || st.st_ino != map->ino)
    {
        (void) close(*fd);
        *fd = -1;
        return tg_error_set(err, TG_STALE, "%s is not the mapped board",
            path);
    }
    return TG_OK;
}

static void
take_over(struct tg_board_row *row, const struct tg_board *board,
    uint64_t conf_generation, int64_t now_s)
{
    /* Nothing is in our hands yet: what is open was in a dead owner's. */
    row->doubt = row->admitted - row->counted;
    row->start_time = own_start_time();
    row->conf_generation = conf_generation;
    row->routes_generation = 0;
    row->keys_generation = 0;
    row->epoch = board->epoch;
    row->heartbeat_s = (uint64_t) now_s;
    row->pid = (uint32_t) getpid();
}

enum tg_status
tg_board_row_claim(struct tg_board_row **row, int *row_fd,
    struct tg_board_map *map, const char *state_dir, uint64_t conf_generation,
    int64_t now_s, struct tg_error *err)
{
    int            fd;
    enum tg_status status;

    *row = NULL;
    *row_fd = -1;
    status = open_again(&fd, map, state_dir, err);
    if (status != TG_OK) {
        return status;
    }
    for (unsigned i = 0; i < TG_BOARD_ROWS; i++) {
        struct flock lock = lock_of(i, 1);

        if (fcntl(fd, F_OFD_SETLK, &lock) == 0) {
            *row = &map->page->rows[i];
            *row_fd = fd;
            take_over(*row, map->page, conf_generation, now_s);
            return TG_OK;
        }
        if (errno != EAGAIN && errno != EACCES) {
            status = tg_error_errno(err, TG_IO, "cannot lock a board's row");
            (void) close(fd);
            return status;
        }
    }
    (void) close(fd);
    return tg_error_set(err, TG_LIMIT,
        "all %d rows of the board in %s are taken", TG_BOARD_ROWS,
        state_dir);
}

/*
 * In doubt a row lives.  The lock alone decides: a worker that has just
 * locked its row has not written its pid yet.
 */
static bool
is_any_alive(const struct tg_board_map *map, unsigned row, unsigned count)
{
    struct flock lock = lock_of(row, count);

    return fcntl(map->fd, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}

bool
tg_board_row_is_alive(const struct tg_board_map *map, unsigned row)
{
    return row < TG_BOARD_ROWS && is_any_alive(map, row, 1);
}

bool
tg_board_row_is_succeeded(const struct tg_board_map *map,
    const struct tg_board_row *row)
{
    unsigned living = 0;
    bool     has_later = false;

    for (unsigned i = 0; i < TG_BOARD_ROWS; i++) {
        const struct tg_board_row *other = &map->page->rows[i];

        if (other->pid == 0 || other == row || !is_any_alive(map, i, 1)) {
            continue;
        }
        living++;
        has_later = has_later || other->start_time > row->start_time;
    }
    return has_later && living < TG_BOARD_ROWS / 2;
}

bool
tg_board_knows(const struct tg_board_map *map, pid_t pid)
{
    for (unsigned i = 0; i < TG_BOARD_ROWS; i++) {
        if (map->page->rows[i].pid == (uint32_t) pid) {
            return true;
        }
    }
    return false;
}

uint64_t
tg_board_oldest_epoch(const struct tg_board_map *map)
{
    uint64_t oldest = map->page->epoch;

    if (!is_any_alive(map, 0, TG_BOARD_ROWS)) {
        return oldest;
    }
    for (unsigned i = 0; i < TG_BOARD_ROWS; i++) {
        if (is_any_alive(map, i, 1) && map->page->rows[i].epoch < oldest) {
            oldest = map->page->rows[i].epoch;
        }
    }
    return oldest;
}

uint64_t
tg_board_doubt(const struct tg_board_map *map)
{
    uint64_t doubt = 0;

    for (unsigned i = 0; i < TG_BOARD_ROWS; i++) {
        const struct tg_board_row *row = &map->page->rows[i];

        doubt += is_any_alive(map, i, 1) ? row->doubt
                                         : row->admitted - row->counted;
    }
    return doubt;
}
