/*
 * metering.c - BatchMeterUsage
 *
 * In three steps: the request is read (types and the model's constraints);
 * every record is checked, and one that is wrong fails the whole batch
 * (tg_answer_refuse, nothing recorded); then each record gets its own status.
 *
 * Rules where Amazon's documents are silent are marked "ours"; they are
 * listed in docs/guide/sandbox.md.
 *
 * https://docs.aws.amazon.com/marketplace/latest/APIReference/
 * API_marketplace-metering_BatchMeterUsage.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sandbox/allocations.h"
#include "sandbox/answer.h"
#include "sandbox/market.h"
#include "sandbox/members.h"
#include "util/digest.h"

#define RECORDS_MAX 25
#define HOUR_S 3600
#define DAY_S 86400
#define MONTH_GRACE_S (6 * HOUR_S)

/* By what a record names its buyer; each counts under keys of its own. */
enum mode { MODE_LICENSE, MODE_ACCOUNT, MODE_CUSTOMER };

struct usage {
    char          where[TG_WHERE_MAX]; /* usageRecords.1.member */
    const json_t *record;
    double        timestamp;
    const char   *dimension;
    int64_t       quantity;
    const char   *account;
    const char   *customer;
    const char   *license;
    enum mode     mode;
    const json_t *product;
    const json_t *agreement; /* NULL: the buyer is not subscribed */
};

struct batch {
    const struct tg_market *market;
    int64_t                 now_s;
    const char             *product_code; /* NULL: none was given */
    struct usage            usages[RECORDS_MAX];
    size_t                  count;
    json_t                 *fresh; /* key -> record, not yet in the market */
    json_t                 *entries; /* of the event */
    json_t                 *results;
};

/*
 * ---- reading
 */

static bool
read_usage(struct usage *u, struct tg_answer *a)
{
    struct {
        const char **out;
        const char  *name;
        bool         is_required;
        size_t       min, max;
    } texts[] = {
        { &u->dimension, "Dimension", true, 1, 255 },
        { &u->account, "CustomerAWSAccountId", false, 1, 255 },
        { &u->customer, "CustomerIdentifier", false, 0, 255 },
        { &u->license, "LicenseArn", false, 1, 1224 },
    };
    struct tg_member m = { u->record, u->where, "Timestamp", true };

    if (!tg_member_timestamp(&u->timestamp, a, &m)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        m.name = texts[i].name;
        m.is_required = texts[i].is_required;
        if (!tg_member_text(texts[i].out, a, &m, texts[i].min, texts[i].max))
        {
            return false;
        }
    }
    if (u->customer != NULL && *u->customer == '\0') {
        u->customer = NULL; /* as good as absent */
    }
    m.name = "CustomerAWSAccountId";
    if (u->account != NULL
        && u->account[strspn(u->account, "0123456789")] != '\0')
    {
        return tg_member_refuse(a, &m,
            "Member must satisfy regular expression pattern: ^[0-9]+$");
    }
    m.name = "Quantity";
    u->quantity = 0;
    return tg_member_integer(&u->quantity, a, &m, 0, INT32_MAX)
           && tg_allocations_check(a, u->record, u->where, u->quantity);
}

static bool
read_batch(struct batch *b, struct tg_answer *a, const json_t *request)
{
    const json_t    *list, *record;
    size_t           i;
    struct tg_member code_m = { request, "", "ProductCode", false };
    struct tg_member list_m = { request, "", "UsageRecords", true };

    if (!tg_member_text(&b->product_code, a, &code_m, 0, 255)
        || !tg_member_list(&list, a, &list_m, 0, RECORDS_MAX))
    {
        return false;
    }
    if (b->product_code != NULL && *b->product_code == '\0') {
        b->product_code = NULL;
    }
    json_array_foreach(list, i, record) {
        struct usage *u = &b->usages[b->count++];

        u->record = record;
        (void) snprintf(u->where, sizeof(u->where), "usageRecords.%zu.member",
            i + 1);
        if (!json_is_object(record)) {
            return tg_answer_refuse(a, "SerializationException",
                "Value at '%s' can not be converted to a Structure",
                u->where);
        }
        if (!read_usage(u, a)) {
            return false;
        }
    }
    return true;
}

