/*
 * sigv4.c - request texts: verified as they came, then signed and verified
 *
 * The text is a request line, headers, an empty line and a body, as in
 * tests/data/sigv4.  Whatever it says, verifying ends; and what we sign
 * ourselves we accept, at its time and not a day later.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/sigv4.h"

#define HEADERS_MAX 40
#define NOW_S 1440938160 /* of the vectors: 2015-08-30T12:36:00Z */
#define DAY_S 86400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct tg_sigv4_credentials keys = { "AKIDEXAMPLE",
    "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", NULL };

static bool
find_secret(void *data, const char *access_key_id, const char *session_token,
    char *secret)
{
    (void) data;
    (void) session_token;
    if (strcmp(access_key_id, keys.access_key_id) != 0) {
        return false;
    }
    strcpy(secret, keys.secret_access_key);
    return true;
}

static char *
take_line(char **text)
{
    char *line = *text;
    char *end = line + strcspn(line, "\n");

    *text = *end != '\0' ? end + 1 : end;
    *end = '\0';
    return line;
}

static enum tg_sigv4_result
verify(const struct tg_sigv4_request *req, int64_t now_s)
{
    struct tg_sigv4_signer   signer;
    struct tg_sigv4_verifier verifier = { "service", find_secret, NULL,
        { .raw_path = false } };

    return tg_sigv4_verify(&signer, req, &verifier, now_s);
}

/* Headers that an HTTP server lets through and that signing leaves alone. */
static size_t
keep_plain(struct tg_header *headers, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        const char *name = headers[i].name;

        if (*name != '\0' && name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")] == '\0'
            && strncasecmp(name, "x-amz-", 6) != 0
            && strcasecmp(name, "authorization") != 0
            && strcasecmp(name, "host") != 0)
        {
            headers[kept++] = headers[i];
        }
    }
    headers[kept++] = (struct tg_header) { "Host", "h" };
    return kept;
}

static void
sign_and_verify(struct tg_sigv4_request *req, struct tg_header *headers)
{
    struct tg_sigv4_options options = { .raw_path = false };
    struct tg_sigv4_signed  out;

    if (strchr(req->target, '?') != NULL) {
        return; /* it may hold an authorization of its own */
    }
    req->header_count = keep_plain(headers, req->header_count);
    if (tg_sigv4_sign(&out, req, &keys, "r", "service", &options, NOW_S, NULL)
        == TG_OK)
    {
        headers[req->header_count++]
            = (struct tg_header) { "X-Amz-Date", out.amz_date };
        headers[req->header_count++]
            = (struct tg_header) { "Authorization", out.authorization.data };
        assert(verify(req, NOW_S) == TG_SIGV4_ACCEPTED);
        assert(verify(req, NOW_S + DAY_S) == TG_SIGV4_EXPIRED);
        req->method = "SPOILT";
        assert(verify(req, NOW_S) == TG_SIGV4_MISMATCH);
    }
    tg_buf_clear(&out.authorization);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                   *text = malloc(size + 1), *rest = text, *line;
    struct tg_header        headers[HEADERS_MAX];
    struct tg_sigv4_request req = { "GET", NULL, headers, 0, NULL };
    uint8_t                 sha256[TG_SHA256_SIZE];

    if (text == NULL) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    line = take_line(&rest);
    req.method = strsep(&line, " ");
    req.target = line != NULL ? line : "";
    if (line != NULL && strrchr(line, ' ') != NULL) {
        *strrchr(line, ' ') = '\0';
    }
    while (*rest != '\0' && *rest != '\n'
           && req.header_count < HEADERS_MAX - 3)
    {
        struct tg_header *h = &headers[req.header_count++];

        line = take_line(&rest);
        h->name = strsep(&line, ":");
        h->value = line != NULL ? line : "";
    }
    rest += *rest == '\n';
    tg_sha256(sha256, rest, strlen(rest));
    req.body_sha256 = sha256;
    (void) verify(&req, NOW_S);
    sign_and_verify(&req, headers);
    free(text);
    return 0;
}
