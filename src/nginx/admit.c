/*
 * admit.c - key, plan, throttle, quota, parameters and size of a call
 *
 * Runs in the PREACCESS phase (`satisfy any' could bypass ACCESS), once a
 * call.  The order is Amazon's: key, throttle of the plan, throttle of the
 * account, quota, required parameters, media type, size.  A refusal gives
 * back what an earlier step had taken.
 *
 * A metered call needs a cell that belongs to its key and plan; where there
 * is none it is refused and shown on the board, never served uncounted.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

/* Finds the key, its plan for this stage, and the cell. */
static const ngx_http_tallygate_error_t *
find_key(ngx_http_tallygate_call_t *call)
{
    uint32_t                   i;
    struct tg_key              key;
    const struct tg_key_plan  *plan;

    if (call->api_key == NULL || call->api_key->value.len == 0) {
        return ngx_http_tallygate_error(INVALID_API_KEY);
    }

    if (!call->has_digest) {
        return ngx_http_tallygate_error(INTERNAL);
    }

    if (tg_keys_find(call->set->keys, call->digest, &key) != TG_OK
        || !key.enabled)
    {
        return ngx_http_tallygate_error(INVALID_API_KEY);
    }

    for (i = 0; i < key.plan_count; i++) {
        plan = &key.plans[i];

        call->plan = tg_routes_stage_plan(&call->routes->table, call->stage,
                                          plan->plan);
        if (call->plan != NULL) {
            call->slot = plan->cell;
            call->owner = plan->owner;
            ngx_memcpy(call->key_id, key.id, sizeof(call->key_id));

            return NULL;
        }
    }

    return ngx_http_tallygate_error(INVALID_API_KEY);
}

static const ngx_http_tallygate_error_t *
find_cell(ngx_http_tallygate_call_t *call)
{
    struct tg_meter_cell  *cell;

    cell = tg_meters_reach(call->set->meters, call->slot);

    if (cell == NULL
        || call->owner == 0
        || atomic_load_explicit(&cell->owner, memory_order_acquire)
           != call->owner)
    {
        ngx_http_tallygate_row_add(&call->set->row->refused_no_cell);
        ngx_log_error(NGX_LOG_ERR, call->request->connection->log, 0,
                      "tallygate: no meter cell for API key \"%s\": slot %uD, "
                      "owner generation %uD", call->key_id, call->slot,
                      call->owner);

        return ngx_http_tallygate_error(UNAVAILABLE);
    }

    call->cell = cell;

    return NULL;
}

/* NULL, or the gateway response that the call gets. */
static const ngx_http_tallygate_error_t *
admit(ngx_http_tallygate_call_t *call)
{
    ngx_int_t                          rc;
    const ngx_http_tallygate_error_t  *error;

    if (call->method->is_key_required) {
        call->pin = ngx_http_tallygate_pin(call->set);
        call->is_pinned = 1;

        error = find_key(call);
        if (error == NULL) {
            error = find_cell(call);
        }

        if (error != NULL) {
            return error;
        }
    }

    error = ngx_http_tallygate_limit(call);
    if (error != NULL) {
        return error;
    }

    if (call->method->required.count != 0) {
        rc = ngx_http_tallygate_check_required(call);

        if (rc != NGX_OK) {
            return rc == NGX_DECLINED
                   ? ngx_http_tallygate_error(BAD_REQUEST_PARAMETERS)
                   : ngx_http_tallygate_error(INTERNAL);
        }
    }

    if (call->is_unsupported) {
        return ngx_http_tallygate_error(UNSUPPORTED_MEDIA_TYPE);
    }

    if (call->is_too_large) {
        return ngx_http_tallygate_error(REQUEST_TOO_LARGE);
    }

    return NULL;
}

/*
 * nginx's proxy looks at the request's method to know whether the answer has
 * a body; where the integration's verb says otherwise it has to see that.
 */
static void
show_verb(ngx_http_tallygate_call_t *call)
{
    ngx_uint_t           is_head;
    enum tg_verb         verb;
    ngx_http_request_t  *r = call->request;

    verb = ngx_http_tallygate_backend_verb(call);
    is_head = verb == TG_VERB_HEAD;
    call->is_head_sent = is_head;

    if (is_head != (r->method == NGX_HTTP_HEAD)) {
        call->method_name = r->method_name;
        call->is_method_swapped = 1;
        r->method_name = ngx_http_tallygate_verb_name(verb);
    }
}

ngx_int_t
ngx_http_tallygate_admit_handler(ngx_http_request_t *r)
{
    ngx_http_tallygate_call_t  *call;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    call = ngx_http_tallygate_call(r);
    if (call == NULL || call->is_decided) {
        return NGX_DECLINED;
    }

    call->is_decided = 1;

    if (call->error) {
        return NGX_DECLINED;
    }

    call->error = admit(call);

    if (call->error) {
        ngx_http_tallygate_give_back(call);
        r->content_handler = ngx_http_tallygate_answer_handler;
        return NGX_DECLINED;
    }

    call->is_admitted = 1;

    if (call->backend) {
        show_verb(call);
    }

    return NGX_DECLINED;
}
