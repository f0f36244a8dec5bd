/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "plane/keys.h"
#include "plane/keys_format.h"

static void
digest_of(uint8_t digest[TG_SHA256_SIZE], uint32_t number)
{
    tg_sha256(digest, &number, sizeof(number));
}

/* A state of a key in which every field follows from number and version. */
static struct tg_key
key_of(uint32_t number, uint32_t version)
{
    struct tg_key key = { .enabled = version % 3 != 0,
        .plan_count = version % (TG_KEY_PLANS_MAX + 1) };

    (void) snprintf(key.id, sizeof(key.id), "k%010u", number);
    for (uint32_t i = 0; i < key.plan_count; i++) {
        key.plans[i] = (struct tg_key_plan){ number + i, version,
            number * 31 + version + i };
    }
    return key;
}

/* Whether a key that was found is one of the states that were written. */
static bool
is_whole(const struct tg_key *key, uint32_t number)
{
    char id[sizeof(key->id)];

    (void) snprintf(id, sizeof(id), "k%010u", number);
    if (strcmp(key->id, id) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < key->plan_count; i++) {
        uint32_t version = key->plans[0].cell;

        if (key->plans[i].plan != number + i
            || key->plans[i].cell != version
            || key->plans[i].owner != number * 31 + version + i
            || key->plan_count != version % (TG_KEY_PLANS_MAX + 1)
            || key->enabled != (version % 3 != 0))
        {
            return false;
        }
    }
    return true;
}

static struct tg_keys_writer *
open_writer(struct place *p, uint64_t capacity)
{
    struct tg_keys_writer *w;

    if (tg_keys_writer_open(&w, p->dir, &p->board, capacity, &p->err)
        != TG_OK)
    {
        fail_msg("%s", p->err.message);
    }
    return w;
}

static struct tg_keys *
open_reader(struct place *p)
{
    struct tg_keys *keys;

    if (tg_keys_open(&keys, p->dir, p->board.page,
            p->board.page->keys_generation, &p->err) != TG_OK)
    {
        fail_msg("%s", p->err.message);
    }
    return keys;
}

static void
put(struct tg_keys_writer *w, uint32_t number, uint32_t version)
{
    uint8_t         digest[TG_SHA256_SIZE];
    struct tg_key   key = key_of(number, version);
    struct tg_error err;

    digest_of(digest, number);
    if (tg_keys_put(w, digest, &key, &err) != TG_OK) {
        fail_msg("%s", err.message);
    }
}

static void
drop(struct tg_keys_writer *w, uint32_t number)
{
    uint8_t digest[TG_SHA256_SIZE];

    digest_of(digest, number);
    assert_int_equal(tg_keys_remove(w, digest, NULL), TG_OK);
}

static void
assert_finds(const struct tg_keys *keys, uint32_t number, uint32_t version)
{
    uint8_t       digest[TG_SHA256_SIZE];
    struct tg_key key, expected = key_of(number, version);

    memset(&key, 0, sizeof(key));
    digest_of(digest, number);
    assert_int_equal(tg_keys_find(keys, digest, &key), TG_OK);
    assert_memory_equal(&key, &expected, sizeof(key));
}

static void
assert_misses(const struct tg_keys *keys, uint32_t number)
{
    uint8_t       digest[TG_SHA256_SIZE];
    struct tg_key key;

    digest_of(digest, number);
    assert_int_equal(tg_keys_find(keys, digest, &key), TG_NOTFOUND);
}

