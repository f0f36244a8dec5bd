/*
 * store.c - what all engines of the store share
 *
 * Statements are prepared once and kept by their text.  A kept statement that
 * is still being read is not taken a second time: the second user gets one of
 * its own, which lives until tg_stmt_done.
 *
 * A statement that writes outside a transaction is refused, as its durability
 * would be that of whatever came before; so is any statement after an engine
 * undid the transaction by itself (a full disk), as it would stand alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/store.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/engine.h"
#include "store/migrations.h"

#define BUCKETS 256
#define WAY_MS 10 /* longer than between two polls for the lock */

struct tg_stmt {
    struct tg_store            *store;
    struct tg_engine_statement *handle;
    char                       *sql;
    bool                        is_kept;
    bool                        in_use;
    struct tg_stmt             *next; /* in its bucket */
};

struct tg_store {
    const struct tg_engine      *engine;
    struct tg_engine_connection *connection;
    char                        *path;
    bool                         is_readonly;
    bool                         in_transaction;
    struct tg_stmt              *kept[BUCKETS];
};

static enum tg_status
open_with(struct tg_store **out, const char *path, bool is_readonly,
    struct tg_error *err)
{
    enum tg_status   status;
    struct tg_store *s = calloc(1, sizeof(*s));

    *out = NULL;
    if (s == NULL || (s->path = strdup(path)) == NULL) {
        free(s);
        return tg_error_set(err, TG_NOMEM, "store %s: out of memory", path);
    }
    s->engine = &tg_engine_sqlite;
    s->is_readonly = is_readonly;
    status = s->engine->open(&s->connection, path, is_readonly, err);
    if (status != TG_OK) {
        free(s->path);
        free(s);
        return status;
    }
    *out = s;
    return TG_OK;
}

enum tg_status
tg_store_open(struct tg_store **out, const char *path, struct tg_error *err)
{
    return open_with(out, path, false, err);
}

enum tg_status
tg_store_open_readonly(struct tg_store **out, const char *path,
    struct tg_error *err)
{
    return open_with(out, path, true, err);
}

enum tg_status
tg_store_set_cache(struct tg_store *s, int64_t kib, struct tg_error *err)
{
    return s->engine->set_cache(s->connection, kib, err);
}

static void
stmt_free(struct tg_stmt *q)
{
    q->store->engine->finalize(q->handle);
    free(q->sql);
    free(q);
}

void
tg_store_close(struct tg_store *s)
{
    size_t          i;
    struct tg_stmt *next;
    struct tg_stmt *q;

    if (s == NULL) {
        return;
    }
    tg_store_rollback(s);
    for (i = 0; i < BUCKETS; i++) {
        for (q = s->kept[i]; q != NULL; q = next) {
            assert(!q->in_use);
            next = q->next;
            stmt_free(q);
        }
    }
    s->engine->close(s->connection);
    free(s->path);
    free(s);
}

/*
 * ---- transactions
 */

enum tg_status
tg_store_begin(struct tg_store *s, enum tg_store_durability durability,
    struct tg_error *err)
{
    enum tg_status status;

    assert(!s->in_transaction);
    if (s->is_readonly) {
        return tg_error_set(err, TG_READONLY,
            "store %s: was opened for reading", s->path);
    }
    status = s->engine->begin(s->connection, durability, err);
    s->in_transaction = status == TG_OK;
    return status;
}

static enum tg_status
check_transaction(struct tg_store *s, struct tg_error *err)
{
    if (s->in_transaction && !s->engine->in_transaction(s->connection)) {
        return tg_error_set(err, TG_IO,
            "store %s: the transaction was undone by an earlier failure",
            s->path);
    }
    return TG_OK;
}

enum tg_status
tg_store_commit(struct tg_store *s, struct tg_error *err)
{
    enum tg_status status;

    assert(s->in_transaction);
    status = check_transaction(s, err);
    if (status == TG_OK) {
        status = s->engine->commit(s->connection, err);
    }
    if (status != TG_OK) {
        tg_store_rollback(s);
    }
    s->in_transaction = false;
    return status;
}

void
tg_store_rollback(struct tg_store *s)
{
    if (s->in_transaction) {
        s->engine->rollback(s->connection);
        s->in_transaction = false;
    }
}

