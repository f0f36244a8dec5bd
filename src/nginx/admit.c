/*
 * admit.c - key, plan, throttle, quota and size of a call
 *
 * Runs in the PREACCESS phase (`satisfy any' could bypass ACCESS), once a
 * call.  The order is Amazon's: key, throttle of the plan, throttle of the
 * account, quota, size.  A refusal gives back what an earlier step had taken.
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

    cell = tg_meters_cell(call->set->meters, call->slot);

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

static uint64_t
now_ns(void)
{
    ngx_time_t  *tp = ngx_timeofday();

    return (uint64_t) tp->sec * 1000000000 + (uint64_t) tp->msec * 1000000;
}

static ngx_uint_t
take_token(ngx_http_tallygate_call_t *call, _Atomic uint64_t *tat,
    struct tg_bucket_limit limit)
{
    ngx_http_tallygate_token_t  *token;

    token = &call->tokens[call->token_count];

    if (tg_bucket_take(tat, limit, now_ns(), &token->taken, &token->before)
        != TG_OK)
    {
        return 0;
    }

    token->tat = tat;
    call->token_count++;

    return 1;
}

static ngx_uint_t
take_quota(ngx_http_tallygate_call_t *call)
{
    uint32_t                     period;
    const struct tg_route_plan  *plan = call->plan;

    period = tg_quota_period_at(plan->quota_period, plan->quota_offset_days,
                                ngx_time());

    if (tg_quota_take(&call->cell->used, &call->cell->grant,
                      plan->quota_limit, period, &call->quota_period)
        != TG_OK)
    {
        return 0;
    }

    call->is_quota_taken = 1;

    return 1;
}

void
ngx_http_tallygate_give_back(ngx_http_tallygate_call_t *call)
{
    ngx_http_tallygate_token_t  *token;

    if (call->is_begun) {
        return;
    }

    if (call->is_quota_taken) {
        tg_key_limits_give_back_quota(call->set->meters, call->cell,
                                  call->quota_period);
        call->is_quota_taken = 0;
    }

    while (call->token_count > 0) {
        token = &call->tokens[--call->token_count];
        tg_bucket_give_back(token->tat, token->taken, token->before);
    }
}

/* NULL, or the gateway response that the call gets. */
static const ngx_http_tallygate_error_t *
admit(ngx_http_tallygate_call_t *call)
{
    struct tg_bucket_limit             account;
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

        if (call->plan->has_throttle
            && !take_token(call, &call->cell->tat, call->plan->throttle))
        {
            return ngx_http_tallygate_error(THROTTLED);
        }
    }

    account = call->routes->table.header->account_throttle;

    if (account.interval_ns != 0
        && !take_token(call, &call->set->board.page->account_tat, account))
    {
        return ngx_http_tallygate_error(THROTTLED);
    }

    if (call->plan && call->plan->quota_period != TG_QUOTA_NONE
        && !take_quota(call))
    {
        return ngx_http_tallygate_error(QUOTA_EXCEEDED);
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
