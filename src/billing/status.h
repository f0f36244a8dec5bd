/*
 * status.h - the ledger as JSON, for `tallygate status' and `seal'
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_STATUS_H
#define TG_BILLING_STATUS_H

#include <jansson.h>
#include <stdint.h>

#include "settings/settings.h"
#include "store/store.h"
#include "util/error.h"

/*
 * Appends to list the records that are not final, and the newest of the
 * others (TG_STATUS_RECORDS_MAX); oldest hour first.
 */
#define TG_STATUS_RECORDS_MAX 10000
TG_MUST_CHECK enum tg_status tg_status_records(struct tg_store *s,
    json_t *list, struct tg_error *err);

/*
 * Appends what was counted and has no record: open hours, and what is held
 * back, with the reason; of the last 31 days.
 */
TG_MUST_CHECK enum tg_status tg_status_open(struct tg_store *s, json_t *list,
    const struct tg_settings *settings, int64_t now_s, struct tg_error *err);

/*
 * Appends the records that an early seal speaks of: of one agreement or of
 * all (""), those of the hour and those that were not final in since_s.
 */
TG_MUST_CHECK enum tg_status tg_status_sealed(struct tg_store *s,
    json_t *list, const char *agreement_id, int64_t hour, int64_t since_s,
    struct tg_error *err);

/* {state: number of records}, without the open ones. */
TG_MUST_CHECK enum tg_status tg_status_totals(struct tg_store *s,
    json_t *totals, struct tg_error *err);

#endif
