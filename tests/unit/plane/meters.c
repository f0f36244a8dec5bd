/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "plane/keys.h"
#include "plane/mapped.h"
#include "plane/meters.h"

#define HOUR INT64_C(1795392000)

static struct tg_meters *
create(struct place *p)
{
    struct tg_meters *m;

    assert_int_equal(tg_meters_create(&m, p->dir, &p->board, &p->err),
        TG_OK);
    return m;
}

/* The slot's lane of HOUR. */
static _Atomic uint32_t *
lane_of(const struct tg_meters *m, uint32_t slot)
{
    return tg_meters_lane(m, slot, tg_hour_lane(HOUR));
}

static void
the_first_piece_is_made_in_full(void **state)
{
    struct stat       st;
    struct place     *p = *state;
    struct tg_meters *m = create(p);

    assert_int_equal(p->board.page->meter_pieces, 1);
    assert_int_equal(tg_meters_slots(m), TG_METER_PIECE);
    assert_non_null(tg_meters_cell(m, TG_METER_PIECE - 1));
    assert_null(tg_meters_cell(m, TG_METER_PIECE));
    assert_null(tg_meters_cell(m, TG_METER_NONE));
    assert_int_equal(stat(place_path(p, "meters.0"), &st), 0);
    assert_true(st.st_blocks * 512 >= st.st_size);
    assert_int_equal(st.st_mode & 0777, 0660);
    assert_int_equal((uintptr_t) tg_meters_cell(m, 0) % 64, 0);
    tg_meters_close(m);
    m = create(p); /* the second time it is found */
    assert_int_equal(tg_meters_slots(m), TG_METER_PIECE);
    tg_meters_close(m);
    tg_meters_close(NULL);
}

/* All parts of all cells of a piece: none lies in another's. */
static void
the_parts_of_cells_lie_apart(void **state)
{
    enum { STEP = 1021 };

    struct place     *p = *state;
    struct tg_meters *m = create(p);

    for (uint32_t slot = 0; slot < TG_METER_PIECE; slot += STEP) {
        struct tg_meter_cell *cell = tg_meters_cell(m, slot);

        assert_int_equal((uintptr_t) cell % sizeof(*cell), 0);
        cell->owner = slot + 1;
        cell->tat = cell->used = cell->grant = slot + 2;
        tg_meters_move(m, slot)->next = slot + 3;
        tg_meters_move(m, slot)->former = slot + 4;
        for (unsigned lane = 0; lane < TG_LANES; lane++) {
            *tg_meters_lane(m, slot, lane) = 100 * slot + lane;
        }
    }
    for (uint32_t slot = 0; slot < TG_METER_PIECE; slot++) {
        struct tg_meter_cell *cell = tg_meters_cell(m, slot);
        uint32_t              is_set = slot % STEP == 0;

        assert_int_equal(cell->owner, is_set * (slot + 1));
        assert_int_equal(cell->tat, is_set * (slot + 2));
        assert_int_equal(cell->used, is_set * (slot + 2));
        assert_int_equal(cell->grant, is_set * (slot + 2));
        assert_int_equal(tg_meters_move(m, slot)->next, is_set * (slot + 3));
        assert_int_equal(tg_meters_move(m, slot)->former,
            is_set * (slot + 4));
        for (unsigned lane = 0; lane < TG_LANES; lane++) {
            assert_int_equal(*tg_meters_lane(m, slot, lane),
                is_set * (100 * slot + lane));
        }
    }
    assert_int_equal(tg_meters_take_dirty(m, &(uint32_t) { 0 },
            &(uint32_t) { 0 }, 1), 0);
    tg_meters_close(m);
}

