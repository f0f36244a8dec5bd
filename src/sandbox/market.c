/*
 * market.c - the state of a Marketplace and the events that make it
 *
 * Events
 *   {"event":"product","product":{...}}
 *   {"event":"purchase","agreement":{...},"token":"...","at":seconds}
 *   {"event":"token","agreementId":"...","token":"...","at":seconds}
 *   {"event":"cancel","agreementId":"...","at":seconds}
 *   {"event":"records","records":[{"key":"...","record":{...}}]}
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sandbox/market.h"

#include <stdio.h>
#include <string.h>

#define MAPS 7

static void
maps_of(json_t **maps[MAPS], struct tg_market *m)
{
    maps[0] = &m->products;
    maps[1] = &m->agreements;
    maps[2] = &m->tokens;
    maps[3] = &m->records;
    maps[4] = &m->by_license;
    maps[5] = &m->by_account;
    maps[6] = &m->by_customer;
}

enum tg_status
tg_market_init(struct tg_market *m)
{
    bool     is_whole = true;
    json_t **maps[MAPS];

    maps_of(maps, m);
    for (size_t i = 0; i < MAPS; i++) {
        *maps[i] = json_object();
        is_whole &= *maps[i] != NULL;
    }
    if (!is_whole) {
        tg_market_clear(m);
        return TG_NOMEM;
    }
    return TG_OK;
}

void
tg_market_clear(struct tg_market *m)
{
    json_t **maps[MAPS];

    maps_of(maps, m);
    for (size_t i = 0; i < MAPS; i++) {
        json_decref(*maps[i]);
        *maps[i] = NULL;
    }
}

/*
 * ---- reading
 */

const char *
tg_text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

const char *
tg_market_key(char out[TG_KEY_MAX], const char *left, const char *right)
{
    (void) snprintf(out, TG_KEY_MAX, "%s\n%s", left, right);
    return out;
}

json_t *
tg_market_product(const struct tg_market *m, const char *code)
{
    return code != NULL ? json_object_get(m->products, code) : NULL;
}

const json_t *
tg_product_dimension(const json_t *product, const char *name)
{
    const json_t *dimension;
    size_t        i;

    json_array_foreach(json_object_get(product, "dimensions"), i, dimension) {
        if (strcmp(tg_text(dimension, "name"), name) == 0) {
            return dimension;
        }
    }
    return NULL;
}

bool
tg_product_is(const json_t *product, const char *model)
{
    return strcmp(tg_text(product, "model"), model) == 0;
}

bool
tg_product_sold_by(const json_t *product, const char *identity)
{
    return strcmp(tg_text(product, "identity"), identity) == 0;
}

bool
tg_agreement_is_active(const json_t *agreement)
{
    return json_object_get(agreement, "cancelledAt") == NULL;
}

bool
tg_agreement_takes_records(const json_t *agreement, int64_t now_s)
{
    const json_t *cancelled = json_object_get(agreement, "cancelledAt");

    return cancelled == NULL
           || now_s - json_integer_value(cancelled) <= TG_LEAVING_S;
}

int64_t
tg_agreement_activated_s(const json_t *agreement)
{
    return json_integer_value(json_object_get(agreement, "activatedAt"));
}

json_t *
tg_market_bill(const struct tg_market *m)
{
    const char *key;
    json_t     *list = json_array();
    json_t     *record;

    json_object_foreach(m->records, key, record) {
        (void) json_array_append(list, record);
    }
    return json_pack("{s:o}", "records", list);
}

/*
 * ---- events
 */

static enum tg_status
apply_product(struct tg_market *m, const json_t *event)
{
    json_t     *product = json_object_get(event, "product");
    const char *code = tg_text(product, "productCode");

    if (code == NULL || tg_text(product, "model") == NULL
        || tg_text(product, "identity") == NULL)
    {
        return TG_CORRUPT;
    }
    return json_object_set(m->products, code, product) == 0 ? TG_OK
                                                            : TG_NOMEM;
}

static enum tg_status
set_token(struct tg_market *m, const json_t *event, const char *agreement_id)
{
    const char *token = tg_text(event, "token");
    json_t     *at = json_object_get(event, "at");

    if (token == NULL || !json_is_integer(at)) {
        return TG_CORRUPT;
    }
    return json_object_set_new(m->tokens, token,
               json_pack("{s:s, s:O}", "agreementId", agreement_id,
                   "issuedAt", at))
                   == 0
               ? TG_OK
               : TG_NOMEM;
}

static int
index_agreement(json_t *index, const char *code, const char *name,
    json_t *agreement)
{
    char    key[TG_KEY_MAX];
    json_t *list;

    if (name == NULL) {
        return 0;
    }
    tg_market_key(key, code, name);
    list = json_object_get(index, key);
    if (list == NULL) {
        list = json_array();
        if (json_object_set_new(index, key, list) != 0) {
            return -1;
        }
    }
    return json_array_append(list, agreement);
}

