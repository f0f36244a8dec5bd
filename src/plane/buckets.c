/*
 * buckets.c - the file of shared and keyed buckets
 *
 * An entry of the table is {tag, time}.  With TG_BUCKET_MOVED in it the time
 * is no time but a claim: {row 8, number 30, moment 25}, which nobody else
 * makes in the same way, so that a claim is confirmed by its own maker or not
 * at all.  Whoever meets another's claim of his own tag waits a few
 * instructions for it to be confirmed and then takes it away.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "plane/buckets.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "plane/mapped.h"

#define BUCKETS_MAGIC "TGBUCKT"
#define BUCKETS_MODE 0660

#define ROUNDS_MAX 256 /* with others at the same set, all the time */
#define PATIENCE 200   /* loads of a claim, before it is taken away */
#define PROBES_MAX 1024

#define MOMENT_BITS 25
#define NUMBER_BITS 30
#define MOMENT_SHIFT 27 /* 2^27 ns: a seventh of a second */
#define MOMENT_MASK ((UINT64_C(1) << MOMENT_BITS) - 1)
#define NUMBER_MASK ((UINT64_C(1) << NUMBER_BITS) - 1)
#define CLAIM_MOMENTS_MAX 15 /* two seconds: its maker has gone */

struct entry {
    _Alignas(16) _Atomic uint64_t tag; /* 0: free */
    _Atomic uint64_t tat;
};

/* An entry's two words as they were at a moment, or will be. */
struct pair {
    _Alignas(16) uint64_t tag;
    uint64_t tat;
};

struct set {
    _Alignas(64) struct entry entries[TG_BUCKETS_WAYS];
};

/* tat is the workers'; the rest is the daemon's alone. */
struct shared {
    _Alignas(64) _Atomic uint64_t tat;
    uint64_t                  generation; /* the last one that names it */
    struct tg_method_identity method;     /* {0, 0}: never used */
};

struct file {
    uint8_t       header[TG_MAPPED_PAGE];
    struct tg_refusals refusals[TG_BOARD_ROWS];
    struct shared shared[TG_BUCKETS_SHARED];
    struct set    sets[TG_BUCKETS_SETS];
};

_Static_assert(sizeof(struct set) == 128, "two cache lines");
_Static_assert(sizeof(struct shared) == 64, "a cache line");
_Static_assert(sizeof(struct tg_refusals) == 64, "a cache line");

struct tg_buckets {
    struct tg_mapped       mapped;
    struct file           *file;
    const struct tg_board_map *owner; /* daemon's; NULL in a worker */
    uint64_t               claims; /* that this handle has made */
    unsigned               row;
};

/* ---- two words at once ---- */

__extension__ typedef unsigned __int128 wide __attribute__((may_alias));

/* On failure *seen is what stood there. */
static bool
swap_pair(struct entry *entry, struct pair *seen, struct pair next)
{
    wide expected, wanted, found;

    memcpy(&expected, seen, sizeof(expected));
    memcpy(&wanted, &next, sizeof(wanted));
    found = __sync_val_compare_and_swap((wide *) (void *) entry, expected,
        wanted);
    if (found == expected) {
        return true;
    }
    memcpy(seen, &found, sizeof(found));
    return false;
}

/*
 * The words may be of different moments: who relies on both has to swap them,
 * which fails then.
 */
static struct pair
load_pair(const struct entry *entry)
{
    struct pair p;

    p.tag = atomic_load_explicit(&entry->tag, memory_order_acquire);
    p.tat = atomic_load_explicit(&entry->tat, memory_order_acquire);
    return p;
}

/* ---- keyed buckets ---- */

uint64_t
tg_buckets_tag(uint64_t key, uint64_t method)
{
    /* The key's part is of a SHA-256; this mixes the method's into it. */
    uint64_t tag = key ^ method * UINT64_C(0x9e3779b97f4a7c15);

    tag = (tag ^ tag >> 32) * UINT64_C(0xd6e8feb86659fd93);
    tag ^= tag >> 32;
    return tag != 0 ? tag : 1;
}

