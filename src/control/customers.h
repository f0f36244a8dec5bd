/*
 * customers.h - the steps of onboarding a buyer, inside a change
 *
 * Plain functions that the HTTP handlers of API keys and plan keys use too,
 * so that a key made by the landing page and one made through the API are
 * alike.  All run inside an open change; billing calls them so:
 *
 *     tg_change_begin(&change, control, arena, now_s, &err)
 *     ... the agreement's row ...
 *     tg_api_key_find_customer / tg_api_key_create
 *     tg_usage_plan_key_attach
 *     tg_binding_refresh_agreement (binding.h)
 *     tg_audit_append for each of them
 *     tg_change_commit
 *
 * Failures that a caller would be told: TG_CONFLICT, TG_NOTFOUND, TG_INVALID,
 * TG_LIMIT, with Amazon's text in err.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_CUSTOMERS_H
#define TG_CONTROL_CUSTOMERS_H

#include <jansson.h>
#include <stdbool.h>

#include "control/change.h"
#include "util/error.h"

/* Amazon's words for what is not there. */
#define TG_NO_API_KEY "Invalid API Key identifier specified"
#define TG_NO_USAGE_PLAN "Invalid Usage Plan ID specified"

struct tg_api_key_new {
    const char   *name;
    const char   *description;
    const char   *customer_id;
    const char   *value;   /* NULL or "": one is generated */
    bool          enabled;
    const json_t *tags;    /* an object or NULL */
    const json_t *stage_keys; /* a list of "apiId/stage" or NULL */
};

/* The limits of the members that can be changed; NULL is good. */
TG_MUST_CHECK enum tg_status tg_api_key_check(const char *name,
    const char *description, const char *customer_id, struct tg_error *err);

/* 20 to 128 printable characters. */
TG_MUST_CHECK enum tg_status tg_api_key_check_value(const char *value,
    struct tg_error *err);

/* Makes a key; *id lives in the change's arena. */
TG_MUST_CHECK enum tg_status tg_api_key_create(struct tg_change *change,
    const struct tg_api_key_new *key, const char **id, struct tg_error *err);

/*
 * The oldest key with this customerId that is in the plan, else the oldest
 * with it at all; TG_NOTFOUND.  plan_id may be NULL.
 */
TG_MUST_CHECK enum tg_status tg_api_key_find_customer(
    struct tg_change *change, const char *customer_id, const char *plan_id,
    const char **id, struct tg_error *err);

/* Opens the key's value into *value (change's arena: wipe it after use). */
TG_MUST_CHECK enum tg_status tg_api_key_value(struct tg_change *change,
    const char *id, char **value, struct tg_error *err);

TG_MUST_CHECK enum tg_status tg_api_key_set_enabled(struct tg_change *change,
    const char *id, bool enabled, struct tg_error *err);

/* TG_NOTFOUND.  The key leaves all its plans, and its value is forgotten. */
TG_MUST_CHECK enum tg_status tg_api_key_delete(struct tg_change *change,
    const char *id, struct tg_error *err);

/* Replaces the tags, and with them whose calls the key's are. */
TG_MUST_CHECK enum tg_status tg_api_key_set_tags(struct tg_change *change,
    const char *id, const json_t *tags, struct tg_error *err);

/*
 * Puts the key into the plan.  TG_CONFLICT when it is there already or is in
 * another plan of one of its stages; TG_LIMIT with ten plans.
 */
TG_MUST_CHECK enum tg_status tg_usage_plan_key_attach(
    struct tg_change *change, const char *plan_id, const char *key_id,
    struct tg_error *err);

/*
 * What attach would say, without doing it; key_id may be "" for a key that is
 * yet to be made.
 */
TG_MUST_CHECK enum tg_status tg_usage_plan_key_check(
    struct tg_change *change, const char *plan_id, const char *key_id,
    struct tg_error *err);

/* Whether two plans have a stage in common. */
TG_MUST_CHECK enum tg_status tg_usage_plans_overlap(struct tg_change *change,
    const char *plan_id, const char *other_id, bool *overlaps,
    struct tg_error *err);

/* Takes it out again; TG_NOTFOUND when it is not in the plan. */
TG_MUST_CHECK enum tg_status tg_usage_plan_key_detach(
    struct tg_change *change, const char *plan_id, const char *key_id,
    struct tg_error *err);

bool tg_usage_plan_key_exists(struct tg_change *change, const char *plan_id,
    const char *key_id);

/* The oldest plan that carries the product code; TG_NOTFOUND. */
TG_MUST_CHECK enum tg_status tg_usage_plan_find_product(
    struct tg_change *change, const char *product_code, const char **plan_id,
    struct tg_error *err);

#endif
