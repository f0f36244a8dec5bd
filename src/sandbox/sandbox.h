/*
 * sandbox.h - AWS Marketplace on this machine
 *
 * Answers the calls of a seller as AWS does, is steered with plain JSON, and
 * has a page where a person buys.  It checks its client instead of trusting
 * it, so it shares no code with src/aws.  docs/guide/sandbox.md describes it
 * for users.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_SANDBOX_SANDBOX_H
#define TG_SANDBOX_SANDBOX_H

#include <stdint.h>

#include "settings/settings.h"
#include "util/error.h"

struct tg_sandbox;

struct tg_sandbox_config {
    const char *address;
    uint16_t    port; /* 0: any free one */
    const char *state_dir;
    const char *region;     /* written beside the keys it makes */
    const char *portal_url; /* where buyers land unless a product says so */
    unsigned    account_rate; /* BatchMeterUsage a second; 0: any number */
};

/*
 * Starts a sandbox, which runs on threads of its own until it is closed.  The
 * texts of config stay the caller's, and must outlive it.  Its state lies in
 * <state_dir>/sandbox, its keys in <state_dir>/sandbox-credentials.  TG_BUSY
 * when another one has that state or port.
 */
TG_MUST_CHECK enum tg_status tg_sandbox_open(struct tg_sandbox **out,
    const struct tg_sandbox_config *config, struct tg_error *err);
void tg_sandbox_close(struct tg_sandbox *s);
uint16_t tg_sandbox_port(const struct tg_sandbox *s);

/* `tallygate sandbox`: serves until SIGTERM or SIGINT; the exit status. */
int tg_sandbox_main(const struct tg_settings *settings);

#endif
