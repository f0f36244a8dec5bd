/*
 * vault.c - the form of a sealed value, and which key the store is under
 *
 * The store's meta row `master_key_id' holds the id of the key that all its
 * values were sealed under last, so that a wrong key is found at start and
 * not at the first use.  It changes when the last value was sealed anew.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "control/vault.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/digest.h"
#include "util/log.h"

#define FORMAT 1
#define ID_SIZE TG_MASTER_KEY_ID_SIZE
#define NONCE_SIZE TG_AEAD_NONCE_SIZE
#define TAG_SIZE TG_AEAD_TAG_SIZE
#define HEAD_SIZE (1 + ID_SIZE + NONCE_SIZE)
#define VALUE_MAX 4096
#define BYTES_MAX (HEAD_SIZE + VALUE_MAX + TAG_SIZE + 3)

struct tg_vault {
    struct tg_master_keys keys;
    char                  path[PATH_MAX]; /* of the key file */
    bool                  is_rotating;
};

/*
 * ---- which key the store is under
 */

/* The id that the store's values are sealed under; "" when it has none. */
static enum tg_status
stored_id(struct tg_store *store, char id[TG_MASTER_KEY_ID_HEX],
    struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    id[0] = '\0';
    status = tg_store_query(store, &q, err,
        "SELECT value FROM meta WHERE name = 'master_key_id'", "");
    if (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK
        && strlen(tg_stmt_text(q, 0)) == TG_MASTER_KEY_ID_HEX - 1)
    {
        memcpy(id, tg_stmt_text(q, 0), TG_MASTER_KEY_ID_HEX);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
store_id(struct tg_vault *v, struct tg_store *store, struct tg_error *err)
{
    enum tg_status status = tg_store_begin(store, TG_STORE_DURABLE, err);

    if (status == TG_OK) {
        status = tg_vault_note_rotated(v, store, err);
        if (status == TG_OK) {
            return tg_store_commit(store, err);
        }
        tg_store_rollback(store);
    }
    return status;
}

/* The first start makes the file. */
static enum tg_status
find_keys(struct tg_vault *v, bool is_new, struct tg_error *err)
{
    enum tg_status status = tg_master_keys_read(&v->keys, v->path, err);

    if (status != TG_NOTFOUND) {
        return status;
    }
    if (!is_new) {
        return tg_error_set(err, TG_DENIED,
            "%s: the master key is not there, but the store holds keys that "
            "were sealed under it: put the file back, or give the key in "
            TG_MASTER_KEY_ENVIRONMENT, v->path);
    }
    tg_master_keys_renew(&v->keys);
    v->keys.has_previous = false;
    status = tg_master_keys_write(&v->keys, v->path, err);
    if (status == TG_OK) {
        tg_log(TG_LOG_NOTICE, "master_key_made", "file", v->path, NULL);
    }
    return status;
}

/* Sets what the keys are for the store, whose id is expected. */
static enum tg_status
fit_keys(struct tg_vault *v, struct tg_store *store, const char *expected,
    struct tg_error *err)
{
    char id[TG_MASTER_KEY_ID_HEX], previous[TG_MASTER_KEY_ID_HEX] = "";

    tg_vault_key_id(v, id);
    if (expected[0] == '\0') {
        return store_id(v, store, err);
    }
    if (strcmp(id, expected) == 0) {
        return tg_vault_forget_previous(v, err);
    }
    if (v->keys.has_previous) {
        tg_hex(previous, v->keys.previous.id, ID_SIZE);
    }
    if (strcmp(previous, expected) == 0) {
        v->is_rotating = true;
        return TG_OK;
    }
    return tg_error_set(err, TG_DENIED,
        "%s: this is not the master key that the store was sealed under (id "
        "%s, the store's is %s): give that one, also beside a new one",
        v->keys.is_from_file ? v->path : TG_MASTER_KEY_ENVIRONMENT, id,
        expected);
}

enum tg_status
tg_vault_open(struct tg_vault **out, const char *master_key_file,
    struct tg_store *store, struct tg_error *err)
{
    char             expected[TG_MASTER_KEY_ID_HEX];
    enum tg_status   status;
    struct tg_vault *v;

    *out = NULL;
    status = stored_id(store, expected, err);
    if (status != TG_OK) {
        return status;
    }
    v = calloc(1, sizeof(*v));
    if (v == NULL) {
        return tg_error_set(err, TG_NOMEM, "vault: out of memory");
    }
    (void) snprintf(v->path, sizeof(v->path), "%s", master_key_file);
    status = find_keys(v, expected[0] == '\0', err);
    if (status == TG_OK) {
        status = fit_keys(v, store, expected, err);
    }
    if (status != TG_OK) {
        tg_vault_close(v);
        return status;
    }
    *out = v;
    return TG_OK;
}

void
tg_vault_close(struct tg_vault *vault)
{
    if (vault != NULL) {
        tg_wipe(vault, sizeof(*vault));
        free(vault);
    }
}

/*
 * ---- replacing it
 */

void
tg_vault_key_id(const struct tg_vault *vault,
    char out[TG_MASTER_KEY_ID_HEX])
{
    tg_hex(out, vault->keys.current.id, ID_SIZE);
}

bool
tg_vault_is_rotating(const struct tg_vault *vault)
{
    return vault->is_rotating;
}

enum tg_status
tg_vault_renew(struct tg_vault *vault, struct tg_error *err)
{
    enum tg_status        status;
    struct tg_master_keys renewed = vault->keys;

    if (vault->is_rotating) {
        return tg_error_set(err, TG_CONFLICT,
            "the master key is being replaced already");
    }
    if (!vault->keys.is_from_file) {
        return tg_error_set(err, TG_CONFLICT, "the master key comes from "
            TG_MASTER_KEY_ENVIRONMENT ": put a new one there, the present one "
            "into " TG_MASTER_KEY_ENVIRONMENT "_PREVIOUS, and restart");
    }
    tg_master_keys_renew(&renewed);
    status = tg_master_keys_write(&renewed, vault->path, err);
    if (status == TG_OK) {
        vault->keys = renewed;
        vault->is_rotating = true;
    }
    tg_wipe(&renewed, sizeof(renewed));
    return status;
}

enum tg_status
tg_vault_note_rotated(const struct tg_vault *vault, struct tg_store *store,
    struct tg_error *err)
{
    char id[TG_MASTER_KEY_ID_HEX];

    tg_vault_key_id(vault, id);
    return tg_store_exec(store, err,
        "INSERT INTO meta (name, value) VALUES ('master_key_id', $1)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value", "s", id);
}

enum tg_status
tg_vault_forget_previous(struct tg_vault *vault, struct tg_error *err)
{
    enum tg_status        status = TG_OK;
    struct tg_master_keys kept = vault->keys;

    kept.has_previous = false;
    tg_wipe(&kept.previous, sizeof(kept.previous));
    if (vault->keys.has_previous && vault->keys.is_from_file) {
        status = tg_master_keys_write(&kept, vault->path, err);
    }
    if (status == TG_OK) {
        vault->keys = kept;
        vault->is_rotating = false;
    }
    tg_wipe(&kept, sizeof(kept));
    return status;
}

/*
 * ---- sealing
 */

enum tg_status
tg_vault_seal(const struct tg_vault *vault, const char *id, const char *value,
    struct tg_buf *out, struct tg_error *err)
{
    size_t         len = strlen(value);
    char           text[4 * ((HEAD_SIZE + VALUE_MAX + TAG_SIZE + 2) / 3) + 1];
    uint8_t        bytes[HEAD_SIZE + VALUE_MAX + TAG_SIZE];
    uint8_t       *nonce = bytes + 1 + ID_SIZE;
    enum tg_status status;

    if (len > VALUE_MAX) {
        return tg_error_set(err, TG_LIMIT, "vault: a value of %zu bytes",
            len);
    }
    bytes[0] = FORMAT;
    memcpy(bytes + 1, vault->keys.current.id, ID_SIZE);
    tg_random(nonce, NONCE_SIZE);
    status = tg_aead_seal(bytes + HEAD_SIZE, vault->keys.current.key, nonce,
        id, strlen(id), value, len);
    if (status == TG_OK) {
        tg_base64(text, bytes, HEAD_SIZE + len + TAG_SIZE);
        status = tg_buf_puts(out, text);
    }
    return status == TG_OK ? TG_OK
                           : tg_error_set(err, status,
                                 "vault: a value could not be sealed");
}

static enum tg_status
damaged(const char *id, struct tg_error *err)
{
    return tg_error_set(err, TG_CORRUPT,
        "vault: the sealed value of %s was changed, or belongs to another "
        "row", id);
}

/* The bytes of a sealed text; false: it is none. */
static bool
decode(uint8_t *bytes, size_t size, size_t *len, const char *sealed)
{
    size_t text_len = strlen(sealed);

    return 3 * (text_len / 4) <= size
        && tg_unbase64(bytes, len, sealed, text_len) == TG_OK
        && *len >= HEAD_SIZE + TAG_SIZE && bytes[0] == FORMAT;
}

/* The key with that id, or NULL. */
static const struct tg_master_key *
find_key(const struct tg_vault *vault, const uint8_t *id)
{
    const struct tg_master_keys *keys = &vault->keys;

    if (memcmp(id, keys->current.id, ID_SIZE) == 0) {
        return &keys->current;
    }
    return keys->has_previous && memcmp(id, keys->previous.id, ID_SIZE) == 0
        ? &keys->previous : NULL;
}

bool
tg_vault_is_current(const struct tg_vault *vault, const char *sealed)
{
    size_t  len;
    uint8_t bytes[BYTES_MAX];

    return decode(bytes, sizeof(bytes), &len, sealed)
        && find_key(vault, bytes + 1) == &vault->keys.current;
}

enum tg_status
tg_vault_unseal(const struct tg_vault *vault, const char *id,
    const char *sealed, char *out, size_t size, struct tg_error *err)
{
    size_t                      len;
    uint8_t                     bytes[BYTES_MAX];
    const struct tg_master_key *key;

    if (!decode(bytes, sizeof(bytes), &len, sealed)) {
        return damaged(id, err);
    }
    key = find_key(vault, bytes + 1);
    if (key == NULL) {
        return tg_error_set(err, TG_CORRUPT,
            "vault: the value of %s is sealed under another master key", id);
    }
    if (len - HEAD_SIZE - TAG_SIZE >= size) {
        return tg_error_set(err, TG_LIMIT, "vault: the value of %s is too "
            "long", id);
    }
    if (tg_aead_open((uint8_t *) out, key->key, bytes + 1 + ID_SIZE, id,
            strlen(id), bytes + HEAD_SIZE, len - HEAD_SIZE) != TG_OK)
    {
        return damaged(id, err);
    }
    len -= HEAD_SIZE + TAG_SIZE;
    out[len] = '\0';
    return TG_OK;
}
