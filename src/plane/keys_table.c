/* SPDX-License-Identifier: Apache-2.0 */
#include "plane/keys_table.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KEYS_MODE 0640
#define SLOTS_SPARE 64
#define CAPACITY_MIN 64

/* Where a key stands, or where it could be put. */
struct spot {
    bool     is_there;
    bool     is_free; /* there is a word for it within reach */
    uint64_t pos;
};

static uint32_t
slots_needed(uint32_t plan_count)
{
    return plan_count <= 1
        ? 1 : 1 + (plan_count - 1 + TG_KEYS_CHAINED - 1) / TG_KEYS_CHAINED;
}

static _Atomic uint64_t *
word_at(struct tg_keys_table *t, uint64_t pos)
{
    return (_Atomic uint64_t *) (void *) (t->view.file.base + TG_MAPPED_PAGE)
        + pos;
}

static union tg_keys_slot *
slot_at(struct tg_keys_table *t, uint32_t index)
{
    return (union tg_keys_slot *) (void *) (t->view.file.base
        + TG_MAPPED_PAGE + (t->view.mask + 1) * sizeof(uint64_t)) + index;
}

static bool
is_live(uint64_t word)
{
    return word != 0 && tg_keys_word_index(word) != TG_KEYS_TOMB;
}

/* ---- slots ---- */

static bool
is_used(const struct tg_keys_table *t, uint32_t slot)
{
    return (t->used[slot / 64] >> (slot % 64) & 1) != 0;
}

static void
set_used(struct tg_keys_table *t, uint32_t slot)
{
    t->used[slot / 64] |= UINT64_C(1) << (slot % 64);
    t->free_slots--;
}

