/*
 * uri.h - the URI of an HTTP integration
 *
 * Amazon's rules: http or https, a host, port 80, 443 or 1024 to 65535;
 * {name} where a path or query value is put in, ${stageVariables.x} anywhere.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/setup-http-integrations.html
 *
 * Promises
 *   U1  What tg_uri_parse gives can stand in a request line and a Host header
 *       as it is: no blank, no control character, no byte above 126.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_URI_H
#define TG_CONTROL_URI_H

#include <stdbool.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/error.h"

#define TG_URI_MAX 4096

struct tg_uri {
    bool        is_tls;
    uint16_t    port;
    const char *host;      /* lower case, an IPv6 address without brackets */
    const char *authority; /* for the Host header: port only if not default */
    const char *path;      /* at least "/"; {name} still in it */
    const char *query;     /* NULL: none; {name} still in it */
};

/*
 * Takes text, with its stage variables put in, apart.  TG_INVALID says what
 * is wrong with it; TG_NOMEM.
 */
TG_MUST_CHECK enum tg_status tg_uri_parse(struct tg_uri *out,
    struct tg_arena *arena, const char *text, struct tg_error *err);

/*
 * The same for a URI as it is stored: what a stage variable stands for is
 * not known yet, so its part is not checked.
 */
TG_MUST_CHECK enum tg_status tg_uri_check(struct tg_arena *arena,
    const char *text, struct tg_error *err);

#endif
