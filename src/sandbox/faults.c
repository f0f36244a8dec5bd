/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/faults.h"

#include <stdio.h>
#include <string.h>

#include "sandbox/members.h"

#define TIMES_MAX 1000000
#define DELAY_MAX_MS 600000

static const char *const names[] = {
    [TG_FAULT_THROTTLE] = "throttle",
    [TG_FAULT_INTERNAL] = "internal",
    [TG_FAULT_DELAY] = "delay",
    [TG_FAULT_LOSE_REPLY] = "lose-reply",
    [TG_FAULT_UNPROCESSED] = "unprocessed",
    [TG_FAULT_REFUSE] = "refuse",
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
        "[throttle, internal, delay, lose-reply, unprocessed, refuse]");
}

static bool
read_numbers(struct tg_fault *f, struct tg_answer *a, const json_t *request)
{
    int64_t          delay_ms = 0, http_status = 0, times = 1;
    struct tg_member m = { request, "", "times", false };

    if (!tg_member_integer(&times, a, &m, 1, TIMES_MAX)) {
        return false;
    }
    m.name = "httpStatus";
    if (!tg_member_integer(&http_status, a, &m, 400, 599)) {
        return false;
    }
    m.name = "delay_ms";
    m.is_required = f->kind == TG_FAULT_DELAY;
    if (!tg_member_integer(&delay_ms, a, &m, 0, DELAY_MAX_MS)) {
        return false;
    }
    f->times = (unsigned) times;
    f->http_status = (int) http_status;
    f->delay_ms = (unsigned) delay_ms;
    return true;
}

static bool
is_for_records(const struct tg_fault *f)
{
    return f->kind == TG_FAULT_UNPROCESSED
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
            "only the records of BatchMeterUsage can be refused or left "
            "unprocessed one by one");
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

void
tg_fault_after(struct tg_answer *a, const struct tg_fault *fault)
{
    const json_t *result, *list = json_object_get(a->body, "Results");
    json_t       *results, *unprocessed;
    size_t        i;

    if (a->type != NULL || !is_for_records(fault)) {
        return;
    }
    results = json_array();
    unprocessed = json_array();
    json_array_foreach(list, i, result) {
        json_t *record = json_object_get(result, "UsageRecord");

        if (fault->kind == TG_FAULT_UNPROCESSED) {
            (void) json_array_append(unprocessed, record);
        } else {
            (void) json_array_append_new(results,
                json_pack("{s:O, s:s}", "UsageRecord", record, "Status",
                    fault->status));
        }
    }
    tg_answer_set(a, json_pack("{s:o, s:o}", "Results", results,
        "UnprocessedRecords", unprocessed), NULL);
}
