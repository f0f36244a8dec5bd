/*
 * vault.h - key values sealed in the store
 *
 * AES-256-GCM under one master key of 32 random bytes.  A sealed text is
 * base64 of {format 1 byte, id of the master key 8 bytes, nonce 12 bytes,
 * ciphertext, tag 16 bytes}; what it is sealed for (the API key's id) is
 * authenticated with it, so that a row cannot be moved to another key.
 *
 * Promises
 *   L1  Without the master key the store gives no value away.
 *   L2  A text that was changed, moved to another id, or sealed under another
 *       master key is refused, and err says which.
 *   L3  The master key and opened values are wiped when they are cleared.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_VAULT_H
#define TG_CONTROL_VAULT_H

#include <stddef.h>

#include "store/store.h"
#include "util/buf.h"
#include "util/error.h"

struct tg_vault;

/*
 * Takes the master key from TALLYGATE_MASTER_KEY (64 hex digits; removed from
 * the environment) or from the file, which is made, with mode 0600, when
 * neither is there and the store holds nothing sealed yet.  TG_DENIED: the
 * store was sealed under another master key.
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

#endif
