/*
 * keys.h - the table that finds an API key by its SHA-256
 *
 * `keys.<generation>` is an open-addressed table of 8-byte words beside an
 * array of 64-byte entries.  A word is {tag 16, version 20, index 28}: the
 * tag is a part of the digest that saves most visits to entries of other
 * keys.  A change writes new entries beside the old and then publishes one
 * word; a reader takes the word, copies the entry, takes the word again.
 *
 * Promises
 *   Y1  At every instant of the writer's death the table is valid.  The free
 *       list is derived when the writer opens, never stored.
 *   Y2  A reader sees a key's old state or its new one, nothing between.
 *   Y3  The table holds digests of keys, never keys.
 *   Y4  Growth is a new generation, filled aside; until every living row of
 *       the board shows it, each change goes to both.
 *   Y5  The reader trusts nothing in the file: every index is checked, and
 *       every walk is bounded.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_PLANE_KEYS_H
#define TG_PLANE_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "plane/board.h"
#include "util/digest.h"
#include "util/error.h"

#define TG_KEY_ID_SIZE 12   /* room for an API key id, NUL-padded */
#define TG_KEY_PLANS_MAX 10 /* plans a key, Amazon's quota */

/* One plan of a key, and the cell in which its calls are counted there. */
struct tg_key_plan {
    uint32_t plan;  /* the plan's number in the store, for life */
    uint32_t cell;  /* slot in the meters */
    uint32_t owner; /* owner generation of that slot */
};

struct tg_key {
    char               id[TG_KEY_ID_SIZE + 1]; /* public id, for logs */
    bool               enabled;
    uint32_t           plan_count;
    struct tg_key_plan plans[TG_KEY_PLANS_MAX];
};

/* Whether both say the same; what stands behind plan_count says nothing. */
bool tg_key_is_same(const struct tg_key *a, const struct tg_key *b);

/* Reader: one mapped generation. */
struct tg_keys;

TG_MUST_CHECK enum tg_status tg_keys_open(struct tg_keys **out,
    const char *state_dir, const struct tg_board *board,
    uint64_t generation, struct tg_error *err);
void tg_keys_close(struct tg_keys *keys);
uint64_t tg_keys_generation(const struct tg_keys *keys);

/* TG_OK and a copy; TG_NOTFOUND; TG_CORRUPT (Y5). */
TG_MUST_CHECK enum tg_status tg_keys_find(const struct tg_keys *keys,
    const uint8_t digest[TG_SHA256_SIZE], struct tg_key *out);

/*
 * For whoever knows the digest some time before the look-up: each asks the
 * processor for memory that it will touch, and changes nothing.  First the
 * word; then the entry, whose expected slot is returned (UINT32_MAX: none);
 * then it can be said in which cell of the meters the key's first plan
 * counts (UINT32_MAX: not known).  These are guesses: nothing may rest on
 * them.
 */
void tg_keys_prefetch_word(const struct tg_keys *keys,
    const uint8_t digest[TG_SHA256_SIZE]);
uint32_t tg_keys_prefetch_entry(const struct tg_keys *keys,
    const uint8_t digest[TG_SHA256_SIZE]);
uint32_t tg_keys_expected_cell(const struct tg_keys *keys, uint32_t slot);

/* Writer: one in the daemon, never two; not safe between threads. */
struct tg_keys_writer;

/*
 * Opens the current generation of the board, or makes the first one.
 * capacity is the number of keys to have room for at once (grown by itself).
 * What does not hold together in the file after a power cut is not found any
 * more; the comparison with the store at start brings it back.  A file whose
 * header is damaged is TG_CORRUPT, by name; moved away, it is made anew.
 */
TG_MUST_CHECK enum tg_status tg_keys_writer_open(struct tg_keys_writer **out,
    const char *state_dir, struct tg_board_map *board, uint64_t capacity,
    struct tg_error *err);
void tg_keys_writer_close(struct tg_keys_writer *w);

/*
 * Adds the key or replaces what is known of it.  On return every worker that
 * looks it up finds the new state.  TG_IO: no room on the disk; TG_LIMIT:
 * too many plans, or keys; TG_BUSY: full, and a worker still reads the
 * generation before, so that there cannot be a next one yet.  With each of
 * them nothing has changed.
 */
TG_MUST_CHECK enum tg_status tg_keys_put(struct tg_keys_writer *w,
    const uint8_t digest[TG_SHA256_SIZE], const struct tg_key *key,
    struct tg_error *err);

/* Removes the key; no error if it is not there. */
TG_MUST_CHECK enum tg_status tg_keys_remove(struct tg_keys_writer *w,
    const uint8_t digest[TG_SHA256_SIZE], struct tg_error *err);

/* Copy of what the table has, for the comparison with the store. */
TG_MUST_CHECK enum tg_status tg_keys_get(struct tg_keys_writer *w,
    const uint8_t digest[TG_SHA256_SIZE], struct tg_key *out);

/*
 * Calls visit for every key of the table (start-up: what the store does not
 * know is removed).  visit returns false to have the key removed.
 */
TG_MUST_CHECK enum tg_status tg_keys_sweep(struct tg_keys_writer *w,
    bool (*visit)(void *data, const uint8_t digest[TG_SHA256_SIZE],
        const struct tg_key *key),
    void *data, struct tg_error *err);

uint64_t tg_keys_count(const struct tg_keys_writer *w);

/* Once a second: drops the older generation when no living row uses it. */
void tg_keys_tick(struct tg_keys_writer *w);

#endif
