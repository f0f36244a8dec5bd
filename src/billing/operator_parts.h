/*
 * operator_parts.h - the operator's handlers, a file a topic
 *
 * Only operator*.c include this.  Each is a tg_http_handler of a route whose
 * data is the struct tg_billing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_OPERATOR_PARTS_H
#define TG_BILLING_OPERATOR_PARTS_H

#include "http/http.h"
#include "util/error.h"

/* The HTTP status of a failure. */
int tg_operator_http_status(enum tg_status status);

/* operator_seal.c */
void tg_operator_seal(struct tg_http_request *req,
    struct tg_http_response *res, void *data);

/* operator_ledger.c */
void tg_operator_ledger(struct tg_http_request *req,
    struct tg_http_response *res, void *data);
void tg_operator_explain(struct tg_http_request *req,
    struct tg_http_response *res, void *data);
void tg_operator_adjust(struct tg_http_request *req,
    struct tg_http_response *res, void *data);

#endif
