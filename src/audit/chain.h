/*
 * chain.h - the hash that ties a record of the trail to the one before it
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_AUDIT_CHAIN_H
#define TG_AUDIT_CHAIN_H

#include "util/digest.h"

/* What stands for the hash of the record before the first. */
#define TG_AUDIT_CHAIN_START                                                  \
    "0000000000000000000000000000000000000000000000000000000000000000"

/* SHA-256 in hex over previous (64 hex digits) and the record's bytes. */
void tg_audit_chain(char out[TG_SHA256_HEX], const char *previous,
    const char *record);

#endif
