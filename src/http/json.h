/*
 * json.h - JSON bodies, on jansson
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_HTTP_JSON_H
#define TG_HTTP_JSON_H

#include <jansson.h>

#include "http/http.h"
#include "util/error.h"

#define TG_HTTP_JSON "application/json"

/*
 * From now on memory of jansson's is wiped before it goes back: answers hold
 * keys' values, and requests tokens.  To be called once, before anything is
 * made with jansson.
 */
void tg_http_json_wipe_memory(void);

/*
 * Parses the body; an empty one gives an empty object.  The caller owns *out.
 * TG_INVALID when it is no JSON, holds a key twice or is no object; err then
 * names line and column.
 */
TG_MUST_CHECK enum tg_status tg_http_json_parse(json_t **out,
    const struct tg_http_request *req, struct tg_error *err);

/* Answers value (taken), compact; 500 when value is NULL (no memory). */
void tg_http_json_reply(struct tg_http_response *res, int status,
    const char *content_type, json_t *value);

/*
 * Answers an error of AWS's JSON protocols: the type in x-amzn-ErrorType and
 * the body {"message": ...}, with "__type" in front when content_type is
 * application/x-amz-json-1.0 or -1.1.
 */
void tg_http_json_error(struct tg_http_response *res, int status,
    const char *content_type, const char *type, const char *message);

/* Answers {"message": ...}: an error of an API of our own. */
void tg_http_json_refuse(struct tg_http_response *res, int status,
    const char *message);

/*
 * Calls the handler of the row for req with data; where there is none, refuses
 * with 404 or 405.
 */
void tg_http_json_route(struct tg_http_request *req,
    struct tg_http_response *res, const struct tg_http_route *routes,
    size_t count, void *data);

#endif