static void
a_count_is_seen_by_the_other_process(void **state)
{
    uint32_t          from = 0, slots[8];
    struct place     *p = *state;
    struct tg_meters *daemon = create(p), *worker;

    assert_int_equal(tg_meters_open(&worker, p->dir, p->board.page, &p->err),
        TG_OK);
    tg_meters_count(worker, 70, HOUR, 2);
    tg_meters_count(worker, 70, HOUR, 3);
    tg_meters_count(worker, 16000, HOUR + 3600, 1);
    assert_int_equal(*lane_of(daemon, 70), 5);
    assert_int_equal(tg_meters_take_dirty(daemon, &from, slots, 8), 2);
    assert_int_equal(slots[0], 70);
    assert_int_equal(slots[1], 16000);
    assert_int_equal(from, tg_meters_slots(daemon));
    from = 0;
    assert_int_equal(tg_meters_take_dirty(daemon, &from, slots, 8), 0);
    tg_meters_mark_dirty(daemon, 16000);
    from = 0;
    assert_int_equal(tg_meters_take_dirty(daemon, &from, slots, 8), 1);
    assert_int_equal(slots[0], 16000);
    tg_meters_close(worker);
    tg_meters_close(daemon);
}

static void
dirty_slots_are_taken_in_pieces_without_loss(void **state)
{
    uint32_t          from = 0, n, total = 0, slots[7];
    struct place     *p = *state;
    struct tg_meters *m = create(p);

    assert_int_equal(tg_meters_grow(m, &p->err), TG_OK);
    for (uint32_t slot = 0; slot < tg_meters_slots(m); slot += 3) {
        tg_meters_mark_dirty(m, slot);
    }
    while (from < tg_meters_slots(m)) {
        n = tg_meters_take_dirty(m, &from, slots, 7);
        for (uint32_t i = 0; i < n; i++) {
            assert_int_equal(slots[i], 3 * (total + i));
        }
        total += n;
    }
    assert_int_equal(total, (tg_meters_slots(m) + 2) / 3);
    tg_meters_close(m);
}

static void
a_lane_wraps_and_is_never_reset(void **state)
{
    struct place     *p = *state;
    struct tg_meters *m = create(p);
    uint32_t          mark = UINT32_MAX - 1;

    *lane_of(m, 0) = mark; /* M1 */
    tg_meters_count(m, 0, HOUR, 5);
    assert_int_equal((uint32_t) (*lane_of(m, 0) - mark), 5);
    tg_meters_close(m);
}

/* M5 */
static void
a_wide_cell_counts_in_two_slots(void **state)
{
    uint32_t          from = 0, slots[8];
    uint64_t          much = UINT64_C(1) << 40;
    struct place     *p = *state;
    struct tg_meters *m = create(p);

    tg_meters_cell(m, 6)->is_wide = 1;
    for (int i = 0; i < 3; i++) {
        tg_meters_count(m, 5, HOUR, 1);
        tg_meters_count(m, 6, HOUR, much + 1);
        tg_meters_count(m, 8, HOUR, 1);
    }
    assert_true(tg_meters_value(m, 6, tg_hour_lane(HOUR), true)
        == 3 * much + 3);
    assert_int_equal(*lane_of(m, 6), 3);
    assert_int_equal(*lane_of(m, 7), 3 << 8);
    assert_int_equal(*lane_of(m, 5), 3);
    assert_int_equal(*lane_of(m, 8), 3);
    assert_int_equal(tg_meters_first(m, 5), 5);
    assert_int_equal(tg_meters_first(m, 6), 6);
    assert_int_equal(tg_meters_first(m, 7), 6);
    assert_int_equal(tg_meters_first(m, 8), 8);
    assert_int_equal(tg_meters_take_dirty(m, &from, slots, 8), 3);
    assert_int_equal(slots[1], 6);
    tg_meters_close(m);
}

/* kB of this process's memory that are pages of path. */
static long
mapped_kb(const char *path)
{
    long          n, kb = 0;
    bool          is_it = false;
    char          line[512];
    FILE         *f = fopen("/proc/self/smaps", "r");
    unsigned long from, end;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "%lx-%lx ", &from, &end) == 2) { /* a mapping */
            is_it = strstr(line, path) != NULL;
        } else if (is_it && sscanf(line, "Rss: %ld kB", &n) == 1) {
            kb += n;
        }
    }
    assert_int_equal(fclose(f), 0);
    return kb;
}