bool
tg_store_in_transaction(const struct tg_store *s)
{
    return s->in_transaction;
}

bool
tg_store_is_wanted(const struct tg_store *s)
{
    return s->engine->is_wanted();
}

/* Who waits polls every few milliseconds, also in another process. */
void
tg_store_give_way(const struct tg_store *s)
{
    int                   i;
    const struct timespec moment = { 0, 1000000L };

    assert(!s->in_transaction);
    (void) nanosleep(&moment, NULL);
    for (i = 0; i < WAY_MS && s->engine->is_wanted(); i++) {
        (void) nanosleep(&moment, NULL);
    }
}

/*
 * ---- statements
 */

static size_t
bucket_of(const char *sql)
{
    uint32_t hash = 2166136261U; /* FNV-1a */

    for (; *sql != '\0'; sql++) {
        hash = (hash ^ (unsigned char) *sql) * 16777619U;
    }
    return hash % BUCKETS;
}

static enum tg_status
stmt_new(struct tg_stmt **out, struct tg_store *s, const char *sql,
    struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = calloc(1, sizeof(*q));

    if (q == NULL || (q->sql = strdup(sql)) == NULL) {
        free(q);
        return tg_error_set(err, TG_NOMEM, "store %s: out of memory",
            s->path);
    }
    q->store = s;
    status = s->engine->prepare(&q->handle, s->connection, sql, err);
    if (status != TG_OK) {
        free(q->sql);
        free(q);
        return status;
    }
    *out = q;
    return TG_OK;
}

/* A statement that is ready for parameters. */
static enum tg_status
stmt_get(struct tg_stmt **out, struct tg_store *s, const char *sql,
    struct tg_error *err)
{
    size_t          bucket = bucket_of(sql);
    enum tg_status  status;
    struct tg_stmt *q;

    for (q = s->kept[bucket]; q != NULL; q = q->next) {
        if (strcmp(q->sql, sql) == 0) {
            break;
        }
    }
    if (q == NULL || q->in_use) {
        bool is_first = q == NULL;

        status = stmt_new(&q, s, sql, err);
        if (status != TG_OK) {
            return status;
        }
        if (is_first) {
            q->is_kept = true;
            q->next = s->kept[bucket];
            s->kept[bucket] = q;
        }
    }
    q->in_use = true;
    *out = q;
    return TG_OK;
}

void
tg_stmt_done(struct tg_stmt *q)
{
    if (q == NULL) {
        return;
    }
    q->store->engine->reset(q->handle);
    q->in_use = false;
    if (!q->is_kept) {
        stmt_free(q);
    }
}

static enum tg_status
bind_one(struct tg_stmt *q, int index, char type, va_list *args)
{
    const struct tg_engine *e = q->store->engine;
    const char             *text;

    switch (type) {
    case 'i':
        return e->bind_int(q->handle, index, va_arg(*args, int64_t));
    case 'd':
        return e->bind_double(q->handle, index, va_arg(*args, double));
    case 's':
        text = va_arg(*args, const char *);
        return text == NULL ? TG_OK : e->bind_text(q->handle, index, text);
    case 'n': /* what is not bound is NULL */
        return TG_OK;
    default:
        return TG_INVALID;
    }
}

/* A statement with its parameters, allowed to run now. */
static enum tg_status
stmt_start(struct tg_stmt **out, struct tg_store *s, const char *sql,
    const char *types, va_list *args, struct tg_error *err)
{
    int             i;
    enum tg_status  status;
    struct tg_stmt *q;

    *out = NULL;
    status = check_transaction(s, err);
    if (status == TG_OK) {
        status = stmt_get(&q, s, sql, err);
    }
    if (status != TG_OK) {
        return status;
    }
    if (!s->in_transaction && !s->engine->is_readonly(q->handle)) {
        tg_stmt_done(q);
        return tg_error_set(err, TG_INVALID,
            "store %s: %s: writes outside a transaction", s->path, sql);
    }
    for (i = 0; types[i] != '\0'; i++) {
        status = bind_one(q, i + 1, types[i], args);
        if (status != TG_OK) {
            tg_stmt_done(q);
            return tg_error_set(err, status,
                "store %s: %s: parameter %d does not fit", s->path, sql,
                i + 1);
        }
    }
    *out = q;
    return TG_OK;
}

