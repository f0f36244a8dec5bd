/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/lease.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "util/clock.h"
#include "util/file.h"

/* The row as it stands. */
struct row {
    bool    is_there;
    bool    is_free;  /* nobody holds it */
    bool    is_kin;   /* the holder has our identity */
    int64_t token, renewals, expires_s;
    char    holder[TG_LEASE_TEXT_MAX];
};

void
tg_lease_init(struct tg_lease *l, const char *name, const char *holder,
    const char *identity)
{
    memset(l, 0, sizeof(*l));
    l->name = name;
    (void) snprintf(l->holder, sizeof(l->holder), "%s", holder);
    (void) snprintf(l->identity, sizeof(l->identity), "%s", identity);
}

enum tg_status
tg_lease_identity(char out[TG_UUID_SIZE], const char *state_dir,
    struct tg_error *err)
{
    char           path[PATH_MAX];
    enum tg_status status;
    struct tg_buf  text;

    (void) snprintf(path, sizeof(path), "%s/private/identity", state_dir);
    tg_buf_init(&text, TG_UUID_SIZE);
    status = tg_file_read(&text, path, err);
    if (status == TG_NOTFOUND) {
        tg_uuid(out);
        status = tg_file_replace(path, out, TG_UUID_SIZE - 1, 0600, err);
    } else if (status == TG_OK && text.len != TG_UUID_SIZE - 1) {
        status = tg_error_set(err, TG_CORRUPT, "%s: is no identity; delete"
            " the file, and it is made anew", path);
    } else if (status == TG_OK) {
        memcpy(out, text.data, TG_UUID_SIZE);
    }
    tg_buf_clear(&text);
    return status;
}

static enum tg_status
read_row(const struct tg_lease *l, struct row *row, struct tg_store *s,
    struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    memset(row, 0, sizeof(*row));
    status = tg_store_query(s, &q, err, "SELECT holder, identity, token,"
        " renewals, expires_s FROM lease WHERE name = $1", "s", l->name);
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK) {
        row->is_there = true;
        (void) snprintf(row->holder, sizeof(row->holder), "%s",
            tg_stmt_text(q, 0));
        row->is_free = row->holder[0] == '\0';
        row->is_kin = strcmp(tg_stmt_text(q, 1), l->identity) == 0;
        row->token = tg_stmt_int(q, 2);
        row->renewals = tg_stmt_int(q, 3);
        row->expires_s = tg_stmt_int(q, 4);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

static enum tg_status
renew(struct tg_lease *l, struct tg_store *s, int64_t now_s, int64_t boot_s,
    struct tg_error *err)
{
    enum tg_status status;

    status = tg_store_exec(s, err, "UPDATE lease SET renewals = renewals + 1,"
        " expires_s = $1 WHERE name = $2 AND token = $3", "isi",
        now_s + TG_LEASE_TERM_S, l->name, l->token);
    if (status == TG_OK && tg_store_changes(s) != 1) {
        l->token = 0; /* N1 */
        atomic_store(&l->until_boot_s, 0);
        return tg_error_set(err, TG_STALE, "another process has taken over"
            " as %s: this one was silent for too long", l->name);
    }
    l->pending_token = l->token;
    l->pending_until_s = boot_s + TG_LEASE_TERM_S;
    return status;
}

static enum tg_status
take(struct tg_lease *l, struct tg_store *s, const struct row *row,
    int64_t now_s, int64_t boot_s, struct tg_error *err)
{
    l->pending_token = row->token + 1; /* N3 */
    l->pending_until_s = boot_s + TG_LEASE_TERM_S;
    return tg_store_exec(s, err, "INSERT INTO lease (name, holder, identity,"
        " token, renewals, since_s, expires_s)"
        " VALUES ($1, $2, $3, $4, 1, $5, $6) ON CONFLICT (name) DO UPDATE"
        " SET holder = excluded.holder, identity = excluded.identity,"
        " token = excluded.token, renewals = 1, since_s = excluded.since_s,"
        " expires_s = excluded.expires_s", "sssiii", l->name, l->holder,
        l->identity, l->pending_token, now_s, now_s + TG_LEASE_TERM_S);
}

/* Whether another's row has been seen unchanged for a term. */
static bool
is_silent(struct tg_lease *l, const struct row *row, int64_t boot_s)
{
    if (l->seen_token != row->token || l->seen_renewals != row->renewals
        || boot_s < l->seen_boot_s)
    {
        l->seen_token = row->token;
        l->seen_renewals = row->renewals;
        l->seen_boot_s = boot_s;
        return false;
    }
    return boot_s - l->seen_boot_s >= TG_LEASE_TERM_S + TG_LEASE_MARGIN_S;
}

enum tg_status
tg_lease_hold(struct tg_lease *l, struct tg_store *s, int64_t now_s,
    int64_t boot_s, struct tg_error *err)
{
    bool           is_first = !l->has_looked;
    char           time[TG_ISO8601_SIZE];
    struct row     row;
    enum tg_status status;

    if (l->token != 0) {
        return renew(l, s, now_s, boot_s, err);
    }
    status = read_row(l, &row, s, err);
    if (status != TG_OK) {
        return status;
    }
    if (!row.is_there || row.is_free || (row.is_kin && is_first)
        || is_silent(l, &row, boot_s))
    {
        return take(l, s, &row, now_s, boot_s, err);
    }
    l->has_looked = true;
    tg_iso8601(time, row.expires_s);
    return tg_error_set(err, TG_BUSY, "%s works as %s, by its clock until"
        " %s; this process takes over when that one falls silent",
        row.holder, l->name, time);
}

void
tg_lease_committed(struct tg_lease *l)
{
    l->has_looked = true;
    l->token = l->pending_token;
    atomic_store(&l->until_boot_s, l->pending_until_s);
}

int64_t
tg_lease_left(struct tg_lease *l, int64_t boot_s)
{
    return atomic_load(&l->until_boot_s) - boot_s;
}

enum tg_status
tg_lease_release(struct tg_lease *l, struct tg_store *s,
    struct tg_error *err)
{
    enum tg_status status;

    if (l->token == 0) {
        return TG_OK;
    }
    status = tg_store_begin(s, TG_STORE_ORDERED, err);
    if (status == TG_OK) {
        status = tg_store_exec(s, err, "UPDATE lease SET holder = ''"
            " WHERE name = $1 AND token = $2", "si", l->name, l->token);
    }
    if (status == TG_OK) {
        status = tg_store_commit(s, err);
    }
    tg_store_rollback(s);
    l->token = 0;
    atomic_store(&l->until_boot_s, 0);
    return status;
}
