/*
 * visit.h - one request of a buyer's browser to the portal
 *
 * What both steps of the onboarding share: who asks, what has been found out
 * so far, and the ways to answer: a page, or the same as JSON for programs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_VISIT_H
#define TG_BILLING_VISIT_H

#include <stdbool.h>

#include "aws/marketplace.h"
#include "control/agreements.h"
#include "billing/onboarding.h"
#include "billing/ticket.h"
#include "control/change.h"
#include "http/http.h"
#include "util/error.h"

#define TG_VISIT_COOKIE "tg_registration" /* holds the ticket */

/* Texts live in the request's arena. */
struct tg_visit {
    const struct tg_onboarding_config *config;
    const char                        *ticket_key;
    struct tg_http_request            *req;
    struct tg_http_response           *res;
    bool                               wants_json;
    struct tg_error                    err;
    /* POST /register: what ResolveCustomer came to */
    const struct tg_marketplace_result *resolved;
    /* the agreement */
    char        agreement[TG_AGREEMENT_ID_SIZE];
    char        ticket[TG_TICKET_SIZE];
    const char *product_code;
    const char *customer_id; /* of the key */
    const char *license_id;  /* other form of it, or NULL */
    const char *email;
    const char *plan_id;
    const char *key_id;
    char       *key_value;
    const char *url;
};

/*
 * Does work in one change of the configuration: all of it or nothing.
 */
TG_MUST_CHECK enum tg_status tg_visit_change(struct tg_visit *v,
    enum tg_status (*work)(struct tg_visit *v, struct tg_change *change));

/* Sets v->url to a call of the plan's API that works, where there is one. */
void tg_visit_find_url(struct tg_visit *v, const struct tg_change *change);

/* What the product is called. */
const char *tg_visit_product(const struct tg_visit *v);

/*
 * ---- answers
 */

/* {"message", "advice"}, or the page that says the same. */
void tg_visit_problem(struct tg_visit *v, int status, const char *title,
    const char *advice);

/* Ours to mend: the log has the cause (v->err), the buyer what to do. */
void tg_visit_failure(struct tg_visit *v, const char *event);

/* {"state", "apiKeyId", "apiKey", "usagePlanId", "url"}. */
void tg_visit_json(struct tg_visit *v, const char *state);

#endif
