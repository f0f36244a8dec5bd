/* SPDX-License-Identifier: Apache-2.0 */
#include "util/aead.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>

#include "util/digest.h"

static EVP_CIPHER_CTX *
begin(bool is_sealing, const uint8_t *key, const uint8_t *nonce,
    const void *aad, size_t aad_len)
{
    int             len;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    if (ctx != NULL
        && (EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce,
                is_sealing ? 1 : 0) != 1
            || EVP_CipherUpdate(ctx, NULL, &len, aad, (int) aad_len) != 1))
    {
        EVP_CIPHER_CTX_free(ctx);
        ctx = NULL;
    }
    return ctx;
}

enum tg_status
tg_aead_seal(uint8_t *out, const uint8_t key[TG_AEAD_KEY_SIZE],
    const uint8_t nonce[TG_AEAD_NONCE_SIZE], const void *aad, size_t aad_len,
    const void *data, size_t len)
{
    int             n = 0;
    int             rest = 0;
    bool            is_good;
    EVP_CIPHER_CTX *ctx;

    if (len > INT_MAX || aad_len > INT_MAX) {
        return TG_LIMIT;
    }
    ctx = begin(true, key, nonce, aad, aad_len);
    is_good = ctx != NULL
        && EVP_CipherUpdate(ctx, out, &n, data, (int) len) == 1
        && EVP_CipherFinal_ex(ctx, out + n, &rest) == 1
        && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TG_AEAD_TAG_SIZE,
               out + len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return is_good ? TG_OK : TG_ERROR;
}

enum tg_status
tg_aead_open(uint8_t *out, const uint8_t key[TG_AEAD_KEY_SIZE],
    const uint8_t nonce[TG_AEAD_NONCE_SIZE], const void *aad, size_t aad_len,
    const uint8_t *sealed, size_t len)
{
    int             n = 0;
    int             rest = 0;
    bool            is_good;
    EVP_CIPHER_CTX *ctx;

    if (len < TG_AEAD_TAG_SIZE || len > INT_MAX || aad_len > INT_MAX) {
        return TG_CORRUPT;
    }
    len -= TG_AEAD_TAG_SIZE;
    ctx = begin(false, key, nonce, aad, aad_len);
    is_good = ctx != NULL
        && EVP_CipherUpdate(ctx, out, &n, sealed, (int) len) == 1
        && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TG_AEAD_TAG_SIZE,
               (void *) (sealed + len)) == 1
        && EVP_CipherFinal_ex(ctx, out + n, &rest) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!is_good) {
        tg_wipe(out, len);
    }
    return is_good ? TG_OK : TG_CORRUPT;
}
