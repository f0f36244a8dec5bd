/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "plane/key_limits.h"

#define DAY tg_quota_period_at(TG_QUOTA_DAY, 0, INT64_C(1795392000))
#define NOW_NS (UINT64_C(1795392000) * 1000000000)

static struct tg_meters *
create(struct place *p)
{
    struct tg_meters *m;

    assert_int_equal(tg_meters_create(&m, p->dir, &p->board, &p->err),
        TG_OK);
    return m;
}

/* As the daemon does when a key gets another slot. */
static void
move(struct tg_meters *m, uint32_t from, uint32_t to)
{
    tg_key_limits_await(m, from, to);
    assert_int_equal(tg_key_limits_move(m, to), TG_OK);
}

static void
who_comes_by_the_old_cell_is_sent_on(void **state)
{
    uint32_t              charged;
    uint64_t              taken, before;
    struct place         *p = *state;
    struct tg_meters     *m = create(p);
    uint32_t              slot = 1;
    struct tg_meter_cell *old = tg_meters_cell(m, 1), *last;
    struct tg_bucket_limit limit = tg_bucket_limit_make(1, 5);

    for (int i = 0; i < 3; i++) { /* L1 */
        assert_int_equal(tg_key_limits_take_quota(m, &slot, 5, DAY,
                NULL, &charged),
            TG_OK);
        assert_int_equal(tg_key_limits_take_token(m, &slot, limit, NOW_NS,
            &taken, &before), TG_OK);
        assert_int_equal(slot, 1);
    }
    move(m, 1, 2);
    move(m, 2, 3);
    assert_int_equal(tg_quota_used(atomic_load(&old->used), DAY), 3);
    for (int i = 0; i < 2; i++) {
        slot = 1;
        assert_int_equal(tg_key_limits_take_quota(m, &slot, 5, DAY,
                NULL, &charged),
            TG_OK);
        assert_int_equal(slot, 3);
        slot = 1;
        assert_int_equal(tg_key_limits_take_token(m, &slot, limit, NOW_NS,
            &taken, &before), TG_OK);
        assert_int_equal(slot, 3);
    }
    slot = 1;
    assert_int_equal(tg_key_limits_take_quota(m, &slot, 5, DAY,
            NULL, &charged),
        TG_LIMIT);
    assert_int_equal(tg_key_limits_take_token(m, &slot, limit, NOW_NS, &taken,
        &before), TG_LIMIT);
    tg_key_limits_give_back_quota(m, 1, DAY);
    last = tg_meters_cell(m, 3);
    assert_int_equal(tg_quota_used(atomic_load(&last->used), DAY), 4);
    assert_int_equal(tg_quota_used(atomic_load(&old->used), DAY), 3);
    tg_meters_close(m);
}

/* L2: the daemon died before it moved; a worker finds the words awaited. */
static void
a_worker_moves_what_it_finds_awaited(void **state)
{
    uint32_t              charged;
    uint64_t              taken, before;
    struct place         *p = *state;
    struct tg_meters     *m = create(p);
    uint32_t              slot = 3;
    struct tg_meter_cell *cell = tg_meters_cell(m, 3);

    atomic_store(&tg_meters_cell(m, 1)->used, tg_quota_word(DAY, 7));
    atomic_store(&tg_meters_cell(m, 1)->tat, 1234);
    tg_key_limits_await(m, 1, 2);
    tg_key_limits_await(m, 2, 3); /* both died there */
    assert_int_equal(tg_key_limits_take_quota(m, &slot, 8, DAY,
            NULL, &charged),
        TG_OK);
    assert_true(atomic_load(&cell->used) == tg_quota_word(DAY, 8));
    assert_int_equal(atomic_load(&cell->tat), 1234);
    assert_int_equal(tg_key_limits_move(m, 3), TG_OK); /* may be repeated */
    assert_true(atomic_load(&cell->used) == tg_quota_word(DAY, 8));
    tg_key_limits_await(m, 3, 4);
    slot = 4;
    cell = tg_meters_cell(m, 4);
    assert_int_equal(tg_key_limits_take_token(m, &slot,
        tg_bucket_limit_make(1, 1), NOW_NS, &taken, &before), TG_OK);
    assert_true(atomic_load(&cell->used) == tg_quota_word(DAY, 8));
    tg_key_limits_give_back_quota(m, slot, DAY);
    assert_true(atomic_load(&cell->used) == tg_quota_word(DAY, 7));
    tg_meters_close(m);
}

