/*
 * canary.h - a stage's second deployment, which a share of its calls tries
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/canary-release.html
 *
 * It stands in the stage's document as Amazon answers it, under
 * "canarySettings": deploymentId, percentTraffic, stageVariableOverrides,
 * useStageCache.  The publisher compiles it beside the stage's own deployment
 * (plane/routes.h), and each call draws which of the two it gets.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_CANARY_H
#define TG_CONTROL_CANARY_H

#include <jansson.h>
#include <stdint.h>

#include "control/call.h"

/*
 * canarySettings of CreateStage or CreateDeployment (operation as in
 * tg_members_take), checked and filled up, as the caller's *out; without a
 * deployment of their own they name deployment_id.
 */
TG_MUST_CHECK enum tg_status tg_canary_take(struct tg_control_call *call,
    const char *operation, const char *api_id, const char *deployment_id,
    const json_t *in, json_t **out);

/*
 * A patch of the stage's document at /canarySettings, or (op copy) from
 * there.  TG_NOTFOUND: it has no such path.
 */
TG_MUST_CHECK enum tg_status tg_canary_patch(struct tg_control_call *call,
    const struct tg_patch *patch, const char *api_id, json_t *stage);

/* The share of calls that try the canary, of TG_ROUTE_SHARE_ALL. */
uint32_t tg_canary_share(const json_t *stage);

/* The stage's variables as the canary sees them; new, NULL without memory. */
json_t *tg_canary_variables(const json_t *stage);

/* Refused while a stage of the API has the deployment as its canary. */
TG_MUST_CHECK enum tg_status tg_canary_refuse_used(
    struct tg_control_call *call, const char *api_id, const char *id);

#endif
