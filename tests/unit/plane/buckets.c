/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "plane/buckets.h"

#define SECOND UINT64_C(1000000000)
#define NOW (UINT64_C(1795392000) * SECOND)

static struct tg_buckets *
create(struct place *p)
{
    struct tg_buckets *b;

    if (tg_buckets_create(&b, p->dir, &p->board, &p->err) != TG_OK) {
        fail_msg("%s", p->err.message);
    }
    return b;
}

static struct tg_buckets *
open_as(struct place *p, unsigned row)
{
    struct tg_buckets *b;

    if (tg_buckets_open(&b, p->dir, p->board.page, row, &p->err) != TG_OK) {
        fail_msg("%s", p->err.message);
    }
    return b;
}

/* The n-th tag of a set. */
static uint64_t
tag_in(uint64_t set, uint64_t n)
{
    return set << 32 | (n + 1);
}

static unsigned
take_until_refused(struct tg_buckets *b, uint64_t tag,
    struct tg_bucket_limit limit, uint64_t now_ns)
{
    unsigned              n = 0;
    struct tg_keyed_token token;

    while (tg_buckets_take(b, tag, limit, now_ns, &token) == TG_OK) {
        assert_true(++n < 100000);
    }
    return n;
}

static void
a_keyed_bucket_is_as_any_other(void **state)
{
    struct place          *p = *state;
    struct tg_buckets     *b = create(p), *worker = open_as(p, 3);
    struct tg_keyed_token  token = {0};
    struct tg_bucket_limit limit = tg_bucket_limit_make(10, 5);

    assert_int_equal(take_until_refused(b, tag_in(7, 0), limit, NOW), 5);
    assert_int_equal(take_until_refused(worker, tag_in(7, 0), limit, NOW), 0);
    assert_int_equal(take_until_refused(worker, tag_in(7, 1), limit, NOW), 5);
    assert_int_equal(take_until_refused(b, tag_in(7, 0), limit,
        NOW + SECOND / 10), 1);
    tg_buckets_close(worker);
    tg_buckets_close(b);
    b = create(p); /* a restart */
    assert_int_equal(take_until_refused(b, tag_in(7, 1), limit, NOW), 0);
    assert_int_equal(take_until_refused(b, tag_in(7, 1), limit,
        NOW + 100 * SECOND), 5);
    /* refuses, and leaves nothing behind that would take up room */
    for (uint64_t n = 10; n < 30; n++) {
        assert_int_equal(tg_buckets_take(b, tag_in(7, n),
            tg_bucket_limit_make(0, 5), NOW, &token), TG_LIMIT);
        assert_int_equal(tg_buckets_take(b, tag_in(7, n),
            tg_bucket_limit_make(5, 0), NOW, &token), TG_LIMIT);
    }
    assert_int_equal(take_until_refused(b, tag_in(7, 3), limit, NOW), 5);
    tg_buckets_close(b);
    tg_buckets_close(NULL);
}

/* K4 */
static void
a_token_goes_back_only_if_nobody_came_between(void **state)
{
    struct place          *p = *state;
    struct tg_buckets     *b = create(p);
    struct tg_keyed_token  one = {0}, two = {0};
    struct tg_bucket_limit limit = tg_bucket_limit_make(1, 2);

    assert_int_equal(tg_buckets_take(b, 9, limit, NOW, &one), TG_OK);
    tg_buckets_give_back(&one);
    assert_null(one.entry);
    tg_buckets_give_back(&one); /* nothing twice */
    assert_int_equal(take_until_refused(b, 9, limit, NOW), 2);
    assert_int_equal(tg_buckets_take(b, 8, limit, NOW, &one), TG_OK);
    assert_int_equal(tg_buckets_take(b, 8, limit, NOW, &two), TG_OK);
    tg_buckets_give_back(&one);
    assert_int_equal(take_until_refused(b, 8, limit, NOW), 0);
    tg_buckets_give_back(&two);
    assert_int_equal(take_until_refused(b, 8, limit, NOW), 1);
    tg_buckets_close(b);
}

