/*
 * limits.c - throttles and quota of a call, in Amazon's order
 *
 * The plan's throttle for the key (of the method, where the plan has one for
 * it: then the plan's own bucket is left alone), the stage's throttle of the
 * method for all callers, the account's, and last the quota.  A refusal gives
 * back what the limits before it had taken.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
 *
 * Which of them a call has to pass was decided when its routes file was made:
 * what is not limited costs a comparison.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

#include "plane/key_limits.h"

/* Publications that can meet one call between two of its steps. */
#define CHANGES_MAX  3

static uint64_t
now_ns(void)
{
    ngx_time_t  *tp = ngx_timeofday();

    return (uint64_t) tp->sec * 1000000000 + (uint64_t) tp->msec * 1000000;
}

/*
 * A worker's clock is as old as its round of events.  To one that was held up
 * in it, a bucket that other workers have moved on looks fuller than it is: no
 * call is refused before a look at the real clock.
 */
static ngx_uint_t
is_clock_behind(void)
{
    uint64_t  before = now_ns();

    ngx_time_update();

    return now_ns() != before;
}

/* Counts a refusal, in the worker's own numbers. */
#define refuse(call, number, error)                                           \
    (count_refusal(call,                                                      \
                   offsetof(struct tg_refusals, number)),                     \
     ngx_http_tallygate_error(error))

static void
count_refusal(ngx_http_tallygate_call_t *call, size_t number)
{
    char  *refusals;

    if (call->set->buckets) {
        refusals = (char *) tg_buckets_refusals(call->set->buckets);
        ngx_http_tallygate_row_add(
            (_Atomic uint64_t *) (void *) (refusals + number));
    }
}

static void
keep_token(ngx_http_tallygate_call_t *call, _Atomic uint64_t *tat,
    uint64_t taken, uint64_t before)
{
    ngx_http_tallygate_token_t  *token;

    token = &call->tokens[call->token_count++];
    token->tat = tat;
    token->taken = taken;
    token->before = before;
}

/* From a bucket that stays where it is. */
static ngx_uint_t
take_token(ngx_http_tallygate_call_t *call, _Atomic uint64_t *tat,
    struct tg_bucket_limit limit)
{
    uint64_t        taken, before;
    enum tg_status  status;

    do {
        status = tg_bucket_take(tat, limit, now_ns(), &taken, &before);
    } while (status != TG_OK && is_clock_behind());

    if (status != TG_OK) {
        return 0;
    }

    keep_token(call, tat, taken, before);

    return 1;
}

/* The words of the call's cell lead nowhere: as good as no cell. */
static const ngx_http_tallygate_error_t *
lost_words(ngx_http_tallygate_call_t *call)
{
    ngx_http_tallygate_row_add(&call->set->row->refused_no_cell);
    ngx_log_error(NGX_LOG_ERR, call->request->connection->log, 0,
                  "tallygate: throttle and quota of API key \"%s\" have moved "
                  "from slot %uD to nowhere", call->key_id, call->slot);

    return ngx_http_tallygate_error(UNAVAILABLE);
}

/* The bucket of the key in this method. */
static const ngx_http_tallygate_error_t *
take_of_method(ngx_http_tallygate_call_t *call, struct tg_bucket_limit limit)
{
    uint64_t        key;
    enum tg_status  status;

    if (call->set->buckets == NULL) {
        return ngx_http_tallygate_error(UNAVAILABLE);
    }

    ngx_memcpy(&key, call->digest, sizeof(key));

    do {
        status = tg_buckets_take(call->set->buckets,
                                 tg_buckets_tag(key, call->method->identity),
                                 limit, now_ns(), &call->keyed_token);
    } while (status == TG_LIMIT && is_clock_behind());

    if (status == TG_BUSY) {
        return refuse(call, no_room, THROTTLED);
    }

    return status == TG_OK ? NULL : refuse(call, by_plan, THROTTLED);
}

static const ngx_http_tallygate_error_t *
throttle_of_plan(ngx_http_tallygate_call_t *call)
{
    uint64_t                       taken, before;
    uint32_t                       slot;
    enum tg_status                 status;
    struct tg_meter_cell          *cell;
    const struct tg_bucket_limit  *method;

    if (call->plan->has_method_throttle) {
        method = tg_routes_method_throttle(&call->routes->table, call->plan,
                                           call->method);
        if (method) {
            return take_of_method(call, *method);
        }
    }

    if (!call->plan->has_throttle) {
        return NULL;
    }

    slot = call->slot;

    do {
        status = tg_key_limits_take_token(call->set->meters, &slot,
                                          call->plan->throttle, now_ns(),
                                          &taken, &before);
    } while (status == TG_LIMIT && is_clock_behind());

    if (status == TG_OK) {
        cell = tg_meters_cell(call->set->meters, slot);
        keep_token(call, &cell->tat, taken, before);
        return NULL;
    }

    return status == TG_CORRUPT ? lost_words(call)
                                : refuse(call, by_plan, THROTTLED);
}

