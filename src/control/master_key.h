/*
 * master_key.h - the keys under which the vault seals, and where they lie
 *
 * The master key is 32 random bytes, written as 64 hexadecimal digits.  It
 * comes from TALLYGATE_MASTER_KEY or, where that is not set, from a file of
 * one line.  While it is being replaced there are two of them: the current,
 * under which everything new is sealed, and the previous, under which some
 * values still are (TALLYGATE_MASTER_KEY_PREVIOUS, or the file's second
 * line).
 *
 * Promises
 *   P1  Both variables are wiped from the environment as soon as they were
 *       read, off the block that /proc shows, too.
 *   P2  The file is replaced in one step with mode 0600: at every moment it
 *       holds each key that the store needs.
 *   P3  No message holds a key; an id is the first 8 bytes of a digest.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_MASTER_KEY_H
#define TG_CONTROL_MASTER_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "util/aead.h"
#include "util/error.h"

#define TG_MASTER_KEY_ID_SIZE 8
#define TG_MASTER_KEY_ID_HEX (2 * TG_MASTER_KEY_ID_SIZE + 1)
#define TG_MASTER_KEY_ENVIRONMENT "TALLYGATE_MASTER_KEY"

struct tg_master_key {
    uint8_t key[TG_AEAD_KEY_SIZE];
    uint8_t id[TG_MASTER_KEY_ID_SIZE];
};

/* Wipe after use. */
struct tg_master_keys {
    struct tg_master_key current;
    struct tg_master_key previous;
    bool                 has_previous;
    bool                 is_from_file;
};

/*
 * Reads them.  TG_NOTFOUND: neither variable nor file is there; TG_INVALID:
 * what is there is no key, and err says where and why.
 */
TG_MUST_CHECK enum tg_status tg_master_keys_read(struct tg_master_keys *out,
    const char *path, struct tg_error *err);

/* Makes a new current key; what was current becomes the previous. */
void tg_master_keys_renew(struct tg_master_keys *keys);

/* Replaces the file (P2). */
TG_MUST_CHECK enum tg_status tg_master_keys_write(
    const struct tg_master_keys *keys, const char *path,
    struct tg_error *err);

#endif