/* B2, B3 */
static void
only_full_buckets_make_room(void **state)
{
    struct place          *p = *state;
    struct tg_buckets     *b = create(p);
    struct tg_keyed_token  token;
    struct tg_bucket_limit limit = tg_bucket_limit_make(1, 5);
    uint64_t               full = NOW + SECOND; /* one token: a second */

    for (uint64_t n = 0; n < TG_BUCKETS_WAYS; n++) {
        assert_int_equal(tg_buckets_take(b, tag_in(1, n), limit, NOW,
            &token), TG_OK);
    }
    assert_int_equal(tg_buckets_take(b, tag_in(1, 100), limit, NOW, &token),
        TG_BUSY);
    assert_int_equal(tg_buckets_take(b, tag_in(2, 100), limit, NOW, &token),
        TG_OK); /* another set */
    assert_int_equal(tg_buckets_take(b, tag_in(1, 100), limit,
        full + TG_BUCKET_SKEW_NS - 1, &token), TG_BUSY);
    /* a worker that is a second behind: for it they are full, too */
    assert_int_equal(tg_buckets_take(b, tag_in(1, 100), limit,
        full + TG_BUCKET_SKEW_NS, &token), TG_OK);
    assert_int_equal(take_until_refused(b, tag_in(1, 100), limit,
        full + TG_BUCKET_SKEW_NS), 4);
    assert_int_equal(take_until_refused(b, tag_in(1, 0), limit,
        full + TG_BUCKET_SKEW_NS), 5); /* evicted it was, and full it is */
    tg_buckets_close(b);
}

/* B2: what a killed worker has left of a claim. */
static void
a_claim_whose_maker_has_gone_does_not_stay(void **state)
{
    struct place          *p = *state;
    struct tg_buckets     *b = create(p);
    struct tg_keyed_token  token;
    struct tg_bucket_limit limit = tg_bucket_limit_make(1e-3, 5);
    uint64_t              *entry;

    for (uint64_t n = 0; n < TG_BUCKETS_WAYS; n++) {
        assert_int_equal(tg_buckets_take(b, tag_in(1, n), limit, NOW,
            &token), TG_OK);
    }
    entry = token.entry; /* the last one's, as a claim of that moment */
    entry[1] = TG_BUCKET_MOVED | (NOW >> 27 & 0x1ffffff);
    assert_int_equal(tg_buckets_take(b, tag_in(1, 100), limit,
        NOW + SECOND, &token), TG_BUSY);
    assert_int_equal(tg_buckets_take(b, tag_in(1, 100), limit,
        NOW + 3 * SECOND, &token), TG_OK);
    assert_int_equal(tg_buckets_take(b, tag_in(1, 101), limit,
        NOW + 3 * SECOND, &token), TG_BUSY);
    entry[0] = tag_in(1, 100);
    entry[1] = TG_BUCKET_MOVED | (NOW >> 27 & 0x1ffffff);
    assert_int_equal(take_until_refused(b, tag_in(1, 100), limit, NOW), 5);
    tg_buckets_close(b);
}

/*
 * ---- against each other
 */

#define CROWD 4
#define TAGS 24000
#define BURST 3
#define HALF (TG_BUCKETS_WAYS / 2)

struct crowd {
    _Atomic uint32_t ready;
    _Atomic uint64_t now_ns;
    _Atomic uint64_t in_use[CROWD]; /* the time that each goes by */
    _Atomic uint64_t busy;
    _Atomic uint32_t admitted[TAGS];
};

struct member {
    struct crowd      *c;
    struct tg_buckets *b;
    unsigned           number;
};

static struct crowd *
crowd_new(void)
{
    struct crowd *c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(c != MAP_FAILED);
    c->now_ns = NOW;
    return c;
}

/* The first half of a set is taken by buckets that are full from NOW on. */
static void
fill_half(struct tg_buckets *b)
{
    struct tg_keyed_token  token;
    struct tg_bucket_limit limit = tg_bucket_limit_make(1, 1);

    for (uint32_t n = 0; n < TAGS; n++) {
        assert_int_equal(tg_buckets_take(b,
            tag_in(n / HALF, 1000 + n % HALF), limit, NOW - SECOND, &token),
            TG_OK);
    }
}

/*
 * All at the same tags in the same order, at the same moment, each new to
 * all; for the even ones the full buckets make room, for the odd ones not
 * yet, so that they claim different entries.
 */
static void
claim_all(struct crowd *c, struct tg_buckets *b, unsigned number)
{
    uint64_t               now = NOW + TG_BUCKET_SKEW_NS - number % 2;
    struct tg_keyed_token  token;
    struct tg_bucket_limit limit = tg_bucket_limit_make(1e-3, BURST);

    for (uint32_t n = 0; n < TAGS; n++) {
        uint64_t tag = tag_in(n / HALF, n % HALF);

        c->ready++;
        for (int spin = 1; c->ready < 2 * (n + 1); spin++) {
            if (spin % 1000 == 0) {
                sched_yield();
            }
        }

        for (int i = 0; i < BURST; i++) {
            enum tg_status status = tg_buckets_take(b, tag, limit, now,
                &token);

            c->admitted[n] += status == TG_OK;
            c->busy += status == TG_BUSY;
        }
    }
}