static const ngx_http_tallygate_error_t *
throttle_of_stage(ngx_http_tallygate_call_t *call)
{
    _Atomic uint64_t                *tat;
    const struct tg_routes          *table = &call->routes->table;
    const struct tg_route_throttle  *throttle;

    throttle = tg_route_items(table, table->header->throttles);
    throttle += call->method->throttle;

    tat = call->set->buckets
          ? tg_buckets_shared(call->set->buckets, throttle->bucket) : NULL;
    if (tat == NULL) {
        return ngx_http_tallygate_error(UNAVAILABLE);
    }

    return take_token(call, tat, throttle->limit)
           ? NULL : refuse(call, by_stage, THROTTLED);
}

/* One unit, in the present period of the plan. */
static enum tg_status
take_quota(ngx_http_tallygate_call_t *call, const struct tg_route_plan *plan,
    const struct tg_quota_view *view)
{
    uint32_t  period;
    uint64_t  limit;

    period = tg_quota_period_at(plan->quota_period, plan->quota_offset_days,
                                ngx_time());
    limit = period == plan->first_period ? plan->first_limit
                                         : plan->quota_limit;
    call->quota_slot = call->slot;

    return tg_key_limits_take_quota(call->set->meters, &call->quota_slot,
                                    limit, period, view, &call->quota_period);
}

/* The plan of the call as routes have it; NULL: they have it no more. */
static const struct tg_route_plan *
plan_of(const ngx_http_tallygate_call_t *call, const struct tg_routes *routes)
{
    uint32_t                     i, n = routes->header->plans.count;
    const struct tg_route_plan  *plans;

    plans = tg_route_items(routes, routes->header->plans);

    for (i = 0; i < n; i++) {
        if (plans[i].number == call->plan->number) {
            return &plans[i];
        }
    }

    return NULL;
}

static struct tg_quota_view
view_of(const ngx_http_tallygate_call_t *call, const struct tg_routes *routes)
{
    struct tg_quota_view  view;

    view.version = &call->set->board.page->routes_generation;
    view.own = routes->header->generation;

    return view;
}

/*
 * The plan has got a quota of another kind since the call was routed, and
 * somebody counts by it already: so does this call.
 */
static enum tg_status
take_by_newest(ngx_http_tallygate_call_t *call)
{
    struct tg_quota_view         view;
    const struct tg_routes      *routes;
    const struct tg_route_plan  *plan;

    routes = ngx_http_tallygate_newest_routes(call->set);
    plan = plan_of(call, routes);

    if (plan == NULL) {
        plan = call->plan;
    }

    view = view_of(call, routes);

    return take_quota(call, plan, &view);
}

static const ngx_http_tallygate_error_t *
quota(ngx_http_tallygate_call_t *call)
{
    ngx_uint_t            i;
    enum tg_status        status;
    struct tg_quota_view  view;

    view = view_of(call, &call->routes->table);
    status = take_quota(call, call->plan, &view);

    for (i = 0; status == TG_BUSY && i < CHANGES_MAX; i++) {
        status = take_by_newest(call);
    }

    if (status == TG_BUSY) { /* the newer routes are no good (P4) */
        status = take_quota(call, call->plan, NULL);
    }

    if (status == TG_OK) {
        call->has_quota_unit = 1;
        return NULL;
    }

    return status == TG_CORRUPT ? lost_words(call)
                                : refuse(call, by_quota, QUOTA_EXCEEDED);
}

const ngx_http_tallygate_error_t *
ngx_http_tallygate_limit(ngx_http_tallygate_call_t *call)
{
    struct tg_bucket_limit             account;
    const ngx_http_tallygate_error_t  *error;

    if (call->plan) {
        error = throttle_of_plan(call);
        if (error) {
            return error;
        }
    }

    if (call->method->throttle != TG_ROUTE_NONE) {
        error = throttle_of_stage(call);
        if (error) {
            return error;
        }
    }

    account = call->routes->table.header->account_throttle;

    if (account.interval_ns != 0
        && !take_token(call, &call->set->board.page->account_tat, account))
    {
        return refuse(call, by_account, THROTTLED);
    }

    return call->plan && call->plan->quota_period != TG_QUOTA_NONE
           ? quota(call) : NULL;
}

void
ngx_http_tallygate_give_back(ngx_http_tallygate_call_t *call)
{
    ngx_http_tallygate_token_t  *token;

    if (call->is_begun) {
        return;
    }

    if (call->has_quota_unit) {
        tg_key_limits_give_back_quota(call->set->meters, call->quota_slot,
                                      call->quota_period);
        call->has_quota_unit = 0;
    }

    while (call->token_count > 0) {
        token = &call->tokens[--call->token_count];
        tg_bucket_give_back(token->tat, token->taken, token->before);
    }

    tg_buckets_give_back(&call->keyed_token);
}
