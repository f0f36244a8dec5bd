/*
 * listen.h - the socket that a server listens on
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_HTTP_LISTEN_H
#define TG_HTTP_LISTEN_H

#include "http/http.h"

/*
 * Opens the socket that config names.  A unix socket that nobody listens on
 * any more is replaced; TG_BUSY when somebody does, or has the port.  *port
 * is the TCP port that was given or found, else 0.
 */
TG_MUST_CHECK enum tg_status tg_http_listen(int *fd, uint16_t *port,
    const struct tg_http_config *config, struct tg_error *err);

#endif
