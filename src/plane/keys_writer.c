/*
 * keys_writer.c - the daemon's side of the keys table: changes and growth
 *
 * There is the current generation, and beside it, for as long as a living
 * worker may still read it, the one before.  A change goes to both or, when
 * one has no room, to neither.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "plane/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "plane/keys_table.h"

struct tg_keys_writer {
    char                  state_dir[PATH_MAX];
    struct tg_board_map  *board;
    struct tg_keys_table *now;
    struct tg_keys_table *older; /* NULL: no worker reads it any more */
};

/* Whether every living worker reads the current generation. */
static bool
is_taken_up(const struct tg_keys_writer *w)
{
    uint64_t current = w->board->page->keys_generation;

    /* A row that shows 0 was just claimed: its worker may open either. */
    for (unsigned i = 0; i < TG_BOARD_ROWS; i++) {
        if (w->board->page->rows[i].keys_generation < current
            && tg_board_row_is_alive(w->board, i))
        {
            return false;
        }
    }
    return true;
}

static void
drop_older(struct tg_keys_writer *w)
{
    char path[PATH_MAX];

    if (tg_mapped_path(path, w->state_dir, "keys",
            w->older->view.generation, NULL) == TG_OK)
    {
        (void) unlink(path);
    }
    tg_keys_table_close(w->older);
    w->older = NULL;
}

void
tg_keys_tick(struct tg_keys_writer *w)
{
    if (w->older != NULL && is_taken_up(w)) {
        drop_older(w);
    }
}

static bool
is_generation_needed(void *data, uint64_t number)
{
    const struct tg_keys_writer *w = data;

    return number == w->now->view.generation
        || (w->older != NULL && number == w->older->view.generation);
}

/* Fills a new generation aside, and makes it the current one. */
static enum tg_status
publish_new(struct tg_keys_writer *w, uint64_t capacity,
    struct tg_error *err)
{
    char                  path[PATH_MAX];
    uint8_t               digest[TG_SHA256_SIZE];
    uint64_t              pos = 0;
    uint64_t              generation = w->board->page->keys_generation + 1;
    enum tg_status        status;
    struct tg_key         key;
    struct tg_keys_table *t = NULL;

    status = tg_mapped_path(path, w->state_dir, "keys", generation, err);
    if (status == TG_OK) {
        status = tg_keys_table_make(&t, path, generation,
            w->board->page->file_id, capacity, err);
    }
    while (status == TG_OK && w->now != NULL
        && tg_keys_table_next(w->now, &pos, digest, &key))
    {
        if (!tg_keys_table_has_room(t, digest, &key)) {
            status = tg_error_set(err, TG_LIMIT, "the keys of %s do not fit"
                " a larger table either", path);
            break;
        }
        tg_keys_table_put(t, digest, &key);
    }
    if (status == TG_OK) {
        status = tg_keys_table_name(t, path, err);
    }
    if (status != TG_OK) {
        tg_keys_table_close(t);
        if (w->now != NULL) {
            tg_mapped_clean(w->state_dir, "keys", is_generation_needed, w);
        }
        return status;
    }
    w->older = w->now;
    w->now = t;
    /* Moved in any case; a page that was not synced is tried again later. */
    (void) !tg_board_move(w->board, &w->board->page->keys_generation,
        generation, NULL);
    tg_keys_tick(w);
    return TG_OK;
}

/* Grows when it is time; a failure matters only when there is no room. */
static enum tg_status
make_room(struct tg_keys_writer *w, const uint8_t digest[TG_SHA256_SIZE],
    const struct tg_key *key, struct tg_error *err)
{
    enum tg_status status = TG_OK;

    tg_keys_tick(w);
    if (w->older == NULL
        && (tg_keys_table_is_crowded(w->now)
            || !tg_keys_table_has_room(w->now, digest, key)))
    {
        status = publish_new(w, tg_keys_table_next_capacity(w->now), err);
    }
    if (!tg_keys_table_has_room(w->now, digest, key)
        || (w->older != NULL
            && !tg_keys_table_has_room(w->older, digest, key)))
    {
        return status != TG_OK ? status : tg_error_set(err, TG_BUSY,
            "the table of keys is full, and a worker has not taken up"
            " generation %" PRIu64 " yet", w->now->view.generation);
    }
    return TG_OK;
}

enum tg_status
tg_keys_put(struct tg_keys_writer *w, const uint8_t digest[TG_SHA256_SIZE],
    const struct tg_key *key, struct tg_error *err)
{
    enum tg_status status;

    if (key->plan_count > TG_KEY_PLANS_MAX) {
        return tg_error_set(err, TG_LIMIT,
            "key %s is in %" PRIu32 " usage plans, more than %d", key->id,
            key->plan_count, TG_KEY_PLANS_MAX);
    }
    status = make_room(w, digest, key, err);
    if (status != TG_OK) {
        return status;
    }
    if (w->older != NULL) {
        tg_keys_table_put(w->older, digest, key);
    }
    tg_keys_table_put(w->now, digest, key);
    return TG_OK;
}

