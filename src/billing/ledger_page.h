/*
 * ledger_page.h - the ledger's records, filtered and page by page
 *
 * What `tallygate ledger' lists, from the running daemon or, when that is
 * down, read-only from the store: newest hour first.  Each page is read by an
 * index and holds as many rows as were asked for, whatever the ledger's size.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_LEDGER_PAGE_H
#define TG_BILLING_LEDGER_PAGE_H

#include <jansson.h>
#include <stdint.h>

#include "control/agreements.h"
#include "settings/settings.h"
#include "store/store.h"
#include "util/error.h"

#define TG_LEDGER_PAGE_MAX 1000

/* Texts NULL or "": all. */
struct tg_ledger_query {
    const char *buyer;   /* as tg_agreement_find takes it */
    const char *product;
    const char *state;   /* of a record, or open, held, lost */
    const char *from;    /* times: "2026-11-23T01:00:00Z", or epoch seconds */
    const char *to;      /* not among them */
    const char *after;   /* the last record of the page before */
    const char *limit;   /* rows; at most TG_LEDGER_PAGE_MAX */
};

/*
 * Sets *page to {"now", "records": [...], "next": id to go on after, or null};
 * the caller owns it.  Usage without a record (unrecorded.h) comes with the
 * first page only.  TG_INVALID, TG_NOTFOUND, TG_CONFLICT: the query is wrong,
 * and err says which part.
 */
TG_MUST_CHECK enum tg_status tg_ledger_page(struct tg_store *s,
    json_t **page, const struct tg_ledger_query *query,
    const struct tg_settings *settings, int64_t now_s, struct tg_error *err);

/*
 * The hour that a text means; hours may be given without minutes
 * ("2026-11-23T01"), days without hours.  TG_INVALID.
 */
TG_MUST_CHECK enum tg_status tg_ledger_hour_parse(int64_t *hour,
    const char *text);

#endif
