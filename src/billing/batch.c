/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/batch.h"

#include <assert.h>
#include <stdlib.h>

struct tg_batch *
tg_batch_new(void)
{
    struct tg_batch *b = calloc(1, sizeof(*b));

    if (b != NULL) {
        tg_arena_init(&b->arena);
    }
    return b;
}

void
tg_batch_free(struct tg_batch *b)
{
    if (b != NULL) {
        tg_marketplace_result_clear(&b->result);
        tg_audit_entry_free(b->entry);
        tg_arena_clear(&b->arena);
        free(b);
    }
}

void
tg_batch_free_all(struct tg_batch *list)
{
    struct tg_batch *next;

    for (; list != NULL; list = next) {
        next = list->next;
        tg_batch_free(list);
    }
}

static bool
copy(const char **text, struct tg_arena *arena)
{
    if (*text != NULL) {
        *text = tg_arena_strdup(arena, *text);
        return *text != NULL;
    }
    return true;
}

bool
tg_batch_add(struct tg_batch *b, const struct tg_ledger_record *record)
{
    struct tg_ledger_record *r = &b->records[b->count];

    assert(b->count < TG_LEDGER_BATCH_MAX);
    *r = *record;
    if (!copy(&r->id, &b->arena) || !copy(&r->agreement_id, &b->arena)
        || !copy(&r->product_code, &b->arena)
        || !copy(&r->dimension, &b->arena)
        || !copy(&r->customer_aws_account_id, &b->arena)
        || !copy(&r->license_arn, &b->arena)
        || !copy(&r->customer_identifier, &b->arena))
    {
        return false;
    }
    b->count++;
    return true;
}

void
tg_batch_send(struct tg_batch *b, const struct tg_marketplace *m)
{
    size_t                      i;
    struct tg_ledger_members    members = { NULL, NULL, NULL, NULL };
    struct tg_marketplace_usage usage[TG_LEDGER_BATCH_MAX];

    for (i = 0; i < b->count; i++) {
        members = tg_ledger_members_of(&b->records[i]);
        usage[i] = (struct tg_marketplace_usage) {
            .timestamp = b->records[i].timestamp,
            .dimension = b->records[i].dimension,
            .quantity = b->records[i].quantity,
            .customer_aws_account_id = members.customer_aws_account_id,
            .license_arn = members.license_arn,
            .customer_identifier = members.customer_identifier,
        };
    }
    tg_marketplace_batch_meter_usage(m, &b->result, members.product_code,
        usage, b->count, b->now_s);
}
