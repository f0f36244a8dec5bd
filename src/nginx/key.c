/*
 * key.c - the digest of a call's API key, and looking ahead
 *
 * A call touches four cache lines that nobody else's calls touch: word and
 * entry of its key, state and lane of its cell.  With many keys they are in
 * no cache, and waiting for one costs as much as some hundred instructions.
 * So the digest is taken as soon as the headers have been seen, and each line
 * is asked for as soon as it is known where it is, while the call is routed.
 * Nothing is decided here: admit.c looks the key up, in memory that has
 * arrived.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

#include "core/hours.h"

/*
 * SHA-256 with digest and context kept: fetching them costs more than it.
 * (OpenSSL comes with the headers of nginx, which is linked with it.)
 */
static ngx_int_t
digest(uint8_t out[TG_SHA256_SIZE], const ngx_str_t *value)
{
    static EVP_MD      *md;
    static EVP_MD_CTX  *ctx;

    if (ctx == NULL) {
        md = EVP_MD_fetch(NULL, "SHA256", NULL);
        ctx = md ? EVP_MD_CTX_new() : NULL;
        if (ctx == NULL) {
            return NGX_ERROR;
        }
    }

    return EVP_DigestInit_ex2(ctx, md, NULL) == 1
           && EVP_DigestUpdate(ctx, value->data, value->len) == 1
           && EVP_DigestFinal_ex(ctx, out, NULL) == 1
           ? NGX_OK : NGX_ERROR;
}

void
ngx_http_tallygate_key_digest(ngx_http_tallygate_call_t *call)
{
    if (call->api_key == NULL
        || call->api_key->value.len == 0
        || digest(call->digest, &call->api_key->value) != NGX_OK)
    {
        return;
    }

    call->has_digest = 1;
    tg_keys_prefetch_word(call->set->keys, call->digest);
}

void
ngx_http_tallygate_key_prefetch_entry(ngx_http_tallygate_call_t *call)
{
    if (call->has_digest) {
        call->expected = tg_keys_prefetch_entry(call->set->keys,
                                                call->digest);
    }
}

void
ngx_http_tallygate_key_prefetch_cell(ngx_http_tallygate_call_t *call)
{
    if (call->has_digest) {
        tg_meters_prefetch(call->set->meters,
                           tg_keys_expected_cell(call->set->keys,
                                                 call->expected),
                           tg_hour_of(ngx_time()));
    }
}
