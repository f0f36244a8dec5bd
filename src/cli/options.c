/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/suggest.h"

/* A flag has a bool for a member, the others a text. */
static const struct {
    const char *name;
    unsigned    bit;
    bool        is_flag;
    size_t      member;
} options[] = {
    { "--config", TG_OPTION_CONFIG, false,
        offsetof(struct tg_options, config) },
    { "--json", TG_OPTION_JSON, true, offsetof(struct tg_options, json) },
    { "--agreement", TG_OPTION_AGREEMENT, false,
        offsetof(struct tg_options, agreement) },
    { "--get", TG_OPTION_GET, false, offsetof(struct tg_options, get) },
    { "--deploy", TG_OPTION_DEPLOY, false,
        offsetof(struct tg_options, deploy) },
    { "--role", TG_OPTION_ROLE, false, offsetof(struct tg_options, role) },
    { "--duration", TG_OPTION_DURATION, false,
        offsetof(struct tg_options, duration) },
    { "--into", TG_OPTION_INTO, false, offsetof(struct tg_options, into) },
    { "--merge", TG_OPTION_MERGE, true,
        offsetof(struct tg_options, merge) },
    { "--fail-on-warnings", TG_OPTION_WARNINGS, true,
        offsetof(struct tg_options, fail_on_warnings) },
    { "--buyer", TG_OPTION_LEDGER, false,
        offsetof(struct tg_options, agreement) },
    { "--product", TG_OPTION_LEDGER, false,
        offsetof(struct tg_options, product) },
    { "--from", TG_OPTION_LEDGER, false, offsetof(struct tg_options, from) },
    { "--to", TG_OPTION_LEDGER, false, offsetof(struct tg_options, to) },
    { "--state", TG_OPTION_LEDGER, false,
        offsetof(struct tg_options, state) },
    { "--limit", TG_OPTION_LEDGER, false,
        offsetof(struct tg_options, limit) },
    { "--after", TG_OPTION_LEDGER, false,
        offsetof(struct tg_options, after) },
    { "--csv", TG_OPTION_LEDGER, true, offsetof(struct tg_options, csv) },
    { "--hour", TG_OPTION_HOUR, false, offsetof(struct tg_options, hour) },
    { "--dimension", TG_OPTION_ADJUST, false,
        offsetof(struct tg_options, dimension) },
    { "--units", TG_OPTION_ADJUST, false,
        offsetof(struct tg_options, units) },
    { "--reason", TG_OPTION_ADJUST, false,
        offsetof(struct tg_options, reason) },
    { "--id", TG_OPTION_ADJUST, false, offsetof(struct tg_options, id) },
    { "--carry-forward", TG_OPTION_ADJUST, true,
        offsetof(struct tg_options, carry_forward) },
    { "--dry-run", TG_OPTION_ADJUST, true,
        offsetof(struct tg_options, dry_run) },
    { "--list", TG_OPTION_LIST, true, offsetof(struct tg_options, list) },
    { "--help", ~0u, true, offsetof(struct tg_options, help) },
};
#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

static enum tg_status
refuse_unknown(const char *argument, size_t len, unsigned allowed,
    struct tg_error *err)
{
    const char *known[OPTION_COUNT];
    char        word[64];
    size_t      count = 0;
    const char *near;

    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if ((options[i].bit & allowed) != 0) {
            known[count++] = options[i].name;
        }
    }
    (void) snprintf(word, sizeof(word), "%.*s", (int) len, argument);
    near = tg_suggest(word, known, count);
    return tg_error_set(err, TG_INVALID, "unknown option %s%s%s%s", word,
        near == NULL ? "" : "; did you mean ", near == NULL ? "" : near,
        near == NULL ? "" : "?");
}

/*
 * Takes the option that *argv stands on, and its value, and leaves *argv on
 * the last word taken.
 */
static enum tg_status
take_option(struct tg_options *out, char ***argv, unsigned allowed,
    struct tg_error *err)
{
    const char *argument = **argv;
    size_t      len = strcspn(argument, "=");
    const char *value = argument[len] == '=' ? argument + len + 1 : NULL;
    size_t      i = 0;
    char       *member;

    while (i < OPTION_COUNT && ((options[i].bit & allowed) == 0
            || strlen(options[i].name) != len
            || memcmp(options[i].name, argument, len) != 0))
    {
        i++;
    }
    if (i == OPTION_COUNT) {
        return refuse_unknown(argument, len, allowed, err);
    }
    member = (char *) out + options[i].member;
    if (options[i].is_flag) {
        if (value != NULL) {
            return tg_error_set(err, TG_INVALID, "%s takes no value",
                options[i].name);
        }
        *(bool *) member = true;
        return TG_OK;
    }
    if (value == NULL) {
        value = (*argv)[1];
        *argv += value != NULL;
    }
    if (value == NULL || *value == '\0') {
        return tg_error_set(err, TG_INVALID, "%s needs a value",
            options[i].name);
    }
    *(const char **) member = value;
    return TG_OK;
}

enum tg_status
tg_options_read(struct tg_options *out, char **argv, unsigned allowed,
    const char *operand, struct tg_error *err)
{
    const char *config = getenv("TALLYGATE_CONFIG");

    *out = (struct tg_options) { 0 };
    if (config != NULL && *config != '\0') {
        out->config = config;
    }
    for (bool only_operands = false; *argv != NULL; argv++) {
        enum tg_status status = TG_OK;

        if (!only_operands && strcmp(*argv, "--") == 0) {
            only_operands = true;
        } else if (!only_operands && strcmp(*argv, "-h") == 0) {
            out->help = true;
        } else if (!only_operands && (*argv)[0] == '-'
            && (*argv)[1] != '\0')
        {
            status = take_option(out, &argv, allowed, err);
        } else if (operand == NULL || out->operand != NULL) {
            status = tg_error_set(err, TG_INVALID, "unexpected %s", *argv);
        } else {
            out->operand = *argv;
        }
        if (status != TG_OK) {
            return status;
        }
    }
    return TG_OK;
}
