/*
 * endpoint.h - the endpointConfiguration of APIs and of custom domains
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_ENDPOINT_H
#define TG_CONTROL_ENDPOINT_H

#include "control/members.h"

/*
 * Checks the endpointConfiguration of doc and fills in what is not said: EDGE,
 * ipv4.  operation is what Amazon's messages call the input.
 */
TG_MUST_CHECK enum tg_status tg_endpoint_check(json_t *doc,
    const char *operation, struct tg_refusal *r);

/* The words in it alone, in Amazon's list of all that is wrong with them. */
TG_MUST_CHECK enum tg_status tg_endpoint_check_words(const json_t *doc,
    const char *operation, struct tg_refusal *r);

/* The same of a type that a patch puts in place. */
TG_MUST_CHECK enum tg_status tg_endpoint_check_type(const char *type,
    const char *operation, struct tg_refusal *r);

/* "ipv4" and "dualstack", ended by NULL. */
extern const char *const tg_endpoint_address_types[];

#endif
