/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/adjust.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/trail.h"
#include "billing/memo.h"
#include "billing/record_json.h"
#include "billing/records.h"
#include "core/hours.h"
#include "core/ledger.h"
#include "core/unbillable.h"
#include "util/clock.h"
#include "util/digest.h"

#define ID_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"       \
    "0123456789-_."
#define MESSAGE_SIZE 640
#define REASON_SIZE 320
#define ACTOR "operator"

/* One correction under way. */
struct work {
    struct tg_store            *store;
    const struct tg_settings   *settings;
    const struct tg_adjustment *a;
    char                        id[TG_ADJUST_ID_MAX + 1];
    const char                 *dimension;
    char                        product_code[256];
    char                        state[16]; /* of the agreement */
    int64_t                     open_hour; /* a->hour while it is open */
    int64_t                     holds;     /* units in that */
    const char                 *action;
    int64_t                     changed; /* units, with their sign */
    int64_t                     rest;
    bool                        is_applied;
    json_t                     *record;
    char                        message[MESSAGE_SIZE];
    int64_t                     now_s;
    struct tg_error            *err;
};

/*
 * ---- what is asked for
 */

/* The id that the same words always give (J2). */
static void
derive_id(struct work *w)
{
    char          hex[2 * TG_SHA256_SIZE + 1];
    uint8_t       digest[TG_SHA256_SIZE];
    struct tg_buf text;

    tg_buf_init(&text, 4096);
    (void) tg_buf_printf(&text, "%s\n%s\n%" PRId64 "\n%" PRId64 "\n%s",
        w->a->agreement_id, w->dimension, w->a->hour, w->a->units,
        w->a->reason);
    tg_sha256(digest, text.data, text.len);
    tg_hex(hex, digest, sizeof(digest));
    (void) snprintf(w->id, sizeof(w->id), "adj-%.24s", hex);
    tg_buf_clear(&text);
}

static enum tg_status
check(struct work *w)
{
    const struct tg_adjustment *a = w->a;

    if (a->units == 0 || a->units < -TG_LEDGER_QUANTITY_MAX
        || a->units > TG_LEDGER_QUANTITY_MAX)
    {
        return tg_error_set(w->err, TG_INVALID, "units: expected a number"
            " from -2147483647 to 2147483647, not 0");
    }
    if (a->reason == NULL || a->reason[strspn(a->reason, " \t")] == '\0'
        || strlen(a->reason) > TG_ADJUST_REASON_MAX)
    {
        return tg_error_set(w->err, TG_INVALID, "reason: say why, in at most"
            " %d bytes", TG_ADJUST_REASON_MAX);
    }
    if (a->id != NULL && (a->id[0] == '\0'
            || strlen(a->id) > TG_ADJUST_ID_MAX
            || a->id[strspn(a->id, ID_CHARS)] != '\0'))
    {
        return tg_error_set(w->err, TG_INVALID, "id: expected up to %d"
            " letters, digits, '-', '_' and '.'", TG_ADJUST_ID_MAX);
    }
    if (a->hour < 0 || a->hour % TG_HOUR_S != 0) {
        return tg_error_set(w->err, TG_INVALID, "hour: expected the start of"
            " an hour, UTC");
    }
    if (a->hour > w->now_s) {
        return tg_error_set(w->err, TG_INVALID, "hour: has not begun yet");
    }
    return TG_OK;
}

static enum tg_status
read_agreement(struct work *w)
{
    int64_t         activated_s = 0;
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(w->store, &q, w->err, "SELECT product_code,"
        " state, activated_s FROM agreement WHERE id = $1", "s",
        w->a->agreement_id);
    if (status == TG_OK) {
        status = tg_stmt_next(q, w->err);
    }
    if (status == TG_OK) {
        (void) snprintf(w->product_code, sizeof(w->product_code), "%s",
            tg_stmt_text(q, 0));
        (void) snprintf(w->state, sizeof(w->state), "%s",
            tg_stmt_text(q, 1));
        activated_s = tg_stmt_int(q, 2);
    }
    tg_stmt_done(q);
    if (status == TG_NOTFOUND) {
        return tg_error_set(w->err, TG_NOTFOUND, "there is no agreement"
            " \"%s\"", w->a->agreement_id);
    }
    if (status == TG_OK && w->a->hour + TG_HOUR_S <= activated_s) {
        return tg_error_set(w->err, TG_INVALID, "hour: the agreement became"
            " active after it, so nothing of it can be billed");
    }
    return status;
}

