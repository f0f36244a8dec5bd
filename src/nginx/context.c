/*
 * context.c - the call of a request, and the ids that it gets
 *
 * Ids come from a generator of the worker's own (xoshiro256**, seeded by the
 * system): they must be unique, not secret, and a request may not wait for
 * the kernel.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/module.h"

#include "util/digest.h"

static uint64_t  state[4];

static ngx_inline uint64_t
rotate(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static uint64_t
random64(void)
{
    uint64_t  result, t;

    while (state[0] == 0) {
        tg_random(state, sizeof(state));
    }

    result = rotate(state[1] * 5, 7) * 9;
    t = state[1] << 17;

    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= t;
    state[3] = rotate(state[3], 45);

    return result;
}

static const char  hex_pairs[] =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
    "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
    "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
    "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
    "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
    "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
    "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

static u_char *
put_hex(u_char *out, uint64_t bits, ngx_uint_t bytes)
{
    while (bytes-- > 0) {
        ngx_memcpy(out, &hex_pairs[2 * (bits & 0xff)], 2);
        out += 2;
        bits >>= 8;
    }

    return out;
}

void
ngx_http_tallygate_random_hex(u_char *out, size_t len)
{
    size_t  n;

    while (len > 0) {
        n = ngx_min(len, 16);
        out = put_hex(out, random64(), n / 2);
        len -= n;
    }
}

uint32_t
ngx_http_tallygate_random(void)
{
    return random64() >> 32;
}

u_char *
ngx_http_tallygate_request_id(ngx_http_tallygate_call_t *call)
{
    u_char    *p = call->request_id;
    uint64_t   a, b;

    if (call->has_request_id) {
        return p;
    }

    a = random64();
    b = random64();

    /* Version 4, RFC 4122 section 4.4; the lowest byte comes first. */
    a = (a & ~(UINT64_C(0xf0) << 48)) | (UINT64_C(0x40) << 48);
    b = (b & ~UINT64_C(0xc0)) | 0x80;

    p = put_hex(p, a, 4);
    *p++ = '-';
    p = put_hex(p, a >> 32, 2);
    *p++ = '-';
    p = put_hex(p, a >> 48, 2);
    *p++ = '-';
    p = put_hex(p, b, 2);
    *p++ = '-';
    (void) put_hex(p, b >> 16, 6);

    call->has_request_id = 1;

    return call->request_id;
}

void
ngx_http_tallygate_gateway_id(u_char *out)
{
    static const u_char  alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint64_t             bits;
    ngx_uint_t           i;

    /* 11 bytes in base64: fifteen characters (the last has 4 bits), a '='. */
    bits = random64();

    for (i = 0; i < 10; i++) {
        *out++ = alphabet[bits & 63];
        bits >>= 6;
    }

    bits = random64();

    for (i = 0; i < 4; i++) {
        *out++ = alphabet[bits & 63];
        bits >>= 6;
    }

    *out++ = alphabet[(bits & 15) << 2];
    *out = '=';
}

/* The request's pool goes: nothing of the call may stay behind. */
static void
call_cleanup(void *data)
{
    ngx_http_tallygate_call_t  *call = data;

    ngx_http_tallygate_deadline_remove(call);
    ngx_http_tallygate_finish(call);
    ngx_http_tallygate_give_back(call);

    if (call->is_pinned) {
        ngx_http_tallygate_unpin(call->set, call->pin);
    }

    ngx_http_tallygate_routes_release(call->routes);
    ngx_http_tallygate_set_release(call->set);
}

ngx_http_tallygate_call_t *
ngx_http_tallygate_call_new(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t         *cln;
    ngx_http_tallygate_call_t  *call;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(*call));
    if (cln == NULL) {
        return NULL;
    }

    call = cln->data;
    ngx_memzero(call, sizeof(*call));
    call->request = r;
    cln->handler = call_cleanup;

    call->set = ngx_http_tallygate_set_current();

    if (call->set) {
        call->set->uses++;
        call->routes = call->set->routes;
        call->routes->uses++;
    }

    ngx_http_set_ctx(r, call, ngx_http_tallygate_module);

    return call;
}

ngx_http_tallygate_call_t *
ngx_http_tallygate_call(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t         *cln;
    ngx_http_tallygate_call_t  *call;

    call = ngx_http_get_module_ctx(r, ngx_http_tallygate_module);
    if (call != NULL) {
        return call;
    }

    if (r != r->main || (!r->internal && !r->filter_finalize)) {
        return NULL;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == call_cleanup) {
            ngx_http_set_ctx(r, cln->data, ngx_http_tallygate_module);
            return cln->data;
        }
    }

    return NULL;
}
