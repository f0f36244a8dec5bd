/*
 * rpc_cbor.h - between JSON values and CBOR, for Smithy's RPC v2 protocol
 *
 * https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_SANDBOX_RPC_CBOR_H
#define TG_SANDBOX_RPC_CBOR_H

#include <jansson.h>

#include "util/buf.h"
#include "util/status.h"

/*
 * Reads one CBOR item that fills data.  TG_INVALID when it is broken or
 * holds what JSON has no form for (byte strings, undefined).  Tags are
 * dropped: a tagged timestamp becomes its number.
 */
TG_MUST_CHECK enum tg_status tg_cbor_read(json_t **out, const void *data,
    size_t len);

/* Appends value; a member named ExpirationDate becomes a timestamp. */
enum tg_status tg_cbor_write(struct tg_buf *out, const json_t *value);

#endif
