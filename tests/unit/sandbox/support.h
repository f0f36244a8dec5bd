/*
 * support.h - a market for a test: products are listed and bought as over
 * /_sandbox/, questions are JSON texts with ' for "
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_SANDBOX_SUPPORT_H
#define TEST_SANDBOX_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/answer.h"
#include "sandbox/market.h"
#include "util/clock.h"

#define T0 INT64_C(1795395600) /* 2026-11-23T01:00:00Z */

typedef void operation(struct tg_answer *a, const struct tg_market *m,
    const json_t *request, int64_t now_s);

/* Parses a text in which ' stands for ". */
static inline json_t *
json_of(const char *text)
{
    char   *copy = strdup(text);
    json_t *json;

    for (char *p = copy; *p != '\0'; p++) {
        *p = *p == '\'' ? '"' : *p;
    }
    json = json_loads(copy, 0, NULL);
    if (json == NULL) {
        fail_msg("the test's own JSON is broken: %s", text);
    }
    free(copy);
    return json;
}

/* Applies what the answer wants changed. */
static inline void
commit(struct tg_market *m, const struct tg_answer *a)
{
    if (a->event != NULL) {
        assert_int_equal(tg_market_apply(m, a->event, NULL), TG_OK);
    }
}

static inline struct tg_answer
ask(struct tg_market *m, operation *op, int64_t now_s, const char *text)
{
    struct tg_answer a = { .status = 0 };
    json_t          *request = json_of(text);

    op(&a, m, request, now_s);
    commit(m, &a);
    json_decref(request);
    return a;
}

static inline void
list_product(struct tg_market *m, const char *code, const char *model,
    const char *identity)
{
    char             text[512];
    struct tg_answer a = { .status = 0 };
    json_t          *request;

    snprintf(text, sizeof(text), "{'productCode':'%s','name':'%s',"
        "'model':'%s','dimensions':[{'name':'apigateway'},{'name':'gold'}],"
        "'identity':'%s'}", code, code, model, identity);
    request = json_of(text);
    tg_market_list_product(&a, m, request, "http://localhost:8081/register");
    assert_int_equal(a.status, 200);
    commit(m, &a);
    json_decref(request);
    tg_answer_clear(&a);
}

/* The answer's body, which the caller owns. */
static inline json_t *
buy(struct tg_market *m, const char *code, const char *account,
    int64_t now_s)
{
    char             text[256];
    json_t          *body;
    struct tg_answer a;

    if (account != NULL) {
        snprintf(text, sizeof(text),
            "{'productCode':'%s','customerAWSAccountId':'%s'}", code,
            account);
    } else {
        snprintf(text, sizeof(text), "{'productCode':'%s'}", code);
    }
    a = ask(m, tg_market_buy, now_s, text);
    assert_int_equal(a.status, 200);
    body = json_incref(a.body);
    tg_answer_clear(&a);
    return body;
}

#endif
