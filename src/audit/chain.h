/*
 * chain.h - what appending to the trail and verifying it must agree on
 *
 * The hash that ties a record to the one before it, and where in a record
 * the texts stand that columns of audit_event repeat.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_AUDIT_CHAIN_H
#define TG_AUDIT_CHAIN_H

#include <jansson.h>

#include "util/digest.h"

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
