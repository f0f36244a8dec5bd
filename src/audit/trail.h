/*
 * trail.h - the audit trail: records in CloudTrail's format, chained
 *
 * Every call to the Marketplace and every call that changes something is a
 * row of audit_event, written in the same store transaction as the change:
 * there is no change without its record and no record without its change.
 *
 * A record's hash is SHA-256 over the hash of the record before it (64 hex
 * digits; zeros before the first) and the record's JSON as it is stored.
 * audit_head repeats the newest sequence number and hash.
 *
 * Invariants
 *   A1  Sequence numbers are 1, 2, 3, ... without a gap.
 *   A2  tg_audit_append runs inside the caller's transaction and neither
 *       commits nor rolls back.
 *   A3  No key value, token or secret gets into a record: the members that
 *       may hold one are replaced (tg_audit_mask), wherever they stand.
 *   A4  A record is never changed or deleted by this program.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_AUDIT_TRAIL_H
#define TG_AUDIT_TRAIL_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "store/store.h"
#include "util/error.h"

#define TG_AUDIT_SOURCE_APIGATEWAY "apigateway.amazonaws.com"
#define TG_AUDIT_SOURCE_METERING   "metering-marketplace.amazonaws.com"
/* Our own doings, for which CloudTrail has no source. */
#define TG_AUDIT_SOURCE_TALLYGATE  "tallygate"

#define TG_AUDIT_HIDDEN "HIDDEN_DUE_TO_SECURITY_REASONS"

/* Members of userIdentity; NULL ones are left out, but for type. */
struct tg_audit_identity {
    const char *type; /* "IAMUser", "AssumedRole", "AWSService", "Unknown" */
    const char *principal_id;
    const char *arn;
    const char *account_id;
    const char *access_key_id;
    const char *user_name;  /* also what LookupEvents finds as Username */
    const char *invoked_by; /* AWSService: the part of tallygate at work */
};

/*
 * One record.  All is borrowed for the length of tg_audit_append, which
 * copies what it keeps; texts may be NULL where it says so.
 */
struct tg_audit_record {
    int64_t     time_s;       /* when the call was completed */
    const char *event_source; /* TG_AUDIT_SOURCE_... */
    const char *event_name;   /* "CreateApiKey", "BatchMeterUsage" */
    const char *region;       /* of the endpoint that was called */
    const char *account_id;   /* recipientAccountId */

    struct tg_audit_identity identity;

    const char *source_ip;  /* NULL: "tallygate", for what it does itself */
    const char *user_agent; /* NULL: "tallygate/<version>" */
    const char *request_id; /* NULL: a new one is made up */

    const json_t *request;  /* requestParameters; NULL: null */
    const json_t *response; /* responseElements; NULL: null, as for reads */
    const json_t *extra;    /* additionalEventData; NULL: none */
    bool          is_own;   /* these three are the caller's alone, and may be
                               masked where they are: no copy is made */

    const char *error_code;    /* NULL: the call succeeded */
    const char *error_message; /* NULL: none */

    bool        is_read_only;
    const char *resource_type; /* NULL: none; "AWS::ApiGateway::ApiKey" */
    const char *resource_name; /* NULL: none; an id or ARN to be found by */
};

/*
 * The identity of whoever signs with an access key (of admin-credentials:
 * user "admin"), and of the daemon when nobody asked (invoked_by:
 * "onboarding", ...).  The texts are lent; arn_out of the first is filled in.
 */
#define TG_AUDIT_ARN_SIZE 112
struct tg_audit_identity tg_audit_user(char arn_out[TG_AUDIT_ARN_SIZE],
    const char *account_id, const char *user_name,
    const char *access_key_id);
struct tg_audit_identity tg_audit_self(const char *account_id,
    const char *invoked_by);

/*
 * Appends the record; a write transaction must be open in s.  Any failure
 * means that the caller must roll back: a call that cannot be recorded is
 * not made good.
 */
TG_MUST_CHECK enum tg_status
tg_audit_append(struct tg_store *s, const struct tg_audit_record *record,
    struct tg_error *err);

/*
 * The same in two steps: the text is made beforehand, by any thread and
 * without a store, and appended by whoever has the transaction.  An entry is
 * appended once at most; the caller frees it.
 */
struct tg_audit_entry;
TG_MUST_CHECK enum tg_status
tg_audit_render(struct tg_audit_entry **out,
    const struct tg_audit_record *record, struct tg_error *err);
TG_MUST_CHECK enum tg_status
tg_audit_append_entry(struct tg_store *s, const struct tg_audit_entry *entry,
    struct tg_error *err);
void tg_audit_entry_free(struct tg_audit_entry *entry);

/*
 * A copy of value in which texts that may be secret are TG_AUDIT_HIDDEN: key
 * values (`value`, but not that of a patch operation, and where a key's id
 * belongs), registration tokens, private keys and passwords.  NULL when out of
 * memory.
 */
json_t *tg_audit_mask(const json_t *value);

/* The same in place; TG_NOMEM: some may still be there. */
TG_MUST_CHECK enum tg_status tg_audit_mask_own(json_t *value);

/*
 * A key's id or ARN as it may be recorded: TG_AUDIT_HIDDEN when it is so long
 * that it may be a key's value.
 */
const char *tg_audit_mask_key_name(const char *name);

/* What tg_audit_verify found. */
struct tg_audit_verdict {
    int64_t records;   /* read */
    int64_t first_bad; /* sequence number of the first fault; 0: none */
    int64_t head;      /* sequence number of the newest record */
    char    hash[65];  /* of the newest record */
};

/*
 * Reads the whole trail.  TG_OK: it is as it was written.  TG_CORRUPT: err
 * names the first record that was changed, is missing (at the end, too) or
 * stands in another's place.
 */
TG_MUST_CHECK enum tg_status
tg_audit_verify(struct tg_store *s, struct tg_audit_verdict *verdict,
    struct tg_error *err);

#endif
