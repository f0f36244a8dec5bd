/* SPDX-License-Identifier: Apache-2.0 */
#include "control/slots.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct tg_slots {
    pthread_mutex_t lock;
    uint32_t       *free; /* a stack */
    size_t          count;
    size_t          cap;
    uint32_t        next; /* the first that was never used */
};

/* Room for one more free slot. */
static bool
reserve(struct tg_slots *slots)
{
    size_t    cap;
    uint32_t *grown;

    if (slots->count < slots->cap) {
        return true;
    }
    cap = slots->cap == 0 ? 256 : slots->cap * 2;
    grown = realloc(slots->free, cap * sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    slots->free = grown;
    slots->cap = cap;
    return true;
}

static enum tg_status
push(struct tg_slots *slots, uint32_t slot, struct tg_error *err)
{
    if (!reserve(slots)) {
        return tg_error_set(err, TG_NOMEM, "slots: out of memory");
    }
    slots->free[slots->count++] = slot;
    return TG_OK;
}

/* Walks the owned slots in order; those between them are free. */
static enum tg_status
read_owned(struct tg_slots *slots, struct tg_stmt *q, struct tg_error *err)
{
    uint32_t       slot;
    enum tg_status status;

    while ((status = tg_stmt_next(q, err)) == TG_OK) {
        slot = (uint32_t) tg_stmt_int(q, 0);
        for (; slots->next < slot; slots->next++) {
            status = push(slots, slots->next, err);
            if (status != TG_OK) {
                return status;
            }
        }
        slots->next = slot + 1;
    }
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_slots_open(struct tg_slots **out, struct tg_store *store,
    const char *file_id, struct tg_error *err)
{
    enum tg_status   status;
    struct tg_stmt  *q = NULL;
    struct tg_slots *slots = calloc(1, sizeof(*slots));

    *out = NULL;
    if (slots == NULL) {
        return tg_error_set(err, TG_NOMEM, "slots: out of memory");
    }
    pthread_mutex_init(&slots->lock, NULL);
    status = tg_store_query(store, &q, err,
        "SELECT slot FROM meter_owner"
        " WHERE file_id = $1 AND state <> 'closed' ORDER BY slot", "s",
        file_id);
    if (status == TG_OK) {
        status = read_owned(slots, q, err);
    }
    tg_stmt_done(q);
    if (status != TG_OK) {
        tg_slots_close(slots);
        return status;
    }
    *out = slots;
    return TG_OK;
}

void
tg_slots_close(struct tg_slots *slots)
{
    if (slots != NULL) {
        pthread_mutex_destroy(&slots->lock);
        free(slots->free);
        free(slots);
    }
}

enum tg_status
tg_slots_take(struct tg_slots *slots, struct tg_meters *meters,
    uint32_t *slot, struct tg_error *err)
{
    enum tg_status status = TG_OK;

    pthread_mutex_lock(&slots->lock);
    if (slots->count > 0) {
        *slot = slots->free[--slots->count];
    } else {
        if (slots->next >= tg_meters_slots(meters)) {
            status = tg_meters_grow(meters, err);
        }
        /* Room to give it back, so that giving back cannot fail. */
        if (status == TG_OK && !reserve(slots)) {
            status = tg_error_set(err, TG_NOMEM, "slots: out of memory");
        }
        if (status == TG_OK) {
            *slot = slots->next++;
        }
    }
    pthread_mutex_unlock(&slots->lock);
    return status;
}

void
tg_slots_give_back(struct tg_slots *slots, uint32_t slot)
{
    pthread_mutex_lock(&slots->lock);
    if (reserve(slots)) {
        slots->free[slots->count++] = slot;
    }
    /* else it is found free again at the next start */
    pthread_mutex_unlock(&slots->lock);
}
