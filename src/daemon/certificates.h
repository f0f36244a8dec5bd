/*
 * certificates.h - what the gateway and the portal show of themselves in TLS
 *
 * The settings name files that somebody else renews.  nginx is given copies
 * in private/tls instead, whose names follow from what is in them: a renewed
 * certificate is another text of nginx.conf, and a master that dies while
 * somebody is half-way through replacing files finds the old pair.
 *
 * Promises
 *   C1  A pair is read whole and checked before it counts: certificate, its
 *       chain, a key without a pass phrase that belongs to it, dates.
 *   C2  One that fails the check is refused, with file and reason, and the
 *       copy that was in use stays in use; with none before, the listeners'
 *       own pairs keep the daemon from starting, and one of the folder is
 *       left out.
 *   C3  Files are looked at by their inodes and times, not read, until one
 *       has changed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_DAEMON_CERTIFICATES_H
#define TG_DAEMON_CERTIFICATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "settings/settings.h"
#include "util/error.h"

#define TG_CERTIFICATES_MAX 200 /* of the folder */

/* A certificate in use. */
struct tg_certificate {
    const char *source; /* the file it came from */
    const char *copy;   /* one PEM file with chain and key, as nginx.conf,
                         * which lies in run, names it */
    const char *names;  /* its DNS names, with blanks between them */
    int64_t     expires_s;
};

struct tg_certificates;

/*
 * Reads what the settings name; now_s is the wall clock.  *out is NULL when
 * they name nothing.
 */
TG_MUST_CHECK enum tg_status
tg_certificates_open(struct tg_certificates **out,
    const struct tg_settings *settings, int64_t now_s, struct tg_error *err);
void tg_certificates_close(struct tg_certificates *c);

/*
 * Looks at the files again, by force even if none seems to have changed.
 * Whether other certificates are in use now than before.
 */
bool tg_certificates_refresh(struct tg_certificates *c, int64_t now_s,
    bool by_force);

/*
 * After a refresh: the present ones stay (nginx took them) and unused copies
 * are removed, or those before come back (it did not).
 */
void tg_certificates_keep(struct tg_certificates *c);
void tg_certificates_undo(struct tg_certificates *c);

/* NULL: that listener speaks no TLS.  Lent until the next refresh. */
const struct tg_certificate *
tg_certificates_gateway(const struct tg_certificates *c);
const struct tg_certificate *
tg_certificates_portal(const struct tg_certificates *c);

/* The folder's, in the order of their files' names. */
const struct tg_certificate *
tg_certificates_more(const struct tg_certificates *c, size_t *count);

/* When the first of them expires; 0: there are none. */
int64_t tg_certificates_first_expiry(const struct tg_certificates *c);

#endif
