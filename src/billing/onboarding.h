/*
 * onboarding.h - a buyer arrives from AWS Marketplace and leaves with a key
 *
 *   GET  /                   says what this site is
 *   GET  /register           says where to come from
 *   POST /register           x-amzn-marketplace-token: ResolveCustomer, the
 *                            agreement's row, a page asking for an address
 *   POST /register/complete  email: the key, its plan, a line that works
 *
 * Promises
 *   O1  The registration token is resolved at once and forgotten: it is not
 *       stored, logged, set as a cookie or put into a URL.
 *   O2  Coming back is harmless: the same buyer finds the same key.
 *   O3  Between the two pages the browser holds a signed cookie that names
 *       the agreement and ends after an hour; without it no key is shown.
 *   O4  The control plane's lock is not held while Amazon is asked.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_ONBOARDING_H
#define TG_BILLING_ONBOARDING_H

#include "aws/marketplace.h"
#include "control/control.h"
#include "http/http.h"
#include "settings/settings.h"
#include "util/error.h"

struct tg_onboarding;

/* All is borrowed. */
struct tg_onboarding_config {
    const struct tg_settings    *settings;
    struct tg_control           *control;
    const struct tg_marketplace *marketplace;
};

/* Reads or makes the key that signs the cookies (in the store). */
TG_MUST_CHECK enum tg_status tg_onboarding_open(struct tg_onboarding **out,
    const struct tg_onboarding_config *config, struct tg_error *err);
void tg_onboarding_close(struct tg_onboarding *onboarding);

/* A tg_http_handler for the whole portal; data is the struct tg_onboarding. */
void tg_onboarding_handle(struct tg_http_request *req,
    struct tg_http_response *res, void *data);

#endif
