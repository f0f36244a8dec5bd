/*
 * domain_rows.h - rows of custom domains that several operations share
 *
 * A domain is one resource that API Gateway v1 and v2 both speak of: what v1
 * calls a base path mapping is an API mapping to v2, which alone makes those
 * of several segments.
 *
 * Promises
 *   M1  A mapping names an API and, unless callers name it, a stage that are
 *       there: neither is deleted before it.
 *   M2  Names of domains are in lower case in the store, in any case in a
 *       call.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_DOMAIN_ROWS_H
#define TG_CONTROL_DOMAIN_ROWS_H

#include <stdbool.h>

#include "control/call.h"
#include "plane/routes.h"
#include "store/store.h"

#define TG_NO_BASE_PATH "(none)" /* how v1 writes an empty base path */

/* ---- domains ---- */

/* name in lower case, in the arena; refused unless it can be a host's. */
TG_MUST_CHECK enum tg_status tg_domain_check_name(
    struct tg_control_call *call, const char *name, const char **out);

/*
 * The domain that the path names, in lower case, and the members it was given
 * (doc may be NULL; else the caller owns it).  Refused when there is none.
 */
TG_MUST_CHECK enum tg_status tg_domain_of(struct tg_control_call *call,
    const char **name, json_t **doc);

/* Whether a domain's endpointConfiguration has the type: "REGIONAL". */
bool tg_domain_has_type(const json_t *doc, const char *name);

/* ---- mappings ---- */

struct tg_mapping_row {
    const char *id; /* all in the call's arena */
    const char *path;
    const char *api_id;
    const char *stage; /* NULL: callers name it */
};

#define TG_MAPPING_COLUMNS "id, path, api_id, stage"

TG_MUST_CHECK enum tg_status tg_mapping_read(struct tg_control_call *call,
    struct tg_stmt *q, struct tg_mapping_row *out);

/* By path or by id (the other is NULL); TG_NOTFOUND is not refused yet. */
TG_MUST_CHECK enum tg_status tg_mapping_get(struct tg_control_call *call,
    const char *domain, const char *path, const char *id,
    struct tg_mapping_row *out);

/*
 * Adds a mapping, or writes over the one with that id; the API and the stage
 * have been checked.  TG_CONFLICT: the domain has one for that path, and
 * nothing was written.
 */
TG_MUST_CHECK enum tg_status tg_mapping_put(struct tg_control_call *call,
    const char *domain, const struct tg_mapping_row *row);

TG_MUST_CHECK enum tg_status tg_mapping_delete(struct tg_control_call *call,
    const char *domain, const char *id);

/*
 * Refused unless path has at most 300 characters of those that Amazon allows;
 * what ("A base path") is the subject of the refusal.
 */
TG_MUST_CHECK enum tg_status tg_mapping_check_path(
    struct tg_control_call *call, const char *what, const char *path);

/* A page of the path's domain's mappings, by path, each as answer has it. */
TG_MUST_CHECK enum tg_status tg_mapping_list(struct tg_control_call *call,
    json_t *(*answer)(const struct tg_mapping_row *row));

/* Refused unless the API has that stage (any, for NULL). */
TG_MUST_CHECK enum tg_status tg_mapping_check_stage(
    struct tg_control_call *call, const char *api_id, const char *stage);

/*
 * Refused when a mapping leads to the API (to its stage, unless stage is
 * NULL): it is about to be deleted.
 */
TG_MUST_CHECK enum tg_status tg_mapping_refuse_used(
    struct tg_control_call *call, const char *api_id, const char *stage);

/* ---- the routes file ---- */

/* Adds all domains and their mappings. */
TG_MUST_CHECK enum tg_status tg_domains_compile(
    struct tg_routes_builder *builder, struct tg_store *store,
    struct tg_error *err);

#endif
