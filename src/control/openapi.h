/*
 * openapi.h - an OpenAPI document as the parts of a REST API
 *
 * Pure: reads a parsed document (OpenAPI 3.0 or Swagger 2.0 with Amazon's
 * extensions) and says what API it describes; import.c writes that to the
 * store.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
 *
 * Promises
 *   A1  A document that cannot be an API is refused with the line, the column
 *       and the field at fault.
 *   A2  What is understood but not taken over is in the warnings, with its
 *       place; nothing by which Amazon would restrict access is only warned
 *       about.
 *   A3  Nothing is fetched: a reference leaves the document never.
 *   A4  References may go in circles: each is followed a bounded number of
 *       times.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_OPENAPI_H
#define TG_CONTROL_OPENAPI_H

#include <jansson.h>
#include <stdbool.h>

#include "control/document.h"
#include "control/members.h"
#include "control/model_schema.h"
#include "util/error.h"

/* All JSON here is owned by the struct. */
struct tg_openapi {
    json_t *api;       /* the members of CreateRestApi */
    json_t *base_path; /* "/v7"; "" when there is none */
    json_t *paths;     /* [{path, at}], in the document's order */
    json_t *methods; /* [{path, verb, at, validator?, authorizer?, method}] */
    json_t *models;    /* {name: {contentType, description?, schema}} */
    json_t *validators; /* {name: {validateRequestBody, ...}} */
    json_t *gateway_responses; /* {TYPE: GatewayResponse} */
    json_t *authorizers;   /* {name: Authorizer} */
    json_t *documentation; /* [{location, properties}] */
    json_t *warnings;  /* [text] */
};

/* In a model's schema, what stands for the place of the API's models. */
#define TG_OPENAPI_MODELS TG_MODEL_PLACE "{}/models/"

/* TG_INVALID with err (A1), or TG_NOMEM.  *out is cleared by the caller. */
TG_MUST_CHECK enum tg_status tg_openapi_read(struct tg_openapi *out,
    const struct tg_document *document, int timeout_max_ms,
    struct tg_error *err);
/* The documentation alone, of a document that need not be an API. */
TG_MUST_CHECK enum tg_status tg_openapi_read_documentation(
    struct tg_openapi *out, const struct tg_document *document,
    struct tg_error *err);
void tg_openapi_clear(struct tg_openapi *api);

/*
 * Fills err with "line L, column C, <field>: <message>" for the part of the
 * document at pointer, and returns TG_INVALID.
 */
enum tg_status tg_openapi_refuse(const struct tg_document *document,
    const char *pointer, const char *message, struct tg_error *err);

#endif