static void
a_lane_that_was_let_go_is_there_again(void **state)
{
    long              before;
    struct place     *p = *state;
    struct tg_meters *m = create(p);

    for (uint32_t slot = 0; slot < TG_METER_PIECE; slot++) {
        *lane_of(m, slot) = slot;
    }
    before = mapped_kb(place_path(p, "meters.0"));
    tg_meters_let_go(m, 5000, tg_hour_lane(HOUR));
    assert_int_equal(mapped_kb(place_path(p, "meters.0")),
        before - TG_METER_PIECE * (long) sizeof(uint32_t) / 1024);
    for (uint32_t slot = 0; slot < TG_METER_PIECE; slot++) {
        assert_int_equal(*lane_of(m, slot), slot); /* M1 */
    }
    tg_meters_close(m);
}

static void
a_worker_finds_the_pieces_that_came_since(void **state)
{
    struct place     *p = *state;
    struct tg_meters *daemon = create(p), *worker;

    assert_int_equal(tg_meters_open(&worker, p->dir, p->board.page, &p->err),
        TG_OK);
    assert_int_equal(tg_meters_grow(daemon, &p->err), TG_OK);
    assert_null(tg_meters_cell(worker, TG_METER_PIECE));
    assert_int_equal(tg_meters_update(worker, &p->err), TG_OK);
    assert_int_equal(tg_meters_update(worker, &p->err), TG_OK);
    tg_meters_count(worker, TG_METER_PIECE, HOUR, 1);
    assert_int_equal(*lane_of(daemon, TG_METER_PIECE), 1);
    tg_meters_close(worker);
    tg_meters_close(daemon);
}

static void
a_piece_that_was_not_named_yet_is_made_anew(void **state)
{
    struct place     *p = *state;
    struct tg_meters *m = create(p);

    assert_int_equal(tg_meters_grow(m, &p->err), TG_OK);
    tg_meters_cell(m, TG_METER_PIECE)->owner = 5;
    tg_meters_close(m);
    p->board.page->meter_pieces = 1; /* as if killed before the naming */
    m = create(p);
    assert_int_equal(tg_meters_slots(m), TG_METER_PIECE);
    assert_int_equal(tg_meters_grow(m, &p->err), TG_OK);
    assert_int_equal(tg_meters_cell(m, TG_METER_PIECE)->owner, 0);
    tg_meters_close(m);
}

static void
refuse(struct place *p, enum tg_status status, const char *reason)
{
    struct tg_meters *m;

    assert_int_equal(tg_meters_open(&m, p->dir, p->board.page, &p->err),
        status);
    assert_null(m);
    assert_says(&p->err, "/meters.0", reason);
    assert_int_equal(tg_meters_create(&m, p->dir, &p->board, &p->err),
        status);
    assert_null(m);
}

static void
a_damaged_piece_is_refused_by_name(void **state)
{
    struct place     *p = *state;
    const char       *path;
    struct tg_meters *m;

    tg_meters_close(create(p));
    path = place_path(p, "meters.0");
    flip_bit(path, 0, 0);
    refuse(p, TG_CORRUPT, "not a file of this kind");
    flip_bit(path, 0, 0);
    flip_bit(path, offsetof(struct tg_mapped_header, version), 1);
    refuse(p, TG_CORRUPT, "version");
    flip_bit(path, offsetof(struct tg_mapped_header, version), 1);
    for (off_t at = 12; at < (off_t) sizeof(struct tg_mapped_header); at++) {
        flip_bit(path, at, (unsigned) at % 8);
        refuse(p, TG_CORRUPT, "damaged");
        flip_bit(path, at, (unsigned) at % 8);
    }
    p->board.page->file_id[3] ^= 1;
    refuse(p, TG_CORRUPT, "another board");
    p->board.page->file_id[3] ^= 1;
    p->board.page->meter_pieces = TG_METER_PIECES_MAX + 1;
    assert_int_equal(tg_meters_open(&m, p->dir, p->board.page, &p->err),
        TG_CORRUPT);
    assert_says(&p->err, "meters", "more than there can be");
}

static void
a_truncated_or_missing_piece_is_refused_by_name(void **state)
{
    struct place *p = *state;
    const char   *path;

    tg_meters_close(create(p));
    path = place_path(p, "meters.0");
    assert_int_equal(truncate(path, 1 << 20), 0);
    refuse(p, TG_CORRUPT, "truncated");
    assert_int_equal(truncate(path, 80), 0);
    refuse(p, TG_CORRUPT, "truncated");
    assert_int_equal(truncate(path, 0), 0);
    refuse(p, TG_CORRUPT, "truncated");
    assert_int_equal(unlink(path), 0);
    refuse(p, TG_NOTFOUND, "cannot open");
    assert_int_equal(mkdir(path, 0700), 0);
    refuse(p, TG_IO, "cannot open");
}

