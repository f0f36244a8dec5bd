/*
 * mock.h - MOCK integrations, compiled
 *
 * A MOCK's request template says which status a backend would have given; the
 * integration response for that status says what the client gets.  A template
 * that gives every call the same status is asked for it here, once.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-mock-integration.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_MOCK_H
#define TG_CONTROL_MOCK_H

#include <jansson.h>
#include <stddef.h>

#include "control/mapping.h"
#include "plane/routes.h"
#include "util/arena.h"
#include "util/error.h"

/*
 * Fills the MOCK members of spec from integration (as it is stored).
 * TG_DENIED or TG_INVALID: it cannot work, and err says why.
 */
TG_MUST_CHECK enum tg_status tg_mock_compile(struct tg_integration_spec *spec,
    struct tg_arena *arena, const struct tg_mapping_scope *scope,
    const json_t *integration, struct tg_error *err);

#endif