static enum tg_status
choose_dimension(struct work *w)
{
    size_t                   i;
    const struct tg_product *product = tg_settings_product(w->settings,
        w->product_code);

    if (product != NULL && product->model == TG_PRODUCT_MODEL_CONTRACT) {
        return tg_error_set(w->err, TG_INVALID, "%s",
            tg_unbillable_text(TG_UNBILLABLE_CONTRACT));
    }
    w->dimension = tg_settings_dimension(w->settings, w->product_code);
    if (w->a->dimension == NULL
        || strcmp(w->a->dimension, w->dimension) == 0)
    {
        return TG_OK;
    }
    for (i = 0; product != NULL && i < product->dimension_count; i++) {
        if (strcmp(product->dimensions[i], w->a->dimension) == 0) {
            w->dimension = w->a->dimension;
            return TG_OK;
        }
    }
    return tg_error_set(w->err, TG_INVALID, "dimension: product %s has none"
        " that is called \"%s\"", w->product_code, w->a->dimension);
}

/* J2: TG_OK with is_there when the same was done before. */
static enum tg_status
find_done(struct work *w, bool *is_there)
{
    bool            is_same = false;
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_store_query(w->store, &q, w->err, "SELECT agreement_id,"
        " dimension, hour, reason, quantity, billed_hour FROM"
        " ledger_adjustment WHERE id = $1", "s", w->id);
    if (status == TG_OK) {
        status = tg_stmt_next(q, w->err);
    }
    *is_there = status == TG_OK;
    if (*is_there) {
        is_same = strcmp(tg_stmt_text(q, 0), w->a->agreement_id) == 0
            && strcmp(tg_stmt_text(q, 1), w->dimension) == 0
            && tg_stmt_int(q, 2) == w->a->hour
            && strcmp(tg_stmt_text(q, 3), w->a->reason) == 0
            && (tg_stmt_int(q, 4) > 0) == (w->a->units > 0)
            && (tg_stmt_int(q, 4) == w->a->units
                || tg_stmt_int(q, 5) != w->a->hour);
        w->changed = tg_stmt_int(q, 4);
        w->open_hour = tg_stmt_int(q, 5);
    }
    tg_stmt_done(q);
    if (*is_there && !is_same) {
        return tg_error_set(w->err, TG_CONFLICT, "id: another adjustment was"
            " made under \"%s\"", w->id);
    }
    return status == TG_NOTFOUND ? TG_OK : status;
}

/* The hour's record, NULL where there is none, and the hour that is open. */
static enum tg_status
read_hour(struct work *w)
{
    int64_t         through = 0;
    json_t         *list = json_array();
    enum tg_status  status;
    struct tg_stmt *q = NULL;

    status = tg_memo_get_int(w->store, &through, TG_MEMO_SEALED_THROUGH,
        w->err);
    if (status == TG_OK || status == TG_NOTFOUND) {
        status = tg_record_open_hour(w->store, &w->open_hour,
            w->a->agreement_id, w->dimension, w->a->hour, through, w->now_s,
            w->err);
    }
    if (status == TG_OK) {
        status = tg_usage_sum(w->store, &w->holds, w->a->agreement_id,
            w->dimension, w->open_hour, w->err);
    }
    if (status == TG_OK) {
        status = tg_store_query(w->store, &q, w->err, "SELECT "
            TG_RECORD_JSON_COLUMNS_ALL " FROM ledger_record WHERE"
            " agreement_id = $1 AND dimension = $2 AND hour = $3", "ssi",
            w->a->agreement_id, w->dimension, w->a->hour);
        status = tg_record_json_rows(list, q, status, tg_record_json_all,
            w->err);
    }
    w->record = json_incref(json_array_get(list, 0));
    json_decref(list);
    return status;
}

/*
 * ---- doing it
 */

static enum tg_status
append_audit(struct work *w)
{
    json_t *request = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:s}", "id",
        w->id, "agreementId", w->a->agreement_id, "dimension", w->dimension,
        "hour", (json_int_t) w->a->hour, "billedHour",
        (json_int_t) w->open_hour, "units", (json_int_t) w->changed,
        "reason", w->a->reason);
    enum tg_status         status;
    struct tg_audit_record record = {
        .time_s = w->now_s,
        .event_source = TG_AUDIT_SOURCE_TALLYGATE,
        .event_name = "AdjustLedger",
        .region = w->settings->marketplace.region,
        .account_id = w->settings->account_id,
        .identity = tg_audit_self(w->settings->account_id, ACTOR),
        .request = request,
        .resource_type = "tallygate:agreement",
        .resource_name = w->a->agreement_id,
    };

    status = request == NULL
        ? tg_error_set(w->err, TG_NOMEM, "out of memory")
        : tg_audit_append(w->store, &record, w->err);
    json_decref(request);
    return status;
}

