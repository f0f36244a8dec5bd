/*
 * store.h - the ledger and configuration store, whatever engine keeps it
 *
 * One struct tg_store is one connection and belongs to one thread at a time.
 * SQL is the part that SQLite and PostgreSQL share: parameters are $1, $2,
 * ..., numbered from 1; times are integers (epoch seconds); JSON is text.
 *
 * Promises
 *   T1  Between begin and commit all happens or nothing.  A write transaction
 *       is taken at begin (never upgraded later), so that it cannot fail half
 *       way for want of the lock.
 *   T2  A commit with TG_STORE_DURABLE is on the disk when it returns; one
 *       with TG_STORE_ORDERED survives a kill, and after a power cut all of
 *       it is there or none.
 *   T3  A store that cannot be written (read-only, full) gives TG_READONLY or
 *       TG_IO with the file's name; nothing is half done.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_STORE_STORE_H
#define TG_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct tg_store;
struct tg_stmt;

enum tg_store_durability {
    TG_STORE_DURABLE, /* T2: sync at commit */
    TG_STORE_ORDERED, /* T2: no sync of its own */
};

/*
 * Opens the store (SQLite: a file, made with mode 0600 where there is none;
 * WAL, foreign keys on, busy time-out).  The caller closes it.
 */
TG_MUST_CHECK enum tg_status tg_store_open(struct tg_store **out,
    const char *path, struct tg_error *err);
/* The same, but nothing is ever written: `tallygate audit verify`. */
TG_MUST_CHECK enum tg_status tg_store_open_readonly(struct tg_store **out,
    const char *path, struct tg_error *err);
void tg_store_close(struct tg_store *s);

/* For a connection whose transactions are large. */
TG_MUST_CHECK enum tg_status tg_store_set_cache(struct tg_store *s,
    int64_t kib, struct tg_error *err);

/*
 * Brings the schema to the newest migration, each in a transaction of its
 * own.  TG_STALE: the store is newer than this program.
 */
TG_MUST_CHECK enum tg_status tg_store_migrate(struct tg_store *s,
    int64_t now_s, struct tg_error *err);

/* A write transaction; not nested. */
TG_MUST_CHECK enum tg_status tg_store_begin(struct tg_store *s,
    enum tg_store_durability durability, struct tg_error *err);
TG_MUST_CHECK enum tg_status tg_store_commit(struct tg_store *s,
    struct tg_error *err);
/* Undoes an open transaction; does nothing without one. */
void tg_store_rollback(struct tg_store *s);
bool tg_store_in_transaction(const struct tg_store *s);

/*
 * For long work, which is done in several transactions: whether somebody in
 * this process waits to begin one; and, between two of them, a moment in
 * which he can.
 */
bool tg_store_is_wanted(const struct tg_store *s);
void tg_store_give_way(const struct tg_store *s);

/*
 * Runs one statement; one that writes needs an open transaction.  types has
 * a letter a parameter: 'i' int64_t, 'd' double, 's' const char * (NULL: SQL
 * NULL), 'n' SQL NULL (takes no argument).  An argument for 'i' must be an
 * int64_t: cast a constant.  Statements are prepared once and kept.
 * TG_CONFLICT: a constraint refused it.
 */
TG_MUST_CHECK enum tg_status tg_store_exec(struct tg_store *s,
    struct tg_error *err, const char *sql, const char *types, ...);

/*
 * The same for a statement with rows:
 *     status = tg_store_query(s, &q, err, "SELECT ... $1", "i", id);
 *     while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
 *         ... tg_stmt_int(q, 0) ...
 *     }
 *     tg_stmt_done(q);      (NULL is allowed)
 *     if (status == TG_NOTFOUND) all rows were seen
 */
TG_MUST_CHECK enum tg_status tg_store_query(struct tg_store *s,
    struct tg_stmt **out, struct tg_error *err, const char *sql,
    const char *types, ...);

/* TG_OK: a row is there; TG_NOTFOUND: no more. */
TG_MUST_CHECK enum tg_status tg_stmt_next(struct tg_stmt *q,
    struct tg_error *err);
void tg_stmt_done(struct tg_stmt *q);

/* Columns from 0; texts are lent until the next tg_stmt_next. */
int64_t tg_stmt_int(struct tg_stmt *q, int column);
double tg_stmt_double(struct tg_stmt *q, int column);
const char *tg_stmt_text(struct tg_stmt *q, int column); /* NULL: SQL NULL */
bool tg_stmt_is_null(struct tg_stmt *q, int column);

/* Rows that the last tg_store_exec changed. */
int64_t tg_store_changes(const struct tg_store *s);

#endif
