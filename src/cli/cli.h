/*
 * cli.h - the verbs beside the daemon and the sandbox, a file each
 *
 * Each returns the program's exit code.  Results go to standard output,
 * complaints to standard error, one line beginning with "tallygate: ".
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CLI_CLI_H
#define TG_CLI_CLI_H

#include "cli/options.h"

/* check.c: a settings file, or what could stand in one. */
enum tg_exit tg_cli_check(const struct tg_options *options);

/* status.c: what is open, sealed, settled and refused. */
enum tg_exit tg_cli_status(const struct tg_options *options);

/* seal.c: closes the current hour early, and waits for the answers. */
enum tg_exit tg_cli_seal(const struct tg_options *options);

/* ledger.c: lists records and usage without one. */
enum tg_exit tg_cli_ledger(const struct tg_options *options);

/* ledger_explain.c: one record, step by step. */
enum tg_exit tg_cli_ledger_explain(const struct tg_options *options);

/* ledger_adjust.c: adds units to an hour, or takes some away. */
enum tg_exit tg_cli_ledger_adjust(const struct tg_options *options);

/* confirm.c: a person vouches for the clock or the store. */
enum tg_exit tg_cli_confirm(const struct tg_options *options);

/* import.c: an OpenAPI document, through the daemon. */
enum tg_exit tg_cli_import(const struct tg_options *options);

/* credentials.c: access keys of the admin API, and the master key. */
enum tg_exit tg_cli_credentials_list(const struct tg_options *options);
enum tg_exit tg_cli_credentials_create(const struct tg_options *options);
enum tg_exit tg_cli_credentials_revoke(const struct tg_options *options);
enum tg_exit tg_cli_credentials_rotate(const struct tg_options *options);

/* audit.c: reads the trail in the store; no daemon is needed. */
enum tg_exit tg_cli_audit_verify(const struct tg_options *options);

#endif
