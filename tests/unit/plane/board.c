/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

static void
a_board_is_made_once_and_found_again(void **state)
{
    bool                fresh;
    uint8_t             boot[TG_PLANE_ID_SIZE];
    struct stat         st;
    struct place       *p = *state;
    struct tg_board_map again;

    assert_int_equal(tg_board_create(&again, p->dir, &fresh, &p->err),
        TG_OK);
    assert_false(fresh);
    assert_memory_equal(again.page->file_id, p->board.page->file_id,
        TG_PLANE_ID_SIZE);
    assert_int_equal(tg_boot_id(boot, &p->err), TG_OK);
    assert_memory_equal(again.page->boot_id, boot, TG_PLANE_ID_SIZE);
    again.page->fold_sequence = 7;
    assert_int_equal(p->board.page->fold_sequence, 7);
    assert_int_equal(stat(place_path(p, "board"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    assert_true(st.st_blocks * 512 >= st.st_size); /* no holes */
    tg_board_close(&again);
}

static void
refuse(struct place *p, const char *reason)
{
    struct tg_board_map map;
    bool                fresh;

    assert_int_equal(tg_board_open(&map, p->dir, &p->err), TG_CORRUPT);
    assert_says(&p->err, "/board", reason);
    assert_null(map.page);
    assert_int_equal(tg_board_create(&map, p->dir, &fresh, &p->err),
        TG_CORRUPT);
    assert_false(fresh);
}

static void
a_damaged_board_is_refused_by_name(void **state)
{
    struct place *p = *state;
    const char   *path = place_path(p, "board");

    flip_bit(path, 0, 0); /* P4 */
    refuse(p, "not a board");
    flip_bit(path, 0, 0);
    flip_bit(path, offsetof(struct tg_board, version), 3);
    refuse(p, "version");
    flip_bit(path, offsetof(struct tg_board, version), 3);
    flip_bit(path, offsetof(struct tg_board, file_id) + 5, 3);
    refuse(p, "damaged");
    flip_bit(path, offsetof(struct tg_board, file_id) + 5, 3);
    tg_board_close(&p->board); /* the next would be SIGBUS */
    assert_int_equal(truncate(path, 4096), 0);
    refuse(p, "truncated");
    assert_int_equal(truncate(path, 0), 0);
    refuse(p, "truncated");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_not_equal(tg_board_open(&p->board, p->dir, &p->err), TG_OK);
}

static void
a_missing_board_is_not_found(void **state)
{
    struct place       *p = *state;
    struct tg_board_map map;

    assert_int_equal(tg_board_open(&map, "/nonexistent", &p->err),
        TG_NOTFOUND);
    assert_true(tg_board_is_current(&p->board, p->dir));
    assert_int_equal(unlink(place_path(p, "board")), 0);
    assert_false(tg_board_is_current(&p->board, p->dir));
    p->board.page->epoch++; /* the mapping is still good */
}

static void
a_move_is_one_change(void **state)
{
    struct place *p = *state;
    uint64_t      change = p->board.page->change;

    /* P1 */
    assert_int_equal(tg_board_move(&p->board,
            &p->board.page->routes_generation, 5, &p->err), TG_OK);
    assert_int_equal(p->board.page->routes_generation, 5);
    assert_int_equal(p->board.page->change, change + 1);
}

static void
every_row_can_be_claimed_and_no_more(void **state)
{
    int                  fds[TG_BOARD_ROWS], fd;
    struct place        *p = *state;
    struct tg_board_row *row;

    for (unsigned i = 0; i < TG_BOARD_ROWS; i++) {
        assert_false(tg_board_row_is_alive(&p->board, i));
        assert_int_equal(tg_board_row_claim(&row, &fds[i], &p->board, p->dir,
                3, 1000, &p->err), TG_OK);
        assert_ptr_equal(row, &p->board.page->rows[i]);
        assert_int_equal(row->pid, getpid());
        assert_int_equal(row->conf_generation, 3);
        assert_true(row->start_time > 0);
        assert_int_equal(row->epoch, p->board.page->epoch);
        assert_true(tg_board_row_is_alive(&p->board, i));
    }
    assert_int_equal(tg_board_row_claim(&row, &fd, &p->board, p->dir, 3,
            1000, &p->err), TG_LIMIT);
    assert_null(row);
    assert_int_equal(close(fds[17]), 0);
    assert_false(tg_board_row_is_alive(&p->board, 17));
    assert_int_equal(tg_board_row_claim(&row, &fds[17], &p->board, p->dir, 4,
            1000, &p->err), TG_OK);
    assert_ptr_equal(row, &p->board.page->rows[17]);
    for (unsigned i = 0; i < TG_BOARD_ROWS; i++) {
        assert_int_equal(close(fds[i]), 0);
    }
    assert_false(tg_board_row_is_alive(&p->board, TG_BOARD_ROWS));
}

/* Claims a row, admits three calls, counts one, and waits to be killed. */
static pid_t
start_worker(struct place *p)
{
    int   ready[2];
    char  byte;
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int                  fd;
        struct tg_board_map  map;
        struct tg_board_row *row;

        if (tg_board_open(&map, p->dir, NULL) != TG_OK
            || tg_board_row_claim(&row, &fd, &map, p->dir, 1, 1, NULL)
                != TG_OK)
        {
            _exit(1);
        }
        row->admitted += 3;
        row->counted += 1;
        (void) !write(ready[1], "x", 1);
        for (;;) {
            (void) pause();
        }
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(close(ready[0]), 0);
    assert_int_equal(close(ready[1]), 0);
    return pid;
}

static void
kill_worker(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
a_killed_worker_frees_its_row_and_leaves_its_doubt(void **state)
{
    pid_t         pid;
    struct place *p = *state;

    for (uint64_t round = 1; round <= 3; round++) { /* P2 */
        pid = start_worker(p);
        assert_true(tg_board_row_is_alive(&p->board, 0));
        assert_false(tg_board_row_is_alive(&p->board, 1));
        assert_int_equal(p->board.page->rows[0].pid, pid);
        assert_int_equal(tg_board_doubt(&p->board), 2 * (round - 1));
        kill_worker(pid);
        assert_false(tg_board_row_is_alive(&p->board, 0));
        assert_int_equal(tg_board_doubt(&p->board), 2 * round);
    }
    assert_int_equal(p->board.page->rows[0].admitted, 9);
}

static void
the_oldest_epoch_is_that_of_the_living(void **state)
{
    pid_t         first, second;
    struct place *p = *state;

    assert_int_equal(tg_board_oldest_epoch(&p->board), 1); /* P3 */
    first = start_worker(p);
    p->board.page->epoch = 5;
    assert_int_equal(tg_board_oldest_epoch(&p->board), 1);
    second = start_worker(p);
    assert_int_equal(p->board.page->rows[1].epoch, 5);
    p->board.page->epoch = 9;
    assert_int_equal(tg_board_oldest_epoch(&p->board), 1);
    p->board.page->rows[0].epoch = 7;
    assert_int_equal(tg_board_oldest_epoch(&p->board), 5);
    kill_worker(second);
    assert_int_equal(tg_board_oldest_epoch(&p->board), 7);
    kill_worker(first);
    assert_int_equal(tg_board_oldest_epoch(&p->board), 9);
}

/* Several workers of one moment do not succeed each other. */
static void
a_later_worker_that_lives_succeeds_an_earlier_one(void **state)
{
    pid_t                first, second, third;
    struct place        *p = *state;
    struct tg_board_row *rows = p->board.page->rows;

    first = start_worker(p);
    assert_false(tg_board_row_is_succeeded(&p->board, &rows[0]));
    second = start_worker(p);
    rows[1].start_time = rows[0].start_time;
    assert_false(tg_board_row_is_succeeded(&p->board, &rows[0]));
    assert_false(tg_board_row_is_succeeded(&p->board, &rows[1]));
    rows[1].start_time++;
    assert_true(tg_board_row_is_succeeded(&p->board, &rows[0]));
    assert_false(tg_board_row_is_succeeded(&p->board, &rows[1]));
    kill_worker(second);
    assert_false(tg_board_row_is_succeeded(&p->board, &rows[0]));
    assert_true(tg_board_knows(&p->board, second));
    third = start_worker(p); /* in the row that is free */
    assert_true(tg_board_knows(&p->board, third));
    assert_false(tg_board_knows(&p->board, second));
    kill_worker(third);
    kill_worker(first);
}

/* Whoever leaves makes room before the rows run out. */
static void
a_board_that_fills_has_no_successors(void **state)
{
    int                  fds[TG_BOARD_ROWS / 2 + 1];
    struct place        *p = *state;
    struct tg_board_row *row, *first = p->board.page->rows;
    const unsigned       last = sizeof(fds) / sizeof(fds[0]) - 1;

    for (unsigned i = 0; i <= last; i++) {
        assert_int_equal(tg_board_row_claim(&row, &fds[i], &p->board, p->dir,
                1, 1, &p->err), TG_OK);
        row->start_time = 100 + i;
        assert_int_equal(tg_board_row_is_succeeded(&p->board, first),
            i > 0 && i < last);
    }
    for (unsigned i = 0; i <= last; i++) {
        assert_int_equal(close(fds[i]), 0);
    }
}

static void
a_row_of_another_board_is_not_claimed(void **state)
{
    int                  fd;
    bool                 fresh;
    struct place        *p = *state;
    struct tg_board_row *row;
    struct tg_board_map  other;

    assert_int_equal(unlink(place_path(p, "board")), 0);
    assert_int_equal(tg_board_create(&other, p->dir, &fresh, &p->err),
        TG_OK);
    assert_true(fresh);
    assert_memory_not_equal(other.page->file_id, p->board.page->file_id,
        TG_PLANE_ID_SIZE); /* P4 */
    assert_int_equal(tg_board_row_claim(&row, &fd, &p->board, p->dir, 1, 1,
            &p->err), TG_STALE);
    tg_board_close(&other);
}

static int
create_without_room(void *data)
{
    bool                fresh;
    struct place       *p = data;
    struct tg_board_map map;
    struct rlimit       limit = { 4096, 4096 };

    (void) signal(SIGXFSZ, SIG_IGN);
    if (unlink(place_path(p, "board")) < 0
        || setrlimit(RLIMIT_FSIZE, &limit) < 0)
    {
        return 1;
    }
    return tg_board_create(&map, p->dir, &fresh, &p->err) == TG_IO
            && !fresh && access(place_path(p, "board.new"), F_OK) < 0
            && access(place_path(p, "board"), F_OK) < 0
        ? 0 : 2;
}

static void
no_room_for_a_board_leaves_nothing_behind(void **state)
{
    assert_int_equal(in_child(create_without_room, *state), 0);
}

/* The C library's own, unless a test says on what the folder lies. */
static unsigned long pretended_type;

int
statfs(const char *path, struct statfs *fs)
{
    int rc = (int) syscall(SYS_statfs, path, fs);

    if (rc == 0 && pretended_type != 0) {
        fs->f_type = (__typeof__(fs->f_type)) pretended_type;
    }
    return rc;
}

/* Where a mapping loses writes, or allocated space is none (planes, 1). */
static void
an_unfit_file_system_is_refused_by_name(void **state)
{
    size_t              i;
    bool                fresh;
    struct place       *p = *state;
    struct tg_board_map map;
    static const struct {
        unsigned long type;
        const char   *name;
    } cases[] = { { 0x6969, "NFS" }, { 0xff534d42, "CIFS" },
        { 0x65735546, "FUSE" }, { 0x01021997, "9p" },
        { 0x9123683e, "btrfs" }, { 0x2fc12fc1, "ZFS" } };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pretended_type = cases[i].type;
        assert_int_equal(tg_board_create(&map, p->dir, &fresh, &p->err),
            TG_INVALID);
        assert_non_null(strstr(p->err.message, cases[i].name));
        assert_non_null(strstr(p->err.message, p->dir));
    }
    pretended_type = 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(a_board_is_made_once_and_found_again),
        PLACE_TEST(a_damaged_board_is_refused_by_name),
        PLACE_TEST(a_missing_board_is_not_found),
        PLACE_TEST(a_move_is_one_change),
        PLACE_TEST(every_row_can_be_claimed_and_no_more),
        PLACE_TEST(a_killed_worker_frees_its_row_and_leaves_its_doubt),
        PLACE_TEST(the_oldest_epoch_is_that_of_the_living),
        PLACE_TEST(a_later_worker_that_lives_succeeds_an_earlier_one),
        PLACE_TEST(a_board_that_fills_has_no_successors),
        PLACE_TEST(a_row_of_another_board_is_not_claimed),
        PLACE_TEST(an_unfit_file_system_is_refused_by_name),
        PLACE_TEST(no_room_for_a_board_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
