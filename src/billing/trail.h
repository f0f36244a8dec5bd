/*
 * trail.h - calls to the Marketplace as records of the audit trail
 *
 * CloudTrail writes the Marketplace's members in lower camel case and its
 * timestamps as English text; so do we, so that both can be compared.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_TRAIL_H
#define TG_BILLING_TRAIL_H

#include <jansson.h>
#include <stdint.h>

#include "audit/trail.h"
#include "aws/marketplace.h"
#include "settings/settings.h"
#include "store/store.h"
#include "util/error.h"

/* "Nov 23, 2026 1:00:00 AM": UTC, no zone, no leading zeros. */
#define TG_TRAIL_TIME_SIZE 32
void tg_trail_time(char out[TG_TRAIL_TIME_SIZE], int64_t time_s);

/* A copy of value as CloudTrail writes it; NULL: out of memory. */
json_t *tg_trail_json(const json_t *value);

/*
 * Appends the record of a call, in the caller's transaction.  A call whose
 * outcome is not known has the error code OutcomeUnknown.  ResolveCustomer's
 * token is HIDDEN_DUE_TO_SECURITY_REASONS.
 */
TG_MUST_CHECK enum tg_status tg_trail_append(struct tg_store *s,
    const struct tg_settings *settings, const char *operation,
    const struct tg_marketplace_result *result, const char *source_ip,
    int64_t now_s, struct tg_error *err);

/* The same record, to be appended by tg_audit_append_entry. */
TG_MUST_CHECK enum tg_status tg_trail_render(struct tg_audit_entry **out,
    const struct tg_settings *settings, const char *operation,
    const struct tg_marketplace_result *result, const char *source_ip,
    int64_t now_s, struct tg_error *err);

#endif
