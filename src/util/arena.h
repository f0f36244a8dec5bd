/*
 * arena.h - the memory of one job
 *
 * An API request, a batch or a report allocates from its arena and gives all
 * of it back at once.  Nothing is freed singly.  An arena belongs to one
 * thread.  A secret one, for what may hold keys or tokens, leaves nothing of
 * it in the memory that it gives back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_UTIL_ARENA_H
#define TG_UTIL_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "util/status.h"

struct tg_arena {
    struct tg_arena_block *blocks; /* newest first */
    bool                   is_secret;
};

void tg_arena_init(struct tg_arena *a);
void tg_arena_init_secret(struct tg_arena *a);
void tg_arena_clear(struct tg_arena *a);

/*
 * Zeroed memory, aligned for any type, living until tg_arena_clear.  NULL
 * when there is none left; the text functions also for a NULL text.
 */
void *tg_arena_alloc(struct tg_arena *a, size_t size);
char *tg_arena_dup(struct tg_arena *a, const void *data, size_t len);
char *tg_arena_strdup(struct tg_arena *a, const char *text);
char *tg_arena_printf(struct tg_arena *a, const char *fmt, ...)
    TG_PRINTF(2, 3);

#endif
