/*
 * mapping.h - parameter mapping expressions, as parts
 *
 * API Gateway describes where a value comes from in small expressions:
 * method.request.header.X, context.stage, stageVariables.x, 'text'.  This
 * file checks them when they are stored, and turns them into the parts that
 * the routes file holds when a stage is compiled.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/request-response-data-mappings.html
 *
 * Promises
 *   M1  Pure: no clock, no store; memory from the arena given, and the time
 *       is linear in the text.
 *   M2  Check and compile agree: what the check refuses never compiles.
 *   M3  What the gateway cannot put together in the request path is TG_DENIED
 *       with the reason, and is never compiled to something else.
 *   M4  A source that is known to be empty gives no parts: its target is then
 *       left out, as Amazon does.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_MAPPING_H
#define TG_CONTROL_MAPPING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "plane/routes.h"
#include "util/arena.h"
#include "util/error.h"

/* What is known once a deployment stands in a stage. */
struct tg_mapping_scope {
    const json_t *variables; /* object of strings; NULL: none */
    const char   *deployment_id;
    bool          is_strict; /* header rules as Amazon has them */
    bool          is_canary;
};

struct tg_parts {
    struct tg_part_spec *items; /* in the arena */
    size_t               count;
};

/* The side of the integration that an expression stands on. */
enum tg_mapping_side {
    TG_MAPPING_REQUEST,  /* sources: method.request.* */
    TG_MAPPING_RESPONSE, /* sources: integration.response.* */
    TG_MAPPING_GATEWAY,  /* method.request.* but no body, context.error.* */
};

enum tg_target_kind {
    TG_TARGET_PATH,
    TG_TARGET_QUERY,
    TG_TARGET_HEADER,
};

/* Whether name may stand in an expression: ^[a-zA-Z0-9._$-]+$. */
bool tg_mapping_name_is_valid(const char *name);

/*
 * The target of a mapping: "integration.request.path.NAME" and its like on
 * the request side, "method.response.header.NAME" on the other.  *name points
 * into target.  TG_INVALID for anything else.
 */
TG_MUST_CHECK enum tg_status tg_mapping_target(enum tg_target_kind *kind,
    const char **name, enum tg_mapping_side side, const char *target);

/* TG_INVALID when source is no expression of that side. */
TG_MUST_CHECK enum tg_status tg_mapping_check(enum tg_mapping_side side,
    const char *source, struct tg_error *err);

/* The parts of source; see M3 and M4.  TG_INVALID as tg_mapping_check. */
TG_MUST_CHECK enum tg_status tg_mapping_compile(struct tg_parts *out,
    struct tg_arena *arena, const struct tg_mapping_scope *scope,
    enum tg_mapping_side side, const char *source, struct tg_error *err);

/* Whether a value looks into the call's body, or into the backend's. */
bool tg_parts_read_body(const struct tg_part_spec *parts, size_t count);
bool tg_parts_read_reply(const struct tg_part_spec *parts, size_t count);

/*
 * text with each ${stageVariables.NAME} replaced; a variable that is not set
 * gives nothing.  NULL: no memory.
 */
char *tg_mapping_substitute(struct tg_arena *arena,
    const struct tg_mapping_scope *scope, const char *text);

#endif
