/*
 * fold.c - random folds against a model, and nothing goes astray
 *
 * Keys of buyers, of nobody and of cells without an owner count at random;
 * folds of random size, early seals, hours that pass, restarts, cells that
 * get another owner and steps of SQL that fail are mixed in.  The model knows
 * how much each key counted in each hour; the ledger has to say the same,
 * whatever hour it bills it in, and marks and lanes have to agree.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support.h"

#include "core/hours.h"

#define SLOTS 12
#define KEYS 64
#define HOURS 64
#define STEPS 400
#define NAME_SIZE 16
#define UNITS "SELECT COALESCE(SUM(quantity), 0) FROM usage_detail"

struct model {
    uint32_t random;
    int      key_of[SLOTS]; /* -1: the slot has no owner */
    uint32_t owner_of[SLOTS];
    int      keys;
    int64_t  units[KEYS + 1][HOURS]; /* the last: of no owner */
};

static uint32_t
draw(struct model *m, uint32_t below)
{
    m->random = m->random * 1664525U + 1013904223U;
    return (m->random >> 8) % below;
}

/* As the ledger knows it; KEYS: units of no owner. */
static void
name_key(char out[NAME_SIZE], int key)
{
    out[0] = '\0';
    if (key != KEYS) {
        (void) snprintf(out, NAME_SIZE, "r-%d", key);
    }
}

/* The slot gets a key of its own: of a buyer, or of nobody. */
static void
own(struct world *w, struct model *m, uint32_t slot)
{
    char                     key[NAME_SIZE];
    static const char *const whose[] = { "agr-1", "agr-2", NULL };

    if (m->keys == KEYS) {
        return;
    }
    name_key(key, m->keys);
    m->key_of[slot] = m->keys++;
    world_owner(w, slot, ++m->owner_of[slot], whose[draw(m, 3)], key);
}

/* What a change of the key's plan does, with the collector's part in it. */
static void
change_owner(struct world *w, struct model *m, uint32_t slot)
{
    char sql[160];

    if (m->key_of[slot] < 0 || m->keys == KEYS) {
        return;
    }
    (void) snprintf(sql, sizeof(sql), "UPDATE meter_owner SET"
        " state = 'retired', retired_epoch = 0 WHERE slot = %u AND"
        " state = 'open'", slot);
    world_sql(w, sql);
    while (world_fold(w) != TG_OK) {
    }
    own(w, m, slot);
}

static void
count(struct world *w, struct model *m)
{
    uint32_t slot = draw(m, SLOTS), units = 1 + draw(m, 9);
    int64_t  hour = (tg_hour_of(w->now_s) - HOUR) / TG_HOUR_S;
    int      key = m->key_of[slot] < 0 ? KEYS : m->key_of[slot];

    if (hour > 0 && draw(m, 4) == 0) {
        hour--; /* by a worker whose clock is behind */
    }
    tg_meters_count(w->meters, slot, HOUR + hour * TG_HOUR_S, units);
    m->units[key][hour] += units;
}

/* Something goes wrong in a fold, or in a seal; the daemon may die of it. */
static void
stumble(struct world *w, struct model *m)
{
    fault_arm(FAULT_SQL, 1 + draw(m, 60), draw(m, 2) == 0);
    fault_begin();
    if (draw(m, 3) == 0) {
        (void) !world_seal_early(w, "agr-1");
    } else {
        (void) !world_fold(w);
    }
    (void) fault_end();
    fault_arm(FAULT_SQL, 0, false);
    if (draw(m, 2) == 0) {
        world_restart(w);
    }
}

