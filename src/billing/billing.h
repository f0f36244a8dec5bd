/*
 * billing.h - from meters to money: the daemon's face of this room
 *
 * Two threads.  The collector folds the meters into the store once a second
 * and seals hours that have ended; the reporter sends sealed records and
 * takes note of the answers.  Both look at the wall clock at least once a
 * second, so that what it drives happens within two.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_BILLING_BILLING_H
#define TG_BILLING_BILLING_H

#include <stdint.h>

#include "aws/marketplace.h"
#include "aws/transport.h"
#include "control/control.h"
#include "plane/board.h"
#include "settings/settings.h"
#include "util/buf.h"
#include "util/error.h"

struct tg_billing;

/* All is borrowed and outlives the billing. */
struct tg_billing_config {
    const struct tg_settings      *settings;
    struct tg_board_map           *board;   /* opened for writing */
    struct tg_control             *control; /* is told of free slots */
    const struct tg_aws_transport *transport;
    const char                    *metering_endpoint;
};

/*
 * Before nginx starts or is adopted: opens the meters and stores, mends what
 * a power cut left (lanes behind their marks), and says what is wrong with
 * the set of files if anything is.  The store has been migrated, and
 * control's files are open.
 */
TG_MUST_CHECK enum tg_status tg_billing_open(struct tg_billing **out,
    const struct tg_billing_config *config, int64_t now_s,
    struct tg_error *err);

/* Where the Marketplace is and as whom it is called, as the settings say. */
const struct tg_marketplace *tg_billing_marketplace(
    const struct tg_billing *billing);

/* Starts both threads. */
TG_MUST_CHECK enum tg_status tg_billing_start(struct tg_billing *billing,
    struct tg_error *err);

/*
 * Lets a request under way end, folds a last time and ends both threads;
 * does nothing when they do not run.
 */
void tg_billing_stop(struct tg_billing *billing);

void tg_billing_close(struct tg_billing *billing);

/* Appends what Prometheus reads, for /metrics. */
enum tg_status tg_billing_metrics(struct tg_billing *billing,
    struct tg_buf *out, int64_t now_s);

#endif
