/*
 * page.c - where a person buys, and sees the bill
 *
 * Buying ends as on Amazon's own pages: the buyer's browser posts the
 * registration token to the seller's fulfilment URL.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "http/form.h"
#include "http/html.h"
#include "sandbox/state.h"
#include "util/clock.h"

#define ROWS_MAX 200 /* of a table */

static const char style[]
    = "body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;"
      "margin:2rem auto;padding:0 1rem;color:#16191f;background:#fafafa}\n"
      "h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.5rem}\n"
      "table{border-collapse:collapse;width:100%;background:#fff}\n"
      "th,td{border:1px solid #d5dbdb;padding:.4rem .6rem;text-align:left;"
      "vertical-align:top}\n"
      "th{background:#f2f3f3}td.n{text-align:right}\n"
      "code{font-size:.85rem;overflow-wrap:anywhere}\n"
      "form{display:inline-block;margin:.1rem .2rem .1rem 0}\n"
      "button{font:inherit;padding:.25rem .8rem;border:1px solid #8a5a00;"
      "border-radius:.3rem;background:#ffd27a;cursor:pointer;"
      "white-space:nowrap}\n"
      "p.none{color:#5f6b7a}\n";

/*
 * ---- pieces
 */

static void
button(struct tg_buf *out, const char *action, const char *name,
    const char *value, const char *label)
{
    tg_html_raw(out, "<form method=\"post\"");
    tg_html_attr(out, "action", action);
    tg_html_raw(out, "><input type=\"hidden\"");
    tg_html_attr(out, "name", name);
    tg_html_attr(out, "value", value);
    tg_html_raw(out, ">");
    tg_html_element(out, "button", label);
    tg_html_raw(out, "</form>\n");
}

static void
code_cell(struct tg_buf *out, const char *text)
{
    tg_html_raw(out, "<td>");
    if (text != NULL) {
        tg_html_element(out, "code", text);
    }
    tg_html_raw(out, "</td>");
}

static void
number_cell(struct tg_buf *out, const json_t *value)
{
    tg_html_raw(out, "<td class=\"n\">");
    tg_html_printf(out, "%lld", (long long) json_integer_value(value));
    tg_html_raw(out, "</td>");
}

static void
table_head(struct tg_buf *out, const char *const names[])
{
    tg_html_raw(out, "<table>\n<tr>");
    for (size_t i = 0; names[i] != NULL; i++) {
        tg_html_element(out, "th", names[i]);
    }
    tg_html_raw(out, "</tr>\n");
}

/* Says so instead of an empty table. */
static bool
is_empty(struct tg_buf *out, size_t count, const char *text)
{
    if (count == 0) {
        tg_html_raw(out, "<p class=\"none\">");
        tg_html_text(out, text);
        tg_html_raw(out, "</p>\n");
    }
    return count == 0;
}

/*
 * How many of the rows are not shown, with a word about them: the newest are
 * enough, and the page is also what a client's look at the clock downloads.
 */
static size_t
leave_out(struct tg_buf *out, size_t count)
{
    char   text[64];
    size_t left = count > ROWS_MAX ? count - ROWS_MAX : 0;

    if (left > 0) {
        (void) snprintf(text, sizeof(text), "The newest %d of %zu.",
            ROWS_MAX, count);
        tg_html_element(out, "p", text);
    }
    return left;
}

/*
 * ---- the sections
 */

static void
show_products(struct tg_buf *out, const struct tg_market *m)
{
    static const char *const names[] = { "Product", "Pricing", "Dimensions",
        "Product code", "", NULL };
    const char   *code;
    const json_t *dimension;
    json_t       *product;
    size_t        i;

    tg_html_element(out, "h2", "Products");
    if (is_empty(out, json_object_size(m->products),
            "Nothing is for sale yet: POST /_sandbox/products lists a "
            "product."))
    {
        return;
    }
    table_head(out, names);
    json_object_foreach(m->products, code, product) {
        tg_html_raw(out, "<tr>");
        tg_html_element(out, "td", tg_text(product, "name"));
        tg_html_element(out, "td", tg_text(product, "model"));
        tg_html_raw(out, "<td>");
        json_array_foreach(json_object_get(product, "dimensions"), i,
            dimension)
        {
            tg_html_element(out, "code", tg_text(dimension, "name"));
            tg_html_raw(out, " ");
        }
        tg_html_raw(out, "</td>");
        code_cell(out, code);
        tg_html_raw(out, "<td>");
        button(out, "/buy", "productCode", code, "Buy");
        tg_html_raw(out, "</td></tr>\n");
    }
    tg_html_raw(out, "</table>\n");
}

