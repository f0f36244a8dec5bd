/*
 * stage_rows.h - stages, as both the deployments and the stages make them
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_STAGE_ROWS_H
#define TG_CONTROL_STAGE_ROWS_H

#include <jansson.h>

#include "control/call.h"

/* Refused when the API (and stage, unless "") belongs to a usage plan. */
TG_MUST_CHECK enum tg_status tg_stage_refuse_planned(
    struct tg_control_call *call, const char *api_id, const char *stage);

/* Refused as not found when there is no such deployment of the API. */
TG_MUST_CHECK enum tg_status tg_deployment_require(
    struct tg_control_call *call, const char *api_id, const char *id);

/*
 * Points the stage at the deployment, and makes it where there is none: with
 * the members of in, which replace those of a stage that is there.  With
 * canarySettings among them the stage has to be there, and stays where it is.
 */
TG_MUST_CHECK enum tg_status tg_stage_deploy(struct tg_control_call *call,
    const char *api_id, const char *name, const char *deployment_id,
    const json_t *in);

/* Gives the stage, which is refused if there is none, that version. */
TG_MUST_CHECK enum tg_status tg_stage_document(struct tg_control_call *call,
    const char *api_id, const char *name, const char *version);

/* Refused while a stage of the API has that documentation version. */
TG_MUST_CHECK enum tg_status tg_stage_refuse_documented(
    struct tg_control_call *call, const char *api_id, const char *version);

TG_MUST_CHECK enum tg_status tg_stage_check_name(
    struct tg_control_call *call, const char *name);

#endif
