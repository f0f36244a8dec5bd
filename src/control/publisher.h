/*
 * publisher.h - keeps the routes file as the store says
 *
 * Fills struct tg_control's routes member: prepare compiles all stages and
 * plans into a new file in memory, publish makes it current.  The resolver
 * publishes too when a backend's address changes, and the prober when one goes
 * down or comes up.
 *
 * Promises
 *   V1  A build that fails changes nothing: the last good generation serves
 *       on, and the change that asked for it is refused.
 *   V2  Generations are published in the order of the store's commits: all
 *       happens under the control plane's lock.
 *   V3  After tg_publisher_open the routes are published, with the addresses
 *       of all backends whose name could be looked up in time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_PUBLISHER_H
#define TG_CONTROL_PUBLISHER_H

#include <stdint.h>

#include "control/control.h"
#include "util/error.h"

struct tg_publisher;

/* control must be open, and outlive *out; no calls are served yet. */
TG_MUST_CHECK enum tg_status tg_publisher_open(struct tg_publisher **out,
    struct tg_control *control, int64_t now_s, struct tg_error *err);
void tg_publisher_close(struct tg_publisher *p);

/* Appends what is known of backends' addresses, for Prometheus. */
void tg_publisher_metrics(struct tg_publisher *p, struct tg_buf *out);

/*
 * An integration with this URI was stored: its host will be needed when it is
 * deployed.  Does nothing without a publisher.
 */
void tg_publisher_hint(struct tg_control *control, const char *uri);

#endif
