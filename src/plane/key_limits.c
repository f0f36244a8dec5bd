/* SPDX-License-Identifier: Apache-2.0 */
#include "plane/key_limits.h"

#include <stddef.h>

/*
 * Cells that a call can be sent on through: each hop is a change of the key
 * that was made between the look-up of the key and this instruction.
 */
#define HOPS_MAX 64

static bool
is_awaited(const struct tg_meter_cell *cell)
{
    return atomic_load(&cell->used) == TG_QUOTA_AWAITED
        || atomic_load(&cell->tat) == TG_BUCKET_AWAITED;
}

/*
 * From here on the old word stands still, whoever has set the bit; so all who
 * move it write the same, and only the first of them writes.
 */
static void
move_word(_Atomic uint64_t *from, _Atomic uint64_t *to, uint64_t moved,
    uint64_t awaited)
{
    uint64_t seen = awaited;
    uint64_t word = atomic_fetch_or(from, moved) & ~moved;

    (void) atomic_compare_exchange_strong(to, &seen, word);
}

/* Moves what the slot's cell awaits; cells that await each other, too. */
static enum tg_status
settle(struct tg_meters *m, uint32_t slot, unsigned hops)
{
    uint32_t              from;
    enum tg_status        status = TG_OK;
    struct tg_meter_cell *former, *cell = tg_meters_cell(m, slot);

    if (!is_awaited(cell)) {
        return TG_OK;
    }
    from = atomic_load(&tg_meters_move(m, slot)->former);
    former = tg_meters_reach(m, from);
    if (former == NULL || former == cell || hops == 0) {
        return TG_CORRUPT;
    }
    if (is_awaited(former)) {
        status = settle(m, from, hops - 1);
    }
    if (status == TG_OK) {
        move_word(&former->used, &cell->used, TG_QUOTA_MOVED,
            TG_QUOTA_AWAITED);
        move_word(&former->tat, &cell->tat, TG_BUCKET_MOVED,
            TG_BUCKET_AWAITED);
    }
    return status;
}

/*
 * Where to go on from a slot whose word was not there: the slot itself, when
 * the word was awaited and has come meanwhile or comes now; TG_METER_NONE:
 * nowhere.
 */
static uint32_t
follow(struct tg_meters *m, uint32_t slot, uint64_t word, uint64_t moved)
{
    if (word == TG_QUOTA_AWAITED) { /* TG_BUCKET_AWAITED is the same */
        return settle(m, slot, HOPS_MAX) == TG_OK ? slot : TG_METER_NONE;
    }
    return (word & moved) == 0
        ? slot : atomic_load(&tg_meters_move(m, slot)->next);
}

enum tg_status
tg_key_limits_take_token(struct tg_meters *m, uint32_t *slot,
    struct tg_bucket_limit limit, uint64_t now_ns, uint64_t *taken,
    uint64_t *before)
{
    uint32_t              at = *slot;
    enum tg_status        status;
    struct tg_meter_cell *cell = tg_meters_reach(m, at);

    for (unsigned i = 0; i < HOPS_MAX && cell != NULL; i++) {
        status = tg_bucket_take(&cell->tat, limit, now_ns, taken, before);
        if (status != TG_STALE) {
            *slot = at;
            return status;
        }
        at = follow(m, at, atomic_load(&cell->tat), TG_BUCKET_MOVED);
        cell = tg_meters_reach(m, at);
    }
    return TG_CORRUPT;
}

enum tg_status
tg_key_limits_take_quota(struct tg_meters *m, uint32_t *slot, uint64_t limit,
    uint32_t now_period, const struct tg_quota_view *view, uint32_t *charged)
{
    uint32_t              at = *slot;
    enum tg_status        status;
    struct tg_meter_cell *cell = tg_meters_reach(m, at);

    for (unsigned i = 0; i < HOPS_MAX && cell != NULL; i++) {
        status = tg_quota_take(&cell->used, &cell->grant, limit, now_period,
            view, charged);
        if (status != TG_STALE) {
            *slot = at;
            return status;
        }
        at = follow(m, at, atomic_load(&cell->used), TG_QUOTA_MOVED);
        cell = tg_meters_reach(m, at);
    }
    return TG_CORRUPT;
}

void
tg_key_limits_give_back_quota(struct tg_meters *m, uint32_t slot,
    uint32_t charged)
{
    struct tg_meter_cell *cell = tg_meters_reach(m, slot);

    for (unsigned i = 0; i < HOPS_MAX && cell != NULL; i++) {
        if (tg_quota_give_back(&cell->used, charged) == TG_OK) {
            return;
        }
        slot = follow(m, slot, atomic_load(&cell->used), TG_QUOTA_MOVED);
        cell = tg_meters_reach(m, slot);
    }
}

void
tg_key_limits_await(struct tg_meters *m, uint32_t from, uint32_t to)
{
    struct tg_meter_cell *cell = tg_meters_cell(m, to);

    atomic_store(&tg_meters_move(m, to)->former, from);
    atomic_store(&cell->used, TG_QUOTA_AWAITED);
    atomic_store(&cell->tat, TG_BUCKET_AWAITED);
}

enum tg_status
tg_key_limits_move(struct tg_meters *m, uint32_t to)
{
    uint32_t              from;
    struct tg_meter_cell *cell = tg_meters_cell(m, to);

    if (cell == NULL) {
        return TG_CORRUPT;
    }
    if (!is_awaited(cell)) {
        return TG_OK;
    }
    from = atomic_load(&tg_meters_move(m, to)->former);
    if (tg_meters_cell(m, from) == NULL) {
        return TG_CORRUPT;
    }
    /* before the first is sent on */
    atomic_store(&tg_meters_move(m, from)->next, to);
    return settle(m, to, HOPS_MAX);
}
