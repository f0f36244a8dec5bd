/*
 * main.c - the table of verbs
 *
 * The one place that sees every program.  A row says what a verb is called,
 * what may stand behind it and which function does it; the command line's
 * checks, the help and the suggestions read the table.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "daemon/serve.h"
#include "sandbox/sandbox.h"
#include "settings/settings.h"
#include "util/suggest.h"

struct verb {
    const char *name; /* may be two words */
    const char *usage;
    const char *help;
    unsigned    options;
    const char *operand; /* NULL: the verb takes none */
    enum tg_exit (*run)(const struct tg_options *options);
};

static enum tg_exit
run_serve(const struct tg_options *options)
{
    struct tg_settings *settings;
    enum tg_exit        code = tg_cli_settings(&settings, options);

    if (code == TG_EXIT_DONE) {
        code = tg_serve_main(settings) == TG_OK ? TG_EXIT_DONE
                                                : TG_EXIT_FAILED;
        tg_settings_free(settings);
    }
    return code;
}

static enum tg_exit
run_sandbox(const struct tg_options *options)
{
    struct tg_settings *settings;
    enum tg_exit        code = tg_cli_settings(&settings, options);

    if (code == TG_EXIT_DONE) {
        code = tg_sandbox_main(settings) == 0 ? TG_EXIT_DONE
                                              : TG_EXIT_FAILED;
        tg_settings_free(settings);
    }
    return code;
}

