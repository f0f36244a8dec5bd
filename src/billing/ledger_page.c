/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/ledger_page.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "billing/record_json.h"
#include "billing/unrecorded.h"
#include "core/hours.h"
#include "core/ledger.h"
#include "util/clock.h"

#define PAGE_DEFAULT 100

/* The query, read. */
struct page {
    struct tg_store *store;
    char             agreement_id[TG_AGREEMENT_ID_SIZE]; /* "": all */
    const char      *product;
    const char      *state; /* of records; "": all */
    unsigned         kinds; /* of usage without a record */
    bool             wants_records;
    int64_t          from, to;
    int64_t          limit;
    int64_t          after_hour; /* where the page before ended */
    char             after_agreement[TG_AGREEMENT_ID_SIZE];
    char             after_dimension[256];
    struct tg_error *err;
};

static bool
is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/*
 * ---- reading the query
 */

enum tg_status
tg_ledger_hour_parse(int64_t *hour, const char *text)
{
    char      *end;
    char       whole[TG_ISO8601_SIZE];
    size_t     len = strlen(text);
    static const char rest[] = "YYYY-MM-DDT00:00:00Z";

    if (len > 0 && len < 16 && strspn(text, "0123456789") == len) {
        *hour = strtoll(text, &end, 10);
        return TG_OK;
    }
    if (len >= sizeof(whole)) {
        return TG_INVALID;
    }
    (void) snprintf(whole, sizeof(whole), "%s", text);
    if (len > 4 && text[4] == '-'
        && (len == 10 || len == 13 || len == 16 || len == 19))
    {
        (void) snprintf(whole + len, sizeof(whole) - len, "%s", rest + len);
    }
    return tg_time_parse(hour, whole);
}

static enum tg_status
read_hours(struct page *p, const struct tg_ledger_query *query)
{
    p->from = 0;
    p->to = INT64_MAX;
    if (is_given(query->from)
        && tg_ledger_hour_parse(&p->from, query->from) != TG_OK)
    {
        return tg_error_set(p->err, TG_INVALID, "from: expected a time like"
            " 2026-11-23T01:00:00Z, not \"%s\"", query->from);
    }
    if (is_given(query->to)
        && tg_ledger_hour_parse(&p->to, query->to) != TG_OK)
    {
        return tg_error_set(p->err, TG_INVALID, "to: expected a time like"
            " 2026-11-23T01:00:00Z, not \"%s\"", query->to);
    }
    if (p->from >= p->to) {
        return tg_error_set(p->err, TG_INVALID, "from: must be before to");
    }
    return TG_OK;
}

static enum tg_status
read_limit(struct page *p, const char *text)
{
    char *end;

    p->limit = PAGE_DEFAULT;
    if (is_given(text)) {
        p->limit = strtoll(text, &end, 10);
        if (*end != '\0' || p->limit < 1 || p->limit > TG_LEDGER_PAGE_MAX) {
            return tg_error_set(p->err, TG_INVALID, "limit: expected a"
                " number from 1 to %d, not \"%s\"", TG_LEDGER_PAGE_MAX,
                text);
        }
    }
    return TG_OK;
}

/* Which records, and which usage that has none. */
static enum tg_status
read_state(struct page *p, const char *state)
{
    unsigned             kind;
    enum tg_ledger_state parsed;

    p->state = "";
    p->wants_records = true;
    p->kinds = 1U << TG_UNRECORDED_OPEN | 1U << TG_UNRECORDED_HELD
        | 1U << TG_UNRECORDED_LOST;
    if (!is_given(state)) {
        return TG_OK;
    }
    for (kind = TG_UNRECORDED_OPEN; kind <= TG_UNRECORDED_LOST; kind++) {
        if (strcmp(state, tg_unrecorded_name((enum tg_unrecorded_kind) kind))
            == 0)
        {
            p->kinds = 1U << kind;
            p->wants_records = false;
            return TG_OK;
        }
    }
    p->kinds = 0;
    p->state = state;
    return tg_ledger_state_parse(&parsed, state) == TG_OK ? TG_OK
        : tg_error_set(p->err, TG_INVALID, "state: expected open, held, lost,"
              " sealed, sent, settled, refused, expired or carried, not"
              " \"%s\"", state);
}

