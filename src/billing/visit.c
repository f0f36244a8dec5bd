/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/visit.h"

#include <jansson.h>

#include "billing/example.h"
#include "billing/pages.h"
#include "http/json.h"
#include "util/log.h"

enum tg_status
tg_visit_change(struct tg_visit *v,
    enum tg_status (*work)(struct tg_visit *v, struct tg_change *change))
{
    enum tg_status   status;
    struct tg_change change;

    status = tg_change_begin(&change, v->config->control, v->req->arena,
        v->req->now_s, &v->err);
    if (status != TG_OK) {
        return status;
    }
    status = work(v, &change);
    if (status == TG_OK) {
        return tg_change_commit(&change, &v->err);
    }
    tg_change_abort(&change);
    return status;
}

void
tg_visit_find_url(struct tg_visit *v, const struct tg_change *change)
{
    if (tg_example_url(&v->url, change->store, v->config->settings,
            v->plan_id, v->req->arena, NULL) != TG_OK)
    {
        v->url = NULL; /* the plan has no stage yet */
    }
}

const char *
tg_visit_product(const struct tg_visit *v)
{
    const struct tg_product *product = tg_settings_product(
        v->config->settings, v->product_code);

    return product != NULL ? product->name : v->product_code;
}

/*
 * ---- answers
 */

void
tg_visit_problem(struct tg_visit *v, int status, const char *title,
    const char *advice)
{
    if (status == 503) {
        tg_http_header_set(v->res, "Retry-After", "30");
    }
    if (v->wants_json) {
        tg_http_json_reply(v->res, status, TG_HTTP_JSON,
            json_pack("{s:s, s:s}", "message", title, "advice", advice));
        return;
    }
    tg_page_problem(v->res, v->config->settings, status, title, advice);
}

void
tg_visit_failure(struct tg_visit *v, const char *event)
{
    tg_log(TG_LOG_ERROR, event, "request", v->req->id, "msg",
        v->err.message, NULL);
    tg_visit_problem(v, 500, "Something went wrong here", "Nothing was lost."
        " Please choose \"Set up your account\" in AWS Marketplace again in a"
        " few minutes.");
}

void
tg_visit_json(struct tg_visit *v, const char *state)
{
    tg_http_json_reply(v->res, 200, TG_HTTP_JSON,
        json_pack("{s:s, s:s?, s:s?, s:s?, s:s?}", "state", state,
            "apiKeyId", v->key_id, "apiKey", v->key_value, "usagePlanId",
            v->plan_id, "url", v->url));
}