static void *
claimer(void *data)
{
    struct member *m = data;

    claim_all(m->c, m->b, m->number);
    return NULL;
}

/* B1: a tag that was claimed twice would admit twice its burst. */
static void
two_claim_a_bucket_and_get_one(void **state)
{
    pthread_t     threads[CROWD];
    struct place *p = *state;
    struct crowd *c = crowd_new();
    struct member m[CROWD];
    struct tg_buckets *b = create(p);

    fill_half(b);
    for (unsigned i = 0; i < 2; i++) {
        m[i] = (struct member) {c, open_as(p, i), i};
        assert_int_equal(pthread_create(&threads[i], NULL, claimer, &m[i]),
            0);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        tg_buckets_close(m[i].b);
    }
    assert_int_equal(c->busy, 0);
    for (uint32_t n = 0; n < TAGS; n++) {
        assert_int_equal(c->admitted[n], BURST);
    }
    tg_buckets_close(b);
    assert_int_equal(munmap(c, sizeof(*c)), 0);
}

#define BUSY_TAGS 40

/* A little further, unless somebody would be left a second behind (K1). */
static void
advance(struct crowd *c)
{
    uint64_t now = c->now_ns;

    for (int i = 0; i < CROWD; i++) {
        if (c->in_use[i] + SECOND / 2 < now) {
            return;
        }
    }
    (void) atomic_compare_exchange_strong(&c->now_ns, &now,
        now + SECOND / 100);
}

/*
 * Random tags of two sets, more than there is room for, on a clock that goes
 * on: buckets are claimed, evicted and claimed again all the time.
 */
static void *
churn(void *data)
{
    struct member         *m = data;
    struct tg_keyed_token  token;
    struct tg_bucket_limit limit = tg_bucket_limit_make(10, BURST);
    uint64_t               random = 88172645463325252u + m->number;

    for (uint64_t i = 0; i < 150000; i++) {
        uint32_t n;
        uint64_t now = m->c->now_ns;

        m->c->in_use[m->number] = now;
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        n = (uint32_t) (random % BUSY_TAGS);
        if (tg_buckets_take(m->b, tag_in(5 + n % 2, n), limit,
                now, &token) == TG_OK)
        {
            if (random >> 60 == 0) {
                tg_buckets_give_back(&token);
            } else {
                m->c->admitted[n]++;
            }
        }
        if (i % 64 == 0) {
            advance(m->c);
        }
    }
    m->c->in_use[m->number] = UINT64_MAX - SECOND;
    return NULL;
}

/* K1 for each tag, whatever happens to the others. */
static void
buckets_that_come_and_go_never_over_admit(void **state)
{
    double        seconds, most;
    uint64_t      sum = 0;
    pthread_t     threads[CROWD];
    struct place *p = *state;
    struct crowd *c = crowd_new();
    struct member m[CROWD];
    struct tg_buckets *b = create(p);

    for (unsigned i = 0; i < CROWD; i++) {
        c->in_use[i] = NOW;
        m[i] = (struct member) {c, open_as(p, i), i};
        assert_int_equal(pthread_create(&threads[i], NULL, churn, &m[i]), 0);
    }
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        tg_buckets_close(m[i].b);
    }
    seconds = (double) (c->now_ns - NOW) / 1e9;
    most = BURST + 10 * seconds;
    for (uint32_t n = 0; n < BUSY_TAGS; n++) {
        sum += c->admitted[n];
        assert_true((double) c->admitted[n] <= most);
    }
    assert_true(sum > BUSY_TAGS * BURST);
    tg_buckets_close(b);
    assert_int_equal(munmap(c, sizeof(*c)), 0);
}

/* As claim_all, each tag once, from where the one before was killed. */
static int
claim_on(struct crowd *c, struct tg_buckets *b)
{
    struct tg_keyed_token  token;
    struct tg_bucket_limit limit = tg_bucket_limit_make(1e-3, BURST);

    for (;;) {
        uint32_t n = (uint32_t) (c->busy++ / 8 % TAGS);

        if (tg_buckets_take(b, tag_in(n / 4, n % 4), limit, NOW, &token)
            == TG_OK)
        {
            c->admitted[n]++;
        }
    }
    return 0;
}

