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
 *   R2  The line has status, type, client and the beginning of the request
 *       line, with a dot for each byte that is not plain text: nothing that a
 *       terminal would obey.  No header of the request is in it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

#define LINES_MAX  10
#define SHOWN_MAX  200

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

/* The request line as far as it came, which nginx may not have parsed. */
static ngx_str_t
shown(const ngx_http_request_t *r, u_char out[SHOWN_MAX])
{
    u_char     *p, *last;
    ngx_str_t   text;

    text.data = out;
    text.len = 0;

    p = r->request_line.len ? r->request_line.data : r->request_start;
    last = r->request_line.len ? p + r->request_line.len
           : r->header_in ? r->header_in->last : p;

    for ( /* void */ ; p && p < last && text.len < SHOWN_MAX; p++) {
        if (*p == CR || *p == LF) {
            break;
        }

        out[text.len++] = *p < 0x20 || *p > 0x7e || *p == '"' ? '.' : *p;
    }

    return text;
}

void
ngx_http_tallygate_note_refusal(const ngx_http_tallygate_call_t *call)
{
    time_t                     now = ngx_time();
    u_char                     buffer[SHOWN_MAX];
    ngx_str_t                  line;
    const ngx_http_request_t  *r = call->request;

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
    line = shown(r, buffer);

    /* Not the connection's log, which adds the request line as it came. */
    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "tallygate: request refused: %ui %V, client: %V, "
                  "request: \"%V\"", call->error->status,
                  &call->error->type, &r->connection->addr_text, &line);
}
