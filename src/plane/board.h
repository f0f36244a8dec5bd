/*
 * board.h - the page on which both planes meet
 *
 * `board` lies in the state directory, has a fixed size and is never replaced
 * while nginx lives.  It says which generation of routes and keys and how
 * many pieces of meters are current, and has a row for every worker.
 *
 * Promises
 *   P1  A worker compares one word a request (tg_board.change); the daemon
 *       moves it after it has published anything.
 *   P2  A row belongs to the process that holds the byte-range lock (OFD) on
 *       it; the kernel drops the lock at its death.  A row without a lock is
 *       dead: what it had admitted and not counted is doubt, and is unbilled.
 *   P3  Epochs: a row's epoch is not above the oldest that any call of that
 *       worker started under.  Memory retired before epoch E may be used
 *       again once every living row shows E or later.  A worker loads the
 *       board's epoch before it looks a key up, and shows in its row the
 *       oldest one of the calls in its hands, or the board's when it has
 *       none; each second too, so that an idle worker keeps up.
 *   P4  The three files of a set carry the board's file id; a file with
 *       another one is refused by name.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_PLANE_BOARD_H
#define TG_PLANE_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"

#define TG_PLANE_VERSION 2
#define TG_PLANE_ID_SIZE 16
#define TG_BOARD_ROWS 256

struct tg_board_row {
    _Alignas(64) _Atomic uint32_t pid; /* 0: never used */
    uint32_t         reserved;
    _Atomic uint64_t start_time;         /* of the process, kernel ticks */
    _Atomic uint64_t conf_generation;    /* of the nginx configuration */
    _Atomic uint64_t routes_generation;  /* the one it serves from */
    _Atomic uint64_t keys_generation;
    _Atomic uint64_t epoch;              /* P3 */
    _Atomic uint64_t admitted;           /* calls, ever */
    _Atomic uint64_t counted;            /* of these, finished */
    _Atomic uint64_t refused_no_cell;    /* calls refused for want of one */
    _Atomic uint64_t heartbeat_s;
    _Atomic uint64_t doubt; /* of these, in the hands of dead owners (P2) */
    _Atomic uint64_t backend_connections; /* opened, ever */
    _Atomic uint64_t backend_failures;    /* attempts without an answer */
    _Atomic uint64_t backend_retries;     /* attempts after a failed one */
    _Atomic uint64_t backend_timeouts;    /* calls that ran out of time */
    uint64_t         spare[1];
};

_Static_assert(sizeof(struct tg_board_row) == 128, "two cache lines");

struct tg_board {
    char             magic[8]; /* "TGBOARD" */
    uint32_t         version;
    uint32_t         size;
    uint8_t          file_id[TG_PLANE_ID_SIZE];
    uint8_t          boot_id[TG_PLANE_ID_SIZE]; /* of the kernel that made
                      * it; moved on by whoever has looked after the lanes */
    uint8_t          check[16]; /* SHA-256 of magic to file_id, cut */
    _Alignas(64) _Atomic uint64_t change;       /* P1 */
    _Atomic uint64_t routes_generation;         /* 0: none yet */
    _Atomic uint64_t keys_generation;
    _Atomic uint64_t meter_pieces;
    _Atomic uint64_t epoch;
    _Atomic uint64_t fold_sequence;
    _Atomic uint64_t has_buckets;               /* 1: they are made */
    _Alignas(64) _Atomic uint64_t account_tat;  /* account's core/bucket.h */
    _Alignas(64) struct tg_board_row rows[TG_BOARD_ROWS];
};

/* A mapped board; opaque but for the page itself. */
struct tg_board_map {
    struct tg_board *page;
    int              fd;
    dev_t            dev;
    ino_t            ino;
};

/*
 * Daemon: opens the board of state_dir, or makes one (allocated in full, new
 * file id) where none is.  *fresh tells which.  A board that is truncated, of
 * another version or damaged is TG_CORRUPT, by name, and is left alone.  A
 * file system without real allocation or coherent mappings is TG_INVALID.
 */
TG_MUST_CHECK enum tg_status tg_board_create(struct tg_board_map *map,
    const char *state_dir, bool *fresh, struct tg_error *err);

/* Worker: maps a board that is there, checked the same way. */
TG_MUST_CHECK enum tg_status tg_board_open(struct tg_board_map *map,
    const char *state_dir, struct tg_error *err);

void tg_board_close(struct tg_board_map *map);

/* Whether the path still names the mapped file (once a second is enough). */
bool tg_board_is_current(const struct tg_board_map *map,
    const char *state_dir);

/* Boot id of the running kernel, as stored in the board. */
TG_MUST_CHECK enum tg_status tg_boot_id(uint8_t out[TG_PLANE_ID_SIZE],
    struct tg_error *err);

/* Daemon: something was published (P1). */
void tg_board_changed(struct tg_board *board);

/*
 * Daemon: moves one of the board's generations on, tells the workers, and
 * syncs the page, so that after a power cut it names no file that was removed
 * since.  TG_IO: moved, but perhaps not on the disk yet: remove nothing.
 */
TG_MUST_CHECK enum tg_status tg_board_move(struct tg_board_map *map,
    _Atomic uint64_t *generation, uint64_t value, struct tg_error *err);

/*
 * Worker: claims a free row (its own open file description is kept in
 * row_fd; closing it, or death, frees the row).  TG_LIMIT: no row is free.
 */
TG_MUST_CHECK enum tg_status tg_board_row_claim(struct tg_board_row **row,
    int *row_fd, struct tg_board_map *map, const char *state_dir,
    uint64_t conf_generation, int64_t now_s, struct tg_error *err);

/* Daemon: whether a row's owner lives (its lock is held). */
bool tg_board_row_is_alive(const struct tg_board_map *map, unsigned row);

/*
 * Worker: whether a process that began later than the row's owner lives and
 * has a row.  Not, when less than half of the rows are free: whoever leaves
 * then has to make room.
 */
bool tg_board_row_is_succeeded(const struct tg_board_map *map,
    const struct tg_board_row *row);

/* Worker: whether the process has, or last had, a row. */
bool tg_board_knows(const struct tg_board_map *map, pid_t pid);

/* Daemon: the oldest epoch of all living rows; the board's if none lives. */
uint64_t tg_board_oldest_epoch(const struct tg_board_map *map);

/* Daemon: calls that died with their workers: counted nowhere, unbilled. */
uint64_t tg_board_doubt(const struct tg_board_map *map);

#endif
