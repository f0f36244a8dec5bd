/*
 * key_limits.h - a key's throttle and quota, whichever cell they stand in
 *
 * The state of a cell holds the words of the key's bucket (tat) and of
 * its quota (used).  When the key gets another cell (another agreement, say)
 * both words move, while workers go on taking from them.  A word moves in
 * one step: a bit of the old one says that it has moved, and from then on
 * the old one does not change.  So what the new one starts with is exact,
 * and whoever still takes from the old one is sent on.  Nobody waits: a
 * worker that finds the new word awaited moves it itself.
 *
 * Promises
 *   L1  No token and no unit is lost or doubled by a move: for bucket and
 *       quota (K1, Q1) the cells of a move are one.
 *   L2  Whoever dies in a move, at whatever instruction: the words are as
 *       before or can be moved by the next who comes.
 *   L3  A cell that is followed is mapped and still this key's: slots are
 *       not reused while a call is in flight that may come by the old one
 *       (board.h, P3).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_PLANE_KEY_LIMITS_H
#define TG_PLANE_KEY_LIMITS_H

#include "core/bucket.h"
#include "core/quota.h"
#include "plane/meters.h"

/*
 * As tg_bucket_take and tg_quota_take, on the key's words.  *slot is that of
 * the cell that the key's entry names; it is set to the one that was taken
 * from.  TG_CORRUPT: the words lead nowhere; nothing was taken.
 */
TG_MUST_CHECK enum tg_status tg_key_limits_take_token(struct tg_meters *m,
    uint32_t *slot, struct tg_bucket_limit limit, uint64_t now_ns,
    uint64_t *taken, uint64_t *before);
TG_MUST_CHECK enum tg_status tg_key_limits_take_quota(struct tg_meters *m,
    uint32_t *slot, uint64_t limit, uint32_t now_period,
    const struct tg_quota_view *view, uint32_t *charged);

/* Gives a unit back that was taken from slot, wherever the word is now. */
void tg_key_limits_give_back_quota(struct tg_meters *m, uint32_t slot,
    uint32_t charged);

/*
 * Daemon: the words of slot `to' will be those of slot `from'.  To be called
 * before `to' gets its owner; tg_key_limits_move does the move.
 */
void tg_key_limits_await(struct tg_meters *m, uint32_t from, uint32_t to);

/*
 * Daemon: sends whoever comes to the former cell of `to' on to it, and moves
 * what is awaited there.  May be repeated, after a kill too.
 */
TG_MUST_CHECK enum tg_status tg_key_limits_move(struct tg_meters *m,
    uint32_t to);

#endif