static bool
is_claim(uint64_t tat)
{
    return (tat & TG_BUCKET_MOVED) != 0;
}

static uint64_t
make_claim(struct tg_buckets *b, uint64_t now_ns)
{
    return TG_BUCKET_MOVED
        | (uint64_t) b->row << (NUMBER_BITS + MOMENT_BITS)
        | (++b->claims & NUMBER_MASK) << MOMENT_BITS
        | (now_ns >> MOMENT_SHIFT & MOMENT_MASK);
}

/* B2 */
static bool
has_room(struct pair p, uint64_t now_ns)
{
    uint64_t age;

    if (p.tag == 0) {
        return true;
    }
    if (!is_claim(p.tat)) {
        return p.tat + TG_BUCKET_SKEW_NS <= now_ns;
    }
    age = ((now_ns >> MOMENT_SHIFT) - p.tat) & MOMENT_MASK;
    return age > CLAIM_MOMENTS_MAX && age < MOMENT_MASK / 2;
}

/* Another's claim of our tag: gives its maker time, then ends it. */
static void
end_claim(struct entry *entry, struct pair claim)
{
    for (int i = 0; i < PATIENCE; i++) {
        if (atomic_load_explicit(&entry->tat, memory_order_acquire)
            != claim.tat)
        {
            return;
        }
    }
    (void) swap_pair(entry, &claim, (struct pair) {0, 0});
}

/*
 * B1: whether no other entry of the set has our tag, now that our claim
 * stands in `own'.  Claims that are there are ended first.
 */
static bool
is_only(struct set *set, struct entry *own, uint64_t tag)
{
    for (int i = 0; i < TG_BUCKETS_WAYS; i++) {
        struct entry *other = &set->entries[i];
        struct pair   p = load_pair(other);

        while (other != own && p.tag == tag) {
            if (!is_claim(p.tat)) {
                return false;
            }
            if (swap_pair(other, &p, (struct pair) {0, 0})) {
                break;
            }
        }
    }
    return true;
}

/* Makes a bucket with this first time; false: somebody came between. */
static bool
claim(struct tg_buckets *b, struct set *set, struct entry *entry,
    struct pair room, uint64_t tag, uint64_t now_ns, uint64_t first)
{
    struct pair mine = {tag, make_claim(b, now_ns)};

    if (!swap_pair(entry, &room, mine)) {
        return false;
    }
    if (!is_only(set, entry, tag)) {
        (void) swap_pair(entry, &mine, (struct pair) {0, 0});
        return false;
    }
    return swap_pair(entry, &mine, (struct pair) {tag, first});
}

/* The entry of tag, or NULL and the first that has room (or NULL). */
static struct entry *
look_up(struct set *set, uint64_t tag, uint64_t now_ns, struct pair *seen,
    struct entry **room)
{
    struct pair p;

    *room = NULL;
    for (int i = 0; i < TG_BUCKETS_WAYS; i++) {
        p = load_pair(&set->entries[i]);
        if (p.tag == tag) {
            *seen = p;
            return &set->entries[i];
        }
        if (*room == NULL && has_room(p, now_ns)) {
            *room = &set->entries[i];
            *seen = p;
        }
    }
    return NULL;
}

enum tg_status
tg_buckets_take(struct tg_buckets *b, uint64_t tag,
    struct tg_bucket_limit limit, uint64_t now_ns,
    struct tg_keyed_token *token)
{
    uint64_t       next;
    struct set    *set = &b->file->sets[(tag >> 32) % TG_BUCKETS_SETS];
    struct pair    seen = {0, 0};
    struct entry  *entry, *room;
    enum tg_status status;