static const struct verb verbs[] = {
    { "serve", "--config FILE",
        "Runs the control plane, and nginx with the gateway, the portal and"
        " the admin\nlistener. SIGTERM ends both after the calls under way;"
        " SIGQUIT ends this\nprocess alone: nginx serves and counts on, and"
        " the next `serve` adopts it.",
        TG_OPTION_CONFIG, NULL, run_serve },
    { "sandbox", "--config FILE",
        "Runs an AWS Marketplace on this machine, for trying things out and"
        " for tests.",
        TG_OPTION_CONFIG, NULL, run_sandbox },
    { "check", "[FILE] [--get NAME | --list]",
        "Checks a settings file without starting anything. --get prints one"
        " setting\nthat is in force, --list describes all there are.",
        TG_OPTION_CONFIG | TG_OPTION_GET | TG_OPTION_LIST, "FILE",
        tg_cli_check },
    { "status", "--config FILE [--json]",
        "Shows what is open, sealed, settled and refused, a line each.",
        TG_OPTION_CONFIG | TG_OPTION_JSON, NULL, tg_cli_status },
    { "seal", "--config FILE [--agreement ID] [--json]",
        "Folds, seals the current hour early, reports it, and waits for the"
        " answers.\nEnds with 0 only when every record was acknowledged."
        " Later calls of this hour\ncount in the next.",
        TG_OPTION_CONFIG | TG_OPTION_AGREEMENT | TG_OPTION_JSON, NULL,
        tg_cli_seal },
    { "ledger", "--config FILE [--buyer NAME] [--product CODE] [--hour TIME |"
        " --from TIME --to TIME]\n           [--state STATE] [--limit N | all]"
        " [--after ID] [--json | --csv]",
        "Lists the ledger, newest hour first: usage that has no record yet"
        " (open), that\nwaits for its agreement (held) or can be billed no"
        " more (lost), then records.\nNAME is an agreement, a licence, an"
        " account or a CustomerIdentifier; TIME is\n2026-11-23T01, a day, or"
        " epoch seconds. Reads the store itself when no daemon runs.",
        TG_OPTION_CONFIG | TG_OPTION_JSON | TG_OPTION_LEDGER
        | TG_OPTION_AGREEMENT | TG_OPTION_HOUR, NULL, tg_cli_ledger },
    { "ledger explain", "--config FILE [--json] RECORD",
        "Explains one record step by step: what was counted with which keys,"
        " what came\nfrom or went to other hours, each request and Amazon's"
        " answer, and what to do.",
        TG_OPTION_CONFIG | TG_OPTION_JSON, "RECORD",
        tg_cli_ledger_explain },
    { "ledger adjust", "--config FILE --agreement NAME --hour TIME --units"
        " +N|-N --reason TEXT\n           [--dimension NAME] [--carry-forward]"
        " [--dry-run] [--id ID] [--json]",
        "Adds units to an hour that is not sealed, or takes some away. A"
        " sealed hour does\nnot change: with --carry-forward the open hour"
        " does instead, and what cannot be\ntaken away there is told as"
        " figures for a refund request. The same words twice\nare one"
        " adjustment, unless --id says otherwise. --dry-run changes nothing.",
        TG_OPTION_CONFIG | TG_OPTION_JSON | TG_OPTION_ADJUST
        | TG_OPTION_AGREEMENT | TG_OPTION_HOUR, NULL, tg_cli_ledger_adjust },
    { "confirm", "--config FILE clock | store | lost",
        "Says that the clock is right although it jumped, or that an older"
        " copy of the\nstore was put back on purpose: until then nothing is"
        " sealed. Or writes lost usage\noff, so that its alarm ends. `status`"
        " says why.",
        TG_OPTION_CONFIG, "clock|store|lost", tg_cli_confirm },
    { "import",
        "--config FILE [--into API [--merge]] [--deploy STAGE]"
        " [--fail-on-warnings] [--json] DOCUMENT",
        "Makes a REST API from an OpenAPI 3.0 or Swagger 2.0 document, JSON"
        " or YAML, and\nsays what was made. --into puts it in the place of"
        " what an API has, --merge over it;\nwhat was added, changed and"
        " removed is listed. --deploy puts the API on a stage at\nonce; until"
        " then a stage serves what it did. What is not taken over is named in\n"
        "warnings; with --fail-on-warnings the first of them stops the import.",
        TG_OPTION_CONFIG | TG_OPTION_JSON | TG_OPTION_DEPLOY | TG_OPTION_INTO
        | TG_OPTION_MERGE | TG_OPTION_WARNINGS, "DOCUMENT", tg_cli_import },
    { "credentials list", "--config FILE [--json]",
        "Shows the access keys of the admin API that were made, but not the"
        " one of\nadmin-credentials: who has which role, and until when.",
        TG_OPTION_CONFIG | TG_OPTION_JSON, NULL, tg_cli_credentials_list },
    { "credentials create",
        "--config FILE --role ROLE [--duration TIME] [--json] USER",
        "Makes an access key for the admin API and prints it, this once, as a"
        " profile of a\nshared credentials file. ROLE is admin, onboarding"
        " (API keys, and the plans that\nthey are in) or read-only."
        " --duration (15m to 36h) makes temporary credentials with\na session"
        " token.",
        TG_OPTION_CONFIG | TG_OPTION_JSON | TG_OPTION_ROLE
        | TG_OPTION_DURATION, "USER", tg_cli_credentials_create },
    { "credentials revoke", "--config FILE ACCESS-KEY",
        "Revokes an access key: from then on it signs nothing.",
        TG_OPTION_CONFIG, "ACCESS-KEY", tg_cli_credentials_revoke },
    { "credentials rotate-master-key", "--config FILE [--json]",
        "Makes a new master key and seals every value in the store anew under"
        " it, while\ncalls go on; waits until that is done. One that was"
        " interrupted goes on by itself\nwhen the daemon starts.",
        TG_OPTION_CONFIG | TG_OPTION_JSON, NULL, tg_cli_credentials_rotate },
    { "audit verify", "--config FILE [--json]",
        "Reads the whole audit trail and names the first record that was"
        " changed, is\nmissing or stands in another's place. Needs no"
        " running daemon.",
        TG_OPTION_CONFIG | TG_OPTION_JSON, NULL, tg_cli_audit_verify },
};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static void
print_help(FILE *to)
{
    (void) fprintf(to, "tallygate " TG_VERSION " - an API gateway that meters"
        " for AWS Marketplace\n\n");
    for (size_t i = 0; i < VERB_COUNT; i++) {
        (void) fprintf(to, "  tallygate %s %s\n", verbs[i].name,
            verbs[i].usage);
    }
    (void) fprintf(to, "\n`tallygate VERB --help` says more. TALLYGATE_CONFIG"
        " stands in for --config.\n");
}

