/*
 * openapi_write.h - a deployed API as an OpenAPI document
 *
 * The reverse of openapi.h, and pure like it.  What is written with all
 * extensions makes the same API when it is imported.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-export-api.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_OPENAPI_WRITE_H
#define TG_CONTROL_OPENAPI_WRITE_H

#include <jansson.h>
#include <stdbool.h>

struct tg_openapi_source {
    const char   *api_id;
    const json_t *api;      /* Amazon's RestApi */
    const json_t *snapshot; /* of the stage's deployment; see snapshot.h */
    const char   *host;     /* where it answers */
    const char   *stage;
    const char   *version;  /* info.version where the API has none */
    bool          is_swagger; /* 2.0, else OpenAPI 3.0 */
    bool          has_integrations; /* the extension of each method */
    bool          has_authorizers;  /* the extensions of security schemes */
    bool          has_extensions;   /* all that there are */
    bool          has_documentation;
    const json_t *documentation; /* of the stage, with its parts; or NULL */
};

/* The document, the caller's; NULL: out of memory. */
json_t *tg_openapi_write(const struct tg_openapi_source *source);

#endif
