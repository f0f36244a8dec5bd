/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/memo.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum tg_status
tg_memo_get(struct tg_store *s, char *out, size_t size, const char *name,
    struct tg_error *err)
{
    const char     *value;
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(s, &q, err,
        "SELECT value FROM meta WHERE name = $1", "s", name);
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK) {
        value = tg_stmt_text(q, 0);
        if (strlen(value) >= size) {
            status = tg_error_set(err, TG_LIMIT, "meta %s is too long", name);
        } else {
            memcpy(out, value, strlen(value) + 1);
        }
    }
    tg_stmt_done(q);
    return status;
}

enum tg_status
tg_memo_get_int(struct tg_store *s, int64_t *out, const char *name,
    struct tg_error *err)
{
    char           text[32], *end;
    enum tg_status status;

    status = tg_memo_get(s, text, sizeof(text), name, err);
    if (status == TG_OK) {
        *out = strtoll(text, &end, 10);
        if (end == text || *end != '\0') {
            status = tg_error_set(err, TG_CORRUPT,
                "meta %s is no number: \"%s\"", name, text);
        }
    }
    return status;
}

enum tg_status
tg_memo_set(struct tg_store *s, const char *name, const char *value,
    struct tg_error *err)
{
    return tg_store_exec(s, err, "INSERT INTO meta (name, value)"
        " VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET"
        " value = excluded.value", "ss", name, value);
}

enum tg_status
tg_memo_set_int(struct tg_store *s, const char *name, int64_t value,
    struct tg_error *err)
{
    char text[32];

    (void) snprintf(text, sizeof(text), "%" PRId64, value);
    return tg_memo_set(s, name, text, err);
}

enum tg_status
tg_memo_remove(struct tg_store *s, const char *name, struct tg_error *err)
{
    return tg_store_exec(s, err, "DELETE FROM meta WHERE name = $1", "s",
        name);
}
