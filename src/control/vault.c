/*
 * vault.c - the form of a sealed value, and where the master key comes from
 *
 * The id of a master key is the first 8 bytes of a digest of it.  The store's
 * meta row `master_key_id' holds the id that its values are sealed under, so
 * that a wrong key is found at start and not at the first use.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "control/vault.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/aead.h"
#include "util/digest.h"
#include "util/file.h"
#include "util/log.h"

#define FORMAT 1
#define KEY_SIZE TG_AEAD_KEY_SIZE
#define ID_SIZE 8
#define NONCE_SIZE TG_AEAD_NONCE_SIZE
#define TAG_SIZE TG_AEAD_TAG_SIZE
#define HEAD_SIZE (1 + ID_SIZE + NONCE_SIZE)
#define VALUE_MAX 4096
#define ENVIRONMENT "TALLYGATE_MASTER_KEY"

struct tg_vault {
    uint8_t key[KEY_SIZE];
    uint8_t id[ID_SIZE];
};

/*
 * ---- the master key
 */

static void
derive_id(struct tg_vault *v)
{
    uint8_t digest[TG_SHA256_SIZE];

    tg_hmac_sha256(digest, v->key, KEY_SIZE, "tallygate master key id", 23);
    memcpy(v->id, digest, ID_SIZE);
}

static enum tg_status
take_hex(struct tg_vault *v, char *text, const char *where,
    struct tg_error *err)
{
    size_t len = strlen(text);

    while (len > 0 && isspace((unsigned char) text[len - 1])) {
        text[--len] = '\0';
    }
    if (len != 2 * KEY_SIZE || tg_unhex(v->key, KEY_SIZE, text) != TG_OK) {
        return tg_error_set(err, TG_INVALID,
            "%s: expected a master key of %d hexadecimal digits, found %zu "
            "characters that are none", where, 2 * KEY_SIZE, len);
    }
    return TG_OK;
}

static enum tg_status
read_file(struct tg_vault *v, const char *path, struct tg_error *err)
{
    enum tg_status status;
    struct tg_buf  text;

    tg_buf_init(&text, 1024);
    status = tg_file_read(&text, path, err);
    if (status == TG_OK) {
        status = take_hex(v, text.data, path, err);
    }
    if (text.cap > 0) {
        tg_wipe(text.data, text.cap);
    }
    tg_buf_clear(&text);
    return status;
}

static enum tg_status
make_file(struct tg_vault *v, const char *path, struct tg_error *err)
{
    char           text[2 * KEY_SIZE + 2];
    enum tg_status status;

    tg_random(v->key, KEY_SIZE);
    tg_hex(text, v->key, KEY_SIZE);
    text[2 * KEY_SIZE] = '\n';
    status = tg_file_replace(path, text, 2 * KEY_SIZE + 1, 0600, err);
    tg_wipe(text, sizeof(text));
    if (status == TG_OK) {
        tg_log(TG_LOG_NOTICE, "master_key_made", "file", path, NULL);
    }
    return status;
}

/* The id that the store's values are sealed under; "" when it has none. */
static enum tg_status
stored_id(struct tg_store *store, char id[2 * ID_SIZE + 1],
    struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    id[0] = '\0';
    status = tg_store_query(store, &q, err,
        "SELECT value FROM meta WHERE name = 'master_key_id'", "");
    if (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK
        && strlen(tg_stmt_text(q, 0)) == 2 * ID_SIZE)
    {
        memcpy(id, tg_stmt_text(q, 0), 2 * ID_SIZE + 1);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
store_id(struct tg_store *store, const char *id, struct tg_error *err)
{
    enum tg_status status = tg_store_begin(store, TG_STORE_DURABLE, err);

    if (status == TG_OK) {
        status = tg_store_exec(store, err,
            "INSERT INTO meta (name, value) VALUES ('master_key_id', $1)",
            "s", id);
        if (status == TG_OK) {
            return tg_store_commit(store, err);
        }
        tg_store_rollback(store);
    }
    return status;
}

static enum tg_status
find_key(struct tg_vault *v, const char *path, bool is_new,
    const char **where, struct tg_error *err)
{
    char          *given = getenv(ENVIRONMENT);
    enum tg_status status;

    if (given != NULL) {
        *where = ENVIRONMENT;
        status = take_hex(v, given, ENVIRONMENT, err);
        /* Off the block that /proc shows, too, not only off the table. */
        tg_wipe(given, strlen(given));
        (void) unsetenv(ENVIRONMENT);
        return status;
    }
    *where = path;
    status = read_file(v, path, err);
    if (status == TG_NOTFOUND && is_new) {
        return make_file(v, path, err);
    }
    if (status == TG_NOTFOUND) {
        return tg_error_set(err, TG_DENIED,
            "%s: the master key is not there, but the store holds keys that "
            "were sealed under it: put the file back, or give the key in "
            ENVIRONMENT, path);
    }
    return status;
}

enum tg_status
tg_vault_open(struct tg_vault **out, const char *master_key_file,
    struct tg_store *store, struct tg_error *err)
{
    char             id[2 * ID_SIZE + 1];
    char             expected[2 * ID_SIZE + 1];
    const char      *where = NULL;
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
    status = find_key(v, master_key_file, expected[0] == '\0', &where, err);
    if (status == TG_OK) {
        derive_id(v);
        tg_hex(id, v->id, ID_SIZE);
        if (expected[0] == '\0') {
            status = store_id(store, id, err);
        } else if (strcmp(id, expected) != 0) {
            status = tg_error_set(err, TG_DENIED,
                "%s: this is not the master key that the store was sealed "
                "under (id %s, the store's is %s): give that one", where, id,
                expected);
        }
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
    memcpy(bytes + 1, vault->id, ID_SIZE);
    tg_random(nonce, NONCE_SIZE);
    status = tg_aead_seal(bytes + HEAD_SIZE, vault->key, nonce, id,
        strlen(id), value, len);
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

enum tg_status
tg_vault_unseal(const struct tg_vault *vault, const char *id,
    const char *sealed, char *out, size_t size, struct tg_error *err)
{
    size_t  len;
    size_t  text_len = strlen(sealed);
    uint8_t bytes[HEAD_SIZE + VALUE_MAX + TAG_SIZE + 3];

    if (3 * (text_len / 4) > sizeof(bytes)
        || tg_unbase64(bytes, &len, sealed, text_len) != TG_OK
        || len < HEAD_SIZE + TAG_SIZE || bytes[0] != FORMAT)
    {
        return damaged(id, err);
    }
    if (memcmp(bytes + 1, vault->id, ID_SIZE) != 0) {
        return tg_error_set(err, TG_CORRUPT,
            "vault: the value of %s is sealed under another master key", id);
    }
    if (len - HEAD_SIZE - TAG_SIZE >= size) {
        return tg_error_set(err, TG_LIMIT, "vault: the value of %s is too "
            "long", id);
    }
    if (tg_aead_open((uint8_t *) out, vault->key, bytes + 1 + ID_SIZE, id,
            strlen(id), bytes + HEAD_SIZE, len - HEAD_SIZE) != TG_OK)
    {
        return damaged(id, err);
    }
    len -= HEAD_SIZE + TAG_SIZE;
    out[len] = '\0';
    return TG_OK;
}
