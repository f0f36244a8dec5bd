/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/record_json.h"

json_t *
tg_text_or_null(struct tg_stmt *q, int column)
{
    const char *text = tg_stmt_text(q, column);

    return text != NULL ? json_string(text) : json_null();
}

static json_t *
number_or_null(struct tg_stmt *q, int column)
{
    return tg_stmt_is_null(q, column) ? json_null()
                                      : json_integer(tg_stmt_int(q, column));
}

json_t *
tg_record_json(struct tg_stmt *q)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o,"
        " s:o, s:o, s:o}", "id", tg_text_or_null(q, 0), "state",
        tg_text_or_null(q, 1), "productCode", tg_text_or_null(q, 2),
        "dimension", tg_text_or_null(q, 3), "hour",
        (json_int_t) tg_stmt_int(q, 4), "timestamp",
        (json_int_t) tg_stmt_int(q, 5), "quantity",
        (json_int_t) tg_stmt_int(q, 6), "identityMode",
        tg_text_or_null(q, 7), "agreementId", tg_text_or_null(q, 8),
        "customerAWSAccountId", tg_text_or_null(q, 9), "licenseArn",
        tg_text_or_null(q, 10), "customerIdentifier",
        tg_text_or_null(q, 11), "meteringRecordId", tg_text_or_null(q, 12),
        "reason", tg_text_or_null(q, 13));
}

json_t *
tg_record_json_all(struct tg_stmt *q)
{
    json_t *more = json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:I, s:I}",
        "attempts", (json_int_t) tg_stmt_int(q, 14), "nextAttempt",
        (json_int_t) tg_stmt_int(q, 15), "deadline",
        (json_int_t) tg_stmt_int(q, 16), "answer", tg_text_or_null(q, 17),
        "requestId", tg_text_or_null(q, 18), "amazonQuantity",
        number_or_null(q, 19), "sealedAt", (json_int_t) tg_stmt_int(q, 20),
        "updatedAt", (json_int_t) tg_stmt_int(q, 21));
    json_t *record = tg_record_json(q);

    if (record == NULL || more == NULL
        || json_object_update(record, more) != 0)
    {
        json_decref(record);
        record = NULL;
    }
    json_decref(more);
    return record;
}

enum tg_status
tg_record_json_rows(json_t *list, struct tg_stmt *q, enum tg_status status,
    json_t *(*to_json)(struct tg_stmt *q), struct tg_error *err)
{
    while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
        if (json_array_append_new(list, to_json(q)) != 0) {
            status = tg_error_set(err, TG_NOMEM, "out of memory");
        }
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}