static void
show_agreement(struct tg_buf *out, const struct tg_market *m, const char *id,
    const json_t *agreement)
{
    bool active = tg_agreement_is_active(agreement);
    char since[TG_ISO8601_SIZE];

    tg_iso8601(since, tg_agreement_activated_s(agreement));
    tg_html_raw(out, "<tr>");
    tg_html_element(out, "td",
        tg_text(tg_market_product(m, tg_text(agreement, "productCode")),
            "name"));
    code_cell(out, tg_text(agreement, "customerAWSAccountId"));
    code_cell(out, tg_text(agreement, "licenseArn"));
    tg_html_element(out, "td", since);
    tg_html_raw(out, "<td>");
    if (active) {
        button(out, "/set-up", "agreementId", id, "Set up your account");
        button(out, "/cancel", "agreementId", id, "Cancel");
    } else {
        tg_html_text(out, "cancelled");
    }
    tg_html_raw(out, "</td></tr>\n");
}

static void
show_agreements(struct tg_buf *out, const struct tg_market *m)
{
    static const char *const names[] = { "Product", "Buyer's AWS account",
        "License", "Since (UTC)", "", NULL };
    size_t      left;
    const char *id;
    json_t     *agreement;

    tg_html_element(out, "h2", "Purchases");
    if (is_empty(out, json_object_size(m->agreements),
            "Nobody has bought anything yet."))
    {
        return;
    }
    left = leave_out(out, json_object_size(m->agreements));
    table_head(out, names);
    json_object_foreach(m->agreements, id, agreement) {
        if (left > 0) {
            left--;
        } else {
            show_agreement(out, m, id, agreement);
        }
    }
    tg_html_raw(out, "</table>\n");
}

static void
show_record(struct tg_buf *out, const struct tg_market *m,
    const json_t *record)
{
    char        hour[TG_ISO8601_SIZE];
    const char *buyer = tg_text(record, "customerAWSAccountId");

    tg_iso8601(hour, json_integer_value(json_object_get(record, "hour")));
    tg_html_raw(out, "<tr>");
    tg_html_element(out, "td",
        tg_text(tg_market_product(m, tg_text(record, "productCode")),
            "name"));
    code_cell(out, buyer != NULL ? buyer
                                 : tg_text(record, "customerIdentifier"));
    code_cell(out, tg_text(record, "dimension"));
    tg_html_element(out, "td", hour);
    number_cell(out, json_object_get(record, "quantity"));
    code_cell(out, tg_text(record, "meteringRecordId"));
    tg_html_raw(out, "</tr>\n");
}

static void
show_bill(struct tg_buf *out, const struct tg_market *m)
{
    static const char *const names[] = { "Product", "Buyer", "Dimension",
        "Hour (UTC)", "Quantity", "Metering record", NULL };
    size_t      left;
    const char *key;
    json_t     *record;

    tg_html_element(out, "h2", "Billed usage");
    if (is_empty(out, json_object_size(m->records),
            "No usage has been reported with BatchMeterUsage yet."))
    {
        return;
    }
    left = leave_out(out, json_object_size(m->records));
    table_head(out, names);
    json_object_foreach(m->records, key, record) {
        if (left > 0) {
            left--;
        } else {
            show_record(out, m, record);
        }
    }
    tg_html_raw(out, "</table>\n");
}

void
tg_page_show(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    struct tg_buf     *out = &res->body;
    struct tg_sandbox *s = data;

    (void) req;
    tg_html_begin(out, "AWS Marketplace sandbox", style);
    tg_html_element(out, "h1", "AWS Marketplace sandbox");
    tg_html_element(out, "p",
        "A stand-in for AWS Marketplace on this machine. A click on Buy "
        "makes a new buyer with an AWS account of its own and sends your "
        "browser to the seller's registration page, as Amazon does.");
    (void) pthread_mutex_lock(&s->lock);
    show_products(out, &s->market);
    show_agreements(out, &s->market);
    show_bill(out, &s->market);
    (void) pthread_mutex_unlock(&s->lock);
    tg_html_end(out);
    tg_html_reply(res, 200);
}

