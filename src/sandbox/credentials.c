/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/credentials.h"

#include <string.h>

#include "util/buf.h"
#include "util/digest.h"
#include "util/file.h"

#define FILE_MAX 65536
#define KEY_ID_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

static enum tg_status
make_file(const char *path, const char *region, struct tg_error *err)
{
    char           key_id[17], secret[41];
    enum tg_status status;
    struct tg_buf  text;

    tg_random_text(key_id, 16, KEY_ID_LETTERS);
    tg_random_text(secret, 40, TG_ALPHABET_KEY);
    tg_buf_init(&text, FILE_MAX);
    status = tg_buf_printf(&text,
        "[default]\naws_access_key_id = AKIA%s\naws_secret_access_key = %s\n"
        "region = %s\n", key_id, secret, region);
    if (status == TG_OK) {
        status = tg_file_replace(path, text.data, text.len, 0600, err);
    }
    tg_wipe(secret, sizeof(secret));
    tg_wipe(text.data, text.len);
    tg_buf_clear(&text);
    return status;
}

/* Cuts the blanks off both ends. */
static char *
trim(char *text)
{
    size_t len;

    text += strspn(text, " \t\r");
    len = strlen(text);
    while (len > 0 && strchr(" \t\r", text[len - 1]) != NULL) {
        text[--len] = '\0';
    }
    return text;
}

static enum tg_status
keep(char *out, size_t size, const char *value)
{
    if (strlen(value) >= size) {
        return TG_INVALID;
    }
    strcpy(out, value);
    return TG_OK;
}

/* Reads the lines of [default]; text is changed. */
static enum tg_status
parse(struct tg_sandbox_keys *out, char *text)
{
    bool           is_default = false;
    char          *line, *value;
    enum tg_status status = TG_OK;

    while ((line = strsep(&text, "\n")) != NULL && status == TG_OK) {
        line = trim(line);
        if (*line == '[') {
            is_default = strcmp(line, "[default]") == 0;
            continue;
        }
        value = strchr(line, '=');
        if (!is_default || value == NULL || *line == '#') {
            continue;
        }
        *value++ = '\0';
        line = trim(line);
        value = trim(value);
        if (strcmp(line, "aws_access_key_id") == 0) {
            status = keep(out->access_key_id, sizeof(out->access_key_id),
                value);
        } else if (strcmp(line, "aws_secret_access_key") == 0) {
            status = keep(out->secret_access_key,
                sizeof(out->secret_access_key), value);
        }
    }
    return status;
}

enum tg_status
tg_sandbox_keys_load(struct tg_sandbox_keys *out, const char *path,
    const char *region, struct tg_error *err)
{
    enum tg_status status;
    struct tg_buf  text;

    memset(out, 0, sizeof(*out));
    tg_buf_init(&text, FILE_MAX);
    status = tg_file_read(&text, path, err);
    if (status == TG_NOTFOUND) {
        status = make_file(path, region, err);
        if (status == TG_OK) {
            status = tg_file_read(&text, path, err);
        }
    }
    if (status == TG_OK
        && (text.len == 0 || parse(out, text.data) != TG_OK
            || *out->access_key_id == '\0'
            || *out->secret_access_key == '\0'))
    {
        status = tg_error_set(err, TG_INVALID,
            "%s: profile [default] needs aws_access_key_id and "
            "aws_secret_access_key; mend the file, or delete it and have it "
            "made anew", path);
    }
    if (text.data != NULL) {
        tg_wipe(text.data, text.len);
    }
    tg_buf_clear(&text);
    return status;
}

bool
tg_sandbox_keys_find(void *data, const char *access_key_id,
    const char *session_token, char *secret)
{
    const struct tg_sandbox_keys *keys = data;

    (void) session_token; /* it is signed; what it says is nobody's here */
    if (strcmp(access_key_id, keys->access_key_id) != 0) {
        return false;
    }
    strcpy(secret, keys->secret_access_key);
    return true;
}
