/*
 * engine.h - what a store engine does, behind store.h
 *
 * store.c has what all engines share: transactions, kept statements,
 * parameters, migrations.  An engine is one file with one of these tables.
 * Failures are TG_CONFLICT, TG_BUSY, TG_READONLY, TG_IO, TG_CORRUPT, TG_NOMEM
 * and TG_ERROR, with the store's name and the engine's words in err.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_STORE_ENGINE_H
#define TG_STORE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"
#include "util/error.h"

struct tg_engine_connection;
struct tg_engine_statement;

struct tg_engine {
    const char *name;

    enum tg_status (*open)(struct tg_engine_connection **out,
        const char *path, bool is_readonly, struct tg_error *err);
    void (*close)(struct tg_engine_connection *c);
    /* How much of the store it may keep in memory. */
    enum tg_status (*set_cache)(struct tg_engine_connection *c, int64_t kib,
        struct tg_error *err);

    /* begin takes the write lock. */
    enum tg_status (*begin)(struct tg_engine_connection *c,
        enum tg_store_durability durability, struct tg_error *err);
    enum tg_status (*commit)(struct tg_engine_connection *c,
        struct tg_error *err);
    void (*rollback)(struct tg_engine_connection *c);
    /* False after a failure that undid the transaction by itself. */
    bool (*in_transaction)(const struct tg_engine_connection *c);
    /* Whether a begin of this process waits for another transaction. */
    bool (*is_wanted)(void);

    /* Several statements without parameters. */
    enum tg_status (*script)(struct tg_engine_connection *c, const char *sql,
        struct tg_error *err);

    enum tg_status (*prepare)(struct tg_engine_statement **out,
        struct tg_engine_connection *c, const char *sql,
        struct tg_error *err);
    void (*finalize)(struct tg_engine_statement *q);
    bool (*is_readonly)(const struct tg_engine_statement *q);

    /* Parameters from 1; texts are copied. */
    enum tg_status (*bind_int)(struct tg_engine_statement *q, int index,
        int64_t value);
    enum tg_status (*bind_double)(struct tg_engine_statement *q, int index,
        double value);
    enum tg_status (*bind_text)(struct tg_engine_statement *q, int index,
        const char *value);

    /* TG_OK: a row; TG_NOTFOUND: done. */
    enum tg_status (*step)(struct tg_engine_statement *q,
        struct tg_error *err);
    /* Ready for the next use; forgets the parameters. */
    void (*reset)(struct tg_engine_statement *q);

    int64_t (*column_int)(struct tg_engine_statement *q, int column);
    double (*column_double)(struct tg_engine_statement *q, int column);
    const char *(*column_text)(struct tg_engine_statement *q, int column);
    bool (*column_is_null)(struct tg_engine_statement *q, int column);

    int64_t (*changes)(const struct tg_engine_connection *c);
};

extern const struct tg_engine tg_engine_sqlite;

#endif