/*
 * ---- who is meant
 */

static bool
refuse_ids(struct tg_answer *a, const struct usage *u, const char *why)
{
    return tg_answer_refuse(a, "ValidationException", "%s: %s", u->where,
        why);
}

/* Which identifiers stand together is documented; the error is ours. */
static bool
choose_mode(struct tg_answer *a, struct usage *u, const char *product_code)
{
    if (u->customer != NULL && (u->account != NULL || u->license != NULL)) {
        return refuse_ids(a, u, "CustomerIdentifier and CustomerAWSAccountId "
            "or LicenseArn are mutually exclusive");
    }
    if (u->license != NULL) {
        u->mode = MODE_LICENSE;
        if (u->account == NULL) {
            return refuse_ids(a, u,
                "LicenseArn requires CustomerAWSAccountId");
        }
        if (product_code != NULL) {
            return refuse_ids(a, u,
                "ProductCode must not be given with LicenseArn");
        }
        return true;
    }
    if (u->account == NULL && u->customer == NULL) {
        return refuse_ids(a, u, "one of CustomerAWSAccountId and "
            "CustomerIdentifier is required");
    }
    u->mode = u->account != NULL ? MODE_ACCOUNT : MODE_CUSTOMER;
    if (product_code == NULL) {
        return tg_answer_refuse(a, "InvalidProductCodeException",
            "ProductCode is required for a record without LicenseArn.");
    }
    return true;
}

/*
 * Of several agreements the one that began first among those that take
 * records.
 */
static const json_t *
pick_agreement(const json_t *list, int64_t now_s)
{
    const json_t *agreement, *best = NULL;
    size_t        i;

    json_array_foreach(list, i, agreement) {
        if (tg_agreement_takes_records(agreement, now_s)
            && (best == NULL
                || tg_agreement_activated_s(agreement)
                       < tg_agreement_activated_s(best)))
        {
            best = agreement;
        }
    }
    return best;
}

static bool
find_by_license(struct tg_answer *a, const struct batch *b, struct usage *u)
{
    const json_t *agreement = json_object_get(b->market->by_license,
        u->license);

    if (agreement == NULL
        || strcmp(tg_text(agreement, "customerAWSAccountId"), u->account)
               != 0)
    {
        return tg_answer_refuse(a, "InvalidLicenseException",
            "%s: the license is not valid, or not this customer's.",
            u->where);
    }
    u->product = tg_market_product(b->market,
        tg_text(agreement, "productCode"));
    if (u != b->usages && u->product != b->usages[0].product) {
        return tg_answer_refuse(a, "ValidationException", /* ours */
            "%s: all records of a request must be of one product", u->where);
    }
    if (tg_agreement_takes_records(agreement, b->now_s)) {
        u->agreement = agreement;
    }
    return true;
}

static bool
find_by_product(struct tg_answer *a, const struct batch *b, struct usage *u)
{
    bool          by_account = u->mode == MODE_ACCOUNT;
    char          key[TG_KEY_MAX];
    const json_t *list;

    u->product = tg_market_product(b->market, b->product_code);
    if (u->product == NULL) {
        return tg_answer_refuse(a, "InvalidProductCodeException",
            "The product code passed does not match the product code used "
            "for publishing the product.");
    }
    if (!by_account && tg_product_sold_by(u->product, "license")) {
        return tg_answer_refuse(a, "InvalidCustomerIdentifierException",
            "%s: this listing has no CustomerIdentifier.", u->where);
    }
    list = json_object_get(
        by_account ? b->market->by_account : b->market->by_customer,
        tg_market_key(key, b->product_code,
            by_account ? u->account : u->customer));
    if (list == NULL && !by_account) {
        return tg_answer_refuse(a, "InvalidCustomerIdentifierException",
            "%s: there is no such CustomerIdentifier.", u->where);
    }
    u->agreement = pick_agreement(list, b->now_s);
    return true;
}