/* Changes the open hour by w->changed units: J3, J4. */
static enum tg_status
apply(struct work *w)
{
    char                reason[REASON_SIZE];
    int64_t             source;
    enum tg_status      status;
    struct tg_usage_row row = { .node = "",
        .agreement_id = w->a->agreement_id, .product_code = w->product_code,
        .dimension = w->dimension, .hour = w->open_hour,
        .used_hour = w->a->hour, .key_id = "", .plan_id = "",
        .reason = reason };

    if (w->changed > 0) {
        (void) snprintf(reason, sizeof(reason), "added by adjustment %s: %s",
            w->id, w->a->reason);
        status = tg_usage_add(w->store, &row, w->changed, &source,
            w->err);
    } else {
        (void) snprintf(reason, sizeof(reason), "%s %s: %s",
            tg_unbillable_text(TG_UNBILLABLE_TAKEN), w->id, w->a->reason);
        status = tg_usage_take_off(w->store, w->a->agreement_id,
            w->dimension, w->open_hour, -w->changed, reason, w->err);
    }
    if (status == TG_OK) {
        status = tg_store_exec(w->store, w->err, "INSERT INTO"
            " ledger_adjustment (id, agreement_id, dimension, hour,"
            " billed_hour, quantity, reason, actor, at_s)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", "sssiiissi",
            w->id, w->a->agreement_id, w->dimension, w->a->hour,
            w->open_hour, w->changed, w->a->reason, ACTOR, w->now_s);
    }
    if (status == TG_OK) {
        status = append_audit(w);
    }
    w->is_applied = status == TG_OK && !w->a->is_dry;
    return status;
}

static void TG_PRINTF(2, 3)
say(struct work *w, const char *fmt, ...)
{
    size_t  used = strlen(w->message);
    va_list args;

    va_start(args, fmt);
    (void) vsnprintf(w->message + used, sizeof(w->message) - used, fmt,
        args);
    va_end(args);
}

/* The hour is open: J1. */
static enum tg_status
adjust_open(struct work *w)
{
    if (w->holds + w->a->units < 0) {
        return tg_error_set(w->err, TG_INVALID, "units: the hour holds %"
            PRId64 " units, no more can be taken from it", w->holds);
    }
    w->action = "adjusted";
    w->changed = w->a->units;
    say(w, "%s the hour, which is open: it holds %" PRId64 " units %s %"
        PRId64, w->a->is_dry ? "would change" : "changed",
        w->holds + w->a->units, w->a->is_dry ? "then instead of"
                                             : "now instead of", w->holds);
    return apply(w);
}

/* What the sealed hour's record says, in words. */
static void
say_sealed(struct work *w)
{
    char time[TG_ISO8601_SIZE];

    tg_iso8601(time, w->a->hour);
    if (w->record == NULL) {
        say(w, "the hour %s is sealed without a record: ", time);
        return;
    }
    say(w, "the hour %s is %s with %" JSON_INTEGER_FORMAT " units, which do"
        " not change: ", time,
        json_string_value(json_object_get(w->record, "state")),
        json_integer_value(json_object_get(w->record, "quantity")));
}

/* The hour is sealed, and the agreement can be billed for later ones. */
static enum tg_status
carry_forward(struct work *w)
{
    char    time[TG_ISO8601_SIZE];
    int64_t wanted = -w->a->units;

    tg_iso8601(time, w->open_hour);
    w->changed = w->a->units;
    if (wanted > w->holds) {
        w->changed = -w->holds; /* J1 */
        w->rest = wanted - w->holds;
    }
    w->action = w->changed != 0 ? "carried_forward" : "refund";
    if (w->changed > 0) {
        say(w, "%" PRId64 " units are billed in the open hour %s instead",
            w->changed, time);
    } else if (w->changed < 0) {
        say(w, "%" PRId64 " units are taken from the open hour %s instead",
            -w->changed, time);
    }
    if (w->rest > 0) {
        say(w, "%s%" PRId64 " units are more than the open hour %s holds:"
            " try again for the rest when more was used, or ask AWS"
            " Marketplace for a refund with the figures below",
            w->changed != 0 ? "; the other " : "", w->rest, time);
    }
    if (w->changed != 0 && !w->a->carry_forward) {
        w->action = "needs_carry_forward";
        say(w, ". Nothing was changed: say --carry-forward to do so");
        w->changed = 0;
    }
    return w->changed != 0 ? apply(w) : TG_OK;
}

