/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/unrecorded.h"

#include <stdbool.h>
#include <string.h>

#include "billing/memo.h"
#include "billing/records.h"
#include "core/hours.h"
#include "core/ledger.h"
#include "core/unbillable.h"

#define REASON_PENDING "the agreement is not active yet"
#define REASON_BEFORE "used before the agreement became active"
#define REASON_NONE "there is no such agreement"

#define NEXT_HELD                                                             \
    "register the buyer's agreement (portal, customerId or tags of the key)"  \
    " before this hour's 24 hours, or its month, are over"
#define NEXT_LOST                                                             \
    "Amazon takes no record of that hour any more: bill the units in an open" \
    " hour with `tallygate ledger adjust --carry-forward', or write them off" \
    " with `tallygate confirm lost'"

/*
 * ---- the statements
 */

/*
 * All of them give: agreement, product, dimension, hour, quantity, identity
 * mode, account, licence, customer, activation, end, agreement's state,
 * reason, whether the key's present agreement is younger, key, plan.
 *
 *   $1 agreement, $2 product ("": all), $3 first hour, $4 hour behind the
 *   last, $5 the first hour that is not sealed, $6 rows
 */
#define AGREEMENT_OF_ROW                                                      \
    " a.identity_mode, a.customer_aws_account_id, a.license_arn,"             \
    " a.customer_identifier, a.activated_s, a.ended_s, a.state,"

/* the only key of the row, or NULL */
#define ONE(column)                                                           \
    " CASE WHEN MIN(" column ") = MAX(" column ") THEN MIN(" column ") END"

/* One hour's, in the order of the index: the first rows cost few others. */
static const char open_sql[] = "SELECT g.agreement_id, a.product_code,"
    " g.dimension, $3, g.quantity," AGREEMENT_OF_ROW " '', 0, g.key,"
    " g.plan FROM (SELECT s.agreement_id, s.dimension,"
    " SUM(d.quantity) AS quantity," ONE("s.key_id") " AS key,"
    ONE("s.plan_id") " AS plan" TG_USAGE_OF " s.agreement_id > '' AND"
    " d.hour = $3 AND $3 < $4 AND $3 >= $5 AND ($1 = '' OR"
    " s.agreement_id = $1) AND ($2 = '' OR s.product_code = $2) AND"
    " d.quantity > 0 AND NOT EXISTS (SELECT 1 FROM ledger_record r WHERE"
    " r.agreement_id = s.agreement_id AND r.dimension = s.dimension AND"
    " r.hour = d.hour) GROUP BY s.agreement_id, s.dimension"
    " ORDER BY s.agreement_id, s.dimension LIMIT $6) g"
    " LEFT JOIN agreement a ON a.id = g.agreement_id";

static const char nobodys_sql[] = "SELECT '', s.product_code, s.dimension,"
    " d.hour, SUM(d.quantity), NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
    " s.reason, 0," ONE("s.key_id") "," ONE("s.plan_id") " FROM usage_hour d"
    " CROSS JOIN usage_source s WHERE d.hour >= $5 AND d.hour >= $3 AND"
    " d.hour < $4 AND s.id = d.source AND s.agreement_id = '' AND $1 = '' AND"
    " ($2 = '' OR s.product_code = $2) AND d.quantity > 0 GROUP BY d.hour,"
    " s.product_code, s.dimension, s.reason ORDER BY d.hour, s.product_code"
    " LIMIT $6";

/* By the index of what is held. */
#define HELD_ROWS                                                             \
    " FROM usage_hour d JOIN usage_source s ON s.id = d.source"               \
    " LEFT JOIN usage_plan_key u ON"                                          \
    " u.plan_id = s.plan_id AND u.key_id = s.key_id LEFT JOIN meter_owner o"  \
    " ON o.slot = u.slot AND o.owner = u.owner AND o.file_id IN (SELECT"      \
    " file_id FROM fold) LEFT JOIN agreement b ON b.id = o.agreement_id"      \
    " WHERE d.is_held = 1 AND d.quantity > 0"

static const char held_sql[] = "SELECT '', s.product_code, s.dimension,"
    " d.hour, SUM(d.quantity), NULL, NULL, NULL, NULL, MIN(b.activated_s),"
    " NULL, NULL, s.reason, CASE WHEN b.activated_s >= d.hour + 3600 THEN 1"
    " ELSE 0 END AS is_before," ONE("s.key_id") "," ONE("s.plan_id")
    HELD_ROWS " AND d.hour < $5 AND d.hour >= $3 AND d.hour < $4 AND $1 = ''"
    " AND ($2 = '' OR s.product_code = $2) GROUP BY d.hour, s.product_code,"
    " s.dimension, s.reason, is_before ORDER BY d.hour, s.product_code"
    " LIMIT $6";

