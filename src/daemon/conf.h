/*
 * conf.h - nginx.conf, written from the settings
 *
 * Three servers: the gateway, which the module runs; the portal and the
 * admin listener, which hand every request on to the daemon's unix sockets
 * byte for byte, since signatures are computed over them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_DAEMON_CONF_H
#define TG_DAEMON_CONF_H

#include <stdint.h>

#include "daemon/certificates.h"
#include "daemon/statedir.h"
#include "settings/settings.h"
#include "util/buf.h"
#include "util/error.h"

struct tg_conf {
    const struct tg_settings    *settings;
    const struct tg_worker_user *workers;
    uint64_t                     generation; /* shown by workers' rows */
    const char                  *trust_store; /* PEM */
    const char *const           *environment; /* names, NULL at the end */
    const struct tg_certificates *certificates; /* NULL: no TLS */
};

/* Appends the text; what out says of memory is all that can fail. */
enum tg_status tg_conf_write(struct tg_buf *out, const struct tg_conf *conf);

/* The generation that a configuration's text states; 0: none. */
uint64_t tg_conf_generation(const char *text);

/* What backends are verified with: the setting's, or the system's. */
TG_MUST_CHECK enum tg_status
tg_conf_trust_store(const char **out, const struct tg_settings *settings,
    struct tg_error *err);

#endif
