/*
 * registration.h - POST /register: whom does the Marketplace send us?
 *
 * The token becomes an agreement (ResolveCustomer) at once; the answer is a
 * ticket for it and the form that asks for an address.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_REGISTRATION_H
#define TG_BILLING_REGISTRATION_H

#include "billing/visit.h"

void tg_registration_handle(struct tg_visit *v);

#endif
