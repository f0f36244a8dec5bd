/*
 * catalog.c - products are listed, bought and cancelled
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "sandbox/answer.h"
#include "sandbox/market.h"
#include "sandbox/members.h"
#include "util/digest.h"

#define CODE_MAX 255
#define DIMENSIONS_MAX 200
#define URL_MAX 2048
#define TOKEN_BYTES 64
#define SELLER_ACCOUNT "294406891311" /* AWS Marketplace's own */
#define CODE_LETTERS                                                          \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"          \
    "-/=:_.@"

/*
 * ---- products
 */

/* One of choices, the first when absent. */
static bool
read_choice(const char **out, struct tg_answer *a, const struct tg_member *m,
    const char *const choices[3])
{
    if (!tg_member_text(out, a, m, 1, CODE_MAX)) {
        return false;
    }
    if (*out == NULL) {
        *out = choices[0];
    }
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(*out, choices[i]) == 0) {
            return true;
        }
    }
    return tg_member_refuse(a, m,
        "Member must satisfy enum value set: [%s, %s, %s]", choices[0],
        choices[1], choices[2]);
}

static bool
is_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char) *text < ' ' || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

/* A copy of the dimensions, checked: {"name", "entitled"?}. */
static bool
read_dimensions(json_t **out, struct tg_answer *a, const json_t *request)
{
    const json_t    *list, *entry;
    int64_t          entitled;
    const char      *name;
    size_t           i;
    struct tg_member m = { request, "", "dimensions", true };
    struct tg_member in = { NULL, "dimensions", "name", true };
    json_t          *seen = json_object();

    *out = json_array();
    if (!tg_member_list(&list, a, &m, 1, DIMENSIONS_MAX)) {
        goto fail;
    }
    json_array_foreach(list, i, entry) {
        in.object = entry;
        in.name = "name";
        in.is_required = true;
        if (!tg_member_text(&name, a, &in, 1, CODE_MAX)) {
            goto fail;
        }
        if (!is_printable(name) || json_object_get(seen, name) != NULL) {
            (void) tg_member_refuse(a, &in,
                "Member must be printable and unique");
            goto fail;
        }
        in.name = "entitled";
        in.is_required = false;
        entitled = -1;
        if (!tg_member_integer(&entitled, a, &in, 0, INT32_MAX)) {
            goto fail;
        }
        (void) json_object_set_new(seen, name, json_true());
        (void) json_array_append_new(*out, json_pack("{s:s}", "name", name));
        if (entitled >= 0) {
            (void) json_object_set_new(json_array_get(*out, i), "entitled",
                json_integer(entitled));
        }
    }
    json_decref(seen);
    return true;
fail:
    json_decref(seen);
    json_decref(*out);
    *out = NULL;
    return false;
}

static bool
read_code(char code[CODE_MAX + 1], struct tg_answer *a, const json_t *request)
{
    const char      *given;
    struct tg_member m = { request, "", "productCode", false };

    if (!tg_member_text(&given, a, &m, 1, CODE_MAX)) {
        return false;
    }
    if (given == NULL) {
        tg_random_text(code, 25, TG_ALPHABET_ID);
        return true;
    }
    if (given[strspn(given, CODE_LETTERS)] != '\0') {
        return tg_member_refuse(a, &m, "Member must satisfy regular "
            "expression pattern: ^[-a-zA-Z0-9/=:_.@]*$");
    }
    strcpy(code, given);
    return true;
}

static bool
read_url(const char **url, struct tg_answer *a, const json_t *request,
    const char *fulfilment_url)
{
    struct tg_member m = { request, "", "fulfilmentUrl", false };

    if (!tg_member_text(url, a, &m, 1, URL_MAX)) {
        return false;
    }
    if (*url == NULL) {
        *url = fulfilment_url;
    }
    if (strncmp(*url, "http://", 7) != 0 && strncmp(*url, "https://", 8) != 0)
    {
        return tg_member_refuse(a, &m, "Member must be an http or https URL");
    }
    return true;
}