static void
a_change_is_found_at_once(void **state)
{
    struct stat            st;
    struct place          *p = *state;
    struct tg_keys_writer *w = open_writer(p, 10);
    struct tg_keys        *r = open_reader(p);

    assert_int_equal(tg_keys_generation(r), 1);
    assert_misses(r, 1);
    for (uint32_t version = 0; version < 60; version++) { /* Y2 */
        put(w, 1, version);
        assert_finds(r, 1, version);
    }
    assert_int_equal(tg_keys_count(w), 1);
    drop(w, 1);
    drop(w, 1);
    assert_misses(r, 1);
    assert_int_equal(tg_keys_count(w), 0);
    assert_int_equal(stat(place_path(p, "keys.1"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_true(st.st_blocks * 512 >= st.st_size);
    tg_keys_close(r);
    tg_keys_writer_close(w);
    tg_keys_close(NULL);
    tg_keys_writer_close(NULL);
}

/* The look-ahead says no wrong cell, and mostly the right one. */
static void
a_look_ahead_expects_the_cell(void **state)
{
    uint8_t                digest[TG_SHA256_SIZE];
    uint32_t               cell, known = 0;
    struct place          *p = *state;
    struct tg_keys_writer *w = open_writer(p, 1000);
    struct tg_keys        *r = open_reader(p);

    for (uint32_t i = 0; i < 1000; i++) {
        put(w, i, 11 * i + 1); /* one plan, whose cell is the version */
    }
    for (uint32_t i = 0; i < 2000; i++) {
        digest_of(digest, i);
        tg_keys_prefetch_word(r, digest);
        cell = tg_keys_expected_cell(r, tg_keys_prefetch_entry(r, digest));
        assert_true(cell == UINT32_MAX || (i < 1000 && cell == 11 * i + 1));
        known += cell != UINT32_MAX;
    }
    assert_in_range(known, 990, 1000);
    drop(w, 1);
    digest_of(digest, 1);
    assert_int_equal(tg_keys_prefetch_entry(r, digest), UINT32_MAX);
    assert_int_equal(tg_keys_expected_cell(r, UINT32_MAX), UINT32_MAX);
    tg_keys_close(r);
    tg_keys_writer_close(w);
}

static void
the_file_holds_digests_only(void **state)
{
    static const char      secret[] = "AKEYOFTWENTYCHARS1234";
    uint8_t                digest[TG_SHA256_SIZE];
    struct place          *p = *state;
    struct tg_key          key = key_of(1, 1);
    struct tg_keys_writer *w = open_writer(p, 10);
    struct tg_keys        *r = open_reader(p);

    tg_sha256(digest, secret, sizeof(secret) - 1); /* Y3 */
    assert_int_equal(tg_keys_put(w, digest, &key, &p->err), TG_OK);
    assert_null(memmem(r->file.base, r->file.size, secret,
            sizeof(secret) - 1));
    assert_non_null(memmem(r->file.base, r->file.size, digest,
            sizeof(digest)));
    tg_keys_close(r);
    tg_keys_writer_close(w);
}

static void
all_is_there_when_the_writer_comes_back(void **state)
{
    uint8_t                digest[TG_SHA256_SIZE];
    struct tg_key          key, expected;
    struct place          *p = *state;
    struct tg_keys_writer *w = open_writer(p, 10);

    for (uint32_t round = 0; round < 5; round++) { /* Y1 */
        for (uint32_t i = 0; i < 100; i++) {
            put(w, i, round + i);
        }
        for (uint32_t i = 0; i < 100; i += 7) {
            drop(w, i);
        }
        tg_keys_writer_close(w);
        w = open_writer(p, 10);
        assert_int_equal(tg_keys_count(w), 85);
        for (uint32_t i = 0; i < 100; i++) {
            digest_of(digest, i);
            if (i % 7 == 0) {
                assert_int_equal(tg_keys_get(w, digest, &key), TG_NOTFOUND);
                continue;
            }
            expected = key_of(i, round + i);
            assert_int_equal(tg_keys_get(w, digest, &key), TG_OK);
            assert_memory_equal(&key, &expected, sizeof(key));
        }
    }
    tg_keys_writer_close(w);
}

static bool
keep_even(void *data, const uint8_t digest[TG_SHA256_SIZE],
    const struct tg_key *key)
{
    uint8_t   own[TG_SHA256_SIZE];
    uint32_t  number = (uint32_t) atoi(key->id + 1);
    unsigned *visits = data;

    digest_of(own, number);
    assert_memory_equal(own, digest, sizeof(own));
    assert_true(is_whole(key, number));
    (*visits)++;
    return number % 2 == 0;
}

static void
a_sweep_removes_what_it_is_told_to(void **state)
{
    unsigned               visits = 0;
    struct place          *p = *state;
    struct tg_keys_writer *w = open_writer(p, 10);
    struct tg_keys        *r;

    for (uint32_t i = 0; i < 50; i++) {
        put(w, i, i);
    }
    assert_int_equal(tg_keys_sweep(w, keep_even, &visits, &p->err), TG_OK);
    assert_int_equal(visits, 50);
    assert_int_equal(tg_keys_count(w), 25);
    r = open_reader(p);
    assert_finds(r, 8, 8);
    assert_misses(r, 9);
    tg_keys_close(r);
    tg_keys_writer_close(w);
}

static void
too_many_plans_are_refused(void **state)
{
    uint8_t                digest[TG_SHA256_SIZE] = { 1 };
    struct place          *p = *state;
    struct tg_key          key = key_of(1, 1);
    struct tg_keys_writer *w = open_writer(p, 10);

    key.plan_count = TG_KEY_PLANS_MAX + 1;
    assert_int_equal(tg_keys_put(w, digest, &key, &p->err), TG_LIMIT);
    assert_says(&p->err, "k0000000001", "usage plans");
    assert_int_equal(tg_keys_count(w), 0);
    tg_keys_writer_close(w);
}

/* ---- growth ---- */

static void
both_generations_are_written_until_the_row_moves(void **state)
{
    int                    fd;
    uint64_t               generation;
    uint32_t               n = 0;
    struct place          *p = *state;
    struct tg_board_row   *row;
    struct tg_keys_writer *w = open_writer(p, 64);
    struct tg_keys        *older, *newer;

    assert_int_equal(tg_board_row_claim(&row, &fd, &p->board, p->dir, 1, 1,
            &p->err), TG_OK);
    older = open_reader(p);
    row->keys_generation = 1;
    while (p->board.page->keys_generation == 1) {
        put(w, n, 1);
        n++;
        assert_true(n < 1000);
    }
    generation = p->board.page->keys_generation;
    newer = open_reader(p);
    put(w, 5000, 2); /* Y4 */
    put(w, 0, 9);
    drop(w, 1);
    assert_finds(older, 5000, 2);
    assert_finds(newer, 5000, 2);
    assert_finds(older, 0, 9);
    assert_finds(newer, 0, 9);
    assert_misses(older, 1);
    assert_misses(newer, 1);
    for (uint32_t i = 2; i < n; i++) {
        assert_finds(newer, i, 1);
    }
    tg_keys_tick(w);
    assert_int_equal(access(place_path(p, "keys.1"), F_OK), 0);
    row->keys_generation = generation;
    tg_keys_tick(w);
    assert_int_equal(access(place_path(p, "keys.1"), F_OK), -1);
    put(w, 6000, 1);
    assert_misses(older, 6000); /* nobody reads it any more */
    assert_int_equal(close(fd), 0);
    tg_keys_close(older);
    tg_keys_close(newer);
    tg_keys_writer_close(w);
}

static void
a_worker_that_never_moves_stops_growth_not_calls(void **state)
{
    int                    fd;
    uint8_t                digest[TG_SHA256_SIZE];
    uint32_t               n = 0;
    enum tg_status         status;
    struct place          *p = *state;
    struct tg_key          key;
    struct tg_board_row   *row;
    struct tg_keys_writer *w = open_writer(p, 64);
    struct tg_keys        *older;

    assert_int_equal(tg_board_row_claim(&row, &fd, &p->board, p->dir, 1, 1,
            &p->err), TG_OK);
    older = open_reader(p);
    row->keys_generation = 1;
    for (;;) {
        key = key_of(n, 1);
        digest_of(digest, n);
        status = tg_keys_put(w, digest, &key, &p->err);
        if (status != TG_OK) {
            break;
        }
        assert_finds(older, n, 1);
        assert_true(++n < 1000);
    }
    assert_int_equal(status, TG_BUSY);
    assert_says(&p->err, "keys", "has not taken up generation 2");
    assert_misses(older, n); /* nothing has changed */
    assert_int_equal(tg_keys_count(w), n);
    drop(w, 0);
    assert_misses(older, 0);
    assert_int_equal(close(fd), 0); /* it dies: on it goes */
    put(w, n, 1);
    assert_int_equal(tg_keys_count(w), n);
    tg_keys_close(older);
    tg_keys_writer_close(w);
}

/* A daemon killed between the writes to both leaves the older one behind. */
static void
a_new_writer_brings_the_older_generation_up(void **state)
{
    int                    fd;
    uint32_t               n = 0;
    char                   saved[PATH_MAX + 64], command[3 * PATH_MAX];
    struct place          *p = *state;
    struct tg_board_row   *row;
    struct tg_keys_writer *w = open_writer(p, 64);
    struct tg_keys        *older;

    assert_int_equal(tg_board_row_claim(&row, &fd, &p->board, p->dir, 1, 1,
            &p->err), TG_OK);
    row->keys_generation = 1;
    while (p->board.page->keys_generation == 1) {
        put(w, n++, 1);
    }
    (void) snprintf(saved, sizeof(saved), "%s", place_path(p, "saved"));
    (void) snprintf(command, sizeof(command), "cp %s %s",
        place_path(p, "keys.1"), saved);
    assert_int_equal(system(command), 0);
    drop(w, 0);
    put(w, 1, 7);
    put(w, 7000, 3);
    tg_keys_writer_close(w);
    assert_int_equal(rename(saved, place_path(p, "keys.1")), 0);
    assert_int_equal(tg_keys_open(&older, p->dir, p->board.page, 1, &p->err),
        TG_OK);
    assert_finds(older, 0, 1);
    w = open_writer(p, 64);
    assert_misses(older, 0);
    assert_finds(older, 1, 7);
    assert_finds(older, 2, 1);
    assert_finds(older, 7000, 3);
    tg_keys_close(older);
    tg_keys_writer_close(w);
    assert_int_equal(close(fd), 0);
    w = open_writer(p, 64); /* and with no worker left it goes */
    assert_int_equal(access(place_path(p, "keys.1"), F_OK), -1);
    tg_keys_writer_close(w);
}

/* ---- damage ---- */

static void
refuse(struct place *p, enum tg_status status, const char *reason)
{
    struct tg_keys *keys;

    assert_int_equal(tg_keys_open(&keys, p->dir, p->board.page, 1, &p->err),
        status);
    assert_null(keys);
    assert_says(&p->err, "/keys.1", reason);
    if (status == TG_CORRUPT) {
        struct tg_keys_writer *w;

        assert_int_equal(tg_keys_writer_open(&w, p->dir, &p->board, 10,
                &p->err), TG_CORRUPT);
        assert_null(w);
    }
}

static void
a_damaged_table_is_refused_by_name(void **state)
{
    struct place *p = *state;
    const char   *path;

    tg_keys_writer_close(open_writer(p, 10));
    path = place_path(p, "keys.1");
    flip_bit(path, 1, 0);
    refuse(p, TG_CORRUPT, "not a file of this kind");
    flip_bit(path, 1, 0);
    flip_bit(path, offsetof(struct tg_mapped_header, version), 1);
    refuse(p, TG_CORRUPT, "version");
    flip_bit(path, offsetof(struct tg_mapped_header, version), 1);
    flip_bit(path, offsetof(struct tg_mapped_header, shape), 5);
    refuse(p, TG_CORRUPT, "damaged");
    flip_bit(path, offsetof(struct tg_mapped_header, shape), 5);
    p->board.page->file_id[0] ^= 1;
    refuse(p, TG_CORRUPT, "another board");
    p->board.page->file_id[0] ^= 1;
    assert_int_equal(truncate(path, 8192), 0);
    refuse(p, TG_CORRUPT, "truncated");
    assert_int_equal(unlink(path), 0);
    refuse(p, TG_NOTFOUND, "cannot open");
    tg_keys_writer_close(open_writer(p, 10)); /* made anew */
    assert_int_equal(p->board.page->keys_generation, 2);
}

/* The file of the current generation. */
static const char *
current_path(const struct place *p)
{
    char name[32];

    (void) snprintf(name, sizeof(name), "keys.%llu",
        (unsigned long long) p->board.page->keys_generation);
    return place_path(p, name);
}

static void
flip_bits_behind_the_header(struct place *p, const struct tg_keys *r)
{
    const char *path = current_path(p);
    size_t      room = r->file.size - TG_MAPPED_PAGE;

    for (int i = 0; i < 20; i++) {
        flip_bit(path, TG_MAPPED_PAGE + (off_t) ((size_t) random() % room),
            (unsigned) random() % 8);
        for (uint32_t number = 0; number < 50; number++) { /* Y5 */
            uint8_t        digest[TG_SHA256_SIZE];
            enum tg_status status;
            struct tg_key  key;

            digest_of(digest, number);
            status = tg_keys_find(r, digest, &key);
            assert_true(status == TG_OK || status == TG_NOTFOUND
                || status == TG_CORRUPT);
        }
    }
}

static void
a_table_with_flipped_bits_is_mended_from_the_store(void **state)
{
    struct place          *p = *state;
    struct tg_keys        *r;
    struct tg_keys_writer *w = open_writer(p, 64);

    srandom(7);
    for (int round = 0; round < 40; round++) {
        for (uint32_t i = 0; i < 50; i++) {
            put(w, i, i); /* as the comparison at start does; T2 */
        }
        r = open_reader(p);
        for (uint32_t i = 0; i < 50; i++) {
            assert_finds(r, i, i);
        }
        tg_keys_writer_close(w);
        flip_bits_behind_the_header(p, r);
        tg_keys_close(r);
        w = open_writer(p, 64);
    }
    tg_keys_writer_close(w);
}

static int
grow_without_room(void *data)
{
    uint8_t                digest[TG_SHA256_SIZE];
    uint32_t               n = 0;
    enum tg_status         status;
    struct place          *p = data;
    struct tg_key          key;
    struct tg_keys_writer *w = open_writer(p, 64);
    struct tg_keys        *r = open_reader(p);
    struct rlimit          limit = { 4096, 4096 };

    (void) signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) < 0) {
        return 1;
    }
    for (;; n++) {
        key = key_of(n, 1);
        digest_of(digest, n);
        status = tg_keys_put(w, digest, &key, &p->err);
        if (status != TG_OK) {
            break;
        }
        if (n > 1000) {
            return 2;
        }
    }
    if (status != TG_IO || tg_keys_count(w) != n
        || tg_keys_find(r, digest, &key) != TG_NOTFOUND)
    {
        return 3;
    }
    if (access(place_path(p, "keys.2.new"), F_OK) == 0
        || p->board.page->keys_generation != 1)
    {
        return 4;
    }
    put(w, 0, 1); /* what needs no room goes on, to the last slot */
    drop(w, 0);
    return tg_keys_count(w) == n - 1 ? 0 : 5;
}

static void
no_room_on_the_disk_changes_nothing(void **state)
{
    assert_int_equal(in_child(grow_without_room, *state), 0);
}

/* ---- the kill test ---- */

#if defined(__SANITIZE_ADDRESS__)
enum { KILLS = 150 };
#else
enum { KILLS = 1200 };
#endif
enum { KEYS = 90, READERS = 2 };

struct hunt {
    struct place    *place;
    _Atomic bool     is_over;
    _Atomic uint64_t reads, torn;
};

static void
write_until_killed(struct place *p, unsigned seed)
{
    uint8_t                digest[TG_SHA256_SIZE];
    struct tg_key          key;
    struct tg_keys_writer *w;

    srandom(seed);
    if (tg_keys_writer_open(&w, p->dir, &p->board, 64, NULL) != TG_OK) {
        _exit(1);
    }
    for (uint32_t version = seed * 1000;; version++) {
        uint32_t number = (uint32_t) random() % KEYS;

        if (version % 2 == 0) {
            number = KEYS + version % 1024; /* comes and goes: growth */
        }
        digest_of(digest, number);
        key = key_of(number, version);
        if (random() % 4 == 0 || (version & 0x400) != 0) {
            (void) !tg_keys_remove(w, digest, NULL);
        } else {
            (void) !tg_keys_put(w, digest, &key, NULL);
        }
        tg_keys_tick(w);
    }
}

/* A worker: follows the board's generation, and looks keys up. */
static void *
read_until_over(void *data)
{
    int                  fd;
    uint8_t              digests[KEYS][TG_SHA256_SIZE];
    uint64_t             change = 0;
    struct hunt         *h = data;
    struct tg_board     *board = h->place->board.page;
    struct tg_board_row *row;
    struct tg_keys      *keys = NULL;

    for (uint32_t i = 0; i < KEYS; i++) {
        digest_of(digests[i], i);
    }
    if (tg_board_row_claim(&row, &fd, &h->place->board, h->place->dir, 1, 1,
            NULL) != TG_OK)
    {
        h->torn++;
        return NULL;
    }
    for (uint32_t i = 0; !h->is_over; i = (i + 1) % KEYS) {
        struct tg_key  key;
        enum tg_status status;

        if (board->change != change) {
            uint64_t        seen = board->change;
            struct tg_keys *next;

            if (tg_keys_open(&next, h->place->dir, board,
                    board->keys_generation, NULL) == TG_OK)
            {
                tg_keys_close(keys);
                keys = next;
                change = seen;
                row->keys_generation = tg_keys_generation(keys);
            }
        }
        if (keys == NULL) {
            continue;
        }
        status = tg_keys_find(keys, digests[i], &key);
        if (status == TG_CORRUPT || (status == TG_OK && !is_whole(&key, i))) {
            h->torn++;
        }
        h->reads++;
    }
    tg_keys_close(keys);
    (void) close(fd);
    return NULL;
}

/* What a new writer derives is what was there: nothing had to be mended. */
static void
check_soundness(struct place *p)
{
    uint64_t               live = 0;
    struct tg_keys        *r = open_reader(p);
    struct tg_keys_writer *w;

    for (uint64_t i = 0; i <= r->mask; i++) {
        live += r->words[i] != 0
            && tg_keys_word_index(r->words[i]) != TG_KEYS_TOMB;
    }
    w = open_writer(p, 64);
    assert_int_equal(tg_keys_count(w), live);
    tg_keys_writer_close(w);
    tg_keys_close(r);
}

static void
a_killed_writer_leaves_a_valid_table(void **state)
{
    pthread_t    threads[READERS];
    struct place *p = *state;
    struct hunt   h = { .place = p };

    tg_keys_writer_close(open_writer(p, 64));
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_until_over,
                &h), 0);
    }
    srandom(42);
    for (unsigned i = 0; i < KILLS; i++) { /* Y1, Y2, T1 */
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
            write_until_killed(p, i);
        }
        (void) usleep((useconds_t) (random() % 1000));
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        if (i % 10 == 0) {
            check_soundness(p);
        }
    }
    h.is_over = true;
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(h.torn, 0);
    print_message("%d kills, %llu reads, generation %llu\n", KILLS,
        (unsigned long long) h.reads,
        (unsigned long long) p->board.page->keys_generation);
    assert_true(h.reads > KILLS);
}

