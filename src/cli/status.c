/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdio.h>

#include "cli/client.h"
#include "cli/records.h"
#include "util/clock.h"

/* One line: "totals: open 2, settled 7". */
static void
print_totals(const json_t *totals)
{
    const char *state;
    json_t     *number;
    const char *before = "totals: ";

    json_object_foreach((json_t *) totals, state, number) {
        (void) printf("%s%s %" JSON_INTEGER_FORMAT, before, state,
            json_integer_value(number));
        before = ", ";
    }
    if (json_object_size(totals) > 0) {
        (void) putchar('\n');
    }
}

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

/* What a person has to know about, and what to do next. */
static void
print_alarms(const json_t *alarms)
{
    for (size_t i = 0; i < json_array_size(alarms); i++) {
        const json_t *alarm = json_array_get(alarms, i);

        (void) printf("alarm: %s: %s\n       next: %s\n",
            text_of(alarm, "name"), text_of(alarm, "message"),
            text_of(alarm, "next"));
    }
}

/* "unsettled: 3 records, 120 units, the first expires at ..." */
static void
print_figures(const json_t *figures)
{
    char          time[TG_ISO8601_SIZE];
    const json_t *deadline = json_object_get(figures, "nearestDeadline");
    const char   *holder = text_of(json_object_get(figures, "reporter"),
        "holder");

    if (json_is_integer(deadline)) {
        tg_iso8601(time, json_integer_value(deadline));
        (void) printf("unsettled: %" JSON_INTEGER_FORMAT " records, %"
            JSON_INTEGER_FORMAT " units; the first deadline is %s\n",
            json_integer_value(json_object_get(figures,
                "unsettledRecords")),
            json_integer_value(json_object_get(figures, "unsettledUnits")),
            time);
    }
    (void) printf("reporter: %s\n", *holder == '\0' ? "none" : holder);
}

enum tg_exit
tg_cli_status(const struct tg_options *options)
{
    const struct tg_cli_request request = {
        .method = "GET", .target = "/status",
    };
    json_t      *answer;
    enum tg_exit code = tg_cli_call(&answer, options, &request);

    if (code != TG_EXIT_DONE) {
        return code;
    }
    if (options->json) {
        code = tg_cli_print_json(answer);
    } else {
        tg_cli_print_records(answer);
        print_totals(json_object_get(answer, "totals"));
        print_figures(json_object_get(answer, "figures"));
        print_alarms(json_object_get(answer, "alarms"));
    }
    json_decref(answer);
    return code;
}
