/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdio.h>

#include "cli/client.h"
#include "cli/records.h"

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

/* What stands in the way of billing, a line each. */
static void
print_alarms(const json_t *alarms)
{
    for (size_t i = 0; i < json_array_size(alarms); i++) {
        (void) printf("alarm: %s\n",
            json_string_value(json_array_get(alarms, i)));
    }
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
        print_alarms(json_object_get(answer, "alarms"));
    }
    json_decref(answer);
    return code;
}