static enum tg_exit
print_verb_help(const struct verb *verb)
{
    (void) printf("tallygate %s %s\n\n%s\n", verb->name, verb->usage,
        verb->help);
    return TG_EXIT_DONE;
}

/* Whether the verb's name is that word, or begins with it. */
static bool
begins_with(const struct verb *verb, const char *word)
{
    size_t len = strlen(word);

    return strncmp(verb->name, word, len) == 0
        && (verb->name[len] == '\0' || verb->name[len] == ' ');
}

/*
 * The row, and in *words how many words of argv its name takes: of two words
 * where there is one, else of one; or the first of those that begin so, for
 * its help.
 */
static const struct verb *
find_verb(char **argv, int *words)
{
    size_t len = strlen(argv[1]);

    *words = 2;
    for (size_t i = 0; i < VERB_COUNT && argv[2] != NULL; i++) {
        if (begins_with(&verbs[i], argv[1]) && verbs[i].name[len] == ' '
            && strcmp(verbs[i].name + len + 1, argv[2]) == 0)
        {
            return &verbs[i];
        }
    }
    *words = 1;
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (begins_with(&verbs[i], argv[1])
            && (verbs[i].name[len] == '\0'
                || (argv[2] != NULL && strcmp(argv[2], "--help") == 0)))
        {
            return &verbs[i];
        }
    }
    return NULL;
}

/* The verb that was probably meant, or NULL. */
static const char *
suggest_verb(char **argv)
{
    const char *first = NULL;
    const char *names[VERB_COUNT];
    const char *near;
    size_t      len = strlen(argv[1]);
    char        words[64];

    (void) snprintf(words, sizeof(words), "%s %s", argv[1],
        argv[2] == NULL ? "" : argv[2]);
    for (size_t i = 0; i < VERB_COUNT; i++) {
        names[i] = verbs[i].name;
        if (strncmp(names[i], argv[1], len) != 0 || names[i][len] != ' ') {
            continue;
        }
        first = first == NULL ? names[i] : first; /* of its two words */
        if (argv[2] != NULL
            && strncmp(names[i], words, strlen(words)) == 0)
        {
            return names[i];
        }
    }
    near = tg_suggest(argv[1], names, VERB_COUNT);
    if (argv[2] != NULL && (near == NULL || first != NULL)) {
        near = tg_suggest(words, names, VERB_COUNT);
    }
    return near != NULL ? near : first;
}

static enum tg_exit
refuse_verb(char **argv)
{
    const char *near = suggest_verb(argv);

    (void) fprintf(stderr, "tallygate: unknown verb %s%s%s%s (`tallygate"
        " --help` lists all)\n", argv[1],
        near == NULL ? "" : "; did you mean ", near == NULL ? "" : near,
        near == NULL ? "" : "?");
    return TG_EXIT_USAGE;
}

int
main(int argc, char **argv)
{
    struct tg_options  options;
    struct tg_error    err;
    const struct verb *verb;
    int                words = 0;

    if (argc < 2) {
        print_help(stderr);
        return TG_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0
        || strcmp(argv[1], "help") == 0)
    {
        print_help(stdout);
        return TG_EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void) printf("tallygate " TG_VERSION "\n");
        return TG_EXIT_DONE;
    }
    verb = find_verb(argv, &words);
    if (verb == NULL) {
        return refuse_verb(argv);
    }
    if (tg_options_read(&options, argv + 1 + words, verb->options,
            verb->operand, &err) != TG_OK)
    {
        (void) fprintf(stderr, "tallygate %s: %s\nusage: tallygate %s %s\n",
            verb->name, err.message, verb->name, verb->usage);
        return TG_EXIT_USAGE;
    }
    return options.help ? print_verb_help(verb) : verb->run(&options);
}
