/*
 * sqlite.c - the store in one SQLite file
 *
 * WAL mode; a write transaction is BEGIN IMMEDIATE; synchronous is FULL for a
 * durable commit and NORMAL for an ordered one.  In WAL mode both survive a
 * kill; NORMAL may lose the newest commits in a power cut, whole ones and
 * from the end only, which is what T2 promises.
 *
 * SQLite reads $1 as a name, not as a number, and numbers parameters by their
 * first appearance; so each statement keeps a map from ours to SQLite's.
 *
 * Who waits for the write lock polls for it.  Those of this process are
 * counted while they do, so that whoever holds the lock for long can see it
 * and give way.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/engine.h"

#define BUSY_TIMEOUT_MS 10000
#define BUSY_QUICK 50 /* so often, it is polled each millisecond */
#define BUSY_STEP_MS 5 /* and then so rarely */
#define PARAMETERS_MAX 32

struct tg_engine_connection {
    sqlite3                 *db;
    char                    *path;
    enum tg_store_durability durability; /* what synchronous is set to */
};

struct tg_engine_statement {
    struct tg_engine_connection *connection;
    sqlite3_stmt                *stmt;
    int                          map[PARAMETERS_MAX + 1];
};

static enum tg_status
status_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
        return TG_CONFLICT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return TG_BUSY;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return TG_READONLY;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return TG_IO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return TG_CORRUPT;
    case SQLITE_NOMEM:
        return TG_NOMEM;
    default:
        return TG_ERROR;
    }
}

/* What the operator can do, where SQLite's own words do not say it. */
static const char *
advice_for(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
        return "; another process holds its write lock";
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return "; make the file and its folder writable for this user";
    case SQLITE_FULL:
        return "; free space on its disk";
    case SQLITE_NOTADB:
        return "; this is not a store of tallygate: name another file or "
               "move it away";
    case SQLITE_CORRUPT:
        return "; restore it from a backup";
    default:
        return "";
    }
}

static enum tg_status
failed(const struct tg_engine_connection *c, int code, const char *what,
    struct tg_error *err)
{
    return tg_error_set(err, status_of(code), "store %s: %s: %s%s", c->path,
        what, c->db != NULL ? sqlite3_errmsg(c->db) : sqlite3_errstr(code),
        advice_for(code));
}

static enum tg_status
run(struct tg_engine_connection *c, const char *sql, const char *what,
    struct tg_error *err)
{
    int code = sqlite3_exec(c->db, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? TG_OK : failed(c, code, what, err);
}

static enum tg_status
sqlite_script(struct tg_engine_connection *c, const char *sql,
    struct tg_error *err)
{
    return run(c, sql, "schema", err);
}

static void
sqlite_close(struct tg_engine_connection *c)
{
    if (c != NULL) {
        sqlite3_close(c->db);
        free(c->path);
        free(c);
    }
}

/*
 * Makes the file with mode 0600, or takes other users' rights away; SQLite
 * gives its WAL the same mode.  A file that is there is not opened: closing
 * it would drop the locks of this process's other connections.
 */
static enum tg_status
make_private(const char *path, struct tg_error *err)
{
    int         fd;
    struct stat st;

    if (stat(path, &st) == 0) {
        if (!S_ISREG(st.st_mode)) {
            return tg_error_set(err, TG_IO, "store %s: is no regular file",
                path);
        }
        if ((st.st_mode & 077) != 0
            && chmod(path, st.st_mode & 0700) != 0)
        {
            return tg_error_errno(err,
                errno == EROFS ? TG_READONLY : TG_IO,
                "store %s: cannot take other users' rights away", path);
        }
        return TG_OK;
    }
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST) {
        return tg_error_errno(err,
            errno == EROFS || errno == EACCES ? TG_READONLY : TG_IO,
            "store %s: cannot be made", path);
    }
    if (fd >= 0) {
        close(fd);
    }
    return TG_OK;
}

static atomic_uint waiting; /* connections of this process */