void
tg_market_list_product(struct tg_answer *a, const struct tg_market *m,
    const json_t *request, const char *fulfilment_url)
{
    static const char *const models[3]
        = { "subscription", "contract", "contract-with-consumption" };
    static const char *const identities[3]
        = { "license", "account", "customer" };
    char             code[CODE_MAX + 1];
    const char      *name, *model, *identity, *url;
    json_t          *dimensions, *product;
    struct tg_member name_m = { request, "", "name", true };
    struct tg_member model_m = { request, "", "model", true };
    struct tg_member identity_m = { request, "", "identity", false };

    (void) m;
    if (!read_code(code, a, request)
        || !tg_member_text(&name, a, &name_m, 1, CODE_MAX)
        || !read_choice(&model, a, &model_m, models)
        || !read_choice(&identity, a, &identity_m, identities)
        || !read_url(&url, a, request, fulfilment_url)
        || !read_dimensions(&dimensions, a, request))
    {
        return;
    }
    product = json_pack("{s:s, s:s, s:s, s:o, s:s, s:s}", "productCode", code,
        "name", name, "model", model, "dimensions", dimensions, "identity",
        identity, "fulfilmentUrl", url);
    tg_answer_set(a, product,
        json_pack("{s:s, s:O}", "event", "product", "product", product));
}

/*
 * ---- purchases
 */

/*
 * Opaque, as Amazon's: base64 of random bytes, with every character that a
 * form has to encode.
 */
static void
make_token(char out[4 * ((TOKEN_BYTES + 2) / 3) + 1])
{
    uint8_t bytes[TOKEN_BYTES];

    do {
        tg_random(bytes, sizeof(bytes));
        tg_base64(out, bytes, sizeof(bytes));
    } while (strpbrk(out, "+") == NULL || strpbrk(out, "/") == NULL);
}

static json_t *
purchase_body(const struct tg_market *m, const json_t *agreement,
    const char *token)
{
    const json_t *product
        = tg_market_product(m, tg_text(agreement, "productCode"));

    return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s, s:s}", "agreementId",
        tg_text(agreement, "agreementId"), "productCode",
        tg_text(agreement, "productCode"), "customerAWSAccountId",
        tg_text(agreement, "customerAWSAccountId"), "licenseArn",
        tg_text(agreement, "licenseArn"), "customerIdentifier",
        tg_text(agreement, "customerIdentifier"), "token", token,
        "registrationUrl", tg_text(product, "fulfilmentUrl"));
}

static bool
read_account(char account[13], struct tg_answer *a, const json_t *request)
{
    const char      *given;
    struct tg_member m = { request, "", "customerAWSAccountId", false };

    if (!tg_member_text(&given, a, &m, 12, 12)) {
        return false;
    }
    if (given == NULL) {
        tg_random_text(account, 1, "123456789");
        tg_random_text(account + 1, 11, "0123456789");
        return true;
    }
    if (given[strspn(given, "0123456789")] != '\0') {
        return tg_member_refuse(a, &m,
            "Member must satisfy regular expression pattern: ^[0-9]+$");
    }
    strcpy(account, given);
    return true;
}

/*
 * The account's agreements on the product.  The customer's identifier stays
 * the same from agreement to agreement; an active one is *active.
 */
static const char *
look_back(const json_t **active, const struct tg_market *m, const char *code,
    const char *account)
{
    char          key[TG_KEY_MAX];
    const char   *customer = NULL;
    const json_t *agreement;
    size_t        i;

    *active = NULL;
    json_array_foreach(json_object_get(m->by_account,
        tg_market_key(key, code, account)), i, agreement)
    {
        customer = tg_text(agreement, "customerIdentifier");
        if (tg_agreement_is_active(agreement)) {
            *active = agreement;
        }
    }
    return customer;
}