/* A worker killed between claim and bucket: nobody is let through twice. */
static void
kills_leave_no_second_bucket(void **state)
{
    enum { KILLS = 60 };

    int           status;
    pid_t         pids[2];
    struct place *p = *state;
    struct crowd *c = crowd_new();
    struct tg_buckets *b = create(p);

    for (int i = 0; i < KILLS; i++) {
        uint64_t seen = c->busy;

        for (unsigned k = 0; k < 2; k++) {
            pids[k] = fork();
            assert_true(pids[k] >= 0);
            if (pids[k] == 0) {
                _exit(claim_on(c, open_as(p, k)));
            }
        }
        while (c->busy < seen + 3000) {
            sched_yield();
        }
        for (unsigned k = 0; k < 2; k++) {
            assert_int_equal(kill(pids[k], SIGKILL), 0);
            assert_int_equal(waitpid(pids[k], &status, 0), pids[k]);
        }
    }
    for (uint32_t n = 0; n < TAGS; n++) {
        assert_true(c->admitted[n] <= BURST);
        assert_in_range(c->admitted[n] + take_until_refused(b,
            tag_in(n / 4, n % 4), tg_bucket_limit_make(1e-3, BURST), NOW),
            BURST - 2, BURST); /* two were killed before they counted */
    }
    tg_buckets_close(b);
    assert_int_equal(munmap(c, sizeof(*c)), 0);
}

/*
 * ---- shared buckets
 */

static uint32_t
assign(struct place *p, struct tg_buckets *b, const char *path,
    uint64_t generation, uint64_t now_ns)
{
    uint32_t                  slot;
    struct tg_method_identity id = tg_method_identity_make("api", "prod",
        path, "GET");

    if (tg_buckets_assign(b, &id, generation, now_ns, &slot, &p->err)
        != TG_OK)
    {
        fail_msg("%s", p->err.message);
    }
    return slot;
}

static void
methods_are_told_apart(void **state)
{
    static const char *const rows[][4] = {
        {"a", "b", "/c", "GET"}, {"a", "b", "/c", "ANY"},
        {"a", "b", "/cG", "ET"}, {"a", "b/", "c", "GET"},
        {"ab", "", "/c", "GET"}, {"a", "b", "/{c}", "GET"},
    };

    (void) state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tg_method_identity a = tg_method_identity_make(rows[i][0],
            rows[i][1], rows[i][2], rows[i][3]);

        assert_true(a.word[0] != 0);
        for (size_t j = 0; j < i; j++) {
            struct tg_method_identity b = tg_method_identity_make(rows[j][0],
                rows[j][1], rows[j][2], rows[j][3]);

            assert_true(a.word[0] != b.word[0] && a.word[1] != b.word[1]);
        }
        assert_true(tg_buckets_tag(1, a.word[0])
            != tg_buckets_tag(2, a.word[0]));
    }
}

/* B4 */
static void
a_method_keeps_its_shared_bucket(void **state)
{
    int                    row_fd;
    uint32_t               one, two;
    uint64_t               taken, before;
    struct place          *p = *state;
    struct tg_buckets     *b = create(p);
    struct tg_board_row   *row;
    struct tg_bucket_limit limit = tg_bucket_limit_make(1, 5);

    one = assign(p, b, "/one", 1, NOW);
    two = assign(p, b, "/two", 1, NOW);
    assert_int_not_equal(one, two);
    assert_int_equal(assign(p, b, "/one", 2, NOW), one);
    assert_int_equal(tg_bucket_take(tg_buckets_shared(b, one), limit, NOW,
        &taken, &before), TG_OK);
    assert_null(tg_buckets_shared(b, TG_BUCKETS_SHARED));
    tg_buckets_close(b);
    b = create(p); /* a restart */
    assert_int_equal(assign(p, b, "/one", 3, NOW), one);
    assert_int_equal(*tg_buckets_shared(b, one), taken);

    /* nothing is given to others while a file may be used that names it */
    assert_int_equal(tg_board_row_claim(&row, &row_fd, &p->board, p->dir, 1,
        0, &p->err), TG_OK);
    p->board.page->routes_generation = 10;
    row->routes_generation = 3;
    for (int i = 0; i < 2000; i++) {
        char path[32];

        (void) snprintf(path, sizeof(path), "/%d", i);
        assert_int_not_equal(assign(p, b, path, 11, NOW + 100 * SECOND),
            one);
    }
    assert_int_equal(assign(p, b, "/one", 12, NOW), one);
    assert_int_equal(close(row_fd), 0);
    tg_buckets_close(b);
}

