/*
 * responses.h - integration responses, compiled
 *
 * What a backend's or a MOCK's answer becomes is chosen by its status: of the
 * integration responses the first, by status code, whose selectionPattern
 * matches the whole status, else the one without a pattern.  Every status is
 * tried here, once, so that no pattern runs while a call is served.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-integration-settings-integration-response.html
 *
 * Promises
 *   I1  Names that the gateway keeps for itself (Date, Server, ...) leave as
 *       x-amzn-Remapped-NAME; Transfer-Encoding is not sent.
 *   I2  A pattern that needs too much work, or a template that cannot be
 *       rendered, breaks the integration and is named.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_RESPONSES_H
#define TG_CONTROL_RESPONSES_H

#include <jansson.h>

#include "control/mapping.h"
#include "plane/routes.h"
#include "util/arena.h"
#include "util/error.h"

/*
 * Fills responses and choice of spec from integration (as it is stored).
 * TG_DENIED or TG_INVALID: it cannot work, and err says why.
 */
TG_MUST_CHECK enum tg_status tg_responses_compile(
    struct tg_integration_spec *spec, struct tg_arena *arena,
    const struct tg_mapping_scope *scope, const json_t *integration,
    struct tg_error *err);

#endif
