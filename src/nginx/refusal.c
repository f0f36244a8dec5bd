/*
 * refusal.c - a line in the log for a request that is no honest call
 *
 * nginx tells of what it cannot parse at a level (info) that nobody logs, and
 * what the module refuses it does not know of.  Whoever runs the gateway sees
 * here that somebody tries, and who.
 *
 * Promises
 *   R1  A stranger cannot fill the log: a worker writes at most LINES_MAX such
 *       lines a second, and says how many it left out.
 *   R2  The line has status and type; what nginx adds is the client, the
 *       request line and the host.  No header of the request is in it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

#define LINES_MAX  10

/* No resource has a longer path: Amazon's limit of a method's ARN. */
#define PATH_MAX_BYTES  1600

static time_t      second;
static ngx_uint_t  lines;
static ngx_uint_t  left_out;

static ngx_uint_t
is_noted(const ngx_http_tallygate_call_t *call)
{
    const ngx_http_tallygate_error_t  *error = call->error;

    return error == ngx_http_tallygate_error(BAD_REQUEST)
           || error == ngx_http_tallygate_error(REQUEST_TIMEOUT)
           || error == ngx_http_tallygate_error(REQUEST_TOO_LARGE)
           || error == ngx_http_tallygate_error(URI_TOO_LONG)
           || error == ngx_http_tallygate_error(HEADERS_TOO_LARGE)
           || (error == ngx_http_tallygate_error(MISSING_AUTHENTICATION_TOKEN)
               && call->path.len > PATH_MAX_BYTES);
}

void
ngx_http_tallygate_note_refusal(const ngx_http_tallygate_call_t *call)
{
    time_t      now = ngx_time();
    ngx_log_t  *log = call->request->connection->log;

    if (!is_noted(call)) {
        return;
    }

    if (now != second) {
        if (left_out) {
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "tallygate: %ui more requests refused", left_out);
        }

        second = now;
        lines = 0;
        left_out = 0;
    }

    if (lines == LINES_MAX) {
        left_out++;
        return;
    }

    lines++;
    ngx_log_error(NGX_LOG_WARN, log, 0, "tallygate: request refused: %ui %V",
                  call->error->status, &call->error->type);
}