static const char left_sql[] = "SELECT l.agreement_id, a.product_code,"
    " l.dimension, l.hour, (SELECT COALESCE(SUM(d.quantity), 0)" TG_USAGE_OF
    " d.hour = l.hour AND s.agreement_id = l.agreement_id AND"
    " s.dimension = l.dimension),"
    AGREEMENT_OF_ROW " '', 0, NULL, NULL FROM usage_left l LEFT JOIN"
    " agreement a ON a.id = l.agreement_id WHERE l.hour < $5 AND"
    " l.hour >= $3 AND l.hour < $4 AND ($1 = '' OR l.agreement_id = $1) AND"
    " ($2 = '' OR a.product_code = $2) ORDER BY l.hour, l.agreement_id"
    " LIMIT $6";

enum column {
    AGREEMENT, PRODUCT, DIMENSION, HOUR, QUANTITY, MODE, ACCOUNT, LICENSE,
    CUSTOMER, ACTIVATED, ENDED, STATE, HELD, IS_BEFORE, KEY, PLAN
};

/* The first hour of which records may be missing yet (sealer.h, E2). */
static enum tg_status
first_open(struct tg_store *s, int64_t *hour, struct tg_error *err)
{
    enum tg_status status = tg_memo_get_int(s, hour, TG_MEMO_SEALING, err);

    if (status == TG_NOTFOUND) {
        status = tg_memo_get_int(s, hour, TG_MEMO_SEALED_THROUGH, err);
    }
    if (status == TG_NOTFOUND) {
        *hour = 0;
        status = TG_OK;
    }
    return status;
}

/*
 * ---- why, and of which kind
 */

static bool
is_contract(const struct tg_settings *settings, const char *product_code)
{
    const struct tg_product *product = product_code == NULL ? NULL
        : tg_settings_product(settings, product_code);

    return product != NULL && product->model == TG_PRODUCT_MODEL_CONTRACT;
}

/* Why these units will not be sealed as they are; NULL: they will. */
static const char *
reason_of(struct tg_stmt *q, const struct tg_settings *settings)
{
    int64_t     stamp;
    const char *state = tg_stmt_text(q, STATE);

    if (is_contract(settings, tg_stmt_text(q, PRODUCT))) {
        return tg_unbillable_text(TG_UNBILLABLE_CONTRACT);
    }
    if (tg_stmt_int(q, IS_BEFORE) != 0) {
        return REASON_BEFORE;
    }
    if (tg_stmt_text(q, AGREEMENT)[0] == '\0') {
        return tg_stmt_text(q, HELD);
    }
    if (state == NULL) {
        return REASON_NONE;
    }
    if (strcmp(state, "pending") == 0) {
        return REASON_PENDING;
    }
    if (tg_ledger_timestamp(&stamp, tg_stmt_int(q, HOUR),
            tg_stmt_int(q, ACTIVATED)) != TG_OK)
    {
        return REASON_BEFORE;
    }
    return NULL;
}

/* Whether usage of a sealed hour can come home no more, at that moment. */
static bool
is_lost(int64_t hour, const char *state, int64_t activated_s,
    int64_t ended_s, bool is_before, int64_t at_s)
{
    int64_t stamp = hour;

    if (is_before && activated_s <= at_s) {
        return true;
    }
    if (state != NULL && strcmp(state, "pending") != 0
        && tg_ledger_timestamp(&stamp, hour, activated_s) != TG_OK)
    {
        return activated_s <= at_s;
    }
    return at_s >= tg_ledger_deadline(stamp, ended_s);
}

static bool
row_is_lost(struct tg_stmt *q, int64_t at_s)
{
    return is_lost(tg_stmt_int(q, HOUR), tg_stmt_text(q, STATE),
        tg_stmt_int(q, ACTIVATED), tg_stmt_int(q, ENDED),
        tg_stmt_int(q, IS_BEFORE) != 0, at_s);
}

/*
 * ---- the list
 */

const char *
tg_unrecorded_name(enum tg_unrecorded_kind kind)
{
    static const char *const names[] = { "open", "held", "lost" };

    return names[kind];
}

static json_t *
text_or_null(struct tg_stmt *q, int column)
{
    const char *text = tg_stmt_text(q, column);

    return text != NULL && text[0] != '\0' ? json_string(text) : json_null();
}

