/*
 * lookup.h - CloudTrail's LookupEvents over the audit trail
 *
 * Newest first, by at most one attribute and a range of time, in pages.  Our
 * trail keeps its records for good, so there is no limit of 90 days.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_AUDIT_LOOKUP_H
#define TG_AUDIT_LOOKUP_H

#include <jansson.h>

#include "store/store.h"
#include "util/error.h"

/*
 * Answers a LookupEvents request (the JSON body, borrowed).  TG_OK: *out is
 * the response's body and the caller's.  TG_INVALID: *code is the name of
 * CloudTrail's exception, a constant, and err->message the text for the
 * client.  Other failures are the store's.
 */
TG_MUST_CHECK enum tg_status
tg_audit_lookup(json_t **out, const char **code, struct tg_store *s,
    const json_t *request, struct tg_error *err);

#endif
