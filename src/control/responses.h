/*
 * responses.h - request templates and integration responses, compiled
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
#include "control/template.h"
#include "plane/routes.h"
#include "util/arena.h"
#include "util/error.h"

/*
 * Templates by media type into *out, in the arena.  TG_DENIED: one of them
 * cannot be rendered (I2).
 */
TG_MUST_CHECK enum tg_status tg_templates_compile(
    struct tg_template_spec **out, size_t *count, struct tg_arena *arena,
    const struct tg_mapping_scope *scope, enum tg_template_kind kind,
    json_t *templates, struct tg_error *err);

/* The name under which a header leaves (I1); NULL: it does not. */
const char *tg_response_header_name(struct tg_arena *arena,
    const struct tg_mapping_scope *scope, const char *name);

/*
 * Fills templates and passthrough of spec from the requestTemplates of
 * integration (as it is stored); *list is where they stand.  TG_DENIED: one
 * of them cannot be rendered (I2).
 */
TG_MUST_CHECK enum tg_status tg_requests_compile(
    struct tg_integration_spec *spec, struct tg_template_spec **list,
    struct tg_arena *arena, const struct tg_mapping_scope *scope,
    const json_t *integration, struct tg_error *err);

/*
 * Fills responses and choice of spec from integration (as it is stored).
 * TG_DENIED or TG_INVALID: it cannot work, and err says why.
 */
TG_MUST_CHECK enum tg_status tg_responses_compile(
    struct tg_integration_spec *spec, struct tg_arena *arena,
    const struct tg_mapping_scope *scope, const json_t *integration,
    struct tg_error *err);

#endif