/*
 * ---- buying
 */

static void
show_refusal(struct tg_http_response *res, const struct tg_answer *a)
{
    struct tg_buf *out = &res->body;

    tg_html_begin(out, "AWS Marketplace sandbox", style);
    tg_html_element(out, "h1", "That did not work");
    tg_html_element(out, "p", a->message);
    tg_html_raw(out, "<p><a href=\"/\">Back to the products</a></p>\n");
    tg_html_end(out);
    tg_html_reply(res, a->status);
}

/* A form that sends itself, or waits for a click without scripts. */
static void
hand_over(struct tg_http_response *res, const struct tg_answer *a)
{
    char           nonce[33], policy[256];
    const char    *url = tg_text(a->body, "registrationUrl");
    struct tg_buf *out = &res->body;

    tg_random_text(nonce, 32, TG_ALPHABET_KEY);
    tg_html_begin(out, "Set up your account", style);
    tg_html_element(out, "h1", "Set up your account");
    tg_html_raw(out, "<p>You are being sent to the seller's page at ");
    tg_html_element(out, "code", url);
    tg_html_raw(out, "</p>\n<form id=\"registration\" method=\"post\"");
    tg_html_attr(out, "action", url);
    tg_html_raw(out, "><input type=\"hidden\" "
                     "name=\"x-amzn-marketplace-token\"");
    tg_html_attr(out, "value", tg_text(a->body, "token"));
    tg_html_raw(out, "><button>Set up your account</button></form>\n<script");
    tg_html_attr(out, "nonce", nonce);
    tg_html_raw(out, ">document.getElementById(\"registration\").submit()"
                     "</script>\n");
    tg_html_end(out);
    tg_html_reply(res, 200);
    (void) snprintf(policy, sizeof(policy),
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        "script-src 'nonce-%s'; frame-ancestors 'none'; base-uri 'none'",
        nonce);
    (void) tg_http_header_set(res, "Content-Security-Policy", policy);
}

/* The form's field, or an answer that refuses. */
static const char *
read_field(struct tg_answer *a, const struct tg_http_request *req,
    const char *name)
{
    const char           *value = NULL;
    struct tg_http_params form;

    if (tg_http_form_parse(&form, req) == TG_OK) {
        value = tg_http_param_get(&form, name);
    }
    if (value == NULL) {
        (void) tg_answer_refuse(a, "ValidationException",
            "the form lacks the field %s", name);
    }
    return value;
}

/* Does work, with the lock held, on what the form's field names. */
static void
work_on(struct tg_answer *a, const struct tg_http_request *req,
    struct tg_sandbox *s, const char *field,
    void (*work)(struct tg_answer *a, const struct tg_market *m,
        const char *value, int64_t now_s))
{
    const char *value = read_field(a, req, field);

    if (value != NULL) {
        (void) pthread_mutex_lock(&s->lock);
        work(a, &s->market, value, req->now_s);
        tg_sandbox_commit(s, a);
        (void) pthread_mutex_unlock(&s->lock);
    }
}

static void
buy(struct tg_answer *a, const struct tg_market *m, const char *code,
    int64_t now_s)
{
    json_t *request = json_pack("{s:s}", "productCode", code);

    tg_market_buy(a, m, request, now_s);
    json_decref(request);
}

static void
reply_with_token(struct tg_http_response *res, struct tg_answer *a)
{
    if (a->type != NULL) {
        show_refusal(res, a);
    } else {
        hand_over(res, a);
    }
    tg_answer_clear(a);
}

void
tg_page_buy(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    struct tg_answer a = { .status = 200 };

    work_on(&a, req, data, "productCode", buy);
    reply_with_token(res, &a);
}

void
tg_page_set_up(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    struct tg_answer a = { .status = 200 };

    work_on(&a, req, data, "agreementId", tg_market_new_token);
    reply_with_token(res, &a);
}

void
tg_page_cancel(struct tg_http_request *req, struct tg_http_response *res,
    void *data)
{
    struct tg_answer a = { .status = 200 };

    work_on(&a, req, data, "agreementId", tg_market_cancel);
    if (a.type != NULL) {
        show_refusal(res, &a);
    } else {
        tg_http_redirect(res, "/");
    }
    tg_answer_clear(&a);
}
