/*
 * vault.h - key values sealed in the store
 *
 * AES-256-GCM under a master key of 32 random bytes.  A sealed text is
 * base64 of {format 1 byte, id of the master key 8 bytes, nonce 12 bytes,
 * ciphertext, tag 16 bytes}; what it is sealed for (the API key's id) is
 * authenticated with it, so that a row cannot be moved to another key.
 *
 * Promises
 *   L1  Without the master key the store gives no value away.
 *   L2  A text that was changed, moved to another id, or sealed under another
 *       master key is refused, and err says which.
 *   L3  The master key and opened values are wiped when they are cleared.
 *   L4  While a master key is being replaced, what was sealed under either
 *       opens; everything new is sealed under the current one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_VAULT_H
#define TG_CONTROL_VAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "control/master_key.h"
#include "store/store.h"
#include "util/buf.h"
#include "util/error.h"

struct tg_vault;

/*
 * Takes the master key from the environment or the file (master_key.h); the
 * file is made when neither is there and the store holds nothing sealed yet.
 * Where the store was sealed under the previous key, a rotation is under way.
 * TG_DENIED: the store was sealed under another master key.  The vault is
 * used under the control plane's lock.
 */
TG_MUST_CHECK enum tg_status tg_vault_open(struct tg_vault **out,
    const char *master_key_file, struct tg_store *store,
    struct tg_error *err);
void tg_vault_close(struct tg_vault *vault);

/* Appends the sealed text of value, for the row named id. */
TG_MUST_CHECK enum tg_status tg_vault_seal(const struct tg_vault *vault,
    const char *id, const char *value, struct tg_buf *out,
    struct tg_error *err);

/*
 * Opens a sealed text into out (size bytes, with a NUL behind the value); the
 * caller wipes it.  TG_CORRUPT (L2), TG_LIMIT when out is too small.
 */
TG_MUST_CHECK enum tg_status tg_vault_unseal(const struct tg_vault *vault,
    const char *id, const char *sealed, char *out, size_t size,
    struct tg_error *err);

/*
 * ---- replacing the master key (rotation.h drives it)
 */

/* The current key's id. */
void tg_vault_key_id(const struct tg_vault *vault,
    char out[TG_MASTER_KEY_ID_HEX]);

/* Whether some values may still be sealed under the previous key. */
bool tg_vault_is_rotating(const struct tg_vault *vault);

/* Whether it is sealed under the current key. */
bool tg_vault_is_current(const struct tg_vault *vault, const char *sealed);

/*
 * Writes a new key into the file beside the old one and seals with it from
 * now on.  TG_CONFLICT: one is being replaced already, or the key comes from
 * the environment, where a person has to replace it.
 */
TG_MUST_CHECK enum tg_status tg_vault_renew(struct tg_vault *vault,
    struct tg_error *err);

/*
 * When nothing is sealed under the previous key any more: says so in the
 * store, in the caller's transaction; then, after its commit, forgets that
 * key.  A start that finds the first done alone does the second.
 */
TG_MUST_CHECK enum tg_status tg_vault_note_rotated(
    const struct tg_vault *vault, struct tg_store *store,
    struct tg_error *err);
TG_MUST_CHECK enum tg_status tg_vault_forget_previous(
    struct tg_vault *vault, struct tg_error *err);

#endif
