/* SPDX-License-Identifier: Apache-2.0 */
#include "control/master_key.h"

#include <stdlib.h>
#include <string.h>

#include "util/digest.h"
#include "util/file.h"

#define KEY_HEX ((size_t) 2 * TG_AEAD_KEY_SIZE)
#define PREVIOUS_ENVIRONMENT TG_MASTER_KEY_ENVIRONMENT "_PREVIOUS"
#define SPACE " \t\r\n"

static void
derive_id(struct tg_master_key *key)
{
    uint8_t digest[TG_SHA256_SIZE];

    tg_hmac_sha256(digest, key->key, sizeof(key->key),
        "tallygate master key id", 23);
    memcpy(key->id, digest, sizeof(key->id));
}

/* One key from len characters; it names where they stood. */
static enum tg_status
take_hex(struct tg_master_key *out, const char *text, size_t len,
    const char *where, struct tg_error *err)
{
    char           hex[KEY_HEX + 1] = "";
    enum tg_status status = TG_INVALID;

    if (len == KEY_HEX) {
        memcpy(hex, text, KEY_HEX);
        status = tg_unhex(out->key, sizeof(out->key), hex);
        tg_wipe(hex, sizeof(hex));
    }
    if (status != TG_OK) {
        return tg_error_set(err, TG_INVALID,
            "%s: expected a master key of %zu hexadecimal digits, found %zu "
            "characters that are none", where, KEY_HEX, len);
    }
    derive_id(out);
    return TG_OK;
}

/* TG_NOTFOUND: the variable is not set. */
static enum tg_status
take_environment(struct tg_master_key *out, const char *name,
    struct tg_error *err)
{
    char          *given = getenv(name);
    const char    *text;
    enum tg_status status;

    if (given == NULL) {
        return TG_NOTFOUND;
    }
    text = given + strspn(given, SPACE);
    status = take_hex(out, text, strcspn(text, SPACE), name, err);
    tg_wipe(given, strlen(given)); /* P1 */
    (void) unsetenv(name);
    return status;
}

static enum tg_status
take_lines(struct tg_master_keys *out, const char *text, const char *path,
    struct tg_error *err)
{
    size_t         len;
    enum tg_status status;

    text += strspn(text, SPACE);
    len = strcspn(text, SPACE);
    status = take_hex(&out->current, text, len, path, err);
    if (status != TG_OK) {
        return status;
    }
    text += len + strspn(text + len, SPACE);
    if (*text == '\0') {
        return TG_OK;
    }
    len = strcspn(text, SPACE);
    out->has_previous = true;
    status = take_hex(&out->previous, text, len, path, err);
    if (status == TG_OK && text[len + strspn(text + len, SPACE)] != '\0') {
        status = tg_error_set(err, TG_INVALID, "%s: expected one master key, "
            "or the current and the previous one, found more", path);
    }
    return status;
}

static enum tg_status
take_file(struct tg_master_keys *out, const char *path, struct tg_error *err)
{
    enum tg_status status;
    struct tg_buf  text;

    tg_buf_init_secret(&text, 1024);
    status = tg_file_read(&text, path, err);
    if (status == TG_OK) {
        status = take_lines(out, text.data, path, err);
    }
    tg_buf_clear(&text);
    return status;
}

enum tg_status
tg_master_keys_read(struct tg_master_keys *out, const char *path,
    struct tg_error *err)
{
    enum tg_status status, previous;

    memset(out, 0, sizeof(*out));
    status = take_environment(&out->current, TG_MASTER_KEY_ENVIRONMENT, err);
    if (status == TG_NOTFOUND) {
        out->is_from_file = true;
        return take_file(out, path, err);
    }
    if (status == TG_OK) {
        previous = take_environment(&out->previous, PREVIOUS_ENVIRONMENT,
            err);
        out->has_previous = previous == TG_OK;
        status = previous == TG_NOTFOUND ? TG_OK : previous;
    }
    return status;
}

void
tg_master_keys_renew(struct tg_master_keys *keys)
{
    keys->previous = keys->current;
    keys->has_previous = true;
    tg_random(keys->current.key, sizeof(keys->current.key));
    derive_id(&keys->current);
}

enum tg_status
tg_master_keys_write(const struct tg_master_keys *keys, const char *path,
    struct tg_error *err)
{
    char           text[2 * (KEY_HEX + 1) + 1];
    size_t         len = KEY_HEX + 1;
    enum tg_status status;

    tg_hex(text, keys->current.key, TG_AEAD_KEY_SIZE);
    text[KEY_HEX] = '\n';
    if (keys->has_previous) {
        tg_hex(text + len, keys->previous.key, TG_AEAD_KEY_SIZE);
        text[len + KEY_HEX] = '\n';
        len += KEY_HEX + 1;
    }
    status = tg_file_replace(path, text, len, 0600, err);
    tg_wipe(text, sizeof(text));
    return status;
}
