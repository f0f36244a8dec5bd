/*
 * openapi_documentation.c - what an OpenAPI document says about its API
 *
 * x-amazon-apigateway-documentation has the parts that were exported; its
 * version names the snapshot they came from, and makes none here, as Amazon's
 * import does not.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-documentation.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "control/documentation.h"
#include "control/openapi_reader.h"

#define X "x-amazon-apigateway-"

/* The properties as a text; NULL: they are no object. */
static char *
text_of(const json_t *properties)
{
    return json_is_object(properties) ? json_dumps(properties, JSON_COMPACT)
                                      : NULL;
}

static enum tg_status
read_part(struct tg_openapi_reader *r, const json_t *part, const char *at)
{
    struct tg_refusal refusal = { 0 };
    const json_t     *in, *properties;
    json_t           *location = NULL;
    char             *text = NULL;
    enum tg_status    status = tg_openapi_get(r, &in, part, at, "location",
        JSON_OBJECT);

    if (status == TG_OK) {
        status = tg_openapi_get(r, &properties, part, at, "properties",
            JSON_OBJECT);
    }
    if (status == TG_OK && (!in || !properties)) {
        status = tg_openapi_fail(r, at,
            "a documentation part needs location and properties");
    }
    if (status == TG_OK) {
        status = tg_openapi_pass(r, tg_openapi_at(r, at, "location"),
            tg_documentation_location(&location, in, "location", &refusal),
            &refusal);
    }
    if (status == TG_OK) {
        text = text_of(properties);
        status = text ? tg_openapi_pass(r, at,
                     tg_documentation_properties(text, &refusal), &refusal)
                      : TG_NOMEM;
    }
    if (status == TG_OK && json_array_append_new(r->out->documentation,
            json_pack("{sO ss}", "location", location, "properties", text)))
    {
        status = TG_NOMEM;
    }
    free(text);
    json_decref(location);
    return status;
}

enum tg_status
tg_openapi_documentation(struct tg_openapi_reader *r)
{
    const char    *at = "/" X "documentation";
    const json_t  *documentation, *parts = NULL;
    json_t        *part;
    size_t         i;
    enum tg_status status = tg_openapi_get(r, &documentation, r->root, "",
        at + 1, JSON_OBJECT);

    if (status == TG_OK) {
        status = tg_openapi_get(r, &parts, documentation, at,
            "documentationParts", JSON_ARRAY);
    }
    at = tg_openapi_at(r, at, "documentationParts");
    json_array_foreach((json_t *) parts, i, part) {
        if (status == TG_OK) {
            status = read_part(r, part, tg_openapi_at_index(r, at, i));
        }
    }
    return status;
}
