/*
 * stage_rules.h - what a stage asks of calls, and what it says to those that
 * it refuses
 *
 * From a deployment's snapshot: which parameters a method's validator wants
 * to be there, and the API's own gateway responses, with what a type inherits
 * from DEFAULT_4XX and DEFAULT_5XX put in.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-validation-set-up.html
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_STAGE_RULES_H
#define TG_CONTROL_STAGE_RULES_H

#include <jansson.h>

#include "control/mapping.h"
#include "plane/routes.h"
#include "util/arena.h"
#include "util/error.h"

/*
 * The parameters that calls of method must have, in the order in which a
 * refusal names them; none without a validator of parameters.  parts are
 * those of the snapshot.
 */
TG_MUST_CHECK enum tg_status tg_required_compile(struct tg_parts *out,
    struct tg_arena *arena, const json_t *parts, const json_t *method);

/* Whether the method's validator wants bodies checked, which nobody does. */
bool tg_validator_wants_body(const json_t *parts, const json_t *method);

/*
 * One response for each type into specs, which is in the arena; *specs is
 * NULL when the API has none of its own.  TG_DENIED or TG_INVALID: one
 * cannot be made, and err says which and why; it is then as Amazon's.
 */
TG_MUST_CHECK enum tg_status tg_gateway_compile(
    struct tg_gateway_spec **specs, struct tg_arena *arena,
    const struct tg_mapping_scope *scope, const json_t *parts,
    struct tg_error *err);

#endif
