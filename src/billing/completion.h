/*
 * completion.h - POST /register/complete: the buyer's key
 *
 * With a good ticket and an e-mail address the buyer's key is found or made,
 * put into the plan of the product, and shown.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_COMPLETION_H
#define TG_BILLING_COMPLETION_H

#include "billing/visit.h"

void tg_completion_handle(struct tg_visit *v);

#endif