    for (int i = 0; i < ROUNDS_MAX; i++) {
        entry = look_up(set, tag, now_ns, &seen, &room);
        if (entry != NULL && is_claim(seen.tat)) {
            end_claim(entry, seen);
            continue;
        }
        status = tg_bucket_next(entry != NULL ? seen.tat : 0, limit, now_ns,
            &next);
        if (entry == NULL && status == TG_OK && room == NULL) {
            return TG_BUSY;
        }
        if (entry == NULL ? status != TG_OK : next == seen.tat) {
            return status;
        }
        if (entry != NULL ? swap_pair(entry, &seen, (struct pair) {tag, next})
                : claim(b, set, room, seen, tag, now_ns, next))
        {
            token->entry = entry != NULL ? entry : room;
            token->tag = tag;
            token->taken = next;
            token->before = entry != NULL ? seen.tat : 0;
            return status;
        }
    }
    return TG_BUSY;
}

void
tg_buckets_give_back(struct tg_keyed_token *token)
{
    struct pair seen = {token->tag, token->taken};

    if (token->entry != NULL) {
        (void) swap_pair(token->entry, &seen,
            (struct pair) {token->tag, token->before});
        token->entry = NULL;
    }
}

/* ---- shared buckets ---- */

struct tg_method_identity
tg_method_identity_make(const char *api_id, const char *stage,
    const char *path, const char *verb)
{
    uint8_t                   digests[4][TG_SHA256_SIZE];
    uint8_t                   digest[TG_SHA256_SIZE];
    const char *const         parts[4] = {api_id, stage, path, verb};
    struct tg_method_identity out;

    for (int i = 0; i < 4; i++) {
        tg_sha256(digests[i], parts[i], strlen(parts[i]));
    }
    tg_sha256(digest, digests, sizeof(digests));
    memcpy(&out, digest, sizeof(out));
    out.word[0] |= out.word[0] == 0;
    return out;
}

_Atomic uint64_t *
tg_buckets_shared(const struct tg_buckets *b, uint32_t slot)
{
    return slot < TG_BUCKETS_SHARED ? &b->file->shared[slot].tat : NULL;
}

/* B4 */
static bool
is_free(const struct tg_buckets *b, const struct shared *s,
    uint64_t oldest_generation, uint64_t now_ns)
{
    if (s->method.word[0] == 0) {
        return true;
    }
    return b->owner != NULL && s->generation < oldest_generation
        && atomic_load(&s->tat) + TG_BUCKET_SKEW_NS <= now_ns;
}

/* No worker uses a routes file before this one, or can be about to. */
static uint64_t
oldest_routes(const struct tg_board_map *map)
{
    uint64_t current = map->page->routes_generation;
    uint64_t oldest = current > 1 ? current - 1 : 0;

    for (unsigned i = 0; i < TG_BOARD_ROWS; i++) {
        uint64_t generation = map->page->rows[i].routes_generation;

        if (generation != 0 && generation < oldest
            && tg_board_row_is_alive(map, i))
        {
            oldest = generation;
        }
    }
    return oldest;
}

enum tg_status
tg_buckets_assign(struct tg_buckets *b,
    const struct tg_method_identity *method, uint64_t generation,
    uint64_t now_ns, uint32_t *slot, struct tg_error *err)
{
    uint32_t home = (uint32_t) (method->word[1] % TG_BUCKETS_SHARED);
    uint64_t oldest = oldest_routes(b->owner);

    *slot = UINT32_MAX;
    for (uint32_t i = 0; i < PROBES_MAX; i++) {
        uint32_t       at = (home + i) % TG_BUCKETS_SHARED;
        struct shared *s = &b->file->shared[at];

        if (s->method.word[0] == method->word[0]
            && s->method.word[1] == method->word[1])
        {
            *slot = at;
            s->generation = generation;
            return TG_OK;
        }
        if (*slot == UINT32_MAX && is_free(b, s, oldest, now_ns)) {
            *slot = at;
        }
        if (s->method.word[0] == 0) {
            break; /* nothing was ever put further on */
        }
    }
    if (*slot == UINT32_MAX) {
        return tg_error_set(err, TG_LIMIT, "no bucket is free for one more "
            "throttled method: all stages together can have about %d",
            TG_BUCKETS_SHARED / 2);
    }
    atomic_store(&b->file->shared[*slot].tat, 0);
    b->file->shared[*slot].generation = generation;
    b->file->shared[*slot].method = *method;
    return TG_OK;
}