static void
set_free(struct tg_keys_table *t, uint32_t slot)
{
    t->used[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
    t->free_slots++;
}

/*
 * Takes a free slot.  The cursor goes round, so that a slot rests as long as
 * possible before it is used again: fewer readers have to try again.
 */
static uint32_t
take_slot(struct tg_keys_table *t)
{
    uint32_t slot = t->cursor;

    assert(t->free_slots > 0);
    for (;;) {
        if (slot >= t->view.slot_count) {
            slot = 0;
        }
        if (slot % 64 == 0 && t->used[slot / 64] == UINT64_MAX) {
            slot += 64;
        } else if (is_used(t, slot)) {
            slot++;
        } else {
            break;
        }
    }
    set_used(t, slot);
    t->cursor = slot + 1;
    return slot;
}

static void
write_slot(struct tg_keys_table *t, uint32_t index,
    const union tg_keys_slot *from)
{
    union tg_keys_slot *to = slot_at(t, index);

    for (unsigned i = 0; i < 8; i++) {
        atomic_store_explicit(&to->shared[i], from->plain[i],
            memory_order_relaxed);
    }
}

/* Calls step for each slot of the key in slot head, whose chain is whole. */
static void
each_slot(struct tg_keys_table *t, uint32_t head,
    void (*step)(struct tg_keys_table *t, uint32_t slot))
{
    uint32_t n = 1;
    uint32_t slot = head;
    uint32_t plans = slot_at(t, head)->entry.plan_count;
    uint32_t next = slot_at(t, head)->entry.next;

    step(t, slot);
    while (n < plans) {
        slot = next;
        n += slot_at(t, slot)->chained.count;
        next = slot_at(t, slot)->chained.next;
        step(t, slot);
    }
}

/* ---- finding ---- */

static struct spot
find_spot(const struct tg_keys_table *t,
    const uint8_t digest[TG_SHA256_SIZE])
{
    uint32_t    tag = tg_keys_tag(digest);
    uint64_t    home = tg_keys_home(digest);
    struct spot spot = { false, false, 0 };

    for (uint64_t i = 0; i < TG_KEYS_PROBES && i <= t->view.mask; i++) {
        uint64_t pos = (home + i) & t->view.mask;
        uint64_t word = t->view.words[pos];
        uint32_t index = tg_keys_word_index(word);

        if (!is_live(word)) {
            if (!spot.is_free) {
                spot.is_free = true;
                spot.pos = pos;
            }
            if (word == 0) {
                break;
            }
        } else if (tg_keys_word_tag(word) == tag
            && memcmp(t->view.slots[index].entry.digest, digest,
                TG_SHA256_SIZE) == 0)
        {
            return (struct spot){ true, true, pos };
        }
    }
    return spot;
}

/* ---- making and opening ---- */

static struct tg_keys_table *
table_new(struct tg_error *err)
{
    struct tg_keys_table *t = calloc(1, sizeof(*t));

    if (t == NULL) {
        (void) tg_error_set(err, TG_NOMEM, "out of memory");
    }
    return t;
}

/* All slots free, no word counted. */
static enum tg_status
forget(struct tg_keys_table *t, struct tg_error *err)
{
    t->used = calloc(t->view.slot_count / 64 + 1, sizeof(*t->used));
    t->free_slots = t->view.slot_count;
    return t->used != NULL ? TG_OK
        : tg_error_set(err, TG_NOMEM, "out of memory");
}

enum tg_status
tg_keys_table_make(struct tg_keys_table **out, const char *path,
    uint64_t generation, const uint8_t file_id[TG_PLANE_ID_SIZE],
    uint64_t capacity, struct tg_error *err)
{
    uint64_t                words = 8;
    enum tg_status          status;
    struct tg_keys_table   *t;
    struct tg_mapped_header header;

    if (capacity < CAPACITY_MIN) {
        capacity = CAPACITY_MIN;
    }
    if (capacity > TG_KEYS_TOMB / 2) {
        return tg_error_set(err, TG_LIMIT,
            "%s would hold more keys than a table can", path);
    }
    *out = t = table_new(err);
    if (t == NULL) {
        return TG_NOMEM;
    }
    while (words < 2 * capacity) {
        words *= 2;
    }
    tg_mapped_header_init(&header, TG_KEYS_MAGIC, generation, file_id);
    header.shape[0] = words;
    header.shape[1] = capacity + capacity / 4 + SLOTS_SPARE;
    status = tg_mapped_make(&t->view.file, path, &header,
        tg_keys_file_size(words, header.shape[1]), KEYS_MODE, err);
    if (status == TG_OK) {
        status = tg_keys_view(&t->view, path, err);
    }
    if (status == TG_OK) {
        status = forget(t, err);
    }
    if (status != TG_OK) {
        tg_keys_table_close(t);
        *out = NULL;
    }
    return status;
}

enum tg_status
tg_keys_table_name(struct tg_keys_table *t, const char *path,
    struct tg_error *err)
{
    return tg_mapped_name(&t->view.file, path, err);
}

/*
 * Marks the slots of a key as used; false, and nothing marked, when one of
 * them is used already: another word names it, or the chain meets itself.
 */
static bool
claim(struct tg_keys_table *t, uint32_t head, uint32_t plan_count)
{
    uint32_t claimed[1 + TG_KEY_PLANS_MAX];
    uint32_t n = 0, plans = 1, slot = head;
    uint32_t next = slot_at(t, head)->entry.next;

    for (;;) {
        if (is_used(t, slot)) {
            while (n > 0) {
                set_free(t, claimed[--n]);
            }
            return false;
        }
        set_used(t, slot);
        claimed[n++] = slot;
        if (plans >= plan_count) {
            return true;
        }
        slot = next;
        plans += slot_at(t, slot)->chained.count;
        next = slot_at(t, slot)->chained.next;
    }
}

/* T2: whether all that the word names holds together; then it is claimed. */
static bool
is_sound(struct tg_keys_table *t, uint64_t pos, uint64_t word)
{
    uint8_t       digest[TG_SHA256_SIZE];
    uint32_t      index = tg_keys_word_index(word);
    struct spot   spot;
    struct tg_key key;

    if (tg_keys_read(&t->view, index, digest, &key) != TG_OK
        || tg_keys_tag(digest) != tg_keys_word_tag(word))
    {
        return false;
    }
    spot = find_spot(t, digest);
    return spot.is_there && spot.pos == pos
        && claim(t, index, key.plan_count);
}

static void
bury(struct tg_keys_table *t, uint64_t pos, uint64_t word)
{
    uint32_t version = tg_keys_word_version(word);

    version = version == TG_KEYS_VERSION_MAX ? 1 : version + 1;
    atomic_store_explicit(word_at(t, pos),
        tg_keys_word(0, version, TG_KEYS_TOMB), memory_order_release);
    /* What follows may write to its slots: not before the word (E1). */
    atomic_thread_fence(memory_order_seq_cst);
}

/*
 * Words that name no slot of the file go first: finding reads the slots of
 * other words on its way.
 */
static void
derive(struct tg_keys_table *t)
{
    for (uint64_t pos = 0; pos <= t->view.mask; pos++) {
        uint64_t word = t->view.words[pos];

        if (is_live(word) && tg_keys_word_index(word) >= t->view.slot_count) {
            bury(t, pos, word);
        }
    }
    for (uint64_t pos = 0; pos <= t->view.mask; pos++) {
        uint64_t word = t->view.words[pos];

        if (word == 0) {
            continue;
        }
        t->filled++;
        if (!is_live(word)) {
            continue;
        }
        if (is_sound(t, pos, word)) {
            t->live++;
        } else {
            bury(t, pos, word);
        }
    }
}

enum tg_status
tg_keys_table_open(struct tg_keys_table **out, const char *path,
    uint64_t generation, const uint8_t file_id[TG_PLANE_ID_SIZE],
    struct tg_error *err)
{
    enum tg_status          status;
    struct tg_keys_table   *t;
    struct tg_mapped_header expected;

    *out = t = table_new(err);
    if (t == NULL) {
        return TG_NOMEM;
    }
    tg_mapped_header_init(&expected, TG_KEYS_MAGIC, generation, file_id);
    status = tg_mapped_open(&t->view.file, path, &expected, true, true, err);
    if (status == TG_OK) {
        status = tg_keys_view(&t->view, path, err);
    }
    if (status == TG_OK) {
        status = forget(t, err);
    }
    if (status != TG_OK) {
        tg_keys_table_close(t);
        *out = NULL;
        return status;
    }
    derive(t);
    return TG_OK;
}

void
tg_keys_table_close(struct tg_keys_table *t)
{
    if (t != NULL) {
        tg_mapped_close(&t->view.file);
        free(t->used);
        free(t);
    }
}

/* ---- room ---- */

bool
tg_keys_table_has_room(const struct tg_keys_table *t,
    const uint8_t digest[TG_SHA256_SIZE], const struct tg_key *key)
{
    return slots_needed(key->plan_count) <= t->free_slots
        && find_spot(t, digest).is_free;
}

bool
tg_keys_table_is_crowded(const struct tg_keys_table *t)
{
    return t->filled > (t->view.mask + 1) / 8 * 5
        || t->free_slots < t->view.slot_count / 8;
}

uint64_t
tg_keys_table_next_capacity(const struct tg_keys_table *t)
{
    uint64_t capacity = (t->view.slot_count - SLOTS_SPARE) / 5 * 4;

    /* Many tombstones ask for a new table, but not for a larger one. */
    if (t->free_slots < t->view.slot_count / 2
        || t->live > (t->view.mask + 1) / 4)
    {
        capacity *= 2;
    }
    return capacity;
}

/* ---- changing ---- */

/* Writes the plans from the last chained slot to the entry; its slot. */
static uint32_t
write_key(struct tg_keys_table *t, const uint8_t digest[TG_SHA256_SIZE],
    const struct tg_key *key)
{
    uint32_t           done = key->plan_count;
    uint32_t           next = 0, head = take_slot(t);
    union tg_keys_slot slot;

    while (done > 1) {
        uint32_t n = (done - 1) % TG_KEYS_CHAINED;

        n = n == 0 ? TG_KEYS_CHAINED : n;
        memset(&slot, 0, sizeof(slot));
        slot.chained.head = head;
        slot.chained.count = n;
        slot.chained.next = next;
        memcpy(slot.chained.plans, &key->plans[done - n],
            n * sizeof(struct tg_key_plan));
        next = take_slot(t);
        write_slot(t, next, &slot);
        done -= n;
    }
    memset(&slot, 0, sizeof(slot));
    memcpy(slot.entry.digest, digest, TG_SHA256_SIZE);
    memcpy(slot.entry.id, key->id, strnlen(key->id, TG_KEY_ID_SIZE));
    slot.entry.enabled = key->enabled;
    slot.entry.plan_count = (uint8_t) key->plan_count;
    if (key->plan_count > 0) {
        slot.entry.plan = key->plans[0];
    }
    slot.entry.next = next;
    write_slot(t, head, &slot);
    return head;
}

void
tg_keys_table_put(struct tg_keys_table *t,
    const uint8_t digest[TG_SHA256_SIZE], const struct tg_key *key)
{
    uint32_t    head, version;
    uint64_t    before;
    struct spot spot = find_spot(t, digest);

    assert(spot.is_free && slots_needed(key->plan_count) <= t->free_slots);
    before = t->view.words[spot.pos];
    head = write_key(t, digest, key);
    version = tg_keys_word_version(before);
    version = version == TG_KEYS_VERSION_MAX ? 1 : version + 1;
    atomic_store_explicit(word_at(t, spot.pos),
        tg_keys_word(tg_keys_tag(digest), version, head),
        memory_order_release);
    atomic_thread_fence(memory_order_seq_cst); /* as in bury */
    if (spot.is_there) {
        each_slot(t, tg_keys_word_index(before), set_free);
    } else {
        t->live++;
        t->filled += before == 0;
    }
}

void
tg_keys_table_remove(struct tg_keys_table *t,
    const uint8_t digest[TG_SHA256_SIZE])
{
    uint64_t    before;
    struct spot spot = find_spot(t, digest);

    if (spot.is_there) {
        before = t->view.words[spot.pos];
        bury(t, spot.pos, before);
        each_slot(t, tg_keys_word_index(before), set_free);
        t->live--;
    }
}

bool
tg_keys_table_next(const struct tg_keys_table *t, uint64_t *pos,
    uint8_t digest[TG_SHA256_SIZE], struct tg_key *out)
{
    while (*pos <= t->view.mask) {
        uint64_t word = t->view.words[(*pos)++];

        memset(out, 0, sizeof(*out));
        if (is_live(word)
            && tg_keys_read(&t->view, tg_keys_word_index(word), digest, out)
                == TG_OK)
        {
            return true;
        }
    }
    return false;
}