static void
step(struct world *w, struct model *m)
{
    uint32_t what = draw(m, 40);

    if (what < 24) {
        count(w, m);
    } else if (what < 30) {
        assert_int_equal(world_fold(w), TG_OK);
    } else if (what < 34) {
        stumble(w, m);
    } else if (what < 36) {
        change_owner(w, m, draw(m, SLOTS));
    } else if (what == 36) {
        assert_int_equal(world_seal_early(w, draw(m, 2) == 0 ? "agr-1"
                                                             : NULL),
            TG_OK);
    } else if (what == 37) {
        w->cells_max = draw(m, 4);
        world_restart(w);
    } else if (w->now_s + 3600 < HOUR + HOURS * TG_HOUR_S) {
        assert_int_equal(world_fold(w), TG_OK);
        world_pass(w, 600 + draw(m, 3000));
        if (draw(m, 2) == 0) {
            assert_int_equal(world_seal(w), TG_OK);
        }
    }
}

static void
compare(struct world *w, const struct model *m)
{
    int     key, hour;
    char    sql[256], name[NAME_SIZE];
    int64_t has;

    for (key = 0; key <= m->keys; key++) {
        for (hour = 0; hour < HOURS; hour++) {
            int k = key == m->keys ? KEYS : key;

            name_key(name, k);
            (void) snprintf(sql, sizeof(sql), UNITS " WHERE key_id = '%s' AND"
                " used_hour = %lld", name,
                (long long) (HOUR + hour * TG_HOUR_S));
            has = world_int(w, sql);
            if (has != m->units[k][hour]) {
                fail_msg("key %d, hour %d: %lld units in the ledger, %lld"
                    " were counted", key, hour, (long long) has,
                    (long long) m->units[k][hour]);
            }
        }
    }
    /* what is billed in another hour says why, and no record is over */
    assert_int_equal(world_int(w, UNITS " WHERE hour <> used_hour AND"
        " reason = ''"), 0);
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM ledger_record r WHERE"
        " r.quantity <> (SELECT COALESCE(SUM(d.quantity), 0) FROM"
        " usage_detail d WHERE d.agreement_id = r.agreement_id AND"
        " d.dimension = r.dimension AND d.hour = r.hour)"), 0);
    /* a source is there once, and none is without a row */
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM usage_hour WHERE"
        " source NOT IN (SELECT id FROM usage_source)"), 0);
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM usage_hour d JOIN"
        " usage_source s ON s.id = d.source WHERE d.is_held <>"
        " (s.agreement_id = '' AND s.product_code <> '')"), 0);
}

static void
random_folds(uint32_t seed)
{
    int           i;
    int64_t       units;
    void         *state;
    uint32_t      slot;
    struct model *m = calloc(1, sizeof(*m));
    struct world *w;

    assert_non_null(m);
    assert_int_equal(world_set_up(&state), 0);
    w = state;
    world_agreement(w, "agr-2", "222222222222", "account");
    world_sql(w, "DELETE FROM meter_owner");
    m->random = seed;
    for (slot = 0; slot < SLOTS; slot++) {
        m->key_of[slot] = -1;
        m->owner_of[slot] = slot == 0 ? 1 : 0;
        if (slot > 0) {
            own(w, m, slot);
        }
    }
    for (i = 0; i < STEPS; i++) {
        step(w, m);
    }
    assert_int_equal(tg_collector_fold(w->collector, true, w->now_s,
        &w->err), TG_OK);
    compare(w, m);
    units = world_int(w, UNITS);
    world_restart(w); /* every lane is at its mark */
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS), units);
    assert_int_equal(world_tear_down(&state), 0);
    free(m);
}

static void
the_ledger_has_what_the_model_has(void **state)
{
    const char *given = getenv("TALLYGATE_TEST_SEED");
    uint32_t    seed = given != NULL ? (uint32_t) strtoul(given, NULL, 10)
                                     : 1;
    uint32_t    end = seed
        + (getenv("TALLYGATE_TEST_LONG") != NULL ? 300 : 12);

    (void) state;
    for (; seed < end; seed++) {
        print_message("seed %u\n", seed);
        random_folds(seed);
    }
}

/*
 * ---- sources
 */

