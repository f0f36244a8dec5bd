/*
 * entries.h - the key table and the cells, as the store wants them
 *
 * An entry is always derived from the store as it stands, never from what a
 * change thought it did; so publishing twice, or publishing after a crash,
 * comes to the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_ENTRIES_H
#define TG_CONTROL_ENTRIES_H

#include <stdint.h>

#include "control/control.h"
#include "util/error.h"

/*
 * Makes cells, grants and entry of the key with this digest (hex) what the
 * store says: first the cells, then the entry, or none where there is no such
 * key.
 */
TG_MUST_CHECK enum tg_status tg_entry_publish(struct tg_control *control,
    const char *digest, struct tg_error *err);

/*
 * Start-up, before anything is served: gives every key a new slot when the
 * mapped files were made anew, compares each key of the store with its entry
 * and mends what differs, and removes entries that the store does not know.
 */
TG_MUST_CHECK enum tg_status tg_entries_mend(struct tg_control *control,
    int64_t now_s, struct tg_error *err);

#endif
