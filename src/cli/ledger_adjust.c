/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"

static enum tg_exit
wrong(const char *message)
{
    (void) fprintf(stderr, "tallygate ledger adjust: %s\n", message);
    return TG_EXIT_USAGE;
}

/* +5, 5 or -5. */
static enum tg_exit
read_units(json_int_t *units, const char *text)
{
    char *end = NULL;

    errno = 0;
    *units = text == NULL ? 0 : strtoll(text, &end, 10);
    return text == NULL || *end != '\0' || end == text || errno != 0
            || *units == 0
        ? wrong("--units: how many, as +N or -N?") : TG_EXIT_DONE;
}

/* The figures that a refund request needs, a line each. */
static void
print_refund(const json_t *refund)
{
    const char   *name;
    const json_t *value;

    (void) printf("figures for a refund request:\n");
    json_object_foreach((json_t *) refund, name, value) {
        if (json_is_string(value)) {
            (void) printf("  %-22s %s\n", name, json_string_value(value));
        } else if (json_is_integer(value)) {
            (void) printf("  %-22s %" JSON_INTEGER_FORMAT "\n", name,
                json_integer_value(value));
        }
    }
}

/* 0 when all that was asked for is done, or would be. */
static enum tg_exit
judge(const json_t *answer)
{
    static const char *const good[] = { "adjusted", "carried_forward",
        "done_before" };
    const char *action = json_string_value(json_object_get(answer,
        "action"));

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (action != NULL && strcmp(action, good[i]) == 0) {
            return json_integer_value(json_object_get(answer, "rest")) == 0
                ? TG_EXIT_DONE : TG_EXIT_FAILED;
        }
    }
    return TG_EXIT_FAILED;
}

static enum tg_exit
print_answer(const json_t *answer, bool is_json)
{
    const char *message = json_string_value(json_object_get(answer,
        "message"));
    const json_t *refund = json_object_get(answer, "refund");

    if (is_json) {
        (void) tg_cli_print_json(answer);
    } else {
        (void) printf("%s\n", message == NULL ? "" : message);
        if (json_is_true(json_object_get(answer, "applied"))) {
            (void) printf("on record as %s\n", json_string_value(
                json_object_get(answer, "id")));
        }
        if (json_is_object(refund)) {
            print_refund(refund);
        }
    }
    return judge(answer);
}

static enum tg_exit
send(const struct tg_options *o, json_int_t units)
{
    struct tg_cli_request request = {
        .method = "POST", .target = "/adjust",
        .content_type = "application/json",
    };
    json_t *body = json_pack("{s:s, s:s, s:I, s:s, s:s*, s:s*, s:b, s:b}",
        "agreement", o->agreement, "hour", o->hour, "units", units, "reason",
        o->reason, "dimension", o->dimension, "id", o->id, "carryForward",
        o->carry_forward, "dryRun", o->dry_run);
    char        *text = body == NULL ? NULL : json_dumps(body, 0);
    json_t      *answer = NULL;
    enum tg_exit code = TG_EXIT_FAILED;

    if (text == NULL) {
        (void) fprintf(stderr, "tallygate: out of memory, or an option is no"
            " UTF-8\n");
    } else {
        request.body = text;
        request.body_len = strlen(text);
        code = tg_cli_call(&answer, o, &request);
    }
    if (code == TG_EXIT_DONE) {
        code = print_answer(answer, o->json);
    }
    json_decref(answer);
    json_decref(body);
    free(text);
    return code;
}

enum tg_exit
tg_cli_ledger_adjust(const struct tg_options *options)
{
    json_int_t   units;
    enum tg_exit code = read_units(&units, options->units);

    if (code != TG_EXIT_DONE) {
        return code;
    }
    if (options->agreement == NULL) {
        return wrong("--agreement: whose bill?");
    }
    if (options->hour == NULL) {
        return wrong("--hour: which one, as 2026-11-23T01?");
    }
    if (options->reason == NULL) {
        return wrong("--reason: why? It stays on record");
    }
    return send(options, units);
}
