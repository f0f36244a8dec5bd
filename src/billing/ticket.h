/*
 * ticket.h - what the browser holds between the portal's two pages
 *
 * It names the agreement that ResolveCustomer led to, so that the second page
 * knows whose key it gives out.  A ticket is signed, so that nobody makes one
 * for another's agreement, and ends by itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_TICKET_H
#define TG_BILLING_TICKET_H

#include <stdbool.h>
#include <stdint.h>

#include "control/agreements.h"
#include "util/digest.h"

/* "{agreement}.{second of its end}.{HMAC-SHA-256 in hex}" and a NUL */
#define TG_TICKET_SIZE (TG_AGREEMENT_ID_SIZE + 24 + TG_SHA256_HEX)

/* Signs with the text key; good before ends_s and in that second. */
void tg_ticket_make(char out[TG_TICKET_SIZE], const char *key,
    const char *agreement, int64_t ends_s);

/* Whether ticket (NULL: none) was made with key and is still good. */
bool tg_ticket_read(char agreement[TG_AGREEMENT_ID_SIZE], const char *key,
    const char *ticket, int64_t now_s);

#endif
