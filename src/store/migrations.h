/*
 * migrations.h - the schema's history, embedded by tools/embed-migrations
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_STORE_MIGRATIONS_H
#define TG_STORE_MIGRATIONS_H

#include <stddef.h>

struct tg_migration {
    int         version; /* 1, 2, 3, ... without a gap */
    const char *name;    /* "initial" */
    const char *sql;
};

extern const struct tg_migration tg_migrations[];
extern const size_t tg_migration_count;

#endif
