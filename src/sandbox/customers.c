/*
 * customers.c - ResolveCustomer and GetEntitlements
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/answer.h"
#include "sandbox/market.h"
#include "sandbox/members.h"
#include "util/digest.h"

#define TOKEN_MAX 8192
#define PAGE_MAX 25
#define YEAR_S ((int64_t) 365 * 86400)

/*
 * What tells the seller who the buyer is.  By licence: account and licence;
 * by account: account, and as in every older listing the customer's
 * identifier; by customer: that identifier alone.
 */
static void
set_identity(json_t *body, const json_t *product, const json_t *agreement)
{
    static const struct {
        const char *identity;
        const char *names[2][2]; /* of the reply's member, ours */
    } table[] = {
        { "license", { { "CustomerAWSAccountId", "customerAWSAccountId" },
                         { "LicenseArn", "licenseArn" } } },
        { "account", { { "CustomerAWSAccountId", "customerAWSAccountId" },
                         { "CustomerIdentifier", "customerIdentifier" } } },
        { "customer", { { "CustomerIdentifier", "customerIdentifier" },
                          { NULL, NULL } } },
    };

    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; tg_product_sold_by(product, table[i].identity)
                           && j < 2 && table[i].names[j][0] != NULL;
             j++)
        {
            (void) json_object_set(body, table[i].names[j][0],
                json_object_get(agreement, table[i].names[j][1]));
        }
    }
}

void
tg_market_resolve_customer(struct tg_answer *a, const struct tg_market *m,
    const json_t *request, int64_t now_s)
{
    const char      *token, *code;
    const json_t    *agreement, *entry;
    json_t          *body;
    struct tg_member token_m = { request, "", "RegistrationToken", true };

    if (!tg_member_text(&token, a, &token_m, 1, TOKEN_MAX)) {
        return;
    }
    entry = json_object_get(m->tokens, token);
    if (entry == NULL) {
        (void) tg_answer_refuse(a, "InvalidTokenException",
            "Registration token is invalid.");
        return;
    }
    if (now_s - json_integer_value(json_object_get(entry, "issuedAt"))
        >= TG_TOKEN_LIFE_S)
    {
        (void) tg_answer_refuse(a, "ExpiredTokenException",
            "The submitted registration token has expired.");
        return;
    }
    agreement = json_object_get(m->agreements, tg_text(entry, "agreementId"));
    code = tg_text(agreement, "productCode");
    body = json_pack("{s:s}", "ProductCode", code);
    set_identity(body, tg_market_product(m, code), agreement);
    tg_answer_set(a, body, NULL);
}

/*
 * ---- entitlements
 */

/* The keys of a filter, and the agreement's member that each one reads. */
enum { BY_CUSTOMER, BY_ACCOUNT, BY_LICENSE, BY_DIMENSION, FILTERS };

static const char *const filter_names[FILTERS] = { "CUSTOMER_IDENTIFIER",
    "CUSTOMER_AWS_ACCOUNT_ID", "LICENSE_ARN", "DIMENSION" };

struct question {
    const json_t *product;
    const json_t *filters[FILTERS]; /* lists of text, or NULL */
    int64_t       page_size;
    int64_t       first; /* how many the pages before this one held */
    int64_t       now_s;
};

static bool
read_filters(struct question *q, struct tg_answer *a, const json_t *request)
{
    const char   *key;
    const json_t *filter = json_object_get(request, "Filter");
    const json_t *text;
    json_t       *list;
    size_t        i;

    if (filter != NULL && !json_is_null(filter) && !json_is_object(filter)) {
        return tg_answer_refuse(a, "SerializationException",
            "Value at 'filter' can not be converted to a Map");
    }
    json_object_foreach((json_t *) (uintptr_t) filter, key, list) {
        size_t n = 0;

        while (n < FILTERS && strcmp(filter_names[n], key) != 0) {
            n++;
        }
        if (n == FILTERS || !json_is_array(list)
            || json_array_size(list) == 0)
        {
            return tg_answer_refuse(a, "InvalidParameterException",
                "A filter is a list of at least one value under "
                "CUSTOMER_IDENTIFIER, CUSTOMER_AWS_ACCOUNT_ID, LICENSE_ARN "
                "or DIMENSION.");
        }
        json_array_foreach(list, i, text) {
            if (!json_is_string(text)) {
                return tg_answer_refuse(a, "SerializationException",
                    "A filter's value can not be converted to a String");
            }
        }
        q->filters[n] = list;
    }
    if (q->filters[BY_CUSTOMER] != NULL && q->filters[BY_ACCOUNT] != NULL) {
        return tg_answer_refuse(a, "InvalidParameterException",
            "CUSTOMER_IDENTIFIER and CUSTOMER_AWS_ACCOUNT_ID are mutually "
            "exclusive.");
    }
    return true;
}

