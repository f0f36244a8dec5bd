/*
 * operator.h - what `tallygate status', `seal' and `confirm' ask the daemon
 *
 * JSON on run/operator.sock, which only its owner can open:
 *
 *   GET  /status   the ledger; its members are in design section 4 and in
 *                  docs/reference/operator.md
 *   POST /seal     {"agreement"?: id}: closes the current hour early
 *   POST /confirm  {"clock"?: true, "store"?: true}: a person vouches for
 *                  what holds sealing back
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_OPERATOR_H
#define TG_BILLING_OPERATOR_H

#include "http/http.h"

/* A tg_http_handler for these three; data is the struct tg_billing. */
void tg_operator_handle(struct tg_http_request *req,
    struct tg_http_response *res, void *data);

#endif
