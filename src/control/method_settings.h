/*
 * method_settings.h - a stage's settings for its methods
 *
 * https://docs.aws.amazon.com/apigateway/latest/api/API_MethodSetting.html
 *
 * They are set by patches of the stage, "/{path}/{METHOD}/throttling/
 * rateLimit" or with the wildcard of both at once, and kept as Amazon answers
 * them: a map by "path/METHOD" without the leading slash, and by the wildcard.
 * Throttling acts at once, without a deployment; metrics, logging and data
 * trace are kept and answered; so is caching, which at Amazon, too, does
 * nothing on a stage without a cache cluster, and there is none.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_METHOD_SETTINGS_H
#define TG_CONTROL_METHOD_SETTINGS_H

#include <jansson.h>
#include <stdbool.h>

#include "control/call.h"
#include "core/bucket.h"

/*
 * Applies a patch to the map, an object.  TG_NOTFOUND: its path does not name
 * a method setting.  TG_DENIED: refused.
 */
TG_MUST_CHECK enum tg_status tg_method_settings_patch(
    struct tg_control_call *call, const struct tg_patch *patch,
    json_t *settings);

/*
 * The throttle of a method (path as in the resource, "/pets/{id}") for all
 * callers together: its own, else the wildcard's.  false: none.
 */
bool tg_method_settings_throttle(const json_t *settings, const char *path,
    const char *verb, struct tg_bucket_limit *limit);

#endif
