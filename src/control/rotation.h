/*
 * rotation.h - replaces the master key while calls go on
 *
 * A thread of its own seals every value anew, a few hundred at a time, each
 * batch in a transaction under the control plane's lock.  A rotation that was
 * interrupted goes on at the next start, and one whose new key was given in
 * the environment begins there.
 *
 * Promises
 *   R1  At every moment each value opens under a key that the file (or the
 *       environment) holds: the old key goes when the last value was sealed
 *       anew, and that is durable.
 *   R2  What fails is tried again, and the report says why; it holds up
 *       nothing else.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_ROTATION_H
#define TG_CONTROL_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

#include "control/master_key.h"
#include "util/error.h"

struct tg_control;
struct tg_rotation;

struct tg_rotation_report {
    char    key_id[TG_MASTER_KEY_ID_HEX]; /* of the current key */
    bool    is_running;
    int64_t done;         /* values looked at in this rotation */
    int64_t total;        /* that there were at its beginning */
    char    trouble[TG_ERROR_MAX]; /* "": none */
};

/* Goes on with a rotation that is not complete. */
TG_MUST_CHECK enum tg_status tg_rotation_open(struct tg_rotation **out,
    struct tg_control *control, struct tg_error *err);
/* Stops after the batch under way. */
void tg_rotation_close(struct tg_rotation *rotation);

/* Makes a new master key and begins.  TG_CONFLICT: see tg_vault_renew. */
TG_MUST_CHECK enum tg_status tg_rotation_start(struct tg_rotation *rotation,
    int64_t now_s, struct tg_error *err);

void tg_rotation_report(struct tg_rotation *rotation,
    struct tg_rotation_report *out);

#endif
