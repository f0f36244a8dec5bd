/*
 * buckets.h - token buckets that stand in no cell
 *
 * `buckets.0' has two parts of fixed size and is made once for a board.  Shared buckets are
 * those of a stage's methods, which all callers take from: a slot each, given
 * out by the daemon to API, stage, path and verb, so that a bucket outlives
 * deployments, reloads and restarts.  Keyed buckets are those of one key in
 * one method: far too many to have one each, but only a bucket that is not
 * full holds anything, so they share a set-associative table {tag, time} in
 * which a full one makes room.
 *
 * Promises
 *   B1  A tag has at most one bucket at any time.  It is claimed by a 16-byte
 *       compare-and-swap, first as a claim only; the claim becomes the bucket
 *       if no other one of that tag stands in the set.  Two who claim at once
 *       see each other, and one of them gives way.
 *   B2  A keyed bucket is given up only when it is full for every worker
 *       (TG_BUCKET_SKEW_NS past), or was a claim whose maker has gone.
 *   B3  A set without room refuses (TG_BUSY); nobody is let through because
 *       there is no place to count him.
 *   B4  A shared slot goes to another method only when no routes file that a
 *       worker may use names it and its bucket is full.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_PLANE_BUCKETS_H
#define TG_PLANE_BUCKETS_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/bucket.h"
#include "plane/board.h"
#include "util/digest.h"
#include "util/error.h"

#define TG_BUCKETS_SHARED 65536 /* slots */
#define TG_BUCKETS_SETS 32768   /* of keyed buckets */
#define TG_BUCKETS_WAYS 8       /* in a set: two cache lines */

struct tg_buckets;

/* A method of a stage, whatever its deployment. */
struct tg_method_identity {
    uint64_t word[2]; /* word[0] is not 0 */
};

/* verb as it was defined: "GET", ..., or "ANY". */
struct tg_method_identity tg_method_identity_make(const char *api_id,
    const char *stage, const char *path, const char *verb);

/*
 * Worker: maps the file.  row is the worker's own on the board:
 * no two who take at the same time may have the same.
 */
TG_MUST_CHECK enum tg_status tg_buckets_open(struct tg_buckets **out,
    const char *state_dir, const struct tg_board *board, unsigned row,
    struct tg_error *err);
void tg_buckets_close(struct tg_buckets *b);

/* The word of a shared slot for tg_bucket_take; NULL: there is none. */
_Atomic uint64_t *tg_buckets_shared(const struct tg_buckets *b,
    uint32_t slot);

/* Of a key (eight bytes of its digest) and a method (word[0]); never 0. */
uint64_t tg_buckets_tag(uint64_t key, uint64_t method);

/* What was taken from a keyed bucket, for giving it back. */
struct tg_keyed_token {
    void    *entry; /* NULL: nothing was taken */
    uint64_t tag;
    uint64_t taken;
    uint64_t before;
};

/* As tg_bucket_take (K1, K2); TG_BUSY: B3. */
TG_MUST_CHECK enum tg_status tg_buckets_take(struct tg_buckets *b,
    uint64_t tag, struct tg_bucket_limit limit, uint64_t now_ns,
    struct tg_keyed_token *token);

/* Undoes a take if nobody has taken since (K4); clears the token. */
void tg_buckets_give_back(struct tg_keyed_token *token);

/* Calls that were refused; of a worker, ever, or of all of them. */
struct tg_refusals {
    _Alignas(64) _Atomic uint64_t by_plan; /* throttle, the method's too */
    _Atomic uint64_t by_stage;
    _Atomic uint64_t by_account;
    _Atomic uint64_t by_quota;
    _Atomic uint64_t no_room; /* B3 */
    uint64_t         spare[3];
};

/* The worker's own, which it adds to. */
struct tg_refusals *tg_buckets_refusals(const struct tg_buckets *b);

/* Daemon: the sum over all workers that there have ever been. */
void tg_buckets_refused(const struct tg_buckets *b, struct tg_refusals *sum);

/* Daemon: maps the file, or makes it where the board has none yet. */
TG_MUST_CHECK enum tg_status tg_buckets_create(struct tg_buckets **out,
    const char *state_dir, struct tg_board_map *board, struct tg_error *err);

/*
 * Daemon: the slot of a method that the routes file `generation', which is
 * being built, limits.  TG_LIMIT: no slot can be had (B4).
 */
TG_MUST_CHECK enum tg_status tg_buckets_assign(struct tg_buckets *b,
    const struct tg_method_identity *method, uint64_t generation,
    uint64_t now_ns, uint32_t *slot, struct tg_error *err);

#endif