static int
grow_without_room(void *data)
{
    struct place     *p = data;
    struct tg_meters *m;
    struct rlimit     limit = { 1 << 20, 1 << 20 };

    (void) signal(SIGXFSZ, SIG_IGN);
    if (tg_meters_create(&m, p->dir, &p->board, &p->err) != TG_OK
        || setrlimit(RLIMIT_FSIZE, &limit) < 0)
    {
        return 1;
    }
    if (tg_meters_grow(m, &p->err) != TG_IO
        || strstr(p->err.message, "meters.1") == NULL)
    {
        return 2;
    }
    if (access(place_path(p, "meters.1.new"), F_OK) == 0
        || access(place_path(p, "meters.1"), F_OK) == 0
        || p->board.page->meter_pieces != 1)
    {
        return 3;
    }
    tg_meters_count(m, 9, HOUR, 1); /* calls go on */
    return tg_meters_slots(m) == TG_METER_PIECE ? 0 : 4;
}

static void
no_room_for_a_piece_leaves_the_others_working(void **state)
{
    assert_int_equal(in_child(grow_without_room, *state), 0);
}

/*
 * On a tmpfs that is filled to the last page; 77: none can be mounted here.
 * Any SIGBUS ends the child.
 */
static int
work_on_a_full_disk(void *data)
{
    int                    fd;
    bool                   fresh;
    char                   zeros[4096] = { 0 };
    uint8_t                digest[TG_SHA256_SIZE] = { 0 };
    struct place          *p = data;
    struct tg_key          key = { .id = "k", .plan_count = 10 };
    struct tg_meters      *m;
    struct tg_board_map    board;
    struct tg_keys_writer *w;

    if (unshare(CLONE_NEWNS) < 0
        || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0
        || mount("none", p->dir, "tmpfs", 0, "size=6m") < 0)
    {
        return 77;
    }
    if (tg_board_create(&board, p->dir, &fresh, &p->err) != TG_OK
        || tg_meters_create(&m, p->dir, &board, &p->err) != TG_OK
        || tg_keys_writer_open(&w, p->dir, &board, 64, &p->err) != TG_OK)
    {
        return 1;
    }
    fd = open(place_path(p, "filler"), O_WRONLY | O_CREAT, 0600);
    while (write(fd, zeros, sizeof(zeros)) == sizeof(zeros)) {
    }
    if (errno != ENOSPC || tg_meters_grow(m, &p->err) != TG_IO) {
        return 2;
    }
    for (uint32_t slot = 0; slot < tg_meters_slots(m); slot++) {
        tg_meters_count(m, slot, HOUR, 1);
    }
    while (digest[0] < 255
        && tg_keys_put(w, digest, &key, &p->err) == TG_OK)
    {
        digest[0]++;
    }
    /* every cell was counted in; the table of keys got full and said so */
    if (digest[0] <= 20 || p->err.status != TG_IO) {
        return 3;
    }
    tg_keys_writer_close(w);
    tg_meters_close(m);
    tg_board_close(&board);
    /* and a daemon that starts now finds all it needs */
    return tg_board_create(&board, p->dir, &fresh, &p->err) == TG_OK && !fresh
            && tg_meters_create(&m, p->dir, &board, &p->err) == TG_OK
            && tg_keys_writer_open(&w, p->dir, &board, 64, &p->err) == TG_OK
            && tg_keys_count(w) == digest[0]
        ? 0 : 4;
}

static void
a_full_disk_stops_no_call(void **state)
{
    int rc = in_child(work_on_a_full_disk, *state);

    if (rc == 77) {
        skip(); /* not root: the tests with RLIMIT_FSIZE stand for it */
    }
    assert_int_equal(rc, 0);
}

enum { SLOTS = 64, ROUNDS = 40000 };

