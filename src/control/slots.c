/* SPDX-License-Identifier: Apache-2.0 */
#include "control/slots.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct stack {
    uint32_t *slots;
    size_t    count;
    size_t    cap;
};

struct tg_slots {
    pthread_mutex_t lock;
    struct stack    single; /* free, and the other of the pair is not */
    struct stack    pairs;  /* both are, by the even one */
    uint32_t        next;   /* the first that was never used */
};

/* Room for one more. */
static bool
reserve(struct stack *stack)
{
    size_t    cap;
    uint32_t *grown;

    if (stack->count < stack->cap) {
        return true;
    }
    cap = stack->cap == 0 ? 256 : stack->cap * 2;
    grown = realloc(stack->slots, cap * sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    stack->slots = grown;
    stack->cap = cap;
    return true;
}

static enum tg_status
push(struct stack *stack, uint32_t slot, struct tg_error *err)
{
    if (!reserve(stack)) {
        return tg_error_set(err, TG_NOMEM, "slots: out of memory");
    }
    stack->slots[stack->count++] = slot;
    return TG_OK;
}

/* The slots from next to before end are free. */
static enum tg_status
skip_to(struct tg_slots *slots, uint32_t end, struct tg_error *err)
{
    enum tg_status status = TG_OK;

    while (status == TG_OK && slots->next < end) {
        if (slots->next % 2 == 0 && slots->next + 1 < end) {
            status = push(&slots->pairs, slots->next, err);
            slots->next += 2;
        } else {
            status = push(&slots->single, slots->next, err);
            slots->next++;
        }
    }
    return status;
}

/* Walks the owned slots in order; those between them are free. */
static enum tg_status
read_owned(struct tg_slots *slots, struct tg_stmt *q, struct tg_error *err)
{
    uint32_t       slot;
    enum tg_status status;

    while ((status = tg_stmt_next(q, err)) == TG_OK) {
        slot = (uint32_t) tg_stmt_int(q, 0);
        status = skip_to(slots, slot, err);
        if (status != TG_OK) {
            return status;
        }
        slots->next = slot + (tg_stmt_int(q, 1) != 0 ? 2 : 1);
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
        "SELECT slot, is_wide FROM meter_owner"
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
        free(slots->single.slots);
        free(slots->pairs.slots);
        free(slots);
    }
}

/* Slots that nobody has had yet; an odd one before a pair stays free. */
static enum tg_status
take_next(struct tg_slots *slots, struct tg_meters *meters, bool is_wide,
    uint32_t *slot, struct tg_error *err)
{
    enum tg_status status = TG_OK;

    if (is_wide && slots->next % 2 != 0) {
        status = skip_to(slots, slots->next + 1, err);
    }
    if (status == TG_OK && slots->next >= tg_meters_slots(meters)) {
        status = tg_meters_grow(meters, err); /* an even number of them */
    }
    if (status == TG_OK) {
        *slot = slots->next;
        slots->next += is_wide ? 2 : 1;
    }
    return status;
}

enum tg_status
tg_slots_take(struct tg_slots *slots, struct tg_meters *meters, bool is_wide,
    uint32_t *slot, struct tg_error *err)
{
    enum tg_status status = TG_OK;

    pthread_mutex_lock(&slots->lock);
    /* Room to give it back, so that giving back cannot fail. */
    if (!reserve(&slots->single) || !reserve(&slots->pairs)) {
        status = tg_error_set(err, TG_NOMEM, "slots: out of memory");
    } else if (!is_wide && slots->single.count > 0) {
        *slot = slots->single.slots[--slots->single.count];
    } else if (slots->pairs.count > 0) {
        *slot = slots->pairs.slots[--slots->pairs.count];
        if (!is_wide) {
            slots->single.slots[slots->single.count++] = *slot + 1;
        }
    } else {
        status = take_next(slots, meters, is_wide, slot, err);
    }
    pthread_mutex_unlock(&slots->lock);
    return status;
}

void
tg_slots_give_back(struct tg_slots *slots, uint32_t slot, bool is_wide)
{
    pthread_mutex_lock(&slots->lock);
    /* without memory it is found free again at the next start */
    (void) (push(is_wide ? &slots->pairs : &slots->single, slot, NULL)
        == TG_OK);
    pthread_mutex_unlock(&slots->lock);
}
