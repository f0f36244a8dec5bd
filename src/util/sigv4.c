/*
 * sigv4.c - signs requests and verifies them, on the core in sigv4_core.h
 *
 * Verifying goes from the cheap to the costly: read the claim (either form),
 * look its key up, check scope and time, then what is signed, then the
 * signature itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "util/sigv4.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/sigv4_core.h"

#define SIGNED_HEADERS_MAX 4096
#define TOKEN_MAX 8192
#define EXPIRES_MAX_S (7 * 24 * 3600)

/*
 * ---- signing
 */

static int
header_compare(const void *left, const void *right)
{
    const struct tg_header *l = left;
    const struct tg_header *r = right;

    return strcasecmp(l->name, r->name);
}

/* The names of all headers, lower-case, sorted, each once, joined by ';'. */
static void
join_names(struct tg_buf *out, const struct tg_header *headers, size_t count)
{
    struct tg_header sorted[TG_SIGV4_HEADERS_MAX];

    memcpy(sorted, headers, count * sizeof(*headers));
    qsort(sorted, count, sizeof(*sorted), header_compare);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcasecmp(sorted[i - 1].name, sorted[i].name) == 0) {
            continue;
        }
        if (i > 0) {
            (void) tg_buf_putc(out, ';');
        }
        for (const char *p = sorted[i].name; *p != '\0'; p++) {
            (void) tg_buf_putc(out, tg_sigv4_lower(*p));
        }
    }
}

static enum tg_status
check_signing(const struct tg_sigv4_request *req,
    const struct tg_sigv4_credentials *credentials, const char *region,
    const char *service, struct tg_error *err)
{
    unsigned hosts;

    (void) tg_sigv4_header_get(req, "host", &hosts);
    if (hosts != 1) {
        return tg_error_set(err, TG_INVALID,
            "cannot sign a request with %u Host headers", hosts);
    }
    if (req->header_count + 2 > TG_SIGV4_HEADERS_MAX) {
        return tg_error_set(err, TG_INVALID,
            "cannot sign a request with %zu headers", req->header_count);
    }
    if (req->target[0] != '/') {
        return tg_error_set(err, TG_INVALID,
            "cannot sign a request target without a leading slash");
    }
    if (strlen(credentials->secret_access_key) >= TG_SIGV4_SECRET_MAX
        || strlen(credentials->access_key_id) >= TG_SIGV4_NAME_MAX
        || strlen(region) >= TG_SIGV4_NAME_MAX
        || strlen(service) >= TG_SIGV4_NAME_MAX)
    {
        return tg_error_set(err, TG_INVALID,
            "cannot sign: credentials, region or service are too long");
    }
    return TG_OK;
}

/* req with the headers that signing adds; headers has room for two more. */
static void
add_signing_headers(struct tg_header *headers, struct tg_sigv4_request *req,
    const char *amz_date, const char *token)
{
    memcpy(headers, req->headers, req->header_count * sizeof(*headers));
    headers[req->header_count].name = "X-Amz-Date";
    headers[req->header_count++].value = amz_date;
    if (token != NULL) {
        headers[req->header_count].name = "X-Amz-Security-Token";
        headers[req->header_count++].value = token;
    }
    req->headers = headers;
}

