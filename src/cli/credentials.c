/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/client.h"

#define PROGRESS_MS 250 /* between two looks at a rotation */

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

static int64_t
number_of(const json_t *object, const char *name)
{
    return (int64_t) json_integer_value(json_object_get(object, name));
}

static void
print_time(int64_t time_s)
{
    char      text[32] = "never";
    time_t    t = (time_t) time_s;
    struct tm tm;

    if (time_s != 0 && gmtime_r(&t, &tm) != NULL) {
        (void) strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    }
    (void) printf("%-20s", text);
}

/*
 * ---- list
 */

enum tg_exit
tg_cli_credentials_list(const struct tg_options *options)
{
    size_t                      i;
    enum tg_exit                code;
    json_t                     *answer, *key;
    const struct tg_cli_request request = {
        .method = "GET", .target = "/access-keys",
    };

    code = tg_cli_call(&answer, options, &request);
    if (code != TG_EXIT_DONE || options->json) {
        code = code == TG_EXIT_DONE ? tg_cli_print_json(answer) : code;
        json_decref(answer);
        return code;
    }
    (void) printf("%-20s  %-10s  %-8s  %-20s  %-20s  %s\n", "ACCESS KEY",
        "ROLE", "STATUS", "CREATED", "EXPIRES", "USER");
    json_array_foreach (json_object_get(answer, "accessKeys"), i, key) {
        (void) printf("%-20s  %-10s  %-8s  ", text_of(key, "accessKeyId"),
            text_of(key, "role"), text_of(key, "status"));
        print_time(number_of(key, "createDate"));
        (void) printf("  ");
        print_time(number_of(key, "expiration"));
        (void) printf("  %s\n", text_of(key, "userName"));
    }
    json_decref(answer);
    return TG_EXIT_DONE;
}

/*
 * ---- create
 */

