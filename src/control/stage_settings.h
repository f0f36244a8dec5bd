/*
 * stage_settings.h - what can be set on a stage beside its methods' settings
 *
 * https://docs.aws.amazon.com/apigateway/latest/api/API_Stage.html
 *
 * What would change what a call gets, and the gateway has not (a cache
 * cluster, a client certificate), is refused by its name.  What only observes
 * calls (access logs, tracing) is kept and answered, and the log says at each
 * publication that nobody does it here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_STAGE_SETTINGS_H
#define TG_CONTROL_STAGE_SETTINGS_H

#include <jansson.h>

#include "control/call.h"

#define TG_DEPLOYMENT_USED "Active stages pointing to this deployment must " \
    "be moved or deleted"

/* Sizes that a cache cluster may have, ended by NULL. */
extern const char *const tg_cache_sizes[];

TG_MUST_CHECK enum tg_status tg_stage_check_variables(
    struct tg_control_call *call, const json_t *variables);

/*
 * Refused unless the settings in, of CreateStage or CreateDeployment, can be
 * honoured; canarySettings are checked by tg_canary_take.
 */
TG_MUST_CHECK enum tg_status tg_stage_settings_check(
    struct tg_control_call *call, const json_t *in);

/* Applies a patch to the stage, an object as Amazon answers it. */
TG_MUST_CHECK enum tg_status tg_stage_settings_patch(
    struct tg_control_call *call, const struct tg_patch *patch,
    const char *api_id, json_t *stage);

#endif