enum tg_status
tg_store_query(struct tg_store *s, struct tg_stmt **out, struct tg_error *err,
    const char *sql, const char *types, ...)
{
    va_list        args;
    enum tg_status status;

    va_start(args, types);
    status = stmt_start(out, s, sql, types, &args, err);
    va_end(args);
    return status;
}

enum tg_status
tg_store_exec(struct tg_store *s, struct tg_error *err, const char *sql,
    const char *types, ...)
{
    va_list         args;
    enum tg_status  status;
    struct tg_stmt *q;

    va_start(args, types);
    status = stmt_start(&q, s, sql, types, &args, err);
    va_end(args);
    if (status != TG_OK) {
        return status;
    }
    do {
        status = s->engine->step(q->handle, err);
    } while (status == TG_OK);
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_stmt_next(struct tg_stmt *q, struct tg_error *err)
{
    return q->store->engine->step(q->handle, err);
}

int64_t
tg_stmt_int(struct tg_stmt *q, int column)
{
    return q->store->engine->column_int(q->handle, column);
}

double
tg_stmt_double(struct tg_stmt *q, int column)
{
    return q->store->engine->column_double(q->handle, column);
}

const char *
tg_stmt_text(struct tg_stmt *q, int column)
{
    return q->store->engine->column_text(q->handle, column);
}

bool
tg_stmt_is_null(struct tg_stmt *q, int column)
{
    return q->store->engine->column_is_null(q->handle, column);
}

int64_t
tg_store_changes(const struct tg_store *s)
{
    return s->engine->changes(s->connection);
}

/*
 * ---- migrations
 */

/* The newest version that the store has; 0 for an empty one. */
static enum tg_status
schema_version(struct tg_store *s, int64_t *version, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    *version = 0;
    status = tg_store_query(s, &q, err,
        "SELECT coalesce(max(version), 0) FROM schema_migration", "");
    if (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        *version = tg_stmt_int(q, 0);
    }
    tg_stmt_done(q);
    if (status == TG_OK && *version > (int64_t) tg_migration_count) {
        status = tg_error_set(err, TG_STALE,
            "store %s: has schema %" PRId64 ", this program knows only "
            "up to %zu: a newer tallygate has used it; use that one, or "
            "restore a backup", s->path, *version, tg_migration_count);
    }
    return status;
}

/* Applies one migration if, under the write lock, it is still missing. */
static enum tg_status
apply(struct tg_store *s, const struct tg_migration *m, int64_t now_s,
    struct tg_error *err)
{
    int64_t        version;
    enum tg_status status = tg_store_begin(s, TG_STORE_DURABLE, err);

    if (status == TG_OK) {
        status = schema_version(s, &version, err);
    }
    if (status == TG_OK && version < m->version) {
        status = s->engine->script(s->connection, m->sql, err);
        if (status == TG_OK) {
            status = tg_store_exec(s, err,
                "INSERT INTO schema_migration (version, name, applied_s) "
                "VALUES ($1, $2, $3)", "isi", (int64_t) m->version, m->name,
                now_s);
        }
    }
    if (status == TG_OK) {
        return tg_store_commit(s, err);
    }
    tg_store_rollback(s);
    return status;
}

enum tg_status
tg_store_migrate(struct tg_store *s, int64_t now_s, struct tg_error *err)
{
    size_t         i;
    int64_t        version;
    enum tg_status status;

    status = tg_store_begin(s, TG_STORE_DURABLE, err);
    if (status != TG_OK) {
        return status;
    }
    status = s->engine->script(s->connection,
        "CREATE TABLE IF NOT EXISTS schema_migration ("
        " version BIGINT PRIMARY KEY, name TEXT NOT NULL,"
        " applied_s BIGINT NOT NULL)", err);
    if (status == TG_OK) {
        status = schema_version(s, &version, err);
    }
    if (status != TG_OK) {
        tg_store_rollback(s);
        return status;
    }
    status = tg_store_commit(s, err);
    for (i = (size_t) version; status == TG_OK && i < tg_migration_count;
         i++)
    {
        status = apply(s, &tg_migrations[i], now_s, err);
    }
    return status;
}
