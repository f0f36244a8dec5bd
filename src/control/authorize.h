/*
 * authorize.h - whether a call may be made: its signature, and its role
 *
 * Every call is signed (SigV4).  The key of admin-credentials, and keys with
 * the role admin, may call everything; the role onboarding what a program
 * needs that registers buyers (keys, and which plans they are in); the role
 * read-only whatever changes nothing, but it sees no key's value.
 *
 * A refusal is in the audit trail before it is told, but for two: of calls
 * without any signature, with which nobody claimed to be somebody, and of
 * what goes beyond the rate of attempts.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_AUTHORIZE_H
#define TG_CONTROL_AUTHORIZE_H

#include <stdbool.h>

#include "control/call.h"

/*
 * Verifies the signature and fills call->caller and signer (whose
 * access_key_id call lends).  TG_DENIED: refused; *is_audited says whether
 * the refusal is to be recorded.
 */
TG_MUST_CHECK enum tg_status tg_authorize_signature(
    struct tg_control_call *call, struct tg_sigv4_signer *signer,
    const char *service, bool *is_audited);

/* Whether the caller's role allows the operation; TG_DENIED: refused. */
TG_MUST_CHECK enum tg_status tg_authorize_operation(
    struct tg_control_call *call);

/* Whether the caller may see the values of API keys. */
bool tg_authorize_values(const struct tg_control_call *call);

#endif
