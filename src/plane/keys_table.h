/*
 * keys_table.h - one generation of the keys table, as its writer has it
 *
 * A table is the mapped file and what the writer derives from it when it
 * opens: which slots are in use, and how many words.  None of that is stored,
 * so nothing stored can be wrong about it.  This is private to src/plane.
 *
 * Promises
 *   T1  A change is complete in new slots before its word is stored, and the
 *       old slots become free only behind that: killed between any two
 *       instructions, the file is as before or as after.
 *   T2  What does not hold together after a power cut (a word whose entry is
 *       another key's, a slot named twice) is turned into a tombstone when
 *       the table is opened; comparing with the store brings the key back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_PLANE_KEYS_TABLE_H
#define TG_PLANE_KEYS_TABLE_H

#include "plane/keys_format.h"

struct tg_keys_table {
    struct tg_keys view;
    uint64_t      *used;      /* a bit a slot */
    uint32_t       free_slots;
    uint32_t       cursor;    /* where the search for a free slot goes on */
    uint64_t       live;      /* words that name a key */
    uint64_t       filled;    /* these and tombstones */
};

/*
 * A new generation beside the others, for capacity keys, not named yet;
 * tg_keys_table_name gives it its name.
 */
TG_MUST_CHECK enum tg_status tg_keys_table_make(struct tg_keys_table **out,
    const char *path, uint64_t generation,
    const uint8_t file_id[TG_PLANE_ID_SIZE], uint64_t capacity,
    struct tg_error *err);
TG_MUST_CHECK enum tg_status tg_keys_table_name(struct tg_keys_table *t,
    const char *path, struct tg_error *err);

/* A generation that is there; T2. */
TG_MUST_CHECK enum tg_status tg_keys_table_open(struct tg_keys_table **out,
    const char *path, uint64_t generation,
    const uint8_t file_id[TG_PLANE_ID_SIZE], struct tg_error *err);

void tg_keys_table_close(struct tg_keys_table *t);

/* Whether key can be put there now: slots, and a word within reach. */
bool tg_keys_table_has_room(const struct tg_keys_table *t,
    const uint8_t digest[TG_SHA256_SIZE], const struct tg_key *key);

/* Whether it is time to grow, while there is still room. */
bool tg_keys_table_is_crowded(const struct tg_keys_table *t);

/* For how many keys the next generation should be made. */
uint64_t tg_keys_table_next_capacity(const struct tg_keys_table *t);

/* Puts a key for which there is room. */
void tg_keys_table_put(struct tg_keys_table *t,
    const uint8_t digest[TG_SHA256_SIZE], const struct tg_key *key);

void tg_keys_table_remove(struct tg_keys_table *t,
    const uint8_t digest[TG_SHA256_SIZE]);

/*
 * The next key at or behind word *pos; moves *pos behind it.  False: there is
 * none.  *out is zeroed first, so that keys compare by memcmp.
 */
bool tg_keys_table_next(const struct tg_keys_table *t, uint64_t *pos,
    uint8_t digest[TG_SHA256_SIZE], struct tg_key *out);

#endif
