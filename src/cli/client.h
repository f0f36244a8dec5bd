/*
 * client.h - how a verb talks to the running daemon
 *
 * The daemon listens on run/operator.sock in the state directory; whoever
 * may open that socket is the operator.  What is a call of the admin API goes
 * to run/admin.sock, signed like any other with the keys of
 * admin-credentials, so that it is in the audit trail like any other.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CLI_CLIENT_H
#define TG_CLI_CLIENT_H

#include <jansson.h>
#include <stddef.h>

#include "cli/options.h"
#include "settings/settings.h"

/* "tallygate: " and the message, on standard error; TG_EXIT_FAILED. */
enum tg_exit tg_cli_fail(const struct tg_error *err);

/*
 * The settings that --config or TALLYGATE_CONFIG names; the caller frees
 * them.  Prints what is wrong; TG_EXIT_DONE when nothing is.
 */
enum tg_exit tg_cli_settings(struct tg_settings **out,
    const struct tg_options *options);

/* One request to the daemon. */
struct tg_cli_request {
    const char *method;
    const char *target;
    const char *content_type; /* of body; NULL: there is none */
    const char *body;
    size_t      body_len;
    const char *service; /* "apigateway": signed; NULL: the operator's */
};

/*
 * Sends it and gives back the answer's status and JSON, which the caller
 * frees.  TG_IO: no daemon answers; TG_ERROR: its answer is no JSON.
 */
TG_MUST_CHECK enum tg_status
tg_cli_send(json_t **answer, int *http_status,
    const struct tg_settings *settings, const struct tg_cli_request *request,
    struct tg_error *err);

/*
 * All three for a verb: settings, request, answer.  An answer that is an
 * error ({"message"}) is printed.  *answer is NULL unless TG_EXIT_DONE.
 */
enum tg_exit tg_cli_call(json_t **answer, const struct tg_options *options,
    const struct tg_cli_request *request);

/* The answer as it came, for --json. */
enum tg_exit tg_cli_print_json(const json_t *answer);

#endif
