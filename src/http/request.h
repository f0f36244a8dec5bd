/*
 * request.h - what the server and the tests need besides http.h
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_HTTP_REQUEST_H
#define TG_HTTP_REQUEST_H

#include "http/http.h"

/*
 * Fills path, query, segments and params from req->target, in req->arena.
 * TG_INVALID when it does not begin with a slash, holds a broken escape or a
 * decoded NUL; TG_NOMEM.
 */
TG_MUST_CHECK enum tg_status tg_http_request_split(
    struct tg_http_request *req);

#endif
