/*
 * collector.h - folds the meters into the ledger
 *
 * A fold adds, for every lane that grew, the growth to the hour that the lane
 * stands for, and notes how far it has come (the mark), in one transaction.
 * A large fold is several of these, of some thousands of cells or fewer when
 * somebody waits for the store's lock: each is whole by itself, and the last
 * one says that all is folded.
 * What is needed of the marks is mirrored in memory (marks.h), so that a fold
 * reads the store only for the cells that changed.
 *
 * Invariants
 *   F1  Quantities and marks change together or not at all: fold twice, or
 *       die between any two instructions, and the sum is the same.
 *   F2  The mirror equals the committed marks; after any failure it is read
 *       again and everything is swept.
 *   F3  Marks of another file id are never applied.
 *   F4  A lane behind its mark is lifted to it after a change of boot id
 *       (the power cut took pages, not commits), before anybody counts; in
 *       the same boot it is corruption, and folding stops.
 *   F5  Units of a cell whose owner generation is not the store's are set
 *       aside: in the ledger, visible, billed to nobody.
 *   F6  Units of an hour that was sealed are billed in the next open hour,
 *       with the reason, in the same transaction as their mark.
 *   F7  A retired slot is closed in the transaction that folded it after all
 *       living workers had shown its epoch.
 *   F8  The cost of a fold grows with the cells that changed; that of a full
 *       sweep with those that exist.
 *   F9  After 30 hours and more without a fold a lane may hold calls of two
 *       hours, 32 hours apart.  They go to the later one, with the reason;
 *       but never to one that is still to come.
 *
 * A collector belongs to one thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_COLLECTOR_H
#define TG_BILLING_COLLECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "billing/guard.h"
#include "control/control.h"
#include "core/unbillable.h"
#include "plane/board.h"
#include "store/store.h"
#include "util/error.h"

struct tg_collector;

/* All is borrowed. */
struct tg_collector_config {
    struct tg_store     *store; /* this thread's */
    struct tg_board_map *board;
    const char          *state_dir;
    struct tg_control   *control; /* is told of free slots; NULL: nobody */
    struct tg_guard     *guard;
    const char          *account_id; /* for the audit trail */
    const char          *region;
    unsigned             cells_max; /* of a transaction; 0: as is good */
};

/*
 * Maps the meters, reads the marks and recovers from what happened since the
 * last fold (recovery.h).  Nobody counts yet, unless workers of this same
 * boot do.
 */
TG_MUST_CHECK enum tg_status tg_collector_open(struct tg_collector **out,
    const struct tg_collector_config *config, int64_t now_s, int64_t boot_s,
    struct tg_error *err);
void tg_collector_close(struct tg_collector *c);

/*
 * Folds what changed, or everything when is_full, when something failed
 * before, or when an hour has passed since the last fold.  TG_CORRUPT: F4;
 * the guard is stopped.  After another failure some cells may be folded and
 * the rest is not; the next fold makes up for it.
 */
TG_MUST_CHECK enum tg_status tg_collector_fold(struct tg_collector *c,
    bool is_full, int64_t now_s, struct tg_error *err);

/*
 * Seconds from the begin of a fold to the next one, when it took so much
 * processor time: at least 1 and at most 10, so that folding takes no more
 * than a tenth of a processor from the calls where it can.  A later fold is
 * cheaper: who has called again is one cell, and its page is written once.
 */
int64_t tg_collector_pause_s(int64_t cpu_ms);

/* For metrics: cells and units folded since the start, second of the last. */
struct tg_collector_stats {
    uint64_t cells;
    uint64_t units;
    uint64_t set_aside; /* units: F5 */
    uint64_t carried;   /* units: F6 */
    uint64_t unsure;    /* units: F9 */
    uint64_t unbillable[TG_UNBILLABLE_COUNT]; /* units, by reason */
    int64_t  last_s;
};
struct tg_collector_stats tg_collector_stats(const struct tg_collector *c);

#endif
