/*
 * explain_next.c - what is to be done about a record, in plain words
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "billing/explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/clock.h"

#define TEXT_SIZE 768

/* What is said about, taken out of the record. */
struct facts {
    const char *state;
    const char *answer; /* "" where there is none */
    const char *agreement_id;
    char        hour[TG_ISO8601_SIZE];
    char        next_attempt[TG_ISO8601_SIZE];
    char        deadline[TG_ISO8601_SIZE];
    int64_t     quantity;
    int64_t     amazon; /* -1: not known */
    bool        is_due;
};

static int64_t
number(const json_t *record, const char *name)
{
    return json_integer_value(json_object_get(record, name));
}

static struct facts
read_facts(const json_t *record, int64_t now_s)
{
    const json_t *amazon = json_object_get(record, "amazonQuantity");
    const char   *answer = json_string_value(json_object_get(record,
        "answer"));
    struct facts  f = {
        .state = json_string_value(json_object_get(record, "state")),
        .answer = answer != NULL ? answer : "",
        .agreement_id = json_string_value(json_object_get(record,
            "agreementId")),
        .quantity = number(record, "quantity"),
        .amazon = json_is_integer(amazon) ? json_integer_value(amazon) : -1,
        .is_due = number(record, "nextAttempt") <= now_s,
    };

    tg_iso8601(f.hour, number(record, "hour"));
    tg_iso8601(f.next_attempt, number(record, "nextAttempt"));
    tg_iso8601(f.deadline, number(record, "deadline"));
    return f;
}

/* How a person bills so many units, or takes them back, in an open hour. */
static int
say_adjust(char *out, size_t size, const struct facts *f, int64_t units)
{
    return snprintf(out, size, "tallygate ledger adjust --agreement %s"
        " --hour %s --units %+" PRId64 " --carry-forward --reason TEXT",
        f->agreement_id, f->hour, units);
}

static void
say_duplicate(char out[TEXT_SIZE], const struct facts *f)
{
    int64_t difference = f->quantity - f->amazon;
    int     n;

    if (f->amazon < 0) {
        n = snprintf(out, TEXT_SIZE, "Amazon keeps the quantity that was"
            " recorded first for this buyer and hour; it does not say which."
            " Look the hour up in CloudTrail (BatchMeterUsage) or the seller"
            " reports, find out who else reports for this product, and if"
            " fewer than %" PRId64 " units are billed, bill the difference:"
            " ", f->quantity);
        (void) say_adjust(out + n, TEXT_SIZE - (size_t) n, f, 1);
        return;
    }
    n = snprintf(out, TEXT_SIZE, "Amazon bills %" PRId64 " units for this"
        " hour, %" PRId64 " were counted here. Find out who else reports for"
        " this product. ", f->amazon, f->quantity);
    if (difference > 0) {
        n += snprintf(out + n, TEXT_SIZE - (size_t) n, "To bill the"
            " difference: ");
    } else {
        n += snprintf(out + n, TEXT_SIZE - (size_t) n, "To take the"
            " difference off a later hour: ");
    }
    (void) say_adjust(out + n, TEXT_SIZE - (size_t) n, f, difference);
}

static void
say_refused(char out[TEXT_SIZE], const struct facts *f)
{
    int n;

    if (strcmp(f->answer, "DuplicateRecord") == 0) {
        say_duplicate(out, f);
    } else if (f->quantity == 0) {
        (void) snprintf(out, TEXT_SIZE, "Nothing: nothing had been used.");
    } else if (strcmp(f->answer, "CustomerNotSubscribed") == 0) {
        n = snprintf(out, TEXT_SIZE, "The buyer has left, or his AWS account"
            " is suspended: the units are not billable. If he subscribes"
            " again and owes them: ");
        (void) say_adjust(out + n, TEXT_SIZE - (size_t) n, f, f->quantity);
    } else {
        n = snprintf(out, TEXT_SIZE, "Amazon refused this record by itself"
            " (%s); nothing of it is billed. Mend what it names, then bill"
            " the units in an open hour: ", f->answer[0] != '\0' ? f->answer
            : "see the reason");
        (void) say_adjust(out + n, TEXT_SIZE - (size_t) n, f, f->quantity);
    }
}

static void
say_expired(char out[TEXT_SIZE], const struct facts *f, bool is_in_doubt)
{
    int n;

    if (f->quantity == 0) {
        (void) snprintf(out, TEXT_SIZE, "Nothing: nothing had been used.");
    } else if (!is_in_doubt) {
        (void) snprintf(out, TEXT_SIZE, "Nothing can be done: Amazon takes no"
            " more records for this agreement. %" PRId64 " units are not"
            " billed.", f->quantity);
    } else {
        n = snprintf(out, TEXT_SIZE, "It was sent, and no answer came before"
            " the deadline. Look the request up in CloudTrail"
            " (BatchMeterUsage) or this hour in the seller reports: if Amazon"
            " has it, nothing is to be done; if not: ");
        (void) say_adjust(out + n, TEXT_SIZE - (size_t) n, f, f->quantity);
    }
}

static void
say_waiting(char out[TEXT_SIZE], const struct facts *f)
{
    (void) snprintf(out, TEXT_SIZE, "Nothing: it goes out%s%s %s. If Amazon"
        " has not answered by %s, %s.", f->is_due ? "" : " again at ",
        f->is_due ? "" : f->next_attempt, f->is_due ? "with the next request"
        : "", f->deadline, strcmp(f->state, "sent") == 0
        ? "it expires, and a person has to compare with CloudTrail, since"
          " Amazon may have it"
        : "its units are billed in a later hour");
}

/* Whether Amazon may have had it when the last move was made: L3. */
static bool
was_sent(const json_t *history)
{
    size_t      count = json_array_size(history);
    const char *from = count == 0 ? NULL : json_string_value(json_object_get(
        json_array_get(history, count - 1), "from"));

    return from != NULL && strcmp(from, "sent") == 0;
}

json_t *
tg_explain_next(const json_t *record, const json_t *history, int64_t now_s)
{
    char         out[TEXT_SIZE] = "";
    struct facts f = read_facts(record, now_s);

    if (strcmp(f.state, "settled") == 0) {
        (void) snprintf(out, sizeof(out), "Nothing: Amazon bills %" PRId64
            " units, as %s.", f.quantity, json_string_value(
            json_object_get(record, "meteringRecordId")));
    } else if (strcmp(f.state, "refused") == 0) {
        say_refused(out, &f);
    } else if (strcmp(f.state, "expired") == 0) {
        say_expired(out, &f, was_sent(history));
    } else if (strcmp(f.state, "carried") == 0) {
        (void) snprintf(out, sizeof(out), "Nothing: its units are billed in"
            " the hour that stands above.");
    } else {
        say_waiting(out, &f);
    }
    return json_string(out);
}