/* Fills the file, and gives slots of methods that are gone to others. */
static void
slots_are_used_again_when_their_methods_are_gone(void **state)
{
    char                      path[32];
    int                       n;
    uint32_t                  slot;
    struct place             *p = *state;
    struct tg_buckets        *b = create(p);
    struct tg_method_identity id;

    for (n = 0; ; n++) {
        (void) snprintf(path, sizeof(path), "/old/%d", n);
        id = tg_method_identity_make("api", "prod", path, "GET");
        if (tg_buckets_assign(b, &id, 1, NOW, &slot, &p->err) != TG_OK) {
            break;
        }
        *tg_buckets_shared(b, slot) = NOW; /* full now */
    }
    assert_true(n > TG_BUCKETS_SHARED / 2);
    assert_says(&p->err, "bucket", "no bucket is free");
    p->board.page->routes_generation = 3; /* 2 may still be opened */
    assert_int_equal(tg_buckets_assign(b, &id, 4, NOW, &slot, &p->err),
        TG_LIMIT); /* not full for a worker that is behind */
    assert_int_equal(tg_buckets_assign(b, &id, 4, NOW + TG_BUCKET_SKEW_NS,
        &slot, &p->err), TG_OK);
    assert_int_equal(*tg_buckets_shared(b, slot), 0);
    tg_buckets_close(b);
}

static void
other_files_are_refused_by_name(void **state)
{
    struct place      *p = *state;
    struct tg_buckets *b = create(p), *other;
    struct stat        st;

    assert_int_equal(stat(place_path(p, "buckets.0"), &st), 0);
    assert_true(st.st_blocks * 512 >= st.st_size);
    assert_int_equal(st.st_mode & 0777, 0660);
    tg_buckets_close(b);
    flip_bit(place_path(p, "buckets.0"), 9, 0);
    assert_int_equal(tg_buckets_create(&b, p->dir, &p->board, &p->err),
        TG_CORRUPT);
    assert_says(&p->err, "/buckets.0", "");
    assert_int_equal(tg_buckets_open(&other, p->dir, p->board.page, 0,
        &p->err), TG_CORRUPT);
    assert_null(other);
    /* a board that has none yet takes nothing over from another */
    p->board.page->has_buckets = 0;
    tg_buckets_close(create(p));
    assert_int_equal(p->board.page->has_buckets, 1);
    assert_int_equal(unlink(place_path(p, "buckets.0")), 0);
    assert_int_equal(tg_buckets_create(&b, p->dir, &p->board, &p->err),
        TG_NOTFOUND);
    assert_says(&p->err, "/buckets.0", "cannot open");
}

static void
refusals_are_summed_over_all_workers(void **state)
{
    struct place      *p = *state;
    struct tg_refusals sum;
    struct tg_buckets *b = create(p), *one = open_as(p, 1),
                      *two = open_as(p, 2);

    tg_buckets_refusals(one)->by_plan = 3;
    tg_buckets_refusals(two)->by_plan = 4;
    tg_buckets_refusals(two)->by_stage = 5;
    tg_buckets_refusals(two)->by_account = 6;
    tg_buckets_refusals(two)->by_quota = 7;
    tg_buckets_refusals(two)->no_room = 8;
    tg_buckets_close(one);
    tg_buckets_close(two);
    tg_buckets_refused(b, &sum);
    assert_int_equal(sum.by_plan, 7);
    assert_int_equal(sum.by_stage, 5);
    assert_int_equal(sum.by_account, 6);
    assert_int_equal(sum.by_quota, 7);
    assert_int_equal(sum.no_room, 8);
    tg_buckets_close(b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(a_keyed_bucket_is_as_any_other),
        PLACE_TEST(a_token_goes_back_only_if_nobody_came_between),
        PLACE_TEST(only_full_buckets_make_room),
        PLACE_TEST(a_claim_whose_maker_has_gone_does_not_stay),
        PLACE_TEST(two_claim_a_bucket_and_get_one),
        PLACE_TEST(buckets_that_come_and_go_never_over_admit),
        PLACE_TEST(kills_leave_no_second_bucket),
        cmocka_unit_test(methods_are_told_apart),
        PLACE_TEST(a_method_keeps_its_shared_bucket),
        PLACE_TEST(slots_are_used_again_when_their_methods_are_gone),
        PLACE_TEST(other_files_are_refused_by_name),
        PLACE_TEST(refusals_are_summed_over_all_workers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
