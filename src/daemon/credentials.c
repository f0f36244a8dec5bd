/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/credentials.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "aws/chain.h"
#include "util/buf.h"
#include "util/digest.h"
#include "util/file.h"
#include "util/log.h"

#define KEY_ID_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
#define KEY_ID_LEN 16
#define SECRET_LEN 40

static enum tg_status
make_file(const char *path, const char *region, struct tg_error *err)
{
    char           key_id[KEY_ID_LEN + 1], secret[SECRET_LEN + 1];
    struct tg_buf  text;
    enum tg_status status;

    tg_random_text(key_id, KEY_ID_LEN, KEY_ID_LETTERS);
    tg_random_text(secret, SECRET_LEN, TG_ALPHABET_KEY);
    tg_buf_init(&text, 1024);
    status = tg_buf_printf(&text, "[default]\naws_access_key_id = AKIA%s\n"
        "aws_secret_access_key = %s\nregion = %s\n", key_id, secret, region);
    if (status == TG_OK) {
        status = tg_file_replace(path, text.data, text.len, 0600, err);
        tg_wipe(text.data, text.len);
    }
    tg_buf_clear(&text);
    tg_wipe(secret, sizeof(secret));
    return status;
}

enum tg_status
tg_admin_credentials_open(struct tg_aws_credentials *out,
    const struct tg_settings *settings, struct tg_error *err)
{
    char           path[PATH_MAX];
    struct stat    st;
    enum tg_status status = TG_OK;

    (void) snprintf(path, sizeof(path), "%s/admin-credentials",
        settings->state_dir);
    if (stat(path, &st) != 0) {
        status = make_file(path, settings->region, err);
    } else if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        tg_log(TG_LOG_WARN, "admin_credentials_readable", "file", path,
            "msg", "others than the owner may read this file; its mode"
            " should be 0600", NULL);
    }
    return status == TG_OK ? tg_aws_chain_read_file(out, path, "default",
                                 err)
                           : status;
}

bool
tg_admin_credentials_lookup(void *data, const char *access_key_id,
    const char *session_token, char *secret)
{
    const struct tg_aws_credentials *ours = data;

    if (session_token != NULL
        || strcmp(access_key_id, ours->access_key_id) != 0
        || strlen(ours->secret_access_key) >= TG_SIGV4_SECRET_MAX)
    {
        return false;
    }
    (void) snprintf(secret, TG_SIGV4_SECRET_MAX, "%s",
        ours->secret_access_key);
    return true;
}
