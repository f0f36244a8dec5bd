/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "control/cells.h"
#include "control/slots.h"

#define VALUE "a-key-of-at-least-twenty-characters"

/* The list as a start finds it. */
static struct tg_slots *
open_slots(struct place *p)
{
    struct tg_slots *slots;

    assert_int_equal(tg_slots_open(&slots, p->control->store, "a file",
        NULL), TG_OK);
    return slots;
}

static void
own(struct place *p, uint32_t slot, int is_wide)
{
    char sql[256];

    (void) snprintf(sql, sizeof(sql), "INSERT INTO meter_owner (file_id,"
        " slot, owner, key_id, plan_id, dimension, reason, state, opened_s,"
        " is_wide) VALUES ('a file', %u, 1, 'key', 'plan', 'calls', 'why',"
        " 'open', 1, %d)", slot, is_wide);
    run_sql(p, sql);
}

static uint32_t
take(struct place *p, struct tg_slots *slots, bool is_wide)
{
    uint32_t slot = TG_METER_NONE;

    assert_int_equal(tg_slots_take(slots, p->control->meters, is_wide, &slot,
        NULL), TG_OK);
    assert_non_null(tg_meters_cell(p->control->meters, slot)); /* O2 */
    return slot;
}

static void
a_wide_cell_gets_an_even_slot_and_the_next(void **state)
{
    struct place    *p = *state;
    struct tg_slots *slots = open_slots(p);

    assert_int_equal(take(p, slots, false), 0);
    assert_int_equal(take(p, slots, true), 2); /* O3 */
    assert_int_equal(take(p, slots, false), 1);
    assert_int_equal(take(p, slots, true), 4);
    assert_int_equal(take(p, slots, false), 6);
    tg_slots_give_back(slots, 2, true);
    tg_slots_give_back(slots, 1, false);
    assert_int_equal(take(p, slots, true), 2);
    tg_slots_give_back(slots, 4, true);
    assert_int_equal(take(p, slots, false), 1); /* before a pair is split */
    assert_int_equal(take(p, slots, false), 4);
    assert_int_equal(take(p, slots, false), 5);
    assert_int_equal(take(p, slots, false), 7);
    assert_int_equal(take(p, slots, true), 8);
    tg_slots_close(slots);
}

static void
a_start_finds_what_is_free_between_owners(void **state)
{
    struct place    *p = *state;
    struct tg_slots *slots;

    own(p, 1, 0);
    own(p, 4, 1);
    own(p, 9, 0);
    slots = open_slots(p); /* 0, 2 and 3, 6 and 7, 8 */
    assert_int_equal(take(p, slots, true), 6);
    assert_int_equal(take(p, slots, true), 2);
    assert_int_equal(take(p, slots, true), 10);
    assert_int_equal(take(p, slots, false), 8);
    assert_int_equal(take(p, slots, false), 0);
    assert_int_equal(take(p, slots, false), 12);
    tg_slots_close(slots);
}

static void
a_pair_is_never_in_two_pieces(void **state)
{
    struct place    *p = *state;
    struct tg_slots *slots;

    own(p, TG_METER_PIECE - 2, 0);
    slots = open_slots(p);
    for (uint32_t i = 0; i < TG_METER_PIECE - 2; i += 2) {
        assert_true(take(p, slots, true) < TG_METER_PIECE - 2);
    }
    assert_int_equal(take(p, slots, true), TG_METER_PIECE);
    assert_int_equal(take(p, slots, false), TG_METER_PIECE - 1);
    assert_int_equal(take(p, slots, true), TG_METER_PIECE + 2);
    tg_slots_close(slots);
}

static void
give(struct place *p, uint32_t slot, uint32_t owner, bool is_wide)
{
    struct tg_error err;
    struct tg_cell  cell = { .key_id = "key", .plan_id = "plan",
        .slot = slot, .owner = owner, .is_wide = is_wide };

    assert_int_equal(tg_cell_give(p->control, &cell, &err), TG_OK);
}

static void
a_cell_is_as_wide_as_its_owner(void **state)
{
    struct place     *p = *state;
    struct tg_meters *m = p->control->meters;

    give(p, 40, 1, true);
    assert_int_equal(tg_meters_first(m, 41), 40);
    give(p, 40, 1, true);
    assert_int_equal(tg_meters_first(m, 41), 40);
    give(p, 41, 2, false); /* the pair was split */
    assert_int_equal(tg_meters_first(m, 41), 41);
    give(p, 40, 2, false);
    assert_false(tg_meters_is_wide(m, 40));
    give(p, 40, 3, true);
    assert_true(tg_meters_is_wide(m, 40));
}

/* As the store says, when a power cut took the page of the cell. */
static void
a_start_makes_cells_wide_again(void **state)
{
    struct place *p = *state;
    struct tg_key e;
    const char   *key, *plan;

    key = make_key(p, VALUE, "");
    plan = make_plan(p, "");
    assert_int_equal(attach(p, plan, key), 201);
    assert_int_equal(entry(p, VALUE, &e), TG_OK);
    assert_int_equal(e.plans[0].cell % 2, 0);
    assert_false(tg_meters_is_wide(p->control->meters, e.plans[0].cell));
    run_sql(p, "UPDATE meter_owner SET is_wide = 1");
    place_restart(p);
    assert_true(tg_meters_is_wide(p->control->meters, e.plans[0].cell));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(a_wide_cell_gets_an_even_slot_and_the_next),
        PLACE_TEST(a_start_finds_what_is_free_between_owners),
        PLACE_TEST(a_pair_is_never_in_two_pieces),
        PLACE_TEST(a_cell_is_as_wide_as_its_owner),
        PLACE_TEST(a_start_makes_cells_wide_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
