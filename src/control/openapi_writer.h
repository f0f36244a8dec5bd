/*
 * openapi_writer.h - what the files that write an OpenAPI document share
 *
 * openapi_write.c writes the frame, paths and operations; openapi_write_parts.c
 * what stands beside them: models, security, validators, gateway responses,
 * documentation.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_OPENAPI_WRITER_H
#define TG_CONTROL_OPENAPI_WRITER_H

#include "control/openapi_write.h"

#define TG_OPENAPI_X "x-amazon-apigateway-"

/* Sets a member unless value is NULL or holds nothing; takes value. */
void tg_openapi_set(json_t *object, const char *name, json_t *value);

/* The API's parts of a kind, by id: of the deployed snapshot. */
const json_t *tg_openapi_parts(const struct tg_openapi_source *s,
    const char *kind);

/* {"$ref": ...} to a model. */
json_t *tg_openapi_reference(const struct tg_openapi_source *s,
    const char *model);

/* The name under which a validator stands in the document. */
const char *tg_openapi_validator_name(const json_t *validator);

/* Each: new. */
json_t *tg_openapi_write_models(const struct tg_openapi_source *s);
json_t *tg_openapi_write_validators(const struct tg_openapi_source *s);
json_t *tg_openapi_write_gateway_responses(
    const struct tg_openapi_source *s);
json_t *tg_openapi_write_documentation(const struct tg_openapi_source *s);
/* All schemes, and what one method requires of them. */
json_t *tg_openapi_write_schemes(const struct tg_openapi_source *s);
json_t *tg_openapi_write_security(const struct tg_openapi_source *s,
    const json_t *method);

#endif
