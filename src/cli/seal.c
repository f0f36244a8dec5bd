/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/records.h"

/* 0 only if each record was acknowledged: scripts rely on it. */
static enum tg_exit
judge(const json_t *answer)
{
    const json_t *records = json_object_get(answer, "records");
    const char   *state;

    for (size_t i = 0; i < json_array_size(records); i++) {
        state = json_string_value(json_object_get(json_array_get(records, i),
            "state"));
        if (state == NULL || strcmp(state, "settled") != 0) {
            return TG_EXIT_FAILED;
        }
    }
    return TG_EXIT_DONE;
}

static enum tg_exit
print_answer(const json_t *answer, const struct tg_options *options)
{
    const char *message = json_string_value(json_object_get(answer,
        "message"));

    if (options->json) {
        return tg_cli_print_json(answer);
    }
    tg_cli_print_records(answer);
    (void) printf("%s\n", message == NULL ? "" : message);
    return TG_EXIT_DONE;
}

enum tg_exit
tg_cli_seal(const struct tg_options *options)
{
    struct tg_cli_request request = {
        .method = "POST", .target = "/seal",
        .content_type = "application/json",
    };
    json_t      *body = json_pack("{s:s*}", "agreement", options->agreement);
    char        *text = body == NULL ? NULL : json_dumps(body, 0);
    json_t      *answer = NULL;
    enum tg_exit code = TG_EXIT_FAILED;

    if (text == NULL) {
        (void) fprintf(stderr, "tallygate: out of memory\n");
    } else {
        request.body = text;
        request.body_len = strlen(text);
        code = tg_cli_call(&answer, options, &request);
    }
    if (code == TG_EXIT_DONE) {
        code = print_answer(answer, options);
    }
    if (code == TG_EXIT_DONE) {
        code = judge(answer);
    }
    json_decref(answer);
    json_decref(body);
    free(text);
    return code;
}
