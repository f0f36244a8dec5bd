/*
 * options.h - what can stand behind a verb on the command line
 *
 * A verb's row says which options and operands it takes; everything else is
 * wrong usage, named, with a suggestion where one is near.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CLI_OPTIONS_H
#define TG_CLI_OPTIONS_H

#include <stdbool.h>

#include "util/error.h"

/* Exit codes of the program. */
enum tg_exit {
    TG_EXIT_DONE = 0,
    TG_EXIT_FAILED = 1,
    TG_EXIT_USAGE = 2,
};

/* Options that a verb takes, as bits. */
enum tg_option {
    TG_OPTION_CONFIG = 1 << 0,
    TG_OPTION_JSON = 1 << 1,
    TG_OPTION_AGREEMENT = 1 << 2,
    TG_OPTION_GET = 1 << 3,
    TG_OPTION_LIST = 1 << 4,
    TG_OPTION_DEPLOY = 1 << 5,
    TG_OPTION_ROLE = 1 << 6,
    TG_OPTION_DURATION = 1 << 7,
    TG_OPTION_INTO = 1 << 8,
    TG_OPTION_MERGE = 1 << 9,
    TG_OPTION_LEDGER = 1 << 10, /* what `ledger' filters by, and --csv */
    TG_OPTION_ADJUST = 1 << 11, /* what `ledger adjust' needs to know */
    TG_OPTION_HOUR = 1 << 12,
    TG_OPTION_WARNINGS = 1 << 13,
};

/* All texts are lent by argv or the environment. */
struct tg_options {
    const char *config;    /* --config, else TALLYGATE_CONFIG, else NULL */
    const char *agreement; /* NULL: not given, as all that follow */
    const char *get;
    const char *deploy; /* a stage */
    const char *role;
    const char *duration;
    const char *into; /* the id of a REST API */
    const char *product; /* of `ledger' */
    const char *from;
    const char *to;
    const char *state;
    const char *limit;
    const char *after;
    const char *hour; /* of both */
    const char *dimension; /* of `ledger adjust' */
    const char *units;
    const char *reason;
    const char *id;
    const char *operand;
    bool        json;
    bool        list;
    bool        merge;
    bool        fail_on_warnings;
    bool        csv;
    bool        carry_forward;
    bool        dry_run;
    bool        help;
};

/*
 * Reads argv, which begins behind the verb and ends with NULL.  TG_INVALID:
 * err says what is wrong.  operand names the one operand that the verb takes
 * at most, or is NULL.
 */
TG_MUST_CHECK enum tg_status
tg_options_read(struct tg_options *out, char **argv, unsigned allowed,
    const char *operand, struct tg_error *err);

#endif