enum tg_status
tg_sigv4_sign(struct tg_sigv4_signed *out, const struct tg_sigv4_request *req,
    const struct tg_sigv4_credentials *credentials, const char *region,
    const char *service, const struct tg_sigv4_options *options,
    int64_t now_s, struct tg_error *err)
{
    static const char *const  skip[2] = { NULL, NULL };
    char                      hex[TG_SHA256_HEX], sig[TG_SHA256_HEX];
    enum tg_status            status;
    struct tg_sigv4_canonical c;
    struct tg_sigv4_query     query;
    struct tg_sigv4_scope     scope = { "", "", region, service };
    struct tg_buf             names;
    struct tg_header          headers[TG_SIGV4_HEADERS_MAX];
    struct tg_sigv4_request   full = *req;
    unsigned                  found;

    tg_buf_init(&out->authorization, TG_SIGV4_CANONICAL_MAX);
    tg_buf_init(&names, SIGNED_HEADERS_MAX);
    status = check_signing(req, credentials, region, service, err);
    if (status != TG_OK) {
        return status;
    }
    tg_amz_date(scope.amz_date, now_s);
    memcpy(out->amz_date, scope.amz_date, sizeof(out->amz_date));
    memcpy(scope.date, scope.amz_date, TG_SIGV4_DATE_SIZE - 1);
    add_signing_headers(headers, &full, scope.amz_date,
        options->omit_session_token ? NULL : credentials->session_token);
    join_names(&names, full.headers, full.header_count);
    c = (struct tg_sigv4_canonical) { &full, &query, skip, names.data,
        tg_sigv4_header_get(req, "x-amz-content-sha256", &found),
        options->raw_path };
    if (c.payload == NULL) {
        tg_hex(hex, req->body_sha256, TG_SHA256_SIZE);
        c.payload = hex;
    }
    status = names.status != TG_OK ? names.status
                                   : tg_sigv4_query_split(&query, req->target);
    if (status == TG_OK) {
        status = tg_sigv4_signature(sig, &c, credentials->secret_access_key,
            &scope);
    }
    if (status == TG_OK) {
        status = tg_buf_printf(&out->authorization,
            TG_SIGV4_ALGORITHM " Credential=%s/%s/%s/%s/" TG_SIGV4_TERMINATOR
            ", SignedHeaders=%s, Signature=%s",
            credentials->access_key_id, scope.date, region, service,
            names.data, sig);
    } else {
        status = tg_error_set(err, TG_INVALID, "cannot sign the request: %s",
            tg_status_text(status));
    }
    tg_buf_clear(&names);
    return status;
}

/*
 * ---- verifying
 */

/* The parts of either form of authorization. */
struct claim {
    struct tg_sigv4_scope scope; /* points into credential */
    int64_t               date_s;
    int64_t               expires_s; /* query form only */
    bool                  in_query;
    bool                  has_token;
    char                  credential[4 * TG_SIGV4_NAME_MAX];
    char                  signed_headers[SIGNED_HEADERS_MAX];
    char                  signature[TG_SHA256_HEX];
    char                  token[TOKEN_MAX];
};

const char *
tg_sigv4_error_type(enum tg_sigv4_result result)
{
    static const char *const types[] = {
#define X(name, type) [name] = type,
        TG_SIGV4_RESULT_LIST(X)
#undef X
    };

    return types[result];
}

static enum tg_sigv4_result refuse(struct tg_sigv4_signer *signer,
    enum tg_sigv4_result result, const char *fmt, ...) TG_PRINTF(3, 4);

static enum tg_sigv4_result
refuse(struct tg_sigv4_signer *signer, enum tg_sigv4_result result,
    const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void) vsnprintf(signer->message, sizeof(signer->message), fmt, args);
    va_end(args);
    return result;
}

/* One part of the Authorization header's list; TG_NOTFOUND, TG_LIMIT. */
static enum tg_status
list_get(char *out, size_t size, const char *list, const char *name)
{
    size_t name_len = strlen(name);

    for (const char *p = list; *p != '\0';) {
        size_t len;

        p += strspn(p, " \t,");
        len = strcspn(p, ",");
        if (len > name_len && strncmp(p, name, name_len) == 0
            && p[name_len] == '=')
        {
            p += name_len + 1;
            len -= name_len + 1;
            while (len > 0 && tg_sigv4_is_blank(p[len - 1])) {
                len--;
            }
            if (len >= size) {
                return TG_LIMIT;
            }
            memcpy(out, p, len);
            out[len] = '\0';
            return TG_OK;
        }
        p += len;
    }
    return TG_NOTFOUND;
}

