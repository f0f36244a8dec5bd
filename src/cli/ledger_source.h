/*
 * ledger_source.h - where `tallygate ledger' reads: a daemon, or the store
 *
 * The running daemon is asked first, as it has folded what was counted until
 * now.  When none runs, the store is read as it was left; nothing is written.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CLI_LEDGER_SOURCE_H
#define TG_CLI_LEDGER_SOURCE_H

#include <jansson.h>

#include "billing/ledger_page.h"
#include "cli/options.h"
#include "settings/settings.h"
#include "store/store.h"

struct tg_ledger_source {
    struct tg_settings *settings;
    struct tg_store    *store; /* NULL: the daemon is asked */
};

/* Prints what is wrong. */
enum tg_exit tg_ledger_source_open(struct tg_ledger_source *s,
    const struct tg_options *options);
void tg_ledger_source_close(struct tg_ledger_source *s);

/* One page, which the caller owns; prints what is wrong. */
enum tg_exit tg_ledger_source_page(struct tg_ledger_source *s, json_t **page,
    const struct tg_ledger_query *query);

/* One record's explanation, which the caller owns; prints what is wrong. */
enum tg_exit tg_ledger_source_explain(struct tg_ledger_source *s,
    json_t **answer, const char *id);

#endif
