/*
 * usage_plan_row.h - a usage plan in memory: loaded, checked, stored
 *
 * CreateUsagePlan fills one from its body, UpdateUsagePlan changes one that
 * was loaded; both are checked whole before they are stored, so that a PATCH
 * is done or not, however many operations it has.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_USAGE_PLAN_ROW_H
#define TG_CONTROL_USAGE_PLAN_ROW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/call.h"

struct tg_plan {
    const char *id;
    const char *name;
    const char *description;  /* NULL: none */
    const char *product_code; /* NULL: none */
    bool        has_rate;
    bool        has_burst;
    double      rate;
    int64_t     burst;
    bool        has_limit;
    int64_t     limit;
    int64_t     offset;
    const char *period; /* NULL: none */
    int64_t     created_s;
    json_t     *tags;   /* an object */
    json_t     *stages; /* {"apiId:stage": {"/path/METHOD": throttle}} */
};

/* Empty, with tags and stages that tg_plan_clear gives back. */
void tg_plan_init(struct tg_plan *plan);
void tg_plan_clear(struct tg_plan *plan);

/* Into an initialised plan; TG_DENIED (NotFound) when there is none. */
TG_MUST_CHECK enum tg_status tg_plan_load(struct tg_control_call *call,
    struct tg_plan *plan, const char *id);

/* The limits of all members. */
TG_MUST_CHECK enum tg_status tg_plan_check(struct tg_control_call *call,
    const struct tg_plan *plan);

/* DAY, WEEK or MONTH. */
TG_MUST_CHECK enum tg_status tg_plan_check_period(
    struct tg_control_call *call, const char *period);

/* What a throttle has, a method's or the plan's. */
extern const char *const tg_plan_throttle_members[];

/*
 * A map of methods' throttles ({"/pets/GET": {...}}), checked, as a new
 * object in *out; NULL gives an empty one.
 */
TG_MUST_CHECK enum tg_status tg_plan_read_methods(
    struct tg_control_call *call, const json_t *map, json_t **out);

/*
 * Stores the plan, new (before NULL) or changed, with what follows from the
 * change: stages that exist and conflict with no other plan of its keys,
 * bindings of another product.
 */
TG_MUST_CHECK enum tg_status tg_plan_store(struct tg_control_call *call,
    const struct tg_plan *plan, const struct tg_plan *before);

/* The UsagePlan shape; a new reference. */
json_t *tg_plan_json(const struct tg_plan *plan, bool has_empty_tags);

#endif