/* Where the page before ended: that record's place in the order. */
static enum tg_status
read_after(struct page *p, const char *id)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    p->after_hour = INT64_MAX;
    if (!is_given(id)) {
        return TG_OK;
    }
    p->kinds = 0;
    status = tg_store_query(p->store, &q, p->err, "SELECT hour,"
        " agreement_id, dimension FROM ledger_record WHERE id = $1", "s",
        id);
    if (status == TG_OK) {
        status = tg_stmt_next(q, p->err);
    }
    if (status == TG_OK) {
        p->after_hour = tg_stmt_int(q, 0);
        (void) snprintf(p->after_agreement, sizeof(p->after_agreement), "%s",
            tg_stmt_text(q, 1));
        (void) snprintf(p->after_dimension, sizeof(p->after_dimension), "%s",
            tg_stmt_text(q, 2));
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND
        ? tg_error_set(p->err, TG_NOTFOUND, "after: there is no record"
              " \"%s\"", id) : status;
}

static enum tg_status
read_query(struct page *p, const struct tg_ledger_query *query)
{
    enum tg_status status = read_state(p, query->state);

    p->product = is_given(query->product) ? query->product : "";
    if (status == TG_OK) {
        status = read_hours(p, query);
    }
    if (status == TG_OK) {
        status = read_limit(p, query->limit);
    }
    if (status == TG_OK && is_given(query->buyer)) {
        status = tg_agreement_find(p->store, p->agreement_id, query->buyer,
            p->err);
    }
    return status == TG_OK ? read_after(p, query->after) : status;
}

/*
 * ---- records
 */

/*
 * The same rows by the index that finds them soonest: an agreement's, those
 * of a state that is rare, or an hour after another.
 */
#define SELECT_WHERE(condition, hour)                                         \
    "SELECT " TG_RECORD_JSON_COLUMNS_ALL " FROM ledger_record WHERE "         \
    condition " AND " hour " >= $1 AND " hour " < $2 AND ($3 = '' OR"         \
    " product_code = $3) AND ($4 = '' OR agreement_id = $4) AND"              \
    " ($5 = '' OR state = $5) AND " hour " <= $6 AND (" hour ","              \
    " agreement_id, dimension) < ($6, $7, $8) ORDER BY " hour " DESC,"        \
    " agreement_id DESC, dimension DESC LIMIT $9"

static const char by_hour[] = SELECT_WHERE("id <> ''", "hour");
static const char by_agreement[] = SELECT_WHERE("agreement_id = $4", "hour");
static const char by_trouble[] = SELECT_WHERE("state = $5 AND (state ="
    " 'refused' OR state = 'expired' OR state = 'carried')", "hour");
/* the plus keeps SQLite from going through all hours for these few */
static const char by_deadline[] = SELECT_WHERE("state = $5 AND state IN"
    " ('sealed', 'sent')", "+hour");

static const char *
choose_statement(const struct page *p)
{
    if (p->agreement_id[0] != '\0') {
        return by_agreement;
    }
    if (p->state[0] == '\0' || strcmp(p->state, "settled") == 0) {
        return by_hour;
    }
    return strcmp(p->state, "sealed") == 0 || strcmp(p->state, "sent") == 0
        ? by_deadline : by_trouble;
}

static enum tg_status
list_records(struct page *p, json_t *list)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(p->store, &q, p->err, choose_statement(p),
        "iisssissi", p->from, p->to, p->product, p->agreement_id, p->state,
        p->after_hour, p->after_agreement, p->after_dimension, p->limit);
    return tg_record_json_rows(list, q, status, tg_record_json_all, p->err);
}

enum tg_status
tg_ledger_page(struct tg_store *s, json_t **page,
    const struct tg_ledger_query *query, const struct tg_settings *settings,
    int64_t now_s, struct tg_error *err)
{
    size_t         others;
    json_t        *list = json_array(), *next = NULL;
    struct page    p = { .store = s, .err = err };
    enum tg_status status = list != NULL ? read_query(&p, query)
        : tg_error_set(err, TG_NOMEM, "out of memory");

    *page = NULL;
    if (status == TG_OK && p.kinds != 0) {
        status = tg_unrecorded_list(s, list, &(struct tg_unrecorded_query) {
            .kinds = p.kinds, .agreement_id = p.agreement_id,
            .product_code = p.product, .from = p.from, .to = p.to,
            .limit = p.limit }, settings, now_s, err);
    }
    others = json_array_size(list);
    if (status == TG_OK && p.wants_records) {
        status = list_records(&p, list);
    }
    if (json_array_size(list) - others == (size_t) p.limit) {
        next = json_object_get(json_array_get(list,
            json_array_size(list) - 1), "id");
    }
    if (status == TG_OK) {
        *page = json_pack("{s:I, s:O, s:O?}", "now", (json_int_t) now_s,
            "records", list, "next", next);
        status = *page != NULL ? TG_OK
            : tg_error_set(err, TG_NOMEM, "out of memory");
    }
    json_decref(list);
    return status;
}
