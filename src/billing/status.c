/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/status.h"

#include "billing/record_json.h"
#include "core/ledger.h"

#define UNSETTLED_MAX INT64_C(100000)
#define COLUMNS TG_RECORD_JSON_COLUMNS

/* One number; 0 where there is no row or it is NULL. */
static enum tg_status
take_number(struct tg_stmt *q, int64_t *out, enum tg_status status,
    struct tg_error *err)
{
    *out = 0;
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK) {
        *out = tg_stmt_int(q, 0);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_status_records(struct tg_store *s, json_t *list, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(s, &q, err, "SELECT * FROM (SELECT " COLUMNS
        " FROM ledger_record ORDER BY hour DESC, agreement_id DESC,"
        " dimension DESC LIMIT $1) n UNION SELECT * FROM (SELECT " COLUMNS
        " FROM ledger_record WHERE state IN ('sealed', 'sent')"
        " ORDER BY deadline_s LIMIT $2) w"
        " ORDER BY hour, agreement_id, dimension", "ii",
        (int64_t) TG_STATUS_RECORDS_MAX, UNSETTLED_MAX);
    return tg_record_json_rows(list, q, status, tg_record_json, err);
}

enum tg_status
tg_status_mark(struct tg_store *s, int64_t *mark, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(s, &q, err, "SELECT MAX(seq) FROM"
        " ledger_history", "");
    return take_number(q, mark, status, err);
}

enum tg_status
tg_status_unsettled(struct tg_store *s, int64_t *count,
    const char *agreement_id, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = agreement_id[0] == '\0'
        ? tg_store_query(s, &q, err, "SELECT SUM(records) FROM ledger_total"
              " WHERE state IN ('sealed', 'sent')", "")
        : tg_store_query(s, &q, err, "SELECT COUNT(*) FROM ledger_record"
              " WHERE state IN ('sealed', 'sent') AND agreement_id = $1", "s",
              agreement_id);
    return take_number(q, count, status, err);
}

enum tg_status
tg_status_sealed(struct tg_store *s, json_t *list, const char *agreement_id,
    int64_t hour, int64_t mark, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(s, &q, err, "SELECT * FROM (SELECT " COLUMNS
        " FROM ledger_record WHERE hour = $2 AND ($1 = '' OR"
        " agreement_id = $1) UNION SELECT " COLUMNS " FROM ledger_record"
        " WHERE state IN ('sealed', 'sent') AND ($1 = '' OR"
        " agreement_id = $1) UNION SELECT " COLUMNS " FROM ledger_record"
        " WHERE number IN (SELECT record FROM ledger_history WHERE seq > $3)"
        " AND ($1 = '' OR agreement_id = $1)) r ORDER BY"
        " CASE state WHEN 'settled' THEN 1 ELSE 0 END, hour, agreement_id,"
        " dimension LIMIT $4", "siii", agreement_id, hour, mark,
        (int64_t) TG_STATUS_RECORDS_MAX);
    return tg_record_json_rows(list, q, status, tg_record_json, err);
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
        "SELECT state, records FROM ledger_total", "");
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