static json_t *
to_json(struct tg_stmt *q, const struct tg_settings *settings,
    enum tg_unrecorded_kind kind)
{
    const char *reason = reason_of(q, settings);
    const char *next = kind == TG_UNRECORDED_LOST ? NEXT_LOST
        : reason != NULL && tg_unbillable_comes_home(tg_unbillable_of(reason))
        ? NEXT_HELD : NULL;
    int64_t     hour = tg_stmt_int(q, HOUR);
    int64_t     activated_s = tg_stmt_int(q, ACTIVATED);
    bool        is_known = !tg_stmt_is_null(q, STATE);

    return json_pack("{s:n, s:s, s:s, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o,"
        " s:o, s:o, s:n, s:s?, s:s?, s:o, s:o}", "id", "state", "open",
        "kind", tg_unrecorded_name(kind), "productCode",
        text_or_null(q, PRODUCT), "dimension", text_or_null(q, DIMENSION),
        "hour", (json_int_t) hour, "timestamp",
        (json_int_t) (is_known && activated_s > hour ? activated_s : hour),
        "quantity", (json_int_t) tg_stmt_int(q, QUANTITY), "identityMode",
        text_or_null(q, MODE), "agreementId",
        is_known ? text_or_null(q, AGREEMENT) : json_null(),
        "customerAWSAccountId", text_or_null(q, ACCOUNT), "licenseArn",
        text_or_null(q, LICENSE), "customerIdentifier",
        text_or_null(q, CUSTOMER), "meteringRecordId", "reason", reason,
        "next", next, "apiKeyId", text_or_null(q, KEY), "usagePlanId",
        text_or_null(q, PLAN));
}

/* The rows of one statement. */
static enum tg_status
append(struct tg_store *s, json_t *list, const char *sql, bool is_sealed,
    const struct tg_unrecorded_query *query, int64_t open_from,
    const struct tg_settings *settings, int64_t now_s, struct tg_error *err)
{
    enum tg_status          status;
    struct tg_stmt         *q = NULL;
    enum tg_unrecorded_kind kind;

    status = tg_store_query(s, &q, err, sql, "ssiiii", query->agreement_id,
        query->product_code, query->from, query->to, open_from,
        query->limit);
    while (status == TG_OK
        && (int64_t) json_array_size(list) < query->limit
        && (status = tg_stmt_next(q, err)) == TG_OK)
    {
        kind = !is_sealed ? TG_UNRECORDED_OPEN
            : row_is_lost(q, now_s) ? TG_UNRECORDED_LOST
            : TG_UNRECORDED_HELD;
        if ((query->kinds & 1U << kind) != 0 && tg_stmt_int(q, QUANTITY) > 0
            && json_array_append_new(list, to_json(q, settings, kind)) != 0)
        {
            status = tg_error_set(err, TG_NOMEM, "out of memory");
        }
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* The first hour from *hour on that has rows; TG_NOTFOUND: there is none. */
static enum tg_status
next_hour(struct tg_store *s, int64_t *hour, struct tg_error *err)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(s, &q, err, "SELECT MIN(hour) FROM usage_hour"
        " WHERE hour >= $1", "i", *hour);
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK && tg_stmt_is_null(q, 0)) {
        status = TG_NOTFOUND;
    } else if (status == TG_OK) {
        *hour = tg_stmt_int(q, 0);
    }
    tg_stmt_done(q);
    return status;
}

/* What waits for its seal, hour by hour. */
static enum tg_status
append_open(struct tg_store *s, json_t *list,
    const struct tg_unrecorded_query *query, int64_t open_from,
    const struct tg_settings *settings, int64_t now_s, struct tg_error *err)
{
    struct tg_unrecorded_query one = *query;
    enum tg_status             status = append(s, list, nobodys_sql, false,
        query, open_from, settings, now_s, err);

    one.from = one.from > open_from ? one.from : open_from;
    while (status == TG_OK
        && (int64_t) json_array_size(list) < query->limit
        && (status = next_hour(s, &one.from, err)) == TG_OK
        && one.from < query->to)
    {
        one.to = one.from + TG_HOUR_S;
        status = append(s, list, open_sql, false, &one, open_from, settings,
            now_s, err);
        one.from = one.to;
    }
    return status == TG_NOTFOUND ? TG_OK : status;
}