/*
 * ---- what may be metered, and when
 */

static bool
check_dimension(struct tg_answer *a, const struct usage *u)
{
    if (tg_product_is(u->product, "contract")) {
        return tg_answer_refuse(a, "InvalidProductCodeException", /* ours */
            "A contract product is not metered.");
    }
    if (tg_product_dimension(u->product, u->dimension) == NULL) {
        return tg_answer_refuse(a, "InvalidUsageDimensionException",
            "%s: the usage dimension does not match one of the "
            "UsageDimensions associated with products.", u->where);
    }
    return true;
}

/* The first second of now's month. */
static int64_t
month_start(int64_t now_s)
{
    time_t    now = (time_t) now_s;
    struct tm tm;

    if (gmtime_r(&now, &tm) == NULL) {
        return now_s;
    }
    return now_s - (tm.tm_mday - 1) * (int64_t) DAY_S
           - tm.tm_hour * (int64_t) HOUR_S - tm.tm_min * 60 - tm.tm_sec;
}

/*
 * Younger than 24 hours; not of last month from 06:00 UTC of the first on;
 * not after now (ours).
 */
static bool
is_in_window(double timestamp, int64_t now_s)
{
    double  now = (double) now_s;
    int64_t month_s = month_start(now_s);

    return timestamp < now + 1.0 && now - timestamp < DAY_S
           && (timestamp >= (double) month_s
               || now_s < month_s + MONTH_GRACE_S);
}

static bool
check_time(struct tg_answer *a, const struct usage *u, int64_t now_s)
{
    if (!is_in_window(u->timestamp, now_s)) {
        return tg_answer_refuse(a, "TimestampOutOfBoundsException",
            "%s: the timestamp value passed in the UsageRecord is out of "
            "allowed range.", u->where);
    }
    if (u->agreement != NULL
        && u->timestamp < (double) tg_agreement_activated_s(u->agreement))
    {
        return u->mode == MODE_LICENSE
                   ? tg_answer_refuse(a, "InvalidLicenseException",
                         "%s: the usage lies before the license's "
                         "activation.", u->where)
                   : tg_answer_refuse(a, "TimestampOutOfBoundsException",
                         "%s: the usage lies before the start of the "
                         "subscription.", u->where);
    }
    return true;
}

static bool
check_usage(struct tg_answer *a, const struct batch *b, struct usage *u)
{
    return choose_mode(a, u, b->product_code)
           && (u->mode == MODE_LICENSE ? find_by_license(a, b, u)
                                       : find_by_product(a, b, u))
           && check_dimension(a, u) && check_time(a, u, b->now_s);
}

/*
 * ---- recording
 */

static int64_t
hour_of(const struct usage *u)
{
    return (int64_t) floor(u->timestamp / HOUR_S) * HOUR_S;
}

/* Under what the hour is recorded: licence, or product, and customer. */
static void
record_key(char out[2 * TG_KEY_MAX], const struct batch *b,
    const struct usage *u)
{
    static const char *const modes[] = { "license", "account", "customer" };
    bool by_license = u->mode == MODE_LICENSE;

    (void) snprintf(out, 2 * TG_KEY_MAX, "%s\n%s\n%s\n%s\n%lld",
        modes[u->mode], by_license ? u->license : b->product_code,
        u->mode == MODE_CUSTOMER ? u->customer : u->account, u->dimension,
        (long long) hour_of(u));
}

static json_t *
number(double value)
{
    return value == floor(value) ? json_integer((json_int_t) value)
                                 : json_real(value);
}

/*
 * What is billed: the members of GET /_sandbox/records.  The buyer is named
 * as the record named it.
 */
