/*
 * support.h - a request for a test, without a server
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_HTTP_SUPPORT_H
#define TEST_HTTP_SUPPORT_H

#include <string.h>

#include "http/http.h"
#include "http/request.h"

/* Fills req from a method and a target; the arena is the caller's. */
static inline enum tg_status
make_request(struct tg_http_request *req, struct tg_arena *arena,
    const char *method, const char *target)
{
    memset(req, 0, sizeof(*req));
    req->arena = arena;
    req->method = method;
    req->target = target;
    req->body = "";
    return tg_http_request_split(req);
}

#endif