static void
words_that_lead_nowhere_refuse(void **state)
{
    uint32_t              charged;
    uint64_t              taken, before;
    struct place         *p = *state;
    struct tg_meters     *m = create(p);
    uint32_t              slot = 1;
    struct tg_meter_cell *one = tg_meters_cell(m, 1);

    atomic_store(&tg_meters_move(m, 1)->next, 1); /* round and round */
    atomic_store(&one->used, TG_QUOTA_MOVED);
    atomic_store(&one->tat, TG_BUCKET_MOVED);
    assert_int_equal(tg_key_limits_take_quota(m, &slot, 8, DAY,
            NULL, &charged),
        TG_CORRUPT);
    assert_int_equal(tg_key_limits_take_token(m, &slot,
        tg_bucket_limit_make(1, 1), NOW_NS, &taken, &before), TG_CORRUPT);
    atomic_store(&tg_meters_move(m, 1)->next, TG_METER_NONE); /* in no file */
    assert_int_equal(tg_key_limits_take_quota(m, &slot, 8, DAY,
            NULL, &charged),
        TG_CORRUPT);
    tg_key_limits_give_back_quota(m, 1, DAY);
    tg_key_limits_await(m, 1, 1); /* of itself */
    assert_int_equal(tg_key_limits_take_quota(m, &slot, 8, DAY,
            NULL, &charged),
        TG_CORRUPT);
    assert_int_equal(tg_key_limits_move(m, TG_METER_NONE), TG_CORRUPT);
    tg_key_limits_await(m, 2, 3); /* of each other */
    tg_key_limits_await(m, 3, 2);
    slot = 2;
    assert_int_equal(tg_key_limits_take_quota(m, &slot, 8, DAY,
            NULL, &charged),
        TG_CORRUPT);
    tg_meters_close(m);
}

/* L3: the next slot is in a piece that this worker has not mapped yet. */
static void
a_worker_maps_the_piece_that_it_is_sent_to(void **state)
{
    uint32_t              charged;
    struct place         *p = *state;
    struct tg_meters     *m = create(p), *worker;
    uint32_t              slot = 1;

    assert_int_equal(tg_meters_open(&worker, p->dir, p->board.page, &p->err),
        TG_OK);
    assert_int_equal(tg_meters_grow(m, &p->err), TG_OK);
    atomic_store(&tg_meters_cell(m, 1)->used, tg_quota_word(DAY, 7));
    move(m, 1, TG_METER_PIECE + 5);
    assert_int_equal(tg_key_limits_take_quota(worker, &slot, 8, DAY,
            NULL, &charged),
        TG_OK);
    assert_int_equal(slot, TG_METER_PIECE + 5);
    assert_true(atomic_load(&tg_meters_cell(m, TG_METER_PIECE + 5)->used)
        == tg_quota_word(DAY, 8));
    tg_meters_close(worker);
    tg_meters_close(m);
}

/*
 * ---- against each other
 */

#define LIMIT 60000
#define MOVES 4000
#define TAKERS 4

/* What the takers and the mover share: the key's entry, and the store. */
struct scene {
    _Atomic uint32_t entry;  /* the slot that a look-up finds */
    _Atomic uint32_t bound;  /* the slot that the store has committed */
    _Atomic uint32_t former; /* and where its words come from */
    _Atomic uint32_t is_ready, is_over;
    _Atomic uint64_t admitted, tokens;
};

struct taker {
    struct scene     *s;
    struct tg_meters *m;
};

/* The steps of a change, from any of which a mover may have died. */
static void
publish(struct scene *s, struct tg_meters *m)
{
    uint32_t              from = s->former, to = s->bound;
    struct tg_meter_cell *cell = tg_meters_cell(m, to);

    if (atomic_load(&cell->owner) == 0) {
        tg_key_limits_await(m, from, to);
        atomic_store(&cell->owner, 1);
    }
    assert_int_equal(tg_key_limits_move(m, to), TG_OK);
    s->entry = to;
}

static void
rebind(struct scene *s, struct tg_meters *m)
{
    publish(s, m);
    s->former = s->bound;
    s->bound++; /* the store's commit */
    publish(s, m);
}

/*
 * Calls as fast as they go until nothing is left: one in eight is refused
 * later and gives its unit back.
 */
