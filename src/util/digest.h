/*
 * digest.h - SHA-256, HMAC, hex, base64, random bytes, constant-time compare
 *
 * libcrypto does the cryptography; these are its few uses here, with sizes in
 * the types and one way to fail.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_UTIL_DIGEST_H
#define TG_UTIL_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

#define TG_SHA256_SIZE 32
#define TG_SHA256_HEX (2 * TG_SHA256_SIZE + 1) /* with the NUL */

/* SHA-256 of data; cannot fail (libcrypto's built-in digest). */
void tg_sha256(uint8_t out[TG_SHA256_SIZE], const void *data, size_t len);

/* HMAC-SHA-256 of data under key; cannot fail. */
void tg_hmac_sha256(uint8_t out[TG_SHA256_SIZE], const void *key,
    size_t key_len, const void *data, size_t len);

/* The value of a hex digit of either case, or -1. */
int tg_hex_digit(char c);

/* Lower-case hex; out holds 2 * len + 1 bytes. */
void tg_hex(char *out, const void *data, size_t len);

/* Reverse of tg_hex, either case; TG_INVALID when text is not 2 * len hex. */
TG_MUST_CHECK enum tg_status tg_unhex(void *out, size_t len,
    const char *text);

/* Standard base64 with padding; out holds 4 * ((len + 2) / 3) + 1 bytes. */
void tg_base64(char *out, const void *data, size_t len);

/*
 * Decodes base64 into out (room for 3 * (text_len / 4) bytes) and stores the
 * length; TG_INVALID for anything but padded base64.
 */
TG_MUST_CHECK enum tg_status tg_unbase64(void *out, size_t *out_len,
    const char *text, size_t text_len);

/* Compares len bytes in time that does not depend on their values. */
bool tg_equal_ct(const void *a, const void *b, size_t len);

/* len bytes from the system's generator; ends the program if it has none. */
void tg_random(void *out, size_t len);

/* len random characters of alphabet and a NUL, each equally likely. */
void tg_random_text(char *out, size_t len, const char *alphabet);

#define TG_ALPHABET_ID "0123456789abcdefghijklmnopqrstuvwxyz"
#define TG_ALPHABET_KEY                                                       \
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/* A version 4 UUID in its usual text form; out holds 37 bytes. */
#define TG_UUID_SIZE 37
void tg_uuid(char out[TG_UUID_SIZE]);

/* Overwrites secret bytes in a way that the compiler keeps. */
void tg_wipe(void *data, size_t len);

#endif
