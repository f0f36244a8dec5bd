/*
 * pair.h - a certificate, its chain and its key, read and checked
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_DAEMON_PAIR_H
#define TG_DAEMON_PAIR_H

#include <stdint.h>

#include "util/buf.h"
#include "util/error.h"

struct tg_pair {
    struct tg_buf pem;   /* chain, then key: written anew, nothing else */
    struct tg_buf names; /* its DNS names, with blanks between them */
    int64_t       starts_s;
    int64_t       expires_s;
};

/*
 * Reads both files (they may be one).  TG_INVALID or TG_IO say which file is
 * no good, and why.  Cleared in either case by tg_pair_clear.
 */
TG_MUST_CHECK enum tg_status
tg_pair_read(struct tg_pair *out, const char *certificate_path,
    const char *key_path, struct tg_error *err);

/* Wipes the key. */
void tg_pair_clear(struct tg_pair *p);

#endif
