/*
 * records.h - the ledger's records as lines of text
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CLI_RECORDS_H
#define TG_CLI_RECORDS_H

#include <jansson.h>

/* A line for each record of the answer's `records`. */
void tg_cli_print_records(const json_t *answer);

/* The table of `ledger': its head, and a line for a record or for usage. */
void tg_cli_print_ledger_head(void);
void tg_cli_print_ledger_row(const json_t *row);

#endif
