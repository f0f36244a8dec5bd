/*
 * gateway_response.h - what an API may say instead of an integration
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_GATEWAY_RESPONSE_H
#define TG_CONTROL_GATEWAY_RESPONSE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "control/members.h"
#include "plane/values.h"

/* The types in the order of their names; NULL behind the last. */
const char *tg_gateway_response_type(size_t index);

bool tg_gateway_response_is_type(const char *name);

/* The status of a type; 0: what the failure itself has. */
unsigned tg_gateway_status(enum tg_gateway_type type);

/* Amazon's response of that type, new; NULL when there is no such type. */
json_t *tg_gateway_response_default(const char *type);

/*
 * A response of one's own from the members statusCode, responseParameters
 * and responseTemplates; what is not given comes from the default.
 */
TG_MUST_CHECK enum tg_status tg_gateway_response_doc(json_t **out,
    const json_t *in, const char *type, struct tg_refusal *r);

#endif
