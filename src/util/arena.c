/* SPDX-License-Identifier: Apache-2.0 */
#include "util/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/digest.h"

#define BLOCK_SIZE ((size_t) 8192)

struct tg_arena_block {
    struct tg_arena_block *next;
    size_t                 used;
    size_t                 size;
    _Alignas(max_align_t) char data[];
};

void
tg_arena_init(struct tg_arena *a)
{
    a->blocks = NULL;
    a->is_secret = false;
}

void
tg_arena_init_secret(struct tg_arena *a)
{
    a->blocks = NULL;
    a->is_secret = true;
}

void
tg_arena_clear(struct tg_arena *a)
{
    struct tg_arena_block *block, *next;

    for (block = a->blocks; block != NULL; block = next) {
        next = block->next;
        if (a->is_secret) {
            tg_wipe(block->data, block->used);
        }
        free(block);
    }
    a->blocks = NULL;
}

void *
tg_arena_alloc(struct tg_arena *a, size_t size)
{
    size_t                 align = _Alignof(max_align_t);
    size_t                 room;
    void                  *p;
    struct tg_arena_block *block = a->blocks;

    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    size = (size + align - 1) & ~(align - 1);
    if (block == NULL || block->size - block->used < size) {
        room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        block = calloc(1, sizeof(*block) + room);
        if (block == NULL) {
            return NULL;
        }
        block->size = room;
        block->next = a->blocks;
        a->blocks = block;
    }
    p = block->data + block->used;
    block->used += size;
    return p;
}

char *
tg_arena_dup(struct tg_arena *a, const void *data, size_t len)
{
    char *copy;

    copy = data != NULL ? tg_arena_alloc(a, len + 1) : NULL;
    if (copy != NULL && len > 0) {
        memcpy(copy, data, len);
    }
    return copy;
}

char *
tg_arena_strdup(struct tg_arena *a, const char *text)
{
    return text != NULL ? tg_arena_dup(a, text, strlen(text)) : NULL;
}

char *
tg_arena_printf(struct tg_arena *a, const char *fmt, ...)
{
    int     n;
    char   *text;
    va_list args;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    text = n >= 0 ? tg_arena_alloc(a, (size_t) n + 1) : NULL;
    if (text != NULL) {
        va_start(args, fmt);
        (void) vsnprintf(text, (size_t) n + 1, fmt, args);
        va_end(args);
    }
    return text;
}
