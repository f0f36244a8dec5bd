/*
 * openapi_reader.h - what the files that read an OpenAPI document share
 *
 * openapi.c reads the document's frame, openapi_method.c an operation,
 * openapi_security.c who may call it, openapi_integration.c its integration,
 * openapi_model.c schemas, openapi_documentation.c what is said of the API.
 *
 * A place in the document is an RFC 6901 pointer in the reader's arena.  A
 * function that finds a fault calls openapi_fail and returns what it returns.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_OPENAPI_READER_H
#define TG_CONTROL_OPENAPI_READER_H

#include "control/openapi.h"
#include "util/arena.h"

struct tg_openapi_reader {
    const struct tg_document *document;
    const json_t             *root;
    bool                      is_swagger; /* 2.0, else OpenAPI 3.0 */
    int                       timeout_max_ms;
    struct tg_openapi        *out;
    struct tg_arena           arena;
    struct tg_error          *err;
};

/* The place of a member or element below at. */
const char *tg_openapi_at(struct tg_openapi_reader *r, const char *at,
    const char *name);
const char *tg_openapi_at_index(struct tg_openapi_reader *r, const char *at,
    size_t index);

enum tg_status tg_openapi_fail(struct tg_openapi_reader *r, const char *at,
    const char *fmt, ...) TG_PRINTF(3, 4);
/* A refusal of a shared check, for the thing at. */
enum tg_status tg_openapi_pass(struct tg_openapi_reader *r, const char *at,
    enum tg_status status, const struct tg_refusal *refusal);
void tg_openapi_warn(struct tg_openapi_reader *r, const char *at,
    const char *fmt, ...) TG_PRINTF(3, 4);

/*
 * Follows $ref from value as long as there is one; *value and *at then say
 * where it led.  TG_NOTFOUND: it dangles (nothing was said yet).
 */
TG_MUST_CHECK enum tg_status tg_openapi_follow(struct tg_openapi_reader *r,
    const json_t **value, const char **at);

/* A member that must be of the JSON type, or absent (*out NULL). */
TG_MUST_CHECK enum tg_status tg_openapi_get(struct tg_openapi_reader *r,
    const json_t **out, const json_t *object, const char *at,
    const char *name, json_type type);

/* ---- openapi_model.c ---- */

/* The schemas of components or definitions, into out->models. */
TG_MUST_CHECK enum tg_status tg_openapi_models(struct tg_openapi_reader *r);

/*
 * The model that stands for a schema: the one it refers to, or a new one.
 * *name is NULL when the reference dangles (a warning is given).
 */
TG_MUST_CHECK enum tg_status tg_openapi_model_of(struct tg_openapi_reader *r,
    const json_t *schema, const char *at, const char *content_type,
    const char **name);

/* ---- openapi_documentation.c ---- */

/* The documentation's parts, into out->documentation. */
TG_MUST_CHECK enum tg_status tg_openapi_documentation(
    struct tg_openapi_reader *r);

/* ---- openapi_security.c ---- */

/* Who may call an operation. */
struct tg_openapi_security {
    bool          needs_key;
    bool          is_iam;
    const char   *authorizer; /* its name; NULL: none */
    const json_t *scopes;     /* lent by the document; NULL: none */
};

/* The schemes that have an authorizer, into out->authorizers. */
TG_MUST_CHECK enum tg_status tg_openapi_authorizers(
    struct tg_openapi_reader *r);

/* What the operation, or the document for it, requires of callers. */
TG_MUST_CHECK enum tg_status tg_openapi_security(struct tg_openapi_reader *r,
    const json_t *operation, const char *at,
    struct tg_openapi_security *out);

/* ---- openapi_method.c ---- */

/*
 * The operation of a path item as a method (as stored), with its integration.
 */
TG_MUST_CHECK enum tg_status tg_openapi_method(struct tg_openapi_reader *r,
    const char *path, const char *verb, const json_t *item,
    const char *item_at, const json_t *operation, const char *at);

/* ---- openapi_integration.c ---- */

TG_MUST_CHECK enum tg_status tg_openapi_integration(
    struct tg_openapi_reader *r, const json_t *in, const char *at,
    json_t **out);

#endif
