/*
 * ledger.c - `tallygate ledger': a list for people, JSON or CSV
 *
 * Read and printed page by page, so that a ledger of any size needs no more
 * memory than a page.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/ledger_source.h"
#include "cli/records.h"
#include "util/clock.h"

#define ROWS_DEFAULT 100
#define HOUR_S 3600

/* A listing under way. */
struct listing {
    struct tg_ledger_source source;
    struct tg_ledger_query  query;
    const struct tg_options *options;
    int64_t                 left; /* rows that may still be printed */
    bool                    is_first;
    char                    next[128]; /* record to go on after; "": none */
    char                    from[24], to[24];
};

/*
 * ---- rows
 */

/* RFC 4180: quoted where it must be. */
static void
print_csv_text(const char *text)
{
    if (text[strcspn(text, ",\"\r\n")] == '\0') {
        (void) fputs(text, stdout);
        return;
    }
    (void) putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            (void) putchar('"');
        }
        (void) putchar(*text);
    }
    (void) putchar('"');
}

/* Members in the order of the columns; times are in words. */
static const struct {
    const char *name;
    bool        is_time;
} columns[] = {
    { "id", false }, { "state", false }, { "productCode", false },
    { "dimension", false }, { "hour", true }, { "timestamp", true },
    { "quantity", false }, { "identityMode", false },
    { "agreementId", false }, { "customerAWSAccountId", false },
    { "licenseArn", false }, { "customerIdentifier", false },
    { "meteringRecordId", false }, { "answer", false },
    { "requestId", false }, { "amazonQuantity", false },
    { "attempts", false }, { "deadline", true }, { "sealedAt", true },
    { "updatedAt", true }, { "apiKeyId", false }, { "usagePlanId", false },
    { "reason", false }, { "next", false },
};
#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

static void
print_csv_head(void)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        (void) printf("%s%s", i == 0 ? "" : ",", columns[i].name);
    }
    (void) fputs("\r\n", stdout);
}

static void
print_csv(const json_t *row)
{
    char time[TG_ISO8601_SIZE];

    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        const json_t *value = json_object_get(row, columns[i].name);

        if (strcmp(columns[i].name, "state") == 0
            && json_object_get(row, "kind") != NULL)
        {
            value = json_object_get(row, "kind");
        }
        (void) fputs(i == 0 ? "" : ",", stdout);
        if (json_is_integer(value) && columns[i].is_time) {
            tg_iso8601(time, json_integer_value(value));
            (void) fputs(time, stdout);
        } else if (json_is_integer(value)) {
            (void) printf("%" JSON_INTEGER_FORMAT,
                json_integer_value(value));
        } else if (json_is_string(value)) {
            print_csv_text(json_string_value(value));
        }
    }
    (void) fputs("\r\n", stdout);
}

static void
print_row(struct listing *l, const json_t *row)
{
    if (l->options->csv) {
        print_csv(row);
    } else if (l->options->json) {
        (void) fputs(l->is_first ? "" : ",", stdout);
        (void) json_dumpf(row, stdout, JSON_COMPACT);
    } else {
        tg_cli_print_ledger_row(row);
    }
    l->is_first = false;
}

/*
 * ---- pages
 */

/* Prints a page, or what may still be printed of it. */
static void
print_page(struct listing *l, const json_t *page)
{
    const json_t *records = json_object_get(page, "records");
    const char   *next = json_string_value(json_object_get(page, "next"));

    if (l->is_first && l->options->json) {
        (void) printf("{\"now\":%" JSON_INTEGER_FORMAT ",\"records\":[",
            json_integer_value(json_object_get(page, "now")));
    } else if (l->is_first && l->options->csv) {
        print_csv_head();
    } else if (l->is_first) {
        tg_cli_print_ledger_head();
    }
    for (size_t i = 0; i < json_array_size(records) && l->left > 0; i++) {
        const json_t *row = json_array_get(records, i);
        const char   *id = json_string_value(json_object_get(row, "id"));

        print_row(l, row);
        l->left--;
        if (l->left == 0 && (next != NULL
                || i + 1 < json_array_size(records)) && id != NULL)
        {
            next = id; /* the list was cut here */
        }
    }
    (void) snprintf(l->next, sizeof(l->next), "%s", next != NULL ? next
                                                                 : "");
}

