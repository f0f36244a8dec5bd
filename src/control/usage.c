/*
 * usage.c - what the keys of a plan have used, day by day
 *
 * https://docs.aws.amazon.com/apigateway/latest/api/API_GetUsage.html
 *
 * Used is what the ledger has of a day (UTC); it is folded every second, or
 * every few where much is counted.
 * Remaining is what is left of the quota's period after that day; for today
 * it is what the gateway itself would still admit, from the cell's words.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "control/usage.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/customers.h"
#include "control/plan_rules.h"
#include "control/usage_rows.h"
#include "plane/meters.h"
#include "util/clock.h"

#define DAY_S INT64_C(86400)
#define DAYS_MAX 92
#define NO_QUOTA INT32_MAX /* what is answered as remaining without one */

/* One key in the plan, as far as its quota goes. */
struct state {
    struct tg_plan_quota quota;
    uint32_t             now_period;
    uint64_t             used_word;  /* of the cell; 0: in no cell */
    uint64_t             grant_word;
    bool                 is_attached;
};

/*
 * ---- dates
 */

static enum tg_status
read_date(struct tg_control_call *call, const char *name, int64_t *day_s)
{
    char        full[32];
    const char *text = tg_call_query(call, name);

    if (text == NULL) {
        return tg_call_bad_request(call, "%s is required", name);
    }
    (void) snprintf(full, sizeof(full), "%.20sT00:00:00Z", text);
    if (strlen(text) != 10 || tg_time_parse(day_s, full) != TG_OK) {
        return tg_call_bad_request(call, "Invalid %s: expected YYYY-MM-DD",
            name);
    }
    return TG_OK;
}

static enum tg_status
read_range(struct tg_control_call *call, int64_t *start_s, int64_t *end_s)
{
    enum tg_status status = read_date(call, "startDate", start_s);

    if (status == TG_OK) {
        status = read_date(call, "endDate", end_s);
    }
    if (status == TG_OK && *end_s < *start_s) {
        status = tg_call_bad_request(call, "Invalid endDate: the endDate "
            "is before the startDate");
    }
    if (status == TG_OK && *end_s - *start_s >= DAYS_MAX * DAY_S) {
        status = tg_call_bad_request(call, "Invalid startDate and endDate: "
            "at most %d days can be asked for at once", DAYS_MAX);
    }
    return status;
}

static json_t *
date_json(int64_t day_s)
{
    char text[TG_ISO8601_SIZE];

    tg_iso8601(text, day_s);
    return json_stringn(text, 10);
}

/* The answer without its values. */
static json_t *
usage_json(const char *plan, int64_t start_s, int64_t end_s)
{
    return json_pack("{s:s, s:o, s:o, s:{}}", "usagePlanId", plan,
        "startDate", date_json(start_s), "endDate", date_json(end_s),
        "values");
}

/*
 * ---- one key
 */

static enum tg_status
load_state(struct tg_control_call *call, const char *plan, const char *key,
    struct state *out)
{
    enum tg_status        status;
    struct tg_meter_cell *cell;
    struct tg_stmt       *q = NULL;

    memset(out, 0, sizeof(*out));
    status = tg_store_query(call->store, &q, &call->err,
        "SELECT " TG_PLAN_QUOTA_COLUMNS ", u.slot FROM usage_plan p"
        " LEFT JOIN usage_plan_key u"
        " ON u.plan_id = p.id AND u.key_id = $2 WHERE p.id = $1", "ss", plan,
        key);
    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        tg_plan_quota_read(&out->quota, call->control->settings, q, 0);
        out->now_period = tg_plan_quota_period(&out->quota, call->now_s);
        if (!tg_stmt_is_null(q, 4)) {
            out->is_attached = true;
            cell = tg_meters_cell(call->control->meters,
                (uint32_t) tg_stmt_int(q, 4));
            if (cell != NULL) {
                out->used_word = atomic_load(&cell->used);
                out->grant_word = atomic_load(&cell->grant);
            }
        }
    } else if (status == TG_NOTFOUND) {
        status = tg_call_not_found(call, TG_NO_USAGE_PLAN);
    }
    tg_stmt_done(q);
    return status;
}

