/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/status.h"

#include <string.h>

#include "core/hours.h"
#include "core/ledger.h"
#include "core/unbillable.h"

#define OPEN_DAYS 31

#define REASON_PENDING "the agreement is not active yet"
#define REASON_BEFORE "used before the agreement became active"
#define REASON_NONE "there is no such agreement"

static json_t *
text_or_null(struct tg_stmt *q, int column)
{
    const char *text = tg_stmt_text(q, column);

    return text != NULL ? json_string(text) : json_null();
}

static enum tg_status
append(json_t *list, json_t *row, struct tg_error *err)
{
    return json_array_append_new(list, row) == 0
        ? TG_OK : tg_error_set(err, TG_NOMEM, "out of memory");
}

/*
 * ---- records
 */

#define COLUMNS                                                               \
    "id, state, product_code, dimension, hour, timestamp, quantity,"          \
    " identity_mode, agreement_id, customer_aws_account_id, license_arn,"     \
    " customer_identifier, metering_record_id, reason"

static json_t *
record_json(struct tg_stmt *q)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o,"
        " s:o, s:o, s:o}", "id", text_or_null(q, 0), "state",
        text_or_null(q, 1), "productCode", text_or_null(q, 2), "dimension",
        text_or_null(q, 3), "hour", (json_int_t) tg_stmt_int(q, 4),
        "timestamp", (json_int_t) tg_stmt_int(q, 5), "quantity",
        (json_int_t) tg_stmt_int(q, 6), "identityMode", text_or_null(q, 7),
        "agreementId", text_or_null(q, 8), "customerAWSAccountId",
        text_or_null(q, 9), "licenseArn", text_or_null(q, 10),
        "customerIdentifier", text_or_null(q, 11), "meteringRecordId",
        text_or_null(q, 12), "reason", text_or_null(q, 13));
}

static enum tg_status
append_records(json_t *list, struct tg_stmt *q, enum tg_status status,
    struct tg_error *err)
{
    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        status = append(list, record_json(q), err);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_status_records(struct tg_store *s, json_t *list, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(s, &q, err, "SELECT " COLUMNS
        " FROM ledger_record WHERE hour >= COALESCE((SELECT MIN(hour) FROM"
        " (SELECT hour FROM ledger_record ORDER BY hour DESC LIMIT $1) n), 0)"
        " OR state IN ('sealed', 'sent') ORDER BY hour, agreement_id,"
        " dimension", "i", (int64_t) TG_STATUS_RECORDS_MAX);
    return append_records(list, q, status, err);
}

enum tg_status
tg_status_sealed(struct tg_store *s, json_t *list, const char *agreement_id,
    int64_t hour, int64_t since_s, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(s, &q, err, "SELECT " COLUMNS
        " FROM ledger_record WHERE ($1 = '' OR agreement_id = $1) AND"
        " (hour = $2 OR state IN ('sealed', 'sent') OR updated_s >= $3)"
        " ORDER BY hour, agreement_id, dimension", "sii", agreement_id, hour,
        since_s);
    return append_records(list, q, status, err);
}

enum tg_status
tg_status_totals(struct tg_store *s, json_t *totals, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;
#define X(name, text, is_final)                                               \
    if (json_object_set_new(totals, text, json_integer(0)) != 0) {            \
        return tg_error_set(err, TG_NOMEM, "out of memory");                  \
    }
    TG_LEDGER_STATE_LIST(X)
#undef X

    status = tg_store_query(s, &q, err,
        "SELECT state, COUNT(*) FROM ledger_record GROUP BY state", "");
    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        if (json_object_set_new(totals, tg_stmt_text(q, 0),
                json_integer(tg_stmt_int(q, 1))) != 0)
        {
            status = tg_error_set(err, TG_NOMEM, "out of memory");
        }
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/*
 * ---- what has no record
 */

/* Why these units will not be sealed; NULL: they will. */
static const char *
open_reason(struct tg_stmt *q, const struct tg_settings *settings)
{
    const char              *state = tg_stmt_text(q, 10);
    const char              *held = tg_stmt_text(q, 11);
    const char              *agreement = tg_stmt_text(q, 0);
    const struct tg_product *product;
    int64_t                  timestamp;

    product = tg_settings_product(settings, tg_stmt_text(q, 1));
    if (product != NULL && product->model == TG_PRODUCT_MODEL_CONTRACT) {
        return tg_unbillable_text(TG_UNBILLABLE_CONTRACT);
    }
    if (agreement[0] == '\0') {
        return held;
    }
    if (state == NULL) {
        return REASON_NONE;
    }
    if (strcmp(state, "pending") == 0) {
        return REASON_PENDING;
    }
    if (tg_ledger_timestamp(&timestamp, tg_stmt_int(q, 3),
            tg_stmt_int(q, 9)) != TG_OK)
    {
        return REASON_BEFORE;
    }
    return NULL;
}

static json_t *
open_json(struct tg_stmt *q, const struct tg_settings *settings)
{
    const char *reason = open_reason(q, settings);
    int64_t     hour = tg_stmt_int(q, 3);
    int64_t     activated_s = tg_stmt_int(q, 9);

    return json_pack("{s:n, s:s, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o,"
        " s:o, s:n, s:s?}", "id", "state", "open", "productCode",
        text_or_null(q, 1), "dimension", text_or_null(q, 2), "hour",
        (json_int_t) hour, "timestamp",
        (json_int_t) (activated_s > hour ? activated_s : hour), "quantity",
        (json_int_t) tg_stmt_int(q, 4), "identityMode", text_or_null(q, 5),
        "agreementId", tg_stmt_is_null(q, 10) ? json_null()
                                              : text_or_null(q, 0),
        "customerAWSAccountId", text_or_null(q, 6), "licenseArn",
        text_or_null(q, 7), "customerIdentifier", text_or_null(q, 8),
        "meteringRecordId", "reason", reason);
}

enum tg_status
tg_status_open(struct tg_store *s, json_t *list,
    const struct tg_settings *settings, int64_t now_s, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(s, &q, err, "SELECT d.agreement_id,"
        " d.product_code, d.dimension, d.hour, d.quantity, a.identity_mode,"
        " a.customer_aws_account_id, a.license_arn, a.customer_identifier,"
        " a.activated_s, a.state, d.held FROM"
        " (SELECT agreement_id, product_code, dimension, hour,"
        " CASE agreement_id WHEN '' THEN reason ELSE '' END AS held,"
        " SUM(quantity) AS quantity FROM usage_detail WHERE hour >= $1"
        " GROUP BY 1, 2, 3, 4, 5) d"
        " LEFT JOIN agreement a ON a.id = d.agreement_id"
        " LEFT JOIN ledger_record r ON r.agreement_id = d.agreement_id AND"
        " r.dimension = d.dimension AND r.hour = d.hour"
        " WHERE r.id IS NULL AND d.quantity > 0"
        " ORDER BY d.hour, d.agreement_id, d.dimension LIMIT $2", "ii",
        now_s - (int64_t) OPEN_DAYS * 24 * TG_HOUR_S,
        (int64_t) TG_STATUS_RECORDS_MAX);
    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        status = append(list, open_json(q, settings), err);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}