static enum tg_sigv4_result
read_header_form(struct tg_sigv4_signer *signer, struct claim *claim,
    const struct tg_sigv4_request *req, const char *authorization)
{
    const char *value;
    size_t      len = strcspn(authorization, " ");
    struct {
        const char *name;
        char       *out;
        size_t      size;
    } parts[] = {
        { "Credential", claim->credential, sizeof(claim->credential) },
        { "Signature", claim->signature, sizeof(claim->signature) },
        { "SignedHeaders", claim->signed_headers,
            sizeof(claim->signed_headers) },
    };
    unsigned found;

    if (len != strlen(TG_SIGV4_ALGORITHM)
        || strncmp(authorization, TG_SIGV4_ALGORITHM, len) != 0)
    {
        return refuse(signer, TG_SIGV4_INCOMPLETE,
            "Authorization header requires the algorithm "
            TG_SIGV4_ALGORITHM ".");
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (list_get(parts[i].out, parts[i].size, authorization + len,
                parts[i].name)
            != TG_OK)
        {
            return refuse(signer, TG_SIGV4_INCOMPLETE,
                "Authorization header requires '%s' parameter.",
                parts[i].name);
        }
    }
    value = tg_sigv4_header_get(req, "x-amz-date", &found);
    if (found != 1 || strlen(value) >= sizeof(claim->scope.amz_date)) {
        return refuse(signer, TG_SIGV4_INCOMPLETE,
            "Authorization header requires existence of either a valid "
            "'X-Amz-Date' or a 'Date' header.");
    }
    memcpy(claim->scope.amz_date, value, strlen(value) + 1);
    value = tg_sigv4_header_get(req, "x-amz-security-token", &found);
    claim->has_token = found > 0;
    if (found > 1 || (found == 1 && strlen(value) >= sizeof(claim->token))) {
        return refuse(signer, TG_SIGV4_UNKNOWN_KEY,
            "The security token included in the request is invalid.");
    }
    memcpy(claim->token, found > 0 ? value : "",
        found > 0 ? strlen(value) + 1 : 1);
    return TG_SIGV4_ACCEPTED;
}

static bool
read_expires(int64_t *out, const char *text)
{
    int64_t n = 0;

    if (*text == '\0' || strlen(text) > 6
        || text[strspn(text, "0123456789")] != '\0')
    {
        return false;
    }
    for (; *text != '\0'; text++) {
        n = n * 10 + (*text - '0');
    }
    *out = n;
    return n >= 1 && n <= EXPIRES_MAX_S;
}

static enum tg_sigv4_result
read_query_form(struct tg_sigv4_signer *signer, struct claim *claim,
    const struct tg_sigv4_query *query)
{
    char algorithm[32] = "", expires[16] = "";
    struct {
        const char *name;
        char       *out;
        size_t      size;
    } parts[] = {
        { "X-Amz-Algorithm", algorithm, sizeof(algorithm) },
        { "X-Amz-Credential", claim->credential, sizeof(claim->credential) },
        { "X-Amz-Signature", claim->signature, sizeof(claim->signature) },
        { "X-Amz-SignedHeaders", claim->signed_headers,
            sizeof(claim->signed_headers) },
        { "X-Amz-Date", claim->scope.amz_date,
            sizeof(claim->scope.amz_date) },
        { "X-Amz-Expires", expires, sizeof(expires) },
        { "X-Amz-Security-Token", claim->token, sizeof(claim->token) },
    };
    size_t                       count = sizeof(parts) / sizeof(parts[0]);
    unsigned                     found;
    const struct tg_sigv4_param *param;

    claim->in_query = true;
    for (size_t i = 0; i < count; i++) {
        param = tg_sigv4_query_get(query, parts[i].name, &found);
        if (found == 0 && i == count - 1) {
            continue; /* only the token may be missing */
        }
        if (found != 1
            || tg_sigv4_decode(parts[i].out, parts[i].size, param->value)
                   != TG_OK)
        {
            return refuse(signer, TG_SIGV4_INCOMPLETE,
                "AWS query-string parameters must include '%s' once.",
                parts[i].name);
        }
        claim->has_token = i == count - 1;
    }
    if (strcmp(algorithm, TG_SIGV4_ALGORITHM) != 0) {
        return refuse(signer, TG_SIGV4_INCOMPLETE,
            "X-Amz-Algorithm must be " TG_SIGV4_ALGORITHM ".");
    }
    if (!read_expires(&claim->expires_s, expires)) {
        return refuse(signer, TG_SIGV4_INCOMPLETE,
            "X-Amz-Expires must be a number of seconds from 1 to 604800.");
    }
    return TG_SIGV4_ACCEPTED;
}

