/* SPDX-License-Identifier: Apache-2.0 */
#include "util/digest.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

void
tg_sha256(uint8_t out[TG_SHA256_SIZE], const void *data, size_t len)
{
    (void) SHA256(data, len, out);
}

void
tg_hmac_sha256(uint8_t out[TG_SHA256_SIZE], const void *key, size_t key_len,
    const void *data, size_t len)
{
    if (key_len > INT_MAX
        || HMAC(EVP_sha256(), key, (int) key_len, data, len, out, NULL)
               == NULL)
    {
        abort();
    }
}

void
tg_hex(char *out, const void *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t    *p = data;

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[p[i] >> 4];
        *out++ = digits[p[i] & 15];
    }
    *out = '\0';
}

int
tg_hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

enum tg_status
tg_unhex(void *out, size_t len, const char *text)
{
    int      high, low;
    uint8_t *p = out;

    if (strlen(text) != 2 * len) {
        return TG_INVALID;
    }
    for (size_t i = 0; i < len; i++) {
        high = tg_hex_digit(text[2 * i]);
        low = tg_hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return TG_INVALID;
        }
        p[i] = (uint8_t) (high << 4 | low);
    }
    return TG_OK;
}

void
tg_base64(char *out, const void *data, size_t len)
{
    if (len > INT_MAX / 2) {
        abort();
    }
    out[0] = '\0';
    (void) EVP_EncodeBlock((unsigned char *) out, data, (int) len);
}

enum tg_status
tg_unbase64(void *out, size_t *out_len, const char *text, size_t text_len)
{
    int    n;
    size_t padding = 0;

    *out_len = 0;
    if (text_len == 0) {
        return TG_OK;
    }
    if (text_len % 4 != 0 || text_len > INT_MAX
        || memchr(text, '\0', text_len) != NULL
        || strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789+/=") < text_len)
    {
        return TG_INVALID;
    }
    while (padding < 2 && text[text_len - 1 - padding] == '=') {
        padding++;
    }
    if (memchr(text, '=', text_len - padding) != NULL) {
        return TG_INVALID;
    }
    n = EVP_DecodeBlock(out, (const unsigned char *) text, (int) text_len);
    if (n < 0) {
        return TG_INVALID;
    }
    *out_len = (size_t) n - padding;
    return TG_OK;
}

bool
tg_equal_ct(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

void
tg_random(void *out, size_t len)
{
    if (len > INT_MAX || RAND_bytes(out, (int) len) != 1) {
        abort();
    }
}

void
tg_random_text(char *out, size_t len, const char *alphabet)
{
    size_t  n = strlen(alphabet);
    size_t  limit = 256 - 256 % n; /* above it some letters come oftener */
    uint8_t byte;

    for (size_t i = 0; i < len;) {
        tg_random(&byte, 1);
        if (byte < limit) {
            out[i++] = alphabet[byte % n];
        }
    }
    out[len] = '\0';
}

void
tg_uuid(char out[TG_UUID_SIZE])
{
    uint8_t b[16];
    char    hex[33];

    tg_random(b, sizeof(b));
    b[6] = (uint8_t) ((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t) ((b[8] & 0x3f) | 0x80);
    tg_hex(hex, b, sizeof(b));
    for (int i = 0, o = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20) {
            out[o++] = '-';
        }
        out[o++] = hex[i];
        out[o] = '\0';
    }
}

void
tg_wipe(void *data, size_t len)
{
    OPENSSL_cleanse(data, len);
}
