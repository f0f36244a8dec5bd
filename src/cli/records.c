/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/records.h"

#include <inttypes.h>
#include <stdio.h>

#include "util/clock.h"

/* A text member, or "-". */
static const char *
text(const json_t *record, const char *member)
{
    const char *value = json_string_value(json_object_get(record, member));

    return value == NULL || *value == '\0' ? "-" : value;
}

/* The member that names the buyer in the record's identity mode. */
static const char *
buyer(const json_t *record)
{
    static const char *const members[] = { "licenseArn",
        "customerAWSAccountId", "customerIdentifier" };

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (json_is_string(json_object_get(record, members[i]))) {
            return text(record, members[i]);
        }
    }
    return "-";
}

static void
print_record(const json_t *record)
{
    char        hour[TG_ISO8601_SIZE];
    const char *reason = json_string_value(json_object_get(record, "reason"));
    const char *settled = json_string_value(json_object_get(record,
        "meteringRecordId"));

    tg_iso8601(hour, json_integer_value(json_object_get(record, "hour")));
    (void) printf("%-8s %s %s/%s %" JSON_INTEGER_FORMAT " for %s",
        text(record, "state"), hour, text(record, "productCode"),
        text(record, "dimension"),
        json_integer_value(json_object_get(record, "quantity")),
        buyer(record));
    if (settled != NULL) {
        (void) printf(" as %s", settled);
    }
    if (reason != NULL && *reason != '\0') {
        (void) printf(": %s", reason);
    }
    (void) putchar('\n');
}

void
tg_cli_print_records(const json_t *answer)
{
    const json_t *records = json_object_get(answer, "records");

    for (size_t i = 0; i < json_array_size(records); i++) {
        print_record(json_array_get(records, i));
    }
}

#define LEDGER_LINE "%-8s %-17s %12s  %-12s %-14s %-22s %s\n"

void
tg_cli_print_ledger_head(void)
{
    (void) printf(LEDGER_LINE, "STATE", "HOUR", "UNITS", "DIMENSION",
        "PRODUCT", "BUYER", "RECORD");
}

/* The agreement's id: short, and what other verbs take. */
static const char *
short_buyer(const json_t *row)
{
    const char *name = json_string_value(json_object_get(row, "agreementId"));

    return name != NULL ? name : buyer(row);
}

void
tg_cli_print_ledger_row(const json_t *row)
{
    char        hour[TG_ISO8601_SIZE], units[24];
    const char *kind = json_string_value(json_object_get(row, "kind"));
    const char *reason = json_string_value(json_object_get(row, "reason"));

    tg_iso8601(hour, json_integer_value(json_object_get(row, "hour")));
    hour[16] = 'Z'; /* "2026-11-23T01:00Z" */
    hour[17] = '\0';
    (void) snprintf(units, sizeof(units), "%" JSON_INTEGER_FORMAT,
        json_integer_value(json_object_get(row, "quantity")));
    (void) printf(LEDGER_LINE, kind != NULL ? kind : text(row, "state"),
        hour, units, text(row, "dimension"), text(row, "productCode"),
        short_buyer(row), text(row, "id"));
    if (reason != NULL && *reason != '\0') {
        (void) printf("         %s\n", reason);
    }
}
