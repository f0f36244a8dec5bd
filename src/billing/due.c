/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/due.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "billing/records.h"
#include "billing/verdict.h"

#define STOCK_MAX 1000
#define FLYING_SLOTS 8192 /* a power of 2, several times what can fly */
#define LITERAL_(number) #number
#define LITERAL(number) LITERAL_(number)

/* A part of a refused batch, by number. */
struct part {
    struct part *next;
    int64_t      numbers[TG_LEDGER_BATCH_MAX];
    size_t       count;
};

struct tg_due {
    struct part             *parts; /* the newest first: depth before width */
    struct tg_arena          arena; /* the stock's texts */
    struct tg_ledger_record  stock[STOCK_MAX];
    bool                     taken[STOCK_MAX];
    size_t                   count;
    int64_t                  read_s; /* when the stock was read */
    int64_t                  flying[FLYING_SLOTS]; /* hashed; 0: free */
};

struct tg_due *
tg_due_new(void)
{
    struct tg_due *d = calloc(1, sizeof(*d));

    if (d != NULL) {
        tg_arena_init(&d->arena);
    }
    return d;
}

void
tg_due_forget(struct tg_due *d)
{
    tg_arena_clear(&d->arena);
    tg_arena_init(&d->arena);
    d->count = 0;
    d->read_s = 0;
}

void
tg_due_free(struct tg_due *d)
{
    struct part *next;

    if (d == NULL) {
        return;
    }
    for (; d->parts != NULL; d->parts = next) {
        next = d->parts->next;
        free(d->parts);
    }
    tg_arena_clear(&d->arena);
    free(d);
}

/*
 * ---- what is in flight
 */

/* Numbers that are chosen together follow one another. */
static size_t
slot_of(int64_t number)
{
    return (uint64_t) number % FLYING_SLOTS;
}

static void
note_flying(struct tg_due *d, const struct tg_batch *flying)
{
    size_t i, slot;

    memset(d->flying, 0, sizeof(d->flying));
    for (; flying != NULL; flying = flying->fly_next) {
        for (i = 0; i < flying->count; i++) {
            slot = slot_of(flying->records[i].number);
            while (d->flying[slot] != 0) {
                slot = (slot + 1) % FLYING_SLOTS;
            }
            d->flying[slot] = flying->records[i].number;
        }
    }
}

static bool
is_flying(const struct tg_due *d, int64_t number)
{
    size_t slot = slot_of(number);

    while (d->flying[slot] != 0 && d->flying[slot] != number) {
        slot = (slot + 1) % FLYING_SLOTS;
    }
    return d->flying[slot] != 0;
}

/*
 * ---- the stock
 */

static enum tg_status
read_stock(struct tg_due *d, struct tg_store *s, int64_t now_s,
    struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    tg_due_forget(d);
    memset(d->taken, 0, sizeof(d->taken));
    /*
     * What waits longer than any back-off was put off before the clock went
     * back.
     */
    status = tg_store_query(s, &q, err, "SELECT " TG_RECORD_COLUMNS
        " FROM ledger_record r WHERE state IN ('sealed', 'sent') AND"
        " deadline_s > $1 AND timestamp <= $1 AND (next_attempt_s <= $1 OR"
        " next_attempt_s > $1 + " LITERAL(TG_LEDGER_WAIT_MAX_S) ") AND"
        " NOT EXISTS (SELECT 1 FROM ledger_hold h WHERE h.product_code ="
        " r.product_code AND h.dimension IN ('', r.dimension) AND"
        " h.next_attempt_s > $1 AND h.next_attempt_s <= $1 + "
        LITERAL(TG_LEDGER_WAIT_MAX_S) ")"
        " ORDER BY deadline_s, product_code, number", "i", now_s);
    while (status == TG_OK && d->count < STOCK_MAX
        && (status = tg_stmt_next(q, err)) == TG_OK)
    {
        if (is_flying(d, tg_stmt_int(q, TG_RECORD_COLUMN_NUMBER))) {
            continue; /* U2 */
        }
        status = tg_record_read(&d->stock[d->count], q, &d->arena, err);
        d->count += status == TG_OK;
    }
    tg_stmt_done(q);
    d->read_s = now_s;
    if (status != TG_OK && status != TG_NOTFOUND) {
        tg_due_forget(d);
        return status;
    }
    return TG_OK;
}

