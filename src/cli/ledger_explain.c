/*
 * ledger_explain.c - `tallygate ledger explain': a record's story
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/ledger_source.h"
#include "cli/records.h"
#include "util/clock.h"

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL || *text == '\0' ? "-" : text;
}

static json_int_t
number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static const char *
time_of(char out[TG_ISO8601_SIZE], const json_t *object, const char *name)
{
    tg_iso8601(out, number_of(object, name));
    return out;
}

static bool
has_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL && *text != '\0';
}

/*
 * ---- the parts
 */

static void
print_record(const json_t *record)
{
    char hour[TG_ISO8601_SIZE], stamp[TG_ISO8601_SIZE];
    char deadline[TG_ISO8601_SIZE];

    (void) printf("record    %s, %s\n", text_of(record, "id"),
        text_of(record, "state"));
    (void) printf("what      %" JSON_INTEGER_FORMAT " units of %s, product"
        " %s\n", number_of(record, "quantity"), text_of(record, "dimension"),
        text_of(record, "productCode"));
    (void) printf("when      the hour %s, stamped %s, to be reported by"
        " %s\n", time_of(hour, record, "hour"), time_of(stamp, record,
            "timestamp"), time_of(deadline, record, "deadline"));
    (void) printf("buyer     agreement %s (%s), account %s, licence %s,"
        " CustomerIdentifier %s\n", text_of(record, "agreementId"),
        text_of(record, "identityMode"),
        text_of(record, "customerAWSAccountId"),
        text_of(record, "licenseArn"),
        text_of(record, "customerIdentifier"));
    if (json_is_integer(json_object_get(record, "amazonQuantity"))) {
        (void) printf("Amazon    bills %" JSON_INTEGER_FORMAT " units for"
            " this hour instead\n", number_of(record, "amazonQuantity"));
    }
}

static void
print_cells(const json_t *cells)
{
    for (size_t i = 0; i < json_array_size(cells); i++) {
        const json_t *cell = json_array_get(cells, i);

        (void) printf("%s%" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT,
            i == 0 ? ", cell " : ", ", number_of(cell, "slot"),
            number_of(cell, "owner"));
    }
}

static void
print_counted(const json_t *answer)
{
    char          used[TG_ISO8601_SIZE];
    const json_t *rows = json_object_get(answer, "counted");
    json_int_t    hour = number_of(json_object_get(answer, "record"),
        "hour");

    (void) printf("counted   %" JSON_INTEGER_FORMAT " units lie in the"
        " hour\n", number_of(answer, "countedUnits"));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);

        (void) printf("          %" JSON_INTEGER_FORMAT " with key %s in plan"
            " %s", number_of(row, "quantity"), text_of(row, "apiKeyId"),
            text_of(row, "usagePlanId"));
        print_cells(json_object_get(row, "cells"));
        if (number_of(row, "usedHour") != hour) {
            (void) printf(", used in the hour %s", time_of(used, row,
                "usedHour"));
        }
        if (has_text(row, "reason")) {
            (void) printf(": %s", text_of(row, "reason"));
        }
        (void) putchar('\n');
    }
}

static void
print_carried(const json_t *rows)
{
    char hour[TG_ISO8601_SIZE];

    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);

        (void) printf("carried   %" JSON_INTEGER_FORMAT " units of this hour"
            " are billed in the hour %s: %s\n", number_of(row, "quantity"),
            time_of(hour, row, "hour"), text_of(row, "reason"));
    }
}

static void
print_adjustments(const json_t *rows)
{
    char at[TG_ISO8601_SIZE], hour[TG_ISO8601_SIZE], to[TG_ISO8601_SIZE];

    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);

        (void) printf("adjusted  %s %+" JSON_INTEGER_FORMAT " units for the"
            " hour %s, in the hour %s, by %s: %s (%s)\n", time_of(at, row,
                "at"), number_of(row, "quantity"), time_of(hour, row,
                "hour"), time_of(to, row, "billedHour"),
            text_of(row, "actor"), text_of(row, "reason"),
            text_of(row, "id"));
    }
}

/* What Amazon answered, and the reason, which may begin with the answer. */
static void
print_why(const char *answer, const char *reason)
{
    bool begins_with_it = answer[0] != '\0'
        && strncmp(reason, answer, strlen(answer)) == 0;

    if (answer[0] != '\0') {
        (void) printf(", Amazon: %s", begins_with_it ? reason : answer);
    }
    if (reason[0] != '\0' && !begins_with_it) {
        (void) printf(": %s", reason);
    }
    (void) putchar('\n');
}

/* One move: when, from what to what, by whom, what Amazon said, and why. */
static void
print_move(const json_t *move)
{
    char        at[TG_ISO8601_SIZE];
    const char *from = json_string_value(json_object_get(move, "from"));
    const char *to = text_of(move, "to");

    (void) printf("%s  ", time_of(at, move, "at"));
    if (from == NULL) {
        (void) printf("%s", to);
    } else if (strcmp(from, to) == 0) {
        (void) printf("%s, still", to);
    } else {
        (void) printf("%s -> %s", from, to);
    }
    (void) printf(" by %s", text_of(move, "actor"));
    if (number_of(move, "attempt") > 0) {
        (void) printf(", request %" JSON_INTEGER_FORMAT,
            number_of(move, "attempt"));
    }
    if (has_text(move, "requestId")) {
        (void) printf(" (%s)", text_of(move, "requestId"));
    }
    print_why(has_text(move, "answer") ? text_of(move, "answer") : "",
        has_text(move, "reason") ? text_of(move, "reason") : "");
}

static void
print_history(const json_t *moves)
{
    (void) printf("history\n");
    for (size_t i = 0; i < json_array_size(moves); i++) {
        print_move(json_array_get(moves, i));
    }
}

enum tg_exit
tg_cli_ledger_explain(const struct tg_options *options)
{
    json_t                 *answer = NULL;
    enum tg_exit            code;
    struct tg_ledger_source source;

    if (options->operand == NULL) {
        (void) fprintf(stderr, "tallygate ledger explain: which record?"
            " (`tallygate ledger` lists them)\n");
        return TG_EXIT_USAGE;
    }
    code = tg_ledger_source_open(&source, options);
    if (code == TG_EXIT_DONE) {
        code = tg_ledger_source_explain(&source, &answer, options->operand);
    }
    if (code == TG_EXIT_DONE && options->json) {
        code = tg_cli_print_json(answer);
    } else if (code == TG_EXIT_DONE) {
        print_record(json_object_get(answer, "record"));
        print_counted(answer);
        print_carried(json_object_get(answer, "carriedOut"));
        print_adjustments(json_object_get(answer, "adjustments"));
        print_history(json_object_get(answer, "history"));
        (void) printf("next      %s\n", text_of(answer, "next"));
    }
    json_decref(answer);
    tg_ledger_source_close(&source);
    return code;
}