/* ---- what was refused ---- */

struct tg_refusals *
tg_buckets_refusals(const struct tg_buckets *b)
{
    return &b->file->refusals[b->row];
}

void
tg_buckets_refused(const struct tg_buckets *b, struct tg_refusals *sum)
{
    memset(sum, 0, sizeof(*sum));
    for (int i = 0; i < TG_BOARD_ROWS; i++) {
        const struct tg_refusals *row = &b->file->refusals[i];

        sum->by_plan += row->by_plan;
        sum->by_stage += row->by_stage;
        sum->by_account += row->by_account;
        sum->by_quota += row->by_quota;
        sum->no_room += row->no_room;
    }
}

/* ---- the file ---- */

static enum tg_status
open_file(struct tg_buckets **out, const char *state_dir,
    const struct tg_board *board, bool is_owner, struct tg_error *err)
{
    char                    path[PATH_MAX];
    enum tg_status          status;
    struct tg_buckets      *b = calloc(1, sizeof(*b));
    struct tg_mapped_header expected;

    *out = NULL;
    if (b == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    status = tg_mapped_path(path, state_dir, "buckets", 0, err);
    if (status == TG_OK) {
        tg_mapped_header_init(&expected, BUCKETS_MAGIC, 0, board->file_id);
        status = tg_mapped_open(&b->mapped, path, &expected, true, is_owner,
            err);
    }
    if (status == TG_OK && b->mapped.size != sizeof(struct file)) {
        status = tg_error_set(err, TG_CORRUPT, "%s has another number of"
            " buckets than this program", path);
    }
    if (status != TG_OK) {
        tg_buckets_close(b);
        return status;
    }
    b->file = (struct file *) (void *) b->mapped.base;
    *out = b;
    return TG_OK;
}

enum tg_status
tg_buckets_open(struct tg_buckets **out, const char *state_dir,
    const struct tg_board *board, unsigned row, struct tg_error *err)
{
    enum tg_status status = open_file(out, state_dir, board, false, err);

    if (status == TG_OK) {
        (*out)->row = row % TG_BOARD_ROWS;
    }
    return status;
}

/* All buckets full; what lies there under this name is of another board. */
static enum tg_status
make_file(const char *state_dir, struct tg_board_map *board,
    struct tg_error *err)
{
    char                    path[PATH_MAX];
    enum tg_status          status;
    struct tg_mapped        made = {0};
    struct tg_mapped_header header;

    status = tg_mapped_path(path, state_dir, "buckets", 0, err);
    if (status == TG_OK) {
        tg_mapped_header_init(&header, BUCKETS_MAGIC, 0,
            board->page->file_id);
        status = tg_mapped_make(&made, path, &header, sizeof(struct file),
            BUCKETS_MODE, err);
    }
    if (status == TG_OK) {
        status = tg_mapped_name(&made, path, err);
    }
    tg_mapped_close(&made);
    return status == TG_OK
        ? tg_board_move(board, &board->page->has_buckets, 1, err) : status;
}

enum tg_status
tg_buckets_create(struct tg_buckets **out, const char *state_dir,
    struct tg_board_map *board, struct tg_error *err)
{
    enum tg_status status = TG_OK;

    *out = NULL;
    if (board->page->has_buckets == 0) {
        status = make_file(state_dir, board, err);
    }
    if (status == TG_OK) {
        status = open_file(out, state_dir, board->page, true, err);
    }
    if (status == TG_OK) {
        (*out)->owner = board;
    }
    return status;
}

void
tg_buckets_close(struct tg_buckets *b)
{
    if (b != NULL) {
        tg_mapped_close(&b->mapped);
        free(b);
    }
}
