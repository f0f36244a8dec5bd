/*
 * pages.h - the portal's pages, as HTML
 *
 * What they show is given; nothing here decides anything.  Every page has
 * the product's or the site's name, says what to do next and whom to ask.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_PAGES_H
#define TG_BILLING_PAGES_H

#include "http/http.h"
#include "settings/settings.h"

/* What this site is: GET /. */
void tg_page_home(struct tg_http_response *res,
    const struct tg_settings *settings);

/* Where to come from: GET /register. */
void tg_page_explain(struct tg_http_response *res,
    const struct tg_settings *settings);

/* Something is wrong: title, and what the buyer can do. */
void tg_page_problem(struct tg_http_response *res,
    const struct tg_settings *settings, int status, const char *title,
    const char *advice);

/* The form that asks for an address; complaint NULL: the first time. */
void tg_page_address(struct tg_http_response *res,
    const struct tg_settings *settings, int status, const char *product,
    const char *registration, const char *email, const char *complaint);

/* The key, in #api-key, and a line that works (example_url NULL: none). */
void tg_page_key(struct tg_http_response *res,
    const struct tg_settings *settings, const char *product,
    const char *api_key, const char *example_url);

#endif
