/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/faults.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sandbox/members.h"

#define TIMES_MAX 1000000
#define DELAY_MAX_MS 600000
#define AHEAD_MAX_S (10 * 365 * 86400)
#define HUGE_BYTES ((size_t) 4 * 1024 * 1024)

static const char *const names[] = {
    [TG_FAULT_THROTTLE] = "throttle",
    [TG_FAULT_INTERNAL] = "internal",
    [TG_FAULT_DELAY] = "delay",
    [TG_FAULT_LOSE_REPLY] = "lose-reply",
    [TG_FAULT_UNPROCESSED] = "unprocessed",
    [TG_FAULT_REFUSE] = "refuse",
    [TG_FAULT_TWICE] = "twice",
    [TG_FAULT_REORDER] = "reorder",
    [TG_FAULT_OMIT] = "omit",
    [TG_FAULT_GARBAGE] = "garbage",
    [TG_FAULT_CUT] = "cut",
    [TG_FAULT_HUGE] = "huge",
    [TG_FAULT_CLOCK] = "clock",
};
#define KINDS (sizeof(names) / sizeof(names[0]))

static const char *const operations[] = { "ResolveCustomer",
    "BatchMeterUsage", "GetEntitlements" };

const char *
tg_fault_name(enum tg_fault_kind kind)
{
    return names[kind];
}

static bool
read_operation(struct tg_fault *f, struct tg_answer *a, const json_t *request)
{
    const char      *text;
    struct tg_member m = { request, "", "operation", true };

    if (!tg_member_text(&text, a, &m, 1, TG_FAULT_STATUS_MAX - 1)) {
        return false;
    }
    strcpy(f->operation, text);
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(text, operations[i]) == 0) {
            return true;
        }
    }
    return tg_member_refuse(a, &m, "Member must satisfy enum value set: "
        "[ResolveCustomer, BatchMeterUsage, GetEntitlements]");
}

static bool
read_kind(struct tg_fault *f, struct tg_answer *a, const json_t *request)
{
    const char      *text;
    struct tg_member m = { request, "", "kind", true };

    if (!tg_member_text(&text, a, &m, 1, TG_FAULT_STATUS_MAX - 1)) {
        return false;
    }
    for (size_t i = TG_FAULT_THROTTLE; i < KINDS; i++) {
        if (strcmp(text, names[i]) == 0) {
            f->kind = (enum tg_fault_kind) i;
            return true;
        }
    }
    return tg_member_refuse(a, &m, "Member must satisfy enum value set: "
        "[throttle, internal, delay, lose-reply, unprocessed, refuse, twice, "
        "reorder, omit, garbage, cut, huge, clock]");
}

static bool
read_numbers(struct tg_fault *f, struct tg_answer *a, const json_t *request)
{
    size_t  i;
    int64_t values[6] = { 1, 0, 0, 0, 0, 0 };
    const struct {
        const char *name;
        bool        is_required;
        int64_t     min, max;
    } rows[6] = {
        { "times", false, 1, TIMES_MAX },
        { "httpStatus", false, 400, 599 },
        { "delay_ms", f->kind == TG_FAULT_DELAY, 0, DELAY_MAX_MS },
        { "retry_after_s", false, 0, 86400 },
        { "records", false, 0, 25 },
        { "ahead_s", f->kind == TG_FAULT_CLOCK, -AHEAD_MAX_S, AHEAD_MAX_S },
    };

    for (i = 0; i < 6; i++) {
        struct tg_member m = { request, "", rows[i].name,
            rows[i].is_required };

        if (!tg_member_integer(&values[i], a, &m, rows[i].min, rows[i].max)) {
            return false;
        }
    }
    f->times = (unsigned) values[0];
    f->http_status = (int) values[1];
    f->delay_ms = (unsigned) values[2];
    f->retry_after_s = (unsigned) values[3];
    f->records = (unsigned) values[4];
    f->ahead_s = (int) values[5];
    return true;
}

static bool
is_for_records(const struct tg_fault *f)
{
    return f->kind == TG_FAULT_UNPROCESSED
           || f->kind == TG_FAULT_TWICE || f->kind == TG_FAULT_REORDER
           || f->kind == TG_FAULT_OMIT
           || (f->kind == TG_FAULT_REFUSE
               && tg_exception_status(f->status) == 0);
}

