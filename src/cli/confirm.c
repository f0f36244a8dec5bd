/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "cli/client.h"

/* What a person can vouch for. */
static bool
is_known(const char *thing)
{
    static const char *const things[] = { "clock", "store", "lost" };

    for (size_t i = 0; thing != NULL && i < sizeof(things) / sizeof(*things);
         i++)
    {
        if (strcmp(thing, things[i]) == 0) {
            return true;
        }
    }
    return false;
}

enum tg_exit
tg_cli_confirm(const struct tg_options *options)
{
    struct tg_cli_request    request = {
        .method = "POST", .target = "/confirm",
        .content_type = "application/json",
    };
    char         body[32];
    json_t      *answer;
    enum tg_exit code;

    if (!is_known(options->operand)) {
        (void) fprintf(stderr,
            "tallygate: say what is confirmed: clock, store or lost\n");
        return TG_EXIT_USAGE;
    }
    (void) snprintf(body, sizeof(body), "{\"%s\":true}", options->operand);
    request.body = body;
    request.body_len = strlen(body);
    code = tg_cli_call(&answer, options, &request);
    if (code == TG_EXIT_DONE) {
        (void) printf("confirmed: %s\n", options->operand);
    }
    json_decref(answer);
    return code;
}