/* A batch from the stock; an empty one when it holds nothing more. */
static enum tg_status
cut(struct tg_due *d, struct tg_batch *b, struct tg_error *err)
{
    size_t i, count, chosen[TG_LEDGER_BATCH_MAX];

    count = tg_ledger_batch(chosen, d->stock, d->count, d->taken);
    for (i = 0; i < count; i++) {
        if (!tg_batch_add(b, &d->stock[chosen[i]])) {
            tg_due_forget(d);
            return tg_error_set(err, TG_NOMEM, "out of memory");
        }
    }
    return TG_OK;
}

/*
 * ---- halves
 */

/* One record of a part, if it can still be sent. */
static enum tg_status
load_one(struct tg_batch *b, struct tg_store *s, int64_t number,
    int64_t now_s, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(s, &q, err, "SELECT " TG_RECORD_COLUMNS
        " FROM ledger_record WHERE number = $1 AND state IN ('sealed',"
        " 'sent') AND deadline_s > $2", "ii", number, now_s);
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK) {
        status = tg_record_read(&b->records[b->count], q, &b->arena, err);
        b->count += status == TG_OK;
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* The records of the newest part; it stays when the store fails. */
static enum tg_status
load_part(struct tg_due *d, struct tg_batch *b, struct tg_store *s,
    int64_t now_s, struct tg_error *err)
{
    size_t         i;
    enum tg_status status = TG_OK;
    struct part   *p = d->parts;

    b->is_half = true;
    for (i = 0; i < p->count && status == TG_OK; i++) {
        status = load_one(b, s, p->numbers[i], now_s, err);
    }
    if (status == TG_OK) {
        d->parts = p->next;
        free(p);
    }
    return status;
}

static void
part_add(struct part *p, const struct tg_ledger_record *record)
{
    p->numbers[p->count++] = record->number;
}

void
tg_due_split(struct tg_due *d, const struct tg_batch *b)
{
    bool         by_dimension;
    size_t       i;
    struct part *first = calloc(1, sizeof(*first));
    struct part *second = calloc(1, sizeof(*second));

    if (first == NULL || second == NULL) {
        free(first);
        free(second);
        return; /* they are due, and will be split again */
    }
    by_dimension = tg_ledger_judge_exception(b->result.status,
        b->result.type) == TG_LEDGER_HOLD_DIMENSION;
    for (i = 0; i < b->count; i++) {
        bool is_first = by_dimension
            ? strcmp(b->records[i].dimension, b->records[0].dimension) == 0
            : i < b->count / 2;

        part_add(is_first ? first : second, &b->records[i]);
    }
    first->next = second;
    second->next = d->parts;
    d->parts = first;
}

enum tg_status
tg_due_next(struct tg_due *d, struct tg_batch **out, struct tg_store *s,
    const struct tg_batch *flying, int64_t now_s, struct tg_error *err)
{
    enum tg_status   status = TG_OK;
    struct tg_batch *b = tg_batch_new();

    *out = NULL;
    if (b == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    while (status == TG_OK && b->count == 0 && d->parts != NULL) {
        status = load_part(d, b, s, now_s, err);
    }
    if (status == TG_OK && b->count == 0) {
        b->is_half = false;
        if (d->read_s == now_s) {
            status = cut(d, b, err);
        }
    }
    if (status == TG_OK && b->count == 0) {
        note_flying(d, flying);
        status = read_stock(d, s, now_s, err);
        if (status == TG_OK) {
            status = cut(d, b, err);
        }
    }
    if (status == TG_OK && b->count == 0) {
        status = TG_NOTFOUND;
    }
    if (status != TG_OK) {
        tg_batch_free(b);
        return status;
    }
    *out = b;
    return TG_OK;
}
