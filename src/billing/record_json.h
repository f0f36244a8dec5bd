/*
 * record_json.h - a ledger record as the JSON that operators see
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_RECORD_JSON_H
#define TG_BILLING_RECORD_JSON_H

#include <jansson.h>

#include "store/store.h"
#include "util/error.h"

/* Columns in the order that tg_record_json wants them. */
#define TG_RECORD_JSON_COLUMNS                                                \
    "id, state, product_code, dimension, hour, timestamp, quantity,"          \
    " identity_mode, agreement_id, customer_aws_account_id, license_arn,"     \
    " customer_identifier, metering_record_id, reason"

/* The same, and what only the ledger's own verbs show. */
#define TG_RECORD_JSON_COLUMNS_ALL                                            \
    TG_RECORD_JSON_COLUMNS ", attempts, next_attempt_s, deadline_s, answer,"  \
    " request_id, amazon_quantity, sealed_s, updated_s"

/* The members of design section 4; NULL: out of memory. */
json_t *tg_record_json(struct tg_stmt *q);
json_t *tg_record_json_all(struct tg_stmt *q);

/* A text column, or null where it is NULL. */
json_t *tg_text_or_null(struct tg_stmt *q, int column);

/*
 * Appends record_json of each row to list, and ends the query: status is that
 * of tg_store_query.
 */
TG_MUST_CHECK enum tg_status tg_record_json_rows(json_t *list,
    struct tg_stmt *q, enum tg_status status,
    json_t *(*to_json)(struct tg_stmt *q), struct tg_error *err);

#endif
