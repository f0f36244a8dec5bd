/*
 * keys.c - the worker's side of the keys table
 *
 * A look-up takes the word, copies the entry, and takes the word again: if it
 * is the same, what was copied is one state of the key (E1).  No lock, no
 * system call, no memory beyond the caller's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "plane/keys.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

#include "plane/keys_format.h"

/* Most keys stand in the cache line of their home, or in the next. */
#define EXPECTED_PROBES 8

/* A writer would have to change this very key at each of them. */
#define RETRIES 1000

static void
copy_slot(union tg_keys_slot *out, const union tg_keys_slot *from)
{
    for (unsigned i = 0; i < 8; i++) {
        out->plain[i] = atomic_load_explicit(&from->shared[i],
            memory_order_relaxed);
    }
}

/* Plans behind the first, from the chain of the entry in slot head. */
static enum tg_status
read_chain(const struct tg_keys *keys, uint32_t head, uint32_t next,
    struct tg_key *out)
{
    uint32_t           n = 1;
    union tg_keys_slot slot;

    while (n < out->plan_count) {
        if (next >= keys->slot_count) {
            return TG_CORRUPT;
        }
        copy_slot(&slot, &keys->slots[next]);
        if (slot.chained.head != head || slot.chained.count == 0
            || slot.chained.count > TG_KEYS_CHAINED
            || slot.chained.count > out->plan_count - n)
        {
            return TG_CORRUPT;
        }
        memcpy(&out->plans[n], slot.chained.plans,
            slot.chained.count * sizeof(struct tg_key_plan));
        n += slot.chained.count;
        next = slot.chained.next;
    }
    return TG_OK;
}

enum tg_status
tg_keys_read(const struct tg_keys *keys, uint32_t index,
    uint8_t digest[TG_SHA256_SIZE], struct tg_key *out)
{
    union tg_keys_slot slot;

    if (index >= keys->slot_count) {
        return TG_CORRUPT;
    }
    copy_slot(&slot, &keys->slots[index]);
    memcpy(digest, slot.entry.digest, TG_SHA256_SIZE);
    memcpy(out->id, slot.entry.id, TG_KEY_ID_SIZE);
    out->id[TG_KEY_ID_SIZE] = '\0';
    out->enabled = slot.entry.enabled != 0;
    out->plan_count = slot.entry.plan_count;
    if (out->plan_count > TG_KEY_PLANS_MAX) {
        return TG_CORRUPT;
    }
    if (out->plan_count == 0) {
        return TG_OK;
    }
    out->plans[0] = slot.entry.plan;
    return read_chain(keys, index, slot.entry.next, out);
}

/* What the word at pos says of the key: TG_NOTFOUND, it is another's. */
static enum tg_status
look_at(const struct tg_keys *keys, uint64_t pos, uint64_t *word,
    const uint8_t digest[TG_SHA256_SIZE], struct tg_key *out)
{
    uint8_t        found[TG_SHA256_SIZE];
    uint32_t       tag = tg_keys_tag(digest);
    enum tg_status status;

    for (unsigned i = 0; i < RETRIES; i++) {
        *word = atomic_load_explicit(&keys->words[pos],
            memory_order_acquire);
        if (tg_keys_word_index(*word) == TG_KEYS_TOMB || *word == 0
            || tg_keys_word_tag(*word) != tag)
        {
            return TG_NOTFOUND;
        }
        status = tg_keys_read(keys, tg_keys_word_index(*word), found, out);
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&keys->words[pos], memory_order_relaxed)
            == *word)
        {
            return status == TG_OK
                    && memcmp(found, digest, TG_SHA256_SIZE) != 0
                ? TG_NOTFOUND : status;
        }
    }
    return TG_CORRUPT;
}

bool
tg_key_is_same(const struct tg_key *a, const struct tg_key *b)
{
    if (strcmp(a->id, b->id) != 0 || a->enabled != b->enabled
        || a->plan_count != b->plan_count)
    {
        return false;
    }
    for (uint32_t i = 0; i < a->plan_count; i++) {
        if (a->plans[i].plan != b->plans[i].plan
            || a->plans[i].cell != b->plans[i].cell
            || a->plans[i].owner != b->plans[i].owner)
        {
            return false;
        }
    }
    return true;
}