static enum tg_sigv4_result
read_claim(struct tg_sigv4_signer *signer, struct claim *claim,
    const struct tg_sigv4_request *req, const struct tg_sigv4_query *query)
{
    const char *authorization;
    unsigned    found, in_query, more;

    authorization = tg_sigv4_header_get(req, "authorization", &found);
    (void) tg_sigv4_query_get(query, "X-Amz-Algorithm", &in_query);
    (void) tg_sigv4_query_get(query, "X-Amz-Signature", &more);
    in_query += more;
    if (found == 0 && in_query == 0) {
        return refuse(signer, TG_SIGV4_MISSING,
            "Missing Authentication Token");
    }
    if (found > 1 || (found > 0 && in_query > 0)) {
        return refuse(signer, TG_SIGV4_INCOMPLETE,
            "Only one authentication mechanism is allowed in a request.");
    }
    if (in_query > 0) {
        return read_query_form(signer, claim, query);
    }
    return read_header_form(signer, claim, req, authorization);
}

/* Splits "key/date/region/service/aws4_request" in place. */
static enum tg_sigv4_result
split_credential(struct tg_sigv4_signer *signer, struct claim *claim)
{
    char  *part[5];
    char  *p = claim->credential;
    size_t n = 0;

    while (p != NULL && n < 5) {
        part[n++] = p;
        p = strchr(p, '/');
        if (p != NULL) {
            *p++ = '\0';
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (part[i][0] == '\0' || strlen(part[i]) >= TG_SIGV4_NAME_MAX) {
            n = 0;
        }
    }
    if (n != 5 || p != NULL) {
        return refuse(signer, TG_SIGV4_INCOMPLETE,
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            "keyid/date/region/service/term.");
    }
    memcpy(signer->access_key_id, part[0], strlen(part[0]) + 1);
    memcpy(signer->region, part[2], strlen(part[2]) + 1);
    claim->scope.region = part[2];
    claim->scope.service = part[3];
    if (strcmp(part[4], TG_SIGV4_TERMINATOR) != 0) {
        return refuse(signer, TG_SIGV4_SCOPE,
            "Credential should be scoped with a valid terminator: "
            "'" TG_SIGV4_TERMINATOR "'.");
    }
    if (strlen(claim->scope.amz_date) != TG_AMZ_DATE_SIZE - 1
        || tg_time_parse(&claim->date_s, claim->scope.amz_date) != TG_OK)
    {
        return refuse(signer, TG_SIGV4_INCOMPLETE,
            "Date must be in ISO-8601 'basic format'.");
    }
    memcpy(claim->scope.date, claim->scope.amz_date, TG_SIGV4_DATE_SIZE - 1);
    if (strcmp(part[1], claim->scope.date) != 0) {
        return refuse(signer, TG_SIGV4_SCOPE,
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 "
            "version of date from HTTP: '%s'.", claim->scope.date);
    }
    return TG_SIGV4_ACCEPTED;
}

static enum tg_sigv4_result
check_time(struct tg_sigv4_signer *signer, const struct claim *claim,
    int64_t now_s)
{
    char    date[TG_AMZ_DATE_SIZE], now[TG_AMZ_DATE_SIZE];
    int64_t age_s = now_s - claim->date_s;
    bool    is_old = claim->in_query ? age_s > claim->expires_s
                                     : age_s >= TG_SIGV4_SKEW_S;

    tg_amz_date(date, claim->date_s);
    tg_amz_date(now, now_s);
    if (is_old) {
        return refuse(signer, TG_SIGV4_EXPIRED,
            "Signature expired: %s is too long before %s", date, now);
    }
    if (-age_s >= TG_SIGV4_SKEW_S) {
        return refuse(signer, TG_SIGV4_NOT_YET,
            "Signature not yet current: %s is still later than %s + 15 min.",
            date, now);
    }
    return TG_SIGV4_ACCEPTED;
}

static bool
is_signed(const char *signed_headers, const char *name)
{
    size_t name_len = strlen(name);

    for (const char *p = signed_headers; *p != '\0';) {
        size_t len = strcspn(p, ";");

        if (len == name_len && strncasecmp(p, name, len) == 0) {
            return true;
        }
        p += len;
        p += *p == ';';
    }
    return false;
}

/* Lower-case, sorted, each once: as every signer writes it. */
static bool
names_are_canonical(const char *signed_headers)
{
    const char *last = "";
    size_t      last_len = 0;

    for (const char *p = signed_headers;;) {
        size_t len = strcspn(p, ";");
        size_t common = len < last_len ? len : last_len;
        int    order = strncmp(last, p, common);

        if (len == 0 || order > 0 || (order == 0 && last_len >= len)) {
            return false;
        }
        for (size_t i = 0; i < len; i++) {
            if (p[i] <= ' ' || p[i] == ':' || tg_sigv4_lower(p[i]) != p[i]) {
                return false;
            }
        }
        if (p[len] == '\0') {
            return true;
        }
        last = p;
        last_len = len;
        p += len + 1;
    }
}

/* V2. */
static enum tg_sigv4_result
check_signed_headers(struct tg_sigv4_signer *signer,
    const struct claim *claim, const struct tg_sigv4_request *req,
    const struct tg_sigv4_options *options)
{
    if (!names_are_canonical(claim->signed_headers)) {
        return refuse(signer, TG_SIGV4_INCOMPLETE,
            "SignedHeaders must be a sorted list of lower-case names.");
    }
    if (!is_signed(claim->signed_headers, "host")) {
        return refuse(signer, TG_SIGV4_MISMATCH,
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS "
            "Authorization.");
    }
    for (size_t i = 0; i < req->header_count; i++) {
        const char *name = req->headers[i].name;

        if (strncasecmp(name, "x-amz-", 6) != 0
            || (options->omit_session_token
                && strcasecmp(name, "x-amz-security-token") == 0))
        {
            continue;
        }
        if (!is_signed(claim->signed_headers, name)) {
            return refuse(signer, TG_SIGV4_MISMATCH,
                "There were headers present in the request which were not "
                "signed: %.64s", name);
        }
    }
    return TG_SIGV4_ACCEPTED;
}

/* What stands for the body in the canonical request. */
static enum tg_sigv4_result
read_payload(struct tg_sigv4_signer *signer, const char **payload,
    char hex[TG_SHA256_HEX], const struct tg_sigv4_request *req,
    const struct tg_sigv4_options *options)
{
    const char *value;
    unsigned    found;

    tg_hex(hex, req->body_sha256, TG_SHA256_SIZE);
    *payload = hex;
    value = tg_sigv4_header_get(req, "x-amz-content-sha256", &found);
    if (found == 0) {
        return TG_SIGV4_ACCEPTED;
    }
    if (found == 1 && options->unsigned_payload
        && strcmp(value, "UNSIGNED-PAYLOAD") == 0)
    {
        *payload = "UNSIGNED-PAYLOAD";
        return TG_SIGV4_ACCEPTED;
    }
    if (found != 1 || strcmp(value, hex) != 0) {
        return refuse(signer, TG_SIGV4_BODY_MISMATCH,
            "The provided 'x-amz-content-sha256' header does not match what "
            "was computed.");
    }
    return TG_SIGV4_ACCEPTED;
}

static enum tg_sigv4_result
check_signature(struct tg_sigv4_signer *signer, const struct claim *claim,
    struct tg_sigv4_canonical *c, const char *secret)
{
    char sig[TG_SHA256_HEX];

    if (tg_sigv4_signature(sig, c, secret, &claim->scope) != TG_OK
        || strlen(claim->signature) != TG_SHA256_HEX - 1
        || !tg_equal_ct(sig, claim->signature, TG_SHA256_HEX - 1))
    {
        return refuse(signer, TG_SIGV4_MISMATCH,
            "The request signature we calculated does not match the "
            "signature you provided. Check your AWS Secret Access Key and "
            "signing method.");
    }
    return TG_SIGV4_ACCEPTED;
}

static enum tg_sigv4_result
look_up(struct tg_sigv4_signer *signer, char *secret,
    const struct claim *claim, const struct tg_sigv4_verifier *verifier)
{
    if (!verifier->lookup(verifier->data, signer->access_key_id,
            claim->has_token ? claim->token : NULL, secret))
    {
        return refuse(signer, TG_SIGV4_UNKNOWN_KEY,
            "The security token included in the request is invalid.");
    }
    if (strcmp(claim->scope.service, verifier->service) != 0) {
        return refuse(signer, TG_SIGV4_SCOPE,
            "Credential should be scoped to correct service: '%s'.",
            verifier->service);
    }
    return TG_SIGV4_ACCEPTED;
}

/* Every check of a request whose claim has been read. */
static enum tg_sigv4_result
check_claim(struct tg_sigv4_signer *signer, struct claim *claim,
    const struct tg_sigv4_request *req, struct tg_sigv4_query *query,
    const struct tg_sigv4_verifier *verifier, int64_t now_s)
{
    const struct tg_sigv4_options *options = &verifier->options;
    const char *skip[2] = { NULL, NULL };
    char        hex[TG_SHA256_HEX], secret[TG_SIGV4_SECRET_MAX] = "";
    enum tg_sigv4_result      result;
    struct tg_sigv4_canonical c = { req, query, skip, claim->signed_headers,
        NULL, options->raw_path };

    if (claim->in_query) {
        skip[0] = "X-Amz-Signature";
        skip[1] = options->omit_session_token ? "X-Amz-Security-Token" : NULL;
    }
    result = look_up(signer, secret, claim, verifier);
    if (result == TG_SIGV4_ACCEPTED) {
        result = check_time(signer, claim, now_s);
    }
    if (result == TG_SIGV4_ACCEPTED) {
        result = check_signed_headers(signer, claim, req, options);
    }
    if (result == TG_SIGV4_ACCEPTED) {
        result = read_payload(signer, &c.payload, hex, req, options);
    }
    if (result == TG_SIGV4_ACCEPTED) {
        result = check_signature(signer, claim, &c, secret);
    }
    tg_wipe(secret, sizeof(secret));
    return result;
}

enum tg_sigv4_result
tg_sigv4_verify(struct tg_sigv4_signer *signer,
    const struct tg_sigv4_request *req,
    const struct tg_sigv4_verifier *verifier, int64_t now_s)
{
    enum tg_sigv4_result result;
    struct claim         claim = { .in_query = false };
    struct tg_sigv4_query         query;

    memset(signer, 0, sizeof(*signer));
    if (req->target[0] != '/' || req->header_count > TG_SIGV4_HEADERS_MAX
        || tg_sigv4_query_split(&query, req->target) != TG_OK)
    {
        return refuse(signer, TG_SIGV4_INCOMPLETE,
            "The request target or its headers cannot be signed.");
    }
    result = read_claim(signer, &claim, req, &query);
    if (result == TG_SIGV4_ACCEPTED) {
        result = split_credential(signer, &claim);
    }
    if (result == TG_SIGV4_ACCEPTED) {
        result = check_claim(signer, &claim, req, &query, verifier, now_s);
    }
    tg_wipe(claim.token, sizeof(claim.token));
    return result;
}