/* Bytes that say nothing (padding, plans behind the count) do not count. */
static void
entries_are_the_same_if_they_say_the_same(void **state)
{
    struct tg_key a, b;

    (void) state;
    memset(&a, 0, sizeof(a));
    memset(&b, 0xff, sizeof(b));
    strcpy(a.id, "key1");
    strcpy(b.id, "key1");
    a.enabled = b.enabled = true;
    a.plan_count = b.plan_count = 1;
    a.plans[0] = b.plans[0] = (struct tg_key_plan) { .plan = 1, .cell = 2,
        .owner = 3 };
    assert_true(tg_key_is_same(&a, &b));
    b.plans[0].owner = 4;
    assert_false(tg_key_is_same(&a, &b));
    b.plans[0].owner = 3;
    b.enabled = false;
    assert_false(tg_key_is_same(&a, &b));
    b.enabled = true;
    b.plan_count = 0;
    assert_false(tg_key_is_same(&a, &b));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_the_same_if_they_say_the_same),
        PLACE_TEST(a_change_is_found_at_once),
        PLACE_TEST(a_look_ahead_expects_the_cell),
        PLACE_TEST(the_file_holds_digests_only),
        PLACE_TEST(all_is_there_when_the_writer_comes_back),
        PLACE_TEST(a_sweep_removes_what_it_is_told_to),
        PLACE_TEST(too_many_plans_are_refused),
        PLACE_TEST(both_generations_are_written_until_the_row_moves),
        PLACE_TEST(a_worker_that_never_moves_stops_growth_not_calls),
        PLACE_TEST(a_new_writer_brings_the_older_generation_up),
        PLACE_TEST(a_damaged_table_is_refused_by_name),
        PLACE_TEST(a_table_with_flipped_bits_is_mended_from_the_store),
        PLACE_TEST(no_room_on_the_disk_changes_nothing),
        PLACE_TEST(a_killed_writer_leaves_a_valid_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
