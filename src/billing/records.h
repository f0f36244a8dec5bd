/*
 * records.h - the ledger's rows, and where an hour's units lie
 *
 * The one place that changes ledger_record: every move is checked against
 * the rules of core/ledger.h and must find the record in the state that it is
 * moved from.  The database checks the same once more, and writes the row of
 * ledger_history by itself (migrations 002 and 012), so no move is without one.  All
 * functions that change something run in the caller's transaction.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_RECORDS_H
#define TG_BILLING_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/usage_rows.h"
#include "core/ledger.h"
#include "store/store.h"
#include "util/arena.h"
#include "util/error.h"

/* Columns of a record in the order that tg_record_read wants them. */
#define TG_RECORD_COLUMNS                                                     \
    "id, agreement_id, product_code, dimension, hour, timestamp, quantity,"   \
    " identity_mode, customer_aws_account_id, license_arn,"                   \
    " customer_identifier, state, attempts, deadline_s, is_alone, number"

#define TG_RECORD_COLUMN_NUMBER 15

/* Copies the row into the arena; TG_NOMEM, TG_CORRUPT. */
TG_MUST_CHECK enum tg_status tg_record_read(struct tg_ledger_record *out,
    struct tg_stmt *q, struct tg_arena *arena, struct tg_error *err);

/* A new record, in state sealed, with its first row of history. */
TG_MUST_CHECK enum tg_status tg_record_insert(struct tg_store *s,
    const struct tg_ledger_record *record, int64_t now_s, const char *actor,
    const char *reason, struct tg_error *err);

struct tg_record_move {
    enum tg_ledger_state from;
    enum tg_ledger_state to; /* may equal from: another attempt, noted */
    const char          *actor;
    const char          *reason; /* NULL: none; stays with the record */
    const char          *metering_record_id; /* to settled only */
    int64_t              next_attempt_s;     /* to sealed and sent */
    bool                 is_attempt;         /* counts as one */
    bool                 is_alone;           /* set; never unset */

    /* Of the answer that made the move, for the history; NULL: none. */
    const char    *request_id;      /* x-amzn-RequestId */
    const char    *answer;          /* Status, exception, "no reply", ... */
    const int64_t *amazon_quantity; /* DuplicateRecord: what stays billed */
};

/*
 * The record goes from one state to another, and the move into its history.
 * TG_CONFLICT: it is not in state from, or the database forbids the move.
 */
TG_MUST_CHECK enum tg_status tg_record_move(struct tg_store *s,
    const struct tg_ledger_record *record, const struct tg_record_move *move,
    int64_t now_s, struct tg_error *err);

/*
 * The hour in which units of hour are billed: hour itself while it is open
 * for this agreement and dimension, else the next open one (see
 * tg_ledger_next_hour).  sealed_through is TG_MEMO_SEALED_THROUGH.
 */
TG_MUST_CHECK enum tg_status tg_record_open_hour(struct tg_store *s,
    int64_t *out, const char *agreement_id, const char *dimension,
    int64_t hour, int64_t sealed_through, int64_t now_s,
    struct tg_error *err);

/*
 * ---- what was counted
 *
 * See control/usage_rows.h for the tables.
 */

/* A row of usage_hour, with its source. */
struct tg_usage_row {
    const char *node;
    const char *agreement_id; /* "": none */
    const char *product_code; /* "": none */
    const char *dimension;
    int64_t     hour;
    int64_t     used_hour;
    const char *key_id;
    const char *plan_id;
    const char *reason; /* "": none */
};

/* Whether its units wait for an agreement, or had one been possible. */
bool tg_usage_is_held(const struct tg_usage_row *row);

/*
 * Adds quantity to the row; row and source are made if they are not there.
 * *source is the source's number, by which it is found again.
 */
TG_MUST_CHECK enum tg_status tg_usage_add(struct tg_store *s,
    const struct tg_usage_row *row, int64_t quantity, int64_t *source,
    struct tg_error *err);

/* The same, of a source whose number is known. */
TG_MUST_CHECK enum tg_status tg_usage_add_to(struct tg_store *s,
    int64_t hour, int64_t source, bool is_held, int64_t quantity,
    struct tg_error *err);

/* Takes as many from the row; TG_CONFLICT: it holds fewer. */
TG_MUST_CHECK enum tg_status tg_usage_take(struct tg_store *s,
    const struct tg_usage_row *row, int64_t quantity, struct tg_error *err);

/*
 * Moves quantity units of an agreement's dimension from one hour to another,
 * newest uses first, with the reason; they keep the hour that they were used
 * in.
 */
TG_MUST_CHECK enum tg_status tg_usage_move(struct tg_store *s,
    const char *agreement_id, const char *dimension, int64_t from_hour,
    int64_t to_hour, int64_t quantity, const char *reason,
    struct tg_error *err);

/*
 * Takes quantity units of an agreement's hour off the bill, newest uses
 * first: they stay in the ledger as nobody's, with the reason.
 */
TG_MUST_CHECK enum tg_status tg_usage_take_off(struct tg_store *s,
    const char *agreement_id, const char *dimension, int64_t hour,
    int64_t quantity, const char *reason, struct tg_error *err);

/* What an agreement's hour holds. */
TG_MUST_CHECK enum tg_status tg_usage_sum(struct tg_store *s, int64_t *units,
    const char *agreement_id, const char *dimension, int64_t hour,
    struct tg_error *err);

#endif
