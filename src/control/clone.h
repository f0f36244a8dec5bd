/*
 * clone.h - cloneFrom of CreateRestApi: an API as another one is
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_CLONE_H
#define TG_CONTROL_CLONE_H

#include "control/call.h"

/*
 * Copies resources, methods, models, validators, authorizers, gateway
 * responses and documentation parts of the API source into the new API id,
 * which has its root resource and nothing else.  All get ids of their own;
 * deployments, stages and documentation versions are not copied.
 */
TG_MUST_CHECK enum tg_status tg_api_clone(struct tg_control_call *call,
    const char *source, const char *id, const char *root_id);

#endif