static void
count_until_killed(struct place *p, _Atomic uint64_t *journal)
{
    struct tg_meters *m;

    if (tg_meters_open(&m, p->dir, p->board.page, NULL) != TG_OK) {
        _exit(1);
    }
    for (uint32_t i = 0;; i++) {
        tg_meters_count(m, i % SLOTS, HOUR, 1);
        atomic_fetch_add(journal, 1);
    }
}

/*
 * The fold of the daemon, with marks in memory: M3 says that after the last
 * count one more fold of the dirty slots sees everything.
 */
static uint64_t
fold(struct tg_meters *m, uint32_t *marks)
{
    uint32_t from = 0, n, slots[16];
    uint64_t units = 0;

    while (from < tg_meters_slots(m)) {
        n = tg_meters_take_dirty(m, &from, slots, 16);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t lane = *lane_of(m, slots[i]);

            assert_true(slots[i] < SLOTS);
            units += (uint32_t) (lane - marks[slots[i]]);
            marks[slots[i]] = lane;
        }
    }
    return units;
}

static void
killed_counters_lose_nothing(void **state)
{
    enum { KILLS = 60 };

    uint32_t          marks[SLOTS] = { 0 };
    _Atomic uint64_t *journal;
    uint64_t          folded = 0, lanes = 0;
    struct place     *p = *state;
    struct tg_meters *m = create(p);

    journal = shared_page();
    for (int i = 0; i < KILLS; i++) { /* M3, M4 */
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
            count_until_killed(p, journal);
        }
        for (int j = 0; j < 5; j++) {
            folded += fold(m, marks);
            (void) usleep(1000);
        }
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
    }
    folded += fold(m, marks);
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        lanes += *lane_of(m, slot);
        /* a kill between add and mark: the sweep at start finds it */
        folded += (uint32_t) (*lane_of(m, slot) - marks[slot]);
    }
    assert_int_equal(folded, lanes);
    assert_in_range(lanes - *journal, 0, KILLS);
    assert_true(lanes > KILLS);
    assert_int_equal(munmap(journal, 4096), 0);
    tg_meters_close(m);
}

struct hand {
    struct tg_meters *m;
    unsigned          seed;
};

static void *
count_in_thread(void *data)
{
    struct hand *hand = data;

    for (uint32_t i = 0; i < ROUNDS; i++) {
        tg_meters_count(hand->m, (i * 7 + hand->seed) % SLOTS, HOUR, 1);
    }
    return NULL;
}

static void
nothing_is_unseen_between_threads_and_folds(void **state)
{
    enum { THREADS = 4 };

    uint32_t      marks[SLOTS] = { 0 };
    uint64_t      folded = 0;
    pthread_t     threads[THREADS];
    struct hand   hands[THREADS];
    struct place *p = *state;

    struct tg_meters *m = create(p);

    for (unsigned i = 0; i < THREADS; i++) { /* M3 */
        hands[i] = (struct hand){ m, i };
        assert_int_equal(
            pthread_create(&threads[i], NULL, count_in_thread, &hands[i]), 0);
    }
    for (int i = 0; i < 200; i++) {
        folded += fold(m, marks);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    folded += fold(m, marks);
    assert_int_equal(folded, THREADS * ROUNDS);
    tg_meters_close(m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(the_first_piece_is_made_in_full),
        PLACE_TEST(the_parts_of_cells_lie_apart),
        PLACE_TEST(a_count_is_seen_by_the_other_process),
        PLACE_TEST(dirty_slots_are_taken_in_pieces_without_loss),
        PLACE_TEST(a_lane_wraps_and_is_never_reset),
        PLACE_TEST(a_wide_cell_counts_in_two_slots),
        PLACE_TEST(a_lane_that_was_let_go_is_there_again),
        PLACE_TEST(a_worker_finds_the_pieces_that_came_since),
        PLACE_TEST(a_piece_that_was_not_named_yet_is_made_anew),
        PLACE_TEST(a_damaged_piece_is_refused_by_name),
        PLACE_TEST(a_truncated_or_missing_piece_is_refused_by_name),
        PLACE_TEST(no_room_for_a_piece_leaves_the_others_working),
        PLACE_TEST(a_full_disk_stops_no_call),
        PLACE_TEST(killed_counters_lose_nothing),
        PLACE_TEST(nothing_is_unseen_between_threads_and_folds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