/* A new hour takes a row of two numbers for a key, and nothing else. */
static void
a_new_hour_makes_no_new_source(void **state)
{
    int           i;
    struct world *w = *state;

    world_owner(w, 1, 1, NULL, "key-2");
    for (i = 0; i < 5; i++) {
        world_count(w, 0, 1);
        world_count(w, 1, 1);
        assert_int_equal(world_fold(w), TG_OK);
        if (i == 2) {
            world_restart(w);
        }
        world_pass(w, 3600);
    }
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM usage_source"), 2);
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM usage_hour"), 10);
    assert_int_equal(world_int(w, "SELECT COUNT(*) FROM usage_hour WHERE"
        " is_held = 1"), 5);
}

/* What was remembered of an owner is not the next one's. */
static void
a_slot_that_is_used_again_has_another_source(void **state)
{
    struct world *w = *state;

    world_count(w, 0, 5);
    assert_int_equal(world_fold(w), TG_OK);
    world_sql(w, "UPDATE meter_owner SET state = 'retired',"
        " retired_epoch = 0");
    world_count(w, 0, 2);
    assert_int_equal(world_fold(w), TG_OK);
    world_owner(w, 0, 1 + (1 << 16), NULL, "key-2"); /* the same low bits */
    world_count(w, 0, 7);
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS " WHERE key_id = 'key-1'"), 7);
    assert_int_equal(world_int(w, UNITS " WHERE key_id = 'key-2' AND"
        " agreement_id = ''"), 7);
}

/*
 * ---- a fold of several transactions
 */

static void
a_fold_in_steps_says_at_its_end_that_all_is_folded(void **state)
{
    uint32_t      slot;
    struct world *w = *state;

    w->cells_max = 2;
    world_restart(w);
    for (slot = 1; slot < 5; slot++) {
        char key[16];

        (void) snprintf(key, sizeof(key), "key-%u", slot + 1);
        world_owner(w, slot, 1, "agr-1", key);
    }
    assert_int_equal(world_fold(w), TG_OK);
    for (slot = 0; slot < 5; slot++) {
        world_count(w, slot, 3);
    }
    world_pass(w, 7);
    fault_arm(FAULT_SQL, 40, true); /* in the third transaction */
    fault_begin();
    assert_int_not_equal(world_fold(w), TG_OK);
    assert_true(fault_end());
    fault_arm(FAULT_SQL, 0, false);
    assert_in_range(world_int(w, UNITS), 6, 12);
    assert_int_equal(world_int(w, "SELECT folded_through FROM fold"), NOW);
    assert_int_equal(world_int(w, "SELECT sequence FROM fold"),
        (int64_t) atomic_load(&w->board.page->fold_sequence));
    assert_int_equal(world_fold(w), TG_OK);
    assert_int_equal(world_int(w, UNITS), 15);
    assert_int_equal(world_int(w, "SELECT folded_through FROM fold"),
        NOW + 7);
}

/* Each second where it is cheap; a tenth of a processor where it is not. */
static void
a_fold_that_costs_much_comes_more_rarely(void **state)
{
    size_t i;
    static const struct {
        int64_t cpu_ms, pause_s;
    } cases[] = { { 0, 1 }, { 3, 1 }, { 100, 1 }, { 101, 2 }, { 250, 3 },
        { 999, 10 }, { 1000, 10 }, { 60000, 10 } };

    (void) state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(tg_collector_pause_s(cases[i].cpu_ms),
            cases[i].pause_s);
    }
}

int
main(void)
{
#define WORLD_TEST(name)                                                      \
    cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ledger_has_what_the_model_has),
        cmocka_unit_test(a_fold_that_costs_much_comes_more_rarely),
        WORLD_TEST(a_new_hour_makes_no_new_source),
        WORLD_TEST(a_slot_that_is_used_again_has_another_source),
        WORLD_TEST(a_fold_in_steps_says_at_its_end_that_all_is_folded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