static json_t *
new_agreement(const json_t *product, const char *account,
    const char *customer, int64_t now_s)
{
    char id[26], license[33], random[11];
    uint8_t bytes[16];

    tg_random_text(id, 25, TG_ALPHABET_ID);
    tg_random(bytes, sizeof(bytes));
    tg_hex(license, bytes, sizeof(bytes));
    if (customer == NULL && !tg_product_sold_by(product, "license")) {
        tg_random_text(random, 10, TG_ALPHABET_KEY);
        customer = random;
    }
    return json_pack("{s:s+, s:s, s:s, s:s+, s:s?, s:I}", "agreementId",
        "agmt-", id, "productCode", tg_text(product, "productCode"),
        "customerAWSAccountId", account, "licenseArn",
        "arn:aws:license-manager::" SELLER_ACCOUNT ":license:l-", license,
        "customerIdentifier", customer, "activatedAt", (json_int_t) now_s);
}

/* A new token for an agreement that is there. */
static void
set_up_again(struct tg_answer *a, const struct tg_market *m,
    const json_t *agreement, int64_t now_s)
{
    char token[4 * ((TOKEN_BYTES + 2) / 3) + 1];

    make_token(token);
    tg_answer_set(a, purchase_body(m, agreement, token),
        json_pack("{s:s, s:s, s:s, s:I}", "event", "token", "agreementId",
            tg_text(agreement, "agreementId"), "token", token, "at",
            (json_int_t) now_s));
}

void
tg_market_buy(struct tg_answer *a, const struct tg_market *m,
    const json_t *request, int64_t now_s)
{
    char             account[13];
    char             token[4 * ((TOKEN_BYTES + 2) / 3) + 1];
    const char      *code, *customer;
    const json_t    *active, *product;
    json_t          *agreement;
    struct tg_member code_m = { request, "", "productCode", true };

    if (!tg_member_text(&code, a, &code_m, 1, CODE_MAX)
        || !read_account(account, a, request))
    {
        return;
    }
    product = tg_market_product(m, code);
    if (product == NULL) {
        (void) tg_answer_refuse(a, "InvalidProductCodeException",
            "no product with that code is listed");
        return;
    }
    customer = look_back(&active, m, code, account);
    if (active != NULL && !tg_product_sold_by(product, "license")) {
        /* Only licences allow concurrent agreements of one account. */
        set_up_again(a, m, active, now_s);
        return;
    }
    make_token(token);
    agreement = new_agreement(product, account, customer, now_s);
    tg_answer_set(a, purchase_body(m, agreement, token),
        json_pack("{s:s, s:o, s:s, s:I}", "event", "purchase", "agreement",
            agreement, "token", token, "at", (json_int_t) now_s));
}

static const json_t *
find_agreement(struct tg_answer *a, const struct tg_market *m,
    const char *agreement_id)
{
    const json_t *agreement = json_object_get(m->agreements, agreement_id);

    if (agreement == NULL) {
        (void) tg_answer_refuse(a, "ResourceNotFoundException",
            "there is no agreement with that id");
    }
    return agreement;
}

void
tg_market_cancel(struct tg_answer *a, const struct tg_market *m,
    const char *agreement_id, int64_t now_s)
{
    const json_t *agreement = find_agreement(a, m, agreement_id);
    json_t       *at;

    if (agreement == NULL) {
        return;
    }
    at = json_object_get(agreement, "cancelledAt");
    if (at != NULL) { /* a second cancellation moves nothing */
        tg_answer_set(a, json_pack("{s:s, s:O}", "agreementId", agreement_id,
            "cancelledAt", at), NULL);
        return;
    }
    tg_answer_set(a,
        json_pack("{s:s, s:I}", "agreementId", agreement_id, "cancelledAt",
            (json_int_t) now_s),
        json_pack("{s:s, s:s, s:I}", "event", "cancel", "agreementId",
            agreement_id, "at", (json_int_t) now_s));
}

void
tg_market_new_token(struct tg_answer *a, const struct tg_market *m,
    const char *agreement_id, int64_t now_s)
{
    const json_t *agreement = find_agreement(a, m, agreement_id);

    if (agreement != NULL) {
        set_up_again(a, m, agreement, now_s);
    }
}
