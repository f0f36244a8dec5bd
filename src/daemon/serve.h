/*
 * serve.h - `tallygate serve`: the control plane's process
 *
 * Opens everything in the order in which it stands on each other, starts or
 * adopts nginx, and then watches the clock, the signals and nginx until it is
 * told to leave.
 *
 * Promises
 *   E1  One daemon a state directory: a second one refuses, with the first
 *       one's process id.
 *   E2  Whatever ends this process, nginx serves and counts on; only SIGTERM
 *       and SIGINT end nginx too, after the calls under way.
 *   E3  What cannot be opened is named, with the reason, before anything is
 *       started; a start that fails has changed nothing but made empty
 *       folders.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_DAEMON_SERVE_H
#define TG_DAEMON_SERVE_H

#include "settings/settings.h"
#include "util/status.h"

/* Runs until a signal ends it; why it could not start is logged. */
enum tg_status tg_serve_main(const struct tg_settings *settings);

#endif