/*
 * A type of exception, or else a status for each record.  Any name passes as
 * the latter, since Amazon may add statuses; one that ends like an exception
 * is a slip of the pen.
 */
static bool
read_status(struct tg_fault *f, struct tg_answer *a, const json_t *request)
{
    const char      *text;
    size_t           len;
    struct tg_member m = { request, "", "status",
        f->kind == TG_FAULT_REFUSE };

    if (!tg_member_text(&text, a, &m, 1, TG_FAULT_STATUS_MAX - 1)) {
        return false;
    }
    if (text != NULL) {
        strcpy(f->status, text);
        len = strlen(text);
        if (tg_exception_status(text) == 0 && len > 9
            && strcmp(text + len - 9, "Exception") == 0)
        {
            return tg_member_refuse(a, &m,
                "Member must be the type of an exception of the service, or "
                "the status of a record");
        }
    }
    if (is_for_records(f) && strcmp(f->operation, "BatchMeterUsage") != 0) {
        return tg_member_refuse(a, &m,
            "only BatchMeterUsage answers record by record");
    }
    return true;
}

void
tg_fault_add(struct tg_answer *a, struct tg_faults *faults,
    const json_t *request)
{
    struct tg_fault f = { .kind = TG_FAULT_NONE };

    if (!read_operation(&f, a, request) || !read_kind(&f, a, request)
        || !read_numbers(&f, a, request) || !read_status(&f, a, request))
    {
        return;
    }
    if (faults->count == TG_FAULTS_MAX) {
        (void) tg_answer_refuse(a, "ValidationException",
            "there are %d faults waiting already; POST /_sandbox/reset "
            "removes them", TG_FAULTS_MAX);
        return;
    }
    faults->items[faults->count++] = f;
    tg_answer_set(a, json_pack("{s:s, s:s, s:s*, s:i, s:i}", "operation",
        f.operation, "kind", names[f.kind], "status",
        *f.status != '\0' ? f.status : NULL, "delay_ms", (int) f.delay_ms,
        "times", (int) f.times), NULL);
}

struct tg_fault
tg_fault_take(struct tg_faults *faults, const char *operation)
{
    struct tg_fault none = { .kind = TG_FAULT_NONE };

    for (size_t i = 0; i < faults->count; i++) {
        struct tg_fault *f = &faults->items[i];
        struct tg_fault  taken = *f;

        if (strcmp(f->operation, operation) != 0) {
            continue;
        }
        if (--f->times == 0) {
            faults->count--;
            memmove(f, f + 1, (faults->count - i) * sizeof(*f));
        }
        return taken;
    }
    return none;
}

bool
tg_fault_before(struct tg_answer *a, const struct tg_fault *fault)
{
    const char *type = NULL;

    if (fault->kind == TG_FAULT_THROTTLE) {
        type = "ThrottlingException";
    } else if (fault->kind == TG_FAULT_INTERNAL) {
        type = "InternalServiceErrorException";
    } else if (fault->kind == TG_FAULT_REFUSE
               && tg_exception_status(fault->status) != 0)
    {
        type = fault->status;
    }
    if (type == NULL) {
        return false;
    }
    (void) tg_answer_refuse(a, type, "%s",
        fault->kind == TG_FAULT_THROTTLE ? "Rate exceeded"
                                         : "The sandbox was asked to fail.");
    if (fault->http_status != 0) {
        a->status = fault->http_status;
    }
    return true;
}

/*
 * ---- what is done, and what is said of it
 */

json_t *
tg_fault_narrow(const struct tg_fault *fault, json_t *request)
{
    json_t *narrow, *records;

    if (fault->kind != TG_FAULT_UNPROCESSED || fault->records == 0) {
        return json_incref(request);
    }
    narrow = json_copy(request);
    records = json_copy(json_object_get(request, "UsageRecords"));
    for (unsigned i = 0; i < fault->records; i++) {
        (void) json_array_remove(records, 0);
    }
    (void) json_object_set_new(narrow, "UsageRecords", records);
    return narrow;
}

