/*
 * proxy.h - where an HTTP_PROXY or HTTP integration sends a call
 *
 * Pure: stage variables are put into the URI, its path and query are split
 * into parts, and the parameter mappings become headers, query parameters and
 * the values of the path's variables.
 *
 * Promises
 *   Y1  {name} in the URI is filled by the mapping of integration.request.
 *       path.name and by nothing else; without one the integration is broken,
 *       as at Amazon.
 *   Y2  No mapping can name a header that would change how the request is
 *       framed or whom it claims to come from.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_PROXY_H
#define TG_CONTROL_PROXY_H

#include <jansson.h>

#include "control/mapping.h"
#include "control/uri.h"
#include "plane/routes.h"

/*
 * Path, query, headers and reads_body of *spec; *uri says where the backend
 * is.  TG_DENIED or TG_INVALID with the reason.
 */
TG_MUST_CHECK enum tg_status tg_proxy_compile(struct tg_integration_spec *spec,
    struct tg_uri *uri, struct tg_arena *arena,
    const struct tg_mapping_scope *scope, const json_t *integration,
    struct tg_error *err);

#endif