/* What is left of the period after a day on which sum had been used in it. */
static int64_t
remaining_after(const struct tg_control_call *call, const struct state *st,
    int64_t day_s, uint64_t sum)
{
    uint32_t period;
    uint64_t limit;

    if (st->quota.period == TG_QUOTA_NONE) {
        return NO_QUOTA;
    }
    period = tg_plan_quota_period(&st->quota, day_s);
    limit = tg_plan_quota_limit(&st->quota, period);
    if (period == st->now_period && st->is_attached
        && day_s + DAY_S > call->now_s)
    {
        return (int64_t) tg_quota_remaining(st->used_word, st->grant_word,
            limit, period);
    }
    if (tg_quota_word_period(st->grant_word) == period
        && st->grant_word != 0)
    {
        limit = tg_quota_word_value(st->grant_word);
    }
    return limit > sum ? (int64_t) (limit - sum) : 0;
}

/* The quantities of the days from..end, each in its place of days. */
static enum tg_status
load_days(struct tg_control_call *call, const char *plan, const char *key,
    int64_t from_s, int64_t end_s, uint64_t *days)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(call->store, &q, &call->err,
        "WITH" TG_USAGE_HOURS("$3", "$4") " SELECT (h.hour - $3) / 86400 AS"
        " day, sum(d.quantity) FROM usage_source s CROSS JOIN hours h"
        " CROSS JOIN usage_hour d WHERE s.plan_id = $1 AND s.key_id = $2 AND"
        TG_USAGE_AT " GROUP BY day", "ssii", plan, key, from_s,
        end_s + DAY_S);
    while (status == TG_OK
        && (status = tg_stmt_next(q, &call->err)) == TG_OK)
    {
        days[tg_stmt_int(q, 0)] = (uint64_t) tg_stmt_int(q, 1);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* [[used, remaining], ...], one pair a day, added under the key's id. */
static enum tg_status
add_key(struct tg_control_call *call, const char *plan, const char *key,
    int64_t start_s, int64_t end_s)
{
    int64_t        day_s;
    int64_t        from_s = start_s;
    json_t        *list = json_array();
    uint32_t       period;
    uint32_t       last = 0;
    uint64_t       days[DAYS_MAX + 32] = {0}; /* a month before the first */
    uint64_t       used;
    uint64_t       sum = 0;
    enum tg_status status;
    struct state   st;

    (void) json_object_set_new(json_object_get(call->result, "values"), key,
        list);
    status = load_state(call, plan, key, &st);
    if (status == TG_OK && st.quota.period != TG_QUOTA_NONE) {
        from_s = tg_quota_period_start(st.quota.period, st.quota.offset_days,
            tg_plan_quota_period(&st.quota, start_s));
    }
    if (status == TG_OK) {
        status = load_days(call, plan, key, from_s, end_s, days);
    }
    for (day_s = from_s; status == TG_OK && day_s <= end_s; day_s += DAY_S) {
        period = tg_plan_quota_period(&st.quota, day_s);
        used = days[(day_s - from_s) / DAY_S];
        sum = period == last ? sum + used : used;
        last = period;
        if (day_s >= start_s) {
            (void) json_array_append_new(list, json_pack("[I, I]",
                (json_int_t) used,
                (json_int_t) remaining_after(call, &st, day_s, sum)));
        }
    }
    return status;
}

/*
 * ---- GetUsage
 */

static enum tg_status
add_page(struct tg_control_call *call, const char *plan, int64_t start_s,
    int64_t end_s, int64_t limit, const char *after)
{
    const char     *last = NULL;
    json_t         *values = json_object_get(call->result, "values");
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(call->store, &q, &call->err,
        "WITH" TG_USAGE_HOURS("$3", "$4") " SELECT DISTINCT s.key_id FROM"
        " usage_source s WHERE s.plan_id = $1 AND s.key_id > $2 AND"
        " EXISTS (SELECT 1 FROM hours h CROSS JOIN usage_hour d WHERE"
        TG_USAGE_AT ") ORDER BY s.key_id LIMIT $5", "ssiii", plan, after,
        start_s, end_s + DAY_S, limit + 1);
    while (status == TG_OK
        && (status = tg_stmt_next(q, &call->err)) == TG_OK)
    {
        if (json_object_size(values) == (size_t) limit) {
            tg_call_position_set(call, call->result, json_string(last));
            break;
        }
        last = tg_arena_strdup(call->arena, tg_stmt_text(q, 0));
        status = add_key(call, plan, last, start_s, end_s);
    }
    tg_stmt_done(q);
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* How many keys behind which one; asked for one key, there is one page. */
static enum tg_status
read_page(struct tg_control_call *call, int64_t *limit, const char **after)
{
    const json_t  *position;
    enum tg_status status = tg_call_limit(call, limit);

    *after = "";
    if (status == TG_OK) {
        status = tg_call_position(call, &position);
    }
    if (status == TG_OK && position != NULL) {
        *after = json_string_value(position);
        if (*after == NULL) {
            status = tg_call_bad_request(call, "Invalid position parameter");
        }
    }
    return status;
}

enum tg_status
tg_get_usage(struct tg_control_call *call)
{
    int64_t        end_s;
    int64_t        limit;
    int64_t        start_s;
    const char    *after;
    const char    *key = tg_call_query(call, "keyId");
    const char    *plan = tg_http_path_get(call->req, "usagePlanId");
    enum tg_status status;
    struct state   st;

    status = load_state(call, plan, key != NULL ? key : "", &st);
    if (status == TG_OK) {
        status = read_range(call, &start_s, &end_s);
    }
    if (status == TG_OK) {
        status = read_page(call, &limit, &after);
    }
    if (status != TG_OK) {
        return status;
    }
    call->result = usage_json(plan, start_s, end_s);
    return key != NULL ? add_key(call, plan, key, start_s, end_s)
                       : add_page(call, plan, start_s, end_s, limit, after);
}

/*
 * ---- UpdateUsage
 */

static enum tg_status
read_remaining(struct tg_control_call *call, int64_t *remaining)
{
    char            *end;
    size_t           count;
    size_t           i;
    enum tg_status   status;
    struct tg_patch *patches;

    status = tg_call_patches(call, &patches, &count);
    if (status == TG_OK && count == 0) {
        status = tg_call_bad_request(call, "Invalid patch path null");
    }
    for (i = 0; status == TG_OK && i < count; i++) {
        if (strcmp(patches[i].path, "/remaining") != 0
            || patches[i].op != TG_PATCH_REPLACE)
        {
            return tg_call_bad_request(call, "Invalid patch path  '%s' "
                "specified for op '%s'. Must be one of: [/remaining]",
                patches[i].path, tg_patch_op_name(patches[i].op));
        }
        *remaining = patches[i].value != NULL
            ? strtoll(patches[i].value, &end, 10) : -1;
        if (*remaining < 0 || end == patches[i].value || *end != '\0'
            || *remaining > (int64_t) TG_QUOTA_USED_MAX)
        {
            return tg_call_bad_request(call, "Invalid value of /remaining: "
                "expected a whole number from 0 on");
        }
    }
    return status;
}

static enum tg_status
store_grant(struct tg_control_call *call, const char *plan, const char *key,
    const struct state *st, int64_t value)
{
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_exec(call->store, &call->err,
        "INSERT INTO quota_grant (plan_id, key_id, period, value)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT (plan_id, key_id)"
        " DO UPDATE SET period = excluded.period, value = excluded.value",
        "ssii", plan, key, (int64_t) st->now_period, value);
    if (status == TG_OK) {
        status = tg_store_query(call->store, &q, &call->err,
            "SELECT digest FROM api_key WHERE id = $1", "s", key);
    }
    if (status == TG_OK && (status = tg_stmt_next(q, &call->err)) == TG_OK) {
        status = tg_change_key(call->change, tg_stmt_text(q, 0), &call->err);
    }
    tg_stmt_done(q);
    return status;
}

enum tg_status
tg_update_usage(struct tg_control_call *call)
{
    int64_t        remaining = 0;
    int64_t        today_s = call->now_s - call->now_s % DAY_S;
    const char    *key = tg_http_path_get(call->req, "keyId");
    const char    *plan = tg_http_path_get(call->req, "usagePlanId");
    uint64_t       days[1] = {0};
    enum tg_status status;
    struct state   st;

    call->resource_type = "AWS::ApiGateway::UsagePlan";
    call->resource_name = plan;
    status = load_state(call, plan, key, &st);
    if (status == TG_OK && !st.is_attached) {
        status = tg_call_not_found(call, TG_NO_API_KEY);
    }
    if (status == TG_OK) {
        status = read_remaining(call, &remaining);
    }
    if (status == TG_OK && st.quota.period == TG_QUOTA_NONE) {
        status = tg_call_bad_request(call, "Usage Plan %s has no quota",
            plan);
    }
    if (status == TG_OK) {
        status = store_grant(call, plan, key, &st, remaining
            + (int64_t) tg_quota_used(st.used_word, st.now_period));
    }
    if (status == TG_OK) {
        status = load_days(call, plan, key, today_s, today_s, days);
    }
    if (status == TG_OK) {
        call->result = usage_json(plan, today_s, today_s);
        (void) json_object_set_new(json_object_get(call->result, "values"),
            key, json_pack("[[I, I]]", (json_int_t) days[0],
                (json_int_t) remaining));
    }
    return status;
}
