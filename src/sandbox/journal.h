/*
 * journal.h - the sandbox's memory between runs
 *
 * A file of events, one JSON object a line, that is only ever appended to
 * while the sandbox runs.
 *
 * Invariants
 *   J1  An event is in the file before it is acknowledged.  A kill at any
 *       moment leaves whole lines and at most one torn one at the end, which
 *       the next run drops.  (A power cut may lose the last events: a test
 *       double does not sync.)
 *   J2  A write that fails leaves no part of its line behind.
 *   J3  One process has a journal at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_SANDBOX_JOURNAL_H
#define TG_SANDBOX_JOURNAL_H

#include <jansson.h>
#include <sys/types.h>

#include "util/error.h"

struct tg_journal {
    char *path;
    int   fd;      /* appended to */
    int   lock_fd; /* holds the lock of J3 */
    off_t end;     /* of the last whole line */
};

/* Called with each event of the file, in order. */
typedef enum tg_status tg_journal_replay(void *data, const json_t *event,
    struct tg_error *err);

/*
 * Opens the journal in dir, which is made where it is missing, and replays
 * it.  TG_BUSY when another process has it, TG_CORRUPT with the line's number
 * when a line is no event.
 */
TG_MUST_CHECK enum tg_status tg_journal_open(struct tg_journal *j,
    const char *dir, tg_journal_replay *replay, void *data,
    struct tg_error *err);
void tg_journal_close(struct tg_journal *j);

TG_MUST_CHECK enum tg_status tg_journal_append(struct tg_journal *j,
    const json_t *event, struct tg_error *err);

/* Puts an array of events in place of all that is there, in one step. */
TG_MUST_CHECK enum tg_status tg_journal_replace(struct tg_journal *j,
    const json_t *events, struct tg_error *err);

#endif
