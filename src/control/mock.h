/*
 * mock.h - what a MOCK integration answers, decided once
 *
 * A MOCK's request template says which status a backend would have given; the
 * integration response whose selectionPattern matches that status says what
 * the client gets.  All of it is constant but $context variables, so the
 * gateway is given the finished answer.
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
 * The integer member statusCode of a rendered request template.  Lenient as
 * Amazon is: keys and texts may be bare or in single quotes.  TG_INVALID when
 * it is no object or has no such integer.
 */
TG_MUST_CHECK enum tg_status tg_mock_status(int *out, const char *text,
    struct tg_error *err);

/*
 * Fills the MOCK members of spec from integration (as it is stored).
 * TG_DENIED or TG_INVALID: it cannot work, and err says why.
 */
TG_MUST_CHECK enum tg_status tg_mock_compile(struct tg_integration_spec *spec,
    struct tg_arena *arena, const struct tg_mapping_scope *scope,
    const json_t *integration, struct tg_error *err);

#endif