static enum tg_status
apply_purchase(struct tg_market *m, const json_t *event)
{
    json_t     *agreement = json_object_get(event, "agreement");
    const char *id = tg_text(agreement, "agreementId");
    const char *code = tg_text(agreement, "productCode");
    const char *license = tg_text(agreement, "licenseArn");
    const char *account = tg_text(agreement, "customerAWSAccountId");

    if (id == NULL || license == NULL || account == NULL
        || tg_market_product(m, code) == NULL
        || json_object_get(m->agreements, id) != NULL)
    {
        return TG_CORRUPT;
    }
    if (json_object_set(m->agreements, id, agreement) != 0
        || json_object_set(m->by_license, license, agreement) != 0
        || index_agreement(m->by_account, code, account, agreement) != 0
        || index_agreement(m->by_customer, code,
               tg_text(agreement, "customerIdentifier"), agreement)
               != 0)
    {
        return TG_NOMEM;
    }
    return set_token(m, event, id);
}

static enum tg_status
apply_token(struct tg_market *m, const json_t *event)
{
    const char *id = tg_text(event, "agreementId");

    if (id == NULL || json_object_get(m->agreements, id) == NULL) {
        return TG_CORRUPT;
    }
    return set_token(m, event, id);
}

static enum tg_status
apply_cancel(struct tg_market *m, const json_t *event)
{
    const char *id = tg_text(event, "agreementId");
    json_t     *agreement = id != NULL ? json_object_get(m->agreements, id)
                                       : NULL;
    json_t     *at = json_object_get(event, "at");

    if (agreement == NULL || !json_is_integer(at)) {
        return TG_CORRUPT;
    }
    return json_object_set(agreement, "cancelledAt", at) == 0 ? TG_OK
                                                              : TG_NOMEM;
}

static enum tg_status
apply_records(struct tg_market *m, const json_t *event)
{
    const json_t *entries = json_object_get(event, "records");
    const json_t *entry;
    size_t        i;

    json_array_foreach(entries, i, entry) { /* M3: look before writing */
        const char *key = tg_text(entry, "key");

        if (key == NULL || json_object_get(m->records, key) != NULL
            || !json_is_object(json_object_get(entry, "record")))
        {
            return TG_CORRUPT;
        }
    }
    json_array_foreach(entries, i, entry) {
        if (json_object_set(m->records, tg_text(entry, "key"),
                json_object_get(entry, "record"))
            != 0)
        {
            return TG_NOMEM;
        }
    }
    return json_is_array(entries) ? TG_OK : TG_CORRUPT;
}

enum tg_status
tg_market_apply(struct tg_market *m, const json_t *event,
    struct tg_error *err)
{
    static const struct {
        const char *name;
        enum tg_status (*apply)(struct tg_market *m, const json_t *event);
    } kinds[] = {
        { "product", apply_product },
        { "purchase", apply_purchase },
        { "token", apply_token },
        { "cancel", apply_cancel },
        { "records", apply_records },
    };
    const char    *name = tg_text(event, "event");
    enum tg_status status;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (name != NULL && strcmp(name, kinds[i].name) == 0) {
            status = kinds[i].apply(m, event);
            return status == TG_OK
                       ? TG_OK
                       : tg_error_set(err, status,
                             "cannot apply the event '%s': %s", name,
                             tg_status_text(status));
        }
    }
    return tg_error_set(err, TG_CORRUPT, "unknown event '%s'",
        name != NULL ? name : "");
}

/*
 * ---- the snapshot
 */

/* The agreement as it was bought, with the first of its tokens. */
static json_t *
purchase_event(const json_t *agreement, const char *token,
    const json_t *token_entry)
{
    json_t *bare = json_copy((json_t *) (uintptr_t) agreement);

    (void) json_object_del(bare, "cancelledAt");
    return json_pack("{s:s, s:o, s:s, s:O}", "event", "purchase",
        "agreement", bare, "token", token, "at",
        json_object_get(token_entry, "issuedAt"));
}

/* A token's event: of its purchase when it is the agreement's first. */
static json_t *
token_event(const struct tg_market *m, json_t *seen, const char *token,
    const json_t *entry)
{
    const char *id = tg_text(entry, "agreementId");

    if (json_object_get(seen, id) == NULL) {
        (void) json_object_set_new(seen, id, json_true());
        return purchase_event(json_object_get(m->agreements, id), token,
            entry);
    }
    return json_pack("{s:s, s:s, s:s, s:O}", "event", "token", "agreementId",
        id, "token", token, "at", json_object_get(entry, "issuedAt"));
}

json_t *
tg_market_snapshot(const struct tg_market *m)
{
    const char *key;
    json_t     *events = json_array();
    json_t     *seen = json_object();
    json_t     *records = json_array();
    json_t     *value;

    json_object_foreach(m->products, key, value) {
        (void) json_array_append_new(events,
            json_pack("{s:s, s:O}", "event", "product", "product", value));
    }
    json_object_foreach(m->tokens, key, value) {
        (void) json_array_append_new(events,
            token_event(m, seen, key, value));
    }
    json_object_foreach(m->agreements, key, value) {
        if (!tg_agreement_is_active(value)) {
            (void) json_array_append_new(events,
                json_pack("{s:s, s:s, s:O}", "event", "cancel",
                    "agreementId", key, "at",
                    json_object_get(value, "cancelledAt")));
        }
    }
    json_object_foreach(m->records, key, value) {
        (void) json_array_append_new(records,
            json_pack("{s:s, s:O}", "key", key, "record", value));
    }
    (void) json_array_append_new(events,
        json_pack("{s:s, s:o}", "event", "records", "records", records));
    json_decref(seen);
    return events;
}
