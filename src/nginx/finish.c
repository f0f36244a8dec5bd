/*
 * finish.c - where a call begins to be billable, and where it is counted
 *
 * A call is finished when this worker has handed its last byte to the kernel
 * (response.c sees that) or when it ended in another way after its
 * integration had begun (the log phase, or at the latest the end of its
 * pool, sees that).  It counts in the hour in which it finishes.
 *
 * What is billable is Amazon's rule: a call that passed key, throttle, quota
 * and validation, whatever its integration answered.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

#include "core/hours.h"
#include "nginx/journal.h"

void
ngx_http_tallygate_begin(ngx_http_tallygate_call_t *call)
{
    if (call->is_begun) {
        return;
    }

    call->is_begun = 1;

    if (call->cell) {
        ngx_http_tallygate_row_add(&call->set->row->admitted);
    }
}

void
ngx_http_tallygate_finish(ngx_http_tallygate_call_t *call)
{
    int64_t  hour;

    if (!call->is_begun || call->is_counted) {
        return;
    }

    call->is_counted = 1;

    if (call->cell == NULL) {
        return;
    }

    hour = tg_hour_of(ngx_time());

    ngx_http_tallygate_journal_begin(call, hour);
    tg_meters_count(call->set->meters, call->slot, hour, 1);
    ngx_http_tallygate_journal_end();

    ngx_http_tallygate_row_add(&call->set->row->counted);
}

ngx_int_t
ngx_http_tallygate_log_handler(ngx_http_request_t *r)
{
    ngx_http_tallygate_call_t  *call;

    if (r != r->main) {
        return NGX_OK;
    }

    call = ngx_http_tallygate_call(r);
    if (call != NULL) {
        ngx_http_tallygate_finish(call);
    }

    return NGX_OK;
}
