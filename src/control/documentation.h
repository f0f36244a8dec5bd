/*
 * documentation.h - what is said of an API: parts, and versions of them
 *
 * A part is a JSON object about one place of an API (a method, a parameter, a
 * model, ...); a version keeps all parts as they were.  The gateway serves
 * none of it: it is exported with the stage that names a version.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-documenting-api.html
 *
 * A part's row in api_part has its place for an id, so that a place has one
 * part and lists are in the order of places; the id that the world knows it
 * by stands in the row.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_DOCUMENTATION_H
#define TG_CONTROL_DOCUMENTATION_H

#include <jansson.h>

#include "control/call.h"
#include "control/members.h"

#define TG_DOCUMENTATION_PART "documentationpart"       /* kinds of rows */
#define TG_DOCUMENTATION_VERSION "documentationversion"
#define TG_DOCUMENTATION_SNAPSHOT "documentationsnapshot" /* its parts */

/*
 * ---- documentation_doc.c: pure
 */

/* What a place can be; ended by NULL. */
extern const char *const tg_documentation_types[];

/*
 * A place, checked and with Amazon's defaults (path "/", method and status
 * code "*" where the type has such); the caller's.
 */
TG_MUST_CHECK enum tg_status tg_documentation_location(json_t **out,
    const json_t *in, const char *operation, struct tg_refusal *r);

/* The text of a part's properties: a JSON object of bounded size. */
TG_MUST_CHECK enum tg_status tg_documentation_properties(const char *text,
    struct tg_refusal *r);

/* The place as the id of a row; in the arena, NULL: out of memory. */
const char *tg_documentation_key(struct tg_arena *arena,
    const json_t *location);

/*
 * ---- documentation_parts.c
 */

/*
 * Writes a part of the API whose place and properties are checked; one that
 * is there keeps its id.  *id lives in the arena.
 */
TG_MUST_CHECK enum tg_status tg_documentation_put(
    struct tg_control_call *call, const char *api_id, const json_t *location,
    const char *properties, const char **id);

/* All parts of the API, a new list of {location, properties}. */
TG_MUST_CHECK enum tg_status tg_documentation_all(
    struct tg_control_call *call, const char *api_id, json_t **out);

/*
 * ---- documentation_import.c
 */

/* Writes parts, as openapi.h has them; their ids go into ids, in order. */
TG_MUST_CHECK enum tg_status tg_documentation_import(
    struct tg_control_call *call, const char *api_id, const json_t *parts,
    json_t *ids);

/* The handler of ImportDocumentationParts. */
TG_MUST_CHECK enum tg_status tg_import_documentation_parts(
    struct tg_control_call *call);

/*
 * ---- documentation_places.c
 */

/* The places that an API has, a new list of locations. */
TG_MUST_CHECK enum tg_status tg_documentation_places(
    struct tg_control_call *call, const char *api_id, json_t **out);

/*
 * ---- documentation_versions.c
 */

/*
 * A version, the caller's; refused as not found when the API has none of that
 * name.
 */
TG_MUST_CHECK enum tg_status tg_documentation_version_get(
    struct tg_control_call *call, const char *api_id, const char *version,
    json_t **out);

/* The parts of a version that there is, as they were; the caller's. */
TG_MUST_CHECK enum tg_status tg_documentation_version_parts(
    struct tg_control_call *call, const char *api_id, const char *version,
    json_t **out);

#endif
