/*
 * chain.h - what appending to the trail and reading it must agree on
 *
 * The hash that ties a record to the one before it, the columns of
 * audit_event, and where in a record the texts stand that columns repeat.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_AUDIT_CHAIN_H
#define TG_AUDIT_CHAIN_H

#include <jansson.h>

#include "util/digest.h"

/* What a SELECT of whole rows names, and the places of the columns in it. */
#define TG_AUDIT_COLUMNS                                                      \
    "seq, event_id, event_time_s, event_source, event_name, username,"        \
    " access_key_id, read_only, resource_type, resource_name, record, hash"

enum tg_audit_column {
    TG_AUDIT_SEQ,
    TG_AUDIT_EVENT_ID,
    TG_AUDIT_EVENT_TIME,
    TG_AUDIT_EVENT_SOURCE,
    TG_AUDIT_EVENT_NAME,
    TG_AUDIT_USERNAME,
    TG_AUDIT_ACCESS_KEY_ID,
    TG_AUDIT_READ_ONLY,
    TG_AUDIT_RESOURCE_TYPE,
    TG_AUDIT_RESOURCE_NAME,
    TG_AUDIT_RECORD,
    TG_AUDIT_HASH,
};

/* A column that repeats a text of the record, and where it stands there. */
struct tg_audit_copy {
    enum tg_audit_column column;
    const char          *name;
    const char          *within; /* NULL: the record itself */
    const char          *member;
};
#define TG_AUDIT_COPIES 7
extern const struct tg_audit_copy tg_audit_copies[TG_AUDIT_COPIES];

/* What stands for the hash of the record before the first. */
#define TG_AUDIT_CHAIN_START                                                  \
    "0000000000000000000000000000000000000000000000000000000000000000"

/* SHA-256 in hex over previous (64 hex digits) and the record's bytes. */
void tg_audit_chain(char out[TG_SHA256_HEX], const char *previous,
    const char *record);

/*
 * The text of a member of the record, or of its part `within`
 * ("userIdentity"; of "resources", a list, the first item).  NULL when there
 * is none.
 */
const char *tg_audit_member(const json_t *record, const char *within,
    const char *member);

#endif
