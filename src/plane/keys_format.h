/*
 * keys_format.h - what stands in keys.<generation>
 *
 * Behind the header's page come the words, a power of two of them, and then
 * the slots of 64 bytes.  A word is 0 (never used: a search ends here), a
 * tombstone (index TG_KEYS_TOMB: a search goes on), or names the slot of a
 * key's entry.  An entry has room for one plan; further ones stand in a chain
 * of slots, four in each.  This is private to src/plane.
 *
 * Invariants
 *   E1  A slot that a word names, with its chain, does not change while the
 *       word does not change.  So a reader that finds the word unchanged
 *       after copying has copied one state.
 *   E2  A word's version grows with each change of the word and is never 0,
 *       so no word in use is 0, and one that came back to the same slot is
 *       not taken for unchanged.
 *   E3  A key stands at most TG_KEYS_PROBES words behind its home, with no
 *       word of 0 between.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_PLANE_KEYS_FORMAT_H
#define TG_PLANE_KEYS_FORMAT_H

#include <stdatomic.h>
#include <string.h>

#include "plane/keys.h"
#include "plane/mapped.h"

#define TG_KEYS_MAGIC "TGKEYS"
#define TG_KEYS_INDEX_BITS 28
#define TG_KEYS_VERSION_BITS 20
#define TG_KEYS_TOMB ((UINT32_C(1) << TG_KEYS_INDEX_BITS) - 1)
#define TG_KEYS_VERSION_MAX ((UINT32_C(1) << TG_KEYS_VERSION_BITS) - 1)
#define TG_KEYS_PROBES 4096
#define TG_KEYS_CHAINED 4 /* plans in a chained slot */

struct tg_keys_entry {
    uint8_t            digest[TG_SHA256_SIZE];
    char               id[TG_KEY_ID_SIZE];
    uint8_t            enabled;
    uint8_t            plan_count;
    uint16_t           reserved;
    struct tg_key_plan plan; /* the first */
    uint32_t           next; /* slot with further plans, if there are any */
};

struct tg_keys_chained {
    uint32_t           head; /* slot of the entry that this belongs to */
    uint32_t           count;
    struct tg_key_plan plans[TG_KEYS_CHAINED];
    uint32_t           next;
    uint32_t           reserved;
};

union tg_keys_slot {
    struct tg_keys_entry   entry;
    struct tg_keys_chained chained;
    _Atomic uint64_t       shared[8]; /* the only way to touch the file */
    uint64_t               plain[8];
};

_Static_assert(sizeof(union tg_keys_slot) == 64, "a cache line");

/* A mapped generation, read. */
struct tg_keys {
    struct tg_mapped          file;
    const _Atomic uint64_t   *words;
    const union tg_keys_slot *slots;
    uint64_t                  mask; /* number of words - 1 */
    uint32_t                  slot_count;
    uint64_t                  generation;
};

static inline uint64_t
tg_keys_word(uint32_t tag, uint32_t version, uint32_t index)
{
    return (uint64_t) tag << (TG_KEYS_INDEX_BITS + TG_KEYS_VERSION_BITS)
        | (uint64_t) version << TG_KEYS_INDEX_BITS | index;
}

static inline uint32_t
tg_keys_word_tag(uint64_t word)
{
    return (uint32_t) (word >> (TG_KEYS_INDEX_BITS + TG_KEYS_VERSION_BITS));
}

static inline uint32_t
tg_keys_word_version(uint64_t word)
{
    return (uint32_t) (word >> TG_KEYS_INDEX_BITS) & TG_KEYS_VERSION_MAX;
}

static inline uint32_t
tg_keys_word_index(uint64_t word)
{
    return (uint32_t) word & TG_KEYS_TOMB;
}

/* Where a search starts, and the tag: different parts of the digest. */
static inline uint64_t
tg_keys_home(const uint8_t digest[TG_SHA256_SIZE])
{
    uint64_t home;

    memcpy(&home, digest, sizeof(home));
    return home;
}

static inline uint32_t
tg_keys_tag(const uint8_t digest[TG_SHA256_SIZE])
{
    return (uint32_t) digest[8] << 8 | digest[9];
}

static inline size_t
tg_keys_file_size(uint64_t words, uint64_t slots)
{
    return TG_MAPPED_PAGE + words * sizeof(uint64_t)
        + slots * sizeof(union tg_keys_slot);
}

/* The words and slots of a file whose header has been checked. */
TG_MUST_CHECK enum tg_status tg_keys_view(struct tg_keys *keys,
    const char *path, struct tg_error *err);

/*
 * Reads the key whose entry is in the slot into *out, with its digest.
 * TG_CORRUPT: an index or a count is out of its range.  Whoever reads beside
 * a writer checks the word afterwards (E1).
 */
TG_MUST_CHECK enum tg_status tg_keys_read(const struct tg_keys *keys,
    uint32_t index, uint8_t digest[TG_SHA256_SIZE], struct tg_key *out);

#endif
