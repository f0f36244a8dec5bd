/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/onboarding.h"

#include <stdlib.h>

#include "billing/completion.h"
#include "billing/memo.h"
#include "billing/pages.h"
#include "billing/registration.h"
#include "billing/visit.h"
#include "http/json.h"
#include "util/digest.h"

struct tg_onboarding {
    struct tg_onboarding_config config;
    char                        ticket_key[TG_SHA256_HEX];
};

/*
 * ---- routes; their data is the visit
 */

static void
get_home(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    const struct tg_visit *v = data;

    (void) req;
    tg_page_home(res, v->config->settings);
}

static void
get_register(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    const struct tg_visit *v = data;

    (void) req;
    tg_page_explain(res, v->config->settings);
}

static void
post_register(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    (void) req;
    (void) res;
    tg_registration_handle(data);
}

static void
post_complete(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    (void) req;
    (void) res;
    tg_completion_handle(data);
}

static const struct tg_http_route routes[] = {
    { "GET", "/", NULL, "GetHome", get_home, NULL },
    { "GET", "/register", NULL, "GetRegister", get_register, NULL },
    { "POST", "/register", NULL, "Register", post_register, NULL },
    { "POST", "/register/complete", NULL, "CompleteRegistration",
        post_complete, NULL },
};

void
tg_onboarding_handle(struct tg_http_request *req,
    struct tg_http_response *res, void *data)
{
    struct tg_onboarding *o = data;
    struct tg_visit       v = { .config = &o->config,
        .ticket_key = o->ticket_key, .req = req, .res = res };

    v.wants_json = tg_http_accepts(req, TG_HTTP_JSON);
    switch (tg_http_route_find(req, routes,
        sizeof(routes) / sizeof(routes[0])))
    {
    case TG_OK:
        req->route->handle(req, res, &v);
        break;
    case TG_NOTFOUND:
        tg_visit_problem(&v, 404, "There is no such page", "Buyers come here"
            " from AWS Marketplace: choose \"Set up your account\" there.");
        break;
    case TG_DENIED:
        tg_visit_problem(&v, 405, "That does not work here", "Buyers come here"
            " from AWS Marketplace: choose \"Set up your account\" there.");
        break;
    default:
        (void) tg_error_set(&v.err, TG_NOMEM, "out of memory");
        tg_visit_failure(&v, "registration_failed");
    }
}

/*
 * ---- open and close
 */

/* The key that signs tickets: the same after a restart. */
static enum tg_status
read_ticket_key(struct tg_onboarding *o, struct tg_error *err)
{
    uint8_t          random[TG_SHA256_SIZE];
    enum tg_status   status;
    struct tg_store *s = o->config.control->store;

    status = tg_memo_get(s, o->ticket_key, sizeof(o->ticket_key),
        TG_MEMO_COOKIE_KEY, err);
    if (status != TG_NOTFOUND) {
        return status;
    }
    tg_random(random, sizeof(random));
    tg_hex(o->ticket_key, random, sizeof(random));
    tg_wipe(random, sizeof(random));
    status = tg_store_begin(s, TG_STORE_DURABLE, err);
    if (status == TG_OK) {
        status = tg_memo_set(s, TG_MEMO_COOKIE_KEY, o->ticket_key, err);
    }
    if (status == TG_OK) {
        status = tg_store_commit(s, err);
    }
    tg_store_rollback(s);
    return status;
}

enum tg_status
tg_onboarding_open(struct tg_onboarding **out,
    const struct tg_onboarding_config *config, struct tg_error *err)
{
    enum tg_status        status;
    struct tg_onboarding *o = calloc(1, sizeof(*o));

    *out = NULL;
    if (o == NULL) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    o->config = *config;
    pthread_mutex_lock(&config->control->lock);
    status = read_ticket_key(o, err);
    pthread_mutex_unlock(&config->control->lock);
    if (status != TG_OK) {
        tg_onboarding_close(o);
        return status;
    }
    *out = o;
    return TG_OK;
}

void
tg_onboarding_close(struct tg_onboarding *o)
{
    if (o != NULL) {
        tg_wipe(o->ticket_key, sizeof(o->ticket_key));
        free(o);
    }
}
