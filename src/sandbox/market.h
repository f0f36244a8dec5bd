/*
 * market.h - the state of a Marketplace: products, agreements, records
 *
 * The state is what a list of events, applied in order, leaves behind.  Live
 * changes and the journal's replay take the same way, so a restart cannot
 * give another state than the one that was acknowledged.
 *
 * Invariants
 *   M1  Nothing here reads a clock, a file or a socket.
 *   M2  A record, once applied, never changes: the first record of a key is
 *       the one that is billed.
 *   M3  tg_market_apply changes everything an event says, or nothing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_SANDBOX_MARKET_H
#define TG_SANDBOX_MARKET_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

#define TG_TOKEN_LIFE_S (4 * 3600)
#define TG_LEAVING_S 3600 /* records are taken so long after a buyer left */

struct tg_market {
    json_t *products;   /* code -> {productCode, name, model, ...} */
    json_t *agreements; /* id -> {agreementId, productCode, ...} */
    json_t *tokens;     /* token -> {agreementId, issuedAt} */
    json_t *records;    /* de-duplication key -> record */

    /* Indexes over agreements; the objects are the same. */
    json_t *by_license;  /* licence ARN -> agreement */
    json_t *by_account;  /* tg_market_key(code, account) -> [agreement] */
    json_t *by_customer; /* tg_market_key(code, customer) -> [agreement] */
};

TG_MUST_CHECK enum tg_status tg_market_init(struct tg_market *m);
void tg_market_clear(struct tg_market *m);

/* TG_CORRUPT when it is no event of ours, or speaks of what is not there. */
TG_MUST_CHECK enum tg_status tg_market_apply(struct tg_market *m,
    const json_t *event, struct tg_error *err);

/* An array of events that leads to this state; NULL without memory. */
json_t *tg_market_snapshot(const struct tg_market *m);

/*
 * ---- reading the state; everything is borrowed
 */

/* A member's text, NULL when it is absent or null. */
const char *tg_text(const json_t *object, const char *name);

/* Joins two texts to the key of an index; out holds TG_KEY_MAX bytes. */
#define TG_KEY_MAX 1024
const char *tg_market_key(char out[TG_KEY_MAX], const char *left,
    const char *right);

json_t *tg_market_product(const struct tg_market *m, const char *code);

/* The dimension {"name", "entitled"?} of a product, or NULL. */
const json_t *tg_product_dimension(const json_t *product, const char *name);

/* Whether the product's model is the one named. */
bool tg_product_is(const json_t *product, const char *model);

/* Whether its listing is by "license", "account" or "customer". */
bool tg_product_sold_by(const json_t *product, const char *identity);

bool tg_agreement_is_active(const json_t *agreement);

/* Active, or ended not longer ago than TG_LEAVING_S. */
bool tg_agreement_takes_records(const json_t *agreement, int64_t now_s);

int64_t tg_agreement_activated_s(const json_t *agreement);

/*
 * ---- what can be asked of it; each fills the answer (see answer.h)
 */

struct tg_answer;

/* AWS's operations: request is the parsed body, an object. */
void tg_market_resolve_customer(struct tg_answer *a,
    const struct tg_market *m, const json_t *request, int64_t now_s);
void tg_market_batch_meter_usage(struct tg_answer *a,
    const struct tg_market *m, const json_t *request, int64_t now_s);
void tg_market_get_entitlements(struct tg_answer *a,
    const struct tg_market *m, const json_t *request, int64_t now_s);

/*
 * Steering.  A product without a fulfilmentUrl gets fulfilment_url; an
 * agreement that is not there is answered with 404.
 */
void tg_market_list_product(struct tg_answer *a, const struct tg_market *m,
    const json_t *request, const char *fulfilment_url);
void tg_market_buy(struct tg_answer *a, const struct tg_market *m,
    const json_t *request, int64_t now_s);
void tg_market_cancel(struct tg_answer *a, const struct tg_market *m,
    const char *agreement_id, int64_t now_s);
void tg_market_new_token(struct tg_answer *a, const struct tg_market *m,
    const char *agreement_id, int64_t now_s);

/* {"records": [...]}: what Amazon would bill. */
json_t *tg_market_bill(const struct tg_market *m);

#endif