enum tg_status
tg_unrecorded_list(struct tg_store *s, json_t *list,
    const struct tg_unrecorded_query *query,
    const struct tg_settings *settings, int64_t now_s, struct tg_error *err)
{
    int64_t                    open_from = 0;
    enum tg_status             status = first_open(s, &open_from, err);
    struct tg_unrecorded_query sealed = *query;

    if (sealed.from < now_s - TG_UNRECORDED_DAYS * 24 * TG_HOUR_S) {
        sealed.from = now_s - TG_UNRECORDED_DAYS * 24 * TG_HOUR_S;
    }
    if (status == TG_OK && (query->kinds & ~(1U << TG_UNRECORDED_OPEN)) != 0)
    {
        status = append(s, list, held_sql, true, &sealed, open_from,
            settings, now_s, err);
        if (status == TG_OK) {
            status = append(s, list, left_sql, true, &sealed, open_from,
                settings, now_s, err);
        }
    }
    if (status == TG_OK && (query->kinds & 1U << TG_UNRECORDED_OPEN) != 0) {
        status = append_open(s, list, query, open_from, settings, now_s,
            err);
    }
    return status;
}

enum tg_status
tg_unrecorded_count_open(struct tg_store *s, int64_t *count,
    struct tg_error *err)
{
    int64_t         open_from = 0;
    enum tg_status  status = first_open(s, &open_from, err);
    struct tg_stmt *q = NULL;

    *count = 0;
    if (status == TG_OK) {
        status = tg_store_query(s, &q, err, "SELECT COUNT(*) FROM (SELECT 1"
            " FROM usage_hour d CROSS JOIN usage_source s WHERE"
            " d.hour >= $1 AND s.id = d.source AND NOT EXISTS (SELECT 1"
            " FROM ledger_record r WHERE r.agreement_id = s.agreement_id AND"
            " r.dimension = s.dimension AND r.hour = d.hour) GROUP BY d.hour,"
            " s.agreement_id, s.dimension) g", "i", open_from);
    }
    if (status == TG_OK) {
        status = tg_stmt_next(q, err);
    }
    if (status == TG_OK) {
        *count = tg_stmt_int(q, 0);
    }
    tg_stmt_done(q);
    return status;
}

/*
 * ---- sums
 */

/* A part of what is held or lost. */
static void
add_sum(struct tg_unrecorded_sums *sums, struct tg_stmt *q,
    int64_t written_off_s, int64_t now_s)
{
    int64_t hour = tg_stmt_int(q, HOUR), deadline;

    if (!row_is_lost(q, now_s)) {
        deadline = tg_ledger_deadline(hour, tg_stmt_int(q, ENDED));
        sums->held += tg_stmt_int(q, QUANTITY);
        if (sums->held_until == 0 || deadline < sums->held_until) {
            sums->held_until = deadline;
        }
    } else if (!row_is_lost(q, written_off_s)) {
        sums->lost += tg_stmt_int(q, QUANTITY);
        if (sums->lost_from == 0 || hour < sums->lost_from) {
            sums->lost_from = hour;
        }
    }
}

/* Whether anybody could have billed them: a contract's units nobody could. */
static bool
is_of_concern(struct tg_stmt *q)
{
    enum tg_unbillable why = tg_unbillable_of(tg_stmt_text(q, HELD));

    return why != TG_UNBILLABLE_CONTRACT && why != TG_UNBILLABLE_TAKEN;
}

enum tg_status
tg_unrecorded_sum(struct tg_store *s, struct tg_unrecorded_sums *sums,
    int64_t now_s, struct tg_error *err)
{
    size_t                   i;
    int64_t                  written_off_s = 0;
    enum tg_status           status;
    struct tg_stmt          *q = NULL;
    static const char *const statements[] = { held_sql, left_sql };

    *sums = (struct tg_unrecorded_sums) { 0 };
    status = tg_memo_get_int(s, &written_off_s, TG_MEMO_WRITTEN_OFF, err);
    if (status == TG_NOTFOUND) {
        status = TG_OK;
    }
    for (i = 0; i < 2 && status == TG_OK; i++) {
        q = NULL;
        status = tg_store_query(s, &q, err, statements[i], "ssiiii", "", "",
            now_s - TG_UNRECORDED_DAYS * 24 * TG_HOUR_S, INT64_MAX,
            INT64_MAX, INT64_MAX);
        while (status == TG_OK && (status = tg_stmt_next(q, err)) == TG_OK) {
            if (is_of_concern(q)) {
                add_sum(sums, q, written_off_s, now_s);
            }
        }
        tg_stmt_done(q);
        status = status == TG_NOTFOUND ? TG_OK : status;
    }
    return status;
}