enum tg_status
tg_keys_remove(struct tg_keys_writer *w,
    const uint8_t digest[TG_SHA256_SIZE], struct tg_error *err)
{
    (void) err;
    if (w->older != NULL) {
        tg_keys_table_remove(w->older, digest);
    }
    tg_keys_table_remove(w->now, digest);
    return TG_OK;
}

enum tg_status
tg_keys_get(struct tg_keys_writer *w, const uint8_t digest[TG_SHA256_SIZE],
    struct tg_key *out)
{
    memset(out, 0, sizeof(*out));
    return tg_keys_find(&w->now->view, digest, out);
}

enum tg_status
tg_keys_sweep(struct tg_keys_writer *w,
    bool (*visit)(void *data, const uint8_t digest[TG_SHA256_SIZE],
        const struct tg_key *key),
    void *data, struct tg_error *err)
{
    uint8_t        digest[TG_SHA256_SIZE];
    uint64_t       pos = 0;
    enum tg_status status = TG_OK;
    struct tg_key  key;

    while (status == TG_OK
        && tg_keys_table_next(w->now, &pos, digest, &key))
    {
        if (!visit(data, digest, &key)) {
            status = tg_keys_remove(w, digest, err);
        }
    }
    return status;
}

uint64_t
tg_keys_count(const struct tg_keys_writer *w)
{
    return w->now->live;
}

/*
 * A daemon that died between its two writes has left the older generation
 * behind the current one: makes it equal.  A key for which the older has no
 * room is removed there: better refused for a moment than stale.
 */
static void
bring_up(struct tg_keys_table *older, const struct tg_keys_table *now)
{
    uint8_t       digest[TG_SHA256_SIZE];
    uint64_t      pos = 0;
    struct tg_key key, have;

    while (tg_keys_table_next(now, &pos, digest, &key)) {
        if (tg_keys_find(&older->view, digest, &have) == TG_OK
            && tg_key_is_same(&have, &key))
        {
            continue;
        }
        if (tg_keys_table_has_room(older, digest, &key)) {
            tg_keys_table_put(older, digest, &key);
        } else {
            tg_keys_table_remove(older, digest);
        }
    }
    pos = 0;
    while (tg_keys_table_next(older, &pos, digest, &key)) {
        if (tg_keys_find(&now->view, digest, &have) == TG_NOTFOUND) {
            tg_keys_table_remove(older, digest);
        }
    }
}

/* The generation before the current one, if a living worker may read it. */
static void
open_older(struct tg_keys_writer *w)
{
    char     path[PATH_MAX];
    uint64_t generation = w->now->view.generation - 1;

    if (generation > 0 && !is_taken_up(w)
        && tg_mapped_path(path, w->state_dir, "keys", generation, NULL)
            == TG_OK
        && tg_keys_table_open(&w->older, path, generation,
            w->board->page->file_id, NULL) == TG_OK)
    {
        bring_up(w->older, w->now);
    }
}

static enum tg_status
open_current(struct tg_keys_writer *w, uint64_t capacity,
    struct tg_error *err)
{
    char           path[PATH_MAX];
    uint64_t       generation = w->board->page->keys_generation;
    enum tg_status status;

    if (generation == 0) {
        return publish_new(w, capacity, err);
    }
    status = tg_mapped_path(path, w->state_dir, "keys", generation, err);
    if (status == TG_OK) {
        status = tg_keys_table_open(&w->now, path, generation,
            w->board->page->file_id, err);
    }
    if (status == TG_NOTFOUND) { /* the store has all of it */
        return publish_new(w, capacity, err);
    }
    if (status == TG_OK) {
        open_older(w);
    }
    return status;
}

enum tg_status
tg_keys_writer_open(struct tg_keys_writer **out, const char *state_dir,
    struct tg_board_map *board, uint64_t capacity, struct tg_error *err)
{
    enum tg_status         status;
    struct tg_keys_writer *w;

    *out = NULL;
    if (strlen(state_dir) >= sizeof(w->state_dir)) {
        return tg_error_set(err, TG_INVALID, "path too long: %s", state_dir);
    }
    w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    (void) strcpy(w->state_dir, state_dir);
    w->board = board;
    status = open_current(w, capacity, err);
    if (status != TG_OK) {
        tg_keys_writer_close(w);
        return status;
    }
    tg_mapped_clean(state_dir, "keys", is_generation_needed, w);
    *out = w;
    return TG_OK;
}

void
tg_keys_writer_close(struct tg_keys_writer *w)
{
    if (w != NULL) {
        tg_keys_table_close(w->now);
        tg_keys_table_close(w->older);
        free(w);
    }
}