/* The first records of the request come back; the others were done. */
static void
leave_unprocessed(struct tg_answer *a, const struct tg_fault *fault,
    const json_t *request)
{
    json_t *left = json_array();
    json_t *records = json_object_get(request, "UsageRecords");
    size_t  count = fault->records != 0 ? fault->records
                                        : json_array_size(records);

    for (size_t i = 0; i < count && i < json_array_size(records); i++) {
        (void) json_array_append(left, json_array_get(records, i));
    }
    if (fault->records == 0) { /* nothing was done at all */
        tg_answer_set(a, json_pack("{s:[], s:o}", "Results",
            "UnprocessedRecords", left), NULL);
    } else {
        (void) json_object_set_new(a->body, "UnprocessedRecords", left);
    }
}

static void
refuse_records(struct tg_answer *a, const struct tg_fault *fault)
{
    size_t  i;
    json_t *result, *results = json_array();

    json_array_foreach(json_object_get(a->body, "Results"), i, result) {
        (void) json_array_append_new(results, json_pack("{s:O, s:s}",
            "UsageRecord", json_object_get(result, "UsageRecord"), "Status",
            fault->status));
    }
    tg_answer_set(a, json_pack("{s:o, s:[]}", "Results", results,
        "UnprocessedRecords"), NULL);
}

/* The same results, said in another way; what was done stays done. */
static void
retell(struct tg_answer *a, enum tg_fault_kind kind)
{
    size_t  i;
    json_t *result, *told = json_array();
    json_t *results = json_object_get(a->body, "Results");

    json_array_foreach(results, i, result) {
        if (kind == TG_FAULT_OMIT && i + 1 == json_array_size(results)) {
            break;
        }
        if (kind == TG_FAULT_REORDER) {
            (void) json_array_insert(told, 0, result);
        } else {
            (void) json_array_append(told, result);
        }
        if (kind == TG_FAULT_TWICE) {
            (void) json_array_append(told, result);
        }
    }
    (void) json_object_set_new(a->body, "Results", told);
}

void
tg_fault_after(struct tg_answer *a, const struct tg_fault *fault,
    const json_t *request)
{
    if (a->type != NULL) {
        return;
    }
    switch (fault->kind) {
    case TG_FAULT_UNPROCESSED:
        leave_unprocessed(a, fault, request);
        break;
    case TG_FAULT_REFUSE:
        refuse_records(a, fault);
        break;
    case TG_FAULT_TWICE:
    case TG_FAULT_REORDER:
    case TG_FAULT_OMIT:
        retell(a, fault->kind);
        break;
    default:
        break;
    }
}

/*
 * ---- how it travels
 */

/* Blanks behind a JSON document are JSON still. */
static void
pad(struct tg_buf *body)
{
    char blanks[4096];

    memset(blanks, ' ', sizeof(blanks));
    while (body->len < HUGE_BYTES
        && tg_buf_add(body, blanks, sizeof(blanks)) == TG_OK)
    {
    }
}

static void
set_date(struct tg_http_response *res, int64_t time_s)
{
    char      text[64];
    time_t    time = (time_t) time_s;
    struct tm tm;

    if (gmtime_r(&time, &tm) != NULL
        && strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0)
    {
        (void) tg_http_header_set(res, "Date", text);
    }
}

void
tg_fault_travel(struct tg_http_response *res, const struct tg_fault *fault,
    int64_t now_s)
{
    char seconds[16];

    switch (fault->kind) {
    case TG_FAULT_DELAY:
        res->delay_ms = fault->delay_ms;
        break;
    case TG_FAULT_LOSE_REPLY:
        res->drop = true;
        break;
    case TG_FAULT_CUT:
        res->cut = true;
        break;
    case TG_FAULT_GARBAGE:
        tg_buf_reset(&res->body);
        (void) tg_buf_puts(&res->body, "<html><body>200 OK</body></html>");
        break;
    case TG_FAULT_HUGE:
        pad(&res->body);
        break;
    case TG_FAULT_CLOCK:
        set_date(res, now_s + fault->ahead_s);
        break;
    default:
        break;
    }
    if (fault->retry_after_s != 0) {
        (void) snprintf(seconds, sizeof(seconds), "%u",
            fault->retry_after_s);
        (void) tg_http_header_set(res, "Retry-After", seconds);
    }
}
