/*
 * aead.h - AES-256-GCM: encryption that notices every change
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_UTIL_AEAD_H
#define TG_UTIL_AEAD_H

#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

#define TG_AEAD_KEY_SIZE 32
#define TG_AEAD_NONCE_SIZE 12
#define TG_AEAD_TAG_SIZE 16

/*
 * Encrypts len bytes into out (len + TG_AEAD_TAG_SIZE bytes, the tag at the
 * end) and authenticates aad with them.  A nonce is never used twice under
 * one key.
 */
TG_MUST_CHECK enum tg_status tg_aead_seal(uint8_t *out,
    const uint8_t key[TG_AEAD_KEY_SIZE],
    const uint8_t nonce[TG_AEAD_NONCE_SIZE], const void *aad, size_t aad_len,
    const void *data, size_t len);

/*
 * The reverse: len bytes of ciphertext and tag into len - TG_AEAD_TAG_SIZE
 * bytes.  TG_CORRUPT, with out wiped, when anything differs.
 */
TG_MUST_CHECK enum tg_status tg_aead_open(uint8_t *out,
    const uint8_t key[TG_AEAD_KEY_SIZE],
    const uint8_t nonce[TG_AEAD_NONCE_SIZE], const void *aad, size_t aad_len,
    const uint8_t *sealed, size_t len);

#endif
