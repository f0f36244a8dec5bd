/*
 * prober.h - whether the addresses of backends take connections
 *
 * One thread of the daemon opens a TCP connection to each address of every
 * backend that has several, again and again, and calls back when an address
 * went down or came up: the routes file then says so to the workers.  Only
 * the connection is tried.  What is wrong behind it (an answer that does not
 * come, garbage) the workers see for themselves, call by call.
 *
 * Promises
 *   P1  tg_prober_mark never waits.  An address that has not been checked
 *       yet is up.
 *   P2  An address is down after two failed checks in a row, and up again
 *       after one that went well.
 *   P3  The callback runs on the prober's thread with no lock held; when it
 *       returns false it is called again after the next round.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_PROBER_H
#define TG_CONTROL_PROBER_H

#include <stdbool.h>
#include <stddef.h>

#include "plane/routes.h"
#include "util/buf.h"
#include "util/error.h"

struct tg_prober;

struct tg_prober_config {
    int   interval_s; /* between two rounds */
    int   timeout_ms; /* of one connection */
    bool (*on_change)(void *data);
    void *data;
};

TG_MUST_CHECK enum tg_status tg_prober_open(struct tg_prober **out,
    const struct tg_prober_config *config, struct tg_error *err);
void tg_prober_close(struct tg_prober *p);

/*
 * Says of each address of a backend whether it is down, and has it checked
 * from now on if it is one of several.  p may be NULL: none is down.
 */
void tg_prober_mark(struct tg_prober *p, struct tg_route_address *list,
    size_t count);

/* A new set of backends begins: what is not marked again is forgotten. */
void tg_prober_renew(struct tg_prober *p);

/* Appends a gauge for each address that is checked, for Prometheus. */
void tg_prober_metrics(struct tg_prober *p, struct tg_buf *out);

#endif
