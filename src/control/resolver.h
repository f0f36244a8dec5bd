/*
 * resolver.h - the addresses of backends, looked up outside the request path
 *
 * The routes file holds addresses, not names.  One thread of the daemon keeps
 * asking the system's resolver for every name that the routes use, several at
 * a time, and calls back when an answer differs from the one before.
 *
 * Promises
 *   L1  tg_resolver_get never waits: it gives what is known.
 *   L2  An answer that did not come (a name server that is silent) changes
 *       nothing; an answer that there is no such name takes the addresses
 *       away.
 *   L3  The callback runs on the resolver's thread with no lock held; when it
 *       returns false it is called again after the next look-up.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_RESOLVER_H
#define TG_CONTROL_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plane/routes.h"
#include "util/arena.h"
#include "util/error.h"

#define TG_RESOLVER_ADDRESSES_MAX 16

struct tg_resolver;

/* Every name is looked up again each period_s. */
TG_MUST_CHECK enum tg_status tg_resolver_open(struct tg_resolver **out,
    int period_s, bool (*on_change)(void *data), void *data,
    struct tg_error *err);
void tg_resolver_close(struct tg_resolver *r);

/*
 * The addresses of host (a name, or an address as text) with port; none
 * while they are not known.  They live in arena.
 */
TG_MUST_CHECK enum tg_status tg_resolver_get(struct tg_resolver *r,
    struct tg_arena *arena, const char *host, uint16_t port,
    struct tg_route_address **out, size_t *count);

/* This name will be asked for soon: look it up already. */
void tg_resolver_hint(struct tg_resolver *r, const char *host);

/* A new set of names begins: what is not asked for again is forgotten. */
void tg_resolver_renew(struct tg_resolver *r);

/* Waits until every name has had its first answer, or timeout_ms. */
void tg_resolver_settle(struct tg_resolver *r, unsigned timeout_ms);

#endif