static void
print_end(const struct listing *l)
{
    if (l->options->json && l->next[0] != '\0') {
        (void) printf("],\"next\":\"%s\"}\n", l->next);
    } else if (l->options->json) {
        (void) printf("],\"next\":null}\n");
    } else if (l->next[0] != '\0' && !l->options->csv) {
        (void) printf("There is more: --after %s, or --limit all.\n",
            l->next);
    }
}

static enum tg_exit
print_all(struct listing *l)
{
    char         rows[24];
    json_t      *page;
    enum tg_exit code;

    do {
        (void) snprintf(rows, sizeof(rows), "%d", l->left
            < TG_LEDGER_PAGE_MAX ? (int) l->left : TG_LEDGER_PAGE_MAX);
        l->query.limit = rows;
        l->query.after = l->next[0] != '\0' ? l->next : l->query.after;
        code = tg_ledger_source_page(&l->source, &page, &l->query);
        if (code == TG_EXIT_DONE) {
            print_page(l, page);
            l->is_first = false;
        }
        json_decref(page);
    } while (code == TG_EXIT_DONE && l->left > 0 && l->next[0] != '\0');
    if (code == TG_EXIT_DONE) {
        print_end(l);
    }
    return code == TG_EXIT_DONE && fflush(stdout) != 0 ? TG_EXIT_FAILED
                                                       : code;
}

/*
 * ---- the verb
 */

static enum tg_exit
wrong(const char *message)
{
    (void) fprintf(stderr, "tallygate ledger: %s\n", message);
    return TG_EXIT_USAGE;
}

/* --hour is the hour that holds that time. */
static enum tg_exit
read_hour(struct listing *l, const char *text)
{
    int64_t hour;

    if (l->options->from != NULL || l->options->to != NULL) {
        return wrong("give --hour, or --from and --to");
    }
    if (tg_ledger_hour_parse(&hour, text) != TG_OK || hour < 0) {
        return wrong("--hour: expected a time like 2026-11-23T01");
    }
    hour -= hour % HOUR_S;
    (void) snprintf(l->from, sizeof(l->from), "%" PRId64, hour);
    (void) snprintf(l->to, sizeof(l->to), "%" PRId64, hour + HOUR_S);
    l->query.from = l->from;
    l->query.to = l->to;
    return TG_EXIT_DONE;
}

static enum tg_exit
read_options(struct listing *l)
{
    char                    *end;
    const struct tg_options *o = l->options;

    l->query = (struct tg_ledger_query) { .buyer = o->agreement,
        .product = o->product, .state = o->state, .from = o->from,
        .to = o->to, .after = o->after };
    l->left = ROWS_DEFAULT;
    if (o->json && o->csv) {
        return wrong("give --json or --csv");
    }
    if (o->limit != NULL && strcmp(o->limit, "all") == 0) {
        l->left = INT64_MAX;
    } else if (o->limit != NULL) {
        l->left = strtoll(o->limit, &end, 10);
        if (*end != '\0' || l->left < 1) {
            return wrong("--limit: expected a number above 0, or all");
        }
    }
    return o->hour != NULL ? read_hour(l, o->hour) : TG_EXIT_DONE;
}

enum tg_exit
tg_cli_ledger(const struct tg_options *options)
{
    enum tg_exit   code;
    struct listing l = { .options = options, .is_first = true };

    code = read_options(&l);
    if (code != TG_EXIT_DONE) {
        return code;
    }
    code = tg_ledger_source_open(&l.source, options);
    if (code == TG_EXIT_DONE) {
        code = print_all(&l);
    }
    tg_ledger_source_close(&l.source);
    return code;
}