/* SQLite's: the write lock is another's.  0: it is not to be waited for. */
static int
wait_for_lock(void *data, int count)
{
    int                   ms = count < BUSY_QUICK ? 1 : BUSY_STEP_MS;
    const struct timespec pause = { 0, ms * 1000000L };

    (void) data;
    if (count > BUSY_QUICK
        && (count - BUSY_QUICK) * BUSY_STEP_MS + BUSY_QUICK
            > BUSY_TIMEOUT_MS)
    {
        return 0;
    }
    (void) atomic_fetch_add(&waiting, 1);
    (void) nanosleep(&pause, NULL);
    (void) atomic_fetch_sub(&waiting, 1);
    return 1;
}

static bool
sqlite_is_wanted(void)
{
    return atomic_load(&waiting) > 0;
}

static enum tg_status
configure(struct tg_engine_connection *c, bool is_readonly,
    struct tg_error *err)
{
    enum tg_status status;

    sqlite3_extended_result_codes(c->db, 1);
    sqlite3_busy_handler(c->db, wait_for_lock, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    status = run(c, "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;",
        "open", err);
    if (status != TG_OK) {
        return status;
    }
    if (is_readonly) {
        return run(c, "SELECT count(*) FROM sqlite_schema", "open", err);
    }
    /*
     * The first access that reads the file: what is no database shows here.
     * It also fails where another process keeps the file in another mode.
     */
    status = run(c, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;",
        "open", err);
    if (status == TG_OK && sqlite3_db_readonly(c->db, "main") == 1) {
        status = failed(c, SQLITE_READONLY, "open", err);
        (void) tg_error_set(err, status, "store %s: is read-only%s", c->path,
            advice_for(SQLITE_READONLY));
    }
    c->durability = TG_STORE_DURABLE;
    return status;
}

/*
 * SQLite counts its memory under one lock for the whole process, a tenth of
 * the time of whoever writes much; nobody reads what it counts.
 */
static void
configure_once(void)
{
    (void) sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static enum tg_status
sqlite_open(struct tg_engine_connection **out, const char *path,
    bool is_readonly, struct tg_error *err)
{
    int                          code;
    int                          flags;
    enum tg_status               status;
    struct tg_engine_connection *c = NULL;
    static pthread_once_t        once = PTHREAD_ONCE_INIT;

    *out = NULL;
    if (!is_readonly) {
        status = make_private(path, err);
        if (status != TG_OK) {
            return status;
        }
    }
    c = calloc(1, sizeof(*c));
    if (c == NULL || (c->path = strdup(path)) == NULL) {
        status = tg_error_set(err, TG_NOMEM, "store %s: out of memory", path);
        goto done;
    }
    (void) pthread_once(&once, configure_once);
    flags = SQLITE_OPEN_NOMUTEX
        | (is_readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
    code = sqlite3_open_v2(path, &c->db, flags, NULL);
    if (code != SQLITE_OK) {
        status = failed(c, code, "open", err);
        goto done;
    }
    status = configure(c, is_readonly, err);
    if (status == TG_OK) {
        *out = c;
        c = NULL;
    }
done:
    sqlite_close(c);
    return status;
}

static enum tg_status
sqlite_set_cache(struct tg_engine_connection *c, int64_t kib,
    struct tg_error *err)
{
    char sql[64];

    (void) snprintf(sql, sizeof(sql), "PRAGMA cache_size = -%" PRId64, kib);
    return run(c, sql, "open", err);
}

static enum tg_status
sqlite_begin(struct tg_engine_connection *c,
    enum tg_store_durability durability, struct tg_error *err)
{
    enum tg_status status;

    if (durability != c->durability) {
        status = run(c, durability == TG_STORE_DURABLE
                ? "PRAGMA synchronous = FULL"
                : "PRAGMA synchronous = NORMAL",
            "begin", err);
        if (status != TG_OK) {
            return status;
        }
        c->durability = durability;
    }
    return run(c, "BEGIN IMMEDIATE", "begin", err);
}

static enum tg_status
sqlite_commit(struct tg_engine_connection *c, struct tg_error *err)
{
    return run(c, "COMMIT", "commit", err);
}

static void
sqlite_rollback(struct tg_engine_connection *c)
{
    if (!sqlite3_get_autocommit(c->db)) {
        (void) sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
    }
}

static bool
sqlite_in_transaction(const struct tg_engine_connection *c)
{
    return !sqlite3_get_autocommit(c->db);
}

static void
sqlite_finalize(struct tg_engine_statement *q)
{
    if (q != NULL) {
        sqlite3_finalize(q->stmt);
        free(q);
    }
}

static enum tg_status
sqlite_prepare(struct tg_engine_statement **out,
    struct tg_engine_connection *c, const char *sql, struct tg_error *err)
{
    int                         code;
    int                         i;
    char                        name[8];
    struct tg_engine_statement *q = calloc(1, sizeof(*q));

    *out = NULL;
    if (q == NULL) {
        return tg_error_set(err, TG_NOMEM, "store %s: out of memory",
            c->path);
    }
    q->connection = c;
    code = sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
        &q->stmt, NULL);
    if (code != SQLITE_OK) {
        sqlite_finalize(q);
        return failed(c, code, sql, err);
    }
    for (i = 1; i <= PARAMETERS_MAX; i++) {
        (void) snprintf(name, sizeof(name), "$%d", i);
        q->map[i] = sqlite3_bind_parameter_index(q->stmt, name);
    }
    *out = q;
    return TG_OK;
}

static bool
sqlite_is_readonly(const struct tg_engine_statement *q)
{
    return sqlite3_stmt_readonly(q->stmt) != 0;
}

/* SQLite's number of a parameter; 0, which no bind accepts, if unknown. */
static int
place_of(const struct tg_engine_statement *q, int index)
{
    return index <= PARAMETERS_MAX ? q->map[index] : 0;
}

static enum tg_status
bound(int code)
{
    return code == SQLITE_OK ? TG_OK : status_of(code);
}

static enum tg_status
sqlite_bind_int(struct tg_engine_statement *q, int index, int64_t value)
{
    return bound(sqlite3_bind_int64(q->stmt, place_of(q, index), value));
}

static enum tg_status
sqlite_bind_double(struct tg_engine_statement *q, int index, double value)
{
    return bound(sqlite3_bind_double(q->stmt, place_of(q, index), value));
}

static enum tg_status
sqlite_bind_text(struct tg_engine_statement *q, int index, const char *value)
{
    return bound(sqlite3_bind_text(q->stmt, place_of(q, index), value, -1,
        SQLITE_TRANSIENT));
}

static enum tg_status
sqlite_step(struct tg_engine_statement *q, struct tg_error *err)
{
    int code = sqlite3_step(q->stmt);

    if (code == SQLITE_ROW) {
        return TG_OK;
    }
    if (code == SQLITE_DONE) {
        return TG_NOTFOUND;
    }
    return failed(q->connection, code, sqlite3_sql(q->stmt), err);
}

static void
sqlite_reset(struct tg_engine_statement *q)
{
    (void) sqlite3_reset(q->stmt);
    (void) sqlite3_clear_bindings(q->stmt);
}

static int64_t
sqlite_column_int(struct tg_engine_statement *q, int column)
{
    return sqlite3_column_int64(q->stmt, column);
}

static double
sqlite_column_double(struct tg_engine_statement *q, int column)
{
    return sqlite3_column_double(q->stmt, column);
}

static const char *
sqlite_column_text(struct tg_engine_statement *q, int column)
{
    return (const char *) sqlite3_column_text(q->stmt, column);
}

static bool
sqlite_column_is_null(struct tg_engine_statement *q, int column)
{
    return sqlite3_column_type(q->stmt, column) == SQLITE_NULL;
}

static int64_t
sqlite_changes(const struct tg_engine_connection *c)
{
    return sqlite3_changes64(c->db);
}

const struct tg_engine tg_engine_sqlite = {
    .name = "sqlite",
    .open = sqlite_open,
    .close = sqlite_close,
    .set_cache = sqlite_set_cache,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .in_transaction = sqlite_in_transaction,
    .is_wanted = sqlite_is_wanted,
    .script = sqlite_script,
    .prepare = sqlite_prepare,
    .finalize = sqlite_finalize,
    .is_readonly = sqlite_is_readonly,
    .bind_int = sqlite_bind_int,
    .bind_double = sqlite_bind_double,
    .bind_text = sqlite_bind_text,
    .step = sqlite_step,
    .reset = sqlite_reset,
    .column_int = sqlite_column_int,
    .column_double = sqlite_column_double,
    .column_text = sqlite_column_text,
    .column_is_null = sqlite_column_is_null,
    .changes = sqlite_changes,
};