static void
take_all(struct scene *s, struct tg_meters *m)
{
    uint32_t               charged;
    uint64_t               taken, before;
    struct tg_bucket_limit limit = tg_bucket_limit_make(1e-3, LIMIT);

    s->is_ready++;
    for (unsigned i = 0, refused = 0; refused < 2000 || !s->is_over; i++) {
        uint32_t entry = s->entry, slot = entry;

        if (tg_key_limits_take_token(m, &slot, limit, NOW_NS, &taken, &before)
            == TG_OK)
        {
            s->tokens++;
        }
        slot = entry;
        if (tg_key_limits_take_quota(m, &slot, LIMIT, DAY, NULL, &charged)
            != TG_OK)
        {
            refused++;
            continue;
        }
        refused = 0;
        if (i % 8 == 0) {
            tg_key_limits_give_back_quota(m, entry, charged);
        } else {
            s->admitted++;
        }
    }
}

static void *
taker_thread(void *data)
{
    struct taker *t = data;

    take_all(t->s, t->m);
    return NULL;
}

static void
start_scene(struct scene *s, struct tg_meters *m)
{
    memset(s, 0, sizeof(*s));
    s->entry = s->bound = 1;
    atomic_store(&tg_meters_cell(m, 1)->owner, 1);
}

static void
assert_exact(const struct scene *s, struct tg_meters *m)
{
    struct tg_meter_cell *last = tg_meters_cell(m, s->entry);

    assert_int_equal(s->admitted, LIMIT);
    assert_int_equal(s->tokens, LIMIT);
    assert_true(atomic_load(&last->used) == tg_quota_word(DAY, LIMIT));
}

/*
 * The key changes its cell thousands of times while four threads use up its
 * quota and its bucket: copied words let thousands through.
 */
static void
no_call_passes_a_limit_because_the_key_moves(void **state)
{
    pthread_t         threads[TAKERS];
    struct place     *p = *state;
    struct tg_meters *m = create(p);
    struct scene      s;
    struct taker      t = { &s, m };

    start_scene(&s, m); /* L1 */
    for (int i = 0; i < TAKERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, taker_thread, &t),
            0);
    }
    while (s.is_ready < TAKERS) {
        sched_yield();
    }
    while (s.bound < MOVES) {
        rebind(&s, m);
        if (s.bound % 16 == 0) {
            sched_yield();
        }
    }
    s.is_over = 1;
    for (int i = 0; i < TAKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_exact(&s, m);
    tg_meters_close(m);
}

static pid_t
start_mover(struct scene *s, struct tg_meters *m)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        while (s->bound < MOVES) {
            rebind(s, m);
        }
        _exit(0);
    }
    return pid;
}

static pid_t
start_taker(struct scene *s, struct tg_meters *m)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        take_all(s, m);
        _exit(0);
    }
    return pid;
}

/* L2: the mover dies forty times, wherever it happens to be. */
static void
no_call_passes_a_limit_because_the_mover_dies(void **state)
{
    enum { KILLS = 40 };

    int               status;
    pid_t             mover, takers[2];
    struct place     *p = *state;
    struct scene     *s = shared_page();
    struct tg_meters *m = create(p);

    start_scene(s, m);
    for (int i = 0; i < 2; i++) {
        takers[i] = start_taker(s, m);
    }
    for (uint32_t i = 0; i < KILLS; i++) {
        mover = start_mover(s, m);
        while (s->bound < (i + 1) * (MOVES / KILLS) - (i % 7)) {
            sched_yield();
        }
        assert_int_equal(kill(mover, SIGKILL), 0);
        assert_int_equal(waitpid(mover, &status, 0), mover);
    }
    publish(s, m); /* the last start of the daemon */
    s->is_over = 1;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(waitpid(takers[i], &status, 0), takers[i]);
        assert_true(WIFEXITED(status));
    }
    assert_exact(s, m);
    assert_int_equal(munmap(s, 4096), 0);
    tg_meters_close(m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(who_comes_by_the_old_cell_is_sent_on),
        PLACE_TEST(a_worker_moves_what_it_finds_awaited),
        PLACE_TEST(words_that_lead_nowhere_refuse),
        PLACE_TEST(a_worker_maps_the_piece_that_it_is_sent_to),
        PLACE_TEST(no_call_passes_a_limit_because_the_key_moves),
        PLACE_TEST(no_call_passes_a_limit_because_the_mover_dies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