static enum tg_status
adjust_sealed(struct work *w)
{
    say_sealed(w);
    if (strcmp(w->state, "active") == 0) {
        return carry_forward(w);
    }
    w->rest = w->a->units < 0 ? -w->a->units : 0;
    w->action = w->a->units < 0 ? "refund" : "not_billable";
    say(w, "the agreement is %s, so no later hour can be changed; %s",
        w->state, w->a->units < 0 ? "ask AWS Marketplace for a refund with"
        " the figures below" : "the units cannot be billed");
    return TG_OK;
}

/*
 * ---- the answer
 */

/* What a request to AWS Marketplace needs to say; null where none is due. */
static json_t *
refund_figures(const struct work *w)
{
    json_int_t billed = json_integer_value(json_object_get(w->record,
        "quantity"));
    static const char *const members[] = { "productCode", "dimension",
        "hour", "timestamp", "customerAWSAccountId", "licenseArn",
        "customerIdentifier", "meteringRecordId", "requestId" };
    size_t  i;
    json_t *out;

    if (w->rest == 0 || w->record == NULL) {
        return json_null();
    }
    if (!json_is_null(json_object_get(w->record, "amazonQuantity"))) {
        billed = json_integer_value(json_object_get(w->record,
            "amazonQuantity"));
    }
    out = json_pack("{s:I, s:I, s:I}", "billedQuantity", billed,
        "rightQuantity", billed - (json_int_t) w->rest, "refundQuantity",
        (json_int_t) w->rest);
    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        (void) json_object_set(out, members[i],
            json_object_get(w->record, members[i]));
    }
    return out;
}

static json_t *
make_answer(const struct work *w)
{
    return json_pack("{s:s, s:b, s:b, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:I,"
        " s:I, s:I, s:O?, s:o}", "action", w->action, "applied",
        w->is_applied, "dryRun", w->a->is_dry, "message", w->message, "id",
        w->id, "agreementId", w->a->agreement_id, "dimension", w->dimension,
        "hour", (json_int_t) w->a->hour, "units", (json_int_t) w->a->units,
        "reason", w->a->reason, "billedHour", (json_int_t) w->open_hour,
        "changed", (json_int_t) w->changed, "rest", (json_int_t) w->rest,
        "record", w->record, "refund", refund_figures(w));
}

/* Everything between begin and commit. */
static enum tg_status
run(struct work *w)
{
    bool           is_done = false;
    enum tg_status status = read_agreement(w);

    if (status == TG_OK) {
        status = choose_dimension(w);
    }
    if (status == TG_OK && w->a->id != NULL) {
        (void) snprintf(w->id, sizeof(w->id), "%s", w->a->id);
    } else if (status == TG_OK) {
        derive_id(w);
    }
    if (status == TG_OK) {
        status = find_done(w, &is_done);
    }
    if (status == TG_OK && is_done) {
        w->action = "done_before";
        say(w, "this adjustment was made before; nothing was changed now. If"
            " the same is meant a second time, give it another --id");
        return TG_OK;
    }
    if (status == TG_OK) {
        status = read_hour(w);
    }
    if (status == TG_OK) {
        status = w->open_hour == w->a->hour ? adjust_open(w)
                                            : adjust_sealed(w);
    }
    return status;
}

enum tg_status
tg_adjust(struct tg_store *s, json_t **answer,
    const struct tg_adjustment *adjustment,
    const struct tg_settings *settings, int64_t now_s, struct tg_error *err)
{
    enum tg_status status;
    struct work    w = { .store = s, .settings = settings, .a = adjustment,
        .now_s = now_s, .err = err };

    *answer = NULL;
    status = check(&w);
    if (status == TG_OK) {
        status = tg_store_begin(s, TG_STORE_DURABLE, err);
    }
    if (status == TG_OK) {
        status = run(&w);
    }
    if (status == TG_OK && w.is_applied) {
        status = tg_store_commit(s, err);
    }
    tg_store_rollback(s);
    if (status == TG_OK) {
        *answer = make_answer(&w);
        status = *answer != NULL ? TG_OK
            : tg_error_set(err, TG_NOMEM, "out of memory");
    }
    json_decref(w.record);
    return status;
}
