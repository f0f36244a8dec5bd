/*
 * fault.h - the N-th thing that can fail does fail
 *
 * A test that links with this has every allocation, write, sync and SQL step
 * of the code under test counted, and can ask that the N-th of a kind fails,
 * once or from then on.  The linker puts the counting between our code and
 * the C library (--wrap); SQLite gets an allocator and a file system of its
 * own.  So the product itself knows nothing of it.
 *
 *     FAULT_ALLOC  malloc, calloc, realloc, reallocarray, strdup, strndup;
 *                  also SQLite's and jansson's
 *     FAULT_FILE   open, write, pwrite, fsync, msync, rename,
 *                  posix_fallocate, mmap; of SQLite's files also truncate,
 *                  delete and growing the shared memory.  A write of SQLite's
 *                  that fails has written half, as on a full disk.
 *     FAULT_SQL    prepare, step, and exec (begin, commit, pragma), before
 *                  they reach SQLite; never a rollback
 *     FAULT_NET    what a test's own transport counts with fault_is_due
 *
 * A loop over all N:
 *
 *     static bool
 *     round(void *data)
 *     {
 *         ... set up ...
 *         fault_begin();
 *         ... what may fail; nothing is asserted here ...
 *         was_met = fault_end();
 *         ... restart; assert that the totals are exact ...
 *         return was_met;
 *     }
 *     fault_each(FAULT_ALLOC, 1, round, data);
 *
 * One thread at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_TEST_FAULT_H
#define TG_TEST_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
    FAULT_ALLOC = 1,
    FAULT_FILE = 2,
    FAULT_SQL = 4,
    FAULT_NET = 8,
};

/*
 * Calls round with the N-th thing of these kinds failing, for N = 1, 2, ...
 * until a round says that it met no fault: once with a single fault, once
 * with all from the N-th on.  Returns how many rounds that were.
 *
 * With a stride only every stride-th N is tried, from one that
 * TALLYGATE_TEST_SEED chooses; where TALLYGATE_TEST_LONG is set, every N.
 */
uint64_t fault_each(unsigned kinds, uint64_t stride, bool (*round)(void *),
    void *data);

/* From here on things are counted, and fail as fault_each says. */
void fault_begin(void);
/* No more.  Returns whether one has failed since fault_begin. */
bool fault_end(void);

/* By hand, without fault_each: for the next fault_begin.  n 0: none. */
void fault_arm(unsigned kinds, uint64_t n, bool is_lasting);

/* Syncs of SQLite's files since fault_begin. */
uint64_t fault_syncs(void);
void fault_note_sync(void); /* SQLite's */

/* Which fault this round is about, for messages: "3rd FILE and on". */
const char *fault_name(void);

/* For fakes: whether the present thing of that kind is to fail. */
bool fault_is_due(enum fault_kind kind);

/* Around a fake's own work, which must not fail.  They nest. */
void fault_pause(void);
void fault_resume(void);

#endif
