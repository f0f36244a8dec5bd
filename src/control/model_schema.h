/*
 * model_schema.h - the schema of a model: what it refers to, what it makes
 *
 * A schema is a JSON object (draft 4).  It refers to other models of its API
 * by their addresses, https://apigateway.amazonaws.com/restapis/{id}/models/
 * {name}, and to parts of itself by a fragment.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/models-mappings-models.html
 *
 * Promises
 *   N1  Pure; models that refer to each other in a circle are no trouble.
 *   N2  Nothing is fetched: any other reference is refused.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_MODEL_SCHEMA_H
#define TG_CONTROL_MODEL_SCHEMA_H

#include <jansson.h>

#include "control/members.h"
#include "util/buf.h"
#include "util/status.h"

#define TG_MODEL_PLACE "https://apigateway.amazonaws.com/restapis/"
#define TG_MODEL_SCHEMA_MAX ((size_t) 400 * 1024) /* Amazon's, of all models */

/*
 * Reads a schema's text; *out is the caller's.  TG_DENIED with r: it is none,
 * or is too large.
 */
TG_MUST_CHECK enum tg_status tg_model_schema_read(json_t **out,
    const char *text, struct tg_refusal *r);

/*
 * The names of the models that schema refers to, as the keys of names.
 * TG_DENIED with r: a reference leads out of the API (N2).
 */
TG_MUST_CHECK enum tg_status tg_model_schema_names(json_t *names,
    const json_t *schema, const char *api_id, struct tg_refusal *r);

/*
 * The text of a schema whose references lead to the API "from", so that they
 * lead to "to"; NULL: out of memory.
 */
json_t *tg_model_schema_moved(const char *schema, const char *from,
    const char *to);

/*
 * The schema with every model that it needs in its "definitions"; new, NULL:
 * out of memory.  schemas has those of the API's models, by name.
 */
json_t *tg_model_schema_flatten(const json_t *schema, const char *api_id,
    const json_t *schemas);

/*
 * A sample mapping template that makes such a payload, into out, as Amazon's
 * console does it.  TG_LIMIT: it is longer than out may be.
 */
TG_MUST_CHECK enum tg_status tg_model_schema_template(struct tg_buf *out,
    const json_t *schema, const char *api_id, const json_t *schemas);

#endif