static json_t *
new_record(const struct usage *u)
{
    char    id[TG_UUID_SIZE];
    json_t *allocations = json_object_get(u->record, "UsageAllocations");
    json_t *record;

    tg_uuid(id);
    record = json_pack(
        "{s:s, s:s?, s:s?, s:s?, s:s, s:I, s:o, s:I, s:s}", "productCode",
        tg_text(u->product, "productCode"), "customerAWSAccountId",
        u->account, "licenseArn", u->license, "customerIdentifier",
        u->customer, "dimension", u->dimension, "hour",
        (json_int_t) hour_of(u), "timestamp", number(u->timestamp),
        "quantity", (json_int_t) u->quantity, "meteringRecordId", id);
    if (json_is_array(allocations)) {
        (void) json_object_set(record, "usageAllocations", allocations);
    }
    return record;
}

static bool
says_the_same(const json_t *record, const struct usage *u)
{
    const json_t *now = json_object_get(u->record, "UsageAllocations");
    const json_t *then = json_object_get(record, "usageAllocations");

    now = json_is_array(now) ? now : NULL;
    return json_integer_value(json_object_get(record, "quantity"))
               == u->quantity
           && (now == then
               || (now != NULL && then != NULL
                   && json_equal((json_t *) (uintptr_t) now,
                       (json_t *) (uintptr_t) then)));
}

static json_t *
echo(const struct usage *u)
{
    json_t *copy = json_copy((json_t *) (uintptr_t) u->record);

    (void) json_object_set_new(copy, "Timestamp", json_real(u->timestamp));
    return copy;
}

static void
add_result(struct batch *b, const struct usage *u, const char *status,
    const json_t *record)
{
    (void) json_array_append_new(b->results,
        json_pack("{s:o, s:s*, s:s}", "UsageRecord", echo(u),
            "MeteringRecordId",
            record != NULL ? tg_text(record, "meteringRecordId") : NULL,
            "Status", status));
}

/* The first record of a key is the one that is billed (M2). */
static void
settle(struct batch *b, const struct usage *u)
{
    char          key[2 * TG_KEY_MAX];
    const json_t *record;
    json_t       *fresh;

    if (u->agreement == NULL) {
        add_result(b, u, "CustomerNotSubscribed", NULL);
        return;
    }
    record_key(key, b, u);
    record = json_object_get(b->market->records, key);
    if (record == NULL) {
        record = json_object_get(b->fresh, key);
    }
    if (record != NULL) {
        bool same = says_the_same(record, u);

        add_result(b, u, same ? "Success" : "DuplicateRecord",
            same ? record : NULL);
        return;
    }
    fresh = new_record(u);
    add_result(b, u, "Success", fresh);
    (void) json_array_append_new(b->entries,
        json_pack("{s:s, s:O}", "key", key, "record", fresh));
    (void) json_object_set_new(b->fresh, key, fresh);
}

static void
settle_all(struct batch *b, struct tg_answer *a)
{
    json_t *event = NULL;

    b->fresh = json_object();
    b->entries = json_array();
    b->results = json_array();
    for (size_t i = 0; i < b->count; i++) {
        settle(b, &b->usages[i]);
    }
    if (json_array_size(b->entries) > 0) {
        event = json_pack("{s:s, s:O}", "event", "records", "records",
            b->entries);
    }
    tg_answer_set(a, json_pack("{s:o, s:[]}", "Results", b->results,
        "UnprocessedRecords"), event);
    json_decref(b->entries);
    json_decref(b->fresh);
}

void
tg_market_batch_meter_usage(struct tg_answer *a, const struct tg_market *m,
    const json_t *request, int64_t now_s)
{
    struct batch b = { .market = m, .now_s = now_s };

    if (!read_batch(&b, a, request)) {
        return;
    }
    for (size_t i = 0; i < b.count; i++) {
        if (!check_usage(a, &b, &b.usages[i])) {
            return;
        }
    }
    settle_all(&b, a);
}