static bool
read_next_token(struct question *q, struct tg_answer *a,
    const json_t *request)
{
    char             raw[64];
    const char      *token;
    char            *end;
    size_t           len;
    struct tg_member m = { request, "", "NextToken", false };

    if (!tg_member_text(&token, a, &m, 1, 64)) {
        return false;
    }
    if (token == NULL) {
        return true;
    }
    if (tg_unbase64(raw, &len, token, strlen(token)) == TG_OK && len > 5
        && len < sizeof(raw) && memcmp(raw, "page:", 5) == 0)
    {
        raw[len] = '\0';
        q->first = strtol(raw + 5, &end, 10);
        if (*end == '\0' && q->first > 0 && q->first <= INT32_MAX) {
            return true;
        }
    }
    return tg_answer_refuse(a, "InvalidParameterException",
        "The NextToken is not valid.");
}

static bool
read_question(struct question *q, struct tg_answer *a,
    const struct tg_market *m, const json_t *request)
{
    const char      *code;
    struct tg_member code_m = { request, "", "ProductCode", true };
    struct tg_member size_m = { request, "", "MaxResults", false };

    q->page_size = PAGE_MAX;
    if (!tg_member_text(&code, a, &code_m, 1, 255)
        || !tg_member_integer(&q->page_size, a, &size_m, 1, PAGE_MAX)
        || !read_filters(q, a, request) || !read_next_token(q, a, request))
    {
        return false;
    }
    q->product = tg_market_product(m, code);
    if (q->product == NULL) {
        return tg_answer_refuse(a, "InvalidParameterException",
            "The product code is not one of this seller's products.");
    }
    return true;
}

static bool
passes(const json_t *values, const char *text)
{
    const json_t *value;
    size_t        i;

    if (values == NULL) {
        return true;
    }
    json_array_foreach(values, i, value) {
        if (text != NULL && strcmp(json_string_value(value), text) == 0) {
            return true;
        }
    }
    return false;
}

static bool
is_asked_for(const struct question *q, const json_t *agreement)
{
    return strcmp(tg_text(agreement, "productCode"),
               tg_text(q->product, "productCode"))
               == 0
           && tg_agreement_is_active(agreement)
           && passes(q->filters[BY_CUSTOMER],
               tg_text(agreement, "customerIdentifier"))
           && passes(q->filters[BY_ACCOUNT],
               tg_text(agreement, "customerAWSAccountId"))
           && passes(q->filters[BY_LICENSE],
               tg_text(agreement, "licenseArn"));
}

/*
 * What a contract includes of a dimension: as the listing says; one of each
 * when it says nothing at all.  -1: the dimension is for overage only.
 */
static json_int_t
units_included(const json_t *product, const json_t *dimension)
{
    bool          says_so = false;
    const json_t *entitled = json_object_get(dimension, "entitled");
    const json_t *other;
    size_t        i;

    json_array_foreach(json_object_get(product, "dimensions"), i, other) {
        says_so |= json_object_get(other, "entitled") != NULL;
    }
    if (!says_so) {
        return 1;
    }
    return entitled != NULL ? json_integer_value(entitled) : -1;
}

static json_t *
entitlement(const struct question *q, const json_t *agreement,
    const json_t *dimension, json_int_t units)
{
    int64_t start_s = tg_agreement_activated_s(agreement);
    int64_t years = (q->now_s - start_s) / YEAR_S + 1; /* it renews itself */
    json_t *body = json_pack("{s:s, s:s, s:f, s:{s:I}}", "ProductCode",
        tg_text(q->product, "productCode"), "Dimension",
        tg_text(dimension, "name"), "ExpirationDate",
        (double) (start_s + years * YEAR_S), "Value", "IntegerValue", units);

    set_identity(body, q->product, agreement);
    return body;
}

/* Every entitlement that is asked for, of all pages. */
static json_t *
collect(const struct question *q, const struct tg_market *m)
{
    const char   *id;
    json_t       *agreement, *list = json_array();
    const json_t *dimension;
    size_t        i;

    if (tg_product_is(q->product, "subscription")) {
        return list;
    }
    json_object_foreach(m->agreements, id, agreement) {
        if (!is_asked_for(q, agreement)) {
            continue;
        }
        json_array_foreach(json_object_get(q->product, "dimensions"), i,
            dimension)
        {
            json_int_t units = units_included(q->product, dimension);

            if (units >= 0
                && passes(q->filters[BY_DIMENSION],
                    tg_text(dimension, "name")))
            {
                (void) json_array_append_new(list,
                    entitlement(q, agreement, dimension, units));
            }
        }
    }
    return list;
}

void
tg_market_get_entitlements(struct tg_answer *a, const struct tg_market *m,
    const json_t *request, int64_t now_s)
{
    char            text[32], token[64];
    json_t         *all, *body, *page;
    struct question q = { .now_s = now_s };

    if (!read_question(&q, a, m, request)) {
        return;
    }
    all = collect(&q, m);
    page = json_array();
    for (int64_t i = q.first; i < q.first + q.page_size; i++) {
        (void) json_array_append(page, json_array_get(all, (size_t) i));
    }
    body = json_pack("{s:o}", "Entitlements", page);
    if (json_array_size(all) > (size_t) (q.first + q.page_size)) {
        int n = snprintf(text, sizeof(text), "page:%lld",
            (long long) (q.first + q.page_size));

        tg_base64(token, text, (size_t) n);
        (void) json_object_set_new(body, "NextToken", json_string(token));
    }
    json_decref(all);
    tg_answer_set(a, body, NULL);
}