/* "900", "15m", "12h" or "1d" in seconds; -1: none of them. */
static int64_t
parse_duration(const char *text)
{
    static const struct {
        char    unit;
        int64_t seconds;
    } units[] = {{'\0', 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char   *end;
    int64_t number = strtoll(text, &end, 10);

    if (end == text || number < 0 || number > INT32_MAX
        || (*end != '\0' && end[1] != '\0'))
    {
        return -1;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (units[i].unit == *end) {
            return number * units[i].seconds;
        }
    }
    return -1;
}

/* A profile of a shared credentials file, ready to be kept. */
static void
print_profile(const json_t *key, const struct tg_options *options)
{
    char                region[64] = "";
    struct tg_settings *settings;

    if (tg_cli_settings(&settings, options) == TG_EXIT_DONE) {
        (void) snprintf(region, sizeof(region), "region = %s\n",
            settings->region);
        tg_settings_free(settings);
    }
    (void) printf("[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n",
        text_of(key, "userName"), text_of(key, "accessKeyId"),
        text_of(key, "secretAccessKey"));
    if (json_object_get(key, "sessionToken") != NULL) {
        (void) printf("aws_session_token = %s\n",
            text_of(key, "sessionToken"));
    }
    (void) printf("%s", region);
    (void) fprintf(stderr, "The secret is shown this once. The key has the"
        " role %s.\n", text_of(key, "role"));
}

/* The call for what the options ask; the caller frees it. */
static char *
make_body(const struct tg_options *options, int64_t duration_s)
{
    char   *text;
    json_t *body = json_pack("{s:s, s:s}", "userName", options->operand,
        "role", options->role);

    if (duration_s > 0) {
        (void) json_object_set_new(body, "durationSeconds",
            json_integer((json_int_t) duration_s));
    }
    text = json_dumps(body, 0);
    json_decref(body);
    return text;
}

enum tg_exit
tg_cli_credentials_create(const struct tg_options *options)
{
    int64_t               duration_s = 0;
    enum tg_exit          code = TG_EXIT_FAILED;
    json_t               *answer = NULL;
    struct tg_cli_request request = {
        .method = "POST", .target = "/access-keys",
        .content_type = "application/json",
    };
    char *body;

    if (options->duration != NULL) {
        duration_s = parse_duration(options->duration);
    }
    if (options->operand == NULL || options->role == NULL || duration_s < 0) {
        (void) fprintf(stderr, "tallygate: %s\n",
            options->operand == NULL ? "say whose key it is: a user's name"
            : options->role == NULL
            ? "--role admin, onboarding or read-only is missing"
            : "--duration: expected a time as 900, 15m or 12h");
        return TG_EXIT_USAGE;
    }
    body = make_body(options, duration_s);
    if (body == NULL) {
        (void) fprintf(stderr, "tallygate: the user's name is no text\n");
        return TG_EXIT_USAGE;
    }
    request.body = body;
    request.body_len = strlen(body);
    code = tg_cli_call(&answer, options, &request);
    if (code == TG_EXIT_DONE && options->json) {
        code = tg_cli_print_json(answer);
    } else if (code == TG_EXIT_DONE) {
        print_profile(answer, options);
    }
    json_decref(answer);
    free(body);
    return code;
}

/*
 * ---- revoke
 */

enum tg_exit
tg_cli_credentials_revoke(const struct tg_options *options)
{
    char                        target[128];
    enum tg_exit                code;
    json_t                     *answer;
    const struct tg_cli_request request = {
        .method = "DELETE", .target = target,
    };

    if (options->operand == NULL || strspn(options->operand,
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
        != strlen(options->operand) || strlen(options->operand) > 64)
    {
        (void) fprintf(stderr, "tallygate: say which access key is revoked:"
            " AKIA... or ASIA...\n");
        return TG_EXIT_USAGE;
    }
    (void) snprintf(target, sizeof(target), "/access-keys/%s",
        options->operand);
    code = tg_cli_call(&answer, options, &request);
    if (code == TG_EXIT_DONE) {
        (void) printf("revoked: %s\n", options->operand);
    }
    json_decref(answer);
    return code;
}

/*
 * ---- rotate-master-key
 */

static void
print_progress(const json_t *report, bool is_last)
{
    const char *trouble = text_of(report, "trouble");

    if (isatty(STDERR_FILENO) == 0 && !is_last && *trouble == '\0') {
        return;
    }
    (void) fprintf(stderr, "%s%" PRId64 " of %" PRId64 " values%s%s%s",
        isatty(STDERR_FILENO) != 0 ? "\r" : "", number_of(report, "done"),
        number_of(report, "total"), *trouble != '\0' ? ": " : "", trouble,
        is_last || isatty(STDERR_FILENO) == 0 ? "\n" : "");
}

/* Looks at it until it is done; *report is the last look. */
static enum tg_exit
wait_for_rotation(json_t **report, const struct tg_options *options)
{
    enum tg_exit                code = TG_EXIT_DONE;
    const struct timespec       pause = { 0, PROGRESS_MS * 1000000L };
    const struct tg_cli_request request = {
        .method = "GET", .target = "/master-key",
    };

    while (code == TG_EXIT_DONE
        && strcmp(text_of(*report, "state"), "ROTATING") == 0)
    {
        print_progress(*report, false);
        nanosleep(&pause, NULL);
        json_decref(*report);
        code = tg_cli_call(report, options, &request);
    }
    return code;
}

enum tg_exit
tg_cli_credentials_rotate(const struct tg_options *options)
{
    enum tg_exit                code;
    json_t                     *report;
    const struct tg_cli_request request = {
        .method = "POST", .target = "/master-key/rotate",
    };

    code = tg_cli_call(&report, options, &request);
    if (code == TG_EXIT_DONE) {
        code = wait_for_rotation(&report, options);
    }
    if (code == TG_EXIT_DONE) {
        print_progress(report, true);
        if (options->json) {
            code = tg_cli_print_json(report);
        } else {
            (void) printf("the master key is now %s; copies of the store that"
                " were made before\nneed the old one\n",
                text_of(report, "masterKeyId"));
        }
    }
    json_decref(report);
    return code;
}