enum tg_status
tg_keys_find(const struct tg_keys *keys,
    const uint8_t digest[TG_SHA256_SIZE], struct tg_key *out)
{
    uint64_t word;
    uint64_t home = tg_keys_home(digest);

    for (uint64_t i = 0; i < TG_KEYS_PROBES && i <= keys->mask; i++) {
        enum tg_status status = look_at(keys, (home + i) & keys->mask, &word,
            digest, out);

        if (status != TG_NOTFOUND || word == 0) {
            return status;
        }
    }
    return TG_NOTFOUND;
}

void
tg_keys_prefetch_word(const struct tg_keys *keys,
    const uint8_t digest[TG_SHA256_SIZE])
{
    __builtin_prefetch((const void *) &keys->words[tg_keys_home(digest)
        & keys->mask]);
}

uint32_t
tg_keys_prefetch_entry(const struct tg_keys *keys,
    const uint8_t digest[TG_SHA256_SIZE])
{
    uint32_t tag = tg_keys_tag(digest);
    uint64_t home = tg_keys_home(digest);

    for (uint64_t i = 0; i < EXPECTED_PROBES; i++) {
        uint64_t word = atomic_load_explicit(
            &keys->words[(home + i) & keys->mask], memory_order_relaxed);
        uint32_t index = tg_keys_word_index(word);

        if (word == 0) {
            break;
        }
        if (tg_keys_word_tag(word) == tag && index < keys->slot_count) {
            __builtin_prefetch(&keys->slots[index]);
            return index;
        }
    }
    return UINT32_MAX;
}

uint32_t
tg_keys_expected_cell(const struct tg_keys *keys, uint32_t slot)
{
    union tg_keys_slot entry;
    const size_t       part = offsetof(struct tg_keys_entry, plan.cell)
        / sizeof(uint64_t);

    if (slot >= keys->slot_count) {
        return UINT32_MAX;
    }
    entry.plain[part] = atomic_load_explicit(&keys->slots[slot].shared[part],
        memory_order_relaxed);
    return entry.entry.plan.cell;
}

enum tg_status
tg_keys_view(struct tg_keys *keys, const char *path, struct tg_error *err)
{
    const struct tg_mapped_header *h =
        (const struct tg_mapped_header *) (const void *) keys->file.base;
    uint64_t words = h->shape[0];
    uint64_t slots = h->shape[1];

    if (words < 8 || words > (UINT64_C(1) << 32) || (words & (words - 1)) != 0
        || slots == 0 || slots >= TG_KEYS_TOMB
        || keys->file.size != tg_keys_file_size(words, slots))
    {
        return tg_error_set(err, TG_CORRUPT, "%s has %" PRIu64 " words and"
            " %" PRIu64 " slots, which does not fit its size", path, words,
            slots);
    }
    keys->words = (const _Atomic uint64_t *) (const void *)
        (keys->file.base + TG_MAPPED_PAGE);
    keys->slots = (const union tg_keys_slot *) (const void *)
        (keys->file.base + TG_MAPPED_PAGE + words * sizeof(uint64_t));
    keys->mask = words - 1;
    keys->slot_count = (uint32_t) slots;
    keys->generation = h->number;
    return TG_OK;
}

enum tg_status
tg_keys_open(struct tg_keys **out, const char *state_dir,
    const struct tg_board *board, uint64_t generation, struct tg_error *err)
{
    char                    path[PATH_MAX];
    enum tg_status          status;
    struct tg_keys         *keys;
    struct tg_mapped_header expected;

    *out = NULL;
    status = tg_mapped_path(path, state_dir, "keys", generation, err);
    if (status != TG_OK) {
        return status;
    }
    keys = calloc(1, sizeof(*keys));
    if (keys == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    tg_mapped_header_init(&expected, TG_KEYS_MAGIC, generation,
        board->file_id);
    status = tg_mapped_open(&keys->file, path, &expected, false, false, err);
    if (status == TG_OK) {
        status = tg_keys_view(keys, path, err);
    }
    if (status != TG_OK) {
        tg_keys_close(keys);
        return status;
    }
    *out = keys;
    return TG_OK;
}

void
tg_keys_close(struct tg_keys *keys)
{
    if (keys != NULL) {
        tg_mapped_close(&keys->file);
        free(keys);
    }
}

uint64_t
tg_keys_generation(const struct tg_keys *keys)
{
    return keys->generation;
}
