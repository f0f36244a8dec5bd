/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/pages.h"

#include <string.h>

#include "http/html.h"

static const char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;"
    "padding:0 1rem;color:#1b2330}\n"
    "h1{font-size:1.6rem}\n"
    "label{display:block;margin:1rem 0 .25rem}\n"
    "input[type=email]{font:inherit;width:100%;padding:.5rem;"
    "box-sizing:border-box}\n"
    "button{font:inherit;margin-top:1rem;padding:.5rem 1.25rem}\n"
    "code,pre{font:14px/1.4 ui-monospace,monospace;background:#f1f3f6;"
    "padding:.2rem .4rem}\n"
    "pre{padding:.75rem;overflow-x:auto;white-space:pre-wrap;"
    "word-break:break-all}\n"
    ".complaint{color:#a3271b}\n"
    "footer{margin-top:3rem;color:#5b6675;font-size:.9rem}\n";

static void
begin(struct tg_http_response *res, const char *title)
{
    tg_buf_reset(&res->body);
    tg_html_begin(&res->body, title, style);
    tg_html_raw(&res->body, "<main>\n");
    tg_html_element(&res->body, "h1", title);
    tg_html_raw(&res->body, "\n");
}

/* An address becomes a link; anything else that was set is text. */
static void
contact(struct tg_buf *out, const char *text)
{
    tg_html_raw(out, "<a");
    if (strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0
        || strncmp(text, "mailto:", 7) == 0)
    {
        tg_html_attr(out, "href", text);
    } else if (strchr(text, '@') != NULL) {
        tg_html_raw(out, " href=\"mailto:");
        tg_html_text(out, text);
        tg_html_raw(out, "\"");
    }
    tg_html_raw(out, ">");
    tg_html_text(out, text);
    tg_html_raw(out, "</a>");
}

static void
end(struct tg_http_response *res, const struct tg_settings *settings,
    int status)
{
    struct tg_buf *out = &res->body;

    tg_html_raw(out, "</main>\n<footer>");
    if (settings->portal.support_contact != NULL) {
        tg_html_raw(out, "Need help? ");
        contact(out, settings->portal.support_contact);
    } else {
        tg_html_raw(out, "Need help? Ask the seller, by the contact on the"
            " product's page in AWS Marketplace.");
    }
    tg_html_raw(out, "</footer>\n");
    tg_html_end(out);
    tg_html_reply(res, status);
}

void
tg_page_home(struct tg_http_response *res,
    const struct tg_settings *settings)
{
    size_t         i;
    struct tg_buf *out = &res->body;

    begin(res, "API keys for AWS Marketplace buyers");
    tg_html_raw(out, "<p>This site gives its API key to whoever bought one of"
        " our APIs in AWS Marketplace.</p>\n");
    if (settings->product_count > 0) {
        tg_html_raw(out, "<ul>\n");
        for (i = 0; i < settings->product_count; i++) {
            tg_html_element(out, "li", settings->products[i].name);
        }
        tg_html_raw(out, "</ul>\n");
    }
    tg_html_raw(out, "<p>To get your key, open the product under"
        " <em>Manage subscriptions</em> in AWS Marketplace and choose"
        " <em>Set up your account</em>.</p>\n");
    end(res, settings, 200);
}

void
tg_page_explain(struct tg_http_response *res,
    const struct tg_settings *settings)
{
    begin(res, "Come here from AWS Marketplace");
    tg_html_raw(&res->body, "<p>This page is where AWS Marketplace sends you"
        " after you have subscribed. Open the product under <em>Manage"
        " subscriptions</em> in AWS Marketplace and choose <em>Set up your"
        " account</em>; it brings you back here, and you receive your API"
        " key at once.</p>\n");
    end(res, settings, 200);
}

void
tg_page_problem(struct tg_http_response *res,
    const struct tg_settings *settings, int status, const char *title,
    const char *advice)
{
    begin(res, title);
    tg_html_element(&res->body, "p", advice);
    tg_html_raw(&res->body, "\n");
    end(res, settings, status);
}

void
tg_page_address(struct tg_http_response *res,
    const struct tg_settings *settings, int status, const char *product,
    const char *registration, const char *email, const char *complaint)
{
    struct tg_buf *out = &res->body;

    begin(res, "Set up your account");
    tg_html_raw(out, "<p>AWS Marketplace has confirmed your subscription to"
        " <strong>");
    tg_html_text(out, product);
    tg_html_raw(out, "</strong>. Where may we write to you about it? You"
        " receive your API key on the next page.</p>\n"
        "<form method=\"post\" action=\"/register/complete\">\n"
        "<input type=\"hidden\" name=\"registration\"");
    tg_html_attr(out, "value", registration);
    tg_html_raw(out, ">\n<label for=\"email\">E-mail address</label>\n"
        "<input id=\"email\" type=\"email\" name=\"email\" maxlength=\"254\""
        " autocomplete=\"email\" required");
    tg_html_attr(out, "value", email);
    tg_html_raw(out, ">\n");
    if (complaint != NULL) {
        tg_html_raw(out, "<p class=\"complaint\" role=\"alert\">");
        tg_html_text(out, complaint);
        tg_html_raw(out, "</p>\n");
    }
    tg_html_raw(out, "<button>Get my API key</button>\n</form>\n");
    end(res, settings, status);
}

/* Text inside single quotes of a shell. */
static void
shell_text(struct tg_buf *out, const char *text)
{
    char one[2] = { 0, 0 };

    for (; *text != '\0'; text++) {
        one[0] = *text;
        tg_html_text(out, *text == '\'' ? "'\\''" : one);
    }
}

void
tg_page_key(struct tg_http_response *res, const struct tg_settings *settings,
    const char *product, const char *api_key, const char *example_url)
{
    struct tg_buf *out = &res->body;

    begin(res, "Your API key");
    tg_html_raw(out, "<p>This is your key for <strong>");
    tg_html_text(out, product);
    tg_html_raw(out, "</strong>. It works from now on, and every call with it"
        " is billed to your AWS account. Keep it secret.</p>\n"
        "<pre id=\"api-key\">");
    tg_html_text(out, api_key);
    tg_html_raw(out, "</pre>\n<p>Send it in the header"
        " <code>x-api-key</code>:</p>\n");
    if (example_url != NULL) {
        tg_html_raw(out, "<pre id=\"example\">curl -H &#39;x-api-key: ");
        shell_text(out, api_key);
        tg_html_raw(out, "&#39; &#39;");
        shell_text(out, example_url);
        tg_html_raw(out, "&#39;</pre>\n");
    }
    tg_html_raw(out, "<p>You can come back for it any time: choose <em>Set up"
        " your account</em> in AWS Marketplace again.</p>\n");
    end(res, settings, 200);
}
